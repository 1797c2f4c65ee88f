/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the bytes of a revision tree.
 *
 *   tree := count:varint  node * count          nodes sorted by generation, then id
 *   node := head:u8                             see below
 *           [gen:varint]                        if root
 *           [distance:varint]                   if far; 3 or more
 *           [id_len:u8]                         unless the id has 16 bytes
 *           id
 *           [rec_off:zigzag varint, rec_len:varint]    if stored
 *
 *   head   bit 0 deleted, 1 stored, 2 has attachments, 3 ghost, 4 id has 16 bytes,
 *          5-6 parent: 0 none (root), 1 or 2 that many nodes back, 3 far; bit 7 is 0
 *   rec_off is the difference to that of the stored node before (0 at first), modulo 2^64.
 *
 * A revision of a lone branch takes 17 bytes, about 23 if its body is stored: records of one
 * document are often near each other.
 *
 * INV-RT-7: a tree has one encoding; decode refuses every other spelling (overlong varints, nodes
 *           out of order, a far parent that is near), so encode(decode(x)) = x.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "engine/revtree.h"

#define HEAD_ID_16 0x10
#define HEAD_PARENT_SHIFT 5
#define HEAD_PARENT_FAR 3
#define HEAD_FLAGS (REV_NODE_DELETED | REV_NODE_STORED | REV_NODE_ATTS | REV_NODE_GHOST)
#define HEAD_UNUSED 0x80
#define ID_LEN_USUAL 16
#define NODE_SIZE_MIN 3 /* head, id length, one byte of id */

static_assert(HEAD_FLAGS == 0x0f, "flags fill the low four bits of a node's head");
static_assert(REVTREE_NODES_MAX <= INT32_MAX, "positions fit in int32_t");

static uint64_t zigzag(uint64_t delta)
{
    return delta << 1 ^ (0 - (delta >> 63));
}

static uint64_t unzigzag(uint64_t coded)
{
    return coded >> 1 ^ (0 - (coded & 1));
}

static void encode_node(struct buf *out, const struct revtree *t, size_t pos, uint64_t *off)
{
    const struct rev_node *node = &t->nodes[pos];
    size_t distance = node->parent < 0 ? 0 : pos - (size_t)node->parent;
    size_t near = distance < HEAD_PARENT_FAR ? distance : HEAD_PARENT_FAR;
    bool usual = node->rev.id.len == ID_LEN_USUAL;
    buf_append_u8(out, (uint8_t)(node->flags | (usual ? HEAD_ID_16 : 0u) |
                                 (unsigned)near << HEAD_PARENT_SHIFT));
    if (distance == 0)
        write_varint(out, node->rev.gen);
    else if (near == HEAD_PARENT_FAR)
        write_varint(out, distance);
    if (!usual)
        buf_append_u8(out, (uint8_t)node->rev.id.len);
    buf_append_slice(out, node->rev.id);
    if (!(node->flags & REV_NODE_STORED))
        return;
    write_varint(out, zigzag(node->rec_off - *off));
    write_varint(out, node->rec_len);
    *off = node->rec_off;
}

void tufi_revtree_encode(struct buf *out, const struct revtree *t)
{
    uint64_t off = 0;
    write_varint(out, t->count);
    for (size_t i = 0; i < t->count; i++)
        encode_node(out, t, i, &off);
}

/* A varint in its shortest form only (INV-RT-7). */
static uint64_t read_short_varint(struct reader *r)
{
    const uint8_t *start = r->pos;
    uint64_t value = read_varint(r);
    if (!r->bad && (size_t)(r->pos - start) != varint_size(value))
        r->bad = true;
    return value;
}

