/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: password hashes. See server/password.h.
 */
#include "server/password.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "server/auth.h"
#include "server/digests.h"
#include "server/params.h"

#define CACHE_COUNT 1024
#define TAG_SIZE 32
#define TAG_TEXT_TYPICAL ((size_t)256)

/* ---- hashing ----------------------------------------------------------------------------- */

static bool derive(char out[DERIVED_SIZE], const EVP_MD *md, tuf_slice password, tuf_slice salt,
                   uint64_t iterations)
{
    uint8_t key[EVP_MAX_MD_SIZE];
    int size = EVP_MD_get_size(md);
    if (iterations == 0 || iterations > ITERATIONS_MAX || password.len > INT32_MAX ||
        salt.len > INT32_MAX ||
        PKCS5_PBKDF2_HMAC((const char *)password.data, (int)password.len, salt.data,
                          (int)salt.len, (int)iterations, md, size, key) != 1)
        return false;
    tufi_hex_encode(out, key, (size_t)size);
    out[2 * size] = 0;
    OPENSSL_cleanse(key, sizeof(key));
    return true;
}

/* Hexadecimal SHA-1 of password and salt, one behind the other. */
static bool simple_hash(char out[41], tuf_slice password, tuf_slice salt)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) == 1 &&
                EVP_DigestUpdate(ctx, password.data, password.len) == 1 &&
                EVP_DigestUpdate(ctx, salt.data, salt.len) == 1 &&
                EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    if (!good)
        return false;
    tufi_hex_encode(out, digest, 20);
    out[40] = 0;
    return true;
}

bool password_verify(const struct stored_password *stored, tuf_slice password)
{
    char simple[41];
    char derived[DERIVED_SIZE];
    bool is_simple = stored->scheme.len == 0 || slice_is(stored->scheme, "simple");
    if (is_simple)
        return stored->password_sha.len == 40 && simple_hash(simple, password, stored->salt) &&
               auth_equal(tuf_str(simple), stored->password_sha);
    const EVP_MD *md = digest_find(stored->prf.len > 0 ? stored->prf : tuf_str("sha"));
    bool doubled = slice_is(stored->scheme, "simple+pbkdf2");
    if (md == NULL || (!doubled && !slice_is(stored->scheme, "pbkdf2")))
        return false;
    if (doubled) {
        if (!simple_hash(simple, password, stored->salt))
            return false;
        password = tuf_str(simple);
    }
    uint64_t iterations = stored->iterations > 0 ? stored->iterations : 10000;
    return derive(derived, md, password, stored->salt, iterations) &&
           auth_equal(tuf_str(derived), stored->derived_key);
}

void password_spend(tuf_slice password)
{
    char derived[DERIVED_SIZE];
    (void)derive(derived, EVP_sha256(), password, tuf_str("0123456789abcdef0123456789abcdef"),
                 ITERATIONS_DEFAULT);
}

static tuf_status make_salt(char salt[SALT_SIZE])
{
    uint8_t bytes[(SALT_SIZE - 1) / 2];
    if (RAND_bytes(bytes, (int)sizeof(bytes)) != 1)
        return tufi_fail(TUF_E_INTERNAL, "no random bytes for a salt");
    tufi_hex_encode(salt, bytes, sizeof(bytes));
    salt[SALT_SIZE - 1] = 0;
    return TUF_OK;
}

tuf_status password_make(char salt[SALT_SIZE], char derived[DERIVED_SIZE], tuf_slice password,
                         const struct password_wish *wish)
{
    const EVP_MD *md = digest_find(wish->prf.len > 0 ? wish->prf : tuf_str("sha256"));
    tuf_status st = TUF_OK;
    if (md == NULL)
        return tufi_fail(TUF_E_INVALID, "there is no pbkdf2_prf of that name");
    if (wish->salt.len == SALT_SIZE - 1)
        memcpy(salt, wish->salt.data, SALT_SIZE - 1);
    else
        st = make_salt(salt);
    salt[SALT_SIZE - 1] = 0;
    if (st != TUF_OK)
        return st;
    if (wish->simple ? !simple_hash(derived, password, tuf_str(salt))
                     : !derive(derived, md, password, tuf_str(salt), wish->iterations))
        return tufi_fail(TUF_E_INTERNAL, "cannot hash a password");
    return st;
}

/* ---- admins ------------------------------------------------------------------------------ */

static tuf_slice next_part(tuf_slice *rest)
{
    const uint8_t *comma = rest->data != NULL ? memchr(rest->data, ',', rest->len) : NULL;
    tuf_slice part = *rest;
    if (comma == NULL) {
        *rest = tuf_str("");
        return part;
    }
    part.len = (size_t)(comma - rest->data);
    *rest = tuf_slice_of(comma + 1, rest->len - part.len - 1);
    return part;
}

