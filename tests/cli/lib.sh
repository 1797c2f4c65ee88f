# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
#
# Role: the checks that the scripts of this folder use.

# is NAME WANT GOT
is() {
    if [ "$2" = "$3" ]; then
        echo "ok   $1"
    else
        echo "FAIL $1"
        printf '     want: %s\n     got:  %s\n' "$2" "$3" | cut -c1-600
    fi
}

# has NAME PATTERN TEXT: an extended regular expression
has() {
    if printf '%s\n' "$3" | grep -qE -- "$2"; then
        echo "ok   $1"
    else
        echo "FAIL $1"
        printf '     want: %s\n     got:  %s\n' "$2" "$3" | cut -c1-600
    fi
}

# exits NAME STATUS COMMAND...: its output is left in ./out and ./err
exits() {
    exits_name=$1 exits_want=$2
    shift 2
    exits_got=0
    "$@" >out 2>err || exits_got=$?
    if [ $exits_got = "$exits_want" ]; then
        echo "ok   $exits_name"
    else
        echo "FAIL $exits_name: exit status $exits_got instead of $exits_want"
        sed 's/^/     /' out err | tail -5
    fi
}

# same NAME FILE FILE
same() {
    if cmp -s "$2" "$3"; then
        echo "ok   $1"
    else
        echo "FAIL $1"
        diff "$2" "$3" | head -6 | cut -c1-300 | sed 's/^/     /'
    fi
}
