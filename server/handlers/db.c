/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a database as a whole: create, describe, delete, make durable, tidy up.
 *
 * Invariants: what may block runs on a worker.
 * Source: CouchDB's chttpd_db.
 * Not here: POST of a document (documents' handlers), limits and security (db_limits.c), purge.
 */
#include "base/alloc.h"
#include "base/bytes.h"
#include "server/compactions.h"
#include "server/dbs.h"
#include "server/handlers.h"
#include "server/handlers/dbinfo.h"
#include "server/seq.h"
#include "server/server.h"
#include "server/work.h"

#include <inttypes.h>

/* ---- GET /db ---------------------------------------------------------------------------- */

tuf_status dbinfo_append(struct buf *out, struct dbh *dbh)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, dbh_db(dbh));
    if (st != TUF_OK)
        return st;
    tuf_db_info info = { .struct_size = sizeof(info) };
    st = tuf_snapshot_info(&info, snapshot);
    if (st != TUF_OK)
        return st;
    struct seq_token token;
    seq_token_of(&token, info.uuid);
    tufi_buf_printf(out, "{\"instance_start_time\":\"%s\",\"db_name\":", dbh_start_time(dbh));
    json_append_string(out, dbh_name(dbh));
    buf_append_str(out, ",\"purge_seq\":");
    seq_append(out, info.purge_seq, &token);
    buf_append_str(out, ",\"update_seq\":");
    seq_append(out, info.update_seq, &token);
    tufi_buf_printf(out,
                    ",\"sizes\":{\"file\":%" PRIu64 ",\"external\":%" PRIu64 ",\"active\":%" PRIu64
                    "},\"props\":%s,\"doc_del_count\":%" PRIu64 ",\"doc_count\":%" PRIu64
                    ",\"disk_format_version\":8,\"compact_running\":%s,"
                    "\"cluster\":{\"q\":%" PRIu32 ",\"n\":1,\"w\":1,\"r\":1}}",
                    info.size_file, info.size_external, info.size_active,
                    dbh_is_partitioned(dbh) ? "{\"partitioned\":true}" : "{}", info.doc_del_count,
                    info.doc_count,
                    compactions_running(dbh_server(dbh)->compactions, dbh) ? "true" : "false",
                    dbh_shards(dbh));
    return buf_status(out);
}

void handle_db_info(struct request *req)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    tuf_status st = dbinfo_append(&json, req->dbh);
    if (st == TUF_OK)
        reply_json(req, 200, &json);
    else
        reply_status(req, st);
}

/* ---- PUT /db ---------------------------------------------------------------------------- */

/* q and n change nothing for a server of one node and one file, but must be right; q is told. */
static bool check_positive(struct request *req, const char *key)
{
    int64_t value = 1;
    enum param_result result = params_int(&value, &req->params, key);
    if (result != PARAM_BAD && value > 0)
        return true;
    reply_errorf(req, 400, "bad_request", "The `%s` value should be a positive integer.", key);
    return false;
}

/* "zone:n,zone:n" */
static bool check_placement(struct request *req)
{
    const tuf_slice *value = params_find(&req->params, "placement");
    bool fits = true;
    size_t begin = 0;
    for (size_t i = 0; value != NULL && i <= value->len; i++) {
        if (i < value->len && value->data[i] != ',')
            continue;
        const uint8_t *rule = value->data + begin;
        const uint8_t *colon = i > begin ? memchr(rule, ':', i - begin) : NULL;
        size_t zone_len = colon != NULL ? (size_t)(colon - rule) : 0;
        uint64_t copies = 0;
        fits = fits && zone_len > 0 &&
               parse_uint(&copies, tuf_slice_of(colon + 1, i - begin - zone_len - 1)) && copies > 0;
        begin = i + 1;
    }
    if (!fits)
        reply_error(req, 400, "bad_request",
                    "The `placement` value should be in a format `zone:n`.");
    return fits;
}

static bool check_engine(struct request *req)
{
    const tuf_slice *engine = params_find(&req->params, "engine");
    if (engine == NULL || slice_is(*engine, "couch") || slice_is(*engine, "tuf"))
        return true;
    reply_error(req, 400, "bad_request", "invalid_engine_extension");
    return false;
}

static bool check_partitioned(struct request *req)
{
    const tuf_slice *value = params_find(&req->params, "partitioned");
    if (value == NULL || slice_is(*value, "false") || slice_is(*value, "true"))
        return true;
    reply_error(req, 400, "bad_request", "Invalid `partitioned` parameter");
    return false;
}

static tuf_status create_db(struct request *req)
{
    struct dbs *dbs = dbs_of(req->server);
    int64_t shards = 1;
    bool has_shards = params_int(&shards, &req->params, "q") == PARAM_OK && shards != 1;
    bool partitioned = params_is(&req->params, "partitioned", "true");
    tuf_status st = dbs_create(dbs, req->segs[0]);
    if (st != TUF_OK || !(has_shards || partitioned))
        return st;
    TUF_AUTO(dbh_unref) struct dbh *dbh = NULL;
    st = dbs_open(&dbh, dbs, req->segs[0]);
    if (st == TUF_OK && partitioned)
        st = dbh_make_partitioned(dbh);
    if (st == TUF_OK && has_shards)
        st = dbh_put_shards(dbh, shards < DBH_SHARDS_MAX ? (uint32_t)shards : DBH_SHARDS_MAX);
    return st;
}

