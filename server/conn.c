/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: drives one connection. See server/conn.h for states and invariants.
 *
 * The head is found, checked and parsed by server/head.c; llhttp then reads the same header lines
 * and does the framing of the body. Both must accept.
 */
#include "server/conn.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "server/admission.h"
#include "server/request.h"
#include "server/server.h"

#define CONN_MAGIC 0xc0441dedu
#define INPUT_WATERMARK (HEAD_SIZE_MAX + HEAD_LINE_MAX + 8192)
#define OVERHEAD_MAX ((size_t)16384)
#define CHUNKED_STEP ((size_t)4096)
#define LIBEVENT_READ_SIZE 4096        /* EVBUFFER_MAX_READ of 2.1 */
#define SINGLE_WRITE_MAX ((size_t)262144)

static_assert(INPUT_WATERMARK > HEAD_SIZE_MAX + HEAD_LINE_MAX, "a head must fit into the input");

static void conn_step(struct conn *conn);

static struct conn *conn_of(void *arg)
{
    struct conn *conn = arg;
    tuf_assert(conn->magic == CONN_MAGIC);
    return conn;
}

static const struct settings *settings_of(const struct conn *conn)
{
    return server_settings(conn->loop->server);
}

/* ---- framing ----------------------------------------------------------------------------- */

static bool on_content(tuf_slice bytes, void *ctx)
{
    struct conn *conn = conn_of(ctx);
    conn->body_received += bytes.len;
    if (conn->body_left != UINT64_MAX)
        conn->body_left -= min_u64(conn->body_left, bytes.len);
    if (conn->req == NULL) {
        conn->drained += bytes.len;
        return true;
    }
    if (!request_body_piece(conn->req, bytes) || conn->req == NULL)
        return true;
    return request_wants_body(conn->req);
}

/* Trailers of a body that nobody wants are checked all the same: they end the message. */
static bool on_trailers(tuf_slice section, void *ctx)
{
    struct conn *conn = conn_of(ctx);
    if (conn->req != NULL)
        return request_take_trailers(conn->req, section);
    struct arena arena = ARENA_INIT;
    struct header *trailers;
    size_t count;
    bool good = head_parse_trailers(&trailers, &count, &arena, section);
    tufi_arena_release(&arena);
    return good;
}

static void on_end(void *ctx)
{
    conn_of(ctx)->body_done = true;
}

static const struct framing_events framing_events = {
    .content = on_content,
    .trailers = on_trailers,
    .end = on_end,
};

/* Gives bytes to llhttp. Returns how many it consumed; false if they are malformed. Chunk
 * extensions and trailers count as overhead, which is bounded. */
static bool parser_feed(size_t *consumed, struct conn *conn, const char *data, size_t len)
{
    uint64_t before = conn->body_received;
    if (!framing_feed(consumed, &conn->framing, data, len))
        return false;
    conn->overhead = conn->body_received == before ? conn->overhead + *consumed : 0;
    return conn->overhead <= OVERHEAD_MAX || conn->body_left != UINT64_MAX;
}

/* Begins the framing of a checked head. False if llhttp does not agree with it. */
static bool parser_start(struct conn *conn, const struct head *head, tuf_slice bytes)
{
    conn->overhead = 0;
    conn->body_left = 0;
    bool good = framing_start(&conn->framing, head->minor, bytes, &framing_events, conn);
    conn->body_left = head->chunked ? UINT64_MAX : head->length;
    return good && conn->body_done == (!head->chunked && head->length == 0);
}

/* ---- life -------------------------------------------------------------------------------- */

static struct evbuffer *input_of(struct conn *conn)
{
    return bufferevent_get_input(conn->bev);
}

size_t conn_output_len(const struct conn *conn)
{
    return evbuffer_get_length(bufferevent_get_output(conn->bev));
}

