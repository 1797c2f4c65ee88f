/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the model of a B+tree and the operations that compare the two (btree_model.h).
 */
#include "tests/unit/engine/btree_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arith.h"

_Noreturn void model_differs(const char *what, const char *file, int line)
{
    fprintf(stderr, "tree and model differ at %s:%d: %s\n", file, line, what);
    fflush(stderr);
    abort();
}

/* ---- a file in memory ------------------------------------------------------------------------ */

void mem_file_init(struct mem_file *file)
{
    memset(file, 0, sizeof(*file));
    pthread_mutex_init(&file->lock, NULL);
    file->len = 16; /* offset 0 is no place for a node */
}

void mem_file_release(struct mem_file *file)
{
    free(file->data);
    pthread_mutex_destroy(&file->lock);
}

tuf_status mem_file_read(void *ctx, void *buf, size_t len, uint64_t off)
{
    struct mem_file *file = ctx;
    tuf_status st = TUF_OK;
    pthread_mutex_lock(&file->lock);
    if (++file->read_count == file->fail_read_at)
        st = tufi_fail(TUF_E_IO, "planted read failure");
    else if (off > file->len || len > file->len - off)
        st = tufi_corrupt(off, "read past the end");
    else
        memcpy(buf, file->data + off, len);
    pthread_mutex_unlock(&file->lock);
    return st;
}

tuf_status mem_file_append(void *ctx, tuf_slice encoded, uint64_t *off_out)
{
    struct mem_file *file = ctx;
    tuf_status st = TUF_OK;
    pthread_mutex_lock(&file->lock);
    if (++file->append_count == file->fail_append_at) {
        st = tufi_fail(TUF_E_FULL, "planted append failure");
    } else {
        if (!file->data || file->cap - file->len < encoded.len) {
            file->cap = (file->cap + file->len + encoded.len) * 2;
            file->data = realloc(file->data, file->cap);
            model_require(file->data);
        }
        memcpy(file->data + file->len, encoded.data, encoded.len);
        *off_out = file->len;
        file->len += encoded.len;
    }
    pthread_mutex_unlock(&file->lock);
    return st;
}

void model_reduce(struct reduction *out, tuf_slice key, tuf_slice value)
{
    out->v[0] = value.len % 2;
    out->v[1] = value.len % 2 == 0;
    out->v[2] = key.len;
    out->v[3] = value.len;
}

/* ---- the model ------------------------------------------------------------------------------- */

static struct item *item_new(tuf_slice key, tuf_slice value)
{
    struct item *item = malloc(sizeof(*item) + key.len + value.len);
    model_require(item);
    uint8_t *bytes = (uint8_t *)(item + 1);
    if (key.len > 0)
        memcpy(bytes, key.data, key.len);
    if (value.len > 0)
        memcpy(bytes + key.len, value.data, value.len);
    item->ref_count = 1;
    item->key = tuf_slice_of(bytes, key.len);
    item->value = tuf_slice_of(bytes + key.len, value.len);
    return item;
}

static void item_unref(struct item *item)
{
    if (--item->ref_count == 0)
        free(item);
}

void model_release(struct model *m)
{
    for (size_t i = 0; i < m->count; i++)
        item_unref(m->items[i]);
    free(m->items);
    memset(m, 0, sizeof(*m));
}

void model_copy(struct model *out, const struct model *m)
{
    out->items = malloc((m->count + 1) * sizeof(*out->items));
    model_require(out->items);
    out->count = m->count;
    out->cap = m->count + 1;
    for (size_t i = 0; i < m->count; i++) {
        out->items[i] = m->items[i];
        out->items[i]->ref_count++;
    }
}

