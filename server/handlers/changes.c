/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: GET and POST /db/_changes: reads the request, prepares its filter, starts the feed.
 *
 * Invariants: whatever is wrong with a request is answered before the first byte of the feed.
 * Source: CouchDB's chttpd_db:handle_changes_req and couch_changes:configure_filter.
 * Not here: the feed (changes_feed.c).
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "server/dbs.h"
#include "server/etag.h"
#include "server/handlers.h"
#include "server/handlers/changes_feed.h"
#include "server/server.h"
#include "server/work.h"

#define CHANGES_BODY_MAX (64 * 1024 * 1024)
#define FIND_MAX_DEFAULT 1000

static tuf_status refuse(const char *reason)
{
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "%s", reason);
}

/* ---- filters ----------------------------------------------------------------------------- */

static tuf_status take_doc_ids(struct feed *feed, struct arena *arena, const struct jval *list)
{
    static const char reason[] = "`doc_ids` filter parameter is not a list of doc ids.";
    if (list == NULL || list->type != JVAL_ARRAY)
        return refuse(reason);
    feed->doc_ids = tufi_arena_alloc(arena, (list->count + 1) * sizeof(*feed->doc_ids));
    if (feed->doc_ids == NULL)
        return tufi_nomem();
    size_t count = 0;
    for (const struct jval *item = list->child; item != NULL; item = item->next) {
        if (item->type != JVAL_STRING)
            return refuse(reason);
        feed->doc_ids[count++] = item->text;
    }
    qsort(feed->doc_ids, count, sizeof(*feed->doc_ids), slice_order);
    for (size_t i = 0; i < count; i++) {
        size_t kept = feed->doc_id_count;
        if (kept == 0 || !slice_equal(feed->doc_ids[kept - 1], feed->doc_ids[i]))
            feed->doc_ids[feed->doc_id_count++] = feed->doc_ids[i];
    }
    feed->filter = FILTER_DOC_IDS;
    return TUF_OK;
}

static tuf_status set_doc_ids(struct feed *feed, struct request *req, const struct jval *body)
{
    if (req->method == HTTP_POST)
        return take_doc_ids(feed, &req->arena, body != NULL ? jval_member(body, "doc_ids") : NULL);
    const tuf_slice *text = params_find(&req->params, "doc_ids");
    const struct jval *list = NULL;
    tuf_status st = TUF_OK;
    if (text != NULL)
        st = jval_parse_canonical(&list, &req->arena, *text);
    return st == TUF_OK ? take_doc_ids(feed, &req->arena, list) : st;
}

/* A selector's own kinds of errors are all "bad_request" here. */
static tuf_status as_bad_request(tuf_status st)
{
    if (st != TUF_E_INVALID)
        return st;
    char text[TUF_ERROR_TEXT_SIZE];
    memcpy(text, tuf_last_error()->text, sizeof(text));
    return refuse(text);
}

static tuf_status set_selector(struct feed *feed, struct request *req, const struct jval *body)
{
    if (req->method != HTTP_POST)
        return refuse("Selector must be specified in POST payload");
    const struct jval *selector = body != NULL ? jval_member(body, "selector") : NULL;
    const struct jval *fields = body != NULL ? jval_member(body, "fields") : NULL;
    if (selector == NULL || selector->type != JVAL_OBJECT)
        return refuse("Selector error: expected a JSON object");
    tuf_status st = selector_new(&feed->selector, selector);
    if (st != TUF_OK)
        return as_bad_request(st);
    feed->filter = FILTER_SELECTOR;
    if (fields == NULL)
        return TUF_OK;
    if (fields->type != JVAL_ARRAY)
        return refuse("Selector error: fields must be JSON array");
    feed->has_fields = fields->count > 0;
    return as_bad_request(field_list_parse(&feed->fields, &req->arena, fields));
}

/* Splits "design/name" at slashes, empty parts dropped. Returns the number of parts. */
static size_t split_name(tuf_slice parts[2], struct arena *arena, tuf_slice text)
{
    size_t count = 0;
    size_t begin = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.data[i] != '/')
            continue;
        if (i > begin && count < 2)
            parts[count] = url_decode(arena, tuf_slice_of(text.data + begin, i - begin), false);
        count += i > begin;
        begin = i + 1;
    }
    return count;
}

static tuf_status set_function(struct feed *feed, struct request *req, const char *group,
                               tuf_slice parts[2])
{
    if (parts[0].data == NULL || parts[1].data == NULL)
        return refuse("invalid_url_encoding");
    static const char prefix[] = "_design/";
    size_t len = sizeof(prefix) - 1 + parts[0].len;
    uint8_t *id = tufi_arena_alloc(&req->arena, len);
    if (id == NULL)
        return tufi_nomem();
    memcpy(id, prefix, sizeof(prefix) - 1);
    memcpy(id + sizeof(prefix) - 1, parts[0].data, parts[0].len);
    feed->ddoc_id = tuf_slice_of(id, len);
    feed->ddoc_group = tuf_str(group);
    feed->ddoc_name = parts[1];
    return TUF_OK;
}

static tuf_status set_view(struct feed *feed, struct request *req)
{
    const tuf_slice *view = params_find(&req->params, "view");
    if (view == NULL || view->len == 0)
        return refuse("`view` filter parameter is not provided.");
    tuf_slice parts[2] = { { NULL, 0 }, { NULL, 0 } };
    if (split_name(parts, &req->arena, *view) != 2)
        return refuse("`view` must be of the form `designname/viewname`");
    return set_function(feed, req, "views", parts);
}

