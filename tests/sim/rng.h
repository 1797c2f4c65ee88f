/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the seeded random numbers of the tests. Same seed, same numbers, on every machine.
 *
 * Source: splitmix64 (Steele, Lea and Flood 2014).
 */
#ifndef TESTS_SIM_RNG_H
#define TESTS_SIM_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline uint64_t rng_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static inline uint64_t rng_next(struct rng *r)
{
    r->state += UINT64_C(0x9e3779b97f4a7c15);
    return rng_mix(r->state);
}

/* 0..limit-1; limit is not 0. */
static inline uint64_t rng_below(struct rng *r, uint64_t limit)
{
    return rng_next(r) % limit;
}

/* True once in `one_in` times. */
static inline bool rng_chance(struct rng *r, uint64_t one_in)
{
    return rng_below(r, one_in) == 0;
}

static inline void rng_fill(struct rng *r, void *buf, size_t len)
{
    uint8_t *out = buf;
    for (size_t i = 0; i < len;) {
        uint64_t word = rng_next(r);
        for (size_t k = 0; k < 8 && i < len; k++, i++)
            out[i] = (uint8_t)(word >> (8 * k));
    }
}

#endif
