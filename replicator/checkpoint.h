/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: where a replication goes on: its id, its two checkpoint documents and their comparison.
 *
 * INV-RPC-1: an id depends on nothing that changes between two runs of the same job: not on
 *            passwords, tokens, cookies, the order of doc_ids, or what the databases hold.
 * INV-RPC-3: for the same job and the same server uuid it is the id that CouchDB 3 computes, unless
 *            the job has a selector (which CouchDB brings into a normal form first), winning_revs_only
 *            or since_seq.
 * INV-RPC-2: a history has at most 50 entries, the newest first.
 * Source: CouchDB's couch_replicator_ids, version 4: the MD5 of an Erlang term; and
 *         couch_replicator:compare_replication_logs.
 */
#ifndef REPLICATOR_CHECKPOINT_H
#define REPLICATOR_CHECKPOINT_H

#include "replicator/options.h"

#define REPL_ID_SIZE 33 /* 32 hexadecimal digits and a NUL */
#define REPL_HISTORY_MAX 50
#define REPL_ID_VERSION 4

/* The base id, without "+continuous". server_uuid: of the server that runs the job. */
tuf_status repl_make_id(char out[REPL_ID_SIZE], const struct repl_options *opts,
                        const char *server_uuid);
/* The same where opts->filter names a function: its text counts in place of its name.
 *   characters  of "winning_revs_only": as Tuffet's first ids had it; checkpoints are looked for under
 *               that id, too */
tuf_status repl_make_id_of_filter(char out[REPL_ID_SIZE], const struct repl_options *opts,
                                  const char *server_uuid, const char *filter_code,
                                  bool characters);
/* 32 random digits. */
tuf_status repl_make_session_id(char out[REPL_ID_SIZE]);

/*
 * Where both sides agree to have been.
 *   source, target  checkpoint documents, NULL if there is none
 * Returns a new reference: a sequence of the source, or the integer 0.
 */
json_t *repl_compare_logs(const json_t *source, const json_t *target);

/* A new history: the entry first, then the older ones that belong to other sessions. */
json_t *repl_extend_history(json_t *entry, const json_t *old_history);

#endif
