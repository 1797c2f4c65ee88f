/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the workloads of the crash tests. Small on purpose: one or two operations of a kind,
 * crashed at every boundary in every way, find more than long random runs do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/crash/script.h"

static void run_create(struct script *s)
{
    script_open(s, 0);
}

static void run_one_doc(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":1}");
}

static void run_update(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    script_update(s, 0, "a", "{\"v\":1}");
    script_update(s, 0, "a", "{\"v\":2,\"long\":\"0123456789012345678901234567890123456789\"}");
    script_update(s, 0, "a", "{}");
}

static void run_conflict(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    script_put_replicated(s, 0,
                          "{\"_id\":\"a\",\"_rev\":\"2-abc\",\"_revisions\":{\"start\":2,"
                          "\"ids\":[\"abc\",\"ab\"]},\"v\":\"other\"}");
    script_put_replicated(s, 0,
                          "{\"_id\":\"a\",\"_rev\":\"3-x\",\"_deleted\":true,"
                          "\"_revisions\":{\"start\":3,\"ids\":[\"x\",\"abc\",\"ab\"]}}");
}

static void run_delete(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    script_put(s, 0, "{\"_id\":\"b\",\"v\":0}");
    script_update(s, 0, "a", NULL);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":\"again\"}");
}

static void run_batch(struct script *s)
{
    enum { COUNT = 100 };
    static char texts[COUNT][64];
    const char *docs[COUNT];
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"first\"}");
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(texts[i], sizeof(texts[i]), "{\"_id\":\"doc%03zu\",\"n\":%zu}", i, i * 7919);
        docs[i] = texts[i];
    }
    if (script_batch(s, 0, docs, COUNT, 0, 0) != TUF_OK)
        abort();
    script_put(s, 0, "{\"_id\":\"last\"}");
}

static void run_local(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"_local/a\",\"v\":1}");
    script_put(s, 0, "{\"_id\":\"_local/a\",\"_rev\":\"0-1\",\"v\":2}");
    script_put(s, 0, "{\"_id\":\"doc\"}");
    script_put(s, 0, "{\"_id\":\"_local/a\",\"_rev\":\"0-2\",\"_deleted\":true}");
}

static uint8_t *noise(size_t len)
{
    uint8_t *bytes = malloc(len);
    if (!bytes)
        abort();
    struct rng rng = { len };
    rng_fill(&rng, bytes, len);
    return bytes;
}

static void run_att_small(struct script *s)
{
    static const size_t sizes[] = { 1, 4095, 4096, 4097 };
    script_open(s, 0);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        uint8_t *bytes = noise(sizes[i]);
        char id[16];
        snprintf(id, sizeof(id), "att%zu", i);
        script_attach(s, 0, id, "application/octet-stream", tuf_slice_of(bytes, sizes[i]),
                      sizes[i]);
        free(bytes);
    }
}

static void run_att_gzip(struct script *s)
{
    script_open(s, 0);
    static char text[20000];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)('a' + i % 13);
    script_attach(s, 0, "page", "text/plain", tuf_slice_of(text, sizeof(text)), 3000);
    script_put(s, 0,
               "{\"_id\":\"inline\",\"_attachments\":{\"x\":{\"content_type\":\"text/plain\","
               "\"data\":\"aGVsbG8gd29ybGQ=\"}}}");
}

static void run_att_stream(struct script *s)
{
    size_t len = 700 * 1024;
    script_open(s, 0);
    uint8_t *bytes = noise(len);
    script_attach(s, 0, "big", "image/png", tuf_slice_of(bytes, len), 50000);
    free(bytes);
    script_put(s, 0, "{\"_id\":\"after\"}");
}

/* Where the bytes of an attachment land within a sector of the file. */
static size_t landing_of(struct script *s, const uint8_t *bytes, size_t len)
{
    size_t file_len;
    const uint8_t *file = sim_peek(s->sim, s->dbs[0].path, &file_len);
    const uint8_t *at = file ? memmem(file, file_len, bytes, len) : NULL;
    if (!at)
        abort();
    return (size_t)(at - file) % s->config.db_sector;
}

