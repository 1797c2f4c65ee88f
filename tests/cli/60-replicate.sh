# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
#
# Role: replicate between files and a server: what arrives, what is brought once only, what is said.
. "$LIB"

# The documents of a file, with their histories and attachments, in no order of changes.
content() {
    "$TUFFET" dump "$1" | grep '"_id"' | grep -v '"_local/' | sort
}

# A thousand documents, a conflict, a deletion, attachments: compressed, large, and two revisions old.
{
    awk 'BEGIN { for (i = 0; i < 1000; i++)
        printf "{\"_id\":\"d%06d\",\"_rev\":\"1-%032x\",\"text\":\"%d some words\",\"n\":12345678901234567890.10}\n", i, i * 7919, i }'
    echo '{"_id":"both","_rev":"1-a","x":1}'
    echo '{"_id":"both","_rev":"1-b","x":2}'
    echo '{"_id":"gone","_rev":"2-b","_deleted":true}'
    echo '{"_id":"a/b é %2F","_rev":"1-c","x":3}'
    echo '{"_id":"_design/d","_rev":"1-c","views":{}}'
} | "$TUFFET" load a.tuf >/dev/null
words=$(head -c 300000 /dev/zero | tr '\0' 'w' | base64 -w0)
bytes=$(head -c 3000000 /dev/urandom | base64 -w0)
printf '{"_id":"att","_attachments":{"words":{"content_type":"text/plain","data":"%s"},"bytes":{"content_type":"image/png","data":"%s"}}}' \
    "$words" "$bytes" | "$TUFFET" put a.tuf - >/dev/null
content a.tuf >a.txt

exits "a target that is not there" 2 "$TUFFET" replicate a.tuf b.tuf
has "says how to make it" 'create-target' "$(cat err)"
exits "file to file" 0 "$TUFFET" replicate --create-target a.tuf b.tuf
has "says how much" '^a.tuf to b.tuf: 1006 documents in ' "$(cat out)"
content b.tuf >b.txt
same "everything is there" a.txt b.txt
exits "and sound" 0 "$TUFFET" check b.tuf
exits "once more" 0 "$TUFFET" replicate a.tuf b.tuf
is "brings nothing" "a.tuf to b.tuf: nothing new" "$(cat out)"
mv b.tuf moved.tuf
"$TUFFET" put moved.tuf '{"_id":"new"}' >/dev/null
exits "the other way, after the file was moved" 0 "$TUFFET" replicate moved.tuf a.tuf
exits "and back: it goes on where it was" 0 "$TUFFET" replicate --json a.tuf moved.tuf
has "from its checkpoint" '"missing_checked": 1,' "$(cat out)"

# A server of our own.
mkdir data
printf '[admins]\nadmin = secret\n[chttpd_auth]\niterations = 10\n' >ini
"${TUFFET%/*}/tuffetd" --data-dir data --listen 127.0.0.1:0 --config ini --log-level error >ready 2>server-errors &
server=$!
trap 'kill $server' EXIT
for _ in $(seq 1200); do
    grep -q ready ready && break
    sleep 0.1
done
url=$(sed -n 's|.*ready on http://\([^/]*\)/.*|http://admin:secret@\1|p' ready)
shown=$(printf '%s' "$url" | sed 's/admin:secret@//')

exits "file to URL" 0 "$TUFFET" replicate --create-target a.tuf "$url/x"
is "no password is shown" 0 "$(cat out err | grep -c secret)"
exits "URL to file" 0 "$TUFFET" replicate --create-target "$url/x" c.tuf
has "the URL is shown without user and password, as CouchDB shows it" "^http://127" "$(cat out)"
content a.tuf >a.txt
content c.tuf >c.txt
same "round by the server" a.txt c.txt
exits "URL to URL" 0 "$TUFFET" replicate --create-target "$url/x" "$url/y%2Fz"
exits "a file that the server has open" 0 "$TUFFET" replicate --create-target data/x.tuf d.tuf
content d.tuf >d.txt
same "is read as it is now" a.txt d.txt
exits "some documents" 0 "$TUFFET" replicate --create-target --doc-ids 'both,d000007' "$url/x" some.tuf
has "and no others" '^documents +2 ' "$("$TUFFET" info some.tuf)"
exits "some documents of a file" 0 "$TUFFET" replicate --create-target --doc-ids '["att"]' a.tuf one.tuf
has "and no others" '^documents +1 ' "$("$TUFFET" info one.tuf)"
exits "a selector" 0 "$TUFFET" replicate --create-target --selector '{"x":{"$gt":1}}' "$url/x" sel.tuf
has "is the server's work" '^documents +2 ' "$("$TUFFET" info sel.tuf)"
exits "which a file has not" 2 "$TUFFET" replicate --create-target --selector '{"x":1}' a.tuf sel2.tuf

exits "a whole server" 0 "$TUFFET" replicate "$url" ./backup/
is "into files as tuffetd names them" "x.tuf y%2Fz.tuf" "$(cd backup && echo *)"
content backup/x.tuf >e.txt
same "all there" a.txt e.txt
exits "again" 0 "$TUFFET" replicate "$url/" backup
is "brings nothing" "$shown/x/ to backup/x.tuf: nothing new" "$(head -1 out)"

# Continuous: until it is told to stop.
exits "a database to follow" 0 "$TUFFET" replicate --create-target one.tuf "$url/from"
"$TUFFET" replicate --quiet --continuous --create-target "$url/from" "$url/to" &
follower=$!
exits "something new in it" 0 "$TUFFET" replicate some.tuf "$url/from"
arrived=no
for _ in $(seq 600); do
    rm -f to.tuf
    "$TUFFET" replicate --quiet --create-target "$url/to" to.tuf 2>/dev/null || true
    "$TUFFET" info to.tuf 2>/dev/null | grep -qE '^documents +3 ' && arrived=yes && break
    sleep 0.1
done
is "arrives" yes $arrived
kill -INT $follower
code=0
wait $follower || code=$?
is "a signal ends it well" 0 $code

exits "a wrong password" 2 "$TUFFET" replicate "$(printf '%s' "$url" | sed 's/secret/wrong/')/x" f.tuf --create-target
has "is said" 'unauthorized' "$(cat err)"
is "and not shown" 0 "$(grep -c wrong err)"
exits "a database that is not there" 2 "$TUFFET" replicate "$url/nothing" f.tuf --create-target
exits "nobody there" 2 "$TUFFET" replicate --retries 0 http://127.0.0.1:1/x f.tuf --create-target
exits "no arguments" 2 "$TUFFET" replicate
exits "no JSON" 2 "$TUFFET" replicate --selector '{' a.tuf b.tuf
# What the target does not want is counted: a user's document that is none.
"$TUFFET" put bad.tuf '{"_id":"nobody","x":1}' >/dev/null
exits "documents that are refused" 1 "$TUFFET" replicate --create-target bad.tuf "$url/_users"
has "are counted" '1 could not be written' "$(cat out)"
has "and named" '^tuffet: document [^ ]+, revision [0-9]+-[^ ]+: the target refuses' "$(cat err)"
echo done 60
