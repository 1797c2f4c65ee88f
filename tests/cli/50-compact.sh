# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
#
# Role: compact keeps every document and gives space back.
. "$LIB"

awk 'BEGIN { for (i = 0; i < 2000; i++)
    printf "{\"_id\":\"d%06d\",\"_rev\":\"1-%032x\",\"text\":\"%d some words to fill the page\"}\n", i, i * 7919, i }' |
    "$TUFFET" load a.tuffet >/dev/null
rev=$("$TUFFET" get a.tuffet d000001 | sed 's/.*"_rev":"\([^"]*\)".*/\1/')
for n in 1 2 3 4 5; do
    "$TUFFET" put a.tuffet "{\"_id\":\"d000001\",\"_rev\":\"$rev\",\"n\":$n}" >/dev/null
    rev=$("$TUFFET" get a.tuffet d000001 | sed 's/.*"_rev":"\([^"]*\)".*/\1/')
done
"$TUFFET" dump a.tuffet >before.jsonl
before=$(stat -c %s a.tuffet)
exits "compact" 0 "$TUFFET" compact a.tuffet
has "says what it did" '^a.tuffet: 2000 documents, .* to ' "$(cat out)"
after=$(stat -c %s a.tuffet)
is "the file is smaller" yes "$([ "$after" -lt "$before" ] && echo yes)"
"$TUFFET" dump a.tuffet >after.jsonl
same "everything is still there" before.jsonl after.jsonl
exits "and sound" 0 "$TUFFET" check a.tuffet
is "nothing is left beside it" "a.tuffet" "$(ls a.tuffet*)"
exits "a second time" 0 "$TUFFET" compact a.tuffet
exits "no such file" 2 "$TUFFET" compact nothing.tuffet
echo done 50
