/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: ETag values made of a hash, written as CouchDB writes them: an MD5 in base 36, quoted.
 */
#ifndef SERVER_ETAG_H
#define SERVER_ETAG_H

#include "tuffet/db.h"

#define ETAG_SIZE 28 /* two quotes, at most 25 digits, NUL */

/* The tag of any bytes. */
void etag_of_bytes(char out[ETAG_SIZE], tuf_slice data);

/* The tag of the state that a snapshot shows: changes with every commit. */
void etag_of_info(char out[ETAG_SIZE], const tuf_db_info *info);

#endif
