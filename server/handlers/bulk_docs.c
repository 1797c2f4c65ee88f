/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: POST /{db}/_bulk_docs: many documents in one request, each accepted or refused by itself.
 *
 * The request's text is cut into documents without building it; each is parsed by the engine on a
 * worker, then all are committed together. A document that cannot be parsed fails the whole
 * request before anything is written. What a right forbids, and conflicts, are errors of the one
 * document. With new_edits=false only errors are listed.
 *
 * Within a commit documents are written in the order of their ids, as CouchDB does: their sequences
 * tell it. Answers keep the order of the request.
 *
 * A body that was too large for memory (server/handlers/spool.h) is walked several times. First
 * every document is judged and forgotten, so that what fails the whole request does so before
 * anything is written. Commits one after another give what one commit gives, except where the
 * engine looks at a request as a whole: stubs of attachments, which fail all of it, and replicated
 * revisions of one document that come together. Documents of such ids are held in memory and
 * committed first, together; all others follow in batches.
 *
 * INV-BD-1: a body gets the same answer and its documents are stored the same whether it was large
 *           or not, but for their order in _changes; only a failure of the disk may leave the first
 *           batches of a large one behind.
 *
 * Source: CouchDB 3's chttpd_db.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "json/docscan.h"
#include "server/dbs.h"
#include "server/error_map.h"
#include "server/handlers/doc_put.h"
#include "server/handlers/spool.h"
#include "server/server.h"

#define PARSE_ON_LOOP_MAX (16 * 1024)
#define BULK_DOCS_COUNT_MAX 10000
#define BATCH_DOCS_MAX 1000
#define BATCH_SIZE_MAX ((size_t)4 << 20)
#define HELD_SIZE_MAX ((size_t)1 << 30) /* text of the documents of a large body that are held */

/* One document of the request. */
struct bulk_doc {
    tuf_slice id;      /* borrowed from edit or bulk->arena */
    tuf_edit *edit;    /* owned unless written; NULL if it was refused */
    bool written;      /* one of bulk->held stands for it */
    const char *error; /* why it was refused, else NULL */
    tuf_slice reason;  /* in bulk->arena */
};

struct bulk_docs {
    struct spool spool;  /* first */
    tuf_slice body;      /* borrowed from the request */
    tuf_slice docs_json; /* value of "docs" */
    tuf_slice new_edits_json;
    bool all_or_nothing;
    bool prepares;          /* this walk's documents are committed, not only judged */
    struct doc_query query; /* only `replicated` counts */
    struct bulk_doc *docs;  /* owned array */
    size_t doc_count;
    size_t doc_cap;
    size_t seen;      /* documents of this walk, those of finished batches included */
    size_t count_max; /* [couchdb] max_bulk_docs_count */
    size_t batch_size; /* bytes of text in the batch */
    /* Of a large body. */
    struct buf ids;       /* a hash of each document's id, as uint64_t */
    struct buf held_ids;  /* those of documents that are held; sorted once all are known */
    tuf_edit **held;      /* owned array, in the order of the request */
    size_t held_count;
    size_t held_cap;
    size_t held_size; /* bytes of their text */
    size_t held_pos;  /* the next one on the way to the answer */
    bool partly;        /* some of its documents are stored */
    int failure;        /* status of the answer if what came behind could not be stored, else 0 */
    const char *failure_error; /* for each of those; in req->arena, as the following */
    tuf_slice failure_reason;
    struct buf results; /* the answer's array so far */
    struct arena arena; /* what documents need until they are forgotten */
    tuf_edit **edits; /* owned array: those that go to the commit */
    size_t edit_count;
    struct request *req;
};

/* Forgets the documents seen so far. */
static void drop_docs(struct bulk_docs *bulk)
{
    for (size_t i = 0; i < bulk->doc_count; i++)
        if (!bulk->docs[i].written)
            tuf_edit_free(&bulk->docs[i].edit);
    bulk->doc_count = bulk->edit_count = bulk->batch_size = 0;
    tufi_arena_clear(&bulk->arena);
}

static void bulk_docs_cleanup(struct request *req)
{
    struct bulk_docs *bulk = req->state;
    drop_docs(bulk);
    spool_release(&bulk->spool);
    tufi_arena_release(&bulk->arena);
    for (size_t i = 0; i < bulk->held_count; i++)
        tuf_edit_free(&bulk->held[i]);
    tufi_free(bulk->held);
    tufi_buf_release(&bulk->ids);
    tufi_buf_release(&bulk->held_ids);
    tufi_buf_release(&bulk->results);
    tufi_free(bulk->docs);
    tufi_free(bulk->edits);
    tufi_free(bulk);
}

