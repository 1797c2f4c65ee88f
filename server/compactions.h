/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: compact databases in the background, one at a time, on a thread of its own: when somebody asks,
 * and by itself when there is enough garbage (server/compaction_policy.h).
 *
 * INV-CPS-1: from compactions_start until the compaction ends compactions_running is true.
 * INV-CPS-2: a compaction holds its database open, and is cancelled when the database is deleted. When
 *            the server stops it is put off: the next start goes on with it.
 */
#ifndef SERVER_COMPACTIONS_H
#define SERVER_COMPACTIONS_H

#include "base/buf.h"

struct compactions;
struct dbh;
struct server;

struct compactions *compactions_new(struct server *server);
/* Starts the thread, when databases can be opened. False: it cannot. */
bool compactions_begin(struct compactions *compactions);
/* Cancels what runs, drops what waits, and joins the thread. NULL is allowed. */
void compactions_free(struct compactions **compactions);

/* Queues a database, unless it waits or runs already. Any thread. False: out of memory. */
bool compactions_start(struct compactions *compactions, struct dbh *dbh);
/* Ends a database's compaction, or takes it out of the queue, soon; what was copied goes. False: there
 * is none. Any thread. */
bool compactions_cancel(struct compactions *compactions, const struct dbh *dbh);
/* Whether a database waits for its compaction or is being compacted. Any thread. */
bool compactions_running(struct compactions *compactions, const struct dbh *dbh);
/* Appends the entries of _active_tasks, with a comma before each if `*count` is not 0; counts them.
 * Any thread. */
void compactions_append_tasks(struct buf *out, size_t *count, struct compactions *compactions);

#endif
