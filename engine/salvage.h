/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a salvage on its way, as its files share it.
 *
 *   salvage_scan.c   find intact records, whatever is around them
 *   salvage.c        note them, group them by document, write settings and local documents
 *   salvage_doc.c    one document's records into edits of the new database
 */
#ifndef ENGINE_SALVAGE_H
#define ENGINE_SALVAGE_H

#include "engine/db.h"
#include "engine/revtree.h"
#include "tuffet/salvage.h"

/* An intact record that belongs to a document. */
struct salvage_item {
    uint64_t id_hash;
    uint64_t off;
    uint32_t len;
    uint32_t type; /* RECORD_DOC, RECORD_TREE, RECORD_PURGE or RECORD_LOCAL */
};

struct salvage {
    const tuf_salvage_options *opts;
    tuf_salvage_report *report;
    const struct tuf_vfs *vfs;
    struct store *from;       /* with file and salt only: enough to read records by their places */
    uint64_t size;
    uint32_t guesses;         /* frame headers that the salt was guessed from */
    uint8_t *window;          /* the part of the file that is looked at */
    uint64_t window_off;
    struct buf record;
    uint64_t wasted;          /* bytes read for what was no record */
    uint64_t gap_off, gap_end; /* bytes at hand that nothing explains; equal: none */
    struct salvage_item *items;
    size_t item_count, item_cap;
    struct buf metas;         /* be64 offset, sized payload of each */
    uint64_t *checkpoints;    /* offsets, ascending */
    size_t checkpoint_count, checkpoint_cap;
    tuf_db *to;
};

/* Makes room for one more element of an array of s. */
tuf_status tufi_salvage_grow(void **array, size_t count, size_t *cap, size_t size);
/* Tells the caller of a loss. */
void tufi_salvage_tell(struct salvage *s, uint64_t off, tuf_slice id, const char *format, ...)
    TUFI_PRINTF(4, 5);

/* ---- salvage_scan.c --------------------------------------------------------------------------- */

/* Sets the salt by the superblock or by what the frame headers agree upon. E_CORRUPT if nothing does. */
tuf_status tufi_salvage_find_salt(struct salvage *s);
typedef tuf_status salvage_visitor(struct salvage *s, enum record_type type, tuf_slice payload,
                                   uint64_t off);
/* Visits every intact record. */
tuf_status tufi_salvage_scan(struct salvage *s, salvage_visitor *visit);

/* ---- salvage_doc.c ---------------------------------------------------------------------------- */

/* One document: records of one id, by offset. */
struct salvage_doc {
    struct salvage *s;
    tuf_slice id;
    const struct salvage_item *items;
    size_t item_count;
    struct revtree tree; /* all histories that the records know of */
    struct buf kept;     /* struct salvage_item of the revisions to write */
    struct buf id_bytes;
};

void tufi_salvage_doc_release(struct salvage_doc *d);
/* Finds out what is to be written. */
tuf_status tufi_salvage_doc_plan(struct salvage_doc *d);
size_t tufi_salvage_doc_count(const struct salvage_doc *d);
/* Makes the edit of the pos-th revision, attachments included. */
tuf_status tufi_salvage_doc_edit(tuf_edit **out, struct salvage_doc *d, size_t pos);

#endif
