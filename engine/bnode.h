/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one B+tree node in memory: a slotted page in a single allocation.
 *
 *   struct bnode | slot 0 | slot 1 | ... free ... | entry | entry | entry |
 *                  -> slots grow in key order          <- entries are added downward
 *
 * A slot holds where its entry starts (counted back from the end of the page, so that a bigger copy
 * of the page needs no new slots) and the key's head: the four bytes behind the prefix that all
 * keys of the node share. A search compares heads in the slot array and looks at keys only when
 * heads are equal; nothing is decoded.
 *
 * A leaf whose content is in the file can be packed instead: its page then holds the very bytes of
 * the file. That takes a third less memory, and needs no decoding before the first look; but it can
 * only be searched for one key (tufi_bnode_find_packed) or unpacked.
 *
 * INV-BN-1: slots are in strictly ascending key order.
 * INV-BN-2: all keys begin with the same prefix_len bytes, and heads are taken behind them. The
 *           first entry of an inner node has the empty key, is below everything, and is not
 *           counted.
 * INV-BN-3: a node that a published version reaches never changes.
 *
 * Not here: the node in the file (fileformat/node.h); which nodes exist and when they go
 * (engine/version.h, engine/node_cache.h).
 */
#ifndef ENGINE_BNODE_H
#define ENGINE_BNODE_H

#include <stdatomic.h>

#include "engine/btree.h"

/* An inner entry's value. */
struct child {
    struct node_ref ref;
    uint64_t entry_count; /* leaf entries below */
    struct reduction sum; /* of them */
};

struct bnode_slot {
    uint32_t head; /* big-endian number of 4 key bytes behind the common prefix, zero-padded */
    uint32_t back; /* bytes from the entry's start to the end of the page */
};

#define BNODE_PREFIX_KEPT 16

struct bnode {
    /* Place in the file. Of a dirty node: 0, or where txn_write has just put the same content. */
    uint64_t off;
    uint32_t len;
    uint32_t crc;
    /* Of the one list it is on: a txn's, a version's dead-list, or the ring of its cache shard. */
    struct bnode *prev;
    struct bnode *next;
    struct bnode *hash_next; /* chain in the cache; under the shard's lock */
    uint32_t heap_used;      /* bytes of entries at the end of the page, garbage included; of a packed
                              * leaf: the room it takes unpacked, slots included */
    uint32_t garbage;        /* bytes of removed entries among them */
    uint32_t run_end;        /* position behind the entry inserted last */
    uint32_t run_count;      /* insertions in a row that each came right behind the one before */
    _Atomic bool referenced; /* of a clean node: used since the clock hand passed */
    /* From here on: what a search looks at, close together. */
    uint8_t kind;
    uint8_t level;
    bool packed;
    bool single; /* a copy for one reader, whose drop frees it: not in the cache */
    _Atomic uint32_t pin_count; /* of a clean node: raised under the shard's lock */
    /* The txn that made this node; 0: a clean node, owned by the cache or by its reader. */
    uint64_t version;
    uint32_t count;                    /* entries */
    uint32_t cap;                      /* bytes of page */
    uint32_t prefix_len;               /* INV-BN-2 */
    uint8_t prefix[BNODE_PREFIX_KEPT]; /* its first bytes, so that a search need not fetch a key */
    uint8_t page[] __attribute__((aligned(8)));
};

/* Starts fetching what a search will touch first: the header and about a hundred slots. Saves the
 * half a dozen cache misses that a binary search would otherwise take one after the other. */
static inline void bnode_prefetch(const struct bnode *node)
{
    const char *start = (const char *)node;
    for (unsigned line = 0; line < 15; line++)
        __builtin_prefetch(start + line * 64);
}

struct node_list {
    struct bnode *first;
};

void tufi_node_list_add(struct node_list *list, struct bnode *node);
void tufi_node_list_remove(struct node_list *list, struct bnode *node);

/* ---- life ------------------------------------------------------------------------------------ */

/* An empty node with room for `room` bytes of slots and entries. NULL when out of memory. */
struct bnode *tufi_bnode_new(uint8_t kind, uint8_t level, size_t room);
/* A copy of entries [from, to), compact or nearly so, with room for `more` bytes. NULL when out of
 * memory. */
