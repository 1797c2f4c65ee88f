/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the state of one _changes answer, and the machine that moves it.
 *
 *            +-------------------- wake (a commit) <-------+
 *            v                                             |
 *   START -> SCAN -> (round over) -> IDLE: timer, feed_wait
 *                          |            |
 *                          +--> END <---+ time-out, limit, database deleted, server stops
 *
 * SCAN runs in bounded steps on a worker, each started by the producer on the loop, so that a slow
 * client holds the scan back. INV-CF-1: snapshot, cursor and documents exist in SCAN only: an idle
 * feed costs this struct and its connection.
 *
 * Source: CouchDB's fabric_view_changes and chttpd_db:changes_callback.
 * The feed of _db_updates is one, too, of the database _global_changes (db_updates.c).
 * Not here: parameters (changes_args.h), the request and its filters (changes.c).
 */
#ifndef SERVER_HANDLERS_CHANGES_FEED_H
#define SERVER_HANDLERS_CHANGES_FEED_H

#include "server/docjson.h"
#include "server/handlers/changes_args.h"
#include "server/selector.h"
#include "server/seq.h"

enum changes_filter {
    FILTER_NONE,
    FILTER_DOC_IDS,
    FILTER_SELECTOR,
    FILTER_DESIGN,
    FILTER_EVENTS, /* documents of _global_changes that tell an event: "TYPE:NAME" */
};

enum feed_phase { FEED_PHASE_START, FEED_PHASE_SCAN, FEED_PHASE_IDLE, FEED_PHASE_END };

/* A document found by its id, for the filters that need not walk all changes. */
struct changes_found {
    uint64_t seq;
    tuf_slice id; /* in the scan's arena */
};

/* What a round of scanning holds. Empty between rounds. */
struct changes_scan {
    bool is_open;
    tuf_snapshot *snapshot;
    tuf_db_info info;
    tuf_cursor *cursor;          /* NULL when `found` is walked */
    struct changes_found *found; /* by sequence */
    size_t found_count;
    size_t found_pos;
    struct arena arena;   /* of the round */
    struct arena scratch; /* of one row */
    tuf_doc *entry;       /* trees' entry of a found document */
    tuf_doc *doc;
    struct docjson_stream stream;
    bool is_streaming;   /* a row's document is being written */
    uint64_t row_seq;    /* of the row being written */
    bool row_seq_hidden; /* seq_interval */
};

/* req->state; lives in the request's arena. */
struct feed {
    struct changes_args args;
    enum changes_filter filter;
    bool is_db_updates; /* rows and tail as _db_updates has them */
    tuf_slice *doc_ids; /* sorted, no duplicates */
    size_t doc_id_count;
    struct selector *selector; /* owned */
    bool has_fields;
    struct field_list fields;
    tuf_slice ddoc_id;    /* design document whose function filters; empty: none */
    tuf_slice ddoc_group; /* "filters" or "views" */
    tuf_slice ddoc_name;
    struct seq_token token;
    size_t find_max; /* most doc_ids to be looked up one by one */

    enum feed_phase phase;
    uint64_t since;      /* the last sequence that was dealt with: last_seq */
    uint64_t seen;       /* newest sequence that was scanned */
    uint64_t limit_left; /* rows */
    int64_t pending;     /* changes not dealt with, by CouchDB's way of counting */
    bool round_done;     /* a round was finished */
    bool row_written;
    bool row_in_round;
    bool has_waited;
    struct changes_scan scan;
    uint64_t sent_ms; /* when something was sent, by the monotonic clock */
    struct buf ready; /* from the worker for the producer */
    tuf_error error;  /* of a failed scan; status TUF_OK: none */
};

/* ---- changes_rows.c: worker -------------------------------------------------------------- */

/*
 * Goes on with a round: appends rows to feed->ready, up to about 64 KiB or some thousand changes.
 * Returns: TUF_OK (more to come); TUF_END (the round is over, the scan is closed); failures.
 */
tuf_status changes_scan_step(struct feed *feed, tuf_db *db);

void changes_scan_close(struct changes_scan *scan);

/* ---- changes.c: loop --------------------------------------------------------------------- */

/* Starts the feed of req->state, whose parameters and filter are set, on req->dbh. */
void changes_start(struct request *req);

/* ---- changes_feed.c: loop ---------------------------------------------------------------- */

/* Streams the feed of req->state as the answer. */
void feed_start(struct request *req);

void feed_state_release(struct feed *feed);

#endif
