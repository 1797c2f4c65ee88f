/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: POST of an HTML form to a document: new attachments ("_attachments", any number of files)
 * beside either the text of the document ("_doc") or the revision to change ("_rev").
 *
 * Browsers send such forms to any origin, so the Referer must be this server.
 *
 * Source: RFC 7578; CouchDB 3's chttpd_db.
 */
#include "base/alloc.h"
#include "base/bytes.h"
#include "server/dbs.h"
#include "server/handlers/doc_put.h"
#include "server/handlers/upload.h"
#include "replicator/multipart.h"
#include "server/server.h"

#define FIELD_SIZE_MAX (16 * 1024 * 1024)
#define FILES_MAX 1000

enum field { FIELD_NONE, FIELD_DOC, FIELD_REV, FIELD_FILE };

/* One uploaded file. Slices are in the request's arena. */
struct form_file {
    tuf_slice name;
    tuf_slice type;
    tuf_blob *blob; /* owned until the edit takes it */
};

struct doc_form {
    struct upload upload; /* first: server/handlers/upload.h */
    struct request *req;
    struct multipart *parser; /* owned */
    enum field field;         /* of the part being received */
    bool has_doc;
    struct buf doc;          /* text of "_doc" */
    struct buf rev;          /* text of "_rev" */
    struct form_file *files; /* owned array */
    size_t file_count;
    tuf_att_writer *writer; /* owned */
    tuf_edit *edit;         /* owned */
};

static void form_cleanup(struct request *req)
{
    struct doc_form *form = req->state;
    upload_release(&form->upload);
    multipart_free(&form->parser);
    tufi_buf_release(&form->doc);
    tufi_buf_release(&form->rev);
    for (size_t i = 0; i < form->file_count; i++)
        tuf_blob_free(&form->files[i].blob);
    tufi_free(form->files);
    tuf_att_writer_free(&form->writer);
    tuf_edit_free(&form->edit);
    tufi_free(form);
}

static tuf_status bad_request(const char *reason)
{
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "%s", reason);
}

/* ---- events of the parser (worker) ------------------------------------------------------- */

static tuf_status begin_file(struct doc_form *form, tuf_slice name, tuf_slice type)
{
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    if (form->file_count == FILES_MAX)
        return tufi_fail_kind(TUF_E_LIMIT, "too_large", "too many files in one form");
    struct form_file *files = tufi_realloc(form->files, (form->file_count + 1) * sizeof(*files));
    if (files == NULL)
        return tufi_nomem();
    form->files = files;
    struct form_file *file = &files[form->file_count];
    memset(file, 0, sizeof(*file));
    file->name = request_copy(form->req, name);
    file->type = request_copy(form->req, type);
    if (file->name.data == NULL || file->type.data == NULL)
        return tufi_nomem();
    form->file_count++;
    opts.type = file->type;
    opts.size_max = server_settings(form->req->server)->attachment_size_max;
    tuf_att_writer_free(&form->writer);
    return tuf_att_writer_new(&form->writer, dbh_db(form->req->dbh), &opts);
}

static tuf_status part_begin(const struct header *headers, size_t count, void *ctx)
{
    struct doc_form *form = ctx;
    TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf filename = BUF_INIT;
    tuf_slice disposition;
    tuf_slice type;
    form->field = FIELD_NONE;
    if (!header_find(&disposition, headers, count, "Content-Disposition") ||
        !header_param(&name, disposition, "name"))
        return TUF_OK;
    if (slice_is(buf_slice(&name), "_doc")) {
        form->field = FIELD_DOC;
        form->has_doc = true;
    } else if (slice_is(buf_slice(&name), "_rev")) {
        form->field = FIELD_REV;
    } else if (slice_is(buf_slice(&name), "_attachments") &&
               header_param(&filename, disposition, "filename") && filename.len > 0) {
        form->field = FIELD_FILE;
        if (!header_find(&type, headers, count, "Content-Type"))
            type = tuf_str("application/octet-stream");
        return begin_file(form, buf_slice(&filename), type);
    }
    return TUF_OK;
}

static tuf_status append_field(struct buf *field, tuf_slice bytes)
{
    if (field->len + bytes.len > FIELD_SIZE_MAX)
        return tufi_fail_kind(TUF_E_LIMIT, "too_large", "the request entity is too large");
    buf_append_slice(field, bytes);
    return buf_status(field);
}

