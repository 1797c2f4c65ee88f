/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: many threads on one database: group commits, readers on snapshots, checkpoints meanwhile.
 *
 * Each writer owns two documents and updates both in one call, so every snapshot must show equal
 * values in them. All compete for one more document. Meant for ThreadSanitizer too.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/db.h"
#include "tests/unit/engine/world.h"

#define WRITER_COUNT 8
#define READER_COUNT 2
#define ROUND_COUNT 300

/* Like ck_assert, in any thread. */
#define require(x)                                                                                 \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #x, tuf_last_error()->text);   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static tuf_db *db;
static atomic_bool done;
static atomic_uint shared_wins;
static atomic_ullong heard_seq;

/* ---- writers --------------------------------------------------------------------------------- */

struct owned {
    char id[16];
    char rev[TUF_REV_TEXT_SIZE];
};

static tuf_edit *update_of(const char *id, const char *rev, int value)
{
    char json[512];
    snprintf(json, sizeof(json), "{\"_id\":\"%s\"%s%s%s,\"v\":%d}", id, *rev ? ",\"_rev\":\"" : "",
             rev, *rev ? "\"" : "", value);
    tuf_edit *edit = NULL;
    require(tuf_edit_parse(&edit, tuf_str(json), NULL) == TUF_OK);
    return edit;
}

static void take_rev(struct owned *o, const tuf_edit *edit)
{
    tuf_edit_result result;
    tuf_edit_get_result(&result, edit);
    require(result.status == TUF_OK);
    (void)tuf_rev_format(o->rev, result.rev);
}

static void compete(int value)
{
    tuf_snapshot *snapshot = NULL;
    tuf_doc *doc = NULL;
    char rev[TUF_REV_TEXT_SIZE] = "";
    require(tuf_db_snapshot(&snapshot, db) == TUF_OK);
    tuf_status st = tuf_doc_open(&doc, snapshot, tuf_str("shared"), NULL);
    require(st == TUF_OK || st == TUF_NOT_FOUND);
    if (st == TUF_OK)
        (void)tuf_rev_format(rev, tuf_doc_rev(doc));
    tuf_doc_free(&doc);
    tuf_snapshot_free(&snapshot);
    tuf_edit *edit = update_of("shared", rev, value);
    require(tuf_db_commit(db, &edit, 1, TUF_COMMIT_NO_WAIT) == TUF_OK);
    tuf_edit_result result;
    tuf_edit_get_result(&result, edit);
    require(result.status == TUF_OK || result.status == TUF_CONFLICT);
    atomic_fetch_add(&shared_wins, result.status == TUF_OK);
    tuf_edit_free(&edit);
}

static void *write_documents(void *arg)
{
    int number = *(int *)arg;
    struct owned pair[2] = { 0 };
    snprintf(pair[0].id, sizeof(pair[0].id), "a%d", number);
    snprintf(pair[1].id, sizeof(pair[1].id), "b%d", number);
    for (int round = 0; round < ROUND_COUNT; round++) {
        tuf_edit *edits[2];
        for (int i = 0; i < 2; i++)
            edits[i] = update_of(pair[i].id, pair[i].rev, round);
        require(tuf_db_commit(db, edits, 2, round % 3 == 0 ? TUF_COMMIT_NO_WAIT : 0) == TUF_OK);
        for (int i = 0; i < 2; i++) {
            take_rev(&pair[i], edits[i]);
            tuf_edit_free(&edits[i]);
        }
        compete(number * ROUND_COUNT + round);
        if (round % 16 == 5)
            require(tuf_db_sync(db) == TUF_OK);
    }
    return NULL;
}

/* ---- the others ------------------------------------------------------------------------------ */

