/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what transfer.c, transfer_plan.c and openrevs.c share. See replicator/transfer.h.
 */
#ifndef REPLICATOR_TRANSFER_IMPL_H
#define REPLICATOR_TRANSFER_IMPL_H

#include "replicator/multipart.h"
#include "replicator/transfer.h"

/* The kind of a failure that may be the document's own. */
#define ATTACHMENT_FAILED "attachment_failed"
#define TRANSFER_POLL_MS 200

struct att {
    char *name;
    char *type;
    uint64_t length; /* bytes that travel */
    bool gzip;
    bool inflate;    /* stored compressed, travels plain */
};

struct inlet;

struct transfer {
    struct peer *source, *target;
    const struct transfer_doc *doc;
    bool with_stubs;
    struct att *atts; /* those that travel */
    size_t att_count;
    char boundary[BOUNDARY_SIZE];
    struct buf plain; /* the document's text with stubs and "follows" */
    struct buf head;  /* up to the first attachment's bytes */
    uint64_t total;   /* length of the body */

    tuf_snapshot *snapshot; /* of a local source, as the following */
    tuf_doc *stored;
    tuf_att_reader *reader; /* of the attachment being sent; owned */

    CURLM *multi;     /* of the source: it keeps connections from one document to the next */
    CURL *get, *put;
    struct curl_slist *get_headers, *put_headers;
    const char *put_url; /* where a redirect led; borrowed, or NULL */
    unsigned get_redirects; /* of the attachment's GET */
    size_t skipped;         /* bytes of its answers that are no attachment */
    struct inlet *inlet;    /* of a local target: where they go; or NULL */
    bool get_open;    /* get is in multi */
    struct buf text;  /* boundaries and heads to be sent before more attachment bytes */
    size_t text_pos;
    size_t att_pos;   /* attachment being sent */
    uint64_t att_left;/* its bytes not yet received */
    struct buf ring;  /* received, not yet sent */
    size_t ring_pos;
    bool put_paused, get_paused, bad_length, bad_get;
    tuf_status local_status; /* of reading from a local source */
    bool login_again; /* the source no longer takes the session */
    bool moved;       /* something was set going again: no reason to wait */
    struct buf answer;
};

/* Decides from the document's stubs what travels, and writes t->plain and t->head. */
tuf_status repl_transfer_plan(struct transfer *t);
/* The same of a text in which the source says so ("follows"); t->plain is filled already. */
tuf_status repl_transfer_plan_follows(struct transfer *t);
/* What goes before the pos-th attachment, or behind the last. */
void repl_transfer_append_between(struct buf *out, const struct transfer *t, size_t pos);
tuf_status repl_transfer_bad_doc(const struct transfer *t, const char *what);

/* Begins the PUT in t->multi of t->total bytes: t->text, then t->ring, as they come. */
tuf_status repl_transfer_start_put(struct transfer *t);
/* Lets both requests go on that wait for bytes or for room. */
void repl_transfer_unpause(struct transfer *t);
void repl_transfer_release(struct transfer *t);

#endif
