/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: llhttp behind server/framing.h.
 *
 * llhttp 8 decides at compile time how strict it is (LLHTTP_STRICT_MODE), llhttp 9 is strict unless
 * told otherwise; what either lets pass in heads and trailers is refused before by server/head.c.
 * For that llhttp is stopped behind the last chunk's size, until the trailers are complete.
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
    /* llhttp reports an empty run when it is resumed right behind a body's last byte. */
    if (len == 0)
        return 0;
    bool more = framing->events->content(tuf_slice_of(at, len), framing->ctx);
    return more ? 0 : HPE_PAUSED;
}

static int on_chunk_header(llhttp_t *parser)
{
    struct framing *framing = parser->data;
    framing->in_trailers = parser->content_length == 0;
    return framing->in_trailers ? HPE_PAUSED : 0;
}

static int on_message_complete(llhttp_t *parser)
{
    struct framing *framing = parser->data;
    framing->ended = true;
    framing->events->end(framing->ctx);
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static bool parser_feed(size_t *consumed, struct framing *framing, const char *data, size_t len)
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
    if (*consumed < len || framing->ended || framing->in_trailers)
        return true;
    /* A pause on the last byte of a body hides its end, and no byte may ever follow: look for it. */
    err = llhttp_execute(parser, data + len, 0);
    if (err == HPE_PAUSED)
        llhttp_resume(parser);
    return err == HPE_OK || err == HPE_PAUSED;
}

void framing_release(struct framing *framing)
{
    tufi_buf_release(&framing->section);
}

/* A line of the trailers is complete. False if it is malformed, or all of them are. */
static bool end_trailer(struct framing *framing)
{
    tuf_slice section = buf_slice(&framing->section);
    size_t consumed;
    if (section.len < 2 || section.data[section.len - 2] != '\r')
        return false;
    if (section.len > 2 && section.data[section.len - 3] != '\n')
        return true;
    bool good = section.len == 2 || framing->events->trailers(section, framing->ctx);
    good = good && parser_feed(&consumed, framing, (const char *)section.data, section.len) &&
           framing->ended && consumed == section.len;
    framing_release(framing);
    return good;
}

static bool trailers_feed(size_t *consumed, struct framing *framing, const char *data, size_t len)
{
    size_t pos = 0;
    while (pos < len && !framing->ended) {
        const char *lf = memchr(data + pos, '\n', len - pos);
        size_t piece = lf != NULL ? (size_t)(lf + 1 - data) - pos : len - pos;
        if (piece > FRAMING_TRAILERS_MAX - framing->section.len)
            return false;
        tufi_buf_append(&framing->section, data + pos, piece);
        pos += piece;
        if (framing->section.failed || (lf != NULL && !end_trailer(framing)))
            return false;
    }
    *consumed = pos;
    return true;
}

bool framing_feed(size_t *consumed, struct framing *framing, const char *data, size_t len)
{
    size_t before = 0;
    if (!framing->in_trailers && !parser_feed(&before, framing, data, len))
        return false;
    *consumed = before;
    if (!framing->in_trailers)
        return true;
    size_t more = 0;
    bool good = trailers_feed(&more, framing, data + before, len - before);
    *consumed = before + more;
    return good;
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
    framing->section = (struct buf)BUF_INIT;
    framing->in_trailers = framing->ended = false;
    llhttp_init(parser_of(framing), HTTP_REQUEST, &settings);
    parser_of(framing)->data = framing;
    size_t left = head.len - (size_t)(lf + 1 - (const char *)head.data);
    return framing_feed(&consumed, framing, line, strlen(line)) &&
           framing_feed(&consumed, framing, lf + 1, left) && consumed == left;
}
