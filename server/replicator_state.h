/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: writes the fields _replication_... into a document of a _replicator database.
 *
 * Source: CouchDB's couch_replicator_docs.
 */
#ifndef SERVER_REPLICATOR_STATE_H
#define SERVER_REPLICATOR_STATE_H

#include <jansson.h>

#include "tuffet/tuffet.h"

struct dbh;

/* Which revision of which document a state was found for. */
struct replicator_place {
    struct dbh *dbh;
    tuf_slice id;
    const tuf_rev *rev;
};

/*
 * Each of these changes the document and commits it above that revision; if there is a newer one
 * already, or the document says so already, nothing happens. A state that is new gets a
 * _replication_state_time. A failure is logged: the document then says nothing, and the job is done
 * again after a restart. BLOCKS: not on a loop.
 */
void replicator_write_failed(const struct replicator_place *place, const char *reason);
/*   stats  taken */
void replicator_write_completed(const struct replicator_place *place, json_t *stats);
void replicator_write_triggered(const struct replicator_place *place, const char *job_id);
/*   job_id  NULL if there is none */
void replicator_write_error(const struct replicator_place *place, const char *job_id,
                            const char *reason);
/* Removes all of them. */
void replicator_clear_state(const struct replicator_place *place);

/* The text of a body with its members changed. Returns TUF_OK; E_NOMEM; E_INVALID.
 *   when  for _replication_state_time
 */
tuf_status replicator_merge_state(struct buf *out, tuf_slice body, json_t *members,
                                  const char *when);

#endif
