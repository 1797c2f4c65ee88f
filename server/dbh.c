/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one database of the set: its handle, what is known of it without reading, its security
 * object, opening its file or snapshot. See server/dbs.h.
 *
 * Not here: which handles there are (dbs.c).
 */
#include "server/dbs_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "server/auth.h"
#include "server/dbname.h"
#include "server/feed.h"
#include "server/global_changes.h"
#include "server/log.h"
#include "server/params.h"
#include "server/peruser.h"
#include "server/replicator_docs.h"
#include "server/server.h"
#include "server/snapshots.h"
#include "server/work.h"

#define PARTITIONED_META "partitioned"
#define SHARDS_META "shards"
/* Clean tree nodes kept per database: a server has many of them. */
#define CACHE_SIZE ((size_t)16 << 20)

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

struct dbh *dbh_new(struct dbs *dbs, tuf_slice name)
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

/* A setting that was not put after all may have hidden a commit: tell once too often then. */
static void end_quiet(struct dbh *dbh, tuf_status st)
{
    uint64_t quiet = dbh->quiet_count;
    if (st == TUF_OK)
        return;
    while (quiet > 0 && !atomic_compare_exchange_weak(&dbh->quiet_count, &quiet, quiet - 1))
        continue;
    global_changes_tell_commit(dbh->dbs->server->global_changes, dbh);
}

tuf_status dbh_open_to_all(struct dbh *dbh)
{
    tuf_status st = tuf_db_put_meta(dbh->db, tuf_str("security"), tuf_str("{}"));
    return st == TUF_OK ? use_security(dbh, tuf_str("{}")) : st;
}

tuf_status dbh_put_security(struct dbh *dbh, tuf_slice json)
{
    dbh->quiet_count++;
    tuf_status st = tuf_db_put_meta_change(dbh->db, tuf_str("security"), json);
    end_quiet(dbh, st);
    return st == TUF_OK ? use_security(dbh, json) : st;
}

tuf_status dbh_put_limit(struct dbh *dbh, tuf_status (*set)(tuf_db *db, uint32_t limit),
                         uint32_t limit)
{
    dbh->quiet_count++;
    tuf_status st = set(dbh->db, limit);
    end_quiet(dbh, st);
    return st;
}

/* ---- opening ----------------------------------------------------------------------------- */

/* Whether more than settings raised the sequence. Which of two commits at the same time is taken for
 * the setting's does not matter: the other one tells. */
static bool is_update(struct dbh *dbh, uint64_t raise)
{
    uint64_t quiet = dbh->quiet_count, taken;
    do
        taken = min_u64(quiet, raise);
    while (taken > 0 && !atomic_compare_exchange_weak(&dbh->quiet_count, &quiet, quiet - taken));
    return taken < raise;
}

static void on_commit(uint64_t update_seq, void *ctx)
{
    struct dbh *dbh = ctx;
    uint64_t known = dbh->latest_seq;
    while (known < update_seq &&
           !atomic_compare_exchange_weak(&dbh->latest_seq, &known, update_seq))
        continue;
    /* Commits of local documents and settings are no updates. */
    if (known < update_seq && is_update(dbh, update_seq - known))
        global_changes_tell_commit(dbh->dbs->server->global_changes, dbh);
    if (known < update_seq && slice_is(dbh_name(dbh), "_users"))
        peruser_kick(dbh->dbs->server->peruser);
    /* Also without a change: what was purged is gone. */
    if (dbh_is_replicator(dbh))
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

bool dbs_make_path(char path[DBS_PATH_SIZE], const struct dbs *dbs, tuf_slice name)
{
    char file[DBNAME_FILE_SIZE];
    if (!dbname_to_file(file, name))
        return false;
    int len = snprintf(path, DBS_PATH_SIZE, "%s/%s", dbs->dir, file);
    return len > 0 && len < DBS_PATH_SIZE;
}

static tuf_status is_this_pin(const tuf_pin_info *info, void *ctx)
{
    return slice_equal(info->name, *(tuf_slice *)ctx) ? TUF_STOPPED : TUF_OK;
}

/* The local documents of a snapshot that is there. */
static tuf_status open_local(struct dbh *dbh, tuf_slice name, tuf_open_options *opts)
{
    char path[DBS_PATH_SIZE];
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, dbh->parent->db);
    if (st == TUF_OK)
        st = tuf_snapshot_pins(snapshot, is_this_pin, &name);
    if (st != TUF_STOPPED)
        return st == TUF_OK ? TUF_NOT_FOUND : st;
    opts->flags = TUF_OPEN_CREATE;
    return dbs_make_path(path, dbh->dbs, dbh_name(dbh)) ? tuf_db_open(&dbh->db, path, opts)
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

tuf_status dbh_open_file(struct dbh *dbh, unsigned flags)
{
    char path[DBS_PATH_SIZE];
    struct snapshot_name snapshot;
    if (snapshot_name_split(&snapshot, dbh_name(dbh)))
        return open_snapshot(dbh, &snapshot);
    if (!dbs_make_path(path, dbh->dbs, dbh_name(dbh)))
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
