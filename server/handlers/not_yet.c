/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: answers for parts of CouchDB's API that this server does not have: views, shows, lists,
 * _find and its indexes, full text search.
 *
 * Invariants: never a 2xx for something that is not done. What a client would get for a design
 * document that does not exist stays 404.
 * Source: CouchDB's chttpd_handlers.
 * Not here: filters of _changes (changes.c).
 */
#include "base/alloc.h"
#include "base/bytes.h"
#include "server/dbs.h"
#include "server/handlers.h"
#include "server/work.h"

void handle_find(struct request *req)
{
    reply_error(req, 501, "not_implemented", "this server has no _find, _explain and _index yet");
}

void handle_search(struct request *req)
{
    reply_error(req, 503, "service unavailable", "Search is not available");
}

void handle_reload_query_servers(struct request *req)
{
    /* There is no query server process: none runs old code. */
    if (request_require_json(req))
        reply_json_text(req, 200, "{\"ok\":true}");
}

/* ---- functions of design documents ------------------------------------------------------ */

static tuf_status find_ddoc(struct request *req)
{
    TUF_AUTO(tufi_buf_release) struct buf id = BUF_INIT;
    buf_append_str(&id, "_design/");
    buf_append_slice(&id, req->segs[2]);
    tuf_status st = buf_status(&id);
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    if (st == TUF_OK)
        st = tuf_db_snapshot(&snapshot, dbh_db(req->dbh));
    return st == TUF_OK ? tuf_doc_open(&doc, snapshot, buf_slice(&id), NULL) : st;
}

static void find_done(struct request *req, tuf_status st)
{
    if (st != TUF_OK)
        reply_status(req, st);
    else
        reply_errorf(req, 501, "not_implemented",
                     "this server has no query server yet, so it cannot answer %.*s",
                     (int)req->segs[3].len, (const char *)req->segs[3].data);
}

void handle_ddoc_function(struct request *req)
{
    work_run(req, find_ddoc, find_done);
}
