/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the slotted page of a B+tree node: searching, inserting, removing, copying.
 *
 * An entry of the heap is { leaf: value_len u32 | inner: struct child } key_len u16, key, value; it
 * is in the machine's own byte order, because it never leaves memory.
 *
 * INV-BN-4: heap_used + count * sizeof(slot) <= cap.
 * Source: slotted pages and key heads ("poor man's normalized keys") as in Graefe, Modern B-Tree
 *         Techniques, 2011, section 3.
 * Not here: encoding and decoding (engine/bnode_codec.c).
 */
#include "engine/bnode.h"

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"

#define LEAF_FIXED_SIZE (sizeof(uint32_t) + sizeof(uint16_t))
#define INNER_FIXED_SIZE (sizeof(struct child) + sizeof(uint16_t))
/* What an encoded entry has besides key and value: three short varints; a child's place and sums.
 */
#define LEAF_ENCODED_EXTRA 3
#define INNER_ENCODED_EXTRA 28
#define ENCODED_HEADER_SIZE 16

static_assert(BTREE_KEY_SIZE_MAX <= UINT16_MAX, "key_len is 16 bits");

void tufi_node_list_add(struct node_list *list, struct bnode *node)
{
    node->prev = NULL;
    node->next = list->first;
    if (list->first)
        list->first->prev = node;
    list->first = node;
}

void tufi_node_list_remove(struct node_list *list, struct bnode *node)
{
    if (node->prev)
        node->prev->next = node->next;
    else
        list->first = node->next;
    if (node->next)
        node->next->prev = node->prev;
    node->prev = NULL;
    node->next = NULL;
}

/* page is aligned for slots (bnode.h). */
static struct bnode_slot *slots_of(struct bnode *node)
{
    return (struct bnode_slot *)(void *)node->page;
}

static const struct bnode_slot *peek_slots(const struct bnode *node)
{
    return (const struct bnode_slot *)(const void *)node->page;
}

static const uint8_t *peek_entry(const struct bnode *node, uint32_t pos)
{
    tuf_assert(!node->packed);
    tuf_assert(pos < node->count);
    return node->page + node->cap - peek_slots(node)[pos].back;
}

static uint8_t *entry_of(struct bnode *node, uint32_t pos)
{
    tuf_assert(pos < node->count);
    return node->page + node->cap - slots_of(node)[pos].back;
}

static size_t fixed_size(const struct bnode *node)
{
    return node->level > 0 ? INNER_FIXED_SIZE : LEAF_FIXED_SIZE;
}

static uint16_t key_len_at(const uint8_t *entry, size_t fixed)
{
    uint16_t len;
    memcpy(&len, entry + fixed - sizeof(len), sizeof(len));
    return len;
}

static uint32_t value_len_at(const uint8_t *entry)
{
    uint32_t len;
    memcpy(&len, entry, sizeof(len));
    return len;
}

/* Bytes of the entry in the heap. */
static size_t entry_span(const struct bnode *node, uint32_t pos)
{
    const uint8_t *entry = peek_entry(node, pos);
    size_t fixed = fixed_size(node);
    size_t value_len = node->level > 0 ? 0 : value_len_at(entry);
    return fixed + key_len_at(entry, fixed) + value_len;
}

tuf_slice tufi_bnode_key(const struct bnode *node, uint32_t pos)
{
    const uint8_t *entry = peek_entry(node, pos);
    size_t fixed = fixed_size(node);
    return tuf_slice_of(entry + fixed, key_len_at(entry, fixed));
}

tuf_slice tufi_bnode_value(const struct bnode *node, uint32_t pos)
{
    tuf_assert(node->level == 0);
    const uint8_t *entry = peek_entry(node, pos);
    return tuf_slice_of(entry + LEAF_FIXED_SIZE + key_len_at(entry, LEAF_FIXED_SIZE),
                        value_len_at(entry));
}

