/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the log of databases created, changed and deleted: documents "created:NAME",
 * "updated:NAME" and "deleted:NAME" of the database _global_changes, whose own changes feed is what
 * _db_updates shows.
 *
 * INV-GC-1: no caller waits for the log: events are kept in memory and written by a thread of its
 *           own, about GLOBAL_CHANGES_DELAY_MS after the first of them, several with one sync.
 * INV-GC-2: an event stands behind all that were told before it. One that is told again before it
 *           was written is written once, at its last place.
 * INV-GC-3: without a database _global_changes nothing is kept and no thread runs.
 * INV-GC-4: an ordered end of the server writes what is left. A crash loses what was not written
 *           yet, and a failed write loses its events, which is logged.
 * Source: CouchDB's global_changes_server, which writes empty documents, too.
 * Not here: who may read it and how (server/handlers/db_updates.c).
 */
#ifndef SERVER_GLOBAL_CHANGES_H
#define SERVER_GLOBAL_CHANGES_H

#include "tuffet/types.h"

struct dbh;
struct global_changes;
struct server;

#define GLOBAL_CHANGES_NAME "_global_changes"
#define GLOBAL_CHANGES_DELAY_MS 250

enum global_event { GLOBAL_CREATED, GLOBAL_UPDATED, GLOBAL_DELETED };

struct global_changes *global_changes_new(struct server *server);
/* Writes what is left and joins the thread; the databases must still be there. NULL is allowed. */
void global_changes_free(struct global_changes **log);

/* Whether the database of the log exists. Off forgets what was not written. Any thread. */
void global_changes_set_on(struct global_changes *log, bool on);

/* Notes an event of any other database. Any thread, never blocks. */
void global_changes_tell(struct global_changes *log, enum global_event event, tuf_slice name);
/* Notes a commit, unless the database has been deleted. Any thread, never blocks. */
void global_changes_tell_commit(struct global_changes *log, const struct dbh *dbh);

#endif
