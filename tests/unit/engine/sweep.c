/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: implements tests/unit/engine/sweep.h.
 */
#include "tests/unit/engine/sweep.h"

#include "base/alloc.h"

static uint64_t allocations, failing;

static bool may_allocate(size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    return ++allocations != failing;
}

void sweep_begin(struct fault *fault, enum sweep_kind kind, uint64_t at)
{
    struct fault_plan plan = { .kind = FAULT_ANY, .at = at, .sticky = kind == SWEEP_CALLS };
    allocations = 0;
    failing = kind == SWEEP_MEMORY ? at : 0;
    fault_set(fault, kind == SWEEP_MEMORY ? NULL : &plan);
    if (kind == SWEEP_MEMORY)
        tufi_alloc_set_hook(may_allocate, NULL);
}

bool sweep_end(struct fault *fault)
{
    tufi_alloc_set_hook(NULL, NULL);
    bool hit = fault_hits(fault) > 0 || (failing > 0 && allocations >= failing);
    fault_set(fault, NULL);
    return hit;
}
