/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what the parts of the simulated disk share.
 *
 * INV-SIM-1: bytes of a `struct content` between size and cap are zero; cap is a whole number of
 *            sectors.
 * INV-SIM-2: applying all items in order to what is durable gives what is seen now, unless items
 *            were dropped by a failed sync.
 */
#ifndef TESTS_SIM_SIM_INT_H
#define TESTS_SIM_SIM_INT_H

#include <pthread.h>

#include "tests/sim/sim.h"

struct content {
    uint8_t *data;
    size_t size;
    size_t cap;
};

struct item {
    enum sim_item_kind kind;
    bool noop;
    uint64_t sector;
    uint64_t size;  /* GROW, CUT */
    uint8_t *bytes; /* SECTOR: owned, sector_size bytes */
};

struct inode {
    uint32_t number;
    bool locked;
    struct content now;
    struct content durable;
    struct content history; /* what each offset held last before it was cut off */
    struct item *items;
    size_t item_count, item_cap;
    uint8_t *touched;       /* per sector: has items */
    uint8_t *covered;       /* per sector: content was synced and is not zero (monitor) */
    size_t flag_cap;        /* sectors of both */
    uint64_t committed_end; /* bytes that were acknowledged (monitor) */
};

enum name_op { NAME_CREATE, NAME_RENAME, NAME_LINK, NAME_UNLINK };

struct pending_name {
    enum name_op op;
    char *path;    /* owned */
    char *path_to; /* owned; RENAME, LINK */
    struct inode *inode;
};

struct name {
    char *path; /* owned */
    struct inode *inode;
};

struct name_table {
    struct name *names;
    size_t count, cap;
};

struct sim_trace {
    struct sim_op *ops;
    size_t count, cap;
};

struct sim {
    struct tuf_vfs vfs; /* first; vfs.self points back */
    pthread_mutex_t lock;
    uint32_t sector_size;
    enum sim_profile profile;
    enum sim_monitor monitor;
    bool no_sharing;
    uint64_t monitor_violations;
    uint64_t space;
    uint64_t seed;
    struct rng rng; /* behind vfs.random */
    uint64_t clock_us;
    size_t handle_count;
    struct inode **inodes; /* owned, by number */
    size_t inode_count, inode_cap;
    struct name_table now;
    struct name_table durable;
    struct pending_name *pending;
    size_t pending_count, pending_cap;
    struct sim_trace *trace; /* NULL: not recording */
};

struct sim_file {
    struct vfs_file base; /* first */
    struct sim *sim;
    struct inode *inode;
    bool holds_lock;
    bool read_only;
};

/* Allocation that aborts. */
void *sim_xalloc(void *old, size_t size);
char *sim_xstrdup(const char *text);
void *sim_grow_array(void *array, size_t count, size_t *cap, size_t item_size);

void content_reserve(struct content *c, size_t size, uint32_t sector_size);
void content_copy(struct content *to, const struct content *from, uint32_t sector_size);

struct inode *sim_inode_new(struct sim *sim);
struct inode *name_find(const struct name_table *table, const char *path);
void name_set(struct name_table *table, const char *path, struct inode *inode);
void name_remove(struct name_table *table, const char *path);
void name_apply(struct name_table *table, const struct pending_name *op);
void content_apply(struct content *c, const struct item *item, uint32_t sector_size);

/* The changes themselves, lock held: used by the vfs calls and by sim_replay. */
void inode_write(struct sim *sim, struct inode *inode, const void *data, size_t len, uint64_t off);
void inode_truncate(struct sim *sim, struct inode *inode, uint64_t size);
void inode_punch(struct sim *sim, struct inode *inode, uint64_t off, uint64_t len);
void inode_sync(struct sim *sim, struct inode *inode);
void inode_forget(struct sim *sim, struct inode *inode, uint64_t off);
void inode_drop(struct sim *sim, struct inode *inode, bool evict);
/* names.c. promote: makes the operations in a directory durable; all of them if dir is NULL. */
void names_promote(struct sim *sim, const char *dir, size_t dir_len);
void names_clear(struct name_table *table);
struct inode *names_create(struct sim *sim, const char *path);
void names_rename(struct sim *sim, const char *from, const char *to);
void names_link(struct sim *sim, const char *path, const char *second);
void names_unlink(struct sim *sim, const char *path);
void names_sync(struct sim *sim, const char *path);

/* monitor.c */
void monitor_write(struct sim *sim, const struct inode *inode, uint64_t sector);
void monitor_truncate(struct sim *sim, struct inode *inode, uint64_t size);
bool bytes_are_zero(const uint8_t *bytes, size_t len);
void sim_violation(struct sim *sim, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* trace.c; no-ops while nothing is recorded */
struct sim_op *trace_add(struct sim *sim, enum sim_op_kind kind, const struct inode *inode);
void trace_free(struct sim_trace **trace);

#endif
