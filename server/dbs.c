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
#include "server/dbs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "server/auth.h"
#include "server/commit_queue.h"
#include "server/dbname.h"
#include "server/feed.h"
#include "server/global_changes.h"
#include "server/peruser.h"
#include "server/log.h"
#include "server/params.h"
#include "server/replicator_docs.h"
#include "server/server.h"
#include "server/snapshots.h"
#include "server/work.h"

#define PARTITIONED_META "partitioned"
#define SHARDS_META "shards"
#define BUCKET_COUNT 256
#define HEIR_SUFFIX ".compact"
#define PATH_SIZE 4096
/* Clean tree nodes kept per database: a server has many of them. */
#define CACHE_SIZE ((size_t)16 << 20)

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
    struct dbh *buckets[BUCKET_COUNT];
    size_t open_count;
    uint64_t use_clock;
    uint64_t delete_count;       /* makes names of files that are being deleted */
};

const char *dbs_dir(const struct dbs *dbs)
{
    return dbs->dir;
}

struct dbs *dbs_of(struct server *server)
{
    return server->dbs;
}

/* ---- handles ----------------------------------------------------------------------------- */

tuf_db *dbh_db(const struct dbh *dbh)
{
    return dbh->db;
}

struct server *dbh_server(const struct dbh *dbh)
{
    return dbh->dbs->server;
}

tuf_slice dbh_name(const struct dbh *dbh)
{
    return tuf_slice_of(dbh->name, dbh->name_len);
}

const char *dbh_start_time(const struct dbh *dbh)
{
    return dbh->start_time;
}

/* Whether a name is this one, or ends in a slash and this one. */
static bool is_system_name(tuf_slice name, const char *system)
{
    size_t len = strlen(system);
    if (name.len < len || memcmp(name.data + name.len - len, system, len) != 0)
        return false;
    return name.len == len || name.data[name.len - len - 1] == '/';
}

bool dbh_is_snapshot(const struct dbh *dbh)
{
    return dbh->snapshot;
}

bool dbh_is_users(const struct dbh *dbh)
{
    if (dbh->parent != NULL)
        return dbh_is_users(dbh->parent);
    return is_system_name(dbh_name(dbh), "_users");
}

bool dbh_is_replicator(const struct dbh *dbh)
{
    if (dbh->parent != NULL)
        return dbh_is_replicator(dbh->parent);
    return dbs_is_replicator_name(dbh_name(dbh));
}

bool dbs_is_replicator_name(tuf_slice name)
{
    return is_system_name(name, "_replicator");
}

bool dbh_is_deleted(const struct dbh *dbh)
{
    return dbh->deleted;
}

bool dbh_lock_name(struct dbh *dbh)
{
    pthread_mutex_lock(&dbh->name_lock);
    if (!dbh->deleted)
        return true;
    pthread_mutex_unlock(&dbh->name_lock);
    return false;
}

void dbh_unlock_name(struct dbh *dbh)
{
    pthread_mutex_unlock(&dbh->name_lock);
}

struct commit_queue *dbh_commit_queue(struct dbh *dbh)
{
    return &dbh->commits;
}

struct feed_list *dbh_feed_lists(struct dbh *dbh)
{
    return dbh->feeds;
}

uint64_t dbh_latest_seq(const struct dbh *dbh)
{
    return dbh->latest_seq;
}

struct dbh *dbh_ref(struct dbh *dbh)
{
    dbh->refs++;
    return dbh;
}

/* Runs where it may block. */
static void dbh_free(void *arg)
{
    struct dbh *dbh = arg;
    if (dbh->db != NULL) {
        tuf_db_set_listener(dbh->db, NULL, NULL);
        tuf_status st = tuf_db_close(&dbh->db);
        if (st != TUF_OK && !dbh->deleted)
            log_line(LOG_ERROR, "closing database %s: %s", dbh->name, tuf_last_error()->text);
    }
    dbh_unref(&dbh->parent);
    feed_lists_free(dbh->feeds);
    security_unref(&dbh->security);
    tufi_buf_release(&dbh->security_text);
    pthread_mutex_destroy(&dbh->security_lock);
    pthread_mutex_destroy(&dbh->name_lock);
    tufi_free(dbh);
}

