/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the growing byte buffer (base/buf.h). Capacity doubles, so appending is amortised O(1).
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/arith.h"

#define BUF_CAP_MIN 64

void tufi_buf_release(struct buf *b)
{
    tufi_free(b->data);
    *b = (struct buf)BUF_INIT;
}

void tufi_buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

bool tufi_buf_reserve(struct buf *b, size_t more)
{
    if (b->failed)
        return false;
    if (more <= b->cap - b->len)
        return true;
    size_t need;
    if (!add_ok(&need, b->len, more) || need > SIZE_MAX / 2) {
        b->failed = true;
        return false;
    }
    size_t cap = max_size(b->cap * 2, max_size(need, BUF_CAP_MIN));
    uint8_t *data = tufi_realloc(b->data, cap);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void tufi_buf_append(struct buf *b, const void *data, size_t len)
{
    if (len == 0 || !tufi_buf_reserve(b, len))
        return;
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

void tufi_buf_append_zero(struct buf *b, size_t len)
{
    if (len == 0 || !tufi_buf_reserve(b, len))
        return;
    memset(b->data + b->len, 0, len);
    b->len += len;
}

void tufi_buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0 || !tufi_buf_reserve(b, (size_t)len + 1))
        return;
    va_start(args, fmt);
    vsnprintf((char *)b->data + b->len, (size_t)len + 1, fmt, args);
    va_end(args);
    b->len += (size_t)len;
}

uint8_t *tufi_buf_take(struct buf *b)
{
    uint8_t *data = b->data;
    *b = (struct buf)BUF_INIT;
    return data;
}
