/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: building a tree bottom-up (btree_bulk.h).
 *
 * A full node is encoded into a buffer and waits there without a place; when the buffer is written
 * all of its nodes get theirs and become entries of the level above. So nodes of all levels share
 * large writes, and whoever calls may append other things to the file in between.
 */
#include "engine/btree_bulk.h"

#include "base/alloc.h"
#include "base/arith.h"
#include "base/crc32c.h"
#include "engine/btree_env.h"

#define PENDING_SIZE (1u << 20)
/* A leaf with compressed keys takes more in memory than in the file. */
#define NODE_ROOM_FACTOR 2

/* A node that was encoded. The separator parts it from its left neighbour. */
struct pending_node {
    uint8_t level;
    uint32_t pos, len, crc; /* in the buffer */
    size_t key_pos;         /* of the separator in bulk->keys */
    size_t key_len;
    uint64_t entry_count;
    struct reduction sum;
};

struct bulk_level {
    struct bnode *node;  /* being filled; NULL until the first entry */
    struct buf first;    /* separator of the node */
    uint64_t entry_count;
    struct reduction sum;
};

struct btree_bulk {
    struct btree_env *env;
    unsigned kind;
    btree_bulk_write_fn *write;
    void *ctx;
    struct bulk_level levels[BTREE_HEIGHT_MAX];
    unsigned height; /* levels in use */
    struct buf last_key;
    struct buf encoded; /* nodes that have no place yet */
    struct buf keys;
    struct pending_node *pending;
    size_t pending_count, pending_cap;
};

tuf_status tufi_btree_bulk_new(struct btree_bulk **out, struct btree_env *env, unsigned kind,
                               btree_bulk_write_fn *write, void *ctx)
{
    struct btree_bulk *b = tufi_alloc_zero(sizeof(*b));
    if (!b)
        return tufi_nomem();
    b->env = env;
    b->kind = kind;
    b->write = write;
    b->ctx = ctx;
    *out = b;
    return TUF_OK;
}

void tufi_btree_bulk_free(struct btree_bulk **bulk)
{
    struct btree_bulk *b = *bulk;
    *bulk = NULL;
    if (!b)
        return;
    for (unsigned i = 0; i < BTREE_HEIGHT_MAX; i++) {
        tufi_bnode_free(b->levels[i].node);
        tufi_buf_release(&b->levels[i].first);
    }
    tufi_buf_release(&b->last_key);
    tufi_buf_release(&b->encoded);
    tufi_buf_release(&b->keys);
    tufi_free(b->pending);
    tufi_free(b);
}

/* ---- nodes without a place ------------------------------------------------------------------- */

static tuf_status add_pending(struct btree_bulk *b, const struct bulk_level *level,
                              const struct bnode *node)
{
    if (b->pending_count == b->pending_cap) {
        size_t cap = b->pending_cap > 0 ? b->pending_cap * 2 : 256;
        struct pending_node *more = tufi_realloc(b->pending, cap * sizeof(*more));
        if (!more)
            return tufi_nomem();
        b->pending = more;
        b->pending_cap = cap;
    }
    struct pending_node *p = &b->pending[b->pending_count];
    *p = (struct pending_node){
        .level = node->level,
        .pos = (uint32_t)b->encoded.len,
        .key_pos = b->keys.len,
        .key_len = level->first.len,
        .entry_count = level->entry_count,
        .sum = level->sum,
    };
    buf_append_slice(&b->keys, buf_slice(&level->first));
    tufi_bnode_encode(node, &b->encoded);
    if (b->encoded.failed || b->keys.failed)
        return tufi_nomem();
    p->len = (uint32_t)(b->encoded.len - p->pos);
    p->crc = tufi_crc32c(0, b->encoded.data + p->pos, p->len);
    b->pending_count++;
    return TUF_OK;
}

static tuf_status add_child(struct btree_bulk *b, unsigned level, tuf_slice key,
                            const struct child *child);

