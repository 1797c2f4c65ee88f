# Replicated documents.

== a database for this file
> PUT /db
< 201

== replicated documents are accepted silently
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"ne","_revisions":{"start":2,"ids":["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]},"v":1}]}
< 201
<
< []

== branches, tombstones, gaps and odd revisions too
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"ne","_revisions":{"start":2,"ids":["cccccccccccccccccccccccccccccccc","bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]},"v":2},{"_id":"ne","_deleted":true,"_revisions":{"start":3,"ids":["dddddddddddddddddddddddddddddddd","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]}},{"_id":"x3","_rev":"5-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},{"_id":"x4","_rev":"1-short"}]}
< 201
<
< []

== the tree is as it was sent
> GET /db/ne?conflicts=true&deleted_conflicts=true&revs_info=true
< 200
< !ETag
<
< {"_id":"ne","_rev":"2-cccccccccccccccccccccccccccccccc","v":2,"_revs_info":[{"rev":"2-cccccccccccccccccccccccccccccccc","status":"available"},{"rev":"1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","status":"missing"}],"_deleted_conflicts":["3-dddddddddddddddddddddddddddddddd"]}

== a revision without its past has only itself
> GET /db/x3?revs=true
< 200
< ETag: "5-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
<
< {"_id":"x3","_rev":"5-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","_revisions":{"start":5,"ids":["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]}}

== an odd revision is kept
> GET /db/x4
< 200
< ETag: "1-short"
<
< {"_id":"x4","_rev":"1-short"}

== a known revision is no error
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"ne","_rev":"2-cccccccccccccccccccccccccccccccc","v":2}]}
< 201
<
< []

== a revision must be there
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"y1"}]}
< 400
<
< {"error":"bad_request","reason":"When `new_edits: false`, the document needs `_rev` or `_revisions` specified"}

== and well-formed, or the whole request fails
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"y1","_rev":"zzz"},{"_id":"y2","_rev":"1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}]}
< 400
<
< {"error":"bad_request","reason":"Invalid rev format"}

== nothing of it was written
> GET /db/y2
< 404
<
< {"error":"not_found","reason":"missing"}

== a stub without a past fails it
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"s","_rev":"2-x","_attachments":{"f":{"stub":true}}}]}
< 412
<
< {"error":"missing_stub","reason":"Previous revision missing for document s"}

== start must be a number
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"r","_revisions":{"start":"2","ids":["a"]}}]}
< 400
<
< {"error":"doc_validation","reason":"_revisions.start isn't an integer."}

== ids must be an array
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"r","_revisions":{"start":2,"ids":5}}]}
< 400
<
< {"error":"doc_validation","reason":"_revisions.ids isn't a array."}

== a local document needs none
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"_local/r","a":1}]}
< 201
<
< []
