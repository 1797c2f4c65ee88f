/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: PUT of a document ("/{db}/{doc}", also local ones) and POST of one ("/{db}"), as JSON.
 *
 * Small documents are parsed on the loop; large ones, and those of _users whose password must be
 * hashed, on a worker. The commit always waits on a worker.
 *
 * Source: CouchDB 3's chttpd_db.
 * Not here: multipart/related bodies (server/handlers/multipart_doc.c).
 */
#include "server/handlers/doc_put.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "json/docscan.h"
#include "server/dbs.h"
#include "server/handlers/ddoc_check.h"
#include "server/server.h"

/* A body of this size is parsed in well under a millisecond. */
#define PARSE_ON_LOOP_MAX (16 * 1024)

/* State of the request. */
struct doc_put {
    struct doc_query query;
    tuf_slice body; /* borrowed from the request */
    tuf_slice id;   /* of the document; empty until a POST's text was looked at */
    tuf_edit *edit; /* owned */
    unsigned reply; /* enum docs_written_flags */
};

static void put_cleanup(struct request *req)
{
    struct doc_put *put = req->state;
    tuf_edit_free(&put->edit);
    tufi_free(put);
}

struct id_search {
    struct arena *arena;
    tuf_slice id;
    bool found;
};

static tuf_status see_member(tuf_slice key, tuf_slice value, void *ctx)
{
    struct id_search *search = ctx;
    if (!slice_is(key, "_id"))
        return TUF_OK;
    search->found = true;
    json_t *id =
        json_loadb((const char *)value.data, value.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (json_is_string(id))
        search->id = tufi_arena_copy(search->arena,
                                     tuf_slice_of(json_string_value(id), json_string_length(id)));
    else
        search->id = tuf_slice_of(NULL, 0);
    json_decref(id);
    return TUF_OK;
}

bool doc_text_find_id(tuf_slice *out, struct arena *arena, tuf_slice json)
{
    struct id_search search = { arena, tuf_slice_of(NULL, 0), false };
    if (tufi_json_each(json, see_member, &search) != TUF_OK)
        return false;
    *out = search.id;
    return search.found;
}

tuf_status doc_too_large(struct request *req, tuf_status status, tuf_slice json)
{
    const tuf_error *detail = tuf_last_error();
    if (status != TUF_E_LIMIT || strcmp(detail->kind, "document_too_large") != 0)
        return status;
    /* CouchDB names the id that the text brings, and it does so before it looks at the path. */
    tuf_slice id = tuf_slice_of(NULL, 0);
    (void)doc_text_find_id(&id, &req->arena, json);
    return tufi_fail_kind(TUF_E_LIMIT, "document_too_large", "%.*s", (int)id.len,
                          id.data == NULL ? "" : (const char *)id.data);
}

static tuf_status see_rev(tuf_slice key, tuf_slice value, void *ctx)
{
    (void)value;
    bool *found = ctx;
    *found = *found || slice_is(key, "_rev") || slice_is(key, "_revisions");
    return TUF_OK;
}

/* Copies the text of a document that names no revision with one in front. False for every other
 * text, which is left to the parser. */
static bool text_add_rev(struct buf *out, tuf_slice json, tuf_slice rev)
{
    bool found = false;
    json = slice_trim_start(json, SLICE_JSON_WS);
    if (json.len == 0 || json.data[0] != '{' ||
        tufi_json_each(json, see_rev, &found) != TUF_OK || found)
        return false;
    tuf_slice rest = slice_trim_start(tuf_slice_of(json.data + 1, json.len - 1), SLICE_JSON_WS);
    buf_append_str(out, "{\"_rev\":");
    tufi_json_write_string(out, rev);
    if (rest.data[0] != '}')
        buf_append_u8(out, ',');
    tufi_buf_append(out, rest.data, rest.len);
    return !out->failed;
}

/* Whether an interactive edit names no leaf of the document that is there. */
static tuf_status names_no_leaf(bool *stale_out, struct request *req, const tuf_edit *edit)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    tuf_rev parent;
    bool has_parent = tuf_edit_rev(&parent, edit) == TUF_OK;
    tuf_status st = tuf_db_snapshot(&snapshot, dbh_db(req->dbh));
    if (st == TUF_OK)
        st = tuf_doc_find_info(&doc, snapshot, tuf_edit_id(edit));
    if (st < 0)
        return st;
    *stale_out = has_parent;
    if (st == TUF_NOT_FOUND)
        return TUF_OK;
    const tuf_docinfo *info = tuf_doc_info(doc);
    if (!has_parent)
        *stale_out = !info->deleted;
    for (size_t i = 0; has_parent && i < info->leaf_count; i++)
        if (tuf_rev_compare(info->leaves[i].rev, parent) == 0)
            *stale_out = false;
    return TUF_OK;
}

tuf_status doc_check_shape(struct request *req, const tuf_edit *edit, tuf_slice json)
{
    tuf_status shape = ddoc_check(json);
    bool stale = false;
    if (shape != TUF_E_INVALID)
        return shape;
    tuf_status st = names_no_leaf(&stale, req, edit);
    if (st == TUF_OK && stale)
        st = tufi_fail_kind(TUF_E_INVALID, "conflict", "Document update conflict.");
    return st == TUF_OK ? ddoc_check(json) : st; /* again, for the text of the failure */
}

/* What is wrong with the revision that the request names comes first. */
static tuf_status check_ddoc(struct request *req, tuf_edit *edit, tuf_slice json,
                             const struct doc_query *query)
{
    tuf_status st = ddoc_check(json);
    if (st != TUF_E_INVALID || query->replicated)
        return st;
    st = doc_settle_rev(edit, req, query);
    return st == TUF_OK ? doc_check_shape(req, edit, json) : st;
}

