/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: tuf_check finds each kind of planted damage and says where it is.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "engine/db.h"
#include "tests/unit/engine/image.h"

struct found {
    size_t count;
    uint64_t file_off; /* of the first finding */
    char id[32];
    char text[200];
    bool other_places; /* a later finding is somewhere else */
};

static void note(const tuf_finding *finding, void *ctx)
{
    struct found *f = ctx;
    if (f->count++ > 0) {
        f->other_places |= finding->file_off != f->file_off;
        return;
    }
    f->file_off = finding->file_off;
    snprintf(f->id, sizeof(f->id), "%.*s", (int)finding->id.len, (const char *)finding->id.data);
    snprintf(f->text, sizeof(f->text), "%s", finding->text);
}

static struct found run_check(struct world *w)
{
    struct found f = { 0 };
    tuf_check_options opts = TUF_CHECK_OPTIONS_INIT;
    opts.found = note;
    opts.ctx = &f;
    tuf_check_report report;
    ck_ok(tuf_check(&report, world_look(w), &opts));
    ck_assert_uint_eq(report.finding_count, f.count);
    return f;
}

#define BIG_SIZE (600 * 1024)

/* Documents of all kinds, closed and opened again, so that nodes come from the file. */
static void make_db(struct world *w)
{
    world_init(w, 512);
    world_open(w);
    for (int i = 0; i < 60; i++)
        (void)put(w, "{'_id':'d%02d','v':%d}", i, i);
    const char *rev = put(w, "{'_id':'long'}");
    for (int i = 0; i < 40; i++)
        rev = put(w, "{'_id':'long','_rev':'%s','i':%d}", rev, i);
    uint8_t *big = malloc(BIG_SIZE);
    for (size_t i = 0; i < BIG_SIZE; i++)
        big[i] = (uint8_t)rng_mix(i);
    tuf_blob *blob = world_blob(w, "application/x", big, BIG_SIZE);
    free(big);
    tuf_edit *edit = world_parse(0, "{'_id':'att'}");
    ck_ok(tuf_edit_put_attachment(edit, tuf_str("big"), tuf_str("application/x"), &blob));
    ck_ok(world_commit(w, edit, NULL));
    (void)put(w, "{'_id':'_local/l','x':1}");
    push(w, "{'_id':'two','_rev':'1-a'}");
    push(w, "{'_id':'two','_rev':'1-b'}");
    tuf_revbuf b;
    ck_ok(tuf_rev_parse(&b, tuf_str("1-b")));
    bool purged;
    tuf_purge_item item = { tuf_str("two"), &b.rev, 1, &purged };
    ck_ok(tuf_db_purge(w->db, &item, 1));
    world_reopen(w);
    check_clean(w);
}

START_TEST(a_report_counts_what_was_checked)
{
    struct world w;
    make_db(&w);
    tuf_check_report report;
    ck_ok(tuf_check(&report, world_look(&w), NULL));
    ck_assert_uint_eq(report.finding_count, 0);
    ck_assert_uint_eq(report.docs_checked, 63);
    ck_assert_uint_eq(report.revs_checked, 63);
    ck_assert_uint_eq(report.atts_checked, 1);
    ck_assert_uint_gt(report.bytes_checked, BIG_SIZE);
    world_end(&w);
}
END_TEST

static int stop_at_once(uint64_t done, uint64_t total, void *ctx)
{
    (*(int *)ctx)++;
    ck_assert_uint_le(done, total);
    return 1;
}

START_TEST(progress_may_stop_a_check)
{
    struct world w;
    world_start(&w);
    tuf_edit *edits[600];
    for (int i = 0; i < 600; i++)
        edits[i] = world_parse(0, "{'_id':'d%d'}", i);
    ck_ok(tuf_db_commit(w.db, edits, 600, 0));
    for (int i = 0; i < 600; i++)
        tuf_edit_free(&edits[i]);
    int calls = 0;
    tuf_check_options opts = TUF_CHECK_OPTIONS_INIT;
    opts.progress = stop_at_once;
    opts.ctx = &calls;
    tuf_check_report report;
    ck_outcome(tuf_check(&report, world_look(&w), &opts), TUF_STOPPED);
    ck_assert_int_eq(calls, 1);
    ck_assert_uint_eq(report.docs_checked, 256);
    world_end(&w);
}
END_TEST

