/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: read documents, revisions and lists of documents from a snapshot.
 */
#ifndef TUFFET_DOC_H
#define TUFFET_DOC_H

#include "tuffet/attachment.h"

typedef struct tuf_doc tuf_doc;
typedef struct tuf_cursor tuf_cursor;

/* A leaf of a document's revision tree. */
typedef struct tuf_leaf {
    tuf_rev rev;
    bool deleted;
} tuf_leaf;

/*
 * What the trees know of a document without reading its body. `leaves` is in winning order:
 * leaves[0] is the winner. Slices and arrays are borrowed from whatever filled it.
 */
typedef struct tuf_docinfo {
    tuf_slice id;
    uint64_t seq;           /* of its newest change */
    bool deleted;           /* of the winner */
    size_t leaf_count;      /* from 1; 0 for a local document */
    const tuf_leaf *leaves;
    uint64_t local_rev;     /* N of "0-N" of a local document */
    uint64_t size_external; /* bytes of the leaves before compression, attachments included */
    const void *priv;       /* of the library */
} tuf_docinfo;

/* Whether a revision's body can still be read. */
typedef enum tuf_rev_status {
    TUF_REV_AVAILABLE = 0,
    TUF_REV_MISSING = 1, /* compacted away, or never known */
    TUF_REV_IS_DELETED = 2, /* a tombstone */
} tuf_rev_status;

typedef struct tuf_rev_entry {
    tuf_rev rev;
    tuf_rev_status status;
} tuf_rev_entry;

/*
 * Opens one revision of a document.
 *   doc   in/out: NULL to allocate, or a document to be overwritten (its memory is used again)
 *   id    document id; "_local/..." for a local document
 *   rev   NULL for the winner
 * Returns: TUF_OK; TUF_NOT_FOUND (no such document or revision, or its body is gone);
 *          TUF_DELETED (rev is NULL and the winner is a tombstone); E_CORRUPT, E_IO, E_NOMEM.
 *          *doc is unchanged unless TUF_OK, but a reused one is then empty.
 * Ownership: free with tuf_doc_free. It borrows the snapshot, which must live longer.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_doc_open(tuf_doc **doc, tuf_snapshot *snapshot, tuf_slice id,
                                             const tuf_rev *rev);

/*
 * Opens a leaf that a cursor or tuf_doc_find_info described, without another search.
 *   info      not yet invalidated
 *   leaf_pos  index into info->leaves (0 for a local document)
 * Returns: TUF_OK; E_MISUSE; E_CORRUPT, E_IO, E_NOMEM.
 * Ownership, threads: as tuf_doc_open.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_doc_open_leaf(tuf_doc **doc, tuf_snapshot *snapshot,
                                                  const tuf_docinfo *info, size_t leaf_pos);

/*
 * Frees a document. NULL is allowed.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API void tuf_doc_free(tuf_doc **doc);

/*
 * The entry of a document, without its body.
 *   doc  in/out as in tuf_doc_open: holds the memory that info borrows; it has no body then
 * Returns: TUF_OK (also when the winner is deleted); TUF_NOT_FOUND; E_CORRUPT, E_IO, E_NOMEM.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_doc_find_info(tuf_doc **doc, tuf_snapshot *snapshot,
                                                  tuf_slice id);

/*
 * The entry of an open document.
 * Ownership: borrowed from the document.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API const tuf_docinfo *tuf_doc_info(const tuf_doc *doc);

/*
 * The revision that is open.
 * Ownership: borrowed from the document.
 * Since: 0.1
 */
TUF_API tuf_rev tuf_doc_rev(const tuf_doc *doc);

/*
 * Whether the open revision is a tombstone.
 * Since: 0.1
 */
TUF_API bool tuf_doc_deleted(const tuf_doc *doc);

/*
 * The body: the canonical text of a JSON object without any special member, "{}" at least.
 * Ownership: borrowed from the document.
 * Since: 0.1
 */
TUF_API tuf_slice tuf_doc_body(const tuf_doc *doc);

/*
 * How many attachments the open revision has.
 * Since: 0.1
 */
TUF_API size_t tuf_doc_att_count(const tuf_doc *doc);

