# Another web interface, such as Fauxton's built release, in a directory.

@ini [chttpd] utils_dir = %HERE%/utils

== its index
> GET /_utils/
< 200
< Content-Type: text/html; charset=utf-8
< Content-Security-Policy: child-src 'self' data: blob:; default-src 'self'; img-src 'self' data:; font-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; frame-src https://blog.couchdb.org;
< X-Content-Type-Options: nosniff
<
< <!doctype html>
< <title>Fauxton stands here</title>
<= etag [Ee][Tt]ag: ("[^"]*")

== it need not be sent twice
> GET /_utils/index.html
> If-None-Match: $(etag)
< 304

== a file in a folder
> GET /_utils/assets/a.css
< 200
< Content-Type: text/css; charset=utf-8
<
< body { margin: 0 }

== a folder is no file
> GET /_utils/assets
< 404
> GET /_utils/assets/
< 404

== nothing above, nothing hidden, no escape changes that
> GET /_utils/../server.mjs
< 404
> GET /_utils/assets/../index.html
< 404
> GET /_utils/%2e%2e/server.mjs
< 404
> GET /_utils/..%2fserver.mjs
< 404
> GET /_utils/assets%2fa.css
< 404
> GET /_utils/%2fetc%2fpasswd
< 404
> GET //_utils///etc/passwd
< 404
> GET /_utils/.hidden
< 404
> GET /_utils/index.html%00.css
< 404

== our own files are not mixed in
> GET /_utils/databases.js
< 404

== the directory cannot be changed over HTTP
> PUT /_node/_local/_config/chttpd/utils_dir
> Content-Type: application/json
>
> "/etc"
< 403