static void compare_pair(tuf_snapshot *snapshot, tuf_doc **docs, int number)
{
    char id[2][16];
    snprintf(id[0], sizeof(id[0]), "a%d", number);
    snprintf(id[1], sizeof(id[1]), "b%d", number);
    tuf_status st[2];
    for (int i = 0; i < 2; i++)
        st[i] = tuf_doc_open(&docs[i], snapshot, tuf_str(id[i]), NULL);
    require(st[0] == st[1]);
    require(st[0] == TUF_OK || st[0] == TUF_NOT_FOUND);
    if (st[0] != TUF_OK)
        return;
    tuf_slice a = tuf_doc_body(docs[0]), b = tuf_doc_body(docs[1]);
    require(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
    const tuf_rev_entry *revs;
    size_t count;
    require(tuf_doc_revisions(&revs, &count, docs[0]) == TUF_OK);
    require(count == tuf_doc_rev(docs[0]).gen);
}

static void *read_documents(void *arg)
{
    (void)arg;
    uint64_t last_seq = 0;
    tuf_doc *docs[2] = { NULL, NULL };
    for (int turn = 0; !atomic_load(&done); turn++) {
        tuf_snapshot *snapshot = NULL;
        require(tuf_db_snapshot(&snapshot, db) == TUF_OK);
        tuf_db_info info = { .struct_size = sizeof(info) };
        require(tuf_snapshot_info(&info, snapshot) == TUF_OK);
        require(info.update_seq >= last_seq);
        last_seq = info.update_seq;
        for (int i = 0; i < WRITER_COUNT; i++)
            compare_pair(snapshot, docs, i);
        uint64_t pending;
        require(tuf_snapshot_pending(&pending, snapshot, 0) == TUF_OK);
        require(pending == info.doc_count);
        if (turn % 8 == 0) {
            tuf_check_report report;
            require(tuf_check(&report, snapshot, NULL) == TUF_OK);
            require(report.finding_count == 0);
        }
        tuf_doc_free(&docs[0]);
        tuf_doc_free(&docs[1]);
        tuf_snapshot_free(&snapshot);
    }
    return NULL;
}

static void *write_checkpoints(void *arg)
{
    (void)arg;
    uint64_t seen = 0;
    while (!atomic_load(&done)) {
        require(tuf_db_checkpoint(db) == TUF_OK);
        tuf_status st = tuf_db_wait(db, seen, 5);
        require(st == TUF_OK || st == TUF_STOPPED);
        seen += st == TUF_OK;
    }
    return NULL;
}

static void hear(uint64_t update_seq, void *ctx)
{
    atomic_store((atomic_ullong *)ctx, update_seq);
}

START_TEST(writers_readers_and_checkpoints_run_side_by_side)
{
    struct tuf_vfs *vfs = NULL;
    ck_ok(tufi_vfs_memory_new(&vfs));
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = TUF_OPEN_CREATE;
    opts.sector_size = 512;
    opts.cache_size = 32768;
    opts.checkpoint_log_size = 100000;
    opts.vfs = vfs;
    ck_ok(tuf_db_open(&db, "db", &opts));
    tuf_db_set_listener(db, hear, &heard_seq);
    pthread_t writers[WRITER_COUNT], others[READER_COUNT + 1];
    int numbers[WRITER_COUNT];
    for (int i = 0; i < READER_COUNT; i++)
        ck_assert_int_eq(pthread_create(&others[i], NULL, read_documents, NULL), 0);
    ck_assert_int_eq(pthread_create(&others[READER_COUNT], NULL, write_checkpoints, NULL), 0);
    for (int i = 0; i < WRITER_COUNT; i++) {
        numbers[i] = i;
        ck_assert_int_eq(pthread_create(&writers[i], NULL, write_documents, &numbers[i]), 0);
    }
    for (int i = 0; i < WRITER_COUNT; i++)
        pthread_join(writers[i], NULL);
    atomic_store(&done, true);
    for (int i = 0; i < READER_COUNT + 1; i++)
        pthread_join(others[i], NULL);
    uint64_t seqs = 2 * WRITER_COUNT * ROUND_COUNT + (uint64_t)atomic_load(&shared_wins);
    ck_assert_uint_gt(atomic_load(&heard_seq), 0);
    for (int round = 0; round < 2; round++) {
        struct world w = { .db = db };
        tuf_db_info info = world_info(&w);
        ck_assert_uint_eq(info.update_seq, seqs);
        ck_assert_uint_eq(info.doc_count, 2 * WRITER_COUNT + 1);
        ck_assert_uint_le(info.commit_count, 2 * WRITER_COUNT * ROUND_COUNT);
        check_clean(&w);
        tuf_doc_free(&w.doc);
        tuf_snapshot_free(&w.snapshot);
        ck_ok(tuf_db_close(&db));
        if (round == 0)
            ck_ok(tuf_db_open(&db, "db", &opts));
    }
    tufi_vfs_memory_free(&vfs);
}
END_TEST

/* ---- what one group does with a failure
 * ---------------------------------------------------------- */

struct caller {
    pthread_t thread;
    tuf_edit *edit;
    unsigned flags;
    tuf_status status;
    tuf_error error;
};

static void *call_commit(void *arg)
{
    struct caller *c = arg;
    c->status = tuf_db_commit(db, &c->edit, 1, c->flags);
    c->error = *tuf_last_error();
    return NULL;
}

static void start_call(struct caller *c, tuf_edit *edit)
{
    c->edit = edit;
    ck_assert_int_eq(pthread_create(&c->thread, NULL, call_commit, c), 0);
}

/* Waits until the first caller leads and so many others wait behind it. */
static void wait_for_queue(size_t want)
{
    for (size_t count = SIZE_MAX; count != want;) {
        struct timespec pause = { 0, 1000000 };
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&db->queue);
        count = db->leading ? 0 : SIZE_MAX;
        /* The requests are private: their number is what the tail's distance says. */
        if (db->leading && db->queue_head)
            count = db->queue_head == db->queue_tail ? 1 : 2;
        pthread_mutex_unlock(&db->queue);
    }
}

