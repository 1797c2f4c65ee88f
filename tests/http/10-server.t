# What the server says of itself.

@ini [couchdb] single_node = true

== root
> GET /
< 200
<
< {"couchdb":"Welcome","version":"3.5.0","git_sha":"tuffet-0.1.0","uuid":"%*","features":["access-ready","partitioned","pluggable-storage-engines","reshard","scheduler"],"vendor":{"name":"Tuffet","version":"0.1.0"}}
<

== root HEAD
> HEAD /
< 200
<

== root does not take PUT
> PUT /
> Content-Type: application/json
< 405
< Allow: GET,HEAD
<
< {"error":"method_not_allowed","reason":"Only GET,HEAD allowed"}
<

== a client's own request id comes back
> GET /
> X-Couch-Request-ID: abc
< 200
< X-Couch-Request-ID: abc
<
< {"couchdb":"Welcome","version":"3.5.0","git_sha":"tuffet-0.1.0","uuid":"%*","features":["access-ready","partitioned","pluggable-storage-engines","reshard","scheduler"],"vendor":{"name":"Tuffet","version":"0.1.0"}}
<

== up
> GET /_up
< 200
<
< {"status":"ok","seeds":{}}
<

== up HEAD
> HEAD /_up
< 200
<

== up says that nobody shall be sent here
> PUT /_node/_local/_config/couchdb/maintenance_mode
>
> "true"
< 200
> GET /_up
< 404
<
< {"status":"maintenance_mode"}
> GET /
< 200
> PUT /_node/_local/_config/couchdb/maintenance_mode
>
> "nolb"
< 200
> GET /_up
< 404
<
< {"status":"nolb"}
> PUT /_node/_local/_config/couchdb/maintenance_mode
>
> "perhaps"
< 400
> DELETE /_node/_local/_config/couchdb/maintenance_mode
< 200
> GET /_up
< 200

== what it is made of
> GET /_node/_local/_versions
< 200
<~ "tuffet":\{"version":"[0-9.]+"\},"collation_driver":\{"name":"libicu","library_version":"[0-9.]+","collator_version":"[0-9.]+","collation_algorithm_version":"[0-9.]+"\}

== up takes no POST
> POST /_up
> Content-Type: application/json
>
> {}
< 405
< Allow: GET,HEAD
<
< {"error":"method_not_allowed","reason":"Only GET,HEAD allowed"}
<

== one uuid
> GET /_uuids
< 200
< Cache-Control: no-cache
< ETag: "%*"
< Expires: Mon, 01 Jan 1990 00:00:00 GMT
< Pragma: no-cache
< !X-Couch-Request-ID
<
< {"uuids":["%*"]}
<

== three uuids
> GET /_uuids?count=3
< 200
< Cache-Control: no-cache
< ETag: "%*"
< Expires: Mon, 01 Jan 1990 00:00:00 GMT
< Pragma: no-cache
< !X-Couch-Request-ID
<
< {"uuids":["%*","%*","%*"]}
<

== no uuids
> GET /_uuids?count=0
< 200
< Cache-Control: no-cache
< ETag: "%*"
< Expires: Mon, 01 Jan 1990 00:00:00 GMT
< Pragma: no-cache
< !X-Couch-Request-ID
<
< {"uuids":[]}
<

== negative count
> GET /_uuids?count=-1
< 400
<
< {"error":"bad_request","reason":"count must be a positive integer"}
<

== count is no number
> GET /_uuids?count=x
< 400
<
< {"error":"bad_request","reason":"count must be a positive integer"}
<

== too many uuids
> GET /_uuids?count=100000
< 400
<
< {"error":"bad_request","reason":"count parameter too large"}
<

== uuids take no POST
> POST /_uuids?count=2
> Content-Type: application/json
< 405
< Allow: GET
<
< {"error":"method_not_allowed","reason":"Only GET allowed"}
<

@user -

== all dbs needs an admin
> GET /_all_dbs
< 401
<
< {"error":"unauthorized","reason":"You are not a server admin."}
<

== dbs info needs an admin
> GET /_dbs_info
< 401
<
< {"error":"unauthorized","reason":"You are not a server admin."}
<

@user admin:secret

