/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what the files of the engine share: the database handle, its log, and the view that each
 * published version carries.
 *
 * Locks, in the order in which they may be taken:
 *   1. writer    one writer at a time: commits, checkpoints, purges; held through sync and publish
 *   2. tail      the end of the log: every append; not held during a sync
 *   3. queue     requests waiting for a group commit; never held while working
 *   4. wait      the condition behind tuf_db_wait
 *   5. store     the handle's pointer to its store; held for a moment
 * The B+tree has its own mutexes, taken last. No lock is held while a listener runs.
 *
 * INV-DB-1: a version is published only after the bytes it needs are synced (NO_WAIT commits
 *           excepted: they are published after the write).
 * INV-DB-2: once `poisoned` is set nothing is written to the file any more.
 * INV-DB-3: log.durable_off <= log.tail_off; every byte below durable_off is synced.
 */
#ifndef ENGINE_DB_H
#define ENGINE_DB_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "engine/att.h"
#include "engine/btree.h"
#include "engine/pace.h"
#include "fileformat/docinfo.h"
#include "fileformat/docrec.h"
#include "fileformat/frame.h"
#include "tuffet/tuffet.h"
#include "vfs/vfs.h"

/* The log: the file seen as a sequence of frames. */
struct log {
    const struct tuf_vfs *vfs;
    struct vfs_file *file;   /* owned */
    char *path;              /* owned */
    struct superblock super;
    uint32_t salt;           /* of record checksums */
    bool readonly;
    uint64_t tail_off;       /* where the next frame goes (tail lock) */
    uint32_t tail_crc;       /* header_crc of the newest frame (tail lock) */
    uint64_t filled_end;     /* end of the file: zeros between tail_off and here (tail lock) */
    uint64_t fill_step;      /* bytes of the next zero fill (tail lock) */
    uint64_t newest_commit;  /* number of the newest commit frame (tail lock) */
    uint64_t newest_seq;     /* update_seq of the newest commit frame (tail lock) */
    uint64_t durable_off;    /* all below is synced (tail lock) */
    uint64_t checkpoint_off; /* newest checkpoint frame, 0: none (tail lock) */
    uint64_t checkpoint_end; /* where the log to replay begins (tail lock) */
    _Atomic uint64_t trim_off; /* what is dead below was given back; 0: nothing (writer lock) */
    uint64_t trim_noted;     /* trim_off of the newest checkpoint (writer lock) */
    /* While share_from is set (tail lock): the whole blocks of the next frame but the first are the
     * same as those of that file from share_off on. */
    struct vfs_file *share_from;
    uint64_t share_off;
    uint64_t shared_size; /* bytes that were shared so */
    bool no_clone;        /* the file system does not */
    atomic_bool poisoned;
    pthread_mutex_t tail;
    pthread_mutex_t sync; /* taken after the tail lock, never before it */
};

/* What a published version knows beside its trees. Immutable. */
struct db_view {
    uint64_t update_seq;
    uint64_t purge_seq;
    uint64_t commit;
    uint64_t size_file;
    uint64_t checkpoint_off;
    uint64_t checkpoint_us; /* when it was written; 0: none */
    uint32_t revs_limit;
    uint32_t purged_infos_limit;
    uint64_t size_compacted; /* after the last compaction; 0: there was none */
};

/* One file with its trees: what compaction replaces as a whole. Whoever uses offsets of a file holds
 * its store; the file is closed, and its space returns, when nobody does any more. */
struct store {
    atomic_uint refs;
    struct log log;
    struct btree_env *env;
    struct pace pace; /* on while a compaction catches up */
    pthread_mutex_t hold_lock;
    uint64_t hold_count[2]; /* holds of two generations (hold lock) */
    uint64_t hold_off[2];   /* checkpoint after which what a generation needs was written (same) */
    unsigned hold_slot;     /* the generation of new holds (same) */
};

struct commit_request;

#define DB_MAGIC 0x7475666462303031u /* "tufdb001" */

struct tuf_db {
    uint64_t magic;
    struct store *store;      /* changed under writer and store_lock; readers take a reference */
    pthread_mutex_t store_lock;
    atomic_bool compacting;   /* one at a time */
    bool is_heir;             /* being filled by a compaction... */
    bool unfinished;          /* ...and what it holds is not yet a state of the database */
    bool sync_once;           /* its next checkpoint needs one sync only: INV-CK-4 */
    unsigned compression;
    size_t cache_size;
    int gzip_level;
    char *compressible_types;
    uint64_t checkpoint_log_size;
    size_t checkpoint_dirty_size;
    unsigned at_kind;         /* enum tuf_at: which state was asked for at opening */
    uint64_t at;

