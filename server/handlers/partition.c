/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the rule for ids of partitioned databases, and /db/_partition/P.
 *
 * Invariants: see server/handlers/partition.h.
 * Source: CouchDB's couch_partition and fabric_db_partition_info.
 * Not here: /db/_partition/P/_all_docs (all_docs.c), views and _find of a partition (there are
 * none).
 */
#include "server/handlers/partition.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "json/docscan.h"
#include "server/dbs.h"
#include "server/handlers.h"
#include "server/handlers/all_docs.h"
#include "server/work.h"

tuf_status partition_check_name(tuf_slice name)
{
    const char *fault = NULL;
    if (name.len == 0)
        fault = "Partition must not be empty";
    else if (name.data[0] == '_')
        fault = "Partition must not start with an underscore";
    else if (!tufi_utf8_valid(name))
        fault = "Partition must be valid UTF-8";
    else if (memchr(name.data, ':', name.len) != NULL)
        fault = "Partition must not contain a colon";
    if (fault != NULL)
        return tufi_fail_kind(TUF_E_INVALID, "illegal_partition", "%s", fault);
    return TUF_OK;
}

tuf_status partition_check_id(struct dbh *dbh, tuf_slice id)
{
    if (!dbh_is_partitioned(dbh) || slice_starts(id, "_design/") || slice_starts(id, "_local/"))
        return TUF_OK;
    const uint8_t *colon = id.len > 0 ? memchr(id.data, ':', id.len) : NULL;
    if (colon == NULL)
        return tufi_fail_kind(TUF_E_INVALID, "illegal_docid",
                              "Doc id must be of form partition:id");
    tuf_status st = partition_check_name(tuf_slice_of(id.data, (size_t)(colon - id.data)));
    if (st != TUF_OK)
        return st;
    const uint8_t *rest = colon + 1;
    if (rest == id.data + id.len)
        return tufi_fail_kind(TUF_E_INVALID, "illegal_docid", "Document id must not be empty");
    if (*rest == '_')
        return tufi_fail_kind(TUF_E_INVALID, "illegal_docid",
                              "Only reserved document ids may start with underscore.");
    return TUF_OK;
}

/* ---- /db/_partition/P ------------------------------------------------------------------- */

struct partition_state {
    uint64_t doc_count;
    uint64_t doc_del_count;
    uint64_t size_external;
};

/* Counts the documents between "P:" and "P;", which is the next byte. */
static tuf_status count_docs(struct partition_state *state, tuf_snapshot *snapshot, tuf_slice name)
{
    TUF_AUTO(tufi_buf_release) struct buf start = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf end = BUF_INIT;
    buf_append_slice(&start, name);
    buf_append_u8(&start, ':');
    buf_append_slice(&end, name);
    buf_append_u8(&end, ';');
    if (start.failed || end.failed)
        return tufi_nomem();
    tuf_range range = { .has_start = true,
                        .has_end = true,
                        .start = buf_slice(&start),
                        .end = buf_slice(&end),
                        .exclude_end = true,
                        .with_deleted = true };
    TUF_AUTO(tuf_cursor_free) tuf_cursor *cursor = NULL;
    tuf_status st = tuf_cursor_open_ids(&cursor, snapshot, &range);
    while (st == TUF_OK) {
        const tuf_docinfo *info = NULL;
        st = tuf_cursor_next(&info, cursor);
        if (st != TUF_OK)
            break;
        state->doc_del_count += info->deleted;
        state->doc_count += !info->deleted;
        state->size_external += info->size_external;
    }
    return st == TUF_END ? TUF_OK : st;
}

static tuf_status read_partition(struct request *req)
{
    struct partition_state *state = req->state;
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, dbh_db(req->dbh));
    return st == TUF_OK ? count_docs(state, snapshot, req->segs[2]) : st;
}

static void reply_partition(struct request *req, const struct partition_state *state)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    buf_append_str(&json, "{\"db_name\":");
    json_append_string(&json, dbh_name(req->dbh));
    /* What is active is not known for a part of the file: the external size is its measure. */
    tufi_buf_printf(&json,
                    ",\"sizes\":{\"active\":%" PRIu64 ",\"external\":%" PRIu64 "},\"partition\":",
                    state->size_external, state->size_external);
    json_append_string(&json, req->segs[2]);
    tufi_buf_printf(&json, ",\"doc_count\":%" PRIu64 ",\"doc_del_count\":%" PRIu64 "}",
                    state->doc_count, state->doc_del_count);
    reply_json(req, 200, &json);
}

static void partition_done(struct request *req, tuf_status st)
{
    if (st == TUF_OK)
        reply_partition(req, req->state);
    else
        reply_status(req, st);
}

static void refuse_method(struct request *req, const char *allow)
{
    reply_header(req, "Allow", tuf_str(allow));
    reply_errorf(req, 405, "method_not_allowed", "Only %s allowed", allow);
}

static void describe_partition(struct request *req)
{
    struct partition_state *state = tufi_arena_alloc(&req->arena, sizeof(*state));
    if (state == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    *state = (struct partition_state){ 0 };
    req->state = state;
    work_run(req, read_partition, partition_done);
}

static void list_partition(struct request *req)
{
    tuf_slice what = req->segs[3];
    bool is_function =
        slice_is(what, "_design") && req->seg_count > 5 && slice_starts(req->segs[5], "_");
    if (slice_is(what, "_all_docs") && req->seg_count == 4) {
        if (req->method == HTTP_GET || req->method == HTTP_POST)
            all_docs_of_partition(req, req->segs[2]);
        else
            refuse_method(req, "GET,HEAD,POST");
    } else if (is_function || slice_is(what, "_find") || slice_is(what, "_explain") ||
               slice_is(what, "_index")) {
        reply_error(req, 501, "not_implemented", "this server has no views and no _find yet");
    } else {
        reply_error(req, 404, "not_found", "missing");
    }
}

/* What is judged first depends on the path, as in CouchDB. */
void handle_partition(struct request *req)
{
    bool has_list = req->seg_count > 3;
    bool partitioned = dbh_is_partitioned(req->dbh);
    tuf_slice name = req->seg_count > 2 ? req->segs[2] : tuf_slice_of(NULL, 0);
    if (req->seg_count == 2)
        reply_error(req, 400, "bad_request", "invalid_partition_req");
    else if (!has_list && req->method != HTTP_GET &&
             !(req->method == HTTP_POST && slice_starts(name, "_")))
        refuse_method(req, "GET");
    else if ((!has_list || partitioned) && partition_check_name(name) != TUF_OK)
        reply_error(req, 400, "illegal_partition", tuf_last_error()->text);
    else if (!partitioned)
        reply_error(req, 400, "bad_request", "database is not partitioned");
    else if (has_list)
        list_partition(req);
    else
        describe_partition(req);
}
