/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: _db_updates, the feed of databases created, changed and deleted.
 *
 * Invariants: none is kept, so none is shown: without a database _global_changes the answer is
 * CouchDB's 404; with one it is an honest 501 instead of an empty feed.
 * Source: CouchDB's global_changes_httpd.
 * Not here: changes of one database (changes.c).
 */
#include "base/alloc.h"
#include "server/dbs.h"
#include "server/handlers.h"
#include "server/work.h"

static tuf_status find_log(struct request *req)
{
    TUF_AUTO(dbh_unref) struct dbh *dbh = NULL;
    return dbs_open(&dbh, dbs_of(req->server), tuf_str("_global_changes"));
}

static void find_done(struct request *req, tuf_status st)
{
    if (st == TUF_NOT_FOUND)
        reply_error(req, 404, "not_found", "Database does not exist.");
    else if (st != TUF_OK)
        reply_status(req, st);
    else
        reply_error(req, 501, "not_implemented",
                    "this server keeps no log of changes to its databases");
}

void handle_db_updates(struct request *req)
{
    work_run(req, find_log, find_done);
}
