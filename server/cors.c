/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: cross-origin headers. See server/cors.h.
 *
 * Settings are read from [cors:HOST] if there is such a section for the Host asked, else [cors].
 */
#include "server/cors.h"

#include <stdatomic.h>
#include <stdio.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "server/log.h"
#include "server/request.h"
#include "server/server.h"

#define DEFAULT_METHODS "CONNECT, COPY, DELETE, GET, HEAD, OPTIONS, POST, PUT, TRACE"
#define DEFAULT_HEADERS                                                                            \
    "accept, accept-language, authorization, content-length, content-range, content-type, "        \
    "destination, expires, if-match, last-modified, origin, pragma, x-couch-full-commit, "         \
    "x-couch-id, x-couch-persist, x-couchdb-www-authenticate, x-http-method-override, "            \
    "x-requested-with, x-couchdb-vhost-path"
#define DEFAULT_EXPOSED                                                                            \
    "content-type, cache-control, accept-ranges, etag, server, x-couch-request-id, "               \
    "x-couch-update-newrev, x-couchdb-body-time"
/* Simple headers, which a preflight need not name but may. */
#define SIMPLE_HEADERS "accept, accept-language, content-language, content-type"

/* A value of the host's own section, or of the common one, or the fallback. */
static void get_setting(struct buf *out, struct request *req, const char *key,
                        const char *fallback)
{
    char section[300];
    tuf_slice host;
    request_header(&host, req, "Host");
    int host_len = (int)min_size(host.len, 255);
    int len = snprintf(section, sizeof(section), "cors:%.*s", host_len,
                       host.data != NULL ? (const char *)host.data : "");
    if (len > 0 && config_get_exact(out, req->server->config, section, key))
        return;
    if (!config_get_exact(out, req->server->config, "cors", key))
        buf_append_str(out, fallback);
}

/* The Origin header if it is one that is let in. */
static bool accepted_origin(tuf_slice *out, struct request *req)
{
    TUF_AUTO(tufi_buf_release) struct buf origins = BUF_INIT;
    if (!server_settings(req->server)->enable_cors || !request_header(out, req, "Origin") ||
        out->len == 0)
        return false;
    get_setting(&origins, req, "origins", "");
    return !origins.failed && (slice_list_has(buf_slice(&origins), tuf_str("*"), false) ||
                               slice_list_has(buf_slice(&origins), *out, false));
}

void cors_warn(struct config *config)
{
    static atomic_bool told; /* once: settings are read often */
    TUF_AUTO(tufi_buf_release) struct buf origins = BUF_INIT;
    bool all = config_bool(config, "chttpd", "enable_cors", false) &&
               config_get(&origins, config, "cors", "origins") &&
               slice_list_has(buf_slice(&origins), tuf_str("*"), false) &&
               config_bool(config, "cors", "credentials", false);
    if (all && !atomic_exchange(&told, true))
        log_line(LOG_WARNING, "[cors] origins = * with credentials lets every web site act in the "
                              "name of whoever is logged in and visits it");
    if (!all)
        told = false;
}

bool cors_accepts(struct request *req)
{
    tuf_slice origin;
    return accepted_origin(&origin, req);
}

static void add_origin(struct request *req, tuf_slice origin)
{
    TUF_AUTO(tufi_buf_release) struct buf credentials = BUF_INIT;
    reply_header(req, "Access-Control-Allow-Origin", origin);
    get_setting(&credentials, req, "credentials", "false");
    if (slice_is(buf_slice(&credentials), "true"))
        reply_header(req, "Access-Control-Allow-Credentials", tuf_str("true"));
}

void cors_add_headers(struct request *req)
{
    tuf_slice origin;
    if (reply_find_header(req, "Access-Control-Allow-Origin") != NULL ||
        !accepted_origin(&origin, req))
        return;
    TUF_AUTO(tufi_buf_release) struct buf exposed = BUF_INIT;
    add_origin(req, origin);
    get_setting(&exposed, req, "exposed_headers", DEFAULT_EXPOSED);
    reply_header(req, "Access-Control-Expose-Headers", buf_slice(&exposed));
}

/* Whether every header the browser asks for is allowed. */
static bool headers_allowed(struct request *req, tuf_slice asked)
{
    TUF_AUTO(tufi_buf_release) struct buf allowed = BUF_INIT;
    get_setting(&allowed, req, "headers", DEFAULT_HEADERS);
    tuf_slice name;
    while (slice_next_item(&name, &asked, ',')) {
        name = slice_trim(name, " ");
        if (name.len > 0 && !slice_list_has(buf_slice(&allowed), name, true) &&
            !slice_list_has(tuf_str(SIMPLE_HEADERS), name, true))
            return false;
    }
    return true;
}

/* The list with ", " between its items. */
static void append_list(struct buf *out, tuf_slice list)
{
    for (size_t i = 0; i < list.len; i++) {
        buf_append_u8(out, list.data[i]);
        if (list.data[i] == ',' && i + 1 < list.len && list.data[i + 1] != ' ')
            buf_append_u8(out, ' ');
    }
}

bool cors_preflight(struct request *req)
{
    TUF_AUTO(tufi_buf_release) struct buf methods = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf listed = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf max_age = BUF_INIT;
    tuf_slice origin, method, headers;
    if (!accepted_origin(&origin, req) ||
        !request_header(&method, req, "Access-Control-Request-Method"))
        return false;
    get_setting(&methods, req, "methods", DEFAULT_METHODS);
    bool with_headers = request_header(&headers, req, "Access-Control-Request-Headers");
    if (methods.failed || !slice_list_has(buf_slice(&methods), method, false) ||
        (with_headers && !headers_allowed(req, headers)))
        return false;
    get_setting(&max_age, req, "max_age", "600");
    add_origin(req, origin);
    append_list(&listed, buf_slice(&methods));
    reply_header(req, "Access-Control-Allow-Methods", buf_slice(&listed));
    if (with_headers)
        reply_header(req, "Access-Control-Allow-Headers", headers);
    reply_header(req, "Access-Control-Max-Age", buf_slice(&max_age));
    reply_empty(req, 204);
    return true;
}
