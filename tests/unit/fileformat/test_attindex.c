/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the codec of an attachment's chunk index: exact bytes, sizes, and what it refuses.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "fileformat/attindex.h"
#include "tests/lib/test.h"

static void make_index(struct att_index *x, uint32_t chunk_size, uint64_t total, uint64_t first_off,
                       uint64_t gap)
{
    x->chunk_size = chunk_size;
    x->total = total;
    uint64_t count = attindex_chunk_count(total, chunk_size);
    for (uint64_t i = 0; i < count; i++)
        ck_ok(tufi_attindex_push(x, first_off + i * (chunk_size + gap)));
}

START_TEST(the_encoding_is_as_documented)
{
    TUF_AUTO(tufi_attindex_release) struct att_index x = ATT_INDEX_INIT;
    TUF_AUTO(tufi_attindex_release) struct att_index back = ATT_INDEX_INIT;
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    make_index(&x, 262144, 262144 * 2 + 5, 8192, 300);
    tufi_attindex_encode(&out, &x);
    char hex[64] = { 0 };
    ck_assert_uint_lt(out.len * 2, sizeof(hex));
    tufi_hex_encode(hex, out.data, out.len);
    ck_assert_str_eq(hex, "808010" /* chunks of 262,144 */
                          "858020" /* 524,293 bytes in all */
                          "8040"   /* first at 8,192 */
                          "ac02"   /* gap of 300 */
                          "ac02");
    ck_ok(tufi_attindex_decode(&back, buf_slice(&out), 0));
    ck_assert_uint_eq(back.count, 3);
    ck_assert_uint_eq(back.total, 524293);
    const struct rec_loc want[3] = { { 8192, 262144 }, { 270636, 262144 }, { 533080, 5 } };
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(tufi_attindex_chunk(&back, i).off, want[i].off);
        ck_assert_uint_eq(tufi_attindex_chunk(&back, i).len, want[i].len);
    }
}
END_TEST

START_TEST(chunk_lengths_add_up)
{
    const uint64_t totals[] = { 1, 999, 1000, 1001, 2000, 123456 };
    TUF_AUTO(tufi_attindex_release) struct att_index x = ATT_INDEX_INIT;
    make_index(&x, 1000, totals[_i], 500, 1);
    uint64_t sum = 0;
    for (size_t i = 0; i < x.count; i++) {
        uint32_t len = tufi_attindex_chunk(&x, i).len;
        ck_assert_uint_gt(len, 0);
        ck_assert_uint_le(len, 1000);
        sum += len;
    }
    ck_assert_uint_eq(sum, totals[_i]);
}
END_TEST

START_TEST(ten_gibibytes_take_eighty_kibibytes)
{
    TUF_AUTO(tufi_attindex_release) struct att_index x = ATT_INDEX_INIT;
    TUF_AUTO(tufi_attindex_release) struct att_index back = ATT_INDEX_INIT;
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    make_index(&x, ATT_CHUNK_SIZE, (uint64_t)10 << 30, (uint64_t)1 << 40, 4096);
    ck_assert_uint_eq(x.count, 40960);
    tufi_attindex_encode(&out, &x);
    ck_assert_uint_lt(out.len, 82 * 1024);
    ck_ok(tufi_attindex_decode(&back, buf_slice(&out), 0));
    ck_assert_uint_eq(back.count, x.count);
    ck_assert_mem_eq(back.offs, x.offs, x.count * sizeof(*x.offs));
}
END_TEST

START_TEST(an_index_has_a_limit)
{
    TUF_AUTO(tufi_attindex_release) struct att_index x = ATT_INDEX_INIT;
    for (uint64_t i = 0; i < ATTINDEX_COUNT_MAX; i++)
        if (tufi_attindex_push(&x, i) != TUF_OK) /* not ck_ok: four million of them */
            ck_abort_msg("push %llu", (unsigned long long)i);
    ck_fails(tufi_attindex_push(&x, 1), TUF_E_LIMIT);
    ck_assert_uint_eq(x.count, ATTINDEX_COUNT_MAX);
}
END_TEST

static const struct bad_case {
    const char *why;
    const char *hex;
} bad_cases[] = {
    { "nothing", "" },
    { "chunks of no bytes", "000a00" },
    { "chunks too large", "818080080500" },
    { "no bytes", "0a00"
                  "00" },
    { "no bytes, no chunk", "0a00" },
    { "no offset", "0a05" },
    { "an offset is missing", "0a140001"
                              "00" },
    { "two chunks and one offset", "0a1400" },
    { "bytes follow", "0a050000" },
    { "gap of nothing", "0a140000" },
    { "overlong chunk size", "8a00"
                             "0500" },
    { "overlong total", "0a8500"
                        "00" },
    { "overlong offset", "0a058000" },
    { "overlong gap", "0a14008100" },
    { "total that its bytes cannot hold", "01ffffffffffffffffff0100" },
    { "first chunk ends beyond 64 bits", "0a05ffffffffffffffffff01" },
    { "second chunk ends beyond 64 bits", "0a1400"
                                          "f5ffffffffffffffff01" },
    { "gap wraps", "0a140a"
                   "ffffffffffffffffff01" },
};

START_TEST(decode_refuses_what_encode_never_writes)
{
    const struct bad_case *c = &bad_cases[_i];
    uint8_t bytes[64];
    size_t len = strlen(c->hex);
    ck_assert(tufi_hex_decode(bytes, c->hex, len));
    TUF_AUTO(tufi_attindex_release) struct att_index x = ATT_INDEX_INIT;
    make_index(&x, 10, 15, 0, 1);
    tuf_status st = tufi_attindex_decode(&x, tuf_slice_of(bytes, len / 2), 777);
    ck_assert_msg(st == TUF_E_CORRUPT, "%s: %s", c->why, tuf_status_name(st));
    ck_assert_uint_eq(tuf_last_error()->file_off, 777);
    ck_assert_uint_eq(x.count, 0);
    ck_assert_ptr_null(x.offs);
}
END_TEST

START_TEST(decode_takes_what_the_bad_cases_are_made_of)
{
    const char *good[] = { "0a0500",   "0a0a00",       "0a140001",
                           "0a140a01", "808080080500", "0a05f5ffffffffffffffff01" };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint8_t bytes[64];
        size_t len = strlen(good[i]);
        ck_assert(tufi_hex_decode(bytes, good[i], len));
        TUF_AUTO(tufi_attindex_release) struct att_index x = ATT_INDEX_INIT;
        TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
        ck_ok(tufi_attindex_decode(&x, tuf_slice_of(bytes, len / 2), 0));
        tufi_attindex_encode(&out, &x);
        ck_assert(slice_equal(buf_slice(&out), tuf_slice_of(bytes, len / 2)));
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("attindex");
    TCase *tc = tcase_create("attindex");
    tcase_add_test(tc, the_encoding_is_as_documented);
    tcase_add_loop_test(tc, chunk_lengths_add_up, 0, 6);
    tcase_add_test(tc, ten_gibibytes_take_eighty_kibibytes);
    tcase_add_test(tc, an_index_has_a_limit);
    tcase_add_loop_test(tc, decode_refuses_what_encode_never_writes, 0,
                        (int)(sizeof(bad_cases) / sizeof(bad_cases[0])));
    tcase_add_test(tc, decode_takes_what_the_bad_cases_are_made_of);
    suite_add_tcase(s, tc);
    return tuft_run(s);
}
