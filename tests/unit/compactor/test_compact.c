/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what compaction keeps and what goes, what goes on beside it, and what happens when it fails.
 *
 * Crashes at every boundary: tests/crash (compact, compact_all, compact_reopen).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "engine/db.h"
#include "tests/unit/engine/world.h"
#include "vfs/vfs.h"

static tuf_compact_report compact(struct world *w)
{
    tuf_compact_report report;
    ck_ok(tuf_db_compact(&report, w->db, NULL));
    return report;
}

static void fill(struct world *w)
{
    for (int i = 0; i < 40; i++) {
        const char *rev = put(w, "{'_id':'d%d','v':%d}", i, i);
        for (int k = 0; k < 3; k++)
            rev = put(w, "{'_id':'d%d','_rev':'%s','v':%d}", i, rev, k);
    }
    push_path(w, "c", 2, "b a");
    push_path(w, "c", 3, "x y z");
    push_path(w, "c", 2, "c a");
    const char *rev = put(w, "{'_id':'dead'}");
    put(w, "{'_id':'dead','_rev':'%s','_deleted':true}", rev);
    put(w, "{'_id':'_local/l','n':1}");
    put(w, "{'_id':'att','_attachments':{'t.txt':{'content_type':'text/plain','data':'aGVsbG8='},"
           "'e':{'data':''}}}");
    ck_ok(tuf_db_put_meta(w->db, tuf_str("security"), tuf_str("{}")));
    ck_ok(tuf_db_set_revs_limit(w->db, 77));
}

START_TEST(what_is_current_stays)
{
    struct world w;
    world_start(&w);
    fill(&w);
    tuf_db_info before = world_info(&w);
    const char *want = text("%s", history(&w, "d7", NULL));
    tuf_compact_report report = compact(&w);
    ck_assert_uint_eq(report.damaged_count, 0);
    ck_assert_uint_lt(report.size_after, report.size_before);
    for (int pass = 0; pass < 2; pass++) {
        tuf_db_info after = world_info(&w);
        ck_assert_uint_eq(after.update_seq, before.update_seq);
        ck_assert_uint_eq(after.doc_count, before.doc_count);
        ck_assert_uint_eq(after.doc_del_count, before.doc_del_count);
        ck_assert_uint_eq(after.local_count, before.local_count);
        ck_assert_uint_eq(after.revs_limit, 77);
        ck_assert_uint_eq(after.created_us, before.created_us);
        ck_assert_int_eq(memcmp(after.uuid, before.uuid, sizeof(after.uuid)), 0);
        ck_text(history(&w, "d7", NULL), want);
        ck_text(body(&w, "d7", NULL), text("{'v':2}"));
        ck_text(leaves(&w, "c"), "3-x 2-c 2-b");
        ck_text(history(&w, "c", "3-x"), "3-x 2-y 1-z");
        ck_text(history(&w, "c", "2-b"), "2-b 1-a");
        ck_text(att_text(&w, "att", "t.txt"), "hello");
        ck_text(att_text(&w, "att", "e"), "");
        ck_text(body(&w, "_local/l", NULL), text("{'n':1}"));
        ck_outcome(try_doc(&w, "dead", NULL), TUF_DELETED);
        check_clean(&w);
        world_reopen(&w);
    }
    world_end(&w);
}
END_TEST

START_TEST(bodies_of_older_revisions_go)
{
    struct world w;
    world_start(&w);
    char old[TUF_REV_TEXT_SIZE];
    snprintf(old, sizeof(old), "%s", put(&w, "{'_id':'a','v':1}"));
    put(&w, "{'_id':'a','_rev':'%s','v':2}", old);
    ck_text(body(&w, "a", old), text("{'v':1}"));
    compact(&w);
    ck_outcome(try_doc(&w, "a", old), TUF_NOT_FOUND);
    ck_text(body(&w, "a", NULL), text("{'v':2}"));
    world_end(&w);
}
END_TEST

START_TEST(edits_go_on_where_they_were)
{
    struct world w;
    world_start(&w);
    fill(&w);
    char rev[TUF_REV_TEXT_SIZE];
    tuf_rev_format(rev, tuf_doc_rev(world_doc(&w, "d3", NULL)));
    uint64_t seq = world_info(&w).update_seq;
    for (int i = 0; i < 5; i++) {
        compact(&w);
        snprintf(rev, sizeof(rev), "%s", put(&w, "{'_id':'d3','_rev':'%s','i':%d}", rev, i));
        ck_assert_uint_eq(world_info(&w).update_seq, seq + 1 + (uint64_t)i);
    }
    ck_text(body(&w, "d3", NULL), text("{'i':4}"));
    push_path(&w, "c", 4, "w x y z");
    ck_text(leaves(&w, "c"), "4-w 2-c 2-b");
    world_kill(&w);
    ck_text(body(&w, "d3", NULL), text("{'i':4}"));
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_deep_history_keeps_its_revisions)
{
    struct world w;
    world_start(&w);
    char rev[TUF_REV_TEXT_SIZE];
    snprintf(rev, sizeof(rev), "%s", put(&w, "{'_id':'a'}"));
    for (int i = 0; i < 1200; i++)
        snprintf(rev, sizeof(rev), "%s", put(&w, "{'_id':'a','_rev':'%s','i':%d}", rev, i));
    char *want = strdup(history(&w, "a", NULL));
    compact(&w);
    ck_text(history(&w, "a", NULL), want);
    check_clean(&w);
    put(&w, "{'_id':'a','_rev':'%s'}", rev);
    check_clean(&w);
    free(want);
    world_end(&w);
}
END_TEST

