/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: named snapshots, which stay in the file until they are removed: through restarts, and through
 * compaction, which then keeps the old file beside the new one.
 */
#ifndef TUFFET_PIN_H
#define TUFFET_PIN_H

#include "tuffet/db.h"

/* Longest name of a pin in bytes. */
#define TUF_PIN_NAME_SIZE_MAX 200

typedef struct tuf_pin_info {
    tuf_slice name;
    uint64_t update_seq; /* newest sequence in it */
    uint64_t commit;     /* number of the newest commit in it */
    uint64_t time_us;    /* when it was made, microseconds since the Unix epoch */
} tuf_pin_info;

/*
 * Gives the newest commit a name. Writes a checkpoint, so that the state opens without replay.
 *   name  1..TUF_PIN_NAME_SIZE_MAX bytes
 * Returns: TUF_OK; TUF_EXISTS (the name is taken); E_INVALID (name); as tuf_db_commit.
 * Threads: any.
 * Durability: durable on return; up to three syncs. It costs no copy; the file's space from before a
 *             compaction returns when the last pin of that time is removed.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_pin(tuf_db *db, tuf_slice name);

/*
 * Removes a pin. Handles that are open on it go on reading.
 * Returns: TUF_OK; TUF_NOT_FOUND; as tuf_db_commit.
 * Threads: any.
 * Durability: durable on return; two syncs if the pin had a file of its own, which goes first: killed in
 *             between, the name is left, opens as E_CORRUPT, and is removed by asking again.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_unpin(tuf_db *db, tuf_slice name);

typedef tuf_status tuf_pin_visitor(const tuf_pin_info *info, void *ctx);

/*
 * Visits the pins by name, until the visitor returns non-zero.
 * Returns: TUF_OK; what the visitor returned; E_CORRUPT, E_IO, E_NOMEM.
 * Ownership: info is borrowed during the visit.
 * Threads: any.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_snapshot_pins(tuf_snapshot *snapshot, tuf_pin_visitor *visitor,
                                                  void *ctx);

/*
 * Opens a pinned state, for reading only, as a database of its own.
 *   out   receives the handle
 *   db    the database that has the pin; not needed any more after the call
 *   opts  cache_size and vfs count; NULL for defaults
 * Returns: TUF_OK; TUF_NOT_FOUND (no such pin); failures of tuf_db_open.
 * Ownership: close with tuf_db_close.
 * Threads: any.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_open_pin(tuf_db **out, tuf_db *db, tuf_slice name,
                                                const tuf_open_options *opts);

#endif
