/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: cut a stream of stored bytes into chunk records and note where they are.
 *
 * INV-AS-1: every chunk but the last has ATT_CHUNK_SIZE bytes.
 *
 * Not here: what is stored, compressed or not (engine/attachment.c).
 */
#ifndef ENGINE_ATT_STORE_H
#define ENGINE_ATT_STORE_H

#include "engine/att.h"
#include "fileformat/attindex.h"

struct att_sink {
    struct store *store;    /* borrowed */
    struct buf chunk;       /* bytes of the chunk that is not full yet */
    struct att_index index; /* the chunks written so far */
};

#define ATT_SINK_INIT                                                                              \
    {                                                                                              \
        0                                                                                          \
    }

void tufi_att_sink_release(struct att_sink *s);
/* Takes more stored bytes; writes chunks as they fill. Returns as tufi_store_append_chunk. */
tuf_status tufi_att_sink_write(struct att_sink *s, tuf_slice bytes);
/* Writes the last chunk and the index. Sets encoded_length, chunk_count and loc. */
tuf_status tufi_att_sink_finish(struct att_data *data, struct att_sink *s);

#endif