static tuf_status set_filter(struct feed *feed, struct request *req, const struct jval *body)
{
    tuf_slice name = feed->args.filter;
    if (slice_is(name, "_doc_ids"))
        return set_doc_ids(feed, req, body);
    if (slice_is(name, "_selector"))
        return set_selector(feed, req, body);
    if (slice_is(name, "_design")) {
        feed->filter = FILTER_DESIGN;
        return TUF_OK;
    }
    if (slice_is(name, "_view"))
        return set_view(feed, req);
    if (slice_starts(name, "_"))
        return refuse("unknown builtin filter name");
    tuf_slice parts[2] = { { NULL, 0 }, { NULL, 0 } };
    size_t count = split_name(parts, &req->arena, name);
    if (count == 0)
        return TUF_OK;
    if (count != 2)
        return refuse("`filter` must be of the form `designname/filtername`");
    return set_function(feed, req, "filters", parts);
}

/* ---- functions of design documents, which cannot be run yet ------------------------------ */

static tuf_status missing_key(tuf_slice key)
{
    return tufi_fail_kind(TUF_E_INVALID, "not_found", "missing json key: %.*s", (int)key.len,
                          (const char *)key.data);
}

/* TUF_OK if the function exists. */
static tuf_status find_function(struct request *req)
{
    const struct feed *feed = req->state;
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, dbh_db(req->dbh));
    if (st == TUF_OK)
        st = tuf_doc_open(&doc, snapshot, feed->ddoc_id, NULL);
    if (st != TUF_OK)
        return st;
    const struct jval *body = NULL;
    st = jval_parse(&body, &req->arena, tuf_doc_body(doc));
    if (st != TUF_OK)
        return st;
    const struct jval *group = jval_find(body, feed->ddoc_group);
    if (group == NULL)
        return missing_key(feed->ddoc_group);
    return jval_find(group, feed->ddoc_name) != NULL ? TUF_OK : missing_key(feed->ddoc_name);
}

static void function_done(struct request *req, tuf_status st)
{
    if (st != TUF_OK)
        reply_status(req, st);
    else
        reply_error(req, 501, "not_implemented",
                    "filter functions cannot be run: this server has no JavaScript engine yet; "
                    "use _selector, _doc_ids or _design");
}

/* ---- the start --------------------------------------------------------------------------- */

static tuf_status set_since(struct feed *feed, const tuf_db_info *info)
{
    seq_token_of(&feed->token, info->uuid);
    feed->since = info->update_seq;
    if (feed->args.descending || slice_is(feed->args.since, "now"))
        return TUF_OK;
    if (!seq_parse(&feed->since, feed->args.since, &feed->token, info->update_seq))
        return refuse("Malformed sequence supplied in 'since' parameter.");
    return TUF_OK;
}

void changes_start(struct request *req)
{
    struct feed *feed = req->state;
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_db_info info = { .struct_size = sizeof(info) };
    tuf_status st = tuf_db_snapshot(&snapshot, dbh_db(req->dbh));
    if (st == TUF_OK)
        st = tuf_snapshot_info(&info, snapshot);
    char etag[ETAG_SIZE];
    etag_of_info(etag, &info);
    bool is_normal = feed->args.feed == CHANGES_NORMAL;
    if (st == TUF_OK && is_normal && request_not_modified(req, etag))
        return;
    if (st == TUF_OK)
        st = set_since(feed, &info);
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    if (is_normal)
        reply_header(req, "ETag", tuf_str(etag));
    feed->limit_left = feed->args.limit;
    feed_start(req);
}

static void free_feed(struct request *req)
{
    feed_state_release(req->state);
}

/*   body  NULL: none */
static void begin_changes(struct request *req, const struct jval *body)
{
    struct feed *feed = tufi_arena_alloc(&req->arena, sizeof(*feed));
    if (feed == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    *feed = (struct feed){ 0 };
    feed->find_max = (size_t)config_uint(
        req->server->config, "couchdb", "changes_doc_ids_optimization_threshold", FIND_MAX_DEFAULT);
    req->state = feed;
    request_on_cleanup(req, free_feed);
    tuf_status st = changes_args_parse(&feed->args, req);
    if (st == TUF_OK)
        st = set_filter(feed, req, body);
    if (st != TUF_OK)
        reply_status(req, st);
    else if (feed->ddoc_id.len > 0)
        work_run(req, find_function, function_done);
    else if (feed->args.feed == CHANGES_UNKNOWN)
        reply_error(req, 400, "bad_request",
                    "Supported `feed` types: normal, continuous, live, longpoll, eventsource");
    else
        changes_start(req);
}

void handle_changes(struct request *req)
{
    begin_changes(req, NULL);
}

static void changes_body(struct request *req, tuf_slice text)
{
    const struct jval *body = NULL;
    if (text.len > 0) {
        tuf_status st = jval_parse_canonical(&body, &req->arena, text);
        if (st == TUF_OK && body->type != JVAL_OBJECT)
            st = refuse("Request body must be a JSON object");
        if (st != TUF_OK) {
            reply_status(req, st);
            return;
        }
    }
    begin_changes(req, body);
}

void handle_changes_post(struct request *req)
{
    if (request_require_json(req))
        body_collect(req, CHANGES_BODY_MAX, changes_body);
}
