# Generated ids, limits of count, compressed bodies and rights inside bulk requests.

@ini [couchdb] max_bulk_docs_count = 3
@ini [couchdb] max_bulk_get_count = 2

== a database for this file
> PUT /db
< 201

== documents without an id get one
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"v":1},{"_id":"given"},{"s":"a \"_id\" in a string"}]}
< 201
<~ ^\[\{"ok":true,"id":"[0-9a-f]{32}","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"\},\{"ok":true,"id":"given",[^}]*\},\{"ok":true,"id":"[0-9a-f]{32}",

== so does a posted one
> POST /db
> Content-Type: application/json
>
> {"v":1}
< 201
< Location: http://%*/db/%*
<~ ^\{"ok":true,"id":"[0-9a-f]{32}","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"\}

== too many documents are refused
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{},{},{},{}]}
< 413
<
< {"error":"max_bulk_docs_count_exceeded","reason":"3"}

== and too many to get
> POST /db/_bulk_get
> Content-Type: application/json
>
> {"docs":[{},{},{}]}
< 413
<
< {"error":"max_bulk_get_count_exceeded","reason":"2"}

== the same id goes through its edits in order
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"chain","val":"r0"},{"_id":"chain","_rev":"1-47f3268e7546965196b57572099f4372","val":"r1"},{"_id":"chain","_rev":"2-1d8171ab3a91475cfece749291e6f897","val":"r2"}]}
< 201
<
< [{"ok":true,"id":"chain","rev":"1-47f3268e7546965196b57572099f4372"},{"ok":true,"id":"chain","rev":"2-1d8171ab3a91475cfece749291e6f897"},{"ok":true,"id":"chain","rev":"3-3fb0a342d2ce092fdcc77856dbe8a2ef"}]

== a compressed body is inflated
>> POST /db/_bulk_docs HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 43\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x4a\xc9\x4f\x2e\x56\xb2\x8a\xae\x56\x8a\xcf\x4c\x51\xb2\x52\x4a\xaf\x52\xaa\x8d\xad\x05\x00\x8c\x37\x4f\x38\x17\x00\x00\x00
< 201
<
< [{"ok":true,"id":"gz","rev":"1-967a00dff5e02add41819138abb3284d"}]

== broken compression is refused
> POST /db/_bulk_docs
> Content-Type: application/json
> Content-Encoding: gzip
>
> {"docs":[]}
< 400
<
< {"error":"bad_request","reason":"Request body is not properly gzipped."}

== other codings are refused
> POST /db/_bulk_docs
> Content-Type: application/json
> Content-Encoding: br
>
> {"docs":[]}
< 415

== everybody may write into a public database
> PUT /db/_security
> Content-Type: application/json
>
> {"admins":{"names":[],"roles":["_admin"]},"members":{"names":[],"roles":[]}}
< 200

@user -

== but design documents are refused one by one
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"mine","v":1},{"_id":"_design/x","v":1}]}
< 201
<
< [{"ok":true,"id":"mine","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"},{"id":"_design/x","error":"unauthorized","reason":"You are not a db or server admin."}]

== also when posted
> POST /db
> Content-Type: application/json
>
> {"_id":"_design/x","v":1}
< 401
<
< {"error":"unauthorized","reason":"You are not a db or server admin."}

== or copied to
> COPY /db/mine
> Destination: _design/x
< 401

== or put
> PUT /db/_design/x
> Content-Type: application/json
>
> {}
< 401

== local documents are everybody's
> PUT /db/_local/x
> Content-Type: application/json
>
> {"v":1}
< 201
