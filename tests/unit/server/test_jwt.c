/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test server/jwt.c: forms, keys of each kind, claims and roles. The keys are made here.
 */
#include "server/jwt.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "base/slice.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define SECRET "a secret of tests"
#define NOW_S 1700000000
#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define GOOD "{\"sub\":\"ann\",\"exp\":1800000000}"

static struct config *config_of(const char *required)
{
    struct config *config;
    struct buf key = BUF_INIT;
    tufi_base64_encode(&key, tuf_str(SECRET));
    ck_ok(config_new(&config, NULL, 0, "/nonexistent/local.ini"));
    ck_ok(config_set(NULL, config, "jwt_keys", "hmac:_default", buf_slice(&key), false));
    if (required != NULL)
        ck_ok(config_set(NULL, config, "jwt_auth", "required_claims", tuf_str(required), false));
    tufi_buf_release(&key);
    return config;
}

/* "HEADER.CLAIMS" */
static void write_parts(struct buf *out, const char *header, const char *claims)
{
    tufi_base64url_encode(out, tuf_str(header));
    buf_append_u8(out, '.');
    tufi_base64url_encode(out, tuf_str(claims));
}

static void write_signed(struct buf *out, const char *header, const char *claims)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    write_parts(out, header, claims);
    ck_assert_ptr_nonnull(
        HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET), out->data, out->len, mac, &len));
    buf_append_u8(out, '.');
    tufi_base64url_encode(out, tuf_slice_of(mac, len));
}

/* NULL: the token is good. */
static void check_reason(struct config *config, tuf_slice token, int status, const char *reason)
{
    struct jwt_error error = { 0, NULL };
    json_t *claims = jwt_check(&error, config, token, NOW_S);
    if (reason == NULL) {
        ck_assert_msg(claims != NULL, "%s", error.reason);
        ck_assert_str_eq(json_string_value(json_object_get(claims, "sub")), "ann");
    } else {
        ck_assert_ptr_null(claims);
        ck_assert_str_eq(error.reason, reason);
        ck_assert_int_eq(error.status, status);
    }
    json_decref(claims);
}

static const struct {
    const char *required, *header, *claims;
    int status;
    const char *reason; /* NULL: it is good */
} claims_table[] = {
    { NULL, HS256, GOOD, 0, NULL },
    { NULL, HS256, "{\"sub\":\"ann\"}", 400, "Missing exp claim" },
    { NULL, HS256, "{\"sub\":\"ann\",\"exp\":\"soon\"}", 400, "Missing exp claim" },
    { NULL, HS256, "{\"sub\":\"ann\",\"exp\":1700000000}", 401, "exp not in future" },
    { NULL, HS256, "{\"sub\":\"ann\",\"exp\":1700000000.5}", 0, NULL },
    { "iat", HS256, "{\"sub\":\"ann\",\"exp\":\"x\",\"iat\":1}", 401, "exp not in future" },
    { "iat", HS256, "{\"sub\":\"ann\",\"iat\":1}", 0, NULL },
    { "iat", HS256, "{\"sub\":\"ann\"}", 400, "Missing iat claim" },
    { "iat", HS256, "{\"sub\":\"ann\",\"iat\":\"1\"}", 400, "Invalid iat claim" },
    { "exp, nbf", HS256, GOOD, 400, "Missing nbf claim" },
    { "nbf", HS256, "{\"sub\":\"ann\",\"nbf\":1700000000}", 0, NULL },
    { "nbf", HS256, "{\"sub\":\"ann\",\"nbf\":1700000001}", 401, "nbf not in past" },
    { "exp", HS256, "{\"sub\":\"ann\",\"exp\":1800000000,\"nbf\":[]}", 401, "nbf not in past" },
    { "typ", HS256, "{\"sub\":\"ann\"}", 0, NULL },
    { "typ", "{\"alg\":\"HS256\"}", "{\"sub\":\"ann\"}", 400, "Missing typ header parameter" },
    { "typ", "{\"alg\":\"HS256\",\"typ\":\"jwt\"}", GOOD, 400, "Invalid typ header parameter" },
    { "typ", "{\"alg\":\"HS256\",\"typ\":1}", GOOD, 400, "Invalid typ header parameter" },
    { "kid", HS256, GOOD, 400, "Missing kid claim" },
    { "{iss, \"me\"}", HS256, "{\"sub\":\"ann\",\"iss\":\"me\"}", 0, NULL },
    { "{iss, \"me\"}", HS256, "{\"sub\":\"ann\",\"iss\":\"you\"}", 400, "Invalid iss claim" },
    { "{iss, \"me\"}", HS256, "{\"sub\":\"ann\",\"iss\":7}", 400, "Invalid iss claim" },
    { "{iss, \"me\"}", HS256, GOOD, 400, "Missing iss claim" },
    { "iss", HS256, "{\"sub\":\"ann\",\"iss\":\"anybody\"}", 0, NULL },
    { "{iss, \"a,b\"}, exp", HS256, "{\"sub\":\"ann\",\"iss\":\"a,b\"}", 400, "Missing exp claim" },
    { "colour", HS256, GOOD, 400, "Unknown required claim" },
};

