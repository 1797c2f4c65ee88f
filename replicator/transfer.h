/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one revision with attachments from a peer to the other: its attachments are read one after
 * another and go out in the same moment as parts of one multipart/related body.
 *
 * INV-RPT-1: at most TRANSFER_BUFFER bytes of attachments are in memory.
 * INV-RPT-2: a body is only completed when every attachment had exactly its declared length;
 *            otherwise the connection is cut, so that the target stores nothing.
 * Source: RFC 2387; CouchDB's couch_doc:doc_to_multi_part_stream.
 */
#ifndef REPLICATOR_TRANSFER_H
#define REPLICATOR_TRANSFER_H

#include "replicator/peer.h"

#define TRANSFER_BUFFER (256 * 1024)

/* What became of a document. */
enum transfer_outcome {
    TRANSFER_DONE,
    TRANSFER_REFUSED, /* the target does not want it */
};

struct transfer_doc {
    const char *id;
    const char *rev;
    tuf_slice json;          /* with "_revisions" and stubs with their encoding */
    const json_t *ancestors; /* revisions the target has, or NULL */
};

/*
 * Either end may be a database of this process: then its bytes come from it, or go into it, without
 * a request.
 *   bytes_out  set on TUF_OK: what travelled
 * Returns: TUF_OK; TUF_STOPPED; E_IO of a connection; E_INVALID (the document makes no sense);
 *          E_NOMEM.
 */
tuf_status repl_transfer(enum transfer_outcome *out, uint64_t *bytes_out, struct peer *source,
                         struct peer *target, const struct transfer_doc *doc);

#endif
