/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: GET, POST and DELETE /_session.
 *
 * Source: CouchDB's couch_httpd_auth:handle_session_req.
 */
#include "base/alloc.h"
#include "server/handlers.h"
#include "server/lockout.h"
#include "server/request.h"
#include "server/server.h"
#include "server/session.h"
#include "server/user_passwords.h"

#define LOGIN_BODY_MAX 65536

/* State of a POST: what the worker reads and fills. In the arena. */
struct session_login {
    tuf_slice name, password, token;
    struct user_record record;
    bool good;
};

/* ---- GET --------------------------------------------------------------------------------- */

static void append_name_and_roles(struct buf *out, tuf_slice name, const tuf_slice *roles,
                                  size_t role_count)
{
    buf_append_str(out, "\"name\":");
    if (name.data != NULL)
        json_append_string(out, name);
    else
        buf_append_str(out, "null");
    buf_append_str(out, ",\"roles\":[");
    for (size_t i = 0; i < role_count; i++) {
        if (i > 0)
            buf_append_u8(out, ',');
        json_append_string(out, roles[i]);
    }
    buf_append_u8(out, ']');
}

static void append_handlers(struct buf *out, unsigned handlers)
{
    static const char *const names[] = { "cookie", "default", "proxy", "jwt" };
    const char *separator = "[";
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((handlers & (1u << i)) == 0)
            continue;
        tufi_buf_printf(out, "%s\"%s\"", separator, names[i]);
        separator = ",";
    }
    buf_append_str(out, handlers == 0 ? "[]" : "]");
}

void handle_session_get(struct request *req)
{
    const struct user_ctx *user = &req->user;
    if (user->name.data == NULL && params_is(&req->params, "basic", "true")) {
        reply_error(req, 401, "unauthorized", "Please login.");
        return;
    }
    struct buf body = BUF_INIT;
    buf_append_str(&body, "{\"ok\":true,\"userCtx\":{");
    append_name_and_roles(&body, user->name, user->roles, user->role_count);
    buf_append_str(&body, "},\"info\":{\"authentication_handlers\":");
    append_handlers(&body, server_settings(req->server)->auth_handlers);
    if (user->name.data != NULL) {
        buf_append_str(&body, ",\"authenticated\":");
        json_append_string(&body, tuf_str(user->handler));
    }
    buf_append_str(&body, "}}");
    reply_json(req, 200, &body);
}

/* ---- redirects --------------------------------------------------------------------------- */

/* Adds Location for ?next= or ?fail=. Returns the status to use, 0 if it has answered. */
static int follow_redirect(struct request *req, const char *key, int status)
{
    const tuf_slice *target = params_find(&req->params, key);
    if (target == NULL)
        return status;
    if (target->len == 0 || target->data[0] != '/' || slice_has_control(*target) ||
        (target->len > 1 && (target->data[1] == '/' || target->data[1] == '\\'))) {
        reply_error(req, 400, "bad_request", "path must begin with a /.");
        return 0;
    }
    TUF_AUTO(tufi_buf_release) struct buf url = BUF_INIT;
    request_append_base_url(&url, req);
    buf_append_slice(&url, *target);
    reply_header(req, "Location", buf_slice(&url));
    return 302;
}

/* ---- POST -------------------------------------------------------------------------------- */

static tuf_status verify_login(struct request *req)
{
    struct session_login *login = req->state;
    tuf_status st = user_find(&login->record, req, login->name, true);
    if (st == TUF_NOT_FOUND) {
        password_spend(login->password);
        return TUF_OK;
    }
    if (st != TUF_OK)
        return st;
    if (login->record.conflicted)
        return TUF_OK;
    struct password_cache *cache = req->server->passwords;
    const struct stored_password *stored = &login->record.password;
    login->good = password_cache_has(cache, login->name, login->password, stored);
    if (!login->good && password_verify(stored, login->password)) {
        password_cache_add(cache, login->name, login->password, stored);
        login->good = true;
        user_upgrade_hash(req, login->name, login->password, &login->record);
    }
    if (login->record.needs_token &&
        !totp_check(&login->record.totp, login->token, clock_us() / 1000000))
        login->good = false;
    return TUF_OK;
}

static void refuse_login(struct request *req, const struct session_login *login)
{
    lockout_add_failure(req->server->lockout, login->name, request_peer(req), clock_ms(),
                        config_uint(req->server->config, "chttpd_auth_lockout", "max_lifetime",
                                    LOCKOUT_LIFETIME_MS_DEFAULT));
    session_set_cookie(req, tuf_str(""));
    int status = follow_redirect(req, "fail", 401);
    if (status != 0)
        reply_error(req, status, "unauthorized", "Name or password is incorrect.");
}

