/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one run of the model test: sets a seed up, does step after step, compares.
 *
 * Swarm testing: each seed switches about half of the kinds of steps off and draws its own sizes,
 * limits and options, so that runs differ more than one long run does from itself.
 *
 * INV-MO-1: the same seed does the same things: r->hash after equal runs is equal.
 */
#include "tests/model/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "tests/model/expect.h"

const char *const run_op_names[RUN_OP_COUNT] = {
#define RUN_OP_NAME(name, weight) #name,
    RUN_OP_TABLE(RUN_OP_NAME)
#undef RUN_OP_NAME
};

void run_note(struct run *r, uint64_t value)
{
    r->hash = rng_mix(r->hash ^ value) + 1;
}

static void draw_options(struct run *r)
{
    static const int levels[] = { -1, 8, 1 };
    static const uint64_t logs[] = { 0, 4000, 30000 };
    r->opts = (tuf_open_options)TUF_OPEN_OPTIONS_INIT;
    r->opts.flags = TUF_OPEN_CREATE;
    r->opts.sector_size = rng_chance(&r->rng, 2) ? 512 : 4096;
    r->opts.cache_size = rng_chance(&r->rng, 2) ? 1 : 100000;
    r->opts.checkpoint_log_size = logs[rng_below(&r->rng, 3)];
    r->opts.compression = (unsigned)rng_below(&r->rng, 3);
    r->opts.gzip_level = levels[rng_below(&r->rng, 3)];
    r->ref.gzip_level = r->opts.gzip_level > 0 ? r->opts.gzip_level : 0;
}

static void draw_weights(struct run *r, uint64_t off_mask)
{
    static const uint32_t weights[RUN_OP_COUNT] = {
#define RUN_OP_WEIGHT(name, weight) weight,
        RUN_OP_TABLE(RUN_OP_WEIGHT)
#undef RUN_OP_WEIGHT
    };
    for (size_t i = 0; i < RUN_OP_COUNT; i++)
        r->weights[i] = rng_chance(&r->rng, 2) ? weights[i] : 0;
    if (rng_chance(&r->rng, 4))
        memcpy(r->weights, weights, sizeof(weights));
    r->weights[RUN_PUT] = weights[RUN_PUT];
    for (size_t i = 1; i < RUN_OP_COUNT; i++)
        if (off_mask >> i & 1)
            r->weights[i] = 0;
}

static bool setup(struct run *r, uint64_t seed, uint64_t off_mask)
{
    *r = (struct run){ .seed = seed, .rng = { rng_mix(seed + 77) }, .step = "OPEN" };
    ref_init(&r->ref);
    draw_options(r);
    draw_weights(r, off_mask);
    static const uint8_t id_counts[] = { 3, 8, REF_IDS };
    r->id_count = id_counts[rng_below(&r->rng, 3)];
    r->sim = sim_new(r->opts.sector_size, seed);
    sim_set_profile(r->sim, rng_chance(&r->rng, 2) ? SIM_ORDERED : SIM_POSIX_MINIMAL);
    sim_set_sharing(r->sim, seed % 3 != 0);
    r->fault = fault_new(sim_vfs(r->sim));
    ref_copy(&r->states[r->state_count++], &r->ref);
    return run_open(r);
}

static void teardown(struct run *r)
{
    for (size_t i = 0; i < RUN_HELD_MAX; i++) {
        tuf_snapshot_free(&r->held[i].snapshot);
        ref_release(&r->held[i].ref);
    }
    (void)tuf_db_close(&r->db);
    fault_free(&r->fault);
    sim_free(&r->sim);
    ref_release(&r->ref);
    for (size_t i = 0; i < r->state_count; i++)
        ref_release(&r->states[i]);
    for (size_t id = 0; id < REF_IDS; id++)
        for (size_t i = 0; i < r->known_count[id]; i++)
            free(r->known[id][i].revs);
}

static enum run_op draw_op(struct run *r)
{
    uint64_t total = 0;
    for (size_t i = 0; i < RUN_OP_COUNT; i++)
        total += r->weights[i];
    uint64_t at = rng_below(&r->rng, total);
    size_t op = 0;
    while (at >= r->weights[op])
        at -= r->weights[op++];
    return (enum run_op)op;
}

/* A change of the kinds that one commit does. */
static bool do_change(struct run *r, enum run_op op)
{
    struct change c = { 0 };
    switch ((int)op) {
    case RUN_UPDATE:
    case RUN_DELETE:
        pick_update(r, &c, op == RUN_DELETE);
        break;
    case RUN_CONFLICT:
        pick_conflict(r, &c);
        break;
    case RUN_BULK:
        pick_bulk(r, &c);
        break;
    case RUN_LOCAL:
        pick_local(r, &c);
        break;
    case RUN_STUBS:
        pick_stubs(r, &c);
        break;
    case RUN_NO_WAIT:
        c.flags = TUF_COMMIT_NO_WAIT;
        pick_put(r, &c);
        break;
    default:
        pick_put(r, &c);
        break;
    }
    bool good = run_change(r, &c);
    change_release(&c);
    return good;
}