/* Writes the buffer and hands its nodes up. These may fill the buffer again, with fewer. */
static tuf_status place_pending(struct btree_bulk *b)
{
    TUF_AUTO(tufi_buf_release) struct buf keys = BUF_INIT;
    TUF_AUTOFREE struct pending_node *nodes = NULL;
    uint64_t off = 0;
    if (b->pending_count == 0)
        return TUF_OK;
    tuf_status st = b->write(b->ctx, buf_slice(&b->encoded), &off);
    if (st < 0)
        return st;
    size_t count = b->pending_count;
    nodes = tufi_steal(b->pending);
    keys = b->keys;
    b->keys = (struct buf)BUF_INIT;
    b->pending_count = b->pending_cap = 0;
    tufi_buf_clear(&b->encoded);
    for (size_t i = 0; st == TUF_OK && i < count; i++) {
        const struct pending_node *p = &nodes[i];
        struct child child = { .ref = { .off = off + p->pos, .len = p->len, .crc = p->crc },
                               .entry_count = p->entry_count,
                               .sum = p->sum };
        st = add_child(b, p->level + 1u, tuf_slice_of(keys.data + p->key_pos, p->key_len), &child);
    }
    return st;
}

/* ---- nodes being filled ---------------------------------------------------------------------- */

static tuf_status start_node(struct btree_bulk *b, unsigned level, tuf_slice first, size_t room)
{
    struct bulk_level *l = &b->levels[level];
    size_t usual = b->env->config.node_size * NODE_ROOM_FACTOR;
    l->node = tufi_bnode_new((uint8_t)b->kind, (uint8_t)level, max_size(usual, room));
    if (!l->node)
        return tufi_nomem();
    l->entry_count = 0;
    memset(&l->sum, 0, sizeof(l->sum));
    tufi_buf_clear(&l->first);
    buf_append_slice(&l->first, first);
    b->height = b->height > level ? b->height : level + 1;
    return buf_status(&l->first);
}

static tuf_status end_node(struct btree_bulk *b, unsigned level)
{
    struct bulk_level *l = &b->levels[level];
    tuf_status st = add_pending(b, l, l->node);
    tufi_bnode_free(l->node);
    l->node = NULL;
    return st;
}

static tuf_status make_room(struct bulk_level *l, size_t room)
{
    if (bnode_room(l->node) >= room)
        return TUF_OK;
    struct bnode *larger = tufi_bnode_slice(l->node, 0, l->node->count,
                                            room + (l->node->heap_used - l->node->garbage) / 2);
    if (!larger)
        return tufi_nomem();
    tufi_bnode_free(l->node);
    l->node = larger;
    return TUF_OK;
}

static void count_child(struct bulk_level *l, const struct child *child)
{
    l->entry_count += child->entry_count;
    reduction_add(&l->sum, &child->sum);
}

static tuf_status insert_child(struct bulk_level *l, tuf_slice key, const struct child *child)
{
    if (l->node->count == 0)
        key = tuf_slice_of(NULL, 0); /* INV-NODE-1; the separator is kept in l->first */
    tuf_status st = make_room(l, tufi_bnode_inner_room(key));
    if (st < 0)
        return st;
    tufi_bnode_insert_inner(l->node, l->node->count, key, child);
    count_child(l, child);
    return TUF_OK;
}

/* INV-BU-1. The last child of a full node opens the next one, so that this has two at once. */
static tuf_status split_inner(struct btree_bulk *b, unsigned level)
{
    struct bulk_level *l = &b->levels[level];
    TUF_AUTO(tufi_buf_release) struct buf key = BUF_INIT;
    uint32_t last = l->node->count - 1;
    struct child moved = tufi_bnode_child(l->node, last);
    buf_append_slice(&key, tufi_bnode_key(l->node, last));
    if (key.failed)
        return tufi_nomem();
    tufi_bnode_remove(l->node, last);
    l->entry_count -= moved.entry_count;
    reduction_subtract(&l->sum, &moved.sum);
    tuf_status st = end_node(b, level);
    if (st == TUF_OK)
        st = start_node(b, level, buf_slice(&key), 0);
    return st < 0 ? st : insert_child(l, buf_slice(&key), &moved);
}

static tuf_status add_child(struct btree_bulk *b, unsigned level, tuf_slice key,
                            const struct child *child)
{
    if (level >= BTREE_HEIGHT_MAX)
        return tufi_fail(TUF_E_LIMIT, "a tree of more than %u levels", BTREE_HEIGHT_MAX);
    struct bulk_level *l = &b->levels[level];
    tuf_status st = TUF_OK;
    if (!l->node)
        st = start_node(b, level, key, tufi_bnode_inner_room(key));
    else if (l->node->count >= 4 &&
             tufi_bnode_encoded_size(l->node) + key.len + sizeof(struct child) / 2 >
                 b->env->config.node_size)
        st = split_inner(b, level);
    return st < 0 ? st : insert_child(l, key, child);
}