/* An attachment that is a copy of the database's own file, so placed that every frame of the copy
 * stands at the start of a sector, as a real one does. */
static void run_spoof(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":1}");
    script_put(s, 0, "{\"_id\":\"b\",\"v\":2}");
    script_checkpoint(s, 0);
    script_put(s, 0, "{\"_id\":\"c\",\"v\":3}");
    uint8_t *probe = noise(1000);
    script_attach(s, 0, "probe", "image/png", tuf_slice_of(probe, 1000), 1000);
    size_t sector = s->config.db_sector;
    size_t pad = (sector - landing_of(s, probe, 1000)) % sector;
    free(probe);
    size_t file_len;
    const uint8_t *file = sim_peek(s->sim, s->dbs[0].path, &file_len);
    if (file_len > 128 * 1024)
        file_len = 128 * 1024;
    uint8_t *copy = malloc(pad + file_len);
    if (!copy)
        abort();
    memset(copy, 0xee, pad);
    memcpy(copy + pad, file, file_len);
    script_attach(s, 0, "spoof", "image/png", tuf_slice_of(copy, pad + file_len), 8192);
    size_t start = SIZE_MAX;
    file = sim_peek(s->sim, s->dbs[0].path, &file_len);
    const uint8_t *at = memmem(file, file_len, copy, pad + 4096);
    if (at)
        start = (size_t)(at - file) + pad;
    if (start % sector != 0) {
        fprintf(stderr, "the spoof does not stand at a sector's start\n");
        exit(2);
    }
    free(copy);
    script_put(s, 0, "{\"_id\":\"d\",\"v\":4}");
}

static void run_meta(struct script *s)
{
    script_open(s, 0);
    script_meta(s, 0, "security", "{\"admins\":{\"names\":[\"joe\"]}}");
    script_put(s, 0, "{\"_id\":\"a\"}");
    script_meta(s, 0, "security", "{}");
    script_meta(s, 0, "m1", "x");
    script_meta(s, 0, "security", NULL);
}

static void run_purge(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    script_put(s, 0, "{\"_id\":\"b\",\"v\":0}");
    script_put_replicated(s, 0, "{\"_id\":\"b\",\"_rev\":\"1-zz\",\"v\":\"other\"}");
    script_purge_winner(s, 0, "a");
    script_purge_winner(s, 0, "b");
    script_put(s, 0, "{\"_id\":\"a\",\"v\":\"new\"}");
}

static void run_revs_limit(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    for (int i = 0; i < 4; i++)
        script_update(s, 0, "a", "{\"v\":1}");
    script_revs_limit(s, 0, 2);
    script_update(s, 0, "a", "{\"v\":2}");
    script_update(s, 0, "a", "{\"v\":3}");
}

static void run_checkpoint(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    script_put(s, 0, "{\"_id\":\"b\",\"v\":0}");
    script_checkpoint(s, 0);
    script_update(s, 0, "a", "{\"v\":1}");
    script_checkpoint(s, 0);
    script_put(s, 0, "{\"_id\":\"c\",\"v\":0}");
}

/* Checkpoints come by themselves, in the middle of commits. */
static void run_auto_checkpoint(struct script *s)
{
    s->checkpoint_log_size = 6000;
    script_open(s, 0);
    for (int i = 0; i < 10; i++) {
        char doc[64];
        snprintf(doc, sizeof(doc), "{\"_id\":\"doc%d\",\"v\":%d}", i % 7 + i, i);
        script_put(s, 0, doc);
    }
}

