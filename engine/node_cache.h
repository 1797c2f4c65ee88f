/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: clean nodes (those whose content is in the file) by file offset, up to a number of bytes.
 *
 * INV-NC-1: a node is pinned only under its shard's lock or by somebody who holds a pin already, so
 *           a node that the evictor sees unpinned under that lock can be freed.
 * INV-NC-2: the cache may exceed its size only by nodes that are pinned.
 *
 * Not here: reading and verifying (engine/btree.c); dirty nodes (engine/version.h).
 */
#ifndef ENGINE_NODE_CACHE_H
#define ENGINE_NODE_CACHE_H

#include <pthread.h>

#include "engine/bnode.h"

#define NODE_CACHE_SHARDS 16

struct node_cache_shard {
    pthread_mutex_t lock;
    struct bnode **buckets; /* owned; chains over hash_next */
    size_t bucket_count;    /* a power of two */
    size_t node_count;
    size_t used;        /* bytes of memory of its nodes */
    uint64_t hit_count, miss_count; /* of tufi_node_cache_find */
    struct bnode *hand; /* of the clock, in the ring over next; NULL when empty */
    uint8_t apart[64];  /* keeps the next shard's lock out of this one's cache line */
};

struct node_cache {
    struct node_cache_shard shards[NODE_CACHE_SHARDS];
    size_t shard_capacity; /* bytes */
    _Atomic size_t used;   /* bytes of all shards */
};

tuf_status tufi_node_cache_init(struct node_cache *cache, size_t capacity);
/* No node may be pinned. */
void tufi_node_cache_release(struct node_cache *cache);

/* The node at ref->off, pinned; NULL if it is not here or its length or checksum differ. */
struct bnode *tufi_node_cache_find(struct node_cache *cache, const struct node_ref *ref);
/* Takes a node whose off, len and crc are set. Returns it pinned, or, if somebody was faster, frees
 * it and returns the one that is here already, pinned. NULL (and the node freed) if another node is
 * known at this offset. */
struct bnode *tufi_node_cache_take(struct node_cache *cache, struct bnode *node);
/* Takes a node that was just written. It is not pinned, and the first to go when room is short. */
void tufi_node_cache_take_cold(struct node_cache *cache, struct bnode *node);

/* Makes the node at the place of this one, which the caller holds, the first to go: the newest
 * version no longer reaches it. */
void tufi_node_cache_demote(struct node_cache *cache, const struct bnode *node);

static inline void node_cache_unpin(struct bnode *node)
{
    atomic_fetch_sub_explicit(&node->pin_count, 1, memory_order_release);
}

/* How often a node that was wanted was here, and how often it was not, since the start. */
void tufi_node_cache_count(uint64_t *hits_out, uint64_t *misses_out, struct node_cache *cache);

static inline size_t node_cache_used(const struct node_cache *cache)
{
    return atomic_load_explicit(&cache->used, memory_order_relaxed);
}

#endif
