# Listings of documents by id.

== create
> PUT /all
> Content-Type: application/json
< 201
< Location: http://%*/all
<
< {"ok":true}
<

== empty
> GET /all/_all_docs
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":0,"offset":0,"rows":[
<
< ]}
<

== empty, with keys
> POST /all/_all_docs
> Content-Type: application/json
>
> {"keys":["a"]}
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":0,"offset":null,"rows":[
< {"key":"a","error":"not_found"}
< ]}
<

== documents
> POST /all/_bulk_docs
> Content-Type: application/json
>
> {"docs":[{"_id":"a","v":0},{"_id":"B","v":1},{"_id":"b","v":2},{"_id":"c","v":3},{"_id":"\u00e9","v":4},{"_id":"z","v":5},{"_id":"10","v":6},{"_id":"2","v":7},{"_id":"_design/d","v":8},{"_id":"del","v":9}]}
< 201
<
< [{"ok":true,"id":"a","rev":"1-083d7391ec71ec717a762c87db469932"},{"ok":true,"id":"B","rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"},{"ok":true,"id":"b","rev":"1-b8f97323e7f26909d5e0c8d2764a765f"},{"ok":true,"id":"c","rev":"1-c7a7a74ea67a7e7b62067bb33379fc2b"},{"ok":true,"id":"é","rev":"1-b0f2140feaaeb57b7b7f48784847e852"},{"ok":true,"id":"z","rev":"1-3a978d8c8db1b0122a212b8456cef2aa"},{"ok":true,"id":"10","rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4"},{"ok":true,"id":"2","rev":"1-e9fe4786c010012df17cd9eb01525ca6"},{"ok":true,"id":"_design/d","rev":"1-36cb7f86da810c62cc21da96940aac7d"},{"ok":true,"id":"del","rev":"1-9e404a5a5b0a3d4bdb9e47fc9ecd4172"}]
<

== one is deleted
> DELETE /all/del?rev=1-9e404a5a5b0a3d4bdb9e47fc9ecd4172
< 200
< ETag: "%*"
<
< {"ok":true,"id":"del","rev":"2-2ef6a8749f5b9c882a31df91195eeb77"}
<

== a local document
> PUT /all/_local/l1
> Content-Type: application/json
>
> {"a":1}
< 201
< ETag: "%*"
< Location: http://%*/all/_local%2Fl1
<
< {"ok":true,"id":"_local/l1","rev":"0-1"}
<

== another
> PUT /all/_local/l2
> Content-Type: application/json
>
> {"a":2}
< 201
< ETag: "%*"
< Location: http://%*/all/_local%2Fl2
<
< {"ok":true,"id":"_local/l2","rev":"0-1"}
<

== all in byte order
> GET /all/_all_docs
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
< {"id":"10","key":"10","value":{"rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4"}},
< {"id":"2","key":"2","value":{"rev":"1-e9fe4786c010012df17cd9eb01525ca6"}},
< {"id":"B","key":"B","value":{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}},
< {"id":"_design/d","key":"_design/d","value":{"rev":"1-36cb7f86da810c62cc21da96940aac7d"}},
< {"id":"a","key":"a","value":{"rev":"1-083d7391ec71ec717a762c87db469932"}},
< {"id":"b","key":"b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}},
< {"id":"c","key":"c","value":{"rev":"1-c7a7a74ea67a7e7b62067bb33379fc2b"}},
< {"id":"z","key":"z","value":{"rev":"1-3a978d8c8db1b0122a212b8456cef2aa"}},
< {"id":"é","key":"é","value":{"rev":"1-b0f2140feaaeb57b7b7f48784847e852"}}
< ]}
<

== HEAD
> HEAD /all/_all_docs
< 200
<

== limit
> GET /all/_all_docs?limit=2
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
< {"id":"10","key":"10","value":{"rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4"}},
< {"id":"2","key":"2","value":{"rev":"1-e9fe4786c010012df17cd9eb01525ca6"}}
< ]}
<

== skip
> GET /all/_all_docs?skip=2&limit=2
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":2,"rows":[
< {"id":"B","key":"B","value":{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}},
< {"id":"_design/d","key":"_design/d","value":{"rev":"1-36cb7f86da810c62cc21da96940aac7d"}}
< ]}
<

