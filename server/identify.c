/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: finds out who asks: by the session cookie, else by Basic, else by what server/tokens.h
 * has. See server/identify.h.
 *
 * What can be decided without blocking (an admin's cookie, a password in the cache) is decided on
 * the loop; everything else is one job on the worker pool.
 * Source: CouchDB's couch_httpd_auth for rules and texts.
 */
#include "server/identify.h"

#include <strings.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "server/lockout.h"
#include "server/request.h"
#include "server/server.h"
#include "server/session.h"
#include "server/tokens.h"
#include "server/user_passwords.h"

enum login_kind { LOGIN_COOKIE, LOGIN_BASIC };

enum login_outcome {
    LOGIN_PENDING,    /* a worker is needed */
    LOGIN_OK,
    LOGIN_NOBODY,     /* the credentials do not count: goes on without */
    LOGIN_WRONG,      /* 401 */
    LOGIN_CONFLICTED, /* 401 */
    LOGIN_FAILED,     /* status */
};

struct login {
    enum login_kind kind;
    enum login_outcome outcome;
    tuf_status status;
    struct session session;
    tuf_slice name, password;
    struct user_record record;
    void (*then)(struct request *req);
};

static void identify_basic(struct request *req, struct login *login);

static void identify_otherwise(struct request *req, struct login *login)
{
    if (tokens_identify(req))
        login->then(req);
}

/* ---- outcomes ---------------------------------------------------------------------------- */

static void set_user(struct request *req, const struct login *login)
{
    struct user_ctx *user = &req->user;
    user->name = login->kind == LOGIN_COOKIE ? login->session.name : login->name;
    user->roles = login->record.roles;
    user->role_count = login->record.role_count;
    user->handler = login->kind == LOGIN_COOKIE ? "cookie" : "default";
    user->is_server_admin = user_has_role(user, "_admin");
}

/* A session that has used up a tenth of its time gets a fresh cookie. */
static void renew_cookie(struct request *req, const struct login *login)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    uint64_t now_s = clock_us() / 1000000;
    uint64_t timeout_s = server_settings(req->server)->session_timeout_s;
    uint64_t age_s = now_s > login->session.time_s ? now_s - login->session.time_s : 0;
    if (age_s * 10 <= timeout_s)
        return;
    if (session_make(&value, req->server, login->session.name, login->record.password.salt,
                     now_s) == TUF_OK)
        session_set_cookie(req, buf_slice(&value));
}

static void count_failure(struct request *req, const struct login *login)
{
    lockout_add_failure(req->server->lockout, login->name, request_peer(req), clock_ms(),
                        config_uint(req->server->config, "chttpd_auth_lockout", "max_lifetime",
                                    LOCKOUT_LIFETIME_MS_DEFAULT));
}

static void finish(struct request *req, struct login *login)
{
    switch (login->outcome) {
    case LOGIN_OK:
        set_user(req, login);
        if (login->kind == LOGIN_COOKIE)
            renew_cookie(req, login);
        login->then(req);
        return;
    case LOGIN_NOBODY:
        if (login->kind == LOGIN_COOKIE)
            identify_basic(req, login);
        else
            identify_otherwise(req, login);
        return;
    case LOGIN_WRONG:
        count_failure(req, login);
        reply_error(req, 401, "unauthorized", "Name or password is incorrect.");
        return;
    case LOGIN_CONFLICTED:
        reply_error(req, 401, "unauthorized",
                    "User document conflicts must be resolved before the document is used for "
                    "authentication purposes.");
        return;
    case LOGIN_PENDING:
    case LOGIN_FAILED:
        reply_status(req, login->status);
        return;
    }
}

/* ---- deciding ---------------------------------------------------------------------------- */

static void decide_cookie(struct request *req, struct login *login)
{
    uint64_t now_s = clock_us() / 1000000;
    bool good = session_check(req->server, &login->session, login->record.password.salt, now_s);
    login->outcome = good ? LOGIN_OK : LOGIN_NOBODY;
}

static void decide_basic(struct request *req, struct login *login, bool may_block)
{
    const struct stored_password *stored = &login->record.password;
    if (password_cache_has(req->server->passwords, login->name, login->password, stored)) {
        login->outcome = LOGIN_OK;
        return;
    }
    if (!may_block) {
        login->outcome = LOGIN_PENDING;
        return;
    }
    bool good = password_verify(stored, login->password);
    if (good) {
        password_cache_add(req->server->passwords, login->name, login->password, stored);
        user_upgrade_hash(req, login->name, login->password, &login->record);
    }
    login->outcome = good ? LOGIN_OK : LOGIN_WRONG;
}