/* TLS tells the other side that this was all; once, and without waiting for its answer. */
static void say_farewell(struct conn *conn)
{
    SSL *ssl = conn->is_tls ? bufferevent_openssl_get_ssl(conn->bev) : NULL;
    if (ssl == NULL || !SSL_is_init_finished(ssl) ||
        (SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN) != 0)
        return;
    (void)SSL_shutdown(ssl);
    ERR_clear_error();
}

static void conn_free(struct conn *conn)
{
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        conn->loop->conns = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    conn->loop->conn_count--;
    say_farewell(conn);
    admission_leave(conn->loop->server->admission, &conn->client);
    bufferevent_free(conn->bev);
    framing_release(&conn->framing);
    conn->magic = 0;
    tufi_free(conn);
}

static void run_step_task(struct loop_task *task)
{
    struct conn *conn =
        conn_of((char *)task - offsetof(struct conn, step_task));
    conn->step_queued = false;
    if (conn->state == CONN_CLOSED)
        conn_free(conn);
    else
        conn_step(conn);
}

void conn_kick(struct conn *conn)
{
    if (conn->step_queued)
        return;
    conn->step_queued = true;
    loop_defer(conn->loop, &conn->step_task);
}

void conn_close(struct conn *conn)
{
    if (conn->state == CONN_CLOSED)
        return;
    conn->state = CONN_CLOSED;
    bufferevent_setcb(conn->bev, NULL, NULL, NULL, NULL);
    bufferevent_disable(conn->bev, EV_READ | EV_WRITE);
    if (conn->req != NULL) {
        struct request *req = conn->req;
        conn->req = NULL;
        request_client_gone(req);
    }
    conn_kick(conn);
}

void conn_request_done(struct conn *conn)
{
    conn->req = NULL;
    if (!conn->stepping) /* else the step that runs sees it */
        conn_kick(conn);
}

static void enter_head(struct conn *conn)
{
    conn->state = CONN_HEAD;
    conn->scanned = 0;
    conn->deadline_ms = clock_ms() + settings_of(conn)->idle_timeout_ms;
}

static void enter_flush(struct conn *conn)
{
    conn->state = CONN_FLUSH;
    conn->deadline_ms = clock_ms() + settings_of(conn)->write_timeout_ms;
}

/* An answer to HEAD has no body, also when the head that came is not understood. */
static bool asks_head(struct conn *conn)
{
    char name[5];
    return evbuffer_copyout(input_of(conn), name, sizeof(name)) == (ev_ssize_t)sizeof(name) &&
           memcmp(name, "HEAD ", sizeof(name)) == 0;
}

/* ---- heads ------------------------------------------------------------------------------- */

static void start_request(struct conn *conn, tuf_slice bytes)
{
    struct head head = { .minor = 1 };
    struct head_error error = { 0, NULL };
    conn->state = CONN_BUSY;
    conn->deadline_ms = 0;
    conn->body_done = false;
    conn->body_received = conn->drained = 0;
    conn->body_left = 0;
    conn->overhead = 0;
    conn->req = request_new(conn, &head, &error, bytes);
    if (conn->req == NULL) {
        conn_close(conn);
        return;
    }
    conn->req->is_head = asks_head(conn);
    if (error.status == 0 && !parser_start(conn, &head, bytes)) {
        error.status = 400;
        error.reason = "malformed request";
    }
    conn->keep_alive = error.status == 0 && head.keep_alive;
    conn->expect_continue = error.status == 0 && head.expect_continue && !conn->body_done;
    if (error.status != 0)
        reply_error(conn->req, error.status, error.status == 431 || error.status == 414
                                                 ? "too_long" : "bad_request", error.reason);
    else
        request_dispatch(conn->req);
}

