/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test base/hex.c: hexadecimal and base64 text.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

START_TEST(hex_is_lower_case_and_read_in_any_case)
{
    const uint8_t bytes[] = { 0x00, 0x9a, 0xbc, 0xde, 0xf0, 0xff };
    char text[13] = "";
    uint8_t back[6];
    tufi_hex_encode(text, bytes, sizeof(bytes));
    ck_assert_str_eq(text, "009abcdef0ff");
    ck_assert(tufi_hex_decode(back, text, 12));
    ck_assert_mem_eq(back, bytes, sizeof(bytes));
    ck_assert(tufi_hex_decode(back, "009ABCDEF0fF", 12));
    ck_assert_mem_eq(back, bytes, sizeof(bytes));
    ck_assert(!tufi_hex_decode(back, "009", 3));
    ck_assert(!tufi_hex_decode(back, "0g", 2));
    ck_assert(!tufi_hex_decode(back, "+1", 2));
    ck_assert(!tufi_hex_decode(back, "0\xc3", 2));
    ck_assert(tufi_hex_decode(back, "", 0));
}
END_TEST

static const struct {
    const char *bytes;
    const char *text;
} rfc_vectors[] = {
    /* RFC 4648 section 10 */
    { "", "" },
    { "f", "Zg==" },
    { "fo", "Zm8=" },
    { "foo", "Zm9v" },
    { "foob", "Zm9vYg==" },
    { "fooba", "Zm9vYmE=" },
    { "foobar", "Zm9vYmFy" },
};

START_TEST(base64_agrees_with_the_standard)
{
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    tufi_base64_encode(&text, tuf_str(rfc_vectors[_i].bytes));
    ck_assert(slice_is(buf_slice(&text), rfc_vectors[_i].text));
    ck_assert_uint_eq(tufi_base64_size(strlen(rfc_vectors[_i].bytes)), text.len);
    ck_assert(tufi_base64_decode(&bytes, buf_slice(&text)));
    ck_assert(slice_is(buf_slice(&bytes), rfc_vectors[_i].bytes));
}
END_TEST

START_TEST(all_lengths_survive_a_round_trip) /* INV-HEX-1 */
{
    uint8_t data[300];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 37 + (i >> 3));
    for (size_t len = 0; len <= sizeof(data); len++) {
        TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
        TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
        tufi_base64_encode(&text, tuf_slice_of(data, len));
        ck_assert(tufi_base64_decode(&bytes, buf_slice(&text)));
        ck_assert(slice_equal(buf_slice(&bytes), tuf_slice_of(data, len)));
        tufi_buf_clear(&text);
        tufi_buf_clear(&bytes);
        tufi_base64url_encode(&text, tuf_slice_of(data, len));
        ck_assert_ptr_null(text.len > 0 ? memchr(text.data, '=', text.len) : NULL);
        ck_assert(tufi_base64url_decode(&bytes, buf_slice(&text)));
        ck_assert(slice_equal(buf_slice(&bytes), tuf_slice_of(data, len)));
    }
}
END_TEST

static const struct {
    const char *text;
    const char *bytes; /* NULL: refused */
} loose[] = {
    { "aG k=", "hi" },
    { " a\nG\tk\r= ", "hi" },
    { "YQ= =", "a" },
    { "YR==", "a" },
    { "    ", "" },
    { "YWJj\nZGVm", "abcdef" },
    { "Y", NULL },
    { "YQ", NULL },
    { "YQ=", NULL },
    { "YQ===", NULL },
    { "=", NULL },
    { "====", NULL },
    { "YWJj=", NULL },
    { "YWJj====", NULL },
    { "YQ==YQ==", NULL },
    { "Y=Q=", NULL },
    { "YQ==x", NULL },
    { "Y-_=", NULL },
    { "YQ.=", NULL },
    { "Y\xc3==", NULL },
    { "Zm9vYmFyZm9v!mFy", NULL },
};

START_TEST(white_space_is_skipped_and_rubbish_refused)
{
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    ck_assert_int_eq(tufi_base64_decode(&bytes, tuf_str(loose[_i].text)), loose[_i].bytes != NULL);
    if (loose[_i].bytes)
        ck_assert(slice_is(buf_slice(&bytes), loose[_i].bytes));
}
END_TEST

START_TEST(url_alphabet_is_its_own)
{
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    tufi_base64url_encode(&text, tuf_slice_of("\xfb\xff\xfe", 3));
    ck_assert(slice_is(buf_slice(&text), "-__-"));
    ck_assert(!tufi_base64url_decode(&bytes, tuf_str("+//+")));
    ck_assert(!tufi_base64url_decode(&bytes, tuf_str("-__- ")));
    tufi_buf_clear(&bytes);
    ck_assert(tufi_base64url_decode(&bytes, tuf_str("YQ==")));
    ck_assert(slice_is(buf_slice(&bytes), "a"));
}
END_TEST

static bool refuse(size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    return false;
}

START_TEST(lack_of_memory_sticks_in_the_buffer)
{
    struct buf out = BUF_INIT;
    tufi_alloc_set_hook(refuse, NULL);
    ck_assert(!tufi_base64_decode(&out, tuf_str("YQ==")));
    tufi_alloc_set_hook(NULL, NULL);
    ck_assert(out.failed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base hex");
    TCase *texts = tcase_create("texts");
    tcase_add_test(texts, hex_is_lower_case_and_read_in_any_case);
    tcase_add_loop_test(texts, base64_agrees_with_the_standard, 0, COUNT(rfc_vectors));
    tcase_add_test(texts, all_lengths_survive_a_round_trip);
    tcase_add_loop_test(texts, white_space_is_skipped_and_rubbish_refused, 0, COUNT(loose));
    tcase_add_test(texts, url_alphabet_is_its_own);
    tcase_add_test(texts, lack_of_memory_sticks_in_the_buffer);
    suite_add_tcase(suite, texts);
    return tuft_run(suite);
}
