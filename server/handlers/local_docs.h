/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: ETags of local documents, which depend on revision and body: a local revision "0-1" comes
 * again after every deletion.
 */
#ifndef SERVER_HANDLERS_LOCAL_DOCS_H
#define SERVER_HANDLERS_LOCAL_DOCS_H

#include "server/etag.h"
#include "server/http.h"

/* The tag of an open local document. */
tuf_status local_etag(char out[ETAG_SIZE], const tuf_doc *doc);

/* The tag of a document that was just written; false if it has been changed again since. */
bool local_etag_of_stored(char out[ETAG_SIZE], struct request *req, tuf_slice id, tuf_rev rev);

#endif
