/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fuzz the reader of gzip bodies: the input is a compressed body.
 *
 * What must hold: whatever pieces it comes in, the same bytes come out or the same refusal; a step gives
 * a bounded number of bytes; what zlib's own reader takes whole is taken.
 */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "server/decoder.h"

#define STEP_MAX ((size_t)128 << 10)
#define OUT_MAX ((size_t)8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static tuf_status inflate_in(struct buf *out, tuf_slice all, size_t piece)
{
    struct body_decoder decoder = { .gzip = true };
    tuf_status st = inflateInit2(&decoder.inflater, 31) == Z_OK ? TUF_OK : TUF_E_NOMEM;
    for (size_t at = 0; at < all.len && st == TUF_OK && out->len < OUT_MAX; at += piece) {
        tuf_slice in = tuf_slice_of(all.data + at, all.len - at < piece ? all.len - at : piece);
        while (in.len > 0 && st == TUF_OK && out->len < OUT_MAX) {
            size_t before = out->len, left = in.len;
            st = decoder_step(&decoder, out, &in);
            tuf_assert(out->len - before <= STEP_MAX);
            tuf_assert(st != TUF_OK || in.len < left || out->len > before);
        }
    }
    if (st == TUF_OK && out->len < OUT_MAX)
        st = decoder_end(&decoder);
    decoder_release(&decoder);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = { 1, 7, 4096 };
    tuf_slice all = tuf_slice_of(data, size);
    struct buf whole = BUF_INIT;
    tuf_status want = inflate_in(&whole, all, size + 1);
    tuf_assert(want == TUF_OK || want == TUF_E_INVALID || want == TUF_E_NOMEM);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        struct buf parts = BUF_INIT;
        tuf_status st = inflate_in(&parts, all, pieces[i]);
        if (whole.len < OUT_MAX && parts.len < OUT_MAX) {
            tuf_assert(st == want);
            tuf_assert(st != TUF_OK || slice_equal(buf_slice(&parts), buf_slice(&whole)));
        }
        tufi_buf_release(&parts);
    }
    tufi_buf_release(&whole);
    return 0;
}
