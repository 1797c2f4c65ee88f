/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: writes answers: status line, headers, whole bodies, errors. See server/http.h.
 *
 * Source: header names, order and defaults as CouchDB 3.5 sends them.
 * Not here: streamed bodies (server/stream.c).
 */
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include <event2/buffer.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/fail.h"
#include "json/token.h"
#include "server/config.h"
#include "server/cors.h"
#include "server/error_map.h"
#include "server/jval.h"
#include "server/log.h"
#include "server/request.h"
#include "server/server.h"

#define OUT_HEADERS_MAX 64
#define DEFAULT_HEADERS 12
#define HEAD_TYPICAL ((size_t)512) /* bytes */
#define COPY_MAX ((size_t)4096) /* larger bodies are handed to the socket buffer, not copied */

/* ---- headers ----------------------------------------------------------------------------- */

static bool header_is_clean(const char *name, tuf_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] == '\r' || value.data[i] == '\n' || value.data[i] == 0)
            return false;
    }
    for (; *name != 0; name++) {
        if (*name <= ' ' || *name == ':' || *name == 0x7f)
            return false;
    }
    return true;
}

static bool grow_headers(struct request *req)
{
    struct request_priv *priv = req->priv;
    if (priv->out_count < priv->out_room)
        return true;
    size_t room = priv->out_room == 0 ? DEFAULT_HEADERS : priv->out_room * 2;
    if (room > OUT_HEADERS_MAX)
        return false;
    struct out_header *out = tufi_arena_alloc(&req->arena, room * sizeof(*out));
    if (out == NULL)
        return false;
    if (priv->out_count > 0)
        memcpy(out, priv->out, priv->out_count * sizeof(*out));
    priv->out = out;
    priv->out_room = room;
    return true;
}

void reply_header_more(struct request *req, const char *name, tuf_slice value)
{
    struct request_priv *priv = req->priv;
    tuf_slice name_copy = request_copy(req, tuf_str(name));
    tuf_slice value_copy = request_copy(req, value);
    if (!header_is_clean(name, value) || name_copy.data == NULL || value_copy.data == NULL ||
        !grow_headers(req)) {
        priv->bad_header = true;
        return;
    }
    priv->out[priv->out_count].name = name_copy;
    priv->out[priv->out_count].value = value_copy;
    priv->out_count++;
}

const struct out_header *reply_find_header(const struct request *req, const char *name)
{
    for (size_t i = 0; i < req->priv->out_count; i++) {
        if (slice_is_nocase(req->priv->out[i].name, name))
            return &req->priv->out[i];
    }
    return NULL;
}

static void remove_header(struct request *req, const char *name)
{
    struct request_priv *priv = req->priv;
    size_t kept = 0;
    for (size_t i = 0; i < priv->out_count; i++) {
        if (!slice_is_nocase(priv->out[i].name, name))
            priv->out[kept++] = priv->out[i];
    }
    priv->out_count = kept;
}

void reply_header(struct request *req, const char *name, tuf_slice value)
{
    remove_header(req, name);
    reply_header_more(req, name, value);
}

void reply_headerf(struct request *req, const char *name, const char *fmt, ...)
{
    char text[2048];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(text))
        req->priv->bad_header = true;
    else
        reply_header(req, name, tuf_slice_of(text, (size_t)len));
}

void reply_content_policy(struct request *req, const char *area, const char *policy)
{
    char enable[40], value[40];
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    snprintf(enable, sizeof(enable), "%s_enable", area);
    snprintf(value, sizeof(value), "%s_header_value", area);
    if (!config_get(&text, req->server->config, "csp", value))
        buf_append_str(&text, policy);
    if (text.failed)
        req->priv->bad_header = true;
    else if (config_bool(req->server->config, "csp", enable, true))
        reply_header(req, "Content-Security-Policy", buf_slice(&text));
    reply_header(req, "X-Content-Type-Options", tuf_str("nosniff"));
}

void reply_header_drop(struct request *req, const char *name)
{
    struct request_priv *priv = req->priv;
    remove_header(req, name);
    if (priv->dropped_count < sizeof(priv->dropped) / sizeof(priv->dropped[0]))
        priv->dropped[priv->dropped_count++] = name;
}

