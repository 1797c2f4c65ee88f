/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: COPY of a document to the id named by the header Destination: "id" or "id?rev=1-x".
 *
 * The copy has the source's body and attachments and none of its history.
 */
#include "base/alloc.h"
#include "base/bytes.h"
#include "server/dbs.h"
#include "server/handlers/doc_put.h"
#include "server/handlers/docs.h"
#include "server/work.h"

struct doc_copy {
    tuf_slice target; /* in the request's arena */
    bool has_rev;
    tuf_rev rev;    /* of the target */
    tuf_edit *edit; /* owned */
};

static void copy_cleanup(struct request *req)
{
    struct doc_copy *copy = req->state;
    tuf_edit_free(&copy->edit);
    tufi_free(copy);
}

static void copied(struct request *req, tuf_status status)
{
    struct doc_copy *copy = req->state;
    docs_reply_written(req, status, copy->edit, 201, DOCS_ETAG | DOCS_LOCATION);
}

static tuf_status bad_destination(const char *reason)
{
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "%s", reason);
}

/* "id?rev=R", percent-encoded. */
static tuf_status parse_destination(struct doc_copy *copy, struct request *req)
{
    tuf_slice text;
    if (!request_header(&text, req, "Destination"))
        return bad_destination("Destination header is mandatory for COPY.");
    if (slice_starts(text, "http://") || slice_starts(text, "https://"))
        return bad_destination("Destination URL must be relative.");
    const uint8_t *mark = text.len > 0 ? memchr(text.data, '?', text.len) : NULL;
    tuf_slice id = text;
    if (mark != NULL) {
        id.len = (size_t)(mark - text.data);
        tuf_slice query = tuf_slice_of(mark + 1, text.len - id.len - 1);
        struct params params;
        tuf_status st = params_parse(&params, &req->arena, query);
        const tuf_slice *rev = st == TUF_OK ? params_find(&params, "rev") : NULL;
        if (st == TUF_OK && rev == NULL)
            return bad_destination("Destination header must be 'id' or 'id?rev=REV'");
        if (st == TUF_OK)
            st = docs_parse_rev(&copy->rev, req, *rev);
        if (st != TUF_OK)
            return st;
        copy->has_rev = true;
    }
    tuf_slice decoded = url_decode(&req->arena, id, true);
    if (decoded.data == NULL && decoded.len > 0)
        return bad_destination("invalid_url_encoding");
    copy->target = decoded.len > 0 ? request_copy(req, decoded) : decoded;
    return decoded.len > 0 && copy->target.data == NULL ? tufi_nomem() : TUF_OK;
}

static tuf_status make_copy(struct doc_copy *copy, struct request *req)
{
    tuf_rev source;
    bool has_source = false;
    tuf_status st = docs_named_rev(&source, &has_source, req, NULL);
    if (st == TUF_OK)
        st = parse_destination(copy, req);
    if (st != TUF_OK)
        return st;
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    st = docs_open(&doc, &snapshot, req, req->docid, has_source ? &source : NULL);
    if (st == TUF_OK)
        st = docs_check_ddoc(req, copy->target);
    if (st == TUF_OK)
        st = docs_check_id_size(req, copy->target);
    /* A copy of a replication would be somebody else's job. */
    if (st == TUF_OK && dbh_is_replicator(req->dbh))
        st = server_before_change(req, req->docid);
    if (st == TUF_OK)
        st = server_before_change(req, copy->target);
    if (st == TUF_OK)
        st = tuf_edit_from_doc(&copy->edit, doc);
    if (st == TUF_OK)
        st = tuf_edit_set_id(copy->edit, copy->target);
    if (st == TUF_OK)
        st = tuf_edit_set_parent(copy->edit, copy->has_rev ? &copy->rev : NULL);
    if (st == TUF_OK)
        tuf_edit_set_deleted(copy->edit, tuf_doc_deleted(doc));
    if (st == TUF_OK && slice_starts(copy->target, "_design/"))
        st = doc_check_shape(req, copy->edit, tuf_doc_body(doc));
    return st;
}

void handle_doc_copy(struct request *req)
{
    struct doc_copy *copy = tufi_alloc_zero(sizeof(*copy));
    if (copy == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    req->state = copy;
    request_on_cleanup(req, copy_cleanup);
    tuf_status st = make_copy(copy, req);
    if (st != TUF_OK)
        reply_status(req, st);
    else
        work_commit(req, &copy->edit, 1, copied);
}
