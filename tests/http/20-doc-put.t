# A document is written and read.

== a database for this file
> PUT /db
< 201

== a new document is made by PUT without a revision
> PUT /db/a
> Content-Type: application/json
>
> {"v":1}
< 201
< ETag: "1-7a7e4b29f3af401e69b6f86e4c26b727"
< Location: http://%*/db/a
<
< {"ok":true,"id":"a","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}

== it is read back with its revision
> GET /db/a
< 200
< ETag: "1-7a7e4b29f3af401e69b6f86e4c26b727"
<
< {"_id":"a","_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727","v":1}

== HEAD answers its ETag
> HEAD /db/a
< 200
< ETag: "1-7a7e4b29f3af401e69b6f86e4c26b727"

== a second PUT without a revision conflicts
> PUT /db/a
> Content-Type: application/json
>
> {"v":2}
< 409
<
< {"error":"conflict","reason":"Document update conflict."}

== the revision in the body is the parent
> PUT /db/a
> Content-Type: application/json
>
> {"v":2,"_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}
< 201
< ETag: "2-d0df861eb528e79690cd2ff3c4d394f3"
< Location: http://%*/db/a
<
< {"ok":true,"id":"a","rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}

== an old revision in the body conflicts
> PUT /db/a
> Content-Type: application/json
>
> {"v":3,"_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}
< 409
<
< {"error":"conflict","reason":"Document update conflict."}

== the parent may be named by ?rev
> PUT /db/a?rev=2-d0df861eb528e79690cd2ff3c4d394f3
> Content-Type: application/json
>
> {"v":3}
< 201
< ETag: "3-c50a32451890a3f1c3e423334cc92745"
< Location: http://%*/db/a
<
< {"ok":true,"id":"a","rev":"3-c50a32451890a3f1c3e423334cc92745"}

== the parent may be named by If-Match
> PUT /db/a
> If-Match: 3-c50a32451890a3f1c3e423334cc92745
> Content-Type: application/json
>
> {"v":4}
< 201
< ETag: "4-466d1236001126307ed71dfdc083b1c2"
< Location: http://%*/db/a
<
< {"ok":true,"id":"a","rev":"4-466d1236001126307ed71dfdc083b1c2"}

== If-Match may have quotes
> PUT /db/a
> If-Match: "4-466d1236001126307ed71dfdc083b1c2"
> Content-Type: application/json
>
> {"v":5}
< 201
< ETag: "5-4c42afd47801bf07a02eba1d38c26f67"
< Location: http://%*/db/a
<
< {"ok":true,"id":"a","rev":"5-4c42afd47801bf07a02eba1d38c26f67"}

== an old revision is read by its name
> GET /db/a?rev=4-466d1236001126307ed71dfdc083b1c2
< 200
< ETag: "4-466d1236001126307ed71dfdc083b1c2"
<
< {"_id":"a","_rev":"4-466d1236001126307ed71dfdc083b1c2","v":4}

== a revision that never was is missing
> GET /db/a?rev=1-00000000000000000000000000000000
< 404
<
< {"error":"not_found","reason":"missing"}

== a malformed ?rev is refused
> GET /db/a?rev=bad
< 400
<
< {"error":"bad_request","reason":"Invalid rev format"}

== an empty ?rev is refused
> GET /db/a?rev=
< 400
<
< {"error":"bad_request","reason":"Invalid rev format"}

== generation 0 is no revision of a document
> GET /db/a?rev=0-1
< 404
<
< {"error":"not_found","reason":"missing"}

== body and ?rev must agree
> PUT /db/a?rev=4-466d1236001126307ed71dfdc083b1c2
> Content-Type: application/json
>
> {"v":6,"_rev":"5-4c42afd47801bf07a02eba1d38c26f67"}
< 400
<
< {"error":"bad_request","reason":"Document rev from request body and query string have different values"}

== ?rev and If-Match must agree
> PUT /db/a?rev=5-4c42afd47801bf07a02eba1d38c26f67
> If-Match: 4-466d1236001126307ed71dfdc083b1c2
> Content-Type: application/json
>
> {"v":6}
< 400
<
< {"error":"bad_request","reason":"Document rev and etag have different values"}

== body and If-Match must agree
> PUT /db/a
> If-Match: 4-466d1236001126307ed71dfdc083b1c2
> Content-Type: application/json
>
> {"v":6,"_rev":"5-4c42afd47801bf07a02eba1d38c26f67"}
< 400
<
< {"error":"bad_request","reason":"Document rev and etag have different values"}

== a null _rev is refused
> PUT /db/a
> Content-Type: application/json
>
> {"v":6,"_rev":null}
< 400
<
< {"error":"bad_request","reason":"Invalid rev format"}

== a _rev without a dash is refused
> PUT /db/a
> Content-Type: application/json
>
> {"v":6,"_rev":"x"}
< 400
<
< {"error":"bad_request","reason":"Invalid rev format"}

== PUT with a malformed ?rev is refused
> PUT /db/a?rev=x
> Content-Type: application/json
>
> {"v":6}
< 400
<
< {"error":"bad_request","reason":"Invalid rev format"}

== a malformed If-Match is refused
> PUT /db/a
> If-Match: "x"
> Content-Type: application/json
>
> {"v":6}
< 400
<
< {"error":"bad_request","reason":"Invalid rev format"}

== a revision for an unknown document conflicts
> PUT /db/new
> Content-Type: application/json
>
> {"_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}
< 409
<
< {"error":"conflict","reason":"Document update conflict."}

== batch=ok answers 202 without a revision
> PUT /db/a?batch=ok
> Content-Type: application/json
>
> {"v":6,"_rev":"5-4c42afd47801bf07a02eba1d38c26f67"}
< 202
<
< {"ok":true,"id":"a"}

== what batch=ok wrote is there
> GET /db/a
< 200
< ETag: "6-5a2dfc5593771a2ce671c0fb406cf44a"
<
< {"_id":"a","_rev":"6-5a2dfc5593771a2ce671c0fb406cf44a","v":6}

== batch=ok does not excuse bad JSON
> PUT /db/other?batch=ok
> Content-Type: application/json
>
> {bad
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}
