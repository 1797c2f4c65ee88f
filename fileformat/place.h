/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the small values that several codecs share: the place of a record, where an attachment's
 * bytes are, and the sums over a subtree.
 *
 * Not here: what the sums mean (fileformat/docinfo.h); reading and writing (engine/store.c).
 */
#ifndef FILEFORMAT_PLACE_H
#define FILEFORMAT_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#define ATT_CHUNK_SIZE (256u * 1024) /* stored bytes per chunk; the last one may be shorter */
#define ATT_NAME_SIZE_MAX 8192
#define ATT_TYPE_SIZE_MAX 1024

/* A record in the file. */
struct rec_loc {
    uint64_t off; /* of the record's header */
    uint32_t len; /* bytes of its payload */
};

/* Where an attachment's bytes are, and what they are. The part of an attachment that a later
 * revision copies unchanged. */
struct att_data {
    uint64_t length;         /* decoded bytes */
    uint64_t encoded_length; /* stored bytes */
    bool gzip;               /* stored compressed */
    uint8_t md5[16];         /* of the stored bytes */
    uint32_t chunk_count;
    struct rec_loc loc;      /* chunk_count 0: {0,0}; 1: the chunk; more: the index record */
};

/* A compaction found the bytes damaged: the place is {0,0}. */
static inline bool att_is_lost(const struct att_data *data)
{
    return data->chunk_count > 0 && data->loc.off == 0;
}

/* Sums over a subtree. */
#define REDUCTION_SLOTS 4
struct reduction {
    uint64_t v[REDUCTION_SLOTS];
};

#endif