bool admin_password_parse(struct stored_password *out, tuf_slice text)
{
    struct stored_password stored = { .scheme = tuf_str("pbkdf2") };
    if (slice_starts(text, "-hashed-")) {
        tuf_slice rest = tuf_slice_of(text.data + 8, text.len - 8);
        stored.scheme = tuf_str("simple");
        stored.password_sha = next_part(&rest);
        stored.salt = next_part(&rest);
        *out = stored;
        return true;
    }
    if (!slice_starts(text, "-pbkdf2"))
        return false;
    tuf_slice rest = tuf_slice_of(text.data + 7, text.len - 7);
    if (rest.len > 0 && rest.data[0] == ':') {
        const uint8_t *dash = memchr(rest.data, '-', rest.len);
        if (dash == NULL)
            return false;
        size_t len = (size_t)(dash - rest.data);
        stored.prf = tuf_slice_of(rest.data + 1, len - 1);
        rest = tuf_slice_of(dash, rest.len - len);
    }
    if (rest.len == 0 || rest.data[0] != '-')
        return false;
    rest = tuf_slice_of(rest.data + 1, rest.len - 1);
    stored.derived_key = next_part(&rest);
    stored.salt = next_part(&rest);
    if (!parse_uint(&stored.iterations, next_part(&rest)))
        return false;
    *out = stored;
    return true;
}

tuf_status admin_password_make(struct buf *out, tuf_slice password,
                               const struct password_wish *wish)
{
    char salt[SALT_SIZE];
    char derived[DERIVED_SIZE];
    tuf_status st = password_make(salt, derived, password, wish);
    if (st != TUF_OK)
        return st;
    if (wish->simple)
        tufi_buf_printf(out, "-hashed-%s,%s", derived, salt);
    else
        tufi_buf_printf(out, "-pbkdf2:sha256-%s,%s,%llu", derived, salt,
                        (unsigned long long)wish->iterations);
    return buf_status(out);
}

/* ---- cache ------------------------------------------------------------------------------- */

struct password_cache {
    pthread_mutex_t lock;
    uint8_t key[32];
    EVP_MD *digest; /* fetched once: to look it up costs more than to use it */
    uint8_t tags[CACHE_COUNT][TAG_SIZE]; /* direct-mapped by the tag's own first bytes */
};

struct password_cache *password_cache_new(void)
{
    struct password_cache *cache = tufi_alloc_zero(sizeof(*cache));
    if (cache == NULL)
        return NULL;
    pthread_mutex_init(&cache->lock, NULL);
    cache->digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (cache->digest == NULL || RAND_bytes(cache->key, (int)sizeof(cache->key)) != 1)
        password_cache_free(&cache);
    return cache;
}

void password_cache_free(struct password_cache **cache)
{
    if (*cache == NULL)
        return;
    pthread_mutex_destroy(&(*cache)->lock);
    EVP_MD_free((*cache)->digest);
    OPENSSL_cleanse((*cache)->key, sizeof((*cache)->key));
    tufi_free(*cache);
    *cache = NULL;
}

static bool make_tag(uint8_t tag[TAG_SIZE], const struct password_cache *cache, tuf_slice name,
                     tuf_slice password, const struct stored_password *stored)
{
    /* The key in front makes tags unpredictable. Tags never leave, so nobody can extend one. */
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    tufi_buf_reserve(&text, TAG_TEXT_TYPICAL);
    tufi_buf_append(&text, cache->key, sizeof(cache->key));
    write_sized(&text, name);
    write_sized(&text, password);
    write_sized(&text, stored->salt);
    write_sized(&text, stored->derived_key);
    write_sized(&text, stored->password_sha);
    write_varint(&text, stored->iterations);
    unsigned len = TAG_SIZE;
    bool good =
        !text.failed && EVP_Digest(text.data, text.len, tag, &len, cache->digest, NULL) == 1;
    if (text.data != NULL)
        OPENSSL_cleanse(text.data, text.len);
    return good;
}

static size_t slot_of(const uint8_t tag[TAG_SIZE])
{
    return get_be16(tag) % CACHE_COUNT;
}

bool password_cache_has(struct password_cache *cache, tuf_slice name, tuf_slice password,
                        const struct stored_password *stored)
{
    uint8_t tag[TAG_SIZE];
    if (!make_tag(tag, cache, name, password, stored))
        return false;
    pthread_mutex_lock(&cache->lock);
    bool found = CRYPTO_memcmp(cache->tags[slot_of(tag)], tag, TAG_SIZE) == 0;
    pthread_mutex_unlock(&cache->lock);
    return found;
}

void password_cache_add(struct password_cache *cache, tuf_slice name, tuf_slice password,
                        const struct stored_password *stored)
{
    uint8_t tag[TAG_SIZE];
    if (!make_tag(tag, cache, name, password, stored))
        return;
    pthread_mutex_lock(&cache->lock);
    memcpy(cache->tags[slot_of(tag)], tag, TAG_SIZE);
    pthread_mutex_unlock(&cache->lock);
}
