# COPY.

== a database for this file
> PUT /db
< 201

== a document to copy
> PUT /db/src
> Content-Type: application/json
>
> {"s":1}
< 201
< ETag: "1-cfe382567bb4ed227ac82e297fe70aba"
< Location: http://%*/db/src
<
< {"ok":true,"id":"src","rev":"1-cfe382567bb4ed227ac82e297fe70aba"}

== a copy has the same body and revision
> COPY /db/src
> Destination: dst
< 201
< ETag: "1-cfe382567bb4ed227ac82e297fe70aba"
< Location: http://%*/db/dst
<
< {"ok":true,"id":"dst","rev":"1-cfe382567bb4ed227ac82e297fe70aba"}

== it is read like any other
> GET /db/dst
< 200
< ETag: "1-cfe382567bb4ed227ac82e297fe70aba"
<
< {"_id":"dst","_rev":"1-cfe382567bb4ed227ac82e297fe70aba","s":1}

== a copy does not overwrite
> COPY /db/src
> Destination: dst
< 409
<
< {"error":"conflict","reason":"Document update conflict."}

== unless the target's revision is given
> COPY /db/src
> Destination: dst?rev=1-cfe382567bb4ed227ac82e297fe70aba
< 201
< ETag: "2-04ca7b2cc65323d6ed56ac6c2988502c"
< Location: http://%*/db/dst
<
< {"ok":true,"id":"dst","rev":"2-04ca7b2cc65323d6ed56ac6c2988502c"}

== without a destination it is refused
> COPY /db/src
< 400
<
< {"error":"bad_request","reason":"Destination header is mandatory for COPY."}

== a destination elsewhere is refused
> COPY /db/src
> Destination: http://elsewhere/db/x
< 400
<
< {"error":"bad_request","reason":"Destination URL must be relative."}

== the destination is percent-decoded
> COPY /db/src
> Destination: sp%20ace
< 201
< ETag: "1-cfe382567bb4ed227ac82e297fe70aba"
< Location: http://%*/db/sp%20ace
<
< {"ok":true,"id":"sp ace","rev":"1-cfe382567bb4ed227ac82e297fe70aba"}

== and must be an id
> COPY /db/src
> Destination: _bad
< 400
<
< {"error":"illegal_docid","reason":"Only reserved document ids may start with underscore."}

== a malformed revision of the target is refused
> COPY /db/src
> Destination: x?rev=bad
< 400
<
< {"error":"bad_request","reason":"Invalid rev format"}

== copying nothing is 404
> COPY /db/nosuch
> Destination: y
< 404
<
< {"error":"not_found","reason":"missing"}

== the source's revision may be named
> COPY /db/src?rev=1-cfe382567bb4ed227ac82e297fe70aba
> Destination: z
< 201
< ETag: "1-cfe382567bb4ed227ac82e297fe70aba"
< Location: http://%*/db/z
<
< {"ok":true,"id":"z","rev":"1-cfe382567bb4ed227ac82e297fe70aba"}

== and must exist
> COPY /db/src?rev=1-abc
> Destination: z2
< 404
<
< {"error":"not_found","reason":"missing"}

== a document may be copied to a local one
> COPY /db/src
> Destination: _local/l
< 201
< ETag: "%*"
< Location: http://%*/db/_local%2Fl
<
< {"ok":true,"id":"_local/l","rev":"0-1"}

== a copy that is a design document has the shape of one
> PUT /db/misshapen
>
> {"views":5}
< 201
> COPY /db/misshapen
> Destination: _design/copy
< 400
<
< {"error":"invalid_design_doc","reason":"`views` field must have object type"}
> GET /db/_design/copy
< 404
> COPY /db/src
> Destination: _design/copy
< 201
> COPY /db/misshapen
> Destination: _design/copy
< 409
<
< {"error":"conflict","reason":"Document update conflict."}
