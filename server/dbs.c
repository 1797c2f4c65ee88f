/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the set of open databases. See server/dbs.h.
 *
 * A handle is in the table while it is being opened and while it is open; the table holds one
 * reference. Opening, creating and deleting the same name wait for each other through `opening`.
 *
 * Lock: dbs->lock guards the table, the `opening` flags and the use counters. It is never held
 * during I/O but for one rename.
 */
#include "server/dbs_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "server/feed.h"
#include "server/global_changes.h"
#include "server/log.h"
#include "server/params.h"
#include "server/replicator_docs.h"
#include "server/server.h"
#include "server/snapshots.h"

#define HEIR_SUFFIX ".compact"

const char *dbs_dir(const struct dbs *dbs)
{
    return dbs->dir;
}

struct dbs *dbs_of(struct server *server)
{
    return server->dbs;
}

/* ---- the table --------------------------------------------------------------------------- */

static struct dbh **bucket_of(struct dbs *dbs, tuf_slice name)
{
    return &dbs->buckets[slice_hash(name) % DBS_BUCKET_COUNT];
}

/* With the lock held, as the next ones. */
static struct dbh *find(struct dbs *dbs, tuf_slice name)
{
    struct dbh *dbh = *bucket_of(dbs, name);
    while (dbh != NULL && !slice_equal(dbh_name(dbh), name))
        dbh = dbh->next;
    return dbh;
}

static struct dbh *find_settled(struct dbs *dbs, tuf_slice name)
{
    struct dbh *dbh;
    while ((dbh = find(dbs, name)) != NULL && dbh->opening)
        pthread_cond_wait(&dbs->changed, &dbs->lock);
    return dbh;
}

static void insert(struct dbs *dbs, struct dbh *dbh)
{
    struct dbh **bucket = bucket_of(dbs, dbh_name(dbh));
    dbh->next = *bucket;
    *bucket = dbh;
    dbs->open_count++;
}

static void take_out(struct dbs *dbs, struct dbh *dbh)
{
    struct dbh **link = bucket_of(dbs, dbh_name(dbh));
    while (*link != dbh)
        link = &(*link)->next;
    *link = dbh->next;
    dbh->next = NULL;
    dbs->open_count--;
}

/* The handle that was not used for the longest time, if too many are open. */
static struct dbh *take_idle(struct dbs *dbs, size_t open_max)
{
    struct dbh *oldest = NULL;
    if (dbs->open_count <= open_max)
        return NULL;
    for (size_t i = 0; i < DBS_BUCKET_COUNT; i++) {
        for (struct dbh *dbh = dbs->buckets[i]; dbh != NULL; dbh = dbh->next) {
            if (!dbh->opening && dbh->refs == 1 && (oldest == NULL || dbh->used < oldest->used))
                oldest = dbh;
        }
    }
    if (oldest == NULL)
        return NULL;
    /* The name stays in the table until the file is closed: nobody may open it before. */
    oldest->opening = true;
    return oldest;
}

static void close_idle(struct dbs *dbs)
{
    size_t open_max = (size_t)config_uint(dbs->server->config, "couchdb", "max_dbs_open", 500);
    pthread_mutex_lock(&dbs->lock);
    struct dbh *idle = take_idle(dbs, open_max);
    pthread_mutex_unlock(&dbs->lock);
    if (idle == NULL)
        return;
    tuf_db_set_listener(idle->db, NULL, NULL);
    tuf_status st = tuf_db_close(&idle->db);
    if (st != TUF_OK)
        log_line(LOG_ERROR, "closing database %s: %s", idle->name, tuf_last_error()->text);
    pthread_mutex_lock(&dbs->lock);
    take_out(dbs, idle);
    idle->opening = false;
    pthread_cond_broadcast(&dbs->changed);
    pthread_mutex_unlock(&dbs->lock);
    dbh_unref(&idle);
}

struct dbh *dbs_find_open(struct dbs *dbs, tuf_slice name)
{
    pthread_mutex_lock(&dbs->lock);
    struct dbh *dbh = find(dbs, name);
    if (dbh != NULL && !dbh->opening) {
        dbh_ref(dbh);
        dbh->used = ++dbs->use_clock;
    } else {
        dbh = NULL;
    }
    pthread_mutex_unlock(&dbs->lock);
    return dbh;
}

/* With the lock held, so that events of a name are told in their order. */
static void tell_opened(const struct dbh *dbh, unsigned flags)
{
    struct global_changes *log = dbh->dbs->server->global_changes;
    if (slice_is(dbh_name(dbh), GLOBAL_CHANGES_NAME))
        global_changes_set_on(log, true);
    else if ((flags & TUF_OPEN_CREATE) != 0)
        global_changes_tell(log, GLOBAL_CREATED, dbh_name(dbh));
}

