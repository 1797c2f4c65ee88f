# The feed of databases created, changed and deleted. Its log is written a quarter of a second after
# the first event that is not in it yet.

== without a log there is nothing
> GET /_db_updates
< 404
<
< {"error":"not_found","reason":"Database does not exist."}
<
> PUT /before
< 201
> GET /_db_updates?feed=longpoll&timeout=50
< 404

== the log itself is no event
> PUT /_global_changes
< 201
> PUT /_global_changes/a:note
>
> {}
< 201
> DELETE /_global_changes/a:note?rev=1-967a00dff5e02add41819138abb3284d
< 200
@wait 600
== only what was told after the log was made
> GET /_global_changes
< 200
<~ "update_seq":"2-
> DELETE /_global_changes
< 200
> GET /_db_updates
< 404
> PUT /_global_changes
< 201
> GET /_db_updates
< 200
< Content-Type: application/json
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
<
< ],
< "last_seq":"0-%*"}
<
<

== three events
> PUT /one
< 201
> PUT /one/a
>
> {"v":1}
< 201
> PUT /one/a
>
> {"v":2}
< 409
> PUT /two%2Fx
< 201
> DELETE /before
< 200
@until
== in their order
> GET /_db_updates
< 200
<= ETAG ETag: (\S+)
<
< {"results":[
< {"db_name":"one","type":"created","seq":"1-%*"},
< {"db_name":"one","type":"updated","seq":"2-%*"},
< {"db_name":"two/x","type":"created","seq":"3-%*"},
< {"db_name":"before","type":"deleted","seq":"4-%*"}
< ],
< "last_seq":"4-%*"}
<
<
> GET /_db_updates
> If-None-Match: $(ETAG)
< 304

== they are empty documents
> GET /_global_changes/_all_docs?include_docs=true
< 200
<~ "rows":\[\r?\n\{"id":"created:one",.*"doc":\{"_id":"created:one","_rev":"1-967a00dff5e02add41819138abb3284d"\}\},
<~ "id":"created:two/x"
<~ "id":"deleted:before"
<~ "id":"updated:one"

== limit
> GET /_db_updates?limit=2
< 200
<
< {"results":[
< {"db_name":"one","type":"created","seq":"1-%*"},
< {"db_name":"one","type":"updated","seq":"2-%*"}
< ],
< "last_seq":"2-%*"}
<
<
<= TWO "last_seq":"([^"]+)"
> GET /_db_updates?limit=0
< 200
<
< {"results":[
<
< ],
< "last_seq":"0-%*"}
<
<

== since
> GET /_db_updates?since=$(TWO)&limit=1
< 200
<
< {"results":[
< {"db_name":"two/x","type":"created","seq":"3-%*"}
< ],
< "last_seq":"3-%*"}
<
<
> GET /_db_updates?since=now
< 200
<
< {"results":[
<
< ],
< "last_seq":"4-%*"}
<
<
> GET /_db_updates?since=nonsense
< 400

== descending
> GET /_db_updates?descending=true&limit=2
< 200
<
< {"results":[
< {"db_name":"before","type":"deleted","seq":"4-%*"},
< {"db_name":"two/x","type":"created","seq":"3-%*"}
< ],
< "last_seq":"3-%*"}
<
<

== parameters of _changes that mean nothing here
> GET /_db_updates?include_docs=true&filter=_selector&style=all_docs&seq_interval=7&limit=1
< 200
<
< {"results":[
< {"db_name":"one","type":"created","seq":"1-%*"}
< ],
< "last_seq":"1-%*"}
<
<

== wrong parameters
> GET /_db_updates?feed=rss
< 400
<
< {"error":"bad_request","reason":"Supported `feed` types: normal, continuous, longpoll, eventsource"}
<
> GET /_db_updates?limit=many
< 400
<~ "error":"bad_request"
> POST /_db_updates
>
> {}
< 405

== continuous
> GET /_db_updates?feed=continuous&timeout=50&since=$(TWO)
< 200
<
< {"db_name":"two/x","type":"created","seq":"3-%*"}
< {"db_name":"before","type":"deleted","seq":"4-%*"}
< {"last_seq":"4-%*"}
<
<

== an event source tells the changes of the log as they are
> GET /_db_updates?feed=eventsource&limit=1
< 200
< Content-Type: text/event-stream
< Cache-Control: no-cache
<
< data: {"seq":"1-%*","id":"created:one","changes":[{"rev":"1-967a00dff5e02add41819138abb3284d"}]}
< id: "1-%*"
<
<
<

== documents of others: an id with a colon is an event
> PUT /_global_changes/plain
>
> {}
< 201
> PUT /_global_changes/my:own:thing
>
> {}
< 201
> GET /_db_updates?since=$(TWO)&feed=longpoll
< 200
<
< {"results":[
< {"db_name":"two/x","type":"created","seq":"3-%*"},
< {"db_name":"before","type":"deleted","seq":"4-%*"},
< {"db_name":"own:thing","type":"my","seq":"6-%*"}
< ],
< "last_seq":"6-%*"}
<
<

== local documents and security objects are no updates
> PUT /one/_local/x
>
> {}
< 201
> PUT /one/_security
>
> {}
< 200
@wait 400
== so nothing was added
> GET /_db_updates?since=now
< 200
<~ "last_seq":"6-

== the same event again has a new sequence; a tombstone is no obstacle
> DELETE /_global_changes/created:one?rev=1-967a00dff5e02add41819138abb3284d
< 200
> POST /one/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"x"},{"_id":"y"}]}
< 201
> DELETE /one
< 200
> PUT /one
< 201
# stopping writes what is left
@restart
== after the restart
> GET /_db_updates
< 200
<
< {"results":[
< {"db_name":"two/x","type":"created","seq":"3-%*"},
< {"db_name":"before","type":"deleted","seq":"4-%*"},
< {"db_name":"own:thing","type":"my","seq":"6-%*"},
< {"db_name":"one","type":"updated","seq":"8-%*"},
< {"db_name":"one","type":"deleted","seq":"9-%*"},
< {"db_name":"one","type":"created","seq":"10-%*"}
< ],
< "last_seq":"10-%*"}
<
<

== an old log goes on
> PUT /three
< 201
@until
== after the restart, too
> GET /_db_updates?since=now&descending=true&limit=1
< 200
<~ "db_name":"three","type":"created","seq":"11-

== the log is for server admins
> PUT /_users
< 201
> PUT /_users/org.couchdb.user:joe
> Content-Type: application/json
>
> {"name":"joe","password":"pw","roles":[],"type":"user"}
< 201
@user joe:pw
== not for joe
> GET /_db_updates
< 401
<
< {"error":"unauthorized","reason":"You are not a server admin."}
<
@user -
== nor for anybody
> GET /_db_updates
< 401
