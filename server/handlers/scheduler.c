/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: GET /_scheduler/jobs and /_scheduler/docs: what the replications of the server do.
 *
 *   /_scheduler/jobs[/ID]              the table of jobs
 *   /_scheduler/docs[/DB[/DOCID]]      the documents of a _replicator database; the slash of
 *                                      "x/_replicator" may stand as it is
 *
 * Invariants: the list of documents is streamed: its length is not bounded by memory. Nothing that
 * is shown holds a password (INV-RPJ-5, INV-RPG-2).
 * Source: CouchDB's couch_replicator_httpd and couch_replicator_httpd_util for texts and shapes.
 * Not here: what is said of one job (replicator/jobs.h) or document (server/replicator_docs.h).
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "server/dbs.h"
#include "server/handlers.h"
#include "server/handlers/node.h"
#include "server/replications.h"
#include "server/replicator_docs.h"
#include "server/server.h"
#include "server/work.h"

#define DEFAULT_DB "_replicator"
#define JOBS_LIMIT_DEFAULT 100
#define PIECE_SIZE 65536

static const char *const state_names[] = { "initializing", "error",     "running", "pending",
                                           "crashing",     "completed", "failed" };
#define STATE_COUNT (sizeof(state_names) / sizeof(state_names[0]))

/* ---- parameters ----------------------------------------------------------------------------- */

/* False when answered. */
static bool take_count(uint64_t *out, struct request *req, const char *key, uint64_t fallback)
{
    int64_t value = 0;
    *out = fallback;
    enum param_result result = params_int(&value, &req->params, key);
    if (result == PARAM_BAD)
        reply_errorf(req, 400, "query_parse_error", "%s must be an integer", key);
    else if (result == PARAM_OK && value < 0)
        reply_errorf(req, 400, "query_parse_error", "%s not in range of [0,infinity]", key);
    else if (result == PARAM_OK)
        *out = (uint64_t)value;
    return result != PARAM_BAD && value >= 0;
}

static bool find_state(unsigned *bits, tuf_slice name)
{
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (slice_is(name, state_names[i])) {
            *bits |= 1u << i;
            return true;
        }
    }
    return false;
}

/* The states asked for as bits, 0 for all. False when answered. */
static bool take_states(unsigned *out, struct request *req)
{
    const tuf_slice *text = params_find(&req->params, "states");
    *out = 0;
    for (size_t pos = 0; text != NULL && pos < text->len;) {
        const uint8_t *comma = memchr(text->data + pos, ',', text->len - pos);
        size_t len = comma != NULL ? (size_t)(comma - text->data) - pos : text->len - pos;
        if (len > 0 && !find_state(out, tuf_slice_of(text->data + pos, len))) {
            reply_error(req, 400, "query_parse_error",
                        "States must be one or more of [initializing,error,running,pending,"
                        "crashing,completed,failed]");
            return false;
        }
        pos += len + 1;
    }
    return true;
}

/* ---- jobs ----------------------------------------------------------------------------------- */

static void show_job(struct request *req)
{
    bool found = false;
    char id[REPL_JOB_ID_SIZE];
    (void)snprintf(id, sizeof(id), "%.*s", (int)req->segs[2].len,
                   (const char *)req->segs[2].data);
    for (char *c = id; *c != 0; c++) {
        if (*c == ' ') /* a '+' of the path */
            *c = '+';
    }
    json_t *job = repl_jobs_show(&found, req->server->replications, id, NODE_NAME);
    if (!found)
        reply_error(req, 404, "not_found", "missing");
    else
        reply_json_value(req, 200, job);
}

void handle_scheduler_jobs(struct request *req)
{
    uint64_t limit = 0;
    uint64_t skip = 0;
    if (req->seg_count == 3)
        show_job(req);
    else if (req->seg_count > 3)
        reply_error(req, 404, "not_found", "missing");
    else if (take_count(&limit, req, "limit", JOBS_LIMIT_DEFAULT) &&
             take_count(&skip, req, "skip", 0))
        reply_json_value(req, 200,
                         repl_jobs_list(req->server->replications, NODE_NAME, skip, limit));
}

/* ---- documents ------------------------------------------------------------------------------ */

struct docs_list {
    tuf_slice database, id; /* in the request's arena; id is empty: all */
    struct dbh *dbh;
    tuf_snapshot *snapshot;
    tuf_cursor *cursor;
    tuf_doc *doc; /* used again for each */
    json_t *one;  /* the answer for one document */
    unsigned states;
    uint64_t skip, limit;
    uint64_t total; /* documents but design documents */
    bool begun, any;
};

static void free_list(struct request *req)
{
    struct docs_list *list = req->state;
    json_decref(list->one);
    tuf_doc_free(&list->doc);
    tuf_cursor_free(&list->cursor);
    tuf_snapshot_free(&list->snapshot);
    dbh_unref(&list->dbh);
    tufi_free(list);
}

static tuf_status open_database(struct docs_list *list, struct request *req)
{
    tuf_status st = dbs_open(&list->dbh, dbs_of(req->server), list->database);
    return st == TUF_OK ? tuf_db_snapshot(&list->snapshot, dbh_db(list->dbh)) : st;
}

static bool is_wanted(const struct docs_list *list, const json_t *shown)
{
    unsigned state = 0;
    const char *name = json_string_value(json_object_get(shown, "state"));
    return name != NULL && find_state(&state, tuf_str(name)) &&
           (list->states == 0 || (state & list->states) != 0);
}

