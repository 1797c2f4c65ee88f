/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: GET and HEAD of one revision of a document, as JSON or as multipart/related.
 *
 * A revision that is asked for by its name shows none of the metadata of the whole document. An
 * answer without such metadata carries an ETag.
 *
 * Source: CouchDB 3's chttpd_db.
 * Not here: open_revs (server/handlers/open_revs.c).
 */
#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "server/handlers/docs.h"
#include "server/handlers/docstream.h"
#include "server/handlers/local_docs.h"
#include "server/handlers/related.h"
#include "server/replicator_guard.h"
#include "server/users.h"

/* Inline attachments up to this size are read on the loop and sent with Content-Length. */
#define INLINE_ON_LOOP_MAX 65536

struct doc_get {
    tuf_snapshot *snapshot;      /* owned */
    tuf_doc *doc;                /* owned; borrows the snapshot */
    struct docjson_options opts; /* atts_since is in the request's arena */
    struct docjson_stream json;
    struct related related;
};

static void get_cleanup(struct request *req)
{
    struct doc_get *get = req->state;
    docjson_end(&get->json);
    related_end(&get->related);
    tuf_doc_free(&get->doc);
    tuf_snapshot_free(&get->snapshot);
    tufi_free(get);
}

static enum produce_result as_produced(tuf_status status, struct buf *out, bool newline)
{
    if (status == TUF_OK)
        return PRODUCE_MORE;
    if (status != TUF_END)
        return PRODUCE_FAIL;
    if (newline)
        buf_append_u8(out, '\n');
    return PRODUCE_DONE;
}

static enum produce_result produce_json(struct request *req, struct buf *out)
{
    struct doc_get *get = req->state;
    return as_produced(docjson_next(out, &get->json), out, true);
}

static enum produce_result produce_related(struct request *req, struct buf *out)
{
    struct doc_get *get = req->state;
    return as_produced(related_next(out, &get->related), out, false);
}

static void reply_related(struct request *req, struct doc_get *get)
{
    char boundary[BOUNDARY_SIZE];
    char type[BOUNDARY_SIZE + 40] = "application/json";
    multipart_make_boundary(boundary);
    tuf_status st = related_begin(&get->related, get->doc, &get->opts, boundary);
    struct producer producer = { .produce = produce_related, .blocking = true, .has_length = true };
    if (st == TUF_OK)
        st = related_length(&producer.length, &get->related);
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    if (related_has_parts(&get->related))
        snprintf(type, sizeof(type), "multipart/related; boundary=\"%s\"", boundary);
    producer.type = type;
    reply_stream(req, 200, &producer);
}

/* Decoded bytes of all attachments. */
static uint64_t atts_length(const tuf_doc *doc)
{
    uint64_t sum = 0;
    size_t count = tuf_doc_att_count(doc);
    for (size_t i = 0; i < count; i++) {
        tuf_att_info att;
        if (tuf_doc_att(&att, doc, i) != TUF_OK || !add_ok(&sum, sum, att.length))
            return UINT64_MAX;
    }
    return sum;
}

static void reply_doc(struct request *req, struct doc_get *get)
{
    bool has_data = (get->opts.flags & DOCJSON_ATTACHMENTS) && tuf_doc_att_count(get->doc) > 0;
    if (has_data && request_accepts(req, "multipart/related")) {
        reply_related(req, get);
        return;
    }
    if (has_data && atts_length(get->doc) > INLINE_ON_LOOP_MAX) {
        docjson_begin(&get->json, get->doc, &get->opts);
        const struct producer producer = { .produce = produce_json, .blocking = true };
        reply_stream(req, 200, &producer);
        return;
    }
    struct buf json = BUF_INIT;
    tuf_status st = docjson_write(&json, get->doc, &get->opts);
    if (st == TUF_OK) {
        reply_json(req, 200, &json);
        return;
    }
    tufi_buf_release(&json);
    reply_status(req, st);
}

static tuf_status make_etag(char out[DOCS_ETAG_SIZE], const tuf_doc *doc)
{
    static_assert(DOCS_ETAG_SIZE >= ETAG_SIZE, "a tag of a local document must fit");
    if (slice_starts(tuf_doc_info(doc)->id, "_local/"))
        return local_etag(out, doc);
    docs_etag(out, tuf_doc_rev(doc));
    return TUF_OK;
}

static void get_one(struct request *req, const struct doc_query *query)
{
    struct doc_get *get = tufi_alloc_zero(sizeof(*get));
    if (get == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    req->state = get;
    request_on_cleanup(req, get_cleanup);
    bool by_name = query->has_rev && !query->latest;
    tuf_status st =
        docs_open(&get->doc, &get->snapshot, req, req->docid, by_name ? &query->rev : NULL);
    char etag[DOCS_ETAG_SIZE] = "";
    if (st == TUF_OK)
        st = make_etag(etag, get->doc);
    if (st == TUF_OK)
        st = users_show(req, get->doc);
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    get->opts.flags = query->flags & (by_name ? ~(unsigned)DOCJSON_META : ~0u);
    get->opts.atts_since = query->atts_since;
    get->opts.atts_since_count = query->atts_since_count;
    replicator_hide_secrets(&get->opts, req);
    if (query->has_atts_since)
        get->opts.flags |= DOCJSON_ATTACHMENTS;
    st = users_hide_private(&get->opts, req, req->docid);
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    if (!docjson_has_meta(get->doc, get->opts.flags)) {
        if (request_not_modified(req, etag))
            return;
        reply_header(req, "ETag", tuf_str(etag));
    }
    reply_doc(req, get);
}

void handle_doc_get(struct request *req)
{
    struct doc_query query;
    if (!doc_query_parse(&query, req))
        return;
    if (query.open_all || query.open_rev_count > 0)
        open_revs_reply(req, &query);
    else
        get_one(req, &query);
}
