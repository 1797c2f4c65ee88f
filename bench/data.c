/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: making documents, so fast that it is no part of what is measured.
 */
#include "bench/data.h"

#include <stdio.h>
#include <string.h>

uint64_t bench_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

#define POOL_SIZE 2048

/* Two words, five digits: Snappy makes 1.69 to 1 of it. */
static char pool[POOL_SIZE][BENCH_BODY_SIZE + 64];
static size_t pool_len[POOL_SIZE];

/* Every text begins with `{"n":"0000000000000000","t":"`, whose digits are replaced for each document. */
#define DIGITS_POS 6

void bench_make_pool(void)
{
    static const char *const words[] = { "alpha", "bravo", "charlie", "delta", "echo", "foxtrot",
                                         "golf", "hotel" };
    for (uint64_t n = 0; n < POOL_SIZE; n++) {
        char *out = pool[n];
        size_t len = (size_t)snprintf(out, sizeof(pool[n]), "{\"n\":\"%016x\",\"t\":\"", 0);
        for (uint64_t k = 0; len < BENCH_BODY_SIZE - 16; k++) {
            uint64_t r = bench_mix(n * 131 + k);
            len += (size_t)snprintf(out + len, sizeof(pool[n]) - len, "%s %s %05llx ", words[r & 7],
                                    words[r >> 3 & 7], (unsigned long long)(r >> 8 & 0xfffff));
        }
        pool_len[n] = len + (size_t)snprintf(out + len, sizeof(pool[n]) - len, "\"}");
    }
}

void bench_put_hex(char *out, uint64_t value)
{
    for (int i = 15; i >= 0; i--, value >>= 4)
        out[i] = "0123456789abcdef"[value & 15];
}

struct bench_doc bench_make_doc(struct bench_text *t, uint64_t n, uint64_t version)
{
    uint64_t from = bench_mix(n * 31 + version) % POOL_SIZE;
    bench_put_hex(t->id, bench_mix(n));
    memcpy(t->json, pool[from], pool_len[from] + 1);
    bench_put_hex(t->json + DIGITS_POS, bench_mix(n + (version << 32)));
    return (struct bench_doc){ t->id, t->json, pool_len[from] };
}
