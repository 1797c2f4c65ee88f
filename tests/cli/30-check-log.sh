# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
#
# Role: check says sound, damaged, or could not be run; log lists commits and checkpoints.
. "$LIB"

awk 'BEGIN { for (i = 0; i < 3000; i++)
    printf "{\"_id\":\"d%06d\",\"_rev\":\"1-%032x\",\"text\":\"%d some words to fill the page\"}\n", i, i * 7919, i }' |
    "$TUFFET" load --batch 100 a.tuffet >/dev/null
exits "a sound file" 0 "$TUFFET" check a.tuffet
has "is called so, with counts" '^a.tuffet: sound: 3000 documents, 3000 revisions, 0 attachments, [0-9]+ bytes$' "$(cat out)"
exits "check --quiet says nothing" 0 "$TUFFET" check a.tuffet --quiet
is "indeed" "" "$(cat out err)"

exits "log" 0 "$TUFFET" log a.tuffet
is "lists the commits of a load" 30 "$(grep -cE '  commit +[0-9]+ +[0-9]+ +100  2' out)"
has "and a checkpoint at the end" '  checkpoint ' "$(tail -1 out)"
exits "log --json --checkpoints" 0 "$TUFFET" log a.tuffet --json --checkpoints
has "is JSON lines" '^\{"kind":"checkpoint","off":[0-9]+,"size":[0-9]+,"commit":[0-9]+,"update_seq":3000,.*"time":"20[0-9-]+T[0-9:.]+Z"\}$' "$(tail -1 out)"

# One flipped bit, at many places: found, or of no meaning (padding), but never a crash, and never
# "sound" when a document cannot be read.
size=$(stat -c %s a.tuffet)
found=0 odd=0
for part in 3 9 15 22 28 35 41 48 54 61 67 74 80 87 93 97; do
    cp a.tuffet damaged.tuffet
    off=$((size * part / 100))
    byte=$(od -An -tu1 -j $off -N1 a.tuffet | tr -d ' ')
    printf "\\$(printf %03o $((byte ^ 16)))" | dd of=damaged.tuffet bs=1 seek=$off conv=notrunc 2>/dev/null
    status=0
    "$TUFFET" check damaged.tuffet >out 2>err || status=$?
    case $status in
    0) lost=0
       "$TUFFET" dump damaged.tuffet >d.jsonl 2>/dev/null || lost=1
       [ "$(grep -c '"_id"' d.jsonl)" = 3000 ] || lost=1
       [ $lost = 0 ] || odd=$((odd + 1)) ;;
    1) found=$((found + 1))
       grep -q . out err || odd=$((odd + 1)) ;;
    *) odd=$((odd + 1)); cat err ;;
    esac
done
is "no damage is overlooked, and none ends check otherwise than with 1" 0 $odd
is "most places of a file matter" yes "$([ $found -ge 8 ] && echo yes || echo "only $found of 16")"

# A torn tail is not damage: the file of a killed writer.
head -c $((size - 5000)) a.tuffet >torn.tuffet
status=0
"$TUFFET" check torn.tuffet >out 2>err || status=$?
has "a file cut short is sound up to its last whole commit, or damage is reported" '^[01]$' "$status"

exits "no such file" 2 "$TUFFET" check nothing.tuffet
has "is said" 'nothing.tuffet: no such file' "$(cat err)"
echo "this is no database, but it is longer than nothing" >text
exits "another file is refused" 1 "$TUFFET" check text
: >empty
status=0
"$TUFFET" check empty >out 2>err || status=$?
has "an empty file is refused" '^[12]$' "$status"
is "check changes nothing" "$(cksum <a.tuffet)" "$("$TUFFET" check a.tuffet >/dev/null; cksum <a.tuffet)"
echo done 30
