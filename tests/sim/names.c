/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the names of the simulated disk's files: what is seen now, what is durable, and the operations
 * between them, in the order they were made.
 *
 * Not here: which of these a crash keeps (image.c).
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_int.h"

static size_t name_pos(const struct name_table *table, const char *path)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->names[i].path, path) == 0)
            return i;
    return SIZE_MAX;
}

struct inode *name_find(const struct name_table *table, const char *path)
{
    size_t pos = name_pos(table, path);
    return pos == SIZE_MAX ? NULL : table->names[pos].inode;
}

void name_set(struct name_table *table, const char *path, struct inode *inode)
{
    size_t pos = name_pos(table, path);
    if (pos != SIZE_MAX) {
        table->names[pos].inode = inode;
        return;
    }
    table->names = sim_grow_array(table->names, table->count, &table->cap, sizeof(*table->names));
    table->names[table->count++] = (struct name){ sim_xstrdup(path), inode };
}

void name_remove(struct name_table *table, const char *path)
{
    size_t pos = name_pos(table, path);
    if (pos == SIZE_MAX)
        return;
    free(table->names[pos].path);
    table->names[pos] = table->names[--table->count];
}

void name_apply(struct name_table *table, const struct pending_name *op)
{
    switch (op->op) {
    case NAME_CREATE:
        name_set(table, op->path, op->inode);
        return;
    case NAME_RENAME:
        name_remove(table, op->path);
        name_set(table, op->path_to, op->inode);
        return;
    case NAME_LINK:
        name_set(table, op->path_to, op->inode);
        return;
    case NAME_UNLINK:
        name_remove(table, op->path);
        return;
    }
}

static size_t dir_len_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

static bool in_dir(const char *path, const char *dir, size_t dir_len)
{
    return dir_len_of(path) == dir_len && strncmp(path, dir, dir_len) == 0;
}

void names_promote(struct sim *sim, const char *dir, size_t dir_len)
{
    size_t kept = 0;
    for (size_t i = 0; i < sim->pending_count; i++) {
        struct pending_name *op = &sim->pending[i];
        bool here = !dir || (op->op != NAME_LINK && in_dir(op->path, dir, dir_len)) ||
                    (op->path_to && in_dir(op->path_to, dir, dir_len));
        if (!here) {
            sim->pending[kept++] = *op;
            continue;
        }
        name_apply(&sim->durable, op);
        free(op->path);
        free(op->path_to);
    }
    sim->pending_count = kept;
}

static void add_pending(struct sim *sim, enum name_op kind, const char *path, const char *path_to,
                        struct inode *inode)
{
    sim->pending =
        sim_grow_array(sim->pending, sim->pending_count, &sim->pending_cap, sizeof(*sim->pending));
    struct pending_name *op = &sim->pending[sim->pending_count++];
    *op = (struct pending_name){
        .op = kind,
        .path = sim_xstrdup(path),
        .path_to = path_to ? sim_xstrdup(path_to) : NULL,
        .inode = inode,
    };
    name_apply(&sim->now, op);
}

static void trace_paths(struct sim *sim, enum sim_op_kind kind, const struct inode *inode,
                        const char *path, const char *path_to)
{
    struct sim_op *op = trace_add(sim, kind, inode);
    if (!op)
        return;
    op->path = sim_xstrdup(path);
    op->path_to = path_to ? sim_xstrdup(path_to) : NULL;
}

struct inode *names_create(struct sim *sim, const char *path)
{
    struct inode *inode = sim_inode_new(sim);
    trace_paths(sim, SIM_OP_CREATE, inode, path, NULL);
    add_pending(sim, NAME_CREATE, path, NULL, inode);
    return inode;
}

void names_rename(struct sim *sim, const char *from, const char *to)
{
    struct inode *inode = name_find(&sim->now, from);
    trace_paths(sim, SIM_OP_RENAME, inode, from, to);
    add_pending(sim, NAME_RENAME, from, to, inode);
}

void names_link(struct sim *sim, const char *path, const char *second)
{
    struct inode *inode = name_find(&sim->now, path);
    trace_paths(sim, SIM_OP_LINK, inode, path, second);
    add_pending(sim, NAME_LINK, path, second, inode);
}

void names_unlink(struct sim *sim, const char *path)
{
    struct inode *inode = name_find(&sim->now, path);
    trace_paths(sim, SIM_OP_UNLINK, inode, path, NULL);
    add_pending(sim, NAME_UNLINK, path, NULL, inode);
}

void names_sync(struct sim *sim, const char *path)
{
    trace_paths(sim, SIM_OP_SYNC_DIR, NULL, path, NULL);
    names_promote(sim, path, dir_len_of(path));
}

void names_clear(struct name_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->names[i].path);
    free(table->names);
    *table = (struct name_table){ 0 };
}
