/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: POST /{db}/_bulk_get: revisions of many documents in one answer, in the order and number
 * of the request.
 *
 * JSON unless the client refuses it and takes a multipart type. An answer that is short enough is
 * built at once and sent with Content-Length; the rest of a longer one is streamed.
 *
 * Source: CouchDB 3's chttpd_db, whose entries can fail one by one.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "json/docscan.h"
#include "server/handlers/docstream.h"
#include "server/server.h"
#include "server/work.h"

/* Answers up to this size carry Content-Length. */
#define WHOLE_ANSWER_MAX (1024 * 1024)
#define BULK_GET_COUNT_MAX 10000

struct bulk_get {
    json_t *body; /* owned */
    struct docstream stream;
    struct buf start; /* what was written before streaming began */
    bool complete;    /* start is all of it */
};

static void bulk_get_cleanup(struct request *req)
{
    struct bulk_get *get = req->state;
    docstream_end(&get->stream);
    tufi_buf_release(&get->start);
    json_decref(get->body);
    tufi_free(get);
}

/* ---- the entries of the request ---------------------------------------------------------- */

static tuf_slice json_text(struct request *req, const json_t *value)
{
    if (value == NULL)
        return tuf_str("null");
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    tuf_slice copy = text == NULL ? tuf_str("null") : request_copy(req, tuf_str(text));
    free(text);
    return copy.data == NULL ? tuf_str("null") : copy;
}

static void refuse(struct doc_wish *wish, const char *error, const char *reason, tuf_slice rev_json)
{
    wish->error = error;
    wish->reason = reason;
    wish->rev_json = rev_json;
}

static void check_id(struct doc_wish *wish, const json_t *id)
{
    wish->id = tuf_slice_of(json_string_value(id), json_string_length(id));
    tuf_slice null_json = tuf_str("null");
    if (!json_is_string(id))
        refuse(wish, "illegal_docid", "Document id must be a string", null_json);
    else if (wish->id.len == 0)
        refuse(wish, "illegal_docid", "Document id must not be empty", null_json);
    else if (wish->id.len > TUF_ID_SIZE_MAX)
        refuse(wish, "illegal_docid", "Document id is too long", null_json);
    else if (slice_is(wish->id, "_design/"))
        refuse(wish, "illegal_docid", "Illegal document id `_design/`", null_json);
    else if (slice_is(wish->id, "_local/"))
        refuse(wish, "illegal_docid", "Illegal document id `_local/`", null_json);
    else if (wish->id.data[0] == '_' && !slice_starts(wish->id, "_design/") &&
             !slice_starts(wish->id, "_local/"))
        refuse(wish, "illegal_docid", "Only reserved document ids may start with underscore.",
               null_json);
}

/* One revision given as JSON; false if the wish was refused because of it. */
static bool parse_rev(tuf_rev *out, struct doc_wish *wish, struct request *req, const json_t *rev)
{
    tuf_slice text = tuf_slice_of(json_string_value(rev), json_string_length(rev));
    if (json_is_string(rev) && docs_parse_rev(out, req, text) == TUF_OK)
        return true;
    refuse(wish, "bad_request", "Invalid rev format", json_text(req, rev));
    return false;
}

static bool parse_rev_member(struct doc_wish *wish, struct request *req, const json_t *rev)
{
    if (rev == NULL) {
        wish->revs.all = true;
        return true;
    }
    tuf_rev *one = tufi_arena_alloc(&req->arena, sizeof(*one));
    if (one == NULL || !parse_rev(one, wish, req, rev)) {
        if (one == NULL)
            refuse(wish, "internal_server_error", "out of memory", tuf_str("null"));
        return false;
    }
    wish->revs.revs = one;
    wish->revs.count = 1;
    return true;
}

static bool parse_since_member(struct doc_wish *wish, struct request *req, const json_t *list)
{
    if (list == NULL)
        return true;
    if (!json_is_array(list)) {
        refuse(wish, "bad_request", "att_since value must be array of revs.", json_text(req, list));
        return false;
    }
    size_t count = json_array_size(list);
    tuf_rev *revs = tufi_arena_alloc(&req->arena, (count + 1) * sizeof(*revs));
    if (revs == NULL) {
        refuse(wish, "internal_server_error", "out of memory", tuf_str("null"));
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!parse_rev(&revs[i], wish, req, json_array_get(list, i)))
            return false;
    }
    wish->atts_since = revs;
    wish->atts_since_count = count;
    wish->has_atts_since = count > 0;
    return true;
}

static void parse_entry(struct doc_wish *wish, struct request *req, const json_t *entry,
                        bool latest)
{
    wish->id_json = tuf_str("null");
    wish->revs.latest = latest;
    if (!json_is_object(entry) || json_object_size(entry) == 0) {
        refuse(wish, "bad_request", "document must be a JSON object", tuf_str("null"));
        return;
    }
    const json_t *id = json_object_get(entry, "id");
    if (id == NULL) {
        refuse(wish, "bad_request", "document id missed", tuf_str("null"));
        return;
    }
    wish->id_json = json_text(req, id);
    check_id(wish, id);
    if (wish->error == NULL && parse_rev_member(wish, req, json_object_get(entry, "rev")))
        (void)parse_since_member(wish, req, json_object_get(entry, "atts_since"));
}

