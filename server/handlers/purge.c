/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: _purge, which forgets leaf revisions for good, and _purged_infos, the list of what was.
 *
 * Invariants: a request is checked as a whole before anything is purged, and purged in one commit.
 * Source: CouchDB's chttpd_db and fabric_doc_purge.
 * Not here: _purged_infos_limit (db_limits.c).
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "json/docscan.h"
#include "server/dbs.h"
#include "server/docjson.h"
#include "server/handlers.h"
#include "server/jval.h"
#include "server/server.h"
#include "server/work.h"

#define PURGE_BODY_MAX (16 * 1024 * 1024)

/* In the request's arena. */
struct purge {
    tuf_purge_item *items;
    size_t item_count;
    struct buf json; /* answer of _purged_infos; owned */
};

static tuf_status no_revisions(void)
{
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Invalid list of revisions");
}

static tuf_status parse_revs(tuf_purge_item *out, struct arena *arena, const struct jval *list)
{
    if (list->type != JVAL_ARRAY)
        return no_revisions();
    tuf_revbuf *bufs = tufi_arena_alloc(arena, (list->count + 1) * sizeof(*bufs));
    tuf_rev *revs = tufi_arena_alloc(arena, (list->count + 1) * sizeof(*revs));
    bool *purged = tufi_arena_alloc(arena, list->count + 1);
    if (bufs == NULL || revs == NULL || purged == NULL)
        return tufi_nomem();
    size_t count = 0;
    for (const struct jval *item = list->child; item != NULL; item = item->next) {
        if (item->type != JVAL_STRING)
            return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Invalid rev format");
        tuf_status st = tuf_rev_parse(&bufs[count], item->text);
        if (st != TUF_OK)
            return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Invalid rev format");
        revs[count] = bufs[count].rev;
        purged[count] = false;
        count++;
    }
    *out =
        (tuf_purge_item){ .id = list->key, .revs = revs, .rev_count = count, .purged_out = purged };
    return TUF_OK;
}

static tuf_status parse_purge(struct purge *out, struct request *req, const struct jval *body)
{
    if (body->type != JVAL_OBJECT)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Request body must be a JSON object");
    uint64_t docs_max = config_uint(req->server->config, "purge", "max_document_id_number", 100);
    uint64_t revs_max = config_uint(req->server->config, "purge", "max_revisions_number", 1000);
    out->items = tufi_arena_alloc(&req->arena, (body->count + 1) * sizeof(*out->items));
    if (out->items == NULL)
        return tufi_nomem();
    uint64_t rev_count = 0;
    for (const struct jval *item = body->child; item != NULL; item = item->next) {
        tuf_status st = parse_revs(&out->items[out->item_count], &req->arena, item);
        if (st != TUF_OK)
            return st;
        rev_count += out->items[out->item_count++].rev_count;
    }
    if (out->item_count > docs_max)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                              "Exceeded maximum number of documents.");
    if (rev_count > revs_max)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                              "Exceeded maximum number of revisions.");
    return TUF_OK;
}

static tuf_status run_purge(struct request *req)
{
    struct purge *purge = req->state;
    if (purge->item_count == 0)
        return TUF_OK;
    return tuf_db_purge(dbh_db(req->dbh), purge->items, purge->item_count);
}

static void append_purged(struct buf *json, const tuf_purge_item *item)
{
    json_append_string(json, item->id);
    buf_append_str(json, ":[");
    bool first = true;
    for (size_t i = 0; i < item->rev_count; i++) {
        if (!item->purged_out[i])
            continue;
        if (!first)
            buf_append_u8(json, ',');
        tufi_json_write_rev(json, item->revs[i]);
        first = false;
    }
    buf_append_u8(json, ']');
}

static void purge_done(struct request *req, tuf_status st)
{
    struct purge *purge = req->state;
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    buf_append_str(&json, "{\"purge_seq\":null,\"purged\":{");
    for (size_t i = 0; i < purge->item_count; i++) {
        if (i > 0)
            buf_append_u8(&json, ',');
        append_purged(&json, &purge->items[i]);
    }
    buf_append_str(&json, "}}");
    reply_json(req, 201, &json);
}

static struct purge *new_state(struct request *req)
{
    struct purge *purge = tufi_arena_alloc(&req->arena, sizeof(*purge));
    if (purge == NULL)
        reply_status(req, tufi_nomem());
    else
        *purge = (struct purge){ 0 };
    req->state = purge;
    return purge;
}

static void purge_body(struct request *req, tuf_slice body)
{
    struct purge *purge = new_state(req);
    if (purge == NULL)
        return;
    const struct jval *value = NULL;
    tuf_status st = body_parse(&value, req, body);
    if (st == TUF_OK)
        st = parse_purge(purge, req, value);
    if (st == TUF_OK)
        work_run(req, run_purge, purge_done);
    else
        reply_status(req, st);
}

void handle_purge(struct request *req)
{
    if (request_require_json(req))
        body_collect(req, PURGE_BODY_MAX, purge_body);
}

/* ---- _purged_infos ---------------------------------------------------------------------- */

static tuf_status append_info(const tuf_purge_info *info, void *ctx)
{
    struct buf *json = ctx;
    if (json->len > 0)
        buf_append_u8(json, ',');
    buf_append_str(json, "{\"id\":");
    json_append_string(json, info->id);
    buf_append_str(json, ",\"revs\":[");
    for (size_t i = 0; i < info->rev_count; i++) {
        if (i > 0)
            buf_append_u8(json, ',');
        tufi_json_write_rev(json, info->revs[i]);
    }
    buf_append_str(json, "]}");
    return buf_status(json);
}

static tuf_status list_purges(struct request *req)
{
    struct purge *purge = req->state;
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, dbh_db(req->dbh));
    if (st != TUF_OK)
        return st;
    return tuf_snapshot_purges(snapshot, 0, append_info, &purge->json);
}

static void list_done(struct request *req, tuf_status st)
{
    struct purge *purge = req->state;
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    buf_append_str(&json, "{\"purged_infos\":[");
    buf_append_slice(&json, buf_slice(&purge->json));
    buf_append_str(&json, "]}");
    reply_json(req, 200, &json);
}

static void free_list(struct request *req)
{
    struct purge *purge = req->state;
    tufi_buf_release(&purge->json);
}

void handle_purged_infos(struct request *req)
{
    if (new_state(req) == NULL)
        return;
    request_on_cleanup(req, free_list);
    work_run(req, list_purges, list_done);
}
