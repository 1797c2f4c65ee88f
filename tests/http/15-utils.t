# The web page that is part of the program.

== the page
> GET /_utils/
< 200
< Content-Type: text/html; charset=utf-8
< Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'
< X-Content-Type-Options: nosniff
< Cache-Control: private, must-revalidate
<~ <title>Tuffet</title>
<= etag [Ee][Tt]ag: ("[^"]*")

== it need not be sent twice
> GET /_utils/
> If-None-Match: $(etag)
< 304

== its HEAD
> HEAD /_utils/index.html
< 200
< Content-Type: text/html; charset=utf-8
< ETag: $(etag)
<

== its scripts are modules of this type
> GET /_utils/app.js
< 200
< Content-Type: text/javascript; charset=utf-8
> GET /_utils/style.css
< 200
< Content-Type: text/css; charset=utf-8
> GET /_utils/icon.svg
< 200
< Content-Type: image/svg+xml

== every script that another one imports is there
> GET /_utils/api.js
< 200
> GET /_utils/dom.js
< 200
> GET /_utils/databases.js
< 200
> GET /_utils/document.js
< 200
> GET /_utils/replication.js
< 200
> GET /_utils/config.js
< 200

== where a browser is sent that must log in
> GET /_utils/session.html?return=%2F_all_dbs
< 200
<~ <title>Tuffet</title>

== without a slash relative links would lead elsewhere
> GET /_utils
< 301
< Location: http://%*/_utils/

== what is not there
> GET /_utils/nothing.js
< 404
< Content-Type: text/plain
<
< Not found.
> GET /_utils/app.js/more
< 404
> GET /_utils/%2e%2e/test.ini
< 404

== only read
> PUT /_utils/app.js
< 405
< Allow: GET,HEAD

@user -

== open for strangers: it holds nothing but code
> GET /_utils/
< 200

== the icon that browsers ask for, for a year
> GET /favicon.ico
< 200
< Content-Type: image/x-icon
< Cache-Control: public, max-age=31536000
< Expires: %* GMT
< ETag: "%*"
< Content-Length: 4286
<= TAG ETag: ("[^"]+")
> GET /favicon.ico
> If-None-Match: $(TAG)
< 304
> HEAD /favicon.ico
< 200
< Content-Length: 4286
> POST /favicon.ico
< 405
