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