static struct doc_wish *parse_entries(struct request *req, const json_t *docs, bool latest)
{
    size_t count = json_array_size(docs);
    struct doc_wish *wishes = tufi_arena_alloc(&req->arena, (count + 1) * sizeof(*wishes));
    if (wishes == NULL)
        return NULL;
    memset(wishes, 0, (count + 1) * sizeof(*wishes));
    for (size_t i = 0; i < count; i++)
        parse_entry(&wishes[i], req, json_array_get(docs, i), latest);
    return wishes;
}

/* ---- the answer -------------------------------------------------------------------------- */

static enum produce_result produce(struct request *req, struct buf *out)
{
    struct bulk_get *get = req->state;
    if (get->start.len > 0) {
        buf_append_slice(out, buf_slice(&get->start));
        tufi_buf_release(&get->start);
        return get->complete ? PRODUCE_DONE : PRODUCE_MORE;
    }
    tuf_status st = docstream_next(out, &get->stream);
    if (st == TUF_OK)
        return PRODUCE_MORE;
    return st == TUF_END ? PRODUCE_DONE : PRODUCE_FAIL;
}

/* Worker: the beginning of the JSON answer, or all of it. */
static tuf_status write_start(struct request *req)
{
    struct bulk_get *get = req->state;
    tuf_status st = TUF_OK;
    while (st == TUF_OK && get->start.len < WHOLE_ANSWER_MAX)
        st = docstream_next(&get->start, &get->stream);
    get->complete = st == TUF_END;
    return st == TUF_END ? TUF_OK : st;
}

static void reply_start(struct request *req, tuf_status status)
{
    struct bulk_get *get = req->state;
    if (status != TUF_OK) {
        reply_status(req, status);
    } else if (get->complete) {
        reply_bytes(req, 200, "application/json", &get->start);
    } else {
        const struct producer producer = { .produce = produce, .blocking = true };
        reply_stream(req, 200, &producer);
    }
}

/* CouchDB's boundary begins with dashes of its own here. */
static void reply_multipart(struct request *req, struct bulk_get *get)
{
    struct docstream *s = &get->stream;
    char hex[BOUNDARY_SIZE];
    char type[RELATED_BOUNDARY_SIZE + 40];
    multipart_make_boundary(hex);
    snprintf(s->boundary, sizeof(s->boundary), "--%s", hex);
    multipart_make_boundary(hex);
    snprintf(s->inner_boundary, sizeof(s->inner_boundary), "--%s", hex);
    snprintf(type, sizeof(type), "%s; boundary=\"%s\"",
             request_accepts(req, "multipart/mixed") ? "multipart/mixed" : "multipart/related",
             s->boundary);
    const struct producer producer = { .produce = produce, .blocking = true, .type = type };
    reply_stream(req, 200, &producer);
}

static void answer(struct request *req, struct bulk_get *get, const json_t *docs,
                   const struct doc_query *query)
{
    bool multipart =
        !request_accepts(req, "application/json") &&
        (request_accepts(req, "multipart/mixed") || request_accepts(req, "multipart/related"));
    struct doc_wish *wishes = parse_entries(req, docs, query->latest);
    tuf_status st = wishes == NULL ? tufi_nomem() : TUF_OK;
    if (st == TUF_OK)
        st = docstream_begin(&get->stream, req,
                             multipart ? &docstream_bulk_mixed : &docstream_bulk_json, wishes,
                             json_array_size(docs));
    get->stream.flags = query->flags;
    if (st != TUF_OK)
        reply_status(req, st);
    else if (multipart)
        reply_multipart(req, get);
    else
        work_run(req, write_start, reply_start);
}

/* Parameters that belong into the entries are refused. */
static bool check_params(struct request *req)
{
    static const char *const refused[] = { "open_revs", "new_edits", "w", "rev", "atts_since" };
    for (size_t i = 0; i < req->params.count; i++) {
        for (size_t j = 0; j < sizeof(refused) / sizeof(refused[0]); j++) {
            if (slice_is(req->params.items[i].key, refused[j])) {
                reply_errorf(req, 400, "bad_request", "\"%s\" query parameter is not acceptable",
                             refused[j]);
                return false;
            }
        }
    }
    return true;
}

static void got_body(struct request *req, tuf_slice body)
{
    struct bulk_get *get = req->state;
    struct doc_query query;
    get->body = body_json(req, body, 'o');
    if (get->body == NULL)
        return;
    const json_t *docs = json_object_get(get->body, "docs");
    if (!json_is_array(docs)) {
        reply_error(req, 400, "bad_request", "Missing JSON list of 'docs'.");
        return;
    }
    uint64_t count_max =
        config_uint(req->server->config, "couchdb", "max_bulk_get_count", BULK_GET_COUNT_MAX);
    if (json_array_size(docs) > count_max) {
        reply_errorf(req, 413, "max_bulk_get_count_exceeded", "%" PRIu64, count_max);
        return;
    }
    if (check_params(req) && doc_query_parse(&query, req))
        answer(req, get, docs, &query);
}

void handle_bulk_get(struct request *req)
{
    if (!request_require_json(req))
        return;
    struct bulk_get *get = tufi_alloc_zero(sizeof(*get));
    if (get == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    req->state = get;
    request_on_cleanup(req, bulk_get_cleanup);
    body_collect(req, server_settings(req->server)->request_size_max, got_body);
}
