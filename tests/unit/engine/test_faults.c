/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: every allocation and every call to the disk fails once, in a scenario for each kind of
 * call.
 *
 * For k = 1, 2, 3... the k-th allocation (or call) of the scenario fails, until it passes
 * untouched. After each failure: what was there before is there, what was asked for is there whole
 * or not at all, and the same call succeeds once the fault is gone, at the latest after reopening a
 * handle that says E_POISONED. Leaks are found by the address sanitizer and by the count of
 * handles.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "tests/crash/dump.h"
#include "tests/unit/engine/world.h"

/* ---- scenarios ------------------------------------------------------------------------------- */

struct scenario {
    const char *name;
    void (*prepare)(struct world *w);   /* no faults yet */
    tuf_status (*act)(struct world *w); /* what is asked for; can be repeated */
};

static tuf_status commit_json(struct world *w, const char *const *docs, const unsigned *flags,
                              size_t count)
{
    tuf_edit *edits[8] = { NULL };
    tuf_status st = TUF_OK;
    for (size_t i = 0; st == TUF_OK && i < count; i++) {
        tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
        opts.flags = flags ? flags[i] : 0;
        st = tuf_edit_parse(&edits[i], tuf_str(text("%s", docs[i])), &opts);
    }
    if (st == TUF_OK)
        st = tuf_db_commit(w->db, edits, count, 0);
    for (size_t i = 0; i < count; i++) {
        tuf_edit_result result = { .status = TUF_OK };
        if (st == TUF_OK)
            tuf_edit_get_result(&result, edits[i]);
        if (result.status < 0)
            st = result.status;
        tuf_edit_free(&edits[i]);
    }
    return st;
}

static void start_empty(struct world *w)
{
    world_open(w);
}

static void start_some(struct world *w)
{
    world_open(w);
    for (int i = 0; i < 8; i++)
        push(w, "{'_id':'d%d','_rev':'1-a','v':%d}", i, i);
    push(w, "{'_id':'two','_revisions':{'start':2,'ids':['b','a']}}");
    push(w, "{'_id':'two','_revisions':{'start':2,'ids':['c','a']}}");
    push(w, "{'_id':'att','_rev':'1-a','_attachments':{'n':{'data':'YWJj'}}}");
    push_path(w, "long", 1, "r0");
    for (unsigned i = 1; i < 18; i++)
        push_path(w, "long", i + 1, text("r%u r%u", i, i - 1));
    (void)put(w, "{'_id':'_local/l','n':1}");
    ck_ok(tuf_db_put_meta(w->db, tuf_str("m1"), tuf_str("one")));
    push(w, "{'_id':'purged','_rev':'1-a'}");
    tuf_revbuf rev;
    bool purged;
    ck_ok(tuf_rev_parse(&rev, tuf_str("1-a")));
    tuf_purge_item item = { tuf_str("purged"), &rev.rev, 1, &purged };
    ck_ok(tuf_db_purge(w->db, &item, 1));
}

static void start_reopened(struct world *w)
{
    start_some(w);
    world_reopen(w);
}

static void start_killed(struct world *w)
{
    start_some(w);
    ck_ok(tuf_db_checkpoint(w->db));
    push(w, "{'_id':'late','_rev':'1-a'}");
    struct sim *left = sim_clone(w->sim);
    world_close(w);
    fault_free(&w->fault);
    sim_free(&w->sim);
    w->sim = left;
    w->fault = fault_new(sim_vfs(left));
}

static void start_nothing(struct world *w)
{
    (void)w;
}

static tuf_status act_open(struct world *w)
{
    w->opts.vfs = fault_vfs(w->fault);
    return w->db ? TUF_OK : tuf_db_open(&w->db, WORLD_PATH, &w->opts);
}

static tuf_status act_put(struct world *w)
{
    static const char *const docs[] = { "{'_id':'new','x':[1,2,{'y':'zzzzzzzzzzzzzzzzzzzzzz'}]}" };
    return commit_json(w, docs, NULL, 1);
}

static tuf_status act_bulk(struct world *w)
{
    static const char *const docs[] = {
        "{'_id':'n1'}",
        "{'_id':'d1','_rev':'1-a','v':'new'}",
        "{'_id':'d2','v':'conflict'}",
        "{'_id':'d3','_rev':'1-b'}",
        "{'_id':'_local/bulk'}",
        "{'_id':'d4','_rev':'1-a','_deleted':true}",
    };
    static const unsigned flags[] = { 0, 0, 0, TUF_EDIT_REPLICATED, 0, 0 };
    return commit_json(w, docs, flags, 6);
}