    pthread_mutex_t writer;
    uint64_t checkpoint_retry_off; /* after a failed checkpoint: no other before (writer lock) */
    struct db_view now;       /* state after the newest applied commit (writer lock) */
    struct buf group;         /* the frame being built; its memory is used again (writer lock) */

    pthread_mutex_t queue;
    pthread_cond_t queue_done;
    struct commit_request *queue_head, *queue_tail; /* queue lock */
    bool leading;             /* a thread is committing the queue (queue lock) */

    pthread_mutex_t wait;
    pthread_cond_t wait_changed;
    uint64_t visible_seq;     /* newest published sequence (wait lock) */
    tuf_commit_listener *listener; /* wait lock */
    void *listener_ctx;
};

#define SNAPSHOT_MAGIC 0x7475667373303031u

struct tuf_snapshot {
    uint64_t magic;
    atomic_uint refs;
    tuf_db *db;
    struct store *store; /* holds a reference */
    const struct btree_version *version;
};

static inline const struct db_view *snapshot_view(const tuf_snapshot *s)
{
    return s->version->owner_data;
}

static inline const struct btree *snapshot_tree(const tuf_snapshot *s, enum tree_kind kind)
{
    return &s->version->trees[kind];
}

#define REVS_LIMIT_DEFAULT 1000u
#define PURGED_INFOS_LIMIT_DEFAULT 1000u
#define META_NAME_SIZE_MAX 255
#define META_VALUE_SIZE_MAX (1u << 20)

/* ---- open.c: stores ------------------------------------------------------------------------- */

/* Opens a database for compaction to fill, beside the one it will replace. Its recovery stops at the
 * newest checkpoint: what was written after it is nobody's. */
tuf_status tufi_db_open_as_heir(tuf_db **out, const char *path, const tuf_open_options *opts,
                                const struct superblock *heir_of);
/* Frees a handle as it is, without a checkpoint. */
void tufi_db_free_handle(tuf_db **db);

/* The store in use now, with a reference for the caller. */
struct store *tufi_store_acquire(tuf_db *db);
/* Without a file yet, for one reference. vfs NULL: the operating system's. NULL if memory ends. */
struct store *tufi_store_new(const char *path, const struct tuf_vfs *vfs, bool readonly);
void tufi_store_ref(struct store *store);
/* Closes the file with the last reference. Sets *store to NULL; NULL is allowed. */
void tufi_store_unref(struct store **store);

/*
 * The oldest checkpoint whose successors may be referred to by a hold; new holds count as of
 * versions_off, that of the oldest version held now.
 */
uint64_t tufi_store_oldest_hold(struct store *store, uint64_t versions_off);

/* ---- heir.c: what a compaction left behind ---------------------------------------------------- */

/* NAME.compact and the suffix: the new file, or one beside it (to be freed with tufi_free). */
char *tufi_compact_path(const char *path, const char *suffix);
/* Removes what a killed compaction left, unless it can be continued. */
tuf_status tufi_heir_tidy(tuf_db *db);
/* Opens the heir that can be continued, or a new one (then note->copied_seq is 0). */
tuf_status tufi_heir_open(tuf_db **out, struct heirinfo *note, const char *path, tuf_db *db);
/* The note in an heir. TUF_NOT_FOUND. */
tuf_status tufi_heir_note(struct heirinfo *out, tuf_db *heir);

/* ---- store.c: the log ------------------------------------------------------------------------ */

/* Creates a new database file. Durable, name included, on return. */
/* heir_of: the file that this one is to replace (its identity and sizes are kept), or NULL. */
tuf_status tufi_log_create(struct log *log, const tuf_open_options *opts,
                           const struct superblock *heir_of);
/* Reads the superblock of an open file. */
tuf_status tufi_log_read_super(struct log *log);
void tufi_log_close(struct log *log);

/* E_READONLY, E_POISONED or TUF_OK. */
tuf_status tufi_log_writable(const struct log *log);

/*
 * Appends one frame whose payload is `payload` (which starts FRAME_HEADER_SIZE bytes into
 * `frame`: the header is filled in here, and padding is appended). Under the tail lock.
 *   frame  the header's room, then the payload
 *   h      kind, commit, update_seq, record_count set by the caller; the rest is filled in
 */
