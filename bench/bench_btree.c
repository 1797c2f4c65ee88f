/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: prints the speed and size of one B+tree: 16 random hexadecimal digits as key, 57 to 60
 * bytes of value.
 *
 * usage: bench_btree [ENTRIES]     default 1000000
 * Times are processor time, so that other programs on the machine matter less.
 * Not here: documents, the file, syncs (tuffet bench).
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/hex.h"
#include "engine/btree.h"

#define KEY_SIZE 16
#define VALUE_SIZE 60
#define BATCH_SIZE 100 /* puts per transaction */

struct bench {
    struct btree_env *env;
    struct buf file;
    size_t entry_count;
    uint64_t random;
};

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void must(tuf_status st)
{
    if (st == TUF_OK)
        return;
    fprintf(stderr, "bench_btree: %s: %s\n", tuf_status_name(st), tuf_last_error()->text);
    exit(1);
}

static uint64_t next_random(struct bench *b)
{
    b->random ^= b->random << 13;
    b->random ^= b->random >> 7;
    b->random ^= b->random << 17;
    return b->random;
}

/* Key number i; scattered over the key space. */
static tuf_slice make_key(char out[KEY_SIZE], uint64_t i)
{
    uint8_t bytes[8];
    put_be64(bytes, (i + 1) * UINT64_C(0x9e3779b97f4a7c15));
    tufi_hex_encode(out, bytes, sizeof(bytes));
    return tuf_slice_of(out, KEY_SIZE);
}

/* Lengths differ a little, as those of real entries do. */
static tuf_slice make_value(uint8_t out[VALUE_SIZE], uint64_t seed)
{
    for (size_t i = 0; i < VALUE_SIZE; i++)
        out[i] = (uint8_t)(seed >> i % 8 * 8 ^ i);
    return tuf_slice_of(out, VALUE_SIZE - seed % 4);
}

static void reduce(struct reduction *out, tuf_slice key, tuf_slice value)
{
    (void)key;
    out->v[0] = 1;
    out->v[2] = value.len;
}

static tuf_status read_file(void *ctx, void *buf, size_t len, uint64_t off)
{
    const struct bench *b = ctx;
    memcpy(buf, b->file.data + off, len);
    return TUF_OK;
}

static tuf_status append_file(void *ctx, tuf_slice encoded, uint64_t *off_out)
{
    struct bench *b = ctx;
    *off_out = b->file.len;
    buf_append_slice(&b->file, encoded);
    return buf_status(&b->file);
}

static void report(const char *what, double seconds, size_t count)
{
    printf("%-44s %8.3f us each, %8.0f k/s\n", what, seconds / (double)count * 1e6,
           (double)count / seconds / 1e3);
    fflush(stdout);
}

/* ---- what is measured ------------------------------------------------------------------------ */

static void load_random(struct bench *b)
{
    char key[KEY_SIZE];
    uint8_t value[VALUE_SIZE];
    double start = cpu_s();
    for (size_t i = 0; i < b->entry_count; i += 1000) {
        struct btree_txn *txn;
        must(tufi_btree_txn_begin(&txn, b->env));
        for (size_t k = i; k < i + 1000 && k < b->entry_count; k++)
            must(tufi_btree_put(txn, 0, make_key(key, k), make_value(value, k)));
        tufi_btree_txn_publish(&txn, NULL, NULL);
    }
    report("load, random keys, 1000 per txn", cpu_s() - start, b->entry_count);
}

static void append_sequential(struct bench *b)
{
    uint8_t key[8];
    uint8_t value[VALUE_SIZE];
    struct btree_txn *txn;
    double start = cpu_s();
    must(tufi_btree_txn_begin(&txn, b->env));
    for (size_t i = 0; i < b->entry_count; i++) {
        put_be64(key, i);
        must(tufi_btree_put(txn, 1, tuf_slice_of(key, 8), make_value(value, i)));
    }
    tufi_btree_txn_publish(&txn, NULL, NULL);
    report("append, ascending keys, one txn", cpu_s() - start, b->entry_count);
}

static void find_random(struct bench *b, const char *what)
{
    size_t count = 1000000;
    char key[KEY_SIZE];
    uint64_t sum = 0;
    const struct btree_version *version = tufi_btree_acquire(b->env);
    double start = cpu_s();
    for (size_t i = 0; i < count; i++) {
        struct btree_pin pin = BTREE_PIN_INIT;
        tuf_slice value;
        must(tufi_btree_find(b->env, &version->trees[0],
                             make_key(key, next_random(b) % b->entry_count), &value, &pin));
        sum += value.data[0];
        tufi_btree_unpin(b->env, &pin);
    }
    report(what, cpu_s() - start, count);
    tufi_btree_release(b->env, version);
    if (sum == 0)
        printf("(no value had a byte)\n");
}

