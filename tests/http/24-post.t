# POST of a document.

== a database for this file
> PUT /db
< 201

== POST takes the id of the document
> POST /db
> Content-Type: application/json
>
> {"_id":"given","v":1}
< 201
< Location: http://%*/db/given
<
< {"ok":true,"id":"given","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}

== and conflicts like PUT
> POST /db
> Content-Type: application/json
>
> {"_id":"given","v":1}
< 409
<
< {"error":"conflict","reason":"Document update conflict."}

== batch=ok answers 202
> POST /db?batch=ok
> Content-Type: application/json
>
> {"_id":"b","v":1}
< 202
<
< {"ok":true,"id":"b"}

== the content type must be JSON
> POST /db
> Content-Type: text/plain
>
> {"v":1}
< 415
<
< {"error":"bad_content_type","reason":"Content-Type must be application/json"}

== an id must not be empty
> POST /db
> Content-Type: application/json
>
> {"_id":""}
< 400
<
< {"error":"illegal_docid","reason":"Document id must not be empty"}

== an id must be a string
> POST /db
> Content-Type: application/json
>
> {"_id":5}
< 400
<
< {"error":"illegal_docid","reason":"Document id must be a string"}

== a design document may be posted
> POST /db
> Content-Type: application/json
>
> {"_id":"_design/x","v":1}
< 201
< Location: http://%*/db/_design%2Fx
<
< {"ok":true,"id":"_design/x","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}

== a deletion by POST answers 201
> POST /db
> Content-Type: application/json
>
> {"_id":"given","_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727","_deleted":true}
< 201
< Location: http://%*/db/given
<
< {"ok":true,"id":"given","rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}

== an array is no document
> POST /db
> Content-Type: application/json
>
> []
< 400
<
< {"error":"bad_request","reason":"Document must be a JSON object"}

== the id is decoded
> POST /db
> Content-Type: application/json
>
> {"_id":"\u00e9","v":1}
< 201
< Location: http://%*/db/%C3%A9
<
< {"ok":true,"id":"é","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}

== a form needs a referer
> POST /db/given
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"bad_request","reason":"Referer header required."}

== of this host
> POST /db/given
> Referer: http://elsewhere/
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"bad_request","reason":"Referer header must match host."}
