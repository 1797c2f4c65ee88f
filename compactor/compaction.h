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

#include "compactor/attmap.h"
#include "engine/btree_bulk.h"
#include "engine/db.h"
#include "tuffet/compact.h"

struct sorter;

/* Bytes of the source that were read ahead: documents stand in it in the order they are copied. */
struct window {
    struct buf bytes;
    uint64_t off;    /* of the first one; no window: bytes.len is 0 */
    size_t size;     /* of the next one */
};

struct compaction {
    tuf_db *db;
    tuf_db *heir;
    char *heir_path;          /* owned */
    char *runs_path;          /* of the sorter's file; owned */
    tuf_snapshot *source;     /* what the round at hand copies; owned */
    tuf_snapshot *before;     /* what the heir holds already; NULL in the first round; owned */
    struct window window;     /* into the source's file */
    struct btree_txn *txn;    /* on the heir's trees */
    struct buf frame;         /* header room and records not yet written */
    uint32_t frame_records;
    struct db_view now;       /* of the heir */
    struct heirinfo note;     /* for the heir's next checkpoint */
    bool keep_old;            /* the old file has what no tree of it names (around.c) */
    bool continued;           /* the heir was left by an earlier attempt */
    int stopped;              /* enum tuf_compact_answer of a caller who has had enough */
    struct btree_bulk *by_seq; /* first round: the tree by sequence, and what the tree by id... */
    struct sorter *by_id;      /* ...will be made of. NULL afterwards */
    struct buf value, row;    /* index values; their memory is used again */
    struct att_map atts;      /* attachments that were copied */
    uint64_t next_resume_off; /* the heir's size at which it gets its next checkpoint */
    uint64_t next_space_off;  /* ...and at which to look how much space is left */
    uint64_t pushed_off;      /* all below is on its way to the device */
    uint64_t spent_before;    /* pace counter when the round began */
    const tuf_compact_options *opts;
    tuf_compact_report *report;
    uint64_t steps_done, steps_total;
};

/* ---- heir.c: writing the new file ------------------------------------------------------------- */

/* Opens the heir: the one that an earlier attempt left, if it can be continued, or a new one. */
tuf_status tufi_heir_start(struct compaction *k);
/* Throws the heir away as it is and starts a new one. */
tuf_status tufi_heir_restart(struct compaction *k);
/* Closes an heir that did not take over, and removes it unless it is to be continued later. */
void tufi_heir_end(struct compaction *k, bool keep);
/* Appends a record and says where it will be. */
tuf_status tufi_heir_put(struct compaction *k, enum record_type type, tuf_slice payload,
                         struct rec_loc *out);
/* A chunk of an attachment; `same`: where the source has the same bytes, or NULL. Shares their blocks
 * if they lie well and the file system can. */
tuf_status tufi_heir_put_chunk(struct compaction *k, tuf_slice payload, const struct rec_loc *same,
                               struct rec_loc *out);
/* The same without a copy: what is appended to k->frame between the two calls is the payload. */
size_t tufi_heir_open_record(struct compaction *k);
tuf_status tufi_heir_close_record(struct compaction *k, size_t pos, enum record_type type,
                                  struct rec_loc *out);
/* Writes nodes (btree_bulk_write_fn; ctx is the compaction). */
tuf_status tufi_heir_write_nodes(void *ctx, tuf_slice nodes, uint64_t *off_out);
/* At the end of a round: writes what is pending and a checkpoint; goes on with a new txn. */
tuf_status tufi_heir_checkpoint(struct compaction *k);
/* The same within a round, when enough is pending: called after each document. */
tuf_status tufi_heir_pause(struct compaction *k);

/* ---- source.c: reading the old one ------------------------------------------------------------- */

/* Reads and verifies a record. payload_out is borrowed until the next call. */
tuf_status tufi_source_read(struct compaction *k, struct rec_loc loc, enum record_type type,
                            tuf_slice *payload_out);
/* Reports damage, and keeps the raw bytes at `loc` (off 0: there are none) in the heir. Returns
 * other failures than E_CORRUPT as they are. */
tuf_status tufi_note_damage(struct compaction *k, tuf_status st, tuf_slice id, struct rec_loc loc);
/* Whether there is room for the heir: E_FULL. */
tuf_status tufi_check_space(struct compaction *k);

/* ---- copy.c: documents -------------------------------------------------------------------------- */

/* Copies the documents of k->source whose newest change comes after `since`. */
tuf_status tufi_copy_docs(struct compaction *k, uint64_t since);
/* Copies one document, given its row in the tree by sequence. */
tuf_status tufi_copy_doc(struct compaction *k, tuf_slice row);
/* Tells the caller how far it is. TUF_STOPPED. */
tuf_status tufi_compaction_step(struct compaction *k);

/* ---- first.c: the first round -------------------------------------------------------------------- */

/* Copies everything, building the trees bottom-up. TUF_NOT_FOUND: the heir that was to be continued
 * does not fit after all. */
tuf_status tufi_copy_first(struct compaction *k);

/* ---- small.c: what is no document ------------------------------------------------------------- */

/* Makes local documents, settings, named values and the purge log those of k->source. */
tuf_status tufi_copy_small_trees(struct compaction *k);
/* Removes documents that k->source no longer has: they were purged. */
tuf_status tufi_drop_purged(struct compaction *k);

/* One row of them. */
tuf_status tufi_copy_small_row(struct compaction *k, enum tree_kind kind, tuf_slice key,
                               tuf_slice value);

/* ---- around.c: damaged nodes of the index ------------------------------------------------------- */

/* Whether a failure means that bytes are lost, not that something is wrong at this moment. */
bool tufi_is_damage(const struct compaction *k, tuf_status st);
/* Copies the documents with a sequence beyond `since` that any of the two trees still names. */
tuf_status tufi_copy_docs_around(struct compaction *k, uint64_t since);
/* Copies the rows of a small tree that can be read. */
tuf_status tufi_copy_small_around(struct compaction *k, enum tree_kind kind);
/* Whether k->source has a document, whose sequence is `seq` if it was not changed. TUF_NOT_FOUND. */
tuf_status tufi_source_has_doc(struct compaction *k, tuf_slice id, uint64_t seq);

static inline void compaction_free_cursor(struct btree_cursor **cursor)
{
    if (*cursor)
        tufi_btree_cursor_free(cursor);
}

#endif
