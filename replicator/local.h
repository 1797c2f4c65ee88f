/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one database of a replication that is open in this process: the calls of replicator/peer.h
 * straight into the engine, with the same answers.
 *
 * INV-RPL-1: what a call answers has the form of a remote's answer, so that nobody behind it needs to
 *            know which one it was.
 * INV-RPL-2: documents are visible in the target only when they are durable: a sequence that somebody
 *            may have read never comes again after a crash.
 * Not here: rights. Whoever hands over a database has decided that the job may do everything with it.
 */
#ifndef REPLICATOR_LOCAL_H
#define REPLICATOR_LOCAL_H

#include "replicator/peer.h"

tuf_status repl_local_open(struct peer *peer);
tuf_status repl_local_get_local(json_t **out, struct peer *peer, const char *id);
tuf_status repl_local_put_local(struct peer *peer, const char *id, json_t *doc);
tuf_status repl_local_changes(json_t **out, struct peer *peer, const struct changes_request *rq);
tuf_status repl_local_revs_diff(json_t **out, struct peer *peer, const json_t *revs);
tuf_status repl_local_bulk_get(struct buf *out, struct peer *peer, const json_t *wanted);
tuf_status repl_local_get(struct buf *out, struct peer *peer, const char *id, const char *rev);
tuf_status repl_local_bulk_docs(uint64_t *refused_out, struct peer *peer, const tuf_slice *docs,
                                size_t count);

/* Opens a revision that a document's text named. Returns: as tuf_doc_open; E_INVALID for `rev`. */
tuf_status repl_local_open_doc(tuf_doc **out, tuf_snapshot *snapshot, const char *id,
                               const char *rev);

#endif
