# One attachment.

== a database for this file
> PUT /db
< 201

== PUT of an attachment makes the document
> PUT /db/d/f.txt
> Content-Type: text/plain
>
> hello hello hello
< 201
< Location: http://%*/db/d/f.txt
<
< {"ok":true,"id":"d","rev":"1-8ef6a318fb68aa55677ed609ac177915"}

== which lists it as a stub
> GET /db/d
< 200
< ETag: "1-8ef6a318fb68aa55677ed609ac177915"
<
< {"_id":"d","_rev":"1-8ef6a318fb68aa55677ed609ac177915","_attachments":{"f.txt":{"content_type":"text/plain","revpos":1,"digest":"md5-EGZM0DR7tfylLvvZCXP1ug==","length":17,"stub":true}}}

== text goes out as it came in
> GET /db/d/f.txt
< 200
< Accept-Ranges: none
< ETag: "EGZM0DR7tfylLvvZCXP1ug=="
< Content-Type: text/plain
< Content-Security-Policy: sandbox
< X-Content-Type-Options: nosniff
<
< hello hello hello

== HEAD knows its length and tag
> HEAD /db/d/f.txt
< 200
< Accept-Ranges: none
< ETag: "EGZM0DR7tfylLvvZCXP1ug=="
< Content-Type: text/plain

== a matching tag is 304
> GET /db/d/f.txt
> If-None-Match: "EGZM0DR7tfylLvvZCXP1ug=="
< 304
< ETag: "EGZM0DR7tfylLvvZCXP1ug=="

== an unknown attachment is 404
> GET /db/d/nosuch
< 404
<
< {"error":"not_found","reason":"Document is missing attachment"}

== also of an unknown document
> GET /db/nosuch/f.txt
< 404
<
< {"error":"not_found","reason":"missing"}

== also of an unknown revision
> GET /db/d/f.txt?rev=1-bad
< 404
<
< {"error":"not_found","reason":"missing"}

== a second PUT without a revision conflicts
> PUT /db/d/f.txt
> Content-Type: text/plain
>
> x
< 409
<
< {"error":"conflict","reason":"Document update conflict."}

== an unknown revision is 409 before anything is read
> PUT /db/d/f.txt?rev=9-abc
> Content-Type: text/plain
>
> x
< 409
<
< {"error":"not_found","reason":"missing_rev"}

== a new attachment goes in front
> PUT /db/d/b.bin?rev=1-8ef6a318fb68aa55677ed609ac177915
> Content-Type: application/octet-stream
>
> 0123456789abcdef
< 201
< Location: http://%*/db/d/b.bin
<
< {"ok":true,"id":"d","rev":"2-0b46d451e0d009e65566db109027358b"}

== bytes come back
> GET /db/d/b.bin
< 200
< Accept-Ranges: bytes
< ETag: "QDKvjWEDUSOQbljgZxQMxQ=="
< Content-Type: application/octet-stream
< Content-Security-Policy: sandbox
< X-Content-Type-Options: nosniff
<
< 0123456789abcdef

== the old one keeps its revpos
> GET /db/d
< 200
< ETag: "2-0b46d451e0d009e65566db109027358b"
<
< {"_id":"d","_rev":"2-0b46d451e0d009e65566db109027358b","_attachments":{"b.bin":{"content_type":"application/octet-stream","revpos":2,"digest":"md5-QDKvjWEDUSOQbljgZxQMxQ==","length":16,"stub":true},"f.txt":{"content_type":"text/plain","revpos":1,"digest":"md5-EGZM0DR7tfylLvvZCXP1ug==","length":17,"stub":true}}}

== inline data is base64 of what it decodes to
> GET /db/d?attachments=true
> Accept: application/json
< 200
< ETag: "2-0b46d451e0d009e65566db109027358b"
<
< {"_id":"d","_rev":"2-0b46d451e0d009e65566db109027358b","_attachments":{"b.bin":{"content_type":"application/octet-stream","revpos":2,"digest":"md5-QDKvjWEDUSOQbljgZxQMxQ==","data":"MDEyMzQ1Njc4OWFiY2RlZg=="},"f.txt":{"content_type":"text/plain","revpos":1,"digest":"md5-EGZM0DR7tfylLvvZCXP1ug==","data":"aGVsbG8gaGVsbG8gaGVsbG8="}}}

== encoding information on demand
> GET /db/d?att_encoding_info=true
< 200
< ETag: "2-0b46d451e0d009e65566db109027358b"
<
< {"_id":"d","_rev":"2-0b46d451e0d009e65566db109027358b","_attachments":{"b.bin":{"content_type":"application/octet-stream","revpos":2,"digest":"md5-QDKvjWEDUSOQbljgZxQMxQ==","length":16,"stub":true},"f.txt":{"content_type":"text/plain","revpos":1,"digest":"md5-EGZM0DR7tfylLvvZCXP1ug==","length":17,"stub":true,"encoding":"gzip","encoded_length":28}}}

