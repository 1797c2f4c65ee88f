/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see server/decoder.h.
 */
#include "server/decoder.h"

#include "base/arith.h"

#define INFLATE_STEP ((size_t)65536)
#define INPUT_STEP ((size_t)16384)

static tuf_status not_gzip(void)
{
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Request body is not properly gzipped.");
}

bool decoder_start(struct body_decoder *decoder, struct request *req)
{
    tuf_slice coding;
    if (!request_header(&coding, req, "Content-Encoding") || slice_is(coding, "identity"))
        return true;
    if (!slice_is(coding, "gzip")) {
        reply_errorf(req, 415, "bad_content_type", "%.*s is not a supported content encoding.",
                     (int)coding.len, (const char *)coding.data);
        return false;
    }
    if (inflateInit2(&decoder->inflater, 15 + 16) != Z_OK) {
        reply_status(req, tufi_nomem());
        return false;
    }
    decoder->gzip = true;
    return true;
}

tuf_status decoder_step(struct body_decoder *decoder, struct buf *out, tuf_slice *in)
{
    z_stream *inflater = &decoder->inflater;
    uint8_t input[INPUT_STEP]; /* zlib's input is not const */
    size_t len = min_size(in->len, sizeof(input));
    if (decoder->ended)
        return not_gzip();
    if (!tufi_buf_reserve(out, INFLATE_STEP))
        return tufi_nomem();
    memcpy(input, in->data, len);
    inflater->next_in = input;
    inflater->avail_in = (uInt)len;
    inflater->next_out = out->data + out->len;
    inflater->avail_out = (uInt)INFLATE_STEP;
    int result = inflate(inflater, Z_NO_FLUSH);
    out->len += INFLATE_STEP - inflater->avail_out;
    *in = tuf_slice_of(in->data + (len - inflater->avail_in), in->len - (len - inflater->avail_in));
    decoder->ended = result == Z_STREAM_END;
    return result == Z_OK || result == Z_STREAM_END ? TUF_OK : not_gzip();
}

tuf_status decoder_end(const struct body_decoder *decoder)
{
    return decoder->gzip && !decoder->ended ? not_gzip() : TUF_OK;
}

void decoder_release(struct body_decoder *decoder)
{
    if (decoder->gzip)
        inflateEnd(&decoder->inflater);
    decoder->gzip = false;
}
