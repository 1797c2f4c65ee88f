== a body of no bytes is no JSON
> PUT /empty
< 201
> POST /empty/_revs_diff
> Content-Type: application/json
> Content-Length: 0
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}
> POST /empty/_bulk_get
> Content-Type: application/json
> Content-Length: 0
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}
> POST /empty/_purge
> Content-Type: application/json
> Content-Length: 0
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}
> PUT /empty/_revs_limit
> Content-Length: 0
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}

== without a length there is none
>> POST /empty/_revs_diff HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nContent-Type: application/json\r\n\r\n
< 400
<
< {"error":"bad_request","reason":"Missing request body"}

== nor for a number
>> PUT /empty/_revs_limit HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\n\r\n
< 400
<
< {"error":"bad_request","reason":"Missing request body"}

== nor for names
>> POST /_dbs_info HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nContent-Type: application/json\r\n\r\n
< 400
<
< {"error":"bad_request","reason":"Missing request body"}

== nor for a document, as curl -X PUT sends it
>> PUT /empty/doc HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\n\r\n
< 400
<
< {"error":"bad_request","reason":"Missing request body"}

== nor for a local one
>> PUT /empty/_local/doc HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\n\r\n
< 400
<
< {"error":"bad_request","reason":"Missing request body"}

== nor for a new one
>> POST /empty HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nContent-Type: application/json\r\n\r\n
< 400
<
< {"error":"bad_request","reason":"Missing request body"}

== nor for many
>> POST /empty/_bulk_docs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nContent-Type: application/json\r\n\r\n
< 400
<
< {"error":"bad_request","reason":"Missing request body"}

== nor for a listing
>> POST /empty/_all_docs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nContent-Type: application/json\r\n\r\n
< 400
<
< {"error":"bad_request","reason":"Missing request body"}