START_TEST(snapshots_and_readers_keep_the_old_file)
{
    struct world w;
    world_start(&w);
    char old[TUF_REV_TEXT_SIZE];
    snprintf(old, sizeof(old), "%s", put(&w, "{'_id':'a','v':1}"));
    put(&w, "{'_id':'a','_rev':'%s','v':2}", old);
    put(&w, "{'_id':'att','_attachments':{'f':{'data':'AAECAw=='}}}");
    tuf_snapshot *held = NULL;
    tuf_doc *doc = NULL;
    tuf_att_reader *reader = NULL;
    ck_ok(tuf_db_snapshot(&held, w.db));
    ck_ok(tuf_doc_open(&doc, held, tuf_str("att"), NULL));
    ck_ok(tuf_att_open(&reader, doc, 0, TUF_ATT_STORED));
    tuf_doc_free(&doc);
    compact(&w);
    put(&w, "{'_id':'later'}");
    tuf_revbuf rev;
    ck_ok(tuf_rev_parse(&rev, tuf_str(old)));
    ck_ok(tuf_doc_open(&doc, held, tuf_str("a"), &rev.rev));
    ck_assert(slice_equal(tuf_doc_body(doc), tuf_str("{\"v\":1}")));
    ck_outcome(tuf_doc_open(&doc, held, tuf_str("later"), NULL), TUF_NOT_FOUND);
    uint8_t bytes[8];
    size_t len;
    ck_ok(tuf_att_read(&len, reader, bytes, sizeof(bytes)));
    ck_assert_uint_eq(len, 4);
    ck_assert_int_eq(bytes[3], 3);
    tuf_att_reader_free(&reader);
    tuf_doc_free(&doc);
    tuf_snapshot_free(&held);
    world_end(&w);
}
END_TEST

/* Everything that an edit may refer to in the file it was prepared beside. */
START_TEST(edits_prepared_before_are_stored_after)
{
    static char large[600000];
    struct world w;
    world_start(&w);
    memset(large, 'x', sizeof(large));
    char rev[TUF_REV_TEXT_SIZE];
    snprintf(rev, sizeof(rev), "%s",
             put(&w, "{'_id':'base','_attachments':{'small':{'data':'aGVsbG8='}}}"));
    tuf_blob *blob = world_blob(&w, "image/png", large, sizeof(large));
    tuf_edit *edit = world_parse(0, "{'_id':'new'}");
    ck_ok(tuf_edit_put_attachment(edit, tuf_str("big"), tuf_str("image/png"), &blob));
    tuf_edit *copy = NULL;
    ck_ok(tuf_edit_from_doc(&copy, world_doc(&w, "base", NULL)));
    ck_ok(tuf_edit_set_id(copy, tuf_str("copy")));
    ck_ok(tuf_edit_set_parent(copy, NULL));
    tuf_edit *stub = world_parse(0, "{'_id':'base','_rev':'%s','_attachments':{'small':{'stub':true}}}",
                                 rev);
    tuf_doc_free(&w.doc);
    tuf_snapshot_free(&w.snapshot);
    compact(&w);
    ck_ok(world_commit(&w, edit, NULL));
    ck_ok(world_commit(&w, copy, NULL));
    ck_ok(world_commit(&w, stub, NULL));
    ck_text(att_text(&w, "copy", "small"), "hello");
    ck_text(att_text(&w, "base", "small"), "hello");
    ck_text(atts(&w, "new", NULL), "big:1:600000");
    check_clean(&w);
    world_kill(&w);
    check_clean(&w);
    ck_text(att_text(&w, "copy", "small"), "hello");
    world_end(&w);
}
END_TEST

START_TEST(purged_documents_stay_purged)
{
    struct world w;
    world_start(&w);
    tuf_revbuf rev;
    bool purged = false;
    put(&w, "{'_id':'stay'}");
    ck_ok(tuf_rev_parse(&rev, tuf_str(put(&w, "{'_id':'gone'}"))));
    tuf_purge_item item = { tuf_str("gone"), &rev.rev, 1, &purged };
    ck_ok(tuf_db_purge(w.db, &item, 1));
    ck_assert(purged);
    compact(&w);
    ck_outcome(try_doc(&w, "gone", NULL), TUF_NOT_FOUND);
    ck_assert_uint_eq(world_info(&w).purge_seq, 1);
    ck_assert_uint_eq(world_info(&w).doc_count, 1);
    check_clean(&w);
    world_end(&w);
}
END_TEST

static int cancel_at_once(uint64_t done, uint64_t total, void *ctx)
{
    (void)done;
    (void)total;
    *(int *)ctx += 1;
    return 1;
}

