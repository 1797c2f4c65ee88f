/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the rows of a listing of documents, produced step by step from one snapshot.
 */
#ifndef SERVER_HANDLERS_ALL_DOCS_ROWS_H
#define SERVER_HANDLERS_ALL_DOCS_ROWS_H

#include "server/docjson.h"
#include "server/handlers/listargs.h"

enum listing_kind { LISTING_ALL, LISTING_DESIGN, LISTING_LOCAL };

enum listing_phase { LISTING_OPEN, LISTING_META, LISTING_ROWS, LISTING_DONE };

/* req->state of a listing; lives in the request's arena. */
struct listing {
    enum listing_kind kind;
    bool is_multi;          /* /queries: several listings in one answer */
    struct list_args first; /* the one query of a plain listing */
    struct list_args *queries;
    size_t query_count;

    enum listing_phase phase;
    size_t query_pos;       /* query being answered */
    tuf_snapshot *snapshot; /* owned, from the first step to the end */
    tuf_db_info info;
    tuf_cursor *cursor;       /* owned, of the query; NULL with keys or for an empty range */
    const struct jval **keys; /* of the query in the order to answer, in the arena */
    size_t key_pos;
    size_t key_end;
    uint64_t rows_left;
    bool row_written; /* the query has a row already */
    tuf_doc *entry;   /* owned; trees' entry of a key */
    tuf_doc *doc;     /* owned; document of a row */
    struct docjson_options guard; /* of rows' documents; without flags of its own */
    struct docjson_stream stream;
    bool is_streaming; /* a document's attachments are being written */
};

/* The producer of a listing's answer; runs on a worker. */
enum produce_result listing_produce(struct request *req, struct buf *out);

void listing_release(struct listing *list);

#endif
