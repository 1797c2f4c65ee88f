/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: request bodies: streamed to a sink, or collected (and inflated) into memory.
 *
 * INV-RQB-1: a collected body never holds more than its limit, inflated bytes included.
 * Not here: framing and back-pressure of the socket (server/conn.c).
 */
#include <zlib.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "server/request.h"
#include "server/server.h"

#define COLLECT_MAX ((uint64_t)1 << 30)
#define INFLATE_STEP ((size_t)65536)

struct body_collector {
    void (*done)(struct request *req, tuf_slice body);
    struct buf bytes;
    uint64_t size_max;
    bool gzip;
    bool gzip_ended;
    z_stream inflater;
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

static void refuse_gzip(struct request *req)
{
    reply_error(req, 400, "bad_request", "Request body is not properly gzipped.");
}

/* Inflates a piece into the collected bytes; answers if that fails. */
static void inflate_piece(struct request *req, struct body_collector *collector, tuf_slice piece)
{
    z_stream *inflater = &collector->inflater;
    TUF_AUTOFREE uint8_t *input = tufi_memdup(piece.data, piece.len);
    if (input == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    inflater->next_in = input;
    inflater->avail_in = (uInt)piece.len;
    while (inflater->avail_in > 0) {
        if (collector->gzip_ended) {
            refuse_gzip(req);
            return;
        }
        if (!tufi_buf_reserve(&collector->bytes, INFLATE_STEP)) {
            reply_status(req, tufi_nomem());
            return;
        }
        inflater->next_out = collector->bytes.data + collector->bytes.len;
        inflater->avail_out = (uInt)INFLATE_STEP;
        int result = inflate(inflater, Z_NO_FLUSH);
        collector->bytes.len += INFLATE_STEP - inflater->avail_out;
        collector->gzip_ended = result == Z_STREAM_END;
        if (result != Z_OK && result != Z_STREAM_END) {
            refuse_gzip(req);
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
    if (collector->gzip) {
        inflate_piece(req, collector, piece);
        return;
    }
    tufi_buf_append(&collector->bytes, piece.data, piece.len);
    if (collector->bytes.failed)
        reply_status(req, tufi_nomem());
}

static void collect_end(struct request *req)
{
    struct body_collector *collector = req->priv->collector;
    if (collector->gzip && !collector->gzip_ended) {
        refuse_gzip(req);
        return;
    }
    tuf_slice body = collector->bytes.len > 0 ? buf_slice(&collector->bytes) : tuf_str("");
    collector->done(req, body);
}

/* Looks at Content-Encoding. False when it was answered. */
static bool start_decoding(struct request *req, struct body_collector *collector)
{
    tuf_slice coding;
    if (!request_header(&coding, req, "Content-Encoding") || slice_is(coding, "identity"))
        return true;
    if (!slice_is(coding, "gzip")) {
        reply_errorf(req, 415, "bad_content_type", "%.*s is not a supported content encoding.",
                     (int)coding.len, (const char *)coding.data);
        return false;
    }
    if (inflateInit2(&collector->inflater, 15 + 16) != Z_OK) {
        reply_status(req, tufi_nomem());
        return false;
    }
    collector->gzip = true;
    return true;
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
    if (!start_decoding(req, collector))
        return;
    uint64_t length;
    if (!collector->gzip && body_length(&length, req) && length <= collector->size_max &&
        !tufi_buf_reserve(&collector->bytes, (size_t)min_u64(length, 1 << 20))) {
        reply_status(req, tufi_nomem());
        return;
    }
    body_stream(req, collector->size_max, &sink);
}

void body_release(struct request *req)
{
    struct body_collector *collector = req->priv->collector;
    if (collector == NULL)
        return;
    if (collector->gzip)
        inflateEnd(&collector->inflater);
    tufi_buf_release(&collector->bytes);
    tufi_free(collector);
    req->priv->collector = NULL;
}
