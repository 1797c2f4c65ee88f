/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: takes any bytes for a JSON Web Token.
 *
 * Laws: a token that is accepted is one that was signed with the key: here, that "HEADER.CLAIMS" of
 * the input has its HMAC behind it; the same bytes signed with that key are judged by their claims
 * only, and roles that are read are texts.
 */
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "server/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY "a secret of tests"
#define NOW_S 1700000000

static struct config *config_of_tests(void)
{
    static struct config *config;
    if (config != NULL)
        return config;
    struct buf key = BUF_INIT;
    tufi_base64_encode(&key, tuf_str(KEY));
    tuf_status st = config_new(&config, NULL, 0, "/nonexistent/local.ini");
    tuf_assert(st == TUF_OK);
    st = config_set(NULL, config, "jwt_keys", "hmac:_default", buf_slice(&key), false);
    tuf_assert(st == TUF_OK);
    tufi_buf_release(&key);
    return config;
}

static void check(tuf_slice token, bool has_mac)
{
    struct jwt_error error = { 0, NULL };
    json_t *claims = jwt_check(&error, config_of_tests(), token, NOW_S);
    if (claims == NULL) {
        tuf_assert((error.status == 400 || error.status == 401) && error.reason != NULL);
        return;
    }
    tuf_assert(has_mac);
    json_t *roles = jwt_roles(config_of_tests(), claims);
    for (size_t i = 0; i < json_array_size(roles); i++)
        tuf_assert(json_is_string(json_array_get(roles, i)));
    json_decref(roles);
    json_decref(claims);
}

static size_t signed_len_of(tuf_slice token)
{
    const uint8_t *dot = token.len > 0 ? memrchr(token.data, '.', token.len) : NULL;
    return dot != NULL ? (size_t)(dot - token.data) : token.len;
}

/* The part before the last dot, with its signature by this digest. */
static void sign(struct buf *out, tuf_slice token, const EVP_MD *md)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    size_t signed_len = signed_len_of(token);
    tuf_assert(HMAC(md, KEY, (int)strlen(KEY), token.data, signed_len, mac, &len) != NULL);
    tufi_buf_append(out, token.data, signed_len);
    buf_append_u8(out, '.');
    tufi_base64url_encode(out, tuf_slice_of(mac, len));
}

/* Whether the token carries the signature that the other one has. */
static bool same_signature(tuf_slice a, tuf_slice b)
{
    struct buf left = BUF_INIT, right = BUF_INIT;
    size_t a_len = signed_len_of(a), b_len = signed_len_of(b);
    bool same = a_len < a.len && b_len < b.len &&
                tufi_base64url_decode(&left, tuf_slice_of(a.data + a_len + 1, a.len - a_len - 1)) &&
                tufi_base64url_decode(&right, tuf_slice_of(b.data + b_len + 1, b.len - b_len - 1)) &&
                slice_equal(buf_slice(&left), buf_slice(&right));
    tufi_buf_release(&left);
    tufi_buf_release(&right);
    return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 << 15)
        return 0;
    tuf_slice token = tuf_slice_of(data, size);
    const EVP_MD *const digests[] = { EVP_sha256(), EVP_sha384(), EVP_sha512() };
    bool has_mac = false;
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        struct buf signed_token = BUF_INIT;
        sign(&signed_token, token, digests[i]);
        has_mac = has_mac || same_signature(token, buf_slice(&signed_token));
        check(buf_slice(&signed_token), true);
        tufi_buf_release(&signed_token);
    }
    check(token, has_mac);
    return 0;
}
