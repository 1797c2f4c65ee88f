/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: GET, PUT, DELETE and COPY of "/{db}/_local/{name}".
 *
 * Local documents go through the handlers of documents; what differs (revisions "0-N", no history,
 * no conflict check, no attachments) is the engine's doing. Here is their ETag.
 */
#include "server/handlers/local_docs.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "server/dbs.h"
#include "server/handlers.h"

static bool check_id(struct request *req)
{
    if (!slice_is(req->docid, "_local") && !slice_is(req->docid, "_local/"))
        return true;
    reply_error(req, 400, "bad_request", "Invalid _local document id.");
    return false;
}

void handle_local_get(struct request *req)
{
    if (check_id(req))
        handle_doc_get(req);
}

void handle_local_put(struct request *req)
{
    if (check_id(req))
        handle_doc_put(req);
}

void handle_local_delete(struct request *req)
{
    if (check_id(req))
        handle_doc_delete(req);
}

void handle_local_copy(struct request *req)
{
    if (check_id(req))
        handle_doc_copy(req);
}

void handle_local_attachment(struct request *req)
{
    reply_error(req, 400, "bad_request", "_local documents do not accept attachments.");
}

tuf_status local_etag(char out[ETAG_SIZE], const tuf_doc *doc)
{
    TUF_AUTO(tufi_buf_release) struct buf data = BUF_INIT;
    write_be64(&data, tuf_doc_info(doc)->local_rev);
    buf_append_slice(&data, tuf_doc_body(doc));
    if (data.failed)
        return buf_status(&data);
    etag_of_bytes(out, buf_slice(&data));
    return TUF_OK;
}

bool local_etag_of_stored(char out[ETAG_SIZE], struct request *req, tuf_slice id, tuf_rev rev)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    if (tuf_db_snapshot(&snapshot, dbh_db(req->dbh)) != TUF_OK ||
        tuf_doc_open(&doc, snapshot, id, NULL) != TUF_OK)
        return false;
    char want[TUF_REV_TEXT_SIZE];
    char have[TUF_REV_TEXT_SIZE];
    tuf_rev_format(want, rev);
    snprintf(have, sizeof(have), "0-%llu", (unsigned long long)tuf_doc_info(doc)->local_rev);
    return strcmp(want, have) == 0 && local_etag(out, doc) == TUF_OK;
}
