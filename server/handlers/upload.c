/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see server/handlers/upload.h.
 */
#include "server/handlers/upload.h"

#include "base/assert.h"
#include "server/work.h"

static void eaten(struct request *req, tuf_status status);

static tuf_status run_eat(struct request *req)
{
    struct upload *up = req->state;
    return up->eat(req, buf_slice(&up->piece), up->last);
}

static void start_job(struct request *req, struct upload *up)
{
    tuf_assert(!up->running && !up->last); /* INV-UP-2 */
    struct buf empty = up->piece;
    up->piece = up->incoming;
    up->incoming = empty;
    tufi_buf_clear(&up->incoming);
    up->running = true;
    up->last = up->ended;
    work_run(req, run_eat, eaten);
}

static void eaten(struct request *req, tuf_status status)
{
    struct upload *up = req->state;
    up->running = false;
    if (status == TUF_OK && up->incoming.failed)
        status = tufi_nomem();
    if (status != TUF_OK || up->last) {
        up->finished(req, status);
        return;
    }
    if (up->ended || up->incoming.len >= UPLOAD_PIECE_SIZE)
        start_job(req, up);
    else
        body_resume(req);
}

static void got_piece(struct request *req, tuf_slice bytes)
{
    struct upload *up = req->state;
    if (request_answered(req))
        return;
    buf_append_slice(&up->incoming, bytes);
    if (up->incoming.failed && !up->running) {
        up->finished(req, tufi_nomem());
        return;
    }
    if (up->incoming.len < UPLOAD_PIECE_SIZE)
        return;
    body_pause(req); /* INV-UP-1: nothing more comes until this piece has been eaten */
    if (!up->running)
        start_job(req, up);
}

static void got_end(struct request *req)
{
    struct upload *up = req->state;
    up->ended = true;
    if (!up->running && !request_answered(req))
        start_job(req, up);
}

void upload_start(struct request *req, uint64_t size_max)
{
    static const struct body_sink sink = { got_piece, got_end };
    body_stream(req, size_max, &sink);
}

void upload_release(struct upload *up)
{
    tufi_buf_release(&up->incoming);
    tufi_buf_release(&up->piece);
}
