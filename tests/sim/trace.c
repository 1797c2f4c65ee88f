/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the recording of everything that changed a simulated disk, so that a test can walk through
 * it again, one operation at a time, and crash between any two.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_int.h"

void sim_record(struct sim *sim)
{
    trace_free(&sim->trace);
    sim->trace = sim_xalloc(NULL, sizeof(*sim->trace));
    *sim->trace = (struct sim_trace){ 0 };
}

struct sim_op *trace_add(struct sim *sim, enum sim_op_kind kind, const struct inode *inode)
{
    struct sim_trace *trace = sim->trace;
    if (!trace)
        return NULL;
    trace->ops = sim_grow_array(trace->ops, trace->count, &trace->cap, sizeof(*trace->ops));
    struct sim_op *op = &trace->ops[trace->count++];
    *op = (struct sim_op){ .kind = kind, .file = inode ? inode->number : UINT32_MAX };
    return op;
}

void trace_free(struct sim_trace **trace_ptr)
{
    struct sim_trace *trace = *trace_ptr;
    if (!trace)
        return;
    for (size_t i = 0; i < trace->count; i++) {
        free(trace->ops[i].bytes);
        free(trace->ops[i].path);
        free(trace->ops[i].path_to);
    }
    free(trace->ops);
    free(trace);
    *trace_ptr = NULL;
}

void sim_mark(struct sim *sim, uint64_t a, uint64_t b)
{
    pthread_mutex_lock(&sim->lock);
    struct sim_op *op = trace_add(sim, SIM_OP_MARK, NULL);
    if (op) {
        op->off = a;
        op->len = b;
    }
    pthread_mutex_unlock(&sim->lock);
}

size_t sim_trace_len(const struct sim *sim)
{
    return sim->trace ? sim->trace->count : 0;
}

const struct sim_op *sim_trace_op(const struct sim *sim, size_t pos)
{
    return &sim->trace->ops[pos];
}

void sim_replay(struct sim *to, const struct sim_op *op)
{
    pthread_mutex_lock(&to->lock);
    struct inode *inode = op->file < to->inode_count ? to->inodes[op->file] : NULL;
    switch (op->kind) {
    case SIM_OP_CREATE:
        names_create(to, op->path);
        break;
    case SIM_OP_WRITE:
        inode_write(to, inode, op->bytes, (size_t)op->len, op->off);
        break;
    case SIM_OP_SYNC:
        inode_sync(to, inode);
        break;
    case SIM_OP_TRUNCATE:
        inode_truncate(to, inode, op->off);
        break;
    case SIM_OP_PUNCH:
        inode_punch(to, inode, op->off, op->len);
        break;
    case SIM_OP_RENAME:
        names_rename(to, op->path, op->path_to);
        break;
    case SIM_OP_LINK:
        names_link(to, op->path, op->path_to);
        break;
    case SIM_OP_UNLINK:
        names_unlink(to, op->path);
        break;
    case SIM_OP_SYNC_DIR:
        names_sync(to, op->path);
        break;
    case SIM_OP_DROP:
        inode_drop(to, inode, op->len != 0);
        break;
    case SIM_OP_FORGET:
        inode_forget(to, inode, op->off);
        break;
    case SIM_OP_MARK:
        trace_add(to, SIM_OP_MARK, NULL);
        break;
    }
    pthread_mutex_unlock(&to->lock);
}
