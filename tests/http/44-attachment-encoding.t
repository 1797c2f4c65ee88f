# Compressed attachments: which way they go out, and limits of size.

@ini [couchdb] max_attachment_size = 1000
@ini [couchdb] max_document_size = 300

== a database for this file
> PUT /db
< 201

== a text attachment is stored compressed
> PUT /db/t/f.txt
> Content-Type: text/plain; charset=utf-8
>
> aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
< 201
> GET /db/t?att_encoding_info=true
< 200
<~ "length":100,"stub":true,"encoding":"gzip","encoded_length":2\d\}

== a client that says nothing gets it inflated, with its length
> GET /db/t/f.txt
< 200
< Content-Length: 100
< Content-Type: text/plain; charset=utf-8
< !Content-Encoding
<
< aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa

== a client that takes gzip gets what is stored
> GET /db/t/f.txt
> Accept-Encoding: gzip
< 200
< Content-Encoding: gzip
< Accept-Ranges: none

== the name may stand among others
> HEAD /db/t/f.txt
> Accept-Encoding: br, GZIP;q=0.5
< 200
< Content-Encoding: gzip

== a star means gzip too
> HEAD /db/t/f.txt
> Accept-Encoding: *
< 200
< Content-Encoding: gzip

== but not with q=0
> HEAD /db/t/f.txt
> Accept-Encoding: gzip;q=0, *
< 200
< !Content-Encoding
< Content-Length: 100

== identity is not gzip
> HEAD /db/t/f.txt
> Accept-Encoding: identity
< 200
< !Content-Encoding

== a type that is not text is stored as it is
> PUT /db/i/f.png
> Content-Type: image/png
>
> aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
< 201
> GET /db/i/f.png
> Accept-Encoding: gzip
< 200
< !Content-Encoding
< Accept-Ranges: bytes
< Content-Length: 60

== a type with a line break does not split the answer
> PUT /db/evil
> Content-Type: application/json
>
> {"_attachments":{"f":{"content_type":"text/html\r\nX-Evil: 1","data":"YQ=="}}}
< 201
> GET /db/evil/f
< 200
< Content-Type: text/html  X-Evil: 1
< !X-Evil
< Content-Security-Policy: sandbox
> GET /db/evil?attachments=true
< 200
<!~ \nX-Evil

== an attachment at the limit is taken
>> PUT /db/big/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000\r\n\r\n\*1000{x}
< 201

== one byte more is refused by its length
>> PUT /db/big2/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nContent-Length: 1001\r\n\r\n\*1001{x}
< 413
<
< {"error":"attachment_too_large","reason":"f"}

== without a length it is refused on the way
>> PUT /db/big2/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n\*1001{x}\r\n0\r\n\r\n
< 413
<
< {"error":"attachment_too_large","reason":"f"}

== inline too
> PUT /db/big2
> Content-Type: application/json
>
> {"_attachments":{"f":{"data":"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"}}}
< 413
<
< {"error":"attachment_too_large","reason":"f"}

== a document within the limit counts its body only
> PUT /db/ok
> Content-Type: application/json
>
> {"a":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","_id":"ok"}
< 201

== beyond the limit the reason is the id of the text, which a PUT need not have
> PUT /db/toolarge
> Content-Type: application/json
>
> {"a":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}
< 413
<
< {"error":"document_too_large","reason":""}

== in _bulk_docs it fails the whole request
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"fine"},{"_id":"huge","a":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}]}
< 413
<
< {"error":"document_too_large","reason":"huge"}
> GET /db/fine
< 404
