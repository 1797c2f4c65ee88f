/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: open, close, commit to and describe a database, which is one file.
 *
 * A tuf_db may be shared by threads. Writers are grouped: callers that commit at the same time
 * share one write and one sync. Readers work on snapshots and never wait for writers.
 */
#ifndef TUFFET_DB_H
#define TUFFET_DB_H

#include "tuffet/types.h"

typedef struct tuf_db tuf_db;
typedef struct tuf_snapshot tuf_snapshot;
typedef struct tuf_edit tuf_edit;
struct tuf_vfs;

enum tuf_open_flags {
    TUF_OPEN_CREATE = 1,    /* create the file if it does not exist */
    TUF_OPEN_EXCLUSIVE = 2, /* with CREATE: outcome TUF_EXISTS if it does */
    TUF_OPEN_RDONLY = 4,    /* no lock, no write, a view of the moment of opening */
};

enum tuf_compression {
    TUF_COMPRESS_SNAPPY = 0,
    TUF_COMPRESS_NONE = 1,
    TUF_COMPRESS_ZLIB = 2,
};

/* Which state of a database to open: what tuf_open_options.at means. */
enum tuf_at {
    TUF_AT_NEWEST = 0,
    TUF_AT_SEQ = 1,        /* after the last commit with no sequence above it */
    TUF_AT_TIME = 2,       /* after the last commit not later: microseconds since the Unix epoch */
    TUF_AT_COMMIT = 3,     /* after the commit of this number */
    TUF_AT_CHECKPOINT = 4, /* at the checkpoint at this file offset: costs two reads, no replay */
};

/* Zero in any field means its default. Start from TUF_OPEN_OPTIONS_INIT. */
typedef struct tuf_open_options {
    size_t struct_size;
    unsigned flags;               /* enum tuf_open_flags */
    uint32_t sector_size;         /* 512 or 4096 (default); fixed when the file is created */
    size_t cache_size;            /* bytes of clean tree nodes kept; default 44 MiB */
    uint64_t checkpoint_log_size; /* bytes of log between checkpoints; default 768 MiB */
    size_t checkpoint_dirty_size; /* bytes of changed nodes kept in memory; default 256 MiB */
    unsigned compression;         /* enum tuf_compression, for bodies written from now on */
    int gzip_level;               /* of compressible attachments: 1..9; default 8; -1 never */
    const char *compressible_types; /* comma list with '*'; NULL: CouchDB's default list */
    const struct tuf_vfs *vfs;    /* NULL: the operating system's files */
    unsigned at_kind;             /* enum tuf_at; only with TUF_OPEN_RDONLY */
    uint64_t at;                  /* see enum tuf_at */
} tuf_open_options;

#define TUF_OPEN_OPTIONS_INIT { .struct_size = sizeof(tuf_open_options) }

/* Counts and sizes of a database at one snapshot. */
typedef struct tuf_db_info {
    size_t struct_size;
    uint64_t update_seq;     /* sequence of the newest change; 0 in an empty database */
    uint64_t purge_seq;      /* number of the newest purge; 0 if none */
    uint64_t doc_count;      /* documents whose winner is not deleted, design documents included */
    uint64_t doc_del_count;  /* documents whose winner is deleted */
    uint64_t local_count;    /* local documents */
    uint64_t size_file;      /* bytes up to the logical end of the file */
    uint64_t size_active;    /* leaf records and stored attachments, exactly; without the index */
    uint64_t size_external;  /* bytes of bodies and attachments before compression */
    uint64_t created_us;     /* creation time, microseconds since the Unix epoch */
    uint32_t revs_limit;     /* revisions kept on each path */
    uint32_t purged_infos_limit; /* purge entries kept */
    uint32_t sector_size;    /* bytes */
    uint8_t uuid[16];        /* identity of the database; compaction keeps it */
    uint64_t commit_count;   /* number of the newest commit */
    uint64_t checkpoint_off; /* file offset of the newest checkpoint */
    uint64_t size_compacted; /* size_file after the last compaction; 0 if there was none */
    uint64_t trim_off;       /* below it what is dead was given back (tuf_db_trim); 0: nothing was */
    uint64_t checkpoint_us;  /* when the newest checkpoint was written, as created_us; 0: there is none */
    uint64_t cache_hits;     /* tree nodes that were wanted and in memory, since the file was opened */
    uint64_t cache_misses;   /* those that had to be read */
} tuf_db_info;

