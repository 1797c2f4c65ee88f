/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the revision id of an interactive edit, the same that CouchDB gives to the same edit.
 *
 * Source: CouchDB's couch_db module: the MD5 of the term [Deleted, OldStart, OldRev, Body, Atts]
 * (fileformat/FORMAT.md, "Revision ids").
 * Not here: the term of the body (json/etf.c).
 */
#ifndef ENGINE_REVID_H
#define ENGINE_REVID_H

#include <stdbool.h>

#include "tuffet/types.h"

/* What the hash takes of an attachment. */
struct revid_att {
    tuf_slice name;
    tuf_slice type;  /* not empty: "application/octet-stream" if none was given */
    uint8_t md5[16]; /* of the stored bytes */
    bool hidden;     /* only that it is there counts (see tufi_edit_hash) */
};

/*
 * Computes the id of the revision that follows parent.
 *   deleted         whether the edit deletes the document
 *   parent_or_null  the parent; NULL for a first revision
 *   etf_body        term bytes of the body (scanned_doc.etf)
 *   atts            in document order
 * Returns: TUF_OK; E_NOMEM, E_INTERNAL (no MD5 in the crypto library).
 * Threads: any.
 */
tuf_status tufi_revid_hash(uint8_t out[16], bool deleted, const tuf_rev *parent_or_null,
                           tuf_slice etf_body, const struct revid_att *atts, size_t count);

#endif
