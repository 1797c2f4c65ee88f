/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a document with its attachments as multipart/related, written step by step: a JSON part
 * with "follows":true, then the stored bytes of each attachment that is not a stub.
 *
 * INV-REL-1: related_length is the number of bytes that all calls of related_next append.
 * INV-REL-2: memory held does not depend on the size of attachments.
 *
 * A document without such an attachment is the bare JSON text: see related_has_parts.
 *
 * Source: RFC 2387; CouchDB 3's couch_httpd_multipart for the header lines of the parts.
 */
#ifndef SERVER_HANDLERS_RELATED_H
#define SERVER_HANDLERS_RELATED_H

#include "server/docjson.h"
#include "replicator/multipart.h"

#define RELATED_BOUNDARY_SIZE (BOUNDARY_SIZE + 2)

struct related {
    tuf_doc *doc; /* borrowed until related_end */
    char boundary[RELATED_BOUNDARY_SIZE];
    struct buf json;        /* the JSON part, until it is written */
    uint64_t since_gen;     /* attachments up to it are stubs */
    size_t part_count;      /* attachments that follow */
    size_t att_pos;         /* next attachment */
    tuf_att_reader *reader; /* of the part being written */
    bool begun;
};

/*
 * Prepares a document.
 *   opts      FOLLOWS and what goes with it is added to its flags
 *   boundary  copied
 * Returns: TUF_OK; failures of reading. Call related_end in either case.
 */
tuf_status related_begin(struct related *r, tuf_doc *doc, const struct docjson_options *opts,
                         const char *boundary);

/* Whether any attachment follows. */
bool related_has_parts(const struct related *r);

/* Bytes of the whole, before the first related_next. */
tuf_status related_length(uint64_t *out, const struct related *r);

/* Appends about DOCJSON_STEP_SIZE bytes. Returns: TUF_OK (more to come); TUF_END; failures. */
tuf_status related_next(struct buf *out, struct related *r);

/* Frees what is held; may be called twice. */
void related_end(struct related *r);

#endif
