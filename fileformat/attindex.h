/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the index record of an attachment that has more than one chunk: where each chunk is.
 *
 *   index := chunk_size:varint total:varint first_off:varint gap*(count - 1):varint
 *
 *   chunk_size  stored bytes of each chunk but the last, 1..ATTINDEX_CHUNK_SIZE_MAX
 *   total       stored bytes of the attachment
 *   first_off   file offset of the first chunk's record header
 *   gap         bytes from the end of a chunk's payload to its successor's record header, counted
 *               as if the header had no size: off[i + 1] - off[i] - chunk_size, 1 or more
 *
 * The number of chunks and the length of the last follow from chunk_size and total, so they cannot
 * disagree with them, and the chunk that holds a byte is found by a division. A gap takes one or
 * two bytes: the index of 10 GiB (40,960 chunks) is about 80 KiB.
 *
 * INV-AI-1: chunks lie in the file in their order and do not overlap.
 * INV-AI-2: an index has one encoding: encode(decode(x)) = x.
 *
 * Not here: reading and writing records (engine/store.c, engine/att_store.c).
 */
#ifndef FILEFORMAT_ATTINDEX_H
#define FILEFORMAT_ATTINDEX_H

#include "base/bytes.h"
#include "fileformat/place.h"

#define ATTINDEX_CHUNK_SIZE_MAX (16u * 1024 * 1024)
/* Chunks of one attachment: 1 TiB at ATT_CHUNK_SIZE. */
#define ATTINDEX_COUNT_MAX (4u * 1024 * 1024)

struct att_index {
    uint64_t total;      /* stored bytes of the attachment */
    uint32_t chunk_size; /* bytes of each chunk but the last */
    uint64_t *offs;      /* owned: file offsets of the chunks' record headers */
    size_t count;
    size_t cap;
};

#define ATT_INDEX_INIT                                                                             \
    {                                                                                              \
        0                                                                                          \
    }

void tufi_attindex_release(struct att_index *x);

/* Appends a chunk's offset. Returns E_LIMIT beyond ATTINDEX_COUNT_MAX, E_NOMEM. */
tuf_status tufi_attindex_push(struct att_index *x, uint64_t off);

/* Appends the encoding. total, chunk_size and count must agree. */
void tufi_attindex_encode(struct buf *out, const struct att_index *x);

/* Replaces x; it is empty on failure. Returns E_CORRUPT (at base_off) if the bytes are not exactly
 * what encoding some index gives; E_NOMEM. */
tuf_status tufi_attindex_decode(struct att_index *x, tuf_slice bytes, uint64_t base_off);

/* How many chunks hold `total` bytes. */
static inline uint64_t attindex_chunk_count(uint64_t total, uint32_t chunk_size)
{
    return total / chunk_size + (total % chunk_size != 0);
}

/* Where the pos-th chunk is, below count. */
struct rec_loc tufi_attindex_chunk(const struct att_index *x, size_t pos);

#endif
