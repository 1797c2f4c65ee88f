/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: drive Tuffet, LMDB, SQLite and RocksDB through the same work in one run and print one JSON
 * line per measurement. bench/README.md says how to read them.
 *
 *   bench_engine [--docs N] [--puts N] [--rounds N] [--dir DIR] [--engines a,b] [--work a,b]
 */
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/data.h"
#include "bench/device.h"
#include "bench/engines.h"
#include "tuffet/tuffet.h"

#define LOAD_BATCH 1000
#define UPDATE_BATCH 100
#define THREADS 16

static const struct bench_engine *const engines[] = {
    &bench_tuffet,
    &bench_lmdb,
    &bench_sqlite,
    &bench_rocksdb,
};

struct settings {
    size_t docs;  /* in the large database */
    size_t puts;  /* lone durable puts */
    int rounds;
    const char *dir;
    const char *engines;
    const char *work;
};

static struct settings set = { 1000000, 4000, 3, "/tmp/tuffet-bench", "", "" };

_Noreturn void bench_die(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

static bool listed(const char *list, const char *name)
{
    return !*list || strstr(list, name) != NULL;
}

static void put_range(const struct bench_engine *e, void *db, uint64_t first, size_t count,
                      size_t batch)
{
    struct bench_text *texts = calloc(batch, sizeof(*texts));
    struct bench_doc *docs = calloc(batch, sizeof(*docs));
    for (uint64_t n = first; n < first + count; n += batch) {
        for (size_t i = 0; i < batch; i++)
            docs[i] = bench_make_doc(&texts[i], n + i, 1);
        e->put(db, docs, batch, false);
    }
    free(texts);
    free(docs);
}

/* ---- output ------------------------------------------------------------------------------------ */

static void print_result(const char *work, const char *engine, int round, size_t ops,
                         struct usage u, uint64_t size)
{
    double n = (double)ops;
    printf("{\"work\":\"%s\",\"engine\":\"%s\",\"round\":%d,\"ops\":%zu,\"ops_per_s\":%.*f,"
           "\"cpu_us_per_op\":%.2f,\"device_bytes_per_op\":%.0f,\"flushes_per_op\":%.3f,"
           "\"waits_per_op\":%.5f,"
           "\"file_mb\":%.1f,\"rss_mb\":%.1f",
           work, engine, round, ops, ops == 1 ? 2 : 0, n / u.wall_s, u.cpu_s * 1e6 / n, (double)u.device_bytes / n,
           (double)u.flushes / n, (double)u.waits / n, (double)size / 1e6, (double)bench_resident() / 1e6);
    if (u.p50_us > 0)
        printf(",\"p50_us\":%.1f", u.p50_us);
    printf("}\n");
    fflush(stdout);
}

static void fresh_dir(char *out, size_t size, const char *name)
{
    char command[600];
    snprintf(out, size, "%s/%s", set.dir, name);
    snprintf(command, sizeof(command), "rm -rf '%s' && mkdir -p '%s' && sync", out, out);
    if (system(command) != 0)
        bench_die("cannot prepare", out);
}

/* ---- lone durable puts ------------------------------------------------------------------------- */

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare_laps(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Beside the mean, which has the seconds in which somebody else used the disk and the writing of
 * zeros ahead in it, the median. */
static double median_of(double *laps, size_t count)
{
    qsort(laps, count, sizeof(*laps), compare_laps);
    return laps[count / 2];
}

/* The floor: a sector written over already written space, and a sync. */
static void raw_puts(int round)
{
    char dir[512], path[600];
    static char sector[4096];
    fresh_dir(dir, sizeof(dir), "raw");
    snprintf(path, sizeof(path), "%s/file", dir);
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    for (size_t i = 0; i < set.puts; i++)
        if (pwrite(fd, sector, sizeof(sector), (off_t)(i * sizeof(sector))) < 0)
            bench_die("pwrite", path);
    fsync(fd);
    memset(sector, 'x', sizeof(sector));
    double *laps = calloc(set.puts, sizeof(*laps));
    struct usage start = bench_usage_now(dir);
    for (size_t i = 0; i < set.puts; i++) {
        double lap = now_us();
        if (pwrite(fd, sector, sizeof(sector), (off_t)(i * sizeof(sector))) < 0 ||
            fdatasync(fd) != 0)
            bench_die("fdatasync", path);
        laps[i] = now_us() - lap;
    }
    struct usage u = bench_usage_since(dir, start);
    u.p50_us = median_of(laps, set.puts);
    print_result("put-1", "raw", round, set.puts, u, 0);
    free(laps);
    close(fd);
}

static void lone_puts(const struct bench_engine *e, int round)
{
    char dir[512];
    fresh_dir(dir, sizeof(dir), e->name);
    void *db = e->open(dir);
    put_range(e, db, 1u << 30, 1000, LOAD_BATCH); /* not an empty database */
    put_range(e, db, 2u << 30, 200, 1);
    double *laps = calloc(set.puts, sizeof(*laps));
    struct usage start = bench_usage_now(dir);
    for (size_t i = 0; i < set.puts; i++) {
        double lap = now_us();
        put_range(e, db, i, 1, 1);
        laps[i] = now_us() - lap;
    }
    struct usage u = bench_usage_since(dir, start);
    u.p50_us = median_of(laps, set.puts);
    print_result("put-1", e->name, round, set.puts, u, bench_dir_size(dir));
    free(laps);
    e->close(db);
}

struct put_thread {
    const struct bench_engine *engine;
    void *db;
    uint64_t first;
    size_t count;
};

static void *run_put_thread(void *arg)
{
    struct put_thread *t = arg;
    put_range(t->engine, t->db, t->first, t->count, 1);
    return NULL;
}

static void threaded_puts(const struct bench_engine *e, int round)
{
    char dir[512];
    fresh_dir(dir, sizeof(dir), e->name);
    void *db = e->open(dir);
    put_range(e, db, 1u << 30, 1000, LOAD_BATCH);
    pthread_t threads[THREADS];
    struct put_thread args[THREADS];
    size_t each = set.puts * 4 / THREADS;
    struct usage start = bench_usage_now(dir);
    for (int i = 0; i < THREADS; i++) {
        args[i] = (struct put_thread){ e, db, (uint64_t)i << 20, each };
        pthread_create(&threads[i], NULL, run_put_thread, &args[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    print_result("put-16", e->name, round, each * THREADS, bench_usage_since(dir, start),
                 bench_dir_size(dir));
    e->close(db);
}

/* ---- the large database ------------------------------------------------------------------------- */

struct get_thread {
    const struct bench_engine *engine;
    void *db;
    uint64_t seed;
    size_t count;
};

static void *run_get_thread(void *arg)
{
    struct get_thread *t = arg;
    void *session = t->engine->session_new(t->db);
    char id[17] = { 0 };
    for (size_t i = 0; i < t->count; i++) {
        bench_put_hex(id, bench_mix(bench_mix(t->seed + i) % set.docs));
        t->engine->get(session, id);
    }
    t->engine->session_free(session);
    return NULL;
}

static void gets(const struct bench_engine *e, void *db, const char *dir, int threads, int round)
{
    pthread_t ids[2];
    struct get_thread args[2];
    size_t each = set.docs < 400000 ? set.docs : 400000;
    char work[16];
    snprintf(work, sizeof(work), "get-%d", threads);
    struct usage start = bench_usage_now(dir);
    for (int i = 0; i < threads; i++) {
        args[i] = (struct get_thread){ e, db, (uint64_t)(i + round * 7 + 1) << 40, each };
        pthread_create(&ids[i], NULL, run_get_thread, &args[i]);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    print_result(work, e->name, round, each * (size_t)threads, bench_usage_since(dir, start),
                 bench_dir_size(dir));
}

static void scans(const struct bench_engine *e, void *db, const char *dir, int round)
{
    for (int by_seq = 0; by_seq <= (e->has_seq ? 1 : 0); by_seq++) {
        void *session = e->session_new(db);
        struct usage start = bench_usage_now(dir);
        size_t count = e->scan(session, by_seq);
        if (count < set.docs)
            bench_die("scan", "too few documents");
        print_result(by_seq ? "scan-seq" : "scan-id", e->name, round, count,
                     bench_usage_since(dir, start), 0);
        e->session_free(session);
    }
}

static void updates(const struct bench_engine *e, void *db, const char *dir, int round)
{
    struct bench_text *texts = calloc(UPDATE_BATCH, sizeof(*texts));
    struct bench_doc docs[UPDATE_BATCH];
    size_t count = set.docs / UPDATE_BATCH * UPDATE_BATCH;
    struct usage start = bench_usage_now(dir);
    for (size_t n = 0; n < count; n += UPDATE_BATCH) {
        for (size_t i = 0; i < UPDATE_BATCH; i++)
            docs[i] = bench_make_doc(&texts[i], bench_mix(n + i + (uint64_t)round) % set.docs, n + 2);
        e->put(db, docs, UPDATE_BATCH, true);
    }
    print_result("update-100", e->name, round, count, bench_usage_since(dir, start),
                 bench_dir_size(dir));
    free(texts);
}

static void large(const struct bench_engine *e, int round)
{
    char dir[512];
    fresh_dir(dir, sizeof(dir), e->name);
    void *db = e->open(dir);
    struct usage start = bench_usage_now(dir);
    put_range(e, db, 0, set.docs / LOAD_BATCH * LOAD_BATCH, LOAD_BATCH);
    print_result("load-1000", e->name, round, set.docs, bench_usage_since(dir, start),
                 bench_dir_size(dir));
    e->close(db);
    db = e->open(dir);
    gets(e, db, dir, 1, -1); /* warm */
    gets(e, db, dir, 1, round);
    gets(e, db, dir, 2, round);
    scans(e, db, dir, round);
    if (listed(set.work, "update"))
        updates(e, db, dir, round);
    e->close(db);
}

/* ---- Tuffet alone ------------------------------------------------------------------------------- */

/* Bytes that an edit adds to the log of a document with few or many revisions. */
static void history(int round)
{
    static const size_t depths[] = { 1, 100, 1000 };
    for (size_t d = 0; d < 3; d++) {
        char dir[512], work[32];
        fresh_dir(dir, sizeof(dir), "history");
        void *db = bench_tuffet.open(dir);
        struct bench_text t;
        struct bench_doc doc = bench_make_doc(&t, 1, 1);
        bench_tuffet.put(db, &doc, 1, false);
        for (size_t i = 1; i < depths[d]; i++) {
            doc = bench_make_doc(&t, 1, i + 1);
            bench_tuffet.put(db, &doc, 1, true);
        }
        tuf_snapshot *s = NULL;
        tuf_db_info info = { .struct_size = sizeof(info) };
        if (tuf_db_snapshot(&s, db) || tuf_snapshot_info(&info, s))
            bench_die("snapshot", "failed");
        uint64_t before = info.size_file;
        tuf_snapshot_free(&s);
        size_t edits = depths[d] == 1 ? 1 : 512;
        struct usage start = bench_usage_now(dir);
        for (size_t i = 0; i < edits; i++) {
            doc = bench_make_doc(&t, 1, i + 5000);
            bench_tuffet.put(db, &doc, 1, true);
        }
        struct usage u = bench_usage_since(dir, start);
        if (tuf_db_snapshot(&s, db) || tuf_snapshot_info(&info, s))
            bench_die("snapshot", "failed");
        tuf_snapshot_free(&s);
        u.device_bytes = info.size_file - before; /* exact: bytes of log */
        snprintf(work, sizeof(work), "edit-at-%zu", depths[d]);
        print_result(work, "tuffet", round, edits, u, 0);
        bench_tuffet.close(db);
    }
}

/* A child writes `count` documents without a checkpoint and dies without closing. */
static void crash_and_open(const char *work, size_t count, int round)
{
    char dir[512];
    fresh_dir(dir, sizeof(dir), "recovery");
    pid_t child = fork();
    if (child == 0) {
        void *db = bench_tuffet.open(dir);
        put_range(&bench_tuffet, db, 0, count, LOAD_BATCH);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    struct usage start = bench_usage_now(dir);
    void *db = bench_tuffet.open(dir);
    print_result(work, "tuffet", round, 1, bench_usage_since(dir, start), bench_dir_size(dir));
    bench_tuffet.close(db);
    start = bench_usage_now(dir);
    db = bench_tuffet.open(dir);
    if (strcmp(work, "open-after-crash") == 0)
        print_result("open-clean", "tuffet", round, 1, bench_usage_since(dir, start),
                     bench_dir_size(dir));
    bench_tuffet.close(db);
}

/* With 256 MB of log, and with nearly as much as there is between two checkpoints by default. */
static void recovery(int round)
{
    crash_and_open("open-after-crash", 375000, round);
    crash_and_open("open-after-crash-longest", 1100000, round);
}

static void run_engines(void (*work)(const struct bench_engine *, int), int round)
{
    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
        if (listed(set.engines, engines[i]->name)) {
            fflush(stdout);
            pid_t child = fork(); /* each engine in a process of its own, for honest memory */
            if (child == 0) {
                work(engines[i], round);
                exit(0);
            }
            int status;
            waitpid(child, &status, 0);
            if (status != 0)
                exit(1);
        }
}

static void read_options(int argc, char **argv)
{
    static const struct option options[] = {
        { "docs", required_argument, NULL, 'n' },   { "puts", required_argument, NULL, 'p' },
        { "rounds", required_argument, NULL, 'r' }, { "dir", required_argument, NULL, 'd' },
        { "engines", required_argument, NULL, 'e' }, { "work", required_argument, NULL, 'w' },
        { NULL, 0, NULL, 0 },
    };
    for (int c = getopt_long(argc, argv, "", options, NULL); c != -1;
         c = getopt_long(argc, argv, "", options, NULL)) {
        if (c == 'n')
            set.docs = strtoul(optarg, NULL, 10);
        else if (c == 'p')
            set.puts = strtoul(optarg, NULL, 10);
        else if (c == 'r')
            set.rounds = (int)strtol(optarg, NULL, 10);
        else if (c == 'd')
            set.dir = optarg;
        else if (c == 'e')
            set.engines = optarg;
        else if (c == 'w')
            set.work = optarg;
        else
            exit(2);
    }
    if (set.docs < LOAD_BATCH || set.puts < THREADS || set.rounds < 1)
        bench_die("options", "at least 1000 documents, 16 puts, 1 round");
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    bench_make_pool();
    for (int round = 0; round < set.rounds; round++) {
        if (listed(set.work, "put-1,") || listed(set.work, "put-1")) {
            raw_puts(round);
            run_engines(lone_puts, round);
        }
        if (listed(set.work, "put-16"))
            run_engines(threaded_puts, round);
        if (listed(set.work, "load") || listed(set.work, "update"))
            run_engines(large, round);
        if (listed(set.work, "history"))
            history(round);
        if (listed(set.work, "recovery"))
            recovery(round);
    }
    return 0;
}