START_TEST(a_cancelled_compaction_changes_nothing)
{
    struct world w;
    world_start(&w);
    for (int i = 0; i < 600; i++)
        push(&w, "{'_id':'d%d','_rev':'1-a'}", i);
    int calls = 0;
    tuf_compact_options opts = TUF_COMPACT_OPTIONS_INIT;
    opts.progress = cancel_at_once;
    opts.ctx = &calls;
    uint64_t size = world_info(&w).size_file;
    ck_outcome(tuf_db_compact(NULL, w.db, &opts), TUF_STOPPED);
    ck_assert_int_eq(calls, 1);
    ck_assert_uint_eq(world_info(&w).size_file, size);
    put(&w, "{'_id':'later'}");
    compact(&w);
    check_clean(&w);
    world_end(&w);
}
END_TEST

struct switch_calls {
    int before, after;
    int answer;
};

static int count_before(void *ctx)
{
    struct switch_calls *calls = ctx;
    calls->before++;
    return calls->answer;
}

static void count_after(void *ctx)
{
    struct switch_calls *calls = ctx;
    calls->after++;
}

START_TEST(the_owner_of_the_name_may_refuse_the_switch)
{
    struct world w;
    world_start(&w);
    for (int i = 0; i < 600; i++)
        push(&w, "{'_id':'d%d','_rev':'1-a'}", i);
    struct switch_calls calls = { .answer = 1 };
    tuf_compact_options opts = TUF_COMPACT_OPTIONS_INIT;
    opts.before_switch = count_before;
    opts.after_switch = count_after;
    opts.ctx = &calls;
    uint64_t size = world_info(&w).size_file;
    ck_outcome(tuf_db_compact(NULL, w.db, &opts), TUF_STOPPED);
    ck_assert_int_eq(calls.before, 1);
    ck_assert_int_eq(calls.after, 0);
    ck_assert_uint_eq(world_info(&w).size_file, size);
    put(&w, "{'_id':'later'}");
    check_clean(&w);
    world_reopen(&w);
    check_clean(&w);
    ck_text(body(&w, "later", NULL), "{}");
    calls.answer = 0;
    ck_outcome(tuf_db_compact(NULL, w.db, &opts), TUF_OK);
    ck_assert_int_eq(calls.before, 2);
    ck_assert_int_eq(calls.after, 1);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(an_empty_database_has_nothing_to_compact)
{
    struct world w;
    world_start(&w);
    compact(&w);
    put(&w, "{'_id':'a'}");
    check_clean(&w);
    world_end(&w);
}
END_TEST

/* ---- failures ------------------------------------------------------------------------------------ */

/* Compacts with one call failing; then everything is there, and compaction works. */
static bool compact_with_fault(enum fault_kind kind, uint64_t at, int sys_errno)
{
    struct world w;
    world_start(&w);
    fill(&w);
    struct fault_plan plan = { .kind = kind, .at = at, .sys_errno = sys_errno };
    fault_set(w.fault, &plan);
    tuf_status st = tuf_db_compact(NULL, w.db, NULL);
    bool hit = fault_hits(w.fault) > 0;
    fault_set(w.fault, NULL);
    ck_assert_msg(st == TUF_OK || st < 0, "status %s", tuf_status_name(st));
    ck_text(body(&w, "d7", NULL), text("{'v':2}"));
    tuf_status put_status = try_put(&w, "{'_id':'after'}");
    if (put_status == TUF_E_POISONED)
        world_kill(&w);
    else
        ck_ok(put_status);
    compact(&w);
    ck_text(leaves(&w, "c"), "3-x 2-c 2-b");
    check_clean(&w);
    world_reopen(&w);
    check_clean(&w);
    world_end(&w);
    return hit;
}

START_TEST(every_failing_call_leaves_a_database_that_goes_on)
{
    static const enum fault_kind kinds[] = { FAULT_PWRITEV, FAULT_SYNC, FAULT_RENAME, FAULT_SYNC_DIR,
                                             FAULT_OPEN, FAULT_PREAD };
    static const int errors[] = { 5 /* EIO */, 28 /* ENOSPC */ };
    enum fault_kind kind = kinds[_i / 2];
    uint64_t at = 1;
    while (compact_with_fault(kind, at, errors[_i % 2]))
        at += kind == FAULT_PREAD ? 7 : 1;
    ck_assert_uint_gt(at, 1);
}
END_TEST

static size_t alloc_left;

static bool fail_one_allocation(size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    return alloc_left == 0 || --alloc_left > 0;
}

START_TEST(every_failing_allocation_leaves_a_database_that_goes_on)
{
    struct world w;
    world_start(&w);
    fill(&w);
    tuf_status st = TUF_E_NOMEM;
    for (size_t at = 1; st == TUF_E_NOMEM; at += 1 + at / 64) {
        alloc_left = at;
        tufi_alloc_set_hook(fail_one_allocation, NULL);
        st = tuf_db_compact(NULL, w.db, NULL);
        tufi_alloc_set_hook(NULL, NULL);
        ck_assert_msg(st == TUF_OK || st == TUF_E_NOMEM, "status %s", tuf_status_name(st));
        ck_text(body(&w, "d7", NULL), text("{'v':2}"));
    }
    check_clean(&w);
    world_end(&w);
}
END_TEST

/* ---- beside writers and readers ------------------------------------------------------------------ */

struct crowd {
    struct world *w;
    atomic_bool stop;
    atomic_int next;
    atomic_int written;
};

static void *write_on(void *arg)
{
    struct crowd *crowd = arg;
    int number = atomic_fetch_add(&crowd->next, 1);
    for (int i = 0; !atomic_load(&crowd->stop); i++) {
        char json[128];
        snprintf(json, sizeof(json), "{\"_id\":\"t%d-%d\",\"_attachments\":{\"a\":{\"data\":\"AAEC\"}}}",
                 number, i);
        tuf_edit *edit = NULL;
        tuf_edit_result result;
        ck_ok(tuf_edit_parse(&edit, tuf_str(json), NULL));
        ck_ok(tuf_db_commit(crowd->w->db, &edit, 1, 0));
        tuf_edit_get_result(&result, edit);
        ck_assert_int_eq(result.status, TUF_OK);
        tuf_edit_free(&edit);
        atomic_fetch_add(&crowd->written, 1);
    }
    return NULL;
}

static void *read_on(void *arg)
{
    struct crowd *crowd = arg;
    tuf_doc *doc = NULL;
    while (!atomic_load(&crowd->stop)) {
        tuf_snapshot *snapshot = NULL;
        tuf_cursor *cursor = NULL;
        const tuf_docinfo *info;
        ck_ok(tuf_db_snapshot(&snapshot, crowd->w->db));
        ck_ok(tuf_cursor_open_ids(&cursor, snapshot, NULL));
        while (tuf_cursor_next(&info, cursor) == TUF_OK)
            ck_ok(tuf_doc_open_leaf(&doc, snapshot, info, 0));
        tuf_cursor_free(&cursor);
        tuf_snapshot_free(&snapshot);
    }
    tuf_doc_free(&doc);
    return NULL;
}

/* On files in memory: the simulated disk is for one thread. */
/* ---- opening what a compaction left ---------------------------------------------------------- */

/* A failure to read the only checkpoint is not a torn checkpoint. */
START_TEST(a_read_that_fails_while_opening_does_not_empty_the_database)
{
    bool hit = true;
    for (uint64_t at = 1; hit; at++) {
        struct world w;
        world_start(&w);
        fill(&w);
        compact(&w);
        ck_ok(tuf_db_close(&w.db));
        struct fault_plan plan = { .kind = FAULT_PREAD, .at = at };
        fault_set(w.fault, &plan);
        tuf_status st = tuf_db_open(&w.db, WORLD_PATH, &w.opts);
        hit = fault_hits(w.fault) > 0;
        fault_set(w.fault, NULL);
        ck_assert_int_eq(st, hit ? TUF_E_IO : TUF_OK);
        if (st != TUF_OK)
            world_open(&w);
        ck_text(leaves(&w, "c"), "3-x 2-c 2-b");
        check_clean(&w);
        world_end(&w);
    }
}
END_TEST

START_TEST(an_allocation_that_fails_while_opening_does_not_empty_the_database)
{
    bool hit = true;
    for (size_t at = 1; hit; at++) {
        struct world w;
        world_start(&w);
        fill(&w);
        compact(&w);
        ck_ok(tuf_db_close(&w.db));
        alloc_left = at;
        tufi_alloc_set_hook(fail_one_allocation, NULL);
        tuf_status st = tuf_db_open(&w.db, WORLD_PATH, &w.opts);
        tufi_alloc_set_hook(NULL, NULL);
        hit = alloc_left == 0;
        ck_assert_int_eq(st, hit ? TUF_E_NOMEM : TUF_OK);
        if (st != TUF_OK)
            world_open(&w);
        ck_text(leaves(&w, "c"), "3-x 2-c 2-b");
        world_end(&w);
    }
}
END_TEST

static int put_one_beside(uint64_t done, uint64_t total, void *ctx)
{
    struct world *w = ctx;
    (void)done;
    (void)total;
    if (try_doc(w, "late", NULL) == TUF_NOT_FOUND)
        put(w, "{'_id':'late'}");
    return 0;
}

static int change_without_records(uint64_t done, uint64_t total, void *ctx)
{
    struct world *w = ctx;
    (void)done;
    (void)total;
    tuf_revbuf rev;
    bool purged = false;
    tuf_purge_item item = { tuf_str("gone"), &rev.rev, 1, &purged };
    ck_ok(tuf_rev_parse(&rev, tuf_str("1-a")));
    ck_ok(tuf_db_purge(w->db, &item, 1));
    ck_ok(tuf_db_put_meta(w->db, tuf_str("m"), tuf_str("new")));
    ck_ok(tuf_db_set_revs_limit(w->db, 33));
    return 0;
}

/* What changes trees of the new file and needs no record there, while its documents are copied. */
START_TEST(changes_without_a_record_are_in_the_new_file) /* INV-CK-3 */
{
    struct world w;
    world_start(&w);
    for (int i = 0; i < 300; i++)
        push(&w, "{'_id':'d%d','_rev':'1-a'}", i);
    push(&w, "{'_id':'gone','_rev':'1-a'}");
    ck_ok(tuf_db_put_meta(w.db, tuf_str("m"), tuf_str("old")));
    tuf_compact_options opts = TUF_COMPACT_OPTIONS_INIT;
    opts.progress = change_without_records;
    opts.ctx = &w;
    ck_ok(tuf_db_compact(NULL, w.db, &opts));
    for (int pass = 0; pass < 3; pass++) {
        ck_outcome(try_doc(&w, "gone", NULL), TUF_NOT_FOUND);
        ck_assert_uint_eq(world_info(&w).doc_count, 300);
        ck_assert_uint_eq(world_info(&w).purge_seq, 1);
        ck_assert_uint_eq(world_info(&w).revs_limit, 33);
        tuf_slice value;
        TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
        ck_ok(tuf_db_snapshot(&snapshot, w.db));
        ck_ok(tuf_snapshot_get_meta(&value, snapshot, tuf_str("m")));
        tuf_snapshot_free(&snapshot);
        ck_assert(slice_equal(value, tuf_str("new")));
        tuf_free((void *)(uintptr_t)value.data);
        check_clean(&w);
        if (pass == 0)
            world_kill(&w);
        else
            world_reopen(&w);
    }
    world_end(&w);
}
END_TEST

/* A compacted file has records and no commits, and a checkpoint for each round. Without the last one
 * it must not show the round before. */
START_TEST(a_damaged_checkpoint_is_no_earlier_state) /* INV-RE-6 */
{
    struct world w;
    world_start(&w);
    for (int i = 0; i < 600; i++)
        push(&w, "{'_id':'d%d','_rev':'1-a'}", i);
    tuf_compact_options opts = TUF_COMPACT_OPTIONS_INIT;
    opts.progress = put_one_beside;
    opts.ctx = &w;
    ck_ok(tuf_db_compact(NULL, w.db, &opts));
    ck_assert_uint_eq(world_info(&w).doc_count, 601);
    world_close(&w);
    size_t len, refused = 0;
    const uint8_t *file = sim_peek(w.sim, WORLD_PATH, &len);
    uint8_t *good = malloc(len), *bad = malloc(len);
    ck_assert(good && bad);
    memcpy(good, file, len);
    for (size_t off = len - 8 * 4096; off < len; off += 512) {
        memcpy(bad, good, len);
        bad[off] ^= 0x10;
        sim_store(w.sim, WORLD_PATH, bad, len);
        w.opts.flags = 0;
        tuf_status st = tuf_db_open(&w.db, WORLD_PATH, &w.opts);
        ck_assert(st == TUF_OK || st == TUF_E_CORRUPT);
        refused += st != TUF_OK;
        if (st == TUF_OK) {
            ck_assert_uint_eq(world_info(&w).doc_count, 601);
            world_close(&w);
        }
    }
    ck_assert_uint_ge(refused, 1);
    free(good);
    free(bad);
    world_end(&w);
}
END_TEST

START_TEST(writers_and_readers_go_on_beside_it)
{
    struct tuf_vfs *vfs = NULL;
    struct world w = { .opts = TUF_OPEN_OPTIONS_INIT };
    ck_ok(tufi_vfs_memory_new(&vfs));
    w.opts.vfs = vfs;
    w.opts.flags = TUF_OPEN_CREATE;
    ck_ok(tuf_db_open(&w.db, WORLD_PATH, &w.opts));
    put(&w, "{'_id':'first'}");
    struct crowd crowd = { .w = &w };
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, i < 3 ? write_on : read_on, &crowd), 0);
    for (int i = 0; i < 8 || atomic_load(&crowd.written) < 100; i++)
        ck_ok(tuf_db_compact(NULL, w.db, NULL));
    atomic_store(&crowd.stop, true);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int pass = 0; pass < 2; pass++) {
        ck_assert_uint_eq(world_info(&w).doc_count, 1 + (uint64_t)atomic_load(&crowd.written));
        check_clean(&w);
        tuf_snapshot_free(&w.snapshot);
        ck_ok(tuf_db_close(&w.db));
        if (pass == 0)
            ck_ok(tuf_db_open(&w.db, WORLD_PATH, &w.opts));
    }
    tufi_vfs_memory_free(&vfs);
}
END_TEST

