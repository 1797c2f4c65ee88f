/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the values of the index trees: what they know of a document without reading its records. Pure.
 *
 *   tree      key                          value
 *   by-id     document id                  docinfo
 *   by-seq    sequence, 8 bytes            sized document id, docinfo
 *   local     'L' + id without "_local/"   localinfo
 *             'M' + name                   value of tuf_db_put_meta
 *             'C' + name                   setting of the engine, a varint; heirinfo
 *             'Q' + offset, 8 bytes        quarantined
 *   purge     purge sequence, 8 bytes      sized document id, revision list
 *
 * INV-DI-1: leaves are in winning order; there is at least one.
 * INV-DI-2: by-id and by-seq hold the same docinfo for each document.
 */
#ifndef FILEFORMAT_DOCINFO_H
#define FILEFORMAT_DOCINFO_H

#include "base/bytes.h"
#include "fileformat/place.h"

enum tree_kind {
    TREE_BY_ID = 0,
    TREE_BY_SEQ = 1,
    TREE_LOCAL = 2,
    TREE_PURGE = 3,
    TREE_KINDS = 4,
};

/* Slots of the by-id reduction. by-seq and local use slot COUNT_LIVE for their number of rows. */
enum reduction_slot {
    COUNT_LIVE = 0,    /* documents whose winner is live */
    COUNT_DELETED = 1, /* documents whose winner is deleted */
    SIZE_ACTIVE = 2,   /* bytes of leaf records and their attachments */
    SIZE_EXTERNAL = 3, /* the same before compression */
};

#define LOCAL_KEY_DOC 'L'
#define LOCAL_KEY_META 'M'
#define LOCAL_KEY_SETTING 'C'
#define LOCAL_KEY_PIN 'P'
#define LOCAL_KEY_QUARANTINE 'Q' /* the greatest */

struct leafinfo {
    tuf_rev rev;
    bool deleted;
    bool has_atts;
    struct rec_loc rec;    /* its document record */
    uint64_t path_len;     /* revisions on its path, itself included; exact for a lone leaf */
    uint64_t att_size;     /* stored bytes of its attachments */
    uint64_t size_external;/* body and attachments before compression */
};

#define DOCINFO_INLINE_LEAVES 4
#define DOCINFO_LEAVES_MAX 100000

struct docinfo {
    uint64_t seq;
    struct rec_loc tree;   /* newest record that describes the revision tree */
    uint64_t chain_len;    /* document records to read for the tree, back to a tree record */
    uint64_t node_count;   /* about how many nodes the tree has */
    size_t leaf_count;
    struct leafinfo *leaves; /* inline_leaves, or heap */
    size_t leaf_cap;         /* of the heap array; 0: inline */
    struct leafinfo inline_leaves[DOCINFO_INLINE_LEAVES];
};

/* Must be called once before any other use; leaves point into the struct: never copy it by value. */
void tufi_docinfo_init(struct docinfo *d);
void tufi_docinfo_release(struct docinfo *d);
/* Room for count leaves, keeping those there are. E_NOMEM. */
tuf_status tufi_docinfo_reserve(struct docinfo *d, size_t count);

void tufi_docinfo_encode(struct buf *out, const struct docinfo *d);
/* Revision ids borrow the bytes. Returns E_CORRUPT, E_NOMEM. */
tuf_status tufi_docinfo_decode(struct docinfo *out, tuf_slice bytes);
/* The value of by-seq. */
void tufi_seqinfo_encode(struct buf *out, tuf_slice id, tuf_slice docinfo);
tuf_status tufi_seqinfo_split(tuf_slice *id_out, tuf_slice *docinfo_out, tuf_slice bytes);

struct localinfo {
    uint64_t rev; /* N of "0-N" */
    struct rec_loc rec;
};
void tufi_localinfo_encode(struct buf *out, const struct localinfo *l);
tuf_status tufi_localinfo_decode(struct localinfo *out, tuf_slice bytes);

/* Bytes that compaction found damaged and keeps aside. Key: 'Q', their offset in the old file. */
struct quarantined {
    struct rec_loc raw; /* chunk record with the bytes; {0, 0}: they could not be read */
    tuf_slice id;       /* of the document (or the key of the local one) */
    tuf_slice text;     /* what is wrong */
};
void tufi_quarantined_encode(struct buf *out, const struct quarantined *q);
/* Slices borrow the bytes. E_CORRUPT. */
tuf_status tufi_quarantined_decode(struct quarantined *out, tuf_slice bytes);

/* What compaction notes in the file that it fills: of which file it is the heir, and how far it is.
 * The key in the local tree is HEIR_KEY. */
#define HEIR_KEY "Ccompaction"
struct heirinfo {
    uint8_t source_uuid[16]; /* file id of the source */
    uint64_t mark_off;       /* end of the source's log when it was synced for this copy... */
    uint32_t mark_crc;       /* ...and header_crc of the frame before that place */
    uint64_t copied_seq;     /* documents whose sequence is not greater are here */
    uint64_t size;           /* bytes of this file when the note was written */
};
void tufi_heirinfo_encode(struct buf *out, const struct heirinfo *h);
tuf_status tufi_heirinfo_decode(struct heirinfo *out, tuf_slice bytes);

/* Reductions of the trees, by enum tree_kind. */
void tufi_reduce_by_id(struct reduction *out, tuf_slice key, tuf_slice value);
void tufi_reduce_by_seq(struct reduction *out, tuf_slice key, tuf_slice value);
void tufi_reduce_local(struct reduction *out, tuf_slice key, tuf_slice value);

#endif