struct child tufi_bnode_child(const struct bnode *node, uint32_t pos)
{
    tuf_assert(node->level > 0);
    struct child child;
    memcpy(&child, peek_entry(node, pos), sizeof(child));
    return child;
}

struct node_ref tufi_bnode_child_ref(const struct bnode *node, uint32_t pos)
{
    tuf_assert(node->level > 0);
    struct node_ref ref;
    memcpy(&ref, peek_entry(node, pos) + offsetof(struct child, ref), sizeof(ref));
    return ref;
}

/* ---- the common prefix and the heads --------------------------------------------------------- */

/* The first entry whose key takes part in searching (INV-BN-2). */
static uint32_t first_searched(const struct bnode *node)
{
    return node->level > 0 ? 1 : 0;
}

static uint32_t head_of(tuf_slice key, size_t prefix_len)
{
    if (key.len >= prefix_len + 4)
        return get_be32(key.data + prefix_len);
    uint8_t padded[4] = { 0 };
    if (key.len > prefix_len)
        memcpy(padded, key.data + prefix_len, key.len - prefix_len);
    return get_be32(padded);
}

static size_t common_prefix(tuf_slice a, tuf_slice b, size_t limit)
{
    limit = min_size(limit, min_size(a.len, b.len));
    size_t len = 0;
    while (len < limit && a.data[len] == b.data[len])
        len++;
    return len;
}

static void set_prefix(struct bnode *node, size_t prefix_len)
{
    node->prefix_len = (uint32_t)prefix_len;
    struct bnode_slot *slots = slots_of(node);
    if (node->count > first_searched(node) && prefix_len > 0)
        memcpy(node->prefix, tufi_bnode_key(node, first_searched(node)).data,
               min_size(prefix_len, BNODE_PREFIX_KEPT));
    for (uint32_t i = first_searched(node); i < node->count; i++)
        slots[i].head = head_of(tufi_bnode_key(node, i), prefix_len);
}

/* Takes the longest prefix that the sorted keys have. */
static void find_prefix(struct bnode *node)
{
    uint32_t first = first_searched(node);
    if (node->count <= first) {
        node->prefix_len = 0;
        return;
    }
    set_prefix(node, common_prefix(tufi_bnode_key(node, first),
                                   tufi_bnode_key(node, node->count - 1), SIZE_MAX));
}

/* ---- searching ------------------------------------------------------------------------------- */

/* First slot of [from, from + count) whose head is >= `head`. */
static uint32_t search_heads(const struct bnode_slot *slots, uint32_t from, uint32_t count,
                             uint64_t head)
{
    const struct bnode_slot *base = slots + from;
    while (count > 1) {
        uint32_t half = count / 2;
        base += base[half - 1].head < head ? half : 0; /* a conditional move, not a branch */
        count -= half;
    }
    uint32_t pos = (uint32_t)(base - slots);
    return pos + (count == 1 && base->head < head);
}

/* Orders the start of a key against the common prefix; 0: the key begins with it. */
static int compare_prefix(const struct bnode *node, uint32_t first, tuf_slice key)
{
    size_t prefix_len = node->prefix_len;
    const uint8_t *prefix =
        prefix_len <= BNODE_PREFIX_KEPT ? node->prefix : tufi_bnode_key(node, first).data;
    size_t common = min_size(prefix_len, key.len);
    int order = common > 0 ? memcmp(key.data, prefix, common) : 0;
    if (order != 0)
        return order;
    return key.len < prefix_len ? -1 : 0;
}

