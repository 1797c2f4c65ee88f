/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a request's life and the questions about its head. See server/http.h, server/request.h.
 */
#include "server/request.h"

#include <strings.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hex.h"
#include "server/log.h"
#include "server/server.h"

#define REQUEST_MAGIC 0x7ec0e577u

/* Request and core part are one allocation. */
struct request_block {
    struct request req;
    struct request_priv priv;
};

static void release(struct loop_task *task)
{
    struct request_priv *priv =
        (struct request_priv *)(void *)((char *)task - offsetof(struct request_priv, release_task));
    struct request *req = priv->req;
    tuf_assert(req->magic == REQUEST_MAGIC);
    tuf_assert(!priv->job_running);
    void (*cleanup)(struct request *) = priv->cleanup;
    priv->cleanup = NULL;
    if (cleanup != NULL)
        cleanup(req);
    body_release(req);
    tufi_buf_release(&priv->produced);
    dbh_unref(&req->dbh);
    tufi_arena_release(&priv->trailer_arena);
    tufi_arena_release(&req->arena);
    req->loop->request_count--;
    req->magic = 0;
    tufi_free(req);
}

static void release_soon(struct request *req)
{
    struct request_priv *priv = req->priv;
    if (priv->timer != NULL)
        event_free(priv->timer);
    priv->timer = NULL;
    feed_release(req);
    priv->ended = true;
    if (!priv->job_running)
        loop_defer(req->loop, &priv->release_task);
}

void request_end(struct request *req)
{
    struct conn *conn = req->priv->conn;
    tuf_assert(!req->priv->ended);
    log_access(req);
    metrics_request(req);
    req->priv->conn = NULL;
    release_soon(req);
    if (conn != NULL)
        conn_request_done(conn);
}

void request_client_gone(struct request *req)
{
    if (req->priv->ended)
        return;
    req->priv->client_gone = true;
    log_access(req);
    metrics_request(req);
    req->priv->conn = NULL;
    release_soon(req);
}

bool request_job_ended(struct request *req)
{
    req->priv->job_running = false;
    if (!req->priv->ended)
        return false;
    loop_defer(req->loop, &req->priv->release_task);
    return true;
}

bool request_is_live(const struct request *req)
{
    return !req->priv->ended;
}

/* The client's own id if it is harmless, else ten random digits. */
static void choose_id(struct request *req)
{
    struct request_priv *priv = req->priv;
    tuf_slice own;
    bool good = request_header(&own, req, "X-Couch-Request-ID") && own.len > 0 &&
                own.len < REQUEST_ID_SIZE;
    for (size_t i = 0; good && i < own.len; i++) {
        uint8_t c = own.data[i];
        good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '_' || c == '-';
    }
    if (good) {
        memcpy(priv->id, own.data, own.len);
        return;
    }
    tufi_hex_encode(priv->id, loop_random(req->loop, 5), 5);
}

struct request *request_new(struct conn *conn, struct head *head, struct head_error *error,
                            tuf_slice bytes)
{
    struct request_block *block = tufi_alloc_zero(sizeof(*block));
    if (block == NULL)
        return NULL;
    struct request *req = &block->req;
    struct request_priv *priv = &block->priv;
    req->magic = REQUEST_MAGIC;
    req->server = conn->loop->server;
    req->loop = conn->loop;
    req->priv = priv;
    req->method = HTTP_OTHER;
    priv->req = req;
    priv->conn = conn;
    priv->minor = 1;
    priv->start_ms = clock_ms();
    priv->alloc_failures = tufi_alloc_failures();
    priv->release_task.run = release;
    req->server->request_count++;
    req->loop->request_count++;
    tuf_slice own = tufi_arena_copy(&req->arena, bytes);
    if (own.data == NULL) {
        error->status = 503;
        error->reason = "out of memory";
    } else if (bytes.len > 0 && head_parse(head, error, &req->arena, own)) {
        priv->minor = head->minor;
        priv->method_text = head->method;
        req->target = head->target;
        req->headers = head->headers;
        req->header_count = head->header_count;
    }
    choose_id(req);
    return req;
}

