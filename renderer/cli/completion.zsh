#compdef render
# Completion of `render` for zsh, written by `render completion zsh`. Run it again after an update.

_render_subcommand() { # group, word:description
  [[ $1 == $command ]] && subcommands+=($2)
  return 0
}

_render_row() { # commands, names (none: an argument), values, description
  [[ $1 == *"|$command|"* ]] || return 0
  local action name
  case $3 in
    '') ;;
    @files) action=_files ;;
    @pictures) action='_files -g "*.(#i)(%PICTURES%)(-.)"' ;;
    @folders) action='_files -/' ;;
    @anything) action=' ' ;;
    @*) action=_render_${3#@} ;;
    *) action="($3)" ;;
  esac
  if [[ -z $2 ]]; then
    specs+=("*:argument:$action")
  fi
  for name in ${=2}; do
    specs+=("*${name}[$4]${3:+:value:$action}") # not --name=value, because zsh would not expand ~ in it
  done
}

_render_table() {
%TABLE%
}

_render_presets() {
  local folder=${MOSAIC_RENDERER_PRESETS:-}
  [[ -n $folder ]] || folder=%PRESET_FOLDER%
  local -a names=(%PRESETS% $folder/*.toml(N:t:r))
  _wanted presets expl preset compadd -a names
}

_render_libraries() {
  local folder=${MOSAIC_RENDERER_LIBRARIES:-}
  [[ -n $folder ]] || folder=%LIBRARY_FOLDER%
  local -a names=($folder/*.json(N:t:r))
  _wanted libraries expl library compadd -a names
}

_render_animations() {
  local -a names=(%ANIMATIONS%)
  _wanted animations expl animation compadd -a names
}

_render_tiles() {
  _alternative 'libraries:library:_render_libraries' 'pieces:pieces of the cover:(pieces)' 'files:photos:_files'
}

_render() {
  local first=2 command='' expl
  local -a specs subcommands
  [[ $words[2] == help ]] && (( CURRENT > 2 )) && first=3
  (( CURRENT > first )) && command=$words[first]
  case $command in
    %GROUPS%) (( CURRENT > first + 1 )) && command+=" $words[first+1]" ;;
  esac
  _render_table
  if (( $#subcommands )) && [[ $PREFIX != -* ]]; then
    _describe -t commands command subcommands
    return
  fi
  local -a parts=(${=command})
  integer taken=$(( first - 2 + $#parts ))
  words=(render "${(@)words[taken+2,-1]}")
  (( CURRENT -= taken ))
  _arguments -S : $specs
}

if [[ $funcstack[1] == _render ]]; then # loaded from fpath: this file is the function
  _render "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
  compdef _render render
fi
