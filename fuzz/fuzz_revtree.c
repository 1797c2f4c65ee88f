/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fuzz revision trees. Bytes whose first one is even are an encoded tree; those of an odd one
 * are a list of operations on an empty tree. Both must end in a tree that keeps its invariants and
 * has one encoding.
 */
#include <stdint.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "engine/revtree.h"

#define PATH_COUNT_MAX 12
#define STEP_COUNT_MAX 200 /* more only makes inputs slow */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_one_encoding(const struct revtree *t)
{
    TUF_AUTO(tufi_buf_release) struct buf first = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf second = BUF_INIT;
    TUF_AUTO(tufi_revtree_release) struct revtree back = REVTREE_INIT;
    tufi_revtree_encode(&first, t);
    tuf_assert(!first.failed);
    tuf_status st = tufi_revtree_decode(&back, buf_slice(&first), 0);
    tuf_assert(st == TUF_OK);
    tufi_revtree_assert(&back);
    tufi_revtree_encode(&second, &back);
    tuf_assert(slice_equal(buf_slice(&first), buf_slice(&second)));
}

static void check_leaves(const struct revtree *t)
{
    TUF_AUTOFREE size_t *leaves = NULL;
    size_t leaf_count = 0;
    tuf_status st = tufi_revtree_leaves(&leaves, &leaf_count, t);
    tuf_assert(st == TUF_OK);
    for (size_t i = 0; i < leaf_count; i++) {
        const struct rev_node *leaf = &t->nodes[leaves[i]];
        tuf_assert(leaf->child_count == 0);
        tuf_assert(tufi_revtree_find(t, leaf->rev) == (int32_t)leaves[i]);
        if (i == 0)
            continue;
        const struct rev_node *before = &t->nodes[leaves[i - 1]];
        tuf_assert(tufi_rev_rank(before->rev, before->flags & REV_NODE_DELETED, leaf->rev,
                                 leaf->flags & REV_NODE_DELETED) < 0);
    }
}

static void fuzz_decode(tuf_slice bytes)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    TUF_AUTO(tufi_buf_release) struct buf again = BUF_INIT;
    if (tufi_revtree_decode(&t, bytes, 0) != TUF_OK) {
        tuf_assert(t.count == 0);
        return;
    }
    tufi_revtree_assert(&t);
    check_leaves(&t);
    tufi_revtree_encode(&again, &t);
    tuf_assert(slice_equal(bytes, buf_slice(&again))); /* INV-RT-7 */
    tuf_status st = tufi_revtree_stem(&t, 3);
    tuf_assert(st == TUF_OK);
    tufi_revtree_assert(&t);
    check_one_encoding(&t);
}

/* One to four bytes of input become an id of 1, 2 or 16 bytes. */
static tuf_slice make_id(uint8_t storage[16], struct reader *r)
{
    static const size_t lens[4] = { 1, 2, 16, 16 };
    uint8_t seed = read_u8(r);
    memset(storage, seed >> 2, 16);
    return tuf_slice_of(storage, lens[seed & 3]);
}

static void merge_step(struct revtree *t, struct reader *r)
{
    uint8_t storage[PATH_COUNT_MAX][16];
    tuf_slice ids[PATH_COUNT_MAX];
    struct rev_path path = { .gen = read_u8(r) % 32u, .ids = ids };
    path.count = read_u8(r) % (PATH_COUNT_MAX + 1u);
    for (size_t i = 0; i < path.count; i++)
        ids[i] = make_id(storage[i], r);
    uint32_t flags = read_u8(r) & (REV_NODE_DELETED | REV_NODE_STORED | REV_NODE_ATTS);
    enum revtree_result result;
    size_t pos = SIZE_MAX;
    tuf_status st = tufi_revtree_merge(t, &path, flags, flags & REV_NODE_STORED ? 77 : 0,
                                       flags & REV_NODE_STORED ? 5 : 0, &result, &pos);
    bool possible = path.count > 0 && path.count <= path.gen;
    tuf_assert(st == (possible ? TUF_OK : TUF_E_INVALID));
    if (!possible)
        return;
    tuf_assert(pos < t->count);
    tuf_assert(tufi_revtree_find(t, (tuf_rev){ path.gen, ids[0] }) == (int32_t)pos);
    size_t count = t->count;
    st = tufi_revtree_merge(t, &path, flags, 0, 0, &result, NULL);
    tuf_assert(st == TUF_OK);
    tuf_assert(result == REVTREE_INTERNAL);
    tuf_assert(t->count == count);
}

static void remove_step(struct revtree *t, struct reader *r)
{
    if (t->count == 0)
        return;
    size_t pos = read_u8(r) % t->count;
    bool leaf = t->nodes[pos].child_count == 0;
    /* The tree's own bytes of the id stay valid: removal leaves the arena alone. */
    tuf_status st = tufi_revtree_remove_leaf(t, t->nodes[pos].rev);
    tuf_assert(st == (leaf ? TUF_OK : TUF_NOT_FOUND));
}

static void fuzz_operations(tuf_slice bytes)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    struct reader r = reader_of(bytes);
    for (int step = 0; step < STEP_COUNT_MAX && reader_left(&r) > 0; step++) {
        uint8_t op = read_u8(&r) % 8;
        if (op == 6) {
            tuf_status st = tufi_revtree_stem(&t, 1 + read_u8(&r) % 16u);
            tuf_assert(st == TUF_OK);
        } else if (op == 7) {
            remove_step(&t, &r);
        } else {
            merge_step(&t, &r);
        }
        tufi_revtree_assert(&t);
    }
    check_leaves(&t);
    check_one_encoding(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    tuf_slice rest = tuf_slice_of(data + 1, size - 1);
    if (data[0] % 2 == 0)
        fuzz_decode(rest);
    else
        fuzz_operations(rest);
    return 0;
}
