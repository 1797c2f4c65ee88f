# Attachments inside documents.

== a database for this file
> PUT /db
< 201

== inline text is compressed, the revision shows it
> PUT /db/a
> Content-Type: application/json
>
> {"_attachments":{"f.txt":{"content_type":"text/plain","data":"aGVsbG8="}}}
< 201
< ETag: "1-a5d537a11533f4f796be61f51d2d5110"
< Location: http://%*/db/a
<
< {"ok":true,"id":"a","rev":"1-a5d537a11533f4f796be61f51d2d5110"}

== without a type it is octets
> PUT /db/b
> Content-Type: application/json
>
> {"_attachments":{"f.bin":{"data":"aGVsbG8="}}}
< 201
< ETag: "1-48b6a4bbed94b975c146bfcb6c569747"
< Location: http://%*/db/b
<
< {"ok":true,"id":"b","rev":"1-48b6a4bbed94b975c146bfcb6c569747"}

== several keep their order
> PUT /db/two
> Content-Type: application/json
>
> {"_attachments":{"b":{"content_type":"application/octet-stream","data":"YQ=="},"a":{"content_type":"application/octet-stream","data":"Yg=="}}}
< 201
< ETag: "1-64afbf5bfe2717af2f9c84e31a1c204b"
< Location: http://%*/db/two
<
< {"ok":true,"id":"two","rev":"1-64afbf5bfe2717af2f9c84e31a1c204b"}

== bad base64 is refused
> PUT /db/bad
> Content-Type: application/json
>
> {"_attachments":{"f":{"data":"@@"}}}
< 400
<
< {"error":"bad_request","reason":"Invalid attachment data for f"}

== a name must not begin with an underscore
> PUT /db/bad
> Content-Type: application/json
>
> {"_attachments":{"_f":{"data":""}}}
< 400
<
< {"error":"bad_request","reason":"Attachment name '_f' starts with prohibited character '_'"}

== a name must not be empty
> PUT /db/bad
> Content-Type: application/json
>
> {"_attachments":{"":{"data":""}}}
< 400
<
< {"error":"bad_request","reason":"Attachment name must not be empty"}

== a stub needs a past
> PUT /db/bad
> Content-Type: application/json
>
> {"_attachments":{"f":{"stub":true}}}
< 412
<
< {"error":"missing_stub","reason":"Previous revision missing for document bad"}

== an attachment to keep
> PUT /db/st
> Content-Type: application/json
>
> {"_attachments":{"a":{"content_type":"text/plain","data":"YQ=="}}}
< 201
< ETag: "1-26d030ed2e1e6fcabedc8975eddad9e2"
< Location: http://%*/db/st
<
< {"ok":true,"id":"st","rev":"1-26d030ed2e1e6fcabedc8975eddad9e2"}

== a stub keeps it
> PUT /db/st
> Content-Type: application/json
>
> {"_rev":"1-26d030ed2e1e6fcabedc8975eddad9e2","x":1,"_attachments":{"a":{"stub":true,"content_type":"text/plain","revpos":1}}}
< 201
< ETag: "2-17762f7f42635d874384e8e495fe6010"
< Location: http://%*/db/st
<
< {"ok":true,"id":"st","rev":"2-17762f7f42635d874384e8e495fe6010"}

== a stub of nothing is refused
> PUT /db/st
> Content-Type: application/json
>
> {"_rev":"2-17762f7f42635d874384e8e495fe6010","_attachments":{"zzz":{"stub":true}}}
< 412
<
< {"error":"missing_stub","reason":"Invalid attachment stub in st for zzz"}

== a stub and a new one
> PUT /db/st
> Content-Type: application/json
>
> {"_rev":"2-17762f7f42635d874384e8e495fe6010","_attachments":{"a":{"stub":true},"b":{"data":"Yg=="}}}
< 201
< ETag: "3-8489570aad3a0abf2693c7e1841e8418"
< Location: http://%*/db/st
<
< {"ok":true,"id":"st","rev":"3-8489570aad3a0abf2693c7e1841e8418"}

== both are listed
> GET /db/st
< 200
< ETag: "3-8489570aad3a0abf2693c7e1841e8418"
<
< {"_id":"st","_rev":"3-8489570aad3a0abf2693c7e1841e8418","_attachments":{"a":{"content_type":"text/plain","revpos":1,"digest":"md5-Q9YCQTjh9i7sCvBHVdHM7Q==","length":1,"stub":true},"b":{"content_type":"application/octet-stream","revpos":3,"digest":"md5-kutf/uauL+w61xx3dTFXjw==","length":1,"stub":true}}}

