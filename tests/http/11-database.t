# A database as a whole: its life, its settings, its neighbours that are not there yet.

== create
> PUT /db1
> Content-Type: application/json
< 201
< Location: http://%*/db1
<
< {"ok":true}
<

== create again
> PUT /db1
> Content-Type: application/json
< 412
<
< {"error":"file_exists","reason":"The database could not be created, the file already exists."}
<

== info
> GET /db1
< 200
<
< {"instance_start_time":"%*","db_name":"db1","purge_seq":"0-%*","update_seq":"0-%*","sizes":{%*},"props":{},"doc_del_count":0,"doc_count":0,"disk_format_version":8,"compact_running":false,"cluster":{"q":1,"n":1,"w":1,"r":1}}
<

== info with slash
> GET /db1/
< 200
<
< {"instance_start_time":"%*","db_name":"db1","purge_seq":"0-%*","update_seq":"0-%*","sizes":{%*},"props":{},"doc_del_count":0,"doc_count":0,"disk_format_version":8,"compact_running":false,"cluster":{"q":1,"n":1,"w":1,"r":1}}
<

== info HEAD
> HEAD /db1
< 200
<

== doubled slashes
> GET //db1//
< 200
<
< {"instance_start_time":"%*","db_name":"db1","purge_seq":"0-%*","update_seq":"0-%*","sizes":{%*},"props":{},"doc_del_count":0,"doc_count":0,"disk_format_version":8,"compact_running":false,"cluster":{"q":1,"n":1,"w":1,"r":1}}
<

== no such database
> GET /nosuch
< 404
<
< {"error":"not_found","reason":"Database does not exist."}
<

== no such database HEAD
> HEAD /nosuch
< 404
<

@user -

== anonymous
> GET /db1
< 401
<
< {"error":"unauthorized","reason":"You are not authorized to access this db."}
<

== anonymous may not create
> PUT /db2
> Content-Type: application/json
< 401
<
< {"error":"unauthorized","reason":"You are not a server admin."}
<

== anonymous may not delete
> DELETE /db1
< 401
<
< {"error":"unauthorized","reason":"You are not a server admin."}
<

@user admin:secret

== options
> OPTIONS /db1
< 405
< Allow: DELETE,GET,HEAD,POST
<
< {"error":"method_not_allowed","reason":"Only DELETE,GET,HEAD,POST allowed"}
<

== digit first
> PUT /1abc
> Content-Type: application/json
< 400
<
< {"error":"illegal_database_name","reason":"Name: '1abc'. Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, and / are allowed. Must begin with a letter."}
<

== space
> PUT /a%20b
> Content-Type: application/json
< 400
<
< {"error":"illegal_database_name","reason":"Name: 'a b'. Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, and / are allowed. Must begin with a letter."}
<

== plus is a space
> PUT /db1+x
> Content-Type: application/json
< 400
<
< {"error":"illegal_database_name","reason":"Name: 'db1 x'. Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, and / are allowed. Must begin with a letter."}
<

== dot
> PUT /a.b
> Content-Type: application/json
< 400
<
< {"error":"illegal_database_name","reason":"Name: 'a.b'. Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, and / are allowed. Must begin with a letter."}
<

== accent
> PUT /%C3%A9
> Content-Type: application/json
< 400
<
< {"error":"illegal_database_name","reason":"Name: 'é'. Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, and / are allowed. Must begin with a letter."}
<

== upper case
> PUT /Abc
> Content-Type: application/json
< 400
<
< {"error":"illegal_database_name","reason":"Name: 'Abc'. Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, and / are allowed. Must begin with a letter."}
<

== underscore first
> PUT /_nosuch
> Content-Type: application/json
< 400
<
< {"error":"illegal_database_name","reason":"Name: '_nosuch'. Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, and / are allowed. Must begin with a letter."}
<

== slash in the name
> PUT /db1%2Fslash
> Content-Type: application/json
< 201
< Location: http://%*/db1%2Fslash
<
< {"ok":true}
<

== its info
> GET /db1%2Fslash
< 200
<
< {"instance_start_time":"%*","db_name":"db1/slash","purge_seq":"0-%*","update_seq":"0-%*","sizes":{%*},"props":{},"doc_del_count":0,"doc_count":0,"disk_format_version":8,"compact_running":false,"cluster":{"q":1,"n":1,"w":1,"r":1}}
<

== special characters
> PUT /db1-$()
> Content-Type: application/json
< 201
< Location: http://%*/db1-%24%28%29
<
< {"ok":true}
<

== its info (2)
> GET /db1-$()
< 200
<
< {"instance_start_time":"%*","db_name":"db1-$()","purge_seq":"0-%*","update_seq":"0-%*","sizes":{%*},"props":{},"doc_del_count":0,"doc_count":0,"disk_format_version":8,"compact_running":false,"cluster":{"q":1,"n":1,"w":1,"r":1}}
<

