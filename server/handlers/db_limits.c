/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the settings of one database: _security, _revs_limit, _purged_infos_limit, _auto_purge.
 *
 * Invariants: a security object is checked before it is stored; a bad value changes nothing.
 * Source: CouchDB's chttpd_db and couch_db (texts); where CouchDB answers 500 for bad input this
 * answers 400.
 * Not here: what the security object means (server/security.c).
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "server/dbs.h"
#include "server/handlers.h"
#include "server/jval.h"
#include "server/server.h"
#include "server/work.h"

#define SECURITY_SIZE_MAX (1024 * 1024)
#define LIMIT_BODY_MAX 4096

static void ok_done(struct request *req, tuf_status st)
{
    if (st == TUF_OK)
        reply_json_text(req, 200, "{\"ok\":true}");
    else
        reply_status(req, st);
}

/* ---- _security -------------------------------------------------------------------------- */

void handle_security_get(struct request *req)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    dbh_security_text(&json, req->dbh);
    reply_json(req, 200, &json);
}

/* One of "admins" and "members". Returns the text of what is wrong, or NULL. */
static const char *find_fault(const struct jval *group)
{
    if (group == NULL)
        return NULL;
    if (group->type != JVAL_OBJECT)
        return "admins or members must be a JSON list of strings";
    const struct jval *names = jval_member(group, "names");
    const struct jval *roles = jval_member(group, "roles");
    if (names != NULL && !jval_is_string_list(names))
        return "names must be a JSON list of strings";
    if (roles != NULL && !jval_is_string_list(roles))
        return "roles must be a JSON list of strings";
    return NULL;
}

static const char *find_no_object(const struct jval *value)
{
    return value->type == JVAL_OBJECT ? NULL : "Request body must be a JSON object";
}

static const char *find_security_fault(const struct jval *security)
{
    const char *fault = find_no_object(security);
    if (fault != NULL)
        return fault;
    fault = find_fault(jval_member(security, "admins"));
    if (fault == NULL)
        fault = find_fault(jval_member(security, "members"));
    if (fault == NULL)
        fault = find_fault(jval_member(security, "readers"));
    return fault;
}

static tuf_status put_security(struct request *req)
{
    const struct jval *security = req->state;
    return dbh_put_security(req->dbh, security->raw);
}

/* An object that is stored as it came, unless `find` names what is wrong with it. */
static void put_object(struct request *req, tuf_slice body,
                       const char *(*find)(const struct jval *object), work_fn *put)
{
    const struct jval *object = NULL;
    tuf_status st = body_parse(&object, req, body);
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    const char *fault = find(object);
    if (fault != NULL) {
        reply_error(req, 400, "bad_request", fault);
        return;
    }
    /* In the arena, like the text it borrows: nothing to clean up. */
    req->state = tufi_arena_alloc(&req->arena, sizeof(*object));
    if (req->state == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    memcpy(req->state, object, sizeof(*object));
    work_run(req, put, ok_done);
}

static void security_body(struct request *req, tuf_slice body)
{
    put_object(req, body, find_security_fault, put_security);
}

void handle_security_put(struct request *req)
{
    body_collect(req, SECURITY_SIZE_MAX, security_body);
}

/* ---- limits ----------------------------------------------------------------------------- */

typedef tuf_status set_limit(tuf_db *db, uint32_t limit);

struct limit_change {
    set_limit *set;
    uint32_t limit;
};

static tuf_status change_limit(struct request *req)
{
    const struct limit_change *change = req->state;
    return dbh_put_limit(req->dbh, change->set, change->limit);
}

static void limit_body(struct request *req, tuf_slice body, set_limit *set, const char *reason)
{
    const struct jval *value = NULL;
    tuf_status st = body_parse(&value, req, body);
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    int64_t limit = 0;
    if (!jval_int(&limit, value) || limit <= 0 || limit > UINT32_MAX) {
        reply_error(req, 400, "bad_request", reason);
        return;
    }
    struct limit_change *change = tufi_arena_alloc(&req->arena, sizeof(*change));
    if (change == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    *change = (struct limit_change){ .set = set, .limit = (uint32_t)limit };
    req->state = change;
    work_run(req, change_limit, ok_done);
}

static void revs_limit_body(struct request *req, tuf_slice body)
{
    limit_body(req, body, tuf_db_set_revs_limit, "invalid_revs_limit");
}

static void purged_infos_limit_body(struct request *req, tuf_slice body)
{
    limit_body(req, body, tuf_db_set_purged_infos_limit,
               "`purged_infos_limit` must be positive integer");
}

void handle_revs_limit_put(struct request *req)
{
    body_collect(req, LIMIT_BODY_MAX, revs_limit_body);
}

void handle_purged_infos_limit_put(struct request *req)
{
    body_collect(req, LIMIT_BODY_MAX, purged_infos_limit_body);
}

static bool read_info(tuf_db_info *out, struct request *req)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    out->struct_size = sizeof(*out);
    tuf_status st = tuf_db_snapshot(&snapshot, dbh_db(req->dbh));
    if (st == TUF_OK)
        st = tuf_snapshot_info(out, snapshot);
    if (st != TUF_OK)
        reply_status(req, st);
    return st == TUF_OK;
}

static void reply_number(struct request *req, uint32_t number)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    tufi_buf_printf(&json, "%" PRIu32, number);
    reply_json(req, 200, &json);
}