/* Refuses what cannot become a head. */
static void refuse_head(struct conn *conn, struct head_error error)
{
    struct head head;
    struct head_error ignored = { 0, NULL };
    conn->state = CONN_BUSY;
    conn->deadline_ms = 0;
    conn->body_done = false;
    conn->keep_alive = false;
    conn->expect_continue = false;
    conn->req = request_new(conn, &head, &ignored, tuf_str(""));
    if (conn->req == NULL) {
        conn_close(conn);
        return;
    }
    conn->req->is_head = asks_head(conn);
    const char *name = error.status == 408   ? "timeout"
                       : error.status == 400 ? "bad_request"
                                             : "too_long";
    reply_error(conn->req, error.status, name, error.reason);
}

/* Returns true if the state changed: a request was started, or none will come any more. */
static bool read_head(struct conn *conn)
{
    struct evbuffer *input = input_of(conn);
    char two[2];
    while (conn->scanned == 0 && evbuffer_copyout(input, two, 2) == 2 && two[0] == '\r' &&
           two[1] == '\n')
        evbuffer_drain(input, 2);
    size_t len = evbuffer_get_length(input);
    if (len == 0) {
        if (conn->eof)
            enter_flush(conn);
        return conn->eof;
    }
    uint64_t head_deadline = clock_ms() + settings_of(conn)->head_timeout_ms;
    if (conn->scanned == 0 && conn->deadline_ms > head_deadline)
        conn->deadline_ms = head_deadline;
    const uint8_t *data = evbuffer_pullup(input, -1);
    if (data == NULL) {
        conn_close(conn);
        return false;
    }
    struct head_error error;
    size_t head_len = head_scan(&error, &conn->scanned, tuf_slice_of(data, len));
    if (error.status != 0) {
        refuse_head(conn, error);
        return true;
    }
    if (head_len == 0) {
        if (conn->eof)
            enter_flush(conn);
        return conn->eof;
    }
    start_request(conn, tuf_slice_of(data, head_len));
    if (conn->state != CONN_CLOSED)
        evbuffer_drain(input, head_len);
    return conn->state != CONN_CLOSED;
}

/* ---- bodies ------------------------------------------------------------------------------ */

static void body_is_malformed(struct conn *conn)
{
    conn->keep_alive = false;
    conn->eof = true; /* nothing that follows has a meaning */
    if (conn->req != NULL && !request_answered(conn->req))
        reply_error(conn->req, 400, "bad_request", "malformed request body");
    else
        conn_close(conn);
}

/* Feeds what has arrived, as far as it is wanted. */
static void feed_body(struct conn *conn)
{
    struct evbuffer *input = input_of(conn);
    while (conn->state != CONN_CLOSED && !conn->body_done && evbuffer_get_length(input) > 0) {
        bool discard = conn->req == NULL;
        if (!discard && !request_wants_body(conn->req))
            return;
        struct evbuffer_iovec piece;
        if (evbuffer_peek(input, -1, NULL, &piece, 1) < 1)
            return;
        if (conn->body_left == UINT64_MAX) /* chunked: what is framing only must show */
            piece.iov_len = min_size(piece.iov_len, CHUNKED_STEP);
        size_t consumed;
        bool good = parser_feed(&consumed, conn, piece.iov_base, piece.iov_len);
        if (conn->state == CONN_CLOSED)
            return;
        if (!good) {
            body_is_malformed(conn);
            return;
        }
        evbuffer_drain(input, consumed);
        if (discard && conn->drained > CONN_DRAIN_MAX)
            return;
    }
    if (conn->state != CONN_CLOSED && conn->req != NULL && conn->body_done)
        request_body_end(conn->req);
}

/* The client asked whether to send its body: yes, now that somebody wants it. */
static void send_continue(struct conn *conn)
{
    static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
    conn->expect_continue = false;
    if (evbuffer_get_length(input_of(conn)) == 0)
        bufferevent_write(conn->bev, line, sizeof(line) - 1);
}