static void tell_deleted(struct dbs *dbs, tuf_slice name)
{
    struct global_changes *log = dbs->server->global_changes;
    if (dbs_is_replicator_name(name))
        replicator_docs_tell(dbs->server->replicator_docs, name, true);
    if (slice_is(name, GLOBAL_CHANGES_NAME))
        global_changes_set_on(log, false);
    else
        global_changes_tell(log, GLOBAL_DELETED, name);
}

/* Opens with flags and enters it into the table. *out gets a reference if out is not NULL. */
static tuf_status open_new(struct dbh **out, struct dbs *dbs, tuf_slice name, unsigned flags)
{
    struct dbh *dbh = dbh_new(dbs, name);
    if (dbh == NULL)
        return tufi_nomem();
    pthread_mutex_lock(&dbs->lock);
    struct dbh *other = find_settled(dbs, name);
    if (other != NULL) {
        if (out != NULL)
            *out = dbh_ref(other);
        pthread_mutex_unlock(&dbs->lock);
        dbh_unref(&dbh);
        return out != NULL ? TUF_OK : TUF_EXISTS;
    }
    dbh->opening = true;
    dbh->used = ++dbs->use_clock;
    insert(dbs, dbh);
    pthread_mutex_unlock(&dbs->lock);
    tuf_status st = dbh_open_file(dbh, flags);
    tuf_error saved = *tuf_last_error();
    if (st != TUF_OK && dbh->db != NULL) {
        tuf_status closed = tuf_db_close(&dbh->db);
        (void)closed; /* the first failure is the one to tell */
    }
    pthread_mutex_lock(&dbs->lock);
    dbh->opening = false;
    /* Others who open or create it have waited for this. */
    if (slice_is(name, "_users"))
        dbs->no_users = st == TUF_NOT_FOUND;
    if (st == TUF_OK)
        tell_opened(dbh, flags);
    if (st != TUF_OK)
        take_out(dbs, dbh);
    else if (out != NULL)
        *out = dbh_ref(dbh);
    pthread_cond_broadcast(&dbs->changed);
    pthread_mutex_unlock(&dbs->lock);
    if (st != TUF_OK) {
        dbh_unref(&dbh);
        tufi_error_restore(&saved);
        return st;
    }
    close_idle(dbs);
    return TUF_OK;
}

tuf_status dbs_open(struct dbh **out, struct dbs *dbs, tuf_slice name)
{
    if (dbs_check_name(name) != DBS_NAME_OK)
        return TUF_NOT_FOUND;
    *out = dbs_find_open(dbs, name);
    return *out != NULL ? TUF_OK : open_new(out, dbs, name, 0);
}

bool dbs_has_no_users(struct dbs *dbs)
{
    return dbs->no_users;
}

/* [couchdb] default_security = everyone, which does not reach the server's own databases. */
static tuf_status open_to_all(struct dbs *dbs, tuf_slice name)
{
    struct dbh *dbh = dbs_find_open(dbs, name);
    tuf_status st = TUF_OK;
    if (dbh != NULL && !dbh_is_users(dbh) && !dbh_is_replicator(dbh))
        st = dbh_open_to_all(dbh);
    dbh_unref(&dbh);
    return st;
}

tuf_status dbs_create(struct dbs *dbs, tuf_slice name)
{
    struct snapshot_name snapshot;
    enum dbs_name verdict = dbs_check_name(name);
    if (verdict == DBS_NAME_OK && snapshot_name_split(&snapshot, name))
        verdict = DBS_NAME_BAD; /* made by PUT /db/_snapshot/name */
    switch (verdict) {
    case DBS_NAME_OK:
        break;
    case DBS_NAME_LONG:
        return tufi_fail_kind(TUF_E_INVALID, "database_name_too_long",
                              "At least one path segment of `%.*s` is too long.",
                              (int)min_size(name.len, 100), (const char *)name.data);
    case DBS_NAME_BAD:
        return tufi_fail_kind(TUF_E_INVALID, "illegal_database_name",
                              "Name: '%.*s'. Only lowercase characters (a-z), digits (0-9), and "
                              "any of the characters _, $, (, ), +, -, and / are allowed. Must "
                              "begin with a letter.",
                              (int)min_size(name.len, 40), (const char *)name.data);
    }
    tuf_status st = open_new(NULL, dbs, name, TUF_OPEN_CREATE | TUF_OPEN_EXCLUSIVE);
    if (st != TUF_OK)
        return st;
    return server_settings(dbs->server)->public_dbs ? open_to_all(dbs, name) : TUF_OK;
}

