# What may stand in a document.

== a database for this file
> PUT /db
< 201

== null is no document
> PUT /db/b
> Content-Type: application/json
>
> null
< 400
<
< {"error":"bad_request","reason":"Document must be a JSON object"}

== an array is no document
> PUT /db/b
> Content-Type: application/json
>
> []
< 400
<
< {"error":"bad_request","reason":"Document must be a JSON object"}

== broken JSON is refused
> PUT /db/b
> Content-Type: application/json
>
> {bad
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}

== white space is not part of the document
> PUT /db/b
> Content-Type: application/json
>
>  {"a" : 1 } 
< 201
< ETag: "1-23202479633c2b380f79507a776743d5"
< Location: http://%*/db/b
<
< {"ok":true,"id":"b","rev":"1-23202479633c2b380f79507a776743d5"}

== _id in the body gives way to the path
> PUT /db/c
> Content-Type: application/json
>
> {"_id":"other","a":1}
< 201
< ETag: "1-23202479633c2b380f79507a776743d5"
< Location: http://%*/db/c
<
< {"ok":true,"id":"c","rev":"1-23202479633c2b380f79507a776743d5"}

== the path's id is what is stored
> GET /db/c
< 200
< ETag: "1-23202479633c2b380f79507a776743d5"
<
< {"_id":"c","_rev":"1-23202479633c2b380f79507a776743d5","a":1}

== _id must be a string
> PUT /db/d
> Content-Type: application/json
>
> {"_id":1}
< 400
<
< {"error":"illegal_docid","reason":"Document id must be a string"}

== unknown members with an underscore are refused
> PUT /db/d
> Content-Type: application/json
>
> {"_x":1}
< 400
<
< {"error":"doc_validation","reason":"Bad special document member: _x"}

== _deleted must be a boolean
> PUT /db/d
> Content-Type: application/json
>
> {"_deleted":1}
< 400
<
< {"error":"doc_validation","reason":"Bad special document member: _deleted"}

== _attachments must be an object
> PUT /db/d
> Content-Type: application/json
>
> {"_attachments":5}
< 400
<
< {"error":"doc_validation","reason":"Bad special document member: _attachments"}

== metadata that GET adds is dropped on the way back
> PUT /db/d
> Content-Type: application/json
>
> {"_revs_info":[],"_conflicts":[],"_local_seq":1,"_deleted_conflicts":[],"z":1}
< 201
< ETag: "1-20f41357f3a622158fac9ef2af566b98"
< Location: http://%*/db/d
<
< {"ok":true,"id":"d","rev":"1-20f41357f3a622158fac9ef2af566b98"}

== underscores inside are nobody's business
> PUT /db/e
> Content-Type: application/json
>
> {"nested":{"_ok":1}}
< 201
< ETag: "1-12883c8947a97cb9a0bc038f67eb67d8"
< Location: http://%*/db/e
<
< {"ok":true,"id":"e","rev":"1-12883c8947a97cb9a0bc038f67eb67d8"}

== of duplicate keys the last one counts
> PUT /db/f
> Content-Type: application/json
>
> {"a":1,"b":3,"a":2}
< 201
< ETag: "1-ba52ac640c827d1ebf56ee7b46577c5c"
< Location: http://%*/db/f
<
< {"ok":true,"id":"f","rev":"1-ba52ac640c827d1ebf56ee7b46577c5c"}

== it stands where the last one stood
> GET /db/f
< 200
< ETag: "1-ba52ac640c827d1ebf56ee7b46577c5c"
<
< {"_id":"f","_rev":"1-ba52ac640c827d1ebf56ee7b46577c5c","b":3,"a":2}

== _revisions names the parent of an edit
> PUT /db/g
> Content-Type: application/json
>
> {"_revisions":{"start":1,"ids":["a"]}}
< 409
<
< {"error":"conflict","reason":"Document update conflict."}

== escapes of all kinds are taken
> PUT /db/h
> Content-Type: application/json
>
> {"s":"\u00e9\u0000\ud83d\ude00"}
< 201
< ETag: "1-a6f4c31b790571c57129ec96eab98a84"
< Location: http://%*/db/h
<
< {"ok":true,"id":"h","rev":"1-a6f4c31b790571c57129ec96eab98a84"}

== half a surrogate pair is refused
> PUT /db/i
> Content-Type: application/json
>
> {"s":"\ud800"}
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}

== a PUT without a body is refused
> PUT /db/j
< 400
<
< {"error":"bad_request","reason":"Missing request body"}

== text comes back as UTF-8
> GET /db/h
< 200
< ETag: "1-a6f4c31b790571c57129ec96eab98a84"
<
< {"_id":"h","_rev":"1-a6f4c31b790571c57129ec96eab98a84","s":"é\u0000😀"}