/* ---- for long ------------------------------------------------------------------------------------ */

#define WRITERS 8
#define COMPACTIONS 100

/* A writer changes documents of its own, and knows what was acknowledged. */
struct ledger {
    struct world *w;
    atomic_bool *stop;
    int number;
    char revs[16][TUF_REV_TEXT_SIZE]; /* of each document; "" before the first */
    int versions[16];
};

static void *write_ledger(void *arg)
{
    struct ledger *l = arg;
    for (int i = 0; !atomic_load(l->stop); i++) {
        int pos = i % 16;
        char json[256];
        snprintf(json, sizeof(json),
                 "{\"_id\":\"w%d-%d\",%s%s%s\"v\":%d,\"_attachments\":{\"a\":{\"data\":\"AAEC\"}}}",
                 l->number, pos, l->revs[pos][0] ? "\"_rev\":\"" : "", l->revs[pos],
                 l->revs[pos][0] ? "\"," : "", i);
        tuf_edit *edit = NULL;
        tuf_edit_result result;
        ck_ok(tuf_edit_parse(&edit, tuf_str(json), NULL));
        ck_ok(tuf_db_commit(l->w->db, &edit, 1, 0));
        tuf_edit_get_result(&result, edit);
        ck_assert_int_eq(result.status, TUF_OK);
        tuf_rev_format(l->revs[pos], result.rev);
        l->versions[pos] = i;
        tuf_edit_free(&edit);
    }
    return NULL;
}

