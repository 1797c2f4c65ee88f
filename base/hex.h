/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: hexadecimal and base64 text.
 */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include "base/buf.h"

/* Writes 2 * len lower-case digits, no NUL. */
void tufi_hex_encode(char *out, const uint8_t *data, size_t len);
/* Reads len / 2 bytes from len digits of any case; false if one is no digit or len is odd. */
bool tufi_hex_decode(uint8_t *out, const char *text, size_t len);

/* Standard base64 with padding (RFC 4648 section 4). */
void tufi_base64_encode(struct buf *out, tuf_slice data);
/* Bytes written by encoding len bytes. */
size_t tufi_base64_size(size_t len);
/* Decodes as CouchDB does: white space is skipped, anything else that is not the alphabet or
 * misplaced padding is refused. Returns false on bad input or (out->failed) no memory. */
bool tufi_base64_decode(struct buf *out, tuf_slice text);
/* URL alphabet without padding (RFC 4648 section 5); decoding accepts padding. */
void tufi_base64url_encode(struct buf *out, tuf_slice data);
bool tufi_base64url_decode(struct buf *out, tuf_slice text);

#endif
