# Heads, bodies and their framing: what may be sent, and what must never be read as two requests.

== a plain request is answered and the connection stays open
>> GET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 200
< Content-Type: application/json
< Server: CouchDB/3.5.0 (Tuffet/%*)
< !Connection
<
< {"status":"ok","seeds":{}}
< open

== two requests in one write are answered in order
>> GET /_up HTTP/1.1\r\nHost: a\r\n\r\nGET /nosuch/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n
< 200
< 404
< closed

== a request after Connection: close is not answered
>> GET /_up HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 200
< Connection: close
< closed

== empty lines before a request are skipped
>> \r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 200

== a request that comes in pieces is put together
>> GET /_u
>>+ p HTTP/1.1\r\nHo
>>+ st: a\r\n\r
>>+ \n
< 200
< open

== HTTP/1.0 closes
>> GET /_up HTTP/1.0\r\n\r\n
< 200
< Connection: close
< closed

== HTTP/1.0 with keep-alive stays open
>> GET /_up HTTP/1.0\r\nConnection: keep-alive\r\n\r\n
< 200
< Connection: keep-alive
< open

== HTTP/1.0 streams to the end of the connection
>> GET /_all_dbs HTTP/1.0\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\n\r\n
< 200
< !Transfer-Encoding
<
< []
< closed

== HEAD has the headers of GET and no body
>> HEAD /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 200
< Content-Length: 27
< open

== an absolute target is understood
>> GET http://example.com/_up HTTP/1.1\r\nHost: a\r\n\r\n
< 200

== an absolute target without a path is the root
>> GET http://example.com HTTP/1.1\r\nHost: a\r\n\r\n
< 200
<~ Welcome

== an unknown method is 405
>> FOO /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 405
< Allow: GET,HEAD

== CONNECT is 405 and switches nothing
>> CONNECT /_up HTTP/1.1\r\nHost: a\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 405
< 200

== an upgrade is not offered
>> GET /_up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 200
< 200

== no Host in HTTP/1.1
>> GET /_up HTTP/1.1\r\n\r\n
< 400
< closed

== two Hosts
>> GET /_up HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n
< 400
< closed

== a Host with a space
>> GET /_up HTTP/1.1\r\nHost: a b\r\n\r\n
< 400
< closed

== a Host with a slash
>> GET /_up HTTP/1.1\r\nHost: a/b\r\n\r\n
< 400
< closed

== an IPv6 Host
>> GET /_up HTTP/1.1\r\nHost: [::1]:5984\r\n\r\n
< 200

== line feed alone ends no line
>> GET /_up HTTP/1.1\nHost: a\n\n
< 400
< closed

== line feed alone after a header
>> GET /_up HTTP/1.1\r\nHost: a\nX: y\r\n\r\n
< 400
< closed

== carriage return inside a value
>> GET /_up HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n
< 400
< closed

== NUL inside a value
>> GET /_up HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n
< 400
< closed

== control character inside a value
>> GET /_up HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n
< 400
< closed

== DEL inside a value
>> GET /_up HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n
< 400
< closed

== a tab inside a value is fine
>> GET /_up HTTP/1.1\r\nHost: a\r\nX: a\tb\r\n\r\n
< 200

== bytes above 0x7f in a value are fine
>> GET /_up HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9\r\n\r\n
< 200

== a folded line
>> GET /_up HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n
< 400
< closed

== a first header that begins with a space
>> GET /_up HTTP/1.1\r\n Host: a\r\n\r\n
< 400
< closed

== white space before the colon
>> GET /_up HTTP/1.1\r\nHost : a\r\n\r\n
< 400
< closed

== an empty header name
>> GET /_up HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n
< 400
< closed

== a header without a colon
>> GET /_up HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n
< 400
< closed

== a character that no header name may have
>> GET /_up HTTP/1.1\r\nHost: a\r\nX(y): b\r\n\r\n
< 400
< closed

== a space in the target
>> GET /_up x HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== two spaces after the method
>> GET  /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== a tab instead of a space
>> GET\t/_up\tHTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== a target that is no path
>> GET _up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== a fragment in the target
>> GET /_up#x HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== a raw byte above 0x7f in the target
>> GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== a NUL in the target
>> GET /_up\0 HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== no version
>> GET /_up\r\nHost: a\r\n\r\n
< 400
< closed

== HTTP/2.0
>> GET /_up HTTP/2.0\r\nHost: a\r\n\r\n
< 505
< closed

== HTTP/1.2
>> GET /_up HTTP/1.2\r\nHost: a\r\n\r\n
< 505
< closed

== a version in lower case
>> GET /_up http/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== a version with two digits
>> GET /_up HTTP/1.10\r\nHost: a\r\n\r\n
< 400
< closed

