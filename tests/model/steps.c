/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: invents changes: which document, which parent, which history, which attachments.
 *
 * Histories that are invented are consistent: a revision has one past for ever, as with hashes. The
 * pasts of all revisions that were ever stored are remembered and used again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/run.h"

#define PAST_MAX 40 /* revisions remembered of a past */

void change_release(struct change *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->edits[i].path.revs);
    *c = (struct change){ 0 };
}

static struct ref_path copy_path(const struct ref_rev *revs, size_t count)
{
    struct ref_path path = { malloc(count * sizeof(*revs) + 1), count };
    if (!path.revs)
        abort();
    memcpy(path.revs, revs, count * sizeof(*revs));
    return path;
}

void remember(struct run *r, uint8_t id, const struct ref_path *path)
{
    for (size_t i = 0; i < r->known_count[id]; i++)
        if (ref_rev_compare(&r->known[id][i].revs[0], &path->revs[0]) == 0)
            return;
    size_t pos = r->known_count[id];
    if (pos == RUN_KNOWN_MAX) {
        pos = (size_t)rng_below(&r->rng, RUN_KNOWN_MAX);
        free(r->known[id][pos].revs);
    } else {
        r->known_count[id]++;
    }
    r->known[id][pos] = copy_path(path->revs, path->count < PAST_MAX ? path->count : PAST_MAX);
}

static struct ref_edit *add_edit(struct run *r, struct change *c)
{
    struct ref_edit *e = &c->edits[c->count++];
    *e = (struct ref_edit){ .id = (uint8_t)rng_below(&r->rng, r->id_count) };
    e->body = rng_chance(&r->rng, 8) ? 0 : (uint32_t)++r->next_body * 37;
    if (rng_chance(&r->rng, 30))
        e->body = (uint32_t)rng_next(&r->rng);
    return e;
}

static void add_inline_atts(struct run *r, struct ref_edit *e)
{
    if (!rng_chance(&r->rng, 6))
        return;
    for (uint8_t name = 0; name < REF_ATTS_MAX; name++) {
        if (rng_chance(&r->rng, 2))
            continue;
        struct ref_att att = { .name = name,
                               .type = (uint8_t)rng_below(&r->rng, 3),
                               .seed = (uint32_t)rng_next(&r->rng),
                               .len = (uint32_t)rng_below(&r->rng, 300) };
        e->atts[e->att_count++] = (struct ref_edit_att){ att, false };
    }
}

/* Makes the edit extend a leaf: mostly the winner. */
static void extend_leaf(struct run *r, struct ref_edit *e)
{
    const struct ref_doc *doc = ref_find(&r->ref, e->id);
    if (!doc)
        return;
    size_t leaf = rng_chance(&r->rng, 4) ? (size_t)rng_below(&r->rng, doc->path_count) : 0;
    e->has_rev = true;
    e->rev = doc->paths[leaf].revs[0];
}

void pick_put(struct run *r, struct change *c)
{
    struct ref_edit *e = add_edit(r, c);
    const struct ref_doc *doc = ref_find(&r->ref, e->id);
    /* Mostly what succeeds; sometimes no revision, a wrong one, an inner one. */
    if (doc && !ref_winner(doc)->deleted && !rng_chance(&r->rng, 5))
        extend_leaf(r, e);
    else if (doc && rng_chance(&r->rng, 5)) {
        e->has_rev = true;
        e->rev = doc->nodes[rng_below(&r->rng, doc->node_count)].rev;
    } else if (rng_chance(&r->rng, 12)) {
        e->has_rev = true;
        e->rev = (struct ref_rev){ .gen = 1 + rng_below(&r->rng, 3), .len = 3, .id = "xyz" };
    }
    e->deleted = rng_chance(&r->rng, 25);
    add_inline_atts(r, e);
}

/* A document that exists, if any of a few tries finds one. */
static void choose_existing(struct run *r, struct ref_edit *e)
{
    for (int i = 0; i < 4 && !ref_find(&r->ref, e->id); i++)
        e->id = (uint8_t)rng_below(&r->rng, r->id_count);
}

void pick_update(struct run *r, struct change *c, bool deleted)
{
    struct ref_edit *e = add_edit(r, c);
    choose_existing(r, e);
    extend_leaf(r, e);
    e->deleted = deleted;
    if (deleted && rng_chance(&r->rng, 2))
        e->body = 0;
    if (!deleted)
        add_inline_atts(r, e);
}