tuf_status tufi_log_append(struct log *log, struct buf *frame, struct frame_header *h);

/* Where the payload of the next frame begins. Under the tail lock. */
static inline uint64_t log_next_payload(const struct log *log)
{
    return log->tail_off + FRAME_HEADER_SIZE;
}

/* Syncs everything below `upto` (a tail_off that was seen). Takes the tail lock for a moment.
 * A failure poisons the log. */
tuf_status tufi_log_sync(struct log *log, uint64_t upto);

/* Reads and verifies one record. `payload` receives loc.len bytes (its memory is used again). */
tuf_status tufi_log_read_record(const struct log *log, struct rec_loc loc, enum record_type type,
                                struct buf *payload);
/* The same when several types are possible. pending: see below, or NULL. */
tuf_status tufi_log_read_any(const struct log *log, struct rec_loc loc, enum record_type *type_out,
                             struct buf *payload, const struct buf *pending);

/*
 * The same, also for records of the frame under construction, which are not in the file yet.
 *   pending  the frame's bytes, which will be written at tail_off
 */
tuf_status tufi_log_read_pending(const struct log *log, struct rec_loc loc, enum record_type type,
                                 struct buf *payload, const struct buf *pending);

/* Verifies a record, header and payload, whose RECORD_HEADER_SIZE + loc.len bytes were read. */
tuf_status tufi_log_check_record(const struct log *log, struct rec_loc loc, const uint8_t *bytes,
                                 enum record_type *type_out);

/* Appends a record (header and payload) to a frame under construction and says where it will be. */
struct rec_loc tufi_log_put_record(const struct log *log, struct buf *frame, enum record_type type,
                                   tuf_slice payload);

/* ---- scan.c: frames, looked for and read ------------------------------------------------------- */

#define LOG_SCAN_BLOCK_SIZE (256u * 1024)
/* Reads what there is of a range; the rest of the buffer becomes zeros. */
tuf_status tufi_log_read_padded(const struct log *log, uint8_t *buf, size_t len, uint64_t off);
/* The frame header at `off`. TUF_NOT_FOUND: none is there. */
tuf_status tufi_log_read_header(struct frame_header *out, const struct log *log, uint64_t off);
/* Compares a payload's checksum, `block` being room for LOG_SCAN_BLOCK_SIZE bytes. TUF_NOT_FOUND: it
 * does not match. */
tuf_status tufi_log_skim_payload(const struct log *log, const struct frame_header *h,
                                 uint8_t *block);
/* The checkpoint at `off`, and its frame's header. TUF_NOT_FOUND: none is there, or a torn one. */
tuf_status tufi_log_read_checkpoint(struct checkpoint *out, struct frame_header *h,
                                    const struct log *log, uint64_t off);
/* Returns whether to stop. */
typedef bool log_header_visitor(const struct frame_header *h, void *ctx);
/* Visit the valid headers below file_size: from the end back, or from `off` (a sector) on. */
tuf_status tufi_log_scan_back(const struct log *log, uint64_t file_size,
                              log_header_visitor *visit, void *ctx);
tuf_status tufi_log_scan_forward(const struct log *log, uint64_t file_size, uint64_t off,
                                 log_header_visitor *visit, void *ctx);

/* ---- backup.c: a backup that was interrupted --------------------------------------------------- */

/* Up to where a backup is whole to which something was being appended. TUF_NOT_FOUND: it is whole. */
tuf_status tufi_backup_whole_end(uint64_t *out, const struct log *log);
/* Removes NAME.part. TUF_NOT_FOUND if there is none. */
tuf_status tufi_backup_drop_part(const struct log *log);

/* ---- read_ahead.c: many records in the order of the file, with few reads ----------------------- */

/* Belongs to one reader. All zero: nothing read yet. */
struct read_ahead {
    const struct log *log; /* whose bytes these are; compared, never followed */
    struct buf bytes;      /* of the file, from `off` on */
    uint64_t off;
    uint64_t last_end;     /* of the record read last */
    uint32_t run_count;    /* records in a row, each close behind the one before */
};
void tufi_read_ahead_release(struct read_ahead *ahead);
/*
 * As tufi_log_read_record. From the fourth record on that lies close behind the one before, reads
 * more than is asked for.
 *   limit  nothing from here on is read ahead: below it the file must be as it will stay
 */
