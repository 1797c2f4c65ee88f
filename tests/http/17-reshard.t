== what there is to split: nothing
> GET /_reshard
< 200
< Content-Type: application/json
< !X-Couch-Request-ID
<
< {"state":"running","state_reason":null,"completed":0,"failed":0,"running":0,"stopped":0,"total":0}
> HEAD /_reshard
< 200
< Content-Length: 99
> POST /_reshard
< 405
< Allow: GET,HEAD
> GET /_reshard/state
< 200
<
< {"state":"running","reason":null}
> GET /_reshard/jobs
< 200
<
< {"total_rows":0,"offset":0,"jobs":[]}
> DELETE /_reshard/jobs
< 405
< Allow: GET,HEAD,POST

== jobs that are not there
> GET /_reshard/jobs/001-x
< 404
<
< {"error":"not_found","reason":"missing"}
> DELETE /_reshard/jobs/001-x
< 404
> GET /_reshard/jobs/001-x/state
< 404
> POST /_reshard/jobs/001-x
< 405
< Allow: GET,HEAD,DELETE

== none is taken: a database is one file
> POST /_reshard/jobs
> Content-Type: application/json
>
> {"type":"split","db":"x"}
< 501

== stopping and starting
> PUT /_reshard/state
> Content-Type: application/json
>
> {"state":"stopped","reason":"a \"rest\""}
< 200
<
< {"ok":true}
> GET /_reshard/state
< 200
<
< {"state":"stopped","reason":"a \"rest\""}
> GET /_reshard
< 200
<~ "state":"stopped"
> PUT /_reshard/state
> Content-Type: application/json
>
> {"state":"running"}
< 200
> GET /_reshard/state
< 200
<
< {"state":"running","reason":null}

== what a state is not
> PUT /_reshard/state
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"bad_request","reason":"Expected a `state` field"}
> PUT /_reshard/state
> Content-Type: application/json
>
> {"state":1}
< 400
<
< {"error":"bad_request","reason":"State field not `running` or `stopped`"}
> PUT /_reshard/state
>
> {"state":"running"}
< 415

@user -

== only for server admins
> GET /_reshard
< 401
