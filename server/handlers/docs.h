/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what the handlers of documents share: their query string, revisions in requests, the
 * answer to a write.
 *
 * INV-DOCS-1: a function here that returns bool and false has answered the request.
 * Not here: documents as JSON (server/docjson.h), reading several revisions
 * (server/handlers/docstream.h).
 */
#ifndef SERVER_HANDLERS_DOCS_H
#define SERVER_HANDLERS_DOCS_H

#include "server/docjson.h"
#include "server/handlers.h"
#include "server/http.h"

/* The query string of a document. Arrays are in the request's arena. */
struct doc_query {
    unsigned flags; /* enum docjson_flags */
    bool has_rev;
    tuf_rev rev; /* of "rev" */
    bool latest;
    bool open_all;            /* open_revs=all */
    const tuf_rev *open_revs; /* of "open_revs"; an empty array is as good as none */
    size_t open_rev_count;
    bool has_atts_since;
    const tuf_rev *atts_since;
    size_t atts_since_count;
    bool replicated; /* new_edits=false */
};

/* Reads the query string; the last of repeated keys counts, unknown ones are ignored. */
bool doc_query_parse(struct doc_query *out, struct request *req);

/*
 * Parses a revision as CouchDB does in requests: like tuf_rev_parse, but "0-x" passes, which is no
 * revision of any document but that of a local one.
 * Returns: TUF_OK, the id in the request's arena; E_INVALID "Invalid rev format"; E_NOMEM.
 */
tuf_status docs_parse_rev(tuf_rev *out, struct request *req, tuf_slice text);

/* The same for a JSON array of revisions; E_INVALID "Invalid list of revisions" for other JSON. */
tuf_status docs_parse_revs(const tuf_rev **out, size_t *count_out, struct request *req,
                           const json_t *list);

/*
 * The revision that a write names by its text, by ?rev= or by If-Match; they must agree.
 *   named_out  false if there is none
 *   body_rev   the text's, NULL if it has none
 * Returns: TUF_OK; E_INVALID with CouchDB's text. Loop thread, or a worker while a job runs.
 */
tuf_status docs_named_rev(tuf_rev *out, bool *named_out, struct request *req,
                          const tuf_rev *body_rev);

/* Opens a document of the newest snapshot for reading, checking the reader's right to it. Outcomes
 * as tuf_doc_open. *snapshot_out is set whenever TUF_OK is returned. */
tuf_status docs_open(tuf_doc **doc_out, tuf_snapshot **snapshot_out, struct request *req,
                     tuf_slice id, const tuf_rev *rev);

/* Whether a design document may be written by this user; true for every other id. Otherwise the
 * error of the item, with a failure's kind "unauthorized" or "forbidden". */
tuf_status docs_check_ddoc(const struct request *req, tuf_slice id);

/* Refuses ids longer than [couchdb] max_document_id_length, and in a partitioned database those
 * without a partition. */
tuf_status docs_check_id_size(const struct request *req, tuf_slice id);

/* Limits of the configuration in an edit's options. */
void docs_edit_limits(tuf_edit_options *opts, const struct request *req);

/* "rev" in quotes. */
#define DOCS_ETAG_SIZE (TUF_REV_TEXT_SIZE + 2)
void docs_etag(char out[DOCS_ETAG_SIZE], tuf_rev rev);

/* Adds Location: base URL, database, document and, if not empty, attachment. */
void docs_add_location(struct request *req, tuf_slice id, tuf_slice att_name);

enum docs_written_flags {
    DOCS_ETAG = 1,     /* answer with ETag */
    DOCS_LOCATION = 2, /* answer with Location */
    DOCS_BATCH = 4,    /* batch=ok: 202 without a revision, whatever became of the edit */
};

/*
 * Answers a write of one document: {"ok":true,"id":...,"rev":...} or its error.
 *   status    of the commit
 *   http_ok   status of success
 */
void docs_reply_written(struct request *req, tuf_status status, const tuf_edit *edit, int http_ok,
                        unsigned flags);

/* Appends {"ok":true,"id":I,"rev":R}. */
void docs_append_result(struct buf *out, const tuf_edit *edit);

/* The revision an edit got, also when it was known already. */
tuf_rev docs_result_rev(const tuf_edit *edit);

#endif
