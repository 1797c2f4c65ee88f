/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: builds the disk that a power failure leaves: what is durable, plus the chosen items, plus
 * the chosen damage.
 *
 * INV-IMG-1: with every item kept and no damage the crashed disk shows what was seen before.
 * Source: FoundationDB's AsyncFileNonDurable, which treats each un-synced sector on its own; the
 * damage kinds follow SQLite's list of what disks do.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"
#include "tests/sim/sim_int.h"

/* Whether a crash can still show the file. */
static bool reachable(const struct sim *sim, const struct inode *inode)
{
    for (size_t i = 0; i < sim->durable.count; i++)
        if (sim->durable.names[i].inode == inode)
            return true;
    for (size_t i = 0; i < sim->pending_count; i++)
        if (sim->pending[i].inode == inode && sim->pending[i].op != NAME_UNLINK)
            return true;
    return false;
}

static size_t items_of(const struct sim *sim, const struct inode *inode)
{
    return reachable(sim, inode) ? inode->item_count : 0;
}

size_t sim_pending_count(struct sim *sim)
{
    size_t count = sim->pending_count;
    for (size_t i = 0; i < sim->inode_count; i++)
        count += items_of(sim, sim->inodes[i]);
    return count;
}

struct sim_item_info sim_pending(struct sim *sim, size_t pos)
{
    if (pos < sim->pending_count)
        return (struct sim_item_info){ SIM_ITEM_NAME, false, sim->pending[pos].inode->number, 0 };
    pos -= sim->pending_count;
    for (size_t i = 0; i < sim->inode_count; i++) {
        const struct inode *inode = sim->inodes[i];
        size_t count = items_of(sim, inode);
        if (pos < count) {
            const struct item *item = &inode->items[pos];
            return (struct sim_item_info){ item->kind, item->noop, inode->number, item->sector };
        }
        pos -= count;
    }
    abort();
}

/* ---- filling --------------------------------------------------------------------------------- */

struct build {
    const struct sim *sim;
    const struct sim_plan *plan;
    const struct inode *from;
    struct inode *to;
    struct rng rng;
    uint8_t *written; /* per sector: a kept item wrote it */
    size_t written_cap;
    uint64_t base_size; /* the smallest size the file had among what was kept */
};

static void fill_sector(struct build *b, uint64_t sector, enum sim_fill fill, uint64_t copy_from)
{
    uint32_t sector_size = b->sim->sector_size;
    struct content *c = &b->to->now;
    content_reserve(c, (size_t)(sector + 1) * sector_size, sector_size);
    uint8_t *at = c->data + sector * sector_size;
    const struct content *history = &b->to->history;
    switch (fill) {
    case SIM_FILL_ZERO:
        memset(at, 0, sector_size);
        return;
    case SIM_FILL_GARBAGE:
        rng_fill(&b->rng, at, sector_size);
        return;
    case SIM_FILL_STALE:
        if ((sector + 1) * sector_size <= history->cap)
            memcpy(at, history->data + sector * sector_size, sector_size);
        return;
    case SIM_FILL_COPY:
        if (copy_from < sector)
            memcpy(at, c->data + copy_from * sector_size, sector_size);
        return;
    }
}

/* Fills the sectors from `first` to `end` that no kept item wrote. Copies run on together, so that
 * whole frames are copied. */
static void fill_range(struct build *b, uint64_t first, uint64_t end, enum sim_fill fill)
{
    uint64_t copy_from = first > 0 ? rng_below(&b->rng, first) : 0;
    for (uint64_t s = first; s < end; s++, copy_from++)
        if (s >= b->written_cap || !b->written[s])
            fill_sector(b, s, fill, copy_from);
}

