/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a simulated disk behind struct tuf_vfs, from which every state that a power failure may
 * leave can be built.
 *
 * The disk keeps, for each file, what is durable, what a reader sees now, and between them the
 * ordered list of un-synced changes: one item per sector touched by a write (with the sector's
 * whole content after it), per change of the size, and per operation on a name. sync() makes a
 * file's items durable, sync_dir() a directory's. sim_crash() builds a new disk from what is
 * durable plus any choice of the items.
 *
 * Faults that are modelled:
 *   - any subset of the un-synced sector writes reached the disk, in any order;
 *   - one sector was in flight: torn at any byte (new before old or old before new), all zeros,
 *     random garbage, or a copy of another part of the file. Bytes of the sector that were not
 *     written by the call suffer too (no powersafe overwrite);
 *   - the size is any one between the durable and the current one; a grown range whose data did not
 *     arrive holds zeros, garbage, or what these offsets held in the past (stale blocks);
 *   - the file is followed by zeros, garbage, or copies of its own older parts;
 *   - names: any subset of the un-synced operations (profile posix-minimal), or a prefix, with a
 *     file's sync carrying them along when it changed the file's size (profile ordered);
 *   - a second name for a file (link) is an operation on a name like the others;
 *   - blocks shared with another file (clone) are writes of what that file shows: the system writes the
 *     source's dirty pages before it shares them, and the sharing itself is un-synced until sync();
 *   - a full disk: part of the data is written, then E_FULL;
 *   - a failed sync after which the data is never written, while later syncs succeed.
 * Not modelled: damage to sectors that were synced (bit rot), a sync that lies, misdirected writes.
 *
 * The disk's clock and random numbers come from its seed: same seed, same run.
 * Threads: any; one mutex.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "tests/sim/rng.h"
#include "vfs/vfs.h"

struct sim;

enum sim_profile {
    SIM_POSIX_MINIMAL,
    SIM_ORDERED,
};

/* sector_size 512 or 4096. Tests have no use for running out of memory: it aborts. */
struct sim *sim_new(uint32_t sector_size, uint64_t seed);
void sim_free(struct sim **sim);
const struct tuf_vfs *sim_vfs(struct sim *sim);
void sim_set_profile(struct sim *sim, enum sim_profile profile);
/* Whether the file system has links and shares blocks (the default); else both calls are unsupported. */
void sim_set_sharing(struct sim *sim, bool on);
/* Bytes that all files together may take; UINT64_MAX (the default) is no limit. */
void sim_set_space(struct sim *sim, uint64_t space);
uint64_t sim_space_used(struct sim *sim);
/* Handles that are open: 0 when nothing leaked. */
size_t sim_handle_count(struct sim *sim);
uint32_t sim_sector_size(const struct sim *sim);

/* The content a reader sees now; NULL if there is no such file. Borrowed until the next change. */
const uint8_t *sim_peek(struct sim *sim, const char *path, size_t *len_out);
/* Creates or replaces a file whose content and name are durable. */
void sim_store(struct sim *sim, const char *path, const void *data, size_t len);
size_t sim_name_count(struct sim *sim);
const char *sim_name(struct sim *sim, size_t pos);

/* Forgets the un-synced changes of an open file as a failed sync does: they will never become
 * durable. With `evict` readers lose them at once, else they see them until the next crash. */
void sim_drop_unsynced(struct vfs_file *f, bool evict);

/* ---- the order monitor (monitor.c) ----------------------------------------------------------- */

/*
 * While on (the default), the disk aborts the program with a message when
 *   - a write touches a synced sector that is not all zeros and lies below the committed end, or a
 *     cut removes such bytes (committed data is never touched again);
 *   - sim_acked() finds something un-synced below the committed end.
 * A test that provokes such things reads the count instead of aborting.
 */
enum sim_monitor {
    SIM_MONITOR_OFF,
    SIM_MONITOR_COUNT,
    SIM_MONITOR_ABORT,
};
void sim_set_monitor(struct sim *sim, enum sim_monitor mode);
uint64_t sim_monitor_violations(const struct sim *sim);
/* The caller was told that the file's first `end` bytes hold what was committed, durably: then
 * every byte of them and the file's name must be synced, and they are guarded from now on. */
void sim_acked(struct sim *sim, const char *path, uint64_t end);

/* ---- crashes (image.c) ----------------------------------------------------------------------- */

