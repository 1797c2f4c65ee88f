/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: writes log lines. See server/log.h.
 *
 * "[notice] 2026-01-02T03:04:05.678901Z nonode@nohost <id> host peer user GET /db 200 ok 3"
 */
#include "server/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "server/log_sink.h"
#include "server/request.h"
#include "server/server.h"

#define LINE_SIZE 4096
#define MESSAGE_SIZE 2048

static _Atomic int current_level = LOG_NOTICE;
static _Atomic bool as_json;
static _Atomic uint64_t slow_ms;
static char node_name[SERVER_NODE_SIZE] = "nonode@nohost"; /* set before other threads run */

static const char *const level_names[] = { "debug", "info", "notice", "warning", "error", "none" };
/* syslog's debug to err */
static const int priorities[] = { 7, 6, 5, 4, 3, 3 };

bool log_level_parse(enum log_level *out, const char *name)
{
    /* CouchDB's names of what is above an error, and its short ones. */
    static const struct { const char *name; enum log_level level; } others[] = {
        { "warn", LOG_WARNING }, { "err", LOG_ERROR },       { "crit", LOG_ERROR },
        { "alert", LOG_ERROR },  { "critical", LOG_ERROR },  { "emerg", LOG_ERROR },
        { "emergency", LOG_ERROR },
    };
    for (int i = 0; i <= LOG_NONE; i++) {
        if (strcasecmp(level_names[i], name) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strcasecmp(others[i].name, name) == 0) {
            *out = others[i].level;
            return true;
        }
    }
    return false;
}

void log_set_level(enum log_level level)
{
    current_level = (int)level;
}

bool log_enabled(enum log_level level)
{
    return (int)level >= current_level;
}

/* ---- configuration ----------------------------------------------------------------------- */

void log_set_node(const char *name)
{
    snprintf(node_name, sizeof(node_name), "%s", name);
}

/* A value as text with its NUL; NULL without memory: what was set stays. */
static const char *setting(struct buf *out, struct config *config, const char *key,
                           const char *fallback)
{
    tufi_buf_clear(out);
    if (!config_get_exact(out, config, "log", key))
        return fallback;
    buf_append_u8(out, 0);
    return out->failed ? NULL : (const char *)out->data;
}

void log_configure(struct config *config)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    enum log_level level;
    const char *text = setting(&value, config, "level", "notice");
    if (text != NULL && log_level_parse(&level, text))
        log_set_level(level);
    as_json = config_bool(config, "log", "json", false);
    slow_ms = config_uint(config, "log", "slow_request_ms", 0);
}

bool log_open(struct config *config)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    const char *writer = setting(&value, config, "writer", "stderr");
    const char *file = setting(&path, config, "file", "tuffetd.log");
    if (writer == NULL || file == NULL) {
        errno = ENOMEM;
        return false;
    }
    if (strcasecmp(writer, "syslog") == 0)
        return log_sink_set(LOG_TO_SYSLOG, NULL);
    if (strcasecmp(writer, "journald") == 0)
        return log_sink_set(LOG_TO_JOURNAL, NULL);
    if (strcasecmp(writer, "file") == 0)
        return log_sink_set(LOG_TO_FILE, file);
    return log_sink_set(LOG_TO_STDERR, NULL);
}

/* ---- lines ------------------------------------------------------------------------------- */

static void format_time(char *out, size_t size)
{
    struct timespec now;
    struct tm parts;
    char day[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out, size, "%s.%06ldZ", day, now.tv_nsec / 1000);
}

/* Blanks "user:password" of URLs, in place (INV-SLOG-1). */
static void mask_userinfo(char *line, size_t len)
{
    for (size_t i = 0; i + 3 < len; i++) {
        if (memcmp(line + i, "://", 3) != 0)
            continue;
        size_t start = i + 3, end = start;
        while (end < len && strchr("/?# \"'<>", line[end]) == NULL)
            end++;
        const char *at = memrchr(line + start, '@', end - start);
        if (at != NULL && memchr(line + start, ':', (size_t)(at - line) - start) != NULL)
            memset(line + start, '*', (size_t)(at - line) - start);
        i = end;
    }
}

static void finish_line(enum log_level level, char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '.';
    }
    mask_userinfo(line, len);
    log_sink_write(priorities[level], line, len);
}

/* A line of JSON: what every line has, and `members` (each with its comma in front). */
static void write_json(enum log_level level, tuf_slice members)
{
    TUF_AUTO(tufi_buf_release) struct buf line = BUF_INIT;
    char now[96];
    format_time(now, sizeof(now));
    tufi_buf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"node\":\"%s\"", now,
                    level_names[level], node_name);
    buf_append_slice(&line, members);
    buf_append_u8(&line, '}');
    if (!line.failed)
        finish_line(level, (char *)line.data, line.len);
}

