# Who may do what: the matrix of rights, Basic credentials.
@ini [chttpd_auth_lockout] threshold = 4

== the ground: users, a private and a public database
> PUT /_users
< 201
> PUT /_users/org.couchdb.user:jan
>
> {"name":"jan","type":"user","roles":["writers"],"password":"apple"}
< 201
> PUT /_users/org.couchdb.user:eva
>
> {"name":"eva","type":"user","roles":[],"password":"pear"}
< 201
> PUT /private
< 201
> PUT /public
< 201
> PUT /public/_security
>
> {"admins":{"names":["jan"],"roles":[]},"members":{"names":[],"roles":[]}}
< 200
> PUT /team
< 201
> PUT /team/_security
>
> {"admins":{"names":[],"roles":["chiefs"]},"members":{"names":[],"roles":["writers"]}}
< 200

@user -
== nobody sees what is open
> GET /
< 200
> GET /_up
< 200
> GET /_session
< 200
> GET /_uuids
< 200

== nobody is refused what is the admin's
> GET /_all_dbs
< 401
<
< {"error":"unauthorized","reason":"You are not a server admin."}
> GET /_active_tasks
< 401
> GET /_membership
< 401
> GET /_cluster_setup
< 401
> GET /_node/_local
< 401
> GET /_node/_local/_config
< 401
> GET /_node/_local/_config/admins
< 401
> PUT /_node/_local/_config/a/b
>
> "c"
< 401
> DELETE /_node/_local/_config/admins/admin
< 401
> POST /_node/_local/_config/_reload
< 401
> GET /_node/_local/_stats
< 401
<
< {"error":"unauthorized","reason":"You are not a server admin or read-only metrics user"}
> GET /_scheduler/jobs
< 401
> GET /_nosuch
< 401
> PUT /newdb
< 401
> DELETE /private
< 401
> POST /private/_compact
> Content-Type: application/json
>
> {}
< 401
> POST /public/_compact
> Content-Type: application/json
>
> {}
< 401
<
< {"error":"unauthorized","reason":"You are not a server or db admin."}
> POST /public/_purge
> Content-Type: application/json
>
> {}
< 401

== nobody is refused a private database, whatever the path
> GET /private
< 401
<
< {"error":"unauthorized","reason":"You are not authorized to access this db."}
> GET /private/_all_docs
< 401
> GET /private/_changes
< 401
> GET /private/x
< 401
> PUT /private/x
>
> {}
< 401
> DELETE /private/x
< 401
> GET /private/_local/x
< 401
> PUT /private/x/att
>
> x
< 401
> POST /private/_bulk_docs
> Content-Type: application/json
>
> {"docs":[]}
< 401
> POST /private/_bulk_get
> Content-Type: application/json
>
> {"docs":[]}
< 401
> POST /private/_revs_diff
> Content-Type: application/json
>
> {}
< 401
> GET /private/_security
< 401
> GET /private/_design/x
< 401
> PATCH /private
< 401

== everybody uses a public database but for its design documents and settings
> PUT /public/x
>
> {}
< 201
> GET /public/x
< 200
> PUT /public/_design/d
>
> {}
< 401
<
< {"error":"unauthorized","reason":"You are not a db or server admin."}
> PUT /public/_security
>
> {}
< 401
> PUT /public/_revs_limit
>
> 5
< 401

@user eva:pear
== a user without a role is told that the database is not theirs
> GET /team
< 403
<
< {"error":"forbidden","reason":"You are not allowed to access this db."}
> GET /_all_dbs
< 401
> PUT /newdb
< 401
> PUT /public/_design/d
>
> {}
< 403
> PUT /public/_security
>
> {}
< 403
<
< {"error":"forbidden","reason":"You are not a db or server admin."}

== a user may not see others' documents
> GET /_users/org.couchdb.user:jan
< 403
> GET /_users/_all_docs
< 401
<
< {"error":"unauthorized","reason":"You are not a server admin."}
> GET /_users/_changes
< 401
<
< {"error":"unauthorized","reason":"You are not a server admin."}

@user jan:apple
== a member by role
> GET /team
< 200
> PUT /team/x
>
> {}
< 201
> PUT /team/_security
>
> {}
< 403
> PUT /team/_design/d
>
> {}
< 403

== a database admin by name
> PUT /public/_design/d
>
> {}
< 201
> PUT /public/_revs_limit
>
> 500
< 200
> POST /public/_purge
> Content-Type: application/json
>
> {}
< 401
<
< {"error":"unauthorized","reason":"You are not a server admin."}
> DELETE /public
< 401

@user -
== wrong passwords
> GET /_up
> Authorization: Basic amFuOndyb25n
< 401
<
< {"error":"unauthorized","reason":"Name or password is incorrect."}
> GET /
> Authorization: Basic bm9ib2R5Ong=
< 401
<
< {"error":"unauthorized","reason":"Name or password is incorrect."}

== no base64
> GET /_session
> Authorization: Basic !!!
< 400
<
< {"error":"bad_request","reason":"Authorization header has invalid base64 value"}

== no colon, and the empty pair, are no credentials
> GET /_session
> Authorization: Basic bm9jb2xvbg==
< 200
<~ "name":null
> GET /_session
> Authorization: Basic XzpfCg==
< 401
> GET /_session
> Authorization: Basic Xzpf
< 200
<~ "name":null

== another scheme is no credentials
> GET /_session
> Authorization: Digest x
< 200
<~ "name":null

== a user document brings the name and roles
@user jan:apple
== of who asks
> GET /_session
< 200
<
< {"ok":true,"userCtx":{"name":"jan","roles":["writers"]},"info":{"authentication_handlers":["cookie","default"],"authenticated":"default"}}

