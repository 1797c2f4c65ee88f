/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: from a document's text to an edit, for all requests that bring one.
 *
 * The functions run on a worker or on the loop: see server_before_write for when they must not run
 * on the loop.
 */
#ifndef SERVER_HANDLERS_DOC_PUT_H
#define SERVER_HANDLERS_DOC_PUT_H

#include "server/handlers/docs.h"
#include "server/work.h"

/*
 * Parses a document that is to be stored as `id`, or as its text says if id is empty.
 * Returns: as tuf_edit_parse and server_before_write.
 */
tuf_status doc_parse(tuf_edit **out, struct request *req, tuf_slice json,
                     const struct doc_query *query, tuf_slice id);

/* Lets ?rev and If-Match have their say about the parent of a parsed edit. */
tuf_status doc_settle_rev(tuf_edit *edit, struct request *req, const struct doc_query *query);

/*
 * Judges the shape of a design document's text; the edit knows its id and parent.
 * Returns: TUF_OK; E_INVALID with kind "conflict" if the shape is bad and the parent is no leaf,
 *          else "invalid_design_doc"; E_NOMEM, E_IO, E_CORRUPT.
 * Threads: any.
 */
tuf_status doc_check_shape(struct request *req, const tuf_edit *edit, tuf_slice json);

/* Whether a text is an object with a member "_id"; out receives it if it is a string, else it is
 * empty. */
bool doc_text_find_id(tuf_slice *out, struct arena *arena, tuf_slice json);

/* If a parse failed because the body is too large, words that as CouchDB does; otherwise returns
 * the status as it is. */
tuf_status doc_too_large(struct request *req, tuf_status status, tuf_slice json);

/* PUT of a multipart/related body (server/handlers/multipart_doc.c). */
void multipart_put(struct request *req, const struct doc_query *query, tuf_slice content_type);

#endif
