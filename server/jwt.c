/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: checks JSON Web Tokens. See server/jwt.h.
 */
#include "server/jwt.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "server/auth.h"

#define TOKEN_SIZE_MAX ((size_t)16384)
#define ROLE_PATH_MAX 256
#define CLAIM_BLANKS " \t{}\""

struct algorithm {
    const char *name;
    const char *key_prefix; /* of its keys in [jwt_keys] */
    int key_type;           /* EVP_PKEY_... */
    const char *digest;
    size_t half_size;       /* of ES: bytes of r and of s */
};

static const struct algorithm algorithms[] = {
    { "HS256", "hmac", EVP_PKEY_HMAC, "SHA256", 0 }, { "HS384", "hmac", EVP_PKEY_HMAC, "SHA384", 0 },
    { "HS512", "hmac", EVP_PKEY_HMAC, "SHA512", 0 }, { "RS256", "rsa", EVP_PKEY_RSA, "SHA256", 0 },
    { "RS384", "rsa", EVP_PKEY_RSA, "SHA384", 0 },   { "RS512", "rsa", EVP_PKEY_RSA, "SHA512", 0 },
    { "ES256", "ec", EVP_PKEY_EC, "SHA256", 32 },    { "ES384", "ec", EVP_PKEY_EC, "SHA384", 48 },
    { "ES512", "ec", EVP_PKEY_EC, "SHA512", 66 },
};

/* A token taken apart. */
struct token {
    tuf_slice signed_text;  /* header and claims as they came */
    struct buf signature;
    json_t *header, *claims;
};

static void token_release(struct token *token)
{
    tufi_buf_release(&token->signature);
    json_decref(token->header);
    json_decref(token->claims);
}

static bool fail(struct jwt_error *error, int status, const char *reason)
{
    error->status = status;
    error->reason = reason;
    return false;
}

/* ---- form -------------------------------------------------------------------------------- */

static json_t *decode_object(struct jwt_error *error, tuf_slice text)
{
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    json_error_t ignored;
    if (!tufi_base64url_decode(&bytes, text)) {
        fail(error, 400, "Malformed authentication token");
        return NULL;
    }
    json_t *value = json_loadb((const char *)bytes.data, bytes.len, JSON_REJECT_DUPLICATES,
                               &ignored);
    if (json_is_object(value))
        return value;
    fail(error, 400, value != NULL ? "Not an object" : "Malformed authentication token");
    json_decref(value);
    return NULL;
}

static bool split(struct token *out, struct jwt_error *error, tuf_slice text)
{
    const uint8_t *first = text.len <= TOKEN_SIZE_MAX ? memchr(text.data, '.', text.len) : NULL;
    if (first == NULL)
        return fail(error, 400, "Malformed authentication token");
    size_t header_len = (size_t)(first - text.data);
    const uint8_t *second = memchr(first + 1, '.', text.len - header_len - 1);
    if (second == NULL)
        return fail(error, 400, "Malformed authentication token");
    size_t signed_len = (size_t)(second - text.data);
    tuf_slice signature = tuf_slice_of(second + 1, text.len - signed_len - 1);
    if (memchr(signature.data, '.', signature.len) != NULL ||
        !tufi_base64url_decode(&out->signature, signature))
        return fail(error, 400, "Malformed authentication token");
    out->signed_text = tuf_slice_of(text.data, signed_len);
    out->header = decode_object(error, tuf_slice_of(text.data, header_len));
    if (out->header != NULL)
        out->claims = decode_object(error, tuf_slice_of(first + 1, signed_len - header_len - 1));
    return out->claims != NULL;
}

/* ---- signatures -------------------------------------------------------------------------- */

/* A PEM in one line of an ini file has "\n" for its line ends. */
static EVP_PKEY *read_key(tuf_slice text)
{
    TUF_AUTO(tufi_buf_release) struct buf pem = BUF_INIT;
    for (size_t i = 0; i < text.len; i++) {
        bool escaped = text.data[i] == '\\' && i + 1 < text.len && text.data[i + 1] == 'n';
        buf_append_u8(&pem, escaped ? '\n' : text.data[i]);
        i += escaped;
    }
    BIO *bio = pem.failed ? NULL : BIO_new_mem_buf(pem.data, (int)pem.len);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return key;
}

/* JOSE has r and s one behind the other, OpenSSL wants them in DER. */
static bool to_der(struct buf *out, tuf_slice raw, size_t half_size)
{
    if (raw.len != 2 * half_size)
        return false;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw.data, (int)half_size, NULL);
    BIGNUM *s = BN_bin2bn(raw.data + half_size, (int)half_size, NULL);
    if (sig == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(sig, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(sig);
        return false;
    }
    unsigned char *der = NULL;
    int len = i2d_ECDSA_SIG(sig, &der);
    if (len > 0)
        tufi_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    return len > 0 && !out->failed;
}

