# The database _replicator: what a document must look like, who may write it, what others see of it,
# what becomes of it; _scheduler/jobs and _scheduler/docs.

@ini [replicator] startup_jitter = 0
@ini [couchdb] single_node = true

== the databases
> PUT /src
< 201
> PUT /tgt
< 201
> POST /src/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"a"},{"_id":"b"},{"_id":"c"}]}
< 201
> GET /_scheduler/docs
< 200
< Content-Type: application/json
<
< {"total_rows":0,"offset":0,"docs":[
<
< ]}
<

== no such document, database, place
> GET /_scheduler/docs/_replicator/nosuch
< 404
<
< {"error":"not_found","reason":"missing"}
<
> GET /_scheduler/docs/other/_replicator
< 404
<
< {"error":"not_found","reason":"Database does not exist."}
<
> GET /_scheduler/docs/src
< 400
> GET /_scheduler/jobs/nosuch
< 404
<
< {"error":"not_found","reason":"missing"}
<
> GET /_scheduler/nosuch
< 404
> POST /_scheduler/jobs
> Content-Type: application/json
>
> {}
< 405
< Allow: GET,HEAD
<
< {"error":"method_not_allowed","reason":"Only GET,HEAD allowed"}
<

== parameters
> GET /_scheduler/jobs?limit=x
< 400
<
< {"error":"query_parse_error","reason":"limit must be an integer"}
<
> GET /_scheduler/jobs?skip=-1
< 400
<
< {"error":"query_parse_error","reason":"skip not in range of [0,infinity]"}
<
> GET /_scheduler/docs?states=running,nonsense
< 400
<~ "error":"query_parse_error","reason":"States must be one or more of

== the name of a local database is refused, as it would need somebody's rights
> PUT /_replicator/d
> Content-Type: application/json
>
> {"source":"src","target":"http://127.0.0.1:1/x"}
< 403
<
< {"error":"forbidden","reason":"local_endpoints_not_supported"}
<
> PUT /_replicator/d
> Content-Type: application/json
>
> {"source":"http://127.0.0.1:1/x","target":"tgt"}
< 403
<
< {"error":"forbidden","reason":"local_endpoints_not_supported"}
<

== what is missing or wrong
> PUT /_replicator/d
> Content-Type: application/json
>
> {"foo":1}
< 403
<
< {"error":"forbidden","reason":"Missing replicator database"}
<
> PUT /_replicator/d
> Content-Type: application/json
>
> {"source":"http://127.0.0.1:1/x","target":{"headers":{}}}
< 403
<
< {"error":"forbidden","reason":"Missing replicator database"}
<
> PUT /_replicator/d
> Content-Type: application/json
>
> {"source":"http://127.0.0.1:1/x","target":7}
< 403
> PUT /_replicator/d
> Content-Type: application/json
>
> {"source":"http:///x?y","target":"http://127.0.0.1:1/x"}
< 403
<
< {"error":"forbidden","reason":"endpoint has an invalid url"}
<
> PUT /_replicator/d
> Content-Type: application/json
>
> {"source":"http://127.0.0.1:1/x","target":"http://127.0.0.1:1/y","continuous":"yes"}
< 403
<
< {"error":"forbidden","reason":"parameter `continuous` must be a boolean"}
<
> PUT /_replicator/d
> Content-Type: application/json
>
> {"source":"http://127.0.0.1:1/x","target":"http://127.0.0.1:1/y","doc_ids":[],"selector":{}}
< 403
<
< {"error":"forbidden","reason":"`doc_ids`,`filter`,`selector` are mutually exclusive"}
<
> POST /_replicator/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"d","source":"src","target":"tgt"}]}
< 201
<
< [{"id":"d","error":"forbidden","reason":"local_endpoints_not_supported"}]
<
> GET /_replicator/d
< 404

== a document whose address fails; the owner is filled in
> PUT /_replicator/o2
> Content-Type: application/json
>
> {"source":"http://joe:pa55word@127.0.0.1:1/x","target":{"url":"http://127.0.0.1:1/y","auth":{"basic":{"username":"ann","password":"hu5h"}},"headers":{"X-Key":"s3cret"}},"retries_per_request":0}
< 201

@until

== it fails
> GET /_scheduler/docs/_replicator/o2
< 200
<~ "state":"crashing"

