/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: opening a database at an earlier state (tuf_open_options.at).
 */
#include <stdio.h>

#include "base/alloc.h"
#include "tests/crash/dump.h"
#include "tests/unit/engine/world.h"

#define STATE_COUNT 60

/* What the database was after each of a row of commits. */
struct past {
    struct world w;
    char *dumps[STATE_COUNT];
    tuf_db_info infos[STATE_COUNT];
    uint64_t times[STATE_COUNT];
    size_t count;
};

static tuf_status note_time(const tuf_log_entry *entry, void *ctx)
{
    if (entry->kind == TUF_LOG_COMMIT)
        *(uint64_t *)ctx = entry->time_us;
    return TUF_OK;
}

static char *dump_text(tuf_db *db)
{
    struct buf out = BUF_INIT;
    ck_ok(dump_db(&out, db));
    buf_append_u8(&out, 0);
    return (char *)tufi_buf_take(&out);
}

static void note_state(struct past *p)
{
    p->dumps[p->count] = dump_text(p->w.db);
    p->infos[p->count] = world_info(&p->w);
    ck_ok(tuf_db_log(p->w.db, note_time, &p->times[p->count]));
    p->count++;
}

/* Edits, deletions, local documents, values, a purge; checkpoints at `every` (0: only at the end). */
static void make_past(struct past *p, unsigned every)
{
    memset(p, 0, sizeof(*p));
    world_start(&p->w);
    char rev[STATE_COUNT][TUF_REV_TEXT_SIZE];
    for (unsigned i = 0; i < STATE_COUNT; i++) {
        if (i % 7 == 3)
            put(&p->w, "{'_id':'_local/l','n':%u}", i);
        else if (i % 7 == 5)
            ck_ok(tuf_db_put_meta(p->w.db, tuf_str("security"), tuf_str(text("%u", i))));
        else if (i % 7 == 6)
            snprintf(rev[i], sizeof(rev[i]), "%s",
                     put(&p->w, "{'_id':'d%u','_rev':'%s','_deleted':true}", i - 2, rev[i - 2]));
        else
            snprintf(rev[i], sizeof(rev[i]), "%s", put(&p->w, "{'_id':'d%u','v':%u}", i, i));
        if (every > 0 && i % every == 0)
            ck_ok(tuf_db_checkpoint(p->w.db));
        if (i % 7 == 3) /* the sequence does not tell local documents and values apart */
            ck_assert(world_info(&p->w).commit_count == i + 1);
        note_state(p);
    }
}

static void end_past(struct past *p)
{
    for (size_t i = 0; i < p->count; i++)
        tufi_free(p->dumps[i]);
    world_end(&p->w);
}

static tuf_status open_at(tuf_db **out, struct past *p, unsigned kind, uint64_t at)
{
    tuf_open_options opts = p->w.opts;
    opts.flags = TUF_OPEN_RDONLY;
    opts.at_kind = kind;
    opts.at = at;
    return tuf_db_open(out, WORLD_PATH, &opts);
}

static void expect_state(struct past *p, unsigned kind, uint64_t at, size_t state)
{
    tuf_db *db = NULL;
    ck_ok(open_at(&db, p, kind, at));
    char *got = dump_text(db);
    ck_assert_str_eq(got, p->dumps[state]);
    tufi_free(got);
    ck_ok(tuf_db_close(&db));
}

static const unsigned checkpoint_steps[] = { 0, 1, 13, 29 };

START_TEST(every_commit_can_be_opened)
{
    struct past p;
    make_past(&p, checkpoint_steps[_i]);
    for (size_t i = 0; i < p.count; i++)
        expect_state(&p, TUF_AT_COMMIT, p.infos[i].commit_count, i);
    ck_ok(tuf_db_checkpoint(p.w.db));
    for (size_t i = 0; i < p.count; i++)
        expect_state(&p, TUF_AT_COMMIT, p.infos[i].commit_count, i);
    end_past(&p);
}
END_TEST

START_TEST(a_sequence_names_the_last_state_that_has_it)
{
    struct past p;
    make_past(&p, checkpoint_steps[_i]);
    for (size_t i = 0; i < p.count; i++) {
        bool last = i + 1 == p.count || p.infos[i + 1].update_seq > p.infos[i].update_seq;
        if (last)
            expect_state(&p, TUF_AT_SEQ, p.infos[i].update_seq, i);
    }
    end_past(&p);
}
END_TEST

