/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: opening documents and revisions, known revisions, leaves below a revision, histories.
 */
#include <stdio.h>

#include "engine/btree_env.h"
#include "engine/doc.h"
#include "tests/unit/engine/image.h"
#include "tests/unit/engine/world.h"

START_TEST(what_opens_and_what_does_not)
{
    struct world w;
    world_start(&w);
    push(&w, "{'_id':'d','_rev':'1-a','v':1}");
    push(&w, "{'_id':'d','_revisions':{'start':2,'ids':['b','a']},'v':2}");
    push(&w, "{'_id':'d','_revisions':{'start':3,'ids':['c','x','a']},'_deleted':true}");
    push(&w, "{'_id':'gone','_rev':'1-t','_deleted':true,'v':3}");
    static const struct {
        const char *id, *rev;
        tuf_status status;
    } cases[] = {
        { "d", NULL, TUF_OK },
        { "d", "2-b", TUF_OK },
        { "d", "1-a", TUF_OK },
        { "d", "3-c", TUF_OK },
        { "d", "2-x", TUF_NOT_FOUND },
        { "d", "2-z", TUF_NOT_FOUND },
        { "d", "4-b", TUF_NOT_FOUND },
        { "gone", NULL, TUF_DELETED },
        { "gone", "1-t", TUF_OK },
        { "never", NULL, TUF_NOT_FOUND },
        { "never", "1-a", TUF_NOT_FOUND },
        { "", NULL, TUF_NOT_FOUND },
        { "_local/x", NULL, TUF_NOT_FOUND },
        { "_local/", NULL, TUF_NOT_FOUND },
    };
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
            ck_assert_int_eq(try_doc(&w, cases[i].id, cases[i].rev), cases[i].status);
        ck_text(body(&w, "gone", "1-t"), "{\"v\":3}");
        world_reopen(&w);
    }
    world_end(&w);
}
END_TEST

START_TEST(a_document_is_used_again)
{
    struct world w;
    world_start(&w);
    push(&w, "{'_id':'a','_rev':'1-a','v':1,'_attachments':{'x':{'data':'eA=='}}}");
    push(&w, "{'_id':'b','_rev':'1-b'}");
    (void)put(&w, "{'_id':'_local/l','v':3}");
    (void)world_look(&w);
    tuf_doc *doc = NULL;
    ck_ok(tuf_doc_open(&doc, w.snapshot, tuf_str("a"), NULL));
    ck_assert_uint_eq(tuf_doc_att_count(doc), 1);
    ck_ok(tuf_doc_open(&doc, w.snapshot, tuf_str("b"), NULL));
    ck_assert_uint_eq(tuf_doc_att_count(doc), 0);
    ck_ok(tuf_doc_open(&doc, w.snapshot, tuf_str("_local/l"), NULL));
    ck_ok(tuf_doc_open_leaf(&doc, w.snapshot, tuf_doc_info(doc), 0));
    ck_assert_mem_eq(tuf_doc_body(doc).data, "{\"v\":3}", 7);
    ck_outcome(tuf_doc_open(&doc, w.snapshot, tuf_str("nope"), NULL), TUF_NOT_FOUND);
    ck_assert_ptr_nonnull(doc); /* and empty */
    ck_assert_uint_eq(tuf_doc_body(doc).len, 2);
    ck_assert_uint_eq(tuf_doc_att_count(doc), 0);
    const tuf_rev_entry *revs;
    size_t count;
    ck_fails(tuf_doc_revisions(&revs, &count, doc), TUF_E_MISUSE);
    ck_ok(tuf_doc_find_info(&doc, w.snapshot, tuf_str("a")));
    ck_assert_uint_eq(tuf_doc_info(doc)->leaf_count, 1);
    ck_assert_uint_eq(tuf_doc_info(doc)->seq, 1);
    ck_assert_uint_eq(tuf_doc_body(doc).len, 2); /* no body is open */
    ck_ok(tuf_doc_open_leaf(&doc, w.snapshot, tuf_doc_info(doc), 0));
    ck_assert_mem_eq(tuf_doc_body(doc).data, "{\"v\":1}", 7);
    size_t pos;
    ck_ok(tuf_doc_find_att(&pos, doc, tuf_str("x")));
    ck_outcome(tuf_doc_find_att(&pos, doc, tuf_str("y")), TUF_NOT_FOUND);
    tuf_att_reader *reader = NULL;
    ck_outcome(tuf_att_open(&reader, doc, 1, TUF_ATT_STORED), TUF_END);
    tuf_doc_free(&doc);
    tuf_doc_free(&doc);
    world_end(&w);
}
END_TEST

