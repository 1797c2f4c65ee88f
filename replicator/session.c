/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/session.h.
 */
#include "replicator/session.h"

#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/bytes.h"

/* A server that does not say how long: CouchDB's default life is 600 s. */
#define REFRESH_MS 550000
/* A cookie that is refused within this time was never good. */
#define MOMENT_MS 1000
#define MAX_AGE_MAX UINT64_C(31536000)

void repl_session_init(struct session *out)
{
    memset(out, 0, sizeof(*out));
    pthread_mutex_init(&out->lock, NULL);
}

void repl_session_release(struct session *session)
{
    tufi_free(session->cookie);
    session->cookie = NULL;
    pthread_mutex_destroy(&session->lock);
}

/* Seconds of "Max-Age=600" among the attributes; 0 if absent or nonsense. */
static uint64_t max_age(const char *attributes)
{
    for (const char *at = strchr(attributes, ';'); at != NULL; at = strchr(at, ';')) {
        at++;
        while (*at == ' ')
            at++;
        if (strncasecmp(at, "Max-Age=", 8) != 0)
            continue;
        char *end = NULL;
        unsigned long long value = strtoull(at + 8, &end, 10);
        return end == at + 8 || value > MAX_AGE_MAX ? 0 : value;
    }
    return 0;
}

tuf_status repl_session_take(struct session *session, const char *set_cookie, uint64_t now_ms)
{
    TUF_AUTO(tufi_buf_release) struct buf line = BUF_INIT;
    session->generation++;
    session->login_ms = now_ms;
    tufi_free(session->cookie);
    session->cookie = NULL;
    session->mode = SESSION_BASIC;
    if (set_cookie == NULL || strncmp(set_cookie, "AuthSession=", 12) != 0)
        return TUF_OK;
    size_t len = strcspn(set_cookie, ";\r\n");
    buf_append_str(&line, "Cookie: ");
    tufi_buf_append(&line, set_cookie, len);
    buf_append_u8(&line, 0);
    if (line.failed)
        return tufi_nomem();
    session->cookie = (char *)tufi_buf_take(&line);
    session->mode = SESSION_COOKIE;
    uint64_t age = max_age(set_cookie);
    session->refresh_ms = now_ms + (age > 0 ? age * 900 : REFRESH_MS);
    return TUF_OK;
}

bool repl_session_is_due(const struct session *session, uint64_t now_ms)
{
    return session->mode == SESSION_UNKNOWN ||
           (session->mode == SESSION_COOKIE && now_ms >= session->refresh_ms);
}

bool repl_session_refused(struct session *session, unsigned generation, uint64_t now_ms)
{
    pthread_mutex_lock(&session->lock);
    bool newer = session->generation != generation;
    bool aged = session->mode == SESSION_COOKIE && now_ms - session->login_ms > MOMENT_MS;
    if (aged && !newer)
        session->mode = SESSION_UNKNOWN;
    pthread_mutex_unlock(&session->lock);
    return newer || aged;
}