/* Sets parent and generation from the head. False if they cannot be. */
static bool decode_parent(struct revtree *t, struct rev_node *node, struct reader *r, unsigned near)
{
    if (near == 0) {
        node->parent = -1;
        node->rev.gen = read_short_varint(r);
        return node->rev.gen > 0;
    }
    uint64_t distance = near;
    if (near == HEAD_PARENT_FAR) {
        distance = read_short_varint(r);
        if (distance < HEAD_PARENT_FAR)
            return false;
    }
    if (r->bad || distance > t->count)
        return false;
    node->parent = (int32_t)(t->count - distance);
    struct rev_node *parent = &t->nodes[node->parent];
    if ((parent->flags & REV_NODE_GHOST) || parent->rev.gen == UINT64_MAX)
        return false;
    node->rev.gen = parent->rev.gen + 1;
    parent->child_count++;
    return true;
}

/* Decodes the next node behind those that t has. False if the bytes are no node or break an
 * invariant with what came before. */
static bool decode_node(struct revtree *t, struct reader *r, uint64_t *off)
{
    struct rev_node node = { 0 };
    unsigned head = read_u8(r);
    if (r->bad || (head & HEAD_UNUSED))
        return false;
    node.flags = head & HEAD_FLAGS;
    node.child_count = node.flags & REV_NODE_GHOST ? 1 : 0;
    if (!decode_parent(t, &node, r, head >> HEAD_PARENT_SHIFT))
        return false;
    size_t id_len = ID_LEN_USUAL;
    if (!(head & HEAD_ID_16)) {
        id_len = read_u8(r);
        if (id_len == 0 || id_len == ID_LEN_USUAL)
            return false;
    }
    node.rev.id = read_bytes(r, id_len);
    if (node.flags & REV_NODE_STORED) {
        node.rec_off = *off + unzigzag(read_short_varint(r));
        uint64_t rec_len = read_short_varint(r);
        if (rec_len > UINT32_MAX)
            return false;
        node.rec_len = (uint32_t)rec_len;
        *off = node.rec_off;
    }
    if (r->bad || (t->count > 0 && rev_order(t->nodes[t->count - 1].rev, node.rev) >= 0))
        return false;
    t->nodes[t->count++] = node;
    return true;
}

static tuf_status reserve_for_decode(struct revtree *t, size_t count)
{
    if (count <= t->cap)
        return TUF_OK;
    struct rev_node *nodes = tufi_alloc_array(count, sizeof(*nodes));
    if (!nodes)
        return tufi_nomem();
    tufi_free(t->nodes);
    t->nodes = nodes;
    t->cap = count;
    return TUF_OK;
}

/* A copy of all bytes at once holds the ids: one allocation instead of one for each. */
static tuf_status decode_copy(struct revtree *t, tuf_slice bytes, uint64_t base_off)
{
    tuf_slice copy = tufi_arena_copy(&t->arena, bytes);
    if (!copy.data)
        return tufi_nomem();
    struct reader r = reader_of(copy);
    uint64_t count = read_short_varint(&r);
    /* A count that the bytes cannot hold must not size an allocation. */
    if (r.bad || count > REVTREE_NODES_MAX || count > reader_left(&r) / NODE_SIZE_MIN)
        return tufi_corrupt(base_off, "revision tree cannot have %llu nodes in %zu bytes",
                            (unsigned long long)count, bytes.len);
    tuf_status st = reserve_for_decode(t, (size_t)count);
    if (st < 0)
        return st;
    uint64_t off = 0;
    while (t->count < count)
        if (!decode_node(t, &r, &off))
            return tufi_corrupt(base_off, "node %zu of %llu of a revision tree is invalid",
                                t->count, (unsigned long long)count);
    if (reader_left(&r) > 0)
        return tufi_corrupt(base_off, "%zu bytes follow a revision tree", reader_left(&r));
    return TUF_OK;
}

tuf_status tufi_revtree_decode(struct revtree *t, tuf_slice bytes, uint64_t base_off)
{
    tufi_revtree_clear(t);
    tuf_status st = decode_copy(t, bytes, base_off);
    if (st < 0)
        tufi_revtree_clear(t);
    else if (tufi_verify_enabled())
        tufi_revtree_assert(t);
    return st;
}