/* A feed sees every sequence once, in order, whichever file it reads. */
static void *follow(void *arg)
{
    struct ledger *l = arg;
    uint64_t seq = 0;
    while (!atomic_load(l->stop)) {
        tuf_snapshot *snapshot = NULL;
        tuf_cursor *cursor = NULL;
        const tuf_docinfo *info;
        ck_ok(tuf_db_snapshot(&snapshot, l->w->db));
        ck_ok(tuf_cursor_open_seqs(&cursor, snapshot, seq, false));
        while (tuf_cursor_next(&info, cursor) == TUF_OK) {
            ck_assert_uint_gt(info->seq, seq);
            seq = info->seq;
        }
        tuf_cursor_free(&cursor);
        tuf_snapshot_free(&snapshot);
    }
    return NULL;
}

START_TEST(a_hundred_compactions_lose_nothing_that_was_acknowledged)
{
    struct tuf_vfs *vfs = NULL;
    struct world w = { .opts = TUF_OPEN_OPTIONS_INIT };
    ck_ok(tufi_vfs_memory_new(&vfs));
    w.opts.vfs = vfs;
    w.opts.flags = TUF_OPEN_CREATE;
    ck_ok(tuf_db_open(&w.db, WORLD_PATH, &w.opts));
    put(&w, "{'_id':'first'}");
    atomic_bool stop = false;
    static struct ledger ledgers[WRITERS];
    struct ledger feed = { .w = &w, .stop = &stop };
    struct crowd crowd = { .w = &w };
    pthread_t threads[WRITERS + 2];
    for (int i = 0; i < WRITERS; i++) {
        ledgers[i] = (struct ledger){ .w = &w, .stop = &stop, .number = i };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_ledger, &ledgers[i]), 0);
    }
    ck_assert_int_eq(pthread_create(&threads[WRITERS], NULL, follow, &feed), 0);
    ck_assert_int_eq(pthread_create(&threads[WRITERS + 1], NULL, read_on, &crowd), 0);
    for (int i = 0; i < COMPACTIONS; i++)
        ck_ok(tuf_db_compact(NULL, w.db, NULL));
    atomic_store(&stop, true);
    atomic_store(&crowd.stop, true);
    for (int i = 0; i < WRITERS + 2; i++)
        pthread_join(threads[i], NULL);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < WRITERS; i++)
            for (int pos = 0; pos < 16 && ledgers[i].revs[pos][0]; pos++)
                ck_text(body(&w, text("w%d-%d", i, pos), ledgers[i].revs[pos]),
                        text("{'v':%d}", ledgers[i].versions[pos]));
        check_clean(&w);
        tuf_doc_free(&w.doc);
        tuf_snapshot_free(&w.snapshot);
        ck_ok(tuf_db_close(&w.db));
        if (pass == 0)
            ck_ok(tuf_db_open(&w.db, WORLD_PATH, &w.opts));
    }
    tufi_vfs_memory_free(&vfs);
}
END_TEST

