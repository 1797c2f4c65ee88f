/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test server/password.c against hashes that CouchDB made.
 */
#include "base/bytes.h"
#include "server/password.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define SALT "0123456789abcdef0123456789abcdef"

/* Stored forms of the password "apple". */
struct stored_text {
    const char *scheme, *prf, *derived_key, *password_sha;
    uint64_t iterations;
};

static const struct stored_text apples[] = {
    { "pbkdf2", "sha256", "7ab596742db2bb008d0bbc978c46885acac44c84aaf920616cc8735dcc8c23fa", "",
      600000 },
    { "pbkdf2", "", "016eadbcc1f08986d340431dad8d25ee574e0707", "", 10 },
    { "pbkdf2", "sha", "016eadbcc1f08986d340431dad8d25ee574e0707", "", 10 },
    { "simple", "", "", "89d7344c884b0e17d7a392a9a9f23ee8e7d7af17", 0 },
    { "", "", "", "89d7344c884b0e17d7a392a9a9f23ee8e7d7af17", 0 },
    /* By Python's hashlib: PBKDF2 of the simple hash; the count of old documents that tell none. */
    { "simple+pbkdf2", "", "41a769fce088c2ae2a47c3aa6a5a43e4a76afffa", "", 10 },
    { "pbkdf2", "", "1bd7c2fcb19d81cfcb5203dd5ec7914cfe68640c", "", 0 },
    { "pbkdf2", "sha512",
      "ca2ebc58fd1a2eb16784d6beb50ded139887400cab7b78f53bb5a6bd500d5008"
      "a2eaaa96267dac74c78f8d254d2fe0ae1569f0e6ee7750ce1673969694c78e77",
      "", 3 },
};

static struct stored_password stored_of(const struct stored_text *text)
{
    return (struct stored_password){
        .scheme = tuf_str(text->scheme),
        .prf = tuf_str(text->prf),
        .salt = tuf_str(SALT),
        .derived_key = tuf_str(text->derived_key),
        .password_sha = tuf_str(text->password_sha),
        .iterations = text->iterations,
    };
}

START_TEST(hashes_of_couchdb_are_verified)
{
    struct stored_password stored = stored_of(&apples[_i]);
    ck_assert(password_verify(&stored, tuf_str("apple")));
    ck_assert(!password_verify(&stored, tuf_str("apples")));
    ck_assert(!password_verify(&stored, tuf_str("")));
}
END_TEST

START_TEST(incomplete_hashes_verify_nothing)
{
    struct stored_password stored = { .scheme = tuf_str("pbkdf2"), .salt = tuf_str(SALT),
                                      .iterations = 10 };
    ck_assert(!password_verify(&stored, tuf_str("apple")));
    ck_assert(!password_verify(&stored, tuf_str("")));
    stored.scheme = tuf_str("simple");
    ck_assert(!password_verify(&stored, tuf_str("")));
    stored.scheme = tuf_str("unknown");
    ck_assert(!password_verify(&stored, tuf_str("apple")));
    stored = stored_of(&apples[1]);
    stored.iterations = (uint64_t)ITERATIONS_MAX + 1;
    ck_assert(!password_verify(&stored, tuf_str("apple")));
}
END_TEST

START_TEST(a_wish_that_cannot_be_is_refused)
{
    char salt[SALT_SIZE], derived[DERIVED_SIZE];
    ck_fails(password_make(salt, derived, tuf_str("x"),
                           &(struct password_wish){ .prf = tuf_str("md5"), .iterations = 1 }),
             TUF_E_INVALID);
    ck_fails(password_make(salt, derived, tuf_str("x"), &(struct password_wish){ .iterations = 0 }),
             TUF_E_INTERNAL);
    ck_fails(password_make(salt, derived, tuf_str("x"),
                           &(struct password_wish){ .iterations = (uint64_t)ITERATIONS_MAX + 1 }),
             TUF_E_INTERNAL);
    struct buf text = BUF_INIT;
    ck_fails(admin_password_make(&text, tuf_str("x"), &(struct password_wish){ .iterations = 0 }),
             TUF_E_INTERNAL);
    ck_assert_uint_eq(text.len, 0);
}
END_TEST

START_TEST(each_hash_has_a_salt_of_its_own_or_the_one_that_is_wanted)
{
    char salt[3][SALT_SIZE], derived[3][DERIVED_SIZE];
    struct password_wish wish = { .iterations = 1 };
    ck_ok(password_make(salt[0], derived[0], tuf_str("x"), &wish));
    ck_ok(password_make(salt[1], derived[1], tuf_str("x"), &wish));
    ck_assert_str_ne(salt[0], salt[1]);
    ck_assert_str_ne(derived[0], derived[1]);
    wish.salt = tuf_str(salt[0]);
    ck_ok(password_make(salt[2], derived[2], tuf_str("x"), &wish));
    ck_assert_str_eq(salt[0], salt[2]);
    ck_assert_str_eq(derived[0], derived[2]);
    wish.salt = tuf_str("short");
    ck_ok(password_make(salt[2], derived[2], tuf_str("x"), &wish));
    ck_assert_str_ne(salt[2], "short");
}
END_TEST

