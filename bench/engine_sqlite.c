/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: SQLite behind the benchmark's interface: WAL mode, synchronous=FULL, one table with the id as
 * primary key. Each thread has its own connection.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>

#include "bench/engines.h"

struct db {
    sqlite3 *handle;
    sqlite3_stmt *put;
    pthread_mutex_t lock; /* one writing connection, shared by threads */
    char path[512];
};

struct session {
    sqlite3 *handle;
    sqlite3_stmt *get;
};

static void check(sqlite3 *handle, int rc, const char *what)
{
    if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW)
        bench_die(what, sqlite3_errmsg(handle));
}

static void run(sqlite3 *handle, const char *sql)
{
    check(handle, sqlite3_exec(handle, sql, NULL, NULL, NULL), sql);
}

static sqlite3 *connect(const char *path)
{
    sqlite3 *handle;
    check(NULL, sqlite3_open(path, &handle), "sqlite3_open");
    sqlite3_busy_timeout(handle, 60000);
    run(handle, "PRAGMA journal_mode=WAL");
    run(handle, "PRAGMA synchronous=FULL");
    run(handle, "PRAGMA cache_size=-65536");
    return handle;
}

static void *open_db(const char *dir)
{
    struct db *db = calloc(1, sizeof(*db));
    snprintf(db->path, sizeof(db->path), "%s/bench.sqlite", dir);
    db->handle = connect(db->path);
    pthread_mutex_init(&db->lock, NULL);
    run(db->handle, "CREATE TABLE IF NOT EXISTS docs(id TEXT PRIMARY KEY, body TEXT) "
                    "WITHOUT ROWID");
    check(db->handle,
          sqlite3_prepare_v2(db->handle, "INSERT OR REPLACE INTO docs VALUES(?,?)", -1, &db->put,
                             NULL),
          "prepare");
    return db;
}

static void close_db(void *handle)
{
    struct db *db = handle;
    sqlite3_finalize(db->put);
    sqlite3_close(db->handle);
    pthread_mutex_destroy(&db->lock);
    free(db);
}

static void put(void *handle, const struct bench_doc *docs, size_t count, bool update)
{
    (void)update;
    struct db *db = handle;
    pthread_mutex_lock(&db->lock);
    run(db->handle, "BEGIN IMMEDIATE");
    for (size_t i = 0; i < count; i++) {
        sqlite3_bind_text(db->put, 1, docs[i].id, 16, SQLITE_STATIC);
        sqlite3_bind_text(db->put, 2, docs[i].json, (int)docs[i].json_len, SQLITE_STATIC);
        check(db->handle, sqlite3_step(db->put), "insert");
        sqlite3_reset(db->put);
    }
    run(db->handle, "COMMIT");
    pthread_mutex_unlock(&db->lock);
}

static void *session_new(void *handle)
{
    struct db *db = handle;
    struct session *s = calloc(1, sizeof(*s));
    s->handle = connect(db->path);
    check(s->handle,
          sqlite3_prepare_v2(s->handle, "SELECT body FROM docs WHERE id=?", -1, &s->get, NULL),
          "prepare");
    return s;
}

static void session_free(void *session)
{
    struct session *s = session;
    sqlite3_finalize(s->get);
    sqlite3_close(s->handle);
    free(s);
}

static size_t get(void *session, const char *id)
{
    struct session *s = session;
    sqlite3_bind_text(s->get, 1, id, 16, SQLITE_STATIC);
    check(s->handle, sqlite3_step(s->get), "get");
    size_t len = (size_t)sqlite3_column_bytes(s->get, 0);
    sqlite3_column_text(s->get, 0);
    sqlite3_reset(s->get);
    return len;
}

static size_t scan(void *session, bool by_seq)
{
    (void)by_seq;
    struct session *s = session;
    sqlite3_stmt *all;
    size_t count = 0;
    check(s->handle, sqlite3_prepare_v2(s->handle, "SELECT id, body FROM docs", -1, &all, NULL),
          "prepare");
    while (sqlite3_step(all) == SQLITE_ROW) {
        sqlite3_column_text(all, 1);
        count++;
    }
    sqlite3_finalize(all);
    return count;
}

const struct bench_engine bench_sqlite = {
    .name = "sqlite",
    .open = open_db,
    .close = close_db,
    .put = put,
    .session_new = session_new,
    .session_free = session_free,
    .get = get,
    .scan = scan,
};