size_t model_lower_bound(const struct model *m, tuf_slice key, bool *equal_out)
{
    size_t low = 0;
    size_t high = m->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(m->items[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *equal_out = low < m->count && slice_equal(m->items[low]->key, key);
    return low;
}

void model_put(struct model *m, tuf_slice key, tuf_slice value)
{
    bool equal;
    size_t pos = model_lower_bound(m, key, &equal);
    if (equal) {
        struct item *old = m->items[pos];
        m->items[pos] = item_new(key, value); /* before: key may be the old one's */
        item_unref(old);
        return;
    }
    if (m->count == m->cap) {
        m->cap = m->cap * 2 + 16;
        m->items = realloc(m->items, m->cap * sizeof(*m->items));
        model_require(m->items);
    }
    memmove(m->items + pos + 1, m->items + pos, (m->count - pos) * sizeof(*m->items));
    m->items[pos] = item_new(key, value);
    m->count++;
}

void model_remove_at(struct model *m, size_t pos)
{
    item_unref(m->items[pos]);
    m->count--;
    memmove(m->items + pos, m->items + pos + 1, (m->count - pos) * sizeof(*m->items));
}

/* ---- choices --------------------------------------------------------------------------------- */

static uint32_t next_random(struct choices *c)
{
    c->random += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    uint64_t z = c->random;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(z >> 32);
}

uint32_t choose(struct choices *c, uint32_t below)
{
    if (!c->data)
        return next_random(c) % below;
    uint32_t value = 0;
    for (uint32_t range = 1; range < below && c->left > 0; range *= 256) {
        value = value << 8 | *c->data++;
        c->left--;
        if (range > UINT32_MAX / 256)
            break;
    }
    return value % below;
}

bool choices_end(const struct choices *c)
{
    return c->data && c->left == 0;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static const unsigned kinds[MODEL_TREES] = { 0, 2 };

struct comparison {
    const struct model *model;
    size_t pos;
};

static tuf_status compare_entry(void *ctx, tuf_slice key, tuf_slice value)
{
    struct comparison *c = ctx;
    model_require(c->pos < c->model->count);
    model_require(slice_equal(key, c->model->items[c->pos]->key));
    model_require(slice_equal(value, c->model->items[c->pos]->value));
    c->pos++;
    return TUF_OK;
}

static void refuse_finding(void *ctx, const struct btree_finding *finding)
{
    (void)ctx;
    model_differs(finding->text, "check", (int)finding->off);
}

static void compare_tree(struct harness *h, const struct btree *tree, const struct model *model)
{
    struct comparison c = { .model = model };
    struct btree_check_sink sink = { .found = refuse_finding, .entry = compare_entry, .ctx = &c };
    model_require(tree->entry_count == model->count);
    model_require(tufi_btree_check(h->env, tree, &sink) == TUF_OK);
    model_require(c.pos == model->count);
}

void harness_compare(struct harness *h)
{
    const struct btree_version *version = tufi_btree_acquire(h->env);
    for (unsigned t = 0; t < MODEL_TREES; t++)
        compare_tree(h, &version->trees[kinds[t]], &h->newest[t]);
    tufi_btree_release(h->env, version);
    for (unsigned i = 0; i < MODEL_HELD_MAX; i++) {
        for (unsigned t = 0; t < MODEL_TREES && h->held[i].version; t++)
            compare_tree(h, &h->held[i].version->trees[kinds[t]], &h->held[i].models[t]);
    }
}

/* ---- transactions ---------------------------------------------------------------------------- */

tuf_status harness_begin(struct harness *h)
{
    if (h->txn)
        return TUF_OK;
    tuf_status st = tufi_btree_txn_begin(&h->txn, h->env);
    if (st < 0)
        return st;
    for (unsigned t = 0; t < MODEL_TREES; t++)
        model_copy(&h->work[t], &h->newest[t]);
    return TUF_OK;
}

void harness_abort(struct harness *h)
{
    if (!h->txn)
        return;
    tufi_btree_txn_abort(&h->txn);
    for (unsigned t = 0; t < MODEL_TREES; t++)
        model_release(&h->work[t]);
}

static void free_owner(void *owner_data)
{
    free(owner_data);
}

void harness_publish(struct harness *h)
{
    if (!h->txn)
        return;
    tufi_btree_txn_publish(&h->txn, malloc(1), free_owner);
    for (unsigned t = 0; t < MODEL_TREES; t++) {
        model_release(&h->newest[t]);
        h->newest[t] = h->work[t];
        h->work[t] = (struct model){ 0 };
    }
}

static tuf_status write_and_publish(struct harness *h)
{
    tuf_status st = harness_begin(h);
    if (st == TUF_OK)
        st = tufi_btree_txn_write(h->txn, mem_file_append, &h->file);
    if (st < 0)
        return st;
    for (unsigned t = 0; t < MODEL_TREES; t++)
        model_require(!tufi_btree_txn_tree(h->txn, kinds[t])->root.mem);
    harness_publish(h);
    model_require(tufi_btree_dirty_size(h->env) == 0);
    return TUF_OK;
}

static void drop_held(struct harness *h, unsigned i)
{
    if (!h->held[i].version)
        return;
    tufi_btree_release(h->env, h->held[i].version);
    h->held[i].version = NULL;
    for (unsigned t = 0; t < MODEL_TREES; t++)
        model_release(&h->held[i].models[t]);
}

/* INV-BM-1 */
static void hold(struct harness *h, unsigned i)
{
    drop_held(h, i);
    h->held[i].version = tufi_btree_acquire(h->env);
    for (unsigned t = 0; t < MODEL_TREES; t++)
        model_copy(&h->held[i].models[t], &h->newest[t]);
}

tuf_status harness_reopen(struct harness *h)
{
    tuf_status st = write_and_publish(h);
    if (st < 0)
        return st;
    struct btree_env *fresh;
    struct btree_txn *txn;
    st = tufi_btree_env_new(&fresh, &h->config);
    if (st < 0)
        return st;
    st = tufi_btree_txn_begin(&txn, fresh);
    if (st < 0) {
        tufi_btree_env_free(&fresh);
        return st;
    }
    const struct btree_version *old = tufi_btree_acquire(h->env);
    for (unsigned t = 0; t < MODEL_TREES; t++)
        *tufi_btree_txn_tree(txn, kinds[t]) = old->trees[kinds[t]];
    tufi_btree_release(h->env, old);
    tufi_btree_txn_publish(&txn, NULL, NULL);
    for (unsigned i = 0; i < MODEL_HELD_MAX; i++)
        drop_held(h, i);
    tufi_btree_env_free(&h->env);
    h->env = fresh;
    return TUF_OK;
}

void harness_init(struct harness *h, struct choices *choices, size_t node_size, size_t cache_size)
{
    memset(h, 0, sizeof(*h));
    mem_file_init(&h->file);
    h->config = (struct btree_config){
        .read = mem_file_read, .ctx = &h->file, .cache_size = cache_size, .node_size = node_size
    };
    for (unsigned t = 0; t < MODEL_TREES; t++)
        h->config.reduce[kinds[t]] = model_reduce;
    h->choices = choices;
    h->key_len_max = 12;
    h->value_len_max = 40;
    model_require(tufi_btree_env_new(&h->env, &h->config) == TUF_OK);
}

void harness_release(struct harness *h)
{
    harness_abort(h);
    for (unsigned i = 0; i < MODEL_HELD_MAX; i++)
        drop_held(h, i);
    for (unsigned t = 0; t < MODEL_TREES; t++)
        model_release(&h->newest[t]);
    tufi_btree_env_free(&h->env);
    mem_file_release(&h->file);
}

/* ---- operations ------------------------------------------------------------------------------ */

static uint8_t key_bytes[BTREE_KEY_SIZE_MAX];
static uint8_t value_bytes[70000];

static tuf_slice choose_key(struct harness *h)
{
    struct choices *c = h->choices;
    uint32_t len = choose(c, h->key_len_max + 1);
    uint32_t rare = choose(c, 256);
    for (uint32_t i = 0; i < len; i++)
        key_bytes[i] = (uint8_t)("abcd"[choose(c, 4)]);
    if (rare == 0) { /* long keys that share nearly everything */
        memset(key_bytes + len, 'a', 300);
        len += 300;
    } else if (rare == 1) {
        memset(key_bytes, 0xff, 5000);
        len = 5000;
    }
    return tuf_slice_of(key_bytes, len);
}

static tuf_slice choose_value(struct harness *h)
{
    uint32_t len = choose(h->choices, h->value_len_max + 1);
    uint32_t rare = choose(h->choices, 256);
    if (rare == 0)
        len = 3000 + len;
    else if (rare == 1)
        len = 69000 + len;
    memset(value_bytes, (int)choose(h->choices, 256), len);
    return tuf_slice_of(value_bytes, len);
}

static tuf_slice existing_key(struct harness *h, const struct model *m)
{
    if (m->count == 0 || choose(h->choices, 8) == 0)
        return choose_key(h);
    return m->items[choose(h->choices, (uint32_t)m->count)]->key;
}

static tuf_status do_put(struct harness *h, unsigned t, tuf_slice key, tuf_slice value)
{
    tuf_status st = tufi_btree_put(h->txn, kinds[t], key, value);
    if (st == TUF_OK)
        model_put(&h->work[t], key, value);
    return st;
}

static tuf_status do_append(struct harness *h, unsigned t)
{
    uint32_t run = choose(h->choices, 8) + 1;
    tuf_status st = TUF_OK;
    for (uint32_t i = 0; i < run && st == TUF_OK; i++) {
        uint8_t key[9];
        key[0] = 'z';
        put_be64(key + 1, h->next_number++);
        st = do_put(h, t, tuf_slice_of(key, sizeof(key)), choose_value(h));
    }
    return st;
}

/* Removes a run of neighbours, so that whole nodes go. */
static tuf_status do_remove(struct harness *h, unsigned t)
{
    struct model *m = &h->work[t];
    uint32_t run = choose(h->choices, m->count > 2000 ? 8 : 64) == 0 ? 100 : 1;
    tuf_slice key = existing_key(h, m);
    bool equal;
    size_t pos = model_lower_bound(m, key, &equal);
    tuf_status st = tufi_btree_remove(h->txn, kinds[t], key);
    if (st < 0)
        return st;
    model_require(st == (equal ? TUF_OK : TUF_NOT_FOUND));
    if (equal)
        model_remove_at(m, pos);
    for (uint32_t i = 1; i < run && pos < m->count; i++) {
        st = tufi_btree_remove(h->txn, kinds[t], m->items[pos]->key);
        if (st < 0)
            return st;
        model_require(st == TUF_OK);
        model_remove_at(m, pos);
    }
    return TUF_OK;
}

static tuf_status do_find(struct harness *h, const struct btree *tree, const struct model *m)
{
    tuf_slice key = existing_key(h, m);
    bool equal;
    size_t pos = model_lower_bound(m, key, &equal);
    struct btree_pin pin = BTREE_PIN_INIT;
    tuf_slice value;
    tuf_status st = tufi_btree_find(h->env, tree, key, &value, &pin);
    if (st < 0)
        return st;
    model_require(st == (equal ? TUF_OK : TUF_NOT_FOUND));
    if (equal)
        model_require(slice_equal(value, m->items[pos]->value));
    tufi_btree_unpin(h->env, &pin);
    return TUF_OK;
}

static tuf_status do_rank(struct harness *h, const struct btree *tree, const struct model *m)
{
    tuf_slice key = existing_key(h, m);
    bool inclusive = choose(h->choices, 2) == 0;
    bool equal;
    size_t pos = model_lower_bound(m, key, &equal);
    pos += equal && inclusive;
    struct reduction sum;
    uint64_t count;
    tuf_status st = tufi_btree_rank(h->env, tree, key, inclusive, &sum, &count);
    if (st < 0)
        return st;
    struct reduction expected = { { 0 } };
    for (size_t i = 0; i < pos; i++) {
        struct reduction one = { { 0 } };
        model_reduce(&one, m->items[i]->key, m->items[i]->value);
        for (unsigned slot = 0; slot < REDUCTION_SLOTS; slot++)
            expected.v[slot] += one.v[slot];
    }
    model_require(count == pos);
    model_require(memcmp(&sum, &expected, sizeof(sum)) == 0);
    return TUF_OK;
}

/* What skip should do, entry by entry. */
static size_t skip_model(const struct model *m, size_t pos, bool backward, unsigned slot,
                         uint64_t amount, const tuf_slice *bound, uint64_t *passed)
{
    *passed = 0;
    while (*passed < amount && (backward ? pos > 0 : pos < m->count)) {
        const struct item *item = m->items[backward ? pos - 1 : pos];
        if (bound && (backward ? slice_compare(item->key, *bound) < 0
                               : slice_compare(item->key, *bound) >= 0))
            break;
        struct reduction one = { { 0 } };
        model_reduce(&one, item->key, item->value);
        *passed += one.v[slot];
        pos += backward ? SIZE_MAX : 1;
    }
    return pos;
}

static tuf_status step_cursor(struct btree_cursor *cursor, const struct model *m, size_t *pos,
                              bool backward)
{
    tuf_slice key;
    tuf_slice value;
    tuf_status st =
        backward ? tufi_btree_prev(cursor, &key, &value) : tufi_btree_next(cursor, &key, &value);
    if (st < 0)
        return st;
    bool end = backward ? *pos == 0 : *pos == m->count;
    model_require(st == (end ? TUF_END : TUF_OK));
    if (end)
        return TUF_OK;
    const struct item *item = m->items[backward ? *pos - 1 : *pos];
    model_require(slice_equal(key, item->key));
    model_require(slice_equal(value, item->value));
    *pos += backward ? SIZE_MAX : 1;
    return TUF_OK;
}

static tuf_status do_skip(struct harness *h, struct btree_cursor *cursor, const struct model *m,
                          size_t *pos)
{
    bool backward = choose(h->choices, 2) == 0;
    unsigned slot = choose(h->choices, REDUCTION_SLOTS);
    uint64_t amount = choose(h->choices, slot < 2 ? 40 : 600);
    if (choose(h->choices, 16) == 0)
        amount = UINT64_MAX;
    tuf_slice key = existing_key(h, m);
    const tuf_slice *bound = choose(h->choices, 2) == 0 ? &key : NULL;
    uint64_t expected;
    uint64_t passed;
    size_t to = skip_model(m, *pos, backward, slot, amount, bound, &expected);
    tuf_status st = tufi_btree_skip(cursor, backward, slot, amount, bound, &passed);
    if (st < 0)
        return st;
    model_require(passed == expected);
    *pos = to;
    return TUF_OK;
}

static void free_cursor(struct btree_cursor **cursor)
{
    tufi_btree_cursor_free(cursor);
}

static tuf_status seek_somewhere(struct harness *h, struct btree_cursor *cursor,
                                 const struct model *m, size_t *pos)
{
    uint32_t where = choose(h->choices, 8);
    if (where == 0) {
        *pos = 0;
        return tufi_btree_seek_first(cursor);
    }
    if (where == 1) {
        *pos = m->count;
        return tufi_btree_seek_last(cursor);
    }
    if (where == 2)
        return TUF_OK;
    tuf_slice key = existing_key(h, m);
    bool equal;
    *pos = model_lower_bound(m, key, &equal);
    return tufi_btree_seek(cursor, key);
}

static tuf_status do_cursor(struct harness *h, const struct btree *tree, const struct model *m)
{
    __attribute__((cleanup(free_cursor))) struct btree_cursor *cursor = NULL;
    tuf_status st = tufi_btree_cursor_new(&cursor, h->env, tree);
    if (st < 0)
        return st;
    size_t pos = 0;
    st = seek_somewhere(h, cursor, m, &pos);
    uint32_t moves = choose(h->choices, 12);
    for (uint32_t i = 0; i < moves && st >= 0; i++) {
        if (choose(h->choices, 4) == 0) {
            st = do_skip(h, cursor, m, &pos);
            continue;
        }
        bool backward = choose(h->choices, 3) == 0;
        uint32_t run = choose(h->choices, 10);
        for (uint32_t k = 0; k < run && st >= 0; k++)
            st = step_cursor(cursor, m, &pos, backward);
    }
    return st < 0 ? st : TUF_OK;
}

static tuf_status read_something(struct harness *h, const struct btree *tree, const struct model *m)
{
    switch (choose(h->choices, 3)) {
    case 0:
        return do_find(h, tree, m);
    case 1:
        return do_rank(h, tree, m);
    default:
        return do_cursor(h, tree, m);
    }
}

static tuf_status read_held(struct harness *h, unsigned t)
{
    unsigned i = choose(h->choices, MODEL_HELD_MAX);
    if (!h->held[i].version)
        return TUF_OK;
    return read_something(h, &h->held[i].version->trees[kinds[t]], &h->held[i].models[t]);
}

static tuf_status change_something(struct harness *h, unsigned t, uint32_t op)
{
    tuf_status st = harness_begin(h);
    if (st < 0)
        return st;
    struct model *m = &h->work[t];
    if (op < 6)
        return do_put(h, t, choose_key(h), choose_value(h));
    if (op < 8) /* replace */
        return do_put(h, t, existing_key(h, m), choose_value(h));
    if (op < 10)
        return do_append(h, t);
    return do_remove(h, t);
}

static tuf_status end_something(struct harness *h)
{
    switch (choose(h->choices, 12)) {
    case 0:
        harness_abort(h);
        return TUF_OK;
    case 1:
    case 2:
        return write_and_publish(h);
    case 3:
        hold(h, choose(h->choices, MODEL_HELD_MAX));
        return TUF_OK;
    case 4:
        drop_held(h, choose(h->choices, MODEL_HELD_MAX));
        return TUF_OK;
    case 5:
        if (choose(h->choices, 8) != 0)
            return TUF_OK;
        return harness_reopen(h);
    default:
        harness_publish(h);
        return TUF_OK;
    }
}

tuf_status harness_step(struct harness *h)
{
    unsigned t = choose(h->choices, 4) == 0;
    uint32_t op = choose(h->choices, 24);
    tuf_status st;
    if (op < 15)
        st = change_something(h, t, op);
    else if (op < 18)
        st =
            h->txn ? read_something(h, tufi_btree_txn_tree(h->txn, kinds[t]), &h->work[t]) : TUF_OK;
    else if (op < 21)
        st = read_held(h, t);
    else
        st = end_something(h);
    if (st < 0)
        harness_abort(h);
    return st;
}