/*
 * Opens a database file, recovering it if its last writer did not close it.
 *   out   receives the handle
 *   path  file path; its directory must exist
 *   opts  NULL for defaults
 * Returns: TUF_OK; TUF_NOT_FOUND (no such file and no CREATE); TUF_EXISTS (EXCLUSIVE); E_LOCKED;
 *          E_CORRUPT (an acknowledged commit is damaged: tuf_last_error()->file_off says where);
 *          E_INVALID (opts->at is not in the file: its past begins with the last compaction);
 *          E_MISUSE (opts->at without RDONLY); E_VERSION; E_IO; E_FULL; E_NOMEM.
 * Ownership: close with tuf_db_close.
 * Threads: any.
 * Durability: what it shows is synced before it returns (not with RDONLY). Costs one sync, and
 *             reading the log since the last checkpoint. Creation costs two syncs and a sync of
 *             the directory.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_open(tuf_db **out, const char *path,
                                            const tuf_open_options *opts);

/*
 * Writes a checkpoint if anything changed since the last, closes the file and frees the handle.
 * All snapshots, documents and cursors of it must be freed before.
 * Returns: TUF_OK, or the failure of the checkpoint (the handle is freed all the same, and nothing
 *          acknowledged is lost).
 * Ownership: frees *db and sets it to NULL; NULL is allowed.
 * Threads: the last user.
 * Durability: durable on return. Costs up to three syncs.
 * Since: 0.1
 */
TUF_API tuf_status tuf_db_close(tuf_db **db);

enum tuf_commit_flags {
    TUF_COMMIT_NO_WAIT = 1, /* return when written, before it is durable */
};

/*
 * Applies edits, each on its own: one may conflict while the others succeed. All accepted edits of
 * one call become visible and durable together, or not at all.
 *   edits  edit_count prepared edits; each receives its own result (tuf_edit_result)
 *   flags  enum tuf_commit_flags
 * Returns: TUF_OK when every edit has a result, conflicts included; TUF_MISSING_STUB (no edit was
 *          applied; the error text names document and attachment); E_FULL, E_IO, E_NOMEM (nothing
 *          was applied); E_POISONED; E_READONLY; E_LIMIT (4,194,304 edits or 1 GiB in one call).
 * Ownership: edits stay the caller's; their contents are used up.
 * Threads: any; concurrent calls are grouped.
 * Durability: durable on return, with one sync shared by the group; with NO_WAIT at the next
 *             durable commit or tuf_db_sync.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_commit(tuf_db *db, tuf_edit *const *edits,
                                              size_t edit_count, unsigned flags);

/*
 * Makes everything committed with NO_WAIT durable.
 * Returns: TUF_OK; E_IO, E_POISONED.
 * Threads: any.
 * Durability: durable on return; one sync, none if nothing waits.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_sync(tuf_db *db);

/*
 * Writes the changed tree nodes and a checkpoint, which bounds the next recovery.
 * Returns: TUF_OK; E_IO, E_FULL, E_POISONED, E_READONLY.
 * Threads: any; commits wait meanwhile, readers do not.
 * Durability: two syncs.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_checkpoint(tuf_db *db);

/* One document of a purge request. */
typedef struct tuf_purge_item {
    tuf_slice id;
    const tuf_rev *revs;   /* leaf revisions to forget */
    size_t rev_count;
    bool *purged_out;      /* rev_count flags: whether each was a leaf and is gone */
} tuf_purge_item;

