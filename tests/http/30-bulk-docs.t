# Many documents in one request.

== a database for this file
> PUT /db
< 201

== two new documents
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"a","v":1},{"_id":"b","v":2}]}
< 201
<
< [{"ok":true,"id":"a","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"},{"ok":true,"id":"b","rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}]

== each is judged by itself, in order
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"a","_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727","_deleted":true},{"_id":"dup"},{"_id":"dup"},{"_id":"dup","x":1}]}
< 201
<
< [{"ok":true,"id":"a","rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"},{"ok":true,"id":"dup","rev":"1-967a00dff5e02add41819138abb3284d"},{"id":"dup","error":"conflict","reason":"Document update conflict."},{"id":"dup","error":"conflict","reason":"Document update conflict."}]

== a conflict does not stop the others
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"b"},{"_id":"c"}]}
< 201
<
< [{"id":"b","error":"conflict","reason":"Document update conflict."},{"ok":true,"id":"c","rev":"1-967a00dff5e02add41819138abb3284d"}]

== no documents, no results
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[]}
< 201
<
< []

== docs must be there
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"bad_request","reason":"POST body must include `docs` parameter."}

== and be an array
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":5}
< 400
<
< {"error":"bad_request","reason":"`docs` parameter must be an array."}

== of objects
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[5]}
< 400
<
< {"error":"bad_request","reason":"Document must be a JSON object"}

== one that cannot be parsed fails the request
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"ok1"},{"_id":5}]}
< 400
<
< {"error":"illegal_docid","reason":"Document id must be a string"}

== and nothing of it was written
> GET /db/ok1
< 404
<
< {"error":"not_found","reason":"missing"}

== an unknown special member fails it
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"ok1"},{"_id":"x","_bad":1}]}
< 400
<
< {"error":"doc_validation","reason":"Bad special document member: _bad"}

== an empty id fails it
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":""}]}
< 400
<
< {"error":"illegal_docid","reason":"Document id must not be empty"}

== a reserved id fails it
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"_x"}]}
< 400
<
< {"error":"illegal_docid","reason":"Only reserved document ids may start with underscore."}

== the body must be an object
> POST /db/_bulk_docs
> Content-Type: application/json
>
> []
< 400
<
< {"error":"bad_request","reason":"Request body must be a JSON object"}

== and JSON
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {bad
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}

== new_edits must be a boolean
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"q"}],"new_edits":"no"}
< 400
<
< {"error":"bad_request","reason":"`new_edits` parameter must be a boolean."}

== the content type must be JSON
> POST /db/_bulk_docs
> Content-Type: text/plain
>
> {"docs":[]}
< 415
<
< {"error":"bad_content_type","reason":"Content-Type must be application/json"}

== GET is refused
> GET /db/_bulk_docs
< 405
< Allow: POST
<
< {"error":"method_not_allowed","reason":"Only POST allowed"}

== w is ignored
> POST /db/_bulk_docs?w=1
> Content-Type: application/json
>
> {"docs":[{"_id":"w"}],"w":3}
< 201
<
< [{"ok":true,"id":"w","rev":"1-967a00dff5e02add41819138abb3284d"}]

== local and design documents are taken
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"_local/x","a":1},{"_id":"_design/d","a":1}]}
< 201
<
< [{"ok":true,"id":"_local/x","rev":"0-1"},{"ok":true,"id":"_design/d","rev":"1-23202479633c2b380f79507a776743d5"}]

== all_or_nothing is not supported
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"n1"},{"_id":"n2"}],"all_or_nothing":true}
< 417
<
< [{"id":"n1","error":"not_implemented","reason":"all_or_nothing is not supported"},{"id":"n2","error":"not_implemented","reason":"all_or_nothing is not supported"}]

== a stub without a past fails the request
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"st","_attachments":{"f":{"stub":true}}},{"_id":"st2"}]}
< 412
<
< {"error":"missing_stub","reason":"Previous revision missing for document st"}

== and nothing of it was written either
> GET /db/st2
< 404
<
< {"error":"not_found","reason":"missing"}

== bad base64 fails it
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"d64","_attachments":{"f":{"data":"@@"}}}]}
< 400
<
< {"error":"bad_request","reason":"Invalid attachment data for f"}

== escapes in an id are decoded
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"e\u0078"}]}
< 201
<
< [{"ok":true,"id":"ex","rev":"1-967a00dff5e02add41819138abb3284d"}]

== of two ids the last one counts
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"first","_id":"last"}]}
< 201
<
< [{"ok":true,"id":"last","rev":"1-967a00dff5e02add41819138abb3284d"}]

== documents are written in the order of their ids, and answered in that of the request
> PUT /order
< 201
> POST /order/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"b"},{"_id":"\u00e9"},{"_id":"a"},{"_id":"B"},{"_id":"b","x":1}]}
< 201
<~ "id":"b".*"id":"é".*"id":"a".*"id":"B".*"conflict"
> GET /order/_changes
< 200
<~ "1-[^"]*","id":"B"[^]*"2-[^"]*","id":"a"[^]*"3-[^"]*","id":"b"[^]*"4-
