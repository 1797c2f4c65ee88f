# Local documents.

== a database for this file
> PUT /db
< 201

== a local document begins at 0-1
> PUT /db/_local/l
> Content-Type: application/json
>
> {"v":1}
< 201
< ETag: "%*"
< Location: http://%*/db/_local%2Fl
<
< {"ok":true,"id":"_local/l","rev":"0-1"}

== it is read back
> GET /db/_local/l
< 200
< ETag: "%*"
<
< {"_id":"_local/l","_rev":"0-1","v":1}

== its revision counts
> PUT /db/_local/l
> Content-Type: application/json
>
> {"v":2,"_rev":"0-1"}
< 201
< ETag: "%*"
< Location: http://%*/db/_local%2Fl
<
< {"ok":true,"id":"_local/l","rev":"0-2"}

== an old revision is not a conflict
> PUT /db/_local/l
> Content-Type: application/json
>
> {"v":3,"_rev":"0-1"}
< 201
< ETag: "%*"
< Location: http://%*/db/_local%2Fl
<
< {"ok":true,"id":"_local/l","rev":"0-2"}

== the revision that was given is counted on
> PUT /db/_local/l?rev=0-7
> Content-Type: application/json
>
> {"v":4}
< 201
< ETag: "%*"
< Location: http://%*/db/_local%2Fl
<
< {"ok":true,"id":"_local/l","rev":"0-8"}

== history and metadata are not shown
> GET /db/_local/l?revs=true&revs_info=true&conflicts=true&local_seq=true
< 200
< ETag: "%*"
<
< {"_id":"_local/l","_rev":"0-8","v":4}

== it has no revisions to ask for
> GET /db/_local/l?rev=0-8
< 404
<
< {"error":"not_found","reason":"missing"}

== an encoded slash is as good
> GET /db/_local%2Fl
< 200
< ETag: "%*"
<
< {"_id":"_local/l","_rev":"0-8","v":4}

== nor has it leaves
> GET /db/_local/l?open_revs=all
> Accept: application/json
< 404
<
< {"error":"not_found","reason":"missing"}

== attachments in it are dropped
> PUT /db/_local/a
> Content-Type: application/json
>
> {"_attachments":{"f":{"data":"YQ=="}}}
< 201
< ETag: "%*"
< Location: http://%*/db/_local%2Fa
<
< {"ok":true,"id":"_local/a","rev":"0-1"}

== and not shown
> GET /db/_local/a
< 200
< ETag: "%*"
<
< {"_id":"_local/a","_rev":"0-1"}

== attachments of it are refused
> PUT /db/_local/a/f
> Content-Type: text/plain
>
> x
< 400
<
< {"error":"bad_request","reason":"_local documents do not accept attachments."}

== also when reading
> GET /db/_local/a/b
< 400
<
< {"error":"bad_request","reason":"_local documents do not accept attachments."}

== it must have a name
> GET /db/_local
< 400
<
< {"error":"bad_request","reason":"Invalid _local document id."}

== a slash is no name
> PUT /db/_local%2F
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"bad_request","reason":"Invalid _local document id."}

== any revision deletes it
> DELETE /db/_local/l?rev=0-1
< 200
<
< {"ok":true,"id":"_local/l","rev":"0-0"}

== it is missing then
> GET /db/_local/l
< 404
<
< {"error":"not_found","reason":"missing"}

== deleting it again is 404
> DELETE /db/_local/l
< 404
<
< {"error":"not_found","reason":"missing"}

== it begins anew
> PUT /db/_local/l
> Content-Type: application/json
>
> {"v":5}
< 201
< ETag: "%*"
< Location: http://%*/db/_local%2Fl
<
< {"ok":true,"id":"_local/l","rev":"0-1"}

== PUT with _deleted deletes it
> PUT /db/_local/l
> Content-Type: application/json
>
> {"_rev":"0-1","_deleted":true}
< 200
< Location: http://%*/db/_local%2Fl
<
< {"ok":true,"id":"_local/l","rev":"0-0"}

== a checkpoint as replicators name it
> PUT /db/_local/x%2By%3D%3D
> Content-Type: application/json
>
> {"last_seq":{"a":[1,"2",null]}}
< 201
< ETag: "%*"
< Location: http://%*/db/_local%2Fx%2By%3D%3D
<
< {"ok":true,"id":"_local/x+y==","rev":"0-1"}

== comes back as it was
> GET /db/_local/x%2By%3D%3D
< 200
< ETag: "%*"
<
< {"_id":"_local/x+y==","_rev":"0-1","last_seq":{"a":[1,"2",null]}}

== none of them is listed
> GET /db/_all_docs
< 200
<
< {"total_rows":0,"offset":0,"rows":[
< 
< ]}

== a form's POST asks for a Referer, as for other documents
> POST /db/_local/form
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"bad_request","reason":"Referer header required."}