static bool is_dropped(const struct request *req, const char *name)
{
    for (size_t i = 0; i < req->priv->dropped_count; i++) {
        if (strcasecmp(req->priv->dropped[i], name) == 0)
            return true;
    }
    return false;
}

/* Adds a header of the core unless the handler has one or does not want it. Both texts are clean,
 * and stay until the head is written. */
static void add_default(struct request *req, const char *name, tuf_slice value)
{
    struct request_priv *priv = req->priv;
    if (reply_find_header(req, name) != NULL || is_dropped(req, name))
        return;
    if (!grow_headers(req)) {
        priv->bad_header = true;
        return;
    }
    priv->out[priv->out_count++] = (struct out_header){ tuf_str(name), value };
}

static void add_number(struct request *req, const char *name, uint64_t value)
{
    char text[20];
    size_t at = sizeof(text);
    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    tuf_slice copy = request_copy(req, tuf_slice_of(text + at, sizeof(text) - at));
    if (copy.data == NULL)
        req->priv->bad_header = true;
    else
        add_default(req, name, copy);
}

/* Whether the connection goes on after this answer; decides on the Connection header. */
static void decide_keep_alive(struct request *req)
{
    struct conn *conn = req->priv->conn;
    bool body_is_short = conn->body_done || (conn->body_left <= CONN_DRAIN_MAX &&
                                             !conn->expect_continue);
    if (!body_is_short || req->loop->stopping)
        conn->keep_alive = false;
    if (!conn->keep_alive)
        reply_header(req, "Connection", tuf_str("close"));
    else if (req->priv->minor == 0)
        reply_header(req, "Connection", tuf_str("keep-alive"));
}

static void add_defaults(struct request *req, int status, const char *type, struct reply_size size)
{
    const struct settings *settings = server_settings(req->server);
    if (type != NULL && strcmp(type, "application/json") == 0)
        add_default(req, "Cache-Control", tuf_str("must-revalidate"));
    if (type != NULL)
        add_default(req, "Content-Type", tuf_str(type));
    if (size.has_length)
        add_number(req, "Content-Length", size.length);
    else if (size.chunked)
        add_default(req, "Transfer-Encoding", tuf_str("chunked"));
    add_default(req, "Date", tuf_str(loop_date(req->loop)));
    add_default(req, "Server", tuf_str(settings->server_versions ? "CouchDB/" SERVER_VERSION_COUCH
                                                                   " (Tuffet/" TUF_VERSION_STRING ")"
                                                                 : "CouchDB"));
    add_default(req, "X-Couch-Request-ID", tuf_str(req->priv->id));
    add_number(req, "X-CouchDB-Body-Time", req->priv->body_ms);
    if (settings->xframe_options)
        add_default(req, "X-Frame-Options",
                    tuf_str(config_bool(req->server->config, "x_frame_options", "same_origin", false)
                                ? "SAMEORIGIN" : "DENY"));
    cors_add_headers(req);
    if (status != 100)
        decide_keep_alive(req);
}

static bool header_is_before(const struct out_header *left, const struct out_header *right)
{
    size_t common = min_size(left->name.len, right->name.len);
    int order = strncasecmp((const char *)left->name.data, (const char *)right->name.data, common);
    return order != 0 ? order < 0 : left->name.len < right->name.len;
}

/* By name; equal names stay in order. They are few, and mostly sorted. */
static void sort_headers(struct out_header *headers, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct out_header moved = headers[i];
        size_t at = i;
        for (; at > 0 && header_is_before(&moved, &headers[at - 1]); at--)
            headers[at] = headers[at - 1];
        headers[at] = moved;
    }
}

/* "Prefer: return=minimal" asks for these (and what framing and browsers need) only. */
static bool is_minimal_header(tuf_slice name)
{
    static const char *const kept[] = {
        "Cache-Control", "Connection", "Content-Length", "Content-Range", "Content-Type", "ETag",
        "Server", "Set-Cookie", "Transfer-Encoding", "Vary", "WWW-Authenticate",
    };
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        if (slice_is_nocase(name, kept[i]))
            return true;
    }
    return slice_starts_nocase(name, "Access-Control-");
}