static void update_random(struct bench *b, const char *what, size_t batch)
{
    size_t count = 200000;
    char key[KEY_SIZE];
    uint8_t value[VALUE_SIZE];
    double start = cpu_s();
    for (size_t i = 0; i < count; i += batch) {
        struct btree_txn *txn;
        must(tufi_btree_txn_begin(&txn, b->env));
        for (size_t k = 0; k < batch; k++)
            must(tufi_btree_put(txn, 0, make_key(key, next_random(b) % b->entry_count),
                                make_value(value, i + k)));
        tufi_btree_txn_publish(&txn, NULL, NULL);
    }
    report(what, cpu_s() - start, count);
}

/* By-seq of updated documents: append at the right, remove anywhere. */
static void move_sequential(struct bench *b)
{
    size_t count = 200000;
    uint8_t key[8];
    uint8_t value[VALUE_SIZE];
    double start = cpu_s();
    for (size_t i = 0; i < count; i += BATCH_SIZE) {
        struct btree_txn *txn;
        must(tufi_btree_txn_begin(&txn, b->env));
        for (size_t k = i; k < i + BATCH_SIZE; k++) {
            put_be64(key, next_random(b) % b->entry_count);
            tuf_status st = tufi_btree_remove(txn, 1, tuf_slice_of(key, 8));
            must(st == TUF_NOT_FOUND ? TUF_OK : st);
            put_be64(key, b->entry_count + k);
            must(tufi_btree_put(txn, 1, tuf_slice_of(key, 8), make_value(value, k)));
        }
        tufi_btree_txn_publish(&txn, NULL, NULL);
    }
    report("remove one and append one, 100 per txn", cpu_s() - start, count);
}

static void write_all(struct bench *b)
{
    size_t dirty = tufi_btree_dirty_size(b->env);
    size_t before = b->file.len;
    struct btree_txn *txn;
    double start = cpu_s();
    must(tufi_btree_txn_begin(&txn, b->env));
    must(tufi_btree_txn_write(txn, append_file, b));
    tufi_btree_txn_publish(&txn, NULL, NULL);
    double seconds = cpu_s() - start;
    size_t encoded = b->file.len - before;
    printf("%-44s %8.1f MB dirty, %.1f MB encoded (ratio %.2f), %.0f MB/s\n", "write dirty nodes",
           (double)dirty / 1e6, (double)encoded / 1e6, (double)dirty / (double)encoded,
           (double)encoded / seconds / 1e6);
    printf("%-44s %8.1f MB\n", "clean nodes in the cache",
           (double)tufi_btree_cache_used(b->env) / 1e6);
}

static void scan(struct bench *b, const char *what)
{
    const struct btree_version *version = tufi_btree_acquire(b->env);
    struct btree_cursor *cursor;
    must(tufi_btree_cursor_new(&cursor, b->env, &version->trees[0]));
    tuf_slice key;
    tuf_slice value;
    size_t count = 0;
    double start = cpu_s();
    tuf_status st = tufi_btree_next(cursor, &key, &value);
    for (; st == TUF_OK; st = tufi_btree_next(cursor, &key, &value))
        count++;
    if (st != TUF_END)
        must(st);
    report(what, cpu_s() - start, count);
    tufi_btree_cursor_free(&cursor);
    tufi_btree_release(b->env, version);
}

int main(int argc, char **argv)
{
    struct bench b = { .random = 88172645463325252u };
    b.entry_count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    struct btree_config config = {
        .read = read_file, .ctx = &b, .reduce = { reduce, reduce }, .cache_size = (size_t)512 << 20
    };
    must(tufi_btree_env_new(&b.env, &config));
    tufi_buf_append_zero(&b.file, 16); /* offset 0 is no place for a node */
    printf("%zu entries\n", b.entry_count);
    load_random(&b);
    find_random(&b, "find, dirty");
    scan(&b, "scan, dirty");
    update_random(&b, "update, dirty, 100 per txn", BATCH_SIZE);
    write_all(&b);
    find_random(&b, "find, cached");
    scan(&b, "scan, cached");
    update_random(&b, "update, cached, 100 per txn", BATCH_SIZE);
    update_random(&b, "update, 1 per txn", 1);
    append_sequential(&b);
    move_sequential(&b);
    write_all(&b);
    tufi_btree_env_free(&b.env);
    tufi_buf_release(&b.file);
    return 0;
}
