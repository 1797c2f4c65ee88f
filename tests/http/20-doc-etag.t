# Conditional requests.

== a database for this file
> PUT /db
< 201

== a document to ask for
> PUT /db/a
> Content-Type: application/json
>
> {"v":1}
< 201
< ETag: "1-7a7e4b29f3af401e69b6f86e4c26b727"
< Location: http://%*/db/a
<
< {"ok":true,"id":"a","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}

== If-None-Match with the current tag is 304
> GET /db/a
> If-None-Match: "1-7a7e4b29f3af401e69b6f86e4c26b727"
< 304
< ETag: "1-7a7e4b29f3af401e69b6f86e4c26b727"

== a weak tag matches too
> GET /db/a
> If-None-Match: W/"1-7a7e4b29f3af401e69b6f86e4c26b727"
< 304
< ETag: "1-7a7e4b29f3af401e69b6f86e4c26b727"

== one of several tags matches
> GET /db/a
> If-None-Match: "x", "1-7a7e4b29f3af401e69b6f86e4c26b727"
< 304
< ETag: "1-7a7e4b29f3af401e69b6f86e4c26b727"

== a tag without quotes does not match
> GET /db/a
> If-None-Match: 1-7a7e4b29f3af401e69b6f86e4c26b727
< 200
< ETag: "1-7a7e4b29f3af401e69b6f86e4c26b727"
<
< {"_id":"a","_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727","v":1}

== a star does not match
> GET /db/a
> If-None-Match: *
< 200
< ETag: "1-7a7e4b29f3af401e69b6f86e4c26b727"
<
< {"_id":"a","_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727","v":1}

== HEAD knows 304 too
> HEAD /db/a
> If-None-Match: "1-7a7e4b29f3af401e69b6f86e4c26b727"
< 304
< ETag: "1-7a7e4b29f3af401e69b6f86e4c26b727"

== an answer with metadata has no tag to match
> GET /db/a?local_seq=true
> If-None-Match: "1-7a7e4b29f3af401e69b6f86e4c26b727"
< 200
< !ETag
<
< {"_id":"a","_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727","v":1,"_local_seq":1}

== _revs_info takes the ETag away
> GET /db/a?revs_info=true
< 200
< !ETag
<
< {"_id":"a","_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727","v":1,"_revs_info":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727","status":"available"}]}

== _revisions does not
> GET /db/a?revs=true
< 200
< ETag: "1-7a7e4b29f3af401e69b6f86e4c26b727"
<
< {"_id":"a","_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727","v":1,"_revisions":{"start":1,"ids":["7a7e4b29f3af401e69b6f86e4c26b727"]}}

== conflicts=true without conflicts does not
> GET /db/a?conflicts=true
< 200
< ETag: "1-7a7e4b29f3af401e69b6f86e4c26b727"
<
< {"_id":"a","_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727","v":1}

== an unknown document is 404 whatever the tag
> GET /db/nosuch
> If-None-Match: "1-7a7e4b29f3af401e69b6f86e4c26b727"
< 404
<
< {"error":"not_found","reason":"missing"}