/* ---- damaged bytes --------------------------------------------------------------------------- */

static const struct {
    enum record_type type;
    size_t nth;
    uint64_t pos; /* of the flipped byte, from the record's header */
    const char *id;
} record_cases[] = {
    { RECORD_DOC, 0, 0, "d00" },      { RECORD_DOC, 0, 9, "d00" },
    { RECORD_DOC, 59, 14, "d59" },    { RECORD_DOC, 100, 20, "long" },
    { RECORD_LOCAL, 0, 14, "Ll" },    { RECORD_CHUNK, 0, 14, "att" },
    { RECORD_CHUNK, 2, 5000, "att" }, { RECORD_CHUNK, 3, 13, "att" }, /* the index */
};

START_TEST(a_damaged_record_is_found_at_its_place)
{
    struct world w;
    make_db(&w);
    struct image image;
    image_take(&image, &w);
    struct rec_loc loc = image_find_record(&image, record_cases[_i].type, record_cases[_i].nth);
    image_flip(&image, loc.off + record_cases[_i].pos);
    image_overwrite(&w, &image);
    struct found f = run_check(&w);
    ck_assert_uint_ge(f.count, 1);
    ck_assert_uint_eq(f.file_off, loc.off);
    ck_text(f.id, record_cases[_i].id);
    ck_assert(!f.other_places);
    tufi_buf_release(&image.bytes);
    world_end(&w);
}
END_TEST

START_TEST(a_damaged_tree_record_is_found_at_its_place)
{
    struct world w;
    make_db(&w);
    struct image image;
    image_take(&image, &w);
    /* The newest tree record of "long" is the last but the purged document's. */
    struct rec_loc loc = image_find_record(&image, RECORD_TREE, 1);
    image_flip(&image, loc.off + 20);
    image_overwrite(&w, &image);
    struct found f = run_check(&w);
    ck_assert_uint_eq(f.count, 1);
    ck_assert_uint_eq(f.file_off, loc.off);
    ck_text(f.id, "long");
    tufi_buf_release(&image.bytes);
    world_end(&w);
}
END_TEST

START_TEST(a_damaged_node_is_found_at_its_place)
{
    struct world w;
    make_db(&w);
    struct image image;
    image_take(&image, &w);
    struct frame_header nodes = image_find_frame(&image, FRAME_NODES, 0);
    for (uint64_t pos = FRAME_HEADER_SIZE; pos < FRAME_HEADER_SIZE + nodes.payload_len;
         pos += 401) {
        image_flip(&image, nodes.off + pos);
        image_overwrite(&w, &image);
        world_close(&w);
        world_open(&w); /* nothing is cached */
        struct found f = run_check(&w);
        ck_assert_uint_ge(f.count, 1);
        ck_assert_uint_ge(f.file_off, nodes.off + FRAME_HEADER_SIZE);
        ck_assert_uint_le(f.file_off, nodes.off + pos);
        image_flip(&image, nodes.off + pos);
    }
    image_overwrite(&w, &image);
    world_reopen(&w);
    check_clean(&w);
    tufi_buf_release(&image.bytes);
    world_end(&w);
}
END_TEST

/* ---- trees that contradict each other -------------------------------------------------------- */

enum lie {
    NO_ROW,
    OTHER_ROW,
    MORE_ROWS,
    FUTURE_SEQ,
    WRONG_DELETED,
    WRONG_ATTS,
    WRONG_ORDER,
    WRONG_RECORD,
    WRONG_PATH_LEN,
    ONE_LEAF_LESS,
    WRONG_TREE,
    MALFORMED_INFO,
    MALFORMED_LOCAL,
    MALFORMED_PURGE,
    FUTURE_PURGE,
    LIE_COUNT,
};

