/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: PUT and DELETE of one attachment.
 *
 * The bytes go to the file while they arrive; the edit that makes them part of the document is
 * committed at the end. The named revision must exist before anything is read (409 "missing_rev"
 * if not); whether it is still a leaf is decided by the commit.
 *
 * Content-MD5, as a header or as a trailer of a chunked body, is ignored as CouchDB 3 ignores it,
 * unless [attachments] verify_content_md5 is set. What it is compared with is the digest of the
 * bytes as they came, which is not the stored one of what we compress.
 *
 * Source: CouchDB 3's chttpd_db; RFC 1864; the error is CouchDB 1's.
 */
#include <strings.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "json/docscan.h"
#include "server/dbs.h"
#include "server/handlers/docs.h"
#include "server/handlers/upload.h"
#include "server/server.h"
#include "server/work.h"

struct att_change {
    struct upload upload;   /* first: server/handlers/upload.h */
    tuf_att_writer *writer; /* owned */
    tuf_blob *blob;         /* owned until the edit takes it */
    tuf_edit *edit;         /* owned */
    tuf_slice type;         /* content type; in the request's arena */
    int http_ok;            /* status of success */
    bool verify_md5;        /* what the setting was when the upload began */
};

static void change_cleanup(struct request *req)
{
    struct att_change *change = req->state;
    upload_release(&change->upload);
    tuf_att_writer_free(&change->writer);
    tuf_blob_free(&change->blob);
    tuf_edit_free(&change->edit);
    tufi_free(change);
}

static struct att_change *new_change(struct request *req, int http_ok)
{
    struct att_change *change = tufi_alloc_zero(sizeof(*change));
    if (change == NULL) {
        reply_status(req, tufi_nomem());
        return NULL;
    }
    change->http_ok = http_ok;
    req->state = change;
    request_on_cleanup(req, change_cleanup);
    return change;
}

static bool check_name(struct request *req)
{
    tuf_slice name = req->att_name;
    if (name.len > 0 && name.data[0] == '_') {
        reply_errorf(req, 400, "bad_request",
                     "Attachment name '%.*s' starts with prohibited character '_'", (int)name.len,
                     (const char *)name.data);
        return false;
    }
    if (!tufi_utf8_valid(name)) {
        reply_error(req, 400, "bad_request", "Attachment name is not UTF-8 encoded");
        return false;
    }
    return true;
}

/* ---- the edit ---------------------------------------------------------------------------- */

static void reply_missing_rev(struct request *req)
{
    reply_error(req, 409, "not_found", "missing_rev");
}

static void reply_missing_att(struct request *req)
{
    reply_error(req, 404, "not_found", "Document is missing attachment");
}

/* The document's edit at the named revision; without one, a new document. Answers if it fails. */
static bool edit_named(struct att_change *change, struct request *req, bool must_have_att)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    tuf_rev rev;
    bool named = false;
    size_t pos = 0;
    tuf_status st = docs_named_rev(&rev, &named, req, NULL);
    if (st == TUF_OK)
        st = server_before_change(req, req->docid);
    if (st == TUF_OK && !named && !must_have_att)
        st = docs_check_id_size(req, req->docid);
    if (st == TUF_OK && (named || must_have_att)) {
        st = docs_open(&doc, &snapshot, req, req->docid, named ? &rev : NULL);
        if (st == TUF_NOT_FOUND && named) {
            reply_missing_rev(req);
            return false;
        }
    }
    if (st == TUF_OK && must_have_att && tuf_doc_find_att(&pos, doc, req->att_name) != TUF_OK) {
        reply_missing_att(req);
        return false;
    }
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.id = req->docid;
    if (st == TUF_OK)
        st = named ? tuf_edit_from_doc(&change->edit, doc)
                   : tuf_edit_parse(&change->edit, tuf_str("{}"), &opts);
    if (st != TUF_OK) {
        reply_status(req, st);
        return false;
    }
    if (named)
        tuf_edit_set_deleted(change->edit, tuf_doc_deleted(doc));
    return true;
}

static void committed(struct request *req, tuf_status status)
{
    struct att_change *change = req->state;
    docs_reply_written(req, status, change->edit, change->http_ok,
                       change->http_ok == 201 ? DOCS_LOCATION : 0);
}

/* ---- Content-MD5 ------------------------------------------------------------------------- */

#define MD5_SIZE 16

/* False: answered. */
static bool decode_md5(uint8_t md5[MD5_SIZE], struct request *req, tuf_slice text)
{
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    bool good = text.len == tufi_base64_size(MD5_SIZE) && tufi_base64_decode(&bytes, text) &&
                bytes.len == MD5_SIZE;
    if (bytes.failed)
        reply_status(req, tufi_nomem());
    else if (!good)
        reply_error(req, 400, "bad_request", "Content-MD5 must be the base64 text of 16 bytes.");
    else
        memcpy(md5, bytes.data, MD5_SIZE);
    return good;
}

