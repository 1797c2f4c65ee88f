# Many revisions in one answer.

== a database for this file
> PUT /db
< 201

== documents to get
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"b","_rev":"1-b8f97323e7f26909d5e0c8d2764a765f","v":2},{"_id":"ne","_revisions":{"start":2,"ids":["cccccccccccccccccccccccccccccccc","bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]},"v":2},{"_id":"ne","_deleted":true,"_revisions":{"start":3,"ids":["dddddddddddddddddddddddddddddddd","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]}}]}
< 201
<
< []

== results follow the request, errors included
> POST /db/_bulk_get
> Content-Type: application/json
>
> {"docs":[{"id":"b"},{"id":"b","rev":"1-b8f97323e7f26909d5e0c8d2764a765f"},{"id":"nosuch"},{"id":"b","rev":"9-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},{"id":"ne"},{"id":"nosuch","rev":"1-a"}]}
< 200
<
< {"results":[{"id":"b","docs":[{"ok":{"_id":"b","_rev":"1-b8f97323e7f26909d5e0c8d2764a765f","v":2}}]},{"id":"b","docs":[{"ok":{"_id":"b","_rev":"1-b8f97323e7f26909d5e0c8d2764a765f","v":2}}]},{"id":"nosuch","docs":[{"error":{"rev":"undefined","reason":"missing","id":"nosuch","error":"not_found"}}]},{"id":"b","docs":[{"error":{"rev":"9-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","reason":"missing","id":"b","error":"not_found"}}]},{"id":"ne","docs":[{"ok":{"_id":"ne","_rev":"3-dddddddddddddddddddddddddddddddd","_deleted":true}},{"ok":{"_id":"ne","_rev":"2-cccccccccccccccccccccccccccccccc","v":2}}]},{"id":"nosuch","docs":[{"error":{"rev":"1-a","reason":"missing","id":"nosuch","error":"not_found"}}]}]}

== latest=true gives all leaves below
> POST /db/_bulk_get?latest=true
> Content-Type: application/json
>
> {"docs":[{"id":"ne","rev":"1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}]}
< 200
<
< {"results":[{"id":"ne","docs":[{"ok":{"_id":"ne","_rev":"3-dddddddddddddddddddddddddddddddd","_deleted":true}},{"ok":{"_id":"ne","_rev":"2-cccccccccccccccccccccccccccccccc","v":2}}]}]}

== with their histories
> POST /db/_bulk_get?latest=true&revs=true
> Content-Type: application/json
>
> {"docs":[{"id":"ne","rev":"2-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}]}
< 200
<
< {"results":[{"id":"ne","docs":[{"ok":{"_id":"ne","_rev":"3-dddddddddddddddddddddddddddddddd","_deleted":true,"_revisions":{"start":3,"ids":["dddddddddddddddddddddddddddddddd","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]}}}]}]}

== an inner revision whose body never came is missing
> POST /db/_bulk_get
> Content-Type: application/json
>
> {"docs":[{"id":"ne","rev":"2-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}]}
< 200
<
< {"results":[{"id":"ne","docs":[{"error":{"rev":"2-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","reason":"missing","id":"ne","error":"not_found"}}]}]}

== no documents, no results
> POST /db/_bulk_get
> Content-Type: application/json
>
> {"docs":[]}
< 200
<
< {"results":[]}

== docs must be there
> POST /db/_bulk_get
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"bad_request","reason":"Missing JSON list of 'docs'."}

== entries fail one by one
> POST /db/_bulk_get
> Content-Type: application/json
>
> {"docs":[5,{},{"rev":"1-a"},{"id":""},{"id":"_x"},{"id":"b","rev":"bad"},{"id":"b","rev":7},{"id":"b","atts_since":"x"},{"id":"b","atts_since":["bad"]},{"id":"b","atts_since":["1-a"]}]}
< 200
<
< {"results":[{"id":null,"docs":[{"error":{"rev":null,"reason":"document must be a JSON object","id":null,"error":"bad_request"}}]},{"id":null,"docs":[{"error":{"rev":null,"reason":"document must be a JSON object","id":null,"error":"bad_request"}}]},{"id":null,"docs":[{"error":{"rev":null,"reason":"document id missed","id":null,"error":"bad_request"}}]},{"id":"","docs":[{"error":{"rev":null,"reason":"Document id must not be empty","id":"","error":"illegal_docid"}}]},{"id":"_x","docs":[{"error":{"rev":null,"reason":"Only reserved document ids may start with underscore.","id":"_x","error":"illegal_docid"}}]},{"id":"b","docs":[{"error":{"rev":"bad","reason":"Invalid rev format","id":"b","error":"bad_request"}}]},{"id":"b","docs":[{"error":{"rev":7,"reason":"Invalid rev format","id":"b","error":"bad_request"}}]},{"id":"b","docs":[{"error":{"rev":"x","reason":"att_since value must be array of revs.","id":"b","error":"bad_request"}}]},{"id":"b","docs":[{"error":{"rev":"bad","reason":"Invalid rev format","id":"b","error":"bad_request"}}]},{"id":"b","docs":[{"ok":{"_id":"b","_rev":"1-b8f97323e7f26909d5e0c8d2764a765f","v":2}}]}]}

== rev belongs into the entries
> POST /db/_bulk_get?rev=1-a
> Content-Type: application/json
>
> {"docs":[]}
< 400
<
< {"error":"bad_request","reason":"\"rev\" query parameter is not acceptable"}

== so does open_revs
> POST /db/_bulk_get?open_revs=all
> Content-Type: application/json
>
> {"docs":[]}
< 400
<
< {"error":"bad_request","reason":"\"open_revs\" query parameter is not acceptable"}

== the body must be an object
> POST /db/_bulk_get
> Content-Type: application/json
>
> []
< 400
<
< {"error":"bad_request","reason":"Request body must be a JSON object"}

== the content type must be JSON
> POST /db/_bulk_get
> Content-Type: text/plain
>
> {"docs":[]}
< 415
<
< {"error":"bad_content_type","reason":"Content-Type must be application/json"}

== GET is 405, as clients probe it
> GET /db/_bulk_get
< 405
< Allow: POST
<
< {"error":"method_not_allowed","reason":"Only POST allowed"}

== HEAD is too
> HEAD /db/_bulk_get
< 405
< Allow: POST

== an Accept that fits nothing gives JSON
> POST /db/_bulk_get
> Accept: text/plain
> Content-Type: application/json
>
> {"docs":[{"id":"b"}]}
< 200
<
< {"results":[{"id":"b","docs":[{"ok":{"_id":"b","_rev":"1-b8f97323e7f26909d5e0c8d2764a765f","v":2}}]}]}

== local documents have no revisions
> POST /db/_bulk_get
> Content-Type: application/json
>
> {"docs":[{"id":"_local/x"}]}
< 200
<
< {"results":[{"id":"_local/x","docs":[{"error":{"rev":"undefined","reason":"missing","id":"_local/x","error":"not_found"}}]}]}
