/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fuzz the operations of a B+tree against the model of the unit tests: the first byte chooses
 * node and cache size, the others the operations.
 */
#include "tests/unit/engine/btree_model.h"

#define STEP_COUNT_MAX 3000 /* more only makes inputs slow */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t node_sizes[] = { 64, 128, 256, 1024 };
    static const size_t cache_sizes[] = { 0, 20000, 1 << 20 };
    if (size == 0)
        return 0;
    struct choices choices = { .data = data + 1, .left = size - 1 };
    struct harness h;
    harness_init(&h, &choices, node_sizes[data[0] % 4], cache_sizes[data[0] / 4 % 3]);
    for (unsigned i = 0; i < STEP_COUNT_MAX && !choices_end(&choices); i++)
        model_require(harness_step(&h) == TUF_OK);
    harness_compare(&h);
    model_require(harness_reopen(&h) == TUF_OK);
    harness_compare(&h);
    harness_release(&h);
    return 0;
}
