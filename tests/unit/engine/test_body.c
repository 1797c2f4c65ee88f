/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: compression of bodies, and bodies and histories that lie behind right checksums.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "engine/db.h"
#include "fileformat/docrec.h"
#include "tests/unit/engine/image.h"

/* ---- pack and unpack ------------------------------------------------------------------------- */

static const struct {
    unsigned compression;
    size_t len;
    bool random; /* does not shrink */
    enum body_codec codec;
} pack_cases[] = {
    { TUF_COMPRESS_SNAPPY, 0, false, BODY_PLAIN },
    { TUF_COMPRESS_SNAPPY, 95, false, BODY_PLAIN },
    { TUF_COMPRESS_SNAPPY, 96, false, BODY_SNAPPY },
    { TUF_COMPRESS_SNAPPY, 9999, true, BODY_PLAIN },
    { TUF_COMPRESS_SNAPPY, 200000, false, BODY_SNAPPY },
    { TUF_COMPRESS_ZLIB, 95, false, BODY_PLAIN },
    { TUF_COMPRESS_ZLIB, 96, false, BODY_ZLIB },
    { TUF_COMPRESS_ZLIB, 9999, true, BODY_PLAIN },
    { TUF_COMPRESS_ZLIB, 200000, false, BODY_ZLIB },
    { TUF_COMPRESS_NONE, 200000, false, BODY_PLAIN },
};

START_TEST(what_is_packed_comes_out_again)
{
    size_t len = pack_cases[_i].len;
    uint8_t *bytes = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = pack_cases[_i].random ? (uint8_t)rng_mix(i) : (uint8_t)('a' + i % 7);
    TUF_AUTO(tufi_buf_release) struct buf stored = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf back = BUF_INIT;
    enum body_codec codec;
    buf_append_str(&back, "kept");
    ck_ok(tufi_body_pack(&stored, &codec, tuf_slice_of(bytes, len), pack_cases[_i].compression));
    ck_assert_int_eq(codec, pack_cases[_i].codec);
    ck_assert_uint_le(stored.len, len);
    ck_ok(tufi_body_unpack(&back, codec, buf_slice(&stored), len, 7));
    ck_assert_uint_eq(back.len, len + 4);
    ck_assert_mem_eq(back.data + 4, bytes, len);
    /* Another length, and every truncation, is refused. */
    ck_fails(tufi_body_unpack(&back, codec, buf_slice(&stored), len + 1, 7), TUF_E_CORRUPT);
    ck_assert_uint_eq(tuf_last_error()->file_off, 7);
    for (size_t cut = 0; cut < stored.len; cut += stored.len / 50 + 1)
        ck_fails(tufi_body_unpack(&back, codec, tuf_slice_of(stored.data, cut), len, 7),
                 TUF_E_CORRUPT);
    if (len > 0)
        ck_fails(tufi_body_unpack(&back, codec, buf_slice(&stored), len - 1, 7), TUF_E_CORRUPT);
    ck_fails(tufi_body_unpack(&back, codec, buf_slice(&stored), RECORD_SIZE_MAX + 1ull, 7),
             TUF_E_CORRUPT);
    ck_assert_uint_eq(back.len, len + 4);
    free(bytes);
}
END_TEST

/* ---- files with right checksums and wrong contents
 * ------------------------------------------------ */

enum lie { SHORT_BODY, BAD_SNAPPY, BAD_ZLIB, HUGE_BODY, PREV_IS_LOCAL, PREV_IS_NOTHING, NO_LIE };

static const char *const lie_texts[] = {
    [SHORT_BODY] = "body does not decompress to 3 bytes",
    [BAD_SNAPPY] = "body does not decompress to 2 bytes",
    [BAD_ZLIB] = "body does not decompress to 2 bytes",
    [HUGE_BODY] = "body says",
    [PREV_IS_LOCAL] = "is part of no history",
    [PREV_IS_NOTHING] = "impossible place of a record",
};

/* Adds a commit with the document "x", revision 2-b on 1-a. */
static void append_lie(struct image *image, enum lie lie)
{
    TUF_AUTO(tufi_buf_release) struct buf rec = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf payload = BUF_INIT;
    struct frame_header h = image_last(image);
    tuf_slice ancestor = tuf_str("a");
    struct docrec r = { .seq = ++h.update_seq,
                        .id = tuf_str("x"),
                        .rev = { 2, tuf_str("b") },
                        .ancestors = &ancestor,
                        .ancestor_count = 1,
                        .stem_limit = 10,
                        .path_len = 2,
                        .node_count = 2,
                        .body_len = 2,
                        .body = tuf_str("{}") };
    r.body_len = lie == SHORT_BODY ? 3 : lie == HUGE_BODY ? UINT64_MAX : 2;
    r.codec = lie == BAD_SNAPPY ? BODY_SNAPPY : lie == BAD_ZLIB ? BODY_ZLIB : BODY_PLAIN;
    if (lie == PREV_IS_LOCAL)
        r.prev = image_find_record(image, RECORD_LOCAL, 0);
    if (lie == PREV_IS_NOTHING)
        r.prev = (struct rec_loc){ 100, 10 };
    tufi_docrec_encode(&rec, &r);
    image_put_record(&payload, image, RECORD_DOC, buf_slice(&rec));
    h.commit++;
    h.record_count = 1;
    image_append(image, h, &payload);
}