tuf_status tufi_log_read_along(const struct log *log, struct rec_loc loc, enum record_type type,
                               struct buf *payload, struct read_ahead *ahead, uint64_t limit);

/* ---- recover.c ------------------------------------------------------------------------------- */

/*
 * Finds the newest checkpoint and replays the commits after it. On return the first version is
 * published and db->now is set. A torn tail is dropped (cut off unless read-only); a damaged frame
 * that was synced is E_CORRUPT.
 */
tuf_status tufi_db_recover(tuf_db *db);

/* ---- checkpoint.c ---------------------------------------------------------------------------- */

/* Writes changed nodes and a checkpoint. Under the writer lock. */
tuf_status tufi_db_checkpoint_locked(tuf_db *db);
/* Whether enough has been logged or changed since the last one. Under the writer lock. */
bool tufi_db_checkpoint_due(tuf_db *db);

/* ---- apply.c: the effect of one record on the trees, in commits and in replay alike ----------- */

tuf_status tufi_apply_doc(struct btree_txn *txn, struct db_view *now, const struct docrec *rec,
                          struct rec_loc loc);
tuf_status tufi_apply_local(struct btree_txn *txn, const struct localrec *rec, struct rec_loc loc);
tuf_status tufi_apply_meta(struct btree_txn *txn, struct db_view *now, const struct metarec *rec);
tuf_status tufi_apply_purge(struct btree_txn *txn, struct db_view *now,
                            const struct purgerec *rec);
/* Replaces a document's rows in both indexes; old_seq 0: it is new. */
tuf_status tufi_apply_put_entries(struct btree_txn *txn, tuf_slice id, uint64_t old_seq,
                                  uint64_t seq, tuf_slice docinfo);
/* Any record by its type. */
tuf_status tufi_apply_record(struct btree_txn *txn, struct db_view *now, enum record_type type,
                             tuf_slice payload, struct rec_loc loc, struct docrec_view *scratch);
/* Sets the limits in `now` from the local tree. */
tuf_status tufi_load_settings(struct btree_env *env, const struct btree *local,
                              struct db_view *now);

/* Looks a document up in a by-id tree. `value` receives a copy of the bytes that `info` borrows. */
tuf_status tufi_find_docinfo(struct btree_env *env, const struct btree *by_id, tuf_slice id,
                             struct buf *value, struct docinfo *info);

/* ---- commit.c -------------------------------------------------------------------------------- */

/* Builds one frame under the locks: begin, put records, then finish or abort. */
struct commit {
    tuf_db *db;
    struct btree_txn *txn;
    struct db_view now;   /* state with the records so far */
    uint32_t record_count;
};
/* Takes the writer and tail locks. */
tuf_status tufi_commit_begin(struct commit *c, tuf_db *db);
/* Writes the frame, syncs it if asked, publishes, releases the locks, tells the listener. */
tuf_status tufi_commit_finish(struct commit *c, bool durable);
/* Releases the locks; nothing happened. */
void tufi_commit_abort(struct commit *c);

/* Adds a record to the frame. */
tuf_status tufi_commit_put(struct commit *c, enum record_type type, tuf_slice payload,
                           struct rec_loc *loc_out);

/* The same without a copy: what is appended to db->group between the two calls is the payload. */
size_t tufi_commit_open_record(struct commit *c);
tuf_status tufi_commit_close_record(struct commit *c, size_t pos, enum record_type type,
                                    struct rec_loc *loc_out);

/* ---- history.c ------------------------------------------------------------------------------- */

struct revtree;
/* Builds a document's revision tree from its records. */
tuf_status tufi_history_load(struct revtree *out, const struct log *log,
                             const struct docinfo *info);
/* The same while a commit is built: records may be in its frame. */
tuf_status tufi_history_load_pending(struct revtree *out, const struct log *log,
                                     const struct docinfo *info, const struct buf *pending);

/* ---- body.c: compression of bodies ------------------------------------------------------------ */

/* Compresses with the codec if that makes it smaller; appends to out and says what was used. */
tuf_status tufi_body_pack(struct buf *out, enum body_codec *codec_out, tuf_slice body,
                          unsigned compression);
/* Appends body_len bytes to out. E_CORRUPT if that is not what comes out. */
tuf_status tufi_body_unpack(struct buf *out, enum body_codec codec, tuf_slice stored,
                            uint64_t body_len, uint64_t off);

#endif
