/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the lists that a remote answers with, read element by element: what is built holds only what was
 * asked for, so that a few bytes of an answer cannot become many of memory.
 *
 * INV-RPA-1: what is built takes at most some 64 bytes for each 5 bytes of an answer; nothing is built of
 *            members that nobody uses.
 * INV-RPA-2: an answer that names what was not asked for, or is malformed anywhere, is refused whole.
 * Not here: requests (replicator/peer.h), documents (replicator/docview.h), parts (replicator/openrevs.h).
 */
#ifndef REPLICATOR_ANSWERS_H
#define REPLICATOR_ANSWERS_H

#include <jansson.h>

#include "base/fail.h"
#include "tuffet/types.h"

/*
 * The answer of _changes as {"results":[{"id","revs":["1-a",...]}],"last_seq"[,"pending"]}.
 *   rows_max  as many rows were asked for
 * Returns: TUF_OK; E_INVALID; E_NOMEM. Caller decrefs.
 */
tuf_status repl_read_changes(json_t **out, tuf_slice body, uint64_t rows_max);

/*
 * The answer of _revs_diff as {id:{"missing":[...],"possible_ancestors":[...]}}.
 *   asked  {id:[rev]}
 * Returns: as above.
 */
tuf_status repl_read_diff(json_t **out, tuf_slice body, const json_t *asked);

/* How many items of a _bulk_docs answer are errors. Returns: TUF_OK; E_INVALID. */
tuf_status repl_read_refusals(uint64_t *out, tuf_slice body);

/* A member that is a string, for free; NULL if there is none. */
char *repl_read_text(tuf_slice object, const char *name);

#endif
