/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the parameters that choose rows of a listing (_all_docs and its relatives, _all_dbs,
 * _dbs_info), from a query string and from a JSON body.
 *
 * INV-LA-1: after list_args_check the arguments do not contradict one another.
 * Source: CouchDB's couch_mrview_http:parse_param and couch_mrview_util:validate_args.
 * Not here: the rows (all_docs.c, all_dbs.c).
 */
#ifndef SERVER_HANDLERS_LISTARGS_H
#define SERVER_HANDLERS_LISTARGS_H

#include "server/http.h"
#include "server/jval.h"

/* Names of rows are strings. Any other JSON value may be given as a key: it sorts before every
 * string and equals none. */
struct list_key {
    bool set;
    bool is_string;
    tuf_slice text; /* of a string */
    tuf_slice raw;  /* JSON text */
};

struct list_args {
    struct list_key start;
    struct list_key end;
    struct list_key start_docid; /* counts when start is not set */
    struct list_key end_docid;
    const struct jval *keys; /* array; NULL: no keys */
    uint64_t limit;          /* UINT64_MAX: none */
    uint64_t skip;
    bool descending;
    bool exclude_end;
    bool include_docs;
    bool update_seq;
    unsigned doc_flags;         /* enum docjson_flags for include_docs */
    bool grouping;              /* group or group_level was given: an error in a listing */
    bool reduce;                /* the same */
    const tuf_slice *partition; /* NULL: not given */
};

#define LIST_ARGS_INIT                                                                             \
    {                                                                                              \
        .limit = UINT64_MAX                                                                        \
    }

/* All of these return TUF_OK; E_INVALID with kind "query_parse_error" or "bad_request"; E_NOMEM.
 * Values live in the arena. */

/* Takes what a query string says, over what was there. */
tuf_status list_args_from_query(struct list_args *args, const struct params *params,
                                struct arena *arena);

/* The same from the members of a JSON object. */
tuf_status list_args_from_json(struct list_args *args, const struct jval *object);

/* Refuses combinations that make no sense. */
tuf_status list_args_check(const struct list_args *args);

/* Of keys with one element the element: "key" is asked then. Leaves others alone. */
void list_args_fold_single_key(struct list_args *args);

#endif
