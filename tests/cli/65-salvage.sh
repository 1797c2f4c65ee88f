# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
#
# Role: salvage brings back what is intact of a damaged file, and lists what is not.
. "$LIB"

awk 'BEGIN { for (i = 0; i < 2000; i++)
    printf "{\"_id\":\"d%06d\",\"_rev\":\"1-%032x\",\"text\":\"%d some words to fill the page\"}\n", i, i * 7919, i }' |
    "$TUFFET" load --batch 100 a.tuf >/dev/null
"$TUFFET" put a.tuf '{"_id":"old","_attachments":{"x":{"content_type":"a/b","data":"AAECAwQ="}}}' >/dev/null
exits "an intact file" 0 "$TUFFET" salvage a.tuf same.tuf
has "comes back whole" '^same.tuf: 2001 documents, 2001 revisions, 0 local documents$' "$(cat out)"
"$TUFFET" dump a.tuf | sed 1d | sort >a.dump
"$TUFFET" dump same.tuf | sed 1d | sort >same.dump
same "with the same documents" a.dump same.dump
exits "not over something" 2 "$TUFFET" salvage a.tuf same.tuf
has "which is said" 'same.tuf: is there already' "$(cat err)"

# Without superblock, without the newest checkpoint, with a rotten sector among the documents.
cp a.tuf sick.tuf
size=$(stat -c %s sick.tuf)
dd if=/dev/urandom of=sick.tuf bs=4096 count=1 conv=notrunc 2>/dev/null
dd if=/dev/urandom of=sick.tuf bs=4096 seek=$((size / 4096 - 1)) count=1 conv=notrunc 2>/dev/null
dd if=/dev/urandom of=sick.tuf bs=512 seek=80 count=1 conv=notrunc 2>/dev/null
exits "a file that cannot be opened" 1 "$TUFFET" info sick.tuf
exits "is salvaged" 1 "$TUFFET" salvage sick.tuf new.tuf
has "the place of the loss is said" '^byte 40[0-9]+: nothing intact was found from here to byte 4[01][0-9]+$' "$(cat out)"
has "and that the head is lost" 'new.tuf: the superblock was damaged' "$(cat out)"
exits "what comes out is sound" 0 "$TUFFET" check new.tuf
"$TUFFET" dump new.tuf | sed 1d | sort >new.dump
is "all but a few documents are there" yes "$([ "$(wc -l <new.dump)" -ge 1985 ] && echo yes || wc -l <new.dump)"
is "and none that was not" "" "$(comm -13 a.dump new.dump)"
is "with attachments" "$("$TUFFET" get --attachments a.tuf old)" "$("$TUFFET" get --attachments new.tuf old)"

# A lost document is named when an index knows it.
cp a.tuf sick.tuf
dd if=/dev/zero of=sick.tuf bs=512 seek=80 count=1 conv=notrunc 2>/dev/null
exits "a hole" 1 "$TUFFET" salvage sick.tuf named.tuf
has "names the documents" '^document "d[0-9]{6}": revision 1-[0-9a-f]{32} is lost$' "$(cat out)"

head -c 100000 /dev/urandom >noise
exits "noise is no database" 2 "$TUFFET" salvage noise n.tuf
is "and nothing is made" "" "$(ls n.tuf* 2>/dev/null || true)"
exits "no file" 2 "$TUFFET" salvage nothing n.tuf
echo done 65
