/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the one place where a tuf_status becomes an HTTP status with CouchDB's error and reason.
 *
 * A handler whose outcome means something else at its place (NOT_FOUND as "Document is missing
 * attachment") answers with reply_error itself and sends the rest to reply_status.
 */
#ifndef SERVER_ERROR_MAP_H
#define SERVER_ERROR_MAP_H

#include "tuffet/tuffet.h"

struct http_error {
    int status;         /* of HTTP */
    const char *error;  /* static, or borrowed from the tuf_error */
    const char *reason; /* static, or borrowed from the tuf_error */
};

/* Also for the error objects inside _bulk_docs and _bulk_get answers. `detail` may be NULL. */
void error_map(struct http_error *out, tuf_status status, const tuf_error *detail);

/* "Bad Request" and so on; 404 is "Object Not Found". */
const char *http_reason(int status);

#endif