== skip too much
> GET /all/_all_docs?skip=100
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":9,"rows":[
<
< ]}
<

== limit 0
> GET /all/_all_docs?limit=0
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
<
< ]}
<

== startkey
> GET /all/_all_docs?startkey=%22b%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":5,"rows":[
< {"id":"b","key":"b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}},
< {"id":"c","key":"c","value":{"rev":"1-c7a7a74ea67a7e7b62067bb33379fc2b"}},
< {"id":"z","key":"z","value":{"rev":"1-3a978d8c8db1b0122a212b8456cef2aa"}},
< {"id":"é","key":"é","value":{"rev":"1-b0f2140feaaeb57b7b7f48784847e852"}}
< ]}
<

== start_key
> GET /all/_all_docs?start_key=%22y%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":7,"rows":[
< {"id":"z","key":"z","value":{"rev":"1-3a978d8c8db1b0122a212b8456cef2aa"}},
< {"id":"é","key":"é","value":{"rev":"1-b0f2140feaaeb57b7b7f48784847e852"}}
< ]}
<

== endkey
> GET /all/_all_docs?endkey=%22B%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
< {"id":"10","key":"10","value":{"rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4"}},
< {"id":"2","key":"2","value":{"rev":"1-e9fe4786c010012df17cd9eb01525ca6"}},
< {"id":"B","key":"B","value":{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}}
< ]}
<

== a range
> GET /all/_all_docs?startkey=%22b%22&endkey=%22c%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":5,"rows":[
< {"id":"b","key":"b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}},
< {"id":"c","key":"c","value":{"rev":"1-c7a7a74ea67a7e7b62067bb33379fc2b"}}
< ]}
<

== without its end
> GET /all/_all_docs?startkey=%22b%22&endkey=%22c%22&inclusive_end=false
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":5,"rows":[
< {"id":"b","key":"b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}}
< ]}
<

== descending
> GET /all/_all_docs?descending=true&limit=3
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
< {"id":"é","key":"é","value":{"rev":"1-b0f2140feaaeb57b7b7f48784847e852"}},
< {"id":"z","key":"z","value":{"rev":"1-3a978d8c8db1b0122a212b8456cef2aa"}},
< {"id":"c","key":"c","value":{"rev":"1-c7a7a74ea67a7e7b62067bb33379fc2b"}}
< ]}
<

== a range descending
> GET /all/_all_docs?startkey=%22c%22&endkey=%22b%22&descending=true
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":2,"rows":[
< {"id":"c","key":"c","value":{"rev":"1-c7a7a74ea67a7e7b62067bb33379fc2b"}},
< {"id":"b","key":"b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}}
< ]}
<

== descending without its end
> GET /all/_all_docs?startkey=%22c%22&endkey=%22b%22&descending=true&inclusive_end=false
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":2,"rows":[
< {"id":"c","key":"c","value":{"rev":"1-c7a7a74ea67a7e7b62067bb33379fc2b"}}
< ]}
<

== descending, skip
> GET /all/_all_docs?descending=true&skip=7
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":7,"rows":[
< {"id":"2","key":"2","value":{"rev":"1-e9fe4786c010012df17cd9eb01525ca6"}},
< {"id":"10","key":"10","value":{"rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4"}}
< ]}
<

== reversed range
> GET /all/_all_docs?startkey=%22c%22&endkey=%22b%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":6,"rows":[
<
< ]}
<

== one key
> GET /all/_all_docs?key=%22b%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":5,"rows":[
< {"id":"b","key":"b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}}
< ]}
<

== no such key
> GET /all/_all_docs?key=%22nosuch%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":7,"rows":[
<
< ]}
<

== a deleted key is no row
> GET /all/_all_docs?key=%22del%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":7,"rows":[
<
< ]}
<

== a number is no id
> GET /all/_all_docs?key=5
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
<
< ]}
<

== all ids follow a number
> GET /all/_all_docs?startkey=5&limit=1
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
< {"id":"10","key":"10","value":{"rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4"}}
< ]}
<

== and an object
> GET /all/_all_docs?endkey=%7B%7D
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
<
< ]}
<

== descending from a number
> GET /all/_all_docs?startkey=5&descending=true
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":9,"rows":[
<
< ]}
<

