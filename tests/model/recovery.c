/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the steps that end a database's session: closing and opening, power failures, injected
 * faults. After them the library must show one of the states that the reference kept: nothing
 * acknowledged is missing, nothing shows a half commit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/expect.h"
#include "tests/model/run.h"

static void keep_only(struct run *r, size_t pos)
{
    for (size_t i = 0; i < r->state_count; i++)
        if (i != pos)
            ref_release(&r->states[i]);
    struct ref_db kept = r->states[pos];
    r->states[0] = kept;
    r->state_count = 1;
    ref_release(&r->ref);
    ref_copy(&r->ref, &kept);
}

static void add_state(struct run *r, const struct ref_db *state)
{
    if (r->state_count == RUN_UNSYNCED_MAX + 2)
        abort();
    ref_copy(&r->states[r->state_count++], state);
}

/* The order monitor checks that what is committed now is synced, and guards it. */
static void acknowledge(struct run *r)
{
    tuf_snapshot *snapshot = NULL;
    tuf_db_info info = { .struct_size = sizeof(info) };
    if (tuf_db_snapshot(&snapshot, r->db) != TUF_OK || tuf_snapshot_info(&info, snapshot) != TUF_OK)
        abort();
    tuf_snapshot_free(&snapshot);
    sim_acked(r->sim, RUN_PATH, info.size_file);
}

void run_advance(struct run *r, bool durable)
{
    add_state(r, &r->ref);
    if (durable || r->state_count > RUN_UNSYNCED_MAX) {
        if (!durable && tuf_db_sync(r->db) != TUF_OK)
            abort();
        acknowledge(r);
        keep_only(r, r->state_count - 1);
    }
}

static bool release_held(struct run *r)
{
    for (size_t i = 0; i < RUN_HELD_MAX; i++) {
        if (!r->held[i].snapshot)
            continue;
        bool same = compare_all(r->held[i].snapshot, &r->held[i].ref);
        tuf_snapshot_free(&r->held[i].snapshot);
        ref_release(&r->held[i].ref);
        if (!same)
            return false;
    }
    return true;
}

static void forget_held(struct run *r)
{
    for (size_t i = 0; i < RUN_HELD_MAX; i++) {
        if (!r->held[i].snapshot)
            continue;
        tuf_snapshot_free(&r->held[i].snapshot);
        ref_release(&r->held[i].ref);
    }
}

/* Finds which of the kept states the database shows now. */
static bool settle(struct run *r)
{
    char first[sizeof(compare_why)] = "";
    for (size_t i = r->state_count; i > 0; i--) {
        tuf_snapshot *snapshot = NULL;
        EXPECT_OK(tuf_db_snapshot(&snapshot, r->db), "snapshot");
        bool same = compare_all(snapshot, &r->states[i - 1]);
        tuf_snapshot_free(&snapshot);
        if (same) {
            keep_only(r, i - 1);
            run_note(r, i);
            return true;
        }
        if (first[0] == '\0')
            memcpy(first, compare_why, sizeof(first));
    }
    EXPECT(false, "none of %zu possible states is shown; against the newest: %.800s",
           r->state_count, first);
}

bool run_open(struct run *r)
{
    r->opts.vfs = fault_vfs(r->fault);
    EXPECT_OK(tuf_db_open(&r->db, RUN_PATH, &r->opts), "opening");
    acknowledge(r);
    return settle(r);
}

bool run_reopen(struct run *r)
{
    if (!release_held(r))
        return false;
    EXPECT_OK(tuf_db_close(&r->db), "closing");
    EXPECT_NUMBER(sim_handle_count(r->sim), 0, "open file handles");
    keep_only(r, r->state_count - 1);
    if (rng_chance(&r->rng, 3)) { /* opening fails first */
        struct fault_plan plan = { .kind = FAULT_ANY,
                                   .at = 1 + rng_below(&r->rng, 12),
                                   .sticky = rng_chance(&r->rng, 2) };
        fault_set(r->fault, &plan);
        r->opts.vfs = fault_vfs(r->fault);
        tuf_status st = tuf_db_open(&r->db, RUN_PATH, &r->opts);
        uint64_t hits = fault_hits(r->fault);
        fault_set(r->fault, NULL);
        EXPECT(st == TUF_OK || (hits > 0 && st < 0), "opening with a fault: %s",
               tuf_status_name(st));
        run_note(r, (uint64_t)(st == TUF_OK));
        if (st == TUF_OK && tuf_db_close(&r->db) != TUF_OK)
            EXPECT(false, "closing after an open with a fault");
        EXPECT_NUMBER(sim_handle_count(r->sim), 0, "open file handles after a fault");
    }
    return run_open(r);
}

/* Abandons the handle: nothing it does now reaches the disk. */
static void abandon(struct run *r)
{
    struct fault_plan dead = { .kind = FAULT_ANY, .at = 1, .sticky = true };
    forget_held(r);
    fault_set(r->fault, &dead);
    (void)tuf_db_close(&r->db);
    fault_set(r->fault, NULL);
}

static void move_to(struct run *r, struct sim *disk)
{
    fault_free(&r->fault);
    sim_free(&r->sim);
    r->sim = disk;
    r->fault = fault_new(sim_vfs(disk));
}

