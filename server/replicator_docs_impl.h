/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what replicator_docs.c and replicator_docs_show.c share. See server/replicator_docs.h.
 */
#ifndef SERVER_REPLICATOR_DOCS_IMPL_H
#define SERVER_REPLICATOR_DOCS_IMPL_H

#include <pthread.h>

#include "server/replications.h"
#include "server/replicator_docs.h"

#define REPLICATOR_BUCKET_COUNT 1024

/* A document that has a job, or shall have one. */
struct entry {
    struct entry *chain; /* in its bucket */
    char *database, *id;
    char *wish;           /* what it asks for; see wish_of */
    struct repl_job *job; /* owned reference; NULL: state ERROR */
    char *source, *target; /* shown; of state ERROR, as the following */
    char *error;
    uint64_t error_count;
    uint64_t retry_ms; /* monotonic */
    time_t updated, start_time;
};

/* A database that was read. The thread's own. */
struct watched {
    struct watched *next;
    uint64_t seq; /* read up to here */
    uint64_t purge_seq;
    char name[];
};

enum news { NEWS_CHANGED, NEWS_DELETED, NEWS_JOB };

struct item {
    struct item *next;
    enum news news;
    bool crashed; /* of NEWS_JOB: else it completed */
    char *database, *id, *error;
};

struct replicator_docs {
    struct server *server;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* monotonic */
    struct item *first, *last;
    struct entry *buckets[REPLICATOR_BUCKET_COUNT];
    bool has_thread;
    _Atomic bool stopping;
    pthread_t thread;
    struct watched *watched; /* the thread's own, as the following */
    uint64_t retry_ms;       /* earliest of the table; UINT64_MAX: none */
    bool starting;           /* the first look at the databases */
    uint64_t added;          /* jobs since then */
};

struct entry **replicator_docs_bucket(struct replicator_docs *docs, tuf_slice database,
                                      tuf_slice id);
/* The entry of a document, or NULL. With the lock held, or by the thread. */
struct entry *replicator_docs_find(struct replicator_docs *docs, tuf_slice database, tuf_slice id);

#endif
