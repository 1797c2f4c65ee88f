# Ranges.

== a database for this file
> PUT /db
< 201

== an attachment in octets
> PUT /db/d/b.bin
> Content-Type: application/octet-stream
>
> 0123456789abcdef
< 201
< Location: http://%*/db/d/b.bin
<
< {"ok":true,"id":"d","rev":"1-9f9a5ad94399753ad33933572cf3627f"}

== a range from the front
> GET /db/d/b.bin
> Range: bytes=0-9
< 206
< Accept-Ranges: bytes
< Content-Range: bytes 0-9/16
< ETag: "QDKvjWEDUSOQbljgZxQMxQ=="
< Content-Type: application/octet-stream
< Content-Security-Policy: sandbox
< X-Content-Type-Options: nosniff
<
< 0123456789

== to the end
> GET /db/d/b.bin
> Range: bytes=10-
< 206
< Accept-Ranges: bytes
< Content-Range: bytes 10-15/16
< ETag: "QDKvjWEDUSOQbljgZxQMxQ=="
< Content-Type: application/octet-stream
< Content-Security-Policy: sandbox
< X-Content-Type-Options: nosniff
<
< abcdef

== from the end
> GET /db/d/b.bin
> Range: bytes=-5
< 206
< Accept-Ranges: bytes
< Content-Range: bytes 11-15/16
< ETag: "QDKvjWEDUSOQbljgZxQMxQ=="
< Content-Type: application/octet-stream
< Content-Security-Policy: sandbox
< X-Content-Type-Options: nosniff
<
< bcdef

== a suffix longer than the whole loses the first byte
> GET /db/d/b.bin
> Range: bytes=-300
< 206
< Accept-Ranges: bytes
< Content-Range: bytes 1-15/16
< ETag: "QDKvjWEDUSOQbljgZxQMxQ=="
< Content-Type: application/octet-stream
< Content-Security-Policy: sandbox
< X-Content-Type-Options: nosniff
<
< 123456789abcdef

== an end too far is cut
> GET /db/d/b.bin
> Range: bytes=14-300
< 206
< Accept-Ranges: bytes
< Content-Range: bytes 14-15/16
< ETag: "QDKvjWEDUSOQbljgZxQMxQ=="
< Content-Type: application/octet-stream
< Content-Security-Policy: sandbox
< X-Content-Type-Options: nosniff
<
< ef

== backwards cannot be
> GET /db/d/b.bin
> Range: bytes=5-2
< 416
<
< {"error":"requested_range_not_satisfiable","reason":"Requested range not satisfiable"}

== nor beyond the end
> GET /db/d/b.bin
> Range: bytes=16-
< 416
<
< {"error":"requested_range_not_satisfiable","reason":"Requested range not satisfiable"}

== what is no range gives everything
> GET /db/d/b.bin
> Range: bytes=abc
< 200
< Accept-Ranges: bytes
< ETag: "QDKvjWEDUSOQbljgZxQMxQ=="
< Content-Type: application/octet-stream
< Content-Security-Policy: sandbox
< X-Content-Type-Options: nosniff
<
< 0123456789abcdef

== so does the whole as a range
> GET /db/d/b.bin
> Range: bytes=0-
< 200
< Accept-Ranges: bytes
< ETag: "QDKvjWEDUSOQbljgZxQMxQ=="
< Content-Type: application/octet-stream
< Content-Security-Policy: sandbox
< X-Content-Type-Options: nosniff
<
< 0123456789abcdef

== so do more than nine
> GET /db/d/b.bin
> Range: bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9
< 200
< Accept-Ranges: bytes
< ETag: "QDKvjWEDUSOQbljgZxQMxQ=="
< Content-Type: application/octet-stream
< Content-Security-Policy: sandbox
< X-Content-Type-Options: nosniff
<
< 0123456789abcdef

== so does another unit
> GET /db/d/b.bin
> Range: items=0-1
< 200
< Accept-Ranges: bytes
< ETag: "QDKvjWEDUSOQbljgZxQMxQ=="
< Content-Type: application/octet-stream
< Content-Security-Policy: sandbox
< X-Content-Type-Options: nosniff
<
< 0123456789abcdef

== a compressed attachment
> PUT /db/t/f.txt
> Content-Type: text/plain
>
> 0123456789abcdef
< 201
< Location: http://%*/db/t/f.txt
<
< {"ok":true,"id":"t","rev":"1-80c77ce6c67e26a14a3e284169685946"}

