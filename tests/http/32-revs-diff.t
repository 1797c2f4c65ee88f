# What a replicator must send.

== a database for this file
> PUT /db
< 201

== a document with three leaves
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"b","_revisions":{"start":2,"ids":["b2","b1"]}},{"_id":"b","_revisions":{"start":2,"ids":["c2","b1"]}},{"_id":"b","_rev":"5-far"}]}
< 201
<
< []

== known revisions, inner ones too, are left out
> POST /db/_revs_diff
> Content-Type: application/json
>
> {"b":["2-b2","1-b1","5-far"]}
< 200
<
< {}

== missing ones come with older leaves
> POST /db/_revs_diff
> Content-Type: application/json
>
> {"b":["3-x","2-b2","3-y"],"nosuch":["1-a"]}
< 200
<
< {"b":{"missing":["3-x","3-y"],"possible_ancestors":["2-b2","2-c2"]},"nosuch":{"missing":["1-a"]}}

== all leaves are older than a new generation
> POST /db/_revs_diff
> Content-Type: application/json
>
> {"b":["6-x"]}
< 200
<
< {"b":{"missing":["6-x"],"possible_ancestors":["2-b2","2-c2","5-far"]}}

== none is older than generation 1
> POST /db/_revs_diff
> Content-Type: application/json
>
> {"b":["1-x"]}
< 200
<
< {"b":{"missing":["1-x"]}}

== nothing asked, nothing missing
> POST /db/_revs_diff
> Content-Type: application/json
>
> {}
< 200
<
< {}

== also for documents without revisions
> POST /db/_revs_diff
> Content-Type: application/json
>
> {"b":[],"nosuch":[]}
< 200
<
< {}

== a malformed revision is refused
> POST /db/_revs_diff
> Content-Type: application/json
>
> {"b":["bad"]}
< 400
<
< {"error":"bad_request","reason":"Invalid rev format"}

== a hash without a generation is refused
> POST /db/_revs_diff
> Content-Type: application/json
>
> {"b":["0123456789ABCDEF0123456789ABCDEF"]}
< 400
<
< {"error":"bad_request","reason":"Invalid rev format"}

== 32 digits are lower-cased
> POST /db/_revs_diff
> Content-Type: application/json
>
> {"b":["1-0123456789ABCDEF0123456789ABCDEF"]}
< 200
<
< {"b":{"missing":["1-0123456789abcdef0123456789abcdef"]}}

== revisions must be in an array
> POST /db/_revs_diff
> Content-Type: application/json
>
> {"b":"x"}
< 400
<
< {"error":"bad_request","reason":"Invalid list of revisions"}

== the body must be JSON
> POST /db/_revs_diff
> Content-Type: application/json
>
> {bad
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}

== and an object
> POST /db/_revs_diff
> Content-Type: application/json
>
> []
< 400
<
< {"error":"bad_request","reason":"Request body must be a JSON object"}

== GET is refused
> GET /db/_revs_diff
< 405
< Allow: POST
<
< {"error":"method_not_allowed","reason":"Only POST allowed"}

== _missing_revs lists only the revisions
> POST /db/_missing_revs
> Content-Type: application/json
>
> {"b":["2-b2","3-y"],"nosuch":["1-a"]}
< 200
<
< {"missing_revs":{"b":["3-y"],"nosuch":["1-a"]}}

== and is empty when there are none
> POST /db/_missing_revs
> Content-Type: application/json
>
> {"b":["2-b2"]}
< 200
<
< {"missing_revs":{}}

== GET of it is refused
> GET /db/_missing_revs
< 405
< Allow: POST
<
< {"error":"method_not_allowed","reason":"Only POST allowed"}
