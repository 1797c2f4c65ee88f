/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test base/buf.c and bytes.h: the sticky buffer, the sticky reader, varints, slices.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "tests/lib/test.h"

START_TEST(buffer_grows)
{
    TUF_AUTO(tufi_buf_release) struct buf b = BUF_INIT;
    for (unsigned i = 0; i < 100000; i++)
        buf_append_u8(&b, (uint8_t)i);
    ck_assert_uint_eq(b.len, 100000);
    for (unsigned i = 0; i < 100000; i++)
        ck_assert_uint_eq(b.data[i], i & 0xff);
    tufi_buf_clear(&b);
    ck_assert_uint_eq(b.len, 0);
    tufi_buf_printf(&b, "%d-%s", 5, "x");
    buf_append_str(&b, "yz");
    tufi_buf_append_zero(&b, 2);
    ck_assert(slice_equal(buf_slice(&b), tuf_slice_of("5-xyz\0\0", 7)));
    uint8_t *taken = tufi_buf_take(&b);
    ck_assert_ptr_null(b.data);
    ck_assert_mem_eq(taken, "5-xyz", 5);
    tufi_free(taken);
}
END_TEST

static bool refuse(size_t size, void *ctx)
{
    (void)ctx;
    return size < 1000;
}

START_TEST(first_error_sticks) /* INV-BUF-1 */
{
    TUF_AUTO(tufi_buf_release) struct buf b = BUF_INIT;
    char large[2000] = "";
    tufi_alloc_set_hook(refuse, NULL);
    buf_append_str(&b, "ok");
    ck_assert(!b.failed);
    tufi_buf_append(&b, large, sizeof(large));
    ck_assert(b.failed);
    buf_append_str(&b, "more");
    buf_append_u8(&b, 'x');
    tufi_buf_printf(&b, "%d", 1);
    tufi_alloc_set_hook(NULL, NULL);
    ck_assert(slice_is(buf_slice(&b), "ok"));
    ck_fails(buf_status(&b), TUF_E_NOMEM);
    ck_assert(!tufi_buf_reserve(&b, 1));
    tufi_buf_clear(&b);
    ck_ok(buf_status(&b));
    ck_assert(!tufi_buf_reserve(&b, SIZE_MAX));
}
END_TEST

START_TEST(what_is_written_is_read)
{
    TUF_AUTO(tufi_buf_release) struct buf b = BUF_INIT;
    write_be16(&b, 0x1234);
    write_be32(&b, 0x12345678);
    write_be64(&b, UINT64_C(0x123456789abcdef0));
    write_sized(&b, tuf_str("text"));
    write_varint(&b, UINT64_MAX);
    ck_assert_uint_eq(b.data[0], 0x12);
    struct reader r = reader_of(buf_slice(&b));
    ck_assert_uint_eq(read_be16(&r), 0x1234);
    ck_assert_uint_eq(read_be32(&r), 0x12345678);
    ck_assert(read_be64(&r) == UINT64_C(0x123456789abcdef0));
    ck_assert(slice_is(read_sized(&r), "text"));
    ck_assert(read_varint(&r) == UINT64_MAX);
    ck_assert(!r.bad);
    ck_assert_uint_eq(reader_left(&r), 0);
}
END_TEST

START_TEST(reads_past_the_end_stay_inside) /* INV-BY-1 */
{
    const uint8_t bytes[] = { 1, 2, 3 };
    struct reader r = reader_of(tuf_slice_of(bytes, sizeof(bytes)));
    ck_assert_uint_eq(read_u8(&r), 1);
    ck_assert_uint_eq(read_be32(&r), 0);
    ck_assert(r.bad);
    ck_assert_ptr_eq(r.pos, bytes + 1);
    ck_assert_uint_eq(read_u8(&r), 0);
    ck_assert_uint_eq(read_bytes(&r, 1).len, 0);
    ck_assert(read_varint(&r) == 0);
    struct reader huge = reader_of(tuf_slice_of(bytes, sizeof(bytes)));
    ck_assert_uint_eq(read_bytes(&huge, UINT64_MAX).len, 0);
    ck_assert(huge.bad);
}
END_TEST

START_TEST(varints_of_all_sizes_survive)
{
    for (unsigned bits = 0; bits < 64; bits++) {
        uint64_t values[] = { UINT64_C(1) << bits, (UINT64_C(1) << bits) - 1, UINT64_MAX >> bits };
        for (size_t i = 0; i < 3; i++) {
            uint8_t bytes[VARINT_SIZE_MAX];
            size_t len = put_varint(bytes, values[i]);
            ck_assert_uint_eq(len, varint_size(values[i]));
            struct reader r = reader_of(tuf_slice_of(bytes, len));
            ck_assert(read_varint(&r) == values[i]);
            ck_assert(!r.bad);
            struct reader cut = reader_of(tuf_slice_of(bytes, len - 1));
            read_varint(&cut);
            ck_assert(cut.bad);
        }
    }
}
END_TEST

START_TEST(overlong_varints_are_bad)
{
    const uint8_t too_big[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02 };
    const uint8_t endless[] = { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00 };
    struct reader a = reader_of(tuf_slice_of(too_big, sizeof(too_big)));
    struct reader b = reader_of(tuf_slice_of(endless, sizeof(endless)));
    read_varint(&a);
    read_varint(&b);
    ck_assert(a.bad);
    ck_assert(b.bad);
}
END_TEST

START_TEST(slices_are_ordered_by_bytes)
{
    static const char *const order[] = { "", "a", "aa", "ab", "b", "\x80" };
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++) {
            int got = slice_compare(tuf_str(order[i]), tuf_str(order[j]));
            ck_assert_int_eq((got > 0) - (got < 0), (i > j) - (i < j));
            ck_assert_int_eq(slice_equal(tuf_str(order[i]), tuf_str(order[j])), i == j);
        }
    ck_assert(slice_starts(tuf_str("abc"), "ab"));
    ck_assert(!slice_starts(tuf_str("a"), "ab"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base bytes");
    TCase *bytes = tcase_create("bytes");
    tcase_add_test(bytes, buffer_grows);
    tcase_add_test(bytes, first_error_sticks);
    tcase_add_test(bytes, what_is_written_is_read);
    tcase_add_test(bytes, reads_past_the_end_stay_inside);
    tcase_add_test(bytes, varints_of_all_sizes_survive);
    tcase_add_test(bytes, overlong_varints_are_bad);
    tcase_add_test(bytes, slices_are_ordered_by_bytes);
    suite_add_tcase(suite, bytes);
    return tuft_run(suite);
}