static void run_no_wait(struct script *s)
{
    script_open(s, 0);
    const char *docs[] = { "{\"_id\":\"a\"}", "{\"_id\":\"b\",\"v\":[1,2,3]}", "{\"_id\":\"c\"}" };
    for (size_t i = 0; i < 3; i++)
        if (script_batch(s, 0, &docs[i], 1, 0, TUF_COMMIT_NO_WAIT) != TUF_OK)
            abort();
    script_sync(s, 0);
    const char *more[] = { "{\"_id\":\"d\"}", "{\"_id\":\"e\",\"v\":{}}" };
    for (size_t i = 0; i < 2; i++)
        if (script_batch(s, 0, &more[i], 1, 0, TUF_COMMIT_NO_WAIT) != TUF_OK)
            abort();
    script_put(s, 0, "{\"_id\":\"f\"}");
}

static void run_reopen(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    script_close(s, 0);
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"b\",\"v\":0}");
    script_close(s, 0);
    script_open(s, 0);
    script_close(s, 0);
}

/* The disk is full in the middle of a batch; later there is room again. */
static void run_enospc(struct script *s)
{
    enum { COUNT = 30 };
    static char texts[COUNT][4096];
    const char *docs[COUNT];
    struct rng rng = { 5 };
    for (size_t i = 0; i < COUNT; i++) {
        int at = snprintf(texts[i], 64, "{\"_id\":\"doc%02zu\",\"t\":\"", i);
        size_t end = (size_t)at + 3500;
        for (size_t k = (size_t)at; k < end; k++)
            texts[i][k] = (char)('a' + rng_below(&rng, 26));
        strcpy(texts[i] + end, "\"}");
        docs[i] = texts[i];
    }
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\"}");
    if (!s->rehearsal)
        sim_set_space(s->sim, sim_space_used(s->sim) + 20000);
    tuf_status st = script_batch(s, 0, docs, COUNT, 0, 0);
    if (!s->rehearsal && st != TUF_E_FULL) {
        fprintf(stderr, "a full disk gave %s\n", tuf_status_name(st));
        exit(2);
    }
    if (st != TUF_OK) {
        sim_set_space(s->sim, UINT64_MAX);
        if (script_batch(s, 0, docs, COUNT, 0, 0) != TUF_OK && script_failed(s, 0) &&
            script_batch(s, 0, docs, COUNT, 0, 0) != TUF_OK)
            abort();
    }
    script_put(s, 0, "{\"_id\":\"b\"}");
}

/* Fails one call under the third step, opens again and goes on. */
static void run_with_fault(struct script *s, const struct fault_plan *plan)
{
    const char *doc = "{\"_id\":\"b\",\"v\":\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"}";
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\"}");
    if (!s->rehearsal)
        fault_set(s->fault, plan);
    tuf_status st = script_batch(s, 0, &doc, 1, 0, 0);
    if (!s->rehearsal && st == TUF_OK && fault_hits(s->fault) == 0) {
        fprintf(stderr, "the fault never came\n");
        exit(2);
    }
    fault_set(s->fault, NULL);
    if (st != TUF_OK && script_failed(s, 0) && script_batch(s, 0, &doc, 1, 0, 0) != TUF_OK)
        abort();
    script_put(s, 0, "{\"_id\":\"c\"}");
}

static void run_sync_fails(struct script *s)
{
    run_with_fault(s, &(struct fault_plan){ .kind = FAULT_SYNC, .at = 1 });
}

static void run_sync_fails_and_drops(struct script *s)
{
    run_with_fault(
        s, &(struct fault_plan){ .kind = FAULT_SYNC, .at = 1, .drop = true, .evict = true });
}

static void run_sync_fails_and_drops_later(struct script *s)
{
    run_with_fault(s, &(struct fault_plan){ .kind = FAULT_SYNC, .at = 1, .drop = true });
}

static void run_write_fails(struct script *s)
{
    run_with_fault(s,
                   &(struct fault_plan){ .kind = FAULT_PWRITEV, .at = 1, .short_permille = 400 });
}

