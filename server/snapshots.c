/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: named snapshots over HTTP: see server/snapshots.h; and the requests that make, list and remove
 * them:
 *
 *     GET /db/_snapshot      PUT, DELETE /db/_snapshot/NAME
 *
 * Not here: how a snapshot is kept (engine/pins.c) and opened (server/dbh.c).
 */
#include "server/snapshots.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "server/dbs.h"
#include "server/handlers.h"
#include "server/request.h"
#include "server/route.h"
#include "server/server.h"
#include "server/work.h"

#define MARK "/_snapshot/"
#define LOCAL "/_local"

/* ---- the way of a request ---------------------------------------------------------------- */

/* Two texts, one behind the other, in the arena. */
static bool concat(tuf_slice *out, struct request *req, const tuf_slice *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    uint8_t *text = tufi_arena_alloc(&req->arena, len + 1);
    if (text == NULL) {
        reply_status(req, tufi_nomem());
        return false;
    }
    size_t pos = 0;
    for (size_t i = 0; i < count; pos += parts[i++].len)
        if (parts[i].len > 0)
            memcpy(text + pos, parts[i].data, parts[i].len);
    text[len] = 0;
    *out = tuf_slice_of(text, len);
    return true;
}

/* DELETE of the database that a snapshot is removes the snapshot. */
static bool split_first(struct request *req)
{
    struct snapshot_name sn;
    if (req->method != HTTP_DELETE || req->seg_count != 1 ||
        !snapshot_name_split(&sn, req->segs[0]) || sn.local)
        return true;
    tuf_slice *segs = tufi_arena_alloc(&req->arena, 3 * sizeof(*segs));
    if (segs == NULL) {
        reply_status(req, tufi_nomem());
        return false;
    }
    segs[0] = sn.db;
    segs[1] = tuf_str("_snapshot");
    segs[2] = sn.name;
    req->segs = segs;
    req->seg_count = 3;
    return true;
}

bool snapshots_rewrite(struct request *req)
{
    bool managed = req->seg_count == 3 && (req->method == HTTP_PUT || req->method == HTTP_DELETE);
    if (req->seg_count < 3 || managed || !slice_is(req->segs[1], "_snapshot"))
        return split_first(req);
    const tuf_slice parts[] = { req->segs[0], tuf_str(MARK), req->segs[2] };
    if (!concat(&req->segs[0], req, parts, 3))
        return false;
    memmove(&req->segs[1], &req->segs[3], (req->seg_count - 3) * sizeof(*req->segs));
    req->seg_count -= 2;
    return true;
}

static bool is_local_handler(request_handler *handler)
{
    return handler == handle_local_get || handler == handle_local_put ||
           handler == handle_local_delete || handler == handle_local_copy ||
           handler == handle_local_attachment || handler == handle_local_docs ||
           handler == handle_local_docs_post || handler == handle_local_docs_queries;
}

bool snapshots_route(struct request *req)
{
    struct snapshot_name sn;
    if (!snapshot_name_split(&sn, req->segs[0]))
        return true;
    if (memchr(sn.name.data, '/', sn.name.len) != NULL || sn.local) {
        reply_error(req, 404, "not_found", "Database does not exist.");
        return false;
    }
    const tuf_slice parts[] = { req->segs[0], tuf_str(LOCAL) };
    return !is_local_handler(req->route->handler) || concat(&req->segs[0], req, parts, 2);
}

/* What is asked by POST and only reads. */
static bool is_question(request_handler *handler)
{
    static request_handler *const questions[] = {
        handle_all_docs_post,     handle_all_docs_queries, handle_design_docs_post,
        handle_design_docs_queries, handle_changes_post,   handle_ensure_full_commit,
        handle_find,              handle_bulk_get,         handle_missing_revs,
        handle_revs_diff,         handle_partition,        handle_ddoc_function,
    };
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        if (handler == questions[i])
            return true;
    }
    return false;
}

bool snapshots_refuse(struct request *req)
{
    if (req->dbh == NULL || !dbh_is_snapshot(req->dbh) || req->method == HTTP_GET ||
        req->method == HTTP_OPTIONS || is_question(req->route->handler))
        return false;
    reply_error(req, 403, "forbidden", "This is a snapshot of a database: it can only be read.");
    return true;
}

/* ---- making, listing, removing ------------------------------------------------------------ */

/* A name that can stand in a database name, and leaves room for what comes behind it. */
static bool check_name(struct request *req)
{
    tuf_slice name = req->segs[2], whole;
    const tuf_slice parts[] = { dbh_name(req->dbh), tuf_str(MARK), name, tuf_str(LOCAL) };
    if (!concat(&whole, req, parts, 4))
        return false;
    if (name.data[0] != '_' && memchr(name.data, '/', name.len) == NULL &&
        dbs_check_name(whole) == DBS_NAME_OK)
        return true;
    reply_error(req, 400, "illegal_snapshot_name",
                "Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), "
                "+, and - are allowed. Must not begin with _ or be too long.");
    return false;
}

static tuf_status make_snapshot(struct request *req)
{
    return tuf_db_pin(dbh_db(req->dbh), req->segs[2]);
}

static void snapshot_made(struct request *req, tuf_status st)
{
    if (st == TUF_OK)
        reply_json_text(req, 201, "{\"ok\":true}");
    else if (st == TUF_EXISTS)
        reply_error(req, 412, "file_exists",
                    "The snapshot could not be created, the name is taken.");
    else
        reply_status(req, st);
}

void handle_snapshot_put(struct request *req)
{
    if (check_name(req))
        work_run(req, make_snapshot, snapshot_made);
}

static tuf_status remove_snapshot(struct request *req)
{
    return dbs_drop_snapshot(dbs_of(req->server), req->dbh, req->segs[2]);
}

static void snapshot_removed(struct request *req, tuf_status st)
{
    if (st == TUF_OK)
        reply_json_text(req, 200, "{\"ok\":true}");
    else if (st == TUF_NOT_FOUND)
        reply_error(req, 404, "not_found", "missing");
    else
        reply_status(req, st);
}

void handle_snapshot_delete(struct request *req)
{
    if (check_name(req))
        work_run(req, remove_snapshot, snapshot_removed);
}

static tuf_status list_one(const tuf_pin_info *info, void *ctx)
{
    struct buf *json = ctx;
    buf_append_str(json, json->len > 1 ? ",{\"name\":" : "{\"name\":");
    json_append_string(json, info->name);
    tufi_buf_printf(json, ",\"update_seq\":%" PRIu64 ",\"time\":%" PRIu64 ".%06" PRIu64 "}",
                    info->update_seq, info->time_us / 1000000, info->time_us % 1000000);
    return buf_status(json);
}

static tuf_status list_snapshots(struct request *req)
{
    struct buf *json = req->state;
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    buf_append_u8(json, '[');
    tuf_status st = tuf_db_snapshot(&snapshot, dbh_db(req->dbh));
    if (st == TUF_OK)
        st = tuf_snapshot_pins(snapshot, list_one, json);
    buf_append_u8(json, ']');
    return st;
}

static void free_list(struct request *req)
{
    tufi_buf_release(req->state);
    tufi_free(req->state);
}

static void snapshots_listed(struct request *req, tuf_status st)
{
    if (st == TUF_OK)
        reply_json(req, 200, req->state);
    else
        reply_status(req, st);
}

void handle_snapshots(struct request *req)
{
    req->state = tufi_alloc_zero(sizeof(struct buf));
    if (req->state == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    request_on_cleanup(req, free_list);
    work_run(req, list_snapshots, snapshots_listed);
}
