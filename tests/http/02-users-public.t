# A _users database that anybody may use, as sites with a registration of their own have it: who is no
# admin may make accounts without roles, change and delete only their own, and see nobody else's.
@ini [couchdb] users_db_security_editable = true
@ini [chttpd_auth] public_fields = name , colour

== the ground
> PUT /_users
< 201
> PUT /_users/org.couchdb.user:ann
>
> {"name":"ann","type":"user","roles":["r","s"],"password":"pw","colour":"red","phone":"1"}
< 201
<= ANN "rev":"([^"]*)"
> PUT /_users/org.couchdb.user:bob
>
> {"name":"bob","type":"user","roles":["r"],"password":"pw","colour":"blue","phone":"2"}
< 201
<= BOB "rev":"([^"]*)"
> PUT /_users/org.couchdb.user:plain
>
> {"name":"plain","type":"user","roles":[]}
< 201
> PUT /_users/_design/d
>
> {}
< 201
> PUT /_users/_security
>
> {"admins":{"names":[],"roles":[]},"members":{"names":[],"roles":[]}}
< 200

@user ann:pw

== a user sees the whole of the own document
> GET /_users/org.couchdb.user:ann
< 200
<~ "phone":"1"

== and what is public of others
> GET /_users/org.couchdb.user:bob
< 200
<~ "colour":"blue"
<!~ phone|derived_key|salt|roles
> GET /_users/org.couchdb.user:none
< 404
> GET /_users/nobody
< 404

== design documents are the admins'
> GET /_users/_design/d
< 403
<
< {"error":"forbidden","reason":"Only administrators can view design docs in the users database."}

== the own document may change, its roles in another order are the same
> PUT /_users/org.couchdb.user:ann?rev=$(ANN)
>
> {"name":"ann","type":"user","roles":["s","r"],"password":"pw","colour":"green"}
< 201
<= ANN "rev":"([^"]*)"

== roles may not
> PUT /_users/org.couchdb.user:ann?rev=$(ANN)
>
> {"name":"ann","type":"user","roles":["s","r","_admin"]}
< 403
<
< {"error":"forbidden","reason":"Only _admin may edit roles"}
> PUT /_users/org.couchdb.user:ann?rev=$(ANN)
>
> {"name":"ann","type":"user","roles":["s","t"]}
< 403
<
< {"error":"forbidden","reason":"Only _admin may edit roles"}
> PUT /_users/org.couchdb.user:ann?rev=$(ANN)
>
> {"name":"ann","type":"user","roles":[]}
< 403
> POST /_users/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"org.couchdb.user:ann","_rev":"9-a","name":"ann","type":"user","roles":["boss"]}]}
< 201
<~ "error":"forbidden"

== nor the name
> PUT /_users/org.couchdb.user:ann?rev=$(ANN)
>
> {"name":"bob","type":"user","roles":["r","s"]}
< 403
<
< {"error":"forbidden","reason":"Doc ID must be of the form org.couchdb.user:name"}

== documents of others are not there to be changed
> PUT /_users/org.couchdb.user:bob?rev=$(BOB)
>
> {"name":"bob","type":"user","roles":["r"],"password":"stolen"}
< 404
> DELETE /_users/org.couchdb.user:bob?rev=$(BOB)
< 404
> PUT /_users/org.couchdb.user:new
>
> {"name":"new","type":"user","roles":[]}
< 404

== lists are the admins'
> GET /_users/_all_docs
< 401
> GET /_users/_changes
< 401

@user -

== who is nobody may make an account
> PUT /_users/org.couchdb.user:eve
>
> {"name":"eve","type":"user","roles":[],"password":"pw"}
< 201

== without roles
> PUT /_users/org.couchdb.user:mal
>
> {"name":"mal","type":"user","roles":["r"],"password":"pw"}
< 403
<
< {"error":"forbidden","reason":"Only _admin may set roles"}
> PUT /_users/org.couchdb.user:mal
>
> {"name":"mal","type":"user","roles":[],"roles":["_admin"]}
< 403

== and changes and deletes none
> PUT /_users/org.couchdb.user:bob?rev=$(BOB)
>
> {"name":"bob","type":"user","roles":["r"],"password":"stolen"}
< 403
<
< {"error":"forbidden","reason":"You may only update your own user document."}
> DELETE /_users/org.couchdb.user:bob?rev=$(BOB)
< 403
<
< {"error":"forbidden","reason":"Only admins may delete other user docs."}

== but sees what is public
> GET /_users/org.couchdb.user:bob
< 200
<~ "name":"bob"
<!~ phone|derived_key
> GET /_users/org.couchdb.user:plain
< 200
<~ "name":"plain"
<!~ roles

@user bob:pw

== the password is the one it was, and the own document may go
> GET /_session
< 200
<~ "roles":\["r"\]
> DELETE /_users/org.couchdb.user:bob?rev=$(BOB)
< 200

== and with it the account
> GET /_session
< 401
