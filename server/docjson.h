/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the one writer of documents as JSON: the stored body text with "_id", "_rev" and the other
 * special members spliced around it.
 *
 * Member order: _id, _rev, the body as it is stored, _deleted, _revisions, _revs_info, _conflicts,
 * _deleted_conflicts, _local_seq, _attachments.
 *
 * INV-DJ-1: the body text is copied, never parsed, unless the caller says how.
 * INV-DJ-2: one call of docjson_next appends at most the document without attachment data plus
 *           DOCJSON_STEP_SIZE bytes of such data.
 *
 * Source: CouchDB 3 couch_doc and couch_att (names, order and shapes of the members).
 * Not here: which revision is meant (server/handlers/docs.h), multipart forms
 * (server/handlers/related.h).
 */
#ifndef SERVER_DOCJSON_H
#define SERVER_DOCJSON_H

#include "base/buf.h"
#include "tuffet/tuffet.h"

#define DOCJSON_STEP_SIZE 65536

/* What to show besides the body. The first five name metadata of the whole document and make no
 * sense for a revision that was asked for by its name (CouchDB leaves them out there). */
enum docjson_flags {
    DOCJSON_REVS_INFO = 1,
    DOCJSON_CONFLICTS = 2,
    DOCJSON_DELETED_CONFLICTS = 4,
    DOCJSON_LOCAL_SEQ = 8,
    DOCJSON_META = 15,         /* all of the above */
    DOCJSON_REVS = 16,         /* _revisions */
    DOCJSON_ATTACHMENTS = 32,  /* attachments with "data", not as stubs */
    DOCJSON_FOLLOWS = 64,      /* with ATTACHMENTS: "follows":true instead of "data" */
    DOCJSON_ATT_ENCODING = 128 /* encoding and encoded_length of compressed attachments */
};

/* Appends the members of a body, without braces, as a reader may see them. At least one. */
typedef tuf_status docjson_body(struct buf *out, tuf_slice body, tuf_slice reader);

struct docjson_options {
    unsigned flags; /* enum docjson_flags */
    /* With ATTACHMENTS: what changed at or before the newest ancestor among these is a stub. */
    const tuf_rev *atts_since;
    size_t atts_since_count;
    docjson_body *body; /* NULL: the body is copied */
    tuf_slice reader;   /* for it: name of who asks; data is NULL for nobody */
};

/*
 * Appends a whole document, inline attachments included.
 *   opts  NULL for none
 * Returns: TUF_OK; failures of reading. On failure `out` holds a part.
 */
tuf_status docjson_write(struct buf *out, tuf_doc *doc, const struct docjson_options *opts);

/* Whether docjson_write would show any of DOCJSON_META: such an answer carries no ETag. */
bool docjson_has_meta(const tuf_doc *doc, unsigned flags);

/* The generation of the newest of opts->atts_since that the open revision descends from, 0 for
 * none: attachments with a greater revpos go out with their data. */
tuf_status docjson_since_gen(uint64_t *out, tuf_doc *doc, const struct docjson_options *opts);

/* The same document in steps, for answers whose attachments are large. */
struct docjson_stream {
    tuf_doc *doc; /* borrowed until docjson_end */
    struct docjson_options opts;
    uint64_t since_gen;     /* see docjson_since_gen */
    size_t att_pos;         /* attachment to be written next */
    tuf_att_reader *reader; /* of the attachment whose data is being written */
    bool begun;             /* everything before the attachments is written */
};

void docjson_begin(struct docjson_stream *s, tuf_doc *doc, const struct docjson_options *opts);
/* Appends the next step. Returns: TUF_OK (more to come); TUF_END (that was the last); failures. */
tuf_status docjson_next(struct buf *out, struct docjson_stream *s);
/* Frees what is held; may be called at any time, also twice. */
void docjson_end(struct docjson_stream *s);

#endif
