/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: turns a node in memory into the bytes of the file and back, and packs and unpacks leaves.
 *
 * Decoding passes over the bytes twice: once to check them and to learn how much room the keys take
 * without their compression, once to fill a page of exactly that size. A clean node never changes,
 * so any slack would be cache memory lost. What the first pass accepts the second cannot refuse.
 * Not here: the layout (fileformat/node.h), the checksum (engine/btree.c).
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "engine/bnode.h"
#include "fileformat/node.h"

static_assert(BTREE_KEY_SIZE_MAX == NODE_KEY_SIZE_MAX, "the file holds every key");
static_assert(REDUCTION_SLOTS == NODE_REDUCTION_SLOTS, "the file holds every reduction slot");
static_assert(BTREE_HEIGHT_MAX == NODE_LEVEL_MAX + 1, "the file holds every level");
static_assert(BTREE_VALUE_SIZE_MAX < NODE_SIZE_MAX, "the file holds every value");

static void encode_child(struct node_encoder *e, const struct bnode *node, uint32_t pos)
{
    struct child child = tufi_bnode_child(node, pos);
    tuf_assert(!child.ref.mem);
    struct node_child out = { .off = child.ref.off,
                              .len = child.ref.len,
                              .crc = child.ref.crc,
                              .entry_count = child.entry_count };
    memcpy(out.reduction, child.sum.v, sizeof(out.reduction));
    tufi_node_encode_inner(e, tufi_bnode_key(node, pos), &out);
}

void tufi_bnode_encode(const struct bnode *node, struct buf *out)
{
    struct node_header header = { .kind = node->kind,
                                  .level = node->level,
                                  .entry_count = node->count };
    struct node_encoder e;
    tufi_node_encode_start(&e, out, &header);
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->level > 0)
            encode_child(&e, node, i);
        else
            tufi_node_encode_leaf(&e, tufi_bnode_key(node, i), tufi_bnode_value(node, i));
    }
}

static tuf_status measure(struct node_decoder *d, tuf_slice bytes, uint64_t off, size_t *room_out)
{
    tuf_status st = tufi_node_decode_start(d, bytes, off);
    if (st < 0)
        return st;
    size_t room = 0;
    for (;;) {
        tuf_slice key;
        tuf_slice value;
        struct node_child child;
        bool inner = d->header.level > 0;
        st = inner ? tufi_node_decode_inner(d, &key, &child)
                   : tufi_node_decode_leaf(d, &key, &value);
        if (st == TUF_END)
            break;
        if (st < 0)
            return st;
        room += inner ? tufi_bnode_inner_room(key) : tufi_bnode_leaf_room(key, value);
    }
    *room_out = room;
    return TUF_OK;
}

/* Of bytes that measure() has accepted: nothing can be wrong with them any more. */
static void fill_leaf(struct bnode *node, struct node_decoder *d)
{
    tuf_slice key;
    tuf_slice value;
    while (tufi_node_decode_leaf(d, &key, &value) == TUF_OK)
        tufi_bnode_append_leaf(node, key, value);
    tufi_bnode_end_appending(node);
}

static void fill_inner(struct bnode *node, struct node_decoder *d)
{
    tuf_slice key;
    struct node_child in;
    while (tufi_node_decode_inner(d, &key, &in) == TUF_OK) {
        struct child child = { .ref = { .off = in.off, .len = in.len, .crc = in.crc },
                               .entry_count = in.entry_count };
        memcpy(child.sum.v, in.reduction, sizeof(child.sum.v));
        tufi_bnode_insert_inner(node, node->count, key, &child);
    }
}

tuf_status tufi_bnode_decode(struct bnode **out, tuf_slice bytes, uint64_t off)
{
    struct node_decoder d;
    size_t room;
    tuf_status st = measure(&d, bytes, off, &room);
    if (st < 0)
        return st;
    struct bnode *node = tufi_bnode_new(d.header.kind, d.header.level, room);
    if (!node)
        return tufi_nomem();
    st = tufi_node_decode_start(&d, bytes, off);
    if (node->level > 0)
        fill_inner(node, &d);
    else
        fill_leaf(node, &d);
    tuf_assert(st == TUF_OK && node->count == d.header.entry_count);
    node->run_count = 0; /* filling it was no series of insertions */
    *out = node;
    return TUF_OK;
}

/* ---- packed leaves ----------------------------------------------------------------------------- */

static tuf_slice packed_bytes(const struct bnode *node)
{
    tuf_assert(node->packed);
    return tuf_slice_of(node->page, node->len);
}

struct bnode *tufi_bnode_new_packed(uint32_t len)
{
    struct bnode *node = tufi_bnode_new(0, 0, len);
    if (!node)
        return NULL;
    node->packed = true;
    node->len = len;
    return node;
}

tuf_status tufi_bnode_check_packed(struct bnode *node, uint64_t off)
{
    struct node_decoder d;
    size_t room;
    tuf_status st = measure(&d, packed_bytes(node), off, &room);
    if (st < 0)
        return st;
    node->kind = d.header.kind;
    node->level = d.header.level;
    node->count = d.header.entry_count;
    node->heap_used = (uint32_t)room;
    return TUF_OK;
}

static void copy_place(struct bnode *to, const struct bnode *from)
{
    to->off = from->off;
    to->len = from->len;
    to->crc = from->crc;
}

struct bnode *tufi_bnode_pack(const struct bnode *leaf)
{
    tuf_assert(leaf->level == 0 && leaf->off != 0);
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    tufi_bnode_encode(leaf, &bytes);
    struct bnode *packed = bytes.failed ? NULL : tufi_bnode_new_packed((uint32_t)bytes.len);
    if (!packed)
        return NULL;
    tuf_assert(bytes.len == leaf->len); /* it has not changed since it was written */
    memcpy(packed->page, bytes.data, bytes.len);
    copy_place(packed, leaf);
    packed->kind = leaf->kind;
    packed->count = leaf->count;
    packed->heap_used = leaf->heap_used - leaf->garbage +
                        leaf->count * (uint32_t)sizeof(struct bnode_slot);
    return packed;
}

struct bnode *tufi_bnode_unpack(const struct bnode *packed)
{
    struct bnode *node = tufi_bnode_new(packed->kind, 0, packed->heap_used);
    if (!node)
        return NULL;
    struct node_decoder d;
    tuf_status st = tufi_node_decode_start(&d, packed_bytes(packed), packed->off);
    fill_leaf(node, &d);
    tuf_assert(st == TUF_OK && node->count == packed->count); /* it was accepted when it was packed */
    copy_place(node, packed);
    return node;
}

bool tufi_bnode_find_packed(const struct bnode *packed, tuf_slice key, tuf_slice *value_out)
{
    return tufi_node_find(packed_bytes(packed), key, value_out);
}
