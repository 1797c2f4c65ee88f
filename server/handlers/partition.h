/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: partitioned databases, whose document ids are "partition:rest".
 *
 * Being partitioned is a named value inside the database file, set right after its creation.
 * Source: CouchDB's couch_partition.
 */
#ifndef SERVER_HANDLERS_PARTITION_H
#define SERVER_HANDLERS_PARTITION_H

#include "tuffet/tuffet.h"

struct dbh;

/* Whether a database is partitioned. */
tuf_status partition_is_on(bool *out, tuf_snapshot *snapshot);

/* Makes a new database partitioned. BLOCKS: worker only. */
tuf_status partition_turn_on(struct dbh *dbh);

/*
 * Whether a document of this id may be written to the database; TUF_OK for every id of a database
 * that is not partitioned. May read from disk: worker only.
 * Returns: TUF_OK; E_INVALID with kind "illegal_docid" or "illegal_partition".
 */
tuf_status partition_check_id(struct dbh *dbh, tuf_slice id);

/* Whether a text may be the name of a partition. Returns as partition_check_id. */
tuf_status partition_check_name(tuf_slice name);

#endif
