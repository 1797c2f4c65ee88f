/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: revisions of one document by GET ?open_revs=[...] as multipart/mixed, which is how CouchDB's
 * replicator reads what _bulk_get does not bring: documents with attachments come in the same answer
 * as their bytes, and these go on into the target at the same moment.
 *
 * INV-RPO-1: at most TRANSFER_BUFFER bytes of the answer wait here and as many go out, however long an
 *            attachment is; the texts of documents are held up to json_max in all.
 * INV-RPO-2: a document is stored only if each attachment had exactly the length it declares and the
 *            answer did not end before it (INV-RPT-2).
 * Source: CouchDB's couch_replicator_api_wrap:open_doc_revs; RFC 2046.
 * Not here: peers that answer in JSON only (replicator/peer.h: repl_peer_get).
 */
#ifndef REPLICATOR_OPENREVS_H
#define REPLICATOR_OPENREVS_H

#include "replicator/peer.h"

/* Longest URL; CouchDB asks for so much at most. */
#define OPEN_REVS_URL_MAX 7000

struct open_revs_request {
    const char *id;
    const json_t *revs;      /* array of strings */
    const json_t *ancestors; /* what the target has: their attachments need not travel; or NULL */
    uint64_t json_max;       /* bytes of documents' texts in one answer */
};

/* What became of the revisions. */
struct open_revs_result {
    struct buf texts;   /* documents without attachments, for whoever asks to write; one after another */
    struct buf lengths; /* size_t of each */
    uint64_t read;      /* documents with attachments that came */
    uint64_t written;   /* those the target took */
    uint64_t failed;    /* those it refused, or that made no sense */
    json_t *absent;     /* array of those that the source says it does not have; or NULL */
    uint64_t bytes;     /* of attachments */
};

#define OPEN_REVS_RESULT_INIT { BUF_INIT, BUF_INIT, 0, 0, 0, NULL, 0 }

void repl_open_revs_result_release(struct open_revs_result *result);

/*
 * Asks, again after failures that may pass, and writes documents with attachments into the target.
 *   source  a remote
 * Returns: TUF_OK; TUF_NOT_FOUND (there is no such document); E_UNSUPPORTED with kind "no_multipart"
 *          (the source answers in another form); E_LIMIT (texts beyond json_max, or too long a
 *          question); E_UNSUPPORTED with kind "redirect_refused"; TUF_STOPPED; E_IO of a connection; E_NOMEM.
 */
tuf_status repl_open_revs(struct open_revs_result *out, struct peer *source, struct peer *target,
                          const struct open_revs_request *request);

#endif
