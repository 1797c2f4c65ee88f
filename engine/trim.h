/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: which blocks of a file are alive, as trim.c and trim_mark.c share it.
 */
#ifndef ENGINE_TRIM_H
#define ENGINE_TRIM_H

#include "engine/db.h"
#include "tuffet/compact.h"

/* Holes are made of whole blocks of this size, whatever the sector size: file systems give back no less. */
#define TRIM_BLOCK_SIZE 4096u

struct trim {
    tuf_db *db;
    struct store *store;    /* holds a reference */
    const tuf_trim_options *opts;
    tuf_trim_report *report;
    uint64_t base_off;      /* the checkpoint whose state and successors are kept */
    uint64_t tail_off;      /* where the log ended when that was decided */
    tuf_db *base;           /* that state; owned */
    tuf_snapshot *state;    /* of base; owned */
    uint8_t *live;          /* a bit for each block below base_off; owned */
    uint64_t steps_done, steps_total;
    tuf_status failed;      /* of a callback that cannot return it */
    struct buf record;
    struct docrec_view view;
};

/* Writes whole-tree records for documents whose history is read from several. TUF_STOPPED. */
tuf_status tufi_trim_shorten(struct trim *t);
/* Marks what the base's trees and the commits after it reach below base_off. E_CORRUPT: something of
 * it is damaged. TUF_STOPPED. */
tuf_status tufi_trim_mark(struct trim *t);

static inline bool trim_is_live(const struct trim *t, uint64_t block)
{
    return t->live[block / 8] & (1u << block % 8);
}

#endif
