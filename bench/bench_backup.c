/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: measure backups and the past: a whole copy of a large file, one of 1 MiB that is new, taking
 * a snapshot, opening a recent and an old moment.
 *
 *     bench_backup [--mib N] [--dir DIR]     N MiB of documents, 1024 unless given
 * Prints JSON lines.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tuffet/tuffet.h"

#define DOC_SIZE 8000
#define BATCH 128 /* documents of 8 kB: 1 MiB */
#define ROUNDS 9

static char source[512], copy[512];

static void must(tuf_status st, const char *what)
{
    if (st == TUF_OK)
        return;
    fprintf(stderr, "bench_backup: %s: %s\n", what, tuf_last_error()->text);
    exit(2);
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* One commit of about 1 MiB that does not compress. */
static void add_mib(tuf_db *db, unsigned number)
{
    static char text[DOC_SIZE + 100];
    static uint64_t state = 88172645463325252u;
    tuf_edit *edits[BATCH];
    for (unsigned i = 0; i < BATCH; i++) {
        int len = snprintf(text, sizeof(text), "{\"_id\":\"%08u-%03u\",\"v\":\"", number, i);
        for (unsigned k = 0; k < DOC_SIZE; k++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text[len++] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"[state >> 58];
        }
        len += snprintf(text + len, sizeof(text) - (size_t)len, "\"}");
        must(tuf_edit_parse(&edits[i], tuf_slice_of(text, (size_t)len), NULL), "parse");
    }
    must(tuf_db_commit(db, edits, BATCH, 0), "commit");
    for (unsigned i = 0; i < BATCH; i++)
        tuf_edit_free(&edits[i]);
}

static void print(const char *what, const double *ms, int count, uint64_t bytes)
{
    double sorted[ROUNDS];
    memcpy(sorted, ms, (size_t)count * sizeof(*ms));
    for (int i = 1; i < count; i++)
        for (int k = i; k > 0 && sorted[k] < sorted[k - 1]; k--) {
            double x = sorted[k];
            sorted[k] = sorted[k - 1];
            sorted[k - 1] = x;
        }
    printf("{\"work\":\"%s\",\"engine\":\"tuffet\",\"ms_median\":%.3f,\"ms_max\":%.3f,\"bytes\":%llu}\n",
           what, sorted[count / 2], sorted[count - 1], (unsigned long long)bytes);
}

static void run_backups(tuf_db *db, unsigned mib)
{
    tuf_backup_report report;
    double ms[ROUNDS];
    double start = now_ms();
    must(tuf_backup(&report, source, copy, NULL), "backup");
    ms[0] = now_ms() - start;
    print("backup-full", ms, 1, report.bytes_copied);
    for (int i = 0; i < ROUNDS; i++) {
        add_mib(db, mib + (unsigned)i);
        start = now_ms();
        must(tuf_backup(&report, source, copy, NULL), "backup");
        ms[i] = now_ms() - start;
    }
    print("backup-1mib-new", ms, ROUNDS, report.bytes_copied);
    for (int i = 0; i < ROUNDS; i++) {
        start = now_ms();
        must(tuf_backup(&report, source, copy, NULL), "backup");
        ms[i] = now_ms() - start;
    }
    print("backup-nothing-new", ms, ROUNDS, report.bytes_copied);
}

static void run_moment(const char *name, unsigned kind, uint64_t at)
{
    double ms[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
        opts.flags = TUF_OPEN_RDONLY;
        opts.at_kind = kind;
        opts.at = at;
        tuf_db *past = NULL;
        double start = now_ms();
        must(tuf_db_open(&past, source, &opts), name);
        ms[i] = now_ms() - start;
        must(tuf_db_close(&past), "close");
    }
    print(name, ms, ROUNDS, 0);
}

static void run_snapshots(tuf_db *db)
{
    double ms[ROUNDS];
    tuf_db_info info = { .struct_size = sizeof(info) };
    for (int i = 0; i < ROUNDS; i++) {
        tuf_snapshot *snapshot = NULL;
        double start = now_ms();
        must(tuf_db_snapshot(&snapshot, db), "snapshot");
        ms[i] = now_ms() - start;
        must(tuf_snapshot_info(&info, snapshot), "info");
        tuf_snapshot_free(&snapshot);
    }
    print("snapshot", ms, ROUNDS, 0);
    run_moment("open-checkpoint", TUF_AT_CHECKPOINT, info.checkpoint_off);
    run_moment("open-recent-sequence", TUF_AT_SEQ, info.update_seq - 5 * BATCH);
    run_moment("open-first-sequence", TUF_AT_SEQ, BATCH);
}

int main(int argc, char **argv)
{
    unsigned mib = 1024;
    const char *dir = "/tmp/tuffet-bench";
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--mib") == 0)
            mib = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--dir") == 0)
            dir = argv[i + 1];
    }
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return 2;
    snprintf(source, sizeof(source), "%s/backup.tuf", dir);
    snprintf(copy, sizeof(copy), "%s/backup.copy", dir);
    unlink(source);
    unlink(copy);
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = TUF_OPEN_CREATE;
    tuf_db *db = NULL;
    must(tuf_db_open(&db, source, &opts), "open");
    for (unsigned i = 0; i < mib; i++)
        add_mib(db, i);
    run_backups(db, mib);
    run_snapshots(db);
    must(tuf_db_close(&db), "close");
    unlink(source);
    unlink(copy);
    return 0;
}
