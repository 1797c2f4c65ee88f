/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: GET of a document with open_revs: several revisions in one answer, as multipart/mixed if
 * the client takes that, else as a JSON array.
 *
 * Every revision that was asked for is answered, found or not; only open_revs=all of a document
 * that was never there is 404. With atts_since, attachments that the client must have are stubs.
 */
#include "base/alloc.h"
#include "server/handlers/docstream.h"

struct open_revs {
    struct doc_wish wish;
    struct docstream stream;
};

static void open_revs_cleanup(struct request *req)
{
    struct open_revs *open = req->state;
    docstream_end(&open->stream);
    tufi_free(open);
}

static enum produce_result produce(struct request *req, struct buf *out)
{
    struct open_revs *open = req->state;
    tuf_status st = docstream_next(out, &open->stream);
    if (st == TUF_OK)
        return PRODUCE_MORE;
    return st == TUF_END ? PRODUCE_DONE : PRODUCE_FAIL;
}

static void start(struct request *req, struct open_revs *open, bool mixed)
{
    char type[RELATED_BOUNDARY_SIZE + 40];
    snprintf(type, sizeof(type), "multipart/mixed; boundary=\"%s\"", open->stream.boundary);
    const struct producer producer = { .produce = produce,
                                       .blocking = true,
                                       .type = mixed ? type : NULL };
    reply_stream(req, 200, &producer);
}

void open_revs_reply(struct request *req, const struct doc_query *query)
{
    struct open_revs *open = tufi_alloc_zero(sizeof(*open));
    if (open == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    req->state = open;
    request_on_cleanup(req, open_revs_cleanup);
    bool mixed = request_accepts(req, "multipart/mixed");
    open->wish = (struct doc_wish){
        .id = req->docid,
        .revs = { .all = query->open_all,
                  .latest = query->latest,
                  .revs = query->open_revs,
                  .count = query->open_rev_count },
        .atts_since = query->atts_since,
        .atts_since_count = query->atts_since_count,
        .has_atts_since = query->has_atts_since,
    };
    bool empty = false;
    tuf_status st = server_before_read(req, req->docid);
    if (st == TUF_OK)
        st = docstream_begin(&open->stream, req,
                             mixed ? &docstream_open_revs_mixed : &docstream_open_revs_json,
                             &open->wish, 1);
    open->stream.flags = query->flags;
    if (st == TUF_OK)
        st = docstream_is_empty(&empty, &open->stream);
    if (st == TUF_OK && empty)
        st = TUF_NOT_FOUND;
    if (st != TUF_OK)
        reply_status(req, st);
    else
        start(req, open, mixed);
}
