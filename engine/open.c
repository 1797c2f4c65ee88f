/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: open and close a database.
 *
 * Not here: recovery (recover.c); creating the file (store.c).
 */
#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/testhook.h"
#include "engine/db.h"
#include "engine/options.h"

#define CACHE_SIZE_DEFAULT (44u << 20) /* with the rest, 64 MiB for a million documents */
/* Replayed in one to two seconds. Random ids change every leaf between two checkpoints anyway, so
 * that fewer of them write less: docs/adr/0007. */
#define CHECKPOINT_LOG_DEFAULT (768u << 20)
#define CHECKPOINT_DIRTY_DEFAULT (256u << 20)
#define GZIP_LEVEL_DEFAULT 8

static tuf_status read_options(tuf_open_options *out, const tuf_open_options *opts)
{
    *out = (tuf_open_options)TUF_OPEN_OPTIONS_INIT;
    tuf_status st = tufi_take_options(out, sizeof(*out), opts);
    if (st != TUF_OK)
        return st;
    if (out->compression > TUF_COMPRESS_ZLIB || out->gzip_level > 9 || out->gzip_level < -1)
        return tufi_fail(TUF_E_INVALID, "compression options are out of range");
    if (out->at_kind > TUF_AT_CHECKPOINT)
        return tufi_fail(TUF_E_INVALID, "no such way to name a moment: %u", out->at_kind);
    if (out->at_kind != TUF_AT_NEWEST && !(out->flags & TUF_OPEN_RDONLY))
        return tufi_fail(TUF_E_MISUSE, "the past can be opened for reading only");
    return TUF_OK;
}

/* ---- stores ----------------------------------------------------------------------------------- */

struct store *tufi_store_new(const char *path, const struct tuf_vfs *vfs, bool readonly)
{
    struct store *store = tufi_alloc_zero(sizeof(*store));
    char *copy = tufi_strdup(tuf_str(path));
    if (!store || !copy) {
        tufi_free(store);
        tufi_free(copy);
        return NULL;
    }
    atomic_init(&store->refs, 1);
    pthread_mutex_init(&store->log.tail, NULL);
    pthread_mutex_init(&store->log.sync, NULL);
    pthread_mutex_init(&store->hold_lock, NULL);
    tufi_pace_init(&store->pace);
    store->log.vfs = vfs ? vfs : tufi_vfs_posix();
    store->log.readonly = readonly;
    store->log.path = copy;
    return store;
}

void tufi_store_ref(struct store *store)
{
    atomic_fetch_add_explicit(&store->refs, 1, memory_order_relaxed);
}

void tufi_store_unref(struct store **store_ptr)
{
    struct store *store = *store_ptr;
    *store_ptr = NULL;
    if (!store || atomic_fetch_sub_explicit(&store->refs, 1, memory_order_acq_rel) > 1)
        return;
    if (store->env)
        tufi_btree_env_free(&store->env);
    tufi_log_close(&store->log);
    tufi_pace_release(&store->pace);
    pthread_mutex_destroy(&store->log.tail);
    pthread_mutex_destroy(&store->log.sync);
    pthread_mutex_destroy(&store->hold_lock);
    tufi_free(store);
}

struct store *tufi_store_acquire(tuf_db *db)
{
    pthread_mutex_lock(&db->store_lock);
    struct store *store = db->store;
    tufi_store_ref(store);
    pthread_mutex_unlock(&db->store_lock);
    return store;
}

/* Two generations: when nobody is left in the older one it begins anew. So the oldest hold is known
 * without a list of them. */
uint64_t tufi_store_oldest_hold(struct store *store, uint64_t versions_off)
{
    pthread_mutex_lock(&store->hold_lock);
    unsigned older = !store->hold_slot;
    if (store->hold_count[older] == 0) {
        store->hold_off[older] = versions_off;
        store->hold_slot = older;
        older = !older;
    }
    uint64_t off = store->hold_off[store->hold_slot];
    if (store->hold_count[older] > 0)
        off = min_u64(off, store->hold_off[older]);
    pthread_mutex_unlock(&store->hold_lock);
    return off;
}