/* 1-a 2-b {3-c {4-e}, 3-d deleted}, root 4-g on 3-f. */
static void make_tree(struct world *w)
{
    world_start(w);
    push_path(w, "d", 4, "e c b a");
    push(w, "{'_id':'d','_revisions':{'start':3,'ids':['d','b','a']},'_deleted':true}");
    push_path(w, "d", 4, "g f");
}

START_TEST(any_revision_of_the_tree_is_known)
{
    static const struct {
        const char *rev;
        bool known;
    } cases[] = {
        { "1-a", true },  { "2-b", true },  { "3-c", true },  { "4-e", true },
        { "3-d", true },  { "4-g", true },  { "3-f", true },  { "2-f", false },
        { "1-b", false }, { "5-e", false }, { "4-a", false },
    };
    struct world w;
    make_tree(&w);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            tuf_revbuf rev;
            bool found;
            ck_ok(tuf_rev_parse(&rev, tuf_str(cases[i].rev)));
            ck_ok(tuf_doc_find_info(&w.doc, world_look(&w), tuf_str("d")));
            ck_ok(tuf_doc_known_revs(&found, w.doc, &rev.rev, 1));
            ck_assert_int_eq(found, cases[i].known);
        }
        world_kill(&w);
    }
    world_end(&w);
}
END_TEST

START_TEST(leaves_below_a_revision)
{
    /* Winning order: 4-g 4-e 3-d*. */
    static const struct {
        const char *rev, *below;
    } cases[] = {
        { "1-a", "4-e 3-d" }, { "2-b", "4-e 3-d" }, { "3-c", "4-e" }, { "3-d", "3-d" },
        { "3-f", "4-g" },     { "4-g", "4-g" },     { "9-z", "" },    { "2-z", "" },
    };
    struct world w;
    make_tree(&w);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tuf_revbuf rev;
        ck_ok(tuf_rev_parse(&rev, tuf_str(cases[i].rev)));
        ck_ok(tuf_doc_find_info(&w.doc, world_look(&w), tuf_str("d")));
        size_t positions[3], count;
        ck_ok(tuf_doc_leaves_below(positions, &count, w.doc, rev.rev));
        char got[1024] = "";
        for (size_t k = 0; k < count; k++) {
            char one[TUF_REV_TEXT_SIZE];
            (void)tuf_rev_format(one, tuf_doc_info(w.doc)->leaves[positions[k]].rev);
            size_t len = strlen(got);
            snprintf(got + len, sizeof(got) - len, "%s%s", k > 0 ? " " : "", one);
        }
        ck_text(got, cases[i].below);
    }
    world_end(&w);
}
END_TEST

