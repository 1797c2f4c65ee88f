# Content-MD5 of attachments, and the trailers of chunked bodies.

== a database for this file
> PUT /db
< 201

== a wrong Content-MD5 is ignored, as CouchDB 3 does
> PUT /db/md5bad/f
> Content-Type: application/octet-stream
> Content-MD5: SRHlFuWqIdMnUS4Mixl2Fg==
>
> abc
< 201
<
< {"ok":true,"id":"md5bad","rev":"1-64213aff34b5bf0012366a5026e8619c"}

== so is what is none
> PUT /db/none/f
> Content-MD5: x
>
> abc
< 201

== so is a wrong one in a trailer
>> PUT /db/t1/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\nTrailer: Content-MD5\r\n\r\n3\r\nabc\r\n0\r\nContent-MD5: SRHlFuWqIdMnUS4Mixl2Fg==\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 201
< 200
< open
> GET /db/t1/f
< 200
<
< abc

== a trailer that nobody announced is read over
>> PUT /db/t2/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n
< 201
< open

== trailers that come in pieces
>> PUT /db/t3/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0
>>+ \r\nX
>>+ : y\r
>>+ \n\r
>>+ \n
< 201
< open

== a trailer without a colon is refused
>> PUT /db/bad/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== white space before the colon of a trailer is refused
>> PUT /db/bad/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX : y\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== a folded trailer is refused
>> PUT /db/bad/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n z\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== a trailer that ends in LF is refused
>> PUT /db/bad/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== a control character in a trailer is refused
>> PUT /db/bad/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: \x01\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== NUL in a trailer is refused
>> PUT /db/bad/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: a\0b\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== Content-Length as a trailer is refused
>> PUT /db/bad/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== Transfer-Encoding as a trailer is refused
>> PUT /db/bad/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== a trailer without a name is refused
>> PUT /db/bad/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n: y\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== too many trailers are refused
>> PUT /db/bad/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\*129{X: y\r\n}\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== trailers that are too long are refused
>> PUT /db/bad/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: \*8192{y}\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== nothing of all that was stored
> GET /db/bad
< 404

== from now on it is verified
> PUT /_node/_local/_config/attachments/verify_content_md5
> Content-Type: application/json
>
> "true"
< 200

== the right one
> PUT /db/v1/f
> Content-MD5: kAFQmDzST7DWlj99KOF/cg==
>
> abc
< 201

== none at all
> PUT /db/v2/f
>
> abc
< 201

== the right one of nothing
> PUT /db/v3/f
> Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==
> Content-Length: 0
< 201

== a wrong one
> PUT /db/w/f
> Content-MD5: SRHlFuWqIdMnUS4Mixl2Fg==
>
> abc
< 400
<
< {"error":"content_md5_mismatch","reason":"Possible message corruption."}
> GET /db/w
< 404

== of what we compress, the bytes that came count
> PUT /db/v4/f.txt
> Content-Type: text/plain
> Content-MD5: QDKvjWEDUSOQbljgZxQMxQ==
>
> 0123456789abcdef
< 201
> PUT /db/v5/f.txt
> Content-Type: text/plain
> Content-MD5: qoSf6KPMa/xnC0ibrsMgEQ==
>
> 0123456789abcdef
< 400
<
< {"error":"content_md5_mismatch","reason":"Possible message corruption."}

== a wrong one leaves the document as it was
> GET /db/v1
< 200
<= REV "_rev":"([^"]+)"
> PUT /db/v1/f?rev=$(REV)
> Content-MD5: kAFQmDzST7DWlj99KOF/cg==
>
> abd
< 400
<
< {"error":"content_md5_mismatch","reason":"Possible message corruption."}
> GET /db/v1/f
< 200
<
< abc
> GET /db/v1
< 200
<~ "_rev":"$(REV)"

== one that is no base64
> PUT /db/w/f
> Content-MD5: !!!lFuWqIdMnUS4Mixl2Fg==
>
> abc
< 400
<
< {"error":"bad_request","reason":"Content-MD5 must be the base64 text of 16 bytes."}

== one that is too short
> PUT /db/w/f
> Content-MD5: kAFQmDzST7DWlj99KOF/
>
> abc
< 400
<
< {"error":"bad_request","reason":"Content-MD5 must be the base64 text of 16 bytes."}

== one that is seventeen bytes
> PUT /db/w/f
> Content-MD5: kAFQmDzST7DWlj99KOF/cgA=
>
> abc
< 400
<
< {"error":"bad_request","reason":"Content-MD5 must be the base64 text of 16 bytes."}

== one that is of hexadecimal digits
> PUT /db/w/f
> Content-MD5: 900150983cd24fb0d6963f7d28e17f72
>
> abc
< 400
<
< {"error":"bad_request","reason":"Content-MD5 must be the base64 text of 16 bytes."}

== one that is empty
> PUT /db/w/f
> Content-MD5: 
>
> abc
< 400
<
< {"error":"bad_request","reason":"Content-MD5 must be the base64 text of 16 bytes."}

== the right one in a trailer
>> PUT /db/v6/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\nTrailer: Content-MD5\r\n\r\n3\r\nabc\r\n0\r\ncontent-md5:  kAFQmDzST7DWlj99KOF/cg== \r\n\r\n
< 201
< open
> GET /db/v6/f
< 200
<
< abc

== a wrong one in a trailer
>> PUT /db/w/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\nTrailer: Content-MD5\r\n\r\n3\r\nabc\r\n0\r\nContent-MD5: SRHlFuWqIdMnUS4Mixl2Fg==\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
<
< {"error":"content_md5_mismatch","reason":"Possible message corruption."}
< 200
< open

== what is none, in a trailer
>> PUT /db/w/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\nTrailer: Content-MD5\r\n\r\n3\r\nabc\r\n0\r\nContent-MD5: x\r\n\r\n
< 400
<
< {"error":"bad_request","reason":"Content-MD5 must be the base64 text of 16 bytes."}
< open

== a wrong one that nobody announced
>> PUT /db/w/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nContent-MD5: SRHlFuWqIdMnUS4Mixl2Fg==\r\n\r\n
< 400
<
< {"error":"content_md5_mismatch","reason":"Possible message corruption."}
< open

== a right header does not hide a wrong trailer
>> PUT /db/w/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\nContent-MD5: kAFQmDzST7DWlj99KOF/cg==\r\n\r\n3\r\nabc\r\n0\r\nContent-MD5: SRHlFuWqIdMnUS4Mixl2Fg==\r\n\r\n
< 400
<
< {"error":"content_md5_mismatch","reason":"Possible message corruption."}
< open

== one that was announced and did not come
>> PUT /db/v7/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\nTrailer: Content-MD5\r\n\r\n3\r\nabc\r\n0\r\n\r\n
< 201
< open

== a chunked body of several pieces
>> PUT /db/v8/f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nTransfer-Encoding: chunked\r\nTrailer: Content-MD5\r\n\r\n2\r\nab\r\n3\r\ncde\r\n1\r\nf\r\n0\r\nContent-MD5: 6AtQFwmJUPxYqtg8jBSXjg==\r\n\r\n
< 201
< open

== nothing that was refused is there
> GET /db/w
< 404
> GET /db/v5
< 404

== and ignored again
> DELETE /_node/_local/_config/attachments/verify_content_md5
< 200
> PUT /db/w/f
> Content-MD5: SRHlFuWqIdMnUS4Mixl2Fg==
>
> abc
< 201
