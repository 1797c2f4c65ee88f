/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: Content-Encoding of a request's body: inflates gzip step by step.
 *
 * A zeroed decoder is one that passes nothing on; decoder_release may be called on it.
 */
#ifndef SERVER_DECODER_H
#define SERVER_DECODER_H

#include <zlib.h>

#include "server/http.h"

struct body_decoder {
    bool gzip; /* else the bytes are the body as it is: do not call decoder_step */
    bool ended;
    z_stream inflater;
};

/* Looks at Content-Encoding. False when it was answered. */
bool decoder_start(struct body_decoder *decoder, struct request *req);

/*
 * Inflates from the front of `in`, which it shortens, appending a few ten KiB at most to `out`.
 * Returns: TUF_OK; E_INVALID (kind "bad_request"); E_NOMEM. Any thread.
 */
tuf_status decoder_step(struct body_decoder *decoder, struct buf *out, tuf_slice *in);

/* Behind the last byte: whether the stream was complete. Returns TUF_OK, E_INVALID as above. */
tuf_status decoder_end(const struct body_decoder *decoder);

void decoder_release(struct body_decoder *decoder);

#endif