/* ---- head -------------------------------------------------------------------------------- */

bool request_header(tuf_slice *out, const struct request *req, const char *name)
{
    return header_find(out, req->headers, req->header_count, name);
}

bool request_trailer(tuf_slice *out, const struct request *req, const char *name)
{
    return header_find(out, req->priv->trailers, req->priv->trailer_count, name);
}

bool request_take_trailers(struct request *req, tuf_slice section)
{
    struct request_priv *priv = req->priv;
    tuf_slice own = tufi_arena_copy(&priv->trailer_arena, section);
    return own.data != NULL &&
           head_parse_trailers(&priv->trailers, &priv->trailer_count, &priv->trailer_arena, own);
}

bool request_header_is(const struct request *req, const char *name, const char *text)
{
    tuf_slice value;
    return request_header(&value, req, name) && slice_is_nocase(value, text);
}

bool request_next_item(tuf_slice *item, tuf_slice *rest, char separator)
{
    if (!slice_next_item(item, rest, separator))
        return false;
    *item = slice_trim(*item, SLICE_OWS);
    return true;
}

/* Whether a media range is followed by "q=0". */
static bool is_refused(tuf_slice parameters)
{
    tuf_slice parameter;
    while (request_next_item(&parameter, &parameters, ';')) {
        if (slice_is(parameter, "q=0") || slice_is(parameter, "q=0.0") ||
            slice_is(parameter, "q=0.00") || slice_is(parameter, "q=0.000"))
            return true;
    }
    return false;
}

bool request_accepts(const struct request *req, const char *type)
{
    tuf_slice list;
    if (!request_header(&list, req, "Accept") || list.len == 0)
        return true;
    const char *slash = strchr(type, '/');
    size_t family_len = (size_t)(slash - type) + 1;
    bool named = false, wildcard = false, refused = false;
    tuf_slice entry;
    while (request_next_item(&entry, &list, ',')) {
        tuf_slice range;
        request_next_item(&range, &entry, ';');
        bool exact = slice_is_nocase(range, type);
        bool family = range.len == family_len + 1 && range.data[family_len] == '*' &&
                      strncasecmp((const char *)range.data, type, family_len) == 0;
        bool any = slice_is(range, "*/*") || slice_is(range, "*");
        if (is_refused(entry))
            refused = refused || exact || family;
        else if (exact || family)
            named = true;
        else if (any)
            wildcard = true;
    }
    return !refused && (named || wildcard);
}

bool request_has_type(const struct request *req, const char *type)
{
    tuf_slice value;
    tuf_slice first;
    if (!request_header(&value, req, "Content-Type") || !request_next_item(&first, &value, ';'))
        return false;
    return slice_is(first, type);
}

bool request_require_json(struct request *req)
{
    if (request_has_type(req, "application/json"))
        return true;
    reply_error(req, 415, "bad_content_type", "Content-Type must be application/json");
    return false;
}

bool request_not_modified(struct request *req, const char *etag)
{
    tuf_slice list;
    tuf_slice entry;
    if (!request_header(&list, req, "If-None-Match"))
        return false;
    while (request_next_item(&entry, &list, ',')) {
        if (slice_starts(entry, "W/"))
            entry = tuf_slice_of(entry.data + 2, entry.len - 2);
        if (slice_is(entry, etag)) {
            reply_header(req, "ETag", tuf_str(etag));
            reply_empty(req, 304);
            return true;
        }
    }
    return false;
}

/* The configured name of a forwarding header, or its default; then its value. */
static bool forwarded(tuf_slice *out, const struct request *req, const char *key,
                      const char *fallback)
{
    TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
    if (!config_get(&name, req->server->config, "chttpd", key))
        buf_append_str(&name, fallback);
    buf_append_u8(&name, 0);
    return !name.failed && request_header(out, req, (const char *)name.data);
}

