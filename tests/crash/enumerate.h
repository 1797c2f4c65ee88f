/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: crashes a recorded workload at every boundary in every way, opens what is left, and
 * compares it with the ledger.
 *
 * Not here: which faults a crash may contain (tests/sim/sim.h).
 */
#ifndef TESTS_CRASH_ENUMERATE_H
#define TESTS_CRASH_ENUMERATE_H

#include <stdio.h>

#include "tests/crash/script.h"

struct enumeration {
    const char *workload;
    uint64_t config_number; /* for the recipe */
    uint64_t seed;
    uint64_t deadline_us;  /* of the monotonic clock; 0: none */
    int64_t only_boundary; /* -1: all */
    int64_t only_image;    /* -1: all */
    uint64_t only_round;   /* with only_boundary */
    bool verbose;
    uint64_t violations_max; /* stop after so many */

    uint64_t boundaries;
    uint64_t images;         /* built */
    uint64_t distinct;       /* opened: no two have the same hash */
    uint64_t *hashes;        /* of these: owned by the caller, grown as needed */
    size_t hash_cap;
    uint64_t second_crashes; /* of these, crashes during or after a recovery */
    uint64_t continued;      /* compactions that went on with what a crash had left */
    uint64_t violations;
    bool complete; /* the systematic round was not cut short */
};

/* Walks the recording: first systematically, then at random until the deadline. */
void enumerate_crashes(struct enumeration *e, struct script *script, uint64_t rounds_max);

/* What to run to see the image again that is being judged now; empty if none is. For signal
 * handlers. */
extern char enumerate_recipe[256];

#endif
