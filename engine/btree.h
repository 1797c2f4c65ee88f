/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one copy-on-write B+tree for all indexes. Keys and values are byte strings; keys order by
 * memcmp, shorter first. Inner entries carry the sum of a reduction over their subtree.
 *
 * A tree version is a struct btree (a root reference). Reading needs no lock. A writer works in a
 * transaction: nodes made in it are changed in place, all others are copied first, and the nodes
 * they replace are retired; they are freed when no live version can reach them.
 *
 * A child reference is either clean (file offset, length, checksum; loaded through the node cache)
 * or dirty (a node in memory that is not in the file yet).
 *
 * Source: Bayer & McCreight 1972; copy-on-write as in LMDB and CouchDB; the retire lists follow the
 * dead-lists of ZFS.
 * Not here: how nodes look in the file (fileformat/node.h); where they are written (checkpoint.c).
 */
#ifndef ENGINE_BTREE_H
#define ENGINE_BTREE_H

#include "base/buf.h"
#include "base/bytes.h"
#include "fileformat/place.h"

struct btree_env;
struct bnode;

/* Contribution of one leaf entry to the reduction. Must be a function of the bytes alone. */
typedef void btree_reduce_fn(struct reduction *out, tuf_slice key, tuf_slice value);

struct node_ref {
    uint64_t off;      /* file offset of the encoded node; 0 while dirty */
    uint32_t len;      /* bytes in the file */
    uint32_t crc;      /* CRC-32C of those bytes */
    struct bnode *mem; /* the node itself while dirty, else NULL */
};

/* A version of a tree. Copying the struct copies the version. */
struct btree {
    struct node_ref root;   /* off == 0 && mem == NULL: empty tree */
    struct reduction total;
    uint64_t entry_count;
    uint32_t height;        /* 0: empty; 1: the root is a leaf */
    uint8_t kind;           /* index into the env's reduce functions */
};

#define BTREE_KINDS_MAX 4
#define BTREE_KEY_SIZE_MAX 17000
#define BTREE_VALUE_SIZE_MAX (16u << 20)
#define BTREE_HEIGHT_MAX 32

struct btree_config {
    /* Reads exactly len bytes of the file at off. */
    tuf_status (*read)(void *ctx, void *buf, size_t len, uint64_t off);
    void *ctx;
    btree_reduce_fn *reduce[BTREE_KINDS_MAX]; /* NULL: all zero */
    size_t cache_size;  /* bytes of clean nodes to keep */
    size_t node_size;   /* target bytes of an encoded node; default 8192 */
};

tuf_status tufi_btree_env_new(struct btree_env **out, const struct btree_config *config);
/* No version may be live. */
void tufi_btree_env_free(struct btree_env **env);

/* Bytes of dirty nodes in memory that the newest version reaches; bytes in the clean cache. */
size_t tufi_btree_dirty_size(const struct btree_env *env);
size_t tufi_btree_cache_used(const struct btree_env *env);
/* Wanted nodes that the cache had, and had not. */
void tufi_btree_cache_count(uint64_t *hits_out, uint64_t *misses_out, struct btree_env *env);

/* ---- versions: which nodes may be freed ------------------------------------------------------ */

/*
 * Versions are numbered by the writer, increasing. The newest published one is always live;
 * readers keep older ones alive by holding them. Threads: any; one mutex inside.
 */
struct btree_version {
    uint64_t number;
    struct btree trees[BTREE_KINDS_MAX];
    void *owner_data; /* of the engine; copied at publish */
};
/* Takes the newest published version; it stays valid until released. Never fails. */
const struct btree_version *tufi_btree_acquire(struct btree_env *env);
/* The same with the oldest one that is live. */
const struct btree_version *tufi_btree_acquire_oldest(struct btree_env *env);
void tufi_btree_ref(struct btree_env *env, const struct btree_version *version);
void tufi_btree_release(struct btree_env *env, const struct btree_version *version);

/* ---- writing --------------------------------------------------------------------------------- */

struct btree_txn; /* one at a time per env; the engine's writer lock guards it */

/* Starts from the newest version. */
tuf_status tufi_btree_txn_begin(struct btree_txn **out, struct btree_env *env);
/* The working trees: read them with tufi_btree_find on &trees[kind]; change with put/remove. */
struct btree *tufi_btree_txn_tree(struct btree_txn *txn, unsigned kind);
struct btree_env *tufi_btree_txn_env(const struct btree_txn *txn);
/* Inserts or replaces; key and value must not point into the tree. Returns E_NOMEM, E_CORRUPT,
 * E_IO, E_LIMIT: then the txn must be aborted. */
