# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
#
# Role: wrong arguments and a busy file.
. "$LIB"

exits "no command" 2 "$TUFFET"
exits "an unknown command" 2 "$TUFFET" frobnicate
exits "help" 0 "$TUFFET" help
for command in info get put dump load check log; do
    has "help lists $command" "^  $command " "$(cat out)"
done
for command in info get dump load check log; do
    exits "$command without arguments" 2 "$TUFFET" "$command"
    has "shows its usage" "^usage: tuffet $command " "$(tail -1 err)"
done
exits "version" 0 "$TUFFET" version
has "has three numbers" '^tuffet [0-9]+\.[0-9]+\.[0-9]+$' "$(cat out)"
exits "an unknown option" 2 "$TUFFET" get a b --nope
for command in info dump check log; do
    exits "$command of no file" 2 "$TUFFET" $command nothing.tuffet
done
is "and makes none" "" "$(ls -- *.tuffet 2>/dev/null)"
exits "a folder that is not there" 2 "$TUFFET" put no/such/folder.tuffet '{"_id":"x"}'

# One writer at a time; readers beside it.
"$TUFFET" put a.tuffet '{"_id":"first"}' >/dev/null
mkfifo pipe
"$TUFFET" load a.tuffet <pipe >/dev/null 2>&1 &
loader=$!
exec 3>pipe
echo '{"_id":"second","_rev":"1-a"}' >&3
# Until it has the lock.
for _ in $(seq 600); do
    grep -q "WRITE.*:$(stat -c %i a.tuffet) " /proc/locks && break
    sleep 0.1
done
exits "a second writer is refused" 2 "$TUFFET" put a.tuffet '{"_id":"third"}'
has "because the file is in use" 'in use' "$(cat err)"
exits "a reader is not" 0 "$TUFFET" get a.tuffet first
exec 3>&-
wait
exits "when the writer is gone its documents are there" 0 "$TUFFET" get a.tuffet second
exits "a full disk is told" 2 sh -c '"$TUFFET" dump a.tuffet >/dev/full'
echo done 40