START_TEST(one_callers_failure_is_not_anothers)
{
    struct world w;
    world_start(&w);
    for (int i = 0; i < 5; i++)
        push_path(&w, "d", (unsigned)i + 1, i == 0 ? "r0" : text("r%d r%d", i, i - 1));
    db = w.db;
    struct caller first = { 0 }, bad = { 0 }, good = { 0 };
    pthread_mutex_lock(&db->writer); /* the leader stops here */
    start_call(&first, world_parse(0, "{'_id':'first'}"));
    wait_for_queue(0);
    /* This one has to read the tree. */
    start_call(&bad, world_parse(TUF_EDIT_REPLICATED,
                                 "{'_id':'d','_revisions':{'start':3,'ids':['x','r1']}}"));
    wait_for_queue(1);
    start_call(&good, world_parse(0, "{'_id':'good'}"));
    wait_for_queue(2);
    struct fault_plan plan = { .kind = FAULT_PREAD, .at = 1, .sticky = true };
    fault_set(w.fault, &plan);
    pthread_mutex_unlock(&db->writer);
    struct caller *callers[] = { &first, &bad, &good };
    for (size_t i = 0; i < 3; i++)
        pthread_join(callers[i]->thread, NULL);
    fault_set(w.fault, NULL);
    ck_assert_int_eq(first.status, TUF_OK);
    ck_assert_int_eq(good.status, TUF_OK);
    ck_assert_int_eq(bad.status, TUF_E_IO);
    ck_assert_int_eq(bad.error.status, TUF_E_IO);
    ck_ok(try_doc(&w, "good", NULL));
    ck_text(leaves(&w, "d"), "5-r4");
    ck_ok(tuf_db_commit(db, &bad.edit, 1, 0));
    ck_text(leaves(&w, "d"), "5-r4 3-x");
    for (size_t i = 0; i < 3; i++)
        tuf_edit_free(&callers[i]->edit);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(callers_that_wait_together_share_one_commit_and_one_sync)
{
    struct world w;
    world_start(&w);
    db = w.db;
    struct caller first = { 0 }, second = { 0 }, third = { .flags = TUF_COMMIT_NO_WAIT };
    pthread_mutex_lock(&db->writer);
    start_call(&first, world_parse(0, "{'_id':'first'}"));
    wait_for_queue(0);
    start_call(&second, world_parse(0, "{'_id':'second'}"));
    wait_for_queue(1);
    start_call(&third, world_parse(0, "{'_id':'third'}"));
    wait_for_queue(2);
    struct fault_plan count = { .kind = FAULT_SYNC };
    fault_set(w.fault, &count);
    pthread_mutex_unlock(&db->writer);
    struct caller *callers[] = { &first, &second, &third };
    for (size_t i = 0; i < 3; i++) {
        pthread_join(callers[i]->thread, NULL);
        ck_assert_int_eq(callers[i]->status, TUF_OK);
        tuf_edit_free(&callers[i]->edit);
    }
    ck_assert_uint_eq(fault_calls(w.fault, FAULT_SYNC), 2);
    ck_assert_uint_eq(world_info(&w).commit_count, 2);
    ck_assert_uint_eq(world_info(&w).update_seq, 3);
    world_end(&w);
}
END_TEST

/* INV-PA-1 */
START_TEST(who_was_granted_something_does_not_wait)
{
    struct pace pace = { 0 };
    tufi_pace_init(&pace);
    tufi_pace_spend(&pace, 1000); /* off: as much as one likes */
    tufi_pace_set(&pace, true);
    tufi_pace_grant(&pace, 100);
    tufi_pace_spend(&pace, 60);
    tufi_pace_spend(&pace, 60);
    ck_assert_int_eq(pace.allowance, -20);
    tufi_pace_grant(&pace, 21);
    tufi_pace_spend(&pace, 5);
    ck_assert_int_eq(pace.allowance, -4);
    tufi_pace_set(&pace, false);
    tufi_pace_spend(&pace, 1000);
    ck_assert_uint_eq(atomic_load(&pace.spent), 2125);
    tufi_pace_release(&pace);
}
END_TEST

struct batch {
    pthread_t thread;
    tuf_edit *edits[8000];
    size_t count;
    tuf_status status;
};

static void *call_batch(void *arg)
{
    struct batch *b = arg;
    b->status = tuf_db_commit(db, b->edits, b->count, 0);
    return NULL;
}

/* Text that does not shrink. */
static void start_batch(struct batch *b, char name, size_t count, size_t size)
{
    char *big = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        big[i] = "0123456789abcdef"[rng_mix(i * 256 + (uint8_t)name) % 16];
    big[size] = 0;
    b->count = count;
    for (size_t i = 0; i < count; i++)
        b->edits[i] = world_parse(0, "{'_id':'%c%zu','v':'%s'}", name, i, big);
    free(big);
    ck_assert_int_eq(pthread_create(&b->thread, NULL, call_batch, b), 0);
}

static const struct {
    size_t count[2], size[2];
    uint64_t commits;
} group_cases[] = {
    { { 8000, 192 }, { 1, 1 }, 2 },
    { { 8000, 193 }, { 1, 1 }, 3 },
    { { 250, 250 }, { 30000, 30000 }, 2 },
    { { 300, 300 }, { 30000, 30000 }, 3 },
};

START_TEST(a_group_takes_so_many_edits_and_bytes)
{
    static struct batch batches[2];
    struct world w;
    world_start(&w);
    db = w.db;
    struct caller first = { 0 };
    pthread_mutex_lock(&db->writer);
    start_call(&first, world_parse(0, "{'_id':'first'}"));
    wait_for_queue(0);
    for (size_t i = 0; i < 2; i++) {
        start_batch(&batches[i], (char)('a' + i), group_cases[_i].count[i], group_cases[_i].size[i]);
        wait_for_queue(i + 1);
    }
    pthread_mutex_unlock(&db->writer);
    pthread_join(first.thread, NULL);
    tuf_edit_free(&first.edit);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(batches[i].thread, NULL);
        ck_assert_int_eq(batches[i].status, TUF_OK);
        for (size_t k = 0; k < batches[i].count; k++)
            tuf_edit_free(&batches[i].edits[k]);
    }
    ck_assert_uint_eq(world_info(&w).commit_count, group_cases[_i].commits);
    world_end(&w);
}
END_TEST