START_TEST(claims_are_judged)
{
    struct config *config = config_of(claims_table[_i].required);
    struct buf token = BUF_INIT;
    write_signed(&token, claims_table[_i].header, claims_table[_i].claims);
    check_reason(config, buf_slice(&token), claims_table[_i].status, claims_table[_i].reason);
    tufi_buf_release(&token);
    config_free(&config);
}
END_TEST

static bool is_accepted(struct config *config, tuf_slice token)
{
    struct jwt_error error = { 0, NULL };
    json_t *claims = jwt_check(&error, config, token, NOW_S);
    bool good = claims != NULL;
    ck_assert(good || ((error.status == 400 || error.status == 401) && error.reason != NULL));
    json_decref(claims);
    return good;
}

START_TEST(what_is_no_token_is_refused)
{
    static const char *const texts[] = { "", ".", "..", "...", "a.b", "a.b.c", "e30.e30.", "e30.e30.e30",
                                         "!.e30.e30", "e30.!.e30", "e30.e30.!", "W10.e30.e30",
                                         "e30.W10.e30" };
    struct config *config = config_of(NULL);
    for (int i = 0; i < COUNT(texts); i++)
        ck_assert(!is_accepted(config, tuf_str(texts[i])));
    /* Each byte of a good one counts. */
    struct buf token = BUF_INIT;
    write_signed(&token, HS256, GOOD);
    ck_assert(is_accepted(config, buf_slice(&token)));
    for (size_t i = 0; i < token.len; i++) {
        ck_assert(!is_accepted(config, tuf_slice_of(token.data, i)));
        token.data[i] ^= 4;
        ck_assert(!is_accepted(config, buf_slice(&token)));
        token.data[i] ^= 4;
    }
    struct buf twice = BUF_INIT;
    buf_append_slice(&twice, buf_slice(&token));
    buf_append_u8(&twice, '.');
    ck_assert(!is_accepted(config, buf_slice(&twice)));
    tufi_buf_release(&twice);
    tufi_buf_release(&token);
    config_free(&config);
}
END_TEST

START_TEST(the_algorithm_is_the_headers_and_has_a_key)
{
    static const char *const headers[] = {
        "{}", "{\"alg\":1}", "{\"alg\":\"none\"}", "{\"alg\":\"HS257\"}", "{\"alg\":\"hs256\"}",
        "{\"alg\":\"HS384\"}", "{\"alg\":\"RS256\"}", "{\"alg\":\"ES256\"}",
        "{\"alg\":\"HS256\",\"kid\":\"other\"}", "{\"alg\":\"HS256\",\"kid\":\"bad\"}",
        "{\"alg\":\"HS256\",\"kid\":\"empty\"}",
    };
    struct config *config = config_of(NULL);
    ck_ok(config_set(NULL, config, "jwt_keys", "hmac:bad", tuf_str("!!!"), false));
    ck_ok(config_set(NULL, config, "jwt_keys", "hmac:empty", tuf_str("===="), false));
    for (int i = 0; i < COUNT(headers); i++) {
        struct buf token = BUF_INIT;
        write_signed(&token, headers[i], GOOD);
        ck_assert_msg(!is_accepted(config, buf_slice(&token)), "%s", headers[i]);
        tufi_buf_release(&token);
    }
    config_free(&config);
}
END_TEST

/* The public half as a setting: one line, its line ends written as \n. */
static void set_public(struct config *config, const char *name, EVP_PKEY *key)
{
    struct buf text = BUF_INIT;
    char *pem = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    ck_assert_int_eq(PEM_write_bio_PUBKEY(bio, key), 1);
    long len = BIO_get_mem_data(bio, &pem);
    for (long i = 0; i < len; i++) {
        if (pem[i] == '\n')
            buf_append_str(&text, "\\n");
        else
            buf_append_u8(&text, (uint8_t)pem[i]);
    }
    ck_ok(config_set(NULL, config, "jwt_keys", name, buf_slice(&text), false));
    tufi_buf_release(&text);
    BIO_free(bio);
}

