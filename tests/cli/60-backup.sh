# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
#
# Role: backups grow with their source, survive interruption, notice compaction and strangers; restore
# brings back a database, a moment, a document, an attachment.
. "$LIB"

more() { # FIRST LAST FILE: documents with a text
    awk -v a="$1" -v b="$2" 'BEGIN { for (i = a; i <= b; i++)
        printf "{\"_id\":\"d%05d\",\"_rev\":\"1-%032x\",\"text\":\"%d %s\"}\n", i, i * 7919, i, "words to fill the page" }' |
        "$TUFFET" load --batch 50 "$3" >/dev/null
}
same_dump() { # NAME FILE FILE
    "$TUFFET" dump "$2" >one.dump
    "$TUFFET" dump "$3" >two.dump
    same "$1" one.dump two.dump
}

more 1 500 a.tuf
exits "a first backup" 0 "$TUFFET" backup a.tuf b.tuf
has "copies everything" '^a.tuf: [0-9.]+ KiB copied, sequence 500 of 20' "$(cat out)"
same_dump "it is the database" a.tuf b.tuf
exits "and sound" 0 "$TUFFET" check b.tuf
is "a prefix of it" "$(cksum <a.tuf)" "$(cksum <b.tuf)"
exits "again" 0 "$TUFFET" backup a.tuf b.tuf
has "there is nothing new" 'nothing new, sequence 500' "$(cat out)"
before=$(cksum <b.tuf)
more 501 600 a.tuf
exits "what was added" 0 "$TUFFET" backup a.tuf b.tuf --check
has "is added" '^a.tuf: [0-9.]+ KiB added, sequence 600' "$(cat out)"
same_dump "and there" a.tuf b.tuf
cp b.tuf good.tuf

# Interruption: a run that was killed has no mark, and may have written anything behind the old end.
more 601 650 a.tuf
for cut in 512 700 5000 40000; do
    size=$(($(stat -c %s good.tuf) - cut))
    head -c $size good.tuf >b.tuf
    head -c 3000 /dev/urandom >>b.tuf
    exits "a torn backup of $size bytes is completed" 0 "$TUFFET" backup a.tuf b.tuf --check --quiet
    "$TUFFET" dump b.tuf >two.dump
    "$TUFFET" dump a.tuf >one.dump
    same "with everything" one.dump two.dump
done
head -c 30000 a.tuf >c.tuf.new
exits "a first backup that was killed goes on" 0 "$TUFFET" backup a.tuf c.tuf
same_dump "and is whole" a.tuf c.tuf
is "nothing is left beside it" "c.tuf" "$(ls c.tuf*)"

# Compaction makes another file.
"$TUFFET" compact a.tuf >/dev/null
exits "a compacted source" 0 "$TUFFET" backup a.tuf b.tuf
has "is copied anew" ' copied, sequence 650' "$(cat out)"
same_dump "and there" a.tuf b.tuf

# What must not be overwritten.
echo '{"_id":"x","_rev":"1-x"}' | "$TUFFET" load other.tuf >/dev/null
exits "a backup of another database is refused" 2 "$TUFFET" backup other.tuf b.tuf
has "which is said" 'b.tuf is a backup of another database' "$(cat err)"
echo "these are my notes, and they are longer than a superblock needs to be, I am sure" >notes
exits "so is a file that is none" 2 "$TUFFET" backup a.tuf notes
has "which is said, too" 'notes is there and is no backup' "$(cat err)"
exits "no source" 2 "$TUFFET" backup nothing.tuf b.tuf
exits "a URL is replicated, without generations" 2 "$TUFFET" backup --keep 2 http://127.0.0.1:1/db u.tuf
exits "or fails when there is no server" 2 timeout 60 "$TUFFET" backup http://127.0.0.1:1/db u.tuf
cp b.tuf used.tuf
echo '{"_id":"mine","_rev":"1-a"}' | "$TUFFET" load used.tuf >/dev/null
exits "a copy that was written to" 0 "$TUFFET" backup a.tuf used.tuf
has "is put aside" 'it is used.tuf.diverged now' "$(cat out)"
is "with what was written" '{"_id":"mine","_rev":"1-a"}' "$("$TUFFET" get used.tuf.diverged mine)"
same_dump "and the copy is one again" a.tuf used.tuf

