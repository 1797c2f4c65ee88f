/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: makes and checks session cookies. See server/session.h.
 */
#include "server/session.h"

#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <time.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/hex.h"
#include "server/digests.h"
#include "server/old_secrets.h"
#include "server/request.h"
#include "server/server.h"

#define COOKIE_NAME "AuthSession="

bool session_find(tuf_slice *out, const struct request *req)
{
    tuf_slice cookies;
    if (!request_header(&cookies, req, "Cookie"))
        return false;
    size_t name_len = strlen(COOKIE_NAME);
    tuf_slice one;
    while (slice_next_item(&one, &cookies, ';')) {
        one = slice_trim_start(one, " ");
        if (slice_starts(one, COOKIE_NAME)) {
            tuf_slice value = tuf_slice_of(one.data + name_len, one.len - name_len);
            if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"')
                value = tuf_slice_of(value.data + 1, value.len - 2);
            *out = value;
            return value.len > 0;
        }
    }
    return false;
}

static bool parse_hex(uint64_t *out, tuf_slice text)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 15)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        uint8_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint8_t)(c - '0');
        else if (c >= 'A' && c <= 'F')
            digit = (uint8_t)(c - 'A' + 10);
        else if (c >= 'a' && c <= 'f')
            digit = (uint8_t)(c - 'a' + 10);
        else
            return false;
        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

bool session_decode(struct session *out, struct request *req, tuf_slice value)
{
    TUF_AUTO(tufi_buf_release) struct buf decoded = BUF_INIT;
    if (!tufi_base64url_decode(&decoded, value))
        return false;
    tuf_slice bytes = request_copy(req, buf_slice(&decoded));
    if (bytes.data == NULL)
        return false;
    const uint8_t *first = memchr(bytes.data, ':', bytes.len);
    if (first == NULL)
        return false;
    size_t name_len = (size_t)(first - bytes.data);
    const uint8_t *second = memchr(first + 1, ':', bytes.len - name_len - 1);
    if (second == NULL)
        return false;
    size_t message_len = (size_t)(second - bytes.data);
    out->name = tuf_slice_of(bytes.data, name_len);
    out->message = tuf_slice_of(bytes.data, message_len);
    out->mac = tuf_slice_of(second + 1, bytes.len - message_len - 1);
    return parse_hex(&out->time_s, tuf_slice_of(first + 1, message_len - name_len - 1));
}

/* ---- MACs -------------------------------------------------------------------------------- */

const EVP_MD *session_next_algorithm(tuf_slice *list)
{
    tuf_slice name;
    while (slice_next_item(&name, list, ',')) {
        const EVP_MD *md = digest_find(slice_trim(name, " "));
        if (md != NULL)
            return md;
    }
    return NULL;
}

void session_algorithms(struct buf *out, struct server *server)
{
    if (!config_get(out, server->config, "chttpd_auth", "hash_algorithms"))
        buf_append_str(out, "sha256, sha");
}

/* The secret in force, then those before it; false at the end. */
static bool get_secret(struct buf *out, struct server *server, size_t pos, uint64_t now_s)
{
    if (pos > 0)
        return old_secrets_get(out, server->old_secrets, pos - 1, now_s);
    return config_get(out, server->config, "chttpd_auth", "secret");
}

/* Key = secret, then the user's salt. Returns the length of the MAC, 0 on failure. */
static unsigned make_mac(uint8_t out[EVP_MAX_MD_SIZE], tuf_slice secret, const EVP_MD *md,
                         tuf_slice salt, tuf_slice message)
{
    TUF_AUTO(tufi_buf_release) struct buf key = BUF_INIT;
    unsigned len = 0;
    if (secret.len == 0)
        return 0;
    buf_append_slice(&key, secret);
    buf_append_slice(&key, salt);
    if (key.failed ||
        HMAC(md, key.data, (int)key.len, message.data, message.len, out, &len) == NULL)
        return 0;
    return len;
}

