/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: reads the Erlang lists that some of CouchDB's settings are: [{section, key}, "text", ...].
 */
#ifndef SERVER_ERL_LIST_H
#define SERVER_ERL_LIST_H

#include "base/buf.h"
#include "tuffet/types.h"

struct erl_list {
    const uint8_t *at, *end;
    bool bad; /* it is no such list; sticky */
};

/* Starts at the bracket; an empty text is an empty list. */
struct erl_list erl_list_begin(tuf_slice text);

/*
 * The next item: an atom or string, or a pair of them. Both buffers are cleared first; `second`
 * stays empty for what is no pair.
 * Returns false at the end, and when the list is bad.
 */
bool erl_list_next(struct buf *first, struct buf *second, struct erl_list *list);

#endif
