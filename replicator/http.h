/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: HTTP requests to one remote server, which is not trusted: bounded memory, bounded time,
 * checked addresses, verified certificates, redirects only to itself.
 *
 * INV-RPH-1: no address that is link-local (which includes cloud metadata), multicast, or "this
 *            network" is connected to; what is checked is the address that is then used.
 *            Where the endpoint is public_only, so it is for loopback and private addresses.
 * INV-RPH-2: an answer's body, after inflating, is never kept beyond size_max bytes.
 * INV-RPH-5: a redirect is followed to the same scheme, host and port only, at most three times.
 * INV-RPH-3: every request ends: by its time limit, by the limit on slow transfers, or by `cancel`.
 * Source: RFC 9110; CouchDB's couch_replicator_httpc for what is tried again.
 * Not here: what is asked (replicator/peer.h), attachments (replicator/transfer.h).
 */
#ifndef REPLICATOR_HTTP_H
#define REPLICATOR_HTTP_H

#include <stdatomic.h>

#include "replicator/session.h"

struct http_limits {
    uint64_t timeout_ms; /* to connect, and of a silent answer */
    unsigned retries;    /* per request */
    _Atomic bool *cancel;
};

struct http {
    CURL *curl; /* owned; keeps its connection */
    const struct endpoint *ep;
    struct session *session; /* shared with the other connections of the job to this end */
    unsigned generation;     /* of the session, in the newest request */
    struct http_limits limits;
};

struct http_request {
    const char *method;
    const char *path;  /* behind the database's URL, already encoded */
    bool at_root;      /* behind the server's URL instead */
    const char *url;   /* absolute, instead of the path: where a redirect leads */
    bool has_body;
    tuf_slice body;    /* JSON */
    uint64_t size_max; /* bytes of the answer; 0: HTTP_SIZE_MAX */
    uint64_t wait_ms;  /* time the server may take on purpose (longpoll) */
};

struct http_reply {
    long status;
    struct buf body;
};

#define HTTP_REPLY_INIT { 0, BUF_INIT }
/* Longest answer that is held in memory. */
#define HTTP_SIZE_MAX (UINT64_C(32) << 20)

/* session: not owned. Returns: TUF_OK; E_IO (an address that is not connected to); E_NOMEM. */
tuf_status repl_http_init(struct http *out, const struct endpoint *ep, struct session *session,
                          const struct http_limits *limits);
void repl_http_release(struct http *http);
void repl_http_reply_release(struct http_reply *reply);

/*
 * Sends a request, again after a failure that may pass (connection, 408, 429, 5xx).
 * Returns: TUF_OK with any HTTP status; TUF_STOPPED (cancelled); E_IO (kind "timeout", "nxdomain",
 *          "conn_failed"; the text names the endpoint without credentials); E_LIMIT (too long an
 *          answer); E_UNSUPPORTED (kind "unauthorized": the password is refused;
 *          "redirect_refused"); E_NOMEM.
 */
tuf_status repl_http_call(struct http_reply *out, struct http *http,
                          const struct http_request *request);

/* Sets up a handle for one request in all that is common: URL, headers, safety. For transfers.
 *   headers  of this request alone; the caller frees them after the request
 */
tuf_status repl_http_prepare(CURL *curl, const struct http *http,
                             const struct http_request *request, struct curl_slist *headers);

/*
 * The endpoint's headers, who we are, and one more line; logs in first if that is due.
 *   out  free with curl_slist_free_all
 * Returns: TUF_OK; TUF_STOPPED; E_IO; E_NOMEM.
 */
tuf_status repl_http_headers(struct curl_slist **out, struct http *http, const char *line);

/* After a refusal (401, 403): whether to ask again with a new session. */
bool repl_http_may_login(struct http *http, long http_status);

/* Monotonic milliseconds. */
uint64_t repl_now_ms(void);

/*
 * Where the answer that a handle has received leads, if it is a redirect that keeps the method.
 *   url_out  free with tufi_free; NULL if the answer is none
 *   count    redirects followed so far for this request; counted on
 * Returns: TUF_OK; E_UNSUPPORTED (kind "redirect_refused": to another server, or too many); E_NOMEM.
 */
tuf_status repl_http_redirect(char **url_out, unsigned *count, CURL *curl, const struct http *http,
                              const char *method);

/* Makes the failure that a curl result stands for. */
tuf_status repl_http_failure(const struct http *http, CURLcode code);

/* Whether asking again may help. */
bool repl_http_may_retry(tuf_status st, long http_status);

/* Waits; TUF_STOPPED if cancelled meanwhile. */
tuf_status repl_sleep(uint64_t ms, const _Atomic bool *cancel);

/* Whether an address may be connected to (INV-RPH-1). */
struct sockaddr;
bool repl_address_allowed(const struct sockaddr *address);
/* Whether it is one of the loopback interface or of a network that is not the Internet: RFC 1918,
 * 4193, 6598 and the like; also inside IPv6 (mapped, NAT64, 6to4). */
bool repl_address_is_private(const struct sockaddr *address);
/* Whether an endpoint's connection may go there. */
bool repl_may_connect(const struct endpoint *ep, const struct sockaddr *address);

#endif
