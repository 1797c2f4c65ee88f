/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: DELETE of a document, also of a local one.
 *
 * Whether the document exists is looked at first: an unknown one is 404 "missing" and a deleted
 * one 404 "deleted", whatever revision was given. Only then a wrong or missing revision is 409.
 * The body of the request is ignored.
 */
#include "base/alloc.h"
#include "server/dbs.h"
#include "server/handlers/docs.h"
#include "server/work.h"

struct doc_delete {
    tuf_edit *edit; /* owned */
};

static void delete_cleanup(struct request *req)
{
    struct doc_delete *del = req->state;
    tuf_edit_free(&del->edit);
}

static void deleted(struct request *req, tuf_status status)
{
    struct doc_delete *del = req->state;
    docs_reply_written(req, status, del->edit, 200, DOCS_ETAG);
}

static tuf_status check_exists(struct request *req)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    tuf_status st = docs_open(&doc, &snapshot, req, req->docid, NULL);
    return st == TUF_OK ? server_before_change(req, req->docid) : st;
}

static tuf_status make_edit(tuf_edit **out, struct request *req)
{
    tuf_rev named;
    bool has_named = false;
    tuf_status st = docs_named_rev(&named, &has_named, req, NULL);
    if (st != TUF_OK)
        return st;
    TUF_AUTO(tufi_buf_release) struct buf owned = BUF_INIT;
    tuf_slice json = tuf_str("{\"_deleted\":true}");
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.id = req->docid;
    /* The tombstone of a replication names its owner, too. */
    if (dbh_is_replicator(req->dbh))
        st = server_before_write(&owned, req, req->docid, json, false);
    if (st == TUF_OK)
        st = tuf_edit_parse(out, owned.len > 0 ? buf_slice(&owned) : json, &opts);
    return st == TUF_OK && has_named ? tuf_edit_set_parent(*out, &named) : st;
}

void handle_doc_delete(struct request *req)
{
    struct doc_delete *del = tufi_arena_alloc(&req->arena, sizeof(*del));
    if (del == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    del->edit = NULL;
    req->state = del;
    request_on_cleanup(req, delete_cleanup);
    tuf_status st = check_exists(req);
    if (st == TUF_OK)
        st = make_edit(&del->edit, req);
    if (st != TUF_OK)
        reply_status(req, st);
    else
        work_commit(req, &del->edit, 1, deleted);
}