/* A question about one snapshot: the newest, or one that is held. */
static bool ask(struct run *r, enum run_op op, tuf_snapshot *s, const struct ref_db *ref)
{
    uint8_t id = (uint8_t)rng_below(&r->rng, r->id_count);
    switch ((int)op) {
    case RUN_GET:
        return compare_doc(s, ref, id, rng_chance(&r->rng, 2)) && compare_info(s, ref) &&
               compare_local(s, ref, (uint8_t)rng_below(&r->rng, REF_LOCALS)) &&
               compare_meta(s, ref, (uint8_t)rng_below(&r->rng, REF_META));
    case RUN_CHANGES:
        return compare_changes(s, ref, rng_below(&r->rng, ref->update_seq + 2),
                               rng_chance(&r->rng, 4)) &&
               compare_purges(s, ref, rng_below(&r->rng, ref->purge_seq + 2));
    case RUN_RANGE:
        return compare_range(s, ref, &r->rng) &&
               compare_locals_range(s, ref, rng_chance(&r->rng, 2)) &&
               compare_rank(s, ref, id, rng_chance(&r->rng, 2));
    default:
        return compare_known(s, ref, id, &r->rng);
    }
}

static bool do_question(struct run *r, enum run_op op)
{
    struct held *h = &r->held[rng_below(&r->rng, RUN_HELD_MAX)];
    if (h->snapshot && rng_chance(&r->rng, 2))
        return ask(r, op, h->snapshot, &h->ref);
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    EXPECT_OK(tuf_db_snapshot(&snapshot, r->db), "snapshot");
    return ask(r, op, snapshot, &r->ref);
}

/* Takes a snapshot to be compared much later, or ends one. */
static bool do_hold(struct run *r)
{
    struct held *h = &r->held[rng_below(&r->rng, RUN_HELD_MAX)];
    if (!h->snapshot) {
        EXPECT_OK(tuf_db_snapshot(&h->snapshot, r->db), "snapshot");
        ref_copy(&h->ref, &r->ref);
        return true;
    }
    bool same = compare_all(h->snapshot, &h->ref);
    tuf_snapshot_free(&h->snapshot);
    ref_release(&h->ref);
    return same;
}

static bool do_checkpoint(struct run *r)
{
    EXPECT_OK(tuf_db_checkpoint(r->db), "checkpoint");
    run_advance(r, true);
    return true;
}

static bool do_step(struct run *r, enum run_op op)
{
    r->step = run_op_names[op];
    run_note(r, op);
    switch (op) {
    case RUN_PUT:
    case RUN_UPDATE:
    case RUN_DELETE:
    case RUN_CONFLICT:
    case RUN_BULK:
    case RUN_LOCAL:
    case RUN_STUBS:
    case RUN_NO_WAIT:
        return do_change(r, op);
    case RUN_ATTACH:
        return run_attach(r);
    case RUN_PURGE:
        return run_purge(r);
    case RUN_LIMITS:
        return run_limits(r);
    case RUN_META:
        return run_meta(r);
    case RUN_GET:
    case RUN_CHANGES:
    case RUN_RANGE:
    case RUN_KNOWN:
        return do_question(r, op);
    case RUN_HOLD:
        return do_hold(r);
    case RUN_CHECKPOINT:
        return do_checkpoint(r);
    case RUN_COMPACT:
        return run_compact(r);
    case RUN_REOPEN:
        return run_reopen(r);
    case RUN_CRASH:
        return run_crash(r);
    case RUN_FAULT:
        return run_fault(r);
    case RUN_OP_COUNT:
        break;
    }
    return false;
}

static bool compare_now(struct run *r)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    EXPECT_OK(tuf_db_snapshot(&snapshot, r->db), "snapshot");
    return compare_all(snapshot, &r->ref);
}

bool run_all(struct run *r, uint64_t seed, uint64_t ops, uint64_t off_mask, uint64_t all_every,
             uint64_t *failed_at)
{
    bool good = setup(r, seed, off_mask);
    uint64_t i = 0;
    for (; good && i < ops; i++) {
        good = do_step(r, draw_op(r));
        if (good && (i + 1) % all_every == 0)
            good = compare_now(r);
    }
    *failed_at = i;
    if (good)
        good = compare_now(r) && run_reopen(r);
    if (good)
        teardown(r);
    return good;
}
