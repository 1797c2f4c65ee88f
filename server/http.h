/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what a handler sees of one HTTP exchange: the request, its body, and the ways to answer.
 *
 * Life of a request. The core parses head and path, finds the route (server/routes.c), finds out
 * who asks, opens the database of a "/{db}..." route, checks the right, and calls the handler on
 * the event loop thread of the connection. From then on the handler owns the exchange until it has
 * answered. Exactly one of the reply_... functions that end an exchange must be called, now or
 * later. Everything below runs on that loop thread unless a comment says "worker".
 *
 * INV-HTTP-1: a request is answered at most once; a second answer is an assertion.
 * INV-HTTP-2: the cleanup function of a request is called exactly once, on its loop thread, after
 *             the answer was written or the client went away, and never while a job of it runs.
 * INV-HTTP-3: after the client is gone no callback of a handler runs any more but cleanup.
 * INV-HTTP-4: no header name or value with CR, LF or NUL leaves the server.
 *
 * Source: RFC 9110 and RFC 9112; CouchDB's chttpd for texts and defaults.
 * Not here: jobs that block (server/work.h), databases and feeds (server/dbs.h), users and rights
 * (server/auth.h), routes (server/route.h), multipart bodies (replicator/multipart.h).
 *
 * The server is a program: its functions carry no tufi_ prefix.
 */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "server/auth.h"
#include "replicator/header.h"
#include "server/params.h"
#include "tuffet/tuffet.h"

struct conn;
struct dbh;
struct jval;
struct loop;
struct request_priv;
struct route;
struct server;

/* Bits, so that a route can name several. HEAD arrives in handlers as HTTP_GET with is_head. */
enum http_method {
    HTTP_GET = 1,
    HTTP_POST = 2,
    HTTP_PUT = 4,
    HTTP_DELETE = 8,
    HTTP_COPY = 16,
    HTTP_OPTIONS = 32,
    HTTP_OTHER = 64, /* never routed: 405 */
};

struct request {
    uint32_t magic;
    struct server *server;
    struct loop *loop;         /* the thread that owns this request */
    enum http_method method;   /* after X-HTTP-Method-Override */
    bool is_head;              /* answer as to GET: the core drops the body */
    const struct route *route; /* the row of server/routes.c that matched */
    tuf_slice target;          /* raw request target, "/db/doc?rev=1-x" */
    tuf_slice *segs;           /* path segments, percent-decoded, empty ones dropped */
    size_t seg_count;
    tuf_slice docid;           /* of {doc}: "a", "_design/x", "_local/y"; else empty */
    tuf_slice att_name;        /* of {att}: the remaining segments joined by '/'; else empty */
    struct params params;      /* query string */
    struct header *headers;    /* in order of arrival */
    size_t header_count;
    struct user_ctx user;      /* who asks */
    struct dbh *dbh;           /* open database of a "/{db}" route, else NULL; owned by the core */
    struct arena arena;        /* memory that lives as long as the request; loop thread only,
                                * and a worker job while it runs */
    void *state;               /* the handler's own; freed by its cleanup */
    struct request_priv *priv; /* of the core */
};

/* ---- request: head ---------------------------------------------------------------------- */

/* The first header of a name (any case); false and an empty slice if there is none. */
bool request_header(tuf_slice *out, const struct request *req, const char *name);

/*
 * The first trailer of a name (any case) behind a chunked body; false and an empty slice if there
 * is none. Trailers are there when the body has ended, and are never taken for headers.
 */
bool request_trailer(tuf_slice *out, const struct request *req, const char *name);

/* Whether a header exists and equals a text, ASCII case ignored. */
bool request_header_is(const struct request *req, const char *name, const char *text);

/* The next item of a header's list, without the blanks around it. False at the end. */
bool request_next_item(tuf_slice *item, tuf_slice *rest, char separator);

