# What the server counts about itself.

== something to count
> PUT /db
< 201
> PUT /db/a
>
> {}
< 201
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"b"},{"_id":"c"},{"_id":"d"}]}
< 201
> GET /db/nothing
< 404

== by CouchDB's names
> GET /_node/_local/_stats/couchdb/httpd_request_methods/PUT
< 200
<
< {"value":2,"type":"counter","desc":"number of HTTP requests by method"}
> GET /_node/_local/_stats/couchdb/httpd_status_codes
< 200
<~ "201":\{"value":3,.*"404":\{"value":1,
> GET /_node/_local/_stats/couchdb/document_writes
< 200
<~ ^\{"value":4,
> GET /_node/_local/_stats/couchdb/open_databases
< 200
<~ ^\{"value":1,"type":"gauge"
> GET /_node/_local/_stats/couchdb/request_time
< 200
<~ ^\{"value":\{"n":\d+,"arithmetic_mean":[\d.]+,"percentile":\[\[50,[\d.]+\],.*\]\},"type":"histogram"

== and our own
> GET /_node/_local/_stats/tuffet/commits
< 200
<~ ^\{"failed":\{"value":0,.*"group_size":\{"value":\{"n":2,"arithmetic_mean":2\.000,
> GET /_node/_local/_stats/tuffet/databases/size_file
< 200
<~ ^\{"value":[1-9]

> GET /_node/_local/_stats/tuffet/databases/checkpoint_age
< 200
<~ ^\{"value":\d{1,3},"type":"gauge"
> GET /_node/_local/_stats/tuffet/cache/misses
< 200
<~ ^\{"value":\d+,"type":"counter"

== the whole is a tree, and only whole names are paths
> GET /_node/_local/_stats
< 200
<~ ^\{"couch_replicator":\{.*"couchdb":\{"document_writes":\{.*"httpd":\{"aborted_requests":\{.*"tuffet":\{"cache":\{"hits":\{"value":\d+.*"commits":
> GET /_node/_local/_stats/couchdb/http
< 404
> GET /_node/_local/_stats/couchdb/httpd/requests/x
< 404
> GET /_node/_local/_stats/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
< 404

== Prometheus
> GET /_node/_local/_prometheus
< 200
< Content-Type: text/plain; version=2.0
<~ # TYPE couchdb_httpd_requests_total counter\ncouchdb_httpd_requests_total \d+\n
<~ # TYPE couchdb_httpd_request_methods counter\n(?:couchdb_httpd_request_methods\{method="[A-Z]+"\} \d+\n){7}
<~ couchdb_httpd_status_codes\{code="404"\} 4
<~ # TYPE tuffet_commits_time_seconds histogram\n(?:tuffet_commits_time_seconds_bucket\{le="[^"]+"\} \d+\n)+tuffet_commits_time_seconds_sum [\d.e-]+\ntuffet_commits_time_seconds_count 2\n
<~ tuffet_commits_group_size_bucket\{le="2"\} 1\n
<~ couchdb_uptime_seconds \d+

== the system
> GET /_node/_local/_system
< 200
<~ ^\{"uptime":\d+,"memory":\{"other":[1-9]\d*\},"process_count":\d+,"connection_count":[1-9]\d*,