void dbh_unref(struct dbh **dbh)
{
    struct dbh *last = *dbh;
    *dbh = NULL;
    if (last == NULL || --last->refs > 0)
        return;
    /* Closing writes a checkpoint: not on an event loop. */
    if (last->db == NULL || !work_detached(last->dbs->server, dbh_free, last))
        dbh_free(last);
}

static struct dbh *dbh_new(struct dbs *dbs, tuf_slice name)
{
    struct dbh *dbh = tufi_alloc_zero(sizeof(*dbh) + name.len + 1);
    if (dbh == NULL)
        return NULL;
    dbh->dbs = dbs;
    dbh->refs = 1;
    memcpy(dbh->name, name.data, name.len);
    dbh->name_len = name.len;
    pthread_mutex_init(&dbh->security_lock, NULL);
    pthread_mutex_init(&dbh->name_lock, NULL);
    dbh->feeds = feed_lists_new(dbs->server, dbh);
    if (dbh->feeds == NULL) {
        dbh_free(dbh);
        return NULL;
    }
    return dbh;
}

/* ---- security objects -------------------------------------------------------------------- */

struct security *dbh_security(struct dbh *dbh)
{
    if (dbh->parent != NULL)
        return dbh_security(dbh->parent);
    pthread_mutex_lock(&dbh->security_lock);
    struct security *sec = security_ref(dbh->security);
    pthread_mutex_unlock(&dbh->security_lock);
    return sec;
}

void dbh_security_text(struct buf *out, struct dbh *dbh)
{
    if (dbh->parent != NULL) {
        dbh_security_text(out, dbh->parent);
        return;
    }
    pthread_mutex_lock(&dbh->security_lock);
    if (dbh->security_text.len > 0)
        buf_append_slice(out, buf_slice(&dbh->security_text));
    else
        buf_append_str(out, "{\"members\":{\"roles\":[\"_admin\"]},"
                            "\"admins\":{\"roles\":[\"_admin\"]}}");
    pthread_mutex_unlock(&dbh->security_lock);
}

/* Makes a security object count. An empty text is the default. */
static tuf_status use_security(struct dbh *dbh, tuf_slice json)
{
    struct security *sec = security_new(json);
    struct buf text = BUF_INIT;
    buf_append_slice(&text, json);
    if (sec == NULL || text.failed) {
        security_unref(&sec);
        tufi_buf_release(&text);
        return tufi_nomem();
    }
    pthread_mutex_lock(&dbh->security_lock);
    struct security *old = dbh->security;
    struct buf old_text = dbh->security_text;
    dbh->security = sec;
    dbh->security_text = text;
    pthread_mutex_unlock(&dbh->security_lock);
    security_unref(&old);
    tufi_buf_release(&old_text);
    return TUF_OK;
}

tuf_status dbh_put_security(struct dbh *dbh, tuf_slice json)
{
    tuf_status st = tuf_db_put_meta(dbh->db, tuf_str("security"), json);
    return st == TUF_OK ? use_security(dbh, json) : st;
}

/* ---- opening ----------------------------------------------------------------------------- */

static void on_commit(uint64_t update_seq, void *ctx)
{
    struct dbh *dbh = ctx;
    uint64_t known = dbh->latest_seq;
    while (known < update_seq &&
           !atomic_compare_exchange_weak(&dbh->latest_seq, &known, update_seq))
        continue;
    /* Commits of local documents and settings are no changes. */
    if (known < update_seq)
        global_changes_tell_commit(dbh->dbs->server->global_changes, dbh);
    if (known < update_seq && slice_is(dbh_name(dbh), "_users"))
        peruser_kick(dbh->dbs->server->peruser);
    if (known < update_seq && dbh_is_replicator(dbh))
        replicator_docs_tell(dbh->dbs->server->replicator_docs, dbh_name(dbh), false);
    feed_notify(dbh->feeds);
}