/* Returns false if there is nothing more to do now. */
static bool step_busy(struct conn *conn)
{
    if (conn->req != NULL) {
        bool wants = !conn->body_done && request_wants_body(conn->req);
        if (wants && conn->expect_continue)
            send_continue(conn);
        if (wants && conn->body_start_ms == 0)
            conn->body_start_ms = clock_ms();
        if (!wants)
            conn->body_start_ms = 0;
        feed_body(conn);
        if (conn->state != CONN_BUSY)
            return false;
    }
    if (conn->req != NULL && conn->eof && !conn->body_done &&
        evbuffer_get_length(input_of(conn)) == 0) {
        conn_close(conn);
        return false;
    }
    if (conn->req != NULL) {
        stream_pump(conn->req);
        if (conn->state != CONN_BUSY)
            return false;
        if (conn->req != NULL && conn->eof && stream_is_waiting(conn->req))
            conn_close(conn);
    }
    if (conn->req != NULL || conn->state != CONN_BUSY)
        return false;
    conn->body_start_ms = 0;
    if (!conn->keep_alive) {
        enter_flush(conn);
    } else if (conn->body_done) {
        enter_head(conn);
    } else {
        conn->state = CONN_DRAIN;
        conn->deadline_ms = clock_ms() + CONN_LINGER_MS;
    }
    return true;
}

static bool step_drain(struct conn *conn)
{
    feed_body(conn);
    if (conn->state != CONN_DRAIN)
        return false;
    if (conn->body_done) {
        enter_head(conn);
        return true;
    }
    if (conn->drained > CONN_DRAIN_MAX || conn->eof) {
        enter_flush(conn);
        return true;
    }
    return false;
}

/* Everything is written: close, but let a client that still sends read the answer first. */
static void step_flush(struct conn *conn)
{
    if (conn_output_len(conn) > 0)
        return;
    if (conn->eof || (conn->body_done && evbuffer_get_length(input_of(conn)) == 0)) {
        conn_close(conn);
        return;
    }
    conn->state = CONN_LINGER;
    conn->deadline_ms = clock_ms() + CONN_LINGER_MS;
    conn->drained = 0;
    say_farewell(conn);
    shutdown(bufferevent_getfd(conn->bev), SHUT_WR);
}

static void step_linger(struct conn *conn)
{
    size_t len = evbuffer_get_length(input_of(conn));
    conn->drained += len;
    evbuffer_drain(input_of(conn), len);
    if (conn->eof || conn->drained > CONN_DRAIN_MAX)
        conn_close(conn);
}

/* libevent calls a reader again and again while its buffer stays full. Where nothing is wanted now
 * (a worker is busy with what came), reading rests until there is room. */
static void pace_reading(struct conn *conn)
{
    bool full = evbuffer_get_length(input_of(conn)) >= INPUT_WATERMARK;
    if (full == conn->reading_rests || conn->state == CONN_CLOSED)
        return;
    conn->reading_rests = full;
    if (full)
        bufferevent_disable(conn->bev, EV_READ);
    else
        bufferevent_enable(conn->bev, EV_READ);
}

static void wait_for_room(struct conn *conn)
{
    conn->writing_waits = true;
    bufferevent_enable(conn->bev, EV_WRITE);
}

/*
 * Sends what the step left to send. Most answers fit into the socket's buffer: they are written at
 * once, and the kernel is not asked to tell when there is room, which would be two system calls more.
 * What does not fit is sent by libevent, and so are streams: a client that reads fast must not keep
 * the loop from the others.
 */
static void send_output(struct conn *conn)
{
    struct evbuffer *output = bufferevent_get_output(conn->bev);
    if (conn->is_tls || conn->state == CONN_CLOSED)
        return;
    if (evbuffer_get_length(output) == 0) {
        if (conn->writing_waits)
            bufferevent_disable(conn->bev, EV_WRITE);
        conn->writing_waits = false;
        return;
    }
    if (conn->writing_waits)
        return;
    bool whole = conn->req == NULL || stream_is_waiting(conn->req);
    if (!whole || evbuffer_get_length(output) >= CONN_OUTPUT_LOW) {
        wait_for_room(conn);
        return;
    }
    evbuffer_unfreeze(output, 1);
    int sent = evbuffer_write(output, bufferevent_getfd(conn->bev));
    int err = EVUTIL_SOCKET_ERROR();
    evbuffer_freeze(output, 1);
    if (evbuffer_get_length(output) == 0) {
        if (conn->state == CONN_FLUSH)
            conn_kick(conn);
    } else if (sent >= 0 || err == EAGAIN || err == EINTR) {
        wait_for_room(conn);
    } else {
        conn_close(conn);
    }
}