bool request_is_secure(const struct request *req)
{
    tuf_slice value;
    return (req->priv->conn != NULL && req->priv->conn->is_tls) ||
           (forwarded(&value, req, "x_forwarded_ssl", "X-Forwarded-Ssl") &&
            slice_is(value, "on")) ||
           (forwarded(&value, req, "x_forwarded_proto", "X-Forwarded-Proto") &&
            slice_is(value, "https"));
}

/* The last address of the list is the one that the proxy next to us wrote itself. */
static void forwarded_peer(char out[PEER_SIZE], const struct request *req)
{
    TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
    tuf_slice value;
    if (!config_get(&name, req->server->config, "chttpd", "peer_header"))
        return;
    buf_append_u8(&name, 0);
    if (name.failed || !request_header(&value, req, (const char *)name.data))
        return;
    const uint8_t *comma = value.len > 0 ? memrchr(value.data, ',', value.len) : NULL;
    if (comma != NULL)
        value = slice_trim(
            tuf_slice_of(comma + 1, value.len - (size_t)(comma - value.data) - 1), SLICE_OWS);
    if (value.len == 0 || value.len >= PEER_SIZE || slice_has_control(value))
        return;
    memcpy(out, value.data, value.len);
    out[value.len] = 0;
}

const char *request_peer(struct request *req)
{
    struct request_priv *priv = req->priv;
    if (priv->peer[0] == 0 && priv->conn != NULL) {
        memcpy(priv->peer, priv->conn->peer, PEER_SIZE);
        if (server_settings(req->server)->has_peer_header)
            forwarded_peer(priv->peer, req);
    }
    return priv->peer;
}

void request_append_base_url(struct buf *out, const struct request *req)
{
    tuf_slice value;
    buf_append_str(out, request_is_secure(req) ? "https://" : "http://");
    if (forwarded(&value, req, "x_forwarded_host", "X-Forwarded-Host") ||
        request_header(&value, req, "Host"))
        buf_append_slice(out, value);
    else
        buf_append_str(out, "127.0.0.1:5984");
}

void url_encode(struct buf *out, tuf_slice segment)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < segment.len; i++) {
        uint8_t c = segment.data[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     c == '-' || c == '_' || c == '.' || c == '~' || c == ':';
        if (plain) {
            buf_append_u8(out, c);
            continue;
        }
        buf_append_u8(out, '%');
        buf_append_u8(out, (uint8_t)digits[c >> 4]);
        buf_append_u8(out, (uint8_t)digits[c & 15]);
    }
}

tuf_slice request_copy(struct request *req, tuf_slice s)
{
    return tufi_arena_copy(&req->arena, s);
}

void request_on_cleanup(struct request *req, void (*cleanup)(struct request *))
{
    tuf_assert(req->priv->cleanup == NULL);
    req->priv->cleanup = cleanup;
}

/* ---- timer ------------------------------------------------------------------------------- */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct request *req = arg;
    (void)fd;
    (void)what;
    void (*fire)(struct request *) = req->priv->fire;
    req->priv->fire = NULL;
    if (fire != NULL && request_is_live(req))
        fire(req);
}

void request_set_timer(struct request *req, uint64_t timeout_ms, void (*fire)(struct request *))
{
    struct request_priv *priv = req->priv;
    if (priv->ended)
        return;
    if (priv->timer != NULL)
        event_del(priv->timer);
    priv->fire = NULL;
    if (timeout_ms == 0 || fire == NULL)
        return;
    if (priv->timer == NULL)
        priv->timer = evtimer_new(req->loop->base, on_timer, req);
    struct timeval tv = { (time_t)(timeout_ms / 1000), (suseconds_t)(timeout_ms % 1000 * 1000) };
    if (priv->timer == NULL || event_add(priv->timer, &tv) != 0) {
        /* Without its timer a feed would hang: end it now instead. */
        if (priv->conn != NULL)
            conn_close(priv->conn);
        return;
    }
    priv->fire = fire;
}