/* ---- deleting ---------------------------------------------------------------------------- */

static tuf_status sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return tufi_fail_errno(errno, "cannot open the data directory");
    int failed = fsync(fd) != 0 ? errno : 0;
    close(fd);
    return failed == 0 ? TUF_OK : tufi_fail_errno(failed, "cannot sync the data directory");
}

/* What a compaction that was interrupted left beside the file. */
static void remove_heir(const char *path)
{
    char heir[DBS_PATH_SIZE + sizeof(HEIR_SUFFIX)];
    snprintf(heir, sizeof(heir), "%s" HEIR_SUFFIX, path);
    if (unlink(heir) != 0 && errno != ENOENT)
        log_line(LOG_WARNING, "cannot remove %s: %s", heir, strerror(errno));
}

/* Takes a handle out of the table as deleted: the file is gone, or will be. */
static void forget(struct dbs *dbs, tuf_slice name)
{
    pthread_mutex_lock(&dbs->lock);
    struct dbh *dbh = find_settled(dbs, name);
    if (dbh != NULL) {
        pthread_mutex_lock(&dbh->name_lock);
        take_out(dbs, dbh);
        dbh->deleted = true;
        pthread_mutex_unlock(&dbh->name_lock);
    }
    pthread_mutex_unlock(&dbs->lock);
    if (dbh == NULL)
        return;
    feed_notify(dbh->feeds);
    dbh_unref(&dbh);
}

/* A handle of a snapshot of a database that is open; NULL: none is any more. */
static struct dbh *find_child(struct dbs *dbs, const struct dbh *parent)
{
    struct dbh *child = NULL;
    pthread_mutex_lock(&dbs->lock);
    for (size_t i = 0; i < DBS_BUCKET_COUNT && child == NULL; i++) {
        for (struct dbh *at = dbs->buckets[i]; at != NULL && child == NULL; at = at->next) {
            if (!at->opening && at->parent == parent)
                child = dbh_ref(at);
        }
    }
    pthread_mutex_unlock(&dbs->lock);
    return child;
}

/* What a deleted database leaves: handles of its snapshots and their files. */
static void drop_snapshots(struct dbs *dbs, const struct dbh *dbh, tuf_slice name)
{
    struct dbh *child;
    while (dbh != NULL && (child = find_child(dbs, dbh)) != NULL) {
        forget(dbs, dbh_name(child));
        dbh_unref(&child);
    }
    dbs_remove_snapshot_files(dbs->dir, name);
}

tuf_status dbs_drop_snapshot(struct dbs *dbs, struct dbh *dbh, tuf_slice name)
{
    char path[DBS_PATH_SIZE];
    TUF_AUTO(tufi_buf_release) struct buf local = BUF_INIT;
    buf_append_slice(&local, dbh_name(dbh));
    buf_append_str(&local, "/_snapshot/");
    buf_append_slice(&local, name);
    size_t name_len = local.len;
    buf_append_str(&local, "/_local");
    if (local.failed)
        return tufi_nomem();
    tuf_status st = tuf_db_unpin(dbh->db, name);
    if (st != TUF_OK)
        return st;
    forget(dbs, tuf_slice_of(local.data, name_len));
    forget(dbs, buf_slice(&local));
    if (dbs_make_path(path, dbs, buf_slice(&local)) && unlink(path) != 0 && errno != ENOENT)
        return tufi_fail_errno(errno, "cannot delete the local documents of a snapshot");
    return TUF_OK;
}