/* ---- parsing (worker) -------------------------------------------------------------------- */

static tuf_status see_member(tuf_slice key, tuf_slice value, void *ctx)
{
    struct bulk_docs *bulk = ctx;
    if (slice_is(key, "docs"))
        bulk->docs_json = value;
    else if (slice_is(key, "new_edits"))
        bulk->new_edits_json = value;
    else if (slice_is(key, "all_or_nothing"))
        bulk->all_or_nothing = slice_is(value, "true");
    return TUF_OK;
}

static tuf_status bad_request(const char *reason)
{
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "%s", reason);
}

static bool begins_with(tuf_slice json, uint8_t brace)
{
    json = slice_trim_start(json, SLICE_JSON_WS);
    return json.len > 0 && json.data[0] == brace;
}

static void passed(const uint8_t *pos, void *ctx)
{
    struct bulk_docs *bulk = ctx;
    spool_pass(&bulk->spool, pos);
}

static tuf_status check_object(struct bulk_docs *bulk)
{
    if (begins_with(bulk->body, '{'))
        return TUF_OK;
    tuf_status st = tufi_json_check(bulk->body, &(struct json_watch){ passed, bulk });
    if (st != TUF_OK)
        return st == TUF_E_INVALID ? bad_request("invalid UTF-8 JSON") : st;
    return bad_request("Request body must be a JSON object");
}

/* Finds the request's members and checks their types. */
static tuf_status split_request(struct bulk_docs *bulk)
{
    struct json_watch watch = { passed, bulk };
    tuf_status st = check_object(bulk);
    if (st == TUF_OK)
        st = tufi_json_each_watched(bulk->body, see_member, bulk, &watch);
    if (st != TUF_OK)
        return st == TUF_E_INVALID && tuf_last_error()->kind[0] == 0
                   ? bad_request("invalid UTF-8 JSON")
                   : st;
    if (bulk->docs_json.data == NULL)
        return bad_request("POST body must include `docs` parameter.");
    if (!begins_with(bulk->docs_json, '['))
        return bad_request("`docs` parameter must be an array.");
    if (bulk->new_edits_json.data == NULL || slice_is(bulk->new_edits_json, "true"))
        return TUF_OK;
    if (!slice_is(bulk->new_edits_json, "false"))
        return bad_request("`new_edits` parameter must be a boolean.");
    bulk->query.replicated = true;
    return TUF_OK;
}

static tuf_status new_doc(struct bulk_doc **out, struct bulk_docs *bulk)
{
    if (bulk->seen == bulk->count_max)
        return tufi_fail_kind(TUF_E_LIMIT, "max_bulk_docs_count_exceeded", "%zu", bulk->count_max);
    if (bulk->doc_count == bulk->doc_cap) {
        size_t cap = bulk->doc_cap == 0 ? 16 : bulk->doc_cap * 2;
        struct bulk_doc *docs = tufi_realloc(bulk->docs, cap * sizeof(*docs));
        if (docs == NULL)
            return tufi_nomem();
        bulk->docs = docs;
        bulk->doc_cap = cap;
    }
    bulk->seen++;
    *out = &bulk->docs[bulk->doc_count++];
    memset(*out, 0, sizeof(**out));
    return TUF_OK;
}

static tuf_status new_id(struct bulk_doc *doc, struct bulk_docs *bulk)
{
    char uuid[SERVER_UUID_SIZE];
    server_new_uuid(bulk->req->server, uuid);
    doc->id = tufi_arena_copy(&bulk->arena, tuf_str(uuid));
    return doc->id.data == NULL ? tufi_nomem() : TUF_OK;
}

/* Whether a member "_id" can be ruled out without scanning: no such characters, no escapes. */
static bool surely_without_id(tuf_slice json)
{
    return begins_with(json, '{') && memmem(json.data, json.len, "\"_id\"", 5) == NULL &&
           memchr(json.data, '\\', json.len) == NULL;
}

/*
 * Parses a document, giving it an id if it has none. Usually the text is scanned once: only a
 * _users database must know the id before, and only a failure makes us look for it.
 */