/* ---- shared blocks ------------------------------------------------------------------------------- */

#define BIG_ATT 700001

static void put_big(struct world *w, const char *id, uint8_t first)
{
    static uint8_t bytes[BIG_ATT];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(first + i * 31 + i / 4096);
    tuf_edit *edit = world_parse(0, "{'_id':'%s'}", id);
    tuf_blob *blob = world_blob(w, "image/png", bytes, sizeof(bytes));
    ck_ok(tuf_edit_put_attachment(edit, tuf_str("a"), tuf_str("image/png"), &blob));
    ck_ok(world_commit(w, edit, NULL));
}

static void expect_big(struct world *w, const char *id, uint8_t first)
{
    static uint8_t got[BIG_ATT + 1];
    TUF_AUTO(tuf_att_reader_free) tuf_att_reader *reader = NULL;
    size_t len = 0;
    ck_ok(tuf_att_open(&reader, world_doc(w, id, NULL), 0, 0));
    ck_ok(tuf_att_read(&len, reader, got, sizeof(got)));
    ck_assert_uint_eq(len, BIG_ATT);
    for (size_t i = 0; i < len; i++)
        if (got[i] != (uint8_t)(first + i * 31 + i / 4096))
            ck_abort_msg("byte %zu of %s", i, id);
}