static void run_states(struct conn *conn)
{
    bool again = true;
    while (again) {
        switch (conn->state) {
        case CONN_HEAD:
            /* Answers that the client does not read hold its further requests back. */
            again = conn_output_len(conn) < CONN_OUTPUT_LOW && read_head(conn);
            break;
        case CONN_BUSY:
            again = step_busy(conn);
            break;
        case CONN_DRAIN:
            again = step_drain(conn);
            break;
        case CONN_FLUSH:
            step_flush(conn);
            again = conn->state == CONN_LINGER;
            break;
        case CONN_LINGER:
            step_linger(conn);
            again = false;
            break;
        case CONN_CLOSED:
            again = false;
            break;
        }
    }
}

static void conn_step(struct conn *conn)
{
    conn->stepping = true;
    run_states(conn);
    conn->stepping = false;
    pace_reading(conn);
    send_output(conn);
}

/* ---- events ------------------------------------------------------------------------------ */

static void on_writable(struct bufferevent *bev, void *arg)
{
    (void)bev;
    conn_step(conn_of(arg));
}

/* libevent reads LIBEVENT_READ_SIZE at a time and waits for the socket before each. Where that much
 * came there is more: it is read at once, up to the watermark. The end of the stream and failures
 * are left for libevent to find. */
static void read_more(struct conn *conn)
{
    struct evbuffer *input = input_of(conn);
    size_t len = evbuffer_get_length(input);
    struct evbuffer_iovec room;
    if (conn->is_tls || len < LIBEVENT_READ_SIZE || len >= INPUT_WATERMARK)
        return;
    evbuffer_unfreeze(input, 0);
    if (evbuffer_reserve_space(input, (ev_ssize_t)(INPUT_WATERMARK - len), &room, 1) == 1) {
        ssize_t got = recv(bufferevent_getfd(conn->bev), room.iov_base,
                           min_size(room.iov_len, INPUT_WATERMARK - len), MSG_DONTWAIT);
        room.iov_len = got > 0 ? (size_t)got : 0;
        if (got > 0)
            evbuffer_commit_space(input, &room, 1);
    }
    evbuffer_freeze(input, 0);
}

static void on_readable(struct bufferevent *bev, void *arg)
{
    struct conn *conn = conn_of(arg);
    (void)bev;
    if (conn->state != CONN_CLOSED)
        read_more(conn);
    conn_step(conn);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct conn *conn = conn_of(arg);
    (void)bev;
    if ((what & BEV_EVENT_CONNECTED) != 0)
        return; /* the handshake of TLS is done */
    if ((what & BEV_EVENT_EOF) != 0 && conn->state != CONN_LINGER) {
        /* A client may close its sending half and still wait for the answer. */
        conn->eof = true;
        conn_step(conn);
        return;
    }
    conn_close(conn);
}

/* A body that comes too slowly costs a connection; 408 if nothing was answered yet. */
static void check_body_rate(struct conn *conn, uint64_t now_ms)
{
    if (conn->body_start_ms == 0 || conn->body_done || conn->req == NULL)
        return;
    uint64_t elapsed = now_ms - conn->body_start_ms;
    uint64_t grace_ms = settings_of(conn)->body_timeout_ms; /* then CONN_BODY_RATE counts */
    if (elapsed < grace_ms)
        return;
    if (conn->body_received >= (elapsed - grace_ms) / 1000 * CONN_BODY_RATE + 1)
        return;
    conn->keep_alive = false;
    if (request_answered(conn->req))
        conn_close(conn);
    else
        reply_error(conn->req, 408, "timeout", "the request body comes too slowly");
}