/* Reads what the handle keeps in memory. */
static tuf_status read_description(struct dbh *dbh)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_db_info info = { .struct_size = sizeof(info) };
    tuf_status st = tuf_db_snapshot(&snapshot, dbh->db);
    if (st == TUF_OK)
        st = tuf_snapshot_info(&info, snapshot);
    if (st != TUF_OK)
        return st;
    dbh->latest_seq = info.update_seq;
    snprintf(dbh->start_time, sizeof(dbh->start_time), "%llu",
             (unsigned long long)(info.created_us / 1000000));
    tuf_slice text = tuf_slice_of(NULL, 0);
    st = tuf_snapshot_get_meta(&text, snapshot, tuf_str("security"));
    if (st != TUF_OK && st != TUF_NOT_FOUND)
        return st;
    st = use_security(dbh, st == TUF_OK ? text : tuf_str(""));
    tuf_free((void *)(uintptr_t)text.data);
    if (st != TUF_OK)
        return st;
    tuf_slice partitioned = tuf_slice_of(NULL, 0);
    st = tuf_snapshot_get_meta(&partitioned, snapshot, tuf_str(PARTITIONED_META));
    dbh->partitioned = st == TUF_OK && slice_is(partitioned, "true");
    tuf_free((void *)(uintptr_t)partitioned.data);
    if (st != TUF_OK && st != TUF_NOT_FOUND)
        return st;
    tuf_slice shards = tuf_slice_of(NULL, 0);
    st = tuf_snapshot_get_meta(&shards, snapshot, tuf_str(SHARDS_META));
    uint64_t count = 1;
    if (st == TUF_OK && parse_uint(&count, shards) && count > 0 && count <= DBH_SHARDS_MAX)
        dbh->shards = (uint32_t)count;
    tuf_free((void *)(uintptr_t)shards.data);
    return st == TUF_NOT_FOUND ? TUF_OK : st;
}

bool dbh_is_partitioned(const struct dbh *dbh)
{
    return dbh->partitioned;
}

tuf_status dbh_make_partitioned(struct dbh *dbh)
{
    tuf_status st = tuf_db_put_meta(dbh->db, tuf_str(PARTITIONED_META), tuf_str("true"));
    if (st == TUF_OK)
        dbh->partitioned = true;
    return st;
}

uint32_t dbh_shards(const struct dbh *dbh)
{
    return dbh->shards > 0 ? dbh->shards : 1;
}

tuf_status dbh_put_shards(struct dbh *dbh, uint32_t count)
{
    char text[16];
    snprintf(text, sizeof(text), "%" PRIu32, count);
    tuf_status st = tuf_db_put_meta(dbh->db, tuf_str(SHARDS_META), tuf_str(text));
    if (st == TUF_OK)
        dbh->shards = count;
    return st;
}

static bool make_path(char path[PATH_SIZE], const struct dbs *dbs, tuf_slice name)
{
    char file[DBNAME_FILE_SIZE];
    if (!dbname_to_file(file, name))
        return false;
    int len = snprintf(path, PATH_SIZE, "%s/%s", dbs->dir, file);
    return len > 0 && len < PATH_SIZE;
}

static tuf_status is_this_pin(const tuf_pin_info *info, void *ctx)
{
    return slice_equal(info->name, *(tuf_slice *)ctx) ? TUF_STOPPED : TUF_OK;
}

/* The local documents of a snapshot that is there. */
static tuf_status open_local(struct dbh *dbh, tuf_slice name, tuf_open_options *opts)
{
    char path[PATH_SIZE];
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, dbh->parent->db);
    if (st == TUF_OK)
        st = tuf_snapshot_pins(snapshot, is_this_pin, &name);
    if (st != TUF_STOPPED)
        return st == TUF_OK ? TUF_NOT_FOUND : st;
    opts->flags = TUF_OPEN_CREATE;
    return make_path(path, dbh->dbs, dbh_name(dbh)) ? tuf_db_open(&dbh->db, path, opts)
                                                    : TUF_NOT_FOUND;
}

