/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: takes a request from its parsed head to its handler.
 *
 *   path, query -> CORS preflight -> who asks -> route -> open database -> right -> handler
 *
 * Who asks and opening may need a worker; each step then goes on in the next function.
 */
#include <strings.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "server/cors.h"
#include "server/handlers.h"
#include "server/identify.h"
#include "server/request.h"
#include "server/route.h"
#include "server/server.h"
#include "server/snapshots.h"
#include "server/vhosts.h"

struct method_name {
    const char *name;
    enum http_method method;
};

static const struct method_name method_names[] = {
    { "GET", HTTP_GET },       { "HEAD", HTTP_GET },  { "POST", HTTP_POST },
    { "PUT", HTTP_PUT },       { "COPY", HTTP_COPY }, { "DELETE", HTTP_DELETE },
    { "OPTIONS", HTTP_OPTIONS },
};

static enum http_method method_of(tuf_slice name)
{
    for (size_t i = 0; i < sizeof(method_names) / sizeof(method_names[0]); i++) {
        if (slice_is(name, method_names[i].name))
            return method_names[i].method;
    }
    return HTTP_OTHER;
}

static void set_method(struct request *req)
{
    tuf_slice name = req->priv->method_text;
    tuf_slice wanted;
    if (slice_is(name, "POST") && request_header(&wanted, req, "X-HTTP-Method-Override") &&
        (method_of(wanted) != HTTP_OTHER && method_of(wanted) != HTTP_OPTIONS))
        name = wanted;
    req->method = method_of(name);
    req->is_head = slice_is(name, "HEAD");
}

/* ---- path -------------------------------------------------------------------------------- */

static bool decode_segment(tuf_slice *out, struct request *req, tuf_slice raw)
{
    tuf_slice decoded = url_decode(&req->arena, raw, server_settings(req->server)->decode_plus);
    if (decoded.data == NULL) {
        if (decoded.len == 0)
            reply_status(req, tufi_nomem());
        else
            reply_error(req, 400, "bad_request", "invalid_url_encoding");
        return false;
    }
    *out = decoded;
    return true;
}

/* Splits on '/', drops empty segments, then decodes each. False when answered. */
static bool split_path(struct request *req, tuf_slice path)
{
    size_t room = 1;
    for (size_t i = 0; i < path.len; i++)
        room += path.data[i] == '/';
    req->segs = tufi_arena_alloc(&req->arena, room * sizeof(*req->segs));
    if (req->segs == NULL) {
        reply_status(req, tufi_nomem());
        return false;
    }
    for (size_t pos = 0; pos < path.len;) {
        const uint8_t *slash = memchr(path.data + pos, '/', path.len - pos);
        size_t len = slash != NULL ? (size_t)(slash - path.data) - pos : path.len - pos;
        if (len > 0 && !decode_segment(&req->segs[req->seg_count++], req,
                                       tuf_slice_of(path.data + pos, len)))
            return false;
        pos += len + 1;
    }
    return true;
}

static bool check_uri_size(struct request *req)
{
    if (req->target.len <= server_settings(req->server)->uri_size_max)
        return true;
    reply_error(req, 414, "too_long", "the request uri is too long");
    return false;
}

/* The path that [vhosts] makes of a name and a path, or the path itself. */
static tuf_slice map_vhost(struct request *req, tuf_slice path)
{
    TUF_AUTO(tufi_buf_release) struct buf mapped = BUF_INIT;
    tuf_slice host;
    if (!server_settings(req->server)->has_vhosts || !request_header(&host, req, "Host") ||
        !vhosts_map(&mapped, req->server->config, host, path))
        return path;
    return request_copy(req, buf_slice(&mapped));
}

static bool parse_target(struct request *req)
{
    const uint8_t *mark = memchr(req->target.data, '?', req->target.len);
    size_t path_len = mark != NULL ? (size_t)(mark - req->target.data) : req->target.len;
    tuf_slice path = map_vhost(req, tuf_slice_of(req->target.data, path_len));
    if (path.data == NULL) {
        reply_status(req, tufi_nomem());
        return false;
    }
    if (!split_path(req, path))
        return false;
    if (mark == NULL)
        return true;
    tuf_status st = params_parse(&req->params, &req->arena,
                                 tuf_slice_of(mark + 1, req->target.len - path_len - 1));
    if (st != TUF_OK)
        reply_status(req, st);
    return st == TUF_OK;
}