static const char *const lie_texts[LIE_COUNT] = {
    [NO_ROW] = "document is missing in the index by sequence",
    [OTHER_ROW] = "indexes by id and by sequence differ",
    [MORE_ROWS] = "indexes by id and by sequence have different sizes",
    [FUTURE_SEQ] = "document has a sequence from the future",
    [WRONG_DELETED] = "index and record disagree whether it is deleted",
    [WRONG_ATTS] = "index and record disagree whether it has attachments",
    [WRONG_ORDER] = "leaves are not in winning order",
    [WRONG_RECORD] = "revision tree has a leaf at another place",
    [WRONG_PATH_LEN] = "a path of the revision tree has another length",
    [ONE_LEAF_LESS] = "revision tree has another number of leaves",
    [WRONG_TREE] = "",
    [MALFORMED_INFO] = "index value of a document is malformed",
    [MALFORMED_LOCAL] = "index value of a local document is malformed",
    [MALFORMED_PURGE] = "entry of the purge log has an impossible number", /* and more */
    [FUTURE_PURGE] = "entry of the purge log has an impossible number",
};

static void put_info(struct commit *c, tuf_slice id, const struct docinfo *info, bool by_seq)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf row = BUF_INIT;
    uint8_t key[8];
    tufi_docinfo_encode(&value, info);
    ck_ok(tufi_btree_put(c->txn, TREE_BY_ID, id, buf_slice(&value)));
    if (!by_seq)
        return;
    tufi_seqinfo_encode(&row, id, buf_slice(&value));
    put_be64(key, info->seq);
    ck_ok(tufi_btree_put(c->txn, TREE_BY_SEQ, tuf_slice_of(key, 8), buf_slice(&row)));
}

static void lie_about_document(struct commit *c, struct docinfo *info, enum lie lie)
{
    struct leafinfo swap = info->leaves[0];
    switch ((int)lie) {
    case WRONG_DELETED:
        info->leaves[0].deleted = true;
        info->leaves[1].deleted = true;
        break;
    case WRONG_ATTS:
        info->leaves[0].has_atts = true;
        break;
    case WRONG_ORDER:
        info->leaves[0] = info->leaves[1];
        info->leaves[1] = swap;
        break;
    case WRONG_RECORD:
        info->leaves[0].rec = info->leaves[1].rec;
        break;
    case WRONG_PATH_LEN:
        info->leaf_count = 1;
        info->leaves[0].path_len++;
        break;
    case ONE_LEAF_LESS:
        info->leaf_count = 1;
        break;
    case WRONG_TREE:
        info->tree.off++;
        break;
    default:
        break;
    }
    put_info(c, tuf_str("x"), info, lie != OTHER_ROW);
}

static void lie_about_rows(struct commit *c, struct docinfo *info, enum lie lie)
{
    uint8_t key[8];
    put_be64(key, info->seq);
    tuf_slice seq_key = tuf_slice_of(key, 8);
    switch ((int)lie) {
    case NO_ROW:
        ck_ok(tufi_btree_remove(c->txn, TREE_BY_SEQ, seq_key));
        break;
    case OTHER_ROW:
        info->node_count++;
        put_info(c, tuf_str("x"), info, false);
        break;
    case FUTURE_SEQ:
        ck_ok(tufi_btree_remove(c->txn, TREE_BY_SEQ, seq_key));
        info->seq = 1000;
        put_info(c, tuf_str("x"), info, true);
        break;
    case MORE_ROWS:
        put_be64(key, 77);
        ck_ok(tufi_btree_put(c->txn, TREE_BY_SEQ, seq_key, tuf_str("?")));
        break;
    case MALFORMED_INFO:
        ck_ok(tufi_btree_put(c->txn, TREE_BY_ID, tuf_str("x"), tuf_str("\x01")));
        break;
    case MALFORMED_LOCAL:
        ck_ok(tufi_btree_put(c->txn, TREE_LOCAL, tuf_str("Lx"), tuf_str("\x01")));
        break;
    case MALFORMED_PURGE:
        put_be64(key, UINT64_MAX);
        ck_ok(tufi_btree_put(c->txn, TREE_PURGE, seq_key, tuf_str("\x01x\x05")));
        break;
    case FUTURE_PURGE:
        put_be64(key, 77);
        ck_ok(tufi_btree_put(c->txn, TREE_PURGE, seq_key, tuf_slice_of("\x01x\x00", 3)));
        break;
    default:
        ck_abort_msg("no such lie");
    }
}

