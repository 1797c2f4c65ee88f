/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what the server counts about itself: requests, answers, commits, and how long they took.
 *
 * INV-METRICS-1: counting costs a few atomic additions, never a lock.
 * Not here: how it is shown (server/handlers/stats.c).
 */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include <stdatomic.h>
#include <stddef.h>

#include "tuffet/types.h"

struct request;

/* Counts by powers of two: bucket i has the values below 2^i (and not below 2^(i-1)). */
#define HISTOGRAM_BUCKETS 28

struct histogram {
    _Atomic uint64_t buckets[HISTOGRAM_BUCKETS]; /* the last one has all that are larger, too */
    _Atomic uint64_t count;
    _Atomic uint64_t sum;
};

enum metric_method { METRIC_GET, METRIC_HEAD, METRIC_POST, METRIC_PUT, METRIC_DELETE, METRIC_COPY,
                     METRIC_OPTIONS, METRIC_METHODS };

#define METRIC_STATUS_MIN 200
#define METRIC_STATUS_MAX 600

struct metrics {
    _Atomic uint64_t methods[METRIC_METHODS];
    _Atomic uint64_t statuses[METRIC_STATUS_MAX - METRIC_STATUS_MIN];
    _Atomic uint64_t aborted;          /* requests whose client went away */
    _Atomic uint64_t edits;            /* given to commits */
    _Atomic uint64_t failed_commits;
    struct histogram request_ms;
    struct histogram commit_us;        /* one call of tuf_db_commit */
    struct histogram group_size;       /* edits in it */
};

void histogram_add(struct histogram *histogram, uint64_t value);
/* Upper bound of the bucket in which the quantile (0 to 1) lies; 0 without values. */
uint64_t histogram_quantile(const struct histogram *histogram, double quantile);

/* Counts a request that has ended. */
void metrics_request(struct request *req);
void metrics_commit(struct metrics *metrics, uint64_t us, size_t edit_count, bool good);

#endif
