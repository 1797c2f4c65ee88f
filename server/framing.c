/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: llhttp behind server/framing.h.
 *
 * llhttp 8 decides at compile time how strict it is (LLHTTP_STRICT_MODE), llhttp 9 is strict unless
 * told otherwise; what either lets pass in heads is refused before by server/head.c.
 */
#include "server/framing.h"

#include <llhttp.h>
#include <string.h>

#include "base/assert.h"

static_assert(sizeof(llhttp_t) <= FRAMING_SIZE, "llhttp_t outgrew its storage");

static llhttp_t *parser_of(struct framing *framing)
{
    return (llhttp_t *)(void *)framing->parser;
}

static int on_headers_complete(llhttp_t *parser)
{
    /* No upgrade is ever offered, and "Upgrade:" must not change the framing. */
    parser->upgrade = 0;
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct framing *framing = parser->data;
    bool more = framing->events->content(tuf_slice_of(at, len), framing->ctx);
    return more ? 0 : HPE_PAUSED;
}

static int on_message_complete(llhttp_t *parser)
{
    struct framing *framing = parser->data;
    framing->events->end(framing->ctx);
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

bool framing_feed(size_t *consumed, struct framing *framing, const char *data, size_t len)
{
    llhttp_t *parser = parser_of(framing);
    enum llhttp_errno err = llhttp_execute(parser, data, len);
    if (err == HPE_OK) {
        *consumed = len;
        return true;
    }
    if (err != HPE_PAUSED)
        return false;
    *consumed = (size_t)(llhttp_get_error_pos(parser) - data);
    llhttp_resume(parser);
    return true;
}

bool framing_start(struct framing *framing, unsigned minor, tuf_slice head,
                   const struct framing_events *events, void *ctx)
{
    /* A method that llhttp surely knows and that says nothing about the body. */
    const char *line = minor == 1 ? "POST / HTTP/1.1\r\n" : "POST / HTTP/1.0\r\n";
    const char *lf = memchr(head.data, '\n', head.len);
    size_t consumed;
    tuf_assert(lf != NULL);
    framing->events = events;
    framing->ctx = ctx;
    llhttp_init(parser_of(framing), HTTP_REQUEST, &settings);
    parser_of(framing)->data = framing;
    size_t left = head.len - (size_t)(lf + 1 - (const char *)head.data);
    return framing_feed(&consumed, framing, line, strlen(line)) &&
           framing_feed(&consumed, framing, lf + 1, left) && consumed == left;
}
