/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: database names and the names of their files.
 *
 * INV-NAME-1: a file name made from a valid name holds only [a-z0-9_$()+-] and %2F, and ends in
 *             ".tuf": it can neither leave the directory nor hide in it.
 * Source: CouchDB's rule for names.
 */
#ifndef SERVER_DBNAME_H
#define SERVER_DBNAME_H

#include <stdbool.h>

#include "tuffet/types.h"

#define DBNAME_FILE_SIZE 256 /* NAME_MAX and a NUL */

/* "a/b" to "a%2Fb.tuf". False if it would be too long; the name must be valid. */
bool dbname_to_file(char out[DBNAME_FILE_SIZE], tuf_slice name);

/* The way back; false if the file is no database of ours. */
bool dbname_from_file(char out[DBNAME_FILE_SIZE], const char *file);

/* ---- names of snapshots: "db/_snapshot/name" (server/snapshots.h) ---- */

struct snapshot_name {
    tuf_slice db;   /* the database it is of */
    tuf_slice name; /* of the snapshot */
    bool local;     /* its local documents */
};

/* Whether a database name is one of a snapshot. */
bool snapshot_name_split(struct snapshot_name *out, tuf_slice name);

#endif