== name too long
> PUT /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
> Content-Type: application/json
< 400
<
< {"error":"database_name_too_long","reason":"At least one path segment of `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` is too long."}
<

== q
> PUT /dbq?q=2&n=1
> Content-Type: application/json
< 201
< Location: http://%*/dbq
<
< {"ok":true}
<

== bad q
> PUT /dbx?q=abc
> Content-Type: application/json
< 400
<
< {"error":"bad_request","reason":"The `q` value should be a positive integer."}
<

== zero q
> PUT /dbx?q=0
> Content-Type: application/json
< 400
<
< {"error":"bad_request","reason":"The `q` value should be a positive integer."}
<

== bad n
> PUT /dbx?n=-1
> Content-Type: application/json
< 400
<
< {"error":"bad_request","reason":"The `n` value should be a positive integer."}
<

== bad placement
> PUT /dbx?placement=a
> Content-Type: application/json
< 400
<
< {"error":"bad_request","reason":"The `placement` value should be in a format `zone:n`."}
<

== bad engine
> PUT /dbx?engine=zzz
> Content-Type: application/json
< 400
<
< {"error":"bad_request","reason":"invalid_engine_extension"}
<

== bad partitioned
> PUT /dbx?partitioned=maybe
> Content-Type: application/json
< 400
<
< {"error":"bad_request","reason":"Invalid `partitioned` parameter"}
<

== shards of a database that was made with q: ranges of hashes
> PUT /dbq2?q=2
< 201
> GET /dbq2
< 200
<~ "cluster":{"q":2,"n":1,"w":1,"r":1}
> GET /dbq2/_shards
< 200
<
< {"shards":{"00000000-7fffffff":["nonode@nohost"],"80000000-ffffffff":["nonode@nohost"]}}
> GET /dbq2/_shards/abc
< 200
<
< {"range":"00000000-7fffffff","nodes":["nonode@nohost"]}
> GET /dbq2/_shards/abd
< 200
<
< {"range":"80000000-ffffffff","nodes":["nonode@nohost"]}

== the last range takes the rest
> PUT /dbq3?q=3
< 201
> GET /dbq3/_shards
< 200
<
< {"shards":{"00000000-55555554":["nonode@nohost"],"55555555-aaaaaaa9":["nonode@nohost"],"aaaaaaaa-ffffffff":["nonode@nohost"]}}

@restart

== they are remembered
> GET /dbq3
< 200
<~ "q":3

== shards of other databases
> GET /db1/_shards
< 200
<
< {"shards":{"00000000-ffffffff":["nonode@nohost"]}}

== shard of a document
> GET /db1/_shards/doc
< 200
<
< {"range":"00000000-ffffffff","nodes":["nonode@nohost"]}
<

== sync shards
> POST /dbq/_sync_shards
> Content-Type: application/json
< 202
<
< {"ok":true}
<

== security at first
> GET /db1/_security
< 200
<
< {"members":{"roles":["_admin"]},"admins":{"roles":["_admin"]}}
<

== set security
> PUT /db1/_security
> Content-Type: application/json
>
> {"admins":{"names":["bob"],"roles":[]},"members":{"names":[],"roles":["x"]}}
< 200
<
< {"ok":true}
<

== read it
> GET /db1/_security
< 200
<
< {"admins":{"names":["bob"],"roles":[]},"members":{"names":[],"roles":["x"]}}
<

== names are strings
> PUT /db1/_security
> Content-Type: application/json
>
> {"members":{"names":[1]}}
< 400
<
< {"error":"bad_request","reason":"names must be a JSON list of strings"}
<

== roles are a list
> PUT /db1/_security
> Content-Type: application/json
>
> {"admins":{"roles":"x"}}
< 400
<
< {"error":"bad_request","reason":"roles must be a JSON list of strings"}
<

== members are an object
> PUT /db1/_security
> Content-Type: application/json
>
> {"members":[]}
< 400
<
< {"error":"bad_request","reason":"admins or members must be a JSON list of strings"}
<

== security is an object
> PUT /db1/_security
> Content-Type: application/json
>
> []
< 400
<
< {"error":"bad_request","reason":"Request body must be a JSON object"}
<

== security is JSON
> PUT /db1/_security
> Content-Type: application/json
>
> {bad
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}
<

== other members are kept
> PUT /db1/_security
> Content-Type: application/json
>
> {"extra":[1,2],"big":123456789012345678901234567890}
< 200
<
< {"ok":true}
<

== as they were
> GET /db1/_security
< 200
<
< {"extra":[1,2],"big":123456789012345678901234567890}
<