static tuf_status parse_doc(struct bulk_doc *doc, struct bulk_docs *bulk, tuf_slice json)
{
    struct request *req = bulk->req;
    tuf_status st = TUF_OK;
    if (surely_without_id(json)) {
        st = new_id(doc, bulk);
        return st == TUF_OK ? doc_parse(&doc->edit, req, json, &bulk->query, doc->id) : st;
    }
    if (!dbh_is_users(req->dbh)) {
        st = doc_parse(&doc->edit, req, json, &bulk->query, doc->id);
        if (st != TUF_E_INVALID)
            return st;
    }
    if (begins_with(json, '{') && !doc_text_find_id(&doc->id, &bulk->arena, json))
        st = new_id(doc, bulk);
    else
        st = TUF_OK;
    return st == TUF_OK ? doc_parse(&doc->edit, req, json, &bulk->query, doc->id) : st;
}

/* The error of one document that its kind of failure is, NULL if it is the whole request's. */
static const char *refusal_name(const char *kind)
{
    static const char *const names[] = { "forbidden", "unauthorized", "invalid_design_doc",
                                         "conflict" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(kind, names[i]) == 0)
            return names[i];
    return NULL;
}

static tuf_status refuse(struct bulk_doc *doc, struct bulk_docs *bulk, tuf_status status)
{
    struct http_error mapped;
    const tuf_error *detail = tuf_last_error();
    error_map(&mapped, status, detail);
    doc->reason = tufi_arena_copy(&bulk->arena, tuf_str(mapped.reason));
    doc->error = refusal_name(detail->kind);
    tuf_edit_free(&doc->edit);
    return doc->reason.data == NULL && mapped.reason[0] != 0 ? tufi_nomem() : TUF_OK;
}

static bool is_refusal(tuf_status status)
{
    return status == TUF_E_INVALID && refusal_name(tuf_last_error()->kind) != NULL;
}

static tuf_status empty_id(void)
{
    return tufi_fail_kind(TUF_E_INVALID, "illegal_docid", "Document id must not be empty");
}

/* Adds a document and judges it: failures are the whole request's. */
static tuf_status see_doc(tuf_slice key, tuf_slice json, void *ctx)
{
    (void)key;
    struct bulk_docs *bulk = ctx;
    struct request *req = bulk->req;
    struct bulk_doc *doc = NULL;
    spool_pass(&bulk->spool, json.data);
    tuf_status st = new_doc(&doc, bulk);
    if (st == TUF_OK)
        st = parse_doc(doc, bulk, json);
    if (st == TUF_OK) {
        doc->id = tuf_edit_id(doc->edit);
        st = doc->id.len == 0 ? empty_id() : docs_check_id_size(req, doc->id);
    }
    if (st == TUF_OK)
        st = docs_check_ddoc(req, doc->id);
    /* Here, not by the commit: one commit of a database runs at a time, workers are many. */
    if (st == TUF_OK && bulk->prepares)
        st = tuf_edit_prepare(doc->edit, dbh_db(req->dbh));
    if (!is_refusal(st))
        return st;
    doc->id = tufi_arena_copy(&bulk->arena, doc->id);
    return refuse(doc, bulk, st);
}

static tuf_status walk_docs(struct bulk_docs *bulk, json_member_visitor *visitor)
{
    struct json_watch watch = { passed, bulk };
    drop_docs(bulk);
    bulk->seen = 0;
    spool_rewind(&bulk->spool);
    return tufi_json_each_watched(bulk->docs_json, visitor, bulk, &watch);
}

/* Edits of one id stay in the order of the request: a batch's are where it has them in memory. */
static int compare_edits(const void *a, const void *b)
{
    const struct bulk_doc *left = *(const struct bulk_doc *const *)a;
    const struct bulk_doc *right = *(const struct bulk_doc *const *)b;
    int order = slice_compare(left->id, right->id);
    return order != 0 ? order : (left > right) - (left < right);
}

/* Lists the edits of the documents seen, by id. */
static tuf_status gather_edits(struct bulk_docs *bulk)
{
    TUF_AUTOFREE struct bulk_doc **docs = tufi_alloc_array(bulk->doc_count + 1, sizeof(*docs));
    tufi_free(bulk->edits);
    bulk->edit_count = 0;
    bulk->edits = tufi_alloc_array(bulk->doc_count + 1, sizeof(bulk->edits[0]));
    if (bulk->edits == NULL || docs == NULL)
        return tufi_nomem();
    size_t count = 0;
    for (size_t i = 0; i < bulk->doc_count; i++)
        if (bulk->docs[i].edit != NULL && !bulk->docs[i].written)
            docs[count++] = &bulk->docs[i];
    qsort(docs, count, sizeof(*docs), compare_edits);
    for (size_t i = 0; i < count; i++)
        bulk->edits[i] = docs[i]->edit;
    bulk->edit_count = count;
    return TUF_OK;
}

