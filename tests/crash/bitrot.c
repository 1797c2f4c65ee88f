/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: damages what was synced: flips bits, zeroes, swaps and misplaces sectors, cuts the file,
 * and checks that nobody is ever shown something else without an error.
 *
 *   bitrot [--budget-seconds S] [--seed N] [--workload NAME]
 *
 * The files are those that the workloads of the crash tests leave after a close. Everything in them
 * is declared durable by the last checkpoint, so damage must never look like a torn tail: opening
 * or reading says E_CORRUPT (with an offset) or E_VERSION, or everything reads as before, because
 * the place was not in use. Only a cut file may show an earlier state: nothing in it tells of the
 * rest. Ends with rot_images=N and violations=N; exit status 1 if there are any.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/crash/configs.h"
#include "tests/crash/dump.h"

enum damage { FLIP, FLIP_MANY, ZERO, SWAP, STALE, CUT, DAMAGE_COUNT };
static const char *const damage_names[] = { "flip", "flip_many", "zero", "swap", "stale", "cut" };

struct rot {
    struct script script;
    const char *workload;
    const uint8_t *file; /* undamaged; owned by the script's disk */
    size_t file_len;
    const struct ledger *ledger;
    uint64_t images, refused, damaged, unharmed, violations;
};

static char where[200];

static void violation(struct rot *r, const char *what)
{
    printf("VIOLATION %s: %s (%s, %s)\n", where, what, tuf_last_error()->text,
           tuf_last_error()->origin);
    fflush(stdout);
    r->violations++;
}

/* Changes a copy of the file. Returns its new length. */
static size_t inflict(uint8_t *bytes, const struct rot *r, enum damage kind, size_t at,
                      struct rng *rng)
{
    size_t sector = r->script.config.db_sector;
    size_t start = at / sector * sector;
    size_t len = r->file_len - start < sector ? r->file_len - start : sector;
    size_t other = (size_t)rng_below(rng, r->file_len / sector) * sector;
    switch (kind) {
    case FLIP:
        bytes[at] ^= (uint8_t)(1u << rng_below(rng, 8));
        return r->file_len;
    case FLIP_MANY:
        for (size_t i = 0, end = 2 + (size_t)rng_below(rng, 62); i < end; i++)
            bytes[start + rng_below(rng, len)] ^= (uint8_t)(1u << rng_below(rng, 8));
        return r->file_len;
    case ZERO:
        memset(bytes + start, 0, len);
        return r->file_len;
    case SWAP:
        if (other + sector <= r->file_len && start + sector <= r->file_len) {
            memcpy(bytes + start, r->file + other, sector);
            memcpy(bytes + other, r->file + start, sector);
        }
        return r->file_len;
    case STALE: /* an older sector shows up in this place */
        if (other < start)
            memcpy(bytes + start, r->file + other, len);
        return r->file_len;
    case CUT:
        return at;
    case DAMAGE_COUNT:
        break;
    }
    abort();
}

static bool earlier_state(const struct rot *r, uint64_t hash)
{
    for (size_t i = 1; i < r->ledger->step; i++)
        if (r->ledger->states[i].hash == hash)
            return true;
    return false;
}

static void judge_text(struct rot *r, tuf_db *db, enum damage kind)
{
    struct buf out = BUF_INIT;
    tuf_status st = dump_db(&out, db);
    if (st == TUF_E_CORRUPT) {
        r->damaged++;
    } else if (st != TUF_OK) {
        violation(r, "reading ends in another failure than E_CORRUPT");
    } else {
        buf_append_u8(&out, 0);
        uint64_t hash = script_hash_text((const char *)out.data);
        if (hash == r->ledger->states[r->ledger->step].hash)
            r->unharmed++;
        else if (kind != CUT || !earlier_state(r, hash))
            violation(r, "reading shows something else without an error");
    }
    tufi_buf_release(&out);
}

