/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the core's side of a request: what conn.c, dispatch.c, body.c, reply.c, stream.c, work.c
 * and feed.c keep about it. Handlers never include this.
 *
 * INV-REQ-1: a request is freed from its loop's deferred list when it has ended and no job runs.
 * INV-REQ-2: an answer that was found while an allocation failed is not given: what looks like a wrong
 *            password, a missing document or a setting that is not there may be the missing memory. It
 *            is 503 instead, unless something was written and is acknowledged.
 */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H

#include "server/conn.h"
#include "server/dbs.h"
#include "server/http.h"
#include "server/work.h"

struct login;

#define REQUEST_ID_SIZE 37

/* A header of the answer. Slices are in the arena. */
struct out_header {
    tuf_slice name;
    tuf_slice value;
};

/* A job of the request on the worker pool; see work.c. */
struct work_job {
    struct work_job *next;
    work_fn *run;
    work_done_fn *done;
    struct request *req;
    tuf_edit *const *edits;   /* of a commit; then run is NULL */
    size_t edit_count;
    tuf_status status;
    tuf_error *error;         /* detail of a failure; owned; NULL when out of memory */
    bool memory_failed;       /* an allocation did while it ran */
    struct loop_task task;
};

struct request_priv {
    struct request *req;
    struct conn *conn;             /* NULL once the answer is complete or the client gone */
    void (*cleanup)(struct request *req);
    struct loop_task release_task;
    struct work_job job;
    uint64_t alloc_failures;       /* of the loop's thread when the request began */
    bool memory_failed;            /* in one of its jobs */
    bool ended;                    /* answered or client gone: to be released */
    _Atomic bool client_gone;      /* workers look at it too */
    bool job_running;

    /* head */
    unsigned minor;                /* of HTTP/1.x */
    tuf_slice method_text;
    char peer[PEER_SIZE];          /* of request_peer; empty: not asked for yet */
    char id[REQUEST_ID_SIZE];      /* X-Couch-Request-ID */
    uint64_t start_ms;
    uint64_t body_ms;              /* spent reading the body */
    struct login *login;           /* of identify.c; in the arena */

    /* body */
    struct body_sink sink;
    bool has_sink, paused, sink_ended;
    uint64_t received, size_max;
    size_t held;                   /* bytes of body in memory, as admission knows them */
    struct body_collector *collector;
    struct arena trailer_arena;    /* their own: a job may be using the request's */
    struct header *trailers;
    size_t trailer_count;

    /* answer */
    bool answered;
    int status;
    struct out_header *out;        /* in the arena */
    size_t out_count, out_room;
    const char *dropped[4];        /* default headers not to send */
    size_t dropped_count;
    bool bad_header;               /* INV-HTTP-4 was violated by a handler */
    uint64_t bytes_sent;           /* of content */

    /* streamed answer; see stream.c */
    struct producer producer;
    bool streaming, head_sent, chunked, waiting, resumed;
    uint64_t length_left;
    struct buf produced;           /* by the call that runs */
    enum produce_result produced_result;

    struct event *timer;
    void (*fire)(struct request *req);

    /* feed; see feed.c. Links are the loop's. */
    struct request *feed_prev, *feed_next;
    void (*wake)(struct request *req, enum feed_event event);
    bool feed_waiting;
    uint64_t feed_seen;
};

/* A request of a connection; its head is parsed from `bytes` (copied). NULL: no memory. Sets
 * `error` if the head is refused: the request is then good for an error answer only. */
struct request *request_new(struct conn *conn, struct head *head, struct head_error *error,
                            tuf_slice bytes);

/* The answer is complete. Detaches from the connection and releases soon. */
void request_end(struct request *req);
/* The client went away: no callback but cleanup from now on. */
void request_client_gone(struct request *req);
/* A job has ended: releases if the request ended meanwhile. True if it did: call nothing. */
bool request_job_ended(struct request *req);
/* Whether callbacks of the handler may run. */
bool request_is_live(const struct request *req);

/* Starts the request: dispatch.c. */
void request_dispatch(struct request *req);

/* body.c */
/* Bytes of content for the sink. False if they are refused (an answer was made). */
bool request_body_piece(struct request *req, tuf_slice bytes);
/* The trailers of a chunked body, empty line included. False if they are malformed. */
bool request_take_trailers(struct request *req, tuf_slice section);
/* The message is complete. */
void request_body_end(struct request *req);
/* Whether the connection may feed bytes now. */
bool request_wants_body(const struct request *req);
void body_release(struct request *req);
/* The request now holds so many bytes of its body. E_NOMEM if all requests would hold too many. */
tuf_status body_hold(struct request *req, size_t size);

/* stream.c: called when there is room for more output. */
void stream_pump(struct request *req);
bool stream_is_waiting(const struct request *req);

/* reply.c */
struct reply_size {
    bool has_length;
    uint64_t length;    /* Content-Length */
    bool chunked;
};
/* Writes status line and headers. Returns false when out of memory (the connection is cut). */
bool reply_write_head(struct request *req, int status, const char *type, struct reply_size size);
/* Whether the answer may be wrong for want of memory (INV-REQ-2). */
bool reply_is_doubtful(const struct request *req, int status);
/* True if the body must not be sent (HEAD, 204, 304). */
bool reply_is_bodyless(const struct request *req, int status);
const struct out_header *reply_find_header(const struct request *req, const char *name);

/* feed.c */
void feed_release(struct request *req);

#endif