static tuf_status parse(struct request *req)
{
    struct bulk_docs *bulk = req->state;
    tuf_status st = split_request(bulk);
    bulk->prepares = true;
    if (st == TUF_OK)
        st = walk_docs(bulk, see_doc);
    return st == TUF_OK ? gather_edits(bulk) : st;
}

/* ---- the answer -------------------------------------------------------------------------- */

static void append_error(struct buf *out, const struct bulk_docs *bulk, const struct bulk_doc *doc,
                         const char *error, tuf_slice reason)
{
    tuf_rev rev;
    buf_append_str(out, "{\"id\":");
    json_append_string(out, doc->id);
    if (bulk->query.replicated && doc->edit != NULL && tuf_edit_rev(&rev, doc->edit) == TUF_OK) {
        buf_append_str(out, ",\"rev\":");
        tufi_json_write_rev(out, rev);
    }
    tufi_buf_printf(out, ",\"error\":\"%s\",\"reason\":", error);
    json_append_string(out, reason);
    buf_append_u8(out, '}');
}

static void append_outcome(struct buf *out, const struct bulk_docs *bulk,
                           const struct bulk_doc *doc)
{
    tuf_edit_result result = { 0 };
    if (doc->error != NULL) {
        append_error(out, bulk, doc, doc->error, doc->reason);
        return;
    }
    if (bulk->failure != 0 && !doc->written) {
        append_error(out, bulk, doc, bulk->failure_error, bulk->failure_reason);
        return;
    }
    tuf_edit_get_result(&result, doc->edit);
    if (result.status == TUF_OK) {
        if (!bulk->query.replicated)
            docs_append_result(out, doc->edit);
        return;
    }
    struct http_error mapped;
    error_map(&mapped, result.status, NULL);
    append_error(out, bulk, doc, mapped.error, tuf_str(mapped.reason));
}

/* Adds what became of the documents seen to the answer. */
static void append_results(struct bulk_docs *bulk, bool refuse_all)
{
    struct buf *json = &bulk->results;
    if (json->len == 0)
        buf_append_u8(json, '[');
    for (size_t i = 0; i < bulk->doc_count; i++) {
        size_t before = json->len;
        if (json->len > 1)
            buf_append_u8(json, ',');
        size_t start = json->len;
        if (refuse_all)
            append_error(json, bulk, &bulk->docs[i], "not_implemented",
                         tuf_str("all_or_nothing is not supported"));
        else
            append_outcome(json, bulk, &bulk->docs[i]);
        if (json->len == start)
            json->len = before;
    }
}

static bool refuses_all(const struct bulk_docs *bulk)
{
    return bulk->all_or_nothing && !bulk->query.replicated;
}

/* ---- large bodies (worker) --------------------------------------------------------------- */

static int compare_hashes(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return *left < *right ? -1 : *left > *right;
}

static void sort_hashes(struct buf *ids)
{
    if (ids->len > sizeof(uint64_t))
        qsort(ids->data, ids->len / sizeof(uint64_t), sizeof(uint64_t), compare_hashes);
}

static bool has_hash(const struct buf *ids, uint64_t hash)
{
    return ids->len > 0 && bsearch(&hash, ids->data, ids->len / sizeof(hash), sizeof(hash),
                                   compare_hashes) != NULL;
}

/* Replicated documents that come more than once are held. */
static void hold_twins(struct bulk_docs *bulk)
{
    sort_hashes(&bulk->ids);
    const uint64_t *hashes = (const uint64_t *)(const void *)bulk->ids.data;
    size_t count = bulk->ids.len / sizeof(*hashes);
    for (size_t i = 1; bulk->query.replicated && i < count; i++)
        if (hashes[i] == hashes[i - 1])
            tufi_buf_append(&bulk->held_ids, &hashes[i], sizeof(hashes[i]));
}

