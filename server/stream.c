/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: streamed answers: asks a producer for more whenever the client has taken what was sent.
 *
 * INV-STR-1: at most one call of a producer runs at a time, on the loop or on a worker.
 * INV-STR-2: the terminating chunk is sent only after PRODUCE_DONE: a client can tell a complete
 *            answer from a cut one.
 */
#include <stdio.h>

#include <event2/buffer.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "server/request.h"

#define ROUNDS_MAX 16                 /* calls of a producer in one turn of the loop */
#define KEEP_MAX ((size_t)65536 * 2)  /* larger buffers are not kept for the next call */

static void stream_took(struct request *req, enum produce_result result);

static tuf_status run_produce(struct request *req)
{
    struct request_priv *priv = req->priv;
    priv->produced_result = priv->producer.produce(req, &priv->produced);
    if (priv->produced.failed)
        return tufi_nomem();
    if (priv->produced_result != PRODUCE_FAIL)
        return TUF_OK;
    tuf_status st = tuf_last_error()->status;
    return st != TUF_OK ? st : tufi_fail(TUF_E_INTERNAL, "a producer failed without a reason");
}

static void produced_on_worker(struct request *req, tuf_status status)
{
    stream_took(req, status == TUF_OK ? req->priv->produced_result : PRODUCE_FAIL);
    if (req->priv->conn != NULL)
        conn_kick(req->priv->conn);
}

static void free_reference(const void *data, size_t len, void *memory)
{
    (void)data;
    (void)len;
    tufi_free(memory);
}

static bool send_bytes(struct request *req, const char *before, struct buf *bytes,
                       const char *after)
{
    struct evbuffer *out = bufferevent_get_output(req->priv->conn->bev);
    size_t len = bytes->len;
    bool copied = len <= 4096;
    if (evbuffer_add(out, before, strlen(before)) != 0)
        return false;
    if (copied) {
        if (evbuffer_add(out, bytes->data, len) != 0)
            return false;
        tufi_buf_clear(bytes);
    } else {
        uint8_t *memory = tufi_buf_take(bytes);
        if (evbuffer_add_reference(out, memory, len, free_reference, memory) != 0) {
            tufi_free(memory);
            return false;
        }
    }
    req->priv->bytes_sent += len;
    return evbuffer_add(out, after, strlen(after)) == 0;
}

static bool send_head(struct request *req)
{
    struct request_priv *priv = req->priv;
    struct reply_size size = { .has_length = priv->producer.has_length,
                               .length = priv->producer.length };
    size.chunked = !size.has_length && priv->minor == 1;
    if (!size.has_length && !size.chunked)
        priv->conn->keep_alive = false; /* the end of the connection is the end of the body */
    priv->head_sent = true;
    priv->chunked = size.chunked;
    return reply_write_head(req, priv->status, priv->producer.type, size);
}

/* Sends what the producer appended. False if the connection has to be cut. */
static bool send_produced(struct request *req)
{
    struct request_priv *priv = req->priv;
    if (!priv->head_sent && !send_head(req))
        return false;
    size_t len = priv->produced.len;
    if (len == 0)
        return true;
    if (priv->producer.has_length) {
        if (len > priv->length_left)
            return false;
        priv->length_left -= len;
    }
    if (!priv->chunked)
        return send_bytes(req, "", &priv->produced, "");
    char size_line[24];
    snprintf(size_line, sizeof(size_line), "%zx\r\n", len);
    return send_bytes(req, size_line, &priv->produced, "\r\n");
}

/* Before the first byte a failure can still become an error answer. */
static void stream_failed(struct request *req)
{
    struct request_priv *priv = req->priv;
    priv->streaming = false;
    if (priv->head_sent) {
        conn_close(priv->conn);
        return;
    }
    priv->answered = false;
    priv->out_count = 0;
    reply_status(req, tuf_last_error()->status);
}

static void stream_took(struct request *req, enum produce_result result)
{
    struct request_priv *priv = req->priv;
    if (priv->memory_failed && result != PRODUCE_FAIL) {
        tufi_nomem();
        result = PRODUCE_FAIL;
    }
    if (result == PRODUCE_FAIL) {
        stream_failed(req);
        return;
    }
    if (!send_produced(req)) {
        conn_close(priv->conn);
        return;
    }
    if (result == PRODUCE_DONE) {
        static const char last_chunk[] = "0\r\n\r\n";
        priv->streaming = false;
        if ((priv->producer.has_length && priv->length_left > 0) ||
            (priv->chunked &&
             bufferevent_write(priv->conn->bev, last_chunk, sizeof(last_chunk) - 1) != 0))
            conn_close(priv->conn);
        else
            request_end(req);
        return;
    }
    priv->waiting = result == PRODUCE_WAIT && !priv->resumed;
    priv->resumed = false;
    if (priv->waiting || priv->produced.cap > KEEP_MAX)
        tufi_buf_release(&priv->produced);
}

void stream_pump(struct request *req)
{
    struct request_priv *priv = req->priv;
    for (int round = 0; priv->streaming && !priv->waiting && !priv->job_running; round++) {
        if (conn_output_len(priv->conn) >= CONN_OUTPUT_LOW)
            return;
        if (round == ROUNDS_MAX) {
            conn_kick(priv->conn);
            return;
        }
        tufi_buf_clear(&priv->produced);
        if (priv->producer.blocking) {
            work_run(req, run_produce, produced_on_worker);
            return;
        }
        uint64_t failures = tufi_alloc_failures();
        tuf_status st = run_produce(req);
        priv->memory_failed = priv->memory_failed || tufi_alloc_failures() != failures;
        stream_took(req, st == TUF_OK ? priv->produced_result : PRODUCE_FAIL);
        if (priv->ended)
            return;
    }
}

bool stream_is_waiting(const struct request *req)
{
    return req->priv->streaming && req->priv->waiting;
}

void reply_resume(struct request *req)
{
    struct request_priv *priv = req->priv;
    if (priv->ended || !priv->streaming)
        return;
    if (!priv->waiting)
        priv->resumed = true; /* the call that runs now may be about to say WAIT */
    priv->waiting = false;
    conn_kick(priv->conn);
}

void reply_stream(struct request *req, int status, const struct producer *producer)
{
    struct request_priv *priv = req->priv;
    if (priv->ended)
        return;
    if (reply_is_doubtful(req, status)) {
        reply_status(req, tufi_nomem());
        return;
    }
    if (priv->bad_header || reply_is_bodyless(req, status)) {
        /* CouchDB says length 0 to HEAD where it would stream. */
        struct buf none = BUF_INIT;
        if (producer->has_length)
            reply_headerf(req, "Content-Length", "%llu", (unsigned long long)producer->length);
        reply_bytes(req, status, producer->type != NULL ? producer->type : "application/json",
                    &none);
        return;
    }
    tuf_assert(!priv->answered);
    priv->answered = true;
    priv->producer = *producer;
    tuf_slice type =
        request_copy(req, tuf_str(producer->type != NULL ? producer->type : "application/json"));
    if (type.data == NULL) {
        conn_close(priv->conn);
        return;
    }
    priv->producer.type = (const char *)type.data;
    priv->length_left = producer->length;
    priv->status = status;
    priv->streaming = true;
    conn_kick(priv->conn);
}
