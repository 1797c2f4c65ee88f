# Proxy headers and JSON Web Tokens. The keys and tokens are made for this file; they end in 2100.
@ini [chttpd] authentication_handlers = {chttpd_auth, cookie_authentication_handler}, {chttpd_auth, default_authentication_handler}, {chttpd_auth, proxy_authentication_handler}, {chttpd_auth, jwt_authentication_handler}
@ini [chttpd_auth] secret = 92de07df7e7a3fe14808cef90a7cc0d91
@ini [jwt_keys] hmac:_default = YSBzZWNyZXQgb2YgdGVzdHM=
@ini [jwt_keys] hmac:rsa1 = LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS1cbk1JSUJJakFOQmdrcWhraUc5dzBCQVFFRkFBT0NBUThBTUlJQkNnS0NBUUVBbnJJMnN1bmxuUUxhOERTYTR3OTZcbk02bmQyQWllQTVzemtQL3lDN0l0dVRZQVVtemJMcTZxa1RQUUJVbHVGWGZGT0x2cUJOWVZHUEFIeFhLbEdjb0hcbnhnV1lOenB6WUZjTDkrcUJpUlg3VjJNVm5wVitnYStEOWNRTXMwODdzZU9VdlYwUzVXLzhPNTVIOWpKQ0dtc1JcbnhnTy9RdDFkSmJwemlpVUhJZzIzUGc4dHZBVXJlRWF2V2NVYzlrVGVDZ21XMkd1OGdxM3FCVlNzcldUSVQvdktcblBZV0FWVFZiM2F2Q0VyT3ZkVUJMYTRjc094azJSZEtOTUNCQmdvaW9idmg1dHRsa1F2TXdOUW9OTXQ1NVJBbkRcbnhCRFpxcEdDSm5TMEdzZXlEaUdReklRVk5WeW92L2NVNk5NZzVidkhsbDEreHUrb3g3Z0VuaWc3NlRqMWxoSXhcbi93SURBUUFCXG4tLS0tLUVORCBQVUJMSUMgS0VZLS0tLS0=
@ini [jwt_keys] rsa:rsa1 = -----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAnrI2sunlnQLa8DSa4w96\nM6nd2AieA5szkP/yC7ItuTYAUmzbLq6qkTPQBUluFXfFOLvqBNYVGPAHxXKlGcoH\nxgWYNzpzYFcL9+qBiRX7V2MVnpV+ga+D9cQMs087seOUvV0S5W/8O55H9jJCGmsR\nxgO/Qt1dJbpziiUHIg23Pg8tvAUreEavWcUc9kTeCgmW2Gu8gq3qBVSsrWTIT/vK\nPYWAVTVb3avCErOvdUBLa4csOxk2RdKNMCBBgoiobvh5ttlkQvMwNQoNMt55RAnD\nxBDZqpGCJnS0GseyDiGQzIQVNVyov/cU6NMg5bvHll1+xu+ox7gEnig76Tj1lhIx\n/wIDAQAB\n-----END PUBLIC KEY-----
@ini [jwt_keys] ec:ec1 = -----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwI47hiQUNCQpvFDjBWXp/jiPFmzS\nb02V3+W0dVuiaPSM3SMYPAtPkKjdHVyIBBHrFuo5KJU0N1k68S5veqz52Q==\n-----END PUBLIC KEY-----
@ini [jwt_keys] ec:ec2 = -----BEGIN PUBLIC KEY-----\nMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEvndDeHGzRNWJ5SB18ORAO/nBTKP4f3gl\n2l/xn0t+lZG+DevZV9GXeSePEkLpptRZwjgacx2Bzz8wyh3Eg9Rk0+1tic2m5GQr\nHBe4vPzpHPG9pDzYgNTnVYaLR0kbIcVp\n-----END PUBLIC KEY-----
@ini [jwt_keys] ec:ec3 = -----BEGIN PUBLIC KEY-----\nMIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQBDAUjbzD5zMCkBp++dLZmKpVtST09\nvikSn7JqLtP/b3ATzEqcgFrrnY+Id94uB+60lamvx9IRlbcZPhjkLwCP9LcBAqKJ\nrJ+zfSemgA7gzKYq3t8tEao7uYtUhwhLGpeyV3U5dSqgvwJlfC/jcLqx0Phgbltt\nkqlSzIPIkoKiGswy9ZM=\n-----END PUBLIC KEY-----
@user -

