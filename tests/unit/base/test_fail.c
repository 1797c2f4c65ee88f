/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test base/fail.c and crc32c.c: the detail of failures, the status tables, the checksum.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/crc32c.h"
#include "base/fail.h"
#include "json/docscan.h"
#include "tests/lib/test.h"

START_TEST(detail_of_a_failure_is_kept)
{
    ck_fails(tufi_fail_kind(TUF_E_INVALID, "some_kind", "number %d", 5), TUF_E_INVALID);
    const tuf_error *e = tuf_last_error();
    ck_assert_str_eq(e->kind, "some_kind");
    ck_assert_str_eq(e->text, "number 5");
    ck_assert(e->file_off == UINT64_MAX);
    ck_assert_int_eq(e->sys_errno, 0);
    ck_assert_ptr_nonnull(strstr(e->origin, "test_fail.c:"));
    tufi_error_clear();
    ck_assert_int_eq(tuf_last_error()->status, TUF_OK);
}
END_TEST

static bool refuse(size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    return false;
}

START_TEST(failing_needs_no_memory) /* INV-FAIL-1 */
{
    tufi_alloc_set_hook(refuse, NULL);
    ck_fails(tufi_nomem(), TUF_E_NOMEM);
    ck_fails(tufi_fail_kind(TUF_E_LIMIT, "kind", "%d%s", 1, "a"), TUF_E_LIMIT);
    tufi_alloc_set_hook(NULL, NULL);
    ck_assert_str_eq(tuf_last_error()->text, "1a");
}
END_TEST