static tuf_status act_long(struct world *w) /* needs a tree record */
{
    static const char *const docs[] = { "{'_id':'long','_rev':'18-r17','more':1}" };
    return commit_json(w, docs, NULL, 1);
}

static tuf_status act_merge(struct world *w) /* needs the tree */
{
    static const char *const docs[] = {
        "{'_id':'long','_revisions':{'start':12,'ids':['x','r10','r9']}}",
    };
    static const unsigned flags[] = { TUF_EDIT_REPLICATED };
    return commit_json(w, docs, flags, 1);
}

static tuf_status act_inline(struct world *w)
{
    static const char *const docs[] = {
        "{'_id':'i','_attachments':{'a':{'content_type':'text/plain','data':'aGVsbG8gaGVsbG8='},"
        "'e':{'data':''}}}",
    };
    return commit_json(w, docs, NULL, 1);
}

static tuf_status act_stub(struct world *w)
{
    static const char *const docs[] = {
        "{'_id':'att','_rev':'1-a','_attachments':{'n':{'stub':true},'m':{'data':'YWJj'}}}",
    };
    return commit_json(w, docs, NULL, 1);
}

static tuf_status write_blob(tuf_blob **out, struct world *w)
{
    enum { PIECE = 100000 };
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    TUF_AUTO(tuf_att_writer_free) tuf_att_writer *writer = NULL;
    static uint8_t piece[PIECE];
    for (size_t i = 0; i < PIECE; i++)
        piece[i] = (uint8_t)rng_mix(i);
    tuf_status st = tuf_att_writer_new(&writer, w->db, &opts);
    for (int i = 0; st == TUF_OK && i < 4; i++)
        st = tuf_att_write(writer, piece, PIECE);
    return st == TUF_OK ? tuf_att_finish(out, writer) : st;
}

static tuf_status act_stream(struct world *w)
{
    TUF_AUTO(tuf_blob_free) tuf_blob *blob = NULL;
    TUF_AUTO(tuf_edit_free) tuf_edit *edit = NULL;
    tuf_status st = write_blob(&blob, w);
    if (st == TUF_OK)
        st = tuf_edit_parse(&edit, tuf_str("{\"_id\":\"stream\"}"), NULL);
    if (st == TUF_OK)
        st = tuf_edit_put_attachment(edit, tuf_str("big"), tuf_str("application/x"), &blob);
    return st == TUF_OK ? tuf_db_commit(w->db, &edit, 1, 0) : st;
}

static tuf_status act_copy(struct world *w)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    TUF_AUTO(tuf_edit_free) tuf_edit *edit = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, w->db);
    if (st == TUF_OK)
        st = tuf_doc_open(&doc, snapshot, tuf_str("att"), NULL);
    if (st == TUF_OK)
        st = tuf_edit_from_doc(&edit, doc);
    if (st == TUF_OK)
        st = tuf_edit_set_id(edit, tuf_str("copy"));
    if (st == TUF_OK)
        st = tuf_edit_set_parent(edit, NULL);
    return st == TUF_OK ? tuf_db_commit(w->db, &edit, 1, 0) : st;
}

static tuf_status act_checkpoint(struct world *w)
{
    return tuf_db_checkpoint(w->db);
}

static tuf_status act_purge(struct world *w)
{
    tuf_revbuf rev;
    bool purged[2];
    tuf_status st = tuf_rev_parse(&rev, tuf_str("2-c"));
    tuf_purge_item items[2] = { { tuf_str("two"), &rev.rev, 1, &purged[0] },
                                { tuf_str("two"), &rev.rev, 1, &purged[1] } };
    return st == TUF_OK ? tuf_db_purge(w->db, items, 2) : st;
}

static tuf_status act_local(struct world *w)
{
    static const char *const docs[] = { "{'_id':'_local/l','n':2,'_rev':'0-1'}" };
    return commit_json(w, docs, NULL, 1);
}

static tuf_status act_meta(struct world *w)
{
    return tuf_db_put_meta(w->db, tuf_str("security"), tuf_str("value"));
}

static tuf_status act_limit(struct world *w)
{
    return tuf_db_set_revs_limit(w->db, 77);
}

