/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: takes a request's body in pieces to a worker, with back-pressure: while a worker eats one
 * piece the client may send the next, and no more is read until it has been eaten.
 *
 * INV-UP-1: at most two pieces of about UPLOAD_PIECE_SIZE are in memory.
 * INV-UP-2: `eat` runs on one worker at a time, in order, and never after it failed.
 */
#ifndef SERVER_HANDLERS_UPLOAD_H
#define SERVER_HANDLERS_UPLOAD_H

#include "server/http.h"

#define UPLOAD_PIECE_SIZE (256 * 1024)

/* Must be the first member of what req->state points at. */
struct upload {
    struct buf incoming; /* loop: what arrived since the last job */
    struct buf piece;    /* worker: what is being eaten */
    bool running;        /* a job runs */
    bool ended;          /* the body is complete */
    bool last;           /* the running job has the last piece */
    /* Worker. Eats bytes, perhaps none; `last` is set once, at the end of the body. */
    tuf_status (*eat)(struct request *req, tuf_slice bytes, bool last);
    /* Loop. Everything was eaten, or eat failed: answers the request. */
    void (*finished)(struct request *req, tuf_status status);
};

/* Starts reading the body. size_max as for body_stream. */
void upload_start(struct request *req, uint64_t size_max);

/* Frees the buffers; for the request's cleanup. */
void upload_release(struct upload *up);

#endif