== atts_since sends what is newer than an ancestor
> GET /db/st?atts_since=%5B%222-17762f7f42635d874384e8e495fe6010%22%5D
> Accept: application/json
< 200
< ETag: "3-8489570aad3a0abf2693c7e1841e8418"
<
< {"_id":"st","_rev":"3-8489570aad3a0abf2693c7e1841e8418","_attachments":{"a":{"content_type":"text/plain","revpos":1,"digest":"md5-Q9YCQTjh9i7sCvBHVdHM7Q==","length":1,"stub":true},"b":{"content_type":"application/octet-stream","revpos":3,"digest":"md5-kutf/uauL+w61xx3dTFXjw==","data":"Yg=="}}}

== all of it when the ancestor is unknown
> GET /db/st?attachments=true&atts_since=%5B%229-x%22%5D
> Accept: application/json
< 200
< ETag: "3-8489570aad3a0abf2693c7e1841e8418"
<
< {"_id":"st","_rev":"3-8489570aad3a0abf2693c7e1841e8418","_attachments":{"a":{"content_type":"text/plain","revpos":1,"digest":"md5-Q9YCQTjh9i7sCvBHVdHM7Q==","data":"YQ=="},"b":{"content_type":"application/octet-stream","revpos":3,"digest":"md5-kutf/uauL+w61xx3dTFXjw==","data":"Yg=="}}}

== nothing when nothing is newer
> GET /db/st?atts_since=%5B%223-8489570aad3a0abf2693c7e1841e8418%22%5D
> Accept: application/json
< 200
< ETag: "3-8489570aad3a0abf2693c7e1841e8418"
<
< {"_id":"st","_rev":"3-8489570aad3a0abf2693c7e1841e8418","_attachments":{"a":{"content_type":"text/plain","revpos":1,"digest":"md5-Q9YCQTjh9i7sCvBHVdHM7Q==","length":1,"stub":true},"b":{"content_type":"application/octet-stream","revpos":3,"digest":"md5-kutf/uauL+w61xx3dTFXjw==","length":1,"stub":true}}}

== attachments that are not mentioned are gone
> PUT /db/st
> Content-Type: application/json
>
> {"_rev":"3-8489570aad3a0abf2693c7e1841e8418","noatts":1}
< 201
< ETag: "4-d3606e9be50bed2bec5e3274facf2d4e"
< Location: http://%*/db/st
<
< {"ok":true,"id":"st","rev":"4-d3606e9be50bed2bec5e3274facf2d4e"}

== from the document
> GET /db/st
< 200
< ETag: "4-d3606e9be50bed2bec5e3274facf2d4e"
<
< {"_id":"st","_rev":"4-d3606e9be50bed2bec5e3274facf2d4e","noatts":1}

== and by their path
> GET /db/st/b
< 404
<
< {"error":"not_found","reason":"Document is missing attachment"}

== but not from the old revision
> GET /db/st/b?rev=3-8489570aad3a0abf2693c7e1841e8418
< 200
< Accept-Ranges: bytes
< ETag: "kutf/uauL+w61xx3dTFXjw=="
< Content-Type: application/octet-stream
<
< b

== a stub in an edit of an old revision is a conflict first
> PUT /db/st
> Content-Type: application/json
>
> {"_rev":"1-26d030ed2e1e6fcabedc8975eddad9e2","_attachments":{"zzz":{"stub":true}}}
< 409
<
< {"error":"conflict","reason":"Document update conflict."}

== _bulk_get inlines on demand
> POST /db/_bulk_get?attachments=true
> Content-Type: application/json
>
> {"docs":[{"id":"two"}]}
< 200
<
< {"results":[{"id":"two","docs":[{"ok":{"_id":"two","_rev":"1-64afbf5bfe2717af2f9c84e31a1c204b","_attachments":{"b":{"content_type":"application/octet-stream","revpos":1,"digest":"md5-DMF1ucDxtqgxw5niaXcmYQ==","data":"YQ=="},"a":{"content_type":"application/octet-stream","revpos":1,"digest":"md5-kutf/uauL+w61xx3dTFXjw==","data":"Yg=="}}}}]}]}

== a copy has the attachments
> COPY /db/two
> Destination: three
< 201
< ETag: "1-64afbf5bfe2717af2f9c84e31a1c204b"
< Location: http://%*/db/three
<
< {"ok":true,"id":"three","rev":"1-64afbf5bfe2717af2f9c84e31a1c204b"}

== as they were
> GET /db/three
< 200
< ETag: "1-64afbf5bfe2717af2f9c84e31a1c204b"
<
< {"_id":"three","_rev":"1-64afbf5bfe2717af2f9c84e31a1c204b","_attachments":{"b":{"content_type":"application/octet-stream","revpos":1,"digest":"md5-DMF1ucDxtqgxw5niaXcmYQ==","length":1,"stub":true},"a":{"content_type":"application/octet-stream","revpos":1,"digest":"md5-kutf/uauL+w61xx3dTFXjw==","length":1,"stub":true}}}
