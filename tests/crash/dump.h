/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: everything a reader can see of a database, as one text: two databases with the same text
 * hold the same data.
 */
#ifndef TESTS_CRASH_DUMP_H
#define TESTS_CRASH_DUMP_H

#include "base/buf.h"
#include "tuffet/tuffet.h"

/* Names under which tests store values of the application. */
#define DUMP_META_COUNT 4
extern const char *const dump_meta_names[DUMP_META_COUNT];

/*
 * Appends the text: counts, limits, documents by sequence with every leaf, its history, body and
 * attachments (length and checksum of the bytes read), ids, local documents, values, purges.
 * Returns: what the library returned; then the text is incomplete.
 */
tuf_status dump_db(struct buf *out, tuf_db *db);
tuf_status dump_snapshot(struct buf *out, tuf_snapshot *snapshot);
/* Appends what named snapshots show: a line for each with the checksum of its text, or "gone" when the
 * library says that its file is missing or damaged. */
tuf_status dump_pins(struct buf *out, tuf_db *db);

/* The end of what is committed in the file: bytes. */
uint64_t dump_committed_end(tuf_db *db);

#endif
