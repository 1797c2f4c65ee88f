# /_node/{name}/_config, settings that change the server at once.

== a value is set, read, changed and removed
> PUT /_node/_local/_config/a_section/key
>
> "v1"
< 200
<
< ""
> GET /_node/_local/_config/a_section/key
< 200
<
< "v1"
> GET /_node/nonode@nohost/_config/a_section
< 200
<
< {"key":"v1"}
> PUT /_node/_local//_config/a_section/key
>
> " v2 "
< 200
<
< "v1"
> DELETE /_node/_local/_config/a_section/key
< 200
<
< "v2"
> GET /_node/_local/_config/a_section/key
< 404
<
< {"error":"not_found","reason":"unknown_config_value"}
> DELETE /_node/_local/_config/a_section/key
< 404
<
< {"error":"not_found","reason":"unknown_config_value"}
> GET /_node/_local/_config/a_section
< 200
<
< {}

== everything is an object of objects of strings
> GET /_node/_local/_config
< 200
<~ ^\{"admins":\{"admin":"-pbkdf2:sha256-

== only strings
> PUT /_node/_local/_config/a/b
>
> 5
< 400
<
< {"error":"bad_request","reason":"a JSON string expected"}
> PUT /_node/_local/_config/a/b
>
> {}
< 400
<
< {"error":"bad_request","reason":"a JSON string expected"}
> PUT /_node/_local/_config/a/b
>
> x
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}

== no other node
> GET /_node/other@host/_config
< 404
<
< {"error":"not_found","reason":"no such node: other@host"}

== deeper paths
> GET /_node/_local/_config/a/b/c
< 404

== a value cannot make lines of its own
> PUT /_node/_local/_config/a/b
>
> "x\n[admins]\nevil = y"
< 400
> PUT /_node/_local/_config/a/b%0a%5Badmins%5D%0aevil
>
> "y"
< 400
> PUT /_node/_local/_config/a%5D%0a%5Badmins/b
>
> "y"
< 400
> PUT /_node/_local/_config/a%00/b
>
> "y"
< 400
> GET /_node/_local/_config/admins/evil
< 404

== programs, paths and ports cannot be set
> PUT /_node/_local/_config/query_servers/javascript
>
> "/bin/sh"
< 403
<~ "forbidden"
> PUT /_node/_local/_config/os_daemons/x
>
> "/bin/sh"
< 403
> PUT /_node/_local/_config/native_query_servers/x
>
> "y"
< 403
> PUT /_node/_local/_config/couchdb/database_dir
>
> "/etc"
< 403
> PUT /_node/_local/_config/couchdb/view_index_dir
>
> "/etc"
< 403
> PUT /_node/_local/_config/log/file
>
> "/etc/passwd"
< 403
> PUT /_node/_local/_config/chttpd/port
>
> "1"
< 403
> DELETE /_node/_local/_config/external/x
< 403
> PUT /_node/_local/_config/feature_flags/x
>
> "true"
< 403

== an admin's password is stored as its hash
> PUT /_node/_local/_config/admins/second
>
> "geheim"
< 200
<
< ""
> GET /_node/_local/_config/admins/second
< 200
<~ ^"-pbkdf2:sha256-[0-9a-f]{64},[0-9a-f]{32},10"
> GET /_session
> Authorization: Basic c2Vjb25kOmdlaGVpbQ==
< 200
<~ "roles":\["_admin"\]

== values outlive a restart, and those of memory only do not
> PUT /_node/_local/_config/keep/this
>
> "yes; really"
< 200
> PUT /_node/_local/_config/keep/not_this
> X-Couch-Persist: false
>
> "x"
< 200
> GET /_node/_local/_config/keep
< 200
<
< {"not_this":"x","this":"yes; really"}
@restart
== of the server
> GET /_node/_local/_config/keep
< 200
<
< {"this":"yes; really"}
> GET /_session
> Authorization: Basic c2Vjb25kOmdlaGVpbQ==
< 200
> DELETE /_node/_local/_config/admins/second
< 200
> GET /_session
> Authorization: Basic c2Vjb25kOmdlaGVpbQ==
< 401

== reload
> POST /_node/_local/_config/_reload
< 200
<
< {"ok":true}

== an admin of the file cannot come back after removal by a restart
> PUT /_node/_local/_config/admins/other
>
> "x"
< 200
> DELETE /_node/_local/_config/admins/other
< 200
@restart
== of the server
> GET /_node/_local/_config/admins/other
< 404

== require_valid_user closes everything but the login
> PUT /db
< 201
> PUT /_node/_local/_config/chttpd/require_valid_user
>
> "true"
< 200
@user -
== for nobody
> GET /
< 401
< WWW-Authenticate: Basic realm="server"
<
< {"error":"unauthorized","reason":"Authentication required."}
> GET /_up
< 401
> GET /_session
< 401
> DELETE /_session
< 401
> GET /_utils/
< 401
> GET /_uuids
< 401
> GET /_all_dbs
< 401
> GET /db
< 401
> GET /nosuch
< 401
> GET /_nosuch/x/y
< 401
> PATCH /_session
< 401
> POST /_session
> Content-Type: application/json
>
> {"name":"admin","password":"secret"}
< 200

@user admin:secret
== except_for_up opens /_up and nothing else
> DELETE /_node/_local/_config/chttpd/require_valid_user
< 200
> PUT /_node/_local/_config/chttpd/require_valid_user_except_for_up
>
> "true"
< 200
@user -
== for nobody
> GET /_up
< 200
> GET /_up/x
< 401
> GET /
< 401
> GET /_all_dbs
< 401
> GET /db
< 401
> GET /db/_all_docs
< 401
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[]}
< 401
> GET /_session
< 401
> GET /_node/_local/_config
< 401
@user admin:secret
== and is taken back
> DELETE /_node/_local/_config/chttpd/require_valid_user_except_for_up
< 200
> GET /_up
> Authorization: -
< 200