static tuf_status part_data(tuf_slice bytes, void *ctx)
{
    struct doc_form *form = ctx;
    switch (form->field) {
    case FIELD_DOC:
        return append_field(&form->doc, bytes);
    case FIELD_REV:
        return append_field(&form->rev, bytes);
    case FIELD_FILE:
        return tuf_att_write(form->writer, bytes.data, bytes.len);
    case FIELD_NONE:
        break;
    }
    return TUF_OK;
}

static tuf_status part_end(void *ctx)
{
    struct doc_form *form = ctx;
    if (form->field != FIELD_FILE)
        return TUF_OK;
    return tuf_att_finish(&form->files[form->file_count - 1].blob, form->writer);
}

/* ---- the edit (worker) ------------------------------------------------------------------- */

static tuf_status edit_of_rev(struct doc_form *form)
{
    struct request *req = form->req;
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    tuf_rev rev;
    tuf_status st = docs_parse_rev(&rev, req, buf_slice(&form->rev));
    if (st == TUF_OK)
        st = server_before_change(req, req->docid);
    if (st == TUF_OK)
        st = docs_open(&doc, &snapshot, req, req->docid, &rev);
    return st == TUF_OK ? tuf_edit_from_doc(&form->edit, doc) : st;
}

static tuf_status edit_of_doc(struct doc_form *form)
{
    const struct doc_query plain = { 0 };
    struct request *req = form->req;
    tuf_status st = doc_parse(&form->edit, req, buf_slice(&form->doc), &plain, req->docid);
    return st == TUF_OK ? doc_settle_rev(form->edit, req, &plain) : st;
}

/* The last file goes in first, as each is put in front of the others. */
static tuf_status make_edit(struct doc_form *form)
{
    tuf_status st = form->has_doc ? edit_of_doc(form) : edit_of_rev(form);
    for (size_t i = form->file_count; i-- > 0 && st == TUF_OK;) {
        struct form_file *file = &form->files[i];
        st = tuf_edit_put_attachment(form->edit, file->name, file->type, &file->blob);
    }
    return st;
}

static tuf_status eat(struct request *req, tuf_slice bytes, bool last)
{
    struct doc_form *form = req->state;
    tuf_status st = multipart_feed(form->parser, bytes);
    if (st == TUF_OK && last)
        st = multipart_finish(form->parser);
    return st == TUF_OK && last ? make_edit(form) : st;
}

/* ---- the request ------------------------------------------------------------------------- */

static void committed(struct request *req, tuf_status status)
{
    struct doc_form *form = req->state;
    docs_reply_written(req, status, form->edit, 201, DOCS_ETAG);
}

static void received(struct request *req, tuf_status status)
{
    struct doc_form *form = req->state;
    if (status != TUF_OK)
        reply_status(req, status);
    else
        work_commit(req, &form->edit, 1, committed);
}

/* Whether the Referer is a page of the host that the request was sent to. */
static tuf_status check_referer(struct request *req)
{
    tuf_slice referer;
    tuf_slice host;
    if (!request_header(&referer, req, "Referer"))
        return bad_request("Referer header required.");
    const uint8_t *mark = referer.len < 8 ? NULL : memmem(referer.data, referer.len, "://", 3);
    if (mark != NULL && request_header(&host, req, "Host")) {
        mark += 3;
        size_t left = (size_t)(referer.data + referer.len - mark);
        if (left >= host.len && memcmp(mark, host.data, host.len) == 0 &&
            (left == host.len || strchr("/?#", mark[host.len]) != NULL))
            return TUF_OK;
    }
    return bad_request("Referer header must match host.");
}

void handle_doc_post(struct request *req)
{
    static const struct multipart_events events = { part_begin, part_data, part_end };
    tuf_slice type;
    tuf_status st = check_referer(req);
    if (st == TUF_OK && (!request_has_type(req, "multipart/form-data") ||
                         !request_header(&type, req, "Content-Type")))
        st = tufi_fail_kind(TUF_E_INVALID, "bad_content_type",
                            "Content-Type must be multipart/form-data");
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    struct doc_form *form = tufi_alloc_zero(sizeof(*form));
    if (form == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    form->req = req;
    form->upload.eat = eat;
    form->upload.finished = received;
    req->state = form;
    request_on_cleanup(req, form_cleanup);
    st = multipart_new(&form->parser, type, &events, form);
    if (st != TUF_OK)
        reply_status(req, st);
    else
        upload_start(req, 0);
}
