/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: LMDB behind the benchmark's interface, with its default durability (two syncs per commit).
 */
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/engines.h"

#define MAP_SIZE ((size_t)32 << 30)

struct db {
    MDB_env *env;
    MDB_dbi dbi;
};

struct session {
    MDB_txn *txn;
    MDB_dbi dbi;
};

static void check(int rc, const char *what)
{
    if (rc != 0)
        bench_die(what, mdb_strerror(rc));
}

static void *open_db(const char *dir)
{
    struct db *db = calloc(1, sizeof(*db));
    MDB_txn *txn;
    check(mdb_env_create(&db->env), "mdb_env_create");
    check(mdb_env_set_mapsize(db->env, MAP_SIZE), "mdb_env_set_mapsize");
    check(mdb_env_open(db->env, dir, 0, 0600), "mdb_env_open");
    check(mdb_txn_begin(db->env, NULL, 0, &txn), "mdb_txn_begin");
    check(mdb_dbi_open(txn, NULL, 0, &db->dbi), "mdb_dbi_open");
    check(mdb_txn_commit(txn), "mdb_txn_commit");
    return db;
}

static void close_db(void *handle)
{
    struct db *db = handle;
    mdb_env_close(db->env);
    free(db);
}

static MDB_val key_of(const char *id)
{
    union {
        const char *in;
        void *out;
    } p = { .in = id }; /* LMDB's interface is not const-correct */
    MDB_val v = { 16, p.out };
    return v;
}

static void put(void *handle, const struct bench_doc *docs, size_t count, bool update)
{
    (void)update;
    struct db *db = handle;
    MDB_txn *txn;
    check(mdb_txn_begin(db->env, NULL, 0, &txn), "mdb_txn_begin");
    for (size_t i = 0; i < count; i++) {
        MDB_val key = key_of(docs[i].id), value = key_of(docs[i].json);
        value.mv_size = docs[i].json_len;
        check(mdb_put(txn, db->dbi, &key, &value, 0), "mdb_put");
    }
    check(mdb_txn_commit(txn), "mdb_txn_commit");
}

static void *session_new(void *handle)
{
    struct db *db = handle;
    struct session *s = calloc(1, sizeof(*s));
    s->dbi = db->dbi;
    check(mdb_txn_begin(db->env, NULL, MDB_RDONLY, &s->txn), "mdb_txn_begin");
    return s;
}

static void session_free(void *session)
{
    struct session *s = session;
    mdb_txn_abort(s->txn);
    free(s);
}

/* The bytes are looked at, as a reader would: otherwise LMDB would only hand out an address. */
static size_t touch(const MDB_val *v)
{
    const unsigned char *p = v->mv_data;
    volatile unsigned sum = 0;
    for (size_t i = 0; i < v->mv_size; i += 64)
        sum += p[i];
    return v->mv_size;
}

static size_t get(void *session, const char *id)
{
    struct session *s = session;
    MDB_val key = key_of(id), value;
    check(mdb_get(s->txn, s->dbi, &key, &value), "mdb_get");
    return touch(&value);
}

static size_t scan(void *session, bool by_seq)
{
    (void)by_seq;
    struct session *s = session;
    MDB_cursor *cursor;
    MDB_val key, value;
    size_t count = 0;
    check(mdb_cursor_open(s->txn, s->dbi, &cursor), "mdb_cursor_open");
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        touch(&value);
        count++;
    }
    mdb_cursor_close(cursor);
    return count;
}

/* As `mdb_copy -c` does: into a file of its own, synced, which then takes the name. */
static void compact(void *handle, const char *dir)
{
    struct db *db = handle;
    char path[600], old[600];
    snprintf(path, sizeof(path), "%s/copy.mdb", dir);
    snprintf(old, sizeof(old), "%s/data.mdb", dir);
    int fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
    check(mdb_env_copyfd2(db->env, fd, MDB_CP_COMPACT), "mdb_env_copyfd2");
    if (fsync(fd) != 0 || close(fd) != 0 || rename(path, old) != 0)
        bench_die("replacing", path);
}

const struct bench_engine bench_lmdb = {
    .name = "lmdb",
    .open = open_db,
    .close = close_db,
    .put = put,
    .session_new = session_new,
    .session_free = session_free,
    .get = get,
    .scan = scan,
    .compact = compact,
};
