/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the scenarios in which fail_loop makes calls fail, and the stage that they play on.
 *
 * Not here: which calls fail and what is expected afterwards (fail_loop.c).
 */
#ifndef TESTS_CRASH_FAIL_H
#define TESTS_CRASH_FAIL_H

#include "tests/sim/fault.h"
#include "tests/sim/sim.h"
#include "tuffet/tuffet.h"

#define FAIL_PATH "dir/f.tuf"
#define SALVAGE_PATH "dir/salvaged.tuf"
#define FAIL_STATES_MAX 40

struct stage {
    struct sim *sim;
    struct fault *fault;
    tuf_db *db;
    bool rehearsal;
    bool crashed; /* the process was killed; the next opening recovers */
    uint32_t sector_size;
    char *states[FAIL_STATES_MAX]; /* from the rehearsal; [0] is no file, NULL */
    char *salvaged; /* from the rehearsal: what a salvage brings back */
    size_t issued, acked;
    uint64_t violations;
};

struct scenario {
    const char *name;
    bool (*play)(struct stage *s, const struct scenario *scenario); /* false: a step failed */
    uint8_t ops[3];                                                 /* of the composed ones */
    unsigned op_count;
    uint32_t sector_size; /* of the disk and of the database; 0: 512 */
    bool no_sharing;      /* the disk has no links and shares no blocks */
};

/* Written by hand first, then the composed ones: all operations alone, in pairs, in triples. */
const struct scenario *fail_scenarios(size_t *count_out, size_t *by_hand_out);

void fail_violation(struct stage *s, const char *what, tuf_status st);
/* Runs something without faults and without counting. */
void fail_pause(void);
void fail_resume(void);
/* Counts failures that struck an opening after a kill. */
extern uint64_t fail_recoveries;
/* What the database shows; owned, free with tuf_free. NULL and a status if it cannot be read. */
char *fail_text_of(tuf_db *db, tuf_status *st_out);

#endif
