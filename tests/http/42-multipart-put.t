# A document with its attachments in one body.

== a database for this file
> PUT /db
< 201

== parts follow the document in order
> PUT /db/mp1
> Content-Type: multipart/related;boundary="abc123"
>
> --abc123\r
> Content-Type: application/json\r
> \r
> {"_attachments": {"foo.txt": {"follows": true, "content_type": "text/plain", "length": 21}, "bar.txt": {"follows": true, "content_type": "text/plain", "length": 20}}}\r
> --abc123\r
> \r
> this is 21 chars long\r
> --abc123\r
> \r
> this is 20 chars lon\r
> --abc123--
< 201
< ETag: "1-36bdac469feec8a55351aceb677476e1"
< Location: http://%*/db/mp1
<
< {"ok":true,"id":"mp1","rev":"1-36bdac469feec8a55351aceb677476e1"}

== the first part is the first attachment
> GET /db/mp1/foo.txt
< 200
< Accept-Ranges: none
< ETag: "4fJdRWS45LT/jdRM3/gtvw=="
< Content-Type: text/plain
<
< this is 21 chars long

== the second the second
> GET /db/mp1/bar.txt
< 200
< Accept-Ranges: none
< ETag: "bmXC6adig4mlCT+G/28DXg=="
< Content-Type: text/plain
<
< this is 20 chars lon

== both are stored compressed
> GET /db/mp1?attachments=true
> Accept: application/json
< 200
< ETag: "1-36bdac469feec8a55351aceb677476e1"
<
< {"_id":"mp1","_rev":"1-36bdac469feec8a55351aceb677476e1","_attachments":{"foo.txt":{"content_type":"text/plain","revpos":1,"digest":"md5-4fJdRWS45LT/jdRM3/gtvw==","data":"dGhpcyBpcyAyMSBjaGFycyBsb25n"},"bar.txt":{"content_type":"text/plain","revpos":1,"digest":"md5-bmXC6adig4mlCT+G/28DXg==","data":"dGhpcyBpcyAyMCBjaGFycyBsb24="}}}

== a part that is too short is refused
> PUT /db/mp2
> Content-Type: multipart/related;boundary=abc123
>
> --abc123\r
> Content-Type: application/json\r
> \r
> {"_attachments": {"foo.txt": {"follows": true, "content_type": "text/plain", "length": 99}}}\r
> --abc123\r
> \r
> short\r
> --abc123--
< 400
<
< {"error":"bad_request","reason":"attachment shorter than expected"}

== a part that is too long is refused
> PUT /db/mp2
> Content-Type: multipart/related;boundary=abc123
>
> --abc123\r
> Content-Type: application/json\r
> \r
> {"_attachments": {"foo.txt": {"follows": true, "content_type": "text/plain", "length": 1}}}\r
> --abc123\r
> \r
> short\r
> --abc123--
< 400
<
< {"error":"bad_request","reason":"attachment longer than expected"}

== and nothing was written
> GET /db/mp2
< 404
<
< {"error":"not_found","reason":"missing"}

== without attachments one part is enough
> PUT /db/mp3
> Content-Type: multipart/related;boundary=abc123
>
> --abc123\r
> Content-Type: application/json\r
> \r
> {"a":1}\r
> --abc123--
< 201
< ETag: "1-23202479633c2b380f79507a776743d5"
< Location: http://%*/db/mp3
<
< {"ok":true,"id":"mp3","rev":"1-23202479633c2b380f79507a776743d5"}

== the first part must be JSON by its type
> PUT /db/mp4
> Content-Type: multipart/related;boundary=abc123
>
> --abc123\r
> Content-Type: text/plain\r
> \r
> {"a":1}\r
> --abc123--
< 415
<
< {"error":"bad_content_type","reason":"Content-Type must be application/json"}

== and by its text
> PUT /db/mp5
> Content-Type: multipart/related;boundary=abc123
>
> --abc123\r
> Content-Type: application/json\r
> \r
> {bad\r
> --abc123--
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}