== a token by HS256
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDAsIl9jb3VjaGRiLnJvbGVzIjpbImEiLCJiIl19.PwEtKwSOB9DDRJTXieaqnR3BZDBzRE1urWpRJzw4X0E
< 200
<
< {"ok":true,"userCtx":{"name":"jan","roles":["a","b"]},"info":{"authentication_handlers":["cookie","default","proxy","jwt"],"authenticated":"jwt"}}
== a token by HS384
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDAsIl9jb3VjaGRiLnJvbGVzIjpbImEiLCJiIl19.PZnI4EDbWR_ZBlahdMLg0sWg-Mm81BWZAsZp0Abf99KoZN6bO8c1q8ps3SAavy5c
< 200
<
< {"ok":true,"userCtx":{"name":"jan","roles":["a","b"]},"info":{"authentication_handlers":["cookie","default","proxy","jwt"],"authenticated":"jwt"}}
== a token by HS512
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDAsIl9jb3VjaGRiLnJvbGVzIjpbImEiLCJiIl19.9GKJbLLXNmDhO1pej31PWu72fdv3sABQPF2hkdF0QjfkkerEMNg3yMB8H9LJHjpkpA3VN7ZahPodibuMkjzbFA
< 200
<
< {"ok":true,"userCtx":{"name":"jan","roles":["a","b"]},"info":{"authentication_handlers":["cookie","default","proxy","jwt"],"authenticated":"jwt"}}
== a token by RS256
> GET /_session
> Authorization: Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYTEifQ.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDB9.LW99s4-SKC4uCGIuZHFAC4jbp9APy81y2332swveV4CGZXS8g9U8E7ZK6YQszz_pCNU4jmIa-JjYSh8uUhR2_qVn_odAwlUpxtvy-EDiXnOpeiDscWvlduTrvVVgP_ORtPXX_dOHLpt7rYvXVn39hx2Iq8rL85Q8W7LexDWZ4ymPsru-3zfVlK4c9VBirZZeNr0A4HOaTvfYXSYi3cxpoSUKwdLaI1qwoChHEdCQwDGqH_rYV422QKRA-IoZm9lp4n6sJ7cZHylugJ3BY9KclP_bpFQ31Ge0mCbwAgHqBM7AccoZ_Zt8MEdVqRdp5WNBD1xQ7sITvtRdsH3lHGKcfw
< 200
<
< {"ok":true,"userCtx":{"name":"jan","roles":[]},"info":{"authentication_handlers":["cookie","default","proxy","jwt"],"authenticated":"jwt"}}
== a token by RS384
> GET /_session
> Authorization: Bearer eyJhbGciOiJSUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6InJzYTEifQ.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDB9.C7JpjVMH09IkyIJvwM43ESpXG80hDUKsxoFnwZikhwfGAGAQueG_j-30sWa7pzpa_r_bCc_xiLF29MpoPFQzEwE2HiVg7j0MAkCjNd1YMAYUErAbg8h6LROOdBpNJVyzl9qDerDPUY0tIr4crzH32gakA7PtYrnwy2maKutZawP98IVkwmANe2PzmQa5sDNW94t7MRiJxD7AVPMMlJwdvZlxoop7QSk76c8IIIDbV0kUQ85kiDSuNSg-CD1ib6gbTXGrfb85Lan2OAqhajJdOAkMuyXzrzl2Ncez5FTXvtvEQBLJka_r-8EqflZ9eJuQBhHegumvas0DFiLMydfkAw
< 200
<
< {"ok":true,"userCtx":{"name":"jan","roles":[]},"info":{"authentication_handlers":["cookie","default","proxy","jwt"],"authenticated":"jwt"}}
== a token by RS512
> GET /_session
> Authorization: Bearer eyJhbGciOiJSUzUxMiIsInR5cCI6IkpXVCIsImtpZCI6InJzYTEifQ.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDB9.YQJiN5x4ZcDplpKtF-t38sO0Ly62C9w_IUAcQeluMgQjGSZGHzonk-r8I1lDrUG8Z6-JyWw3dQbmd_faousAPqn_ZtjYBG5u38lUdR9-zRJktN6WXDu4b85-_eKE0_bnmmJchAyxD6wbyZEFcc9e31v2Aio3nbDXDjqOriDxiW2VwInScmKceW643992C6R6D7_lRhQIvHTiqaUg623j5oLOrUg2HMKpIBx8Y-zK74qfhBKbAaufPPaIe_-krQgRd2ErLIAa4-Dw-U0lZX8tvTJD7sQI6nca0wNr0gT_fb5huyCpG63dHFQsfCdAMD4J1oiqy0XTmIQkXmWBeWVrmw
< 200
<
< {"ok":true,"userCtx":{"name":"jan","roles":[]},"info":{"authentication_handlers":["cookie","default","proxy","jwt"],"authenticated":"jwt"}}
== a token by ES256
> GET /_session
> Authorization: Bearer eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImVjMSJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDB9.drEFXWVTooYQcVbl6Q65hZzhoQvAvPgQinUMWON523Hks70TF1MXkJtVct9K2oHM6naj6iS3_I3BLcOnVaunIA
< 200
<
< {"ok":true,"userCtx":{"name":"jan","roles":[]},"info":{"authentication_handlers":["cookie","default","proxy","jwt"],"authenticated":"jwt"}}
== a token by ES384
> GET /_session
> Authorization: Bearer eyJhbGciOiJFUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6ImVjMiJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDB9.1ROamu1NVI5cbGf9PXjAS9wZcYk6Pb3k84hTfgRkgqSuSxSih6XHOgzF796RGgNHzqk8gH1-hU3AOjAOj38RTkjb4eq_zJMk81TQNxLkc8-POK8RT8IBpw5shQT5VCUS
< 200
<
< {"ok":true,"userCtx":{"name":"jan","roles":[]},"info":{"authentication_handlers":["cookie","default","proxy","jwt"],"authenticated":"jwt"}}
== a token by ES512
> GET /_session
> Authorization: Bearer eyJhbGciOiJFUzUxMiIsInR5cCI6IkpXVCIsImtpZCI6ImVjMyJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDB9.AO9LS76V5wTkdeCS4Dngp1_PcBjlPbiblWAkrhJjuXu4rJRGNz65U2sU89sy5B7PdDcy9q6N-PnZNrV8X2zVTQf4AKz65lcq0KBoiKAhaPyZR-w2ipCfZNZ-Oz73V64mmT61-_mrC_jWw-KV1_OHNuo0SowUjejI4h-jCa5al526qcJU
< 200
<
< {"ok":true,"userCtx":{"name":"jan","roles":[]},"info":{"authentication_handlers":["cookie","default","proxy","jwt"],"authenticated":"jwt"}}
== roles as a list in a text
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDAsIl9jb3VjaGRiLnJvbGVzIjoieCwgeSJ9.I0HDEil2Wy-j7-rcws5YoNGpNTAP7yf6Kegt7lkvg38
< 200
<
< {"ok":true,"userCtx":{"name":"jan","roles":["x","y"]},"info":{"authentication_handlers":["cookie","default","proxy","jwt"],"authenticated":"jwt"}}
== a token can make an admin
> GET /_all_dbs
> Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDAsIl9jb3VjaGRiLnJvbGVzIjpbIl9hZG1pbiJdfQ.QUM_v4-ZhJVWcGNWpssSpo16fdLXAwBkpGQ8kQY2Wpw
< 200
> GET /_all_dbs
> Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDB9.O-TaZ3ROdVYyb0VRfVr0MfkrwJLKPdJmcekBpcf6mlM
< 401
== no algorithm is no algorithm
> GET /_session
> Authorization: Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDB9.
< 400
<
< {"error":"bad_request","reason":"Invalid alg header parameter"}
== a header without an algorithm
> GET /_session
> Authorization: Bearer eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDB9.
< 400
<
< {"error":"bad_request","reason":"Missing alg header parameter"}
== the public key of RSA is not the secret of an HMAC
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYTIifQ.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDB9.VZBopN6jUCvYEZ7DTrOTUUkJ1gS1UiCS5ixpaLQWiXU
< 400
<
< {"error":"bad_request","reason":"Unknown kid"}
== a key of one type under the name of another
> GET /_session
> Authorization: Bearer eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYTEifQ.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDB9.Yrltg0VnLxI4BAXFxCDRLochrr70j5HZ0gV-M0O6z74fPvtdi_-T6qPv-fa37gF9laYsmqv6_USIJ8cdZ4EVGw
< 400
<
< {"error":"bad_request","reason":"Unknown kid"}
== a curve that is not the algorithm's
> GET /_session
> Authorization: Bearer eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImVjMiJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDB9.M7M6ZCUK4--lqie0yG_vjB0gW84rcQX9i4GLzKKQP7iiCQT5Kem4EjC8AhsDOd94gqxQlJsRiZ_sy84YFNQmMZG3hZ5a2EZ0ekkyUwJlId2D9Y6gyD50kX-xW70Dpmz3
< 400
<
< {"error":"bad_request","reason":"Bad signature in authentication token"}
== a wrong secret
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDB9.van6FsbK6bu9gAbfHbhxg8-ivBZGBRl2p9ceJ2U1asc
< 400
<
< {"error":"bad_request","reason":"Bad HMAC in authentication token"}
== changed claims
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJldmEiLCJleHAiOjQxMDI0NDQ4MDB9.O-TaZ3ROdVYyb0VRfVr0MfkrwJLKPdJmcekBpcf6mlM
< 400
<
< {"error":"bad_request","reason":"Bad HMAC in authentication token"}
== no signature
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDB9.
< 400
<
< {"error":"bad_request","reason":"Bad HMAC in authentication token"}
== it is over
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqYW4iLCJleHAiOjF9.SS0Pv2fMJi0sXBpZQ6x_wmb6vunK0QqesIrEZA82sB4
< 401
<
< {"error":"unauthorized","reason":"exp not in future"}
== it has not begun
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDAsIm5iZiI6NDEwMjQ0NDc5OX0.KxZfTQKBmhxcDh_IGRyCb_2oVbU9ZAMG-K3Z4zAFPU4
< 401
<
< {"error":"unauthorized","reason":"nbf not in past"}
== without an end
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqYW4ifQ.6ewPjJkN3TXzn4UUsNOp0KdDqtAmJZdAW_bhoCuoIVg
< 400
<
< {"error":"bad_request","reason":"Missing exp claim"}
== without a subject
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjQxMDI0NDQ4MDB9.PRSwHi62aju4TvD4d4GS5LaXwuXZ2s45NlwbGrZuoss
< 401
<
< {"error":"unauthorized","reason":"Token missing sub claim."}
== roles that are no texts
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDAsIl9jb3VjaGRiLnJvbGVzIjpbMV19.n_QuOllcghO2CHWip2X3ubmDwoDj1eVm5h987CnrSt4
< 400
<
< {"error":"bad_request","reason":"Malformed token"}
== two parts
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDB9
< 400
<
< {"error":"bad_request","reason":"Malformed authentication token"}
== four parts
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDB9.O-TaZ3ROdVYyb0VRfVr0MfkrwJLKPdJmcekBpcf6mlM.a
< 400
<
< {"error":"bad_request","reason":"Malformed authentication token"}
== claims that are no object
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.WzFd.Lsmh16h1XRh0bMCNuhZxFiVCUn8VZz8ufxmbhp273GE
< 400
<
< {"error":"bad_request","reason":"Not an object"}
== a member twice
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW4iLCJzdWIiOiJhZG1pbiIsImV4cCI6NDEwMjQ0NDgwMH0.-BBI1Bu7ObZkZXlgz2bKa6aZNr9mYYCTmENBFaOPZQw
< 400
<
< {"error":"bad_request","reason":"Malformed authentication token"}

