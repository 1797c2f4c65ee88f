/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the form of the route table (server/routes.c) and the search in it.
 *
 * A pattern is a path whose segments are literal text or one of
 *   {db}    a database name: the core opens it (404 if it does not exist) unless the row has
 *           ROUTE_NO_OPEN, and puts it into req->dbh
 *   {doc}   a document id: one segment, or two of "_design/x" and "_local/x"; fills req->docid
 *   {local} "_local" and one more segment, or one segment "_local/x"; fills req->docid
 *   {att}   all remaining segments, at least one; fills req->att_name
 *   {any}   one segment of any text
 *   {rest}  all remaining segments, possibly none
 * Rows are tried from top to bottom; the first path that fits decides. Rows with the same pattern
 * stand together and differ in methods. If the path fits and no row has the method the answer is
 * 405 with the `allow` text of the first of these rows, after the right of that row was checked.
 */
#ifndef SERVER_ROUTE_H
#define SERVER_ROUTE_H

#include "server/auth.h"
#include "server/http.h"

typedef void request_handler(struct request *req);

enum route_flags {
    ROUTE_NO_OPEN = 1,  /* {db} is only a name here (PUT and DELETE of a database) */
    ROUTE_NO_LOGIN = 2, /* exempt from require_valid_user (POST /_session) */
    ROUTE_UP = 4,       /* exempt with require_valid_user_except_for_up (/_up only) */
    ROUTE_DDOC = 8,     /* {doc} may be a design document: writing one needs RIGHT_DBADM */
};

struct route {
    const char *pattern;
    unsigned methods; /* of enum http_method */
    enum right right;
    request_handler *handler;
    const char *allow; /* text of 405, on the first row of a pattern; else NULL */
    unsigned flags;    /* enum route_flags */
};

/* The whole API. Ends with a row whose pattern is NULL. */
extern const struct route route_table[];

/* What the search found. */
struct route_match {
    const struct route *route; /* NULL: no such path (404) */
    bool method_fits;          /* false: 405 with route->allow */
    size_t doc_pos;            /* index of the segment where {doc} begins; SIZE_MAX: none */
    size_t doc_segs;           /* 1 or 2 */
    size_t att_pos;            /* index where {att} begins; SIZE_MAX: none */
};

/* Pure: looks at segments and method only. */
void route_find(struct route_match *out, const struct route *table, const tuf_slice *segs,
                size_t seg_count, enum http_method method);

#endif