/* Joins segments with '/' into the arena. */
static bool join(tuf_slice *out, struct request *req, size_t from, size_t count)
{
    if (count == 1) {
        *out = req->segs[from];
        return true;
    }
    size_t len = count - 1;
    for (size_t i = 0; i < count; i++)
        len += req->segs[from + i].len;
    uint8_t *text = tufi_arena_alloc(&req->arena, len + 1);
    if (text == NULL) {
        reply_status(req, tufi_nomem());
        return false;
    }
    size_t pos = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text[pos++] = '/';
        if (req->segs[from + i].len > 0)
            memcpy(text + pos, req->segs[from + i].data, req->segs[from + i].len);
        pos += req->segs[from + i].len;
    }
    text[pos] = 0;
    *out = tuf_slice_of(text, len);
    return true;
}

/* ---- after the database is known ---------------------------------------------------------- */

static bool is_write(const struct request *req)
{
    return req->method != HTTP_GET && req->method != HTTP_OPTIONS;
}

/* Lists of _users and _replicator, and what else shows bodies of many documents there, are the
 * server admins' only. */
static bool lists_system_db(const struct request *req)
{
    if (req->dbh == NULL || req->seg_count < 2 ||
        !(dbh_is_users(req->dbh) || dbh_is_replicator(req->dbh)))
        return false;
    /* With users_db_public others see of users what is public. */
    if (dbh_is_users(req->dbh) && slice_is(req->segs[1], "_all_docs") &&
        config_bool(req->server->config, "chttpd_auth", "users_db_public", false))
        return false;
    static const char *const lists[] = { "_all_docs", "_changes", "_design_docs", "_find",
                                         "_explain", "_index", "_partition" };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (slice_is(req->segs[1], lists[i]))
            return true;
    }
    /* Functions of design documents. */
    return slice_is(req->segs[1], "_design") && req->seg_count > 4 &&
           slice_starts(req->segs[3], "_");
}

/* [chttpd] admin_only_all_dbs = false opens the lists of databases to everybody. */
static bool is_open_list(const struct request *req)
{
    request_handler *handler = req->route->handler;
    return (handler == handle_all_dbs || handler == handle_dbs_info ||
            handler == handle_dbs_info_post) &&
           !server_settings(req->server)->admin_only_all_dbs;
}

static bool check_rights(struct request *req)
{
    /* First: whoever is no server admin hears the same, member or not. */
    if (lists_system_db(req) && !auth_check(req, RIGHT_SRVADM))
        return false;
    if (!is_open_list(req) && !auth_check(req, req->route->right))
        return false;
    bool ddoc = (req->route->flags & ROUTE_DDOC) != 0 && slice_starts(req->docid, "_design/");
    if (ddoc && is_write(req) && !auth_check(req, RIGHT_DBADM))
        return false;
    if (req->route->handler == handle_security_put && dbh_is_users(req->dbh) &&
        !config_bool(req->server->config, "couchdb", "users_db_security_editable", false)) {
        reply_error(req, 403, "forbidden",
                    "You can't edit the security object of the user database.");
        return false;
    }
    return true;
}

/* GET /db/_design%2Fx is answered with the form that has two segments. */
static bool redirect_design(struct request *req)
{
    if ((req->route->flags & ROUTE_DDOC) == 0 || req->method != HTTP_GET ||
        !slice_starts(req->segs[1], "_design/"))
        return false;
    TUF_AUTO(tufi_buf_release) struct buf url = BUF_INIT;
    request_append_base_url(&url, req);
    buf_append_u8(&url, '/');
    url_encode(&url, req->segs[0]);
    buf_append_str(&url, "/_design/");
    url_encode(&url, tuf_slice_of(req->segs[1].data + 8, req->segs[1].len - 8));
    for (size_t i = 2; i < req->seg_count; i++) {
        buf_append_u8(&url, '/');
        url_encode(&url, req->segs[i]);
    }
    const uint8_t *mark = memchr(req->target.data, '?', req->target.len);
    if (mark != NULL)
        tufi_buf_append(&url, mark, req->target.len - (size_t)(mark - req->target.data));
    if (url.failed) {
        reply_status(req, tufi_nomem());
        return true;
    }
    reply_header(req, "Location", buf_slice(&url));
    reply_empty(req, 301);
    return true;
}

static void run_handler(struct request *req)
{
    if (!check_rights(req))
        return;
    if ((req->route->methods & (unsigned)req->method) == 0) {
        reply_header(req, "Allow", tuf_str(req->route->allow));
        reply_errorf(req, 405, "method_not_allowed", "Only %s allowed", req->route->allow);
        return;
    }
    if (!snapshots_refuse(req) && !redirect_design(req))
        req->route->handler(req);
}

