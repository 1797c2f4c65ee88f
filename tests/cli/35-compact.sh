# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
#
# Role: compact makes the file smaller and changes nothing that can be seen.
. "$LIB"

for round in 1 2 3 4 5; do
    awk -v r=$round 'BEGIN { for (i = 0; i < 400; i++) {
        printf "{\"_id\":\"d%04d\",\"_rev\":\"%d-%032x\",\"_revisions\":{\"start\":%d,\"ids\":[", i, r, r * 1000 + i, r
        for (k = r; k > 0; k--) printf "%s\"%032x\"", k < r ? "," : "", k * 1000 + i
        printf "]},\"round\":%d,\"text\":\"%s\"}\n", r, sprintf("%0300d", i) } }' |
        "$TUFFET" load a.tuffet >/dev/null
done
"$TUFFET" put a.tuffet '{"_id":"att","_attachments":{"x":{"data":"aGVsbG8="}}}' >/dev/null
"$TUFFET" put a.tuffet '{"_id":"_local/l","n":1}' >/dev/null
rev=$("$TUFFET" put a.tuffet '{"_id":"gone"}' | cut -d' ' -f2)
"$TUFFET" put a.tuffet "{\"_id\":\"gone\",\"_rev\":\"$rev\",\"_deleted\":true}" >/dev/null
"$TUFFET" dump a.tuffet | sed '1s/.*//' >before
counts=$("$TUFFET" info a.tuffet --json | grep -o '"doc_count.*"purge_seq":[0-9]*')
size=$(stat -c %s a.tuffet)
exits "compact" 0 "$TUFFET" compact a.tuffet
has "says what became of it" '^a.tuffet: [0-9]+ documents, .* to ' "$(cat out)"
"$TUFFET" dump a.tuffet | sed '1s/.*//' >after
same "every leaf, history, attachment and local document is as it was" before after
is "counts and sequence too" "$counts" "$("$TUFFET" info a.tuffet --json | grep -o '"doc_count.*"purge_seq":[0-9]*')"
is "the file is smaller" yes "$([ "$(stat -c %s a.tuffet)" -lt "$size" ] && echo yes || echo "$size, then $(stat -c %s a.tuffet)")"
exits "check finds nothing" 0 "$TUFFET" check a.tuffet
is "no other file is left" "a.tuffet" "$(ls ./*.tuffet* | sed 's#./##')"
exits "a body that was replaced is gone" 1 "$TUFFET" get a.tuffet d0001 --rev 1-000000000000000000000000000003e9
exits "the document can be changed" 0 "$TUFFET" put a.tuffet \
    "$("$TUFFET" get a.tuffet d0001 | sed 's/"round":5/"round":6/')"
exits "compacting again" 0 "$TUFFET" compact a.tuffet
exits "no such file" 2 "$TUFFET" compact nothing.tuffet
echo done 35
