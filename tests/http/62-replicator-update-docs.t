# [replicator] update_docs = true: documents are told of each step, as CouchDB 2 did.

@ini [replicator] update_docs = true
@ini [couchdb] single_node = true

== databases
> PUT /src
< 201

== a job that fails
> PUT /_replicator/bad
> Content-Type: application/json
>
> {"source":"http://joe:pa55word@127.0.0.1:1/x","target":"http://127.0.0.1:1/y","retries_per_request":0,"n":1.50}
< 201

@until

== says so, and its number stays as it was written
> GET /_replicator/bad
< 200
<~ ^\{"_id":"bad","_rev":"3-[^"]*","source":"http://joe:pa55word@127.0.0.1:1/x","target":"http://127.0.0.1:1/y","retries_per_request":0,"n":1.50,"owner":"admin","_replication_state":"error","_replication_state_time":"[^"]*Z","_replication_state_reason":"conn_failed: [^"]*","_replication_id":"[0-9a-f]{32}"\}
> GET /_scheduler/docs/_replicator/bad
< 200
<~ "state":"crashing".*"error_count":1
<= ID "id":"([0-9a-f]{32})"

@restart

@until

== after a restart it has the same job, and no revision more
> GET /_scheduler/docs/_replicator/bad
< 200
<~ "id":"$(ID)".*"state":"crashing"
> GET /_replicator/bad
< 200
<~ "_rev":"[345]-.*"_replication_state":"error"
