# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
#
# Role: trim gives blocks back to the file system (st_blocks), keeps every document, and says where the past
# begins; a backup of such a file has the same documents and takes no more space.
. "$LIB"

blocks() { # bytes on disk
    echo $(($(stat -c %b "$1") * 512))
}

fill() { # revision K of 400 documents of 8 KB
    awk -v k="$1" 'BEGIN { srand(k + 1); for (i = 0; i < 400; i++) {
        printf "{\"_id\":\"d%04d\",\"_rev\":\"%d-%032x\",\"_revisions\":{\"start\":%d,\"ids\":[\"%032x\"", i, k, k * 1000 + i, k, k * 1000 + i
        for (j = k - 1; j > 0; j--) printf ",\"%032x\"", j * 1000 + i
        printf "]},\"text\":\""; for (j = 0; j < 1000; j++) printf "%08x", rand() * 4294967295
        print "\"}" } }' | "$TUFFET" load --batch 10 a.tuffet >/dev/null
}

for k in 1 2 3 4; do fill "$k"; done
"$TUFFET" dump a.tuffet >before.jsonl
seq=$("$TUFFET" info a.tuffet --json | sed 's/.*"update_seq":\([0-9]*\).*/\1/')
before=$(blocks a.tuffet)
size=$(stat -c %s a.tuffet)
exits "an old state opens" 0 "$TUFFET" dump a.tuffet --at 500
exits "with history to keep nothing goes" 0 "$TUFFET" trim --keep 7d a.tuffet
has "and it says so" '0 bytes|: 0 ' "$(cat out)"
is "indeed" yes "$([ "$(blocks a.tuffet)" -ge "$before" ] && echo yes)"
status=0
"$TUFFET" trim a.tuffet >out 2>err || status=$?

if [ "$status" -ne 0 ] && grep -qE 'no holes|punch' err; then
    echo "skipped: this file system punches no holes"
    echo done 5
    exit 0
fi
is "trim" 0 "$status"
has "it says from where on there is a past" 'past begins with commit [0-9]*, sequence [0-9]*' "$(cat out)"
after=$(blocks a.tuffet)
is "more than half of the space is back" yes "$([ "$after" -lt $((before / 2)) ] && echo yes)"
is "the file is as long as before" yes "$([ "$(stat -c %s a.tuffet)" -ge "$size" ] && echo yes)"
"$TUFFET" dump a.tuffet >after.jsonl
same "every document is there" before.jsonl after.jsonl
exits "and sound" 0 "$TUFFET" check a.tuffet
exits "an old state does not open" 2 "$TUFFET" dump a.tuffet --at 500
has "and it says why" 'history before commit [0-9]*, sequence [0-9]* was given back' "$(cat err)"
exits "the newest does" 0 "$TUFFET" dump a.tuffet --at "$seq"
exits "the log begins there" 0 "$TUFFET" log a.tuffet
exits "a backup" 0 "$TUFFET" backup --check --quiet a.tuffet copy.tuffet
"$TUFFET" dump copy.tuffet >copy.jsonl
same "has every document" before.jsonl copy.jsonl
is "and takes no more space" yes "$([ "$(blocks copy.tuffet)" -lt $((after + 1000000)) ] && echo yes)"
"$TUFFET" put a.tuffet '{"_id":"later"}' >/dev/null
exits "a later backup" 0 "$TUFFET" backup --check --quiet a.tuffet copy.tuffet
exits "has what is new" 0 "$TUFFET" get copy.tuffet later
exits "a restore to a moment of the past that is left" 0 "$TUFFET" restore copy.tuffet old.tuffet --at "$seq"
exits "is sound" 0 "$TUFFET" check old.tuffet
exits "salvage reads a file with holes" 0 "$TUFFET" salvage a.tuffet saved.tuffet
"$TUFFET" dump saved.tuffet | grep -c '"text"' >count
is "and finds every document" 400 "$(cat count)"
exits "compaction goes on from there" 0 "$TUFFET" compact a.tuffet
exits "a second trim has nothing to do" 0 "$TUFFET" trim a.tuffet
exits "no such file" 2 "$TUFFET" trim nothing.tuffet
exits "no such duration" 2 "$TUFFET" trim --keep 7x a.tuffet
echo done 52
