# What a request brings must not break an answer that repeats it (its bytes: behaviour.mjs).

== a database for this file
> PUT /db
< 201

== a revision with a line end fits into no header
> PUT /db/c?new_edits=false
> Content-Type: application/json
>
> {"_revisions":{"start":1,"ids":["a\nb"]},"x":1}
< 400
<
< {"error":"doc_validation","reason":"RevId isn't a valid hexadecimal"}
> PUT /db/c?new_edits=false
> Content-Type: application/json
>
> {"_rev":"1-a\nb","x":1}
< 400
<
< {"error":"bad_request","reason":"Invalid rev format"}
> GET /db/c
< 404
