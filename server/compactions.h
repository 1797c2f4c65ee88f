/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: compact databases in the background, one at a time, on a thread of its own.
 *
 * INV-CPS-1: from compactions_start until the compaction ends compactions_running is true.
 * INV-CPS-2: a compaction holds its database open, and is cancelled when the database is deleted or
 *            the server stops.
 */
#ifndef SERVER_COMPACTIONS_H
#define SERVER_COMPACTIONS_H

#include "base/buf.h"

struct compactions;
struct dbh;
struct server;

struct compactions *compactions_new(struct server *server);
/* Cancels what runs, drops what waits, and joins the thread. NULL is allowed. */
void compactions_free(struct compactions **compactions);

/* Queues a database, unless it waits or runs already. Any thread. False: out of memory. */
bool compactions_start(struct compactions *compactions, struct dbh *dbh);
/* Whether a database waits for its compaction or is being compacted. Any thread. */
bool compactions_running(struct compactions *compactions, const struct dbh *dbh);
/* Appends the entries of _active_tasks, with a comma before each if `*count` is not 0; counts them.
 * Any thread. */
void compactions_append_tasks(struct buf *out, size_t *count, struct compactions *compactions);

#endif