START_TEST(a_time_names_the_last_state_before_it)
{
    struct past p;
    make_past(&p, checkpoint_steps[_i]);
    for (size_t i = 0; i < p.count; i++) {
        if (i + 1 == p.count || p.times[i + 1] > p.times[i])
            expect_state(&p, TUF_AT_TIME, p.times[i], i);
        if (i + 1 < p.count && p.times[i + 1] > p.times[i] + 1)
            expect_state(&p, TUF_AT_TIME, p.times[i + 1] - 1, i);
    }
    expect_state(&p, TUF_AT_TIME, UINT64_MAX, p.count - 1);
    end_past(&p);
}
END_TEST

START_TEST(a_checkpoint_is_opened_by_its_place)
{
    struct past p;
    make_past(&p, 13);
    for (size_t i = 13; i < p.count; i += 13)
        expect_state(&p, TUF_AT_CHECKPOINT, p.infos[i].checkpoint_off, i);
    tuf_db *db = NULL;
    ck_fails(open_at(&db, &p, TUF_AT_CHECKPOINT, 4096), TUF_E_CORRUPT);
    ck_fails(open_at(&db, &p, TUF_AT_CHECKPOINT, (uint64_t)1 << 40), TUF_E_CORRUPT);
    end_past(&p);
}
END_TEST

START_TEST(what_is_not_there_is_refused)
{
    struct past p;
    make_past(&p, 13);
    tuf_db *db = NULL;
    const tuf_db_info *newest = &p.infos[p.count - 1];
    ck_fails(open_at(&db, &p, TUF_AT_COMMIT, newest->commit_count + 1), TUF_E_INVALID);
    ck_fails(open_at(&db, &p, TUF_AT_SEQ, newest->update_seq + 1), TUF_E_INVALID);
    ck_fails(open_at(&db, &p, TUF_AT_TIME, newest->created_us - 1), TUF_E_INVALID);
    ck_fails(open_at(&db, &p, 77, 0), TUF_E_INVALID);
    tuf_open_options opts = p.w.opts;
    opts.at_kind = TUF_AT_SEQ;
    ck_fails(tuf_db_open(&db, WORLD_PATH, &opts), TUF_E_MISUSE);
    end_past(&p);
}
END_TEST

/* INV-RE-5 */
START_TEST(compaction_ends_the_past)
{
    struct past p;
    make_past(&p, 13);
    ck_ok(tuf_db_compact(NULL, p.w.db, NULL));
    const tuf_db_info *then = &p.infos[p.count - 1];
    tufi_free(p.dumps[p.count - 1]);
    p.dumps[p.count - 1] = dump_text(p.w.db); /* inner bodies are gone */
    for (unsigned i = 0; i < 5; i++)
        put(&p.w, "{'_id':'later%u'}", i);
    expect_state(&p, TUF_AT_COMMIT, then->commit_count, p.count - 1);
    expect_state(&p, TUF_AT_SEQ, then->update_seq, p.count - 1);
    tuf_db *db = NULL;
    ck_fails(open_at(&db, &p, TUF_AT_COMMIT, then->commit_count - 1), TUF_E_INVALID);
    ck_fails(open_at(&db, &p, TUF_AT_COMMIT, 0), TUF_E_INVALID);
    ck_fails(open_at(&db, &p, TUF_AT_SEQ, 0), TUF_E_INVALID);
    end_past(&p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("past");
    TCase *tc = tcase_create("past");
    int steps = (int)(sizeof(checkpoint_steps) / sizeof(checkpoint_steps[0]));
    tcase_add_loop_test(tc, every_commit_can_be_opened, 0, steps);
    tcase_add_loop_test(tc, a_sequence_names_the_last_state_that_has_it, 0, steps);
    tcase_add_loop_test(tc, a_time_names_the_last_state_before_it, 0, steps);
    tcase_add_test(tc, a_checkpoint_is_opened_by_its_place);
    tcase_add_test(tc, what_is_not_there_is_refused);
    tcase_add_test(tc, compaction_ends_the_past);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
