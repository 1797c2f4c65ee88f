/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: where attachments of the old file are in the new one, so that bytes which several documents or
 * revisions share are stored once there, too.
 *
 * INV-AM-1: memory is bounded. When the table is full, the smaller attachments are forgotten: should
 *           one of them come again, it is stored again.
 */
#ifndef COMPACTOR_ATTMAP_H
#define COMPACTOR_ATTMAP_H

#include "fileformat/place.h"
#include "tuffet/types.h"

struct att_place {
    uint64_t old_off; /* 0: free slot */
    struct rec_loc new_loc;
    uint32_t kib;     /* stored size, rounded up, at most UINT32_MAX */
};

struct att_map {
    struct att_place *slots; /* owned; open addressing */
    size_t cap, count;       /* cap is a power of two */
    uint32_t kib_min;        /* smaller ones are not kept */
};

void tufi_attmap_release(struct att_map *m);
/* Changes data->loc to the new place. False if it is not known. */
bool tufi_attmap_find(const struct att_map *m, struct att_data *data);
/* old_off: where the attachment was; data: where it is. E_NOMEM. */
tuf_status tufi_attmap_add(struct att_map *m, uint64_t old_off, const struct att_data *data);

#endif