struct bnode *tufi_bnode_slice(const struct bnode *node, uint32_t from, uint32_t to, size_t more);
/* Entries of two neighbours; `separator` is the parent's key of the right one. */
struct bnode *tufi_bnode_join(const struct bnode *left, const struct bnode *right,
                              tuf_slice separator);
void tufi_bnode_free(struct bnode *node);

/* ---- reading --------------------------------------------------------------------------------- */

tuf_slice tufi_bnode_key(const struct bnode *node, uint32_t pos);
tuf_slice tufi_bnode_value(const struct bnode *node, uint32_t pos);
struct child tufi_bnode_child(const struct bnode *node, uint32_t pos);
struct node_ref tufi_bnode_child_ref(const struct bnode *node, uint32_t pos);
/* Position of the first entry of a leaf with a key >= `key`. */
uint32_t tufi_bnode_lower_bound(const struct bnode *node, tuf_slice key, bool *equal_out);
/* Position of the child of an inner node in whose range `key` falls. */
uint32_t tufi_bnode_child_pos(const struct bnode *node, tuf_slice key);

/* About how long the node is when encoded; never much less. */
size_t tufi_bnode_encoded_size(const struct bnode *node);
/* The same for one entry. */
size_t tufi_bnode_entry_size(const struct bnode *node, uint32_t pos);

/* Bytes of memory. */
static inline size_t bnode_mem_size(const struct bnode *node)
{
    return sizeof(struct bnode) + node->cap;
}

/* ---- changing -------------------------------------------------------------------------------- */

/* Bytes of room that one more leaf or inner entry takes. */
size_t tufi_bnode_leaf_room(tuf_slice key, tuf_slice value);
size_t tufi_bnode_inner_room(tuf_slice key);
static inline size_t bnode_room(const struct bnode *node)
{
    return node->cap - node->heap_used - node->count * sizeof(struct bnode_slot);
}

/* The caller has made sure of the room. Slices must not point into the node. */
void tufi_bnode_insert_leaf(struct bnode *node, uint32_t pos, tuf_slice key, tuf_slice value);
void tufi_bnode_insert_inner(struct bnode *node, uint32_t pos, tuf_slice key,
                             const struct child *child);
/* Many entries in key order: nothing can be searched until end_appending. */
void tufi_bnode_append_leaf(struct bnode *node, tuf_slice key, tuf_slice value);
void tufi_bnode_end_appending(struct bnode *node);
/* Overwrites a value in place if it is not longer than the old one; else false. */
bool tufi_bnode_shrink_value(struct bnode *node, uint32_t pos, tuf_slice value);
void tufi_bnode_set_child(struct bnode *node, uint32_t pos, const struct child *child);
void tufi_bnode_remove(struct bnode *node, uint32_t pos);

/* ---- the file -------------------------------------------------------------------------------- */

/* Appends the encoded node; out's error sticks. All references of an inner node must be clean. */
void tufi_bnode_encode(const struct bnode *node, struct buf *out);
/* Checks and unpacks an encoded node. E_CORRUPT with `off`, E_NOMEM. */
tuf_status tufi_bnode_decode(struct bnode **out, tuf_slice bytes, uint64_t off);

/* A packed leaf with a page of `len` bytes, to be filled in and then checked. NULL when out of
 * memory. */
struct bnode *tufi_bnode_new_packed(uint32_t len);
/* Checks the bytes of the page as decode does. E_CORRUPT with `off`. */
tuf_status tufi_bnode_check_packed(struct bnode *node, uint64_t off);
/* A packed copy of a leaf whose content is in the file. NULL when out of memory. */
struct bnode *tufi_bnode_pack(const struct bnode *leaf);
/* The opposite, with the same place. NULL when out of memory. */
struct bnode *tufi_bnode_unpack(const struct bnode *packed);
/* value_out is borrowed from the node. */
bool tufi_bnode_find_packed(const struct bnode *packed, tuf_slice key, tuf_slice *value_out);

#endif