@user admin:secret
== the demand
> PUT /_node/_local/_config/jwt_auth/required_claims
>
> "exp, iat, {iss, \"https://a.example\"}, typ, kid"
< 200
> PUT /_node/_local/_config/jwt_auth/roles_claim_path
>
> "realm\\.x.roles"
< 200
> PUT /_node/_local/_config/jwt_keys/hmac:mine
>
> "c2VjcmV0"
< 403
@user -
== a token with everything
> GET /_session
> Authorization: Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYTEifQ.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI6MTcwMDAwMDAwMCwiaXNzIjoiaHR0cHM6Ly9hLmV4YW1wbGUiLCJyZWFsbS54Ijp7InJvbGVzIjpbInIiXX19.C2igk118FgV805AcP7WKTJnwpYPofGRKd09OQOS5TMEq29-iwcdt_y61f1rIA-JgMjAF1r0hOlpz5uIK-BA-VTtgLNPel7Z0Ob7-pEyNZen8EW3IGVjxrq2VIwm8-ma2iELoSSkllVwz_ntBbOa36cvp9uqLVDHJ-jJJTqjR348V3PM1eMoDITwVYS7p1A_Dlj8jjSN8olRlGcNl-tZ24JE_Fd4W4GMdPPhwLHUlqHrffelZJNSUwlxukgf_WIaKQNXLvixr-X4bJHSNzWRZKl1jcmmVxnpbJ6PJzLQK-NXsT4RM6ih0Gq_Akb66WrrTE2wqbIXfcHBKSifPrKy9Ng
< 200
<
< {"ok":true,"userCtx":{"name":"jan","roles":["r"]},"info":{"authentication_handlers":["cookie","default","proxy","jwt"],"authenticated":"jwt"}}
== another issuer
> GET /_session
> Authorization: Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYTEifQ.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI6MTcwMDAwMDAwMCwiaXNzIjoiYiJ9.YTQ7AhhU6bVAN2BXOfjiBsouhahaln2hLwhNKYD6HKdWt3cK6OyVsYgfdRCux7RyWvxCaX0PsOuiu40dxenPlnV6aOmAls_66Mz0VpZflp0NKeYfMHUg12RDvNU4q1psoQjh6PrxMnkIypwtodBJU05g0PDNzt6xwQkTJHgfSpd5YnxH4a3EPH78wFwQkXzTMzZq1PklwZWE4-pqL1QNSh0CrJ07ccwYXlBSBUeYLgDMbKDMyh8Yx28ClnQNu_236liwhE1ncvYu7AsTLYswiUu3oXimNd5sl_xtG025hFeV3QehrS_F9k4VI2sl8cnTR0-iBoInnH5-4dzVwfavqg
< 400
<
< {"error":"bad_request","reason":"Invalid iss claim"}
== no issuer
> GET /_session
> Authorization: Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYTEifQ.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI6MTcwMDAwMDAwMH0.Ugci0Hyqp3FUMcAdz7Shc-XjwB5kK6Gqi966ZvW_aNabb9FthJSl9XHAAoptIW1MCcUsudgWq0fa6ihVwM-WPAngVsk_YtKVxGpewwDhOg2XaB7NHNWth8rohHJHUBp5HhqjKzg0Aix8KuDxL_Vjl4_kb0vb4bYAthtD-sE9-mP79jCenyHhUqo8lvQ9J82KQMQTzOrzfWIHEAo4Ptucv4QBzM40tdkXzPQL-gN4rmoQOOHJKj4jXJCnk1_8dMk2ArsuTaOR3xM3tHBtJt3EsubuZVqGl8r6ATLi9dA1s8UrA_zU-bEl7pSfBfHP1Z-sa5fEb86oiaZVf0BWabzu_g
< 400
<
< {"error":"bad_request","reason":"Missing iss claim"}
== no time
> GET /_session
> Authorization: Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYTEifQ.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDAsImlzcyI6Imh0dHBzOi8vYS5leGFtcGxlIn0.myWpQFMb7WvjbzUdrkRH48OHf_19bt5RAeW7YUmgFGJkiGLq3f35SNU26m8HzBNCgd6p93QFwEotT8kza1neyCFpePL-vwA3qmvUZ1zYhMVTN1MLyOPwk1ydAbhrmSmU5A-ZRc1pqg3Bq_LiFqOGKf3pMIgs4m1IY2h8P9GqZE_eZZde-cGiPzINeHTiUjVC5oSzAVBebhhSpQhAn7ZgrJd0ShWI-1mxxn8s4fBSl4DtELwKaa2vvMszqVIpTSs3RMOWWqkIA72e7SKwQGHhIsP2ubzNBEa5GWXLgK22YmMsfl1mp0fSEs4n4HIjwbj5otMoX2qMhQ75msuICyArvQ
< 400
<
< {"error":"bad_request","reason":"Missing iat claim"}
== no name of a key
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI6MTcwMDAwMDAwMCwiaXNzIjoiaHR0cHM6Ly9hLmV4YW1wbGUifQ.17bCtl8yMB_o_n8HgqtfAYTYhrITuWRjkxJVzMbdHew
< 400
<
< {"error":"bad_request","reason":"Missing kid claim"}
== another type
> GET /_session
> Authorization: Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXRSIsImtpZCI6InJzYTEifQ.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI6MTcwMDAwMDAwMCwiaXNzIjoiaHR0cHM6Ly9hLmV4YW1wbGUifQ.g9lzPg2sDAHL37h3B_APRQywZX8zab4RjEluV93UymkePI8DYvK3TPIl2kJw_yDXTMxIhes4HBvaLIIrXWWQmHtbY3d-GJvkoYKjgk5phh5mp1pgyJNMGlrbDLzUothILYAFXP33BeGaixBT3-RwWyicNhwjjmZhc_LMty56aQfrRAD6KGBJBrXGyBH1SviOzhTvsdyhGRq8OJF7Emm735Ga3AWls3OUJ069Z609gHRDEHC7nWPLTSYJT2gCz0JPJOln1bM1_lD_QGwq-GLmC6zMzkoj2iWBx_2WD-Z-Kf767RYs_M4XU2XLJOmI3t9XzTnLRBIfm72qgaMPYOLaxQ
< 400
<
< {"error":"bad_request","reason":"Invalid typ header parameter"}

