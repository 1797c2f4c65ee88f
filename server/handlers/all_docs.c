/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the listings of documents by id: _all_docs, _design_docs, _local_docs, for GET and POST,
 * and several of them in one request (/queries).
 *
 * Invariants: one answer shows one snapshot; a listing holds one row in memory, however long it is.
 * Source: CouchDB's couch_mrview (all_docs) and fabric_view_all_docs.
 * Not here: the parameters (listargs.c), the rows' text (all_docs_rows.c).
 */
#include "server/handlers/all_docs.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "server/dbs.h"
#include "server/handlers.h"
#include "server/handlers/all_docs_rows.h"
#include "server/users.h"

#define LIST_BODY_MAX (64 * 1024 * 1024)

static void free_listing(struct request *req)
{
    struct listing *list = req->state;
    listing_release(list);
}

/* Answers and returns NULL if there is no memory. */
static struct listing *new_listing(struct request *req, enum listing_kind kind)
{
    struct listing *list = tufi_arena_alloc(&req->arena, sizeof(*list));
    if (list == NULL) {
        reply_status(req, tufi_nomem());
        return NULL;
    }
    *list = (struct listing){ .kind = kind, .first = LIST_ARGS_INIT, .query_count = 1 };
    list->queries = &list->first;
    req->state = list;
    request_on_cleanup(req, free_listing);
    return list;
}

static void stream_listing(struct request *req)
{
    static const struct producer producer = { .produce = listing_produce, .blocking = true };
    reply_stream(req, 200, &producer);
}

static tuf_status check_args(const struct request *req, const struct list_args *args)
{
    if (args->partition != NULL && !dbh_is_partitioned(req->dbh))
        return tufi_fail_kind(TUF_E_INVALID, "query_parse_error",
                              "`partition` parameter is not supported on this db");
    return list_args_check(args);
}

static void start_listing(struct request *req, tuf_status st)
{
    struct listing *list = req->state;
    if (st == TUF_OK)
        st = users_hide_private(&list->guard, req, tuf_str(""));
    for (size_t i = 0; st == TUF_OK && i < list->query_count; i++)
        st = check_args(req, &list->queries[i]);
    if (st == TUF_OK)
        stream_listing(req);
    else
        reply_status(req, st);
}

/* ---- GET -------------------------------------------------------------------------------- */

static void get_listing(struct request *req, enum listing_kind kind, const tuf_slice *partition)
{
    struct listing *list = new_listing(req, kind);
    if (list == NULL)
        return;
    tuf_status st = list_args_from_query(&list->first, &req->params, &req->arena);
    if (partition != NULL)
        list->first.partition = partition;
    start_listing(req, st);
}

void handle_all_docs(struct request *req)
{
    get_listing(req, LISTING_ALL, NULL);
}

void handle_design_docs(struct request *req)
{
    get_listing(req, LISTING_DESIGN, NULL);
}

void handle_local_docs(struct request *req)
{
    get_listing(req, LISTING_LOCAL, NULL);
}

/* ---- POST ------------------------------------------------------------------------------- */

static tuf_status parse_object(const struct jval **out, struct request *req, tuf_slice body)
{
    tuf_status st = body_parse(out, req, body);
    if (st == TUF_OK && (*out)->type != JVAL_OBJECT)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Request body must be a JSON object");
    return st;
}

/* The query string counts more than the body, but for the keys. */
static void post_body(struct request *req, tuf_slice body)
{
    struct listing *list = req->state;
    const struct jval *object = NULL;
    tuf_status st = parse_object(&object, req, body);
    if (st == TUF_OK)
        st = list_args_from_json(&list->first, object);
    if (st == TUF_OK)
        st = list_args_from_query(&list->first, &req->params, &req->arena);
    start_listing(req, st);
}

static void post_listing(struct request *req, enum listing_kind kind)
{
    if (request_require_json(req) && new_listing(req, kind) != NULL)
        body_collect(req, LIST_BODY_MAX, post_body);
}

void handle_all_docs_post(struct request *req)
{
    post_listing(req, LISTING_ALL);
}

void handle_design_docs_post(struct request *req)
{
    post_listing(req, LISTING_DESIGN);
}

void handle_local_docs_post(struct request *req)
{
    post_listing(req, LISTING_LOCAL);
}

void all_docs_of_partition(struct request *req, tuf_slice partition)
{
    tuf_slice *name = tufi_arena_alloc(&req->arena, sizeof(*name));
    const tuf_slice *asked = params_find(&req->params, "partition");
    if (name == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    *name = partition;
    if (asked != NULL && !slice_equal(*asked, partition)) {
        reply_error(req, 400, "bad_request", "Conflicting value for `partition` in query string");
        return;
    }
    if (req->method != HTTP_POST) {
        get_listing(req, LISTING_ALL, name);
        return;
    }
    if (!request_require_json(req))
        return;
    struct listing *list = new_listing(req, LISTING_ALL);
    if (list == NULL)
        return;
    list->first.partition = name;
    body_collect(req, LIST_BODY_MAX, post_body);
}

/* ---- /queries --------------------------------------------------------------------------- */

static tuf_status parse_queries(struct listing *list, struct request *req, const struct jval *array)
{
    struct list_args base = LIST_ARGS_INIT;
    tuf_status st = list_args_from_query(&base, &req->params, &req->arena);
    if (st != TUF_OK)
        return st;
    list->queries = tufi_arena_alloc(&req->arena, (array->count + 1) * sizeof(*list->queries));
    if (list->queries == NULL)
        return tufi_nomem();
    list->query_count = 0;
    for (const struct jval *item = array->child; item != NULL; item = item->next) {
        struct list_args *args = &list->queries[list->query_count++];
        *args = base;
        if (item->type != JVAL_OBJECT)
            return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                                  "`queries` must be an array of JSON objects.");
        st = list_args_from_json(args, item);
        if (st != TUF_OK)
            return st;
        list_args_fold_single_key(args);
    }
    return TUF_OK;
}

static void queries_body(struct request *req, tuf_slice body)
{
    struct listing *list = req->state;
    const struct jval *object = NULL;
    tuf_status st = parse_object(&object, req, body);
    const struct jval *queries = st == TUF_OK ? jval_member(object, "queries") : NULL;
    if (st == TUF_OK && queries == NULL)
        st = tufi_fail_kind(TUF_E_INVALID, "bad_request",
                            "POST body must include `queries` parameter.");
    if (st == TUF_OK && queries->type != JVAL_ARRAY)
        st = tufi_fail_kind(TUF_E_INVALID, "bad_request", "`queries` member must be an array.");
    if (st == TUF_OK)
        st = parse_queries(list, req, queries);
    start_listing(req, st);
}

static void queries_listing(struct request *req, enum listing_kind kind)
{
    struct listing *list = new_listing(req, kind);
    if (list == NULL)
        return;
    list->is_multi = true;
    body_collect(req, LIST_BODY_MAX, queries_body);
}

void handle_all_docs_queries(struct request *req)
{
    queries_listing(req, LISTING_ALL);
}

void handle_design_docs_queries(struct request *req)
{
    queries_listing(req, LISTING_DESIGN);
}

void handle_local_docs_queries(struct request *req)
{
    queries_listing(req, LISTING_LOCAL);
}