/* First entry from `first` on with a key >= `key`. */
static uint32_t lower_bound(const struct bnode *node, uint32_t first, tuf_slice key,
                            bool *equal_out)
{
    *equal_out = false;
    if (node->count <= first)
        return node->count;
    size_t prefix_len = node->prefix_len;
    int order = prefix_len > 0 ? compare_prefix(node, first, key) : 0;
    if (order != 0)
        return order < 0 ? first : node->count;
    uint32_t head = head_of(key, prefix_len);
    const struct bnode_slot *slots = peek_slots(node);
    uint32_t low = search_heads(slots, first, node->count - first, head);
    if (low == node->count || slots[low].head != head)
        return low;
    uint32_t high = low + 1;
    if (high < node->count && slots[high].head == head)
        high = search_heads(slots, high, node->count - high, (uint64_t)head + 1);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        order = slice_compare(tufi_bnode_key(node, middle), key);
        if (order == 0) {
            *equal_out = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t tufi_bnode_lower_bound(const struct bnode *node, tuf_slice key, bool *equal_out)
{
    tuf_assert(node->level == 0);
    return lower_bound(node, 0, key, equal_out);
}

uint32_t tufi_bnode_child_pos(const struct bnode *node, tuf_slice key)
{
    tuf_assert(node->level > 0);
    tuf_assert(node->count > 0);
    bool equal;
    uint32_t pos = lower_bound(node, 1, key, &equal);
    return equal ? pos : pos - 1;
}

/* ---- sizes ----------------------------------------------------------------------------------- */

size_t tufi_bnode_encoded_size(const struct bnode *node)
{
    size_t heap = node->heap_used - node->garbage;
    size_t extra = node->level > 0 ? INNER_ENCODED_EXTRA : LEAF_ENCODED_EXTRA;
    uint32_t full_keys = (node->count + 15) / 16;
    size_t shared = (size_t)(node->count - full_keys) * node->prefix_len;
    size_t unshared = heap - node->count * fixed_size(node);
    return ENCODED_HEADER_SIZE + node->count * extra + unshared - min_size(shared, unshared);
}

size_t tufi_bnode_entry_size(const struct bnode *node, uint32_t pos)
{
    size_t extra = node->level > 0 ? INNER_ENCODED_EXTRA : LEAF_ENCODED_EXTRA;
    size_t bytes = entry_span(node, pos) - fixed_size(node);
    return extra + bytes - min_size(bytes, node->prefix_len);
}

size_t tufi_bnode_leaf_room(tuf_slice key, tuf_slice value)
{
    return sizeof(struct bnode_slot) + LEAF_FIXED_SIZE + key.len + value.len;
}

size_t tufi_bnode_inner_room(tuf_slice key)
{
    return sizeof(struct bnode_slot) + INNER_FIXED_SIZE + key.len;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct bnode *tufi_bnode_new(uint8_t kind, uint8_t level, size_t room)
{
    size_t size = (size_t)align_up(sizeof(struct bnode) + room, 16);
    if (size > UINT32_MAX)
        return NULL;
    struct bnode *node = tufi_alloc(size);
    if (!node)
        return NULL;
    memset(node, 0, sizeof(*node));
    node->kind = kind;
    node->level = level;
    node->cap = (uint32_t)(size - sizeof(struct bnode));
    return node;
}

void tufi_bnode_free(struct bnode *node)
{
    tufi_free(node);
}

/* Takes the next `size` bytes of the heap for the entry of a new slot at pos. */
static uint8_t *add_slot(struct bnode *node, uint32_t pos, size_t size)
{
    tuf_assert(pos <= node->count);
    tuf_assert(bnode_room(node) >= size + sizeof(struct bnode_slot)); /* INV-BN-4 */
    struct bnode_slot *slots = slots_of(node);
    memmove(slots + pos + 1, slots + pos, (node->count - pos) * sizeof(*slots));
    node->heap_used += (uint32_t)size;
    node->count++;
    slots[pos] = (struct bnode_slot){ .back = node->heap_used };
    return node->page + node->cap - node->heap_used;
}

static void put_key(uint8_t *entry, size_t fixed, tuf_slice key)
{
    uint16_t len = (uint16_t)key.len;
    memcpy(entry + fixed - sizeof(len), &len, sizeof(len));
    if (key.len > 0)
        memcpy(entry + fixed, key.data, key.len);
}

static void append_raw(struct bnode *node, const struct bnode *from, uint32_t pos)
{
    size_t size = entry_span(from, pos);
    memcpy(add_slot(node, node->count, size), peek_entry(from, pos), size);
}

/* Appends a child under another key. */
static void append_child(struct bnode *node, const struct bnode *from, uint32_t pos, tuf_slice key)
{
    uint8_t *entry = add_slot(node, node->count, INNER_FIXED_SIZE + key.len);
    memcpy(entry, peek_entry(from, pos), sizeof(struct child));
    put_key(entry, INNER_FIXED_SIZE, key);
}

/* Room that entries [from, to) take. */
static size_t span_room(const struct bnode *node, uint32_t from, uint32_t to)
{
    size_t room = (to - from) * sizeof(struct bnode_slot);
    if (from == 0 && to == node->count)
        return room + node->heap_used - node->garbage;
    for (uint32_t i = from; i < to; i++)
        room += entry_span(node, i);
    return room;
}

/* The whole page in two moves: offsets count from the end, so they stay right. */
static void copy_page(struct bnode *copy, const struct bnode *node)
{
    memcpy(copy->page, node->page, node->count * sizeof(struct bnode_slot));
    memcpy(copy->page + copy->cap - node->heap_used, node->page + node->cap - node->heap_used,
           node->heap_used);
    copy->count = node->count;
    copy->heap_used = node->heap_used;
    copy->garbage = node->garbage;
    copy->prefix_len = node->prefix_len;
    memcpy(copy->prefix, node->prefix, sizeof(copy->prefix));
}

struct bnode *tufi_bnode_slice(const struct bnode *node, uint32_t from, uint32_t to, size_t more)
{
    tuf_assert(from <= to);
    tuf_assert(to <= node->count);
    bool whole = from == 0 && to == node->count;
    /* A little garbage is cheaper to carry along than to leave out. */
    bool as_it_is = whole && node->garbage <= node->heap_used / 16;
    size_t room = span_room(node, from, to) + (as_it_is ? node->garbage : 0);
    struct bnode *copy = tufi_bnode_new(node->kind, node->level, room + more);
    if (!copy)
        return NULL;
    if (whole) {
        copy->run_end = node->run_end;
        copy->run_count = node->run_count;
    }
    if (as_it_is) {
        copy_page(copy, node);
        return copy;
    }
    uint32_t i = from;
    if (node->level > 0 && i < to)
        append_child(copy, node, i++, tuf_slice_of(NULL, 0)); /* INV-BN-2 */
    for (; i < to; i++)
        append_raw(copy, node, i);
    find_prefix(copy);
    return copy;
}

struct bnode *tufi_bnode_join(const struct bnode *left, const struct bnode *right,
                              tuf_slice separator)
{
    tuf_assert(left->level == right->level);
    size_t room = span_room(left, 0, left->count) + span_room(right, 0, right->count);
    struct bnode *both = tufi_bnode_new(left->kind, left->level, room + separator.len);
    if (!both)
        return NULL;
    for (uint32_t i = 0; i < left->count; i++)
        append_raw(both, left, i);
    uint32_t from = 0;
    if (right->level > 0 && right->count > 0)
        append_child(both, right, from++, separator);
    for (uint32_t i = from; i < right->count; i++)
        append_raw(both, right, i);
    find_prefix(both);
    return both;
}

/* ---- changing -------------------------------------------------------------------------------- */

#ifndef TUF_DISABLE_ASSERT
/* Whether the entry at pos lies between its neighbours (INV-BN-1). */
static bool is_ordered_at(const struct bnode *node, uint32_t pos)
{
    uint32_t first = first_searched(node);
    tuf_slice key = tufi_bnode_key(node, pos);
    return (pos <= first || slice_compare(tufi_bnode_key(node, pos - 1), key) < 0) &&
           (pos < first || pos + 1 == node->count ||
            slice_compare(key, tufi_bnode_key(node, pos + 1)) < 0);
}
#endif

/* Brings the prefix and the new slot's head in order after an insertion at pos. */
static void note_inserted(struct bnode *node, uint32_t pos, tuf_slice key)
{
    uint32_t first = first_searched(node);
    tuf_check_slow(is_ordered_at(node, pos));
    if (pos < first)
        return;
    if (node->count == first + 1) {
        set_prefix(node, key.len);
        return;
    }
    tuf_slice other = tufi_bnode_key(node, pos == first ? first + 1 : first);
    size_t prefix_len = common_prefix(other, key, node->prefix_len);
    if (prefix_len < node->prefix_len)
        set_prefix(node, prefix_len);
    else
        slots_of(node)[pos].head = head_of(key, prefix_len);
}

/* The entry of a new slot at pos. */
static void put_leaf_entry(struct bnode *node, uint32_t pos, tuf_slice key, tuf_slice value)
{
    tuf_assert(node->level == 0);
    uint8_t *entry = add_slot(node, pos, LEAF_FIXED_SIZE + key.len + value.len);
    uint32_t value_len = (uint32_t)value.len;
    memcpy(entry, &value_len, sizeof(value_len));
    put_key(entry, LEAF_FIXED_SIZE, key);
    if (value.len > 0)
        memcpy(entry + LEAF_FIXED_SIZE + key.len, value.data, value.len);
}

void tufi_bnode_insert_leaf(struct bnode *node, uint32_t pos, tuf_slice key, tuf_slice value)
{
    put_leaf_entry(node, pos, key, value);
    note_inserted(node, pos, key);
    node->run_count = pos == node->run_end ? node->run_count + 1 : 1;
    node->run_end = pos + 1;
}

void tufi_bnode_append_leaf(struct bnode *node, tuf_slice key, tuf_slice value)
{
    put_leaf_entry(node, node->count, key, value);
}

void tufi_bnode_end_appending(struct bnode *node)
{
    find_prefix(node);
}

void tufi_bnode_insert_inner(struct bnode *node, uint32_t pos, tuf_slice key,
                             const struct child *child)
{
    tuf_assert(node->level > 0);
    tuf_assert(pos > 0 || key.len == 0);
    uint8_t *entry = add_slot(node, pos, INNER_FIXED_SIZE + key.len);
    memcpy(entry, child, sizeof(*child));
    put_key(entry, INNER_FIXED_SIZE, key);
    note_inserted(node, pos, key);
}

bool tufi_bnode_shrink_value(struct bnode *node, uint32_t pos, tuf_slice value)
{
    tuf_assert(node->level == 0);
    uint8_t *entry = entry_of(node, pos);
    uint32_t old_len = value_len_at(entry);
    if (value.len > old_len)
        return false;
    uint32_t value_len = (uint32_t)value.len;
    memcpy(entry, &value_len, sizeof(value_len));
    if (value.len > 0)
        memcpy(entry + LEAF_FIXED_SIZE + key_len_at(entry, LEAF_FIXED_SIZE), value.data, value.len);
    node->garbage += old_len - value_len;
    return true;
}

void tufi_bnode_set_child(struct bnode *node, uint32_t pos, const struct child *child)
{
    tuf_assert(node->level > 0);
    memcpy(entry_of(node, pos), child, sizeof(*child));
}

static void remove_slot(struct bnode *node, uint32_t pos)
{
    struct bnode_slot *slots = slots_of(node);
    node->garbage += (uint32_t)entry_span(node, pos);
    node->run_count = 0;
    memmove(slots + pos, slots + pos + 1, (node->count - pos - 1) * sizeof(*slots));
    node->count--;
}

void tufi_bnode_remove(struct bnode *node, uint32_t pos)
{
    tuf_assert(pos < node->count);
    if (node->level > 0 && pos == 0 && node->count > 1) {
        /* The second child becomes the first: it takes over the empty key. */
        struct child second = tufi_bnode_child(node, 1);
        tufi_bnode_set_child(node, 0, &second);
        pos = 1;
    }
    remove_slot(node, pos);
}