static struct sim *power_failure(struct run *r)
{
    uint8_t *keep = malloc(sim_pending_count(r->sim) + 1);
    if (!keep)
        abort();
    struct sim_plan plan;
    sim_plan_random(&plan, keep, r->sim, &r->rng);
    struct sim *image = sim_crash(r->sim, &plan);
    free(keep);
    return image;
}

bool run_crash(struct run *r)
{
    if (rng_chance(&r->rng, 2)) {
        struct sim *image = power_failure(r);
        abandon(r);
        move_to(r, image);
    } else { /* only the process dies */
        abandon(r);
    }
    EXPECT_NUMBER(sim_handle_count(r->sim), 0, "open file handles after a crash");
    return run_open(r);
}

static void pick_fault(struct run *r, struct fault_plan *plan)
{
    static const enum fault_kind kinds[] = { FAULT_PWRITEV, FAULT_SYNC, FAULT_PREAD, FAULT_ANY };
    *plan = (struct fault_plan){
        .kind = kinds[rng_below(&r->rng, 4)],
        .at = 1 + rng_below(&r->rng, 3),
        .sticky = rng_chance(&r->rng, 3),
        .sys_errno = rng_chance(&r->rng, 2) ? ENOSPC : EIO,
        .short_permille = (uint32_t)rng_below(&r->rng, 1001),
    };
    plan->drop = plan->kind == FAULT_SYNC && rng_chance(&r->rng, 2);
    plan->evict = plan->drop && rng_chance(&r->rng, 2);
}

/* The failed change must not be visible; what is must be as before. */
static bool unchanged(struct run *r)
{
    tuf_snapshot *snapshot = NULL;
    EXPECT_OK(tuf_db_snapshot(&snapshot, r->db), "snapshot after a fault");
    bool same = compare_info(snapshot, &r->ref);
    tuf_snapshot_free(&snapshot);
    return same;
}

/* A commit during which the disk fails; then going on, opening again, or a power failure. */
static bool fail_commit(struct run *r, const struct change *c)
{
    struct fault_plan plan;
    pick_fault(r, &plan);
    struct ref_db after;
    struct ref_result got[12], want[12];
    ref_copy(&after, &r->ref);
    tuf_status want_st = ref_commit(&after, c->edits, c->count, want);
    fault_set(r->fault, &plan);
    tuf_status st = engine_commit(r, c, got);
    uint64_t hits = fault_hits(r->fault);
    fault_set(r->fault, NULL);
    run_note(r, (uint64_t)st * 1000 + hits);
    bool fair = st == want_st || (hits > 0 && st < 0 && st != TUF_E_INTERNAL);
    if (want_st == TUF_OK) {
        ref_copy(&r->states[r->state_count++], &after);
        if (st == TUF_OK) {
            ref_release(&r->ref);
            ref_copy(&r->ref, &after);
            keep_only(r, r->state_count - 1);
        }
    }
    ref_release(&after);
    char text[160];
    fault_describe(text, sizeof(text), &plan);
    EXPECT(fair, "commit with fault %s: %s (%s), expected %s or a failure", text,
           tuf_status_name(st), tuf_last_error()->text, tuf_status_name(want_st));
    return unchanged(r);
}

/* A compaction during which the disk fails. It may have taken the name already. */
static bool fail_compaction(struct run *r)
{
    struct fault_plan plan;
    pick_fault(r, &plan);
    plan.at = 1 + rng_below(&r->rng, 40);
    struct ref_db after;
    ref_copy(&after, &r->ref);
    ref_compact(&after);
    fault_set(r->fault, &plan);
    tuf_status st = tuf_db_compact(NULL, r->db, NULL);
    uint64_t hits = fault_hits(r->fault);
    fault_set(r->fault, NULL);
    run_note(r, (uint64_t)st * 1000 + hits);
    add_state(r, &after);
    if (st == TUF_OK) {
        ref_release(&r->ref);
        ref_copy(&r->ref, &after);
        keep_only(r, r->state_count - 1);
    }
    ref_release(&after);
    EXPECT(st == TUF_OK || (hits > 0 && st < 0 && st != TUF_E_INTERNAL),
           "compaction with a fault: %s (%s)", tuf_status_name(st), tuf_last_error()->text);
    return unchanged(r);
}

bool run_fault(struct run *r)
{
    struct change c = { 0 };
    if (tuf_db_sync(r->db) != TUF_OK) /* only one step is in doubt then */
        EXPECT(false, "sync before a fault");
    keep_only(r, r->state_count - 1);
    bool good;
    if (r->weights[RUN_COMPACT] > 0 && rng_chance(&r->rng, 4)) {
        good = fail_compaction(r);
    } else {
        pick_put(r, &c);
        if (rng_chance(&r->rng, 2))
            pick_bulk(r, &c);
        good = fail_commit(r, &c);
    }
    change_release(&c);
    if (!good)
        return false;
    if (rng_chance(&r->rng, 3)) {
        struct sim *image = power_failure(r);
        abandon(r);
        move_to(r, image);
        return run_open(r);
    }
    if (tuf_db_sync(r->db) == TUF_OK && rng_chance(&r->rng, 2)) {
        keep_only(r, 0); /* it can go on: then nothing is in doubt */
        return true;
    }
    abandon(r);
    return run_open(r);
}
