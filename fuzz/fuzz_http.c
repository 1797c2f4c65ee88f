/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: reads any bytes as the requests of a connection, once in one piece and once byte by byte.
 *
 * Laws: both readings see the same requests, bodies and errors; a body with a declared length has
 * that length; an accepted head has exactly one meaning (INV-HEAD-1), checked here by a second,
 * naive look at its lines.
 */
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "server/framing.h"
#include "server/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a reading saw, as text: compared as a whole. */
struct reading {
    struct buf seen;
    size_t body_len;
    bool ended;
};

static bool on_content(tuf_slice bytes, void *ctx)
{
    struct reading *reading = ctx;
    reading->body_len += bytes.len;
    buf_append_slice(&reading->seen, bytes);
    /* Pausing now and then must not change what is seen. */
    return reading->body_len % 3 != 0;
}

/* What may be a trailer is said by the lines themselves, not by how they arrived. */
static bool on_trailers(tuf_slice section, void *ctx)
{
    struct reading *reading = ctx;
    struct arena arena = ARENA_INIT;
    struct header *trailers;
    size_t count;
    bool good = head_parse_trailers(&trailers, &count, &arena, section);
    for (size_t i = 0; good && i < count; i++) {
        tuf_assert(trailers[i].name.len > 0);
        tuf_assert(memchr(trailers[i].value.data, '\n', trailers[i].value.len) == NULL);
        buf_append_slice(&reading->seen, trailers[i].name);
        buf_append_slice(&reading->seen, trailers[i].value);
    }
    tufi_arena_release(&arena);
    return good;
}

static void on_end(void *ctx)
{
    struct reading *reading = ctx;
    tuf_assert(!reading->ended);
    reading->ended = true;
}

static const struct framing_events events = {
    .content = on_content,
    .trailers = on_trailers,
    .end = on_end,
};

/* Counts header lines of a name in raw bytes, knowing nothing of the parser. */
static size_t count_lines(tuf_slice head, const char *name)
{
    size_t len = strlen(name);
    size_t count = 0;
    for (size_t i = 0; i + len + 1 < head.len; i++) {
        if (head.data[i] == '\n' &&
            strncasecmp((const char *)head.data + i + 1, name, len) == 0)
            count++;
    }
    return count;
}

static void check_meaning(const struct head *head, tuf_slice bytes)
{
    size_t lengths = count_lines(bytes, "content-length:");
    size_t codings = count_lines(bytes, "transfer-encoding:");
    tuf_assert(lengths + codings <= 1);
    tuf_assert(head->has_length == (lengths == 1));
    tuf_assert(head->chunked == (codings == 1));
    tuf_assert(count_lines(bytes, "host:") <= 1);
    tuf_assert(head->minor == 0 || count_lines(bytes, "host:") == 1);
    tuf_assert(count_lines(bytes, " ") == 0 && count_lines(bytes, "\t") == 0);
    tuf_assert(memchr(bytes.data, 0, bytes.len) == NULL);
}

/* Finds the end of a head when `step` more bytes arrive at a time. */
static size_t find_head(struct head_error *error, tuf_slice input, size_t step)
{
    size_t scanned = 0;
    size_t have = 0;
    size_t found = 0;
    error->status = 0;
    while (have < input.len && found == 0 && error->status == 0) {
        have = step < input.len - have ? have + step : input.len;
        found = head_scan(error, &scanned, tuf_slice_of(input.data, have));
    }
    return found;
}

/* Reads one body. Returns the bytes it took, or false. */
static bool read_body(size_t *taken, struct reading *reading, struct framing *framing,
                      tuf_slice input, size_t step)
{
    size_t pos = 0;
    while (pos < input.len && !reading->ended) {
        size_t len = step < input.len - pos ? step : input.len - pos;
        size_t consumed;
        if (!framing_feed(&consumed, framing, (const char *)input.data + pos, len))
            return false;
        tuf_assert(consumed <= len);
        pos += consumed;
    }
    *taken = pos;
    return true;
}

/* Reads one request. Returns the bytes it took; 0 at the end or after an error. */
static size_t read_request(struct reading *reading, tuf_slice input, size_t step)
{
    struct head_error error;
    size_t head_len = find_head(&error, input, step);
    if (head_len == 0) {
        /* When an error shows depends on how much is there, so only that there is one counts. */
        buf_append_str(&reading->seen, error.status != 0 ? "<bad>" : "<more>");
        return 0;
    }
    struct arena arena = ARENA_INIT;
    struct head head;
    struct framing framing;
    tuf_slice bytes = tuf_slice_of(input.data, head_len);
    size_t taken = 0;
    reading->ended = false;
    reading->body_len = 0;
    if (!head_parse(&head, &error, &arena, bytes)) {
        /* A long line may be refused while it arrives or when it is whole: an error either way. */
        tuf_assert(error.status >= 400 && error.reason != NULL);
        buf_append_str(&reading->seen, "<bad>");
    } else if (!framing_start(&framing, head.minor, bytes, &events, reading)) {
        buf_append_str(&reading->seen, "<disagree>");
    } else {
        check_meaning(&head, bytes);
        tuf_assert(reading->ended == (!head.chunked && head.length == 0));
        buf_append_slice(&reading->seen, head.method);
        buf_append_slice(&reading->seen, head.target);
        bool good = read_body(&taken, reading, &framing,
                              tuf_slice_of(input.data + head_len, input.len - head_len), step);
        tuf_assert(!good || !reading->ended || head.chunked ||
                   reading->body_len == head.length);
        tuf_assert(!good || head.chunked || reading->body_len < head.length || reading->ended);
        buf_append_str(&reading->seen, !good ? "<bad body>" : reading->ended ? "<end>" : "<cut>");
        taken = good && reading->ended ? head_len + taken : 0;
        framing_release(&framing);
    }
    tufi_arena_release(&arena);
    return taken;
}

static void read_all(struct reading *reading, tuf_slice input, size_t step)
{
    size_t taken;
    do {
        taken = read_request(reading, input, step);
        input = tuf_slice_of(input.data + taken, input.len - taken);
    } while (taken > 0 && input.len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reading whole = { BUF_INIT, 0, false };
    struct reading pieces = { BUF_INIT, 0, false };
    if (size > 1 << 17)
        return 0;
    read_all(&whole, tuf_slice_of(data, size), SIZE_MAX);
    read_all(&pieces, tuf_slice_of(data, size), 1);
    tuf_assert(!whole.seen.failed && !pieces.seen.failed);
    tuf_assert(slice_equal(buf_slice(&whole.seen), buf_slice(&pieces.seen)));
    tufi_buf_release(&whole.seen);
    tufi_buf_release(&pieces.seen);
    return 0;
}
