/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: when checkpoints are written, that they change nothing a reader sees, and that a failed one
 * does no harm.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "tests/crash/dump.h"
#include "tests/unit/engine/image.h"

static char *dump(struct world *w)
{
    struct buf out = BUF_INIT;
    ck_ok(dump_db(&out, w->db));
    buf_append_u8(&out, 0);
    return (char *)tufi_buf_take(&out);
}

static size_t count_frames(struct world *w, enum frame_kind kind)
{
    struct image image;
    image_take(&image, w);
    struct frame_header h;
    size_t count = 0;
    for (size_t i = 0; image_frame(&h, &image, i); i++)
        count += h.kind == kind;
    tufi_buf_release(&image.bytes);
    return count;
}

static void fill(struct world *w)
{
    for (int i = 0; i < 50; i++)
        (void)put(w, "{'_id':'d%d','v':%d}", i, i);
    push(w, "{'_id':'d1','_rev':'7-z','_attachments':{'a':{'data':'YQ=='}}}");
    (void)put(w, "{'_id':'_local/l','n':1}");
    ck_ok(tuf_db_put_meta(w->db, tuf_str("security"), tuf_str("s")));
    ck_ok(tuf_db_set_revs_limit(w->db, 50));
    ck_ok(tuf_db_set_purged_infos_limit(w->db, 60));
    tuf_revbuf rev;
    ck_ok(tuf_rev_parse(&rev, tuf_str("7-z")));
    bool purged;
    tuf_purge_item item = { tuf_str("d1"), &rev.rev, 1, &purged };
    ck_ok(tuf_db_purge(w->db, &item, 1));
}

START_TEST(a_checkpoint_changes_nothing_that_is_seen)
{
    struct world w;
    world_start(&w);
    fill(&w);
    char *before = dump(&w);
    ck_ok(tuf_db_checkpoint(w.db));
    char *after = dump(&w);
    ck_text(after, before);
    tuf_free(after);
    world_kill(&w);
    after = dump(&w);
    ck_text(after, before);
    tuf_free(after);
    check_clean(&w);
    world_reopen(&w);
    after = dump(&w);
    ck_text(after, before);
    tuf_free(after);
    tuf_free(before);
    world_end(&w);
}
END_TEST

