/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the Range header of a request for bytes. Pure: no request, no answer.
 */
#ifndef SERVER_HANDLERS_RANGES_H
#define SERVER_HANDLERS_RANGES_H

#include "tuffet/types.h"

/* So many ranges are served; a request for more gets everything. */
#define RANGES_MAX 9

struct byte_range {
    uint64_t from;
    uint64_t to; /* inclusive, >= from */
};

struct ranges {
    struct byte_range items[RANGES_MAX];
    size_t count;
};

enum ranges_result {
    RANGES_NONE, /* no range, a malformed one, or too many: answer with everything */
    RANGES_OK,   /* 1..RANGES_MAX ranges */
    RANGES_BAD,  /* cannot be satisfied: 416 */
};

/*
 * Reads "bytes=0-9,20-,-5" for a resource of `length` bytes, as CouchDB does: an end past the last
 * byte is cut; a suffix longer than the resource is taken for one of length - 1 bytes; "0-" means
 * everything.
 */
enum ranges_result ranges_parse(struct ranges *out, tuf_slice header, uint64_t length);

#endif
