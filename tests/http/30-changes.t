# One answer of the changes feed: parameters, filters, counting.

== create
> PUT /chg
> Content-Type: application/json
< 201
< Location: http://%*/chg
<
< {"ok":true}
<

== empty
> GET /chg/_changes
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
<
< ],
< "last_seq":"0-%*","pending":0}
<
<

== empty HEAD
> HEAD /chg/_changes
< 200
< ETag: "%*"
<

== a
> PUT /chg/a
> Content-Type: application/json
>
> {"v":1}
< 201
< ETag: "%*"
< Location: http://%*/chg/a
<
< {"ok":true,"id":"a","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}
<

== b
> PUT /chg/b
> Content-Type: application/json
>
> {"v":1}
< 201
< ETag: "%*"
< Location: http://%*/chg/b
<
< {"ok":true,"id":"b","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}
<

== a again
> PUT /chg/a
> Content-Type: application/json
>
> {"v":2,"_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}
< 201
< ETag: "%*"
< Location: http://%*/chg/a
<
< {"ok":true,"id":"a","rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}
<

== c
> PUT /chg/c
> Content-Type: application/json
>
> {"v":1}
< 201
< ETag: "%*"
< Location: http://%*/chg/c
<
< {"ok":true,"id":"c","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}
<

== c is deleted
> DELETE /chg/c?rev=1-7a7e4b29f3af401e69b6f86e4c26b727
< 200
< ETag: "%*"
<
< {"ok":true,"id":"c","rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}
<

== a conflict of b
> POST /chg/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"b","_rev":"1-ffffffffffffffffffffffffffffffff","v":"conf"}]}
< 201
<
< []
<

== a design document
> PUT /chg/_design/f
> Content-Type: application/json
>
> {"filters":{"x":"function(doc,req){return true}"},"views":{"v":{"map":"function(doc){}"}}}
< 201
< ETag: "%*"
< Location: http://%*/chg/_design%2Ff
<
< {"ok":true,"id":"_design/f","rev":"1-223fd0f64309339ff3d503b1faa38c7b"}
<

== a local document shows nowhere
> PUT /chg/_local/l
> Content-Type: application/json
>
> {}
< 201
< ETag: "%*"
< Location: http://%*/chg/_local%2Fl
<
< {"ok":true,"id":"_local/l","rev":"0-1"}
<

== all
> GET /chg/_changes
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]},
< {"seq":"5-%*","id":"c","changes":[{"rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}],"deleted":true},
< {"seq":"6-%*","id":"b","changes":[{"rev":"1-ffffffffffffffffffffffffffffffff"}]},
< {"seq":"7-%*","id":"_design/f","changes":[{"rev":"1-223fd0f64309339ff3d503b1faa38c7b"}]}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== HEAD
> HEAD /chg/_changes
< 200
< ETag: "%*"
<

== all leaves
> GET /chg/_changes?style=all_docs
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]},
< {"seq":"5-%*","id":"c","changes":[{"rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}],"deleted":true},
< {"seq":"6-%*","id":"b","changes":[{"rev":"1-ffffffffffffffffffffffffffffffff"},{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]},
< {"seq":"7-%*","id":"_design/f","changes":[{"rev":"1-223fd0f64309339ff3d503b1faa38c7b"}]}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== with documents
> GET /chg/_changes?include_docs=true
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}],"doc":{"_id":"a","_rev":"2-d0df861eb528e79690cd2ff3c4d394f3","v":2}},
< {"seq":"5-%*","id":"c","changes":[{"rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}],"deleted":true,"doc":{"_id":"c","_rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1","_deleted":true}},
< {"seq":"6-%*","id":"b","changes":[{"rev":"1-ffffffffffffffffffffffffffffffff"}],"doc":{"_id":"b","_rev":"1-ffffffffffffffffffffffffffffffff","v":"conf"}},
< {"seq":"7-%*","id":"_design/f","changes":[{"rev":"1-223fd0f64309339ff3d503b1faa38c7b"}],"doc":{"_id":"_design/f","_rev":"1-223fd0f64309339ff3d503b1faa38c7b","filters":{"x":"function(doc,req){return true}"},"views":{"v":{"map":"function(doc){}"}}}}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== with conflicts
> GET /chg/_changes?include_docs=true&conflicts=true&limit=3
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}],"doc":{"_id":"a","_rev":"2-d0df861eb528e79690cd2ff3c4d394f3","v":2}},
< {"seq":"5-%*","id":"c","changes":[{"rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}],"deleted":true,"doc":{"_id":"c","_rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1","_deleted":true}},
< {"seq":"6-%*","id":"b","changes":[{"rev":"1-ffffffffffffffffffffffffffffffff"}],"doc":{"_id":"b","_rev":"1-ffffffffffffffffffffffffffffffff","v":"conf","_conflicts":["1-7a7e4b29f3af401e69b6f86e4c26b727"]}}
< ],
< "last_seq":"6-%*","pending":1}
<
<

== since 5
> GET /chg/_changes?since=5
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"6-%*","id":"b","changes":[{"rev":"1-ffffffffffffffffffffffffffffffff"}]},
< {"seq":"7-%*","id":"_design/f","changes":[{"rev":"1-223fd0f64309339ff3d503b1faa38c7b"}]}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== since a quoted 5
> GET /chg/_changes?since=%225%22
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"6-%*","id":"b","changes":[{"rev":"1-ffffffffffffffffffffffffffffffff"}]},
< {"seq":"7-%*","id":"_design/f","changes":[{"rev":"1-223fd0f64309339ff3d503b1faa38c7b"}]}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== since the last
> GET /chg/_changes?since=7
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
<
< ],
< "last_seq":"7-%*","pending":0}
<
<