/* Appends a whole head. */
static void format_head(struct buf *out, struct request *req, int status, const char *type,
                        struct reply_size size)
{
    struct request_priv *priv = req->priv;
    add_defaults(req, status, type, size);
    sort_headers(priv->out, priv->out_count);
    bool minimal = request_header_is(req, "Prefer", "return=minimal");
    char status_text[] = " 000 ";
    for (int i = 3, rest = status; i > 0; i--, rest /= 10)
        status_text[i] = (char)('0' + rest % 10);
    buf_append_str(out, "HTTP/1.1");
    buf_append_str(out, status_text);
    buf_append_str(out, http_reason(status));
    buf_append_str(out, "\r\n");
    for (size_t i = 0; i < priv->out_count; i++) {
        if (minimal && !is_minimal_header(priv->out[i].name))
            continue;
        buf_append_slice(out, priv->out[i].name);
        buf_append_str(out, ": ");
        buf_append_slice(out, priv->out[i].value);
        buf_append_str(out, "\r\n");
    }
    buf_append_str(out, "\r\n");
    priv->status = status;
}

bool reply_write_head(struct request *req, int status, const char *type, struct reply_size size)
{
    TUF_AUTO(tufi_buf_release) struct buf head = BUF_INIT;
    tufi_buf_reserve(&head, HEAD_TYPICAL);
    format_head(&head, req, status, type, size);
    return !head.failed && bufferevent_write(req->priv->conn->bev, head.data, head.len) == 0;
}

bool reply_is_bodyless(const struct request *req, int status)
{
    return req->is_head || status == 204 || status == 304;
}

/* ---- whole answers ----------------------------------------------------------------------- */

bool request_answered(const struct request *req)
{
    return req->priv->answered;
}

/* False if the client is gone: then there is nothing to answer. */
static bool begin_answer(struct request *req)
{
    struct request_priv *priv = req->priv;
    if (priv->ended)
        return false;
    tuf_assert(!priv->answered);
    priv->answered = true;
    return true;
}

static void free_reference(const void *data, size_t len, void *memory)
{
    (void)data;
    (void)len;
    tufi_free(memory);
}

/* Hands a large body to the socket buffer. */
static bool send_body(struct request *req, struct buf *body)
{
    size_t len = body->len;
    uint8_t *memory = tufi_buf_take(body);
    if (evbuffer_add_reference(bufferevent_get_output(req->priv->conn->bev), memory, len,
                               free_reference, memory) == 0)
        return true;
    tufi_free(memory);
    return false;
}

static void send_answer(struct request *req, int status, const char *type, struct buf *body)
{
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    struct reply_size size = { .has_length = true, .length = body->len };
    bool has_body = body->len > 0 && !reply_is_bodyless(req, status);
    bool together = has_body && body->len <= COPY_MAX;
    tufi_buf_reserve(&out, HEAD_TYPICAL + (together ? body->len : 0));
    format_head(&out, req, status, type, size);
    if (together)
        buf_append_slice(&out, buf_slice(body));
    bool sent =
        !out.failed && bufferevent_write(req->priv->conn->bev, out.data, out.len) == 0;
    if (has_body)
        req->priv->bytes_sent += body->len;
    if (sent && has_body && !together)
        sent = send_body(req, body);
    tufi_buf_release(body);
    if (sent)
        request_end(req);
    else
        conn_close(req->priv->conn);
}

/* An answer could not be made as wished: says so with what needs no memory of the request. */
static void send_broken(struct request *req, bool no_memory)
{
    struct buf body = BUF_INIT;
    const char *error = no_memory ? "service_unavailable" : "internal_server_error";
    const char *reason = no_memory ? "out of memory" : "invalid response header";
    req->priv->out_count = 0;
    req->priv->bad_header = false;
    log_line(LOG_ERROR, "request %s: %s", req->priv->id, reason);
    tufi_buf_printf(&body, "{\"error\":\"%s\",\"reason\":\"%s\"}\n", error, reason);
    send_answer(req, no_memory ? 503 : 500, "application/json", &body);
}

bool reply_is_doubtful(const struct request *req, int status)
{
    const struct request_priv *priv = req->priv;
    bool failed = priv->memory_failed || tufi_alloc_failures() != priv->alloc_failures;
    /* What POST does and answers with 200 can be asked for again. */
    bool reads = req->method == HTTP_GET || (req->method == HTTP_POST && status == 200);
    bool acknowledges = status / 100 == 2 && !reads;
    return failed && status < 500 && !acknowledges;
}