== a method that is no token
>> G(T /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== TLS bytes on the plain port
>> \x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\n\n
< 400
< closed

== a request line of more than 8 KiB
>> GET /\*9000{x} HTTP/1.1\r\nHost: a\r\n\r\n
< 414
< closed

== a request line that never ends
>> GET /\*20000{x}
< 414
< closed

== a header of more than 16 KiB
>> GET /_up HTTP/1.1\r\nHost: a\r\nX: \*17000{y}\r\n\r\n
< 431
< closed

== a header of 15 KiB is fine
>> GET /_up HTTP/1.1\r\nHost: a\r\nX: \*15000{y}\r\n\r\n
< 200

== more than 64 KiB of headers
>> GET /_up HTTP/1.1\r\nHost: a\r\nA: \*15000{y}\r\nB: \*15000{y}\r\nC: \*15000{y}\r\nD: \*15000{y}\r\nE: \*15000{y}\r\n\r\n
< 431
< closed

== 129 headers
>> GET /_up HTTP/1.1\r\nHost: a\r\n\*128{X: y\r\n}\r\n
< 431
< closed

== 128 headers are fine
>> GET /_up HTTP/1.1\r\nHost: a\r\n\*127{X: y\r\n}\r\n
< 200

== Content-Length with a sign
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: +2\r\n\r\n{}
< 400
< closed

== a negative Content-Length
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n
< 400
< closed

== a hexadecimal Content-Length
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: 0x2\r\n\r\n{}
< 400
< closed

== an empty Content-Length
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n
< 400
< closed

== a Content-Length that overflows
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nhello
< 400
< closed

== a Content-Length with a space inside
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: 1 2\r\n\r\n{}
< 400
< closed

== a Content-Length list of equal values
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\n{}
< 400
< closed

== two equal Content-Lengths
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}
< 400
< closed

== two different Content-Lengths
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 45\r\n\r\n{}GET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== Content-Length and chunked together
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== chunked and Content-Length together
>> POST /_session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== a transfer coding we do not speak
>> POST /_session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n
< 501
< closed

== xchunked
>> POST /_session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 501
< closed

== chunked, identity
>> POST /_session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n
< 501
< closed

== an empty Transfer-Encoding
>> POST /_session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \r\n\r\n0\r\n\r\n
< 501
< closed

== quoted chunked
>> POST /_session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n
< 501
< closed

== chunked with a vertical tab
>> POST /_session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n
< 400
< closed

== two Transfer-Encodings
>> POST /_session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
< 400
< closed

== Transfer-Encoding in HTTP/1.0
>> POST /_session HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
< 400
< closed

== white space before the colon of Transfer-Encoding
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\nG
< 400
< closed

== a chunked body is read
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"nam\r\nd\r\ne":"admin","p\r\n11\r\nassword":"secret"\r\n1\r\n}\r\n0\r\n\r\n
< 200
<~ "name":"admin"
< open

== Chunked in another case is the same
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< 200
< open

== chunk extensions and trailers are read over
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nX-Trailer: y\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< 200
< open

== a chunk size with 0x
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n
< 400
< closed

== a chunk size with a sign
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n
< 400
< closed

== a negative chunk size
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n
< 400
< closed

== a chunk size that overflows
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n
< 400
< closed

== an empty chunk size
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\r\n{}\r\n0\r\n\r\n
< 400
< closed

== a chunk size followed by a space
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2 x\r\n{}\r\n0\r\n\r\n
< 400
< closed

== a chunk size line that ends in LF
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n
< 400
< closed

== a chunk longer than it says
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}xx\r\n0\r\n\r\n
< 400
< closed

== a chunk that ends in LF
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\n0\r\n\r\n
< 400
< closed

== an endless chunk extension
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2;\*60000{a}\r\n{}\r\n0\r\n\r\n
< 400
< closed

== endless trailers
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n
>>+ \*3000{X-Trailer: yyyyyyyyyyy\r\n}
>>+ \*3000{X-Trailer: yyyyyyyyyyy\r\n}
< 400
< closed

== Expect: 100-continue is answered when the body is wanted
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 36\r\nExpect: 100-continue\r\n\r\n
>>+ {"name":"admin","password":"secret"}
< 100
< 200
< open

== Expect: 100-continue is not answered when nobody wants the body
>> POST /_up HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 36\r\nExpect: 100-continue\r\n\r\n
< 405
< Connection: close
< closed

== another expectation
>> GET /_up HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n
< 417
< closed

== a body that nobody wants is read over
>> GET /_up HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 200
< 200
< open

== a method override on POST
>> POST /_up HTTP/1.1\r\nHost: a\r\nX-HTTP-Method-Override: GET\r\nContent-Length: 0\r\n\r\n
< 200

== a method override on GET is ignored
>> GET /_up HTTP/1.1\r\nHost: a\r\nX-HTTP-Method-Override: DELETE\r\n\r\n
< 200

== our request id comes back
> GET /_up
> X-Couch-Request-ID: my-id_1
< 200
< X-Couch-Request-ID: my-id_1

== a request id with strange characters is replaced
> GET /_up
> X-Couch-Request-ID: a b
< 200
< !X-Couch-Request-ID: a b
< X-Couch-Request-ID: %*

== Prefer: return=minimal leaves out what is not needed
> GET /_up
> Prefer: return=minimal
< 200
< Content-Length: 27
< !X-Couch-Request-ID
< !Date