/*
 * Whether the client takes a media type ("application/json"), by CouchDB's rule: no Accept header
 * takes everything; a wildcard takes everything unless the type or its family carries q=0.
 */
bool request_accepts(const struct request *req, const char *type);

/* Whether Content-Type, up to ';', is exactly this type. */
bool request_has_type(const struct request *req, const char *type);

/* The same for application/json; answers 415 bad_content_type and returns false if it is not. */
bool request_require_json(struct request *req);

/*
 * Whether If-None-Match holds this tag. `etag` has its quotes. When it does, answers 304 with the
 * tag and returns true: the exchange is over.
 */
bool request_not_modified(struct request *req, const char *etag);

/* Whether the client speaks TLS, with us or (X-Forwarded-Ssl, -Proto) with the proxy before us. */
bool request_is_secure(const struct request *req);

/* The client's address: the connection's, or what [chttpd] peer_header holds if it is set. */
const char *request_peer(struct request *req);

/* Appends "http://host" for Location headers, following X-Forwarded-Host/-Proto/-Ssl. */
void request_append_base_url(struct buf *out, const struct request *req);

/* Percent-encodes a path segment the way CouchDB does in Location headers ('/' becomes %2F). */
void url_encode(struct buf *out, tuf_slice segment);

/* Copies bytes into the request's arena, NUL behind them. Empty with data NULL: no memory. */
tuf_slice request_copy(struct request *req, tuf_slice s);

/* Sets the function that frees req->state. See INV-HTTP-2. */
void request_on_cleanup(struct request *req, void (*cleanup)(struct request *req));

/*
 * Calls a function on the loop after a time, once; replaces the timer set before. 0 cancels it.
 * There is one timer per request (heartbeats, time-outs of feeds).
 */
void request_set_timer(struct request *req, uint64_t timeout_ms, void (*fire)(struct request *));

/* ---- request: body ---------------------------------------------------------------------- */

/*
 * Collects the whole body into memory (inflating Content-Encoding: gzip), then calls done.
 *   size_max  bytes, also after inflating; 0 for the configured max_http_request_size, but 1 GiB
 *             at most. More is answered 413 and done is not called.
 *   done      body is borrowed from the request until it ends; empty if there is none
 * Answers 415 for other content codings, 400 for broken gzip, by itself.
 */
void body_collect(struct request *req, uint64_t size_max,
                  void (*done)(struct request *req, tuf_slice body));

/* Receives a body piece by piece as it arrives, not inflated. */
struct body_sink {
    /* bytes are borrowed during the call. A sink may call body_pause from here. */
    void (*piece)(struct request *req, tuf_slice bytes);
    /* after the last piece, not while paused */
    void (*end)(struct request *req);
};

/*
 * Streams the body. The sink may answer early (an error): the rest is then thrown away, up to
 * 1 MiB or a second, and the connection closed.
 *   size_max  413 beyond; 0 for the configured max_http_request_size only
 */
void body_stream(struct request *req, uint64_t size_max, const struct body_sink *sink);

/* Stops reading from the client until body_resume. Call resume from any later callback. */
void body_pause(struct request *req);
void body_resume(struct request *req);

/* Declared Content-Length; false if the body is chunked. No body at all counts as length 0. */
bool body_length(uint64_t *out, const struct request *req);

/*
 * Parses a collected body.
 *   what  'o' an object ("Request body must be a JSON object" otherwise), 'v' any value
 * Returns a new reference, or NULL when it has answered 400 ("invalid UTF-8 JSON", or "Missing
 * request body" if there was none: neither Content-Length nor chunks).
 */
json_t *body_json(struct request *req, tuf_slice body, char what);

/* Whether a collected body has bytes; if not, 400 has been answered as body_json does. */
bool body_require(struct request *req, tuf_slice body);

/* The same as jval_parse_canonical (server/jval.h) into the request's arena; the failure is not answered.
 * Returns: TUF_OK; E_INVALID (kind "bad_request"); E_NOMEM. */