enum sim_item_kind {
    SIM_ITEM_SECTOR, /* content of one sector */
    SIM_ITEM_GROW,   /* a greater size */
    SIM_ITEM_CUT,    /* a smaller size */
    SIM_ITEM_NAME,   /* create, rename, link or unlink */
};

struct sim_item_info {
    enum sim_item_kind kind;
    bool noop;       /* keeping or losing it makes no difference (zeros over zeros) */
    uint32_t file;   /* number of the file */
    uint64_t sector; /* SECTOR */
};

/* The un-synced items: names first, then those of each file, each in the order they were made. */
size_t sim_pending_count(struct sim *sim);
struct sim_item_info sim_pending(struct sim *sim, size_t pos);

enum sim_damage {
    SIM_DAMAGE_NONE,
    SIM_DAMAGE_TEAR_HEAD, /* bytes before damage_at are new, the rest old */
    SIM_DAMAGE_TEAR_TAIL, /* bytes from damage_at on are new, the rest old */
    SIM_DAMAGE_ZERO,
    SIM_DAMAGE_GARBAGE,
    SIM_DAMAGE_COPY, /* of another sector of the same file */
};

enum sim_fill {
    SIM_FILL_ZERO,
    SIM_FILL_GARBAGE,
    SIM_FILL_STALE, /* what was there in the past */
    SIM_FILL_COPY,  /* of older parts of the same file */
};

#define SIM_NO_ITEM SIZE_MAX
#define SIM_KEEP_SIZE UINT64_MAX

struct sim_plan {
    const uint8_t *keep; /* sim_pending_count flags; NULL keeps nothing */
    size_t damage_item;  /* a SECTOR item that was in flight; SIM_NO_ITEM for none */
    enum sim_damage damage;
    uint32_t damage_at;     /* byte within the sector */
    enum sim_fill fill;     /* of grown ranges whose data did not arrive */
    uint32_t size_permille; /* where the size stands between the durable (0) and the kept one
                               (1000, the usual) when a GROW item was kept */
    uint32_t tail_sectors;  /* appended to every file... */
    enum sim_fill tail;     /* ...with this content */
    uint64_t seed;          /* of garbage and choices of copies */
};

#define SIM_PLAN_INIT                                                                              \
    {                                                                                              \
        .damage_item = SIM_NO_ITEM, .size_permille = 1000                                          \
    }

/* The disk after a crash; everything on it is durable. The clock goes on. */
struct sim *sim_crash(struct sim *sim, const struct sim_plan *plan);
/* The disk after the process was killed: the page cache lives on, un-synced items stay pending. */
struct sim *sim_clone(struct sim *sim);
/* Keeps and damages at random. keep is room for sim_pending_count flags, used by the plan. */
void sim_plan_random(struct sim_plan *out, uint8_t *keep, struct sim *sim, struct rng *rng);
/* A hash of all names and contents. */
uint64_t sim_hash(struct sim *sim);

/* ---- recording (trace.c) --------------------------------------------------------------------- */

struct sim_trace;

enum sim_op_kind {
    SIM_OP_CREATE,
    SIM_OP_WRITE,
    SIM_OP_SYNC,
    SIM_OP_TRUNCATE,
    SIM_OP_PUNCH,
    SIM_OP_RENAME,
    SIM_OP_LINK,
    SIM_OP_UNLINK,
    SIM_OP_SYNC_DIR,
    SIM_OP_DROP,
    SIM_OP_FORGET,
    SIM_OP_MARK, /* of the test */
};

struct sim_op {
    enum sim_op_kind kind;
    uint32_t file;  /* number */
    uint64_t off;   /* WRITE, PUNCH, FORGET; TRUNCATE: size; MARK: first value */
    uint64_t len;   /* WRITE, PUNCH; DROP: evict; MARK: second value */
    uint8_t *bytes; /* WRITE: owned */
    char *path;     /* CREATE, RENAME, LINK, UNLINK, SYNC_DIR: owned */
    char *path_to;  /* RENAME, LINK: owned */
};

/* Starts recording every change from now on. The trace belongs to the disk. */
void sim_record(struct sim *sim);
/* Puts a mark of the test into the recording. */
void sim_mark(struct sim *sim, uint64_t a, uint64_t b);
size_t sim_trace_len(const struct sim *sim);
const struct sim_op *sim_trace_op(const struct sim *sim, size_t pos);
/* Does a recorded operation on a disk that had the same state when the recording began. */
void sim_replay(struct sim *to, const struct sim_op *op);

#endif