== without a boundary it is refused
> PUT /db/mp6
> Content-Type: multipart/related; type="application/json"
>
> {}
< 400
<
< {"error":"bad_request","reason":"multipart without a usable boundary"}

== a wrong digest is refused
> PUT /db/mp7
> Content-Type: multipart/related;boundary=abc123
>
> --abc123\r
> Content-Type: application/json\r
> \r
> {"_attachments": {"foo.txt": {"follows": true, "content_type": "text/plain", "length": 5, "digest": "md5-AAAAAAAAAAAAAAAAAAAAAA=="}}}\r
> --abc123\r
> \r
> 12345\r
> --abc123--
< 400
<
< {"error":"bad_request","reason":"Possible message corruption."}

== preamble, epilogue and headers of parts do not matter
> PUT /db/mp8?new_edits=false
> Content-Type: multipart/related;boundary=abc123
>
> preamble\r
> --abc123\r
> Content-Type: application/json\r
> \r
> {"_rev":"1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","_attachments": {"foo.txt": {"follows": true, "content_type": "text/plain", "length": 5}}}\r
> --abc123\r
> Content-Type: ignored/type\r
> \r
> 12345\r
> --abc123--\r
> epilogue
< 201
< ETag: "1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
< Location: http://%*/db/mp8
<
< {"ok":true,"id":"mp8","rev":"1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}

== replicated text is compressed as well
> GET /db/mp8?att_encoding_info=true
< 200
< ETag: "1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
<
< {"_id":"mp8","_rev":"1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","_attachments":{"foo.txt":{"content_type":"text/plain","revpos":1,"digest":"md5-sVg+D/Xc+f492WtCczic/A==","length":5,"stub":true,"encoding":"gzip","encoded_length":25}}}

== a missing part is refused
> PUT /db/mp9
> Content-Type: multipart/related;boundary=abc123
>
> --abc123\r
> Content-Type: application/json\r
> \r
> {"_attachments": {"foo.txt": {"follows": true, "content_type": "text/plain"}}}\r
> --abc123--
< 400
<
< {"error":"bad_request","reason":"1 attachments are announced, 0 came"}

== a part too many is refused
> PUT /db/mp10
> Content-Type: multipart/related;boundary=abc123
>
> --abc123\r
> Content-Type: application/json\r
> \r
> {"a":1}\r
> --abc123\r
> \r
> extra\r
> --abc123--
< 400
<
< {"error":"bad_request","reason":"the body has more parts than the document announces attachments"}

== a body that was cut is refused
> PUT /db/mp11
> Content-Type: multipart/related;boundary=abc123
>
> --abc123\r
> Content-Type: application/json\r
> \r
> {"a":1}\r
> 
< 400
<
< {"error":"bad_request","reason":"multipart body ends before its boundary"}

== it conflicts like any other PUT
> PUT /db/mp3
> Content-Type: multipart/related;boundary=abc123
>
> --abc123\r
> Content-Type: application/json\r
> \r
> {"a":2}\r
> --abc123--
< 409
<
< {"error":"conflict","reason":"Document update conflict."}

== and takes ?rev like any other
> PUT /db/mp3?rev=1-23202479633c2b380f79507a776743d5
> Content-Type: multipart/related;boundary=abc123
>
> --abc123\r
> Content-Type: application/json\r
> \r
> {"_attachments":{"e":{"follows":true,"length":0}}}\r
> --abc123\r
> \r
> \r
> --abc123--
< 201
< ETag: "2-895ae820f7bad541cc2f51c846d6d0f6"
< Location: http://%*/db/mp3
<
< {"ok":true,"id":"mp3","rev":"2-895ae820f7bad541cc2f51c846d6d0f6"}

== an empty part is an empty attachment
> GET /db/mp3
< 200
< ETag: "2-895ae820f7bad541cc2f51c846d6d0f6"
<
< {"_id":"mp3","_rev":"2-895ae820f7bad541cc2f51c846d6d0f6","_attachments":{"e":{"content_type":"application/octet-stream","revpos":2,"digest":"md5-1B2M2Y8AsgTpgAmY7PhCfg==","length":0,"stub":true}}}
