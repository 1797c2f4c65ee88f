/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the commits of one database that wait for a worker. Part of each database handle; all its
 * fields are guarded by the lock of the worker pool.
 */
#ifndef SERVER_COMMIT_QUEUE_H
#define SERVER_COMMIT_QUEUE_H

#include <stdbool.h>

struct dbh;
struct work_job;

struct commit_queue {
    struct work_job *first, *last;
    struct commit_queue *next; /* in the pool's line */
    struct dbh *dbh;           /* a reference while scheduled */
    bool scheduled;            /* in the line, or served by a worker */
};

struct commit_queue *dbh_commit_queue(struct dbh *dbh);

#endif