tuf_status tufi_btree_put(struct btree_txn *txn, unsigned kind, tuf_slice key, tuf_slice value);
/* TUF_NOT_FOUND if absent. */
tuf_status tufi_btree_remove(struct btree_txn *txn, unsigned kind, tuf_slice key);
/*
 * Makes the txn's trees the newest version; frees the txn. Cannot fail.
 *   free_owner  called (maybe later, on any thread) when the version is freed; may be NULL
 */
void tufi_btree_txn_publish(struct btree_txn **txn, void *owner_data,
                            void (*free_owner)(void *owner_data));
/* Frees the txn and everything made in it; the newest version is unchanged. */
void tufi_btree_txn_abort(struct btree_txn **txn);

/*
 * Writes all dirty nodes of the txn's trees, children before parents, in key order, and makes all
 * references clean. Nothing but publish or abort may follow on this txn.
 *   append  receives the encoded node and gives back its file offset (never 0)
 * Returns: TUF_OK; what append returned; E_NOMEM, E_CORRUPT, E_IO: then the txn must be aborted.
 */
typedef tuf_status btree_append_fn(void *ctx, tuf_slice encoded, uint64_t *off_out);
tuf_status tufi_btree_txn_write(struct btree_txn *txn, btree_append_fn *append, void *ctx);

/* ---- reading --------------------------------------------------------------------------------- */

/* Holds a node in memory so that slices into it stay valid. */
struct btree_pin {
    struct bnode *node; /* NULL: nothing held */
};
#define BTREE_PIN_INIT { 0 }
void tufi_btree_unpin(struct btree_env *env, struct btree_pin *pin);

/* value_out is borrowed until unpin; that of a txn's tree until its next change, if that is
 * earlier. TUF_NOT_FOUND; E_CORRUPT, E_IO, E_NOMEM. */
tuf_status tufi_btree_find(struct btree_env *env, const struct btree *tree, tuf_slice key,
                           tuf_slice *value_out, struct btree_pin *pin);

/* Sum over all entries with key < `key` (<= if inclusive), and their number. O(height). */
tuf_status tufi_btree_rank(struct btree_env *env, const struct btree *tree, tuf_slice key,
                           bool inclusive, struct reduction *sum_out, uint64_t *count_out);

/*
 * A cursor over a version. It pins the nodes it stands on; the tree's version must stay acquired.
 */
struct btree_cursor;
tuf_status tufi_btree_cursor_new(struct btree_cursor **out, struct btree_env *env,
                                 const struct btree *tree);
void tufi_btree_cursor_free(struct btree_cursor **cursor);
/* Stands before the first entry with key >= `key`, so that next delivers it... */
tuf_status tufi_btree_seek(struct btree_cursor *cursor, tuf_slice key);
/* ...or at the start / at the end of the tree. */
tuf_status tufi_btree_seek_first(struct btree_cursor *cursor);
tuf_status tufi_btree_seek_last(struct btree_cursor *cursor);
/* Delivers the entry after / before the position and moves over it. Slices are borrowed until the
 * next call on the cursor. TUF_END; E_CORRUPT, E_IO, E_NOMEM. */
tuf_status tufi_btree_next(struct btree_cursor *cursor, tuf_slice *key_out, tuf_slice *value_out);
tuf_status tufi_btree_prev(struct btree_cursor *cursor, tuf_slice *key_out, tuf_slice *value_out);
/*
 * Moves forward (or back) over entries until `amount` of reduction slot `slot` has been passed,
 * using whole subtrees; stops early before the entry whose key reaches `bound` (NULL: none;
 * forward: stops before keys >= bound; backward: before keys < bound).
 *   passed_out  amount passed
 */
tuf_status tufi_btree_skip(struct btree_cursor *cursor, bool backward, unsigned slot,
                           uint64_t amount, const tuf_slice *bound, uint64_t *passed_out);

/* ---- verifying ------------------------------------------------------------------------------- */

struct btree_finding {
    uint64_t off;      /* of the node, 0 if dirty */
    tuf_status status; /* E_CORRUPT, or E_IO if the node could not be read, which is the last error */
    const char *text;
};
/*
 * Walks a whole tree: checksums, key order, separators, uniform depth, reductions, entry count.
 * Continues past damaged subtrees.
 *   found    called for each violation
 *   entry    called for each entry, in order; may be NULL; non-zero stops
 *   node     called for each clean node (its place in the file); may be NULL
 */
struct btree_check_sink {
    void (*found)(void *ctx, const struct btree_finding *finding);
    tuf_status (*entry)(void *ctx, tuf_slice key, tuf_slice value);
    void (*node)(void *ctx, uint64_t off, uint32_t len);
    void *ctx;
};
tuf_status tufi_btree_check(struct btree_env *env, const struct btree *tree,
                            const struct btree_check_sink *sink);

#endif