== update_seq
> GET /all/_all_docs?update_seq=true&limit=1
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"update_seq":"11-%*","rows":[
< {"id":"10","key":"10","value":{"rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4"}}
< ]}
<

== startkey_docid
> GET /all/_all_docs?startkey_docid=z
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":7,"rows":[
< {"id":"z","key":"z","value":{"rev":"1-3a978d8c8db1b0122a212b8456cef2aa"}},
< {"id":"é","key":"é","value":{"rev":"1-b0f2140feaaeb57b7b7f48784847e852"}}
< ]}
<

== endkey_docid
> GET /all/_all_docs?endkey_docid=10
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
< {"id":"10","key":"10","value":{"rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4"}}
< ]}
<

== startkey counts more
> GET /all/_all_docs?startkey_docid=a&startkey=%22z%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":7,"rows":[
< {"id":"z","key":"z","value":{"rev":"1-3a978d8c8db1b0122a212b8456cef2aa"}},
< {"id":"é","key":"é","value":{"rev":"1-b0f2140feaaeb57b7b7f48784847e852"}}
< ]}
<

== include_docs
> GET /all/_all_docs?include_docs=true&key=%22a%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":4,"rows":[
< {"id":"a","key":"a","value":{"rev":"1-083d7391ec71ec717a762c87db469932"},"doc":{"_id":"a","_rev":"1-083d7391ec71ec717a762c87db469932","v":0}}
< ]}
<

== include_docs of a design document
> GET /all/_all_docs?include_docs=true&startkey=%22_design%2F%22&endkey=%22_design0%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":3,"rows":[
< {"id":"_design/d","key":"_design/d","value":{"rev":"1-36cb7f86da810c62cc21da96940aac7d"},"doc":{"_id":"_design/d","_rev":"1-36cb7f86da810c62cc21da96940aac7d","v":8}}
< ]}
<

== limit -1
> GET /all/_all_docs?limit=-1
< 400
<
< {"error":"query_parse_error","reason":"Invalid value for positive integer: \"-1\""}
<

== limit x
> GET /all/_all_docs?limit=x
< 400
<
< {"error":"query_parse_error","reason":"Invalid value for integer: \"x\""}
<

== skip -1
> GET /all/_all_docs?skip=-1
< 400
<
< {"error":"query_parse_error","reason":"Invalid value for positive integer: \"-1\""}
<

== descending=maybe
> GET /all/_all_docs?descending=maybe
< 400
<
< {"error":"query_parse_error","reason":"Invalid boolean parameter: \"maybe\""}
<

== bools in any case
> GET /all/_all_docs?descending=TRUE&limit=1
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
< {"id":"é","key":"é","value":{"rev":"1-b0f2140feaaeb57b7b7f48784847e852"}}
< ]}
<

== group
> GET /all/_all_docs?group=true
< 400
<
< {"error":"query_parse_error","reason":"Invalid use of grouping on a map view."}
<

== group_level
> GET /all/_all_docs?group_level=1
< 400
<
< {"error":"query_parse_error","reason":"Invalid use of grouping on a map view."}
<

== reduce
> GET /all/_all_docs?reduce=true
< 400
<
< {"error":"query_parse_error","reason":"Reduce is invalid for map-only views."}
<

== no reduce
> GET /all/_all_docs?reduce=false&limit=1
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
< {"id":"10","key":"10","value":{"rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4"}}
< ]}
<

== stale
> GET /all/_all_docs?stale=ok&limit=1
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
< {"id":"10","key":"10","value":{"rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4"}}
< ]}
<

== bad stale
> GET /all/_all_docs?stale=maybe
< 400
<
< {"error":"query_parse_error","reason":"Invalid value for `stale`."}
<

== stable and update
> GET /all/_all_docs?stable=true&update=false&limit=1
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
< {"id":"10","key":"10","value":{"rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4"}}
< ]}
<

== bad update
> GET /all/_all_docs?update=zzz
< 400
<
< {"error":"query_parse_error","reason":"Invalid value for `update`."}
<

== bad stable
> GET /all/_all_docs?stable=zzz
< 400
<
< {"error":"query_parse_error","reason":"Invalid value for `stable`."}
<