START_TEST(a_record_that_lies_is_damage_wherever_it_is_read)
{
    struct world w;
    struct image image;
    world_init(&w, 512);
    world_open(&w);
    (void)put(&w, "{'_id':'_local/l'}");
    image_take(&image, &w);
    world_close(&w);
    append_lie(&image, (enum lie)_i);
    image_store(&w, &image);
    world_open(&w);
    tuf_status st;
    if (_i >= PREV_IS_LOCAL) {
        ck_ok(try_doc(&w, "x", NULL)); /* the record itself is good */
        tuf_revbuf rev;
        ck_ok(tuf_rev_parse(&rev, tuf_str("1-a")));
        bool found;
        ck_fails(tuf_doc_known_revs(&found, w.doc, &rev.rev, 1), TUF_E_CORRUPT);
        size_t positions[2], count;
        ck_fails(tuf_doc_leaves_below(positions, &count, w.doc, rev.rev), TUF_E_CORRUPT);
        const tuf_rev_entry *revs;
        st = tuf_doc_revisions(&revs, &count, w.doc);
        ck_assert_int_eq(st, TUF_E_CORRUPT);
        /* An edit that needs the tree is refused; others are not spoiled. */
        tuf_edit *edits[2] = {
            world_parse(TUF_EDIT_REPLICATED,
                        "{'_id':'x','_revisions':{'start':2,'ids':['c','a']}}"),
            world_parse(0, "{'_id':'other'}"),
        };
        ck_ok(tuf_db_commit(w.db, edits, 2, 0));
        tuf_edit_result results[2];
        for (size_t i = 0; i < 2; i++) {
            tuf_edit_get_result(&results[i], edits[i]);
            tuf_edit_free(&edits[i]);
        }
        ck_assert_int_eq(results[0].status, TUF_E_CORRUPT);
        ck_assert_int_eq(results[1].status, TUF_OK);
        /* So is a purge. */
        ck_ok(tuf_rev_parse(&rev, tuf_str("2-b")));
        tuf_purge_item item = { tuf_str("x"), &rev.rev, 1, &found };
        st = tuf_db_purge(w.db, &item, 1);
    } else {
        st = try_doc(&w, "x", NULL);
    }
    ck_assert_int_eq(st, TUF_E_CORRUPT);
    ck_assert_msg(strstr(tuf_last_error()->text, lie_texts[_i]) != NULL, "%s",
                  tuf_last_error()->text);
    tuf_check_report report;
    ck_ok(tuf_check(&report, world_look(&w), NULL));
    ck_assert_uint_ge(report.finding_count, 1);
    tufi_buf_release(&image.bytes);
    world_end(&w);
}
END_TEST

/* ---- large generations
 * --------------------------------------------------------------------------- */

static const struct {
    unsigned long long gen;
    const char *child; /* of {} on <gen>-x, computed from FORMAT.md, section 10 */
} gen_cases[] = {
    { 254ull, "255-44edb52c9fae4801db014b442365f62d" },
    { 255ull, "256-233171a830354135584190b4401ceffe" },
    { 256ull, "257-4b9cc62cb2e2260534f978f8bd72dc29" },
    { 2147483647ull, "2147483648-adfe4e64e9e48350702385c4b39952b9" },
    { 2147483648ull, "2147483649-0331ce28971a3034051fce1c9c2a7df5" },
    { 1099511627776ull, "1099511627777-7eafa790c0ef25e35235e024880bf9b0" },
};

START_TEST(generations_of_any_size_enter_the_revision_id)
{
    struct world w;
    world_start(&w);
    push(&w, "{'_id':'d','_rev':'%llu-x'}", gen_cases[_i].gen);
    ck_text(put(&w, "{'_id':'d','_rev':'%llu-x'}", gen_cases[_i].gen), gen_cases[_i].child);
    world_kill(&w);
    ck_text(leaves(&w, "d"), gen_cases[_i].child);
    check_clean(&w);
    world_end(&w);
}
END_TEST

#define COUNT_OF(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
    Suite *s = suite_create("body");
    TCase *t = tcase_create("body");
    tcase_add_loop_test(t, what_is_packed_comes_out_again, 0, COUNT_OF(pack_cases));
    tcase_add_loop_test(t, a_record_that_lies_is_damage_wherever_it_is_read, 0, NO_LIE);
    tcase_add_loop_test(t, generations_of_any_size_enter_the_revision_id, 0, COUNT_OF(gen_cases));
    suite_add_tcase(s, t);
    return tuft_run(s);
}
