# Revisions that are brought along.

== a database for this file
> PUT /db
< 201

== a revision is stored as it comes
> PUT /db/b?new_edits=false
> Content-Type: application/json
>
> {"_rev":"3-00000000000000000000000000000aaa","x":1}
< 201
< ETag: "3-00000000000000000000000000000aaa"
< Location: http://%*/db/b
<
< {"ok":true,"id":"b","rev":"3-00000000000000000000000000000aaa"}

== storing it again is no error
> PUT /db/b?new_edits=false
> Content-Type: application/json
>
> {"_rev":"3-00000000000000000000000000000aaa","x":1}
< 201
< ETag: "3-00000000000000000000000000000aaa"
< Location: http://%*/db/b
<
< {"ok":true,"id":"b","rev":"3-00000000000000000000000000000aaa"}

== an unrelated history is a conflict, not an error
> PUT /db/b?new_edits=false
> Content-Type: application/json
>
> {"_revisions":{"start":2,"ids":["0000000000000000000000000000bbbb","0000000000000000000000000000cccc"]},"x":1}
< 201
< ETag: "2-0000000000000000000000000000bbbb"
< Location: http://%*/db/b
<
< {"ok":true,"id":"b","rev":"2-0000000000000000000000000000bbbb"}

== without a revision it is refused
> PUT /db/b?new_edits=false
> Content-Type: application/json
>
> {"x":1}
< 400
<
< {"error":"bad_request","reason":"When `new_edits: false`, the document needs `_rev` or `_revisions` specified"}

== ?rev may bring it
> PUT /db/b?new_edits=false&rev=4-dddd
> Content-Type: application/json
>
> {"x":2}
< 201
< ETag: "4-dddd"
< Location: http://%*/db/b
<
< {"ok":true,"id":"b","rev":"4-dddd"}

== but not another one than the body's
> PUT /db/b?new_edits=false&rev=4-dddd
> Content-Type: application/json
>
> {"x":2,"_rev":"4-eeee"}
< 400
<
< {"error":"bad_request","reason":"Document rev from request body and query string have different values"}

== a malformed one is refused
> PUT /db/b?new_edits=false
> Content-Type: application/json
>
> {"_rev":"zzz"}
< 400
<
< {"error":"bad_request","reason":"Invalid rev format"}

== the greatest generation wins
> GET /db/b?conflicts=true&revs=true
< 200
< !ETag
<
< {"_id":"b","_rev":"4-dddd","x":2,"_revisions":{"start":4,"ids":["dddd"]},"_conflicts":["3-00000000000000000000000000000aaa","2-0000000000000000000000000000bbbb"]}

== an id of any length is kept
> PUT /db/s?new_edits=false
> Content-Type: application/json
>
> {"_rev":"1-short"}
< 201
< ETag: "1-short"
< Location: http://%*/db/s
<
< {"ok":true,"id":"s","rev":"1-short"}

== and shown
> GET /db/s
< 200
< ETag: "1-short"
<
< {"_id":"s","_rev":"1-short"}

== 32 digits become lower case
> PUT /db/s?new_edits=false
> Content-Type: application/json
>
> {"_rev":"2-0123456789ABCDEF0123456789ABCDEF","_deleted":true}
< 200
< ETag: "2-0123456789abcdef0123456789abcdef"
< Location: http://%*/db/s
<
< {"ok":true,"id":"s","rev":"2-0123456789abcdef0123456789abcdef"}

== a replicated tombstone is read by its revision
> GET /db/s?rev=2-0123456789abcdef0123456789abcdef
< 200
< ETag: "2-0123456789abcdef0123456789abcdef"
<
< {"_id":"s","_rev":"2-0123456789abcdef0123456789abcdef","_deleted":true}

== ?rev stands in for a text without any, whatever its spaces
> PUT /db/q1?new_edits=false&rev=3-q
> Content-Type: application/json
>
>  { }
< 201
<
< {"ok":true,"id":"q1","rev":"3-q"}

== but makes no document of an array
> PUT /db/q2?new_edits=false&rev=3-q
> Content-Type: application/json
>
> [{"a":1}]
< 400
<
< {"error":"bad_request","reason":"Document must be a JSON object"}

== nor of broken JSON
> PUT /db/q2?new_edits=false&rev=3-q
> Content-Type: application/json
>
> {"a"
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}