== a configured WWW-Authenticate
> PUT /_node/_local/_config/httpd/WWW-Authenticate
>
> "Basic realm=\"couchdb\""
< 200
> GET /_all_dbs
> Authorization: -
< 401
< WWW-Authenticate: Basic realm="couchdb"

== the largest request
> PUT /_node/_local/_config/chttpd/max_http_request_size
>
> "100"
< 200
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"a":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}]}
< 413
<
< {"error":"too_large","reason":"the request entity is too large"}
> DELETE /_node/_local/_config/chttpd/max_http_request_size
< 200

== versions are not told if that is wanted
> PUT /_node/_local/_config/chttpd/server_header_versions
>
> "false"
< 200
> GET /_up
< 200
< Server: CouchDB

== frames
> PUT /_node/_local/_config/chttpd/enable_xframe_options
>
> "true"
< 200
> GET /_up
< 200
< X-Frame-Options: DENY

== lists of databases are opened to everybody if that is wanted
> PUT /_node/_local/_config/chttpd/admin_only_all_dbs
>
> "false"
< 200
> GET /_all_dbs
> Authorization: -
< 200
> POST /_dbs_info
> Authorization: -
> Content-Type: application/json
>
> {"keys":["db"]}
< 200
> DELETE /_node/_local/_config/chttpd/admin_only_all_dbs
< 200
> GET /_all_dbs
> Authorization: -
< 401

== new databases are everybody's if that is wanted, the server's own are not
> PUT /_node/_local/_config/couchdb/default_security
>
> "everyone"
< 200
> PUT /open_to_all
< 201
> GET /open_to_all
> Authorization: -
< 200
> PUT /_users
< 201
> GET /_users
> Authorization: -
< 401
> DELETE /_node/_local/_config/couchdb/default_security
< 200

== what the command line says stays after a reload
> GET /_node/_local/_config/chttpd/bind_address
< 200
<
< "127.0.0.1"
> POST /_node/_local/_config/_reload
< 200
> GET /_node/_local/_config/chttpd/bind_address
< 200
<
< "127.0.0.1"

== policies of attachments and the page
> PUT /csp
< 201
> PUT /csp/doc/att
> Content-Type: text/html
>
> <b>
< 201
> GET /csp/doc/att
< 200
< Content-Security-Policy: sandbox
> PUT /_node/_local/_config/csp/attachments_header_value
>
> "sandbox allow-scripts"
< 200
> GET /csp/doc/att
< 200
< Content-Security-Policy: sandbox allow-scripts
> PUT /_node/_local/_config/csp/attachments_enable
>
> "false"
< 200
> GET /csp/doc/att
< 200
< !Content-Security-Policy
< X-Content-Type-Options: nosniff
> PUT /_node/_local/_config/csp/utils_enable
>
> "false"
< 200
> GET /_utils/
< 200
< !Content-Security-Policy