static tuf_status append_doc(struct buf *out, struct docs_list *list, struct request *req,
                             const tuf_docinfo *info)
{
    if (slice_starts(info->id, "_design/"))
        return TUF_OK;
    tuf_status st = tuf_doc_open_leaf(&list->doc, list->snapshot, info, 0);
    if (st != TUF_OK)
        return tufi_fold(st);
    json_t *shown = replicator_docs_show(req->server->replicator_docs, list->database, info->id,
                                         tuf_doc_body(list->doc));
    if (shown == NULL)
        return tufi_nomem();
    if (is_wanted(list, shown) && list->skip > 0) {
        list->skip--;
    } else if (is_wanted(list, shown) && list->limit > 0) {
        char *text = json_dumps(shown, JSON_COMPACT);
        buf_append_str(out, list->any ? ",\r\n" : "");
        buf_append_str(out, text != NULL ? text : "{}");
        free(text);
        list->any = true;
        list->limit--;
    }
    json_decref(shown);
    return buf_status(out);
}

static enum produce_result produce_docs(struct request *req, struct buf *out)
{
    struct docs_list *list = req->state;
    const tuf_docinfo *info = NULL;
    tuf_status st = TUF_OK;
    if (!list->begun) {
        uint64_t offset = list->skip < list->total ? list->skip : list->total;
        tufi_buf_printf(out, "{\"total_rows\":%llu,\"offset\":%llu,\"docs\":[\r\n",
                        (unsigned long long)list->total, (unsigned long long)offset);
        list->begun = true;
    }
    while (st == TUF_OK && out->len < PIECE_SIZE && list->limit > 0) {
        st = tuf_cursor_next(&info, list->cursor);
        if (st == TUF_OK)
            st = append_doc(out, list, req, info);
    }
    if (st == TUF_OK && list->limit > 0)
        return PRODUCE_MORE;
    if (st != TUF_OK && st != TUF_END)
        return PRODUCE_FAIL;
    buf_append_str(out, "\r\n]}\n");
    return PRODUCE_DONE;
}

/* Live documents without those of designs, which lie between two keys. */
static tuf_status count_docs(uint64_t *out, tuf_snapshot *snapshot)
{
    tuf_db_info info = { .struct_size = sizeof(info) };
    uint64_t before = 0;
    uint64_t behind = 0;
    tuf_status st = tuf_snapshot_info(&info, snapshot);
    if (st == TUF_OK)
        st = tuf_snapshot_rank(&before, snapshot, tuf_str("_design/"), false);
    if (st == TUF_OK)
        st = tuf_snapshot_rank(&behind, snapshot, tuf_str("_design0"), false);
    if (st == TUF_OK)
        *out = info.doc_count - (behind - before);
    return st;
}

static tuf_status open_list(struct request *req)
{
    struct docs_list *list = req->state;
    const tuf_range all = { .descending = params_is(&req->params, "descending", "true") };
    tuf_status st = open_database(list, req);
    if (st == TUF_OK)
        st = count_docs(&list->total, list->snapshot);
    return st == TUF_OK ? tuf_cursor_open_ids(&list->cursor, list->snapshot, &all) : st;
}

static void reply_failed(struct request *req, tuf_status st)
{
    struct docs_list *list = req->state;
    if (st == TUF_NOT_FOUND && list->dbh == NULL)
        reply_error(req, 404, "not_found", "Database does not exist.");
    else if (st == TUF_NOT_FOUND || st == TUF_DELETED)
        reply_error(req, 404, "not_found", "missing");
    else
        reply_status(req, st);
}

static void list_opened(struct request *req, tuf_status st)
{
    const struct producer producer = { .produce = produce_docs, .blocking = true };
    if (st != TUF_OK)
        reply_failed(req, st);
    else
        reply_stream(req, 200, &producer);
}

static tuf_status open_one(struct request *req)
{
    struct docs_list *list = req->state;
    tuf_status st = open_database(list, req);
    if (st == TUF_OK)
        st = tuf_doc_open(&list->doc, list->snapshot, list->id, NULL);
    if (st != TUF_OK)
        return st;
    list->one = replicator_docs_show(req->server->replicator_docs, list->database, list->id,
                                     tuf_doc_body(list->doc));
    if (list->one == NULL)
        return tufi_nomem();
    return json_is_string(json_object_get(list->one, "state")) ? TUF_OK : TUF_NOT_FOUND;
}

static void one_opened(struct request *req, tuf_status st)
{
    struct docs_list *list = req->state;
    if (st != TUF_OK)
        reply_failed(req, st);
    else
        reply_json_value(req, 200, tufi_steal(list->one));
}

/* Splits the segments behind "docs" into database and document. False if they are neither. */
static bool split_path(struct docs_list *list, struct request *req)
{
    TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
    list->database = tuf_str(DEFAULT_DB);
    if (req->seg_count == 2)
        return true;
    size_t pos = 2;
    for (; pos < req->seg_count; pos++) {
        if (name.len > 0)
            buf_append_u8(&name, '/');
        buf_append_slice(&name, req->segs[pos]);
        if (dbs_is_replicator_name(buf_slice(&name)))
            break;
    }
    size_t rest = req->seg_count - pos;
    list->database = request_copy(req, buf_slice(&name));
    if (rest == 2)
        list->id = req->segs[pos + 1];
    return (rest == 1 || rest == 2) && list->database.data != NULL;
}

void handle_scheduler_docs(struct request *req)
{
    struct docs_list *list = tufi_alloc_zero(sizeof(*list));
    if (list == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    req->state = list;
    request_on_cleanup(req, free_list);
    if (!split_path(list, req)) {
        reply_error(req, 400, "bad_request", "invalid path");
        return;
    }
    if (!take_states(&list->states, req) || !take_count(&list->skip, req, "skip", 0) ||
        !take_count(&list->limit, req, "limit", UINT64_MAX))
        return;
    if (list->id.len > 0)
        work_run(req, open_one, one_opened);
    else
        work_run(req, open_list, list_opened);
}
