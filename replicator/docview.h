/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what a replication must know of a document, found in one pass over its text, which stays as it
 * is.
 *
 * Not here: whether the document can be stored: the target says that.
 */
#ifndef REPLICATOR_DOCVIEW_H
#define REPLICATOR_DOCVIEW_H

#include "json/iter.h"

/* Values as they were written; empty if the member is absent. Of repeated ones the last. */
struct doc_view {
    tuf_slice id, rev, revisions, attachments;
};

/* Returns: TUF_OK; E_INVALID (no object). */
tuf_status repl_doc_view(struct doc_view *out, tuf_slice doc);

/* Whether a value is the string literal of a text. */
bool repl_literal_is(tuf_slice value, const char *text);

/* Whether the document is the one of that id, with a revision and a history. */
bool repl_doc_is(const struct doc_view *view, const char *id);

/* Whether it has attachments. */
bool repl_doc_has_atts(const struct doc_view *view);

/* The text of a revision's literal, NUL-terminated; NULL if it is no string of reasonable length. Free
 * with tufi_free. */
char *repl_literal_text(tuf_slice value);

#endif
