/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the small value types shared by every public header: byte slices and revisions.
 */
#ifndef TUFFET_TYPES_H
#define TUFFET_TYPES_H

#include <stdbool.h>
#include <string.h>

#include "tuffet/status.h"

/* Borrowed bytes. `data` may be NULL only when len is 0. Not NUL-terminated. */
typedef struct tuf_slice {
    const uint8_t *data;
    size_t len; /* bytes */
} tuf_slice;

static inline tuf_slice tuf_slice_of(const void *data, size_t len)
{
    tuf_slice s;
    s.data = (const uint8_t *)data;
    s.len = len;
    return s;
}

/* A slice of a NUL-terminated string, without its NUL. */
static inline tuf_slice tuf_str(const char *text)
{
    return tuf_slice_of(text, strlen(text));
}

/* Longest revision id in bytes after decoding (a usual one has 16). */
#define TUF_REV_ID_SIZE_MAX 255
/* Room for any formatted revision and its NUL: 20 digits, dash, 255 bytes. */
#define TUF_REV_TEXT_SIZE 278
/* Longest document id in bytes. */
#define TUF_ID_SIZE_MAX 16384

/*
 * A revision "gen-id". `id` is borrowed. 32 hexadecimal digits in the text form are 16 raw bytes
 * here; a text of any other length is kept verbatim, as CouchDB does.
 */
typedef struct tuf_rev {
    uint64_t gen; /* generation, from 1; 0 only in local documents */
    tuf_slice id; /* 1..TUF_REV_ID_SIZE_MAX bytes */
} tuf_rev;

/* A revision together with the storage of its id. */
typedef struct tuf_revbuf {
    tuf_rev rev;                         /* rev.id.data points at bytes: do not copy by value */
    uint8_t bytes[TUF_REV_ID_SIZE_MAX];
} tuf_revbuf;

/*
 * Parses "12-9f86..." or "1-x".
 *   out   receives the revision; it borrows its own storage
 *   text  the text form
 * Returns: TUF_OK; TUF_E_INVALID ("Invalid rev format") for a missing dash, a generation that is
 *          no integer in 0..2^53 (0 is a local document's), an empty or too long id, or, above
 *          generation 0, 32 characters that are not hex.
 * Ownership: out owns its bytes.
 * Threads: any.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_rev_parse(tuf_revbuf *out, tuf_slice text);

/*
 * Writes the text form of a revision, NUL-terminated.
 *   out  TUF_REV_TEXT_SIZE bytes
 * Returns: the length without the NUL.
 * Threads: any.
 * Since: 0.1
 */
TUF_API size_t tuf_rev_format(char out[TUF_REV_TEXT_SIZE], tuf_rev rev);

/*
 * Orders revisions as CouchDB ranks them: by generation, then by id bytes.
 * Returns: below, equal to, or above 0.
 * Threads: any.
 * Since: 0.1
 */
TUF_API int tuf_rev_compare(tuf_rev a, tuf_rev b);

#endif
