/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the values of the index trees against FORMAT.md, section 7, and their sums.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "fileformat/docinfo.h"
#include "tests/lib/test.h"

#define LEAVES_HEX                                                                                 \
    "02"                                                                                           \
    "02" "030163" "882728" "03" "64" "0a" /* 3-c with attachments: 40 bytes at 5,000 */            \
    "01" "020162" "e8201e" "02" "05"      /* 2-b deleted: 30 bytes at 4,200 */
#define WINNER_HEX "09" "01" "02" "03" LEAVES_HEX            /* the tree is the winner's record */
#define APART_HEX "09" "00" "f02e11" "02" "03" LEAVES_HEX    /* the tree: 17 bytes at 6,000 */

static tuf_slice from_hex(const char *hex)
{
    static uint8_t bytes[4096];
    size_t len = strlen(hex) / 2;
    ck_assert(tufi_hex_decode(bytes, hex, len * 2));
    return tuf_slice_of(bytes, len);
}

static void check_hex(const struct buf *b, const char *want)
{
    char *hex = calloc(1, b->len * 2 + 1);
    tufi_hex_encode(hex, b->data, b->len);
    ck_assert_str_eq(hex, want);
    free(hex);
}

static void fill_example(struct docinfo *d)
{
    tufi_docinfo_init(d);
    d->seq = 9;
    d->tree = (struct rec_loc){ 5000, 40 };
    d->chain_len = 2;
    d->node_count = 3;
    d->leaf_count = 2;
    d->leaves[0] = (struct leafinfo){ .rev = { 3, tuf_str("c") }, .has_atts = true,
                                      .rec = { 5000, 40 }, .path_len = 3, .att_size = 10,
                                      .size_external = 100 };
    d->leaves[1] = (struct leafinfo){ .rev = { 2, tuf_str("b") }, .deleted = true,
                                      .rec = { 4200, 30 }, .path_len = 2, .size_external = 5 };
}

START_TEST(index_value_of_a_document_is_as_documented)
{
    TUF_AUTO(tufi_docinfo_release) struct docinfo d;
    TUF_AUTO(tufi_docinfo_release) struct docinfo back;
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    fill_example(&d);
    tufi_docinfo_init(&back);
    tufi_docinfo_encode(&out, &d);
    check_hex(&out, WINNER_HEX);
    ck_ok(tufi_docinfo_decode(&back, buf_slice(&out)));
    ck_assert_uint_eq(back.tree.off, 5000);
    ck_assert_uint_eq(back.tree.len, 40);
    ck_assert_uint_eq(back.leaf_count, 2);
    ck_assert_uint_eq(back.leaves[0].att_size, 10);
    ck_assert(back.leaves[1].deleted && !back.leaves[1].has_atts);
    ck_assert_uint_eq(back.leaves[1].rec.off, 4200);
    tufi_buf_clear(&out);
    d.tree = (struct rec_loc){ 6000, 17 };
    tufi_docinfo_encode(&out, &d);
    check_hex(&out, APART_HEX);
    ck_ok(tufi_docinfo_decode(&back, buf_slice(&out)));
    ck_assert_uint_eq(back.tree.off, 6000);
    ck_assert_uint_eq(back.chain_len, 2);
    ck_assert_uint_eq(back.node_count, 3);
}
END_TEST

START_TEST(every_truncation_of_an_index_value_is_refused)
{
    static const char *const cases[] = { WINNER_HEX, APART_HEX };
    TUF_AUTO(tufi_docinfo_release) struct docinfo d;
    tufi_docinfo_init(&d);
    for (size_t i = 0; i < 2; i++) {
        tuf_slice whole = from_hex(cases[i]);
        ck_ok(tufi_docinfo_decode(&d, whole));
        for (size_t len = 0; len < whole.len; len++) {
            uint8_t *copy = malloc(len + 1);
            memcpy(copy, whole.data, len);
            ck_fails(tufi_docinfo_decode(&d, tuf_slice_of(copy, len)), TUF_E_CORRUPT);
            free(copy);
        }
    }
}
END_TEST