START_TEST(nothing_changed_means_no_checkpoint)
{
    struct world w;
    world_start(&w);
    ck_ok(tuf_db_checkpoint(w.db));
    ck_assert_uint_eq(count_frames(&w, FRAME_CHECKPOINT), 0);
    (void)put(&w, "{'_id':'d'}");
    ck_ok(tuf_db_checkpoint(w.db));
    uint64_t off = world_info(&w).checkpoint_off;
    ck_assert_uint_gt(off, 0);
    ck_ok(tuf_db_checkpoint(w.db));
    ck_assert_uint_eq(world_info(&w).checkpoint_off, off);
    ck_assert_uint_eq(count_frames(&w, FRAME_CHECKPOINT), 1);
    world_reopen(&w);
    world_reopen(&w);
    ck_assert_uint_eq(count_frames(&w, FRAME_CHECKPOINT), 1);
    (void)put(&w, "{'_id':'e'}");
    world_reopen(&w);
    ck_assert_uint_eq(count_frames(&w, FRAME_CHECKPOINT), 2);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(enough_log_makes_a_checkpoint_due)
{
    struct world w;
    world_init(&w, 4096);
    if (_i == 0)
        w.opts.checkpoint_log_size = 10 * 4096;
    else
        w.opts.checkpoint_dirty_size = 4096;
    world_open(&w);
    for (int i = 0; i < 100; i++)
        (void)put(&w, "{'_id':'some-longer-name-%d'}", i);
    ck_assert_uint_ge(count_frames(&w, FRAME_CHECKPOINT), 3);
    ck_assert_uint_le(count_frames(&w, FRAME_CHECKPOINT), 100);
    check_clean(&w);
    world_kill(&w);
    ck_assert_uint_eq(world_info(&w).doc_count, 100);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_checkpoint_bounds_what_the_next_opening_reads)
{
    struct world w;
    world_init(&w, 4096);
    world_open(&w);
    tuf_edit *edits[500];
    for (int i = 0; i < 500; i++)
        edits[i] = world_parse(0, "{'_id':'d%d'}", i);
    ck_ok(tuf_db_commit(w.db, edits, 500, 0));
    for (int i = 0; i < 500; i++)
        tuf_edit_free(&edits[i]);
    for (int i = 0; i < 100; i++)
        (void)put(&w, "{'_id':'e%d'}", i);
    world_close(&w);
    struct fault_plan count = { .kind = FAULT_PREAD };
    fault_set(w.fault, &count);
    world_open(&w);
    ck_assert_uint_lt(fault_calls(w.fault, FAULT_PREAD), 20);
    ck_assert_uint_eq(world_info(&w).doc_count, 600);
    world_end(&w);
}
END_TEST

START_TEST(a_commit_survives_the_checkpoint_that_fails_after_it)
{
    struct world w;
    world_init(&w, 4096);
    w.opts.checkpoint_log_size = 8 * 4096;
    world_open(&w);
    for (int i = 0; i < 7; i++)
        (void)put(&w, "{'_id':'d%d'}", i);
    size_t before = count_frames(&w, FRAME_CHECKPOINT);
    /* The disk is full just when the nodes are to be written. */
    struct fault_plan plan = { .kind = FAULT_PWRITEV,
                               .at = 2,
                               .sticky = true,
                               .sys_errno = 28 /* ENOSPC */ };
    uint64_t hits = 0;
    for (int i = 7; i < 20; i++) {
        fault_set(w.fault, &plan);
        (void)put(&w, "{'_id':'d%d'}", i);
        hits += fault_hits(w.fault);
    }
    ck_assert_uint_gt(hits, 0);
    ck_assert_uint_eq(count_frames(&w, FRAME_CHECKPOINT), before);
    fault_set(w.fault, NULL);
    for (int i = 20; i < 40; i++)
        (void)put(&w, "{'_id':'d%d'}", i);
    ck_assert_uint_gt(count_frames(&w, FRAME_CHECKPOINT), before);
    ck_assert_uint_eq(world_info(&w).doc_count, 40);
    check_clean(&w);
    world_kill(&w);
    ck_assert_uint_eq(world_info(&w).doc_count, 40);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_checkpoint_whose_sync_fails_poisons_the_handle)
{
    struct world w;
    world_start(&w);
    (void)put(&w, "{'_id':'d'}");
    struct fault_plan plan = {
        .kind = FAULT_SYNC, .at = (uint64_t)_i, .drop = true, .evict = true
    };
    fault_set(w.fault, &plan);
    ck_fails(tuf_db_checkpoint(w.db), TUF_E_IO);
    fault_set(w.fault, NULL);
    ck_fails(try_put(&w, "{'_id':'e'}"), TUF_E_POISONED);
    ck_ok(try_doc(&w, "d", NULL));
    check_clean(&w);
    world_reopen(&w);
    ck_ok(try_doc(&w, "d", NULL));
    (void)put(&w, "{'_id':'e'}");
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(old_snapshots_read_what_checkpoints_left_behind)
{
    struct world w;
    world_init(&w, 512);
    w.opts.cache_size = 4096;
    world_open(&w);
    tuf_snapshot *old[5] = { NULL };
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 60; i++)
            (void)put(&w, "{'_id':'r%dd%d'}", round, i);
        ck_ok(tuf_db_checkpoint(w.db));
        ck_ok(tuf_db_snapshot(&old[round], w.db));
    }
    for (int round = 0; round < 5; round++) {
        tuf_check_report report;
        ck_ok(tuf_check(&report, old[round], NULL));
        ck_assert_uint_eq(report.finding_count, 0);
        ck_assert_uint_eq(report.docs_checked, 60 * ((uint64_t)round + 1));
        tuf_snapshot_free(&old[round]);
    }
    world_end(&w);
}
END_TEST

struct short_memory {
    uint64_t calls, at;
};

static bool may_allocate(size_t size, void *ctx)
{
    (void)size;
    struct short_memory *m = ctx;
    return ++m->calls != m->at;
}

/* Who asks for a checkpoint and hears TUF_OK has one. */
START_TEST(a_checkpoint_without_memory_says_so)
{
    struct world w;
    world_start(&w);
    bool hit = true;
    for (uint64_t at = 1; hit; at++) {
        struct short_memory memory = { .at = at };
        (void)put(&w, "{'_id':'d%d'}", (int)at);
        tufi_alloc_set_hook(may_allocate, &memory);
        tuf_status st = tuf_db_checkpoint(w.db);
        tufi_alloc_set_hook(NULL, NULL);
        hit = memory.calls >= at;
        ck_assert(st == TUF_OK || (hit && st == TUF_E_NOMEM));
        uint64_t size = world_info(&w).size_file;
        ck_ok(tuf_db_checkpoint(w.db));
        ck_assert((world_info(&w).size_file == size) == (st == TUF_OK));
    }
    check_clean(&w);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("checkpoint");
    TCase *t = tcase_create("checkpoint");
    tcase_set_timeout(t, 30);
    tcase_add_test(t, a_checkpoint_changes_nothing_that_is_seen);
    tcase_add_test(t, a_checkpoint_without_memory_says_so);
    tcase_add_test(t, nothing_changed_means_no_checkpoint);
    tcase_add_loop_test(t, enough_log_makes_a_checkpoint_due, 0, 2);
    tcase_add_test(t, a_checkpoint_bounds_what_the_next_opening_reads);
    tcase_add_test(t, a_commit_survives_the_checkpoint_that_fails_after_it);
    tcase_add_loop_test(t, a_checkpoint_whose_sync_fails_poisons_the_handle, 1, 3);
    tcase_add_test(t, old_snapshots_read_what_checkpoints_left_behind);
    suite_add_tcase(s, t);
    return tuft_run(s);
}
