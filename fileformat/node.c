/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: encodes and decodes one B+tree node (layout: node.h).
 *
 * INV-NODE-2: the decoder delivers only what the encoder may have written: ascending keys, restarts
 *             where the table says, no bytes behind the last entry. Order is checked against the
 *             part of the previous key that is not shared, so it costs one short comparison.
 * Source: prefix compression with restart points is that of LevelDB's blocks; the table stands in
 *         front because the entry count is known when encoding starts. The search that compares a
 *         compressed key only behind what it shares with its neighbour is that of the same blocks.
 * Not here: checksums (whoever holds the reference), reading and caching (engine/btree.c).
 */
#include "fileformat/node.h"

#include "base/arith.h"
#include "base/assert.h"

static size_t restart_count(uint32_t entry_count)
{
    return ((size_t)entry_count + NODE_RESTART_INTERVAL - 1) / NODE_RESTART_INTERVAL;
}

static size_t common_prefix(tuf_slice a, tuf_slice b)
{
    size_t limit = min_size(a.len, b.len);
    size_t len = 0;
    while (len < limit && a.data[len] == b.data[len])
        len++;
    return len;
}

void tufi_node_encode_start(struct node_encoder *e, struct buf *out,
                            const struct node_header *header)
{
    tuf_assert(header->entry_count > 0);
    tuf_assert(header->level <= NODE_LEVEL_MAX);
    *e = (struct node_encoder){ .out = out, .start = out->len, .header = *header };
    uint8_t fixed[NODE_HEADER_SIZE] = { NODE_FORMAT, header->kind, header->level, 0 };
    put_be32(fixed + 4, header->entry_count);
    tufi_buf_append(out, fixed, sizeof(fixed));
    tufi_buf_append_zero(out, restart_count(header->entry_count) * 4);
}

/* Room for `more` bytes plus the two lengths, which it writes. NULL when out of memory. */
static uint8_t *start_entry(struct node_encoder *e, tuf_slice key, size_t more, size_t *shared_out)
{
    tuf_assert(e->done_count < e->header.entry_count);
    tuf_assert(key.len <= NODE_KEY_SIZE_MAX);
    struct buf *out = e->out;
    if (!tufi_buf_reserve(out, 2 * VARINT_SIZE_MAX + key.len + more))
        return NULL;
    size_t shared = 0;
    if (e->done_count % NODE_RESTART_INTERVAL == 0) {
        size_t slot = e->start + NODE_HEADER_SIZE + e->done_count / NODE_RESTART_INTERVAL * 4;
        put_be32(out->data + slot, (uint32_t)(out->len - e->start));
    } else {
        shared = common_prefix(e->last_key, key);
    }
    uint8_t *p = out->data + out->len;
    p += put_varint(p, shared);
    p += put_varint(p, key.len - shared);
    e->last_key = key;
    e->done_count++;
    *shared_out = shared;
    return p;
}

static uint8_t *put_slice(uint8_t *p, const uint8_t *data, size_t len)
{
    if (len > 0)
        memcpy(p, data, len);
    return p + len;
}

void tufi_node_encode_leaf(struct node_encoder *e, tuf_slice key, tuf_slice value)
{
    size_t shared;
    uint8_t *p = start_entry(e, key, VARINT_SIZE_MAX + value.len, &shared);
    if (!p)
        return;
    p += put_varint(p, value.len);
    if (key.len > shared)
        p = put_slice(p, key.data + shared, key.len - shared);
    p = put_slice(p, value.data, value.len);
    e->out->len = (size_t)(p - e->out->data);
}

void tufi_node_encode_inner(struct node_encoder *e, tuf_slice key, const struct node_child *child)
{
    tuf_assert(e->done_count > 0 || key.len == 0 || e->out->failed); /* INV-NODE-1 */
    tuf_assert(child->off != 0);
    size_t shared;
    uint8_t *p = start_entry(e, key, NODE_CHILD_SIZE_MAX, &shared);
    if (!p)
        return;
    if (key.len > shared)
        p = put_slice(p, key.data + shared, key.len - shared);
    p += put_varint(p, child->off);
    p += put_varint(p, child->len);
    put_be32(p, child->crc);
    p += 4;
    p += put_varint(p, child->entry_count);
    for (unsigned i = 0; i < NODE_REDUCTION_SLOTS; i++)
        p += put_varint(p, child->reduction[i]);
    e->out->len = (size_t)(p - e->out->data);
}