static const char *const bad_values[] = {
    WINNER_HEX "00",                                /* something behind it */
    "09" "02" "02" "03" LEAVES_HEX,                 /* unknown flag */
    "09" "01" "02" "03" "00",                       /* no leaf */
    "09" "01" "02" "03" "ff7f" "00",                /* more leaves than bytes */
    "09" "01" "02" "03" "01" "04" "010161" "881e1e" "01" "05", /* unknown leaf flag */
    "09" "01" "02" "03" "01" "00" "0100" "881e1e" "01" "05",   /* empty revision id */
    "09" "01" "02" "03" "01" "00" "000161" "881e1e" "01" "05", /* generation 0 */
    "09" "01" "02" "03" "01" "00" "010161" "88278180808008" "01" "05", /* record too long */
    "09" "00" "f02e8180808008" "02" "03" LEAVES_HEX,           /* tree too long */
};

START_TEST(impossible_index_values_are_refused)
{
    TUF_AUTO(tufi_docinfo_release) struct docinfo d;
    tufi_docinfo_init(&d);
    ck_fails(tufi_docinfo_decode(&d, from_hex(bad_values[_i])), TUF_E_CORRUPT);
}
END_TEST

START_TEST(more_leaves_than_a_document_may_have_are_refused)
{
    TUF_AUTO(tufi_docinfo_release) struct docinfo d;
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    tufi_docinfo_init(&d);
    buf_append_slice(&value, from_hex("09" "01" "02" "03"));
    write_varint(&value, DOCINFO_LEAVES_MAX + 1);
    tufi_buf_append_zero(&value, 10 * DOCINFO_LEAVES_MAX);
    ck_fails(tufi_docinfo_decode(&d, buf_slice(&value)), TUF_E_CORRUPT);
}
END_TEST

START_TEST(a_tree_is_the_winners_record_if_place_and_length_are)
{
    const struct rec_loc others[] = { { 5000, 39 }, { 5001, 40 } };
    for (size_t i = 0; i < 2; i++) {
        TUF_AUTO(tufi_docinfo_release) struct docinfo d;
        TUF_AUTO(tufi_docinfo_release) struct docinfo back;
        TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
        fill_example(&d);
        tufi_docinfo_init(&back);
        d.tree = others[i];
        tufi_docinfo_encode(&out, &d);
        ck_ok(tufi_docinfo_decode(&back, buf_slice(&out)));
        ck_assert_uint_eq(back.tree.off, others[i].off);
        ck_assert_uint_eq(back.tree.len, others[i].len);
    }
}
END_TEST

START_TEST(the_note_of_a_compaction_is_read_as_it_was_written)
{
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    struct heirinfo note = { .mark_off = 4096, .mark_crc = 0x01020304, .copied_seq = 7,
                             .size = 9000 };
    struct heirinfo back = { 0 };
    memcpy(note.source_uuid, "0123456789abcdef", sizeof(note.source_uuid));
    tufi_heirinfo_encode(&out, &note);
    check_hex(&out, "30313233343536373839616263646566" "8020" "01020304" "07" "a846");
    ck_ok(tufi_heirinfo_decode(&back, buf_slice(&out)));
    ck_assert_mem_eq(back.source_uuid, note.source_uuid, sizeof(note.source_uuid));
    ck_assert(back.mark_off == 4096 && back.mark_crc == 0x01020304);
    ck_assert(back.copied_seq == 7 && back.size == 9000);
    for (size_t len = 0; len < out.len; len++)
        ck_fails(tufi_heirinfo_decode(&back, tuf_slice_of(out.data, len)), TUF_E_CORRUPT);
    buf_append_u8(&out, 0);
    ck_fails(tufi_heirinfo_decode(&back, buf_slice(&out)), TUF_E_CORRUPT);
}
END_TEST

START_TEST(more_leaves_than_fit_inside_move_to_the_heap)
{
    TUF_AUTO(tufi_docinfo_release) struct docinfo d;
    TUF_AUTO(tufi_docinfo_release) struct docinfo back;
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    fill_example(&d);
    tufi_docinfo_init(&back);
    for (size_t count = 2; count < 200; count++) {
        ck_ok(tufi_docinfo_reserve(&d, count + 1));
        ck_assert(slice_is(d.leaves[1].rev.id, "b"));
        d.leaves[count] = d.leaves[1];
        d.leaf_count = count + 1;
        tufi_buf_clear(&out);
        tufi_docinfo_encode(&out, &d);
        ck_ok(tufi_docinfo_decode(&back, buf_slice(&out)));
        ck_assert_uint_eq(back.leaf_count, count + 1);
        ck_assert_uint_eq(back.leaves[count].rec.off, 4200);
    }
    ck_fails(tufi_docinfo_reserve(&d, DOCINFO_LEAVES_MAX + 1), TUF_E_LIMIT);
    ck_assert_uint_eq(d.leaf_count, 200);
}
END_TEST