== the document itself stays as it is
> GET /_replicator/o2
< 200
<
< {"_id":"o2","_rev":"1-%*","source":"http://joe:pa55word@127.0.0.1:1/x","target":{"url":"http://127.0.0.1:1/y","auth":{"basic":{"username":"ann","password":"hu5h"}},"headers":{"X-Key":"s3cret"}},"retries_per_request":0,"owner":"admin"}
<
> GET /_scheduler/docs/_replicator/o2
< 200
<~ ^\{"database":"_replicator","doc_id":"o2","id":"[0-9a-f]{32}","node":"nonode@nohost","source":"http://127.0.0.1:1/x/","target":"http://127.0.0.1:1/y/","state":"crashing","info":\{"error":"conn_failed: [^"]*"\},"error_count":1,"last_updated":"20..-..-..T..:..:..Z","start_time":"20..-..-..T..:..:..Z","source_proxy":null,"target_proxy":null\}
<!~ pa55word|hu5h|s3cret
> GET /_scheduler/docs?states=crashing,error
< 200
<~ "total_rows":1,"offset":0,"docs":\[\s*\{"database":"_replicator","doc_id":"o2"
<!~ pa55word|hu5h|s3cret
> GET /_scheduler/docs?states=running
< 200
<~ "docs":\[\s*\]
> GET /_scheduler/jobs
< 200
<~ ^\{"total_rows":1,"offset":0,"jobs":\[\{"database":"_replicator","id":"[0-9a-f]{32}","pid":null,"source":"http://127.0.0.1:1/x/","target":"http://127.0.0.1:1/y/","user":null,"doc_id":"o2","info":null,"history":\[\{"timestamp":"[^"]*","type":"crashed","reason":"conn_failed: [^"]*"\},\{"timestamp":"[^"]*","type":"started"\},\{"timestamp":"[^"]*","type":"added"\}\],"node":"nonode@nohost","start_time":"[^"]*"\}\]\}
<!~ pa55word|hu5h|s3cret
<= ID "id":"([0-9a-f]{32})"
> GET /_scheduler/jobs/$(ID)
< 200
<~ "doc_id":"o2"
> GET /_active_tasks
< 200
<
< []
<

== counted
> GET /_node/_local/_stats/couch_replicator/jobs
< 200
<~ "crashed":\{"value":1,.*"crashes":\{"value":1,.*"running":\{"value":0,.*"starts":\{"value":1,.*"total":\{"value":1,
> GET /_node/_local/_prometheus
< 200
<~ \ncouchdb_couch_replicator_jobs_crashed 1\n
<!~ pa55word|hu5h|s3cret

== two documents for one job: the second has failed
> PUT /_replicator/o5
> Content-Type: application/json
>
> {"source":"http://joe:pa55word@127.0.0.1:1/x","target":{"url":"http://127.0.0.1:1/y","auth":{"basic":{"username":"ann","password":"hu5h"}},"headers":{"X-Key":"s3cret"}},"retries_per_request":0,"worker_batch_size":7}
< 201

@until

== it says so
> GET /_replicator/o5
< 200
<~ "owner":"admin","_replication_state":"failed","_replication_state_time":"20[^"]*Z","_replication_state_reason":"Replication `[0-9a-f]{32}` specified by document `o5` already started, triggered by document `o2` from db `_replicator`"\}
<= REV5 "_rev":"([^"]*)"
> GET /_scheduler/docs/_replicator/o5
< 200
<~ "id":null,"source":"http://127.0.0.1:1/x/","target":"http://127.0.0.1:1/y/","state":"failed","error_count":1,"info":\{"error":"Replication `
<!~ pa55word|hu5h|s3cret

== a failed document may be changed to anything and stays failed while it says so
> PUT /_replicator/o5
> Content-Type: application/json
>
> {"_rev":"$(REV5)","_replication_state":"failed","source":"nonsense"}
< 201
<= REV5 "rev":"([^"]*)"
> DELETE /_replicator/o5?rev=$(REV5)
< 200

== deleting a document ends its job
> GET /_replicator/o2
< 200
<= REV "_rev":"([^"]*)"
> DELETE /_replicator/o2?rev=$(REV)
< 200

@until

== it is gone
> GET /_scheduler/jobs
< 200
<
< {"total_rows":0,"offset":0,"jobs":[]}
<
> GET /_scheduler/docs/_replicator/o2
< 404
> GET /_scheduler/docs
< 200
<~ "total_rows":0

== users, and who is a member
> PUT /_users/org.couchdb.user:ann
> Content-Type: application/json
>
> {"name":"ann","password":"pw","type":"user","roles":[]}
< 201
> PUT /_users/org.couchdb.user:bob
> Content-Type: application/json
>
> {"name":"bob","password":"pw","type":"user","roles":[]}
< 201
> PUT /_users/org.couchdb.user:eve
> Content-Type: application/json
>
> {"name":"eve","password":"pw","type":"user","roles":[]}
< 201

@user ann:pw

== by default only admins get in
> PUT /_replicator/n
> Content-Type: application/json
>
> {"source":"http://127.0.0.1:1/x","target":"http://127.0.0.1:1/y"}
< 403
<
< {"error":"forbidden","reason":"You are not allowed to access this db."}
<
> POST /_replicate
> Content-Type: application/json
>
> {"source":"src","target":"tgt"}
< 403

@user admin:secret

== members
> PUT /_replicator/_security
> Content-Type: application/json
>
> {"members":{"names":["ann","bob"]}}
< 200

@user ann:pw

== a member writes a document of her own, whatever rights it claims
> PUT /_replicator/m
> Content-Type: application/json
>
> {"source":"http://ann:pw@127.0.0.1:1/x","target":{"url":"http://u:v@127.0.0.1:1/y","headers":{"X-Key":"s3cret"}},"proxy":"http://p:x0y@127.0.0.1:1","retries_per_request":0,"user_ctx":{"name":"admin","roles":["_admin"]},"n":1.50}
< 201
> GET /_replicator/m
< 200
<
< {"_id":"m","_rev":"1-%*","source":"http://ann:pw@127.0.0.1:1/x","target":{"url":"http://u:v@127.0.0.1:1/y","headers":{"X-Key":"s3cret"}},"proxy":"http://p:x0y@127.0.0.1:1","retries_per_request":0,"user_ctx":{"name":"admin","roles":["_admin"]},"n":1.50,"owner":"ann"}
<
> PUT /_replicator/m2
> Content-Type: application/json
>
> {"source":"http://127.0.0.1:1/x","target":"http://127.0.0.1:1/y","owner":"admin"}
< 403
<
< {"error":"forbidden","reason":"Can't update replication documents from other users."}
<
> PUT /_replicator/m2?new_edits=false
> Content-Type: application/json
>
> {"_rev":"1-abc","source":"http://127.0.0.1:1/x","target":"http://127.0.0.1:1/y","owner":"admin"}
< 403

== what lists documents is the admins' only
> GET /_replicator/_all_docs
< 401
> GET /_replicator/_changes
< 401
> POST /_replicator/_find
> Content-Type: application/json
>
> {"selector":{}}
< 401
> GET /_replicator/_design/x/_view/y
< 401
> GET /_scheduler/docs
< 401
> GET /_scheduler/jobs
< 401

@user admin:secret
@until

== nor does the scheduler show any
> GET /_scheduler/docs/_replicator/m
< 200
<~ "source_proxy":"http://127.0.0.1:1/?","target_proxy":"http://127.0.0.1:1/?"
<!~ s3cret|pw@|u:v|x0y

@user bob:pw

== another member sees no secrets
> GET /_replicator/m
< 200
<
< {"_id":"m","_rev":"1-%*","source":"http://127.0.0.1:1/x","target":{"url":"http://127.0.0.1:1/y"},"proxy":"http://127.0.0.1:1","retries_per_request":0,"user_ctx":{"name":"admin","roles":["_admin"]},"n":1.50,"owner":"ann"}
<
<= REV "_rev":"([^"]*)"
> GET /_replicator/m?rev=$(REV)&attachments=true
< 200
<!~ s3cret|pw@|u:v
> GET /_replicator/m?open_revs=all
< 200
<!~ s3cret|pw@|u:v
> POST /_replicator/_bulk_get
> Content-Type: application/json
>
> {"docs":[{"id":"m"}]}
< 200
<~ "owner":"ann"
<!~ s3cret|pw@|u:v

== and changes, deletes, replaces, copies nothing
> PUT /_replicator/m
> Content-Type: application/json
>
> {"_rev":"$(REV)","source":"http://127.0.0.1:1/x","target":"http://127.0.0.1:1/y"}
< 403
<
< {"error":"forbidden","reason":"Can't update replication documents from other users."}
<
> PUT /_replicator/m
> Content-Type: application/json
>
> {"_rev":"$(REV)","_deleted":true}
< 403
> DELETE /_replicator/m?rev=$(REV)
< 403
> PUT /_replicator/m/att?rev=$(REV)
> Content-Type: text/plain
>
> x
< 403
> COPY /_replicator/m
> Destination: mine
< 403
> POST /_replicator/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"m","_rev":"$(REV)","_deleted":true}]}
< 201
<~ "error":"forbidden"
> POST /_replicator/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"m","_rev":"2-abc","_revisions":{"start":2,"ids":["abc","def"]},"source":"http://127.0.0.1:1/evil","target":"http://127.0.0.1:1/y"}]}
< 201
<~ "error":"forbidden"