START_TEST(a_history_says_what_is_available)
{
    struct world w;
    world_start(&w);
    push(&w, "{'_id':'d','_revisions':{'start':3,'ids':['c','b','a']}}");
    push(&w, "{'_id':'d','_revisions':{'start':4,'ids':['d','c']},'_deleted':true}");
    push(&w, "{'_id':'d','_revisions':{'start':6,'ids':['f','e','d']}}");
    static const tuf_rev_status want[] = { TUF_REV_AVAILABLE, TUF_REV_MISSING, TUF_REV_IS_DELETED,
                                           TUF_REV_AVAILABLE, TUF_REV_MISSING, TUF_REV_MISSING };
    const tuf_rev_entry *revs;
    size_t count;
    ck_ok(tuf_doc_revisions(&revs, &count, world_doc(&w, "d", NULL)));
    ck_assert_uint_eq(count, 6);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(revs[i].status, want[i]);
    ck_ok(tuf_doc_revisions(&revs, &count, w.doc)); /* twice */
    ck_assert_uint_eq(count, 6);
    /* A tombstone that is the whole document. */
    push(&w, "{'_id':'t','_revisions':{'start':2,'ids':['y','x']},'_deleted':true}");
    ck_ok(tuf_doc_revisions(&revs, &count, world_doc(&w, "t", "2-y")));
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(revs[0].status, TUF_REV_IS_DELETED);
    ck_assert_int_eq(revs[1].status, TUF_REV_MISSING);
    world_end(&w);
}
END_TEST

START_TEST(old_revisions_stay_readable)
{
    enum { COUNT = 120 };
    char revs[COUNT][40];
    struct world w;
    world_start(&w);
    for (int i = 0; i < COUNT; i++) {
        const char *rev = i == 0 ? put(&w, "{'_id':'d','i':0}")
                                 : put(&w, "{'_id':'d','i':%d,'_rev':'%s'}", i, revs[i - 1]);
        snprintf(revs[i], sizeof(revs[i]), "%s", rev);
    }
    world_reopen(&w);
    for (int i = 0; i < COUNT; i += 7) {
        ck_text(body(&w, "d", revs[i]), text("{'i':%d}", i));
        const tuf_rev_entry *entries;
        size_t count;
        ck_ok(tuf_doc_revisions(&entries, &count, w.doc));
        ck_assert_uint_eq(count, (size_t)i + 1);
    }
    world_end(&w);
}
END_TEST

START_TEST(a_reader_outlives_its_document)
{
    struct world w;
    world_start(&w);
    (void)put(&w, "{'_id':'d','_attachments':{'a':{'content_type':'x/y','data':'aGVsbG8='}}}");
    tuf_att_reader *reader = NULL;
    ck_ok(tuf_att_open(&reader, world_doc(&w, "d", NULL), 0, TUF_ATT_STORED));
    tuf_doc_free(&w.doc);
    tuf_snapshot_free(&w.snapshot);
    char buf[8];
    size_t len;
    ck_ok(tuf_att_seek(reader, 1));
    ck_ok(tuf_att_read(&len, reader, buf, 3));
    ck_assert(len == 3 && memcmp(buf, "ell", 3) == 0);
    ck_outcome(tuf_att_seek(reader, 6), TUF_END);
    tuf_att_reader_free(&reader);
    world_end(&w);
}
END_TEST

#define ALONG_COUNT 300

/* Opens all documents in the order of their changes, by one tuf_doc. What the first failure was. */
static tuf_status open_all(struct world *w, int *count_out)
{
    tuf_cursor *cursor = NULL;
    const tuf_docinfo *info;
    tuf_status st = TUF_OK;
    *count_out = 0;
    ck_ok(tuf_cursor_open_seqs(&cursor, world_look(w), 0, false));
    while (st == TUF_OK && tuf_cursor_next(&info, cursor) == TUF_OK) {
        st = tuf_doc_open_leaf(&w->doc, w->snapshot, info, 0);
        if (st < 0)
            break;
        char expected[32];
        snprintf(expected, sizeof(expected), "{\"v\":%d,", *count_out);
        tuf_slice body = tuf_doc_body(w->doc);
        ck_assert(body.len > strlen(expected));
        ck_assert_mem_eq(body.data, expected, strlen(expected));
        *count_out += 1;
    }
    tuf_cursor_free(&cursor);
    return st;
}

