# /_session: cookies.
@ini [chttpd_auth] secret = 92de07df7e7a3fe14808cef90a7cc0d91
@user -

== nobody
> GET /_session
< 200
<
< {"ok":true,"userCtx":{"name":null,"roles":[]},"info":{"authentication_handlers":["cookie","default"]}}
> GET /_session?basic=true
< 401
<
< {"error":"unauthorized","reason":"Please login."}

== a login by a form
> POST /_session
> Content-Type: application/x-www-form-urlencoded
>
> name=admin&password=secret
< 200
< Set-Cookie: AuthSession=%*; Version=1; Expires=%*; Max-Age=600; Path=/; HttpOnly
<
< {"ok":true,"name":"admin","roles":["_admin"]}
<= cookie AuthSession=([^;]+)

== the cookie works
> GET /_all_dbs
> Cookie: other=1; AuthSession=$(cookie); more=2
< 200
> GET /_session
> Cookie: AuthSession=$(cookie)
< 200
<~ "authenticated":"cookie"
> GET /_session
> Cookie: AuthSession="$(cookie)"
< 200
<~ "name":"admin"

== a login by JSON
> POST /_session
> Content-Type: application/json
>
> {"name":"admin","password":"secret"}
< 200
< Set-Cookie: AuthSession=%*
> POST /_session
> Content-Type: application/json
>
> {"username":"admin","password":"secret"}
< 200

== a wrong password clears the cookie
> POST /_session
> Content-Type: application/x-www-form-urlencoded
>
> name=admin&password=wrong
< 401
< Set-Cookie: AuthSession=; Version=1; Expires=%*; Max-Age=600; Path=/; HttpOnly
<
< {"error":"unauthorized","reason":"Name or password is incorrect."}

== nobody of that name
> POST /_session
> Content-Type: application/json
>
> {"name":"nobody","password":"secret"}
< 401

== no name
> POST /_session
> Content-Type: application/x-www-form-urlencoded
>
>
< 400
<
< {"error":"bad_request","reason":"request body must contain a username"}
> POST /_session
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"bad_request","reason":"request body must contain a username"}
> POST /_session
> Content-Type: application/json
>
> {"name":"a","username":"b","password":"c"}
< 400

== no JSON
> POST /_session
> Content-Type: application/json
>
> {bad
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}

== another type
> POST /_session
> Content-Type: text/plain
>
> name=admin&password=secret
< 415
<
< {"error":"bad_content_type","reason":"Content-Type must be 'application/x-www-form-urlencoded' or 'application/json'"}

== a body that is too long
> POST /_session
> Content-Type: application/json
> Content-Length: 70000
< 413
<
< {"error":"too_large","reason":"the request entity is too large"}

== where to go next
> POST /_session?next=/db
> Content-Type: application/x-www-form-urlencoded
>
> name=admin&password=secret
< 302
< Location: http://127.0.0.1:%*/db
> POST /_session?next=http://evil.example/
> Content-Type: application/x-www-form-urlencoded
>
> name=admin&password=secret
< 400
> POST /_session?next=//evil.example/
> Content-Type: application/x-www-form-urlencoded
>
> name=admin&password=secret
< 400
> POST /_session?fail=/login
> Content-Type: application/x-www-form-urlencoded
>
> name=admin&password=wrong
< 302
< Location: http://127.0.0.1:%*/login

== a header cannot be split by a redirect
> POST /_session?next=/x%0d%0aSet-Cookie:%20a=b
> Content-Type: application/x-www-form-urlencoded
>
> name=admin&password=secret
< 400
< !Set-Cookie: a=b

== logging out
> DELETE /_session
> Cookie: AuthSession=$(cookie)
< 200
< Set-Cookie: AuthSession=; Version=1; %*
<
< {"ok":true}

== malformed cookies
> GET /_session
> Cookie: AuthSession=garbage
< 400
<
< {"error":"bad_request","reason":"Malformed AuthSession cookie. Please clear your cookies."}
> GET /_session
> Cookie: AuthSession=!!!!
< 400
> GET /_session
> Cookie: AuthSession=
< 200
<~ "name":null

== a forged cookie is nobody's: admin with a made-up MAC
> GET /_session
> Cookie: AuthSession=YWRtaW46NkIwMkFENkI6eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg
< 200
<~ "name":null
> GET /_all_dbs
> Cookie: AuthSession=YWRtaW46NkIwMkFENkI6eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg
< 401

