# One case for each class of CouchDB's security advisories, and for the ways around them that are
# tried on any server. What needs time, sockets or other servers is in weakness.mjs.

== the ground
> PUT /db
< 201
> PUT /_users
< 201
> PUT /db/_security
>
> {"admins":{"names":[],"roles":[]},"members":{"names":["jan"],"roles":[]}}
< 200

== 2010-2234: other sites' forms change nothing
> POST /db
> Content-Type: text/plain
>
> {"a":1}
< 415
> POST /db/_bulk_docs
> Content-Type: application/x-www-form-urlencoded
>
> {"docs":[{}]}
< 415
> POST /db/_bulk_docs
>
> {"docs":[{}]}
< 415
> POST /_replicate
> Content-Type: text/plain
>
> {"source":"db","target":"x"}
< 415
> POST /db/_purge
> Content-Type: text/plain
>
> {}
< 415
> POST /_session
> Content-Type: application/json
>
> {"name":"admin","password":"secret"}
< 200
<= cookie AuthSession=([^;]+)
> PUT /db/forged
> Cookie: AuthSession=$(cookie)
> Sec-Fetch-Site: cross-site
> Origin: https://evil.example
>
> {}
< 403
<
< {"error":"forbidden","reason":"Another site may not make this request."}
> PUT /db/own
> Cookie: AuthSession=$(cookie)
> Sec-Fetch-Site: same-origin
>
> {}
< 201

== 2010-3854, 2012-5650: what is asked is repeated as JSON only
> GET /%3Cscript%3Ealert(1)%3C%2Fscript%3E
< 404
< Content-Type: application/json
> GET /_node/%3Cscript%3E
< 404
< Content-Type: application/json
<~ no such node: <script>
> GET /db/_all_docs?limit=%3Cscript%3E
< 400
< Content-Type: application/json
> GET /_utils/%3Cscript%3E
< 404
<!~ script

== 2012-5641: paths stay where they are
> GET /_utils/..%5c..%5clocal.ini
< 404
> GET /_utils/%2e%2e%2f%2e%2e%2flocal.ini
< 404
> GET /_utils/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd
< 404
> PUT /..%2fescaped
< 400
> PUT /a%2f..%2f..%2fescaped
< 400
> PUT /a%5cb
< 400
> GET /..%2flocal.ini
< 404
> GET /db/own/..%2f..%2flocal.ini
< 404
> PUT /db/own/..%2f..%2fescaped
> Content-Type: text/plain
>
> an attachment's name is a name and no path
< 409

== 2012-5649: there is no JSONP
> GET /?callback=alert
< 200
< Content-Type: application/json
<~ ^\{"couchdb"
> GET /db/_all_docs?callback=alert(1)
< 200
<!~ alert

== 2014-2668: whatever a client counts has a limit
> GET /_uuids?count=1000000000000000000
< 400
> GET /_uuids?count=-1
< 400
> GET /_uuids?count=1001
< 400
> GET /db/_all_docs?limit=1000000000000000000
< 200
> GET /db/_all_docs?limit=99999999999999999999
< 400
> GET /db/_changes?limit=1000000000000000000&since=1000000000000000000
< 400
> GET /db/_all_docs?skip=-1
< 400

== 2017-12635: a member twice is a member once
> PUT /_users/org.couchdb.user:jan
> Authorization: -
>
> {"name":"jan","type":"user","roles":["_admin"],"roles":[],"password":"apple"}
< 401
> PUT /_users/org.couchdb.user:jan
>
> {"name":"jan","type":"user","roles":["_admin"],"roles":[],"password":"apple"}
< 201
> GET /_users/org.couchdb.user:jan
< 200
<~ "roles":\[\]
<!~ _admin
> PUT /_users/org.couchdb.user:eva
>
> {"name":"eva","type":"user","roles":[],"roles":["_admin"],"password":"apple"}
< 403
<
< {"error":"forbidden","reason":"No system roles (starting with underscore) in users db."}
> POST /_users/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"org.couchdb.user:eve","_rev":"1-a","name":"eve","type":"user","roles":[],"roles":["_admin"]}]}
< 201
<~ "error":"forbidden"
> GET /_users/org.couchdb.user:eve
< 404

== 2017-12636, 2018-8007, 2018-11769, 2018-17188: no program, path or port is set from outside
> PUT /_node/_local/_config/query_servers/cmd
>
> "/bin/sh"
< 403
> PUT /_node/_local/_config/os_daemons/x
>
> "/bin/sh"
< 403
> PUT /_node/_local/_config/couchdb/database_dir
>
> "/tmp"
< 403
> PUT /_node/_local/_config/log/file
>
> "/etc/passwd"
< 403
> PUT /_node/_local/_config/couchdb_engines/x
>
> "y"
< 403
> PUT /_node/_local/_config/anything/some_program
>
> "/bin/sh"
< 403
> PUT /_node/_local/_config/httpd/port
>
> "1"
< 403
> PUT /_node/_local/_config/a/b
>
> "c\n[query_servers]\ncmd = /bin/sh"
< 400
> PUT /_node/_local/_config/a%0a%5bquery_servers%5d/cmd
>
> "x"
< 400
> PUT /_node/_local/_config/a/b%0acmd
>
> "x"
< 400
> PUT /_node/_local/_config/a%5d%5bquery_servers/cmd
>
> "x"
< 400
> GET /_node/_local/_config/query_servers
< 200
<
< {}

== 2021-38295: what users store runs in nobody's name
> PUT /db/page/index.html
> Content-Type: text/html
>
> <script>fetch('/_users')</script>
< 201
> GET /db/page/index.html
< 200
< Content-Type: text/html
< Content-Security-Policy: sandbox
< X-Content-Type-Options: nosniff

== header injection
> PUT /db/h/x
> Content-Type: text/plain%0d%0aSet-Cookie: a=b
>
> x
< 201
< !Set-Cookie
> GET /_session?next=/%0d%0aSet-Cookie:%20a=b
< 200
< !Set-Cookie
> POST /_session?next=/%0d%0aSet-Cookie:%20a=b
> Content-Type: application/json
>
> {"name":"admin","password":"secret"}
< 400
< !Set-Cookie
> POST /_session?next=//evil.example/
> Content-Type: application/json
>
> {"name":"admin","password":"secret"}
< 400
> GET /_all_dbs
> X-Couch-Request-ID: a%0d%0aSet-Cookie:x
< 200
< !Set-Cookie

== DNS rebinding: with a list of hosts no other name is ours
> PUT /_node/_local/_config/chttpd/allowed_hosts
>
> "127.0.0.1, notes.example, [::1]"
< 200
> GET /
> Host: rebound.example
< 400
<
< {"error":"bad_request","reason":"this server does not answer for that host"}
> GET /
> Host: notes.example:5984
< 200
> GET /
> Host: NOTES.example
< 200
> GET /
> Host: [::1]:5984
< 200
> GET /_up
> Host: evil.example:5984
< 400

@user -
== 2020-1955: see rights.mjs, where every route is asked; a logged-in user of nothing gets nothing
> GET /db
> Authorization: Basic ZXZhOmFwcGxl
< 401
> GET /_all_dbs
< 401