== create a
> PUT /srv_a
> Content-Type: application/json
< 201
< Location: http://%*/srv_a
<
< {"ok":true}
<

== create b
> PUT /srv_b
> Content-Type: application/json
< 201
< Location: http://%*/srv_b
<
< {"ok":true}
<

== create c
> PUT /srv_c
> Content-Type: application/json
< 201
< Location: http://%*/srv_c
<
< {"ok":true}
<

== all dbs in a range
> GET /_all_dbs?startkey=%22srv_%22&endkey=%22srv_z%22
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< ["srv_a","srv_b","srv_c"]
<

== descending with limit
> GET /_all_dbs?startkey=%22srv_z%22&endkey=%22srv_%22&descending=true&limit=2
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< ["srv_c","srv_b"]
<

== skip
> GET /_all_dbs?startkey=%22srv_%22&endkey=%22srv_z%22&skip=1
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< ["srv_b","srv_c"]
<

== without the end
> GET /_all_dbs?start_key=%22srv_a%22&end_key=%22srv_c%22&inclusive_end=false
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< ["srv_a","srv_b"]
<

== one key
> GET /_all_dbs?key=%22srv_b%22
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< ["srv_b"]
<

== limit 0
> GET /_all_dbs?limit=0
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< []
<

== startkey is JSON
> GET /_all_dbs?startkey=srv
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}
<

== limit is a number
> GET /_all_dbs?limit=x
< 400
<
< {"error":"query_parse_error","reason":"Invalid value for integer: \"x\""}
<

== limit is not negative
> GET /_all_dbs?limit=-1
< 400
<
< {"error":"query_parse_error","reason":"Invalid value for positive integer: \"-1\""}
<

== all dbs takes no POST
> POST /_all_dbs
> Content-Type: application/json
>
> {}
< 405
< Allow: GET,HEAD
<
< {"error":"method_not_allowed","reason":"Only GET,HEAD allowed"}
<

== nothing below all dbs
> GET /_all_dbs/x
< 404
<
< {"error":"not_found","reason":"Database does not exist."}
<

== info of one
> GET /_dbs_info?key=%22srv_b%22
< 200
< Transfer-Encoding: chunked
<
< [{"key":"srv_b","info":{"instance_start_time":"%*","db_name":"srv_b","purge_seq":"0-%*","update_seq":"0-%*","sizes":{%*},"props":{},"doc_del_count":0,"doc_count":0,"disk_format_version":8,"compact_running":false,"cluster":{"q":1,"n":1,"w":1,"r":1}}}]
<

== info of some
> POST /_dbs_info
> Content-Type: application/json
>
> {"keys":["srv_b","nosuch","srv_a",5]}
< 200
< Transfer-Encoding: chunked
<
< [{"key":"srv_b","info":{"instance_start_time":"%*","db_name":"srv_b","purge_seq":"0-%*","update_seq":"0-%*","sizes":{%*},"props":{},"doc_del_count":0,"doc_count":0,"disk_format_version":8,"compact_running":false,"cluster":{"q":1,"n":1,"w":1,"r":1}}},{"key":"nosuch","error":"not_found"},{"key":"srv_a","info":{"instance_start_time":"%*","db_name":"srv_a","purge_seq":"0-%*","update_seq":"0-%*","sizes":{%*},"props":{},"doc_del_count":0,"doc_count":0,"disk_format_version":8,"compact_running":false,"cluster":{"q":1,"n":1,"w":1,"r":1}}},{"key":5,"error":"not_found"}]
<

== keys must be there
> POST /_dbs_info
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"bad_request","reason":"`keys` member must exist."}
<

== keys must be a list
> POST /_dbs_info
> Content-Type: application/json
>
> {"keys":1}
< 400
<
< {"error":"bad_request","reason":"`keys` member must be an array."}
<

== keys are limited
> POST /_dbs_info
> Content-Type: application/json
>
> {"keys":["a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a"]}
< 400
<
< {"error":"bad_request","reason":"too_many_keys"}
<

== keys need a type
> POST /_dbs_info
> Content-Type: text/plain
>
> {}
< 415
<
< {"error":"bad_content_type","reason":"Content-Type must be application/json"}
<

== body must be an object
> POST /_dbs_info
> Content-Type: application/json
>
> []
< 400
<
< {"error":"bad_request","reason":"Request body must be a JSON object"}
<