== unknown parameters
> GET /all/_all_docs?nosuch=1&_nonce=abc&limit=1
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
< {"id":"10","key":"10","value":{"rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4"}}
< ]}
<

== bad startkey
> GET /all/_all_docs?startkey=b
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}
<

== keys in the query
> GET /all/_all_docs?keys=%5B%22b%22%2C%22nosuch%22%5D
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":null,"rows":[
< {"id":"b","key":"b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}},
< {"key":"nosuch","error":"not_found"}
< ]}
<

== keys with key
> GET /all/_all_docs?keys=%5B%22b%22%5D&key=%22a%22
< 400
<
< {"error":"query_parse_error","reason":"`keys` is incompatible with `key`, `start_key` and `end_key`"}
<

== keys is an array
> GET /all/_all_docs?keys=5
< 400
<
< {"error":"bad_request","reason":"`keys` parameter must be an array."}
<

== a single key is still a key list
> GET /all/_all_docs?keys=%5B%22b%22%5D
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":null,"rows":[
< {"id":"b","key":"b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}}
< ]}
<

== no ETag, so no 304
> GET /all/_all_docs?limit=1
> If-None-Match: "x"
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
< {"id":"10","key":"10","value":{"rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4"}}
< ]}
<

== keys
> POST /all/_all_docs
> Content-Type: application/json
>
> {"keys":["b","nosuch","del"]}
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":null,"rows":[
< {"id":"b","key":"b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}},
< {"key":"nosuch","error":"not_found"},
< {"id":"del","key":"del","value":{"rev":"2-2ef6a8749f5b9c882a31df91195eeb77","deleted":true}}
< ]}
<

== keys twice
> POST /all/_all_docs
> Content-Type: application/json
>
> {"keys":["b","b"]}
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":null,"rows":[
< {"id":"b","key":"b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}},
< {"id":"b","key":"b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}}
< ]}
<

== keys with documents
> POST /all/_all_docs?include_docs=true
> Content-Type: application/json
>
> {"keys":["b","nosuch","del"]}
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":null,"rows":[
< {"id":"b","key":"b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"},"doc":{"_id":"b","_rev":"1-b8f97323e7f26909d5e0c8d2764a765f","v":2}},
< {"key":"nosuch","error":"not_found"},
< {"id":"del","key":"del","value":{"rev":"2-2ef6a8749f5b9c882a31df91195eeb77","deleted":true},"doc":null}
< ]}
<

== keys descending
> POST /all/_all_docs?descending=true
> Content-Type: application/json
>
> {"keys":["b","a","c"]}
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":null,"rows":[
< {"id":"c","key":"c","value":{"rev":"1-c7a7a74ea67a7e7b62067bb33379fc2b"}},
< {"id":"a","key":"a","value":{"rev":"1-083d7391ec71ec717a762c87db469932"}},
< {"id":"b","key":"b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}}
< ]}
<

== keys, limit, skip
> POST /all/_all_docs?limit=1&skip=1
> Content-Type: application/json
>
> {"keys":["b","a","c"]}
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":null,"rows":[
< {"id":"a","key":"a","value":{"rev":"1-083d7391ec71ec717a762c87db469932"}}
< ]}
<

== no keys
> POST /all/_all_docs
> Content-Type: application/json
>
> {"keys":[]}
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":null,"rows":[
<
< ]}
<

== keys with update_seq
> POST /all/_all_docs
> Content-Type: application/json
>
> {"keys":["b"],"update_seq":true}
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":null,"update_seq":null,"rows":[
< {"id":"b","key":"b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}}
< ]}
<

== keys of other types
> POST /all/_all_docs
> Content-Type: application/json
>
> {"keys":[1,null,{"a":[2]},"a"]}
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":null,"rows":[
< {"key":1,"error":"not_found"},
< {"key":null,"error":"not_found"},
< {"key":{"a":[2]},"error":"not_found"},
< {"id":"a","key":"a","value":{"rev":"1-083d7391ec71ec717a762c87db469932"}}
< ]}
<

== keys must be an array
> POST /all/_all_docs
> Content-Type: application/json
>
> {"keys":{}}
< 400
<
< {"error":"bad_request","reason":"`keys` body member must be an array."}
<

