/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: workloads put together from operations: each alone, all ordered pairs, and sampled triples.
 *
 * The database is created and gets a few documents first; crashes begin behind that, because the
 * workloads written by hand (workloads.c) crash the creation already. Each operation works on
 * documents of its own place in the sequence, so that any order of them is possible.
 *
 * Source: CrashMonkey and ACE (Mohan et al. 2018): bounded sequences of operations, enumerated,
 * find more than long random ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/crash/script.h"

struct operation {
    const char *name;
    void (*run)(struct script *s, unsigned place);
};

static void op_put(struct script *s, unsigned place)
{
    char doc[64];
    snprintf(doc, sizeof(doc), "{\"_id\":\"put%u\",\"v\":[1,2,3]}", place);
    script_put(s, 0, doc);
}

static void op_update(struct script *s, unsigned place)
{
    char body[64];
    snprintf(body, sizeof(body), "{\"v\":\"update %u\"}", place);
    script_update(s, 0, "u", body);
}

static void op_delete(struct script *s, unsigned place)
{
    char id[8];
    snprintf(id, sizeof(id), "x%u", place);
    script_update(s, 0, id, NULL);
}

static void op_conflict(struct script *s, unsigned place)
{
    char doc[160];
    snprintf(doc, sizeof(doc),
             "{\"_id\":\"c\",\"_rev\":\"2-b%u\",\"_revisions\":{\"start\":2,\"ids\":[\"b%u\","
             "\"a%u\"]},\"v\":\"other\"}",
             place, place, place);
    script_put_replicated(s, 0, doc);
}

static void op_batch(struct script *s, unsigned place)
{
    enum { COUNT = 20 };
    static char texts[COUNT][48];
    const char *docs[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(texts[i], sizeof(texts[i]), "{\"_id\":\"batch%u-%02u\",\"n\":%u}", place, i, i);
        docs[i] = texts[i];
    }
    if (script_batch(s, 0, docs, COUNT, 0, 0) != TUF_OK)
        abort();
}

static void op_local(struct script *s, unsigned place)
{
    char doc[64];
    snprintf(doc, sizeof(doc), "{\"_id\":\"_local/l%u\",\"v\":%u}", place, place);
    script_put(s, 0, doc);
}

static void op_attach(struct script *s, unsigned place)
{
    static uint8_t bytes[6000];
    char id[16];
    struct rng rng = { place + 1 };
    rng_fill(&rng, bytes, sizeof(bytes));
    snprintf(id, sizeof(id), "att%u", place);
    script_attach(s, 0, id, "image/png", tuf_slice_of(bytes, sizeof(bytes)), 2500);
}

static void op_inline(struct script *s, unsigned place)
{
    char doc[160];
    snprintf(doc, sizeof(doc),
             "{\"_id\":\"inline%u\",\"_attachments\":{\"x\":{\"content_type\":\"text/plain\","
             "\"data\":\"aGVsbG8gd29ybGQ=\"}}}",
             place);
    script_put(s, 0, doc);
}

static void op_meta(struct script *s, unsigned place)
{
    char value[32];
    snprintf(value, sizeof(value), "{\"place\":%u}", place);
    script_meta(s, 0, "security", value);
}

static void op_purge(struct script *s, unsigned place)
{
    char id[8];
    snprintf(id, sizeof(id), "g%u", place);
    script_purge_winner(s, 0, id);
}

static void op_revs_limit(struct script *s, unsigned place)
{
    script_revs_limit(s, 0, 1 + place);
}

static void op_purged_infos(struct script *s, unsigned place)
{
    script_purged_infos_limit(s, 0, 10 + place);
}

/* Visible, not yet durable: what follows may have to carry it along. */
static void op_no_wait(struct script *s, unsigned place)
{
    char text[64];
    const char *doc = text;
    snprintf(text, sizeof(text), "{\"_id\":\"lazy%u\"}", place);
    if (script_batch(s, 0, &doc, 1, 0, TUF_COMMIT_NO_WAIT) != TUF_OK)
        abort();
}

static void op_sync(struct script *s, unsigned place)
{
    op_no_wait(s, place);
    script_sync(s, 0);
}

static void op_checkpoint(struct script *s, unsigned place)
{
    (void)place;
    script_checkpoint(s, 0);
}

static void op_compact(struct script *s, unsigned place)
{
    (void)place;
    script_compact(s, 0);
}

static void op_trim(struct script *s, unsigned place)
{
    (void)place;
    script_trim(s, 0);
}

static void op_reopen(struct script *s, unsigned place)
{
    (void)place;
    script_close(s, 0);
    script_open(s, 0);
}

