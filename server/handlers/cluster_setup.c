/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: _cluster_setup, by which setup scripts make a server ready: they create an administrator
 * and the system databases.
 *
 * Invariants: only what was asked is changed; the address and port of a running server are not.
 * Source: CouchDB's setup and setup_httpd.
 * Not here: clusters.
 */
#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "server/dbs.h"
#include "server/handlers.h"
#include "server/jval.h"
#include "server/admins.h"
#include "server/server.h"
#include "server/work.h"

#define SETUP_BODY_MAX (64 * 1024)

/* req->state, in the request's arena. */
struct setup {
    const struct jval *dbs; /* names to exist; NULL: _users and _replicator */
    tuf_slice username;     /* data NULL: none given */
    tuf_slice password;
    bool all_exist;
    bool may_create;
};

static tuf_status ensure_db(struct setup *setup, struct request *req, tuf_slice name)
{
    TUF_AUTO(dbh_unref) struct dbh *dbh = NULL;
    tuf_status st = dbs_open(&dbh, dbs_of(req->server), name);
    if (st != TUF_NOT_FOUND)
        return st;
    setup->all_exist = false;
    if (!setup->may_create)
        return TUF_OK;
    st = dbs_create(dbs_of(req->server), name);
    return st == TUF_EXISTS ? TUF_OK : st;
}

/* Looks whether the system databases exist, and creates those that do not. */
static tuf_status ensure_dbs(struct request *req)
{
    struct setup *setup = req->state;
    setup->all_exist = true;
    if (setup->dbs == NULL) {
        tuf_status st = ensure_db(setup, req, tuf_str("_users"));
        return st == TUF_OK ? ensure_db(setup, req, tuf_str("_replicator")) : st;
    }
    for (const struct jval *name = setup->dbs->child; name != NULL; name = name->next) {
        tuf_status st = ensure_db(setup, req, name->text);
        if (st != TUF_OK)
            return st;
    }
    return TUF_OK;
}

static struct setup *new_setup(struct request *req, bool may_create)
{
    struct setup *setup = tufi_arena_alloc(&req->arena, sizeof(*setup));
    if (setup == NULL) {
        reply_status(req, tufi_nomem());
        return NULL;
    }
    *setup = (struct setup){ .may_create = may_create };
    req->state = setup;
    return setup;
}

/* ---- GET -------------------------------------------------------------------------------- */

static void state_done(struct request *req, tuf_status st)
{
    const struct setup *setup = req->state;
    bool single = config_bool(req->server->config, "couchdb", "single_node", false);
    if (st != TUF_OK)
        reply_status(req, st);
    else if (single || (setup->all_exist && config_has_admin(req->server->config)))
        reply_json_text(req, 200, "{\"state\":\"single_node_enabled\"}");
    else
        reply_json_text(req, 200, "{\"state\":\"single_node_disabled\"}");
}

void handle_cluster_setup(struct request *req)
{
    struct setup *setup = new_setup(req, false);
    const tuf_slice *dbs = params_find(&req->params, "ensure_dbs_exist");
    tuf_status st = TUF_OK;
    if (setup == NULL)
        return;
    if (dbs != NULL)
        st = jval_parse_canonical(&setup->dbs, &req->arena, *dbs);
    if (st == TUF_OK && dbs != NULL && !jval_is_string_list(setup->dbs))
        st = tufi_fail_kind(TUF_E_INVALID, "bad_request",
                            "`ensure_dbs_exist` must be an array of names.");
    if (st == TUF_OK)
        work_run(req, ensure_dbs, state_done);
    else
        reply_status(req, st);
}

/* ---- POST ------------------------------------------------------------------------------- */

/* An administrator of the same name keeps its password: scripts are run again and again. */
static tuf_status set_admin(struct request *req, const struct setup *setup)
{
    TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    buf_append_slice(&name, setup->username);
    buf_append_u8(&name, 0);
    if (name.failed)
        return tufi_nomem();
    if (config_get_exact(&value, req->server->config, "admins", (const char *)name.data))
        return TUF_OK;
    tuf_status st = admins_hash(&value, req->server->config, setup->password);
    if (st != TUF_OK)
        return st;
    return config_set(NULL, req->server->config, "admins", (const char *)name.data,
                      buf_slice(&value), true);
}

static tuf_status enable_single_node(struct request *req)
{
    const struct setup *setup = req->state;
    tuf_status st = ensure_dbs(req);
    if (st != TUF_OK || setup->username.data == NULL || setup->password.data == NULL)
        return st;
    return set_admin(req, setup);
}

static void enable_done(struct request *req, tuf_status st)
{
    if (st == TUF_OK)
        reply_json_text(req, 201, "{\"ok\":true}");
    else
        reply_status(req, st);
}

static void finish_done(struct request *req, tuf_status st)
{
    const struct setup *setup = req->state;
    if (st == TUF_OK && setup->all_exist)
        reply_error(req, 400, "bad_request", "Cluster is already finished");
    else
        enable_done(req, st);
}

static void run_action(struct request *req, struct setup *setup, const struct jval *body)
{
    const struct jval *action = jval_member(body, "action");
    const struct jval *name = jval_member(body, "username");
    const struct jval *password = jval_member(body, "password");
    tuf_slice text = action != NULL ? action->text : tuf_slice_of("", 0);
    setup->dbs = jval_member(body, "ensure_dbs_exist");
    if (setup->dbs != NULL && !jval_is_string_list(setup->dbs)) {
        reply_error(req, 400, "bad_request", "`ensure_dbs_exist` must be an array of names.");
        return;
    }
    if (name != NULL && name->type == JVAL_STRING &&
        memchr(name->text.data, 0, name->text.len) == NULL)
        setup->username = name->text;
    if (password != NULL && password->type == JVAL_STRING)
        setup->password = password->text;
    if (slice_is(text, "enable_single_node"))
        work_run(req, enable_single_node, enable_done);
    else if (slice_is(text, "finish_cluster"))
        work_run(req, ensure_dbs, finish_done);
    else if (slice_is(text, "enable_cluster") || slice_is(text, "add_node") ||
             slice_is(text, "remove_node") || slice_is(text, "receive_cookie"))
        reply_error(req, 400, "bad_request", "Cluster is not enabled.");
    else
        reply_error(req, 400, "bad_request", "Invalid Action'");
}

static void setup_body(struct request *req, tuf_slice text)
{
    const struct jval *body = NULL;
    tuf_status st = jval_parse_canonical(&body, &req->arena, text);
    if (st != TUF_OK && st != TUF_E_INVALID)
        reply_status(req, st);
    else if (st != TUF_OK || body->type != JVAL_OBJECT)
        reply_error(req, 400, "bad_request", "Missing JSON body'");
    else
        run_action(req, req->state, body);
}

void handle_cluster_setup_post(struct request *req)
{
    reply_header_drop(req, "X-Couch-Request-ID");
    reply_header_drop(req, "X-CouchDB-Body-Time");
    if (request_require_json(req) && new_setup(req, true) != NULL)
        body_collect(req, SETUP_BODY_MAX, setup_body);
}