/* The first walk: judges a document and forgets it. */
static tuf_status check_doc(tuf_slice key, tuf_slice json, void *ctx)
{
    struct bulk_docs *bulk = ctx;
    tuf_status st = see_doc(key, json, ctx);
    if (st != TUF_OK)
        return st;
    const struct bulk_doc *doc = &bulk->docs[bulk->doc_count - 1];
    if (doc->edit != NULL) {
        uint64_t hash = slice_hash(doc->id);
        tufi_buf_append(&bulk->ids, &hash, sizeof(hash));
        if (tuf_edit_has_stubs(doc->edit))
            tufi_buf_append(&bulk->held_ids, &hash, sizeof(hash));
    }
    if (refuses_all(bulk))
        append_results(bulk, true);
    drop_docs(bulk);
    return buf_status(&bulk->ids);
}

/* The edit goes from the document to those that are held. */
static tuf_status hold(struct bulk_docs *bulk, struct bulk_doc *doc, size_t text_len)
{
    bulk->held_size += text_len;
    if (bulk->held_size > HELD_SIZE_MAX)
        return tufi_fail_kind(TUF_E_LIMIT, "too_large", "the request entity is too large");
    if (bulk->held_count == bulk->held_cap) {
        size_t cap = bulk->held_cap == 0 ? 16 : bulk->held_cap * 2;
        tuf_edit **held = tufi_realloc(bulk->held, cap * sizeof(*held));
        if (held == NULL)
            return tufi_nomem();
        bulk->held = held;
        bulk->held_cap = cap;
    }
    bulk->held[bulk->held_count++] = tufi_steal(doc->edit);
    return TUF_OK;
}

static bool is_held(const struct bulk_docs *bulk, const struct bulk_doc *doc)
{
    return doc->edit != NULL && (tuf_edit_has_stubs(doc->edit) ||
                                 has_hash(&bulk->held_ids, slice_hash(doc->id)));
}

/* The second walk, if any are held. */
static tuf_status hold_doc(tuf_slice key, tuf_slice json, void *ctx)
{
    struct bulk_docs *bulk = ctx;
    tuf_status st = see_doc(key, json, ctx);
    struct bulk_doc *doc = &bulk->docs[bulk->doc_count - 1];
    if (st == TUF_OK && is_held(bulk, doc))
        st = hold(bulk, doc, json.len);
    drop_docs(bulk);
    return st;
}

/* The disk fails, or memory, and batches before are stored: the answer must say which documents those
 * are, as CouchDB's does when only some shards could write. The rest is not tried. */
static tuf_status fail_the_rest(struct bulk_docs *bulk, tuf_status status)
{
    struct http_error mapped;
    if (!bulk->partly || bulk->failure != 0)
        return status;
    error_map(&mapped, status, tuf_last_error());
    tuf_slice error = tufi_arena_copy(&bulk->req->arena,
                                      tuf_slice_of(mapped.error, strlen(mapped.error) + 1));
    bulk->failure_reason = tufi_arena_copy(&bulk->req->arena, tuf_str(mapped.reason));
    if (error.data == NULL || (bulk->failure_reason.data == NULL && mapped.reason[0] != 0))
        return status;
    bulk->failure_error = (const char *)error.data;
    bulk->failure = mapped.status;
    bulk->prepares = false;
    return TUF_OK;
}

static tuf_status commit_batch(struct bulk_docs *bulk)
{
    tuf_status st = bulk->failure == 0 ? gather_edits(bulk) : TUF_OK;
    if (st == TUF_OK && bulk->failure == 0 && bulk->edit_count > 0) {
        st = tuf_db_commit(dbh_db(bulk->req->dbh), bulk->edits, bulk->edit_count, 0);
        bulk->partly = bulk->partly || st == TUF_OK;
    }
    if (st != TUF_OK)
        st = fail_the_rest(bulk, st);
    if (st != TUF_OK)
        return st;
    append_results(bulk, false);
    drop_docs(bulk);
    return buf_status(&bulk->results);
}

/* Whether the next of those that were held is this document. A document that has no id gets
 * another one in each walk. */
static bool was_held(const struct bulk_docs *bulk, const struct bulk_doc *doc)
{
    return is_held(bulk, doc) && bulk->held_pos < bulk->held_count &&
           (tuf_edit_has_stubs(doc->edit) ||
            slice_equal(tuf_edit_id(bulk->held[bulk->held_pos]), doc->id));
}

