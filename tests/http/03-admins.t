# An admin and a user document of the same name: the password is the admin's, the roles are both's.

== without a document an admin has one role
> GET /_session
< 200
<~ "name":"admin","roles":\["_admin"\]

== a document of the same name adds its roles
> PUT /_users
< 201
> GET /_session
< 200
<~ "name":"admin","roles":\["_admin"\]
> PUT /_users/org.couchdb.user:admin
>
> {"name":"admin","type":"user","roles":["editor","r2"],"password":"other"}
< 201
<= REV "rev":"([^"]*)"
> GET /_session
< 200
<~ "name":"admin","roles":\["_admin","editor","r2"\]

== a login says so, and its cookie has them
> POST /_session
> Content-Type: application/json
>
> {"name":"admin","password":"secret"}
< 200
<~ "roles":\["_admin","editor","r2"\]
<= COOKIE Set-Cookie: (AuthSession=[^;]*)

@user -

== the cookie has them, too
> GET /_session
> Cookie: $(COOKIE)
< 200
<~ "name":"admin","roles":\["_admin","editor","r2"\]
<~ "authenticated":"cookie"

== the password is the admin's only
> POST /_session
> Content-Type: application/json
>
> {"name":"admin","password":"other"}
< 401

@user admin:secret

== they go with the document
> DELETE /_users/org.couchdb.user:admin?rev=$(REV)
< 200
> GET /_session
< 200
<~ "name":"admin","roles":\["_admin"\]
> PUT /_users/org.couchdb.user:admin
>
> {"name":"admin","type":"user","roles":["again"]}
< 201
> GET /_session
< 200
<~ "roles":\["_admin","again"\]

== and with the database, which may come back
> DELETE /_users
< 200
> GET /_session
< 200
<~ "roles":\["_admin"\]
> GET /_session
< 200
<~ "roles":\["_admin"\]
> PUT /_users
< 201
> PUT /_users/org.couchdb.user:admin
>
> {"name":"admin","type":"user","roles":["back"]}
< 201
> GET /_session
< 200
<~ "roles":\["_admin","back"\]

@restart

== also after a start
> GET /_session
< 200
<~ "roles":\["_admin","back"\]