bool session_check(struct server *server, const struct session *session, tuf_slice salt,
                   uint64_t now_s)
{
    TUF_AUTO(tufi_buf_release) struct buf algorithms = BUF_INIT;
    uint64_t timeout_s = server_settings(server)->session_timeout_s;
    if (now_s >= session->time_s && now_s - session->time_s >= timeout_s)
        return false;
    session_algorithms(&algorithms, server);
    TUF_AUTO(tufi_buf_release) struct buf secret = BUF_INIT;
    for (size_t pos = 0; get_secret(&secret, server, pos, now_s); pos++) {
        tuf_slice list = buf_slice(&algorithms);
        const EVP_MD *md;
        while ((md = session_next_algorithm(&list)) != NULL) {
            uint8_t mac[EVP_MAX_MD_SIZE];
            unsigned len = make_mac(mac, buf_slice(&secret), md, salt, session->message);
            if (len > 0 && auth_equal(tuf_slice_of(mac, len), session->mac))
                return true;
        }
        tufi_buf_clear(&secret);
    }
    return false;
}

tuf_status session_ensure_secret(struct server *server)
{
    TUF_AUTO(tufi_buf_release) struct buf secret = BUF_INIT;
    uint8_t bytes[32];
    char text[2 * sizeof(bytes) + 1];
    if (config_get(&secret, server->config, "chttpd_auth", "secret") && secret.len > 0)
        return TUF_OK;
    if (RAND_bytes(bytes, (int)sizeof(bytes)) != 1)
        return tufi_fail(TUF_E_INTERNAL, "no random bytes for the session secret");
    tufi_hex_encode(text, bytes, sizeof(bytes));
    return config_set(NULL, server->config, "chttpd_auth", "secret",
                      tuf_slice_of(text, 2 * sizeof(bytes)), true);
}

tuf_status session_make(struct buf *out, struct server *server, tuf_slice name, tuf_slice salt,
                        uint64_t now_s)
{
    TUF_AUTO(tufi_buf_release) struct buf algorithms = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf secret = BUF_INIT;
    uint8_t mac[EVP_MAX_MD_SIZE];
    tuf_status st = session_ensure_secret(server);
    if (st != TUF_OK)
        return st;
    session_algorithms(&algorithms, server);
    tuf_slice list = buf_slice(&algorithms);
    const EVP_MD *md = session_next_algorithm(&list);
    buf_append_slice(&text, name);
    tufi_buf_printf(&text, ":%llX", (unsigned long long)now_s);
    unsigned len = md != NULL && !text.failed && get_secret(&secret, server, 0, now_s)
                       ? make_mac(mac, buf_slice(&secret), md, salt, buf_slice(&text)) : 0;
    if (len == 0)
        return tufi_fail(TUF_E_INTERNAL, "cannot sign a session cookie");
    buf_append_u8(&text, ':');
    tufi_buf_append(&text, mac, len);
    if (text.failed)
        return tufi_nomem();
    tufi_base64url_encode(out, buf_slice(&text));
    return buf_status(out);
}

void session_set_cookie(struct request *req, tuf_slice value)
{
    TUF_AUTO(tufi_buf_release) struct buf cookie = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf more = BUF_INIT;
    struct config *config = req->server->config;
    uint64_t timeout_s = server_settings(req->server)->session_timeout_s;
    buf_append_str(&cookie, COOKIE_NAME);
    buf_append_slice(&cookie, value);
    buf_append_str(&cookie, "; Version=1");
    if (config_bool(config, "chttpd_auth", "allow_persistent_cookies", true)) {
        time_t end = time(NULL) + (time_t)min_u64(timeout_s, UINT32_MAX);
        struct tm parts;
        char text[40];
        gmtime_r(&end, &parts);
        strftime(text, sizeof(text), "%a, %d-%b-%Y %H:%M:%S GMT", &parts);
        tufi_buf_printf(&cookie, "; Expires=%s; Max-Age=%llu", text,
                        (unsigned long long)timeout_s);
    }
    buf_append_str(&cookie, "; Path=/; HttpOnly");
    if (request_is_secure(req))
        buf_append_str(&cookie, "; Secure");
    if (config_get(&more, config, "chttpd_auth", "cookie_domain") && more.len > 0) {
        buf_append_str(&cookie, "; Domain=");
        buf_append_slice(&cookie, buf_slice(&more));
    }
    tufi_buf_clear(&more);
    if (config_get(&more, config, "chttpd_auth", "same_site") && more.len > 0) {
        buf_append_str(&cookie, "; SameSite=");
        buf_append_slice(&cookie, buf_slice(&more));
    }
    if (!cookie.failed)
        reply_header(req, "Set-Cookie", buf_slice(&cookie));
}