/* DER's two integers as the fixed halves of RFC 7518. */
static void write_halves(struct buf *out, const uint8_t *der, size_t half)
{
    const uint8_t *at = der + (der[1] == 0x81 ? 3 : 2);
    for (int i = 0; i < 2; i++) {
        size_t len = at[1];
        const uint8_t *number = at + 2;
        at = number + len;
        for (; len > half; len--)
            number++;
        for (size_t pad = len; pad < half; pad++)
            buf_append_u8(out, 0);
        tufi_buf_append(out, number, len);
    }
}

static void write_public(struct buf *out, const char *header, EVP_PKEY *key, const EVP_MD *md, size_t half)
{
    uint8_t sig[1024];
    size_t len = sizeof(sig);
    struct buf halves = BUF_INIT;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    write_parts(out, header, GOOD);
    ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, md, NULL, key), 1);
    ck_assert_int_eq(EVP_DigestSign(ctx, sig, &len, out->data, out->len), 1);
    buf_append_u8(out, '.');
    if (half > 0)
        write_halves(&halves, sig, half);
    else
        tufi_buf_append(&halves, sig, len);
    tufi_base64url_encode(out, buf_slice(&halves));
    tufi_buf_release(&halves);
    EVP_MD_CTX_free(ctx);
}

START_TEST(public_keys_verify_what_their_private_halves_signed)
{
    EVP_PKEY *rsa = EVP_RSA_gen(2048), *p256 = EVP_EC_gen("P-256"), *p384 = EVP_EC_gen("P-384");
    struct config *config = config_of(NULL);
    struct {
        const char *header;
        EVP_PKEY *key;
        const EVP_MD *md;
        size_t half;
        bool good;
    } cases[] = {
        { "{\"alg\":\"RS256\",\"kid\":\"r\"}", rsa, EVP_sha256(), 0, true },
        { "{\"alg\":\"RS512\",\"kid\":\"r\"}", rsa, EVP_sha512(), 0, true },
        { "{\"alg\":\"RS256\",\"kid\":\"r\"}", rsa, EVP_sha512(), 0, false },
        { "{\"alg\":\"ES256\",\"kid\":\"a\"}", p256, EVP_sha256(), 32, true },
        { "{\"alg\":\"ES384\",\"kid\":\"b\"}", p384, EVP_sha384(), 48, true },
        /* A curve of another size, a key of another kind, halves of another length. */
        { "{\"alg\":\"ES384\",\"kid\":\"a\"}", p256, EVP_sha384(), 32, false },
        { "{\"alg\":\"ES256\",\"kid\":\"b\"}", p384, EVP_sha256(), 48, false },
        { "{\"alg\":\"ES256\",\"kid\":\"r\"}", rsa, EVP_sha256(), 0, false },
        { "{\"alg\":\"RS256\",\"kid\":\"e\"}", p256, EVP_sha256(), 32, false },
        { "{\"alg\":\"ES256\",\"kid\":\"a\"}", p256, EVP_sha256(), 33, false },
        { "{\"alg\":\"ES256\",\"kid\":\"b\"}", p256, EVP_sha256(), 32, false },
        { "{\"alg\":\"ES256\",\"kid\":\"no\"}", p256, EVP_sha256(), 32, false },
    };
    set_public(config, "rsa:r", rsa);
    set_public(config, "ec:r", rsa);
    set_public(config, "rsa:e", p256);
    set_public(config, "ec:a", p256);
    set_public(config, "ec:b", p384);
    ck_ok(config_set(NULL, config, "jwt_keys", "ec:no", tuf_str("no PEM"), false));
    for (int i = 0; i < COUNT(cases); i++) {
        struct buf token = BUF_INIT;
        write_public(&token, cases[i].header, cases[i].key, cases[i].md, cases[i].half);
        ck_assert_msg(is_accepted(config, buf_slice(&token)) == cases[i].good, "case %d", i);
        tufi_buf_release(&token);
    }
    config_free(&config);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(p256);
    EVP_PKEY_free(p384);
}
END_TEST