/* One frame each, some of them larger than what is read ahead at first. */
static void put_many(struct world *w)
{
    static char filler[20001];
    memset(filler, 'x', sizeof(filler) - 1);
    world_start(w);
    for (int i = 0; i < ALONG_COUNT; i++)
        (void)put(w, "{'_id':'d%d','v':%d,'w':[%d],'x':'%.*s'}", i, i, i * 77777 % 1000,
                  i % 50 == 49 ? 20000 : i % 300, filler);
}

START_TEST(documents_in_the_order_of_the_file_take_few_reads)
{
    struct world w;
    int count;
    put_many(&w);
    ck_ok(open_all(&w, &count)); /* the nodes are in memory now */
    fault_set(w.fault, NULL);
    ck_ok(open_all(&w, &count));
    ck_assert_int_eq(count, ALONG_COUNT);
    ck_assert_uint_lt(fault_calls(w.fault, FAULT_PREAD), ALONG_COUNT / 4);
    (void)put(&w, "{'_id':'more','v':%d,'w':1}", ALONG_COUNT); /* behind what was read ahead */
    ck_ok(open_all(&w, &count));
    ck_assert_int_eq(count, ALONG_COUNT + 1);
    world_end(&w);
}
END_TEST

START_TEST(damage_among_documents_read_ahead_is_reported_where_it_is)
{
    struct world w;
    struct image image;
    int count;
    put_many(&w);
    image_take(&image, &w);
    struct rec_loc loc = image_find_record(&image, RECORD_DOC, 200);
    image_flip(&image, loc.off + RECORD_HEADER_SIZE + loc.len - 1);
    image_overwrite(&w, &image);
    ck_fails(open_all(&w, &count), TUF_E_CORRUPT);
    ck_assert_uint_eq(tuf_last_error()->file_off, loc.off);
    ck_assert_int_eq(count, 200);
    image_flip(&image, loc.off + RECORD_HEADER_SIZE + loc.len - 1);
    image_overwrite(&w, &image); /* and what the document kept is not believed for ever */
    ck_ok(open_all(&w, &count));
    ck_assert_int_eq(count, ALONG_COUNT);
    tufi_buf_release(&image.bytes);
    world_end(&w);
}
END_TEST

/* A place that is wrong must not give somebody else's bytes: types and lengths are compared. */
START_TEST(a_chunk_is_of_its_type_and_length)
{
    static uint8_t bytes[4096];
    struct world w;
    world_start(&w);
    (void)put(&w, "{'_id':'d','v':'%0300u'}", 1u);
    tuf_doc *doc = NULL;
    ck_ok(tuf_doc_open(&doc, world_look(&w), tuf_str("d"), NULL));
    ck_fails(tufi_store_read_chunk(w.db->store, doc->loc, bytes), TUF_E_CORRUPT);
    ck_assert_str_eq(tuf_last_error()->text + strlen(tuf_last_error()->text) - 10, "bytes here");
    tuf_doc_free(&doc);
    world_end(&w);
}
END_TEST

/* Puts a valid record of the same length where another one is. */
static void replace_record(struct world *w, const struct docrec *rec)
{
    struct image image;
    struct buf record = BUF_INIT;
    image_take(&image, w);
    struct rec_loc loc = image_find_record(&image, RECORD_DOC, 0);
    tufi_docrec_encode(&record, rec);
    ck_assert_uint_eq(record.len, loc.len);
    tufi_record_encode(image.bytes.data + loc.off, RECORD_DOC, buf_slice(&record), loc.off,
                       tufi_record_salt(image.super.uuid));
    memcpy(image.bytes.data + loc.off + RECORD_HEADER_SIZE, record.data, record.len);
    image_overwrite(w, &image);
    tufi_buf_release(&record);
    tufi_buf_release(&image.bytes);
}

