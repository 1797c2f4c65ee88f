# Cross-origin requests.

== off by default
> PUT /db
< 201
> GET /db
> Origin: http://example.com
< 200
< !Access-Control-Allow-Origin
> OPTIONS /db
> Origin: http://example.com
> Access-Control-Request-Method: PUT
< 405
< !Access-Control-Allow-Origin

== enabled, but no origin is listed
> PUT /_node/_local/_config/chttpd/enable_cors
>
> "true"
< 200
> GET /db
> Origin: http://example.com
< 200
< !Access-Control-Allow-Origin

== one origin and one of a custom scheme
> PUT /_node/_local/_config/cors/origins
>
> "app://obsidian.md, http://example.com"
< 200
> GET /db
> Origin: http://example.com
< 200
< Access-Control-Allow-Origin: http://example.com
< Access-Control-Expose-Headers: content-type, cache-control, accept-ranges, etag, server, x-couch-request-id, x-couch-update-newrev, x-couchdb-body-time
< !Access-Control-Allow-Credentials
> GET /db
> Origin: app://obsidian.md
< 200
< Access-Control-Allow-Origin: app://obsidian.md
> GET /db
> Origin: http://example.com.evil
< 200
< !Access-Control-Allow-Origin
> GET /db
> Origin: http://Example.com
< 200
< !Access-Control-Allow-Origin

== errors have the headers too
> GET /nosuch
> Origin: http://example.com
< 404
< Access-Control-Allow-Origin: http://example.com
> GET /db
> Origin: http://example.com
> Authorization: -
< 401
< Access-Control-Allow-Origin: http://example.com
> GET /db
> Origin: http://example.com
> Authorization: Basic YWRtaW46eA==
< 401
< Access-Control-Allow-Origin: http://example.com
> GET /db/%zz
> Origin: http://example.com
< 400
< Access-Control-Allow-Origin: http://example.com

== streamed answers have them
> GET /db/_all_docs
> Origin: http://example.com
< 200
< Access-Control-Allow-Origin: http://example.com

@user -
== a preflight needs no credentials
> OPTIONS /db
> Origin: http://example.com
> Access-Control-Request-Method: PUT
> Access-Control-Request-Headers: Content-Type, authorization
< 204
< Content-Length: 0
< Access-Control-Allow-Origin: http://example.com
< Access-Control-Allow-Methods: CONNECT, COPY, DELETE, GET, HEAD, OPTIONS, POST, PUT, TRACE
< Access-Control-Allow-Headers: Content-Type, authorization
< Access-Control-Max-Age: 600

== even when everything else does
@user admin:secret
== by require_valid_user
> PUT /_node/_local/_config/chttpd/require_valid_user
>
> "true"
< 200
> OPTIONS /
> Origin: http://example.com
> Authorization: -
> Access-Control-Request-Method: GET
< 204
> GET /
> Origin: http://example.com
> Authorization: -
< 401
< Access-Control-Allow-Origin: http://example.com
> DELETE /_node/_local/_config/chttpd/require_valid_user
< 200

@user -
== a header that is not allowed fails the preflight
> OPTIONS /db
> Origin: http://example.com
> Access-Control-Request-Method: PUT
> Access-Control-Request-Headers: content-type, x-foo
< 401
< Access-Control-Allow-Origin: http://example.com
< !Access-Control-Allow-Methods

== a method that is not allowed fails it
> OPTIONS /db
> Origin: http://example.com
> Access-Control-Request-Method: PATCH
< 401
< !Access-Control-Allow-Methods

== without a method it is none
> OPTIONS /db
> Origin: http://example.com
< 401

@user admin:secret
== own lists
> PUT /_node/_local/_config/cors/headers
>
> "accept, authorization, content-type, origin, referer, x-foo"
< 200
> PUT /_node/_local/_config/cors/methods
>
> "GET,PUT, POST,HEAD,DELETE"
< 200
> PUT /_node/_local/_config/cors/max_age
>
> "3600"
< 200
> PUT /_node/_local/_config/cors/credentials
>
> "true"
< 200
> OPTIONS /db
> Origin: http://example.com
> Access-Control-Request-Method: PUT
> Access-Control-Request-Headers: content-type, x-foo
< 204
< Access-Control-Allow-Credentials: true
< Access-Control-Allow-Headers: content-type, x-foo
< Access-Control-Allow-Methods: GET, PUT, POST, HEAD, DELETE
< Access-Control-Max-Age: 3600

== every origin
> PUT /_node/_local/_config/cors/origins
>
> "*"
< 200
> GET /db
> Origin: http://anything.example
< 200
< Access-Control-Allow-Origin: http://anything.example

== an origin of one host
> PUT /_node/_local/_config/cors/origins
>
> "http://common.example"
< 200
> PUT /_node/_local/_config/cors:special.example/origins
>
> "http://own.example"
< 200
> GET /db
> Host: special.example
> Origin: http://own.example
< 200
< Access-Control-Allow-Origin: http://own.example
> GET /db
> Host: special.example
> Origin: http://common.example
< 200
< !Access-Control-Allow-Origin
