/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one client connection: reading heads, feeding bodies to llhttp, keeping answers in order,
 * deadlines.
 *
 *   HEAD --head complete--> BUSY --answered, body consumed--> HEAD
 *                           BUSY --answered, body left--> DRAIN --consumed--> HEAD
 *   any  --last answer, error--> FLUSH --written--> LINGER --client closed or 1 s--> closed
 *
 * INV-CONN-1: while a request is in progress no other one is parsed: answers leave in order.
 * INV-CONN-2: unread input is bounded by CONN_INPUT_MAX, unsent output by the producers' mark.
 * INV-CONN-3: a connection is freed only from its loop's deferred list, never inside a callback.
 * Not here: what a head means (server/head.c), answers (server/reply.c).
 */
#ifndef SERVER_CONN_H
#define SERVER_CONN_H

#include <event2/bufferevent.h>
#include <event2/util.h>
#include <openssl/ssl.h>

#include "server/framing.h"
#include "server/head.h"
#include "server/loop.h"

#define CONN_INPUT_MAX ((size_t)65536)
#define CONN_OUTPUT_LOW ((size_t)65536)   /* below it producers are asked again */
#define CONN_DRAIN_MAX ((uint64_t)1 << 20)
#define CONN_BODY_RATE 240                /* bytes per second */
#define CONN_LINGER_MS 1000
#define PEER_SIZE 48

enum conn_state { CONN_HEAD, CONN_BUSY, CONN_DRAIN, CONN_FLUSH, CONN_LINGER, CONN_CLOSED };

struct conn {
    uint32_t magic;
    enum conn_state state;
    struct loop *loop;
    struct bufferevent *bev;
    struct conn *prev, *next;     /* in loop->conns */
    struct admission_client *client;
    struct request *req;          /* in progress, or NULL */
    struct framing framing;       /* of the current request */
    size_t scanned;               /* bytes of the head looked at */
    uint64_t deadline_ms;         /* monotonic; 0: none */
    uint64_t body_start_ms;       /* when the body was first asked for, pauses taken out */
    uint64_t pause_start_ms;
    uint64_t body_received;       /* bytes of content */
    uint64_t body_left;           /* of a declared length; UINT64_MAX when chunked */
    uint64_t drained;
    size_t overhead;              /* framing bytes since the last content byte */
    bool keep_alive;
    bool expect_continue;         /* not answered yet */
    bool body_done;               /* the message is complete */
    bool reading_rests;           /* EV_READ is off: the input buffer is full */
    bool eof;                     /* the client sends no more */
    bool writing_waits;           /* EV_WRITE is on: the socket's buffer is full, or a stream goes on */
    bool stepping;                /* conn_step is running */
    bool step_queued;
    bool is_tls;
    struct loop_task step_task;
    char peer[PEER_SIZE];                /* address of the client, for the log */
};

/* Takes over a connected socket, the TLS state of its server side if there is one, and its place among
 * the client's connections. Closes and frees all when out of memory. */
void conn_open(struct loop *loop, evutil_socket_t fd, const struct sockaddr *addr, SSL *ssl,
               struct admission_client *client);

/* Ends a connection now. Its request, if any, is told that the client is gone. */
void conn_close(struct conn *conn);

/* Something changed (answer finished, body wanted): go on after the current callback. */
void conn_kick(struct conn *conn);

/* Lets go of the request: the answer is written as far as the core is concerned. */
void conn_request_done(struct conn *conn);

/* Bytes that wait to be sent. */
size_t conn_output_len(const struct conn *conn);

/* Called every second; `stopping` closes idle connections. */
void conn_tick(struct conn *conn, uint64_t now_ms, bool stopping);

#endif