/* Decides, or says LOGIN_PENDING if that would block and must not. */
static void decide(struct request *req, struct login *login, bool may_block)
{
    tuf_slice name = login->kind == LOGIN_COOKIE ? login->session.name : login->name;
    tuf_status st = user_find(&login->record, req, name, may_block);
    if (st == TUF_STOPPED) {
        login->outcome = LOGIN_PENDING;
    } else if (st == TUF_NOT_FOUND && login->kind == LOGIN_COOKIE) {
        login->outcome = LOGIN_NOBODY;
    } else if (st == TUF_NOT_FOUND) {
        login->outcome = may_block ? LOGIN_WRONG : LOGIN_PENDING;
        if (may_block)
            password_spend(login->password);
    } else if (st != TUF_OK) {
        login->outcome = LOGIN_FAILED;
        login->status = st;
    } else if (login->record.conflicted &&
               !config_bool(req->server->config, "chttpd_auth", "allow_conflicted_user_docs",
                            false)) {
        login->outcome = LOGIN_CONFLICTED;
    } else if (login->kind == LOGIN_COOKIE) {
        decide_cookie(req, login);
    } else if (login->record.needs_token) {
        login->outcome = LOGIN_WRONG;
    } else {
        decide_basic(req, login, may_block);
    }
}

static tuf_status decide_on_worker(struct request *req)
{
    struct login *login = req->priv->login;
    decide(req, login, true);
    return login->outcome == LOGIN_FAILED ? login->status : TUF_OK;
}

static void decided_on_worker(struct request *req, tuf_status status)
{
    (void)status; /* told by the outcome */
    finish(req, req->priv->login);
}

static void start(struct request *req, struct login *login)
{
    decide(req, login, false);
    if (login->outcome != LOGIN_PENDING)
        finish(req, login);
    else if (!work_run_slow(req, decide_on_worker, decided_on_worker))
        reply_error(req, 503, "service_unavailable", "too many logins at a time");
}

/* ---- credentials ------------------------------------------------------------------------- */

/* Splits the decoded "user:password". False if there are no credentials in it. */
static bool split_basic(struct login *login, tuf_slice decoded)
{
    const uint8_t *colon = memchr(decoded.data, ':', decoded.len);
    if (colon == NULL || slice_is(decoded, "_:_"))
        return false;
    size_t len = (size_t)(colon - decoded.data);
    login->name = tuf_slice_of(decoded.data, len);
    login->password = tuf_slice_of(colon + 1, decoded.len - len - 1);
    return true;
}

static bool is_locked_out(struct request *req, const struct login *login)
{
    TUF_AUTO(tufi_buf_release) struct buf mode = BUF_INIT;
    struct config *config = req->server->config;
    if (lockout_is_empty(req->server->lockout))
        return false;
    if (config_get(&mode, config, "chttpd_auth_lockout", "mode") &&
        !slice_is(buf_slice(&mode), "enforce"))
        return false;
    uint64_t threshold = config_uint(config, "chttpd_auth_lockout", "threshold",
                                     LOCKOUT_THRESHOLD_DEFAULT);
    return lockout_is_locked(req->server->lockout, login->name, request_peer(req), clock_ms(),
                             threshold);
}

static void identify_basic(struct request *req, struct login *login)
{
    TUF_AUTO(tufi_buf_release) struct buf decoded = BUF_INIT;
    tuf_slice value;
    login->kind = LOGIN_BASIC;
    if ((server_settings(req->server)->auth_handlers & AUTH_BASIC) == 0 ||
        !request_header(&value, req, "Authorization") ||
        !slice_starts_nocase(value, "Basic ")) {
        identify_otherwise(req, login);
        return;
    }
    if (!tufi_base64_decode(&decoded, tuf_slice_of(value.data + 6, value.len - 6))) {
        reply_error(req, 400, "bad_request", "Authorization header has invalid base64 value");
        return;
    }
    tuf_slice text = request_copy(req, buf_slice(&decoded));
    if (text.data == NULL) {
        reply_status(req, tufi_nomem());
    } else if (!split_basic(login, text)) {
        identify_otherwise(req, login);
    } else if (is_locked_out(req, login)) {
        reply_error(req, 403, "forbidden",
                    "Account is temporarily locked due to multiple authentication failures");
    } else {
        start(req, login);
    }
}

void identify_user(struct request *req, void (*then)(struct request *req))
{
    tuf_slice value;
    struct login *login = tufi_arena_alloc(&req->arena, sizeof(*login));
    if (login == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    memset(login, 0, sizeof(*login));
    login->then = then;
    req->priv->login = login;
    bool cookies = (server_settings(req->server)->auth_handlers & AUTH_COOKIE) != 0;
    if (!cookies || !session_find(&value, req)) {
        identify_basic(req, login);
    } else if (!session_decode(&login->session, req, value)) {
        reply_error(req, 400, "bad_request",
                    "Malformed AuthSession cookie. Please clear your cookies.");
    } else {
        start(req, login);
    }
}