== an empty body
> POST /all/_all_docs
> Content-Type: application/json
>
> {}
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
< {"id":"10","key":"10","value":{"rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4"}},
< {"id":"2","key":"2","value":{"rev":"1-e9fe4786c010012df17cd9eb01525ca6"}},
< {"id":"B","key":"B","value":{"rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}},
< {"id":"_design/d","key":"_design/d","value":{"rev":"1-36cb7f86da810c62cc21da96940aac7d"}},
< {"id":"a","key":"a","value":{"rev":"1-083d7391ec71ec717a762c87db469932"}},
< {"id":"b","key":"b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}},
< {"id":"c","key":"c","value":{"rev":"1-c7a7a74ea67a7e7b62067bb33379fc2b"}},
< {"id":"z","key":"z","value":{"rev":"1-3a978d8c8db1b0122a212b8456cef2aa"}},
< {"id":"é","key":"é","value":{"rev":"1-b0f2140feaaeb57b7b7f48784847e852"}}
< ]}
<

== startkey in the body
> POST /all/_all_docs
> Content-Type: application/json
>
> {"startkey":"z"}
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":7,"rows":[
< {"id":"z","key":"z","value":{"rev":"1-3a978d8c8db1b0122a212b8456cef2aa"}},
< {"id":"é","key":"é","value":{"rev":"1-b0f2140feaaeb57b7b7f48784847e852"}}
< ]}
<

== limit in the body
> POST /all/_all_docs
> Content-Type: application/json
>
> {"limit":1,"include_docs":true}
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
< {"id":"10","key":"10","value":{"rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4"},"doc":{"_id":"10","_rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4","v":6}}
< ]}
<

== the query counts more
> POST /all/_all_docs?limit=2
> Content-Type: application/json
>
> {"limit":1}
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
< {"id":"10","key":"10","value":{"rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4"}},
< {"id":"2","key":"2","value":{"rev":"1-e9fe4786c010012df17cd9eb01525ca6"}}
< ]}
<

== limit of the wrong type
> POST /all/_all_docs
> Content-Type: application/json
>
> {"limit":"x"}
< 400
<
< {"error":"query_parse_error","reason":"Invalid value for integer: <<\"x\">>"}
<

== negative in the body
> POST /all/_all_docs
> Content-Type: application/json
>
> {"skip":-2}
< 400
<
< {"error":"query_parse_error","reason":"Invalid value for positive integer: -2"}
<

== a word for a bool
> POST /all/_all_docs
> Content-Type: application/json
>
> {"descending":"true","limit":1}
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":0,"rows":[
< {"id":"é","key":"é","value":{"rev":"1-b0f2140feaaeb57b7b7f48784847e852"}}
< ]}
<

== no bool
> POST /all/_all_docs
> Content-Type: application/json
>
> {"descending":5}
< 400
<
< {"error":"query_parse_error","reason":"Invalid boolean parameter: 5"}
<

== body is an array
> POST /all/_all_docs
> Content-Type: application/json
>
> []
< 400
<
< {"error":"bad_request","reason":"Request body must be a JSON object"}
<