static tuf_status act_read(struct world *w)
{
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    tuf_status st = dump_db(&out, w->db);
    return st == TUF_OK ? buf_status(&out) : st;
}

/* Ranges, counts, old revisions and the attachment in pieces. */
static tuf_status act_look(struct world *w)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_cursor_free) tuf_cursor *ids = NULL;
    TUF_AUTO(tuf_cursor_free) tuf_cursor *locals = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    TUF_AUTO(tuf_att_reader_free) tuf_att_reader *reader = NULL;
    tuf_range range = { .has_start = true,
                        .has_end = true,
                        .start = tuf_str("d1"),
                        .end = tuf_str("d5"),
                        .exclude_start = true };
    tuf_range from = { .has_start = true, .start = tuf_str("_local/a") };
    tuf_revbuf old;
    uint64_t number;
    tuf_status st = tuf_rev_parse(&old, tuf_str("5-r4"));
    if (st == TUF_OK)
        st = tuf_db_snapshot(&snapshot, w->db);
    if (st == TUF_OK)
        st = tuf_cursor_open_ids(&ids, snapshot, &range);
    if (st == TUF_OK)
        st = tuf_cursor_skip(&number, ids, 2);
    if (st == TUF_OK)
        st = tuf_cursor_open_locals(&locals, snapshot, &from);
    if (st == TUF_OK)
        st = tuf_snapshot_rank(&number, snapshot, tuf_str("d3"), true);
    if (st == TUF_OK)
        st = tuf_snapshot_pending(&number, snapshot, 3);
    if (st == TUF_OK)
        st = tuf_doc_open(&doc, snapshot, tuf_str("long"), &old.rev);
    if (st == TUF_OK)
        st = tuf_doc_open(&doc, snapshot, tuf_str("att"), NULL);
    if (st == TUF_OK)
        st = tuf_att_open(&reader, doc, 0, TUF_ATT_DECODED);
    char buf[2];
    size_t len;
    while (st == TUF_OK)
        st = tuf_att_read(&len, reader, buf, sizeof(buf));
    return st == TUF_END ? TUF_OK : st;
}

static tuf_status act_check(struct world *w)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_check_report report;
    tuf_status st = tuf_db_snapshot(&snapshot, w->db);
    if (st == TUF_OK)
        st = tuf_check(&report, snapshot, NULL);
    return st == TUF_OK && report.finding_count > 0 ? TUF_E_IO : st;
}

static tuf_status act_close(struct world *w)
{
    return tuf_db_close(&w->db);
}

static const struct scenario scenarios[] = {
    { "create", start_nothing, act_open },
    { "reopen", start_killed, act_open },
    { "put", start_empty, act_put },
    { "bulk", start_some, act_bulk },
    { "long", start_some, act_long },
    { "merge", start_reopened, act_merge },
    { "inline", start_empty, act_inline },
    { "stub", start_reopened, act_stub },
    { "stream", start_empty, act_stream },
    { "copy", start_reopened, act_copy },
    { "checkpoint", start_some, act_checkpoint },
    { "purge", start_some, act_purge },
    { "local", start_some, act_local },
    { "meta", start_empty, act_meta },
    { "limit", start_some, act_limit },
    { "read", start_reopened, act_read },
    { "look", start_reopened, act_look },
    { "check", start_reopened, act_check },
    { "close", start_some, act_close },
};
#define SCENARIO_COUNT ((int)(sizeof(scenarios) / sizeof(scenarios[0])))

/* ---- faults ---------------------------------------------------------------------------------- */

struct alloc_fault {
    uint64_t calls, at, hits;
    bool sticky;
};

static bool may_allocate(size_t size, void *ctx)
{
    (void)size;
    struct alloc_fault *f = ctx;
    f->calls++;
    bool hit = f->calls == f->at || (f->sticky && f->calls > f->at);
    f->hits += hit;
    return !hit;
}

/* One way of failing; kind FAULT_KIND_COUNT stands for allocations. */
struct way {
    enum fault_kind kind;
    bool sticky;
    int sys_errno;
    uint32_t short_permille;
    bool drop, evict;
};

static const struct way ways[] = {
    { .kind = FAULT_KIND_COUNT },
    { .kind = FAULT_KIND_COUNT, .sticky = true },
    { .kind = FAULT_ANY },
    { .kind = FAULT_ANY, .sys_errno = ENOSPC },
    { .kind = FAULT_ANY, .sticky = true },
    { .kind = FAULT_PWRITEV, .sys_errno = ENOSPC, .short_permille = 600, .sticky = true },
    { .kind = FAULT_SYNC, .drop = true },
    { .kind = FAULT_SYNC, .drop = true, .evict = true },
};
#define WAY_COUNT ((int)(sizeof(ways) / sizeof(ways[0])))

