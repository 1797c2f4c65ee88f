# Behind a proxy that says whose request it is: what is counted for one client is not another's.
@ini [chttpd] peer_header = X-Real-IP
@ini [chttpd_auth_lockout] threshold = 2
@user admin:wrong

== two failures of one client
> GET /_session
> X-Real-IP: 10.0.0.1
< 401
> GET /_session
> X-Real-IP: 10.0.0.1
< 401

@user admin:secret

== lock it out
> GET /_session
> X-Real-IP: 10.0.0.1
< 403
<~ temporarily locked

== of a list the last address counts, which the proxy wrote
> GET /_session
> X-Real-IP: 10.0.0.9, 10.0.0.1
< 403
> GET /_session
> X-Real-IP: 10.0.0.1, 10.0.0.9
< 200

== others are not
> GET /_session
> X-Real-IP: 10.0.0.2
< 200
> GET /_session
< 200

== what is no address is the connection's
> GET /_session
> X-Real-IP:
< 200
> GET /_session
> X-Real-IP: 10.0.0.1.an.address.that.is.far.too.long.to.be.one.of.anything.at.all.in.this.world
< 200
