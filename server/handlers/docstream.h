/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: answers that hold several revisions of one or many documents, written in steps: open_revs
 * and _bulk_get, each as JSON or as multipart.
 *
 * INV-DS-1: memory held depends on one document's JSON and one request's list, not on attachments
 *           or on the length of the answer.
 * docstream_next may run on a worker: it touches the stream, its snapshot and the request's
 * read-only parts only.
 */
#ifndef SERVER_HANDLERS_DOCSTREAM_H
#define SERVER_HANDLERS_DOCSTREAM_H

#include "server/handlers/docs.h"
#include "server/handlers/related.h"
#include "server/handlers/revselect.h"

/* One document that is asked for. Slices are in the request's arena. */
struct doc_wish {
    tuf_slice id;
    struct rev_wish revs;
    const tuf_rev *atts_since; /* of this document */
    size_t atts_since_count;
    bool has_atts_since;
    /* An entry that cannot be served (_bulk_get): error is not NULL then. */
    const char *error;
    const char *reason;
    tuf_slice id_json;  /* JSON text of the id as it was given */
    tuf_slice rev_json; /* JSON text of the revision to name in the error */
};

/* The texts around documents; see server/handlers/docstream.c. */
struct docstream_form;
extern const struct docstream_form docstream_open_revs_json, docstream_open_revs_mixed,
    docstream_bulk_json, docstream_bulk_mixed;

struct docstream {
    struct request *req;
    const struct docstream_form *form;
    tuf_snapshot *snapshot;        /* owned */
    const struct doc_wish *wishes; /* in the request's arena */
    size_t wish_count;
    unsigned flags; /* enum docjson_flags of every document */
    char boundary[RELATED_BOUNDARY_SIZE];
    char inner_boundary[RELATED_BOUNDARY_SIZE];
    /* where it is */
    bool begun;
    size_t wish_pos; /* wish being answered */
    bool selected;   /* its items are found */
    struct rev_items items;
    size_t item_pos;
    tuf_doc *info; /* owned: entry of the wish's document */
    tuf_doc *doc;  /* owned: the revision being written */
    bool writing;  /* json or related is in the middle of doc */
    struct docjson_stream json;
    struct related related;
    struct arena arena; /* of items */
};

/*
 * Prepares a stream over the newest snapshot.
 *   s  zeroed memory
 * Returns: TUF_OK; E_NOMEM. Call docstream_end in either case.
 */
tuf_status docstream_begin(struct docstream *s, struct request *req,
                           const struct docstream_form *form, const struct doc_wish *wishes,
                           size_t wish_count);

/* Whether the first wish has any revision to answer with. */
tuf_status docstream_is_empty(bool *out, struct docstream *s);

/* Appends about DOCJSON_STEP_SIZE bytes. Returns: TUF_OK (more to come); TUF_END; failures. */
tuf_status docstream_next(struct buf *out, struct docstream *s);

void docstream_end(struct docstream *s);

/* Answers GET of a document with open_revs (server/handlers/open_revs.c). */
void open_revs_reply(struct request *req, const struct doc_query *query);

#endif
