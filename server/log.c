/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: writes log lines. See server/log.h.
 *
 * "[notice] 2026-01-02T03:04:05.678901Z nonode@nohost <id> host peer user GET /db 200 ok 3"
 */
#include "server/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "server/request.h"

#define LINE_SIZE 2048

static _Atomic int current_level = LOG_NOTICE;

static const char *const level_names[] = { "debug", "info", "notice", "warning", "error", "none" };

bool log_level_parse(enum log_level *out, const char *name)
{
    for (int i = 0; i <= LOG_NONE; i++) {
        if (strcmp(level_names[i], name) == 0) {
            *out = (enum log_level)i;
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

static size_t write_prefix(char *line, size_t size, enum log_level level)
{
    struct timespec now;
    struct tm parts;
    char day[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &parts);
    int len = snprintf(line, size, "[%s] %s.%06ldZ nonode@nohost ", level_names[level], day,
                       now.tv_nsec / 1000);
    return len > 0 ? (size_t)len : 0;
}

static void finish_line(char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '.';
    }
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, len) < 0)
        return; /* there is nowhere else to say so */
}

void log_line(enum log_level level, const char *fmt, ...)
{
    if (!log_enabled(level))
        return;
    char line[LINE_SIZE];
    size_t len = write_prefix(line, sizeof(line) - 1, level);
    va_list args;
    va_start(args, fmt);
    int more = vsnprintf(line + len, sizeof(line) - 1 - len, fmt, args);
    va_end(args);
    if (more > 0)
        len = min_size(len + (size_t)more, sizeof(line) - 2);
    finish_line(line, len);
}

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

void log_access(struct request *req)
{
    struct request_priv *priv = req->priv;
    if (!log_enabled(LOG_NOTICE))
        return;
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    tuf_slice host;
    request_header(&host, req, "Host");
    buf_append_str(&text, priv->id);
    buf_append_u8(&text, ' ');
    buf_append_slice(&text, host.len > 0 ? host : tuf_str("undefined"));
    buf_append_u8(&text, ' ');
    buf_append_str(&text, request_peer(req)[0] != 0 ? request_peer(req) : "-");
    buf_append_u8(&text, ' ');
    buf_append_slice(&text, req->user.name.len > 0 ? req->user.name : tuf_str("undefined"));
    buf_append_u8(&text, ' ');
    buf_append_slice(&text, priv->method_text.len > 0 ? priv->method_text : tuf_str("-"));
    buf_append_u8(&text, ' ');
    append_target(&text, req->target);
    tufi_buf_printf(&text, " %d %s %llu", priv->status, priv->client_gone ? "aborted" : "ok",
                    (unsigned long long)(clock_ms() - priv->start_ms));
    if (!text.failed)
        log_line(LOG_NOTICE, "%.*s", (int)min_size(text.len, LINE_SIZE), (const char *)text.data);
}
