# What set-up scripts ask of a single node.

== nothing is there yet
> GET /_cluster_setup
< 200
<
< {"state":"single_node_disabled"}

== what it shall have is a list of names
> GET /_cluster_setup?ensure_dbs_exist={}
< 400
<~ `ensure_dbs_exist` must be an array of names.
> GET /_cluster_setup?ensure_dbs_exist=[1]
< 400
> GET /_cluster_setup?ensure_dbs_exist=[
< 400
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"enable_single_node","ensure_dbs_exist":"x"}
< 400
<~ `ensure_dbs_exist` must be an array of names.

== names are those of databases
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"enable_single_node","ensure_dbs_exist":["Bad"]}
< 400
<~ "error":"illegal_database_name"

== an admin is made once
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"enable_single_node","username":"boss","password":"first"}
< 201
> GET /_node/_local/_config/admins/boss
< 200
<~ ^"-pbkdf2:sha256-[0-9a-f]{64},[0-9a-f]{32},10"
> GET /_cluster_setup
< 200
<
< {"state":"single_node_enabled"}
> GET /_users
< 200
> GET /_replicator
< 200
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"enable_single_node","username":"boss","password":"second"}
< 201

@user boss:first

== and keeps the password
> GET /_session
< 200
<~ "roles":\["_admin"\]

@user boss:second

== that it had
> GET /_session
< 401

@user admin:secret

== what is no name makes nobody
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"enable_single_node","username":"a\u0000b","password":"x"}
< 201
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"enable_single_node","username":7,"password":"x"}
< 201
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"enable_single_node","username":"half"}
< 201
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"enable_single_node","username":"half","password":["x"]}
< 201
> GET /_node/_local/_config/admins
< 200
<!~ "half"|"7"|"a[^d]

== finishing makes what is missing, once
> GET /_cluster_setup?ensure_dbs_exist=["more"]
< 200
<
< {"state":"single_node_disabled"}
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"finish_cluster","ensure_dbs_exist":["_users","more"]}
< 201
> GET /more
< 200
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"finish_cluster","ensure_dbs_exist":["_users","more"]}
< 400
<~ Cluster is already finished

== there are no other nodes
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"add_node","host":"x"}
< 400
<~ Cluster is not enabled.
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"remove_node"}
< 400
<~ Cluster is not enabled.
> POST /_cluster_setup
> Content-Type: application/json
>
> {"action":"receive_cookie"}
< 400
<~ Cluster is not enabled.
> POST /_cluster_setup
> Content-Type: application/json
>
> {}
< 400
<~ Invalid Action
> POST /_cluster_setup
> Content-Type: application/json
>
> []
< 400
<~ Missing JSON body
> POST /_cluster_setup
> Content-Type: text/plain
>
> {}
< 415
