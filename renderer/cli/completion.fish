# Completion of `render` for fish, written by `render completion fish`. Run it again after an update.

function __render_command # the command on the line
    set -l words (commandline -opc)
    set -e words[1]
    test "$words[1]" = help; and set -e words[1]
    if contains -- "$words[1]" %GROUPS%; and set -q words[2]
        echo "$words[1] $words[2]"
    else
        echo "$words[1]"
    end
end

function __render_is
    contains -- (__render_command) $argv
end

function __render_stems # folder, extension
    for file in $argv[1]/*$argv[2]
        string replace -r '.*/' '' -- (string sub -e -(string length -- $argv[2]) -- $file)
    end
end

function __render_presets
    set -l folder $MOSAIC_RENDERER_PRESETS
    test -n "$folder"; or set folder %PRESET_FOLDER%
    printf '%s\n' %PRESETS%
    __render_stems $folder .toml
end

function __render_libraries
    set -l folder $MOSAIC_RENDERER_LIBRARIES
    test -n "$folder"; or set folder %LIBRARY_FOLDER%
    __render_stems $folder .json
end

function __render_animations
    printf '%s\n' %ANIMATIONS%
end

function __render_folders
    __fish_complete_directories
end

function __render_tiles # in addition to files
    echo pieces
    __render_libraries
end

complete -c render -f
%TABLE%