static void run_two_dbs(struct script *s)
{
    script_open(s, 0);
    script_open(s, 1);
    script_put(s, 0, "{\"_id\":\"a\",\"in\":0}");
    script_put(s, 1, "{\"_id\":\"a\",\"in\":1}");
    script_update(s, 0, "a", "{\"in\":0,\"v\":2}");
    script_close(s, 1);
    script_put(s, 0, "{\"_id\":\"b\"}");
    script_open(s, 1);
    script_put(s, 1, "{\"_id\":\"c\"}");
}

static void run_mix(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    script_meta(s, 0, "m2", "value");
    script_checkpoint(s, 0);
    script_put(s, 0, "{\"_id\":\"_local/x\",\"v\":1}");
    uint8_t *bytes = noise(5000);
    script_attach(s, 0, "att", "image/png", tuf_slice_of(bytes, 5000), 5000);
    free(bytes);
    script_close(s, 0);
    script_open(s, 0);
    script_update(s, 0, "a", NULL);
    script_purge_winner(s, 0, "att");
}

static void run_compact(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    script_update(s, 0, "a", "{\"v\":1}");
    script_compact(s, 0);
    script_put(s, 0, "{\"_id\":\"b\"}");
    script_update(s, 0, "a", "{\"v\":2}");
}

static void run_compact_all(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    script_put_replicated(s, 0,
                          "{\"_id\":\"a\",\"_rev\":\"2-abc\",\"_revisions\":{\"start\":2,"
                          "\"ids\":[\"abc\",\"ab\"]},\"v\":\"other\"}");
    script_put(s, 0, "{\"_id\":\"_local/x\",\"v\":1}");
    script_meta(s, 0, "m", "value");
    uint8_t *bytes = noise(3000);
    script_attach(s, 0, "att", "image/png", tuf_slice_of(bytes, 3000), 3000);
    free(bytes);
    script_put(s, 0, "{\"_id\":\"gone\"}");
    script_purge_winner(s, 0, "gone");
    script_put(s, 0, "{\"_id\":\"dead\"}");
    script_update(s, 0, "dead", NULL);
    script_compact(s, 0);
    script_put(s, 0, "{\"_id\":\"after\"}");
    script_compact(s, 0);
}

/* Large attachments whose blocks belong to both files, and to a third one after the next compaction; where
 * the disk cannot share them they are copied. */
static void run_compact_shared(struct script *s)
{
    enum { SIZE = 80000 };
    bool expected = s->config.sharing && s->config.db_sector >= VFS_CLONE_ALIGN;
    script_open(s, 0);
    uint8_t *bytes = noise(SIZE);
    script_attach(s, 0, "big", "image/png", tuf_slice_of(bytes, SIZE), SIZE);
    free(bytes);
    for (int i = 0; i < 2; i++) {
        uint64_t shared = script_compact(s, 0);
        if ((shared > SIZE / 2) != expected)
            abort();
        script_put(s, 0, i == 0 ? "{\"_id\":\"a\"}" : "{\"_id\":\"b\"}");
    }
}

static void run_compact_reopen(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    script_compact(s, 0);
    script_close(s, 0);
    script_open(s, 0);
    script_update(s, 0, "a", "{\"v\":1}");
    script_compact(s, 0);
    script_put(s, 0, "{\"_id\":\"b\"}");
    script_close(s, 0);
}

/* The disk is full in the middle of a compaction: the old file goes on. */
static void run_compact_full(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    uint8_t *bytes = noise(9000);
    script_attach(s, 0, "att", "image/png", tuf_slice_of(bytes, 9000), 9000);
    free(bytes);
    sim_set_space(s->sim, sim_space_used(s->sim) + 9000);
    tuf_status st = tuf_db_compact(NULL, s->handles[0], NULL);
    if (st != TUF_E_FULL) {
        fprintf(stderr, "a full disk gave %s\n", tuf_status_name(st));
        exit(2);
    }
    sim_set_space(s->sim, UINT64_MAX);
    script_put(s, 0, "{\"_id\":\"b\",\"v\":0}");
    const char *unsynced = "{\"_id\":\"n\"}";
    if (script_batch(s, 0, &unsynced, 1, 0, TUF_COMMIT_NO_WAIT) != TUF_OK)
        abort();
    script_compact(s, 0);
    script_put(s, 0, "{\"_id\":\"c\",\"v\":0}");
}