/*
 * Forgets leaf revisions without leaving tombstones, and remembers that in the purge log.
 * A revision that is no leaf is left alone. A document with no leaf left disappears from all
 * trees; one with leaves left gets a new sequence. As in CouchDB each item is an entry of the log,
 * also one that finds nothing to forget (with the revisions it named), and a call raises the update
 * sequence: by one unless documents got new sequences. One with leaves left gets as many as leaves.
 * Returns: TUF_OK; E_IO, E_FULL, E_NOMEM, E_POISONED, E_READONLY.
 * Threads: any.
 * Durability: durable on return; one sync.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_purge(tuf_db *db, const tuf_purge_item *items,
                                             size_t item_count);

/*
 * Writes the purge log of another database into this one, as loading a dump does: each item becomes
 * an entry with the next number. A document that is here is purged as tuf_db_purge does. The update
 * sequence stays unless a document gets a new one.
 *   first_purge_seq  number of the first entry; it counts only while the log is empty, from 1
 *   items            purged_out as in tuf_db_purge
 * Returns: as tuf_db_purge; E_INVALID (first_purge_seq is 0).
 * Threads: any.
 * Durability: durable on return; one sync.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_restore_purges(tuf_db *db, uint64_t first_purge_seq,
                                                      const tuf_purge_item *items,
                                                      size_t item_count);

/*
 * Sets how many revisions each path keeps (default 1000); applies to later edits. Raises the update
 * sequence by one.
 * Returns: TUF_OK; E_INVALID (0); as tuf_db_commit.
 * Threads: any.
 * Durability: durable on return; one sync.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_set_revs_limit(tuf_db *db, uint32_t limit);

/*
 * Sets how many purges the purge log keeps (default 1000). Raises the update sequence by one.
 * Returns: TUF_OK; E_INVALID (0); as tuf_db_commit.
 * Threads: any.
 * Durability: durable on return; one sync.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_set_purged_infos_limit(tuf_db *db, uint32_t limit);

/*
 * Stores a named value of the application inside the file (a server keeps its security object
 * here). A NULL value with length 0 removes it.
 *   name  1..255 bytes
 *   value up to 1 MiB
 * Returns: TUF_OK; E_INVALID, E_LIMIT; as tuf_db_commit.
 * Threads: any.
 * Durability: durable on return; one sync.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_put_meta(tuf_db *db, tuf_slice name, tuf_slice value);

/*
 * The same, and the update sequence grows by one, so that whoever waits for changes is woken:
 * CouchDB counts a new security object so. No document has the new sequence.
 * Returns, threads, durability: as tuf_db_put_meta.
 * Since: 0.2
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_put_meta_change(tuf_db *db, tuf_slice name, tuf_slice value);

/* Called after each visible commit with the newest sequence. Must not call into the library. */
typedef void tuf_commit_listener(uint64_t update_seq, void *ctx);

/*
 * Registers the one listener of a database, or removes it (NULL).
 * Threads: any; the listener runs on the committing thread, without a lock held, and may run
 *          once more on another thread just after it was removed.
 * Since: 0.1
 */
TUF_API void tuf_db_set_listener(tuf_db *db, tuf_commit_listener *listener, void *ctx);

/*
 * Waits until the database has a change after a sequence.
 *   since       sequence already seen
 *   timeout_ms  longest wait; 0 only looks
 * Returns: TUF_OK when there is one; TUF_STOPPED at the time-out.
 * Threads: any.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_wait(tuf_db *db, uint64_t since, uint64_t timeout_ms);

/*
 * Takes a snapshot: an unchanging view of the newest commit. Costs no I/O.
 * Returns: TUF_OK; E_NOMEM.
 * Ownership: free with tuf_snapshot_free, before the database is closed.
 * Threads: any; a snapshot may be shared by threads.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_snapshot(tuf_snapshot **out, tuf_db *db);

/*
 * Frees a snapshot. NULL is allowed.
 * Ownership: sets *snapshot to NULL.
 * Threads: any.
 * Since: 0.1
 */
TUF_API void tuf_snapshot_free(tuf_snapshot **snapshot);

/*
 * Counts and sizes at a snapshot. O(1), no I/O.
 * Returns: TUF_OK; E_MISUSE (struct_size).
 * Threads: any.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_snapshot_info(tuf_db_info *out, const tuf_snapshot *snapshot);

/*
 * Reads a value stored by tuf_db_put_meta.
 *   out  a copy, to be freed with tuf_free; NUL-terminated past its length
 * Returns: TUF_OK; TUF_NOT_FOUND; E_CORRUPT, E_IO, E_NOMEM.
 * Ownership: out->data is the caller's.
 * Threads: any.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_snapshot_get_meta(tuf_slice *out, tuf_snapshot *snapshot,
                                                      tuf_slice name);

typedef tuf_status tuf_meta_visitor(tuf_slice name, tuf_slice value, void *ctx);

/*
 * Visits all values stored by tuf_db_put_meta, by name, until the visitor returns non-zero.
 * Returns: TUF_OK; what the visitor returned; E_CORRUPT, E_IO, E_NOMEM.
 * Ownership: name and value are borrowed during the visit.
 * Threads: any.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_snapshot_metas(tuf_snapshot *snapshot,
                                                   tuf_meta_visitor *visitor, void *ctx);

/*
 * Frees memory that a tuf_ call handed out.
 * Threads: any.
 * Since: 0.1
 */
TUF_API void tuf_free(void *memory);

#endif
