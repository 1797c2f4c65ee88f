/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: multipart bodies (RFC 2046): an incremental parser that keeps no more than one boundary
 * and one part's header block in memory, and the pieces of a writer.
 *
 * INV-MP-1: bytes given to part_data are the part's bytes exactly: never a part of a boundary.
 * INV-MP-2: the parser holds at most MULTIPART_HEAD_MAX bytes between calls.
 * Not here: what the parts mean (server/handlers/, replicator/openrevs.c). A part that is multipart itself is parsed by
 * a second parser fed from part_data.
 */
#ifndef REPLICATOR_MULTIPART_H
#define REPLICATOR_MULTIPART_H

#include "base/buf.h"
#include "replicator/header.h"
#include "tuffet/types.h"

#define MULTIPART_BOUNDARY_MAX 200
#define MULTIPART_HEAD_MAX 16384
#define MULTIPART_PARTS_MAX 100000

/* Each returns TUF_OK to go on; anything else stops the parser, which forwards it. */
struct multipart_events {
    tuf_status (*part_begin)(const struct header *headers, size_t count, void *ctx);
    tuf_status (*part_data)(tuf_slice bytes, void *ctx);
    tuf_status (*part_end)(void *ctx);
};

struct multipart; /* the parser */

/*
 *   content_type  value of the Content-Type header; its boundary parameter is taken
 * Returns: TUF_OK; E_INVALID (kind "bad_request") without a usable boundary; E_NOMEM.
 */
tuf_status multipart_new(struct multipart **out, tuf_slice content_type,
                         const struct multipart_events *events, void *ctx);
void multipart_free(struct multipart **mp);

/* Bytes in pieces of any size. Returns: TUF_OK; E_INVALID; E_LIMIT; what an event returned. What
 * comes after the closing boundary is ignored. */
tuf_status multipart_feed(struct multipart *mp, tuf_slice bytes);
/* Whether the closing boundary was seen: a handler may answer without waiting for the epilogue. */
bool multipart_is_done(const struct multipart *mp);
/* At the end of the body. Returns: TUF_OK; E_INVALID if the closing boundary never came. */
tuf_status multipart_finish(struct multipart *mp);

/*
 * A parameter of a header value such as boundary=x or filename="y" (quotes and \-escapes undone).
 * Appends to out; false if there is none or it is malformed.
 */
bool header_param(struct buf *out, tuf_slice value, const char *name);

/* 32 hexadecimal digits and a NUL, random. */
#define BOUNDARY_SIZE 33
void multipart_make_boundary(char out[BOUNDARY_SIZE]);

/* CRLF "--" boundary (without the leading CRLF when first); the caller then writes header lines
 * with multipart_header and the empty line with multipart_head_end. */
void multipart_open_part(struct buf *out, const char *boundary, bool first);
/* "Name: value" CRLF; CR, LF and NUL in the value become spaces. */
void multipart_header(struct buf *out, const char *name, tuf_slice value);
void multipart_head_end(struct buf *out);
/* CRLF "--" boundary "--". */
void multipart_close(struct buf *out, const char *boundary);

#endif