== everybody
> PUT /db1/_security
> Content-Type: application/json
>
> {}
< 200
<
< {"ok":true}
<

== empty
> GET /db1/_security
< 200
<
< {}
<

@user -

== anonymous reads now
> GET /db1/_security
< 200
<
< {}
<

== but may not write it
> PUT /db1/_security
> Content-Type: application/json
>
> {}
< 401
<
< {"error":"unauthorized","reason":"You are not a db or server admin."}
<

@user admin:secret

== security takes no DELETE
> DELETE /db1/_security
< 405
< Allow: PUT,GET
<
< {"error":"method_not_allowed","reason":"Only PUT,GET allowed"}
<

== revs limit
> GET /db1/_revs_limit
< 200
<
< 1000
<

== set revs limit
> PUT /db1/_revs_limit
> Content-Type: application/json
>
> 5
< 200
<
< {"ok":true}
<

== read it (2)
> GET /db1/_revs_limit
< 200
<
< 5
<

== zero
> PUT /db1/_revs_limit
> Content-Type: application/json
>
> 0
< 400
<
< {"error":"bad_request","reason":"invalid_revs_limit"}
<

== no number
> PUT /db1/_revs_limit
> Content-Type: application/json
>
> "x"
< 400
<
< {"error":"bad_request","reason":"invalid_revs_limit"}
<

== a fraction
> PUT /db1/_revs_limit
> Content-Type: application/json
>
> 1.5
< 400
<
< {"error":"bad_request","reason":"invalid_revs_limit"}
<

== too large
> PUT /db1/_revs_limit
> Content-Type: application/json
>
> 99999999999
< 400
<
< {"error":"bad_request","reason":"invalid_revs_limit"}
<

== unchanged
> GET /db1/_revs_limit
< 200
<
< 5
<

@user -

== anonymous may not
> PUT /db1/_revs_limit
> Content-Type: application/json
>
> 7
< 401
<
< {"error":"unauthorized","reason":"You are not a db or server admin."}
<

@user admin:secret

== purged infos limit
> GET /db1/_purged_infos_limit
< 200
<
< 1000
<

== set it
> PUT /db1/_purged_infos_limit
> Content-Type: application/json
>
> 100
< 200
<
< {"ok":true}
<

== read it (3)
> GET /db1/_purged_infos_limit
< 200
<
< 100
<

== zero (2)
> PUT /db1/_purged_infos_limit
> Content-Type: application/json
>
> 0
< 400
<
< {"error":"bad_request","reason":"`purged_infos_limit` must be positive integer"}
<

== no purges
> GET /db1/_purged_infos
< 200
<
< {"purged_infos":[]}
<

== auto purge
> GET /db1/_auto_purge
< 200
<
< {}
<

== auto purge is a setting that is kept
> PUT /db1/_auto_purge
> Content-Type: application/json
>
> {"deleted_document_ttl":"30_days"}
< 200
<
< {"ok":true}
> GET /db1/_auto_purge
< 200
<
< {"deleted_document_ttl":"30_days"}
@restart
== auto purge after a restart
> GET /db1/_auto_purge
< 200
<
< {"deleted_document_ttl":"30_days"}

== auto purge takes an object only, and nothing changes
> PUT /db1/_auto_purge
> Content-Type: application/json
>
> ["30_days"]
< 400
<
< {"error":"bad_request","reason":"Request body must be a JSON object"}
> PUT /db1/_auto_purge
> Content-Type: application/json
>
> {bad
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}
> GET /db1/_auto_purge
< 200
<
< {"deleted_document_ttl":"30_days"}

== auto purge is unset by an empty object
> PUT /db1/_auto_purge
> Content-Type: application/json
>
> {}
< 200
> GET /db1/_auto_purge
< 200
<
< {}
> POST /db1/_auto_purge
< 405
< Allow: GET,PUT

== what follows the name of a feed or a compaction is not looked at
> GET /db1/_changes/more/of/it?limit=0
< 200
<~ "last_seq"
> POST /db1/_changes/more?limit=0
> Content-Type: application/json
>
> {}
< 200
> PUT /db1/_changes/more
< 405
< Allow: GET,POST,HEAD
> POST /db1/_view_cleanup/more
> Content-Type: application/json
< 202
> POST /db1/_compact/nosuch/more
> Content-Type: application/json
< 404

== commit
> POST /db1/_ensure_full_commit
> Content-Type: application/json
< 201
<
< {"ok":true,"instance_start_time":"%*"}
<

== commit with seq
> POST /db1/_ensure_full_commit?seq=1
> Content-Type: application/json
>
> {}
< 201
<
< {"ok":true,"instance_start_time":"%*"}
<

== commit needs a type
> POST /db1/_ensure_full_commit
> Content-Type: text/plain
< 415
<
< {"error":"bad_content_type","reason":"Content-Type must be application/json"}
<