== since now
> GET /chg/_changes?since=now
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
<
< ],
< "last_seq":"7-%*","pending":0}
<
<

== since nothing known
> GET /chg/_changes?since=bad
< 400
<
< {"error":"bad_request","reason":"Malformed sequence supplied in 'since' parameter."}
<

== since the future
> GET /chg/_changes?since=99999
< 400
<
< {"error":"bad_request","reason":"Malformed sequence supplied in 'since' parameter."}
<

== since garbage
> GET /chg/_changes?since=2-garbage
< 400
<
< {"error":"bad_request","reason":"Malformed sequence supplied in 'since' parameter."}
<

== since another server's
> GET /chg/_changes?since=9-g1AAAABPeJzLYWBgYMxgTmEQTM4vTc5ISXIwNDLXMwBCwxygFFMiQx4Lw38gyMpgTmTIBQqxJ6YYp6alGWPTkgUAJG0VCg
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]},
< {"seq":"5-%*","id":"c","changes":[{"rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}],"deleted":true},
< {"seq":"6-%*","id":"b","changes":[{"rev":"1-ffffffffffffffffffffffffffffffff"}]},
< {"seq":"7-%*","id":"_design/f","changes":[{"rev":"1-223fd0f64309339ff3d503b1faa38c7b"}]}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== since another database's
> GET /chg/_changes?since=6-t1AAAAAAAA
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]},
< {"seq":"5-%*","id":"c","changes":[{"rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}],"deleted":true},
< {"seq":"6-%*","id":"b","changes":[{"rev":"1-ffffffffffffffffffffffffffffffff"}]},
< {"seq":"7-%*","id":"_design/f","changes":[{"rev":"1-223fd0f64309339ff3d503b1faa38c7b"}]}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== since empty
> GET /chg/_changes?since=
< 400
<
< {"error":"bad_request","reason":"Malformed sequence supplied in 'since' parameter."}
<

== last-event-id is since
> GET /chg/_changes?last-event-id=6
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"7-%*","id":"_design/f","changes":[{"rev":"1-223fd0f64309339ff3d503b1faa38c7b"}]}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== its header counts in event streams only
> GET /chg/_changes
> Last-Event-ID: 6
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]},
< {"seq":"5-%*","id":"c","changes":[{"rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}],"deleted":true},
< {"seq":"6-%*","id":"b","changes":[{"rev":"1-ffffffffffffffffffffffffffffffff"}]},
< {"seq":"7-%*","id":"_design/f","changes":[{"rev":"1-223fd0f64309339ff3d503b1faa38c7b"}]}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== limit
> GET /chg/_changes?limit=1
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]}
< ],
< "last_seq":"3-%*","pending":3}
<
<

== limit 0
> GET /chg/_changes?limit=0
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
<
< ],
< "last_seq":"0-%*","pending":4}
<
<

== limit 0 since 5
> GET /chg/_changes?limit=0&since=5
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
<
< ],
< "last_seq":"5-%*","pending":2}
<
<

== limit x
> GET /chg/_changes?limit=x
< 400
<
< {"error":"bad_request","reason":"The limit parameter should be a non-negative integer"}
<

== limit -1
> GET /chg/_changes?limit=-1
< 400
<
< {"error":"bad_request","reason":"The limit value should be a non-negative integer"}
<

