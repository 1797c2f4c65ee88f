/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the documents of the benchmarks: the n-th one is the same for every engine and every run.
 */
#ifndef BENCH_DATA_H
#define BENCH_DATA_H

#include "bench/engines.h"

#define BENCH_BODY_SIZE 1016

struct bench_text {
    char id[17];
    char json[BENCH_BODY_SIZE + 64];
};

/* splitmix64 */
uint64_t bench_mix(uint64_t x);
/* 16 digits, no end. */
void bench_put_hex(char *out, uint64_t value);
/* Once, before the first document. */
void bench_make_pool(void);
/* A document of about 1 KB under a random id; borrows `t`. */
struct bench_doc bench_make_doc(struct bench_text *t, uint64_t n, uint64_t version);

#endif