/* INV-HR-3. Also from a file whose attachments were shared already, and after opening it again. */
START_TEST(large_attachments_share_their_blocks)
{
    struct tuf_vfs *vfs = NULL;
    struct world w = { .opts = TUF_OPEN_OPTIONS_INIT };
    ck_ok(tufi_vfs_memory_new(&vfs));
    w.opts.vfs = vfs;
    w.opts.flags = TUF_OPEN_CREATE;
    w.opts.sector_size = _i == 0 ? 4096 : 512;
    ck_ok(tuf_db_open(&w.db, WORLD_PATH, &w.opts));
    put(&w, "{'_id':'first'}");
    for (uint8_t i = 0; i < 4; i++)
        put_big(&w, text("big%d", i), i);
    for (int round = 0; round < 3; round++) {
        put(&w, "{'_id':'round%d'}", round);
        tuf_compact_report report = compact(&w);
        if (_i == 0) /* all whole blocks of 4 * (2 chunks and most of a third) */
            ck_assert_uint_gt(report.bytes_shared, 4 * (uint64_t)BIG_ATT * 95 / 100);
        else
            ck_assert_uint_eq(report.bytes_shared, 0);
        for (uint8_t i = 0; i < 4; i++)
            expect_big(&w, text("big%d", i), i);
        check_clean(&w);
        tuf_snapshot_free(&w.snapshot);
        ck_ok(tuf_db_close(&w.db));
        ck_ok(tuf_db_open(&w.db, WORLD_PATH, &w.opts));
    }
    tuf_doc_free(&w.doc);
    if (w.snapshot)
        tuf_snapshot_free(&w.snapshot);
    ck_ok(tuf_db_close(&w.db));
    tufi_vfs_memory_free(&vfs);
}
END_TEST

/* ---- size ---------------------------------------------------------------------------------------- */

static void add_node(void *ctx, uint64_t off, uint32_t len)
{
    (void)off;
    *(uint64_t *)ctx += len;
}

static void no_finding(void *ctx, const struct btree_finding *finding)
{
    (void)ctx;
    ck_abort_msg("%s", finding->text);
}

START_TEST(the_new_file_is_within_five_percent_of_what_is_alive)
{
    struct world w;
    world_start(&w);
    char noise[900];
    uint32_t state = 1;
    for (int i = 0; i < 1500; i++) {
        for (size_t k = 0; k + 1 < sizeof(noise); k++)
            noise[k] = (char)('a' + (state = state * 1664525 + 1013904223) / 165191050);
        noise[sizeof(noise) - 1] = 0;
        const char *rev = put(&w, "{'_id':'doc%04d','v':'%s'}", i * 7919 % 1500, noise);
        if (i % 2)
            put(&w, "{'_id':'doc%04d','_rev':'%s','v':'%s'}", i * 7919 % 1500, rev, noise + 100);
    }
    compact(&w);
    tuf_snapshot *snapshot = world_look(&w);
    uint64_t index = 0;
    struct btree_check_sink sink = { .found = no_finding, .node = add_node, .ctx = &index };
    for (unsigned kind = 0; kind < TREE_KINDS; kind++)
        ck_ok(tufi_btree_check(snapshot->store->env, snapshot_tree(snapshot, kind), &sink));
    tuf_db_info info = world_info(&w);
    ck_assert_uint_gt(index, 1500 * 50);
    ck_assert_uint_le(info.size_file * 100, (info.size_active + index) * 105);
    world_end(&w);
}
END_TEST

/* ---- damaged nodes of the index ----------------------------------------------------------------- */

struct node_list {
    uint64_t offs[64];
    size_t count;
};

/* Nodes of one tree in the newest nodes frames: the file is walked by its format. */
static void find_nodes(struct node_list *out, struct world *w, unsigned tree, unsigned level)
{
    size_t len;
    const uint8_t *bytes = sim_peek(w->sim, WORLD_PATH, &len);
    out->count = 0;
    /* A node begins with 1, its tree, its level, 0, and a small number of entries. */
    for (size_t frame = 4096; frame + 80 <= len; frame += 512) {
        if (memcmp(bytes + frame, "TuFr\x02", 5) != 0 || get_be64(bytes + frame + 8) != frame)
            continue;
        size_t end = frame + 80 + get_be64(bytes + frame + 16);
        for (size_t at = frame + 80; at + 12 <= end; at++)
            if (bytes[at] == 1 && bytes[at + 1] == tree && bytes[at + 2] == level &&
                bytes[at + 3] == 0 && bytes[at + 4] == 0 && bytes[at + 5] == 0 &&
                get_be32(bytes + at + 4) > 0 && get_be32(bytes + at + 8) == 12 +
                    4 * ((get_be32(bytes + at + 4) - 1) / 16) && out->count < 64)
                out->offs[out->count++] = at;
    }
}

static void spoil(struct world *w, uint64_t off)
{
    struct vfs_file *file = NULL;
    uint8_t byte = 0x55;
    sim_set_monitor(w->sim, SIM_MONITOR_OFF);
    ck_ok(sim_vfs(w->sim)->open(sim_vfs(w->sim), WORLD_PATH, 0, &file));
    ck_ok(tufi_vfs_write(file, &byte, 1, off));
    ck_ok(file->ops->sync(file));
    file->ops->close(file);
}