== a member may replicate, with no rights but his own
> POST /_replicate
> Content-Type: application/json
>
> {"source":"src","target":"tgt"}
< 403
<
< {"error":"forbidden","reason":"forbidden to access or create database http://127.0.0.1:%*/src/"}
<

@user eve:pw

== who is no member may not, nor read
> GET /_replicator/m
< 403
> POST /_replicate
> Content-Type: application/json
>
> {"source":"src","target":"tgt"}
< 403

@user admin:secret

== an admin sees and changes everything, and the owner stays
> GET /_replicator/m
< 200
<~ s3cret
<= REV "_rev":"([^"]*)"
> PUT /_replicator/m
> Content-Type: application/json
>
> {"_rev":"$(REV)","source":"http://127.0.0.1:1/z","target":"http://127.0.0.1:1/y","retries_per_request":0,"owner":"ann"}
< 201

@until

== the job is another one now
> GET /_scheduler/jobs
< 200
<~ "total_rows":1,.*"source":"http://127.0.0.1:1/z/"
> GET /_replicator/m
< 200
<~ "owner":"ann"\}
<= REV "_rev":"([^"]*)"
> DELETE /_replicator/m?rev=$(REV)
< 200

== a list that is open to everybody makes nobody a replicator
> PUT /_replicator/_security
> Content-Type: application/json
>
> {"members":{"names":[],"roles":[]},"admins":{"names":[],"roles":[]}}
< 200