void handle_revs_limit_get(struct request *req)
{
    tuf_db_info info = { 0 };
    if (read_info(&info, req))
        reply_number(req, info.revs_limit);
}

void handle_purged_infos_limit_get(struct request *req)
{
    tuf_db_info info = { 0 };
    if (read_info(&info, req))
        reply_number(req, info.purged_infos_limit);
}

/* ---- _auto_purge ------------------------------------------------------------------------ */

/* Kept as it was put, under this name; nothing here acts on it, as in CouchDB while
 * [couch_scanner_plugins] couch_auto_purge_plugin is off, which is the default. */
#define AUTO_PURGE_META "auto_purge"

static tuf_status read_auto_purge(struct request *req)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_slice text = tuf_slice_of(NULL, 0);
    struct buf *json = req->state;
    tuf_status st = tuf_db_snapshot(&snapshot, dbh_db(req->dbh));
    if (st == TUF_OK)
        st = tuf_snapshot_get_meta(&text, snapshot, tuf_str(AUTO_PURGE_META));
    if (st == TUF_OK)
        buf_append_slice(json, text);
    else if (st == TUF_NOT_FOUND)
        buf_append_str(json, "{}");
    tuf_free((void *)(uintptr_t)text.data);
    return st == TUF_OK || st == TUF_NOT_FOUND ? buf_status(json) : st;
}

static void auto_purge_read(struct request *req, tuf_status st)
{
    struct buf *json = req->state;
    req->state = NULL;
    if (st == TUF_OK)
        reply_json(req, 200, json);
    else
        reply_status(req, st);
    tufi_buf_release(json);
}

void handle_auto_purge_get(struct request *req)
{
    static const struct buf none = BUF_INIT;
    struct buf *json = tufi_arena_alloc(&req->arena, sizeof(*json));
    if (json == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    *json = none;
    req->state = json;
    work_run(req, read_auto_purge, auto_purge_read);
}

static tuf_status put_auto_purge(struct request *req)
{
    const struct jval *props = req->state;
    return tuf_db_put_meta(dbh_db(req->dbh), tuf_str(AUTO_PURGE_META), props->raw);
}

static void auto_purge_body(struct request *req, tuf_slice body)
{
    put_object(req, body, find_no_object, put_auto_purge);
}

void handle_auto_purge_put(struct request *req)
{
    body_collect(req, LIMIT_BODY_MAX, auto_purge_body);
}