static struct ref_rev new_rev(struct run *r, uint64_t gen)
{
    struct ref_rev rev = { .gen = gen, .len = 16 };
    rng_fill(&r->rng, rev.id, sizeof(rev.id));
    if (rng_chance(&r->rng, 6)) { /* ids that are no hashes, and never come twice */
        char text[17];
        r->next_body++;
        rev.len = (uint8_t)snprintf(text, sizeof(text), "r%llu",
                                    (unsigned long long)(r->next_body % 1000000000));
        memset(rev.id, 0, sizeof(rev.id));
        memcpy(rev.id, text, rev.len);
    }
    return rev;
}

/* New revisions on top of a known past (or of nothing), with as much of it as pleases. */
static struct ref_path invent_path(struct run *r, uint8_t id)
{
    struct ref_rev revs[PAST_MAX + 8];
    size_t fresh = 1 + (size_t)rng_below(&r->rng, 4), count = fresh;
    uint64_t gen = 0;
    if (r->known_count[id] > 0 && !rng_chance(&r->rng, 4)) {
        const struct ref_path *past = &r->known[id][rng_below(&r->rng, r->known_count[id])];
        size_t from = rng_chance(&r->rng, 2) ? 0 : (size_t)rng_below(&r->rng, past->count);
        memcpy(revs + fresh, past->revs + from, (past->count - from) * sizeof(*revs));
        count += past->count - from;
        gen = past->revs[from].gen;
    } else if (rng_chance(&r->rng, 4)) {
        gen = rng_below(&r->rng, 6); /* the older part is not told */
    }
    for (size_t i = fresh; i > 0; i--)
        revs[i - 1] = new_rev(r, ++gen);
    struct ref_path whole = { revs, count };
    remember(r, id, &whole);
    size_t told = rng_chance(&r->rng, 3) ? 1 + (size_t)rng_below(&r->rng, count) : count;
    return copy_path(revs, told);
}

/* A revision that was stored before, or one in its past, once more. */
static struct ref_path repeat_path(struct run *r, uint8_t id)
{
    const struct ref_path *past = &r->known[id][rng_below(&r->rng, r->known_count[id])];
    size_t from = rng_chance(&r->rng, 2) ? 0 : (size_t)rng_below(&r->rng, past->count);
    size_t told = 1 + (size_t)rng_below(&r->rng, past->count - from);
    return copy_path(past->revs + from, told);
}

void pick_conflict(struct run *r, struct change *c)
{
    struct ref_edit *e = add_edit(r, c);
    e->replicated = true;
    bool repeat = r->known_count[e->id] > 0 && rng_chance(&r->rng, 4);
    e->path = repeat ? repeat_path(r, e->id) : invent_path(r, e->id);
    e->deleted = rng_chance(&r->rng, 5);
    add_inline_atts(r, e);
}

void pick_bulk(struct run *r, struct change *c)
{
    size_t count = 2 + (size_t)rng_below(&r->rng, 9);
    bool replicated = rng_chance(&r->rng, 4);
    for (size_t i = 0; i < count; i++) {
        if (!replicated) {
            if (rng_chance(&r->rng, 6))
                pick_local(r, c);
            else
                pick_put(r, c);
            continue;
        }
        pick_conflict(r, c);
        /* Within one request a document's revisions are merged at once, which is another rule. */
        struct ref_edit *last = &c->edits[c->count - 1];
        for (size_t k = 0; k + 1 < c->count; k++) {
            if (c->edits[k].id == last->id) {
                free(last->path.revs);
                last->path.revs = NULL;
                c->count--;
                break;
            }
        }
    }
}

void pick_local(struct run *r, struct change *c)
{
    struct ref_edit *e = add_edit(r, c);
    e->local = true;
    e->id = (uint8_t)rng_below(&r->rng, REF_LOCALS);
    const struct ref_local *local = &r->ref.locals[e->id];
    e->has_rev = local->exists && !rng_chance(&r->rng, 6);
    e->local_rev = local->rev;
    e->deleted = rng_chance(&r->rng, 4);
}

void pick_stubs(struct run *r, struct change *c)
{
    struct ref_edit *e = add_edit(r, c);
    choose_existing(r, e);
    extend_leaf(r, e);
    const struct ref_doc *doc = ref_find(&r->ref, e->id);
    if (!doc || ref_winner(doc)->deleted)
        return;
    const struct ref_node *parent = ref_node_of(doc, &e->rev);
    bool wrong = rng_chance(&r->rng, 6);
    for (uint8_t name = 0; name < REF_ATTS_MAX; name++) {
        bool has = false;
        for (size_t i = 0; i < parent->att_count; i++)
            has |= parent->atts[i].name == name;
        if (has == wrong || rng_chance(&r->rng, 4))
            continue;
        e->atts[e->att_count++] = (struct ref_edit_att){ { .name = name }, true };
    }
}
