/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: POST /{db}/_revs_diff and /{db}/_missing_revs: which of the named revisions this database
 * does not know. Any node of a revision tree counts as known, its body does not matter.
 *
 * possible_ancestors are the leaves that are older than the newest missing revision.
 *
 * Source: CouchDB 3's couch_db:get_missing_revs.
 */
#include "base/alloc.h"
#include "json/docscan.h"
#include "server/dbs.h"
#include "server/handlers/docs.h"
#include "server/server.h"
#include "server/work.h"

/* Requests with more documents are answered by a worker. */
#define ON_LOOP_COUNT_MAX 16

struct revs_diff {
    json_t *body;      /* owned */
    bool only_missing; /* _missing_revs */
    struct buf json;   /* the answer */
};

static void revs_diff_cleanup(struct request *req)
{
    struct revs_diff *diff = req->state;
    json_decref(diff->body);
    tufi_buf_release(&diff->json);
    tufi_free(diff);
}

/* What is known of one document's revisions. */
struct known {
    const tuf_rev *revs;
    size_t count;
    bool *found; /* per revision */
    size_t found_count;
};

static tuf_status find_known(struct known *known, tuf_doc **info, tuf_snapshot *snapshot,
                             tuf_slice id)
{
    memset(known->found, 0, known->count * sizeof(known->found[0]));
    known->found_count = 0;
    tuf_status st = tuf_doc_find_info(info, snapshot, id);
    if (st == TUF_NOT_FOUND)
        return st;
    if (st == TUF_OK)
        st = tuf_doc_known_revs(known->found, *info, known->revs, known->count);
    if (st != TUF_OK)
        return tufi_fold(st);
    for (size_t i = 0; i < known->count; i++)
        known->found_count += known->found[i];
    return TUF_OK;
}

static void append_missing(struct buf *out, const struct known *known)
{
    bool first = true;
    buf_append_u8(out, '[');
    for (size_t i = 0; i < known->count; i++) {
        if (known->found[i])
            continue;
        if (!first)
            buf_append_u8(out, ',');
        first = false;
        tufi_json_write_rev(out, known->revs[i]);
    }
    buf_append_u8(out, ']');
}

/* Nothing if there are none. Lowest rank first, as CouchDB lists them. */
static void append_ancestors(struct buf *out, const struct known *known, const tuf_docinfo *info)
{
    uint64_t newest = 0;
    bool first = true;
    for (size_t i = 0; i < known->count; i++) {
        if (!known->found[i] && known->revs[i].gen > newest)
            newest = known->revs[i].gen;
    }
    for (size_t i = info->leaf_count; i-- > 0;) {
        if (info->leaves[i].rev.gen >= newest)
            continue;
        buf_append_str(out, first ? ",\"possible_ancestors\":[" : ",");
        first = false;
        tufi_json_write_rev(out, info->leaves[i].rev);
    }
    if (!first)
        buf_append_u8(out, ']');
}

/* One member of the answer; nothing if no revision is missing. */
static tuf_status diff_doc(struct revs_diff *diff, struct request *req, tuf_doc **info,
                           tuf_snapshot *snapshot, const char *key)
{
    struct known known = { 0 };
    tuf_slice id = tuf_str(key);
    tuf_status st =
        docs_parse_revs(&known.revs, &known.count, req, json_object_get(diff->body, key));
    if (st != TUF_OK)
        return st;
    known.found = tufi_arena_alloc(&req->arena, known.count + 1);
    if (known.found == NULL)
        return tufi_nomem();
    st = find_known(&known, info, snapshot, id);
    if (st < 0 || known.found_count == known.count)
        return st < 0 ? st : TUF_OK;
    struct buf *out = &diff->json;
    if (out->len > 1)
        buf_append_u8(out, ',');
    json_append_string(out, id);
    buf_append_str(out, diff->only_missing ? ":" : ":{\"missing\":");
    append_missing(out, &known);
    if (!diff->only_missing) {
        if (st == TUF_OK)
            append_ancestors(out, &known, tuf_doc_info(*info));
        buf_append_u8(out, '}');
    }
    return TUF_OK;
}

static tuf_status write_answer(struct request *req)
{
    struct revs_diff *diff = req->state;
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *info = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, dbh_db(req->dbh));
    buf_append_u8(&diff->json, '{');
    const char *key;
    json_t *revs;
    json_object_foreach(diff->body, key, revs)
    {
        if (st == TUF_OK)
            st = diff_doc(diff, req, &info, snapshot, key);
    }
    buf_append_u8(&diff->json, '}');
    return st == TUF_OK ? buf_status(&diff->json) : st;
}

static void answered(struct request *req, tuf_status status)
{
    struct revs_diff *diff = req->state;
    if (status != TUF_OK) {
        reply_status(req, status);
        return;
    }
    if (!diff->only_missing) {
        reply_json(req, 200, &diff->json);
        return;
    }
    struct buf wrapped = BUF_INIT;
    buf_append_str(&wrapped, "{\"missing_revs\":");
    buf_append_slice(&wrapped, buf_slice(&diff->json));
    buf_append_u8(&wrapped, '}');
    reply_json(req, 200, &wrapped);
}

static void got_body(struct request *req, tuf_slice body)
{
    struct revs_diff *diff = req->state;
    diff->body = body_json(req, body, 'o');
    if (diff->body == NULL)
        return;
    if (json_object_size(diff->body) > ON_LOOP_COUNT_MAX)
        work_run(req, write_answer, answered);
    else
        answered(req, write_answer(req));
}

static void start(struct request *req, bool only_missing)
{
    if (!request_require_json(req))
        return;
    struct revs_diff *diff = tufi_alloc_zero(sizeof(*diff));
    if (diff == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    diff->only_missing = only_missing;
    req->state = diff;
    request_on_cleanup(req, revs_diff_cleanup);
    body_collect(req, server_settings(req->server)->request_size_max, got_body);
}

void handle_revs_diff(struct request *req)
{
    start(req, false);
}

void handle_missing_revs(struct request *req)
{
    start(req, true);
}
