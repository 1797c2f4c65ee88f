/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the order monitor: rules about the order of writes and syncs that hold in every run, crash
 * or not, and so are checked in all of them.
 *
 * INV-MON-1: a sector that holds synced bytes below the committed end is not written again, and the
 *            file is not cut below it.
 * INV-MON-2: when a caller was told that a commit is durable, nothing of the file below the
 * committed end is un-synced, and the file's name is durable.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_int.h"

bool bytes_are_zero(const uint8_t *bytes, size_t len)
{
    return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

void sim_violation(struct sim *sim, const char *fmt, ...)
{
    if (sim->monitor == SIM_MONITOR_OFF)
        return;
    sim->monitor_violations++;
    if (sim->monitor == SIM_MONITOR_COUNT)
        return;
    va_list args;
    va_start(args, fmt);
    fputs("order monitor: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

void monitor_write(struct sim *sim, const struct inode *inode, uint64_t sector)
{
    if (!inode->covered[sector] || sector * sim->sector_size >= inode->committed_end)
        return;
    sim_violation(sim, "file %u: a write into sector %llu (%u bytes each), which is committed",
                  inode->number, (unsigned long long)sector, sim->sector_size);
}

void monitor_truncate(struct sim *sim, struct inode *inode, uint64_t size)
{
    if (size >= inode->committed_end)
        return;
    sim_violation(sim, "file %u: cut to %llu bytes, of which %llu are committed", inode->number,
                  (unsigned long long)size, (unsigned long long)inode->committed_end);
    inode->committed_end = size;
}

void sim_acked(struct sim *sim, const char *path, uint64_t end)
{
    pthread_mutex_lock(&sim->lock);
    struct inode *inode = name_find(&sim->now, path);
    if (!inode)
        sim_violation(sim, "%s was acknowledged and does not exist", path);
    for (size_t i = 0; inode && i < inode->item_count; i++) {
        const struct item *item = &inode->items[i];
        if (item->kind == SIM_ITEM_SECTOR && item->sector * sim->sector_size < end)
            sim_violation(sim, "%s: acknowledged, but sector %llu is not synced", path,
                          (unsigned long long)item->sector);
    }
    if (inode && inode->durable.size < end)
        sim_violation(sim, "%s: acknowledged, but its size is not synced", path);
    if (inode && end > inode->committed_end)
        inode->committed_end = end;
    if (inode && name_find(&sim->durable, path) != inode)
        sim_violation(sim, "%s: acknowledged, but its name is not synced", path);
    pthread_mutex_unlock(&sim->lock);
}

void sim_set_monitor(struct sim *sim, enum sim_monitor mode)
{
    sim->monitor = mode;
}

uint64_t sim_monitor_violations(const struct sim *sim)
{
    return sim->monitor_violations;
}
