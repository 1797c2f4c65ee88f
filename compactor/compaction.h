/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a compaction on its way, as the files of this folder share it.
 *
 * The heir is a database of its own, NAME.compact, beside the one that it will replace. Its records are
 * written in chunk frames, which no recovery replays, and its trees by checkpoints: so a compacted
 * file holds no log of its own making.
 */
#ifndef COMPACTOR_COMPACTION_H
#define COMPACTOR_COMPACTION_H

#include "engine/db.h"
#include "tuffet/compact.h"

struct compaction {
    tuf_db *db;
    tuf_db *heir;
    char *heir_path;          /* owned */
    tuf_snapshot *source;     /* what the round at hand copies; owned */
    struct btree_txn *txn;    /* on the heir's trees */
    struct buf frame;         /* header room and records not yet written */
    uint32_t frame_records;
    struct db_view now;       /* of the heir */
    const tuf_compact_options *opts;
    tuf_compact_report *report;
    uint64_t steps_done, steps_total;
};

/* ---- heir.c: writing the new file ------------------------------------------------------------- */

tuf_status tufi_heir_open(struct compaction *k);
/* Closes and removes an heir that did not take over. */
void tufi_heir_discard(struct compaction *k);
/* Appends a record and says where it will be. */
tuf_status tufi_heir_put(struct compaction *k, enum record_type type, tuf_slice payload,
                         struct rec_loc *out);
/* Writes what is pending and a checkpoint; goes on with a new transaction. */
tuf_status tufi_heir_checkpoint(struct compaction *k);
/* The same when enough is pending in memory. */
tuf_status tufi_heir_pause(struct compaction *k);

/* ---- copy.c: what is copied ------------------------------------------------------------------- */

/* Copies the documents of k->source whose newest change comes after `since`. */
tuf_status tufi_copy_docs(struct compaction *k, uint64_t since);
/* Makes local documents, settings, named values and the purge log those of k->source. */
tuf_status tufi_copy_small_trees(struct compaction *k);
/* Removes documents that k->source no longer has: they were purged. */
tuf_status tufi_drop_purged(struct compaction *k);

#endif
