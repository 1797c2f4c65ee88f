# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
#
# Role: dump and load reproduce every leaf, history, attachment and local document.
. "$LIB"

# A database with conflicts, deleted leaves, long histories, attachments of all kinds.
cat >in.jsonl <<'L'
{"_id":"a","_rev":"3-cccccccccccccccccccccccccccccccc","_revisions":{"start":3,"ids":["cccccccccccccccccccccccccccccccc","bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]},"v":1}
{"_id":"a","_rev":"3-dddddddddddddddddddddddddddddddd","_revisions":{"start":3,"ids":["dddddddddddddddddddddddddddddddd","bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]},"v":2}
{"_id":"a","_rev":"4-eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee","_deleted":true,"_revisions":{"start":4,"ids":["eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee","ffffffffffffffffffffffffffffffff","bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]},"why":"tombstone with a body"}
{"_id":"gone","_rev":"2-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","_deleted":true,"_revisions":{"start":2,"ids":["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","11111111111111111111111111111111"]}}
{"_id":"odd","_rev":"1-x","_revisions":{"start":1,"ids":["x"]},"big":123456789012345678901234567890,"text":"\u00e9 \" \\ \u0001 \ud83d\ude00"}
{"_id":"日本/?#%","_rev":"1-y","_revisions":{"start":1,"ids":["y"]}}
{"_id":"_local/checkpoint","_rev":"0-7","seq":42}
L
exits "load creates the file" 0 sh -c '"$TUFFET" load a.tuffet <in.jsonl'
has "and counts" '6 revisions stored, 0 known before, 1 local documents' "$(cat out)"

# Attachments by put: text (stored compressed), bytes, empty, and three megabytes.
exits "three megabytes are attached" 0 sh -c '
    head -c 3000000 /dev/urandom >big.bin
    printf "{\"_id\":\"big\",\"_attachments\":{\"big.bin\":{\"content_type\":\"application/octet-stream\",\"data\":\"" >big.json
    base64 -w0 big.bin >>big.json
    printf "\"},\"t.txt\":{\"content_type\":\"text/plain\",\"data\":\"%s\"},\"empty\":{\"content_type\":\"image/png\",\"data\":\"\"}}}" \
        "$(seq 1 2000 | base64 -w0)" >>big.json
    "$TUFFET" put a.tuffet - <big.json'
exits "check finds nothing" 0 "$TUFFET" check a.tuffet

"$TUFFET" dump a.tuffet >a.jsonl
is "every line of a dump is one JSON object" "0" "$(grep -vc '^{"_.*}$' a.jsonl || true)"
exits "load of the dump" 0 sh -c '"$TUFFET" load b.tuffet <a.jsonl'
"$TUFFET" dump b.tuffet >b.jsonl
# The headers differ in uuid and sequence only.
sed '1s/.*//' a.jsonl >a.rest
sed '1s/.*//' b.jsonl >b.rest
same "a second dump equals the first" a.rest b.rest
for id in a gone odd '日本/?#%' big; do
    for rev in $(grep -F "{\"_id\":\"$id\"," a.jsonl | grep -o '"_rev":"[^"]*"' | cut -d'"' -f4); do
        is "$id $rev is the same" "$("$TUFFET" get --revs --attachments --rev "$rev" a.tuffet "$id" | cksum)" \
            "$("$TUFFET" get --revs --attachments --rev "$rev" b.tuffet "$id" | cksum)"
    done
done
is "the attachment is the file" "$(cksum <big.bin)" \
    "$("$TUFFET" get --attachments b.tuffet big | grep -o '"big.bin":{[^}]*}' | sed 's/.*"data":"\([^"]*\)".*/\1/' | base64 -d | cksum)"
is "the local document has its revision" '{"_id":"_local/checkpoint","_rev":"0-7","seq":42}' \
    "$("$TUFFET" get b.tuffet _local/checkpoint)"
is "the winner and the conflicts are the same" "$("$TUFFET" get --conflicts a.tuffet a)" \
    "$("$TUFFET" get --conflicts b.tuffet a)"
exits "loading again changes nothing" 0 sh -c '"$TUFFET" load b.tuffet <a.jsonl'
has "everything is known" ' 0 revisions stored, 7 known before, 1 local documents' "$(cat out)"
"$TUFFET" dump b.tuffet | sed '1s/.*//' >c.rest
same "and the dump is the same" a.rest c.rest
exits "check finds nothing in the copy" 0 "$TUFFET" check b.tuffet

# What is not a document: limits, named values, the purge log (whose numbers do not begin with 1), and
# a document that came back after it was purged.
{   sed '1s/"revs_limit":1000,"purged_infos_limit":1000/"revs_limit":2,"purged_infos_limit":700/' a.jsonl | head -1
    echo '{"_meta":{"name":"partitioned","value":"dHJ1ZQ=="}}'
    echo '{"_meta":{"name":"zz/any name","value":"AAEC/w=="}}'
    awk 'BEGIN { for (i = 41; i <= 640; i++)
        printf "{\"_purge\":{\"seq\":%d,\"docs\":{\"p%d\\u00e9 \\\"\":[\"1-%032x\",\"2-x\"]}}}\n", i, i, i }'
    echo '{"_purge":{"seq":641,"docs":{"odd":["1-y"]}}}'
    sed 1d a.jsonl
} >all.jsonl
exits "a dump with everything is loaded" 0 sh -c '"$TUFFET" load all.tuffet <all.jsonl'
"$TUFFET" dump all.tuffet >all1.jsonl
has "limits are carried" '"revs_limit":2,"purged_infos_limit":700' "$(head -1 all1.jsonl)"
is "named values and purges are carried" "$(sed -n '2,3p;604p' all.jsonl)" "$(sed -n '2,3p;604p' all1.jsonl)"
is "all purges with their numbers" '"seq":41 "seq":641 601' \
    "$(grep '^{"_purge"' all1.jsonl | grep -o '"seq":[0-9]*' | awk 'NR == 1 { a = $0 } END { print a, $0, NR }')"
has "a document of the same name is there" '^\{"_id":"odd","_rev":"1-x"' "$(grep '"odd","_rev"' all1.jsonl)"
exits "the dump of it is loaded" 0 sh -c '"$TUFFET" load all2.tuffet <all1.jsonl'
"$TUFFET" dump all2.tuffet >all2.jsonl
sed '1s/"uuid":"[0-9a-f]*","update_seq":[0-9]*//' all1.jsonl >all1.rest
sed '1s/"uuid":"[0-9a-f]*","update_seq":[0-9]*//' all2.jsonl >all2.rest
same "and dumps as the same" all1.rest all2.rest
exits "loading it again" 0 sh -c '"$TUFFET" load all2.tuffet <all1.jsonl'
"$TUFFET" dump all2.tuffet | sed '1s/"uuid":"[0-9a-f]*","update_seq":[0-9]*//' >all3.rest
same "changes nothing" all1.rest all3.rest
exits "check finds nothing in it" 0 "$TUFFET" check all2.tuffet
echo '{"_purge":{"seq":5}}' >nopurge.jsonl
exits "a purge without a document is refused" 2 sh -c '"$TUFFET" load all2.tuffet <nopurge.jsonl'
has "with its line" 'line 1: this is no entry of a purge log' "$(cat err)"

# Many documents, in small and large batches.
awk 'BEGIN { for (i = 0; i < 5000; i++)
    printf "{\"_id\":\"d%06d\",\"_rev\":\"1-%032x\",\"n\":%d}\n", i, i, i }' >many.jsonl
exits "many in batches of 7" 0 sh -c '"$TUFFET" load --batch 7 m1.tuffet <many.jsonl'
exits "many in one batch" 0 sh -c '"$TUFFET" load --batch 100000 m2.tuffet <many.jsonl'
"$TUFFET" dump m1.tuffet | sed '1s/.*//' >m1.rest
"$TUFFET" dump m2.tuffet | sed '1s/.*//' >m2.rest
same "the results are the same" m1.rest m2.rest
is "and all are there" 5001 "$(wc -l <m1.rest)"

# What is wrong is said with its line, and what came before is kept.
{ head -3 in.jsonl; echo '{"_id":"x",'; } >bad.jsonl
exits "a bad line stops the load" 2 sh -c '"$TUFFET" load bad.tuffet <bad.jsonl'
has "its number is told" 'line 4' "$(cat err)"
exits "the lines before are stored" 0 "$TUFFET" get bad.tuffet a --rev 3-cccccccccccccccccccccccccccccccc
grep -v '^{"_chunk"' a.jsonl >nochunks.jsonl
exits "missing bytes stop the load" 2 sh -c '"$TUFFET" load cut.tuffet <nochunks.jsonl'
exits "the document is not there" 1 "$TUFFET" get cut.tuffet big
sed 's/^{"_chunk":"..../{"_chunk":"AAAA/' a.jsonl >wrong.jsonl
exits "wrong bytes stop the load" 2 sh -c '"$TUFFET" load wrong.tuffet <wrong.jsonl'
has "the reason is told" 'line [0-9]+: ' "$(cat err)"
exits "check finds nothing in what was loaded" 0 "$TUFFET" check cut.tuffet
echo done 20