/* The last walk: what was held is written already. */
static tuf_status store_doc(tuf_slice key, tuf_slice json, void *ctx)
{
    struct bulk_docs *bulk = ctx;
    tuf_status st = see_doc(key, json, ctx);
    struct bulk_doc *doc = bulk->doc_count > 0 ? &bulk->docs[bulk->doc_count - 1] : NULL;
    /* Judged in an earlier walk: only preparing, which stores attachments, has failed. */
    if (st != TUF_OK && bulk->prepares && doc != NULL && doc->id.len > 0)
        st = fail_the_rest(bulk, st);
    if (st != TUF_OK)
        return st;
    if (was_held(bulk, doc)) {
        tuf_edit_free(&doc->edit);
        doc->edit = bulk->held[bulk->held_pos++];
        doc->id = tuf_edit_id(doc->edit);
        doc->written = true;
    }
    bulk->batch_size += json.len;
    return bulk->doc_count >= BATCH_DOCS_MAX || bulk->batch_size >= BATCH_SIZE_MAX
               ? commit_batch(bulk)
               : TUF_OK;
}

static tuf_status store_held(struct bulk_docs *bulk)
{
    tuf_status st = walk_docs(bulk, hold_doc);
    if (st != TUF_OK || bulk->held_count == 0)
        return st;
    st = tuf_db_commit(dbh_db(bulk->req->dbh), bulk->held, bulk->held_count, 0);
    bulk->partly = st == TUF_OK;
    return st;
}

static tuf_status store_large(struct request *req)
{
    struct bulk_docs *bulk = req->state;
    tuf_status st = split_request(bulk);
    if (st == TUF_OK)
        st = walk_docs(bulk, check_doc);
    if (st != TUF_OK || refuses_all(bulk))
        return st;
    hold_twins(bulk);
    sort_hashes(&bulk->held_ids);
    st = buf_status(&bulk->held_ids);
    if (st == TUF_OK && bulk->held_ids.len > 0)
        st = store_held(bulk);
    bulk->prepares = true;
    if (st == TUF_OK)
        st = walk_docs(bulk, store_doc);
    return st == TUF_OK ? commit_batch(bulk) : st;
}

/* ---- flow (loop) ------------------------------------------------------------------------- */

/* Answers with the results, those of the documents still held included. */
static void reply_results(struct request *req, struct bulk_docs *bulk)
{
    bool refused = refuses_all(bulk);
    append_results(bulk, refused);
    buf_append_u8(&bulk->results, ']');
    int status = bulk->failure != 0 ? bulk->failure : 201;
    reply_json(req, refused ? 417 : status, &bulk->results);
}

static void committed(struct request *req, tuf_status status)
{
    if (status != TUF_OK)
        reply_status(req, status);
    else
        reply_results(req, req->state);
}

static void parsed(struct request *req, tuf_status status)
{
    struct bulk_docs *bulk = req->state;
    if (status == TUF_E_LIMIT &&
        strcmp(tuf_last_error()->kind, "max_bulk_docs_count_exceeded") == 0)
        reply_error(req, 413, "max_bulk_docs_count_exceeded", tuf_last_error()->text);
    else if (status != TUF_OK)
        reply_status(req, status);
    else if (bulk->edit_count == 0 || refuses_all(bulk))
        reply_results(req, bulk);
    else
        work_commit(req, bulk->edits, bulk->edit_count, committed);
}

static void got_body(struct request *req, tuf_slice body)
{
    struct bulk_docs *bulk = req->state;
    if (!body_require(req, body))
        return;
    bulk->body = body;
    if (body.len > SPOOL_MEMORY_MAX)
        work_run(req, store_large, parsed);
    else if (body.len > PARSE_ON_LOOP_MAX || dbh_is_users(req->dbh))
        work_run(req, parse, parsed);
    else
        parsed(req, parse(req));
}

void handle_bulk_docs(struct request *req)
{
    if (!request_require_json(req))
        return;
    struct bulk_docs *bulk = tufi_alloc_zero(sizeof(*bulk));
    if (bulk == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    bulk->req = req;
    uint64_t count_max =
        config_uint(req->server->config, "couchdb", "max_bulk_docs_count", BULK_DOCS_COUNT_MAX);
    bulk->count_max = count_max < SIZE_MAX ? (size_t)count_max : SIZE_MAX;
    req->state = bulk;
    request_on_cleanup(req, bulk_docs_cleanup);
    uint64_t size_max = server_settings(req->server)->request_size_max;
    uint64_t length;
    tuf_slice coding;
    if (body_length(&length, req) && length <= SPOOL_MEMORY_MAX &&
        !request_header(&coding, req, "Content-Encoding"))
        body_collect(req, size_max, got_body);
    else
        spool_start(req, size_max, got_body);
}
