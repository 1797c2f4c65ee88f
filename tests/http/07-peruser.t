# A database for every user.
@ini [couch_peruser] enable = true
@ini [couch_peruser] delete_dbs = true

== a user gets a database
> PUT /_users
< 201
> PUT /_users/org.couchdb.user:jan
>
> {"name":"jan","type":"user","roles":[],"password":"apple"}
< 201
<= rev "rev":"([^"]+)"
@until
@user jan:apple
== which is the user's
> GET /userdb-6a616e
< 200
> PUT /userdb-6a616e/doc
>
> {}
< 201
> PUT /userdb-6a616e/_design/a
>
> {}
< 201
> GET /userdb-6a616e/_security
< 200
<~ "admins":\{[^}]*"names":\["jan"\]
<~ "members":\{[^}]*"names":\["jan"\]
@user -
== and nobody else's
> GET /userdb-6a616e
< 401
@user admin:secret
== a user that goes takes it along
> DELETE /_users/org.couchdb.user:jan?rev=$(rev)
< 200
@until
== it is gone
> GET /userdb-6a616e
< 404