static tuf_status ignore_purge(const tuf_purge_info *info, void *ctx)
{
    (void)info;
    (void)ctx;
    return TUF_OK;
}

/* Whoever reads a malformed value says so. */
static void read_malformed(struct world *w, enum lie lie)
{
    tuf_cursor *cursor = NULL;
    const tuf_docinfo *info;
    (void)world_look(w);
    if (lie == MALFORMED_PURGE) {
        ck_fails(tuf_snapshot_purges(w->snapshot, UINT64_MAX, ignore_purge, NULL), TUF_E_CORRUPT);
        return;
    }
    if (lie == MALFORMED_LOCAL)
        ck_ok(tuf_cursor_open_locals(&cursor, w->snapshot, NULL));
    else if (lie == MALFORMED_INFO)
        ck_ok(tuf_cursor_open_ids(&cursor, w->snapshot, NULL));
    else if (lie == MORE_ROWS)
        ck_ok(tuf_cursor_open_seqs(&cursor, w->snapshot, 10, false));
    else
        return;
    ck_fails(tuf_cursor_next(&info, cursor), TUF_E_CORRUPT);
    ck_outcome(tuf_cursor_next(&info, cursor), TUF_END);
    tuf_cursor_free(&cursor);
    const char *id = lie == MALFORMED_LOCAL ? "_local/x" : "x";
    if (lie != MORE_ROWS)
        ck_fails(try_doc(w, id, NULL), TUF_E_CORRUPT);
    if (lie == MALFORMED_INFO)
        ck_fails(try_put(w, "{'_id':'x'}"), TUF_E_CORRUPT);
}

START_TEST(indexes_that_contradict_the_records_are_found)
{
    struct world w;
    world_start(&w);
    push(&w, "{'_id':'x','_revisions':{'start':2,'ids':['b','a']}}");
    if (_i != WRONG_PATH_LEN) /* lengths are exact in documents of one leaf only */
        push(&w, "{'_id':'x','_revisions':{'start':2,'ids':['c','a']}}");
    struct commit c;
    ck_ok(tufi_commit_begin(&c, w.db));
    ck_ok(tufi_commit_put(&c, RECORD_META, tuf_str("not read again"), NULL));
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    TUF_AUTO(tufi_docinfo_release) struct docinfo info;
    tufi_docinfo_init(&info);
    ck_ok(tufi_find_docinfo(w.db->store->env, tufi_btree_txn_tree(c.txn, TREE_BY_ID), tuf_str("x"),
                            &value, &info));
    bool about_rows = _i <= FUTURE_SEQ || _i >= MALFORMED_INFO;
    if (about_rows)
        lie_about_rows(&c, &info, (enum lie)_i);
    else
        lie_about_document(&c, &info, (enum lie)_i);
    ck_ok(tufi_commit_finish(&c, true));
    struct found f = run_check(&w);
    ck_assert_uint_ge(f.count, 1);
    ck_assert_msg(strstr(f.text, lie_texts[_i]) != NULL, "%s", f.text);
    read_malformed(&w, (enum lie)_i);
    world_end(&w);
}
END_TEST

#define COUNT_OF(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
    Suite *s = suite_create("check");
    TCase *t = tcase_create("check");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_report_counts_what_was_checked);
    tcase_add_test(t, progress_may_stop_a_check);
    tcase_add_loop_test(t, a_damaged_record_is_found_at_its_place, 0, COUNT_OF(record_cases));
    tcase_add_test(t, a_damaged_tree_record_is_found_at_its_place);
    tcase_add_test(t, a_damaged_node_is_found_at_its_place);
    tcase_add_loop_test(t, indexes_that_contradict_the_records_are_found, 0, LIE_COUNT);
    suite_add_tcase(s, t);
    return tuft_run(s);
}
