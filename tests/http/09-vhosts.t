@ini [vhosts] notes.example = /notes
@ini [vhosts] notes.example/d = /notes/doc
@ini [vhosts] *.any.example = /*
@ini [vhosts] :db.var.example = /:db/doc
@ini [vhosts] port.example:99 = /notes

== the ground
> PUT /notes
< 201
> PUT /notes/doc
>
> {"n":1}
< 201

== a name stands for a database
> GET /doc
> Host: notes.example
< 200
<~ "n":1

== whatever its case and port
> GET /doc?rev=1-0
> Host: NOTES.example:5984
< 404

@user -

== rights are those of the path
> GET /doc
> Host: notes.example
< 401

@user admin:secret

== the longer prefix counts
> GET /d
> Host: notes.example
< 200
<~ "n":1

== a prefix is whole segments
> GET /dd
> Host: notes.example
< 404

== labels as variables
> GET /
> Host: notes.var.example
< 200
<~ "n":1

== any number of labels
> GET /doc
> Host: notes.any.example
< 200

== a port of its own
> GET /doc
> Host: port.example:99
< 200
> GET /doc
> Host: port.example:98
< 404

== what is the server's stays the server's
> GET /_session
> Host: notes.example
< 200
> GET /_uuids
> Host: notes.example
< 200
> GET /_all_dbs
> Host: notes.example
< 404

== other names are as ever
> GET /notes/doc
> Host: other.example
< 200

== a path cannot leave its prefix
> GET /../_all_dbs
> Host: notes.example
< 404
> GET /%2e%2e/_all_dbs
> Host: notes.example
< 404

@user -

== who must log in comes back to what was asked for, not to what it stands for
> GET /doc
> Host: notes.example
> Accept: text/html
< 302
< Location: http://notes.example/_utils/session.html?return=%2Fdoc&reason=%*

== or to what a proxy in front was asked for
> GET /notes/doc
> Accept: text/html
> X-CouchDB-Vhost-Path: /asked/for
< 302
< Location: %*/_utils/session.html?return=%2Fasked%2Ffor&reason=%*
