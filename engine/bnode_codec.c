/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: turns a node in memory into the bytes of the file and back.
 *
 * Decoding passes over the bytes twice: once to check them and to learn how much room the keys take
 * without their compression, once to fill a page of exactly that size. A clean node never changes,
 * so any slack would be cache memory lost.
 * Not here: the layout (fileformat/node.h), the checksum (engine/btree.c).
 */
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

static tuf_status fill_leaf(struct bnode *node, struct node_decoder *d)
{
    for (;;) {
        tuf_slice key;
        tuf_slice value;
        tuf_status st = tufi_node_decode_leaf(d, &key, &value);
        if (st != TUF_OK)
            return st == TUF_END ? TUF_OK : st;
        tufi_bnode_insert_leaf(node, node->count, key, value);
    }
}

static tuf_status fill_inner(struct bnode *node, struct node_decoder *d)
{
    for (;;) {
        tuf_slice key;
        struct node_child in;
        tuf_status st = tufi_node_decode_inner(d, &key, &in);
        if (st != TUF_OK)
            return st == TUF_END ? TUF_OK : st;
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
    if (st == TUF_OK)
        st = node->level > 0 ? fill_inner(node, &d) : fill_leaf(node, &d);
    if (st < 0) {
        tufi_bnode_free(node);
        return st;
    }
    node->run_count = 0; /* filling it was no series of insertions */
    *out = node;
    return TUF_OK;
}