static void create_done(struct request *req, tuf_status st)
{
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    TUF_AUTO(tufi_buf_release) struct buf location = BUF_INIT;
    request_append_base_url(&location, req);
    buf_append_u8(&location, '/');
    url_encode(&location, req->segs[0]);
    reply_header(req, "Location", buf_slice(&location));
    reply_json_text(req, 201, "{\"ok\":true}");
}

/* Answered here, because the detail of a failure has no room for a long name. */
static bool check_name(struct request *req)
{
    tuf_slice name = req->segs[0];
    enum dbs_name result = dbs_check_name(name);
    if (result == DBS_NAME_LONG)
        reply_errorf(req, 400, "database_name_too_long",
                     "At least one path segment of `%.*s` is too long.", (int)name.len,
                     (const char *)name.data);
    if (result == DBS_NAME_BAD)
        reply_errorf(req, 400, "illegal_database_name",
                     "Name: '%.*s'. Only lowercase characters (a-z), digits (0-9), and any of the "
                     "characters _, $, (, ), +, -, and / are allowed. Must begin with a letter.",
                     (int)name.len, (const char *)name.data);
    return result == DBS_NAME_OK;
}

void handle_db_create(struct request *req)
{
    if (check_positive(req, "n") && check_positive(req, "q") && check_placement(req) &&
        check_engine(req) && check_partitioned(req) && check_name(req))
        work_run(req, create_db, create_done);
}

/* ---- DELETE /db ------------------------------------------------------------------------- */

static tuf_status delete_db(struct request *req)
{
    return dbs_delete(dbs_of(req->server), req->segs[0]);
}

static void delete_done(struct request *req, tuf_status st)
{
    if (st == TUF_OK)
        reply_json_text(req, 200, "{\"ok\":true}");
    else if (st == TUF_NOT_FOUND)
        reply_error(req, 404, "not_found", "Database does not exist.");
    else
        reply_status(req, st);
}

void handle_db_delete(struct request *req)
{
    /* A script whose document id is empty by mistake must not lose its database. */
    if (params_find(&req->params, "rev") != NULL) {
        reply_error(req, 400, "bad_request",
                    "You tried to DELETE a database with a ?=rev parameter. "
                    "Did you mean to DELETE a document instead?");
        return;
    }
    work_run(req, delete_db, delete_done);
}

/* ---- _ensure_full_commit, _compact, _view_cleanup --------------------------------------- */

static tuf_status sync_db(struct request *req)
{
    return tuf_db_sync(dbh_db(req->dbh));
}

static void sync_done(struct request *req, tuf_status st)
{
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    tufi_buf_printf(&json, "{\"ok\":true,\"instance_start_time\":\"%s\"}",
                    dbh_start_time(req->dbh));
    reply_json(req, 201, &json);
}

void handle_ensure_full_commit(struct request *req)
{
    if (request_require_json(req))
        work_run(req, sync_db, sync_done);
}

static void accepted_done(struct request *req, tuf_status st)
{
    if (st == TUF_OK)
        reply_json_text(req, 202, "{\"ok\":true}");
    else
        reply_status(req, st);
}

/* The views of a design document have no files, so there is nothing to compact: only look
 * whether it exists. */
static tuf_status find_ddoc(struct request *req)
{
    tuf_slice name = req->segs[2];
    TUF_AUTO(tufi_buf_release) struct buf id = BUF_INIT;
    buf_append_str(&id, "_design/");
    buf_append_slice(&id, name);
    tuf_status st = buf_status(&id);
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    if (st == TUF_OK)
        st = tuf_db_snapshot(&snapshot, dbh_db(req->dbh));
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    return st == TUF_OK ? tuf_doc_open(&doc, snapshot, buf_slice(&id), NULL) : st;
}

void handle_compact(struct request *req)
{
    if (!request_require_json(req))
        return;
    if (req->seg_count > 2)
        work_run(req, find_ddoc, accepted_done);
    else if (compactions_start(req->server->compactions, req->dbh))
        reply_json_text(req, 202, "{\"ok\":true}");
    else
        reply_status(req, tufi_nomem());
}

/* Not CouchDB's, which has no way to stop a compaction over HTTP. */
void handle_compact_cancel(struct request *req)
{
    if (compactions_cancel(req->server->compactions, req->dbh))
        reply_json_text(req, 202, "{\"ok\":true}");
    else
        reply_error(req, 404, "not_found", "No compaction is running.");
}

void handle_view_cleanup(struct request *req)
{
    /* No index file exists, so none is left over. */
    reply_json_text(req, 202, "{\"ok\":true}");
}

/* ---- what concerns clusters only, and what is gone -------------------------------------- */

void handle_sync_shards(struct request *req)
{
    reply_json_text(req, 202, "{\"ok\":true}");
}

void handle_temp_view(struct request *req)
{
    reply_error(req, 410, "gone", "Temporary views are not supported in CouchDB");
}
