/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a database on a simulated disk and short ways to write and read it, for the unit tests of
 * the engine. Everything goes through the public API; what should succeed and does not fails the
 * test.
 *
 * JSON texts are printf formats in which ' stands for ", so that they can be read.
 * Texts that are returned live until the 64th later call that returns one.
 */
#ifndef TESTS_UNIT_ENGINE_WORLD_H
#define TESTS_UNIT_ENGINE_WORLD_H

#include "tests/lib/test.h"
#include "tests/sim/fault.h"
#include "tests/sim/sim.h"
#include "tuffet/tuffet.h"

#define WORLD_PATH "db.tuffet"

struct world {
    struct sim *sim;
    struct fault *fault;   /* between the library and the disk; lets everything pass */
    tuf_open_options opts; /* of the next world_open */
    tuf_db *db;
    tuf_snapshot *snapshot; /* of the newest world_look */
    tuf_doc *doc;           /* of the newest world_doc */
};

/* A new disk with a new database on it, open. */
void world_start(struct world *w);
/* The same without opening; sector 512 or 4096. */
void world_init(struct world *w, uint32_t sector_size);
void world_open(struct world *w);
/* Closes; no handle may remain. */
void world_close(struct world *w);
void world_reopen(struct world *w);
/* Opens what a killed process leaves: nothing that close does has happened. */
void world_kill(struct world *w);
/* Closes if open, and frees. */
void world_end(struct world *w);

/* ---- writing --------------------------------------------------------------------------------- */

tuf_edit *world_parse(unsigned flags, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Commits one edit, which is freed. Returns the failure of the call or the status of the edit. */
tuf_status world_commit(struct world *w, tuf_edit *edit, tuf_edit_result *result_out);

/* An interactive edit that must be stored. Returns its new revision. */
const char *put(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The status of an interactive edit, or of parsing or committing it. */
tuf_status try_put(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A replicated edit that must be OK. Returns whether it was stored. */
bool push(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
tuf_status try_push(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Pushes "<gen>" with a path such as "d c b a", newest first. */
bool push_path(struct world *w, const char *id, unsigned gen, const char *path);
/* A finished blob of these bytes. */
tuf_blob *world_blob(struct world *w, const char *type, const void *data, size_t len);

/* ---- reading --------------------------------------------------------------------------------- */

/* Takes a new snapshot, freeing the one before. */
tuf_snapshot *world_look(struct world *w);
tuf_db_info world_info(struct world *w);
/* Opens a revision ("3-c", NULL: the winner) in a new snapshot. It must be there. */
tuf_doc *world_doc(struct world *w, const char *id, const char *rev);
tuf_status try_doc(struct world *w, const char *id, const char *rev);
/* Leaves in winning order, deleted ones with a star: "3-c 2-b*"; "" if there is no document. */
const char *leaves(struct world *w, const char *id);
/* "4-d 3-c 2-b 1-a" of a revision (NULL: the winner). */
const char *history(struct world *w, const char *id, const char *rev);
const char *body(struct world *w, const char *id, const char *rev);
/* Attachments of a revision: "name:revpos:length name:..." */
const char *atts(struct world *w, const char *id, const char *rev);
/* The decoded bytes of an attachment, as text. */
const char *att_text(struct world *w, const char *id, const char *name);
/* Runs tuf_check and fails the test with its findings if there are any. */
void check_clean(struct world *w);
/* A formatted text with quotes replaced. */
const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define ck_text(got, want) ck_assert_str_eq((got), (want))

#endif
