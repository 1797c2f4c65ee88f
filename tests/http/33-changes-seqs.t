# Sequences and tags that a client gives back.

== a database with three changes
> PUT /db
< 201
> PUT /db/a
>
> {}
< 201
> PUT /db/b
>
> {}
< 201
> PUT /db/c
>
> {}
< 201

== the sequence of a row leads on from there
> GET /db/_changes?limit=1
< 200
<= seq "last_seq":"([^"]*)"
> GET /db/_changes?since=$(seq)&limit=1
< 200
<
< {"results":[
< {"seq":"2-%*","id":"b","changes":[{"rev":"1-967a00dff5e02add41819138abb3284d"}]}
< ],
< "last_seq":"2-%*","pending":1}
<
<

== with quotes, as JSON
> GET /db/_changes?since=%22$(seq)%22
< 200
<~ "id":"b"
<!~ "id":"a"

== with a tail of its own
> GET /db/_changes?since=$(seq)-tail
< 200
<~ "id":"b"
<!~ "id":"a"

== the database's update_seq is the end of the feed
> GET /db
< 200
<= newest "update_seq":"([^"]*)"
> GET /db/_changes
< 200
<~ "last_seq":"$(newest)","pending":0
> GET /db/_changes?since=$(newest)
< 200
<
< {"results":[
<
< ],
< "last_seq":"$(newest)","pending":0}
<
<
> GET /db/_all_docs?update_seq=true&limit=0
< 200
<~ "update_seq":"$(newest)"

== a sequence from before the database was made anew starts from the beginning
> DELETE /db
< 200
> PUT /db
< 201
> PUT /db/d
>
> {}
< 201
> GET /db/_changes?since=$(newest)
< 200
<~ "seq":"1-
<~ "id":"d"

== an unchanged feed is not sent again
> GET /db/_changes
< 200
<= tag ETag: (.*)
> GET /db/_changes
> If-None-Match: $(tag)
< 304
< ETag: $(tag)
> GET /db/_changes
> If-None-Match: "other", W/$(tag)
< 304

== a change makes it new
> PUT /db/e
>
> {}
< 201
> GET /db/_changes
> If-None-Match: $(tag)
< 200
<~ "id":"e"

== feeds that wait carry no tag
> GET /db/_changes?feed=longpoll
< 200
< !ETag

== the list of databases has a tag
> GET /_all_dbs
< 200
<= dbs ETag: (.*)
> GET /_all_dbs
> If-None-Match: $(dbs)
< 304
> PUT /db2
< 201
> GET /_all_dbs
> If-None-Match: $(dbs)
< 200
<~ "db2"

== rows survive a restart, and so do their sequences
> GET /db/_changes?limit=1
< 200
<= kept "last_seq":"([^"]*)"

@restart

== after it
> GET /db/_changes?since=$(kept)
< 200
<~ "seq":"2-
<!~ "id":"d"