static const struct {
    const char *key, *value, *claims;
    const char *roles; /* NULL: they have no good form */
} roles_table[] = {
    { NULL, NULL, "{}", "[]" },
    { NULL, NULL, "{\"_couchdb.roles\":[\"a\",\"b\"]}", "[\"a\",\"b\"]" },
    { NULL, NULL, "{\"_couchdb.roles\":\"a, b,,c \"}", "[\"a\",\"b\",\"c\"]" },
    { NULL, NULL, "{\"_couchdb.roles\":\"\"}", "[]" },
    { NULL, NULL, "{\"_couchdb.roles\":null}", "[]" },
    { NULL, NULL, "{\"_couchdb.roles\":7}", NULL },
    { NULL, NULL, "{\"_couchdb.roles\":{\"a\":1}}", NULL },
    { NULL, NULL, "{\"_couchdb.roles\":[\"a\",7]}", NULL },
    { "roles_claim_name", "mine", "{\"mine\":[\"m\"],\"_couchdb.roles\":[\"c\"]}", "[\"m\"]" },
    { "roles_claim_path", "a.b", "{\"a\":{\"b\":[\"deep\"]}}", "[\"deep\"]" },
    { "roles_claim_path", "a\\.b", "{\"a.b\":[\"flat\"],\"a\":{\"b\":[\"deep\"]}}", "[\"flat\"]" },
    { "roles_claim_path", "a\\b", "{\"a\\\\b\":[\"slash\"]}", "[\"slash\"]" },
    { "roles_claim_path", "a.b.c", "{\"a\":{\"b\":[\"deep\"]}}", "[]" },
    { "roles_claim_path", "x.y", "{\"a\":1}", "[]" },
};

START_TEST(roles_are_where_the_settings_say)
{
    struct config *config = config_of(NULL);
    json_t *claims = json_loads(roles_table[_i].claims, 0, NULL);
    if (roles_table[_i].key != NULL)
        ck_ok(config_set(NULL, config, "jwt_auth", roles_table[_i].key,
                         tuf_str(roles_table[_i].value), false));
    json_t *roles = jwt_roles(config, claims);
    if (roles_table[_i].roles == NULL) {
        ck_assert_ptr_null(roles);
    } else {
        char *text = json_dumps(roles, JSON_COMPACT);
        ck_assert_str_eq(text, roles_table[_i].roles);
        free(text);
    }
    json_decref(roles);
    json_decref(claims);
    config_free(&config);
}
END_TEST

START_TEST(a_path_that_is_too_long_leads_nowhere)
{
    char path[2000];
    struct config *config = config_of(NULL);
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = 0;
    ck_ok(config_set(NULL, config, "jwt_auth", "roles_claim_path", tuf_str(path), false));
    json_t *claims = json_pack("{s:[s]}", path, "role");
    json_t *roles = jwt_roles(config, claims);
    ck_assert_uint_eq(json_array_size(roles), 0);
    json_decref(roles);
    json_decref(claims);
    config_free(&config);
}
END_TEST

static long alloc_left;

static bool fail_one(size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    return alloc_left-- != 0;
}

START_TEST(without_memory_no_bad_token_is_good)
{
    struct config *config = config_of("exp, {iss, \"me\"}");
    struct buf token = BUF_INIT;
    write_signed(&token, HS256, GOOD); /* it lacks its issuer */
    for (long at = 0; at < 40; at++) {
        struct jwt_error error = { 0, NULL };
        alloc_left = at;
        tufi_alloc_set_hook(fail_one, NULL);
        json_t *claims = jwt_check(&error, config, buf_slice(&token), NOW_S);
        tufi_alloc_set_hook(NULL, NULL);
        ck_assert_ptr_null(claims);
        ck_assert_ptr_nonnull(error.reason);
    }
    tufi_buf_release(&token);
    config_free(&config);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jwt");
    TCase *tcase = tcase_create("jwt");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, claims_are_judged, 0, COUNT(claims_table));
    tcase_add_test(tcase, what_is_no_token_is_refused);
    tcase_add_test(tcase, the_algorithm_is_the_headers_and_has_a_key);
    tcase_add_test(tcase, public_keys_verify_what_their_private_halves_signed);
    tcase_add_loop_test(tcase, roles_are_where_the_settings_say, 0, COUNT(roles_table));
    tcase_add_test(tcase, a_path_that_is_too_long_leads_nowhere);
    tcase_add_test(tcase, without_memory_no_bad_token_is_good);
    suite_add_tcase(suite, tcase);
    return tuft_run(suite);
}