static void accept_login(struct request *req, const struct session_login *login)
{
    TUF_AUTO(tufi_buf_release) struct buf cookie = BUF_INIT;
    tuf_status st = session_make(&cookie, req->server, login->name, login->record.password.salt,
                                 clock_us() / 1000000);
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    int status = follow_redirect(req, "next", 200);
    if (status == 0)
        return;
    session_set_cookie(req, buf_slice(&cookie));
    struct buf body = BUF_INIT;
    buf_append_str(&body, "{\"ok\":true,");
    append_name_and_roles(&body, login->name, login->record.roles, login->record.role_count);
    buf_append_u8(&body, '}');
    reply_json(req, status, &body);
}

static void login_verified(struct request *req, tuf_status status)
{
    const struct session_login *login = req->state;
    if (status != TUF_OK)
        reply_status(req, status);
    else if (login->good)
        accept_login(req, login);
    else
        refuse_login(req, login);
}

static tuf_slice copy_string(struct request *req, const json_t *value)
{
    return request_copy(req, tuf_slice_of(json_string_value(value), json_string_length(value)));
}

/* False when answered. */
static bool read_json_login(struct session_login *login, struct request *req, tuf_slice body)
{
    json_t *object = body_json(req, body.len > 0 ? body : tuf_str("x"), 'o');
    if (object == NULL)
        return false;
    const json_t *name = json_object_get(object, "name");
    const json_t *username = json_object_get(object, "username");
    const json_t *password = json_object_get(object, "password");
    const json_t *token = json_object_get(object, "token");
    bool differ = json_is_string(name) && json_is_string(username) && !json_equal(name, username);
    if (!json_is_string(name))
        name = username;
    if (json_is_string(name))
        login->name = copy_string(req, name);
    if (json_is_string(password))
        login->password = copy_string(req, password);
    if (json_is_string(token))
        login->token = copy_string(req, token);
    json_decref(object);
    if (differ)
        reply_error(req, 400, "bad_request", "request body contains different usernames");
    return !differ;
}

static bool read_form_login(struct session_login *login, struct request *req, tuf_slice body)
{
    struct params form;
    tuf_status st = params_parse(&form, &req->arena, body);
    if (st != TUF_OK) {
        reply_status(req, st);
        return false;
    }
    const tuf_slice *name = params_find(&form, "name");
    const tuf_slice *password = params_find(&form, "password");
    const tuf_slice *token = params_find(&form, "token");
    if (name == NULL)
        name = params_find(&form, "username");
    if (name != NULL)
        login->name = *name;
    if (password != NULL)
        login->password = *password;
    if (token != NULL)
        login->token = *token;
    return true;
}

static bool is_locked(struct request *req, const struct session_login *login)
{
    TUF_AUTO(tufi_buf_release) struct buf mode = BUF_INIT;
    struct config *config = req->server->config;
    if (config_get(&mode, config, "chttpd_auth_lockout", "mode") &&
        !slice_is(buf_slice(&mode), "enforce"))
        return false;
    return lockout_is_locked(req->server->lockout, login->name, request_peer(req), clock_ms(),
                             config_uint(config, "chttpd_auth_lockout", "threshold",
                                         LOCKOUT_THRESHOLD_DEFAULT));
}

static void login_body_read(struct request *req, tuf_slice body)
{
    struct session_login *login = req->state;
    bool good = request_has_type(req, "application/json") ? read_json_login(login, req, body)
                                                          : read_form_login(login, req, body);
    if (!good)
        return;
    if (login->name.len == 0)
        reply_error(req, 400, "bad_request", "request body must contain a username");
    else if (is_locked(req, login))
        reply_error(req, 403, "forbidden",
                    "Account is temporarily locked due to multiple authentication failures");
    else if (!work_run_slow(req, verify_login, login_verified))
        reply_error(req, 503, "service_unavailable", "too many logins at a time");
}

void handle_session_post(struct request *req)
{
    struct session_login *login = tufi_arena_alloc(&req->arena, sizeof(*login));
    if (login == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    memset(login, 0, sizeof(*login));
    login->name = login->password = login->token = tuf_str("");
    req->state = login;
    if (request_has_type(req, "application/json") ||
        request_has_type(req, "application/x-www-form-urlencoded"))
        body_collect(req, LOGIN_BODY_MAX, login_body_read);
    else
        reply_error(req, 415, "bad_content_type",
                    "Content-Type must be 'application/x-www-form-urlencoded' or "
                    "'application/json'");
}

/* ---- DELETE ------------------------------------------------------------------------------ */

void handle_session_delete(struct request *req)
{
    int status = follow_redirect(req, "next", 200);
    if (status == 0)
        return;
    session_set_cookie(req, tuf_str(""));
    reply_json_text(req, status, "{\"ok\":true}");
}