/* Killed after any document it goes on there: with other attachments than before, with documents that
 * were changed, deleted or purged in between, and after an attempt that was cancelled. */
static void run_compact_resume(struct script *s)
{
    s->resume_size = 1;
    script_open(s, 0);
    for (int i = 0; i < 4; i++) {
        char doc[64];
        snprintf(doc, sizeof(doc), "{\"_id\":\"doc%d\",\"v\":%d}", i, i);
        script_put(s, 0, doc);
    }
    uint8_t *bytes = noise(5000);
    script_attach(s, 0, "att", "image/png", tuf_slice_of(bytes, 5000), 5000);
    free(bytes);
    script_put(s, 0, "{\"_id\":\"_local/l\",\"v\":1}");
    script_compact(s, 0);
    script_update(s, 0, "doc1", "{\"v\":\"new\"}");
    script_compact(s, 0);
}

static int cancel_after(uint64_t bytes, void *ctx)
{
    (void)bytes;
    return --*(int *)ctx < 0 ? TUF_COMPACT_LATER : TUF_COMPACT_GO_ON;
}

static void run_compact_cancelled(struct script *s)
{
    script_open(s, 0);
    for (int i = 0; i < 4; i++) {
        char doc[64];
        snprintf(doc, sizeof(doc), "{\"_id\":\"doc%d\",\"v\":%d}", i, i);
        script_put(s, 0, doc);
    }
    int frames = 5; /* three documents, each with its checkpoint */
    tuf_compact_options opts = TUF_COMPACT_OPTIONS_INIT;
    opts.resume_size = 1;
    opts.pace = cancel_after;
    opts.ctx = &frames;
    if (tuf_db_compact(NULL, s->handles[0], &opts) != TUF_STOPPED)
        abort();
    script_update(s, 0, "doc1", "{\"v\":\"new\"}");
    script_purge_winner(s, 0, "doc0");
    script_close(s, 0);
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"later\"}");
    script_compact(s, 0);
    script_put(s, 0, "{\"_id\":\"end\"}");
}

/* Named snapshots of the file at hand, of one that was compacted away, of one that two names share. */
static void run_pins(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    script_pin(s, 0, "one");
    script_update(s, 0, "a", "{\"v\":1}");
    script_pin(s, 0, "two");
    script_compact(s, 0);
    script_pin(s, 0, "zero");
    script_unpin(s, 0);
    script_put(s, 0, "{\"_id\":\"b\"}");
    script_compact(s, 0);
    script_unpin(s, 0);
    script_close(s, 0);
    script_open(s, 0);
    script_unpin(s, 0);
    script_compact(s, 0);
}

/* The compaction that keeps a pinned file is given up after it did: no file may be left for ever. */
static void run_pins_stopped(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    script_put(s, 0, "{\"_id\":\"b\",\"v\":0}");
    script_pin(s, 0, "one");
    script_compact_part(s, 0);
    script_unpin(s, 0);
    script_pin(s, 0, "two");
    script_compact(s, 0);
    script_unpin(s, 0);
}

/* A copy that is made, brought up to date, and made again when the file was compacted. */
static void run_backups(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    script_backup(s, 0);
    script_update(s, 0, "a", "{\"v\":1}");
    script_backup(s, 0);
    script_compact(s, 0);
    script_put(s, 0, "{\"_id\":\"b\"}");
    script_backup(s, 0);
}

/* Dead bytes are given back; what is alive is an inner part of a history, an attachment of a commit
 * after the base, a local document, and twice the same. */
