# Forgetting revisions.

== create
> PUT /purge
> Content-Type: application/json
< 201
< Location: http://%*/purge
<
< {"ok":true}
<

== a
> PUT /purge/a
> Content-Type: application/json
>
> {"v":1}
< 201
< ETag: "%*"
< Location: http://%*/purge/a
<
< {"ok":true,"id":"a","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}
<

== a again
> PUT /purge/a
> Content-Type: application/json
>
> {"v":2,"_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}
< 201
< ETag: "%*"
< Location: http://%*/purge/a
<
< {"ok":true,"id":"a","rev":"2-d0df861eb528e79690cd2ff3c4d394f3"}
<

== b
> PUT /purge/b
> Content-Type: application/json
>
> {"v":1}
< 201
< ETag: "%*"
< Location: http://%*/purge/b
<
< {"ok":true,"id":"b","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}
<

== not a leaf
> POST /purge/_purge
> Content-Type: application/json
>
> {"a":["1-7a7e4b29f3af401e69b6f86e4c26b727"]}
< 201
<
< {"purge_seq":null,"purged":{"a":[]}}
<

== a leaf
> POST /purge/_purge
> Content-Type: application/json
>
> {"a":["2-d0df861eb528e79690cd2ff3c4d394f3"]}
< 201
<
< {"purge_seq":null,"purged":{"a":["2-d0df861eb528e79690cd2ff3c4d394f3"]}}
<

== it is gone
> GET /purge/a
< 404
<
< {"error":"not_found","reason":"missing"}
<

== again
> POST /purge/_purge
> Content-Type: application/json
>
> {"a":["2-d0df861eb528e79690cd2ff3c4d394f3"]}
< 201
<
< {"purge_seq":null,"purged":{"a":[]}}
<

== unknown revision
> POST /purge/_purge
> Content-Type: application/json
>
> {"b":["1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]}
< 201
<
< {"purge_seq":null,"purged":{"b":[]}}
<

== unknown document
> POST /purge/_purge
> Content-Type: application/json
>
> {"nosuch":["1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]}
< 201
<
< {"purge_seq":null,"purged":{"nosuch":[]}}
<

== nothing
> POST /purge/_purge
> Content-Type: application/json
>
> {}
< 201
<
< {"purge_seq":null,"purged":{}}
<

== no list
> POST /purge/_purge
> Content-Type: application/json
>
> {"b":"x"}
< 400
<
< {"error":"bad_request","reason":"Invalid list of revisions"}
<

== bad revision
> POST /purge/_purge
> Content-Type: application/json
>
> {"b":["x"]}
< 400
<
< {"error":"bad_request","reason":"Invalid rev format"}
<

== no strings
> POST /purge/_purge
> Content-Type: application/json
>
> {"b":[5]}
< 400
<
< {"error":"bad_request","reason":"Invalid rev format"}
<

== no JSON
> POST /purge/_purge
> Content-Type: application/json
>
> {bad
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}
<

== no object
> POST /purge/_purge
> Content-Type: application/json
>
> []
< 400
<
< {"error":"bad_request","reason":"Request body must be a JSON object"}
<

== needs a type
> POST /purge/_purge
> Content-Type: text/plain
>
> {}
< 415
<
< {"error":"bad_content_type","reason":"Content-Type must be application/json"}
<

== is a POST
> GET /purge/_purge
< 405
< Allow: POST
<
< {"error":"method_not_allowed","reason":"Only POST allowed"}
<

@user -

== anonymous
> POST /purge/_purge
> Content-Type: application/json
>
> {}
< 401
<
< {"error":"unauthorized","reason":"You are not a server admin."}
<

@user admin:secret

== too many documents
> POST /purge/_purge
> Content-Type: application/json
>
> {"d0":[],"d1":[],"d2":[],"d3":[],"d4":[],"d5":[],"d6":[],"d7":[],"d8":[],"d9":[],"d10":[],"d11":[],"d12":[],"d13":[],"d14":[],"d15":[],"d16":[],"d17":[],"d18":[],"d19":[],"d20":[],"d21":[],"d22":[],"d23":[],"d24":[],"d25":[],"d26":[],"d27":[],"d28":[],"d29":[],"d30":[],"d31":[],"d32":[],"d33":[],"d34":[],"d35":[],"d36":[],"d37":[],"d38":[],"d39":[],"d40":[],"d41":[],"d42":[],"d43":[],"d44":[],"d45":[],"d46":[],"d47":[],"d48":[],"d49":[],"d50":[],"d51":[],"d52":[],"d53":[],"d54":[],"d55":[],"d56":[],"d57":[],"d58":[],"d59":[],"d60":[],"d61":[],"d62":[],"d63":[],"d64":[],"d65":[],"d66":[],"d67":[],"d68":[],"d69":[],"d70":[],"d71":[],"d72":[],"d73":[],"d74":[],"d75":[],"d76":[],"d77":[],"d78":[],"d79":[],"d80":[],"d81":[],"d82":[],"d83":[],"d84":[],"d85":[],"d86":[],"d87":[],"d88":[],"d89":[],"d90":[],"d91":[],"d92":[],"d93":[],"d94":[],"d95":[],"d96":[],"d97":[],"d98":[],"d99":[],"d100":[]}
< 400
<
< {"error":"bad_request","reason":"Exceeded maximum number of documents."}
<

== changes after it
> GET /purge/_changes
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"3-%*","id":"b","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]}
< ],
< "last_seq":"3-%*","pending":0}
<
<

== what was asked to be purged, found or not
> GET /purge/_purged_infos
< 200
<
< {"purged_infos":[{"id":"a","revs":["1-7a7e4b29f3af401e69b6f86e4c26b727"]},{"id":"a","revs":["2-d0df861eb528e79690cd2ff3c4d394f3"]},{"id":"a","revs":["2-d0df861eb528e79690cd2ff3c4d394f3"]},{"id":"b","revs":["1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]},{"id":"nosuch","revs":["1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]}]}
<

== info
> GET /purge
< 200
<
< {"instance_start_time":"%*","db_name":"purge","purge_seq":"5-%*","update_seq":"8-%*","sizes":{%*},"props":{},"doc_del_count":0,"doc_count":1,"disk_format_version":8,"compact_running":false,"cluster":{"q":1,"n":1,"w":1,"r":1}}
<

== a conflict
> POST /purge/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"b","_rev":"1-ffffffffffffffffffffffffffffffff","v":"c"}]}
< 201
<
< []
<

== one leaf of two
> POST /purge/_purge
> Content-Type: application/json
>
> {"b":["1-ffffffffffffffffffffffffffffffff"]}
< 201
<
< {"purge_seq":null,"purged":{"b":["1-ffffffffffffffffffffffffffffffff"]}}
<

== the other is the winner
> GET /purge/b
< 200
< ETag: "%*"
<
< {"_id":"b","_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727","v":1}
<

== and the document has a new sequence
> GET /purge/_changes
< 200
< ETag: "%*"
< Transfer-Encoding: chunked
<
< {"results":[
< {"seq":"10-%*","id":"b","changes":[{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}]}
< ],
< "last_seq":"10-%*","pending":0}
<
<

== clean up
> DELETE /purge
< 200
<
< {"ok":true}
<

== a purge that finds nothing counts, and the next change comes behind it
> PUT /purge2
< 201
> PUT /purge2/b
>
> {}
< 201
> POST /purge2/_purge
> Content-Type: application/json
>
> {"b":["9-ffffffffffffffffffffffffffffffff"],"c":[]}
< 201
<
< {"purge_seq":null,"purged":{"b":[],"c":[]}}
> PUT /purge2/later
>
> {}
< 201
> GET /purge2
< 200
<~ "purge_seq":"2-.*"update_seq":"3-
> GET /purge2/_changes?since=2
< 200
<
< {"results":[
< {"seq":"3-%*","id":"later","changes":[{"rev":"1-967a00dff5e02add41819138abb3284d"}]}
< ],
< "last_seq":"3-%*","pending":0}
<
<

== limits and the security object raise the sequence, too
> PUT /purge2/_revs_limit
>
> 999
< 200
> PUT /purge2/_purged_infos_limit
>
> 500
< 200
> PUT /purge2/_security
>
> {}
< 200
> GET /purge2
< 200
<~ "purge_seq":"2-.*"update_seq":"6-
> GET /purge2/_changes?since=now&limit=1
< 200
<~ "last_seq":"6-
> GET /purge2/_changes
< 200
<~ "last_seq":"3-
> GET /purge2/_changes?feed=longpoll&since=3&timeout=200
< 200
<
< {"results":[
<
<
< ],
< "last_seq":"3-%*","pending":0}
<
<
@restart

== and after a restart
> GET /purge2
< 200
<~ "purge_seq":"2-.*"update_seq":"6-