tuf_status tufi_node_decode_start(struct node_decoder *d, tuf_slice bytes, uint64_t off)
{
    d->in = reader_of(bytes);
    d->bytes = bytes.data;
    d->off = off;
    d->done_count = 0;
    d->key_len = 0;
    uint8_t format = read_u8(&d->in);
    d->header.kind = read_u8(&d->in);
    d->header.level = read_u8(&d->in);
    uint8_t reserved = read_u8(&d->in);
    d->header.entry_count = read_be32(&d->in);
    if (d->in.bad || format != NODE_FORMAT || reserved != 0)
        return tufi_corrupt(off, "%zu bytes do not start as a tree node", bytes.len);
    if (d->header.level > NODE_LEVEL_MAX)
        return tufi_corrupt(off, "node says level %u", d->header.level);
    if (d->header.entry_count == 0)
        return tufi_corrupt(off, "node says it has no entries");
    read_bytes(&d->in, restart_count(d->header.entry_count) * 4);
    if (d->in.bad)
        return tufi_corrupt(off, "node says %u entries, has %zu bytes", d->header.entry_count,
                            bytes.len);
    return TUF_OK;
}

static tuf_status check_restart(const struct node_decoder *d)
{
    if (d->done_count % NODE_RESTART_INTERVAL != 0)
        return TUF_OK;
    const uint8_t *slot = d->bytes + NODE_HEADER_SIZE + d->done_count / NODE_RESTART_INTERVAL * 4;
    size_t at = (size_t)(d->in.pos - d->bytes);
    if (get_be32(slot) != at)
        return tufi_corrupt(d->off, "node says entry %u is at byte %u, it is at %zu", d->done_count,
                            get_be32(slot), at);
    return TUF_OK;
}

/* Puts the key together from the previous one and `unshared`, and checks the order. */
static tuf_status take_key(struct node_decoder *d, uint64_t shared, tuf_slice unshared)
{
    if (shared > d->key_len)
        return tufi_corrupt(d->off, "entry %u shares %llu bytes with a key of %zu", d->done_count,
                            (unsigned long long)shared, d->key_len);
    if (unshared.len > NODE_KEY_SIZE_MAX - shared)
        return tufi_corrupt(d->off, "key of entry %u is too long", d->done_count);
    tuf_slice rest = tuf_slice_of(d->key + shared, d->key_len - (size_t)shared);
    if (d->done_count > 0 && slice_compare(rest, unshared) >= 0)
        return tufi_corrupt(d->off, "key of entry %u is not greater than the one before",
                            d->done_count);
    if (unshared.len > 0)
        memcpy(d->key + shared, unshared.data, unshared.len);
    d->key_len = (size_t)shared + unshared.len;
    return TUF_OK;
}

static tuf_status end_of_node(const struct node_decoder *d)
{
    if (reader_left(&d->in) > 0)
        return tufi_corrupt(d->off, "%zu bytes behind the last entry of a node",
                            reader_left(&d->in));
    return TUF_END;
}

/* Reads the lengths in front of an entry. TUF_END at the end of the node. */
static tuf_status start_of_entry(struct node_decoder *d, uint64_t *shared_out,
                                 uint64_t *unshared_len_out)
{
    if (d->done_count == d->header.entry_count)
        return end_of_node(d);
    tuf_status st = check_restart(d);
    if (st < 0)
        return st;
    *shared_out = read_varint(&d->in);
    *unshared_len_out = read_varint(&d->in);
    if (*shared_out > 0 && d->done_count % NODE_RESTART_INTERVAL == 0)
        return tufi_corrupt(d->off, "entry %u is a restart but shares bytes", d->done_count);
    return TUF_OK;
}

tuf_status tufi_node_decode_leaf(struct node_decoder *d, tuf_slice *key_out, tuf_slice *value_out)
{
    tuf_assert(d->header.level == 0);
    uint64_t shared = 0;
    uint64_t unshared_len = 0;
    tuf_status st = start_of_entry(d, &shared, &unshared_len);
    if (st != TUF_OK)
        return st;
    uint64_t value_len = read_varint(&d->in);
    tuf_slice unshared = read_bytes(&d->in, unshared_len);
    tuf_slice value = read_bytes(&d->in, value_len);
    if (d->in.bad)
        return tufi_corrupt(d->off, "entry %u reaches past the end of its node", d->done_count);
    st = take_key(d, shared, unshared);
    if (st < 0)
        return st;
    d->done_count++;
    *key_out = tuf_slice_of(d->key, d->key_len);
    *value_out = value;
    return TUF_OK;
}