static void run_trim(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    script_put(s, 0, "{\"_id\":\"b\",\"v\":0}");
    script_put(s, 0, "{\"_id\":\"_local/x\",\"v\":1}");
    uint8_t *bytes = noise(9000);
    script_attach(s, 0, "att", "image/png", tuf_slice_of(bytes, 9000), 9000);
    script_attach(s, 0, "gone", "image/png", tuf_slice_of(bytes, 8999), 8999);
    free(bytes);
    script_update(s, 0, "gone", NULL);
    script_update(s, 0, "a", "{\"v\":1}");
    script_update(s, 0, "a", "{\"v\":2}");
    script_trim(s, 0);
    script_update(s, 0, "a", "{\"v\":3}");
    script_purge_winner(s, 0, "b");
    script_trim(s, 0);
    script_put(s, 0, "{\"_id\":\"c\"}");
    script_close(s, 0);
    script_open(s, 0);
    script_update(s, 0, "att", "{}");
}

/* Bodies of old revisions are there until it is said that they are not. */
static void run_trim_history(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    for (int i = 0; i < 20; i++) /* more than a history is read from */
        script_update(s, 0, "a", "{\"v\":1}");
    script_start(s);
    script_trim(s, 0);
    script_update(s, 0, "a", "{\"v\":2}");
}

/* Between compactions, with a snapshot that is held and one that is not any more. */
static void run_trim_compact(struct script *s)
{
    script_open(s, 0);
    script_put(s, 0, "{\"_id\":\"a\",\"v\":0}");
    script_update(s, 0, "a", "{\"v\":1}");
    script_hold(s, 0);
    script_update(s, 0, "a", "{\"v\":2}");
    script_trim(s, 0);
    script_end_hold(s);
    script_trim(s, 0);
    script_compact(s, 0);
    script_update(s, 0, "a", "{\"v\":3}");
    script_trim(s, 0);
    script_put(s, 0, "{\"_id\":\"b\"}");
}

const struct workload workloads[] = {
    { .name = "create", .run = run_create },
    { .name = "one_doc", .run = run_one_doc },
    { .name = "update", .run = run_update },
    { .name = "conflict", .run = run_conflict },
    { .name = "delete", .run = run_delete },
    { .name = "batch", .run = run_batch },
    { .name = "local", .run = run_local },
    { .name = "att_small", .run = run_att_small },
    { .name = "att_gzip", .run = run_att_gzip },
    { .name = "att_stream", .run = run_att_stream },
    { .name = "spoof", .run = run_spoof },
    { .name = "meta", .run = run_meta },
    { .name = "purge", .run = run_purge },
    { .name = "revs_limit", .run = run_revs_limit },
    { .name = "checkpoint", .run = run_checkpoint },
    { .name = "auto_checkpoint", .run = run_auto_checkpoint },
    { .name = "no_wait", .run = run_no_wait },
    { .name = "reopen", .run = run_reopen },
    { .name = "enospc", .run = run_enospc },
    { .name = "sync_fails", .run = run_sync_fails },
    { .name = "sync_fails_and_drops", .run = run_sync_fails_and_drops },
    { .name = "sync_fails_and_drops_later", .run = run_sync_fails_and_drops_later },
    { .name = "write_fails", .run = run_write_fails },
    { .name = "two_dbs", .run = run_two_dbs },
    { .name = "mix", .run = run_mix },
    { .name = "compact", .run = run_compact },
    { .name = "compact_all", .run = run_compact_all },
    { .name = "compact_shared", .run = run_compact_shared },
    { .name = "compact_reopen", .run = run_compact_reopen },
    { .name = "compact_full", .run = run_compact_full },
    { .name = "compact_resume", .run = run_compact_resume },
    { .name = "compact_cancelled", .run = run_compact_cancelled },
    { .name = "pins", .run = run_pins },
    { .name = "pins_stopped", .run = run_pins_stopped },
    { .name = "backups", .run = run_backups },
    { .name = "trim", .run = run_trim },
    { .name = "trim_history", .run = run_trim_history },
    { .name = "trim_compact", .run = run_trim_compact },
};
const size_t workload_count = sizeof(workloads) / sizeof(*workloads);
