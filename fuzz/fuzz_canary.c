/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: proves that the fuzzers find bugs: a decoder with a planted one. `scripts/fuzz canary` fails
 * unless libFuzzer crashes it; replaying its corpus must not.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink; /* so that the compiler keeps the reads */

/* A length that is trusted behind a magic number, as real decoders get it wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 6 || memcmp(data, "TUFF", 4) != 0)
        return 0;
    uint8_t *copy = malloc(size - 4);
    if (!copy)
        return 0;
    memcpy(copy, data + 4, size - 4);
    size_t len = copy[0];
    uint8_t sum = 0;
    for (size_t i = 1; i <= len; i++)
        sum = (uint8_t)(sum + copy[i]); /* the bug: reads behind the end */
    free(copy);
    sink = sum;
    return 0;
}