static void fill_much(struct world *w, int local_count)
{
    for (int i = 0; i < 600; i++)
        put(w, "{'_id':'doc%04d','text':'%040d'}", i * 7919 % 600, i);
    for (int i = 0; i < local_count; i++)
        put(w, "{'_id':'_local/l%04d','v':%d}", i, i);
    ck_ok(tuf_db_put_meta(w->db, tuf_str("security"), tuf_str("{}")));
}

static size_t count_damage;
static void note_damage(const tuf_finding *finding, void *ctx)
{
    (void)ctx;
    ck_assert(finding->file_off > 0);
    count_damage++;
}

static size_t kept_old(struct world *w)
{
    size_t count = 0;
    for (size_t i = 0; i < sim_name_count(w->sim); i++)
        count += strstr(sim_name(w->sim, i), ".damaged-") != NULL;
    return count;
}

static const struct {
    unsigned tree;       /* whose leaves are damaged */
    bool both;           /* by-id and by-seq */
    unsigned every;
} damages[] = { { 1, false, 1 }, { 1, false, 3 }, { 0, false, 1 }, { 0, false, 4 },
                { 0, true, 2 }, { 2, false, 2 }, };

/* INV-AD-1, INV-AD-2 */
START_TEST(a_damaged_index_does_not_stop_a_compaction)
{
    struct world w;
    world_start(&w);
    bool local = damages[_i].tree == 2;
    uint64_t local_count = local ? 1500 : 30;
    fill_much(&w, (int)local_count);
    world_close(&w);
    for (unsigned tree = damages[_i].tree; tree <= (damages[_i].both ? 1 : damages[_i].tree);
         tree++) {
        struct node_list nodes;
        find_nodes(&nodes, &w, tree, 0);
        ck_assert_uint_gt(nodes.count, 2);
        /* Without its settings, which are in the first local leaf, a database does not open. */
        for (size_t i = local; i < nodes.count - local; i += damages[_i].every)
            spoil(&w, nodes.offs[i] + 40);
    }
    world_open(&w);
    tuf_compact_options opts = TUF_COMPACT_OPTIONS_INIT;
    tuf_compact_report report;
    count_damage = 0;
    opts.found = note_damage;
    ck_ok(tuf_db_compact(&report, w.db, &opts));
    check_clean(&w);
    uint64_t count = world_info(&w).doc_count;
    if (damages[_i].both) {
        ck_assert_uint_lt(count, 600);
        ck_assert_uint_ge(report.damaged_count, 600 - count);
        ck_assert_uint_eq(kept_old(&w), 1);
    } else {
        ck_assert_uint_eq(count, 600);
        ck_assert_uint_eq(kept_old(&w), 0);
        for (int i = 0; i < 600; i++)
            world_doc(&w, text("doc%04d", i), NULL);
    }
    bool silent = damages[_i].tree == 0 && !damages[_i].both; /* that tree is not read at all */
    ck_assert(silent || count_damage > 0);
    ck_assert_uint_eq(world_info(&w).local_count < local_count, local);
    tuf_snapshot_free(&w.snapshot);
    ck_ok(tuf_db_compact(&report, w.db, NULL)); /* and from then on it is sound */
    ck_assert_uint_eq(report.damaged_count, 0);
    ck_assert_uint_eq(world_info(&w).doc_count, count);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("compactor compact");
    TCase *tc = tcase_create("compact");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, what_is_current_stays);
    tcase_add_test(tc, bodies_of_older_revisions_go);
    tcase_add_test(tc, edits_go_on_where_they_were);
    tcase_add_test(tc, a_deep_history_keeps_its_revisions);
    tcase_add_test(tc, snapshots_and_readers_keep_the_old_file);
    tcase_add_test(tc, edits_prepared_before_are_stored_after);
    tcase_add_test(tc, purged_documents_stay_purged);
    tcase_add_test(tc, a_cancelled_compaction_changes_nothing);
    tcase_add_test(tc, an_empty_database_has_nothing_to_compact);
    tcase_add_test(tc, the_owner_of_the_name_may_refuse_the_switch);
    tcase_add_loop_test(tc, every_failing_call_leaves_a_database_that_goes_on, 0, 12);
    tcase_add_test(tc, every_failing_allocation_leaves_a_database_that_goes_on);
    tcase_add_test(tc, a_read_that_fails_while_opening_does_not_empty_the_database);
    tcase_add_test(tc, an_allocation_that_fails_while_opening_does_not_empty_the_database);
    tcase_add_test(tc, a_damaged_checkpoint_is_no_earlier_state);
    tcase_add_loop_test(tc, large_attachments_share_their_blocks, 0, 2);
    tcase_add_test(tc, the_new_file_is_within_five_percent_of_what_is_alive);
    tcase_add_loop_test(tc, a_damaged_index_does_not_stop_a_compaction, 0,
                        (int)(sizeof(damages) / sizeof(damages[0])));
    tcase_add_test(tc, changes_without_a_record_are_in_the_new_file);
    tcase_add_test(tc, writers_and_readers_go_on_beside_it);
    tcase_add_test(tc, a_hundred_compactions_lose_nothing_that_was_acknowledged);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
