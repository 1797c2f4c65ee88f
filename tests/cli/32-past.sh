# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
#
# Role: earlier states of a file: log names them, get, dump and changes show them, up to compaction.
. "$LIB"

# Ten commits, of which every third changes "d1"; the dump after each is kept. Each command is an
# opening and a closing, so there is a checkpoint after each commit...
for i in 1 2 3 4 5; do
    echo "{\"_id\":\"d$i\",\"_rev\":\"1-$i\",\"v\":$i}" | "$TUFFET" load a.tuffet >/dev/null
    "$TUFFET" dump a.tuffet >"dump.$i"
done
# ...and then five within one load.
for i in 6 7 8 9 10; do
    echo "{\"_id\":\"d1\",\"_rev\":\"$((i - 4))-$i\",\"_revisions\":{\"start\":$((i - 4)),\"ids\":[\"$i\",\"$([ $i = 6 ] && echo 1 || echo $((i - 1)))\"]},\"v\":$i}"
done >more.jsonl
exits "more commits" 0 sh -c '"$TUFFET" load --batch 1 a.tuffet <more.jsonl'
"$TUFFET" dump a.tuffet >dump.10

is "the newest state is shown without a moment" '{"_id":"d1","_rev":"6-10","v":10}' "$("$TUFFET" get a.tuffet d1)"
good=0
for i in 1 2 3 4 5 10; do
    "$TUFFET" dump a.tuffet --at $i >now.dump && cmp -s now.dump "dump.$i" && good=$((good + 1))
done
is "a dump of the past is the dump of then" 6 $good
is "between two checkpoints, too" '{"_id":"d1","_rev":"4-8","v":8}' "$("$TUFFET" get a.tuffet d1 --at 8)"
is "changes of the past" '{"seq":2,"id":"d2","changes":[{"rev":"1-2"}]}' "$("$TUFFET" changes a.tuffet --at 3 --since 1 | head -1)"
is "and of now" '{"seq":10,"id":"d1","changes":[{"rev":"6-10"}]}' "$("$TUFFET" changes a.tuffet --since 5)"
exits "before the first commit there was nothing" 0 "$TUFFET" changes a.tuffet --at 0
is "indeed" "" "$(cat out)"

# Names of moments as log gives them.
"$TUFFET" log a.tuffet >log.txt
commit=$(awk '$3 == "commit" && $5 == 8 { print $4 }' log.txt)
time=$(awk '$3 == "commit" && $5 == 8 { print $7 }' log.txt)
is "by the number of a commit" '{"_id":"d1","_rev":"4-8","v":8}' "$("$TUFFET" get a.tuffet d1 --at "c$commit")"
is "by its time" '{"_id":"d1","_rev":"4-8","v":8}' "$("$TUFFET" get a.tuffet d1 --at "$time")"
is "by a later time" '{"_id":"d1","_rev":"6-10","v":10}' "$("$TUFFET" get a.tuffet d1 --at 2999-01-01)"
exits "not before the database was made" 2 "$TUFFET" get a.tuffet d1 --at 1999-12-31T23:59
has "which is said" 'the database was made later' "$(cat err)"
exits "not after the newest change" 2 "$TUFFET" get a.tuffet d1 --at 11
has "which is said, too" 'the newest state is commit [0-9]+, sequence 10' "$(cat err)"
for bad in x 12x c 2026-13-01 2026-01-01T25:00 -1 ''; do
    exits "\"$bad\" is no moment" 2 "$TUFFET" get a.tuffet d1 "--at=$bad"
done

# Beside a writer that does not close: opened for reading all the same.
is "nothing changed the file" "$(cksum <a.tuffet)" "$("$TUFFET" dump a.tuffet --at 4 >/dev/null; cksum <a.tuffet)"

# Compaction ends the past.
exits "compact" 0 "$TUFFET" compact a.tuffet
"$TUFFET" dump a.tuffet >compacted.dump
echo '{"_id":"d9","_rev":"1-9"}' | "$TUFFET" load a.tuffet >/dev/null
"$TUFFET" dump a.tuffet --at 10 >now.dump
same "the state at compaction can be opened" compacted.dump now.dump
exits "an earlier one cannot" 2 "$TUFFET" dump a.tuffet --at 9
has "which is said" 'was compacted, its past begins with commit [0-9]+, sequence 10' "$(cat err)"
exits "nor the empty one" 2 "$TUFFET" dump a.tuffet --at 0
echo done 32
