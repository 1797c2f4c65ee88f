# POST /_replicate: what it refuses, and replications within one server.

@ini [replicator] max_jobs = 3

== only POST
> GET /_replicate
< 405
< Allow: POST

@user -

== anonymous
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"b"}
< 401

@user admin:secret

== no JSON type
> POST /_replicate
> Content-Type: text/plain
>
> {"source":"a","target":"b"}
< 415

== no JSON
> POST /_replicate
> Content-Type: application/json
>
> {bad
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}
<

== no databases
> POST /_replicate
> Content-Type: application/json
>
> {}
< 500
<
< {"error":"error","reason":"Missing replicator database"}
<

== an empty name
> POST /_replicate
> Content-Type: application/json
>
> {"source":"","target":"y"}
< 500
<
< {"error":"db_not_found","reason":"could not open http://127.0.0.1:%*/"}
<

== no such source
> POST /_replicate
> Content-Type: application/json
>
> {"source":"nope","target":"y"}
< 500
<
< {"error":"db_not_found","reason":"could not open http://127.0.0.1:%*/nope/"}
<

== other schemes than http
> POST /_replicate
> Content-Type: application/json
>
> {"source":"ftp://example.org/a","target":"b"}
< 400
<
< {"error":"invalid_replication","reason":"endpoint has an invalid url"}
<
> POST /_replicate
> Content-Type: application/json
>
> {"source":"file:///etc/passwd","target":"b"}
< 400

== addresses that nobody may make the server connect to
> POST /_replicate
> Content-Type: application/json
>
> {"source":"http://169.254.169.254/latest","target":"b","retries_per_request":0}
< 500
<
< {"error":"conn_failed","reason":"could not connect to http://169.254.169.254/latest/"}
<
> POST /_replicate
> Content-Type: application/json
>
> {"source":"http://[::ffff:169.254.169.254]/latest","target":"b","retries_per_request":0}
< 500
<
< {"error":"conn_failed","reason":"could not connect to %*"}
<
> POST /_replicate
> Content-Type: application/json
>
> {"source":"http://0.0.0.0/latest","target":"b","retries_per_request":0}
< 500
<
< {"error":"conn_failed","reason":"could not connect to %*"}
<

== a password does not show
> POST /_replicate
> Content-Type: application/json
>
> {"source":"http://joe:pa55word@127.0.0.1:1/x","target":"b","retries_per_request":0}
< 500
<~ could not connect to http://127\.0\.0\.1:1/x/
<!~ pa55word|joe

== options
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"b","continuous":3}
< 400
<
< {"error":"bad_request","reason":"parameter `continuous` must be a boolean"}
<
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"b","doc_ids":"x"}
< 400
<
< {"error":"bad_request","reason":"parameter `doc_ids` must be an array"}
<
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"b","selector":1}
< 400
<
< {"error":"bad_request","reason":"parameter `selector` must be a JSON object"}
<
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"b","doc_ids":[],"filter":"x/y"}
< 400
<
< {"error":"bad_request","reason":"`doc_ids`,`filter`,`selector` are mutually exclusive"}
<
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"b","proxy":"http://p","source_proxy":"http://q"}
< 400
<
< {"error":"bad_request","reason":"`proxy` is mutually exclusive with `source_proxy`"}
<
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"b","proxy":"ftp://p"}
< 400
<
< {"error":"bad_request","reason":"Invalid proxy url"}

== cancel of nothing
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"b","cancel":true}
< 404
<
< {"error":"not_found","reason":"missing"}
<
> POST /_replicate
> Content-Type: application/json
>
> {"replication_id":"abc continuous","cancel":true}
< 404

== a database with history, conflicts, a tombstone and numbers of any size
> PUT /a
< 201
> POST /a/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"one","n":12345678901234567890123.10},{"_id":"two"},{"_id":"_design/d","x":1},{"_id":"a/b?c%d+é"}]}
< 201
> POST /a/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"two","_rev":"1-aaa","x":1},{"_id":"gone","_rev":"3-b","_deleted":true,"_revisions":{"start":3,"ids":["b","c","d"]}}]}
< 201
> PUT /a/att/sp%20ace%22quote
> Content-Type: text/plain
>
> some text that is stored compressed
< 201
<= REV "rev":"([^"]*)"
> PUT /a/att/nothing?rev=$(REV)
> Content-Type: application/octet-stream
< 201

== one-shot, target created
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"b","create_target":true}
< 200
< Content-Type: application/json
<
< {"ok":true,"session_id":"%*","source_last_seq":"8-%*","replication_id_version":4,"history":[{"session_id":"%*","start_time":"%* GMT","end_time":"%* GMT","start_last_seq":0,"end_last_seq":"8-%*","recorded_seq":"8-%*","missing_checked":7,"missing_found":7,"docs_read":7,"docs_written":7,"doc_write_failures":0,"bulk_get_docs":6,"bulk_get_attempts":7}]}
<
> GET /b/one
< 200
<
< {"_id":"one","_rev":"1-%*","n":12345678901234567890123.10}
<
> GET /b/two?conflicts=true
< 200
<~ "_conflicts":\["1-
> GET /b/gone?rev=3-b&revs=true
< 200
<~ "_deleted":true,"_revisions":\{"start":3,"ids":\["b","c","d"\]\}
> GET /b/att/sp%20ace%22quote
< 200
< Content-Type: text/plain
<
< some text that is stored compressed
<
> GET /b/a%2Fb%3Fc%25d%2B%C3%A9
< 200

== nothing new
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"b"}
< 200
<~ ^\{"ok":true,"no_changes":true,"session_id":"[0-9a-f]{32}","source_last_seq":"8-

== one more goes on from the checkpoint
> PUT /a/more
> Content-Type: application/json
>
> {}
< 201
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"b"}
< 200
<~ "start_last_seq":"8-[^"]*","end_last_seq":"9-[^"]*","recorded_seq":"9-[^"]*","missing_checked":8,"missing_found":8,"docs_read":8,"docs_written":8,"doc_write_failures":0,"bulk_get_docs":7,"bulk_get_attempts":8\},.*"missing_checked":7

