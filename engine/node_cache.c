/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the cache of clean nodes (node_cache.h).
 *
 * Sixteen shards, each with a lock, a chained hash table and a ring of its nodes. The clock hand
 * goes round the ring: a node used since its last visit gets another round, a pinned one is passed,
 * any other is freed. Source: CLOCK, Corbato 1968.
 */
#include "engine/node_cache.h"

#include "base/alloc.h"
#include "base/assert.h"

#define BUCKETS_MIN 16

static uint64_t hash_of(uint64_t off)
{
    uint64_t h = off * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

static struct node_cache_shard *shard_of(struct node_cache *cache, uint64_t off)
{
    return &cache->shards[hash_of(off) % NODE_CACHE_SHARDS];
}

static struct bnode **bucket_of(struct node_cache_shard *shard, uint64_t off)
{
    return &shard->buckets[hash_of(off) / NODE_CACHE_SHARDS & (shard->bucket_count - 1)];
}

tuf_status tufi_node_cache_init(struct node_cache *cache, size_t capacity)
{
    memset(cache, 0, sizeof(*cache));
    cache->shard_capacity = capacity / NODE_CACHE_SHARDS;
    for (unsigned i = 0; i < NODE_CACHE_SHARDS; i++)
        pthread_mutex_init(&cache->shards[i].lock, NULL);
    for (unsigned i = 0; i < NODE_CACHE_SHARDS; i++) {
        struct node_cache_shard *shard = &cache->shards[i];
        shard->buckets = tufi_alloc_zero(BUCKETS_MIN * sizeof(*shard->buckets));
        if (!shard->buckets) {
            tufi_node_cache_release(cache);
            return tufi_nomem();
        }
        shard->bucket_count = BUCKETS_MIN;
    }
    return TUF_OK;
}

/* ---- the ring -------------------------------------------------------------------------------- */

/* Puts a node right behind the hand: the last place it will come to. */
static void link_ring(struct node_cache_shard *shard, struct bnode *node)
{
    if (!shard->hand) {
        node->prev = node;
        node->next = node;
        shard->hand = node;
        return;
    }
    node->next = shard->hand;
    node->prev = shard->hand->prev;
    node->prev->next = node;
    node->next->prev = node;
}

static void unlink_ring(struct node_cache_shard *shard, struct bnode *node)
{
    if (node->next == node) {
        shard->hand = NULL;
        return;
    }
    if (shard->hand == node)
        shard->hand = node->next;
    node->prev->next = node->next;
    node->next->prev = node->prev;
}

/* ---- the table ------------------------------------------------------------------------------- */

/* Doubles the table. Without memory the chains just get longer. */
static void grow_table(struct node_cache_shard *shard)
{
    size_t bucket_count = shard->bucket_count * 2;
    struct bnode **buckets = tufi_alloc_zero(bucket_count * sizeof(*buckets));
    if (!buckets)
        return;
    tufi_free(shard->buckets);
    shard->buckets = buckets;
    shard->bucket_count = bucket_count;
    struct bnode *node = shard->hand;
    for (size_t i = 0; i < shard->node_count; i++, node = node->next) {
        struct bnode **bucket = bucket_of(shard, node->off);
        node->hash_next = *bucket;
        *bucket = node;
    }
}

static struct bnode *look_up(struct node_cache_shard *shard, uint64_t off)
{
    struct bnode *node = *bucket_of(shard, off);
    if (node)
        bnode_prefetch(
            node); /* most likely the one; comparing its offset waits for memory anyway */
    while (node && node->off != off)
        node = node->hash_next;
    return node;
}

static void remove_node(struct node_cache *cache, struct node_cache_shard *shard,
                        struct bnode *node)
{
    struct bnode **link = bucket_of(shard, node->off);
    while (*link != node)
        link = &(*link)->hash_next;
    *link = node->hash_next;
    unlink_ring(shard, node);
    shard->node_count--;
    shard->used -= bnode_mem_size(node);
    atomic_fetch_sub_explicit(&cache->used, bnode_mem_size(node), memory_order_relaxed);
}

static bool in_use(const struct bnode *node)
{
    /* Acquire: what the last holder read of the node happens before we free it. */
    return atomic_load_explicit(&node->pin_count, memory_order_acquire) > 0;
}

/* Frees unpinned nodes until `size` more bytes fit, or two rounds of the clock found nothing. */
static void make_room(struct node_cache *cache, struct node_cache_shard *shard, size_t size)
{
    size_t visit_max = shard->node_count * 2;
    for (size_t i = 0; i < visit_max && shard->hand; i++) {
        if (shard->used + size <= cache->shard_capacity)
            return;
        struct bnode *node = shard->hand;
        bool spare = atomic_exchange_explicit(&node->referenced, false, memory_order_relaxed);
        shard->hand = node->next;
        if (spare || in_use(node))
            continue;
        remove_node(cache, shard, node);
        tufi_bnode_free(node);
    }
}

static void add_node(struct node_cache *cache, struct node_cache_shard *shard, struct bnode *node)
{
    tuf_assert(node->off != 0);
    tuf_assert(node->version == 0);
    make_room(cache, shard, bnode_mem_size(node));
    if (shard->node_count >= shard->bucket_count)
        grow_table(shard);
    link_ring(shard, node);
    struct bnode **bucket = bucket_of(shard, node->off);
    node->hash_next = *bucket;
    *bucket = node;
    shard->node_count++;
    shard->used += bnode_mem_size(node);
    atomic_fetch_add_explicit(&cache->used, bnode_mem_size(node), memory_order_relaxed);
}

static void pin(struct bnode *node)
{
    atomic_fetch_add_explicit(&node->pin_count, 1, memory_order_relaxed);
    if (!atomic_load_explicit(&node->referenced, memory_order_relaxed))
        atomic_store_explicit(&node->referenced, true, memory_order_relaxed);
}

struct bnode *tufi_node_cache_find(struct node_cache *cache, const struct node_ref *ref)
{
    struct node_cache_shard *shard = shard_of(cache, ref->off);
    pthread_mutex_lock(&shard->lock);
    struct bnode *node = look_up(shard, ref->off);
    if (node && (node->len != ref->len || node->crc != ref->crc))
        node = NULL;
    if (node) {
        pin(node);
        shard->hit_count++;
    } else {
        shard->miss_count++;
    }
    pthread_mutex_unlock(&shard->lock);
    return node;
}

void tufi_node_cache_count(uint64_t *hits_out, uint64_t *misses_out, struct node_cache *cache)
{
    *hits_out = *misses_out = 0;
    for (size_t i = 0; i < NODE_CACHE_SHARDS; i++) {
        struct node_cache_shard *shard = &cache->shards[i];
        pthread_mutex_lock(&shard->lock);
        *hits_out += shard->hit_count;
        *misses_out += shard->miss_count;
        pthread_mutex_unlock(&shard->lock);
    }
}

struct bnode *tufi_node_cache_take(struct node_cache *cache, struct bnode *node)
{
    struct node_cache_shard *shard = shard_of(cache, node->off);
    pthread_mutex_lock(&shard->lock);
    struct bnode *known = look_up(shard, node->off);
    bool same = known && known->len == node->len && known->crc == node->crc;
    if (!known)
        add_node(cache, shard, node);
    if (!known || same)
        pin(known ? known : node);
    pthread_mutex_unlock(&shard->lock);
    if (!known)
        return node;
    tufi_bnode_free(node);
    return same ? known : NULL;
}

void tufi_node_cache_take_cold(struct node_cache *cache, struct bnode *node)
{
    struct node_cache_shard *shard = shard_of(cache, node->off);
    bool kept = false;
    pthread_mutex_lock(&shard->lock);
    if (bnode_mem_size(node) <= cache->shard_capacity && !look_up(shard, node->off)) {
        add_node(cache, shard, node);
        kept = true;
    }
    pthread_mutex_unlock(&shard->lock);
    if (!kept)
        tufi_bnode_free(node);
}

void tufi_node_cache_demote(struct node_cache *cache, const struct bnode *node)
{
    struct node_cache_shard *shard = shard_of(cache, node->off);
    pthread_mutex_lock(&shard->lock);
    struct bnode *kept = look_up(shard, node->off);
    if (kept)
        atomic_store_explicit(&kept->referenced, false, memory_order_relaxed);
    pthread_mutex_unlock(&shard->lock);
}

static void release_shard(struct node_cache *cache, struct node_cache_shard *shard)
{
    while (shard->hand) {
        struct bnode *node = shard->hand;
        tuf_assert(!in_use(node));
        remove_node(cache, shard, node);
        tufi_bnode_free(node);
    }
    tufi_free(shard->buckets);
    pthread_mutex_destroy(&shard->lock);
}

void tufi_node_cache_release(struct node_cache *cache)
{
    for (unsigned i = 0; i < NODE_CACHE_SHARDS; i++)
        release_shard(cache, &cache->shards[i]);
}
