/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the description of a database that "GET /db" and _dbs_info answer with.
 */
#ifndef SERVER_HANDLERS_DBINFO_H
#define SERVER_HANDLERS_DBINFO_H

#include "base/buf.h"
#include "tuffet/tuffet.h"

struct dbh;

/* Appends the JSON object. Costs no I/O beyond one look-up. Any thread. */
tuf_status dbinfo_append(struct buf *out, struct dbh *dbh);

#endif