/* Runs the act with the k-th call failing. Returns whether anything failed. */
static bool act_with_fault(tuf_status *st_out, struct world *w, const struct scenario *s,
                           const struct way *way, uint64_t k)
{
    struct alloc_fault alloc = { .at = k, .sticky = way->sticky };
    struct fault_plan plan = { .kind = way->kind,
                               .at = k,
                               .sticky = way->sticky,
                               .sys_errno = way->sys_errno,
                               .short_permille = way->short_permille,
                               .drop = way->drop,
                               .evict = way->evict };
    bool memory = way->kind == FAULT_KIND_COUNT;
    if (memory)
        tufi_alloc_set_hook(may_allocate, &alloc);
    else
        fault_set(w->fault, &plan);
    *st_out = s->act(w);
    tufi_alloc_set_hook(NULL, NULL);
    uint64_t hits = memory ? alloc.hits : fault_hits(w->fault);
    fault_set(w->fault, NULL);
    if (memory && *st_out != TUF_OK)
        ck_assert_int_eq(*st_out, TUF_E_NOMEM);
    return hits > 0;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static char *dump(struct world *w)
{
    struct buf out = BUF_INIT;
    if (!w->db)
        world_open(w);
    ck_ok(dump_db(&out, w->db));
    buf_append_u8(&out, 0);
    ck_assert(!out.failed);
    return (char *)tufi_buf_take(&out);
}

static void check_text(struct world *w, const char *want)
{
    char *got = dump(w);
    ck_assert_str_eq(got, want);
    tuf_free(got);
}

static bool shows(struct world *w, const char *want)
{
    char *got = dump(w);
    bool same = strcmp(got, want) == 0;
    tuf_free(got);
    return same;
}

static void start(struct world *w, const struct scenario *s)
{
    world_init(w, 512);
    w->opts.cache_size = 8192;
    s->prepare(w);
}

/* The texts before and after, without faults. */
static void rehearse(char **before, char **after, const struct scenario *s)
{
    struct world w;
    start(&w, s);
    *before = s->act == act_open ? NULL : dump(&w);
    ck_ok(s->act(&w));
    *after = dump(&w);
    world_end(&w);
}

/* After a failure: tries again until what was asked for is there. */
static void make_good(struct world *w, const struct scenario *s, const char *before,
                      const char *after)
{
    check_text(w, before);
    tuf_status st = s->act(w);
    if (st == TUF_E_POISONED) {
        if (w->db)
            world_close(w);
        if (shows(w, after) && strcmp(before, after) != 0)
            return; /* it had reached the disk */
        check_text(w, before);
        st = s->act(w);
    }
    ck_assert_msg(st == TUF_OK, "%s again: %s", s->name, tuf_status_name(st));
}

static void run(const struct scenario *s, const struct way *way)
{
    char *before, *after;
    rehearse(&before, &after, s);
    bool hit = true;
    uint64_t k = 0;
    while (hit) {
        struct world w;
        tuf_status st;
        start(&w, s);
        hit = act_with_fault(&st, &w, s, way, ++k);
        ck_assert_msg(st <= TUF_OK && st != TUF_E_INTERNAL, "%s at %llu: %s", s->name,
                      (unsigned long long)k, tuf_status_name(st));
        if (!hit)
            ck_ok(st);
        if (!w.db && s->act == act_open)
            ck_assert_uint_eq(sim_handle_count(w.sim), 0);
        if (st < 0)
            make_good(&w, s, before ? before : after, after);
        check_text(&w, after);
        check_clean(&w);
        world_kill(&w);
        check_text(&w, after);
        world_end(&w);
        ck_assert_uint_lt(k, 5000);
    }
    tuf_free(before);
    tuf_free(after);
}

START_TEST(each_call_may_fail_and_is_made_good)
{
    run(&scenarios[_i / WAY_COUNT], &ways[_i % WAY_COUNT]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("faults");
    TCase *t = tcase_create("faults");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, each_call_may_fail_and_is_made_good, 0, SCENARIO_COUNT * WAY_COUNT);
    suite_add_tcase(s, t);
    return tuft_run(s);
}
