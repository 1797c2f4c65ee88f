/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what dbs.c (the set) and dbh.c (one database) share. See server/dbs.h.
 */
#ifndef SERVER_DBS_IMPL_H
#define SERVER_DBS_IMPL_H

#include <pthread.h>

#include "server/commit_queue.h"
#include "server/dbs.h"

#define DBS_BUCKET_COUNT 256
#define DBS_PATH_SIZE 4096

struct dbh {
    struct dbs *dbs;
    struct dbh *next;            /* in its bucket; dbs->lock */
    tuf_db *db;
    struct dbh *parent;          /* of a snapshot: what it is of; holds a reference */
    bool snapshot;               /* it can only be read */
    _Atomic size_t refs;
    bool opening;                /* dbs->lock */
    uint64_t used;               /* dbs->use_clock at the last opening; dbs->lock */
    pthread_mutex_t name_lock;   /* who may say which file has the name; taken last */
    _Atomic bool deleted;        /* set under name_lock, with the file's renaming */
    _Atomic bool partitioned;
    _Atomic uint32_t shards; /* as told, at least 1 */
    _Atomic uint64_t latest_seq;
    _Atomic uint64_t quiet_count; /* settings being put that will raise latest_seq */
    struct feed_list *feeds;     /* one per loop */
    struct commit_queue commits; /* the worker pool's lock */
    pthread_mutex_t security_lock;
    struct security *security;   /* security_lock */
    struct buf security_text;    /* security_lock; empty: the default */
    char start_time[24];
    size_t name_len;
    char name[];
};

struct dbs {
    struct server *server;
    char *dir;
    pthread_mutex_t lock;
    pthread_cond_t changed;      /* an `opening` ended */
    struct dbh *buckets[DBS_BUCKET_COUNT];
    size_t open_count;
    uint64_t use_clock;
    uint64_t delete_count;       /* makes names of files that are being deleted */
    _Atomic bool no_users;  /* of dbs_has_no_users; changed with the lock held */
};

/* A handle that is not open, with one reference. NULL: no memory. */
struct dbh *dbh_new(struct dbs *dbs, tuf_slice name);

/*
 * Opens a handle's file, or the snapshot that its name says, and reads what the handle keeps in
 * memory; flags are tuf_db_open's. After a failure dbh->db may be open: close it. BLOCKS.
 * Returns: TUF_OK; TUF_NOT_FOUND; E_INVALID (kind "database_name_too_long"); failures of tuf_db_open.
 */
tuf_status dbh_open_file(struct dbh *dbh, unsigned flags);

/* Gives a new database a security object that keeps nobody out; no change that counts. BLOCKS. */
tuf_status dbh_open_to_all(struct dbh *dbh);

/* The path of a database's file; false: the name is too long for one. */
bool dbs_make_path(char path[DBS_PATH_SIZE], const struct dbs *dbs, tuf_slice name);

#endif