== descending
> GET /chg/_changes?descending=true
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"7-%*","id":"_design/f","changes":[{"rev":"1-223fd0f64309339ff3d503b1faa38c7b"}]},
< {"seq":"6-%*","id":"b","changes":[{"rev":"1-ffffffffffffffffffffffffffffffff"}]},
< {"seq":"5-%*","id":"c","changes":[{"rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}],"deleted":true},
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]}
< ],
< "last_seq":"3-%*","pending":-4}
<
<

== descending limit
> GET /chg/_changes?descending=true&limit=1
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"7-%*","id":"_design/f","changes":[{"rev":"1-223fd0f64309339ff3d503b1faa38c7b"}]}
< ],
< "last_seq":"7-%*","pending":-1}
<
<

== names in any case
> GET /chg/_changes?LIMIT=1&Descending=true
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"7-%*","id":"_design/f","changes":[{"rev":"1-223fd0f64309339ff3d503b1faa38c7b"}]}
< ],
< "last_seq":"7-%*","pending":-1}
<
<

== unknown parameters
> GET /chg/_changes?nosuch=1&limit=1
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]}
< ],
< "last_seq":"3-%*","pending":3}
<
<

== unknown style
> GET /chg/_changes?style=zzz
< 400
<
< {"error":"bad_request","reason":"The style value should be main_only or all_docs"}
<

== unknown feed
> GET /chg/_changes?feed=zzz
< 400
<
< {"error":"bad_request","reason":"Supported `feed` types: normal, continuous, live, longpoll, eventsource"}
<

== every second seq
> GET /chg/_changes?seq_interval=2
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]},
< {"seq":null,"id":"c","changes":[{"rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}],"deleted":true},
< {"seq":"6-%*","id":"b","changes":[{"rev":"1-ffffffffffffffffffffffffffffffff"}]},
< {"seq":null,"id":"_design/f","changes":[{"rev":"1-223fd0f64309339ff3d503b1faa38c7b"}]}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== every third
> GET /chg/_changes?seq_interval=3
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":null,"id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]},
< {"seq":"5-%*","id":"c","changes":[{"rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}],"deleted":true},
< {"seq":null,"id":"b","changes":[{"rev":"1-ffffffffffffffffffffffffffffffff"}]},
< {"seq":null,"id":"_design/f","changes":[{"rev":"1-223fd0f64309339ff3d503b1faa38c7b"}]}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== interval 0
> GET /chg/_changes?seq_interval=0
< 400
<
< {"error":"bad_request","reason":"invalid_seq_interval"}
<

== interval x
> GET /chg/_changes?seq_interval=x
< 400
<
< {"error":"bad_request","reason":"invalid_seq_interval"}
<

== heartbeat x
> GET /chg/_changes?heartbeat=x
< 400
<
< {"error":"bad_request","reason":"Invalid heartbeat value. Expecting a positive integer value (in milliseconds)."}
<

== heartbeat -1
> GET /chg/_changes?feed=continuous&heartbeat=-1
< 400
<
< {"error":"bad_request","reason":"The heartbeat value should be a positive integer (in milliseconds)."}
<

== timeout x
> GET /chg/_changes?timeout=x
< 400
<
< {"error":"bad_request","reason":"The timeout parameter should be a non-negative integer"}
<

== timeout -1
> GET /chg/_changes?timeout=-1
< 400
<
< {"error":"bad_request","reason":"The timeout value should be a non-negative integer"}
<

== doc_ids
> GET /chg/_changes?filter=_doc_ids&doc_ids=%5B%22a%22%5D
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]}
< ],
< "last_seq":"7-%*","pending":3}
<
<

== doc_ids by POST
> POST /chg/_changes?filter=_doc_ids
> Content-Type: application/json
>
> {"doc_ids":["c","a","nosuch","a"]}
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]},
< {"seq":"5-%*","id":"c","changes":[{"rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}],"deleted":true}
< ],
< "last_seq":"7-%*","pending":2}
<
<

== doc_ids since
> POST /chg/_changes?filter=_doc_ids&since=4
> Content-Type: application/json
>
> {"doc_ids":["c","a"]}
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"5-%*","id":"c","changes":[{"rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}],"deleted":true}
< ],
< "last_seq":"7-%*","pending":2}
<
<

== doc_ids descending
> POST /chg/_changes?filter=_doc_ids&descending=true
> Content-Type: application/json
>
> {"doc_ids":["c","a"]}
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"5-%*","id":"c","changes":[{"rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}],"deleted":true},
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]}
< ],
< "last_seq":"3-%*","pending":-2}
<
<

== doc_ids limit
> POST /chg/_changes?filter=_doc_ids&limit=1
> Content-Type: application/json
>
> {"doc_ids":["c","a"]}
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]}
< ],
< "last_seq":"3-%*","pending":3}
<
<

