/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one "Name: value" line, of a request's head, of its trailers, or of a part of a multipart
 * body, and finding one by name.
 *
 * Not here: reading them (server/head.c, multipart.c); what is sent (server/reply.c).
 */
#ifndef REPLICATOR_HEADER_H
#define REPLICATOR_HEADER_H

#include "base/slice.h"

struct header {
    tuf_slice name;
    tuf_slice value;
};

/* The value of the first header of a name, any case; false and an empty slice if there is none. */
static inline bool header_find(tuf_slice *out, const struct header *headers, size_t count,
                               const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_is_nocase(headers[i].name, name)) {
            *out = headers[i].value;
            return true;
        }
    }
    *out = tuf_slice_of(NULL, 0);
    return false;
}

#endif
