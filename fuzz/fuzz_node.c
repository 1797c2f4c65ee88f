/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fuzz the encoded tree node. A node that decodes can be searched for each of its keys, packed
 * and unpacked alike, and encodes to bytes that decode to the same entries and encode to the same
 * bytes again. Searching bytes that no decoder has seen reads nothing outside of them.
 */
#include "base/assert.h"
#include "engine/bnode.h"
#include "fileformat/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_searches(const struct bnode *node)
{
    for (uint32_t i = 0; i < node->count; i++) {
        bool equal = true;
        uint32_t pos = node->level > 0
                           ? tufi_bnode_child_pos(node, tufi_bnode_key(node, i))
                           : tufi_bnode_lower_bound(node, tufi_bnode_key(node, i), &equal);
        tuf_assert(pos == i);
        tuf_assert(equal);
    }
}

static void compare_children(const struct child *a, const struct child *b)
{
    tuf_assert(a->ref.off == b->ref.off);
    tuf_assert(a->ref.len == b->ref.len);
    tuf_assert(a->ref.crc == b->ref.crc);
    tuf_assert(a->entry_count == b->entry_count);
    tuf_assert(memcmp(&a->sum, &b->sum, sizeof(a->sum)) == 0);
}

static void compare_nodes(const struct bnode *a, const struct bnode *b)
{
    tuf_assert(a->kind == b->kind);
    tuf_assert(a->level == b->level);
    tuf_assert(a->count == b->count);
    for (uint32_t i = 0; i < a->count; i++) {
        tuf_assert(slice_equal(tufi_bnode_key(a, i), tufi_bnode_key(b, i)));
        if (a->level == 0) {
            tuf_assert(slice_equal(tufi_bnode_value(a, i), tufi_bnode_value(b, i)));
            continue;
        }
        struct child left = tufi_bnode_child(a, i);
        struct child right = tufi_bnode_child(b, i);
        compare_children(&left, &right);
    }
}

static void check_round_trip(const struct bnode *node)
{
    struct buf first = BUF_INIT;
    struct buf second = BUF_INIT;
    struct bnode *again = NULL;
    tufi_bnode_encode(node, &first);
    tuf_assert(!first.failed);
    tuf_assert(tufi_bnode_decode(&again, buf_slice(&first), 1) == TUF_OK);
    compare_nodes(node, again);
    tufi_bnode_encode(again, &second);
    tuf_assert(slice_equal(buf_slice(&first), buf_slice(&second)));
    tufi_bnode_free(again);
    tufi_buf_release(&first);
    tufi_buf_release(&second);
}

/* A packed leaf answers like the decoded one, for its keys and for those right behind them, and
 * unpacks to the same entries. */
static void check_packed(const struct bnode *node, const uint8_t *data, size_t size)
{
    struct bnode *packed = tufi_bnode_new_packed((uint32_t)size);
    tuf_assert(packed);
    memcpy(packed->page, data, size);
    tuf_assert(tufi_bnode_check_packed(packed, 1) == TUF_OK);
    struct bnode *again = tufi_bnode_unpack(packed);
    tuf_assert(again);
    compare_nodes(node, again);
    struct buf behind = BUF_INIT;
    for (uint32_t i = 0; i < node->count; i++) {
        tuf_slice key = tufi_bnode_key(node, i);
        tuf_slice value;
        tuf_assert(tufi_bnode_find_packed(packed, key, &value));
        tuf_assert(slice_equal(value, tufi_bnode_value(node, i)));
        tufi_buf_clear(&behind);
        buf_append_slice(&behind, key);
        buf_append_u8(&behind, 0);
        bool is_next = i + 1 < node->count &&
                       slice_equal(tufi_bnode_key(node, i + 1), buf_slice(&behind));
        tuf_assert(tufi_bnode_find_packed(packed, buf_slice(&behind), &value) == is_next);
    }
    tufi_buf_release(&behind);
    tufi_bnode_free(again);
    tufi_bnode_free(packed);
}

/* Cutting a node in two and joining the parts must give the node back. */
static void check_cut_and_join(const struct bnode *node)
{
    uint32_t middle = node->count / 2;
    if (middle == 0)
        return;
    struct bnode *left = tufi_bnode_slice(node, 0, middle, 0);
    struct bnode *right = tufi_bnode_slice(node, middle, node->count, 0);
    tuf_assert(left);
    tuf_assert(right);
    check_searches(left);
    check_searches(right);
    struct bnode *both = tufi_bnode_join(left, right, tufi_bnode_key(node, middle));
    tuf_assert(both);
    check_searches(both);
    compare_nodes(node, both);
    tufi_bnode_free(left);
    tufi_bnode_free(right);
    tufi_bnode_free(both);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tuf_slice value;
    tufi_node_find(tuf_slice_of(data, size), tuf_slice_of(data, size / 2), &value);
    struct bnode *node = NULL;
    tuf_status st = tufi_bnode_decode(&node, tuf_slice_of(data, size), 1);
    if (st != TUF_OK) {
        tuf_assert(st == TUF_E_CORRUPT);
        tuf_assert(!node);
        return 0;
    }
    check_searches(node);
    if (node->level == 0)
        check_packed(node, data, size);
    check_round_trip(node);
    check_cut_and_join(node);
    tufi_bnode_free(node);
    return 0;
}