== body is no JSON
> POST /all/_all_docs
> Content-Type: application/json
>
> {bad
< 400
<
< {"error":"bad_request","reason":"invalid UTF-8 JSON"}
<

== body needs a type
> POST /all/_all_docs
> Content-Type: text/plain
>
> {}
< 415
<
< {"error":"bad_content_type","reason":"Content-Type must be application/json"}
<

== PUT
> PUT /all/_all_docs
> Content-Type: application/json
>
> {}
< 405
< Allow: GET,HEAD,POST
<
< {"error":"method_not_allowed","reason":"Only GET,HEAD,POST allowed"}
<

== queries
> POST /all/_all_docs/queries
> Content-Type: application/json
>
> {"queries":[{"limit":1},{"keys":["b"]},{"keys":["b","nosuch"]},{"startkey":"z"}]}
< 200
< Transfer-Encoding: chunked
<
< {"results":[
< {"total_rows":9,"offset":0,"rows":[
< {"id":"10","key":"10","value":{"rev":"1-23d73e4a23f2e0b6892dbdc2b17fa1b4"}}
< ]},
< {"total_rows":9,"offset":5,"rows":[
< {"id":"b","key":"b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}}
< ]},
< {"total_rows":9,"offset":null,"rows":[
< {"id":"b","key":"b","value":{"rev":"1-b8f97323e7f26909d5e0c8d2764a765f"}},
< {"key":"nosuch","error":"not_found"}
< ]},
< {"total_rows":9,"offset":7,"rows":[
< {"id":"z","key":"z","value":{"rev":"1-3a978d8c8db1b0122a212b8456cef2aa"}},
< {"id":"é","key":"é","value":{"rev":"1-b0f2140feaaeb57b7b7f48784847e852"}}
< ]}
< ]}
<

== no queries
> POST /all/_all_docs/queries
> Content-Type: application/json
>
> {"queries":[]}
< 200
< Transfer-Encoding: chunked
<
< {"results":[
< ]}
<

== queries are missing
> POST /all/_all_docs/queries
> Content-Type: application/json
>
> {}
< 400
<
< {"error":"bad_request","reason":"POST body must include `queries` parameter."}
<

== queries are a list
> POST /all/_all_docs/queries
> Content-Type: application/json
>
> {"queries":{}}
< 400
<
< {"error":"bad_request","reason":"`queries` member must be an array."}
<

== a bad query
> POST /all/_all_docs/queries
> Content-Type: application/json
>
> {"queries":[{"limit":-1}]}
< 400
<
< {"error":"query_parse_error","reason":"Invalid value for positive integer: -1"}
<

== queries is a POST
> GET /all/_all_docs/queries
< 405
< Allow: POST
<
< {"error":"method_not_allowed","reason":"Only POST allowed"}
<

== design docs
> GET /all/_design_docs
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":1,"offset":1,"rows":[
< {"id":"_design/d","key":"_design/d","value":{"rev":"1-36cb7f86da810c62cc21da96940aac7d"}}
< ]}
<

== design docs with keys
> POST /all/_design_docs
> Content-Type: application/json
>
> {"keys":["_design/d","_design/x"]}
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":1,"offset":null,"rows":[
< {"id":"_design/d","key":"_design/d","value":{"rev":"1-36cb7f86da810c62cc21da96940aac7d"}},
< {"key":"_design/x","error":"not_found"}
< ]}
<

== design docs descending
> GET /all/_design_docs?descending=true&include_docs=true
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":1,"offset":1,"rows":[
< {"id":"_design/d","key":"_design/d","value":{"rev":"1-36cb7f86da810c62cc21da96940aac7d"},"doc":{"_id":"_design/d","_rev":"1-36cb7f86da810c62cc21da96940aac7d","v":8}}
< ]}
<

== design docs from x
> GET /all/_design_docs?startkey=%22_design%2Fx%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":1,"offset":1,"rows":[
<
< ]}
<

== design docs queries
> POST /all/_design_docs/queries
> Content-Type: application/json
>
> {"queries":[{}]}
< 200
< Transfer-Encoding: chunked
<
< {"results":[
< {"total_rows":1,"offset":1,"rows":[
< {"id":"_design/d","key":"_design/d","value":{"rev":"1-36cb7f86da810c62cc21da96940aac7d"}}
< ]}
< ]}
<

== local docs
> GET /all/_local_docs
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":null,"offset":null,"rows":[
< {"id":"_local/l1","key":"_local/l1","value":{"rev":"0-1"}},
< {"id":"_local/l2","key":"_local/l2","value":{"rev":"0-1"}}
< ]}
<

== local docs with documents
> GET /all/_local_docs?include_docs=true&limit=1
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":null,"offset":null,"rows":[
< {"id":"_local/l1","key":"_local/l1","value":{"rev":"0-1"},"doc":{"_id":"_local/l1","_rev":"0-1","a":1}}
< ]}
<

== local docs from
> GET /all/_local_docs?startkey=%22_local%2Fl2%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":null,"offset":null,"rows":[
< {"id":"_local/l2","key":"_local/l2","value":{"rev":"0-1"}}
< ]}
<

== local docs with keys
> POST /all/_local_docs
> Content-Type: application/json
>
> {"keys":["_local/l1","_local/q"]}
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":null,"offset":null,"rows":[
< {"id":"_local/l1","key":"_local/l1","value":{"rev":"0-1"}},
< {"key":"_local/q","error":"not_found"}
< ]}
<

