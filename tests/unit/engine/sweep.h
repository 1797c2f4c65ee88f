/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: lets the n-th allocation, or the n-th call to the disk, of whatever is done next fail.
 *
 *     for (uint64_t at = 1; hit; at++) {
 *         ... a new world ...
 *         sweep_begin(w.fault, SWEEP_MEMORY, at);
 *         st = act();
 *         hit = sweep_end(w.fault);
 *         ... what must be true after any failure ...
 *     }
 *
 * Threads: one.
 */
#ifndef TESTS_UNIT_ENGINE_SWEEP_H
#define TESTS_UNIT_ENGINE_SWEEP_H

#include "tests/sim/fault.h"

enum sweep_kind {
    SWEEP_MEMORY, /* the call says E_NOMEM, or it did not need the memory */
    SWEEP_CALL,   /* one call of the disk fails with EIO */
    SWEEP_CALLS,  /* and all later ones */
    SWEEP_KIND_COUNT,
};

void sweep_begin(struct fault *fault, enum sweep_kind kind, uint64_t at);
/* Nothing fails any more. Whether something did. */
bool sweep_end(struct fault *fault);

#endif
