/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the core's side of waiting feeds: what the loop and the set of databases call. What
 * handlers call is in server/dbs.h.
 */
#ifndef SERVER_FEED_H
#define SERVER_FEED_H

#include "server/dbs.h"

struct loop;

/* The waiting feeds of one database on one loop. Loop thread only, but for `task`. */
struct feed_list;

/* One list per loop; NULL when out of memory. */
struct feed_list *feed_lists_new(struct server *server, struct dbh *dbh);
void feed_lists_free(struct feed_list *lists);

/* Any thread: the database has a new sequence, or was deleted. */
void feed_notify(struct feed_list *lists);

/* Of a database handle. */
struct feed_list *dbh_feed_lists(struct dbh *dbh);
uint64_t dbh_latest_seq(const struct dbh *dbh);

/* Loop thread: the server stops. */
void feed_stop_all(struct loop *loop);

#endif
