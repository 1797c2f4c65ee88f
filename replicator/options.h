/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what a replication is asked to do, parsed from its JSON.
 *
 * Source: CouchDB's couch_replicator_parse (names, defaults, texts of the errors).
 * Not here: names of local databases: whoever parses has made URLs of them.
 */
#ifndef REPLICATOR_OPTIONS_H
#define REPLICATOR_OPTIONS_H

#include "replicator/endpoint.h"

struct repl_options {
    struct endpoint source, target;
    bool cancel;
    bool continuous;
    bool create_target;
    bool winning_revs_only;
    bool use_checkpoints;
    bool use_bulk_get;
    char *filter;               /* "ddoc/name", or NULL; owned */
    json_t *query_params;       /* object or NULL; owned, as the following */
    json_t *doc_ids;            /* sorted, each once; or NULL */
    json_t *selector;           /* or NULL */
    json_t *since_seq;          /* or NULL */
    json_t *create_params;      /* object or NULL */
    uint64_t batch_size;        /* changes per round */
    uint64_t checkpoint_ms;
    uint64_t timeout_ms;
    uint64_t missing_retry_ms;  /* wait for a revision that was announced and is not there */
    unsigned retries;           /* per request */
    unsigned workers;           /* pieces of work at the same time */
    unsigned connections;       /* to each end, at most; more than workers are of no use */
};

/*
 * Parses the JSON object of a replication.
 * Returns: TUF_OK; E_INVALID with kind "bad_request", "invalid_replication" or "error" and
 *          CouchDB's text; E_NOMEM.
 */
tuf_status repl_options_parse(struct repl_options *out, const json_t *request);
void repl_options_release(struct repl_options *opts);

#endif
