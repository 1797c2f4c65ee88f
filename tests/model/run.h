/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one run of the model test: a seed, a disk, a database, the reference beside it.
 */
#ifndef TESTS_MODEL_RUN_H
#define TESTS_MODEL_RUN_H

#include "tests/model/compare.h"
#include "tests/sim/fault.h"
#include "tests/sim/sim.h"

#define RUN_PATH "dir/model.tuf"
#define RUN_HELD_MAX 3     /* snapshots held across writes */
#define RUN_UNSYNCED_MAX 8 /* NO_WAIT commits before a sync */
#define RUN_KNOWN_MAX 24   /* revision paths remembered for each document */

/* Weight and name of each kind of step. */
#define RUN_OP_TABLE(X)                                                                            \
    X(PUT, 24)                                                                                     \
    X(UPDATE, 15)                                                                                  \
    X(DELETE, 8)                                                                                   \
    X(CONFLICT, 10)                                                                                \
    X(BULK, 6)                                                                                     \
    X(LOCAL, 4)                                                                                    \
    X(ATTACH, 4)                                                                                   \
    X(STUBS, 3)                                                                                    \
    X(PURGE, 2)                                                                                    \
    X(LIMITS, 1)                                                                                   \
    X(META, 2)                                                                                     \
    X(NO_WAIT, 3)                                                                                  \
    X(GET, 12)                                                                                     \
    X(CHANGES, 5)                                                                                  \
    X(RANGE, 8)                                                                                    \
    X(KNOWN, 4)                                                                                    \
    X(HOLD, 3)                                                                                     \
    X(CHECKPOINT, 1)                                                                               \
    X(COMPACT, 1)                                                                                  \
    X(REOPEN, 1)                                                                                   \
    X(CRASH, 1)                                                                                    \
    X(FAULT, 2)

enum run_op {
#define RUN_OP_ENUM(name, weight) RUN_##name,
    RUN_OP_TABLE(RUN_OP_ENUM)
#undef RUN_OP_ENUM
        RUN_OP_COUNT,
};
extern const char *const run_op_names[RUN_OP_COUNT];

struct held {
    tuf_snapshot *snapshot; /* NULL: free */
    struct ref_db ref;
};

struct run {
    uint64_t seed;
    struct rng rng;
    uint32_t weights[RUN_OP_COUNT]; /* 0: switched off for this seed */
    uint8_t id_count;               /* document ids in use */
    tuf_open_options opts;
    struct sim *sim;
    struct fault *fault;
    tuf_db *db;
    struct ref_db ref;
    /* States that a crash may show: the durable one first. The newest equals ref. */
    struct ref_db states[RUN_UNSYNCED_MAX + 2];
    size_t state_count;
    struct held held[RUN_HELD_MAX];
    struct ref_path known[REF_IDS][RUN_KNOWN_MAX]; /* any revision's whole past, newest first */
    size_t known_count[REF_IDS];
    uint64_t next_body;
    uint64_t hash;    /* of everything that happened */
    const char *step; /* name of the step at hand */
};

void run_note(struct run *r, uint64_t value);

/* A commit to be tried: edits, or one purge, or a setting. */
struct change {
    struct ref_edit edits[12];
    size_t count;
    unsigned flags;
};
void change_release(struct change *c);

/* steps.c: makes changes at random. */
void pick_put(struct run *r, struct change *c);
void pick_update(struct run *r, struct change *c, bool deleted);
void pick_conflict(struct run *r, struct change *c);
void pick_bulk(struct run *r, struct change *c);
void pick_local(struct run *r, struct change *c);
void pick_stubs(struct run *r, struct change *c);
/* Remembers the past of a revision that was stored. */
void remember(struct run *r, uint8_t id, const struct ref_path *path);

/* commit.c: does a change on both sides. */
tuf_status engine_commit(struct run *r, const struct change *c, struct ref_result *results);
bool run_change(struct run *r, const struct change *c);
bool run_attach(struct run *r);
bool run_purge(struct run *r);
bool run_limits(struct run *r);
bool run_meta(struct run *r);
bool run_compact(struct run *r);

/* recovery.c: closing, crashing, failing. */
bool run_open(struct run *r);
bool run_reopen(struct run *r);
bool run_crash(struct run *r);
bool run_fault(struct run *r);
/* ref has changed: durable or not. */
void run_advance(struct run *r, bool durable);

/* All of a run; false and compare_why at the first difference, with the number of the step. */
bool run_all(struct run *r, uint64_t seed, uint64_t ops, uint64_t off_mask, uint64_t all_every,
             uint64_t *failed_at);

#endif