== commit is a POST
> GET /db1/_ensure_full_commit
< 405
< Allow: POST
<
< {"error":"method_not_allowed","reason":"Only POST allowed"}
<

== compact
> POST /db1/_compact
> Content-Type: application/json
< 202
<
< {"ok":true}
<

== compact needs a type
> POST /db1/_compact
> Content-Type: text/plain
< 415
<
< {"error":"bad_content_type","reason":"Content-Type must be application/json"}
<

== compact is a POST
> GET /db1/_compact
< 405
< Allow: POST
<
< {"error":"method_not_allowed","reason":"Only POST allowed"}
<

@user -

== compact needs an admin
> POST /db1/_compact
> Content-Type: application/json
< 401
<
< {"error":"unauthorized","reason":"You are not a server or db admin."}
<

@user admin:secret

== compact no database
> POST /nosuch/_compact
> Content-Type: application/json
< 404
<
< {"error":"not_found","reason":"Database does not exist."}
<

== compact no views
> POST /db1/_compact/nosuch
> Content-Type: application/json
< 404
<
< {"error":"not_found","reason":"missing"}
<

== a design document
> PUT /db1/_design/dd
> Content-Type: application/json
>
> {"views":{"v":{"map":"function(doc){}"}}}
< 201
< ETag: "%*"
< Location: http://%*/db1/_design%2Fdd
<
< {"ok":true,"id":"_design/dd","rev":"1-a909f3dd60799859d369e006dcb506f6"}
<

== compact its views
> POST /db1/_compact/dd
> Content-Type: application/json
< 202
<
< {"ok":true}
<

== view cleanup
> POST /db1/_view_cleanup
> Content-Type: application/json
< 202
<
< {"ok":true}
<

== view cleanup is a POST
> GET /db1/_view_cleanup
< 405
< Allow: POST
<
< {"error":"method_not_allowed","reason":"Only POST allowed"}
<

== temporary view
> POST /db1/_temp_view
> Content-Type: application/json
>
> {}
< 410
<
< {"error":"gone","reason":"Temporary views are not supported in CouchDB"}
<

== no views yet
> GET /db1/_design/dd/_view/v
< 501
<
< {"error":"not_implemented","reason":"this server has no query server yet, so it cannot answer _view"}
<

== view of no design document
> GET /db1/_design/nosuch/_view/v
< 404
<
< {"error":"not_found","reason":"missing"}
<

== no find yet
> POST /db1/_find
> Content-Type: application/json
>
> {"selector":{}}
< 501
<
< {"error":"not_implemented","reason":"this server has no _find, _explain and _index yet"}
<

== find is a POST
> GET /db1/_find
< 405
< Allow: POST
<
< {"error":"method_not_allowed","reason":"Only POST allowed"}
<

== no index yet
> GET /db1/_index
< 501
<
< {"error":"not_implemented","reason":"this server has no _find, _explain and _index yet"}
<

== not partitioned
> GET /db1/_partition/p1
< 400
<
< {"error":"bad_request","reason":"database is not partitioned"}
<

== partition without name
> GET /db1/_partition
< 400
<
< {"error":"bad_request","reason":"invalid_partition_req"}
<

== partition with underscore
> GET /db1/_partition/_x
< 400
<
< {"error":"illegal_partition","reason":"Partition must not start with an underscore"}
<

== delete with a revision
> DELETE /db1?rev=1-abc
< 400
<
< {"error":"bad_request","reason":"You tried to DELETE a database with a ?=rev parameter. Did you mean to DELETE a document instead?"}
<

== delete
> DELETE /db1
< 200
<
< {"ok":true}
<

== delete again
> DELETE /db1
< 404
<
< {"error":"not_found","reason":"Database does not exist."}
<

== gone
> GET /db1
< 404
<
< {"error":"not_found","reason":"Database does not exist."}
<

== new again
> PUT /db1
> Content-Type: application/json
< 201
< Location: http://%*/db1
<
< {"ok":true}
<

== and empty
> GET /db1
< 200
<
< {"instance_start_time":"%*","db_name":"db1","purge_seq":"0-%*","update_seq":"0-%*","sizes":{%*},"props":{},"doc_del_count":0,"doc_count":0,"disk_format_version":8,"compact_running":false,"cluster":{"q":1,"n":1,"w":1,"r":1}}
<

== clean up
> DELETE /db1
< 200
<
< {"ok":true}
<

== clean up (2)
> DELETE /db1%2Fslash
< 200
<
< {"ok":true}
<

== clean up (3)
> DELETE /db1-$()
< 200
<
< {"ok":true}
<

== clean up (4)
> DELETE /dbq
< 200
<
< {"ok":true}
<
