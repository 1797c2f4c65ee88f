# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
#
# Role: completions of tuffet and tuffetd for bash. What there is to complete is asked of the programs'
# own help, so that it cannot be out of date.

_tuffet_words() { # PROGRAM ARGUMENT...: the commands and options that its help names
    local text
    text=$("$@" 2>&1)
    sed -n 's/^  \([a-z][a-z-]*\)  *[a-z].*/\1/p' <<<"$text"
    grep -o -- '--[a-z][a-z-]*' <<<"$text" | sort -u
}

_tuffet() {
    local current=${COMP_WORDS[COMP_CWORD]}
    if [ "$COMP_CWORD" = 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_tuffet_words "$1" help)" -- "$current")
    elif [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_tuffet_words "$1" "${COMP_WORDS[1]}" --help)" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

_tuffetd() {
    local current=${COMP_WORDS[COMP_CWORD]}
    case ${COMP_WORDS[COMP_CWORD - 1]} in
    --data-dir | --config) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    --log-level)
        mapfile -t COMPREPLY < <(compgen -W "debug info notice warning error none" -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$(_tuffet_words "$1" --help)" -- "$current") ;;
    esac
}

complete -o filenames -F _tuffet tuffet
complete -o filenames -F _tuffetd tuffetd