@user admin:secret
== a changed password counts at once
> GET /_users/org.couchdb.user:eva
< 200
<= rev "_rev":"([^"]+)"
<!~ "password":
<!~ pear
> PUT /_users/org.couchdb.user:eva?rev=$(rev)
>
> {"name":"eva","type":"user","roles":[],"password":"plum"}
< 201
> GET /_session
> Authorization: Basic ZXZhOnBlYXI=
< 401
> GET /_session
> Authorization: Basic ZXZhOnBsdW0=
< 200

== too many failures lock the account out for this address
> GET /_session
> Authorization: Basic ZXZhOng=
< 401
> GET /_session
> Authorization: Basic ZXZhOng=
< 401
> GET /_session
> Authorization: Basic ZXZhOng=
< 401
> GET /_session
> Authorization: Basic ZXZhOnBsdW0=
< 403
<
< {"error":"forbidden","reason":"Account is temporarily locked due to multiple authentication failures"}

== others are not locked out
> GET /_session
< 200
<~ "name":"admin"

== documents of _users are checked
> PUT /_users/org.couchdb.user:x1
>
> {"name":"x1","type":"user","roles":[]}
< 201
> PUT /_users/org.couchdb.user:x2
>
> {"name":"x2","type":"user","password":"p"}
< 403
<
< {"error":"forbidden","reason":"doc.roles must exist"}
> PUT /_users/org.couchdb.user:x3
>
> {"name":"x3","type":"user","roles":"x","password":"p"}
< 403
<
< {"error":"forbidden","reason":"doc.roles must be an array"}
> PUT /_users/org.couchdb.user:x4
>
> {"name":"x4","type":"user","roles":[1]}
< 403
<
< {"error":"forbidden","reason":"doc.roles can only contain strings"}
> PUT /_users/org.couchdb.user:x5
>
> {"name":"x5","roles":[]}
< 403
<
< {"error":"forbidden","reason":"doc.type must be user"}
> PUT /_users/org.couchdb.user:x6
>
> {"type":"user","roles":[]}
< 403
<
< {"error":"forbidden","reason":"doc.name is required"}
> PUT /_users/notauser
>
> {"name":"notauser","type":"user","roles":[],"password":"p"}
< 403
<
< {"error":"forbidden","reason":"Doc ID must be of the form org.couchdb.user:name"}
> PUT /_users/org.couchdb.user:x8
>
> {"name":"x8","type":"user","roles":[],"password":5}
< 403
<
< {"error":"forbidden","reason":"Password value of '5' is invalid."}
> PUT /_users/org.couchdb.user:x9
>
> {"name":"x9","type":"user","roles":["_admin"]}
< 403
<
< {"error":"forbidden","reason":"No system roles (starting with underscore) in users db."}
> PUT /_users/org.couchdb.user:x10
>
> {"name":"x10","type":"user","roles":[],"roles":["_admin"]}
< 403
> PUT /_users/org.couchdb.user:_x
>
> {"name":"_x","type":"user","roles":[]}
< 403
<
< {"error":"forbidden","reason":"Username may not start with underscore."}
> PUT /_users/org.couchdb.user:a:b
>
> {"name":"a:b","type":"user","roles":[]}
< 403
<
< {"error":"forbidden","reason":"Character `:` is not allowed in usernames."}
> PUT /_users/org.couchdb.user:x11
>
> {"name":"x11","type":"user","roles":[],"password_scheme":"rot13"}
< 403
<
< {"error":"forbidden","reason":"Password scheme `rot13` not supported."}

== a bulk write of users is checked too
> POST /_users/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"org.couchdb.user:b1","name":"b1","type":"user","roles":[],"password":"p"},{"_id":"org.couchdb.user:b2","name":"b2","type":"user"}]}
< 201
<~ "ok":true,"id":"org.couchdb.user:b1"
<~ "doc.roles must exist"
> GET /_users/org.couchdb.user:b1
< 200
<!~ "password":
<~ "password_scheme":"pbkdf2"

== a replicated write of users is checked and hashed too
> POST /_users/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"org.couchdb.user:b3","_rev":"1-abc","name":"b3","type":"user","roles":[],"password":"p"}]}
< 201
> GET /_users/org.couchdb.user:b3
< 200
<!~ "password":

== the security object of _users cannot be changed
> PUT /_users/_security
>
> {}
< 403
<
< {"error":"forbidden","reason":"You can't edit the security object of the user database."}

== users know old password schemes
> PUT /_users/org.couchdb.user:old
>
> {"name":"old","type":"user","roles":[],"password_scheme":"simple","password_sha":"89d7344c884b0e17d7a392a9a9f23ee8e7d7af17","salt":"0123456789abcdef0123456789abcdef"}
< 201
> GET /_session
> Authorization: Basic b2xkOmFwcGxl
< 200
<~ "name":"old"
> PUT /_users/org.couchdb.user:older
>
> {"name":"older","type":"user","roles":[],"password_scheme":"pbkdf2","iterations":10,"derived_key":"016eadbcc1f08986d340431dad8d25ee574e0707","salt":"0123456789abcdef0123456789abcdef"}
< 201
> GET /_session
> Authorization: Basic b2xkZXI6YXBwbGU=
< 200
<~ "name":"older"

@user -
== a browser is sent to the login page
> GET /_all_dbs
> Accept: text/html
< 302
< Location: http://127.0.0.1:%*/_utils/session.html?return=%2F_all_dbs&reason=You%20are%20not%20a%20server%20admin.

== a client chooses its WWW-Authenticate
> GET /_all_dbs
> X-CouchDB-WWW-Authenticate: Basic realm="x"
< 401
< WWW-Authenticate: Basic realm="x"