/* A place that is wrong must not give another document's body, nor another revision's. */
START_TEST(a_record_is_of_its_document_and_revision)
{
    static const struct {
        const char *id, *rev;
        tuf_status st;
    } cases[] = { { "d", "1-a", TUF_OK },
                  { "e", "1-a", TUF_E_CORRUPT },
                  { "d", "1-b", TUF_E_CORRUPT },
                  { "d", "2-a", TUF_E_CORRUPT } };
    struct world w;
    tuf_revbuf rev;
    struct docrec_view view = DOCREC_VIEW_INIT;
    world_start(&w);
    push_path(&w, "d", 1, "a");
    tuf_doc *doc = NULL;
    ck_ok(tuf_doc_open(&doc, world_look(&w), tuf_str("d"), NULL));
    ck_ok(tufi_docrec_decode(&view, buf_slice(&doc->record), doc->loc.off));
    ck_ok(tuf_rev_parse(&rev, tuf_str(cases[_i].rev)));
    struct docrec rec = view.rec;
    rec.id = tuf_str(cases[_i].id);
    rec.rev = rev.rev;
    replace_record(&w, &rec);
    tuf_status st = try_doc(&w, "d", NULL);
    ck_assert_int_eq(st, cases[_i].st);
    if (st < 0)
        ck_assert_uint_eq(tuf_last_error()->file_off, doc->loc.off);
    tufi_docrec_view_release(&view);
    tuf_doc_free(&doc);
    world_end(&w);
}
END_TEST

START_TEST(the_cache_of_nodes_keeps_to_its_size)
{
    struct world w;
    world_init(&w, 4096);
    w.opts.cache_size = 256 << 10;
    world_open(&w);
    for (int i = 0; i < 16000; i += 100) {
        tuf_edit *edits[100];
        for (int k = 0; k < 100; k++)
            edits[k] = world_parse(0, "{'_id':'document-with-a-long-name-%06d'}", i + k);
        ck_ok(tuf_db_commit(w.db, edits, 100, 0));
        for (int k = 0; k < 100; k++)
            tuf_edit_free(&edits[k]);
    }
    world_reopen(&w);
    for (int i = 0; i < 16000; i += 7)
        ck_ok(try_doc(&w, text("document-with-a-long-name-%06d", i), NULL));
    size_t used = node_cache_used(&w.db->store->env->cache);
    ck_assert_uint_gt(used, 0);
    ck_assert_uint_le(used, 256 << 10);
    world_end(&w);
}
END_TEST

/* INV-PL-2 counts on it. */
START_TEST(the_nodes_of_a_tree_are_counted_as_it_grows)
{
    struct world w;
    world_start(&w);
    push_path(&w, "d", 2, "b a");
    push_path(&w, "d", 2, "c a");
    push_path(&w, "d", 3, "e b");
    push_path(&w, "d", 5, "g f e");
    tuf_doc *doc = NULL;
    ck_ok(tuf_doc_open(&doc, world_look(&w), tuf_str("d"), NULL));
    ck_assert_uint_eq(doc->info.node_count, 6);
    tuf_doc_free(&doc);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("doc");
    TCase *t = tcase_create("doc");
    tcase_add_test(t, what_opens_and_what_does_not);
    tcase_add_test(t, a_document_is_used_again);
    tcase_add_test(t, any_revision_of_the_tree_is_known);
    tcase_add_test(t, leaves_below_a_revision);
    tcase_add_test(t, a_history_says_what_is_available);
    tcase_add_test(t, old_revisions_stay_readable);
    tcase_add_test(t, a_reader_outlives_its_document);
    tcase_add_test(t, documents_in_the_order_of_the_file_take_few_reads);
    tcase_add_test(t, damage_among_documents_read_ahead_is_reported_where_it_is);
    tcase_add_test(t, a_chunk_is_of_its_type_and_length);
    tcase_add_loop_test(t, a_record_is_of_its_document_and_revision, 0, 4);
    tcase_add_test(t, the_cache_of_nodes_keeps_to_its_size);
    tcase_add_test(t, the_nodes_of_a_tree_are_counted_as_it_grows);
    suite_add_tcase(s, t);
    return tuft_run(s);
}
