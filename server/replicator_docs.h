/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: turns the documents of _replicator databases (also "x/_replicator") into jobs, and writes
 * what became of them into the documents.
 *
 * A thread of its own reads each such database from its start, then what changes in it. What it
 * knows of a document that has a job, or shall have one:
 *
 *   changed -> SCHEDULED (has a job) -> completed: written into the document, then forgotten
 *           -> ERROR (another job is in the way; tried again later)
 *           -> failed: written into the document, not kept
 *
 * INV-RPD-1: a document has at most one job, which asks for what the document's winner says.
 * INV-RPD-2: a state is written only above the revision that it was found for: whoever changes the
 *            document meanwhile wins.
 * INV-RPD-3: jobs are not stored: the documents are all there is, and a killed server finds the
 *            same jobs in them again.
 * INV-RPD-4: no caller waits for the thread, and while nothing changes it does not wake up.
 * Source: CouchDB's couch_replicator_doc_processor and couch_replicator_docs.
 * Not here: what a document must look like, who may write it (server/replicator_guard.h); when jobs
 * run (replicator/jobs.h).
 */
#ifndef SERVER_REPLICATOR_DOCS_H
#define SERVER_REPLICATOR_DOCS_H

#include <jansson.h>

#include "tuffet/types.h"

struct replicator_docs;
struct repl_event;
struct server;

struct replicator_docs *replicator_docs_new(struct server *server);
/* Begins: when the server listens, because jobs may be between its own databases. Returns E_LIMIT
 * (no thread). */
tuf_status replicator_docs_start(struct replicator_docs *docs);
/* Joins the thread and gives back its jobs. Databases and jobs must still be there. NULL is
 * allowed. */
void replicator_docs_free(struct replicator_docs **docs);

/* A _replicator database was created or changed, or deleted. Any thread, never blocks. */
void replicator_docs_tell(struct replicator_docs *docs, tuf_slice name, bool deleted);
/* Something happened to a job of a document. Any thread, never blocks. */
void replicator_docs_tell_job(struct replicator_docs *docs, const struct repl_event *event);

/*
 * What _scheduler/docs says of a document. One whose job was cancelled by POST /_replicate has no
 * state (null), and is not to be shown, until it is changed or the server starts again.
 *   body  as it is stored, for documents that have ended
 * Returns a new reference, NULL when out of memory. Any thread.
 */
json_t *replicator_docs_show(struct replicator_docs *docs, tuf_slice database, tuf_slice id,
                             tuf_slice body);

#endif