static void damage_sector(struct build *b, const struct item *item)
{
    uint32_t sector_size = b->sim->sector_size;
    struct content *c = &b->to->now;
    uint8_t *at = c->data + item->sector * sector_size;
    uint32_t cut = b->plan->damage_at % sector_size;
    switch (b->plan->damage) {
    case SIM_DAMAGE_NONE:
        memcpy(at, item->bytes, sector_size);
        return;
    case SIM_DAMAGE_TEAR_HEAD:
        memcpy(at, item->bytes, cut);
        return;
    case SIM_DAMAGE_TEAR_TAIL:
        memcpy(at + cut, item->bytes + cut, sector_size - cut);
        return;
    case SIM_DAMAGE_ZERO:
        memset(at, 0, sector_size);
        return;
    case SIM_DAMAGE_GARBAGE:
        rng_fill(&b->rng, at, sector_size);
        return;
    case SIM_DAMAGE_COPY:
        if (item->sector > 0)
            memcpy(at, c->data + rng_below(&b->rng, item->sector) * sector_size, sector_size);
        return;
    }
}

static void keep_item(struct build *b, const struct item *item, bool damaged)
{
    uint32_t sector_size = b->sim->sector_size;
    struct content *c = &b->to->now;
    if (item->kind == SIM_ITEM_SECTOR) {
        b->written[item->sector] = 1;
        content_reserve(c, (size_t)(item->sector + 1) * sector_size, sector_size);
        if (damaged) {
            damage_sector(b, item);
            return;
        }
    }
    content_apply(c, item, sector_size);
    b->base_size = min_u64(b->base_size, c->size);
}

/* What is in flight now may be what the offsets held in the past when the next crash comes. */
static void extend_history(struct build *b)
{
    uint32_t sector_size = b->sim->sector_size;
    const struct content *now = &b->from->now;
    content_reserve(&b->to->history, now->cap, sector_size);
    for (size_t off = 0; off < now->cap; off += sector_size)
        if (!bytes_are_zero(now->data + off, sector_size))
            memcpy(b->to->history.data + off, now->data + off, sector_size);
}

static void build_size(struct build *b)
{
    uint32_t sector_size = b->sim->sector_size;
    struct content *c = &b->to->now;
    uint64_t size = c->size;
    if (size > b->base_size && b->plan->size_permille < 1000)
        size = b->base_size + (size - b->base_size) * b->plan->size_permille / 1000;
    uint64_t end = align_up(size, sector_size) / sector_size;
    if (size > b->base_size && b->plan->fill != SIM_FILL_ZERO)
        fill_range(b, align_up(b->base_size, sector_size) / sector_size, end, b->plan->fill);
    if (b->plan->tail_sectors > 0) {
        memset(b->written, 0, b->written_cap);
        fill_range(b, end, end + b->plan->tail_sectors, b->plan->tail);
        size = (end + b->plan->tail_sectors) * sector_size;
    }
    content_reserve(c, (size_t)size, sector_size);
    if (size < c->cap)
        memset(c->data + size, 0, c->cap - (size_t)size);
    c->size = (size_t)size;
}

/* `keep` and the damaged position are relative to the file's first item. */
static struct inode *build_inode(struct sim *out, struct build *b, const uint8_t *keep,
                                 size_t damaged)
{
    uint32_t sector_size = b->sim->sector_size;
    const struct inode *from = b->from;
    b->to = sim_inode_new(out);
    b->written_cap = max_size(from->flag_cap, 1);
    b->written = sim_xalloc(NULL, b->written_cap);
    memset(b->written, 0, b->written_cap);
    content_copy(&b->to->now, &from->durable, sector_size);
    b->base_size = from->durable.size;
    content_copy(&b->to->history, &from->history, sector_size);
    for (size_t i = 0; i < from->item_count; i++)
        if ((keep && keep[i]) || i == damaged)
            keep_item(b, &from->items[i], i == damaged);
    build_size(b);
    extend_history(b);
    free(b->written);
    /* All of it is durable now, and committed data in it is guarded again. */
    content_copy(&b->to->durable, &b->to->now, sector_size);
    size_t sectors = b->to->now.cap / sector_size;
    b->to->touched = sim_xalloc(NULL, sectors);
    b->to->covered = sim_xalloc(NULL, sectors);
    b->to->flag_cap = sectors;
    if (sectors > 0)
        memset(b->to->touched, 0, sectors);
    for (size_t s = 0; s < sectors; s++)
        b->to->covered[s] = !bytes_are_zero(b->to->now.data + s * sector_size, sector_size);
    return b->to;
}

