/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one database of a replication, as the calls of CouchDB's replication protocol.
 *
 * INV-RPP-2: what a peer answers is checked before it is used: a failure names the kind of answer,
 *            and nothing that was not asked for is passed on.
 * Source: CouchDB's couch_replicator_api_wrap.
 * Not here: databases of this process (replicator/local.h), the order of the calls (replicator/run.c), attachments (replicator/transfer.h).
 */
#ifndef REPLICATOR_PEER_H
#define REPLICATOR_PEER_H

#include "replicator/http.h"
#include "tuffet/tuffet.h"

struct peer {
    tuf_db *db;          /* open in this process: straight into it; NULL: over http; borrowed */
    const char *seq_token; /* of a local one: what stands behind "N-" in its sequences, "" for none */
    uint64_t doc_size_max, att_size_max; /* of a local one: what it takes; 0: everything */
    const char *shown;   /* its name for people; borrowed */
    struct http http;    /* of a local one only the limits count */
    CURLM *multi;        /* for transfers from it; owned */
    json_t *update_seq;  /* when it was opened; owned */
    char *start_time;    /* instance_start_time; owned */
    bool no_bulk_get;    /* it has none */
    bool no_multipart;   /* it does not answer open_revs in parts */
    bool plain_atts;     /* express-pouchdb: does not understand compressed attachments */
    bool full_stubs;     /* what _bulk_get answers says how attachments are stored */
};

void repl_peer_release(struct peer *peer);

/*
 * Reads GET /db.
 * Returns: TUF_OK; E_IO (kind "db_not_found", "unauthorized", "forbidden" or of the connection).
 */
tuf_status repl_peer_open(struct peer *peer);

/* Creates the database, or finds it there. params: query string without '?', or "". */
tuf_status repl_peer_create(struct peer *peer, const char *params);

/* Makes it durable; instance_start_time must still be what it was.
 * Returns: TUF_OK; E_IO (kind "checkpoint_commit_failure"). */
tuf_status repl_peer_commit(struct peer *peer, const char *name);

/* Local document; *out is NULL if there is none. Caller decrefs. */
tuf_status repl_peer_get_local(json_t **out, struct peer *peer, const char *id);
/* Returns: TUF_OK; TUF_CONFLICT; failures. Sets "_rev" in doc. */
tuf_status repl_peer_put_local(struct peer *peer, const char *id, json_t *doc);

/* Appends the text of the filter function "ddoc/name". Returns: TUF_OK; E_IO (kind
 * "filter_fetch_error"); as others. */
tuf_status repl_peer_filter_code(struct buf *out, struct peer *peer, const char *filter);

/* A page of the changes. */
struct changes_request {
    const json_t *since;
    const char *style;      /* "all_docs" or "main_only" */
    const char *filter;     /* "", or "&filter=..." with its parameters, encoded */
    const json_t *body;     /* of a POST; NULL: GET */
    uint64_t limit;
    uint64_t wait_ms;       /* longpoll for so long; 0: what there is now */
};

/* {"results":[{"id","revs":[rev]}],"last_seq"[,"pending"]}, checked. Caller decrefs. */
tuf_status repl_peer_changes(json_t **out, struct peer *peer, const struct changes_request *rq);

/* revs: {id:[rev]}; answer {id:{"missing":[rev],"possible_ancestors":[rev]}}, checked. */
tuf_status repl_peer_revs_diff(json_t **out, struct peer *peer, const json_t *revs);

/*
 * POST _bulk_get of wanted = [{"id","rev"},...]; the body in `out`.
 *   size_max  longest answer
 * Returns: TUF_OK; TUF_NOT_FOUND (it has no _bulk_get); E_LIMIT (too much at once); failures.
 */
tuf_status repl_peer_bulk_get(struct buf *out, struct peer *peer, const json_t *wanted,
                              uint64_t size_max);

/* GET of one revision, with history. Returns: TUF_OK; TUF_NOT_FOUND; E_LIMIT (longer than size_max);
 * failures. */
tuf_status repl_peer_get(struct buf *out, struct peer *peer, const char *id, const char *rev,
                         uint64_t size_max);

/*
 * POST _bulk_docs of documents as they are.
 *   refused_out  how many the target did not take
 * Returns: TUF_OK; E_LIMIT (413) and E_INVALID (400), where one document may spoil it for all;
 *          failures.
 */
tuf_status repl_peer_bulk_docs(uint64_t *refused_out, struct peer *peer, const tuf_slice *docs,
                               size_t count);

#endif
