/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a vfs stacked on another one that makes chosen calls fail.
 *
 * Faults that are modelled, for the k-th call of a kind (counted from 1), once or from then on:
 *   - any call fails with EIO, ENOSPC, EMFILE or another errno, having done nothing;
 *   - a write writes a part of its bytes and then fails (the part stays in the file);
 *   - a sync fails and what was un-synced is dropped: it never becomes durable, while later syncs
 *     succeed; readers lose it at once or only at the next crash (needs the simulated disk below).
 * Not modelled: calls that succeed and lie, delays.
 *
 * Threads: one.
 */
#ifndef TESTS_SIM_FAULT_H
#define TESTS_SIM_FAULT_H

#include "vfs/vfs.h"

enum fault_kind {
    FAULT_OPEN,
    FAULT_PREAD,
    FAULT_PWRITEV,
    FAULT_SYNC,
    FAULT_TRUNCATE,
    FAULT_SIZE,
    FAULT_PUNCH,
    FAULT_CLONE,
    FAULT_RENAME,
    FAULT_LINK,
    FAULT_UNLINK,
    FAULT_SYNC_DIR,
    FAULT_RANDOM,
    FAULT_SPACE,
    FAULT_ANY, /* counts calls of all kinds */
    FAULT_KIND_COUNT,
};

struct fault_plan {
    enum fault_kind kind;
    uint64_t at;             /* the call that fails, from 1; 0: none */
    bool sticky;             /* and all later ones of the kind */
    int sys_errno;           /* with which; 0 is EIO */
    uint32_t short_permille; /* PWRITEV: part that is written all the same */
    bool drop;               /* SYNC: un-synced data is lost; the vfs below must be a sim */
    bool evict;              /* with drop: readers lose it at once */
};

struct fault;

/* `below` is borrowed. */
struct fault *fault_new(const struct tuf_vfs *below);
void fault_free(struct fault **fault);
const struct tuf_vfs *fault_vfs(struct fault *fault);
/* Sets the plan and starts counting anew. NULL: nothing fails. */
void fault_set(struct fault *fault, const struct fault_plan *plan);
/* While held nothing fails and nothing is counted. */
void fault_hold(struct fault *fault, bool on);
/* Files opened from now on come from another vfs: what the old one was has crashed. */
void fault_rebase(struct fault *fault, const struct tuf_vfs *below);
/* Calls of a kind since fault_set; how many failed. */
uint64_t fault_calls(const struct fault *fault, enum fault_kind kind);
uint64_t fault_hits(const struct fault *fault);
/* A line such as "sync#3+:EIO,drop". */
void fault_describe(char *out, size_t size, const struct fault_plan *plan);

#endif