static void crash_names(struct name_table *names, struct sim *sim, const struct sim_plan *plan)
{
    for (size_t i = 0; i < sim->durable.count; i++)
        name_set(names, sim->durable.names[i].path, sim->durable.names[i].inode);
    for (size_t i = 0; i < sim->pending_count; i++) {
        bool keep = plan->keep && plan->keep[i];
        if (!keep && sim->profile == SIM_ORDERED)
            return;
        if (keep)
            name_apply(names, &sim->pending[i]);
    }
}

/* The position of a file's first item among all pending ones. */
static size_t first_item_of(const struct sim *sim, const struct inode *inode)
{
    size_t pos = sim->pending_count;
    for (size_t i = 0; i < sim->inode_count && sim->inodes[i] != inode; i++)
        pos += items_of(sim, sim->inodes[i]);
    return pos;
}

/* An empty disk that goes on where another stopped. */
static struct sim *new_after(const struct sim *sim, uint64_t salt)
{
    struct sim *out = sim_new(sim->sector_size, sim->seed);
    out->rng.state = rng_mix(sim->rng.state ^ salt);
    out->clock_us = sim->clock_us;
    out->profile = sim->profile;
    out->monitor = sim->monitor;
    out->space = sim->space;
    out->no_sharing = sim->no_sharing;
    return out;
}

static struct inode *crash_inode(struct sim *out, const struct sim *sim, const struct inode *from,
                                 const struct sim_plan *plan)
{
    struct build b = { .sim = sim, .plan = plan, .from = from, .rng = { plan->seed } };
    size_t first = first_item_of(sim, from);
    size_t damaged = plan->damage_item >= first && plan->damage_item != SIM_NO_ITEM
                         ? plan->damage_item - first
                         : SIM_NO_ITEM;
    if (damaged >= from->item_count || from->items[damaged].kind != SIM_ITEM_SECTOR)
        damaged = SIM_NO_ITEM;
    return build_inode(out, &b, plan->keep ? plan->keep + first : NULL, damaged);
}

/* What the file became under a name before; NULL if this is its first one. */
static struct inode *built_before(const struct sim *out, const struct name_table *names, size_t pos)
{
    for (size_t i = 0; i < pos; i++)
        if (names->names[i].inode == names->names[pos].inode)
            return out->now.names[i].inode;
    return NULL;
}

struct sim *sim_crash(struct sim *sim, const struct sim_plan *plan)
{
    struct sim *out = new_after(sim, plan->seed);
    struct name_table names = { 0 };
    crash_names(&names, sim, plan);
    for (size_t i = 0; i < names.count; i++) {
        struct inode *to = built_before(out, &names, i);
        if (!to)
            to = crash_inode(out, sim, names.names[i].inode, plan);
        name_set(&out->now, names.names[i].path, to);
        name_set(&out->durable, names.names[i].path, to);
    }
    for (size_t i = 0; i < names.count; i++)
        free(names.names[i].path);
    free(names.names);
    return out;
}

static void clone_inode(struct sim *out, const struct inode *from)
{
    uint32_t sector_size = out->sector_size;
    struct inode *to = sim_inode_new(out);
    content_copy(&to->now, &from->now, sector_size);
    content_copy(&to->durable, &from->durable, sector_size);
    content_copy(&to->history, &from->history, sector_size);
    to->committed_end = from->committed_end;
    to->item_count = from->item_count;
    to->item_cap = from->item_cap;
    to->items = sim_xalloc(NULL, from->item_cap * sizeof(*to->items));
    for (size_t i = 0; i < from->item_count; i++) {
        to->items[i] = from->items[i];
        if (from->items[i].bytes)
            to->items[i].bytes =
                memcpy(sim_xalloc(NULL, sector_size), from->items[i].bytes, sector_size);
    }
    if (from->flag_cap == 0)
        return;
    to->flag_cap = from->flag_cap;
    to->touched = memcpy(sim_xalloc(NULL, to->flag_cap), from->touched, to->flag_cap);
    to->covered = memcpy(sim_xalloc(NULL, to->flag_cap), from->covered, to->flag_cap);
}

