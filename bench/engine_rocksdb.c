/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: RocksDB behind the benchmark's interface: sync writes, Snappy, 10-bit Bloom filters.
 */
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/engines.h"

struct db {
    rocksdb_t *handle;
    rocksdb_options_t *options;
    rocksdb_writeoptions_t *sync;
    rocksdb_readoptions_t *read;
};

static void check(char *error, const char *what)
{
    if (error)
        bench_die(what, error);
}

static void *open_db(const char *dir)
{
    struct db *db = calloc(1, sizeof(*db));
    char path[512];
    snprintf(path, sizeof(path), "%s/rocks", dir);
    db->options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(db->options, 1);
    rocksdb_options_set_compression(db->options, rocksdb_snappy_compression);
    rocksdb_options_increase_parallelism(db->options, 2);
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_filter_policy(table,
                                                  rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_block_based_options_set_block_cache(table, rocksdb_cache_create_lru(64 << 20));
    rocksdb_options_set_block_based_table_factory(db->options, table);
    char *error = NULL;
    db->handle = rocksdb_open(db->options, path, &error);
    check(error, "rocksdb_open");
    db->sync = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(db->sync, 1);
    db->read = rocksdb_readoptions_create();
    return db;
}

static void close_db(void *handle)
{
    struct db *db = handle;
    rocksdb_close(db->handle);
    rocksdb_options_destroy(db->options);
    rocksdb_writeoptions_destroy(db->sync);
    rocksdb_readoptions_destroy(db->read);
    free(db);
}

static void put(void *handle, const struct bench_doc *docs, size_t count, bool update)
{
    (void)update;
    struct db *db = handle;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    for (size_t i = 0; i < count; i++)
        rocksdb_writebatch_put(batch, docs[i].id, 16, docs[i].json, docs[i].json_len);
    char *error = NULL;
    rocksdb_write(db->handle, db->sync, batch, &error);
    check(error, "rocksdb_write");
    rocksdb_writebatch_destroy(batch);
}

static void *session_new(void *handle)
{
    return handle;
}

static void session_free(void *session)
{
    (void)session;
}

static size_t get(void *session, const char *id)
{
    struct db *db = session;
    char *error = NULL;
    size_t len = 0;
    char *value = rocksdb_get(db->handle, db->read, id, 16, &len, &error);
    check(error, "rocksdb_get");
    if (!value)
        bench_die("rocksdb_get", "not found");
    rocksdb_free(value);
    return len;
}

static size_t scan(void *session, bool by_seq)
{
    (void)by_seq;
    struct db *db = session;
    rocksdb_iterator_t *it = rocksdb_create_iterator(db->handle, db->read);
    size_t count = 0;
    for (rocksdb_iter_seek_to_first(it); rocksdb_iter_valid(it); rocksdb_iter_next(it)) {
        size_t len;
        volatile const char *value = rocksdb_iter_value(it, &len);
        (void)value[len - 1];
        count++;
    }
    rocksdb_iter_destroy(it);
    return count;
}

static void compact(void *handle, const char *dir)
{
    (void)dir;
    struct db *db = handle;
    rocksdb_compactoptions_t *options = rocksdb_compactoptions_create();
    rocksdb_compactoptions_set_bottommost_level_compaction(options, 2); /* force */
    rocksdb_compact_range_opt(db->handle, options, NULL, 0, NULL, 0);
    rocksdb_compactoptions_destroy(options);
}

const struct bench_engine bench_rocksdb = {
    .name = "rocksdb",
    .open = open_db,
    .close = close_db,
    .put = put,
    .session_new = session_new,
    .session_free = session_free,
    .get = get,
    .scan = scan,
    .compact = compact,
};
