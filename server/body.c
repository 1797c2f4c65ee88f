/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: request bodies: streamed to a sink, or collected into memory.
 *
 * INV-RQB-1: a collected body never holds more than its limit, inflated bytes included.
 * Not here: framing and back-pressure of the socket (server/conn.c).
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/fail.h"
#include "server/admission.h"
#include "server/decoder.h"
#include "server/request.h"
#include "server/server.h"

#define COLLECT_MAX ((uint64_t)1 << 30)
#define COLLECT_FIRST (16 << 10) /* of a declared length: what never comes must cost nothing */

struct body_collector {
    void (*done)(struct request *req, tuf_slice body);
    struct buf bytes;
    uint64_t size_max;
    struct body_decoder decoder;
};

static void refuse_too_large(struct request *req)
{
    reply_error(req, 413, "too_large", "the request entity is too large");
}

bool body_length(uint64_t *out, const struct request *req)
{
    const struct conn *conn = req->priv->conn;
    if (conn != NULL && conn->body_left == UINT64_MAX)
        return false;
    *out = req->priv->received + (conn != NULL ? conn->body_left : 0);
    return true;
}

/* ---- sinks ------------------------------------------------------------------------------- */

bool request_wants_body(const struct request *req)
{
    const struct request_priv *priv = req->priv;
    return priv->has_sink && !priv->paused && !priv->answered && !priv->ended;
}

bool request_body_piece(struct request *req, tuf_slice bytes)
{
    struct request_priv *priv = req->priv;
    if (priv->answered || !priv->has_sink)
        return false;
    priv->received += bytes.len;
    if (priv->received > priv->size_max) {
        refuse_too_large(req);
        return false;
    }
    priv->sink.piece(req, bytes);
    return !priv->answered;
}

void request_body_end(struct request *req)
{
    struct request_priv *priv = req->priv;
    if (!request_wants_body(req) || priv->sink_ended)
        return;
    priv->sink_ended = true;
    priv->body_ms = clock_ms() - priv->start_ms;
    priv->sink.end(req);
}

void body_stream(struct request *req, uint64_t size_max, const struct body_sink *sink)
{
    struct request_priv *priv = req->priv;
    if (priv->ended)
        return;
    tuf_assert(!priv->has_sink && !priv->answered);
    uint64_t request_max = server_settings(req->server)->request_size_max;
    uint64_t length;
    priv->size_max = size_max == 0 ? request_max : min_u64(size_max, request_max);
    if (body_length(&length, req) && length > priv->size_max) {
        refuse_too_large(req);
        return;
    }
    priv->sink = *sink;
    priv->has_sink = true;
    conn_kick(priv->conn);
}

void body_pause(struct request *req)
{
    req->priv->paused = true;
}

void body_resume(struct request *req)
{
    struct request_priv *priv = req->priv;
    if (!priv->paused)
        return;
    priv->paused = false;
    if (priv->conn != NULL)
        conn_kick(priv->conn);
}

/* ---- collecting -------------------------------------------------------------------------- */

static void inflate_piece(struct request *req, struct body_collector *collector, tuf_slice piece)
{
    while (piece.len > 0) {
        tuf_status st = decoder_step(&collector->decoder, &collector->bytes, &piece);
        if (st == TUF_OK)
            st = body_hold(req, collector->bytes.cap);
        if (st != TUF_OK) {
            reply_status(req, st);
            return;
        }
        if (collector->bytes.len > collector->size_max) {
            refuse_too_large(req);
            return;
        }
    }
}

static void collect_piece(struct request *req, tuf_slice piece)
{
    struct body_collector *collector = req->priv->collector;
    if (collector->decoder.gzip) {
        inflate_piece(req, collector, piece);
        return;
    }
    tufi_buf_append(&collector->bytes, piece.data, piece.len);
    tuf_status st = buf_status(&collector->bytes);
    if (st == TUF_OK)
        st = body_hold(req, collector->bytes.cap);
    if (st != TUF_OK)
        reply_status(req, st);
}

static void collect_end(struct request *req)
{
    struct body_collector *collector = req->priv->collector;
    tuf_status st = decoder_end(&collector->decoder);
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    tuf_slice body = collector->bytes.len > 0 ? buf_slice(&collector->bytes) : tuf_str("");
    collector->done(req, body);
}

void body_collect(struct request *req, uint64_t size_max,
                  void (*done)(struct request *req, tuf_slice body))
{
    static const struct body_sink sink = { .piece = collect_piece, .end = collect_end };
    struct request_priv *priv = req->priv;
    if (priv->ended)
        return;
    tuf_assert(priv->collector == NULL);
    struct body_collector *collector = tufi_alloc_zero(sizeof(*collector));
    if (collector == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    priv->collector = collector;
    collector->done = done;
    collector->size_max = min_u64(size_max == 0 ? COLLECT_MAX : size_max, COLLECT_MAX);
    if (!decoder_start(&collector->decoder, req))
        return;
    uint64_t length;
    if (!collector->decoder.gzip && body_length(&length, req) && length <= collector->size_max &&
        !tufi_buf_reserve(&collector->bytes, (size_t)min_u64(length, COLLECT_FIRST))) {
        reply_status(req, tufi_nomem());
        return;
    }
    body_stream(req, collector->size_max, &sink);
}

tuf_status body_hold(struct request *req, size_t size)
{
    uint64_t max = server_settings(req->server)->body_memory_max;
    if (admission_hold(req->server->admission, &req->priv->held, size, max))
        return TUF_OK;
    return tufi_fail(TUF_E_NOMEM, "all requests together may hold %" PRIu64 " bytes of bodies", max);
}

void body_release(struct request *req)
{
    (void)body_hold(req, 0);
    struct body_collector *collector = req->priv->collector;
    if (collector == NULL)
        return;
    decoder_release(&collector->decoder);
    tufi_buf_release(&collector->bytes);
    tufi_free(collector);
    req->priv->collector = NULL;
}
