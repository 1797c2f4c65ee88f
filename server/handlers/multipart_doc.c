/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: PUT of a document as multipart/related: a JSON part, then the bytes of every attachment
 * that says "follows":true, in their order.
 *
 * The JSON part is kept in memory until it is whole; the other parts go to the file while they
 * arrive. Parts are matched by order alone, their headers are not looked at. There must be as many
 * as the document announces, with the announced lengths and digests.
 *
 * Source: RFC 2387; CouchDB 3's couch_doc and couch_httpd_multipart.
 * Not here: the same form as an answer (server/handlers/related.c).
 */
#include "base/alloc.h"
#include "base/bytes.h"
#include "server/dbs.h"
#include "server/handlers/doc_put.h"
#include "server/handlers/upload.h"
#include "replicator/multipart.h"
#include "server/server.h"

/* The JSON part may hold inline attachments too. */
#define JSON_PART_SIZE_MAX ((uint64_t)256 * 1024 * 1024)

struct multipart_doc {
    struct upload upload; /* first: server/handlers/upload.h */
    struct doc_query query;
    struct multipart *parser; /* owned */
    struct request *req;
    struct buf json;        /* the first part */
    size_t part_count;      /* parts begun, the JSON one included */
    size_t follow_count;    /* parts that the document announces */
    tuf_edit *edit;         /* owned */
    tuf_att_writer *writer; /* owned; of the part being received */
};

static void multipart_cleanup(struct request *req)
{
    struct multipart_doc *mp = req->state;
    upload_release(&mp->upload);
    multipart_free(&mp->parser);
    tufi_buf_release(&mp->json);
    tuf_att_writer_free(&mp->writer);
    tuf_edit_free(&mp->edit);
    tufi_free(mp);
}

/* ---- events of the parser (worker) ------------------------------------------------------- */

static tuf_status begin_json(const struct header *headers, size_t count)
{
    tuf_slice type;
    if (!header_find(&type, headers, count, "Content-Type") ||
        !slice_starts(type, "application/json") || (type.len > 16 && type.data[16] != ';'))
        return tufi_fail_kind(TUF_E_INVALID, "bad_content_type",
                              "Content-Type must be application/json");
    return TUF_OK;
}

static tuf_status begin_attachment(struct multipart_doc *mp)
{
    tuf_follow follow;
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    tuf_status st = tuf_edit_follow(&follow, mp->edit, mp->part_count - 1);
    if (st == TUF_END)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                              "the body has more parts than the document announces attachments");
    if (st != TUF_OK)
        return tufi_fold(st);
    opts.type = follow.type;
    opts.gzip = follow.gzip;
    opts.size_max = server_settings(mp->req->server)->attachment_size_max;
    tuf_att_writer_free(&mp->writer);
    return tuf_att_writer_new(&mp->writer, dbh_db(mp->req->dbh), &opts);
}

static tuf_status part_begin(const struct header *headers, size_t count, void *ctx)
{
    struct multipart_doc *mp = ctx;
    tuf_status st = mp->part_count == 0 ? begin_json(headers, count) : begin_attachment(mp);
    mp->part_count++;
    return st;
}

static tuf_status part_data(tuf_slice bytes, void *ctx)
{
    struct multipart_doc *mp = ctx;
    if (mp->part_count > 1)
        return tuf_att_write(mp->writer, bytes.data, bytes.len);
    if (mp->json.len + bytes.len > JSON_PART_SIZE_MAX)
        return tufi_fail_kind(TUF_E_LIMIT, "too_large", "the request entity is too large");
    buf_append_slice(&mp->json, bytes);
    return buf_status(&mp->json);
}

static tuf_status end_json(struct multipart_doc *mp)
{
    struct request *req = mp->req;
    tuf_status st = doc_parse(&mp->edit, req, buf_slice(&mp->json), &mp->query, req->docid);
    if (st == TUF_OK)
        st = doc_settle_rev(mp->edit, req, &mp->query);
    if (st == TUF_OK)
        mp->follow_count = tuf_edit_follow_count(mp->edit);
    tufi_buf_release(&mp->json);
    return st;
}

/* An attachment's name as the reason, when it is too large. */
static tuf_status name_too_large(struct multipart_doc *mp, tuf_status status)
{
    tuf_follow follow;
    if (status != TUF_E_LIMIT || strcmp(tuf_last_error()->kind, "attachment_too_large") != 0 ||
        mp->part_count < 2 || tuf_edit_follow(&follow, mp->edit, mp->part_count - 2) != TUF_OK)
        return status;
    return tufi_fail_kind(TUF_E_LIMIT, "attachment_too_large", "%.*s", (int)follow.name.len,
                          (const char *)follow.name.data);
}

static tuf_status part_end(void *ctx)
{
    struct multipart_doc *mp = ctx;
    if (mp->part_count == 1)
        return end_json(mp);
    tuf_blob *blob = NULL;
    tuf_status st = tuf_att_finish(&blob, mp->writer);
    if (st == TUF_OK)
        st = tuf_edit_set_follow(mp->edit, mp->part_count - 2, &blob);
    tuf_blob_free(&blob);
    return st;
}

/* ---- the request ------------------------------------------------------------------------- */

static tuf_status finish(struct multipart_doc *mp)
{
    tuf_status st = multipart_finish(mp->parser);
    if (st != TUF_OK)
        return st;
    if (mp->edit == NULL)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request", "the body has no document");
    if (mp->part_count - 1 < mp->follow_count)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                              "%zu attachments are announced, %zu came", mp->follow_count,
                              mp->part_count - 1);
    return TUF_OK;
}

static tuf_status eat(struct request *req, tuf_slice bytes, bool last)
{
    struct multipart_doc *mp = req->state;
    tuf_status st = multipart_feed(mp->parser, bytes);
    if (st == TUF_OK && last)
        st = finish(mp);
    return name_too_large(mp, st);
}

static void committed(struct request *req, tuf_status status)
{
    struct multipart_doc *mp = req->state;
    docs_reply_written(req, status, mp->edit, tuf_edit_deleted(mp->edit) ? 200 : 201,
                       DOCS_ETAG | DOCS_LOCATION);
}

static void received(struct request *req, tuf_status status)
{
    struct multipart_doc *mp = req->state;
    if (status != TUF_OK)
        reply_status(req, status);
    else
        work_commit(req, &mp->edit, 1, committed);
}

void multipart_put(struct request *req, const struct doc_query *query, tuf_slice content_type)
{
    static const struct multipart_events events = { part_begin, part_data, part_end };
    struct multipart_doc *mp = tufi_alloc_zero(sizeof(*mp));
    if (mp == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    mp->req = req;
    mp->query = *query;
    mp->upload.eat = eat;
    mp->upload.finished = received;
    req->state = mp;
    request_on_cleanup(req, multipart_cleanup);
    tuf_status st = multipart_new(&mp->parser, content_type, &events, mp);
    if (st != TUF_OK)
        reply_status(req, st);
    else
        upload_start(req, 0);
}