tuf_status tufi_node_decode_inner(struct node_decoder *d, tuf_slice *key_out,
                                  struct node_child *child_out)
{
    tuf_assert(d->header.level > 0);
    uint64_t shared = 0;
    uint64_t unshared_len = 0;
    tuf_status st = start_of_entry(d, &shared, &unshared_len);
    if (st != TUF_OK)
        return st;
    tuf_slice unshared = read_bytes(&d->in, unshared_len);
    struct node_child child = { .off = read_varint(&d->in) };
    uint64_t len = read_varint(&d->in);
    child.crc = read_be32(&d->in);
    child.entry_count = read_varint(&d->in);
    for (unsigned i = 0; i < NODE_REDUCTION_SLOTS; i++)
        child.reduction[i] = read_varint(&d->in);
    if (d->in.bad)
        return tufi_corrupt(d->off, "entry %u reaches past the end of its node", d->done_count);
    if (d->done_count == 0 && unshared.len > 0)
        return tufi_corrupt(d->off, "first key of an inner node is not empty");
    if (child.off == 0 || len == 0 || len > NODE_SIZE_MAX || child.entry_count == 0)
        return tufi_corrupt(d->off, "entry %u points at no possible node", d->done_count);
    st = take_key(d, shared, unshared);
    if (st < 0)
        return st;
    child.len = (uint32_t)len;
    d->done_count++;
    *key_out = tuf_slice_of(d->key, d->key_len);
    *child_out = child;
    return TUF_OK;
}

/* ---- searching without decoding ---------------------------------------------------------------- */

/* More than a node of the usual size has. */
#define PREFETCH_RESTARTS_MAX 16

static size_t restart_at(tuf_slice bytes, size_t restart)
{
    return get_be32(bytes.data + NODE_HEADER_SIZE + restart * 4);
}

static struct reader reader_from(tuf_slice bytes, size_t at)
{
    at = min_size(at, bytes.len);
    return reader_of(tuf_slice_of(bytes.data + at, bytes.len - at));
}

/* The restarts lie far apart: fetched together they cost one wait for memory, not one for each. */
static void prefetch_restarts(tuf_slice bytes, size_t count)
{
    for (size_t i = 0; i < count && i < PREFETCH_RESTARTS_MAX; i++)
        __builtin_prefetch(bytes.data + min_size(restart_at(bytes, i), bytes.len - 1));
}

/* The key at a restart, which is whole. */
static tuf_slice restart_key(tuf_slice bytes, size_t restart)
{
    struct reader in = reader_from(bytes, restart_at(bytes, restart));
    read_varint(&in); /* shared: 0 */
    uint64_t len = read_varint(&in);
    read_varint(&in); /* of the value */
    return read_bytes(&in, len);
}

/* The last restart whose key is not greater than `key`; the first if there is none. */
static size_t find_restart(tuf_slice bytes, size_t count, tuf_slice key)
{
    size_t low = 0;
    while (count - low > 1) {
        size_t middle = low + (count - low) / 2;
        if (slice_compare(restart_key(bytes, middle), key) <= 0)
            low = middle;
        else
            count = middle;
    }
    return low;
}

/*
 * Goes through the entries from a restart on while they are smaller than `key`. `match` is how many
 * bytes the smaller entry before has in common with the key: an entry that shares more with that one
 * differs from the key where that one does, and is smaller, too. Any other is compared behind what
 * it shares, be that less than it could.
 */
static bool find_behind(struct reader *in, uint32_t count, tuf_slice key, tuf_slice *value_out)
{
    size_t match = 0;
    for (uint32_t i = 0; i < count && !in->bad; i++) {
        uint64_t shared = read_varint(in);
        uint64_t unshared_len = read_varint(in);
        uint64_t value_len = read_varint(in);
        tuf_slice unshared = read_bytes(in, unshared_len);
        tuf_slice value = read_bytes(in, value_len);
        if (shared > match)
            continue;
        match = (size_t)shared;
        tuf_slice rest = tuf_slice_of(key.data + match, key.len - match);
        size_t same = common_prefix(unshared, rest);
        match += same;
        if (same == unshared.len) {
            if (match < key.len)
                continue;
            *value_out = value;
            return !in->bad;
        }
        /* Both are longer than same. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        if (same == rest.len || unshared.data[same] > rest.data[same])
            return false;
    }
    return false;
}

bool tufi_node_find(tuf_slice bytes, tuf_slice key, tuf_slice *value_out)
{
    if (bytes.len < NODE_HEADER_SIZE)
        return false;
    uint32_t entry_count = get_be32(bytes.data + 4);
    size_t count = restart_count(entry_count);
    if (entry_count == 0 || count > (bytes.len - NODE_HEADER_SIZE) / 4)
        return false;
    prefetch_restarts(bytes, count);
    size_t restart = find_restart(bytes, count, key);
    struct reader in = reader_from(bytes, restart_at(bytes, restart));
    size_t first = restart * NODE_RESTART_INTERVAL;
    uint32_t left = (uint32_t)min_size(entry_count - first, NODE_RESTART_INTERVAL);
    return find_behind(&in, left, key, value_out);
}