== a cookie of a user ends with the password
> PUT /_users
> Authorization: Basic YWRtaW46c2VjcmV0
< 201
> PUT /_users/org.couchdb.user:jan
> Authorization: Basic YWRtaW46c2VjcmV0
>
> {"name":"jan","type":"user","roles":[],"password":"apple"}
< 201
<= rev "rev":"([^"]+)"
> POST /_session
> Content-Type: application/x-www-form-urlencoded
>
> name=jan&password=apple
< 200
<= jan AuthSession=([^;]+)
> GET /_session
> Cookie: AuthSession=$(jan)
< 200
<~ "name":"jan"
> PUT /_users/org.couchdb.user:jan?rev=$(rev)
> Authorization: Basic YWRtaW46c2VjcmV0
>
> {"name":"jan","type":"user","roles":[],"password":"pear"}
< 201
> GET /_session
> Cookie: AuthSession=$(jan)
< 200
<~ "name":null

== cookies live on after a restart
@restart
== of the server
> GET /_session
> Cookie: AuthSession=$(cookie)
< 200
<~ "name":"admin"

== cookies that CouchDB made are understood, by either hash, while they last
> PUT /_users/org.couchdb.user:vec
> Authorization: Basic YWRtaW46c2VjcmV0
>
> {"name":"vec","type":"user","roles":[]}
< 201
> GET /_users/org.couchdb.user:jan
> Authorization: Basic YWRtaW46c2VjcmV0
< 200
<= rev "_rev":"([^"]+)"
> PUT /_users/org.couchdb.user:jan?rev=$(rev)
> Authorization: Basic YWRtaW46c2VjcmV0
>
> {"name":"jan","type":"user","roles":["r"],"password_scheme":"simple","password_sha":"89d7344c884b0e17d7a392a9a9f23ee8e7d7af17","salt":"0123456789abcdef0123456789abcdef"}
< 201
> GET /_session
> Cookie: AuthSession=amFuOjY1NTNGMTAwOmFMT7FlZcIaR1bJTaExZVFAPpV8HlKzhoBOZVKJvBtq
< 200
<~ "name":null
> PUT /_node/_local/_config/chttpd_auth/timeout
> Authorization: Basic YWRtaW46c2VjcmV0
>
> "4000000000"
< 200
> GET /_session
> Cookie: AuthSession=amFuOjY1NTNGMTAwOmFMT7FlZcIaR1bJTaExZVFAPpV8HlKzhoBOZVKJvBtq
< 200
<~ "name":"jan","roles":\["r"\]
> GET /_session
> Cookie: AuthSession=amFuOjY1NTNGMTAwOpDjnb6uS5LHR-i4P95bW-YyMtSi
< 200
<~ "name":"jan"
> GET /_session
> Cookie: AuthSession=amFuOjY1NTNGMTAwOpDjnb6uS5LHR-i4P95bW-YyMtSj
< 200
<~ "name":null

== a session that is older than a tenth of its time gets a fresh cookie
> PUT /_node/_local/_config/chttpd_auth/timeout
> Authorization: Basic YWRtaW46c2VjcmV0
>
> "600000000"
< 200
> GET /_session
> Cookie: AuthSession=amFuOjY1NTNGMTAwOmFMT7FlZcIaR1bJTaExZVFAPpV8HlKzhoBOZVKJvBtq
< 200
< Set-Cookie: AuthSession=%*; Version=1; %*

== a session that came by TLS stays on TLS
> POST /_session
> Content-Type: application/json
> X-Forwarded-Proto: https
>
> {"name":"admin","password":"secret"}
< 200
< Set-Cookie: AuthSession=%*; Path=/; HttpOnly; Secure

@user admin:secret
== persistent cookies can be off, and SameSite on
> PUT /_node/_local/_config/chttpd_auth/allow_persistent_cookies
>
> "false"
< 200
> PUT /_node/_local/_config/chttpd_auth/same_site
>
> "Strict"
< 200
> POST /_session
> Content-Type: application/json
>
> {"name":"admin","password":"secret"}
< 200
< Set-Cookie: AuthSession=%*; Version=1; Path=/; HttpOnly; SameSite=Strict
