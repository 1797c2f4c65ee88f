/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the head of a request (request line and headers), and its trailers, as pure functions over
 * bytes, with the checks that keep two parsers from disagreeing about where a message ends.
 *
 * INV-HEAD-1: an accepted head has exactly one meaning: at most one of a single decimal
 *             Content-Length and "Transfer-Encoding: chunked", lines that end in CRLF, no control
 *             characters, no folded lines, no white space before a colon.
 * Source: RFC 9112 sections 2 to 7, RFC 9110 section 5.
 * Not here: the body's framing, which llhttp does (server/conn.c).
 */
#ifndef SERVER_HEAD_H
#define SERVER_HEAD_H

#include "server/http.h"

#define HEAD_LINE_MAX ((size_t)8192)     /* request line, CRLF not counted */
#define HEAD_HEADER_MAX ((size_t)16384)  /* one header line */
#define HEAD_SIZE_MAX ((size_t)65536)    /* everything up to the empty line */
#define HEAD_HEADERS_MAX 128

struct head {
    tuf_slice method;        /* as sent */
    tuf_slice target;        /* origin form: begins with '/' (or is "*") */
    unsigned minor;          /* 0 or 1 of HTTP/1.x */
    struct header *headers;  /* in the arena; slices borrow the bytes */
    size_t header_count;
    bool has_length;
    uint64_t length;         /* Content-Length */
    bool chunked;
    bool keep_alive;         /* what Connection and version ask for */
    bool expect_continue;
};

/* Why a head is refused: an HTTP status and a reason (static). */
struct head_error {
    int status;
    const char *reason;
};

/*
 * Looks for the end of a head in `bytes`, of which the first *scanned were looked at before.
 * Returns the length of the head with its empty line, or 0 if it is not complete yet. Sets `error`
 * (status not 0) as soon as what is there can never be a head.
 */
size_t head_scan(struct head_error *error, size_t *scanned, tuf_slice bytes);

/* Parses a complete head (what head_scan measured). False with `error` set. */
bool head_parse(struct head *out, struct head_error *error, struct arena *arena, tuf_slice bytes);

/*
 * Parses the trailers of a chunked body, with the empty line behind them, by the rules of header
 * lines. Fields that frame a message are refused in them: whoever believes them sees another
 * message than we do. False if they are malformed, too many, or out of memory.
 */
bool head_parse_trailers(struct header **out, size_t *count, struct arena *arena, tuf_slice bytes);

#endif