struct sim *sim_clone(struct sim *sim)
{
    struct sim *out = new_after(sim, 0);
    for (size_t i = 0; i < sim->inode_count; i++)
        clone_inode(out, sim->inodes[i]);
    for (size_t i = 0; i < sim->now.count; i++)
        name_set(&out->now, sim->now.names[i].path, out->inodes[sim->now.names[i].inode->number]);
    for (size_t i = 0; i < sim->durable.count; i++)
        name_set(&out->durable, sim->durable.names[i].path,
                 out->inodes[sim->durable.names[i].inode->number]);
    for (size_t i = 0; i < sim->pending_count; i++) {
        const struct pending_name *op = &sim->pending[i];
        out->pending = sim_grow_array(out->pending, out->pending_count, &out->pending_cap,
                                      sizeof(*out->pending));
        out->pending[out->pending_count++] = (struct pending_name){
            .op = op->op,
            .path = sim_xstrdup(op->path),
            .path_to = op->path_to ? sim_xstrdup(op->path_to) : NULL,
            .inode = out->inodes[op->inode->number],
        };
    }
    return out;
}

void sim_plan_random(struct sim_plan *out, uint8_t *keep, struct sim *sim, struct rng *rng)
{
    size_t count = sim_pending_count(sim);
    uint64_t style = rng_below(rng, 6);
    size_t cut = (size_t)rng_below(rng, count + 1);
    for (size_t i = 0; i < count; i++) {
        if (style < 2)
            keep[i] = (uint8_t)style;
        else if (style == 2)
            keep[i] = i < cut;
        else
            keep[i] = rng_below(rng, 10) < (style == 3 ? 5 : style == 4 ? 9 : 1);
    }
    *out = (struct sim_plan)SIM_PLAN_INIT;
    out->keep = keep;
    out->seed = rng_next(rng);
    if (count > 0 && rng_chance(rng, 3)) {
        out->damage_item = (size_t)rng_below(rng, count);
        out->damage = (enum sim_damage)(1 + rng_below(rng, SIM_DAMAGE_COPY));
        out->damage_at = (uint32_t)rng_below(rng, sim->sector_size);
    }
    if (rng_chance(rng, 3))
        out->fill = (enum sim_fill)rng_below(rng, SIM_FILL_COPY + 1);
    if (rng_chance(rng, 4))
        out->size_permille = (uint32_t)rng_below(rng, 1001);
    if (rng_chance(rng, 4)) {
        out->tail_sectors = (uint32_t)(1 + rng_below(rng, 8));
        out->tail = (enum sim_fill)rng_below(rng, SIM_FILL_COPY + 1);
    }
}

static uint64_t hash_word(uint64_t h, const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    h = (h ^ word) * UINT64_C(0x9fb21c651e98df25);
    return h ^ h >> 32;
}

/* Four sums side by side: an image is hashed more often than it is opened. */
static uint64_t hash_bytes(uint64_t h, const uint8_t *data, size_t len)
{
    uint64_t lanes[4] = { h, h + 1, h + 2, h + 3 };
    for (; len >= 32; data += 32, len -= 32)
        for (size_t i = 0; i < 4; i++)
            lanes[i] = hash_word(lanes[i], data + 8 * i);
    h = lanes[0];
    for (size_t i = 1; i < 4; i++)
        h = rng_mix(h ^ lanes[i]);
    for (; len > 0; len--)
        h = (h ^ *data++) * UINT64_C(0x100000001b3);
    return rng_mix(h);
}

uint64_t sim_hash(struct sim *sim)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < sim->now.count; i++) {
        const struct name *name = &sim->now.names[i];
        uint64_t h = hash_bytes(1, (const uint8_t *)name->path, strlen(name->path));
        h = hash_bytes(h ^ name->inode->now.size, name->inode->now.data, name->inode->now.size);
        sum += h; /* the order of names does not matter */
    }
    return sum;
}