void tufi_hold_take(struct store_hold *out, struct store *store)
{
    tufi_store_ref(store);
    pthread_mutex_lock(&store->hold_lock);
    *out = (struct store_hold){ store, store->hold_slot };
    store->hold_count[out->slot]++;
    pthread_mutex_unlock(&store->hold_lock);
}

void tufi_hold_copy(struct store_hold *out, const struct store_hold *from)
{
    *out = *from;
    tufi_store_ref(out->store);
    pthread_mutex_lock(&out->store->hold_lock);
    out->store->hold_count[out->slot]++;
    pthread_mutex_unlock(&out->store->hold_lock);
}

void tufi_hold_drop(struct store_hold *hold)
{
    if (!hold->store)
        return;
    pthread_mutex_lock(&hold->store->hold_lock);
    hold->store->hold_count[hold->slot]--;
    pthread_mutex_unlock(&hold->store->hold_lock);
    tufi_store_unref(&hold->store);
}

/* ---- handles ---------------------------------------------------------------------------------- */

static tuf_status init_handle(tuf_db *db, const char *path, const tuf_open_options *opts)
{
    db->magic = DB_MAGIC;
    pthread_mutex_init(&db->writer, NULL);
    pthread_mutex_init(&db->store_lock, NULL);
    pthread_mutex_init(&db->queue, NULL);
    pthread_cond_init(&db->queue_done, NULL);
    pthread_mutex_init(&db->wait, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&db->wait_changed, &attr);
    pthread_condattr_destroy(&attr);
    db->compression = opts->compression;
    db->cache_size = opts->cache_size;
    db->gzip_level = opts->gzip_level ? opts->gzip_level : GZIP_LEVEL_DEFAULT;
    db->compressible_types =
        tufi_strdup(tuf_str(opts->compressible_types ? opts->compressible_types : ATT_COMPRESSIBLE_DEFAULT));
    db->checkpoint_log_size =
        opts->checkpoint_log_size ? opts->checkpoint_log_size : CHECKPOINT_LOG_DEFAULT;
    db->checkpoint_dirty_size =
        opts->checkpoint_dirty_size ? opts->checkpoint_dirty_size : CHECKPOINT_DIRTY_DEFAULT;
    db->at_kind = opts->at_kind;
    db->at = opts->at;
    db->store = tufi_store_new(path, opts->vfs, opts->flags & TUF_OPEN_RDONLY);
    return db->store && db->compressible_types ? TUF_OK : tufi_nomem();
}

void tufi_db_free_handle(tuf_db **db_ptr)
{
    tuf_db *db = *db_ptr;
    *db_ptr = NULL;
    if (!db)
        return;
    tufi_store_unref(&db->store);
    tufi_buf_release(&db->group);
    tufi_free(db->compressible_types);
    pthread_cond_destroy(&db->wait_changed);
    pthread_mutex_destroy(&db->wait);
    pthread_cond_destroy(&db->queue_done);
    pthread_mutex_destroy(&db->queue);
    pthread_mutex_destroy(&db->store_lock);
    pthread_mutex_destroy(&db->writer);
    db->magic = 0;
    tufi_free(db);
}

static tuf_status read_node(void *ctx, void *buf, size_t len, uint64_t off)
{
    const struct log *log = ctx;
    return tufi_vfs_read_exact(log->file, buf, len, off);
}

static tuf_status make_env(tuf_db *db, const tuf_open_options *opts)
{
    struct btree_config config = {
        .read = read_node,
        .ctx = &db->store->log,
        .reduce = { tufi_reduce_by_id, tufi_reduce_by_seq, tufi_reduce_local, NULL },
        .cache_size = opts->cache_size ? opts->cache_size : CACHE_SIZE_DEFAULT,
        .node_size = db->store->log.super.node_size,
    };
    return tufi_btree_env_new(&db->store->env, &config);
}

