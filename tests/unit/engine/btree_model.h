/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a sorted array that behaves as a B+tree should, and a harness that runs the same operations
 * on both and compares. Used by the unit tests (random operations) and by fuzz/fuzz_btree_ops.c.
 *
 * INV-BM-1: each held version has its own copy of the model, made when it was acquired.
 */
#ifndef TESTS_UNIT_ENGINE_BTREE_MODEL_H
#define TESTS_UNIT_ENGINE_BTREE_MODEL_H

#include <pthread.h>

#include "engine/btree.h"

/* Says what differs and aborts: a test in fork mode fails, a fuzzer reports. */
#define model_require(x) ((x) ? (void)0 : model_differs(#x, __FILE__, __LINE__))
_Noreturn void model_differs(const char *what, const char *file, int line);

/* ---- a file in memory ------------------------------------------------------------------------ */

struct mem_file {
    pthread_mutex_t lock;
    uint8_t *data;
    size_t len;
    size_t cap;
    uint64_t read_count;
    uint64_t fail_read_at; /* number of the read that fails, from 1; 0: none */
    uint64_t append_count;
    uint64_t fail_append_at;
};

void mem_file_init(struct mem_file *file);
void mem_file_release(struct mem_file *file);
tuf_status mem_file_read(void *ctx, void *buf, size_t len, uint64_t off);
tuf_status mem_file_append(void *ctx, tuf_slice encoded, uint64_t *off_out);

/* slot 0: values of odd length; 1: values of even length; 2: key bytes; 3: value bytes. */
void model_reduce(struct reduction *out, tuf_slice key, tuf_slice value);

/* ---- the model ------------------------------------------------------------------------------- */

struct item {
    unsigned ref_count;
    tuf_slice key; /* both in the same allocation */
    tuf_slice value;
};

struct model {
    struct item **items; /* in key order */
    size_t count;
    size_t cap;
};

void model_release(struct model *m);
void model_copy(struct model *out, const struct model *m);
/* Position of the first item with a key >= key. */
size_t model_lower_bound(const struct model *m, tuf_slice key, bool *equal_out);
void model_put(struct model *m, tuf_slice key, tuf_slice value);
void model_remove_at(struct model *m, size_t pos);

/* ---- the harness ----------------------------------------------------------------------------- */

#define MODEL_TREES 2
#define MODEL_HELD_MAX 6

/* Where the choices come from: a generator, or the bytes of a fuzzer. */
struct choices {
    uint64_t random; /* state of the generator, when data is NULL */
    const uint8_t *data;
    size_t left;
};

uint32_t choose(struct choices *c, uint32_t below);
bool choices_end(const struct choices *c);

struct held {
    const struct btree_version *version;
    struct model models[MODEL_TREES];
};

struct harness {
    struct mem_file file;
    struct btree_config config;
    struct btree_env *env;
    struct btree_txn *txn;            /* NULL between transactions */
    struct model newest[MODEL_TREES]; /* of the newest version */
    struct model work[MODEL_TREES];   /* of the txn */
    struct held held[MODEL_HELD_MAX];
    uint64_t next_number; /* for keys that only grow */
    struct choices *choices;
    uint32_t key_len_max;
    uint32_t value_len_max;
};

void harness_init(struct harness *h, struct choices *choices, size_t node_size, size_t cache_size);
void harness_release(struct harness *h);
/* One operation. TUF_OK, or the failure that was injected: then the txn has been aborted. */
tuf_status harness_step(struct harness *h);
/* Compares the newest version and every held one with their models, entry by entry, and runs check.
 */
void harness_compare(struct harness *h);
/* Writes, publishes and opens again from the references alone. */
tuf_status harness_reopen(struct harness *h);
tuf_status harness_begin(struct harness *h);
void harness_abort(struct harness *h);
void harness_publish(struct harness *h);

#endif
