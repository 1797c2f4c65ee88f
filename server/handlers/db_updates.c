/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: _db_updates, the feed of databases created, changed and deleted: the changes feed of the
 * database _global_changes, in other words.
 *
 * Invariants: without that database the answer is CouchDB's 404.
 * Source: CouchDB's global_changes_httpd: its rows and ends; that any id with a colon is an event;
 * that limit counts those only; that it knows none of the other parameters of _changes.
 * Not here: what is written into the log and when (server/global_changes.h).
 */
#include "base/alloc.h"
#include "server/dbs.h"
#include "server/global_changes.h"
#include "server/handlers.h"
#include "server/handlers/changes_feed.h"
#include "server/work.h"

static tuf_status open_log(struct request *req)
{
    return dbs_open(&req->dbh, dbs_of(req->server), tuf_str(GLOBAL_CHANGES_NAME));
}

static void free_feed(struct request *req)
{
    feed_state_release(req->state);
}

static void begin_feed(struct request *req)
{
    struct feed *feed = tufi_arena_alloc(&req->arena, sizeof(*feed));
    if (feed == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    *feed = (struct feed){ .is_db_updates = true };
    req->state = feed;
    request_on_cleanup(req, free_feed);
    struct changes_args args;
    tuf_status st = changes_args_parse(&args, req);
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    feed->args = (struct changes_args){ .feed = args.feed,
                                        .since = args.since,
                                        .limit = args.limit,
                                        .wait_ms = args.wait_ms,
                                        .heartbeat = args.heartbeat,
                                        .descending = args.descending };
    feed->filter = FILTER_EVENTS;
    if (args.feed == CHANGES_UNKNOWN)
        reply_error(req, 400, "bad_request",
                    "Supported `feed` types: normal, continuous, longpoll, eventsource");
    else
        changes_start(req);
}

static void log_opened(struct request *req, tuf_status st)
{
    if (st == TUF_NOT_FOUND)
        reply_error(req, 404, "not_found", "Database does not exist.");
    else if (st != TUF_OK)
        reply_status(req, st);
    else
        begin_feed(req);
}

void handle_db_updates(struct request *req)
{
    work_run(req, open_log, log_opened);
}
