/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a second, plain implementation of what a database does, to compare the library with: arrays
 * that are sorted and searched from end to end, revision trees as lists of whole paths, copies
 * instead of versions. Written from the description of CouchDB's semantics, not from engine/.
 *
 * INV-REF-1: documents are sorted by id.
 * INV-REF-2: each path goes from a leaf to the oldest revision that is kept; no leaf is inside
 * another path. INV-REF-3: doc->nodes holds exactly the revisions that occur in doc->paths.
 *
 * It uses nothing of the library but the value types and the status codes.
 */
#ifndef TESTS_MODEL_REFERENCE_H
#define TESTS_MODEL_REFERENCE_H

#include "tuffet/types.h"

#define REF_IDS 24 /* different document ids */
#define REF_LOCALS 4
#define REF_META 3
#define REF_ATTS_MAX 3 /* different attachment names */
#define REF_BODY_SIZE_MAX 512

struct ref_rev {
    uint64_t gen;
    uint8_t len; /* bytes of id */
    uint8_t id[16];
};

/* An attachment's content is made from its seed and length. */
struct ref_att {
    uint8_t name; /* 0..REF_ATTS_MAX-1 */
    uint8_t type; /* see ref_type_text */
    uint32_t seed;
    uint32_t len;
    uint64_t revpos;
};

struct ref_node {
    struct ref_rev rev;
    bool stored; /* its body was written here */
    bool deleted;
    uint32_t body; /* number that makes the body */
    uint8_t att_count;
    struct ref_att atts[REF_ATTS_MAX];
};

/* Newest first. */
struct ref_path {
    struct ref_rev *revs; /* owned */
    size_t count;
};

struct ref_doc {
    uint8_t id;
    uint64_t seq;
    struct ref_path *paths; /* owned; in winning order of their leaves */
    size_t path_count;
    struct ref_node *nodes; /* owned */
    size_t node_count;
};

struct ref_local {
    bool exists;
    uint64_t rev;
    uint32_t body;
};

struct ref_purge {
    uint64_t purge_seq;
    uint8_t id;
    struct ref_rev *revs; /* owned */
    size_t rev_count;
};

struct ref_db {
    struct ref_doc *docs; /* owned, sorted */
    size_t doc_count;
    struct ref_local locals[REF_LOCALS];
    bool meta_set[REF_META];
    uint32_t meta[REF_META];
    uint64_t update_seq, purge_seq;
    uint32_t revs_limit, purged_infos_limit;
    struct ref_purge *purges; /* owned */
    size_t purge_count;
    int gzip_level; /* 0: attachments are stored as they come */
};

struct ref_edit_att {
    struct ref_att att;
    bool stub; /* take it from the parent: only the name counts */
};

struct ref_edit {
    uint8_t id; /* of a document, or of a local document */
    bool local;
    bool replicated;
    bool deleted;
    bool has_rev;
    struct ref_rev rev; /* parent, when not replicated */
    uint64_t local_rev;
    struct ref_path path; /* replicated: owned */
    uint32_t body;
    uint8_t att_count;
    struct ref_edit_att atts[REF_ATTS_MAX];
};

struct ref_result {
    tuf_status status;
    bool stored;
    uint64_t seq;
    struct ref_rev rev;
};

void ref_init(struct ref_db *db);
void ref_release(struct ref_db *db);
void ref_copy(struct ref_db *to, const struct ref_db *from);

/* Texts of the numbers above. */
const char *ref_id_text(uint8_t id);
const char *ref_local_text(uint8_t id);
const char *ref_att_name(uint8_t name);
const char *ref_type_text(uint8_t type);
/* The body as it is stored; room for REF_BODY_SIZE_MAX bytes. */
void ref_body_text(char *out, uint32_t body);
/* Fills in att->len bytes. */
void ref_att_bytes(uint8_t *out, const struct ref_att *att);
/* Whether, and to what, an attachment is compressed: out (owned by the caller) gets the bytes. */
bool ref_att_stored(uint8_t **out, size_t *len_out, const struct ref_att *att, int gzip_level);

int ref_rev_compare(const struct ref_rev *a, const struct ref_rev *b);
struct ref_doc *ref_find(const struct ref_db *db, uint8_t id);
struct ref_node *ref_node_of(const struct ref_doc *doc, const struct ref_rev *rev);
/* The winner's node. */
struct ref_node *ref_winner(const struct ref_doc *doc);
uint64_t ref_live_count(const struct ref_db *db);

/* TUF_OK with results, or TUF_MISSING_STUB and nothing changed. */
tuf_status ref_commit(struct ref_db *db, const struct ref_edit *edits, size_t count,
                      struct ref_result *results);
/* Forgets leaves; says for each whether it was one. */
void ref_purge(struct ref_db *db, uint8_t id, const struct ref_rev *revs, size_t count,
               bool *purged_out);

/* Forgets all but the ids of the revisions that are no leaves. */
void ref_compact(struct ref_db *db);

/* reference_rev.c: the revision id of an interactive edit. */
void ref_rev_id(uint8_t out[16], const struct ref_edit *e, const struct ref_rev *parent,
                const struct ref_node *node, int gzip_level);

#endif
