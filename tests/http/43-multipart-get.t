# Documents with their attachments as multipart answers.

== a database for this file
> PUT /db
< 201

== a document with two attachments, one of them compressed
> PUT /db/d
> Content-Type: application/json
>
> {"v":1,"_attachments":{"a.bin":{"data":"MDEyMw=="},"t.txt":{"content_type":"text/plain","data":"aGVsbG8gaGVsbG8gaGVsbG8="}}}
< 201
<= rev "rev":"([^"]+)"

== a client that takes everything gets multipart/related with a length
> GET /db/d?attachments=true
< 200
< Content-Type: multipart/related; boundary="%*"
< Content-Length: %*
< ETag: "$(rev)"
< !Transfer-Encoding
<~ ^--([0-9a-f]{32})\nContent-Type: application/json\n\n\{"_id":"d","_rev":"[^"]+","v":1,"_attachments":\{"a\.bin":\{"content_type":"application/octet-stream","revpos":1,"digest":"md5-[^"]+","length":4,"follows":true\},"t\.txt":\{"content_type":"text/plain","revpos":1,"digest":"md5-EGZM0DR7tfylLvvZCXP1ug==","length":17,"follows":true,"encoding":"gzip","encoded_length":28\}\}\}\n--\1\nContent-Disposition: attachment; filename="a\.bin"\nContent-Type: application/octet-stream\nContent-Length: 4\n\n0123\n--\1\nContent-Disposition: attachment; filename="t\.txt"\nContent-Type: text/plain\nContent-Length: 28\nContent-Encoding: gzip\n\n[\s\S]{10,28}\n--\1--$

== a client that takes only JSON gets base64
> GET /db/d?attachments=true
> Accept: application/json
< 200
< Content-Type: application/json
<~ "a\.bin":\{"content_type":"application/octet-stream","revpos":1,"digest":"[^"]+","data":"MDEyMw=="\}

== a wildcard that excludes the type gives JSON
> GET /db/d?attachments=true
> Accept: */*, multipart/related;q=0
< 200
< Content-Type: application/json

== HEAD has the length of GET
> HEAD /db/d?attachments=true
< 200
< Content-Type: multipart/related; boundary="%*"
< Content-Length: %*

== the tag makes it 304 as well
> GET /db/d?attachments=true
> If-None-Match: "$(rev)"
< 304

== a new attachment beside kept ones
> PUT /db/d?rev=$(rev)
> Content-Type: application/json
>
> {"_attachments":{"a.bin":{"stub":true},"new":{"data":"bg=="}}}
< 201
<= rev2 "rev":"([^"]+)"

== atts_since makes stubs of what the client has
> GET /db/d?atts_since=%5B%22$(rev)%22%5D
< 200
< Content-Type: multipart/related; boundary="%*"
<~ "a\.bin":\{[^}]*"length":4,"stub":true\},"new":\{[^}]*"length":1,"follows":true\}
<!~ \n\n0123\n

== with nothing newer there is no part at all
> GET /db/d?atts_since=%5B%22$(rev2)%22%5D
< 200
< Content-Type: application/json
<~ ^\{.*"stub":true\}\}\}$

== open_revs as multipart/mixed holds a part for every revision
> GET /db/d?open_revs=%5B%22$(rev2)%22,%229-nope%22%5D&revs=true
> Accept: multipart/mixed
< 200
< Content-Type: multipart/mixed; boundary="%*"
< Transfer-Encoding: chunked
<~ ^--([0-9a-f]{32})\nContent-Type: multipart/related; boundary="([0-9a-f]{32})"\n\n--\2\nContent-Type: application/json\n\n\{"_id":"d","_rev":"2-[0-9a-f]{32}","_revisions":\{"start":2,"ids":\["[0-9a-f]{32}","[0-9a-f]{32}"\]\},"_attachments":\{.*\}\}\n--\2\nContent-Disposition: attachment; filename="a\.bin"\n[\s\S]*\n\n0123\n--\2\n[\s\S]*\n\nn\n--\2--\n--\1\nContent-Type: application/json; error="true"\n\n\{"missing":"9-nope"\}\n--\1--$

== atts_since works there too
> GET /db/d?open_revs=all&atts_since=%5B%22$(rev)%22%5D
> Accept: multipart/mixed
< 200
<~ "stub":true
<!~ \n\n0123\n

== without attachments a part is plain JSON
> PUT /db/plain
> Content-Type: application/json
>
> {"v":1}
< 201
> GET /db/plain?open_revs=all
< 200
<~ ^--([0-9a-f]{32})\nContent-Type: application/json\n\n\{"_id":"plain","_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727","v":1\}\n--\1--$

== _bulk_get as multipart names document and revision of parts with attachments
> POST /db/_bulk_get?revs=true
> Content-Type: application/json
> Accept: multipart/mixed
>
> {"docs":[{"id":"plain"},{"id":"d"},{"id":"nosuch"},{"id":"d","rev":"9-x"}]}
< 200
< Content-Type: multipart/mixed; boundary="--%*"
<~ ^\n----([0-9a-f]{32})\nContent-Type: application/json\n\n\{"_id":"plain".*\}\n----\1\nX-Doc-Id: d\nX-Rev-Id: 2-[0-9a-f]{32}\nContent-Type: multipart/related; boundary=--([0-9a-f]{32})\n\n----\2\nContent-Type: application/json\n[\s\S]*\n----\2--\n----\1\nContent-Type: application/json; error="true"\n\n\{"rev":"undefined","reason":"missing","id":"nosuch","error":"not_found"\}\n----\1\nContent-Type: application/json; error="true"\n\n\{"rev":"9-x","error":"not_found","reason":"missing"\}\n----\1--\n?$

== without entries it is empty
> POST /db/_bulk_get
> Content-Type: application/json
> Accept: multipart/related
>
> {"docs":[]}
< 200
< Content-Type: multipart/related; boundary="%*"
<
<

== several ranges come as multipart/byteranges
> GET /db/d/a.bin
> Range: bytes=0-1,-1
< 206
< Content-Type: multipart/byteranges; boundary="%*"
< Content-Security-Policy: sandbox
< Transfer-Encoding: chunked
<~ ^--([0-9a-f]{32})\nContent-Type: application/octet-stream\nContent-Range: bytes 0-1/4\n\n01\n--\1\nContent-Type: application/octet-stream\nContent-Range: bytes 3-3/4\n\n3\n--\1--$

== one that cannot be satisfied spoils them
> GET /db/d/a.bin
> Range: bytes=0-1,9-
< 416