tuf_status doc_parse(tuf_edit **out, struct request *req, tuf_slice json,
                     const struct doc_query *query, tuf_slice id)
{
    TUF_AUTO(tufi_buf_release) struct buf replaced = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf with_rev = BUF_INIT;
    TUF_AUTO(tuf_edit_free) tuf_edit *edit = NULL;
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    docs_edit_limits(&opts, req);
    opts.id = id;
    opts.flags = query->replicated ? TUF_EDIT_REPLICATED : 0;
    tuf_status st = server_before_write(&replaced, req, id, json, query->replicated);
    if (st != TUF_OK)
        return st;
    if (replaced.len > 0)
        json = buf_slice(&replaced);
    const tuf_slice *named = params_find(&req->params, "rev");
    if (query->replicated && query->has_rev && named != NULL &&
        text_add_rev(&with_rev, json, *named))
        json = buf_slice(&with_rev);
    st = tuf_edit_parse(&edit, json, &opts);
    /* Who may not write one is told so, whatever it looks like. */
    if (st == TUF_OK && slice_starts(tuf_edit_id(edit), "_design/") && auth_has(req, RIGHT_DBADM))
        st = check_ddoc(req, edit, json, query);
    if (st == TUF_OK)
        *out = tufi_steal(edit);
    return doc_too_large(req, st, json);
}

tuf_status doc_settle_rev(tuf_edit *edit, struct request *req, const struct doc_query *query)
{
    tuf_rev own;
    tuf_rev named;
    bool has_named = false;
    bool has_own = tuf_edit_rev(&own, edit) == TUF_OK;
    tuf_status st = docs_named_rev(&named, &has_named, req, has_own ? &own : NULL);
    if (st != TUF_OK || !has_named || has_own || query->replicated)
        return st;
    return tuf_edit_set_parent(edit, &named);
}

static tuf_status parse_put(struct request *req)
{
    struct doc_put *put = req->state;
    tuf_status st = doc_parse(&put->edit, req, put->body, &put->query, put->id);
    return st == TUF_OK ? doc_settle_rev(put->edit, req, &put->query) : st;
}

/* POST: the document names its id, or gets a new one. */
static tuf_status parse_post(struct request *req)
{
    struct doc_put *put = req->state;
    if (!doc_text_find_id(&put->id, &req->arena, put->body)) {
        char uuid[SERVER_UUID_SIZE];
        server_new_uuid(req->server, uuid);
        put->id = request_copy(req, tuf_str(uuid));
        if (put->id.data == NULL)
            return tufi_nomem();
    }
    tuf_status st = doc_parse(&put->edit, req, put->body, &put->query, put->id);
    if (st == TUF_OK)
        st = docs_check_id_size(req, tuf_edit_id(put->edit));
    return st == TUF_OK ? docs_check_ddoc(req, tuf_edit_id(put->edit)) : st;
}

static void committed(struct request *req, tuf_status status)
{
    struct doc_put *put = req->state;
    /* A deletion by PUT answers 200; POST says 201 to everything. */
    int ok = (put->reply & DOCS_ETAG) && tuf_edit_deleted(put->edit) ? 200 : 201;
    docs_reply_written(req, status, put->edit, ok, put->reply);
}

static void parsed(struct request *req, tuf_status status)
{
    struct doc_put *put = req->state;
    if (status != TUF_OK)
        reply_status(req, status);
    else
        work_commit(req, &put->edit, 1, committed);
}

static void parse_body(struct request *req, tuf_slice body, work_fn *parse)
{
    struct doc_put *put = req->state;
    if (!body_require(req, body))
        return;
    put->body = body;
    if (body.len > PARSE_ON_LOOP_MAX || dbh_is_users(req->dbh))
        work_run(req, parse, parsed);
    else
        parsed(req, parse(req));
}

static void put_body(struct request *req, tuf_slice body)
{
    parse_body(req, body, parse_put);
}

static void post_body(struct request *req, tuf_slice body)
{
    parse_body(req, body, parse_post);
}

static struct doc_put *new_put(struct request *req)
{
    struct doc_put *put = tufi_alloc_zero(sizeof(*put));
    if (put == NULL) {
        reply_status(req, tufi_nomem());
        return NULL;
    }
    req->state = put;
    request_on_cleanup(req, put_cleanup);
    if (params_is(&req->params, "batch", "ok"))
        put->reply = DOCS_BATCH;
    return put;
}

void handle_doc_put(struct request *req)
{
    struct doc_query query;
    if (!doc_query_parse(&query, req))
        return;
    tuf_status st = docs_check_id_size(req, req->docid);
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    tuf_slice type;
    if (request_header(&type, req, "Content-Type") && slice_starts(type, "multipart/related;")) {
        multipart_put(req, &query, type);
        return;
    }
    struct doc_put *put = new_put(req);
    if (put == NULL)
        return;
    put->query = query;
    put->id = req->docid;
    put->reply |= DOCS_ETAG | DOCS_LOCATION;
    body_collect(req, server_settings(req->server)->request_size_max, put_body);
}

void handle_db_post(struct request *req)
{
    if (!request_require_json(req))
        return;
    struct doc_put *put = new_put(req);
    if (put == NULL)
        return;
    put->reply |= DOCS_LOCATION;
    body_collect(req, server_settings(req->server)->request_size_max, post_body);
}
