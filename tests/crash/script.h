/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: runs a workload of the crash tests against the library on a simulated disk, and keeps the
 * ledger: after which step what a reader must see, and which steps were acknowledged.
 *
 * Each workload runs twice. In the rehearsal no fault is injected, and the content after each step
 * is kept as text. In the recorded run the same steps give the same texts (checked), some may fail
 * and be tried again, and the disk records every operation and, as marks between them, when a step
 * was issued and when it was acknowledged. A crash at any moment must then leave the content of one
 * step between the last acknowledged and the last issued one: whole, and no other.
 *
 * Not here: the workloads (workloads.c); building and judging the crashes (enumerate.c).
 */
#ifndef TESTS_CRASH_SCRIPT_H
#define TESTS_CRASH_SCRIPT_H

#include "tests/sim/fault.h"
#include "tests/sim/sim.h"
#include "tuffet/tuffet.h"

#define SCRIPT_DBS 2
#define SCRIPT_STEPS_MAX 64
#define SCRIPT_BACKUP "dir/backup.tuf"
#define SCRIPT_SALVAGED "dir/salvaged.tuf"

struct script_config {
    uint32_t disk_sector; /* bytes */
    uint32_t db_sector;   /* bytes, at least disk_sector */
    enum sim_profile profile;
    bool sharing; /* the file system has links and shares blocks */
    enum sim_monitor monitor;
    uint64_t seed;
};

/* What a reader sees after a step. Step 0: there is no such file. */
struct state {
    char *text; /* owned; NULL if not reached */
    uint64_t hash;
};

struct ledger {
    const char *path; /* static */
    struct state states[SCRIPT_STEPS_MAX];
    size_t step;       /* newest step done */
    size_t step_count; /* highest step issued, plus one */
};

struct script {
    struct script_config config;
    struct sim *sim;
    struct fault *fault; /* stands between the library and the disk */
    bool rehearsal;
    uint64_t checkpoint_log_size; /* option for opening, set by the workload; 0: default */
    uint64_t resume_size;         /* of compactions; 0: default */
    struct ledger dbs[SCRIPT_DBS];
    tuf_db *handles[SCRIPT_DBS];
    const struct workload *workload;
    tuf_snapshot *held; /* across the following steps; of dbs[held_db] */
    size_t held_db;
    char *held_text; /* owned: what it showed when it was taken */
};

/* A mark in the recording: `a` is mark_of(which, kind), `b` the step. */
enum script_mark { MARK_ISSUED, MARK_ACKED, MARK_START };
static inline uint64_t mark_of(size_t which, enum script_mark kind)
{
    return (uint64_t)which << 8 | (uint64_t)kind;
}

struct workload {
    const char *name;
    void (*run)(struct script *s);
    uint8_t ops[3]; /* of the composed ones: which operations */
    unsigned op_count;
};
/* Written by hand. */
extern const struct workload workloads[];
extern const size_t workload_count;
/* All operations alone, in pairs, and sampled triples. */
const struct workload *composed_workloads(size_t *count_out);

/* Rehearses and records. The recording is in out->sim. Any surprise ends the program. */
void script_run(struct script *out, const struct workload *workload,
                const struct script_config *config);
void script_release(struct script *s);

tuf_open_options script_open_options(const struct script *s, const struct tuf_vfs *vfs);
uint64_t script_hash_text(const char *text);

/* ---- for the workloads ----------------------------------------------------------------------- */

/* Opens a database; the first time, creates it (a step). */
void script_open(struct script *s, size_t which);
void script_close(struct script *s, size_t which);
void script_checkpoint(struct script *s, size_t which);
/* The same: dead space is given back. */
void script_trim(struct script *s, size_t which);
void script_sync(struct script *s, size_t which);
/* A step of its own: the bodies of older revisions are gone afterwards. */
/* Returns the bytes that the new file shares with the old one. */
uint64_t script_compact(struct script *s, size_t which);
/* Begins a compaction that stops at its first pause, to be continued; no step. */
void script_compact_part(struct script *s, size_t which);

/* Commits documents together as one step; each is the text of a document with its _id. */
tuf_status script_batch(struct script *s, size_t which, const char *const *docs, size_t count,
                        unsigned edit_flags, unsigned commit_flags);
/* One document; ends the program if it is not stored. */
void script_put(struct script *s, size_t which, const char *doc);
void script_put_replicated(struct script *s, size_t which, const char *doc);
/* Updates the winner of a document, with a body such as {"a":1}; deletes it when NULL. */
void script_update(struct script *s, size_t which, const char *id, const char *body);
/* Streams an attachment in pieces of step_size and commits it as a document of that id. */
void script_attach(struct script *s, size_t which, const char *id, const char *type,
                   tuf_slice bytes, size_t step_size);
void script_meta(struct script *s, size_t which, const char *name, const char *value);
void script_purge_winner(struct script *s, size_t which, const char *id);
void script_revs_limit(struct script *s, size_t which, uint32_t limit);
void script_purged_infos_limit(struct script *s, size_t which, uint32_t limit);
/* Writes the purge log of another database into this one: one entry, for a document that is not here. */
void script_restore_purge(struct script *s, size_t which, const char *id);
/* Gives the newest commit a name; script_unpin takes the first name back, script_pinned says if any. */
void script_pin(struct script *s, size_t which, const char *name);
void script_unpin(struct script *s, size_t which);
bool script_pinned(struct script *s, size_t which);
/* Copies the file to SCRIPT_BACKUP or brings that up to date; no step. After a crash the next backup
 * must give what the database shows. */
void script_backup(struct script *s, size_t which);
/* Brings what the file holds into a new one, SCRIPT_SALVAGED and a number; no step. */
void script_salvage(struct script *s, size_t which, unsigned number);
/* Crashes begin here; without it, at the beginning. */
void script_start(struct script *s);
/* Takes a snapshot, which must show the same when script_end_hold (or a close) ends it. */
void script_hold(struct script *s, size_t which);
void script_end_hold(struct script *s);
/* After a step failed: opens again and says whether the step has to be tried again. */
bool script_failed(struct script *s, size_t which);

#endif