== doc_ids without a filter
> POST /chg/_changes?limit=1
> Content-Type: application/json
>
> {"doc_ids":["c"]}
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]}
< ],
< "last_seq":"3-%*","pending":3}
<
<

== no doc_ids
> POST /chg/_changes?filter=_doc_ids
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"bad_request","reason":"`doc_ids` filter parameter is not a list of doc ids."}
<

== no body
> POST /chg/_changes?filter=_doc_ids
> Content-Type: application/json
< 400
<
< {"error":"bad_request","reason":"`doc_ids` filter parameter is not a list of doc ids."}
<

== no list
> GET /chg/_changes?filter=_doc_ids&doc_ids=5
< 400
<
< {"error":"bad_request","reason":"`doc_ids` filter parameter is not a list of doc ids."}
<

== no strings
> GET /chg/_changes?filter=_doc_ids&doc_ids=%5B5%5D
< 400
<
< {"error":"bad_request","reason":"`doc_ids` filter parameter is not a list of doc ids."}
<

== no JSON
> GET /chg/_changes?filter=_doc_ids&doc_ids=%5B
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}
<

== no parameter
> GET /chg/_changes?filter=_doc_ids
< 400
<
< {"error":"bad_request","reason":"`doc_ids` filter parameter is not a list of doc ids."}
<

== selector
> POST /chg/_changes?filter=_selector
> Content-Type: application/json
>
> {"selector":{"v":{"$gt":0}}}
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]},
< {"seq":"6-%*","id":"b","changes":[{"rev":"1-ffffffffffffffffffffffffffffffff"}]}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== selector with fields
> POST /chg/_changes?filter=_selector&include_docs=true
> Content-Type: application/json
>
> {"selector":{"v":{"$gt":0}},"fields":["_id","v"]}
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}],"doc":{"_id":"a","v":2}},
< {"seq":"6-%*","id":"b","changes":[{"rev":"1-ffffffffffffffffffffffffffffffff"}],"doc":{"_id":"b","v":"conf"}}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== selector on deleted
> POST /chg/_changes?filter=_selector
> Content-Type: application/json
>
> {"selector":{"_deleted":true}}
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"5-%*","id":"c","changes":[{"rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}],"deleted":true}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== selector on conflicts
> POST /chg/_changes?filter=_selector
> Content-Type: application/json
>
> {"selector":{"_conflicts":{"$exists":true}}}
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"6-%*","id":"b","changes":[{"rev":"1-ffffffffffffffffffffffffffffffff"}]}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== selector over all leaves
> POST /chg/_changes?filter=_selector&style=all_docs
> Content-Type: application/json
>
> {"selector":{"v":1}}
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"6-%*","id":"b","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== selector with limit
> POST /chg/_changes?filter=_selector&limit=1
> Content-Type: application/json
>
> {"selector":{"v":{"$exists":true}}}
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]}
< ],
< "last_seq":"5-%*","pending":3}
<
<

== selector ids by bytes
> POST /chg/_changes?filter=_selector
> Content-Type: application/json
>
> {"selector":{"_id":{"$gt":"a"}}}
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"5-%*","id":"c","changes":[{"rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}],"deleted":true},
< {"seq":"6-%*","id":"b","changes":[{"rev":"1-ffffffffffffffffffffffffffffffff"}]}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== empty selector
> POST /chg/_changes?filter=_selector
> Content-Type: application/json
>
> {"selector":{}}
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]},
< {"seq":"5-%*","id":"c","changes":[{"rev":"2-d9b15b235a7d0afdfe6058d5fb8afbd1"}],"deleted":true},
< {"seq":"6-%*","id":"b","changes":[{"rev":"1-ffffffffffffffffffffffffffffffff"}]},
< {"seq":"7-%*","id":"_design/f","changes":[{"rev":"1-223fd0f64309339ff3d503b1faa38c7b"}]}
< ],
< "last_seq":"7-%*","pending":0}
<
<

== selector none
> POST /chg/_changes?filter=_selector
> Content-Type: application/json
>
> {"selector":{"nosuch":1}}
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
<
< ],
< "last_seq":"7-%*","pending":0}
<
<

== selector missing
> POST /chg/_changes?filter=_selector
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"bad_request","reason":"Selector error: expected a JSON object"}
<

== selector no object
> POST /chg/_changes?filter=_selector
> Content-Type: application/json
>
> {"selector":5}
< 400
<
< {"error":"bad_request","reason":"Selector error: expected a JSON object"}
<

