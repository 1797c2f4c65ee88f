# More of RFC 9110 and 9112, as raw bytes: every way we know to make two readers of one connection see
# different requests, each with the one answer that keeps them together. 00-framing.t has the first
# hundred cases.

== Content-Length with a plus behind a digit
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: 5+\r\n\r\nhello
< 400
< closed

== Content-Length with leading zeros is a number
>> GET /_up HTTP/1.1\r\nHost: a\r\nContent-Length: 0000\r\n\r\n
< 200

== Content-Length in white space is trimmed
>> GET /_up HTTP/1.1\r\nHost: a\r\nContent-Length:  0\r\n\r\n
< 200

== Content-Length with a decimal point
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: 5.0\r\n\r\nhello
< 400
< closed

== Content-Length with an exponent
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: 1e1\r\n\r\nhellohello
< 400
< closed

== Content-Length with a NUL behind the number
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: 5\0\r\n\r\nhello
< 400
< closed

== Content-Length in fullwidth digits
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: \xef\xbc\x95\r\n\r\nhello
< 400
< closed

== Content-Length of 2^64 and five
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nhello
< 400
< closed

== Content-Length of 2^63
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n
< 400
< closed

== a Content-Length list of different values
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nhello
< 400
< closed

== a Content-Length list with an empty element
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Length: 5,\r\n\r\nhello
< 400
< closed

== Content-Length with an underscore in its name is another header
>> GET /_up HTTP/1.1\r\nHost: a\r\nContent_Length: 50\r\n\r\n
< 200
< open

== Transfer-Encoding with an underscore in its name is another header
>> GET /_up HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n
< 200
< open

== a NUL in the name of Transfer-Encoding
>> POST /_session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\0: chunked\r\n\r\n0\r\n\r\n
< 400
< closed

== a vertical tab before chunked
>> POST /_session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n
< 400
< closed

== chunked twice
>> POST /_session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n
< 501
< closed

== identity
>> POST /_session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n
< 501
< closed

== chunked with a parameter
>> POST /_session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n
< 501
< closed

== chunked before another coding
>> POST /_session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n
< 501
< closed

== a folded Transfer-Encoding
>> POST /_session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n
< 400
< closed

== Transfer-Encoding behind a bare CR
>> POST /_session HTTP/1.1\r\nHost: a\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
< 400
< closed

== a chunk size in capitals, padded with zeros, is a number
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n00002\r\n{}\r\n0\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< 200
< open

== a chunk size with an underscore
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1_0\r\n{}\r\n0\r\n\r\n
< 400
< closed

== a chunk size with a NUL
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\0\r\n{}\r\n0\r\n\r\n
< 400
< closed

== a chunk size that ends in a bare CR
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r{}\r\n0\r\n\r\n
< 400
< closed

== a chunk extension that ends in LF
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\n{}\r\n0\r\n\r\n
< 400
< closed

== a last chunk without its empty line waits
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n
>>+ \r\n
< 400

== a request hidden in a body is not one
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 33\r\n\r\nGET /_up HTTP/1.1\r\nHost: evil\r\n\r\n
< 400
< open

== a request behind a body is one
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\nxGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< 200
< open

== trailers cannot bring a Content-Length
>> POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 40\r\n\r\nGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== a GET with a body does not hide the next request
>> GET /_up HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcdGET /_up HTTP/1.1\r\nHost: a\r\n\r\n
< 200
< 200
< open

== a HEAD with a body is answered, and nothing behind it
>> HEAD /_up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nHEAD /_up HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n
< 200
< Connection: close
< closed

== a Host with user information
>> GET /_up HTTP/1.1\r\nHost: u@a\r\n\r\n
< 400
< closed

== a Host list
>> GET /_up HTTP/1.1\r\nHost: a, b\r\n\r\n
< 400
< closed

== a port that is no number
>> GET /_up HTTP/1.1\r\nHost: a:x\r\n\r\n
< 400
< closed

== two spaces before the version
>> GET /_up  HTTP/1.1\r\nHost: a\r\n\r\n
< 400
< closed

== white space behind the version
>> GET /_up HTTP/1.1 \r\nHost: a\r\n\r\n
< 400
< closed

== a bracket in the middle of a Host
>> GET /_up HTTP/1.1\r\nHost: a[::1]\r\n\r\n
< 400
< closed

== a Host with a port is fine
>> GET /_up HTTP/1.1\r\nHost: a.b:5984\r\n\r\n
< 200

== bytes behind Connection: close are nobody's
>> POST /_session HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\nx\r\n\r\nGARBAGE
< 400
< closed

== an upgrade to HTTP/2 is not offered
>> GET /_up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n
< 200
< open

== the preface of HTTP/2
>> PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n
< 505
< closed