== an attachment the target has does not travel again
> GET /a/att
< 200
<= REV "_rev":"([^"]*)"
> PUT /a/att/third?rev=$(REV)
> Content-Type: application/octet-stream
>
> 3
< 201
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"b"}
< 200
<~ "docs_written":9,"doc_write_failures":0
> GET /b/att/nothing
< 200
> GET /b/att/third
< 200
<
< 3
<

== documents by id
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"c","create_target":true,"doc_ids":["two","one","two","absent"]}
< 200
<~ "docs_read":3,"docs_written":3,"doc_write_failures":0\}$
> GET /c/_all_docs
< 200
<~ "total_rows":2

== documents by selector, winners only
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"d","create_target":true,"selector":{"_id":"two"},"winning_revs_only":true}
< 200
<~ "missing_checked":1,

== no checkpoints
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"e","create_target":true,"use_checkpoints":false}
< 200
<
< {"ok":true,"use_checkpoints":false}
<
> GET /e/_local_docs
< 200
<~ "rows":\[\s*\]

== who may start and cancel
> PUT /_users
< 201
> PUT /_users/org.couchdb.user:rep
> Content-Type: application/json
>
> {"name":"rep","password":"pw","type":"user","roles":[]}
< 201

@user rep:pw

== a user without the role
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"b"}
< 403

@user admin:secret

== a continuous job shows, and is cancelled by its id
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"f","create_target":true,"continuous":true}
< 202
<= ID "_local_id":"([0-9a-f]{32}\+continuous\+create_target)"

@until

== it works
> GET /f/one
< 200
> GET /_active_tasks
< 200
<~ "type":"replication".*"source":"http://127.0.0.1:[0-9]+/a/".*"continuous":true
<!~ [Bb]asic|secret
> PUT /a/later
> Content-Type: application/json
>
> {}
< 201

@until

== a change goes over at once
> GET /f/later
< 200
> POST /_replicate
> Content-Type: application/json
>
> {"replication_id":"$(ID)","cancel":true}
< 200
<
< {"ok":true,"_local_id":"$(ID)"}
<

@until

== it is gone
> GET /_active_tasks
< 200
<
< []
<

== a job that fails says why, and is tried again
> POST /_replicate
> Content-Type: application/json
>
> {"source":"http://joe:pa55word@127.0.0.1:1/x","target":"b","continuous":true,"retries_per_request":0}
< 202
<= ID "_local_id":"([0-9a-f]{32})

@until

== here
> GET /_scheduler/jobs
< 200
<
< {"total_rows":1,"offset":0,"jobs":[{"database":null,"id":"$(ID)+continuous","pid":null,"source":"http://127.0.0.1:1/x/","target":"http://127.0.0.1:%*/b/","user":"admin","doc_id":null,"info":null,"history":[{"timestamp":"%*Z","type":"crashed","reason":"conn_failed: could not connect to http://127.0.0.1:1/x/"},{"timestamp":"%*Z","type":"started"},{"timestamp":"%*Z","type":"added"}],"node":"%*","start_time":"%*Z"}]}
<
> GET /_active_tasks
< 200
<
< []
<
> POST /_replicate
> Content-Type: application/json
>
> {"replication_id":"$(ID) continuous","cancel":true}
< 200

@until

== more jobs than may run at a time: the last one waits for its turn
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"f","continuous":true}
< 202
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"c","continuous":true}
< 202
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"d","continuous":true}
< 202
> POST /_replicate
> Content-Type: application/json
>
> {"source":"a","target":"e","continuous":true}
< 202
<= ID "_local_id":"([0-9a-f]{32})

@until

== three run
> GET /_active_tasks
< 200
<~ ^\[(\{[^}]*"replication"[^}]*\},?){3}\]
> GET /_scheduler/jobs/$(ID)+continuous
< 200
<
< {"database":null,"id":"$(ID)+continuous","pid":null,"source":"http://127.0.0.1:%*/a/","target":"http://127.0.0.1:%*/e/","user":"admin","doc_id":null,"info":null,"history":[{"timestamp":"%*Z","type":"added"}],"node":"nonode@nohost","start_time":"%*Z"}
<
> GET /_scheduler/jobs?limit=1&skip=2
< 200
<~ ^\{"total_rows":4,"offset":2,"jobs":\[\{"database":null,"id":"[0-9a-f]{32}\+continuous"

@restart

== the server stopped with jobs running
> GET /_active_tasks
< 200
<
< []
<
