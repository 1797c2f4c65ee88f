/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a growing byte buffer whose first error sticks: append freely, check `failed` once.
 *
 * INV-BUF-1: failed implies that later appends change nothing.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/fail.h"
#include "tuffet/types.h"

struct buf {
    uint8_t *data; /* owned */
    size_t len;    /* bytes used */
    size_t cap;    /* bytes allocated */
    bool failed;   /* out of memory happened */
};

#define BUF_INIT { 0 }

void tufi_buf_release(struct buf *b);
/* Empties it but keeps its memory; also clears `failed`. */
void tufi_buf_clear(struct buf *b);
/* Makes room for more bytes. Returns false (and sets failed) when out of memory. */
bool tufi_buf_reserve(struct buf *b, size_t more);
void tufi_buf_append(struct buf *b, const void *data, size_t len);
void tufi_buf_append_zero(struct buf *b, size_t len);
void tufi_buf_printf(struct buf *b, const char *fmt, ...) TUFI_PRINTF(2, 3);
/* Moves the memory out (to be freed with tufi_free / tuf_free), leaving an empty buffer. */
uint8_t *tufi_buf_take(struct buf *b);

static inline void buf_append_slice(struct buf *b, tuf_slice s)
{
    tufi_buf_append(b, s.data, s.len);
}

static inline void buf_append_str(struct buf *b, const char *text)
{
    tufi_buf_append(b, text, strlen(text));
}

static inline void buf_append_u8(struct buf *b, uint8_t byte)
{
    if (b->len < b->cap && !b->failed)
        b->data[b->len++] = byte;
    else
        tufi_buf_append(b, &byte, 1);
}

static inline tuf_slice buf_slice(const struct buf *b)
{
    return tuf_slice_of(b->data, b->len);
}

/* TUF_OK or E_NOMEM. */
static inline tuf_status buf_status(const struct buf *b)
{
    return b->failed ? tufi_nomem() : TUF_OK;
}

#endif
