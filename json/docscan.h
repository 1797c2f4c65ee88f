/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: read the JSON text of one document: split off the special members ("_id", "_rev", ...) and
 * turn the rest into canonical text and, if asked, into the bytes that CouchDB hashes.
 *
 * Canonical text: no white space; strings re-escaped minimally (\" \\ \b \f \n \r \t, \u00XX for
 * the other control characters, everything else as UTF-8); of duplicate keys the last one survives,
 * at its own place; numbers verbatim, except that -0 becomes 0.
 *
 * Source: RFC 8259; the hash input is the Erlang external term format of CouchDB's couch_doc
 * revision, minor version 1 (see fileformat/FORMAT.md, "Revision ids").
 * Not here: the rest of the hash input (deleted flag, parent, attachments): engine/revid.c.
 */
#ifndef JSON_DOCSCAN_H
#define JSON_DOCSCAN_H

#include "base/arena.h"
#include "base/buf.h"
#include "tuffet/doc.h"

/* Nesting allowed: arrays and objects inside one another. */
#define JSON_DEPTH_MAX 1000

enum docscan_flags {
    DOCSCAN_ETF = 1, /* also produce the term bytes of the body */
};

/* An element of "_attachments". Slices live in the arena or in the input text. */
struct scanned_att {
    tuf_slice name;
    tuf_slice type; /* empty: not given */
    tuf_slice data; /* base64 text of "data", without its quotes */
    bool has_data;
    bool stub;
    bool follows;
    bool gzip; /* "encoding":"gzip" */
    bool has_revpos;
    bool has_length;
    bool has_encoded_length;
    bool has_digest; /* "md5-..." of 16 bytes; other digests are ignored */
    uint64_t revpos;
    uint64_t length;
    uint64_t encoded_length;
    uint8_t digest[16];
};

struct scanned_doc {
    bool has_id, has_rev, has_revisions, has_attachments;
    bool deleted;
    tuf_slice id;             /* decoded */
    tuf_revbuf rev;           /* of "_rev" */
    uint64_t revisions_start; /* of "_revisions" */
    tuf_slice *revisions;     /* newest first; 16 raw bytes where the text was 32 hex digits */
    size_t revision_count;
    struct scanned_att *atts; /* in document order */
    size_t att_count;
    struct buf body;    /* canonical text, "{}" at least */
    struct buf etf;     /* term of the body object, with DOCSCAN_ETF */
    uint64_t body_size; /* as CouchDB counts it for max_document_size */
    struct arena arena;
};

/*
 * Scans a document. All of `out` is overwritten; on failure it is released.
 * Returns: TUF_OK; E_INVALID with kind and text as CouchDB gives them: "bad_request" ("invalid
 * UTF-8 JSON", "Document must be a JSON object", "Invalid rev format"), "doc_validation" ("Bad
 *          special document member: _x", ...), "illegal_docid" ("Document id must be a string");
 *          E_NOMEM.
 * Ownership: release with tufi_docscan_release. Slices may point into `json`, which must live as
 *            long.
 */
tuf_status tufi_docscan(struct scanned_doc *out, tuf_slice json, unsigned flags);
void tufi_docscan_release(struct scanned_doc *doc);

/* The term bytes of a canonical body (appended to out). Returns E_NOMEM, E_INVALID. */
tuf_status tufi_docscan_etf(struct buf *out, tuf_slice body);

/* Rewrites any JSON value canonically (appended to out), or refuses it as tufi_docscan does. */
tuf_status tufi_json_canonical(struct buf *out, tuf_slice json);

/* Appends a JSON string literal of UTF-8 text, quotes included. */
void tufi_json_write_string(struct buf *out, tuf_slice text);
/* A revision as a string, "3-abc"; and the part behind the dash, as "_revisions" lists it. */
void tufi_json_write_rev(struct buf *out, tuf_rev rev);
void tufi_json_write_rev_id(struct buf *out, tuf_rev rev);
/* ,"_revisions":{"start":3,"ids":[...]} of what tuf_doc_revisions gave; nothing for none. */
void tufi_json_write_revisions(struct buf *out, const tuf_rev_entry *entries, size_t count);

/* Whether bytes are valid UTF-8 (no surrogates, no overlong forms, up to U+10FFFF). */
bool tufi_utf8_valid(tuf_slice text);

/*
 * Walks a JSON array or object without building it: splits the value into its elements.
 * The callback receives the raw text of each member (key decoded, empty for an array's elements)
 * and returns non-zero to stop.
 * Returns: TUF_OK; the callback's status; E_INVALID; E_NOMEM.
 */
typedef tuf_status json_member_visitor(tuf_slice key, tuf_slice value, void *ctx);
tuf_status tufi_json_each(tuf_slice json, json_member_visitor *visitor, void *ctx);

/* Told about every JSON_WATCH_STEP bytes how far a walk has come inside a value, so that pages of a
 * large mapped text can be given back behind it. */
#define JSON_WATCH_STEP ((size_t)4 << 20)
struct json_watch {
    void (*passed)(const uint8_t *pos, void *ctx);
    void *ctx;
};
/* The same with a watch; NULL for none. */
tuf_status tufi_json_each_watched(tuf_slice json, json_member_visitor *visitor, void *ctx,
                                  const struct json_watch *watch);
/* Whether a text is one JSON value, by the walk's rules: nothing is built. Returns E_INVALID. */
tuf_status tufi_json_check(tuf_slice json, const struct json_watch *watch);

#endif