static void write_text(enum log_level level, tuf_slice message)
{
    char line[LINE_SIZE];
    char now[96];
    format_time(now, sizeof(now));
    int prefix = snprintf(line, sizeof(line), "[%s] %s %s ", level_names[level], now, node_name);
    size_t len = prefix > 0 ? (size_t)prefix : 0;
    size_t more = min_size(message.len, sizeof(line) - len);
    if (more > 0)
        memcpy(line + len, message.data, more);
    finish_line(level, line, len + more);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    if (!log_enabled(level))
        return;
    char message[MESSAGE_SIZE];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    if (len < 0)
        return;
    tuf_slice text = tuf_slice_of(message, min_size((size_t)len, sizeof(message) - 1));
    if (!as_json) {
        write_text(level, text);
        return;
    }
    TUF_AUTO(tufi_buf_release) struct buf members = BUF_INIT;
    buf_append_str(&members, ",\"message\":");
    json_append_string(&members, text);
    write_json(level, buf_slice(&members));
}

/* ---- requests ---------------------------------------------------------------------------- */

/* Appends the target with the values of parameters that may be secrets masked. */
static void append_target(struct buf *out, tuf_slice target)
{
    static const char *const secrets[] = { "password=", "token=", "secret=" };
    size_t copied = 0;
    for (size_t i = 0; i < target.len; i++) {
        for (size_t k = 0; k < sizeof(secrets) / sizeof(secrets[0]); k++) {
            tuf_slice rest = tuf_slice_of(target.data + i, target.len - i);
            if (i < copied || !slice_starts(rest, secrets[k]))
                continue;
            size_t end = i + strlen(secrets[k]);
            tufi_buf_append(out, target.data + copied, end - copied);
            buf_append_str(out, "****");
            while (end < target.len && target.data[end] != '&')
                end++;
            copied = end;
        }
    }
    tufi_buf_append(out, target.data + copied, target.len - copied);
}

/* What a line about a request says. */
struct access {
    tuf_slice host, user, method;
    const char *id, *peer, *outcome;
    struct buf target;
    int status;
    uint64_t ms;
};

static void append_access_json(struct buf *out, const struct access *a)
{
    const struct { const char *name; tuf_slice value; } members[] = {
        { "id", tuf_str(a->id) }, { "host", a->host }, { "peer", tuf_str(a->peer) },
        { "user", a->user }, { "method", a->method }, { "target", buf_slice(&a->target) },
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        tufi_buf_printf(out, ",\"%s\":", members[i].name);
        json_append_string(out, members[i].value);
    }
    tufi_buf_printf(out, ",\"status\":%d,\"outcome\":\"%s\",\"ms\":%llu", a->status, a->outcome,
                    (unsigned long long)a->ms);
}

static void append_access_text(struct buf *out, const struct access *a)
{
    tufi_buf_printf(out, "%s ", a->id);
    buf_append_slice(out, a->host.len > 0 ? a->host : tuf_str("undefined"));
    tufi_buf_printf(out, " %s ", a->peer);
    buf_append_slice(out, a->user.len > 0 ? a->user : tuf_str("undefined"));
    buf_append_u8(out, ' ');
    buf_append_slice(out, a->method.len > 0 ? a->method : tuf_str("-"));
    buf_append_u8(out, ' ');
    buf_append_slice(out, buf_slice(&a->target));
    tufi_buf_printf(out, " %d %s %llu", a->status, a->outcome, (unsigned long long)a->ms);
}

static void write_access(enum log_level level, const char *what, const struct access *access)
{
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    if (as_json) {
        tufi_buf_printf(&text, ",\"message\":\"%s\"", what);
        append_access_json(&text, access);
        if (!text.failed)
            write_json(level, buf_slice(&text));
        return;
    }
    if (level != LOG_NOTICE)
        tufi_buf_printf(&text, "%s: ", what);
    append_access_text(&text, access);
    if (!text.failed)
        write_text(level, buf_slice(&text));
}

void log_access(struct request *req)
{
    struct request_priv *priv = req->priv;
    uint64_t ms = clock_ms() - priv->start_ms;
    /* A feed waits because it is asked to. */
    bool slow = slow_ms > 0 && ms >= slow_ms && priv->wake == NULL;
    if (!log_enabled(LOG_NOTICE) && !(slow && log_enabled(LOG_WARNING)))
        return;
    struct access access = {
        .user = req->user.name, .method = priv->method_text, .id = priv->id,
        .peer = request_peer(req)[0] != 0 ? request_peer(req) : "-",
        .outcome = priv->client_gone ? "aborted" : "ok", .status = priv->status, .ms = ms,
    };
    request_header(&access.host, req, "Host");
    append_target(&access.target, req->target);
    if (log_enabled(LOG_NOTICE))
        write_access(LOG_NOTICE, "request", &access);
    if (slow)
        write_access(LOG_WARNING, "slow request", &access);
    tufi_buf_release(&access.target);
}
