/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the framing of one HTTP message by llhttp, behind an interface of ours (its names clash
 * with the rest of the server, and it is the only file that has to change with its versions).
 *
 * INV-FRM-1: nothing after the end of the message is consumed.
 * INV-FRM-2: trailers are seen whole by `trailers` before llhttp reads them: both must accept.
 */
#ifndef SERVER_FRAMING_H
#define SERVER_FRAMING_H

#include <stdalign.h>
#include <stddef.h>

#include "base/buf.h"

#define FRAMING_SIZE 160
#define FRAMING_TRAILERS_MAX ((size_t)8192) /* trailers of a chunked body, empty line included */

struct framing_events {
    /* Content of the body. False: do not feed more now. */
    bool (*content)(tuf_slice bytes, void *ctx);
    /* The trailers after a chunked body: lines that end in CRLF, and the empty one. Not called if
     * there are none. False: they are malformed. */
    bool (*trailers)(tuf_slice section, void *ctx);
    /* The message is complete. */
    void (*end)(void *ctx);
};

struct framing {
    const struct framing_events *events;
    void *ctx;
    struct buf section;  /* trailers as far as they have come */
    bool in_trailers;
    bool ended;
    alignas(max_align_t) unsigned char parser[FRAMING_SIZE]; /* an llhttp_t */
};

/*
 * Begins a message whose head server/head.c has accepted: replays the header lines for llhttp.
 *   minor  of HTTP/1.x
 *   head   the whole head, empty line included; its request line is not replayed
 * Returns false if llhttp refuses it. A message without a body has ended when this returns.
 * Ownership: of a message whose end may not come: framing_release.
 */
bool framing_start(struct framing *framing, unsigned minor, tuf_slice head,
                   const struct framing_events *events, void *ctx);

/* Feeds bytes of the body. False: they are malformed. Otherwise *consumed says how many were
 * taken: fewer than len after the end of the message or when `content` said to wait. */
bool framing_feed(size_t *consumed, struct framing *framing, const char *data, size_t len);

/* Frees what an unfinished message holds. A zeroed framing is allowed. */
void framing_release(struct framing *framing);

#endif
