== the default: version 7 of RFC 9562
> GET /_uuids?count=2
< 200
<~ ^\{"uuids":\["[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}","[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}"\]\}

== sequential ones share their beginning
> PUT /_node/_local/_config/uuids/algorithm
>
> "sequential"
< 200
> GET /_uuids?count=3
< 200
<~ ^\{"uuids":\["([0-9a-f]{26})[0-9a-f]{6}","\1[0-9a-f]{6}","\1[0-9a-f]{6}"\]\}
# 16 million steps of up to 4,094 each: some beginning ends within these.
> PUT /_node/_local/_config/uuids/max_count
>
> "30000"
< 200
> GET /_uuids?count=30000
< 200
<~ "([0-9a-f]{26})[0-9a-f]{6}","(?!\1)[0-9a-f]{32}"

== random ones do not
> PUT /_node/_local/_config/uuids/algorithm
>
> "random"
< 200
> GET /_uuids?count=2
< 200
<~ ^\{"uuids":\["([0-9a-f]{16})[0-9a-f]{16}","(?!\1)[0-9a-f]{32}"\]\}

== the clock and random digits
> PUT /_node/_local/_config/uuids/algorithm
>
> "utc_random"
< 200
> GET /_uuids?count=2
< 200
<~ ^\{"uuids":\["0[0-9a-f]{31}","0[0-9a-f]{31}"\]\}

== the clock and a name of the server
> PUT /_node/_local/_config/uuids/algorithm
>
> "utc_id"
< 200
> PUT /_node/_local/_config/uuids/utc_id_suffix
>
> "box"
< 200
> GET /_uuids?count=2
< 200
<~ ^\{"uuids":\["0[0-9a-f]{13}box","0[0-9a-f]{13}box"\]\}