static tuf_status open_snapshot(struct dbh *dbh, const struct snapshot_name *name)
{
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.cache_size = CACHE_SIZE;
    dbh->snapshot = !name->local;
    tuf_status st = dbs_open(&dbh->parent, dbh->dbs, name->db);
    if (st == TUF_OK && name->local)
        st = open_local(dbh, name->name, &opts);
    else if (st == TUF_OK)
        st = tuf_db_open_pin(&dbh->db, dbh->parent->db, name->name, &opts);
    if (st == TUF_OK)
        st = read_description(dbh);
    if (st == TUF_OK)
        tuf_db_set_listener(dbh->db, on_commit, dbh);
    return st;
}

static tuf_status open_file(struct dbh *dbh, unsigned flags)
{
    char path[PATH_SIZE];
    struct snapshot_name snapshot;
    if (snapshot_name_split(&snapshot, dbh_name(dbh)))
        return open_snapshot(dbh, &snapshot);
    if (!make_path(path, dbh->dbs, dbh_name(dbh)))
        return tufi_fail_kind(TUF_E_INVALID, "database_name_too_long",
                              "At least one path segment of `%s` is too long.", dbh->name);
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = flags;
    opts.cache_size = CACHE_SIZE;
    tuf_status st = tuf_db_open(&dbh->db, path, &opts);
    if (st == TUF_OK)
        st = read_description(dbh);
    if (st == TUF_OK)
        tuf_db_set_listener(dbh->db, on_commit, dbh);
    return st;
}

/* ---- the table --------------------------------------------------------------------------- */

static struct dbh **bucket_of(struct dbs *dbs, tuf_slice name)
{
    return &dbs->buckets[slice_hash(name) % BUCKET_COUNT];
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
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
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
    tuf_status st = open_file(dbh, flags);
    tuf_error saved = *tuf_last_error();
    if (st != TUF_OK && dbh->db != NULL) {
        tuf_status closed = tuf_db_close(&dbh->db);
        (void)closed; /* the first failure is the one to tell */
    }
    pthread_mutex_lock(&dbs->lock);
    dbh->opening = false;
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

/* [couchdb] default_security = everyone, which does not reach the server's own databases. */
static tuf_status open_to_all(struct dbs *dbs, tuf_slice name)
{
    struct dbh *dbh = dbs_find_open(dbs, name);
    tuf_status st = TUF_OK;
    if (dbh != NULL && !dbh_is_users(dbh) && !dbh_is_replicator(dbh))
        st = dbh_put_security(dbh, tuf_str("{}"));
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
    char heir[PATH_SIZE + sizeof(HEIR_SUFFIX)];
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
    for (size_t i = 0; i < BUCKET_COUNT && child == NULL; i++) {
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
    char path[PATH_SIZE];
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
    if (make_path(path, dbs, buf_slice(&local)) && unlink(path) != 0 && errno != ENOENT)
        return tufi_fail_errno(errno, "cannot delete the local documents of a snapshot");
    return TUF_OK;
}

tuf_status dbs_delete(struct dbs *dbs, tuf_slice name)
{
    char path[PATH_SIZE];
    char doomed[PATH_SIZE + 32];
    struct snapshot_name snapshot;
    if (snapshot_name_split(&snapshot, name))
        return TUF_NOT_FOUND; /* dbs_drop_snapshot */
    if (dbs_check_name(name) != DBS_NAME_OK || !make_path(path, dbs, name))
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
}

void dbs_sum(struct dbs_totals *out, struct dbs *dbs)
{
    struct dbs_totals totals = { 0 };
    pthread_mutex_lock(&dbs->lock);
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
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
    for (size_t i = 0; refs != NULL && i < BUCKET_COUNT; i++) {
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
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
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
