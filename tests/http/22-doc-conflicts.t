# The winner, its rivals and open_revs.

== a database for this file
> PUT /db
< 201

== one of two rivals
> PUT /db/w?new_edits=false
> Content-Type: application/json
>
> {"_rev":"1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","n":"1-a"}
< 201
< ETag: "1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
< Location: http://%*/db/w
<
< {"ok":true,"id":"w","rev":"1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}

== the other
> PUT /db/w?new_edits=false
> Content-Type: application/json
>
> {"_rev":"1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","n":"1-b"}
< 201
< ETag: "1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
< Location: http://%*/db/w
<
< {"ok":true,"id":"w","rev":"1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}

== the greater id wins and the other is a conflict
> GET /db/w?conflicts=true
< 200
< !ETag
<
< {"_id":"w","_rev":"1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","n":"1-b","_conflicts":["1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]}

== a revision by name shows no conflicts
> GET /db/w?rev=1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&conflicts=true
< 200
< ETag: "1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
<
< {"_id":"w","_rev":"1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","n":"1-a"}

== all leaves in order
> GET /db/w?open_revs=all
> Accept: application/json
< 200
< !ETag
<
< [{"ok":{"_id":"w","_rev":"1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","n":"1-a"}},{"ok":{"_id":"w","_rev":"1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","n":"1-b"}}]

== named revisions are sorted, each once, the missing ones last
> GET /db/w?open_revs=%5B%221-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb%22%2C%229-x%22%2C%221-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%22%2C%221-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%22%5D
> Accept: application/json
< 200
< !ETag
<
< [{"ok":{"_id":"w","_rev":"1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","n":"1-a"}},{"ok":{"_id":"w","_rev":"1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","n":"1-b"}},{"missing":"9-x"}]

== an empty list is no list
> GET /db/w?open_revs=%5B%5D
> Accept: application/json
< 200
< ETag: "1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
<
< {"_id":"w","_rev":"1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","n":"1-b"}

== the list must be JSON
> GET /db/w?open_revs=bad
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}

== and an array
> GET /db/w?open_revs=%7B%7D
< 400
<
< {"error":"bad_request","reason":"Invalid list of revisions"}

== of revisions
> GET /db/w?open_revs=%5B%22bad%22%5D
< 400
<
< {"error":"bad_request","reason":"Invalid rev format"}

== so must atts_since
> GET /db/w?atts_since=1
< 400
<
< {"error":"bad_request","reason":"Invalid list of revisions"}

== open_revs=all of nothing is 404
> GET /db/nosuch?open_revs=all
< 404
<
< {"error":"not_found","reason":"missing"}

== a named revision of nothing is missing
> GET /db/nosuch?open_revs=%5B%221-abc%22%5D
> Accept: application/json
< 200
< !ETag
<
< [{"missing":"1-abc"}]

== a leaf is deleted by its own revision
> DELETE /db/w?rev=1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
< 200
< ETag: "2-d57ce398f63417fd01c5c372e5e048e6"
<
< {"ok":true,"id":"w","rev":"2-d57ce398f63417fd01c5c372e5e048e6"}

== it is a deleted conflict then
> GET /db/w?conflicts=true&deleted_conflicts=true
< 200
< !ETag
<
< {"_id":"w","_rev":"1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","n":"1-a","_deleted_conflicts":["2-d57ce398f63417fd01c5c372e5e048e6"]}

== the survivor goes on
> PUT /db/w
> Content-Type: application/json
>
> {"n":2,"_rev":"1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}
< 201
< ETag: "2-6b9a35701bff9443c032900e07664b6b"
< Location: http://%*/db/w
<
< {"ok":true,"id":"w","rev":"2-6b9a35701bff9443c032900e07664b6b"}

== latest=true follows a revision to its leaf
> GET /db/w?open_revs=%5B%221-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%22%5D&latest=true
> Accept: application/json
< 200
< !ETag
<
< [{"ok":{"_id":"w","_rev":"2-6b9a35701bff9443c032900e07664b6b","n":2}}]

== what latest=true does not find is missing
> GET /db/w?open_revs=%5B%221-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%22%2C%227-zz%22%5D&latest=true&revs=true
> Accept: application/json
< 200
< !ETag
<
< [{"ok":{"_id":"w","_rev":"2-6b9a35701bff9443c032900e07664b6b","n":2,"_revisions":{"start":2,"ids":["6b9a35701bff9443c032900e07664b6b","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]}}},{"missing":"7-zz"}]

== rev with latest=true is the winner
> GET /db/w?rev=1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&latest=true
< 200
< ETag: "2-6b9a35701bff9443c032900e07664b6b"
<
< {"_id":"w","_rev":"2-6b9a35701bff9443c032900e07664b6b","n":2}

== meta=true shows all metadata
> GET /db/w?meta=true
< 200
< !ETag
<
< {"_id":"w","_rev":"2-6b9a35701bff9443c032900e07664b6b","n":2,"_revs_info":[{"rev":"2-6b9a35701bff9443c032900e07664b6b","status":"available"},{"rev":"1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","status":"available"}],"_deleted_conflicts":["2-d57ce398f63417fd01c5c372e5e048e6"]}

== open_revs shows no metadata
> GET /db/w?open_revs=%5B%221-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%22%5D&revs_info=true
> Accept: application/json
< 200
< !ETag
<
< [{"ok":{"_id":"w","_rev":"1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","n":"1-a"}}]