tuf_status body_parse(const struct jval **out, struct request *req, tuf_slice body);

/* ---- answers ---------------------------------------------------------------------------- */
/* Cache-Control, Content-Type, Content-Length or Transfer-Encoding, Date, Server, CORS, cookies,
 * X-Couch-Request-ID and X-CouchDB-Body-Time are added by the core; a handler's own header of the
 * same name wins. Names are written in byte order, as CouchDB does. */

/* Adds a header, replacing one of that name. The value is copied. */
void reply_header(struct request *req, const char *name, tuf_slice value);
void reply_headerf(struct request *req, const char *name, const char *fmt, ...)
    TUFI_PRINTF(3, 4);
/* Adds a header even if there is one of that name (Set-Cookie). */
void reply_header_more(struct request *req, const char *name, tuf_slice value);
/* What a browser may do with content that is not ours: nosniff, and the Content-Security-Policy that
 * [csp] AREA_enable and AREA_header_value ask for, else `policy`. */
void reply_content_policy(struct request *req, const char *area, const char *policy);
/* Says not to send a default header (Cache-Control, X-Couch-Request-ID). */
void reply_header_drop(struct request *req, const char *name);

/* Each of the following ends the exchange. The status is that of HTTP. */

/* A JSON text, to which the newline is added. Takes the buffer's content; a failed one is 500. */
void reply_json(struct request *req, int status, struct buf *json);
void reply_json_text(struct request *req, int status, const char *json);
/* Serialises compactly. Takes the reference. */
void reply_json_value(struct request *req, int status, json_t *value);
/* Any bytes, as they are. type NULL: no Content-Type. Takes the buffer's content. */
void reply_bytes(struct request *req, int status, const char *type, struct buf *body);
/* No body at all (304, 204; or 200 with Content-Length: 0). */
void reply_empty(struct request *req, int status);
/* {"error":...,"reason":...}. The texts are escaped here. 401 gets its WWW-Authenticate. */
void reply_error(struct request *req, int status, const char *error, const char *reason);
void reply_errorf(struct request *req, int status, const char *error, const char *fmt, ...)
    TUFI_PRINTF(4, 5);
/* What server/error_map.c makes of a status and of tuf_last_error(), which must still be its. */
void reply_status(struct request *req, tuf_status status);

/* What a producer says about what it appended. */
enum produce_result {
    PRODUCE_MORE, /* call again when there is room */
    PRODUCE_DONE, /* that was the end */
    PRODUCE_WAIT, /* nothing now: call again after reply_resume */
    PRODUCE_FAIL, /* tuf_last_error() says why: an error answer if nothing was sent yet,
                   * otherwise the connection is cut so that the client notices */
};

/*
 * A streamed answer. `produce` is called whenever less than the low-water mark (64 KiB) waits to
 * be sent, and appends about 64 KiB to `out` each time. The head is sent after its first return.
 */
struct producer {
    enum produce_result (*produce)(struct request *req, struct buf *out);
    bool blocking;      /* run produce as a job on the worker pool (it reads from disk); then no
                         * other job of this request may run meanwhile */
    bool has_length;    /* length is known: Content-Length instead of chunks */
    uint64_t length;    /* bytes that will come; fewer cut the connection */
    const char *type;   /* Content-Type; NULL for application/json; must outlive the call only */
};

void reply_stream(struct request *req, int status, const struct producer *producer);

/* Wakes a producer that said PRODUCE_WAIT; harmless otherwise. Never calls produce directly. */
void reply_resume(struct request *req);

/* Sends what a waiting producer appended so far, heartbeats included, without waiting for more.
 * (The core does so by itself on PRODUCE_WAIT.) Whether a reply was begun or made: */
bool request_answered(const struct request *req);

/* A JSON string with quotes, escaped as CouchDB escapes; for hand-written JSON. */
void json_append_string(struct buf *out, tuf_slice text);

#endif