START_TEST(all_callers_of_a_group_hear_of_a_failed_sync)
{
    struct world w;
    world_start(&w);
    db = w.db;
    struct caller first = { 0 }, second = { 0 }, third = { 0 };
    pthread_mutex_lock(&db->writer);
    start_call(&first, world_parse(0, "{'_id':'first'}"));
    wait_for_queue(0);
    start_call(&second, world_parse(0, "{'_id':'second'}"));
    wait_for_queue(1);
    start_call(&third, world_parse(0, "{'_id':'third'}"));
    wait_for_queue(2);
    struct fault_plan plan = { .kind = FAULT_SYNC, .at = 2, .drop = true };
    fault_set(w.fault, &plan);
    pthread_mutex_unlock(&db->writer);
    struct caller *callers[] = { &first, &second, &third };
    for (size_t i = 0; i < 3; i++) {
        pthread_join(callers[i]->thread, NULL);
        ck_assert_int_eq(callers[i]->status, i == 0 ? TUF_OK : TUF_E_IO);
        tuf_edit_free(&callers[i]->edit);
    }
    fault_set(w.fault, NULL);
    ck_fails(try_put(&w, "{'_id':'x'}"), TUF_E_POISONED);
    ck_assert_uint_eq(world_info(&w).update_seq, 1);
    world_reopen(&w);
    ck_assert_uint_eq(world_info(&w).update_seq, 1);
    check_clean(&w);
    world_end(&w);
}
END_TEST

static void *wait_for_change(void *arg)
{
    *(tuf_status *)arg = tuf_db_wait(db, 0, 20000);
    return NULL;
}

START_TEST(a_waiting_thread_is_woken_by_a_commit)
{
    struct world w;
    world_start(&w);
    db = w.db;
    tuf_status status = TUF_E_INTERNAL;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_change, &status), 0);
    struct timespec pause = { 0, 20000000 };
    nanosleep(&pause, NULL);
    (void)put(&w, "{'_id':'d'}");
    pthread_join(thread, NULL);
    ck_assert_int_eq(status, TUF_OK);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("group");
    TCase *t = tcase_create("group");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, writers_readers_and_checkpoints_run_side_by_side);
    tcase_add_test(t, one_callers_failure_is_not_anothers);
    tcase_add_test(t, callers_that_wait_together_share_one_commit_and_one_sync);
    tcase_add_loop_test(t, a_group_takes_so_many_edits_and_bytes, 0, 4);
    tcase_add_test(t, who_was_granted_something_does_not_wait);
    tcase_add_test(t, all_callers_of_a_group_hear_of_a_failed_sync);
    tcase_add_test(t, a_waiting_thread_is_woken_by_a_commit);
    suite_add_tcase(s, t);
    return tuft_run(s);
}