void reply_bytes(struct request *req, int status, const char *type, struct buf *body)
{
    if (!begin_answer(req)) {
        tufi_buf_release(body);
        return;
    }
    bool no_memory = body->failed || reply_is_doubtful(req, status);
    if (no_memory || req->priv->bad_header) {
        tufi_buf_release(body);
        send_broken(req, no_memory);
        return;
    }
    send_answer(req, status, type, body);
}

void reply_json(struct request *req, int status, struct buf *json)
{
    buf_append_u8(json, '\n');
    reply_bytes(req, status, "application/json", json);
}

void reply_json_text(struct request *req, int status, const char *json)
{
    struct buf body = BUF_INIT;
    buf_append_str(&body, json);
    reply_json(req, status, &body);
}

static int append_dump(const char *data, size_t len, void *ctx)
{
    struct buf *out = ctx;
    tufi_buf_append(out, data, len);
    return out->failed ? -1 : 0;
}

void reply_json_value(struct request *req, int status, json_t *value)
{
    struct buf body = BUF_INIT;
    if (value == NULL ||
        json_dump_callback(value, append_dump, &body, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
        body.failed = true;
    json_decref(value);
    reply_json(req, status, &body);
}

void reply_empty(struct request *req, int status)
{
    struct buf none = BUF_INIT;
    reply_bytes(req, status, NULL, &none);
}

/* ---- errors ------------------------------------------------------------------------------ */

/* Where the run of characters that begins here and stands for itself ends. */
static size_t plain_end(tuf_slice text, size_t pos)
{
    while (pos < text.len && text.data[pos] >= ' ' && text.data[pos] < 0x80 &&
           text.data[pos] != '"' && text.data[pos] != '\\')
        pos++;
    return pos;
}

void json_append_string(struct buf *out, tuf_slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    buf_append_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        size_t end = plain_end(text, i);
        if (end > i)
            tufi_buf_append(out, text.data + i, end - i);
        i = end;
        if (i == text.len)
            break;
        uint8_t c = text.data[i];
        const char *at = c != 0 ? strchr("\"\"\\\\\bb\ff\nn\rr\tt", c) : NULL;
        if (c == '"' || c == '\\' || (c < ' ' && at != NULL)) {
            const char *letter = c == '"' ? "\"" : c == '\\' ? "\\" : at + 1;
            buf_append_u8(out, '\\');
            buf_append_u8(out, (uint8_t)*letter);
        } else if (c < ' ') {
            buf_append_str(out, "\\u00");
            buf_append_u8(out, (uint8_t)digits[c >> 4]);
            buf_append_u8(out, (uint8_t)digits[c & 15]);
        } else {
            size_t len = tufi_utf8_sequence_len(text.data + i, text.data + text.len);
            if (len == 0)
                buf_append_str(out, "\xef\xbf\xbd");
            else
                tufi_buf_append(out, text.data + i, len);
            i += len > 0 ? len - 1 : 0;
        }
    }
    buf_append_u8(out, '"');
}

/* "/_utils/session.html?return=...&reason=..." for a browser that cannot log in otherwise. */
static void add_login_redirect(struct request *req, const char *reason)
{
    TUF_AUTO(tufi_buf_release) struct buf url = BUF_INIT;
    tuf_slice asked;
    request_append_base_url(&url, req);
    if (!config_get(&url, req->server->config, "chttpd_auth", "authentication_redirect"))
        buf_append_str(&url, "/_utils/session.html");
    buf_append_str(&url, "?return=");
    /* Who mapped a virtual host in front of this server says what was asked of it. */
    if (!request_header(&asked, req, "X-CouchDB-Vhost-Path"))
        asked = req->target;
    url_encode(&url, asked);
    buf_append_str(&url, "&reason=");
    url_encode(&url, tuf_str(reason));
    if (!url.failed)
        reply_header(req, "Location", buf_slice(&url));
}

/* How a 401 shows itself: CouchDB's order of preference. Returns the status to use. */
static int present_unauthorized(struct request *req, const char *error, const char *reason)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    tuf_slice wanted;
    if (request_header(&wanted, req, "X-CouchDB-WWW-Authenticate")) {
        reply_header(req, "WWW-Authenticate", wanted);
        return 401;
    }
    if (config_get(&value, req->server->config, "chttpd", "WWW-Authenticate") && value.len > 0) {
        reply_header(req, "WWW-Authenticate", buf_slice(&value));
        return 401;
    }
    if (strcmp(error, "unauthorized") == 0 && server_settings(req->server)->require_valid_user) {
        reply_header(req, "WWW-Authenticate", tuf_str("Basic realm=\"server\""));
        return 401;
    }
    if (request_accepts(req, "application/json") || !request_accepts(req, "text/html"))
        return 401;
    add_login_redirect(req, reason);
    return 302;
}