START_TEST(values_of_sequences_and_local_documents_are_as_documented)
{
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    tufi_seqinfo_encode(&out, tuf_str("doc"), tuf_str("info"));
    check_hex(&out, "03646f63" "696e666f");
    tuf_slice id, info;
    ck_ok(tufi_seqinfo_split(&id, &info, buf_slice(&out)));
    ck_assert(slice_is(id, "doc") && slice_is(info, "info"));
    ck_fails(tufi_seqinfo_split(&id, &info, from_hex("00696e")), TUF_E_CORRUPT);
    ck_fails(tufi_seqinfo_split(&id, &info, from_hex("03646f")), TUF_E_CORRUPT);
    tufi_buf_clear(&out);
    struct localinfo local = { .rev = 5, .rec = { 5000, 40 } }, back;
    tufi_localinfo_encode(&out, &local);
    check_hex(&out, "05" "882728");
    ck_ok(tufi_localinfo_decode(&back, buf_slice(&out)));
    ck_assert(back.rev == 5 && back.rec.off == 5000 && back.rec.len == 40);
    for (size_t len = 0; len < out.len; len++)
        ck_fails(tufi_localinfo_decode(&back, tuf_slice_of(out.data, len)), TUF_E_CORRUPT);
    ck_fails(tufi_localinfo_decode(&back, from_hex("0588272800")), TUF_E_CORRUPT);
    ck_fails(tufi_localinfo_decode(&back, from_hex("0588278180808008")), TUF_E_CORRUPT);
}
END_TEST

START_TEST(sums_count_documents_by_their_winner_and_bytes_by_all_leaves)
{
    TUF_AUTO(tufi_docinfo_release) struct docinfo d;
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    fill_example(&d);
    tufi_docinfo_encode(&out, &d);
    struct reduction sum;
    tufi_reduce_by_id(&sum, tuf_str("doc"), buf_slice(&out));
    ck_assert_uint_eq(sum.v[COUNT_LIVE], 1);
    ck_assert_uint_eq(sum.v[COUNT_DELETED], 0);
    ck_assert_uint_eq(sum.v[SIZE_ACTIVE], 40 + 30 + 10);
    ck_assert_uint_eq(sum.v[SIZE_EXTERNAL], 105);
    d.leaves[0].deleted = true;
    tufi_buf_clear(&out);
    tufi_docinfo_encode(&out, &d);
    tufi_reduce_by_id(&sum, tuf_str("doc"), buf_slice(&out));
    ck_assert_uint_eq(sum.v[COUNT_LIVE], 0);
    ck_assert_uint_eq(sum.v[COUNT_DELETED], 1);
    tufi_reduce_by_id(&sum, tuf_str("doc"), tuf_str("?"));
    for (size_t i = 0; i < REDUCTION_SLOTS; i++)
        ck_assert_uint_eq(sum.v[i], 0);
    tufi_reduce_by_seq(&sum, tuf_str("12345678"), tuf_str(""));
    ck_assert_uint_eq(sum.v[COUNT_LIVE], 1);
    tufi_reduce_local(&sum, tuf_str("Lx"), tuf_str(""));
    ck_assert_uint_eq(sum.v[COUNT_LIVE], 1);
    tufi_reduce_local(&sum, tuf_str("Mx"), tuf_str(""));
    ck_assert_uint_eq(sum.v[COUNT_LIVE], 0);
    tufi_reduce_local(&sum, tuf_str(""), tuf_str(""));
    ck_assert_uint_eq(sum.v[COUNT_LIVE], 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("docinfo");
    TCase *t = tcase_create("docinfo");
    tcase_add_test(t, index_value_of_a_document_is_as_documented);
    tcase_add_test(t, every_truncation_of_an_index_value_is_refused);
    tcase_add_loop_test(t, impossible_index_values_are_refused, 0,
                        (int)(sizeof(bad_values) / sizeof(bad_values[0])));
    tcase_add_test(t, more_leaves_than_a_document_may_have_are_refused);
    tcase_add_test(t, a_tree_is_the_winners_record_if_place_and_length_are);
    tcase_add_test(t, the_note_of_a_compaction_is_read_as_it_was_written);
    tcase_add_test(t, more_leaves_than_fit_inside_move_to_the_heap);
    tcase_add_test(t, values_of_sequences_and_local_documents_are_as_documented);
    tcase_add_test(t, sums_count_documents_by_their_winner_and_bytes_by_all_leaves);
    suite_add_tcase(s, t);
    return tuft_run(s);
}
