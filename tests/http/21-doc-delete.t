# Deleting and making anew.

== a database for this file
> PUT /db
< 201

== a document to delete
> PUT /db/a
> Content-Type: application/json
>
> {"v":1}
< 201
< ETag: "1-7a7e4b29f3af401e69b6f86e4c26b727"
< Location: http://%*/db/a
<
< {"ok":true,"id":"a","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}

== deleting an unknown document is 404
> DELETE /db/nosuch
< 404
<
< {"error":"not_found","reason":"missing"}

== also with a revision
> DELETE /db/nosuch?rev=1-abc
< 404
<
< {"error":"not_found","reason":"missing"}

== deleting without a revision conflicts
> DELETE /db/a
< 409
<
< {"error":"conflict","reason":"Document update conflict."}

== deleting an unknown revision conflicts
> DELETE /db/a?rev=1-abc
< 409
<
< {"error":"conflict","reason":"Document update conflict."}

== a malformed revision is refused
> DELETE /db/a?rev=bad
< 400
<
< {"error":"bad_request","reason":"Invalid rev format"}

== ?rev and If-Match must agree here too
> DELETE /db/a?rev=1-7a7e4b29f3af401e69b6f86e4c26b727
> If-Match: 1-abc
< 400
<
< {"error":"bad_request","reason":"Document rev and etag have different values"}

== the right revision deletes
> DELETE /db/a?rev=1-7a7e4b29f3af401e69b6f86e4c26b727
< 200
< ETag: "2-d9b15b235a7d0afdfe6058d5fb8afbd1"
<
< {"ok":true,"id":"a","rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}

== the document is deleted then
> GET /db/a
< 404
<
< {"error":"not_found","reason":"deleted"}

== also for HEAD
> HEAD /db/a
< 404

== an invented tombstone is missing
> GET /db/a?rev=2-00b1dff7e30216d2a99f63b6c0c9b9e7
< 404
<
< {"error":"not_found","reason":"missing"}

== deleting again is 404 deleted
> DELETE /db/a?rev=2-eec205a9d413992850a6e32678485900
< 404
<
< {"error":"not_found","reason":"deleted"}

== the tombstone's revision does not revive it
> PUT /db/a
> Content-Type: application/json
>
> {"v":1,"_rev":"2-eec205a9d413992850a6e32678485900"}
< 409
<
< {"error":"conflict","reason":"Document update conflict."}

== writing without a revision does
> PUT /db/a
> Content-Type: application/json
>
> {"v":1}
< 201
< ETag: "3-e42b6b0783ed526cfdf3a2e47333d5f3"
< Location: http://%*/db/a
<
< {"ok":true,"id":"a","rev":"3-e42b6b0783ed526cfdf3a2e47333d5f3"}

== the tombstone is part of its history
> GET /db/a?revs_info=true
< 200
< !ETag
<
< {"_id":"a","_rev":"3-e42b6b0783ed526cfdf3a2e47333d5f3","v":1,"_revs_info":[{"rev":"3-e42b6b0783ed526cfdf3a2e47333d5f3","status":"available"},{"rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1","status":"deleted"},{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727","status":"available"}]}

== a document may be born deleted
> PUT /db/born
> Content-Type: application/json
>
> {"_deleted":true}
< 200
< ETag: "1-de715bf126efc93d225d9e3f8e8eb81a"
< Location: http://%*/db/born
<
< {"ok":true,"id":"born","rev":"1-de715bf126efc93d225d9e3f8e8eb81a"}

== a document to delete by PUT
> PUT /db/gone
> Content-Type: application/json
>
> {"v":1}
< 201
< ETag: "1-7a7e4b29f3af401e69b6f86e4c26b727"
< Location: http://%*/db/gone
<
< {"ok":true,"id":"gone","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}

== PUT with _deleted answers 200 and keeps the body
> PUT /db/gone
> Content-Type: application/json
>
> {"_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727","_deleted":true,"why":"x"}
< 200
< ETag: "2-589554f26f88df8370e4c471ec9fe942"
< Location: http://%*/db/gone
<
< {"ok":true,"id":"gone","rev":"2-589554f26f88df8370e4c471ec9fe942"}

== a document to delete by its tag
> PUT /db/tag
> Content-Type: application/json
>
> {"v":1}
< 201
< ETag: "1-7a7e4b29f3af401e69b6f86e4c26b727"
< Location: http://%*/db/tag
<
< {"ok":true,"id":"tag","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}

== If-Match deletes
> DELETE /db/tag
> If-Match: "1-7a7e4b29f3af401e69b6f86e4c26b727"
< 200
< ETag: "2-d9b15b235a7d0afdfe6058d5fb8afbd1"
<
< {"ok":true,"id":"tag","rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}