== POST is refused
> POST /db/d/f.txt
> Content-Type: application/json
>
> x
< 405
< Allow: DELETE,GET,HEAD,PUT
<
< {"error":"method_not_allowed","reason":"Only DELETE,GET,HEAD,PUT allowed"}

== deleting without a revision conflicts
> DELETE /db/d/f.txt
< 409
<
< {"error":"conflict","reason":"Document update conflict."}

== deleting an unknown attachment is 404
> DELETE /db/d/nosuch
< 404
<
< {"error":"not_found","reason":"Document is missing attachment"}

== of an unknown document too
> DELETE /db/nosuch/f
< 404
<
< {"error":"not_found","reason":"missing"}

== an attachment may be empty
> PUT /db/e/empty
> Content-Type: application/octet-stream
< 201
< Location: http://%*/db/e/empty
<
< {"ok":true,"id":"e","rev":"1-8c71fc4fc2bd92281a69d212b9093806"}

== and is read so
> GET /db/e/empty
< 200
< Accept-Ranges: bytes
< ETag: "1B2M2Y8AsgTpgAmY7PhCfg=="
< Content-Type: application/octet-stream
<
< 

== other codings than gzip are refused
> PUT /db/enc/f
> Content-Type: text/plain
> Content-Encoding: deflate
>
> zzz
< 415
<
< {"error":"bad_content_type","reason":"Only gzip and identity content-encodings are supported"}

== a name must not begin with an underscore
> PUT /db/u/_under
> Content-Type: text/plain
>
> x
< 400
<
< {"error":"bad_request","reason":"Attachment name '_under' starts with prohibited character '_'"}

== and must be UTF-8
> PUT /db/u/%FF
> Content-Type: text/plain
>
> x
< 400
<
< {"error":"bad_request","reason":"Attachment name is not UTF-8 encoded"}

== slashes of a name may be encoded or not
> PUT /db/u/a/b%2Fc/%C3%A9%20d
> Content-Type: text/plain
>
> x
< 201
< Location: http://%*/db/u/a%2Fb%2Fc%2F%C3%A9%20d
<
< {"ok":true,"id":"u","rev":"1-2a44cc8eb5ab982abd9d355fcc25d8ec"}

== either way it is read
> GET /db/u/a/b/c/%C3%A9%20d
< 200
< Accept-Ranges: none
< ETag: "BQ12Y6Pl9vOURwmqG1HaIA=="
< Content-Type: text/plain
<
< x

== design documents have attachments
> PUT /db/_design/dd/x/y
> Content-Type: text/plain
>
> x
< 201
< Location: http://%*/db/_design%2Fdd/x%2Fy
<
< {"ok":true,"id":"_design/dd","rev":"1-4be6f4ebce2083c90e4890595e9d2801"}

== with slashes in their names
> GET /db/_design/dd/x/y
< 200
< Accept-Ranges: none
< ETag: "BQ12Y6Pl9vOURwmqG1HaIA=="
< Content-Type: text/plain
<
< x

== an attachment brings a deleted document back; the id is recorded from CouchDB 3.5.0
> PUT /db/a
>
> {"v":1}
< 201
> PUT /db/a?rev=1-7a7e4b29f3af401e69b6f86e4c26b727
>
> {"v":2}
< 201
> PUT /db/a?rev=2-d0df861eb528e79690cd2ff3c4d394f3
>
> {"v":3}
< 201
> PUT /db/a?rev=3-c50a32451890a3f1c3e423334cc92745
>
> {"v":4}
< 201
> PUT /db/a?rev=4-466d1236001126307ed71dfdc083b1c2
>
> {"v":5}
< 201
> DELETE /db/a?rev=5-4c42afd47801bf07a02eba1d38c26f67
< 200
> PUT /db/a/b
> Content-Type: application/json
>
> {"i":1}
< 201
<
< {"ok":true,"id":"a","rev":"7-043b28fcf123303b45c67c1afa892968"}

== the attachments count by their number alone
> PUT /db/back1
>
> {}
< 201
> DELETE /db/back1?rev=1-967a00dff5e02add41819138abb3284d
< 200
> PUT /db/back1
>
> {"_attachments":{"x":{"data":"YQ=="}}}
< 201
<= REV "rev":"([^"]*)"
> PUT /db/back2
>
> {}
< 201
> DELETE /db/back2?rev=1-967a00dff5e02add41819138abb3284d
< 200
> PUT /db/back2
>
> {"_attachments":{"y":{"data":"Yg==","content_type":"text/plain"}}}
< 201
<
< {"ok":true,"id":"back2","rev":"$(REV)"}
