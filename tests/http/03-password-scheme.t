@ini [chttpd_auth] password_scheme = simple

== a plain admin of the files is stored by the old scheme
> GET /_node/_local/_config/admins/admin
< 200
<~ ^"-hashed-[0-9a-f]{40},[0-9a-f]{32}"

== so is one that is made over HTTP
> PUT /_node/_local/_config/admins/second
>
> "geheim"
< 200
> GET /_node/_local/_config/admins/second
< 200
<~ ^"-hashed-[0-9a-f]{40},[0-9a-f]{32}"

@user second:geheim

== and can log in
> GET /_session
< 200
<~ "roles":\["_admin"\]

@user second:Geheim

== with that password only
> GET /_session
< 401

@user admin:secret

== and a user
> PUT /_users
< 201
> PUT /_users/org.couchdb.user:ann
>
> {"name":"ann","type":"user","roles":[],"password":"pw","colour":"red"}
< 201
> GET /_users/org.couchdb.user:ann
< 200
<~ "password_scheme":"simple"
<~ "salt":"[0-9a-f]{32}"
<~ "password_sha":"[0-9a-f]{40}"
<~ "colour":"red"
<!~ derived_key|iterations|pbkdf2|"pw"

@user ann:no

== with its password
> GET /_session
< 401

@user ann:pw

== whose login changes nothing
> GET /_session
< 200
<~ "name":"ann"

@user admin:secret

== its revision is the first one still
> GET /_users/org.couchdb.user:ann
< 200
<~ "_rev":"1-

== there are two schemes
> PUT /_node/_local/_config/chttpd_auth/password_scheme
>
> "rot13"
< 400
<~ \[chttpd_auth\] password_scheme wants pbkdf2 or simple
> PUT /_node/_local/_config/chttpd_auth/password_scheme
>
> "pbkdf2"
< 200
<
< "simple"

# What was verified before is not verified again.
@restart
@user ann:pw

== with the newer one a login makes the hash stronger
> GET /_session
< 200

@user admin:secret

== and its document says so
> GET /_users/org.couchdb.user:ann
< 200
<~ "_rev":"2-
<~ "password_scheme":"pbkdf2"
<~ "derived_key":"[0-9a-f]{64}"
<!~ password_sha