static tuf_status open_database(struct request *req)
{
    return dbs_open(&req->dbh, dbs_of(req->server), req->segs[0]);
}

static void database_opened(struct request *req, tuf_status status)
{
    if (status == TUF_OK)
        run_handler(req);
    else if (status == TUF_NOT_FOUND)
        reply_error(req, 404, "not_found", "Database does not exist.");
    else
        reply_status(req, status);
}

static bool route_has_db(const struct route *route)
{
    return strncmp(route->pattern, "/{db}", 5) == 0;
}

static void find_database(struct request *req)
{
    if (!snapshots_route(req))
        return;
    tuf_slice name = req->segs[0];
    if (dbs_check_name(name) != DBS_NAME_OK) {
        /* Unknown places at the top belong to the server, and nobody else learns about them. */
        if (name.len > 0 && name.data[0] == '_' && !auth_check(req, RIGHT_SRVADM))
            return;
        reply_error(req, 404, "not_found", "Database does not exist.");
        return;
    }
    req->dbh = dbs_find_open(dbs_of(req->server), name);
    if (req->dbh != NULL)
        run_handler(req);
    else
        work_run(req, open_database, database_opened);
}

/* ---- route ------------------------------------------------------------------------------- */

static bool login_is_missing(struct request *req)
{
    const struct settings *settings = server_settings(req->server);
    if (!settings->require_valid_user || req->user.name.data != NULL)
        return false;
    unsigned flags = req->route != NULL ? req->route->flags : 0;
    bool fits = req->route != NULL && (req->route->methods & (unsigned)req->method) != 0;
    if (fits && (flags & ROUTE_NO_LOGIN) != 0)
        return false;
    return !(settings->require_valid_user_except_up && (flags & ROUTE_UP) != 0);
}

/* A browser says when another site makes it send something, with cookies that it has for us. What
 * changes anything is refused then, unless CORS lets that site in. */
static bool is_forged(struct request *req)
{
    tuf_slice cookie;
    return is_write(req) && request_header_is(req, "Sec-Fetch-Site", "cross-site") &&
           request_header(&cookie, req, "Cookie") && !cors_accepts(req);
}

/* With [chttpd] allowed_hosts a name that somebody points at this server (DNS rebinding) is none of
 * ours. Answers and returns false. */
static bool check_host(struct request *req)
{
    TUF_AUTO(tufi_buf_release) struct buf allowed = BUF_INIT;
    tuf_slice host;
    if (!server_settings(req->server)->has_allowed_hosts ||
        !config_get(&allowed, req->server->config, "chttpd", "allowed_hosts"))
        return true;
    request_header(&host, req, "Host");
    const uint8_t *colon = host.len > 0 ? memrchr(host.data, ':', host.len) : NULL;
    const uint8_t *bracket = host.len > 0 ? memrchr(host.data, ']', host.len) : NULL;
    if (colon != NULL && (bracket == NULL || bracket < colon))
        host.len = (size_t)(colon - host.data);
    if (slice_list_has(buf_slice(&allowed), host, true))
        return true;
    reply_error(req, 400, "bad_request", "this server does not answer for that host");
    return false;
}

static void identified(struct request *req)
{
    struct route_match match;
    if (!snapshots_rewrite(req))
        return;
    route_find(&match, route_table, req->segs, req->seg_count, req->method);
    req->route = match.route;
    if (is_forged(req)) {
        reply_error(req, 403, "forbidden", "Another site may not make this request.");
        return;
    }
    if (login_is_missing(req)) {
        reply_error(req, 401, "unauthorized", "Authentication required.");
        return;
    }
    if (match.route == NULL) {
        reply_error(req, 404, "not_found", "missing");
        return;
    }
    if (match.doc_pos != SIZE_MAX && !join(&req->docid, req, match.doc_pos, match.doc_segs))
        return;
    if (match.att_pos != SIZE_MAX &&
        !join(&req->att_name, req, match.att_pos, req->seg_count - match.att_pos))
        return;
    if (route_has_db(match.route) && (match.route->flags & ROUTE_NO_OPEN) == 0)
        find_database(req);
    else
        run_handler(req);
}

void request_dispatch(struct request *req)
{
    set_method(req);
    if (!check_uri_size(req) || !parse_target(req) || !check_host(req))
        return;
    if (req->method == HTTP_OPTIONS && cors_preflight(req))
        return;
    identify_user(req, identified);
}
