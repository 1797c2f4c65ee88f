# Databases whose ids are "partition:rest".

== create
> PUT /part?partitioned=true
> Content-Type: application/json
< 201
< Location: http://%*/part
<
< {"ok":true}
<

== info says so
> GET /part
< 200
<
< {"instance_start_time":"%*","db_name":"part","purge_seq":"0-%*","update_seq":"0-%*","sizes":{%*},"props":{"partitioned":true},"doc_del_count":0,"doc_count":0,"disk_format_version":8,"compact_running":false,"cluster":{"q":1,"n":1,"w":1,"r":1}}
<

== an id without a partition
> PUT /part/nopart
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"illegal_docid","reason":"Doc id must be of form partition:id"}
<

== an empty partition
> PUT /part/:x
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"illegal_partition","reason":"Partition must not be empty"}
<

== an empty rest
> PUT /part/p:
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"illegal_docid","reason":"Document id must not be empty"}
<

== an underscore
> PUT /part/_p:x
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"illegal_partition","reason":"Partition must not start with an underscore"}
<

== a
> PUT /part/p1:a
> Content-Type: application/json
>
> {"v":1}
< 201
< ETag: "%*"
< Location: http://%*/part/p1:a
<
< {"ok":true,"id":"p1:a","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}
<

== b
> PUT /part/p1:b
> Content-Type: application/json
>
> {"v":2}
< 201
< ETag: "%*"
< Location: http://%*/part/p1:b
<
< {"ok":true,"id":"p1:b","rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}
<

== another partition
> PUT /part/p2:c
> Content-Type: application/json
>
> {"v":3}
< 201
< ETag: "%*"
< Location: http://%*/part/p2:c
<
< {"ok":true,"id":"p2:c","rev":"1-c7a7a74ea67a7e7b62067bb33379fc2b"}
<

== a colon more
> PUT /part/p2:c:d
> Content-Type: application/json
>
> {}
< 201
< ETag: "%*"
< Location: http://%*/part/p2:c:d
<
< {"ok":true,"id":"p2:c:d","rev":"1-967a00dff5e02add41819138abb3284d"}
<

== design documents have none
> PUT /part/_design/d
> Content-Type: application/json
>
> {}
< 201
< ETag: "%*"
< Location: http://%*/part/_design%2Fd
<
< {"ok":true,"id":"_design/d","rev":"1-967a00dff5e02add41819138abb3284d"}
<

== nor have local ones
> PUT /part/_local/l
> Content-Type: application/json
>
> {}
< 201
< ETag: "%*"
< Location: http://%*/part/_local%2Fl
<
< {"ok":true,"id":"_local/l","rev":"0-1"}
<

== in bulk
> POST /part/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"nopart"}]}
< 400
<
< {"error":"illegal_docid","reason":"Doc id must be of form partition:id"}
<

== by POST
> POST /part
> Content-Type: application/json
>
> {"_id":"nopart"}
< 400
<
< {"error":"illegal_docid","reason":"Doc id must be of form partition:id"}
<

== an attachment's new document
> PUT /part/nopart/att
> Content-Type: application/json
>
> x
< 400
<
< {"error":"illegal_docid","reason":"Doc id must be of form partition:id"}
<

== one partition
> GET /part/_partition/p1
< 200
<
< {"db_name":"part","sizes":{%*},"partition":"p1","doc_count":2,"doc_del_count":0}
<

== an empty one
> GET /part/_partition/nosuch
< 200
<
< {"db_name":"part","sizes":{%*},"partition":"nosuch","doc_count":0,"doc_del_count":0}
<

== bad name
> GET /part/_partition/_x
< 400
<
< {"error":"illegal_partition","reason":"Partition must not start with an underscore"}
<

== a colon
> GET /part/_partition/a:b
< 400
<
< {"error":"illegal_partition","reason":"Partition must not contain a colon"}
<

== is a GET
> POST /part/_partition/p1
> Content-Type: application/json
>
> {}
< 405
< Allow: GET
<
< {"error":"method_not_allowed","reason":"Only GET allowed"}
<

