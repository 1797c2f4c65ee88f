# Design documents must have the shape that their readers rely on.

== a database for this file
> PUT /db
< 201

== members of the wrong type
> PUT /db/_design/d
>
> {"views":5}
< 400
<
< {"error":"invalid_design_doc","reason":"`views` field must have object type"}
> PUT /db/_design/d
>
> {"language":5}
< 400
<
< {"error":"invalid_design_doc","reason":"`language` field must have string type"}
> PUT /db/_design/d
>
> {"filters":[]}
< 400
<
< {"error":"invalid_design_doc","reason":"`filters` field must have object type"}
> PUT /db/_design/d
>
> {"rewrites":5}
< 400
<
< {"error":"invalid_design_doc","reason":"`rewrites` field must have array or string type"}
> PUT /db/_design/d
>
> {"options":{"partitioned":"yes"}}
< 400
<
< {"error":"invalid_design_doc","reason":"`options.partitioned` field must have boolean type"}
> PUT /db/_design/d
>
> {"autoupdate":null}
< 400
<
< {"error":"invalid_design_doc","reason":"`autoupdate` field must have boolean type"}

== members of members
> PUT /db/_design/d
>
> {"updates":{"good":"x","bad":5}}
< 400
<
< {"error":"invalid_design_doc","reason":"`updates.bad` field must have string or object type"}
> PUT /db/_design/d
>
> {"views":{"v":"x"}}
< 400
<
< {"error":"invalid_design_doc","reason":"`views.v` field must have object type"}
> PUT /db/_design/d
>
> {"views":{"lib":"x"}}
< 400
<
< {"error":"invalid_design_doc","reason":"`views.lib` field must have object type"}
> PUT /db/_design/d
>
> {"views":{"v":{"map":{}}}}
< 400
<
< {"error":"invalid_design_doc","reason":"`views.v.map` field must have string type"}
> PUT /db/_design/d
>
> {"views":{"v":{"map":"x","reduce":true}}}
< 400
<
< {"error":"invalid_design_doc","reason":"`views.v.reduce` field must have string type"}

== a view needs a map
> PUT /db/_design/d
>
> {"views":{"lib":{"a":"x"},"v":{"reduce":"_count"}}}
< 400
<
< {"error":"invalid_design_doc","reason":"View `v` must contain map function"}

== which is an object in the language of Mango
> PUT /db/_design/q
>
> {"language":"query","views":{"v":{"map":"x"}}}
< 400
<
< {"error":"invalid_design_doc","reason":"`views.v.map` field must have object type"}
> PUT /db/_design/q
>
> {"language":"query","views":{"v":{"map":{"fields":{"a":"asc"}},"reduce":"_count"}}}
< 201

== reducers that begin with an underscore must be known
> PUT /db/_design/d
>
> {"views":{"v":{"map":"x","reduce":"_foo"}}}
< 400
<
< {"error":"invalid_design_doc","reason":"`_foo` is not a supported reduce function."}
> PUT /db/_design/d
>
> {"views":{"v":{"map":"x","reduce":"_top_101"}}}
< 400
<
< {"error":"invalid_design_doc","reason":"rank value must be between 1 and 100"}
> PUT /db/_design/d
>
> {"views":{"v":{"map":"x","reduce":"_bottom_x"}}}
< 400
<
< {"error":"invalid_design_doc","reason":"invalid rank reducer"}
> PUT /db/_design/other
>
> {"language":"other","views":{"v":{"map":"x","reduce":"_foo"}}}
< 201

== what is right
> PUT /db/_design/good
>
> {"language":"javascript","views":{"lib":{"a":5},"v":{"map":"x","reduce":"_top_100"},"w":{"map":"x","options":5}},"filters":{"f":"x","g":{"map":"x"}},"rewrites":[],"validate_doc_update":"x","options":{"local_seq":true},"other":5}
< 201

== the last of two members counts
> PUT /db/_design/twice
>
> {"views":{},"views":5}
< 400
<
< {"error":"invalid_design_doc","reason":"`views` field must have object type"}

== in _bulk_docs it is the one document's error
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"_design/b","views":5},{"_id":"ok"}]}
< 201
<
< [{"id":"_design/b","error":"invalid_design_doc","reason":"`views` field must have object type"},{"ok":true,"id":"ok","rev":"1-967a00dff5e02add41819138abb3284d"}]

== replicated ones are judged, too
> PUT /db/_design/r?new_edits=false
>
> {"_rev":"1-a","views":5}
< 400
<
< {"error":"invalid_design_doc","reason":"`views` field must have object type"}

== documents of other names are free
> PUT /db/d
>
> {"views":5}
< 201
> PUT /db/_local/d
>
> {"views":5}
< 201

@user -

== who may write none hears that
> PUT /db/_design/d
>
> {"views":5}
< 401

@user admin:secret

== what conflicts is a conflict, whatever it looks like
> PUT /db/_design/other
>
> {"views":5}
< 409
<
< {"error":"conflict","reason":"Document update conflict."}
> PUT /db/_design/other?rev=1-967a00dff5e02add41819138abb3284d
>
> {"views":5}
< 409
> PUT /db/_design/new
>
> {"_rev":"1-967a00dff5e02add41819138abb3284d","views":5}
< 409
> POST /db/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"_design/other","views":5},{"_id":"_design/new","views":5},{"_id":"plain"}]}
< 201
<
< [{"id":"_design/other","error":"conflict","reason":"Document update conflict."},{"id":"_design/new","error":"invalid_design_doc","reason":"`views` field must have object type"},{"ok":true,"id":"plain","rev":"1-967a00dff5e02add41819138abb3284d"}]

== the revision that a request names may stand anywhere
> PUT /db/_design/leaf
>
> {}
< 201
> PUT /db/_design/leaf?rev=1-967a00dff5e02add41819138abb3284d
>
> {"views":5}
< 400
<
< {"error":"invalid_design_doc","reason":"`views` field must have object type"}
> PUT /db/_design/leaf
> If-Match: "1-967a00dff5e02add41819138abb3284d"
>
> {"views":5}
< 400
> PUT /db/_design/leaf?rev=1-967a00dff5e02add41819138abb3284d
> If-Match: "1-7a7e4b29f3af401e69b6f86e4c26b727"
>
> {"views":5}
< 400
<
< {"error":"bad_request","reason":"Document rev and etag have different values"}

== a deleted one may come back without a revision, in shape
> DELETE /db/_design/leaf?rev=1-967a00dff5e02add41819138abb3284d
< 200
> PUT /db/_design/leaf
>
> {"views":5}
< 400
<
< {"error":"invalid_design_doc","reason":"`views` field must have object type"}

== the encoded slash of an attachment's design document is redirected too
> GET /db/_design%2Fother/a/b%20c?x=1
< 301
< Location: http://%*/db/_design/other/a/b%20c?x=1
