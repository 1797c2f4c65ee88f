/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: codecs of the records inside a commit: document revision, whole revision tree, local document,
 * named value, purge. Pure: no I/O. Byte tables: FORMAT.md.
 *
 * A document record carries one revision and what it adds to the document's revision tree: its own
 * id, the ancestors down to where it joins the known tree, and the place of the record that
 * describes the tree before it. Reading a tree means following these places back to a tree record
 * or to the first record, then merging forward. So an edit costs the same however long the history.
 *
 * Not here: which records are written when (engine/apply.c); the index values (docinfo.h).
 */
#ifndef FILEFORMAT_DOCREC_H
#define FILEFORMAT_DOCREC_H

#include "base/bytes.h"
#include "fileformat/place.h"

enum body_codec {
    BODY_PLAIN = 0,
    BODY_SNAPPY = 1,
    BODY_ZLIB = 2,
};

/* An attachment as a document record lists it. */
struct stored_att {
    tuf_slice name;
    tuf_slice type;
    uint64_t revpos; /* generation in which it last changed */
    struct att_data data;
};

#define DOCREC_ATTS_MAX 100000
#define DOCREC_PATH_MAX 100000

struct docrec {
    uint64_t seq;
    bool deleted;
    tuf_slice id;
    tuf_rev rev;
    const tuf_slice *ancestors; /* newest first: generations rev.gen - 1, rev.gen - 2, ... */
    size_t ancestor_count;
    struct rec_loc prev;        /* record of the tree before; {0,0}: none */
    uint32_t stem_limit;        /* the tree is stemmed to this after the merge; from 1 */
    uint64_t path_len;          /* revisions on this leaf's path, itself included */
    uint64_t node_count;        /* about how many nodes the tree has now */
    const struct stored_att *atts;
    size_t att_count;
    enum body_codec codec;
    uint64_t body_len;          /* of the canonical text */
    tuf_slice body;             /* stored bytes */
};

/* Appends the payload. */
void tufi_docrec_encode(struct buf *out, const struct docrec *r);

/* A decoded record and the arrays it points to. Slices borrow the payload. */
struct docrec_view {
    struct docrec rec;
    tuf_slice *ancestors;      /* owned, reused */
    size_t ancestor_cap;
    struct stored_att *atts;   /* owned, reused */
    size_t att_cap;
};

#define DOCREC_VIEW_INIT { 0 }
void tufi_docrec_view_release(struct docrec_view *v);
/* `off` is the record's place, for messages. Returns E_CORRUPT, E_NOMEM. */
tuf_status tufi_docrec_decode(struct docrec_view *out, tuf_slice payload, uint64_t off);

/* A whole tree: the document's id, then the bytes of tufi_revtree_encode. */
void tufi_treerec_encode(struct buf *out, tuf_slice id, tuf_slice tree);
tuf_status tufi_treerec_decode(tuf_slice *id_out, tuf_slice *tree_out, tuf_slice payload,
                               uint64_t off);

struct localrec {
    tuf_slice id; /* without "_local/" */
    bool removed;
    uint64_t rev; /* N of "0-N" */
    enum body_codec codec;
    uint64_t body_len;
    tuf_slice body;
};
void tufi_localrec_encode(struct buf *out, const struct localrec *r);
tuf_status tufi_localrec_decode(struct localrec *out, tuf_slice payload, uint64_t off);

struct metarec {
    tuf_slice key; /* first byte: a class, see docinfo.h */
    bool removed;
    tuf_slice value;
};
void tufi_metarec_encode(struct buf *out, const struct metarec *r);
tuf_status tufi_metarec_decode(struct metarec *out, tuf_slice payload, uint64_t off);

struct purgerec {
    uint64_t purge_seq;
    tuf_slice id;
    tuf_slice revs;     /* encoded list: count, then gen and sized id of each */
    uint64_t seq;       /* new sequence of the document; 0: it is gone, or was not there */
    bool stays;         /* the document stays as it is; seq is not 0 and docinfo empty */
    tuf_slice docinfo;  /* its new index value; empty: it is gone, or stays */
};
void tufi_purgerec_encode(struct buf *out, const struct purgerec *r);
tuf_status tufi_purgerec_decode(struct purgerec *out, tuf_slice payload, uint64_t off);

/* The list in purgerec.revs and in the purge log. */
void tufi_revlist_encode(struct buf *out, const tuf_rev *revs, size_t count);
/* Decodes into an array to be freed with tufi_free; ids borrow the bytes. E_CORRUPT, E_NOMEM. */
tuf_status tufi_revlist_decode(tuf_rev **out, size_t *count_out, tuf_slice bytes, uint64_t off);

#endif
