/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: partitioned databases, whose document ids are "partition:rest".
 *
 * Being partitioned is a property of the database, set right after its creation (server/dbs.h).
 * Source: CouchDB's couch_partition.
 */
#ifndef SERVER_HANDLERS_PARTITION_H
#define SERVER_HANDLERS_PARTITION_H

#include "tuffet/tuffet.h"

struct dbh;

/*
 * Whether a document of this id may be written to the database; TUF_OK for every id of a database
 * that is not partitioned. Any thread, never blocks.
 * Returns: TUF_OK; E_INVALID with kind "illegal_docid" or "illegal_partition".
 */
tuf_status partition_check_id(struct dbh *dbh, tuf_slice id);

/* Whether a text may be the name of a partition. Returns as partition_check_id. */
tuf_status partition_check_name(tuf_slice name);

#endif
