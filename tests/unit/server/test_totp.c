/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test server/totp.c against the vectors of RFC 4226 (appendix D), RFC 6238 (appendix B) and
 * RFC 4648 (section 10).
 */
#include <string.h>

#include "base/alloc.h"
#include "server/totp.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define SEED20 "12345678901234567890"
#define SEED32 "12345678901234567890123456789012"
#define SEED64 "1234567890123456789012345678901234567890123456789012345678901234"

static struct totp totp_of(const EVP_MD *digest, const char *key, unsigned digit_count)
{
    return (struct totp){ .digest = digest, .key = tuf_str(key), .digit_count = digit_count };
}

START_TEST(counters_of_rfc_4226)
{
    static const char *const want[] = { "755224", "287082", "359152", "969429", "338314",
                                        "254676", "287922", "162583", "399871", "520489" };
    struct totp totp = totp_of(EVP_sha1(), SEED20, 6);
    char digits[9];
    ck_assert_int_lt(_i, COUNT(want));
    ck_assert(totp_digits(digits, &totp, (uint64_t)_i));
    ck_assert_str_eq(digits, want[_i]);
}
END_TEST

static const struct {
    uint64_t time_s;
    const char *sha1, *sha256, *sha512;
} times[] = {
    { 59, "94287082", "46119246", "90693936" },
    { 1111111109, "07081804", "68084774", "25091201" },
    { 1111111111, "14050471", "67062674", "99943326" },
    { 1234567890, "89005924", "91819424", "93441116" },
    { 2000000000, "69279037", "90698825", "38618901" },
    { 20000000000, "65353130", "77737706", "47863826" },
};

START_TEST(times_of_rfc_6238)
{
    struct totp sha1 = totp_of(EVP_sha1(), SEED20, 8);
    struct totp sha256 = totp_of(EVP_sha256(), SEED32, 8);
    struct totp sha512 = totp_of(EVP_sha512(), SEED64, 8);
    uint64_t now_s = times[_i].time_s;
    ck_assert(totp_check(&sha1, tuf_str(times[_i].sha1), now_s));
    ck_assert(totp_check(&sha256, tuf_str(times[_i].sha256), now_s));
    ck_assert(totp_check(&sha512, tuf_str(times[_i].sha512), now_s));
    ck_assert(!totp_check(&sha256, tuf_str(times[_i].sha1), now_s));
    ck_assert(!totp_check(&sha1, tuf_str(times[_i].sha512), now_s));
}
END_TEST

START_TEST(one_step_before_and_behind_is_accepted)
{
    struct totp totp = totp_of(EVP_sha1(), SEED20, 6);
    /* "969429" is step 3: 90 s to 119 s. */
    ck_assert(!totp_check(&totp, tuf_str("969429"), 59));
    ck_assert(totp_check(&totp, tuf_str("969429"), 60));
    ck_assert(totp_check(&totp, tuf_str("969429"), 119));
    ck_assert(totp_check(&totp, tuf_str("969429"), 149));
    ck_assert(!totp_check(&totp, tuf_str("969429"), 150));
    /* There is no step before the first. */
    ck_assert(totp_check(&totp, tuf_str("755224"), 0));
    ck_assert(totp_check(&totp, tuf_str("287082"), 0));
    ck_assert(!totp_check(&totp, tuf_str("359152"), 0));
}
END_TEST

START_TEST(a_token_is_all_its_digits)
{
    struct totp totp = totp_of(EVP_sha1(), SEED20, 8);
    static const char *const wrong[] = { "", "4287082", "942870820", "9428708", "94287083", "x4287082" };
    ck_assert(totp_check(&totp, tuf_str("94287082"), 59));
    for (int i = 0; i < COUNT(wrong); i++)
        ck_assert(!totp_check(&totp, tuf_str(wrong[i]), 59));
    totp.digit_count = 7;
    ck_assert(totp_check(&totp, tuf_str("4287082"), 59));
}
END_TEST

START_TEST(a_factor_that_nobody_has_accepts_nothing)
{
    char digits[9];
    struct totp broken[] = { totp_of(NULL, SEED20, 6), totp_of(EVP_sha1(), "", 6),
                             totp_of(EVP_sha1(), SEED20, 5), totp_of(EVP_sha1(), SEED20, 9),
                             totp_of(EVP_md5(), SEED20, 6) };
    for (int i = 0; i < COUNT(broken); i++) {
        ck_assert(!totp_digits(digits, &broken[i], 0));
        ck_assert(!totp_check(&broken[i], tuf_str("755224"), 0));
        ck_assert(!totp_check(&broken[i], tuf_str(""), 0));
    }
}
END_TEST

/* Text, and its bytes; NULL: it is no base32. */
static const struct {
    const char *text, *bytes;
} keys[] = {
    { "MY======", "f" },          { "MZXQ====", "fo" },         { "MZXW6===", "foo" },
    { "MZXW6YQ=", "foob" },       { "MZXW6YTB", "fooba" },      { "MZXW6YTBOI======", "foobar" },
    { "mzxw6ytboi", "foobar" },   { "MzXw6YtBoI=", "foobar" },
    { "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", SEED20 },
    { "", NULL },                 { "====", NULL },             { "MZXW6YT1", NULL },
    { "MZXW6YT8", NULL },         { "MZXW 6YT", NULL },         { "M=XW6YTB", NULL },
    { "MZXW6YT0", NULL },         { "MZXW6YT{", NULL },         { "MZXW6YT\xc3\xa4", NULL },
};

START_TEST(keys_are_base32)
{
    struct buf key = BUF_INIT;
    const char *want = keys[_i].bytes;
    ck_assert_int_eq(totp_decode_key(&key, tuf_str(keys[_i].text)), want != NULL);
    if (want != NULL) {
        ck_assert_uint_eq(key.len, strlen(want));
        ck_assert_int_eq(memcmp(key.data, want, key.len), 0);
    }
    tufi_buf_release(&key);
}
END_TEST

static bool refuse(size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    return false;
}

START_TEST(a_key_without_memory_is_none)
{
    struct buf key = BUF_INIT;
    tufi_alloc_set_hook(refuse, NULL);
    bool good = totp_decode_key(&key, tuf_str("MZXW6YTB"));
    tufi_alloc_set_hook(NULL, NULL);
    ck_assert(!good);
    tufi_buf_release(&key);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("totp");
    TCase *tcase = tcase_create("totp");
    tcase_add_loop_test(tcase, counters_of_rfc_4226, 0, 10);
    tcase_add_loop_test(tcase, times_of_rfc_6238, 0, COUNT(times));
    tcase_add_test(tcase, one_step_before_and_behind_is_accepted);
    tcase_add_test(tcase, a_token_is_all_its_digits);
    tcase_add_test(tcase, a_factor_that_nobody_has_accepts_nothing);
    tcase_add_loop_test(tcase, keys_are_base32, 0, COUNT(keys));
    tcase_add_test(tcase, a_key_without_memory_is_none);
    suite_add_tcase(suite, tcase);
    return tuft_run(suite);
}
