# Feeds that wait: how they begin and how they end.

== create
> PUT /feed
> Content-Type: application/json
< 201
< Location: http://%*/feed
<
< {"ok":true}
<

== a
> PUT /feed/a
> Content-Type: application/json
>
> {"v":1}
< 201
< ETag: "%*"
< Location: http://%*/feed/a
<
< {"ok":true,"id":"a","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}
<

== b
> PUT /feed/b
> Content-Type: application/json
>
> {"v":1}
< 201
< ETag: "%*"
< Location: http://%*/feed/b
<
< {"ok":true,"id":"b","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}
<

== longpoll answers at once
> GET /feed/_changes?feed=longpoll
< 200
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"1-%*","id":"a","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]},
< {"seq":"2-%*","id":"b","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]}
< ],
< "last_seq":"2-%*","pending":0}
<
<

== longpoll with limit
> GET /feed/_changes?feed=longpoll&limit=1
< 200
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"1-%*","id":"a","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]}
< ],
< "last_seq":"1-%*","pending":1}
<
<

== longpoll times out
> GET /feed/_changes?feed=longpoll&since=2&timeout=100
< 200
< Transfer-Encoding: chunked
<
< {"results":[
<
<
< ],
< "last_seq":"2-%*","pending":0}
<
<

== longpoll with timeout 0
> GET /feed/_changes?feed=longpoll&since=now&timeout=0
< 200
< Transfer-Encoding: chunked
<
< {"results":[
<
< ],
< "last_seq":"2-%*","pending":0}
<
<

== longpoll POST
> POST /feed/_changes?feed=longpoll&filter=_doc_ids
> Content-Type: application/json
>
> {"doc_ids":["b"]}
< 200
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"2-%*","id":"b","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]}
< ],
< "last_seq":"2-%*","pending":1}
<
<

== longpoll filtered out
> POST /feed/_changes?feed=longpoll&filter=_selector&timeout=100
> Content-Type: application/json
>
> {"selector":{"v":9}}
< 200
< Transfer-Encoding: chunked
<
< {"results":[
<
<
< ],
< "last_seq":"2-%*","pending":0}
<
<

== continuous
> GET /feed/_changes?feed=continuous&timeout=100
< 200
< Transfer-Encoding: chunked
<
< {"seq":"1-%*","id":"a","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]}
< {"seq":"2-%*","id":"b","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]}
< {"last_seq":"2-%*","pending":0}
<
<

== live is continuous
> GET /feed/_changes?feed=live&timeout=100&since=1
< 200
< Transfer-Encoding: chunked
<
< {"seq":"2-%*","id":"b","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]}
< {"last_seq":"2-%*","pending":0}
<
<

== continuous with limit
> GET /feed/_changes?feed=continuous&limit=1
< 200
< Transfer-Encoding: chunked
<
< {"seq":"1-%*","id":"a","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]}
< {"last_seq":"1-%*","pending":1}
<
<

== continuous limit 0
> GET /feed/_changes?feed=continuous&limit=0
< 200
< Transfer-Encoding: chunked
<
< {"last_seq":"0-%*","pending":2}
<
<

== continuous, documents
> GET /feed/_changes?feed=continuous&timeout=100&include_docs=true&conflicts=true&style=all_docs&limit=1000
< 200
< Transfer-Encoding: chunked
<
< {"seq":"1-%*","id":"a","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}],"doc":{"_id":"a","_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727","v":1}}
< {"seq":"2-%*","id":"b","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}],"doc":{"_id":"b","_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727","v":1}}
< {"last_seq":"2-%*","pending":0}
<
<

== continuous descending ends
> GET /feed/_changes?feed=continuous&descending=true
< 200
< Transfer-Encoding: chunked
<
< {"seq":"2-%*","id":"b","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]}
< {"seq":"1-%*","id":"a","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]}
< {"last_seq":"1-%*","pending":-2}
<
<

== eventsource
> GET /feed/_changes?feed=eventsource&timeout=100
< 200
< Cache-Control: no-cache
< Content-Type: text/event-stream
< Transfer-Encoding: chunked
<
< data: {"seq":"1-%*","id":"a","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]}
< id: "1-%*"
<
< data: {"seq":"2-%*","id":"b","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]}
< id: "2-%*"
<
<
<

== eventsource from the header
> GET /feed/_changes?feed=eventsource&timeout=100
> Last-Event-ID: 1
< 200
< Cache-Control: no-cache
< Content-Type: text/event-stream
< Transfer-Encoding: chunked
<
< data: {"seq":"2-%*","id":"b","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]}
< id: "2-%*"
<
<
<

== eventsource with limit
> GET /feed/_changes?feed=eventsource&limit=1
< 200
< Cache-Control: no-cache
< Content-Type: text/event-stream
< Transfer-Encoding: chunked
<
< data: {"seq":"1-%*","id":"a","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]}
< id: "1-%*"
<
<
<

== clean up
> DELETE /feed
< 200
<
< {"ok":true}
<