== a proxy says who asks
> GET /_session
> X-Auth-CouchDB-UserName: jan
> X-Auth-CouchDB-Roles: a, b
> X-Auth-CouchDB-Token: 69c0c81d33b18d2211d9909472bb4cbf5ab74d7352e9702ffe84c6f787c7b8a8
< 200
<
< {"ok":true,"userCtx":{"name":"jan","roles":["a","b"]},"info":{"authentication_handlers":["cookie","default","proxy","jwt"],"authenticated":"proxy"}}
> GET /_session
> X-Auth-CouchDB-UserName: jan
> X-Auth-CouchDB-Token: 005393b1107e931d6049fcb7cc259523fac06a09
< 200
<~ "name":"jan","roles":\[\]

== without the secret nobody is believed
> GET /_session
> X-Auth-CouchDB-UserName: jan
< 200
<~ "name":null
> GET /_session
> X-Auth-CouchDB-UserName: eva
> X-Auth-CouchDB-Token: 69c0c81d33b18d2211d9909472bb4cbf5ab74d7352e9702ffe84c6f787c7b8a8
< 200
<~ "name":null

== nor does a proxy make admins
> GET /_all_dbs
> X-Auth-CouchDB-UserName: jan
> X-Auth-CouchDB-Roles: _admin
> X-Auth-CouchDB-Token: 69c0c81d33b18d2211d9909472bb4cbf5ab74d7352e9702ffe84c6f787c7b8a8
< 401
@user admin:secret
== and that cannot be changed from outside
> PUT /_node/_local/_config/chttpd_auth/proxy_use_secret
>
> "false"
< 403
> PUT /_node/_local/_config/couch_httpd_auth/proxy_allow_admin
>
> "true"
< 403

== without them in the list neither counts
> PUT /_node/_local/_config/chttpd/authentication_handlers
>
> "{chttpd_auth, default_authentication_handler}"
< 200
@user -
== neither counts
> GET /_session
> X-Auth-CouchDB-UserName: jan
> X-Auth-CouchDB-Token: 69c0c81d33b18d2211d9909472bb4cbf5ab74d7352e9702ffe84c6f787c7b8a8
< 200
<
< {"ok":true,"userCtx":{"name":null,"roles":[]},"info":{"authentication_handlers":["default"]}}
> GET /_session
> Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqYW4iLCJleHAiOjQxMDI0NDQ4MDB9.O-TaZ3ROdVYyb0VRfVr0MfkrwJLKPdJmcekBpcf6mlM
< 200
<~ "name":null