void conn_tick(struct conn *conn, uint64_t now_ms, bool stopping)
{
    if (conn->state == CONN_BUSY) {
        check_body_rate(conn, now_ms);
        return;
    }
    size_t waiting = evbuffer_get_length(input_of(conn));
    bool idle = conn->state == CONN_HEAD && waiting == 0 && conn_output_len(conn) == 0;
    if (stopping && idle) {
        conn_close(conn);
        return;
    }
    if (conn->deadline_ms == 0 || now_ms < conn->deadline_ms)
        return;
    if (conn->state == CONN_HEAD && waiting > 0 && conn_output_len(conn) == 0) {
        struct head_error error = { 408, "the request head comes too slowly" };
        refuse_head(conn, error);
        conn_kick(conn);
    } else {
        conn_close(conn);
    }
}

static void format_peer(char *out, size_t size, const struct sockaddr *addr)
{
    const void *bytes = NULL;
    if (addr->sa_family == AF_INET)
        bytes = &((const struct sockaddr_in *)(const void *)addr)->sin_addr;
    else if (addr->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr;
    if (addr->sa_family == AF_UNIX)
        snprintf(out, size, "unix");
    else if (bytes == NULL || evutil_inet_ntop(addr->sa_family, bytes, out, size) == NULL)
        out[0] = 0;
}

/* NULL when out of memory: then socket and TLS state are the caller's. */
static struct bufferevent *new_bufferevent(struct loop *loop, evutil_socket_t fd, SSL *ssl)
{
    if (ssl == NULL)
        return bufferevent_socket_new(loop->base, fd, BEV_OPT_CLOSE_ON_FREE);
    struct bufferevent *bev = bufferevent_openssl_socket_new(
        loop->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    /* A client that closes without a farewell is one that closes: lengths are known from HTTP. */
    if (bev != NULL)
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    return bev;
}

void conn_open(struct loop *loop, evutil_socket_t fd, const struct sockaddr *addr, SSL *ssl,
               struct admission_client *client)
{
    struct conn *conn = tufi_alloc_zero(sizeof(*conn));
    struct bufferevent *bev = conn != NULL ? new_bufferevent(loop, fd, ssl) : NULL;
    if (bev == NULL) {
        SSL_free(ssl);
        evutil_closesocket(fd);
        admission_leave(loop->server->admission, &client);
        tufi_free(conn);
        return;
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    conn->magic = CONN_MAGIC;
    conn->loop = loop;
    conn->bev = bev;
    conn->is_tls = ssl != NULL;
    conn->client = client;
    conn->step_task.run = run_step_task;
    format_peer(conn->peer, sizeof(conn->peer), addr);
    conn->next = loop->conns;
    if (loop->conns != NULL)
        loop->conns->prev = conn;
    loop->conns = conn;
    loop->conn_count++;
    enter_head(conn);
    uint64_t write_ms = settings_of(conn)->write_timeout_ms;
    struct timeval write_timeout = { (time_t)(write_ms / 1000), (suseconds_t)(write_ms % 1000 * 1000) };
    bufferevent_set_timeouts(bev, NULL, &write_timeout);
    bufferevent_setwatermark(bev, EV_READ, 0, INPUT_WATERMARK);
    bufferevent_setwatermark(bev, EV_WRITE, CONN_OUTPUT_LOW / 2, 0);
    bufferevent_set_max_single_read(bev, 65536);
    bufferevent_set_max_single_write(bev, SINGLE_WRITE_MAX);
    bufferevent_setcb(bev, on_readable, on_writable, on_event, conn);
    bufferevent_enable(bev, EV_READ);
    if (ssl == NULL)
        bufferevent_disable(bev, EV_WRITE); /* until there is something that waits */
}