== body must be JSON
> POST /_dbs_info
> Content-Type: application/json
>
> {bad
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}
<

== tasks
> GET /_active_tasks
< 200
<
< []
<

@user -

== tasks need an admin
> GET /_active_tasks
< 401
<
< {"error":"unauthorized","reason":"You are not a server admin."}
<

@user admin:secret

== membership
> GET /_membership
< 200
< !X-Couch-Request-ID
<
< {"all_nodes":["nonode@nohost"],"cluster_nodes":["nonode@nohost"]}
<

== node name
> GET /_node/_local
< 200
<
< {"name":"nonode@nohost"}
<

== node by its name
> GET /_node/nonode@nohost
< 200
<
< {"name":"nonode@nohost"}
<

== node by CouchDB's name
> GET /_node/couchdb@127.0.0.1
< 200
<
< {"name":"nonode@nohost"}
<

== unknown node
> GET /_node/nobody@nowhere
< 404
<
< {"error":"not_found","reason":"no such node: nobody@nowhere"}
<

== no node
> GET /_node
< 400
<
< {"error":"bad_request","reason":"Incomplete path to _node request"}
<

== one counter
> GET /_node/_local/_stats/couchdb/httpd/requests
< 200
<
< {"value":%*,"type":"counter","desc":"number of HTTP requests"}
<

== unknown counter
> GET /_node/_local/_stats/nosuch
< 404
<
< {"error":"not_found","reason":"missing"}
<

@user -

== metrics need rights
> GET /_node/_local/_stats
< 401
<
< {"error":"unauthorized","reason":"You are not a server admin or read-only metrics user"}
<

@user admin:secret

== compaction daemon
> GET /_node/_local/_smoosh/status
< 200
<
< {"channels":{}}
<

== unknown node path
> GET /_node/_local/_nosuch
< 404
<
< {"error":"not_found","reason":"missing"}
<

== setup state
> GET /_cluster_setup
< 200
<
< {"state":"single_node_enabled"}
<

== unknown setup action
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"zzz"}
< 400
<
< {"error":"bad_request","reason":"Invalid Action'"}
<

== setup of a cluster
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"enable_cluster"}
< 400
<
< {"error":"bad_request","reason":"Cluster is not enabled."}
<

== setup without body
> POST /_cluster_setup
> Content-Type: application/json
< 400
<
< {"error":"bad_request","reason":"Missing JSON body'"}
<

== setup of one node
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"enable_single_node","ensure_dbs_exist":["srv_a"],"singlenode":true}
< 201
<
< {"ok":true}
<

== setup is over
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"finish_cluster","ensure_dbs_exist":["srv_a"]}
< 400
<
< {"error":"bad_request","reason":"Cluster is already finished"}
<

== setup makes databases
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"finish_cluster","ensure_dbs_exist":["srv_d"]}
< 201
<
< {"ok":true}
<

== it is there
> HEAD /srv_d
< 200
<

== no log of databases
> GET /_db_updates
< 404
<
< {"error":"not_found","reason":"Database does not exist."}
<

== no jobs
> GET /_scheduler/jobs
< 200
<
< {"total_rows":0,"offset":0,"jobs":[]}
<

== no search
> POST /_search_analyze
> Content-Type: application/json
>
> {"analyzer":"standard","text":"a b"}
< 503
<
< {"error":"service unavailable","reason":"Search is not available"}
<

== reload query servers
> POST /_reload_query_servers
> Content-Type: application/json
< 200
<
< {"ok":true}
<

== redirect to the interface
> GET /_utils
< 301
< Location: http://%*/_utils/
<

== 1.x stats are gone
> GET /_stats
< 404
<
< {"error":"not_found","reason":"Database does not exist."}
<

== unknown root path
> GET /_nosuch
< 404
<
< {"error":"not_found","reason":"Database does not exist."}
<

== clean up
> DELETE /srv_a
< 200
<
< {"ok":true}
<

== clean up (2)
> DELETE /srv_b
< 200
<
< {"ok":true}
<

== clean up (3)
> DELETE /srv_c
< 200
<
< {"ok":true}
<

== clean up (4)
> DELETE /srv_d
< 200
<
< {"ok":true}
<