START_TEST(long_texts_are_cut)
{
    char text[1000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    ck_fails(tufi_fail(TUF_E_LIMIT, "%s", text), TUF_E_LIMIT);
    ck_assert_uint_eq(strlen(tuf_last_error()->text), TUF_ERROR_TEXT_SIZE - 1);
    ck_assert_str_eq(tuf_last_error()->kind, "");
}
END_TEST

START_TEST(texts_are_valid_utf8_wherever_they_are_cut)
{
    for (int cut = 0; cut < 12; cut++) {
        ck_assert_int_eq(tufi_fail(TUF_E_INVALID, "id %.*s!", cut, "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
                         TUF_E_INVALID);
        const char *text = tuf_last_error()->text;
        ck_assert(tufi_utf8_valid(tuf_str(text)));
        ck_assert_int_eq(text[strlen(text) - 1], '!');
    }
    ck_assert_int_eq(tufi_fail(TUF_E_INVALID, "\xff\xc0\x80 b"), TUF_E_INVALID);
    ck_assert_str_eq(tuf_last_error()->text, "??? b");
}
END_TEST

START_TEST(system_errors_are_mapped)
{
    ck_fails(tufi_fail_errno(ENOSPC, "write"), TUF_E_FULL);
    ck_assert_int_eq(tuf_last_error()->sys_errno, ENOSPC);
    ck_fails(tufi_fail_errno(EDQUOT, "write"), TUF_E_FULL);
    ck_fails(tufi_fail_errno(ENOMEM, "map"), TUF_E_NOMEM);
    ck_fails(tufi_fail_errno(EIO, "read"), TUF_E_IO);
    ck_fails(tufi_corrupt(4096, "bad magic"), TUF_E_CORRUPT);
    ck_assert(tuf_last_error()->file_off == 4096);
}
END_TEST

START_TEST(saved_detail_can_be_restored)
{
    ck_fails(tufi_corrupt(77, "a"), TUF_E_CORRUPT);
    tuf_error saved = *tuf_last_error();
    ck_fails(tufi_nomem(), TUF_E_NOMEM);
    tufi_error_restore(&saved);
    ck_assert_int_eq(tuf_last_error()->status, TUF_E_CORRUPT);
    ck_assert(tuf_last_error()->file_off == 77);
}
END_TEST

START_TEST(unexpected_outcomes_become_failures)
{
    ck_assert_int_eq(tufi_fold(TUF_OK), TUF_OK);
    ck_fails(tufi_fold(TUF_NOT_FOUND), TUF_E_INTERNAL);
    ck_fails(tufi_nomem(), TUF_E_NOMEM);
    ck_fails(tufi_fold(TUF_E_NOMEM), TUF_E_NOMEM);
}
END_TEST

START_TEST(every_status_has_a_name_and_a_text)
{
#define CHECK_STATUS(name, value, text)                                                            \
    ck_assert_int_eq((int)TUF_##name, (value));                                                    \
    ck_assert_str_eq(tuf_status_name(TUF_##name), #name);                                          \
    ck_assert_str_eq(tuf_status_text(TUF_##name), text);
    TUF_STATUS_TABLE(CHECK_STATUS)
#undef CHECK_STATUS
    ck_assert_str_eq(tuf_status_name((tuf_status)999), "UNKNOWN");
}
END_TEST

START_TEST(checksum_agrees_with_rfc_3720) /* appendix B.4 */
{
    uint8_t bytes[32];
    memset(bytes, 0, sizeof(bytes));
    ck_assert_uint_eq(tufi_crc32c(0, bytes, sizeof(bytes)), 0x8a9136aau);
    memset(bytes, 0xff, sizeof(bytes));
    ck_assert_uint_eq(tufi_crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43u);
    for (unsigned i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    ck_assert_uint_eq(tufi_crc32c(0, bytes, sizeof(bytes)), 0x46dd794eu);
    for (unsigned i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(31 - i);
    ck_assert_uint_eq(tufi_crc32c(0, bytes, sizeof(bytes)), 0x113fdb5cu);
    ck_assert_uint_eq(tufi_crc32c(0, "123456789", 9), 0xe3069283u);
    for (uint32_t before = 0; before < 0xf0000000u; before += 0x0badcafeu) /* and back */
        ck_assert_uint_eq(tufi_crc32c_undo(tufi_crc32c(before, bytes, sizeof(bytes)), bytes,
                                           sizeof(bytes)), before);
}
END_TEST

START_TEST(checksum_can_be_continued)
{
    uint8_t bytes[100];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 41);
    uint32_t whole = tufi_crc32c(0, bytes, sizeof(bytes));
    for (size_t cut = 0; cut <= sizeof(bytes); cut++)
        ck_assert_uint_eq(tufi_crc32c(tufi_crc32c(0, bytes, cut), bytes + cut, sizeof(bytes) - cut),
                          whole);
}
END_TEST

/* One bit at a time, as the definition says. */
static uint32_t crc32c_by_bits(const uint8_t *bytes, size_t len)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
    }
    return ~crc;
}

/* Lengths around those at which the work is divided. */
START_TEST(checksum_of_any_length_is_the_same)
{
    static uint8_t bytes[7000];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * i * 31 + i / 7);
    for (size_t len = 0; len <= sizeof(bytes); len += len < 600 || len % 1024 < 3 ? 1 : 341)
        ck_assert_uint_eq(tufi_crc32c(0, bytes, len), crc32c_by_bits(bytes, len));
    for (size_t len = 3 * 1024 - 3; len <= 3 * 1024 + 200; len++)
        ck_assert_uint_eq(tufi_crc32c(0, bytes + 1, len), crc32c_by_bits(bytes + 1, len));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base fail");
    TCase *fail = tcase_create("fail");
    tcase_add_test(fail, detail_of_a_failure_is_kept);
    tcase_add_test(fail, failing_needs_no_memory);
    tcase_add_test(fail, long_texts_are_cut);
    tcase_add_test(fail, texts_are_valid_utf8_wherever_they_are_cut);
    tcase_add_test(fail, system_errors_are_mapped);
    tcase_add_test(fail, saved_detail_can_be_restored);
    tcase_add_test(fail, unexpected_outcomes_become_failures);
    tcase_add_test(fail, every_status_has_a_name_and_a_text);
    suite_add_tcase(suite, fail);
    TCase *crc = tcase_create("crc32c");
    tcase_add_test(crc, checksum_agrees_with_rfc_3720);
    tcase_add_test(crc, checksum_can_be_continued);
    tcase_add_test(crc, checksum_of_any_length_is_the_same);
    suite_add_tcase(suite, crc);
    return tuft_run(suite);
}
