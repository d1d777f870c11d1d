# Completion of `render` for bash 3.2 and later, written by `render completion bash`. Run it again after an update.

_render_row() { # commands, names (none: an argument), values
  [[ $1 == *"|$command|"* ]] || return 0
  if [[ -z $2 ]]; then
    argument=$3
  else
    options+=" $2"
    [[ " $2 " == *" $before "* ]] && values=$3
  fi
  return 0
}

_render_table() {
%TABLE%
}

_render_stems() { # folder, extension: the names of its files, one per line
  local file
  for file in "$1"/*"$2"; do
    file=${file##*/}
    [[ -e $1/$file ]] && printf '%s\n' "${file%"$2"}"
  done
}

_render_names() { # values: one per line
  local presets=${MOSAIC_RENDERER_PRESETS:-} libraries=${MOSAIC_RENDERER_LIBRARIES:-}
  [[ -n $presets ]] || presets=%PRESET_FOLDER%
  [[ -n $libraries ]] || libraries=%LIBRARY_FOLDER%
  case $1 in
    @presets) printf '%s\n' %PRESETS%; _render_stems "$presets" .toml ;;
    @libraries) _render_stems "$libraries" .json ;;
    @tiles) echo pieces; _render_stems "$libraries" .json ;;
    @animations) printf '%s\n' %ANIMATIONS% ;;
    @*) ;;
    *) printf '%s\n' $1 ;;
  esac
}

_render() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} first=1 command='' word
  local options='' argument='' values=''
  if [[ $current == = ]]; then # --option=value is split into three words
    current=''
  elif [[ $before == = ]]; then
    before=${COMP_WORDS[COMP_CWORD-2]}
  fi
  [[ ${COMP_WORDS[1]} == help ]] && (( COMP_CWORD > 1 )) && first=2
  (( COMP_CWORD > first )) && command=${COMP_WORDS[first]}
  case $command in
    %GROUPS%) (( COMP_CWORD > first + 1 )) && command+=" ${COMP_WORDS[first+1]}" ;;
  esac
  _render_table
  if [[ -z $values ]]; then
    [[ $current == -* ]] && values=$options || values=$argument
  fi
  case $values in # readline completes paths: it handles blanks and quotes
    @files|@pictures) ;;
    @folders) compopt -o dirnames +o default ;;
    @tiles) compopt -o plusdirs ;;
    *) compopt +o default ;;
  esac 2>/dev/null
  COMPREPLY=()
  while IFS= read -r word; do
    [[ -n $word && $word == "$current"* ]] && COMPREPLY+=("$(printf %q "$word")")
  done < <(_render_names "$values")
}

complete -o default -F _render render
