# Named snapshots: databases that can only be read, kept through restarts and compaction.

== a database
> PUT /snap
< 201

== with documents
> POST /snap/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"a","v":1},{"_id":"b","v":1},{"_id":"_local/own","v":1}]}
< 201

== has no snapshots
> GET /snap/_snapshot
< 200
<
< []

== one is made
> PUT /snap/_snapshot/daily-1
< 201
<
< {"ok":true}

== its name is taken then
> PUT /snap/_snapshot/daily-1
< 412
<
< {"error":"file_exists","reason":"The snapshot could not be created, the name is taken."}

== a name must be one
> PUT /snap/_snapshot/Daily
< 400
<~ "error":"illegal_snapshot_name"

== nor may it begin with an underscore
> PUT /snap/_snapshot/_local
< 400
<~ "error":"illegal_snapshot_name"

== the database goes on
> PUT /snap/c
> Content-Type: application/json
>
> {"v":2}
< 201
> DELETE /snap/a?rev=1-7a7e4b29f3af401e69b6f86e4c26b727
< 200

== the snapshot is a database
> GET /snap/_snapshot/daily-1
< 200
<~ "db_name":"snap/_snapshot/daily-1".*"doc_count":2,

== under its encoded name, too
> GET /snap%2F_snapshot%2Fdaily-1
< 200
<~ "db_name":"snap/_snapshot/daily-1".*"doc_count":2,

== documents are as they were
> GET /snap/_snapshot/daily-1/a
< 200
< ETag: "%*"
<
< {"_id":"a","_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727","v":1}
> GET /snap%2F_snapshot%2Fdaily-1/_all_docs?include_docs=true
< 200
<~ ^\{"total_rows":2,"offset":0,"rows":\[
<~ "id":"b"
> GET /snap/_snapshot/daily-1/c
< 404
> GET /snap/a
< 404

== so are its changes
> GET /snap/_snapshot/daily-1/_changes
< 200
<~ "id":"a".*\n.*"id":"b".*\n\],\n"last_seq":"2-

== questions by POST are answered
> POST /snap/_snapshot/daily-1/_bulk_get?revs=true
> Content-Type: application/json
>
> {"docs":[{"id":"b"}]}
< 200
<~ "_id":"b"
> POST /snap/_snapshot/daily-1/_revs_diff
> Content-Type: application/json
>
> {"b":["1-x"]}
< 200
<~ "missing":\["1-x"\]

== nothing can be written
> PUT /snap/_snapshot/daily-1/d
> Content-Type: application/json
>
> {}
< 403
<
< {"error":"forbidden","reason":"This is a snapshot of a database: it can only be read."}
> POST /snap%2F_snapshot%2Fdaily-1/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{}]}
< 403
> DELETE /snap/_snapshot/daily-1/b?rev=1-7a7e4b29f3af401e69b6f86e4c26b727
< 403
> PUT /snap/_snapshot/daily-1/_security
> Content-Type: application/json
>
> {}
< 403
> POST /snap/_snapshot/daily-1/_compact
> Content-Type: application/json
>
> {}
< 403

== but local documents, which a replicator writes to its source
> GET /snap/_snapshot/daily-1/_local/check
< 404
> PUT /snap/_snapshot/daily-1/_local/check
> Content-Type: application/json
>
> {"seq":2}
< 201
<~ ^\{"ok":true,"id":"_local/check","rev":"0-1"\}
> GET /snap%2F_snapshot%2Fdaily-1/_local/check
< 200
<~ ^\{"_id":"_local/check","_rev":"0-1","seq":2\}

== which are its own
> GET /snap/_local/check
< 404
> GET /snap/_snapshot/daily-1/_local/own
< 404

== neither is listed
> GET /_all_dbs
< 200
<
< ["snap"]

== nor can their place be opened or made
> GET /snap%2F_snapshot%2Fdaily-1%2F_local/_all_docs
< 404
> PUT /snap%2F_snapshot%2Fother
< 400
> PUT /snap%2F_snapshot%2Fdaily-1%2F_local
< 400

== a second one
> PUT /snap/_snapshot/daily-2
< 201
> GET /snap/_snapshot
< 200
<~ ^\[\{"name":"daily-1","update_seq":2,"time":[0-9.]+\},\{"name":"daily-2","update_seq":4,"time":[0-9.]+\}\]

== compaction keeps them
> POST /snap/_compact
> Content-Type: application/json
>
> {}
< 202

@wait 1500

== a while later they are there
> GET /snap/_snapshot/daily-1/a
< 200
> GET /snap/_snapshot/daily-2/a
< 404
> GET /snap/_snapshot/daily-2/c
< 200

@restart

== so does a restart
> GET /snap/_snapshot/daily-1/a
< 200
> GET /snap/_snapshot/daily-1/_local/check
< 200
> GET /snap/_snapshot/none/a
< 404
<
< {"error":"not_found","reason":"Database does not exist."}

== the rights are those of the database now
> PUT /snap/_security
> Content-Type: application/json
>
> {"members":{"names":["jan"],"roles":[]},"admins":{"names":[],"roles":[]}}
< 200

@user -

== for nobody else
> GET /snap/_snapshot/daily-1/a
< 401
> GET /snap/_snapshot
< 401
> PUT /snap/_snapshot/mine
< 401

@user admin:secret

== one is removed
> DELETE /snap/_snapshot/daily-1
< 200
<
< {"ok":true}
> GET /snap/_snapshot/daily-1/a
< 404
> DELETE /snap/_snapshot/daily-1
< 404

== and made again, without what its namesake had
> PUT /snap/_snapshot/daily-1
< 201
> GET /snap/_snapshot/daily-1/_local/check
< 404
> GET /snap/_snapshot/daily-1/a
< 404

== as a database
> DELETE /snap%2F_snapshot%2Fdaily-2
< 200
> GET /snap/_snapshot
< 200
<~ ^\[\{"name":"daily-1"

== all go with the database
> DELETE /snap
< 200
> GET /snap/_snapshot/daily-1/b
< 404
> PUT /snap
< 201
> GET /snap/_snapshot
< 200
<
< []