== selector by GET
> GET /chg/_changes?filter=_selector
< 400
<
< {"error":"bad_request","reason":"Selector must be specified in POST payload"}
<

== fields no list
> POST /chg/_changes?filter=_selector
> Content-Type: application/json
>
> {"selector":{},"fields":5}
< 400
<
< {"error":"bad_request","reason":"Selector error: fields must be JSON array"}
<

== unknown operator
> POST /chg/_changes?filter=_selector
> Content-Type: application/json
>
> {"selector":{"v":{"$zzz":0}}}
< 400
<
< {"error":"bad_request","reason":"Invalid operator: $zzz"}
<

== bad argument
> POST /chg/_changes?filter=_selector
> Content-Type: application/json
>
> {"selector":{"v":{"$in":0}}}
< 400
<
< {"error":"bad_request","reason":"Bad argument for operator $in: 0"}
<

== design documents
> GET /chg/_changes?filter=_design
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"7-%*","id":"_design/f","changes":[{"rev":"1-223fd0f64309339ff3d503b1faa38c7b"}]}
< ],
< "last_seq":"7-%*","pending":3}
<
<

== design documents descending
> GET /chg/_changes?filter=_design&descending=true
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"7-%*","id":"_design/f","changes":[{"rev":"1-223fd0f64309339ff3d503b1faa38c7b"}]}
< ],
< "last_seq":"7-%*","pending":-1}
<
<

== no such filter document
> GET /chg/_changes?filter=nosuch/x
< 404
<
< {"error":"not_found","reason":"missing"}
<

== no such filter
> GET /chg/_changes?filter=f/nosuch
< 404
<
< {"error":"not_found","reason":"missing json key: nosuch"}
<

== a filter function
> GET /chg/_changes?filter=f/x
< 501
<
< {"error":"not_implemented","reason":"filter functions cannot be run: this server has no JavaScript engine yet; use _selector, _doc_ids or _design"}
<

== half a name
> GET /chg/_changes?filter=f
< 400
<
< {"error":"bad_request","reason":"`filter` must be of the form `designname/filtername`"}
<

== too much of a name
> GET /chg/_changes?filter=f/x/y
< 400
<
< {"error":"bad_request","reason":"`filter` must be of the form `designname/filtername`"}
<

== no name
> GET /chg/_changes?filter=&limit=1
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]}
< ],
< "last_seq":"3-%*","pending":3}
<
<

== unknown builtin
> GET /chg/_changes?filter=_zzz
< 400
<
< {"error":"bad_request","reason":"unknown builtin filter name"}
<

== view is missing
> GET /chg/_changes?filter=_view
< 400
<
< {"error":"bad_request","reason":"`view` filter parameter is not provided."}
<

== view of half a name
> GET /chg/_changes?filter=_view&view=f
< 400
<
< {"error":"bad_request","reason":"`view` must be of the form `designname/viewname`"}
<

== no such view
> GET /chg/_changes?filter=_view&view=f/nosuch
< 404
<
< {"error":"not_found","reason":"missing json key: nosuch"}
<

== a view
> GET /chg/_changes?filter=_view&view=f/v
< 501
<
< {"error":"not_implemented","reason":"filter functions cannot be run: this server has no JavaScript engine yet; use _selector, _doc_ids or _design"}
<

== POST
> POST /chg/_changes?limit=1
> Content-Type: application/json
>
> {}
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]}
< ],
< "last_seq":"3-%*","pending":3}
<
<

== POST without body
> POST /chg/_changes?limit=1
> Content-Type: application/json
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"a","changes":[{"rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}]}
< ],
< "last_seq":"3-%*","pending":3}
<
<

== POST of an array
> POST /chg/_changes
> Content-Type: application/json
>
> []
< 400
<
< {"error":"bad_request","reason":"Request body must be a JSON object"}
<

== POST of no JSON
> POST /chg/_changes
> Content-Type: application/json
>
> {bad
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}
<

== POST needs a type
> POST /chg/_changes
> Content-Type: text/plain
>
> {}
< 415
<
< {"error":"bad_content_type","reason":"Content-Type must be application/json"}
<

== PUT
> PUT /chg/_changes
> Content-Type: application/json
>
> {}
< 405
< Allow: GET,POST,HEAD
<
< {"error":"method_not_allowed","reason":"Only GET,POST,HEAD allowed"}
<

== no such database
> GET /nosuch/_changes
< 404
<
< {"error":"not_found","reason":"Database does not exist."}
<

@user -

== anonymous
> GET /chg/_changes
< 401
<
< {"error":"unauthorized","reason":"You are not authorized to access this db."}
<
