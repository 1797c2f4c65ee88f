/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the framing of one HTTP message by llhttp, behind an interface of ours (its names clash
 * with the rest of the server, and it is the only file that has to change with its versions).
 *
 * INV-FRM-1: nothing after the end of the message is consumed.
 */
#ifndef SERVER_FRAMING_H
#define SERVER_FRAMING_H

#include <stdalign.h>
#include <stddef.h>

#include "tuffet/types.h"

#define FRAMING_SIZE 160

struct framing_events {
    /* Content of the body. False: do not feed more now. */
    bool (*content)(tuf_slice bytes, void *ctx);
    /* The message is complete. */
    void (*end)(void *ctx);
};

struct framing {
    const struct framing_events *events;
    void *ctx;
    alignas(max_align_t) unsigned char parser[FRAMING_SIZE]; /* an llhttp_t */
};

/*
 * Begins a message whose head server/head.c has accepted: replays the header lines for llhttp.
 *   minor  of HTTP/1.x
 *   head   the whole head, empty line included; its request line is not replayed
 * Returns false if llhttp refuses it. A message without a body has ended when this returns.
 */
bool framing_start(struct framing *framing, unsigned minor, tuf_slice head,
                   const struct framing_events *events, void *ctx);

/* Feeds bytes of the body. False: they are malformed. Otherwise *consumed says how many were
 * taken: fewer than len after the end of the message or when `content` said to wait. */
bool framing_feed(size_t *consumed, struct framing *framing, const char *data, size_t len);

#endif