== local docs descending
> GET /all/_local_docs?descending=true&update_seq=true
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":null,"offset":null,"update_seq":null,"rows":[
< {"id":"_local/l2","key":"_local/l2","value":{"rev":"0-1"}},
< {"id":"_local/l1","key":"_local/l1","value":{"rev":"0-1"}}
< ]}
<

== local docs queries
> POST /all/_local_docs/queries
> Content-Type: application/json
>
> {"queries":[{"limit":1},{"keys":["_local/l2"]}]}
< 200
< Transfer-Encoding: chunked
<
< {"results":[
< {"total_rows":null,"offset":null,"rows":[
< {"id":"_local/l1","key":"_local/l1","value":{"rev":"0-1"}}
< ]},
< {"total_rows":null,"offset":null,"rows":[
< {"id":"_local/l2","key":"_local/l2","value":{"rev":"0-1"}}
< ]}
< ]}
<

== partition of a plain database
> GET /all/_all_docs?partition=p
< 400
<
< {"error":"query_parse_error","reason":"`partition` parameter is not supported on this db"}
<

@user -

== anonymous
> GET /all/_all_docs
< 401
<
< {"error":"unauthorized","reason":"You are not authorized to access this db."}
<

@user admin:secret

== a conflict
> POST /all/_bulk_docs
> Content-Type: application/json
>
> {"new_edits":false,"docs":[{"_id":"b","_rev":"1-ffffffffffffffffffffffffffffffff","v":"c"}]}
< 201
<
< []
<

== conflicts are shown
> GET /all/_all_docs?include_docs=true&conflicts=true&key=%22b%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":9,"offset":5,"rows":[
< {"id":"b","key":"b","value":{"rev":"1-ffffffffffffffffffffffffffffffff"},"doc":{"_id":"b","_rev":"1-ffffffffffffffffffffffffffffffff","v":"c","_conflicts":["1-b8f97323e7f26909d5e0c8d2764a765f"]}}
< ]}
<

== an attachment
> PUT /all/att
> Content-Type: application/json
>
> {"_attachments":{"f.txt":{"content_type":"text/plain","data":"aGVsbG8="}}}
< 201
< ETag: "%*"
< Location: http://%*/all/att
<
< {"ok":true,"id":"att","rev":"1-a5d537a11533f4f796be61f51d2d5110"}
<

== as a stub
> GET /all/_all_docs?include_docs=true&key=%22att%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":10,"offset":5,"rows":[
< {"id":"att","key":"att","value":{"rev":"1-a5d537a11533f4f796be61f51d2d5110"},"doc":{"_id":"att","_rev":"1-a5d537a11533f4f796be61f51d2d5110","_attachments":{"f.txt":{"content_type":"text/plain","revpos":1,"digest":"md5-iMaiC8wqiFlD2NjLTemvCQ==","length":5,"stub":true}}}}
< ]}
<

== with its data
> GET /all/_all_docs?include_docs=true&attachments=true&key=%22att%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":10,"offset":5,"rows":[
< {"id":"att","key":"att","value":{"rev":"1-a5d537a11533f4f796be61f51d2d5110"},"doc":{"_id":"att","_rev":"1-a5d537a11533f4f796be61f51d2d5110","_attachments":{"f.txt":{"content_type":"text/plain","revpos":1,"digest":"md5-iMaiC8wqiFlD2NjLTemvCQ==","data":"aGVsbG8="}}}}
< ]}
<

== with its encoding
> GET /all/_all_docs?include_docs=true&att_encoding_info=true&key=%22att%22
< 200
< Transfer-Encoding: chunked
<
< {"total_rows":10,"offset":5,"rows":[
< {"id":"att","key":"att","value":{"rev":"1-a5d537a11533f4f796be61f51d2d5110"},"doc":{"_id":"att","_rev":"1-a5d537a11533f4f796be61f51d2d5110","_attachments":{"f.txt":{"content_type":"text/plain","revpos":1,"digest":"md5-iMaiC8wqiFlD2NjLTemvCQ==","length":5,"stub":true,"encoding":"gzip","encoded_length":25}}}}
< ]}
<

== clean up
> DELETE /all
< 200
<
< {"ok":true}
<
