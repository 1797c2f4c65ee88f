# Ids of documents and how they stand in paths.

== a database for this file
> PUT /db
< 201

== an id must not begin with an underscore
> PUT /db/_under
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"illegal_docid","reason":"Only reserved document ids may start with underscore."}

== _design alone is no id
> PUT /db/_design
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"illegal_docid","reason":"Only reserved document ids may start with underscore."}

== a design document has two segments
> PUT /db/_design/d
> Content-Type: application/json
>
> {"i":1}
< 201
< ETag: "1-d403248200f1f9aed5b162e8a7c1d64b"
< Location: http://%*/db/_design%2Fd
<
< {"ok":true,"id":"_design/d","rev":"1-d403248200f1f9aed5b162e8a7c1d64b"}

== and is read by two
> GET /db/_design/d
< 200
< ETag: "1-d403248200f1f9aed5b162e8a7c1d64b"
<
< {"_id":"_design/d","_rev":"1-d403248200f1f9aed5b162e8a7c1d64b","i":1}

== with an encoded slash GET is sent to the two
> GET /db/_design%2Fd
< 301
< Location: http://%*/db/_design/d
<
< 

== but PUT takes it
> PUT /db/_design%2Fe
> Content-Type: application/json
>
> {"i":1}
< 201
< ETag: "1-d403248200f1f9aed5b162e8a7c1d64b"
< Location: http://%*/db/_design%2Fe
<
< {"ok":true,"id":"_design/e","rev":"1-d403248200f1f9aed5b162e8a7c1d64b"}

== a plus in a path is a space
> PUT /db/pl+us
> Content-Type: application/json
>
> {"i":1}
< 201
< ETag: "1-d403248200f1f9aed5b162e8a7c1d64b"
< Location: http://%*/db/pl%20us
<
< {"ok":true,"id":"pl us","rev":"1-d403248200f1f9aed5b162e8a7c1d64b"}

== so it is read with a space
> GET /db/pl%20us
< 200
< ETag: "1-d403248200f1f9aed5b162e8a7c1d64b"
<
< {"_id":"pl us","_rev":"1-d403248200f1f9aed5b162e8a7c1d64b","i":1}

== an encoded plus is a plus
> PUT /db/pl%2Bus
> Content-Type: application/json
>
> {"i":1}
< 201
< ETag: "1-d403248200f1f9aed5b162e8a7c1d64b"
< Location: http://%*/db/pl%2Bus
<
< {"ok":true,"id":"pl+us","rev":"1-d403248200f1f9aed5b162e8a7c1d64b"}

== an encoded slash is part of the id
> PUT /db/sl%2Fash
> Content-Type: application/json
>
> {"i":1}
< 201
< ETag: "1-d403248200f1f9aed5b162e8a7c1d64b"
< Location: http://%*/db/sl%2Fash
<
< {"ok":true,"id":"sl/ash","rev":"1-d403248200f1f9aed5b162e8a7c1d64b"}

== it is read with an encoded slash
> GET /db/sl%2Fash
< 200
< ETag: "1-d403248200f1f9aed5b162e8a7c1d64b"
<
< {"_id":"sl/ash","_rev":"1-d403248200f1f9aed5b162e8a7c1d64b","i":1}

== ids may be any Unicode
> PUT /db/%C3%A9
> Content-Type: application/json
>
> {"i":1}
< 201
< ETag: "1-d403248200f1f9aed5b162e8a7c1d64b"
< Location: http://%*/db/%C3%A9
<
< {"ok":true,"id":"é","rev":"1-d403248200f1f9aed5b162e8a7c1d64b"}

== ids must be UTF-8
> PUT /db/%FF
> Content-Type: application/json
>
> {"i":1}
< 400
<
< {"error":"illegal_docid","reason":"Document id must be valid UTF-8"}

== even NUL is a character
> PUT /db/%00
> Content-Type: application/json
>
> {"i":1}
< 201
< ETag: "1-d403248200f1f9aed5b162e8a7c1d64b"
< Location: http://%*/db/%00
<
< {"ok":true,"id":"\u0000","rev":"1-d403248200f1f9aed5b162e8a7c1d64b"}

== quotes are escaped in JSON only
> PUT /db/%22q%22
> Content-Type: application/json
>
> {"i":1}
< 201
< ETag: "1-d403248200f1f9aed5b162e8a7c1d64b"
< Location: http://%*/db/%22q%22
<
< {"ok":true,"id":"\"q\"","rev":"1-d403248200f1f9aed5b162e8a7c1d64b"}

== a malformed escape is refused
> PUT /db/a%zz
> Content-Type: application/json
>
> {"i":1}
< 400
<
< {"error":"bad_request","reason":"invalid_url_encoding"}

== empty segments of a path do not count
> GET /db//%C3%A9/
< 200
< ETag: "1-d403248200f1f9aed5b162e8a7c1d64b"
<
< {"_id":"é","_rev":"1-d403248200f1f9aed5b162e8a7c1d64b","i":1}

== an unknown place with an underscore is a missing document
> GET /db/_nosuch
< 404
<
< {"error":"not_found","reason":"missing"}

== other methods are refused with a list
> OPTIONS /db/a
< 405
< Allow: DELETE,GET,HEAD,POST,PUT,COPY
<
< {"error":"method_not_allowed","reason":"Only DELETE,GET,HEAD,POST,PUT,COPY allowed"}
