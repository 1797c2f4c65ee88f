/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the table of copied attachments (attmap.h).
 */
#include "compactor/attmap.h"

#include "base/alloc.h"
#include "base/arith.h"
#include "base/fail.h"

#define CAP_MIN 1024u
#define CAP_MAX (1u << 21) /* 64 MiB */

void tufi_attmap_release(struct att_map *m)
{
    tufi_free(m->slots);
    *m = (struct att_map){ .count = 0 };
}

static struct att_place *slot_of(const struct att_map *m, uint64_t old_off)
{
    uint64_t hash = old_off * UINT64_C(0x9e3779b97f4a7c15);
    size_t pos = (size_t)(hash ^ hash >> 32) & (m->cap - 1);
    while (m->slots[pos].old_off != 0 && m->slots[pos].old_off != old_off)
        pos = (pos + 1) & (m->cap - 1);
    return &m->slots[pos];
}

bool tufi_attmap_find(const struct att_map *m, struct att_data *data)
{
    if (m->cap == 0)
        return false;
    const struct att_place *slot = slot_of(m, data->loc.off);
    if (slot->old_off == 0)
        return false;
    data->loc = slot->new_loc;
    return true;
}

/* Moves what is large enough to a table of another size. */
static tuf_status rebuild(struct att_map *m, size_t cap)
{
    struct att_map new = { .cap = cap, .kib_min = m->kib_min };
    new.slots = tufi_alloc_zero(cap * sizeof(*new.slots));
    if (!new.slots)
        return tufi_nomem();
    for (size_t i = 0; i < m->cap; i++) {
        const struct att_place *old = &m->slots[i];
        if (old->old_off == 0 || old->kib < new.kib_min)
            continue;
        *slot_of(&new, old->old_off) = *old;
        new.count++;
    }
    tufi_free(m->slots);
    *m = new;
    return TUF_OK;
}

/* INV-AM-1. */
static tuf_status make_room(struct att_map *m)
{
    if (m->cap < CAP_MAX)
        return rebuild(m, m->cap > 0 ? m->cap * 2 : CAP_MIN);
    tuf_status st = TUF_OK;
    while (st == TUF_OK && m->count > m->cap / 2) {
        m->kib_min = m->kib_min > 0 ? m->kib_min * 2 : 1;
        st = rebuild(m, m->cap);
    }
    return st;
}

tuf_status tufi_attmap_add(struct att_map *m, uint64_t old_off, const struct att_data *data)
{
    uint32_t kib = (uint32_t)min_u64((data->encoded_length + 1023) / 1024, UINT32_MAX / 2);
    if (kib < m->kib_min || old_off == 0)
        return TUF_OK;
    tuf_status st = m->count >= m->cap / 4 * 3 ? make_room(m) : TUF_OK;
    if (st < 0 || kib < m->kib_min)
        return st;
    struct att_place *slot = slot_of(m, old_off);
    m->count += slot->old_off == 0;
    *slot = (struct att_place){ old_off, data->loc, kib };
    return TUF_OK;
}