tuf_status dbs_delete(struct dbs *dbs, tuf_slice name)
{
    char path[DBS_PATH_SIZE];
    char doomed[DBS_PATH_SIZE + 32];
    struct snapshot_name snapshot;
    if (snapshot_name_split(&snapshot, name))
        return TUF_NOT_FOUND; /* dbs_drop_snapshot */
    if (dbs_check_name(name) != DBS_NAME_OK || !dbs_make_path(path, dbs, name))
        return TUF_NOT_FOUND;
    pthread_mutex_lock(&dbs->lock);
    struct dbh *dbh = find_settled(dbs, name);
    snprintf(doomed, sizeof(doomed), "%s/.deleted.%d.%llu", dbs->dir, (int)getpid(),
             (unsigned long long)++dbs->delete_count);
    /* After the rename the name is free; the unlink of a big file may take its time. */
    if (dbh != NULL)
        pthread_mutex_lock(&dbh->name_lock); /* no compacted file may take the name after this */
    int failed = rename(path, doomed) != 0 ? errno : 0;
    if (failed == 0)
        remove_heir(path);
    if (failed == 0 && dbh != NULL) {
        take_out(dbs, dbh);
        dbh->deleted = true;
    }
    if (dbh != NULL)
        pthread_mutex_unlock(&dbh->name_lock);
    if (failed == 0)
        tell_deleted(dbs, name);
    pthread_mutex_unlock(&dbs->lock);
    if (failed == ENOENT)
        return TUF_NOT_FOUND;
    if (failed != 0)
        return tufi_fail_errno(failed, "cannot delete a database file");
    drop_snapshots(dbs, dbh, name);
    if (dbh != NULL) {
        feed_notify(dbh->feeds);
        dbh_unref(&dbh);
    }
    failed = unlink(doomed) != 0 ? errno : 0;
    return failed == 0 ? sync_dir(dbs->dir)
                       : tufi_fail_errno(failed, "cannot delete a database file");
}

/* ---- sums -------------------------------------------------------------------------------- */

static void add_totals(struct dbs_totals *totals, const struct dbh *dbh)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_db_info info = { .struct_size = sizeof(info) };
    if (tuf_db_snapshot(&snapshot, dbh->db) != TUF_OK ||
        tuf_snapshot_info(&info, snapshot) != TUF_OK)
        return;
    totals->count++;
    totals->size_file += info.size_file;
    totals->size_dead += info.size_file - min_u64(info.size_file, info.size_active);
    totals->size_since_checkpoint += info.size_file - min_u64(info.size_file, info.checkpoint_off);
    totals->cache_hits += info.cache_hits;
    totals->cache_misses += info.cache_misses;
    if (info.checkpoint_us > 0 &&
        (totals->checkpoint_us == 0 || info.checkpoint_us < totals->checkpoint_us))
        totals->checkpoint_us = info.checkpoint_us;
}

void dbs_sum(struct dbs_totals *out, struct dbs *dbs)
{
    struct dbs_totals totals = { 0 };
    pthread_mutex_lock(&dbs->lock);
    for (size_t i = 0; i < DBS_BUCKET_COUNT; i++) {
        for (const struct dbh *dbh = dbs->buckets[i]; dbh != NULL; dbh = dbh->next) {
            if (!dbh->opening && !dbh->snapshot)
                add_totals(&totals, dbh);
        }
    }
    pthread_mutex_unlock(&dbs->lock);
    *out = totals;
}

size_t dbs_refs_open(struct dbh ***out, struct dbs *dbs)
{
    size_t count = 0;
    pthread_mutex_lock(&dbs->lock);
    struct dbh **refs = tufi_alloc_array(dbs->open_count + 1, sizeof(*refs));
    for (size_t i = 0; refs != NULL && i < DBS_BUCKET_COUNT; i++) {
        for (struct dbh *dbh = dbs->buckets[i]; dbh != NULL; dbh = dbh->next) {
            if (!dbh->opening && !dbh->snapshot && count < dbs->open_count)
                refs[count++] = dbh_ref(dbh);
        }
    }
    pthread_mutex_unlock(&dbs->lock);
    *out = refs;
    return count;
}

/* ---- life -------------------------------------------------------------------------------- */

struct dbs *dbs_new(struct server *server, const char *dir, unsigned loop_count)
{
    (void)loop_count;
    struct dbs *dbs = tufi_alloc_zero(sizeof(*dbs));
    if (dbs == NULL)
        return NULL;
    dbs->server = server;
    dbs->dir = tufi_memdup(dir, strlen(dir) + 1);
    if (dbs->dir == NULL) {
        tufi_free(dbs);
        return NULL;
    }
    pthread_mutex_init(&dbs->lock, NULL);
    pthread_cond_init(&dbs->changed, NULL);
    dbs_remove_doomed(dir);
    return dbs;
}

void dbs_free(struct dbs **dbs)
{
    if (*dbs == NULL)
        return;
    for (size_t i = 0; i < DBS_BUCKET_COUNT; i++) {
        struct dbh *next;
        for (struct dbh *dbh = (*dbs)->buckets[i]; dbh != NULL; dbh = next) {
            next = dbh->next;
            dbh_unref(&dbh);
        }
    }
    pthread_cond_destroy(&(*dbs)->changed);
    pthread_mutex_destroy(&(*dbs)->lock);
    tufi_free((*dbs)->dir);
    tufi_free(*dbs);
    *dbs = NULL;
}
