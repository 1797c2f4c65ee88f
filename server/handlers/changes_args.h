/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the parameters of _changes.
 *
 * Source: CouchDB's chttpd_db:parse_changes_query (names in any case, later ones win).
 * Not here: what a filter does (changes.c, changes_rows.c).
 */
#ifndef SERVER_HANDLERS_CHANGES_ARGS_H
#define SERVER_HANDLERS_CHANGES_ARGS_H

#include "server/http.h"

/* CouchDB's "no limit". The number shows: seq_interval counts from it. */
#define CHANGES_LIMIT_NONE 1000000000000000u

enum changes_feed {
    CHANGES_NORMAL,
    CHANGES_LONGPOLL,
    CHANGES_CONTINUOUS,
    CHANGES_EVENTSOURCE,
    CHANGES_UNKNOWN,
};

struct changes_args {
    enum changes_feed feed;
    tuf_slice since;       /* as given; empty data: none */
    uint64_t limit;        /* rows */
    uint64_t seq_interval; /* only every so many rows show a sequence; 0: all */
    uint64_t wait_ms;      /* of silence, until a heartbeat or the end */
    bool heartbeat;
    bool all_leaves; /* style=all_docs */
    bool descending;
    bool include_docs;
    unsigned doc_flags; /* enum docjson_flags */
    tuf_slice filter;   /* empty: none */
};

/* Returns: TUF_OK; E_INVALID (kind "bad_request"). Slices are borrowed from the request. */
tuf_status changes_args_parse(struct changes_args *out, const struct request *req);

#endif
