/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: prepare changes of documents. An edit is parsed, checked, compressed and hashed in the
 * caller's thread; tuf_db_commit then only places it.
 */
#ifndef TUFFET_EDIT_H
#define TUFFET_EDIT_H

#include "tuffet/attachment.h"
#include "tuffet/db.h"

enum tuf_edit_flags {
    /* The document brings its own revision (_rev or _revisions), as replication does. */
    TUF_EDIT_REPLICATED = 1,
};

typedef struct tuf_edit_options {
    size_t struct_size;
    unsigned flags;         /* enum tuf_edit_flags */
    tuf_slice id;           /* if not empty it overrides the document's _id */
    uint64_t doc_size_max;  /* of the body, counted as CouchDB does; 0: no limit */
    uint64_t att_size_max;  /* of each inline attachment; 0: no limit */
} tuf_edit_options;

#define TUF_EDIT_OPTIONS_INIT { .struct_size = sizeof(tuf_edit_options) }

/*
 * Parses one JSON document with its special members (_id, _rev, _deleted, _revisions,
 * _attachments). An id that starts with "_local/" makes it a local document.
 * A document without an id is refused: the caller makes ids.
 *   out   receives the edit
 *   json  the document's text; not needed after the call
 *   opts  NULL for defaults
 * Returns: TUF_OK; E_INVALID with tuf_last_error()->kind one of "bad_request", "doc_validation",
 *          "illegal_docid" and the text CouchDB gives; E_LIMIT with kind "document_too_large" or
 *          "attachment_too_large" and the id or name as text; E_NOMEM.
 * Ownership: free with tuf_edit_free.
 * Threads: any; an edit belongs to one thread at a time.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_edit_parse(tuf_edit **out, tuf_slice json,
                                               const tuf_edit_options *opts);

/* See tuffet/doc.h */
typedef struct tuf_doc tuf_doc;

/*
 * An edit on top of a stored revision: the same body and attachments, its revision as parent.
 * Returns: TUF_OK; E_NOMEM; E_CORRUPT.
 * Ownership: free with tuf_edit_free; the document is not needed after the call.
 * Threads: any.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_edit_from_doc(tuf_edit **out, const tuf_doc *doc);

/*
 * Does ahead what tuf_db_commit would begin with: compresses the body as the database wants it and, of
 * an interactive edit without attachments, computes the revision id. The text's memory is given back.
 * Who parses many edits calls it after each: while the text is still in the processor's caches, and in
 * threads of its own instead of in the one that commits. The edit may still be changed after it.
 *   db  the database the edit will be committed to
 * Returns: TUF_OK (again when done already); E_NOMEM.
 * Threads: any; an edit belongs to one thread at a time. Takes no lock, does no I/O.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_edit_prepare(tuf_edit *edit, tuf_db *db);

/*
 * Frees an edit. NULL is allowed.
 * Ownership: sets *edit to NULL.
 * Threads: any.
 * Since: 0.1
 */
TUF_API void tuf_edit_free(tuf_edit **edit);

/*
 * Gives an edit another id.
 * Returns: TUF_OK; E_INVALID (kind "illegal_docid"); E_NOMEM.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_edit_set_id(tuf_edit *edit, tuf_slice id);

/*
 * Sets the parent revision of an interactive edit, or with NULL makes it have none.
 * Returns: TUF_OK; E_MISUSE on a replicated edit; E_NOMEM.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_edit_set_parent(tuf_edit *edit, const tuf_rev *parent);

/*
 * Makes an edit a deletion, or not.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API void tuf_edit_set_deleted(tuf_edit *edit, bool deleted);

/*
 * Replaces the body by an empty object (what a DELETE request stores).
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API void tuf_edit_clear_body(tuf_edit *edit);

/*
 * Puts an attachment in front of the edit's others, replacing one of the same name.
 *   name  not empty, valid UTF-8, not starting with '_'
 *   type  content type, "" for application/octet-stream
 *   blob  from tuf_att_finish; consumed on success
 * Returns: TUF_OK; E_INVALID (kind "bad_request") for the name; E_NOMEM.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_edit_put_attachment(tuf_edit *edit, tuf_slice name,
                                                        tuf_slice type, tuf_blob **blob);

/*
 * Removes an attachment from the edit.
 * Returns: TUF_OK; TUF_NOT_FOUND.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_edit_remove_attachment(tuf_edit *edit, tuf_slice name);

/* An attachment of an edit whose bytes follow the document ("follows":true). */
typedef struct tuf_follow {
    tuf_slice name;          /* borrowed from the edit */
    tuf_slice type;          /* borrowed from the edit */
    uint64_t length;         /* declared decoded length; UINT64_MAX if none was given */
    uint64_t encoded_length; /* declared stored length; UINT64_MAX if none was given */
    bool gzip;               /* "encoding":"gzip": the bytes come compressed and stay so */
    bool has_digest;         /* a digest was declared */
    uint8_t digest[16];      /* MD5 of the bytes that follow */
} tuf_follow;

/*
 * How many attachments of the edit say "follows":true, in document order.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API size_t tuf_edit_follow_count(const tuf_edit *edit);

/*
 * Describes the pos-th of them.
 * Returns: TUF_OK; TUF_END past the last.
 * Ownership: slices are borrowed from the edit.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_edit_follow(tuf_follow *out, const tuf_edit *edit, size_t pos);

/*
 * Supplies the bytes of the pos-th of them.
 *   blob  consumed on success
 * Returns: TUF_OK; TUF_END past the last; E_INVALID when length or digest differ from what was
 *          declared (kind "bad_request", "attachment longer than expected" and the like).
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_edit_set_follow(tuf_edit *edit, size_t pos, tuf_blob **blob);

/*
 * The edit's document id.
 * Ownership: borrowed from the edit.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API tuf_slice tuf_edit_id(const tuf_edit *edit);

/*
 * The revision the document's text brought: the parent of an interactive edit, the revision to
 * store of a replicated one.
 * Returns: TUF_OK; TUF_NOT_FOUND if it has none.
 * Ownership: borrowed from the edit.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_edit_rev(tuf_rev *out, const tuf_edit *edit);

/*
 * Whether the edit is a deletion.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API bool tuf_edit_deleted(const tuf_edit *edit);

/*
 * Whether the edit has attachments without bytes of their own: stubs, which the commit looks up in
 * the parent, or ones whose bytes were to follow and did not.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API bool tuf_edit_has_stubs(const tuf_edit *edit);

/* What became of an edit. */
typedef struct tuf_edit_result {
    tuf_status status;  /* OK, CONFLICT, NOT_FOUND (local delete of nothing), or a failure */
    bool stored;        /* a new revision was written (a replay of a known one is OK, not stored) */
    uint64_t seq;       /* update sequence given to it; 0 if not stored or local */
    tuf_rev rev;        /* new revision; borrowed from the edit */
} tuf_edit_result;

/*
 * The result of an edit after tuf_db_commit returned TUF_OK.
 * Ownership: borrowed from the edit.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API void tuf_edit_get_result(tuf_edit_result *out, const tuf_edit *edit);

#endif