static void op_compact_part(struct script *s, unsigned place)
{
    (void)place;
    script_compact_part(s, 0);
}

static void op_pin(struct script *s, unsigned place)
{
    char name[8];
    snprintf(name, sizeof(name), "p%u", place);
    script_pin(s, 0, name);
}

static void op_unpin(struct script *s, unsigned place)
{
    if (!script_pinned(s, 0))
        op_pin(s, place);
    script_unpin(s, 0);
}

static void op_restore_purge(struct script *s, unsigned place)
{
    char id[16];
    snprintf(id, sizeof(id), "elsewhere%u", place);
    script_restore_purge(s, 0, id);
}

static void op_backup(struct script *s, unsigned place)
{
    (void)place;
    script_backup(s, 0);
}

static void op_salvage(struct script *s, unsigned place)
{
    script_salvage(s, 0, place);
}

/* A snapshot that the following operations have to keep whole; read again when it ends. */
static void op_snapshot(struct script *s, unsigned place)
{
    (void)place;
    script_hold(s, 0);
}

static const struct operation operations[] = {
    { "put", op_put },
    { "update", op_update },
    { "delete", op_delete },
    { "conflict", op_conflict },
    { "batch", op_batch },
    { "local", op_local },
    { "attach", op_attach },
    { "inline", op_inline },
    { "meta", op_meta },
    { "purge", op_purge },
    { "revs_limit", op_revs_limit },
    { "purged_infos", op_purged_infos },
    { "no_wait", op_no_wait },
    { "sync", op_sync },
    { "checkpoint", op_checkpoint },
    { "compact", op_compact },
    { "trim", op_trim },
    { "reopen", op_reopen },
    { "snapshot", op_snapshot },
    { "compact_part", op_compact_part },
    { "pin", op_pin },
    { "unpin", op_unpin },
    { "restore_purge", op_restore_purge },
    { "backup", op_backup },
    { "salvage", op_salvage },
};
#define OP_COUNT (sizeof(operations) / sizeof(*operations))
#define TRIPLE_COUNT 200

static struct workload composed[OP_COUNT + OP_COUNT * OP_COUNT + TRIPLE_COUNT];
static char names[sizeof(composed) / sizeof(*composed)][48];

static void run_composed(struct script *s)
{
    static const char *const docs[] = { "{\"_id\":\"u\",\"v\":0}",  "{\"_id\":\"c\",\"v\":0}",
                                        "{\"_id\":\"x0\",\"v\":0}", "{\"_id\":\"x1\",\"v\":0}",
                                        "{\"_id\":\"x2\",\"v\":0}", "{\"_id\":\"g0\",\"v\":0}",
                                        "{\"_id\":\"g1\",\"v\":0}", "{\"_id\":\"g2\",\"v\":0}" };
    const struct workload *w = s->workload;
    script_open(s, 0);
    if (script_batch(s, 0, docs, sizeof(docs) / sizeof(*docs), 0, 0) != TUF_OK)
        abort();
    script_start(s);
    for (unsigned place = 0; place < w->op_count; place++)
        operations[w->ops[place]].run(s, place);
    script_end_hold(s);
}

static void add(size_t *count, unsigned op_count, size_t first, size_t second, size_t third)
{
    size_t ops[3] = { first, second, third };
    struct workload *w = &composed[*count];
    char *name = names[*count];
    *w = (struct workload){ .name = name, .run = run_composed, .op_count = op_count };
    for (unsigned i = 0; i < op_count; i++) {
        w->ops[i] = (uint8_t)ops[i];
        snprintf(name + strlen(name), sizeof(names[0]) - strlen(name), "%s%s", i > 0 ? "+" : "",
                 operations[ops[i]].name);
    }
    ++*count;
}

const struct workload *composed_workloads(size_t *count_out)
{
    static size_t count;
    struct rng rng = { 3 };
    if (count == 0) {
        for (size_t i = 0; i < OP_COUNT; i++)
            add(&count, 1, i, 0, 0);
        for (size_t i = 0; i < OP_COUNT; i++)
            for (size_t k = 0; k < OP_COUNT; k++)
                add(&count, 2, i, k, 0);
        for (size_t i = 0; i < TRIPLE_COUNT; i++) {
            size_t first = (size_t)rng_below(&rng, OP_COUNT);
            size_t second = (size_t)rng_below(&rng, OP_COUNT);
            add(&count, 3, first, second, (size_t)rng_below(&rng, OP_COUNT));
        }
    }
    *count_out = count;
    return composed;
}