static bool check_public(const struct algorithm *alg, tuf_slice key_text,
                         const struct token *token)
{
    TUF_AUTO(tufi_buf_release) struct buf der = BUF_INIT;
    tuf_slice signature = buf_slice(&token->signature);
    EVP_PKEY *key = read_key(key_text);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = key != NULL && ctx != NULL && EVP_PKEY_base_id(key) == alg->key_type;
    if (good && alg->half_size > 0) {
        good = ((size_t)EVP_PKEY_bits(key) + 7) / 8 == alg->half_size &&
               to_der(&der, signature, alg->half_size);
        signature = buf_slice(&der);
    }
    good = good && EVP_DigestVerifyInit(ctx, NULL, EVP_get_digestbyname(alg->digest), NULL,
                                        key) == 1 &&
           EVP_DigestVerify(ctx, signature.data, signature.len, token->signed_text.data,
                            token->signed_text.len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return good;
}

static bool check_hmac(const struct algorithm *alg, tuf_slice key_text, const struct token *token)
{
    TUF_AUTO(tufi_buf_release) struct buf key = BUF_INIT;
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (!tufi_base64_decode(&key, key_text) || key.len == 0 ||
        HMAC(EVP_get_digestbyname(alg->digest), key.data, (int)key.len, token->signed_text.data,
             token->signed_text.len, mac, &len) == NULL)
        return false;
    return auth_equal(tuf_slice_of(mac, len), buf_slice(&token->signature));
}

static bool check_signature(struct jwt_error *error, struct config *config,
                            const struct token *token)
{
    const struct algorithm *alg = NULL;
    const json_t *name = json_object_get(token->header, "alg");
    const json_t *kid = json_object_get(token->header, "kid");
    if (name == NULL)
        return fail(error, 400, "Missing alg header parameter");
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        if (json_is_string(name) && strcmp(json_string_value(name), algorithms[i].name) == 0)
            alg = &algorithms[i];
    }
    if (alg == NULL)
        return fail(error, 400, "Invalid alg header parameter");
    TUF_AUTO(tufi_buf_release) struct buf key_name = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf key = BUF_INIT;
    tufi_buf_printf(&key_name, "%s:%s", alg->key_prefix,
                    json_is_string(kid) ? json_string_value(kid) : "_default");
    buf_append_u8(&key_name, 0);
    if (key_name.failed ||
        !config_get_exact(&key, config, "jwt_keys", (const char *)key_name.data))
        return fail(error, 400, "Unknown kid");
    if (alg->key_type == EVP_PKEY_HMAC)
        return check_hmac(alg, buf_slice(&key), token) ||
               fail(error, 400, "Bad HMAC in authentication token");
    return check_public(alg, buf_slice(&key), token) ||
           fail(error, 400, "Bad signature in authentication token");
}

/* ---- claims ------------------------------------------------------------------------------ */

/* Takes the next item off "exp, {iss, "https://a"}": its name and, of a pair, its value. */
static bool next_claim(tuf_slice *name, tuf_slice *value, tuf_slice *list)
{
    size_t end = 0, comma = SIZE_MAX;
    bool quoted = false, inside = false;
    for (; end < list->len && (quoted || inside || list->data[end] != ','); end++) {
        uint8_t c = list->data[end];
        quoted ^= c == '"';
        if (!quoted && (c == '{' || c == '}'))
            inside = c == '{';
        if (inside && !quoted && c == ',' && comma == SIZE_MAX)
            comma = end;
    }
    if (list->len == 0)
        return false;
    *name = slice_trim(tuf_slice_of(list->data, comma < end ? comma : end), CLAIM_BLANKS);
    *value = tuf_slice_of(NULL, 0);
    if (comma < end)
        *value = slice_trim(tuf_slice_of(list->data + comma + 1, end - comma - 1), CLAIM_BLANKS);
    size_t taken = end < list->len ? end + 1 : end;
    *list = tuf_slice_of(list->data + taken, list->len - taken);
    return true;
}