== its documents
> GET /part/_partition/p1/_all_docs
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":5,"offset":1,"rows":[
< {"id":"p1:a","key":"p1:a","value":{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}},
< {"id":"p1:b","key":"p1:b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}}
< ]}
<

== in the query
> GET /part/_all_docs?partition=p2
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":5,"offset":3,"rows":[
< {"id":"p2:c","key":"p2:c","value":{"rev":"1-c7a7a74ea67a7e7b62067bb33379fc2b"}},
< {"id":"p2:c:d","key":"p2:c:d","value":{"rev":"1-967a00dff5e02add41819138abb3284d"}}
< ]}
<

== a range of it
> GET /part/_partition/p1/_all_docs?startkey=%22p1:b%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":5,"offset":2,"rows":[
< {"id":"p1:b","key":"p1:b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}}
< ]}
<

== descending
> GET /part/_partition/p1/_all_docs?descending=true&limit=1
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":5,"offset":2,"rows":[
< {"id":"p1:b","key":"p1:b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}}
< ]}
<

== by POST (2)
> POST /part/_partition/p1/_all_docs
> Content-Type: application/json
>
> {"limit":1}
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":5,"offset":1,"rows":[
< {"id":"p1:a","key":"p1:a","value":{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}}
< ]}
<

== another partition's name
> GET /part/_partition/p1/_all_docs?partition=p2
< 400
<
< {"error":"bad_request","reason":"Conflicting value for `partition` in query string"}
<

== all
> GET /part/_all_docs
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":5,"offset":0,"rows":[
< {"id":"_design/d","key":"_design/d","value":{"rev":"1-967a00dff5e02add41819138abb3284d"}},
< {"id":"p1:a","key":"p1:a","value":{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}},
< {"id":"p1:b","key":"p1:b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}},
< {"id":"p2:c","key":"p2:c","value":{"rev":"1-c7a7a74ea67a7e7b62067bb33379fc2b"}},
< {"id":"p2:c:d","key":"p2:c:d","value":{"rev":"1-967a00dff5e02add41819138abb3284d"}}
< ]}
<

== no find yet
> POST /part/_partition/p1/_find
> Content-Type: application/json
>
> {"selector":{}}
< 501
<
< {"error":"not_implemented","reason":"this server has no views and no _find yet"}
<

== nothing else
> GET /part/_partition/p1/_nosuch
< 404
<
< {"error":"not_found","reason":"missing"}
<

== explicitly not
> PUT /nopart?partitioned=false
> Content-Type: application/json
< 201
< Location: http://%*/nopart
<
< {"ok":true}
<

== it is not
> GET /nopart/_partition/p1
< 400
<
< {"error":"bad_request","reason":"database is not partitioned"}
<

== clean up
> DELETE /part
< 200
<
< {"ok":true}
<

== clean up (2)
> DELETE /nopart
< 200
<
< {"ok":true}
<

== other methods are judged by the path
> PUT /part?partitioned=true
< 201
> PUT /part/_partition/p1
< 405
< Allow: GET
> POST /part/_partition/_p
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"illegal_partition","reason":"Partition must not start with an underscore"}
> DELETE /part/_partition
< 400
<
< {"error":"bad_request","reason":"invalid_partition_req"}
> PUT /part/_partition/p1/_all_docs
< 405
< Allow: GET,HEAD,POST
<
< {"error":"method_not_allowed","reason":"Only GET,HEAD,POST allowed"}
> PUT /part/_partition/p1/doc
< 404
<
< {"error":"not_found","reason":"missing"}
> GET /part/_partition/p1/_design/d
< 404

== below a partition the database is judged before the name
> PUT /nopart
< 201
> GET /nopart/_partition/_p/_all_docs
< 400
<
< {"error":"bad_request","reason":"database is not partitioned"}
> GET /nopart/_partition/_p
< 400
<
< {"error":"illegal_partition","reason":"Partition must not start with an underscore"}