# A damaged source.
more 651 700 a.tuf
cp a.tuf sick.tuf
off=$(($(stat -c %s b.tuf) + 200))
printf 'XXXXXXXX' | dd of=sick.tuf bs=1 seek=$off conv=notrunc 2>/dev/null
cp b.tuf keep.tuf
exits "a damaged source is noticed" 1 "$TUFFET" backup sick.tuf keep.tuf
has "with its place" 'damaged .*at byte [0-9]+' "$(cat err)"
exits "the backup is sound" 0 "$TUFFET" check keep.tuf
exits "and goes on when the source is good again" 0 "$TUFFET" backup a.tuf keep.tuf
same_dump "with everything" a.tuf keep.tuf

# A copy that has rotted where an earlier run had copied.
cp b.tuf rot.tuf
printf 'XXXXXXXX' | dd of=rot.tuf bs=1 seek=9000 conv=notrunc 2>/dev/null
cp rot.tuf was.tuf
exits "without a check that is not noticed" 0 "$TUFFET" backup a.tuf rot.tuf
cp was.tuf rot.tuf
exits "with one the copy is made anew" 0 "$TUFFET" backup --check a.tuf rot.tuf
has "which is said" 'rot.tuf: copied anew; the damaged one is rot.tuf.damaged' "$(cat err)"
same_dump "with everything" a.tuf rot.tuf
exits "sound" 0 "$TUFFET" check rot.tuf
exits "the other one is beside it" 1 "$TUFFET" check rot.tuf.damaged
is "and nothing else" "rot.tuf rot.tuf.damaged" "$(ls rot.tuf* | xargs)"
cp was.tuf rot.tuf
rm rot.tuf.damaged
exits "if the source is damaged, too" 1 "$TUFFET" backup --check sick.tuf rot.tuf
is "the copy stays as it is" "rot.tuf" "$(ls rot.tuf | xargs)"
exits "a generation" 0 "$TUFFET" backup --keep 2 --quiet a.tuf gen.tuf
cp was.tuf gen.tuf.next
exits "that a killed run began, and that rotted then" 0 "$TUFFET" backup --keep 2 --quiet a.tuf gen.tuf
is "is made anew, too" "gen.tuf gen.tuf.1" "$(ls gen.tuf* | xargs)"
exits "sound" 0 "$TUFFET" check gen.tuf
exits "a folder needs all" 2 "$TUFFET" backup . folder
has "which is said" 'is a folder: --all saves' "$(cat err)"

# Generations and folders.
mkdir -p data/deep
cp a.tuf data/a.tuf
cp other.tuf data/deep/o.tuf
echo no >data/readme
for i in 1 2 3 4; do
    exits "run $i of all with three generations" 0 "$TUFFET" backup --all --keep 3 --quiet data saved
    more $((700 + i)) $((700 + i)) data/a.tuf
done
is "three generations" "saved/a.tuf saved/a.tuf.1 saved/a.tuf.2 saved/deep/o.tuf saved/deep/o.tuf.1 saved/deep/o.tuf.2" \
    "$(find saved -type f | sort | xargs)"
is "each of its time" "703 702 701" "$(for f in saved/a.tuf saved/a.tuf.1 saved/a.tuf.2; do
    "$TUFFET" info $f --json | sed 's/.*"update_seq":\([0-9]*\).*/\1/'; done | xargs)"
printf 'XXXXXXXX' | dd of=data/a.tuf bs=1 seek=9000 conv=notrunc 2>/dev/null
exits "a damaged one among them" 1 "$TUFFET" backup --all --quiet data saved2
is "does not keep the others from being saved" "saved2/deep/o.tuf" "$(find saved2 -type f)"
exits "no folder" 2 "$TUFFET" backup --all nowhere saved3
exits "keep needs a number" 2 "$TUFFET" backup --keep 0 a.tuf k.tuf