void reply_error(struct request *req, int status, const char *error, const char *reason)
{
    struct buf body = BUF_INIT;
    if (req->priv->ended)
        return;
    if (status == 401)
        status = present_unauthorized(req, error, reason);
    buf_append_str(&body, "{\"error\":");
    json_append_string(&body, tuf_str(error));
    buf_append_str(&body, ",\"reason\":");
    json_append_string(&body, tuf_str(reason));
    buf_append_u8(&body, '}');
    reply_json(req, status, &body);
}

void reply_errorf(struct request *req, int status, const char *error, const char *fmt, ...)
{
    char first[512];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(first, sizeof(first), fmt, args);
    va_end(args);
    if (len < (int)sizeof(first)) {
        reply_error(req, status, error, first);
        return;
    }
    /* Names out of the request may be long. */
    TUF_AUTOFREE char *text = tufi_alloc((size_t)len + 1);
    if (text != NULL) {
        va_start(args, fmt);
        vsnprintf(text, (size_t)len + 1, fmt, args);
        va_end(args);
    }
    reply_error(req, status, error, text != NULL ? text : first);
}

void reply_status(struct request *req, tuf_status status)
{
    struct http_error answer;
    const tuf_error *detail = tuf_last_error();
    error_map(&answer, status, detail);
    if (answer.status == 500 || answer.status == 507)
        log_line(LOG_ERROR, "request %s: %s at %s: %s", req->priv->id, tuf_status_name(status),
                 detail->origin != NULL ? detail->origin : "?", detail->text);
    /* The texts are borrowed from thread-local memory that config look-ups may not touch, but a
     * copy costs nothing on this path. */
    char reason[TUF_ERROR_TEXT_SIZE];
    snprintf(reason, sizeof(reason), "%s", answer.reason);
    reply_error(req, answer.status, answer.error, reason);
}

/* ---- JSON bodies ------------------------------------------------------------------------- */

/* CouchDB tells a body of no bytes, which is no JSON, from none. */
static bool is_framed(const struct request *req)
{
    tuf_slice value;
    return request_header(&value, req, "Content-Length") ||
           request_header(&value, req, "Transfer-Encoding");
}

bool body_require(struct request *req, tuf_slice body)
{
    if (body.len == 0)
        reply_error(req, 400, "bad_request",
                    is_framed(req) ? "invalid UTF-8 JSON" : "Missing request body");
    return body.len > 0;
}

tuf_status body_parse(const struct jval **out, struct request *req, tuf_slice body)
{
    if (body.len == 0 && !is_framed(req))
        return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Missing request body");
    return jval_parse_canonical(out, &req->arena, body);
}

/* Our scanner says what is JSON: jansson takes a NUL behind the value for the end of the text. What has
 * integers beyond 64 bits is read with doubles. NULL: malformed, or a member's name with a NUL, which
 * jansson cannot have. */
static json_t *load_body(tuf_slice body)
{
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    if (tufi_json_check(body, NULL) != TUF_OK)
        return NULL;
    json_t *value = json_loadb((const char *)body.data, body.len, flags, NULL);
    if (value == NULL)
        value = json_loadb((const char *)body.data, body.len, flags | JSON_DECODE_INT_AS_REAL, NULL);
    return value;
}

json_t *body_json(struct request *req, tuf_slice body, char what)
{
    if (!body_require(req, body))
        return NULL;
    json_t *value = load_body(body);
    if (value == NULL) {
        reply_error(req, 400, "bad_request", "invalid UTF-8 JSON");
        return NULL;
    }
    if (what == 'o' && !json_is_object(value)) {
        json_decref(value);
        reply_error(req, 400, "bad_request", "Request body must be a JSON object");
        return NULL;
    }
    return value;
}
