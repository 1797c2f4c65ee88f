/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: measure compaction: of a database of which 60 % are garbage, beside LMDB's compacting copy and
 * RocksDB's manual compaction of the same data; and what readers and writers notice of it.
 *
 *   bench_compact [--docs N] [--rounds N] [--dir DIR] [--engines a,b] [--work a,b]
 *
 * work: compact (alone), beside (with one reader and one writer), switch (how long writers wait)
 */
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/data.h"
#include "bench/device.h"
#include "tuffet/tuffet.h"

#define BATCH 1000
#define SAMPLES_MAX (1u << 20)

static const struct bench_engine *const engines[] = { &bench_tuffet, &bench_lmdb, &bench_rocksdb };

static struct {
    size_t docs;
    int rounds;
    const char *dir, *engines, *work;
} set = { 1000000, 1, "/tmp/tuffet-bench", "", "" };

_Noreturn void bench_die(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

static bool listed(const char *list, const char *name)
{
    return !*list || strstr(list, name) != NULL;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fresh_dir(char *out, size_t size, const char *name)
{
    char command[600];
    snprintf(out, size, "%s/%s", set.dir, name);
    snprintf(command, sizeof(command), "rm -rf '%s' && mkdir -p '%s' && sync", out, out);
    if (system(command) != 0)
        bench_die("cannot prepare", out);
}

/* ---- data ------------------------------------------------------------------------------------- */

static void put_batch(const struct bench_engine *e, void *db, const uint64_t *numbers,
                      uint64_t version, bool update)
{
    static struct bench_text texts[BATCH];
    static struct bench_doc docs[BATCH];
    for (size_t i = 0; i < BATCH; i++)
        docs[i] = bench_make_doc(&texts[i], numbers[i], version + i);
    e->put(db, docs, BATCH, update);
}

/* Every document once, then one and a half times as many random updates. */
static void fill(const struct bench_engine *e, void *db, size_t docs)
{
    uint64_t numbers[BATCH];
    for (uint64_t n = 0; n < docs; n += BATCH) {
        for (size_t i = 0; i < BATCH; i++)
            numbers[i] = n + i;
        put_batch(e, db, numbers, 1, false);
    }
    for (uint64_t n = 0; n < docs * 3 / 2; n += BATCH) {
        for (size_t i = 0; i < BATCH; i++)
            numbers[i] = bench_mix(n + i) % docs;
        put_batch(e, db, numbers, n + 2, true);
    }
}

/* ---- alone -------------------------------------------------------------------------------------- */

static tuf_db_info info_of(tuf_db *db)
{
    tuf_snapshot *snapshot = NULL;
    tuf_db_info info = { .struct_size = sizeof(info) };
    if (tuf_db_snapshot(&snapshot, db) || tuf_snapshot_info(&info, snapshot))
        bench_die("info", tuf_last_error()->text);
    tuf_snapshot_free(&snapshot);
    return info;
}

static void alone(const struct bench_engine *e, int round)
{
    char dir[512];
    fresh_dir(dir, sizeof(dir), e->name);
    void *db = e->open(dir);
    fill(e, db, set.docs);
    e->close(db);
    db = e->open(dir);
    uint64_t before = bench_dir_size(dir);
    struct usage start = bench_usage_now(dir);
    e->compact(db, dir);
    struct usage u = bench_usage_since(dir, start);
    double n = (double)set.docs;
    printf("{\"work\":\"compact\",\"engine\":\"%s\",\"round\":%d,\"ops\":%zu,\"ops_per_s\":%.0f,"
           "\"cpu_us_per_op\":%.2f,\"device_bytes_per_op\":%.0f,\"flushes_per_op\":%.6f,"
           "\"mb_before\":%.1f,\"file_mb\":%.1f,\"rss_mb\":%.1f}\n",
           e->name, round, set.docs, n / u.wall_s, u.cpu_s * 1e6 / n, (double)u.device_bytes / n,
           (double)u.flushes / n, (double)before / 1e6, (double)bench_dir_size(dir) / 1e6,
           (double)bench_resident() / 1e6);
    if (e == &bench_tuffet) {
        tuf_db_info info = info_of(db);
        printf("{\"work\":\"compact-size\",\"engine\":\"tuffet\",\"round\":%d,\"file_bytes\":%llu,"
               "\"live_bytes\":%llu,\"file_to_live\":%.4f}\n",
               round, (unsigned long long)info.size_file, (unsigned long long)info.size_active,
               (double)info.size_file / (double)info.size_active);
    }
    fflush(stdout);
    e->close(db);
}

/* ---- beside a reader and a writer ---------------------------------------------------------------- */

struct load {
    tuf_db *db;
    atomic_bool stop;
    uint64_t seed;
    size_t count;       /* operations done */
    uint32_t *samples;  /* microseconds each */
};

static void sample(struct load *l, double start)
{
    l->samples[l->count++ % SAMPLES_MAX] = (uint32_t)((now_s() - start) * 1e6);
}

static void *get_on(void *arg)
{
    struct load *l = arg;
    char id[17] = { 0 };
    while (!atomic_load(&l->stop)) {
        bench_put_hex(id, bench_mix(bench_mix(l->seed + l->count) % set.docs));
        double start = now_s();
        void *session = bench_tuffet.session_new(l->db);
        bench_tuffet.get(session, id);
        bench_tuffet.session_free(session);
        sample(l, start);
        usleep(100); /* a reader, not a load test */
    }
    return NULL;
}

static void *put_on(void *arg)
{
    struct load *l = arg;
    struct bench_text text;
    while (!atomic_load(&l->stop)) {
        struct bench_doc doc = bench_make_doc(&text, l->seed + l->count, 1);
        double start = now_s();
        bench_tuffet.put(l->db, &doc, 1, false);
        sample(l, start);
    }
    return NULL;
}

static int compare_samples(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t percentile(uint32_t *samples, size_t count, unsigned permille)
{
    if (count > SAMPLES_MAX)
        count = SAMPLES_MAX;
    if (count == 0)
        return 0;
    qsort(samples, count, sizeof(*samples), compare_samples);
    return samples[(count - 1) * permille / 1000];
}

static void print_load(const char *phase, int round, struct load *get, struct load *put, double s)
{
    printf("{\"work\":\"beside-%s\",\"engine\":\"tuffet\",\"round\":%d,\"seconds\":%.2f,"
           "\"put_per_s\":%.0f,\"put_p99_us\":%u,\"get_per_s\":%.0f,\"get_p50_us\":%u,"
           "\"get_p99_us\":%u,\"get_max_us\":%u}\n",
           phase, round, s, (double)put->count / s, percentile(put->samples, put->count, 990),
           (double)get->count / s, percentile(get->samples, get->count, 500),
           percentile(get->samples, get->count, 990), percentile(get->samples, get->count, 1000));
    fflush(stdout);
}

/* Reads and writes for some seconds, or while the compaction lasts. */
static void run_load(tuf_db *db, bool compact, int round)
{
    static uint64_t seed = 1;
    struct load get = { .db = db, .seed = seed << 40 }, put = { .db = db, .seed = seed << 41 };
    seed++;
    pthread_t threads[2];
    get.samples = calloc(SAMPLES_MAX, sizeof(uint32_t));
    put.samples = calloc(SAMPLES_MAX, sizeof(uint32_t));
    double start = now_s();
    pthread_create(&threads[0], NULL, get_on, &get);
    pthread_create(&threads[1], NULL, put_on, &put);
    tuf_compact_report report = { 0 };
    if (!compact)
        sleep(5);
    else if (tuf_db_compact(&report, db, NULL) != TUF_OK)
        bench_die("compaction", tuf_last_error()->text);
    double s = now_s() - start;
    atomic_store(&get.stop, true);
    atomic_store(&put.stop, true);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    print_load(compact ? "compaction" : "nothing", round, &get, &put, s);
    free(get.samples);
    free(put.samples);
}

static void beside(int round)
{
    char dir[512];
    fresh_dir(dir, sizeof(dir), "beside");
    void *db = bench_tuffet.open(dir);
    fill(&bench_tuffet, db, set.docs);
    run_load(db, false, round);
    run_load(db, true, round);
    bench_tuffet.close(db);
}

/* ---- the switch ---------------------------------------------------------------------------------- */

#define SWITCHES 100
#define WRITERS 8

static void switches(int round)
{
    char dir[512];
    fresh_dir(dir, sizeof(dir), "switch");
    void *db = bench_tuffet.open(dir);
    struct load loads[WRITERS];
    pthread_t threads[WRITERS];
    for (uint64_t i = 0; i < WRITERS; i++) {
        loads[i] = (struct load){ .db = db, .seed = (i + 1) << 40 };
        loads[i].samples = calloc(SAMPLES_MAX, sizeof(uint32_t));
        pthread_create(&threads[i], NULL, put_on, &loads[i]);
    }
    uint32_t waits[SWITCHES];
    unsigned slowed = 0;
    for (size_t i = 0; i < SWITCHES; i++) {
        tuf_compact_report report;
        usleep(20000);
        if (tuf_db_compact(&report, db, NULL) != TUF_OK)
            bench_die("compaction", tuf_last_error()->text);
        waits[i] = (uint32_t)report.blocked_us;
        slowed += report.slowed_writers;
    }
    size_t puts = 0;
    for (size_t i = 0; i < WRITERS; i++) {
        atomic_store(&loads[i].stop, true);
        pthread_join(threads[i], NULL);
        puts += loads[i].count;
        free(loads[i].samples);
    }
    printf("{\"work\":\"switch\",\"engine\":\"tuffet\",\"round\":%d,\"switches\":%d,\"puts\":%zu,"
           "\"slowed\":%u,\"wait_p50_us\":%u,\"wait_p99_us\":%u,\"wait_max_us\":%u}\n",
           round, SWITCHES, puts, slowed, percentile(waits, SWITCHES, 500),
           percentile(waits, SWITCHES, 990), percentile(waits, SWITCHES, 1000));
    fflush(stdout);
    bench_tuffet.close(db);
}

/* ---- the program --------------------------------------------------------------------------------- */

static void read_options(int argc, char **argv)
{
    static const struct option options[] = {
        { "docs", required_argument, NULL, 'n' },   { "rounds", required_argument, NULL, 'r' },
        { "dir", required_argument, NULL, 'd' },    { "engines", required_argument, NULL, 'e' },
        { "work", required_argument, NULL, 'w' },   { NULL, 0, NULL, 0 },
    };
    for (int c = getopt_long(argc, argv, "", options, NULL); c != -1;
         c = getopt_long(argc, argv, "", options, NULL)) {
        if (c == 'n')
            set.docs = strtoul(optarg, NULL, 10);
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
    if (set.docs < BATCH || set.docs % BATCH != 0 || set.rounds < 1)
        bench_die("options", "documents come by the thousand");
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    bench_make_pool();
    for (int round = 0; round < set.rounds; round++) {
        for (size_t i = 0; listed(set.work, "compact") && i < sizeof(engines) / sizeof(*engines);
             i++) {
            if (!listed(set.engines, engines[i]->name))
                continue;
            fflush(stdout);
            pid_t child = fork(); /* each in a process of its own, for honest memory */
            if (child == 0) {
                alone(engines[i], round);
                exit(0);
            }
            int status;
            waitpid(child, &status, 0);
            if (status != 0)
                exit(1);
        }
        if (listed(set.work, "beside") && listed(set.engines, "tuffet"))
            beside(round);
        if (listed(set.work, "switch") && listed(set.engines, "tuffet"))
            switches(round);
    }
    return 0;
}
