/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the winner of a document as a tree of values, for documents that the server itself
 * understands: users and replications.
 */
#ifndef SERVER_DOCLOAD_H
#define SERVER_DOCLOAD_H

#include <jansson.h>

#include "tuffet/tuffet.h"

struct dbh;

/*
 * Reads a document's body.
 *   conflicted_out  whether it has other live leaves; NULL if not wanted
 * Returns: TUF_OK with a new reference; TUF_NOT_FOUND (also when it is deleted); E_INVALID (numbers
 *          beyond 64 bits); failures of reading.
 */
tuf_status doc_load(json_t **out, bool *conflicted_out, struct dbh *dbh, tuf_slice id);

/* A member that is a string, borrowed from the object; data is NULL if there is none. */
tuf_slice doc_member(const json_t *object, const char *name);

#endif
