/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the same few operations on Tuffet and on other embedded stores, so that one program can drive
 * all of them with the same data in the same run.
 *
 * Documents are JSON texts of about 1 KB under random ids of 16 characters. "Durable" means that the
 * call returns after the data was synced: LMDB with its default flags, SQLite in WAL mode with
 * synchronous=FULL, RocksDB with sync writes.
 */
#ifndef BENCH_ENGINES_H
#define BENCH_ENGINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_doc {
    const char *id;   /* 16 characters */
    const char *json; /* without id */
    size_t json_len;
};

struct bench_engine {
    const char *name;
    /* Opens or creates a database in a directory. All calls stop the program on failure. */
    void *(*open)(const char *dir);
    void (*close)(void *db);
    /* Writes documents in one durable transaction. `update`: they are there already. */
    void (*put)(void *db, const struct bench_doc *docs, size_t count, bool update);
    /* Reads one document completely; returns its length. `session` belongs to one thread. */
    void *(*session_new)(void *db);
    void (*session_free)(void *session);
    size_t (*get)(void *session, const char *id);
    /* Reads all documents by id (or by sequence); returns their number. */
    size_t (*scan)(void *session, bool by_seq);
    bool has_seq;
    /* Rewrites everything without what was superseded; `dir` as in open. NULL: it cannot. */
    void (*compact)(void *db, const char *dir);
};

extern const struct bench_engine bench_tuffet, bench_lmdb, bench_sqlite, bench_rocksdb;

_Noreturn void bench_die(const char *what, const char *why);

#endif
