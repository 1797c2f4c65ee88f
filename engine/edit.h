/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: an edit on its way from the caller's text to the log.
 *
 *   parse (edit.c)      any thread: text -> members, canonical body
 *   prepare (prepare.c) caller's thread: compress, store large attachments, find stubs, hash
 *   place (place.c)     under the writer lock: judge, number, append, apply
 */
#ifndef ENGINE_EDIT_H
#define ENGINE_EDIT_H

#include "engine/db.h"
#include "json/docscan.h"

enum edit_att_state {
    EDIT_ATT_BYTES,  /* inline data, not compressed yet: in `bytes` */
    EDIT_ATT_STORED, /* compressed, small: in `bytes`, written with the commit */
    EDIT_ATT_STUB,   /* refers to the parent's attachment of the same name */
    EDIT_ATT_FOLLOW, /* waits for tuf_edit_set_follow */
    EDIT_ATT_PLACED, /* data.loc is known */
};

struct edit_att {
    enum edit_att_state state;
    tuf_slice name;    /* in the edit's arena, as all slices here */
    tuf_slice type;
    bool has_revpos;
    bool keep_revpos;  /* revpos was taken from the parent */
    uint64_t revpos;
    struct buf bytes;  /* owned */
    struct att_data data;
    struct store_hold hold; /* on the file that has data.loc, once placed */
    bool from_past;    /* data.loc is of a revision that was no leaf: nothing keeps its bytes */
    tuf_follow follow; /* what was declared, for EDIT_ATT_FOLLOW */
    bool was_follow;
    bool late;         /* a stub that was resolved under the lock */
};

#define EDIT_MAGIC 0x7475666564303031u

struct tuf_edit {
    uint64_t magic;
    bool replicated;
    bool local;
    bool deleted;
    bool has_rev;           /* interactive: a parent is given */
    bool hashed;            /* `hash` is right for parent_hashed */
    bool superseded;        /* replicated: another edit of the call descends from it */
    bool is_packed;         /* `packed` is the body's; `body` and `etf` may be gone */
    struct arena arena;
    tuf_slice id;           /* without "_local/" if local */
    tuf_slice full_id;
    tuf_revbuf rev;         /* parent of an interactive edit; own revision of a replicated one */
    tuf_slice *path;        /* replicated: ids from the own revision back */
    size_t path_count;
    struct buf body;        /* canonical text */
    struct buf etf;         /* interactive: term bytes of the body */
    struct edit_att *atts;
    size_t att_count, att_cap;
    struct buf packed;      /* stored form of the body */
    size_t body_len;        /* of the canonical text, once packed */
    enum body_codec codec;
    uint8_t hash[16];
    tuf_edit_result result;
    tuf_revbuf result_rev;
};

/* Marks the replicated edits of a call that others of it descend from: they are not stored. */
tuf_status tufi_edits_mark_superseded(tuf_edit *const *edits, size_t edit_count);

/* Does everything that needs no lock. Returns TUF_OK; TUF_MISSING_STUB; failures. */
tuf_status tufi_edit_prepare(tuf_edit *e, tuf_db *db, tuf_snapshot *snapshot);

/* Notes which file holds a placed attachment that a snapshot held now has, or that is new. */
void tufi_edit_att_set_store(struct edit_att *att, struct store *store);

/* Places one edit in a commit: sets its result. A negative status spoils the commit. */
tuf_status tufi_edit_place(struct commit *c, tuf_edit *e);

/*
 * Revision id of an interactive edit with all attachments placed. An edit without a parent of its
 * own that brings a deleted document back stands on the tombstone; CouchDB hashes it anew when it
 * holds the attachments already as they go to its file, of which it then reads neither name, type
 * nor digest. So does this.
 */
tuf_status tufi_edit_hash(uint8_t out[16], const tuf_edit *e, const tuf_rev *parent);

/* Copies what a stub refers to from a record's attachments. TUF_MISSING_STUB if it is not there. */
tuf_status tufi_edit_resolve_stub(struct edit_att *att, const tuf_edit *e,
                                  const struct stored_att *atts, size_t att_count);

/* Apply with the docinfo already at hand (apply.c). info->leaf_count 0: a new document. */
tuf_status tufi_apply_doc_info(struct btree_txn *txn, struct db_view *now,
                               const struct docrec *rec, struct rec_loc loc,
                               struct docinfo *info);

/* The whole-tree record that bounds later walks (place.c, purge.c). */
tuf_status tufi_commit_put_tree(struct commit *c, tuf_slice id, const struct revtree *tree,
                                struct rec_loc *loc_out);

#endif