static void judge(struct rot *r, const uint8_t *bytes, size_t len, enum damage kind, bool rdonly)
{
    struct sim *disk = sim_new(r->script.config.disk_sector, 1);
    sim_set_monitor(disk, SIM_MONITOR_OFF);
    sim_store(disk, r->ledger->path, bytes, len);
    tuf_open_options opts = script_open_options(&r->script, sim_vfs(disk));
    opts.flags = rdonly ? TUF_OPEN_RDONLY : 0;
    tuf_db *db = NULL;
    tuf_status st = tuf_db_open(&db, r->ledger->path, &opts);
    if (st == TUF_OK)
        judge_text(r, db, kind);
    else if (st != TUF_E_CORRUPT && st != TUF_E_VERSION)
        violation(r, "opening ends in another failure than E_CORRUPT or E_VERSION");
    else if (st == TUF_E_CORRUPT && tuf_last_error()->file_off == UINT64_MAX)
        violation(r, "E_CORRUPT without an offset");
    else
        r->refused++;
    (void)tuf_db_close(&db);
    if (sim_handle_count(disk) != 0)
        violation(r, "file handles are left open");
    sim_free(&disk);
    r->images++;
}

static uint64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Offsets in use come first: a file is mostly padding. */
static size_t pick_offset(const struct rot *r, struct rng *rng)
{
    size_t at = (size_t)rng_below(rng, r->file_len);
    for (int i = 0; i < 8 && r->file[at] == 0; i++)
        at = (size_t)rng_below(rng, r->file_len);
    return at;
}

static void rot_workload(struct rot *r, const struct workload *workload, size_t config,
                         uint64_t seed, uint64_t deadline_us)
{
    struct script_config how = crash_config(config, seed, SIM_MONITOR_ABORT);
    *r = (struct rot){ .workload = workload->name };
    script_run(&r->script, workload, &how);
    r->ledger = &r->script.dbs[0];
    r->file = sim_peek(r->script.sim, r->ledger->path, &r->file_len);
    uint8_t *bytes = malloc(r->file_len);
    if (!bytes)
        abort();
    struct rng rng = { seed };
    do {
        enum damage kind = (enum damage)rng_below(&rng, DAMAGE_COUNT);
        size_t at = pick_offset(r, &rng);
        bool rdonly = rng_chance(&rng, 4);
        snprintf(where, sizeof(where), "bitrot --workload %s --seed %llu # image %llu: %s at %zu%s",
                 workload->name, (unsigned long long)seed, (unsigned long long)r->images,
                 damage_names[kind], at, rdonly ? ", read only" : "");
        memcpy(bytes, r->file, r->file_len);
        judge(r, bytes, inflict(bytes, r, kind, at, &rng), kind, rdonly);
    } while (now_us() < deadline_us && r->violations < 5);
    free(bytes);
    script_release(&r->script);
}

static void on_signal(int number)
{
    static const char text[] = "\nVIOLATION an assertion or a crash: ";
    (void)!write(STDOUT_FILENO, text, sizeof(text) - 1);
    (void)!write(STDOUT_FILENO, where, strlen(where));
    (void)!write(STDOUT_FILENO, "\n", 1);
    signal(number, SIG_DFL);
    raise(number);
}

int main(int argc, char **argv)
{
    double budget_s = 10;
    uint64_t seed = 1;
    const char *only = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--budget-seconds") == 0)
            budget_s = strtod(argv[i + 1], NULL);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 0);
        else if (strcmp(argv[i], "--workload") == 0)
            only = argv[i + 1];
    }
    signal(SIGABRT, on_signal);
    signal(SIGSEGV, on_signal);
    signal(SIGBUS, on_signal);
    uint64_t images = 0, violations = 0, passed = 0, failed = 0;
    uint64_t end = now_us() + (uint64_t)(budget_s * 1e6);
    for (size_t i = 0; i < workload_count; i++) {
        if (only && strcmp(only, workloads[i].name) != 0)
            continue;
        struct rot r;
        uint64_t now = now_us();
        uint64_t share = now < end ? (end - now) / (only ? 1 : workload_count - i) : 0;
        rot_workload(&r, &workloads[i], i % 2, seed, now + share);
        printf("%-27s %7llu images: %llu refused, %llu damaged when read, %llu unharmed, "
               "%llu violations\n",
               r.workload, (unsigned long long)r.images, (unsigned long long)r.refused,
               (unsigned long long)r.damaged, (unsigned long long)r.unharmed,
               (unsigned long long)r.violations);
        images += r.images;
        violations += r.violations;
        *(r.violations ? &failed : &passed) += 1;
    }
    printf("rot_images=%llu\nviolations=%llu\n%llu passed, %llu failed\n",
           (unsigned long long)images, (unsigned long long)violations, (unsigned long long)passed,
           (unsigned long long)failed);
    return violations > 0 || images == 0;
}
