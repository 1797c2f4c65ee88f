/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: Mango selectors: compiles a JSON selector and matches documents against it; picks the
 * fields of a document.
 *
 * A selector becomes a tree whose leaves are conditions on one path. Negations are pushed down to
 * the leaves, where $lt turns into $gte and so on; what has no opposite is wrapped. A missing field
 * fails every condition but {"$exists":false}, also a negated one.
 *
 * INV-SEL-1: a compiled selector is read-only: threads may share it.
 * INV-SEL-2: a regular expression runs within limits; one that exceeds them does not match.
 * Source: CouchDB's mango_selector (rules and texts of errors).
 * Not here: indexes and _find; $text (there is no text index).
 */
#ifndef SERVER_SELECTOR_H
#define SERVER_SELECTOR_H

#include "base/buf.h"
#include "server/jval.h"

struct selector;

/*
 * Compiles a selector.
 *   value  a JSON object; borrowed: it must outlive the selector
 * Returns: TUF_OK; E_INVALID with CouchDB's text and kind "bad_arg", "invalid_operator",
 *          "not_supported", "invalid_selector" or "invalid_field_name"; E_LIMIT (nested too
 *          deeply); E_NOMEM.
 * Ownership: free with selector_free.
 */
tuf_status selector_new(struct selector **out, const struct jval *value);
void selector_free(struct selector **selector);

/* Whether a document, special members included, fulfils the selector. Any thread. */
bool selector_matches(const struct selector *selector, const struct jval *doc);

/*
 * A list of paths such as ["_id","a.b"].
 *   paths  a JSON array of strings, borrowed
 */
struct field_list {
    const tuf_slice *const *paths; /* each a NULL-data terminated list of names, in the arena */
    size_t count;                  /* 0: all of the document */
};

/* Returns: TUF_OK; E_INVALID (kind "invalid_field" or "invalid_field_name"); E_NOMEM. */
tuf_status field_list_parse(struct field_list *out, struct arena *arena, const struct jval *paths);

/* Appends the object made of the fields that the document has, in the order of the list. */
tuf_status field_list_write(struct buf *out, const struct field_list *fields,
                            const struct jval *doc, struct arena *scratch);

#endif