START_TEST(an_admin_hash_is_made_and_parsed)
{
    struct buf text = BUF_INIT;
    struct stored_password stored;
    ck_ok(admin_password_make(&text, tuf_str("geheim"),
                              &(struct password_wish){ .iterations = 10 }));
    ck_assert(slice_starts(buf_slice(&text), "-pbkdf2:sha256-"));
    ck_assert(admin_password_parse(&stored, buf_slice(&text)));
    ck_assert_uint_eq(stored.iterations, 10);
    ck_assert(password_verify(&stored, tuf_str("geheim")));
    ck_assert(!password_verify(&stored, tuf_str("Geheim")));
    tufi_buf_release(&text);
}
END_TEST

START_TEST(the_old_scheme_is_made_on_request_and_parsed)
{
    struct buf text = BUF_INIT;
    struct stored_password stored;
    ck_ok(admin_password_make(&text, tuf_str("apple"),
                              &(struct password_wish){ .simple = true, .salt = tuf_str(SALT) }));
    ck_assert(slice_is(buf_slice(&text), "-hashed-89d7344c884b0e17d7a392a9a9f23ee8e7d7af17," SALT));
    ck_assert(admin_password_parse(&stored, buf_slice(&text)));
    ck_assert(password_verify(&stored, tuf_str("apple")));
    ck_assert(!password_verify(&stored, tuf_str("Apple")));
    tufi_buf_release(&text);
}
END_TEST

START_TEST(older_admin_hashes_are_parsed)
{
    struct stored_password stored;
    ck_assert(admin_password_parse(
        &stored, tuf_str("-pbkdf2-016eadbcc1f08986d340431dad8d25ee574e0707," SALT ",10")));
    ck_assert(password_verify(&stored, tuf_str("apple")));
    ck_assert(admin_password_parse(
        &stored, tuf_str("-hashed-89d7344c884b0e17d7a392a9a9f23ee8e7d7af17," SALT)));
    ck_assert(password_verify(&stored, tuf_str("apple")));
    ck_assert(!admin_password_parse(&stored, tuf_str("apple")));
    ck_assert(!admin_password_parse(&stored, tuf_str("-pbkdf2")));
    ck_assert(!admin_password_parse(&stored, tuf_str("-pbkdf2-a,b")));
    ck_assert(!admin_password_parse(&stored, tuf_str("-pbkdf2:sha256")));
}
END_TEST

START_TEST(the_cache_knows_what_was_verified_and_nothing_else)
{
    struct password_cache *cache = password_cache_new();
    struct stored_password stored = stored_of(&apples[0]);
    struct stored_password changed = stored;
    changed.salt = tuf_str("ffffffffffffffffffffffffffffffff");
    ck_assert_ptr_nonnull(cache);
    ck_assert(!password_cache_has(cache, tuf_str("jan"), tuf_str("apple"), &stored));
    password_cache_add(cache, tuf_str("jan"), tuf_str("apple"), &stored);
    ck_assert(password_cache_has(cache, tuf_str("jan"), tuf_str("apple"), &stored));
    ck_assert(!password_cache_has(cache, tuf_str("jan"), tuf_str("pear"), &stored));
    ck_assert(!password_cache_has(cache, tuf_str("eva"), tuf_str("apple"), &stored));
    ck_assert(!password_cache_has(cache, tuf_str("jana"), tuf_str("pple"), &stored));
    ck_assert(!password_cache_has(cache, tuf_str("jan"), tuf_str("apple"), &changed));
    password_cache_free(&cache);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/password");
    TCase *tc = tcase_create("password");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, hashes_of_couchdb_are_verified, 0, COUNT(apples));
    tcase_add_test(tc, incomplete_hashes_verify_nothing);
    tcase_add_test(tc, a_wish_that_cannot_be_is_refused);
    tcase_add_test(tc, each_hash_has_a_salt_of_its_own_or_the_one_that_is_wanted);
    tcase_add_test(tc, an_admin_hash_is_made_and_parsed);
    tcase_add_test(tc, the_old_scheme_is_made_on_request_and_parsed);
    tcase_add_test(tc, older_admin_hashes_are_parsed);
    tcase_add_test(tc, the_cache_knows_what_was_verified_and_nothing_else);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