/*
 * Describes the pos-th attachment.
 * Returns: TUF_OK; TUF_END.
 * Ownership: borrowed from the document.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_doc_att(tuf_att_info *out, const tuf_doc *doc, size_t pos);

/*
 * Finds an attachment by name.
 * Returns: TUF_OK with its position; TUF_NOT_FOUND.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_doc_find_att(size_t *pos_out, const tuf_doc *doc,
                                                 tuf_slice name);

/*
 * The history of the open revision, newest first, as far as it is kept. Reads older records.
 * Returns: TUF_OK; E_CORRUPT, E_IO, E_NOMEM.
 * Ownership: borrowed from the document.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_doc_revisions(const tuf_rev_entry **out, size_t *count_out,
                                                  tuf_doc *doc);

/*
 * For each asked revision: whether it is known, and which leaves descend from it.
 *   doc    opened or found by tuf_doc_find_info
 *   found_out  count flags: the revision is somewhere in the tree (NULL if not wanted)
 * Returns: TUF_OK; E_CORRUPT, E_IO, E_NOMEM.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_doc_known_revs(bool *found_out, tuf_doc *doc,
                                                   const tuf_rev *revs, size_t count);

/*
 * The leaves that are a revision or descend from it (for latest=true).
 *   leaf_pos_out  room for info->leaf_count positions in info->leaves
 * Returns: TUF_OK, with *count_out 0 if the revision is unknown; E_CORRUPT, E_IO, E_NOMEM.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_doc_leaves_below(size_t *leaf_pos_out, size_t *count_out,
                                                     tuf_doc *doc, tuf_rev rev);

/* A range of keys. Both bounds are optional and inclusive unless a flag says otherwise. */
typedef struct tuf_range {
    bool has_start, has_end;
    tuf_slice start; /* where iteration begins: the greater key when descending */
    tuf_slice end;   /* where it ends */
    bool exclude_start, exclude_end;
    bool descending;
    bool with_deleted; /* also documents whose winner is deleted */
} tuf_range;

/*
 * A cursor over documents by id, in byte order.
 * Returns: TUF_OK; E_NOMEM.
 * Ownership: free with tuf_cursor_free. It borrows the snapshot.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_cursor_open_ids(tuf_cursor **out, tuf_snapshot *snapshot,
                                                    const tuf_range *range);

/*
 * A cursor over documents by the sequence of their newest change.
 *   since       ascending: starts after it. Descending: ignored, starts at the newest.
 * Returns, ownership, threads: as tuf_cursor_open_ids.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_cursor_open_seqs(tuf_cursor **out, tuf_snapshot *snapshot,
                                                     uint64_t since, bool descending);

/*
 * A cursor over local documents by id; the range's keys begin with "_local/".
 * Returns, ownership, threads: as tuf_cursor_open_ids.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_cursor_open_locals(tuf_cursor **out, tuf_snapshot *snapshot,
                                                       const tuf_range *range);

/*
 * The next document.
 * Returns: TUF_OK; TUF_END; E_CORRUPT, E_IO, E_NOMEM.
 * Ownership: *info_out is borrowed until the next call on this cursor.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_cursor_next(const tuf_docinfo **info_out, tuf_cursor *cursor);

/*
 * Skips documents that tuf_cursor_next would deliver, in O(log n).
 *   skipped_out  how many there were to skip, at most count; may be NULL
 * Returns: TUF_OK; E_CORRUPT, E_IO, E_NOMEM.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_cursor_skip(uint64_t *skipped_out, tuf_cursor *cursor,
                                                uint64_t count);

/*
 * Frees a cursor. NULL is allowed.
 * Since: 0.1
 */
TUF_API void tuf_cursor_free(tuf_cursor **cursor);

/*
 * How many live documents come before an id (or before it from the other end when descending).
 * O(log n).
 * Returns: TUF_OK; E_CORRUPT, E_IO, E_NOMEM.
 * Threads: any.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_snapshot_rank(uint64_t *out, tuf_snapshot *snapshot,
                                                  tuf_slice id, bool inclusive);

/*
 * How many documents have their newest change after a sequence. O(log n).
 * Returns: TUF_OK; E_CORRUPT, E_IO, E_NOMEM.
 * Threads: any.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_snapshot_pending(uint64_t *out, tuf_snapshot *snapshot,
                                                     uint64_t since);

/* One remembered purge. */
typedef struct tuf_purge_info {
    uint64_t purge_seq;
    tuf_slice id;
    const tuf_rev *revs;
    size_t rev_count;
} tuf_purge_info;

typedef tuf_status tuf_purge_visitor(const tuf_purge_info *info, void *ctx);

/*
 * Visits the purge log after a purge sequence, oldest first, until the visitor returns non-zero.
 * Returns: TUF_OK; what the visitor returned; E_CORRUPT, E_IO, E_NOMEM.
 * Ownership: info is borrowed during the visit.
 * Threads: any.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_snapshot_purges(tuf_snapshot *snapshot, uint64_t since,
                                                    tuf_purge_visitor *visitor, void *ctx);

#endif
