# Paths, queries, unknown places, bodies that are refused.

== a double slash is one
> PUT /paths
< 201
<
< {"ok":true}
> GET //paths
< 200
> GET /paths/
< 200
> GET //_up//
< 200

== a database that does not exist
> GET /nosuch
< 404
<
< {"error":"not_found","reason":"Database does not exist."}

== a place at the top that does not exist
> GET /_nosuch
< 404
<
< {"error":"not_found","reason":"Database does not exist."}

== an empty query is none
> GET /paths?
< 200

== unknown parameters are ignored
> GET /_up?a=b&c&=d&&_nonce=1
< 200

== a malformed escape in the path
> GET /paths/a%zz
< 400
<
< {"error":"bad_request","reason":"invalid_url_encoding"}

== a cut escape in the path
> GET /paths/a%2
< 400
<
< {"error":"bad_request","reason":"invalid_url_encoding"}

== a malformed escape in the query
> GET /_up?x=%gg
< 400
<
< {"error":"bad_request","reason":"invalid_url_encoding"}

== escapes and plus in a document id
> PUT /paths/a%20b+c%2Fd
>
> {}
< 201
< Location: http://127.0.0.1:%*/paths/a%20b%20c%2Fd
<~ "id":"a b c/d"
> GET /paths/a+b%20c%2fd
< 200

== a NUL in a document id does not cut it
> PUT /paths/a%00b
>
> {}
< 201
> GET /paths/a
< 404

== a design document by one segment is redirected
> PUT /paths/_design%2Fx
>
> {}
< 201
> GET /paths/_design%2Fx?rev=1-x
< 301
< Location: http://127.0.0.1:%*/paths/_design/x?rev=1-x
> GET /paths/_design/x
< 200

== dots do not leave the directory
> GET /..%2f..%2fetc%2fpasswd
< 404
> PUT /..%2f..%2fetc%2fpasswd
< 400
<~ illegal_database_name
> GET /../../etc/passwd
< 404
> PUT /a%5c..%5cb
< 400
> PUT /a%2F..%2Fb
< 400
<~ illegal_database_name

== a name with slashes stays inside
> PUT /a%2Fb%2Fc
< 201
> GET /a%2Fb%2Fc
< 200
<~ "db_name":"a/b/c"
> GET /_all_dbs
< 200
<
< ["a/b/c","paths"]
> DELETE /a%2Fb%2Fc
< 200

== a name that is too long
> PUT /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
< 400
<~ database_name_too_long

== methods that a path does not have
> PATCH /paths
< 405
< Allow: DELETE,GET,HEAD,POST
<
< {"error":"method_not_allowed","reason":"Only DELETE,GET,HEAD,POST allowed"}
> OPTIONS /_up
< 405
> DELETE /paths/_security
< 405
< Allow: PUT,GET
> PUT /_all_dbs
< 405

== JSON needs its content type
> POST /paths/_revs_diff
>
> {}
< 415
<
< {"error":"bad_content_type","reason":"Content-Type must be application/json"}
> POST /paths/_revs_diff
> Content-Type: application/json; charset=utf-8
>
> {}
< 200
> POST /paths/_revs_diff
> Content-Type: text/plain
>
> {}
< 415

== JSON that cannot be read
> POST /paths/_revs_diff
> Content-Type: application/json
>
> {"a"
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}

== a gzipped body is inflated
>> POST /paths/_revs_diff HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 22\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\x02\x03\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0
< 200
< open

== a body that says gzip and is not
> POST /paths/_revs_diff
> Content-Type: application/json
> Content-Encoding: gzip
>
> {}
< 400
<
< {"error":"bad_request","reason":"Request body is not properly gzipped."}

== another content coding
> POST /paths/_revs_diff
> Content-Type: application/json
> Content-Encoding: br
>
> {}
< 415
<
< {"error":"bad_content_type","reason":"br is not a supported content encoding."}

== identity is fine
> POST /paths/_revs_diff
> Content-Type: application/json
> Content-Encoding: identity
>
> {}
< 200

== a deleted database is gone and its name free at once
> PUT /again
< 201
> PUT /again/x
>
> {}
< 201
> DELETE /again
< 200
> GET /again
< 404
> GET /again/x
< 404
<
< {"error":"not_found","reason":"Database does not exist."}
> PUT /again
< 201
> GET /again/x
< 404
<
< {"error":"not_found","reason":"missing"}

== the same name twice
> PUT /again
< 412
<
< {"error":"file_exists","reason":"The database could not be created, the file already exists."}

== databases live on after a restart
@restart
== and have the same start time
> GET /again
< 200
> GET /_all_dbs
< 200
<
< ["again","paths"]

== a path may be as long as it is allowed to be
> PUT /_node/_local/_config/chttpd/max_uri_length
>
> "60"
< 200
> GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
< 404
> GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
< 414
< Content-Type: application/json
<
< {"error":"too_long","reason":"the request uri is too long"}
> GET /?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
< 414
> DELETE /_node/_local/_config/chttpd/max_uri_length
< 200
> GET /?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
< 200