static bool check_required(struct jwt_error *error, const struct token *token, tuf_slice name,
                           tuf_slice value)
{
    if (slice_is(name, "typ")) {
        const json_t *typ = json_object_get(token->header, "typ");
        if (typ == NULL)
            return fail(error, 400, "Missing typ header parameter");
        return (json_is_string(typ) && strcmp(json_string_value(typ), "JWT") == 0) ||
               fail(error, 400, "Invalid typ header parameter");
    }
    if (slice_is(name, "kid"))
        return json_is_string(json_object_get(token->header, "kid")) ||
               fail(error, 400, "Missing kid claim");
    if (slice_is(name, "iss")) {
        const json_t *iss = json_object_get(token->claims, "iss");
        if (iss == NULL)
            return fail(error, 400, "Missing iss claim");
        return value.data == NULL ||
               (json_is_string(iss) && slice_is(value, json_string_value(iss))) ||
               fail(error, 400, "Invalid iss claim");
    }
    if (slice_is(name, "iat")) {
        const json_t *iat = json_object_get(token->claims, "iat");
        if (iat == NULL)
            return fail(error, 400, "Missing iat claim");
        return json_is_integer(iat) || fail(error, 400, "Invalid iat claim");
    }
    if (slice_is(name, "exp"))
        return json_is_number(json_object_get(token->claims, "exp")) ||
               fail(error, 400, "Missing exp claim");
    if (slice_is(name, "nbf"))
        return json_is_number(json_object_get(token->claims, "nbf")) ||
               fail(error, 400, "Missing nbf claim");
    /* What is required and not understood must not pass. */
    return name.len == 0 || fail(error, 400, "Unknown required claim");
}

static bool check_claims(struct jwt_error *error, struct config *config,
                         const struct token *token, uint64_t now_s)
{
    TUF_AUTO(tufi_buf_release) struct buf required = BUF_INIT;
    if (!config_get_exact(&required, config, "jwt_auth", "required_claims"))
        buf_append_str(&required, "exp");
    tuf_slice list = buf_slice(&required), name, value;
    while (next_claim(&name, &value, &list)) {
        if (!check_required(error, token, name, value))
            return false;
    }
    const json_t *exp = json_object_get(token->claims, "exp");
    const json_t *nbf = json_object_get(token->claims, "nbf");
    if (exp != NULL && !(json_is_number(exp) && json_number_value(exp) > (double)now_s))
        return fail(error, 401, "exp not in future");
    if (nbf != NULL && !(json_is_number(nbf) && json_number_value(nbf) <= (double)now_s))
        return fail(error, 401, "nbf not in past");
    return required.failed ? fail(error, 503, "out of memory") : true;
}

json_t *jwt_check(struct jwt_error *error, struct config *config, tuf_slice text, uint64_t now_s)
{
    struct token token = { .signature = BUF_INIT };
    json_t *claims = NULL;
    if (split(&token, error, text) && check_signature(error, config, &token) &&
        check_claims(error, config, &token, now_s))
        claims = json_incref(token.claims);
    token_release(&token);
    return claims;
}

/* ---- roles ------------------------------------------------------------------------------- */

/* Follows "a.b.c", in which "\." is a dot of a name. */
static const json_t *follow_path(const json_t *value, tuf_slice path)
{
    char name[ROLE_PATH_MAX];
    size_t len = 0;
    if (path.len >= sizeof(name))
        return NULL;
    for (size_t i = 0; i <= path.len && value != NULL; i++) {
        bool end = i == path.len || path.data[i] == '.';
        if (!end && path.data[i] == '\\' && i + 1 < path.len && path.data[i + 1] == '.')
            i++;
        if (!end) {
            name[len++] = (char)path.data[i];
            continue;
        }
        name[len] = 0;
        value = json_object_get(value, name);
        len = 0;
    }
    return value;
}

static void add_role(json_t *out, tuf_slice role)
{
    role = slice_trim(role, " ");
    if (role.len > 0)
        json_array_append_new(out, json_stringn((const char *)role.data, role.len));
}

json_t *jwt_roles(struct config *config, const json_t *claims)
{
    TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
    const json_t *value;
    if (config_get_exact(&name, config, "jwt_auth", "roles_claim_path")) {
        value = follow_path(claims, buf_slice(&name));
    } else {
        if (!config_get_exact(&name, config, "jwt_auth", "roles_claim_name"))
            buf_append_str(&name, "_couchdb.roles");
        buf_append_u8(&name, 0);
        value = name.failed ? NULL : json_object_get(claims, (const char *)name.data);
    }
    json_t *out = json_array();
    if (json_is_string(value)) {
        const char *rest = json_string_value(value);
        while (*rest != 0) {
            size_t len = strcspn(rest, ",");
            add_role(out, tuf_slice_of(rest, len));
            rest += len + (rest[len] != 0);
        }
        return out;
    }
    bool good = value == NULL || json_is_null(value) || json_is_array(value);
    for (size_t i = 0; good && i < json_array_size(value); i++) {
        json_t *role = json_array_get(value, i);
        good = json_is_string(role) && json_array_append(out, role) == 0;
    }
    if (!good)
        json_decref(out);
    return good ? out : NULL;
}