@user eve:pw

== she may not make the server connect anywhere
> POST /_replicate
> Content-Type: application/json
>
> {"source":"src","target":"tgt"}
< 403

@user admin:secret

== another replicator database
> PUT /x%2F_replicator
< 201
> PUT /x%2F_replicator/job
> Content-Type: application/json
>
> {"source":"http://127.0.0.1:1/x","target":"http://127.0.0.1:1/y","continuous":true,"retries_per_request":0}
< 201

@until

== is looked at, too
> GET /_scheduler/docs/x%2F_replicator
< 200
<~ "total_rows":1,.*\s*\{"database":"x/_replicator","doc_id":"job","id":"[0-9a-f]{32}\+continuous",.*"state":"crashing"
> GET /_scheduler/docs/x/_replicator/job
< 200
<~ "state":"crashing"
> DELETE /x%2F_replicator
< 200

@until

== deleting it ends its jobs
> GET /_scheduler/jobs
< 200
<
< {"total_rows":0,"offset":0,"jobs":[]}
<

== a document that came by replication and makes no sense has failed
> PUT /_replicator/odd?new_edits=false
> Content-Type: application/json
>
> {"_rev":"1-abc","source":"src","target":"tgt","owner":"admin"}
< 201

@until

== it says so
> GET /_replicator/odd
< 200
<~ "_replication_state":"failed",.*"_replication_state_reason":"local_endpoints_not_supported"

== a state that an old server wrote is taken out again
> PUT /_replicator/old
> Content-Type: application/json
>
> {"source":"http://127.0.0.1:1/x","target":"http://127.0.0.1:1/y","retries_per_request":0,"_replication_state":"triggered","_replication_id":"abc","_replication_state_time":"2020-01-01T00:00:00Z"}
< 201

@until

== and the job runs
> GET /_replicator/old
< 200
<
< {"_id":"old","_rev":"2-%*","source":"http://127.0.0.1:1/x","target":"http://127.0.0.1:1/y","retries_per_request":0,"owner":"admin"}
<
> GET /_scheduler/docs/_replicator/old
< 200
<~ "state":"crashing"

== design documents are no jobs
> PUT /_replicator/_design/d
> Content-Type: application/json
>
> {"views":{}}
< 201
> GET /_scheduler/docs?limit=1&skip=1
< 200
<~ ^\{"total_rows":2,"offset":1,"docs":\[\s*\{"database":"_replicator","doc_id":"old"

@restart

@until

== jobs are there again after a restart
> GET /_scheduler/docs/_replicator/old
< 200
<~ "state":"crashing".*"error_count":1
> GET /_scheduler/docs/_replicator/odd
< 200
<~ "state":"failed"