/* False: answered. */
static bool check_md5(struct request *req, tuf_slice text, const tuf_blob_info *info)
{
    uint8_t md5[MD5_SIZE];
    if (!decode_md5(md5, req, text))
        return false;
    if (memcmp(md5, info->received_md5, MD5_SIZE) == 0)
        return true;
    reply_error(req, 400, "content_md5_mismatch", "Possible message corruption.");
    return false;
}

/* Refuses a header that can match nothing before the body is read. False: answered. */
static bool check_md5_header(struct request *req)
{
    tuf_slice text;
    uint8_t ignored[MD5_SIZE];
    return !request_header(&text, req, "Content-MD5") || decode_md5(ignored, req, text);
}

/* Compares what came with what the client says it sent. False: answered. */
static bool check_received(struct request *req, const tuf_blob *blob)
{
    tuf_slice text;
    tuf_blob_info info;
    tuf_blob_get_info(&info, blob);
    return (!request_header(&text, req, "Content-MD5") || check_md5(req, text, &info)) &&
           (!request_trailer(&text, req, "Content-MD5") || check_md5(req, text, &info));
}

/* ---- PUT --------------------------------------------------------------------------------- */

static tuf_status eat(struct request *req, tuf_slice bytes, bool last)
{
    struct att_change *change = req->state;
    tuf_status st = tuf_att_write(change->writer, bytes.data, bytes.len);
    return st == TUF_OK && last ? tuf_att_finish(&change->blob, change->writer) : st;
}

static bool is_too_large(tuf_status status)
{
    return status == TUF_E_LIMIT && strcmp(tuf_last_error()->kind, "attachment_too_large") == 0;
}

static void reply_too_large(struct request *req)
{
    reply_errorf(req, 413, "attachment_too_large", "%.*s", (int)req->att_name.len,
                 (const char *)req->att_name.data);
}

static void uploaded(struct request *req, tuf_status status)
{
    struct att_change *change = req->state;
    if (status == TUF_OK && change->verify_md5 && !check_received(req, change->blob))
        return;
    if (status == TUF_OK)
        status = tuf_edit_put_attachment(change->edit, req->att_name, change->type, &change->blob);
    if (is_too_large(status))
        reply_too_large(req);
    else if (status != TUF_OK)
        reply_status(req, status);
    else
        work_commit(req, &change->edit, 1, committed);
}

/* Content-Encoding of the bytes; false: answered 415. */
static bool parse_encoding(bool *gzip_out, struct request *req)
{
    tuf_slice coding;
    *gzip_out = false;
    if (!request_header(&coding, req, "Content-Encoding") ||
        slice_is_nocase(coding, "identity"))
        return true;
    *gzip_out = slice_is_nocase(coding, "gzip");
    if (!*gzip_out)
        reply_error(req, 415, "bad_content_type",
                    "Only gzip and identity content-encodings are supported");
    return *gzip_out;
}

static void start_upload(struct request *req, struct att_change *change, bool gzip)
{
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    uint64_t length = 0;
    opts.type = change->type;
    opts.gzip = gzip;
    opts.size_max = server_settings(req->server)->attachment_size_max;
    if (opts.size_max != 0 && body_length(&length, req) && length > opts.size_max) {
        reply_too_large(req);
        return;
    }
    tuf_status st = tuf_att_writer_new(&change->writer, dbh_db(req->dbh), &opts);
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    change->upload.eat = eat;
    change->upload.finished = uploaded;
    upload_start(req, 0);
}

void handle_att_put(struct request *req)
{
    bool gzip = false;
    if (!check_name(req) || !parse_encoding(&gzip, req))
        return;
    struct att_change *change = new_change(req, 201);
    if (change == NULL)
        return;
    if (!request_header(&change->type, req, "Content-Type") || change->type.len == 0)
        change->type = tuf_str("application/octet-stream");
    change->verify_md5 = server_settings(req->server)->verify_content_md5;
    if (change->verify_md5 && !check_md5_header(req))
        return;
    if (edit_named(change, req, false))
        start_upload(req, change, gzip);
}

/* ---- DELETE ------------------------------------------------------------------------------ */

void handle_att_delete(struct request *req)
{
    if (!check_name(req))
        return;
    struct att_change *change = new_change(req, 200);
    if (change == NULL || !edit_named(change, req, true))
        return;
    /* Without a revision the edit is a new document, which conflicts with the one that is there. */
    tuf_status st = tuf_edit_remove_attachment(change->edit, req->att_name);
    if (st < 0)
        reply_status(req, st);
    else
        work_commit(req, &change->edit, 1, committed);
}