/* The shortest key that parts the last one from a greater one. */
static tuf_slice separator(const struct buf *last, tuf_slice key)
{
    size_t same = 0;
    while (same < last->len && last->data[same] == key.data[same])
        same++;
    return tuf_slice_of(key.data, same + 1);
}

/* About how long a leaf is when encoded with one more entry. */
static size_t leaf_size_with(const struct bnode *node, tuf_slice key, tuf_slice value)
{
    size_t shared = min_size(key.len, node->prefix_len);
    return tufi_bnode_encoded_size(node) + key.len - shared + value.len + 2 * 3;
}

tuf_status tufi_btree_bulk_add(struct btree_bulk *b, tuf_slice key, tuf_slice value)
{
    struct bulk_level *l = &b->levels[0];
    bool first = b->height == 0;
    if (!first && slice_compare(buf_slice(&b->last_key), key) >= 0)
        return tufi_fail(TUF_E_INTERNAL, "keys of a new tree do not ascend");
    tuf_status st = TUF_OK;
    size_t room = tufi_bnode_leaf_room(key, value);
    if (l->node && leaf_size_with(l->node, key, value) > b->env->config.node_size)
        st = end_node(b, 0);
    if (st == TUF_OK && b->encoded.len >= PENDING_SIZE)
        st = place_pending(b);
    if (st == TUF_OK && !l->node)
        st = start_node(b, 0, first ? tuf_slice_of(NULL, 0) : separator(&b->last_key, key), room);
    if (st == TUF_OK)
        st = make_room(l, room);
    if (st < 0)
        return st;
    tufi_bnode_insert_leaf(l->node, l->node->count, key, value);
    l->entry_count++;
    tufi_btree_reduce(&l->sum, b->env, b->kind, key, value);
    tufi_buf_clear(&b->last_key);
    buf_append_slice(&b->last_key, key);
    return buf_status(&b->last_key);
}

/* ---- a tree of what is there ------------------------------------------------------------------ */

/* Writes a level's unfinished node, with `below` as one more child, and describes it in `below`. */
static tuf_status write_edge(struct btree_bulk *b, unsigned level, struct child *below,
                             const struct buf *below_key, bool has_below)
{
    struct bulk_level *l = &b->levels[level];
    struct bulk_level edge = { .entry_count = l->entry_count, .sum = l->sum };
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    edge.node = tufi_bnode_slice(l->node, 0, l->node->count, 0);
    if (!edge.node)
        return tufi_nomem();
    tuf_status st = has_below ? insert_child(&edge, buf_slice(below_key), below) : TUF_OK;
    if (st == TUF_OK) {
        tufi_bnode_encode(edge.node, &bytes);
        st = buf_status(&bytes);
    }
    tufi_bnode_free(edge.node);
    uint64_t off = 0;
    if (st == TUF_OK)
        st = b->write(b->ctx, buf_slice(&bytes), &off);
    if (st < 0)
        return st;
    *below = (struct child){ .ref = { .off = off,
                                      .len = (uint32_t)bytes.len,
                                      .crc = tufi_crc32c(0, bytes.data, bytes.len) },
                             .entry_count = edge.entry_count,
                             .sum = edge.sum };
    return TUF_OK;
}

static void describe_tree(struct btree *out, const struct child *root, unsigned height)
{
    out->root = root->ref;
    out->total = root->sum;
    out->entry_count = root->entry_count;
    out->height = height;
}

tuf_status tufi_btree_bulk_tree(struct btree *out, struct btree_bulk *b)
{
    tuf_status st = TUF_OK;
    while (st == TUF_OK && b->pending_count > 0)
        st = place_pending(b);
    *out = (struct btree){ .kind = (uint8_t)b->kind };
    struct child edge = { .entry_count = 0 };
    const struct buf *key = NULL;
    for (unsigned level = 0; st == TUF_OK && level < b->height; level++) {
        struct bulk_level *l = &b->levels[level];
        st = write_edge(b, level, &edge, key, key != NULL);
        key = &l->first;
        if (st == TUF_OK)
            describe_tree(out, &edge, level + 1);
    }
    return st;
}