== has no ranges
> GET /db/t/f.txt
> Range: bytes=0-9
< 200
< Accept-Ranges: none
< ETag: "qoSf6KPMa/xnC0ibrsMgEQ=="
< Content-Type: text/plain
<
< 0123456789abcdef

== HEAD of a range
> HEAD /db/d/b.bin
> Range: bytes=0-9
< 206
< Accept-Ranges: bytes
< Content-Range: bytes 0-9/16
< ETag: "QDKvjWEDUSOQbljgZxQMxQ=="
< Content-Type: application/octet-stream

== a download goes on if the attachment is still the same
> GET /db/d/b.bin
> Range: bytes=10-
> If-Range: "QDKvjWEDUSOQbljgZxQMxQ=="
< 206
< Content-Range: bytes 10-15/16
< ETag: "QDKvjWEDUSOQbljgZxQMxQ=="
< Content-Length: 6
<
< abcdef

== it begins again if it is another
> GET /db/d/b.bin
> Range: bytes=10-
> If-Range: "kAFQmDzST7DWlj99KOF/cg=="
< 200
< Accept-Ranges: bytes
< !Content-Range
< ETag: "QDKvjWEDUSOQbljgZxQMxQ=="
< Content-Length: 16
<
< 0123456789abcdef

== a weak tag is not good enough to go on
> GET /db/d/b.bin
> Range: bytes=10-
> If-Range: W/"QDKvjWEDUSOQbljgZxQMxQ=="
< 200
< Accept-Ranges: bytes
< !Content-Range
< ETag: "QDKvjWEDUSOQbljgZxQMxQ=="
< Content-Length: 16
<
< 0123456789abcdef

== nor is a date
> GET /db/d/b.bin
> Range: bytes=10-
> If-Range: Sun, 22 Nov 2026 08:51:56 GMT
< 200
< Accept-Ranges: bytes
< !Content-Range
< ETag: "QDKvjWEDUSOQbljgZxQMxQ=="
< Content-Length: 16
<
< 0123456789abcdef

== nor a tag without its quotes
> GET /db/d/b.bin
> Range: bytes=10-
> If-Range: QDKvjWEDUSOQbljgZxQMxQ==
< 200
< Accept-Ranges: bytes
< !Content-Range
< ETag: "QDKvjWEDUSOQbljgZxQMxQ=="
< Content-Length: 16
<
< 0123456789abcdef

== a range beyond the end of another attachment is none
> GET /db/d/b.bin
> Range: bytes=16-
> If-Range: "kAFQmDzST7DWlj99KOF/cg=="
< 200
< Accept-Ranges: bytes
< !Content-Range
< ETag: "QDKvjWEDUSOQbljgZxQMxQ=="
< Content-Length: 16
<
< 0123456789abcdef

== of the same one it cannot be satisfied
> GET /db/d/b.bin
> Range: bytes=16-
> If-Range: "QDKvjWEDUSOQbljgZxQMxQ=="
< 416

== several ranges of another attachment give everything
> GET /db/d/b.bin
> Range: bytes=0-1,4-5
> If-Range: "kAFQmDzST7DWlj99KOF/cg=="
< 200
<
< 0123456789abcdef

== several of the same one are served
> GET /db/d/b.bin
> Range: bytes=0-1,4-5
> If-Range: "QDKvjWEDUSOQbljgZxQMxQ=="
< 206
< Content-Type: multipart/byteranges; boundary="%*"

== HEAD under If-Range
> HEAD /db/d/b.bin
> Range: bytes=0-9
> If-Range: "QDKvjWEDUSOQbljgZxQMxQ=="
< 206
< Content-Range: bytes 0-9/16
> HEAD /db/d/b.bin
> Range: bytes=0-9
> If-Range: "kAFQmDzST7DWlj99KOF/cg=="
< 200
< !Content-Range
< Content-Length: 16

== If-Range without Range means nothing
> GET /db/d/b.bin
> If-Range: "QDKvjWEDUSOQbljgZxQMxQ=="
< 200
<
< 0123456789abcdef

== a tag that no attachment can have is ignored, as in CouchDB
> GET /db/d/b.bin
> Range: bytes=0-9
> If-Range: "x"
< 206
< Content-Range: bytes 0-9/16
<
< 0123456789