/* Opens what is there, or creates it. */
static tuf_status open_file(tuf_db *db, const tuf_open_options *opts,
                            const struct superblock *heir_of)
{
    struct log *log = &db->store->log;
    unsigned how = log->readonly ? (unsigned)VFS_RDONLY : (unsigned)VFS_LOCK;
    tuf_status st = log->vfs->open(log->vfs, log->path, how, &log->file);
    if (st == TUF_OK && opts->flags & TUF_OPEN_EXCLUSIVE && opts->flags & TUF_OPEN_CREATE)
        return TUF_EXISTS;
    if (st == TUF_NOT_FOUND && opts->flags & TUF_OPEN_CREATE && !log->readonly)
        st = tufi_log_create(log, opts, heir_of);
    if (st != TUF_OK)
        return st;
    return tufi_log_read_super(log);
}

/* What is written from now on is no part of a backup. */
static tuf_status drop_part(const struct log *log)
{
    tuf_status st = tufi_backup_drop_part(log);
    return st < 0 ? st : TUF_OK;
}

static tuf_status open_all(tuf_db *db, const tuf_open_options *opts,
                           const struct superblock *heir_of)
{
    tuf_status st = open_file(db, opts, heir_of);
    if (st == TUF_OK)
        st = make_env(db, opts);
    if (st == TUF_OK)
        st = tufi_db_recover(db);
    if (st == TUF_OK && !db->store->log.readonly && !heir_of)
        st = drop_part(&db->store->log);
    /* The name may not be durable yet if a creator was killed between rename and sync. */
    if (st == TUF_OK && !db->store->log.readonly && !heir_of)
        st = tufi_heir_tidy(db);
    if (st == TUF_OK && !db->store->log.readonly && !tufi_planted("skip_dir_sync"))
        st = db->store->log.vfs->sync_dir(db->store->log.vfs, db->store->log.path);
    return st;
}

static tuf_status open_handle(tuf_db **out, const char *path, const tuf_open_options *opts,
                              const struct superblock *heir_of)
{
    tuf_db *db = tufi_alloc_zero(sizeof(*db));
    if (!db)
        return tufi_nomem();
    db->is_heir = heir_of != NULL;
    tuf_status st = init_handle(db, path, opts);
    if (st == TUF_OK)
        st = open_all(db, opts, heir_of);
    if (st != TUF_OK) {
        tufi_db_free_handle(&db);
        return st;
    }
    *out = db;
    return TUF_OK;
}

tuf_status tuf_db_open(tuf_db **out, const char *path, const tuf_open_options *opts)
{
    tufi_error_clear();
    tuf_open_options options;
    tuf_status st = read_options(&options, opts);
    return st < 0 ? st : open_handle(out, path, &options, NULL);
}

tuf_status tufi_db_open_as_heir(tuf_db **out, const char *path, const tuf_open_options *opts,
                                const struct superblock *heir_of)
{
    return open_handle(out, path, opts, heir_of);
}

/* Cuts off the zeros written ahead. Failure does no harm. */
static void trim_file(struct log *log)
{
    if (tufi_log_writable(log) == TUF_OK && log->filled_end > log->tail_off &&
        log->file->ops->truncate(log->file, log->tail_off) == TUF_OK)
        log->filled_end = log->tail_off;
}

tuf_status tuf_db_close(tuf_db **db_ptr)
{
    tuf_db *db = *db_ptr;
    *db_ptr = NULL;
    if (!db)
        return TUF_OK;
    tufi_error_clear();
    tuf_assert(db->magic == DB_MAGIC);
    tuf_status st = TUF_OK;
    const struct log *log = &db->store->log;
    if (!log->readonly && !atomic_load(&log->poisoned)) {
        pthread_mutex_lock(&db->writer);
        st = tufi_db_checkpoint_locked(db);
        trim_file(&db->store->log);
        pthread_mutex_unlock(&db->writer);
    }
    tufi_db_free_handle(&db);
    return st;
}

int tufi_db_gzip_level(const tuf_db *db)
{
    return db->gzip_level < 0 ? 0 : db->gzip_level;
}

bool tufi_db_type_compressible(const tuf_db *db, tuf_slice type)
{
    return tufi_type_matches(type, db->compressible_types);
}
