# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
#
# Role: put, get and info of single documents.
. "$LIB"

exits "put creates the file" 0 "$TUFFET" put a.tuffet '{"_id":"muffet","curds":1,"whey":2.50}'
has "and prints id and revision" '^muffet 1-[0-9a-f]{32}$' "$(cat out)"
rev1=$(cut -d' ' -f2 out)
is "get prints the document, numbers as they were" \
    "{\"_id\":\"muffet\",\"_rev\":\"$rev1\",\"curds\":1,\"whey\":2.50}" "$("$TUFFET" get a.tuffet muffet)"
# The revision of this edit as CouchDB computes it for {"curds":1,"whey":2.50}: stable across runs.
exits "the same edit in another file" 0 "$TUFFET" put b.tuffet '{"whey":2.50,"_id":"muffet","curds":1}'
exits "an update without the revision is a conflict" 1 "$TUFFET" put a.tuffet '{"_id":"muffet","x":1}'
has "which is said" 'conflict' "$(cat err)"
is "and changes nothing" "$rev1" "$("$TUFFET" get a.tuffet muffet | sed 's/.*"_rev":"\([^"]*\)".*/\1/')"
printf '{"_id":"muffet","_rev":"%s","spider":true}' "$rev1" >new.json
exits "put reads stdin" 0 sh -c '"$TUFFET" put a.tuffet - <new.json'
rev2=$(cut -d' ' -f2 out)
has "the generation is two" '^2-' "$rev2"
is "get --rev prints the old one" \
    "{\"_id\":\"muffet\",\"_rev\":\"$rev1\",\"curds\":1,\"whey\":2.50}" \
    "$("$TUFFET" get a.tuffet muffet --rev "$rev1")"
is "get --revs prints the history" \
    "\"_revisions\":{\"start\":2,\"ids\":[\"${rev2#2-}\",\"${rev1#1-}\"]}" \
    "$("$TUFFET" get a.tuffet muffet --revs | grep -o '"_revisions":{[^}]*}')"

exits "put makes an id if there is none" 0 "$TUFFET" put a.tuffet '{"no":"id"}'
has "of 32 digits" '^[0-9a-f]{32} 1-' "$(cat out)"
exits "put --id gives one" 0 "$TUFFET" put --id given a.tuffet '{}'
has "which is used" '^given 1-' "$(cat out)"

exits "attachments are put inline" 0 "$TUFFET" put a.tuffet \
    '{"_id":"att","_attachments":{"hello.txt":{"content_type":"text/plain","data":"aGVsbG8gd29ybGQK"},"b":{"data":"AAEC"}}}'
has "get shows stubs" '"hello.txt":\{"content_type":"text/plain","revpos":1,"digest":"md5-[^"]*","length":12.*"stub":true' \
    "$("$TUFFET" get a.tuffet att)"
has "get --attachments shows the bytes" '"data":"aGVsbG8gd29ybGQK"' "$("$TUFFET" get a.tuffet att --attachments)"

exits "a deletion is put" 0 "$TUFFET" put a.tuffet \
    "$(printf '{"_id":"given","_rev":"%s","_deleted":true}' "$("$TUFFET" get a.tuffet given | grep -o '1-[0-9a-f]*')")"
exits "the document is gone" 1 "$TUFFET" get a.tuffet given
has "and that is said" 'deleted' "$(cat err)"
exits "what never was is not found" 1 "$TUFFET" get a.tuffet nobody
exits "a local document is put" 0 "$TUFFET" put a.tuffet '{"_id":"_local/mine","x":1}'
has "and got" '^\{"_id":"_local/mine","_rev":"0-1","x":1\}$' "$("$TUFFET" get a.tuffet _local/mine)"

exits "info works" 0 "$TUFFET" info a.tuffet
has "it counts documents" '^documents +3 \(and 1 deleted, 1 local\)$' "$(cat out)"
exits "info --json works" 0 "$TUFFET" info a.tuffet --json
has "it counts the same" '"doc_count":3,"doc_del_count":1,"local_count":1,"update_seq":6,"purge_seq":0' "$(cat out)"

for bad in '{"_id":"x",}' '[]' '' '{"_id":""}' '{"_id":"_x"}' '{"_id":"x","_nope":1}' '{"_id":"x"} {}' \
    '{"_id":"x","_attachments":{"a":{"data":"***"}}}' '{"_id":"x","_rev":"nonsense"}' '{"_id":1}'; do
    exits "put refuses $bad" 2 "$TUFFET" put a.tuffet "$bad"
done
exits "and nothing was stored" 0 "$TUFFET" info a.tuffet --json
has "the sequence is as it was" '"update_seq":6,' "$(cat out)"
echo done 10
