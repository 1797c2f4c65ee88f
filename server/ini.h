/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the text of ini files: reading lines, and changing one key without touching the rest.
 *
 * Source: CouchDB's config: "[section]", "key = value", ';' begins a comment at a line's start or
 * after white space, an empty value removes a key that an earlier file set.
 */
#ifndef SERVER_INI_H
#define SERVER_INI_H

#include "base/buf.h"
#include "tuffet/types.h"

/* Slices are borrowed from the text. A non-OK return stops the reading and is forwarded. */
typedef tuf_status ini_visitor(tuf_slice section, tuf_slice key, tuf_slice value, void *ctx);

/* Returns: TUF_OK; E_INVALID with the line number in the text, also when the visitor returned it;
 * what else the visitor returned. */
tuf_status ini_read(tuf_slice text, ini_visitor *visitor, void *ctx);

/* Appends to `out` the text with one key set (value NULL data: set to nothing). */
void ini_change(struct buf *out, tuf_slice text, const char *section, const char *key,
                tuf_slice value);

/* Whether they can be written without making other lines: no control characters, and so on. */
bool ini_key_ok(const char *section, const char *key);
bool ini_value_ok(tuf_slice value);

#endif
