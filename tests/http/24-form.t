# Forms of a browser that add attachments to a document.

== a database for this file
> PUT /db
< 201

== a form makes a document of its text and files
> POST /db/d
> Referer: http://127.0.0.1:5984/_utils/
> Host: 127.0.0.1:5984
> Content-Type: multipart/form-data; boundary=XX
>
> --XX\r
> Content-Disposition: form-data; name="_doc"\r
> \r
> {"v":1}\r
> --XX\r
> Content-Disposition: form-data; name="_attachments"; filename="a.txt"\r
> Content-Type: text/plain\r
> \r
> first\r
> --XX\r
> Content-Disposition: form-data; name="_attachments"; filename="b.bin"\r
> \r
> second\r
> --XX--\r
< 201
< ETag: "1-%*"
< !Location
<~ ^\{"ok":true,"id":"d","rev":"1-[0-9a-f]{32}"\}
<= rev "rev":"([^"]+)"

== the files are in their order
> GET /db/d
< 200
<~ "v":1,"_attachments":\{"a\.txt":\{"content_type":"text/plain",.*"b\.bin":\{"content_type":"application/octet-stream"
> GET /db/d/a.txt
< 200
<
< first

== a form with a revision adds to what is there
> POST /db/d
> Referer: http://127.0.0.1:5984/_utils/
> Host: 127.0.0.1:5984
> Content-Type: multipart/form-data; boundary=XX
>
> --XX\r
> Content-Disposition: form-data; name="_attachments"; filename="c.txt"\r
> Content-Type: text/plain\r
> \r
> third\r
> --XX\r
> Content-Disposition: form-data; name="_rev"\r
> \r
> $(rev)\r
> --XX--\r
< 201
> GET /db/d
< 200
<~ "v":1,"_attachments":\{"c\.txt":.*"a\.txt":.*"b\.bin"

== an old revision conflicts
> POST /db/d
> Referer: http://127.0.0.1:5984/_utils/
> Host: 127.0.0.1:5984
> Content-Type: multipart/form-data; boundary=XX
>
> --XX\r
> Content-Disposition: form-data; name="_rev"\r
> \r
> $(rev)\r
> --XX--\r
< 409

== a form without text or revision is refused
> POST /db/d
> Referer: http://127.0.0.1:5984/_utils/
> Host: 127.0.0.1:5984
> Content-Type: multipart/form-data; boundary=XX
>
> --XX\r
> Content-Disposition: form-data; name="other"\r
> \r
> x\r
> --XX--\r
< 400
<
< {"error":"bad_request","reason":"Invalid rev format"}

== a page of another host may not send forms
> POST /db/d
> Referer: http://127.0.0.1:5984.evil.example/
> Host: 127.0.0.1:5984
> Content-Type: multipart/form-data; boundary=XX
>
> --XX--\r
< 400
<
< {"error":"bad_request","reason":"Referer header must match host."}

== other types are refused
> POST /db/d
> Referer: http://127.0.0.1:5984/
> Host: 127.0.0.1:5984
> Content-Type: application/json
>
> {}
< 415
<
< {"error":"bad_content_type","reason":"Content-Type must be multipart/form-data"}