# Restore.
exits "to a new name" 0 "$TUFFET" restore keep.tuf r.tuf
has "says which state" 'r.tuf: restored as of commit [0-9]+, sequence 700' "$(cat out)"
same_dump "with everything" a.tuf r.tuf
exits "not over something" 2 "$TUFFET" restore keep.tuf r.tuf
has "which is said" 'r.tuf: is there already' "$(cat err)"
exits "to a moment" 0 "$TUFFET" restore keep.tuf then.tuf --at 650
"$TUFFET" dump keep.tuf --at 650 >one.dump
"$TUFFET" dump then.tuf >two.dump
same "which is the database of then" one.dump two.dump
more 900 901 then.tuf
exits "and can be used" 0 "$TUFFET" check then.tuf
exits "not to a moment that is not there" 2 "$TUFFET" restore keep.tuf never.tuf --at 1
exits "no backup" 2 "$TUFFET" restore nothing.tuf x.tuf

# A document: deleted, and brought back over its tombstone; into an empty database with its history.
seq 1 9000 >t.txt
head -c 700000 /dev/urandom >b.bin
"$TUFFET" put w.tuf "{\"_id\":\"doc\",\"v\":1,\"_attachments\":{\"t.txt\":{\"content_type\":\"text/plain\",\"data\":\"$(base64 -w0 t.txt)\"}}}" >rev
rev=$(cut -d' ' -f2 rev)
{ printf '{"_id":"doc","v":2,"_rev":"%s","_attachments":{"t.txt":{"stub":true},"b.bin":{"content_type":"x/y","data":"' \
    "$rev"; base64 -w0 b.bin; printf '"}}}'; } | "$TUFFET" put w.tuf - >rev
"$TUFFET" backup w.tuf wb.tuf >/dev/null
exits "the document is deleted" 0 "$TUFFET" put w.tuf "{\"_id\":\"doc\",\"_rev\":\"$(cut -d' ' -f2 rev)\",\"_deleted\":true}"
exits "and restored from the backup" 0 "$TUFFET" restore wb.tuf w.tuf --doc doc
has "as a new revision" '^doc 4-' "$(cat out)"
is "with its content" "$("$TUFFET" get --attachments wb.tuf doc | sed 's/"_rev":"[^"]*"//;s/"revpos":[0-9]*//g')" \
    "$("$TUFFET" get --attachments w.tuf doc | sed 's/"_rev":"[^"]*"//;s/"revpos":[0-9]*//g')"
exits "restored again it" 0 "$TUFFET" restore w.tuf w2.tuf --doc doc
exits "is there" 0 "$TUFFET" restore w.tuf w2.tuf --doc doc
has "already" 'doc is there in this revision' "$(cat out)"
is "with its history" "$("$TUFFET" get --revs --attachments w.tuf doc)" "$("$TUFFET" get --revs --attachments w2.tuf doc)"
exits "an older revision of the past" 0 "$TUFFET" restore w.tuf w.tuf.old --doc doc --at 1
is "is it" 1 "$("$TUFFET" get w.tuf.old doc | grep -c '"v":1')"
exits "sound" 0 "$TUFFET" check w.tuf
exits "to standard output" 0 "$TUFFET" restore wb.tuf - --doc doc
is "it is what get prints" "$("$TUFFET" get --attachments wb.tuf doc)" "$(cat out)"
exits "an attachment" 0 "$TUFFET" restore wb.tuf - --doc doc --att t.txt
same "is the file" t.txt out
exits "into a file" 0 "$TUFFET" restore wb.tuf b.out --doc doc --att b.bin
same "is the other file" b.bin b.out
exits "not over a file" 2 "$TUFFET" restore wb.tuf b.out --doc doc --att b.bin
exits "no such attachment" 1 "$TUFFET" restore wb.tuf - --doc doc --att none
exits "no such document" 1 "$TUFFET" restore wb.tuf - --doc none
exits "att without doc" 2 "$TUFFET" restore wb.tuf - --att x
echo done 60
