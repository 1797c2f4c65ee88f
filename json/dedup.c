/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: find members of one object that have equal keys, and cut all but the last of them out.
 *
 * Few members are compared pair by pair. More go through a hash table that can only say "all keys
 * differ" or "not sure": it gives up when it meets equal hashes or has probed too often, and then
 * the members are sorted. So an object made of keys that collide costs O(n log n), not O(n^2).
 *
 * INV-DUP-1: no two members that are left have equal keys, and the last of equal ones is left.
 * Source: own; no secret seed is needed because collisions only cost the sort.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "json/scan.h"

#define PAIRWISE_COUNT_MAX 8
#define INLINE_SLOT_COUNT 256
#define PROBES_PER_MEMBER 8

static inline uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

/* One to seven bytes, by loads that overlap. */
static inline uint64_t load_tail(const uint8_t *p, size_t len)
{
    if (len >= 4) {
        uint32_t first, last;
        memcpy(&first, p, 4);
        memcpy(&last, p + len - 4, 4);
        return (uint64_t)last << 32 | first;
    }
    return (uint64_t)p[len - 1] << 16 | (uint64_t)p[len / 2] << 8 | p[0];
}

uint64_t tufi_json_key_hash(tuf_slice key)
{
    uint64_t hash = key.len;
    size_t pos = 0;
    uint64_t word;
    for (; key.len - pos >= 8; pos += 8) {
        memcpy(&word, key.data + pos, 8);
        hash = mix(hash, word);
    }
    return pos < key.len ? mix(hash, load_tail(key.data + pos, key.len - pos)) : hash;
}

static bool equal_keys(const struct json_member *a, const struct json_member *b)
{
    return a->key_hash == b->key_hash && a->key_len == b->key_len &&
           memcmp(a->key, b->key, a->key_len) == 0;
}

static bool pairwise_distinct(const struct json_member *members, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (members[i].key_hash == members[j].key_hash)
                return false;
    return true;
}

/* Whether all hashes differ, as far as probe_max probes can tell. Slots hold positions plus one;
 * slot_count is a power of two. */
static bool hashes_distinct(uint32_t *slots, size_t slot_count, const struct json_member *members,
                            size_t count)
{
    size_t probes_left = count * PROBES_PER_MEMBER;
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = members[i].key_hash;
        size_t slot = (size_t)hash & (slot_count - 1);
        for (; slots[slot] != 0; slot = (slot + 1) & (slot_count - 1))
            if (members[slots[slot] - 1].key_hash == hash || probes_left-- == 0)
                return false;
        slots[slot] = (uint32_t)(i + 1);
    }
    return true;
}

/* Whether all keys surely differ. */
static tuf_status surely_distinct(bool *out, const struct json_member *members, size_t count)
{
    if (count <= PAIRWISE_COUNT_MAX) {
        *out = pairwise_distinct(members, count);
        return TUF_OK;
    }
    if (count <= INLINE_SLOT_COUNT / 2) {
        uint32_t slots[INLINE_SLOT_COUNT] = { 0 };
        size_t slot_count =
            count <= INLINE_SLOT_COUNT / 8 ? INLINE_SLOT_COUNT / 4 : INLINE_SLOT_COUNT;
        *out = hashes_distinct(slots, slot_count, members, count);
        return TUF_OK;
    }
    size_t slot_count = INLINE_SLOT_COUNT;
    while (slot_count < count * 2)
        slot_count *= 2;
    TUF_AUTOFREE uint32_t *slots = tufi_alloc_zero(slot_count * sizeof(uint32_t));
    if (!slots)
        return tufi_nomem();
    *out = hashes_distinct(slots, slot_count, members, count);
    return TUF_OK;
}

/* By hash, length, text, position. */
static int compare_members(const void *left, const void *right)
{
    struct json_member *const *a = left;
    struct json_member *const *b = right;
    if ((*a)->key_hash != (*b)->key_hash)
        return (*a)->key_hash < (*b)->key_hash ? -1 : 1;
    if ((*a)->key_len != (*b)->key_len)
        return (*a)->key_len < (*b)->key_len ? -1 : 1;
    int order = memcmp((*a)->key, (*b)->key, (*a)->key_len);
    if (order != 0)
        return order;
    return *a < *b ? -1 : *a > *b;
}

static size_t mark_sorted(struct json_member *const *sorted, size_t count)
{
    size_t dropped_count = 0;
    for (size_t i = 0; i + 1 < count; i++) {
        if (equal_keys(sorted[i], sorted[i + 1])) {
            sorted[i]->dropped = true;
            dropped_count++;
        }
    }
    return dropped_count;
}

tuf_status tufi_json_mark_duplicates(size_t *dropped_out, struct json_member *members, size_t count)
{
    bool distinct;
    tuf_status st = surely_distinct(&distinct, members, count);
    if (st < 0)
        return st;
    *dropped_out = 0;
    if (distinct)
        return TUF_OK;
    TUF_AUTOFREE struct json_member **sorted = tufi_alloc_array(count, sizeof(*sorted));
    if (!sorted)
        return tufi_nomem();
    for (size_t i = 0; i < count; i++)
        sorted[i] = &members[i];
    qsort(sorted, count, sizeof(*sorted), compare_members);
    *dropped_out = mark_sorted(sorted, count);
    return TUF_OK;
}

/* Moves the term bytes of a member to `to`; returns their length. */
static size_t move_term(struct scan *s, size_t to, const struct json_member *m, bool last)
{
    size_t end = last ? s->etf->len : m[1].etf_off;
    size_t len = end - m->etf_off;
    memmove(s->etf->data + to, s->etf->data + m->etf_off, len);
    return len;
}

void tufi_scan_remove_dropped(struct scan *s, struct json_frame *f)
{
    const struct json_member *members = s->members + f->member_pos;
    size_t count = f->value_count;
    bool move_terms = s->etf && !s->etf->failed;
    size_t etf_len = members[0].etf_off;
    uint64_t removed_size = 0;
    uint8_t *start = s->out - (s->out - members[0].key) - 1; /* at the first key's quote */
    uint8_t *out = start;
    tuf_assert(!members[count - 1].dropped);
    for (size_t i = 0; i < count; i++) {
        const struct json_member *m = &members[i];
        bool last = i + 1 == count;
        if (m->dropped) {
            removed_size += m[1].size_at - m->size_at;
            f->value_count--;
            continue;
        }
        /* The text of a member runs from its quote to the comma before the next one. */
        const uint8_t *text = m->key - 1;
        const uint8_t *text_end = last ? s->out : m[1].key - 2;
        if (out > start)
            *out++ = ',';
        size_t len = (size_t)(text_end - text);
        memmove(out, text, len);
        out += len;
        if (move_terms)
            etf_len += move_term(s, etf_len, m, last);
    }
    s->out = out;
    s->body_size -= removed_size;
    if (move_terms)
        s->etf->len = etf_len;
}
