/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: proxy headers and bearer tokens. See server/tokens.h.
 */
#include "server/tokens.h"

#include <openssl/hmac.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "server/jwt.h"
#include "server/loop.h"
#include "server/server.h"
#include "server/session.h"

static void set_user(struct request *req, tuf_slice name, const char *handler)
{
    req->user.name = name;
    req->user.handler = handler;
    req->user.is_server_admin = user_has_role(&req->user, "_admin");
}

static bool add_role(struct request *req, tuf_slice *roles, tuf_slice role)
{
    tuf_slice copy = request_copy(req, role);
    if (copy.data == NULL)
        return false;
    roles[req->user.role_count++] = copy;
    req->user.roles = roles;
    return true;
}

/* ---- proxy ------------------------------------------------------------------------------- */

/* A header whose name is configured. */
static bool named_header(tuf_slice *out, struct request *req, const char *key,
                         const char *fallback)
{
    TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
    if (!config_get(&name, req->server->config, "chttpd_auth", key))
        buf_append_str(&name, fallback);
    buf_append_u8(&name, 0);
    return !name.failed && request_header(out, req, (const char *)name.data) && out->len > 0;
}

/* Hexadecimal HMAC of the name, keyed by the server's secret, by any of the digests. */
static bool proxy_token_fits(struct request *req, tuf_slice name)
{
    TUF_AUTO(tufi_buf_release) struct buf secret = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf names = BUF_INIT;
    tuf_slice token;
    if (!named_header(&token, req, "x_auth_token", "X-Auth-CouchDB-Token") ||
        !config_get(&secret, req->server->config, "chttpd_auth", "secret") || secret.len == 0)
        return false;
    session_algorithms(&names, req->server);
    tuf_slice list = buf_slice(&names);
    const EVP_MD *md;
    while ((md = session_next_algorithm(&list)) != NULL) {
        uint8_t mac[EVP_MAX_MD_SIZE];
        char text[2 * EVP_MAX_MD_SIZE];
        unsigned len = 0;
        if (HMAC(md, secret.data, (int)secret.len, name.data, name.len, mac, &len) == NULL)
            return false;
        tufi_hex_encode(text, mac, len);
        if (auth_equal(tuf_slice_of(text, 2 * (size_t)len), token))
            return true;
    }
    return false;
}

static void identify_by_proxy(struct request *req)
{
    struct config *config = req->server->config;
    tuf_slice name, list;
    if (!named_header(&name, req, "x_auth_username", "X-Auth-CouchDB-UserName") ||
        (config_bool(config, "chttpd_auth", "proxy_use_secret", true) &&
         !proxy_token_fits(req, name)))
        return;
    bool with_admin = config_bool(config, "chttpd_auth", "proxy_allow_admin", false);
    if (named_header(&list, req, "x_auth_roles", "X-Auth-CouchDB-Roles")) {
        size_t room = 1;
        tuf_slice role;
        for (size_t i = 0; i < list.len; i++)
            room += list.data[i] == ',';
        tuf_slice *roles = tufi_arena_alloc(&req->arena, room * sizeof(*roles));
        while (roles != NULL && slice_next_item(&role, &list, ',')) {
            role = slice_trim(role, SLICE_OWS);
            if (role.len > 0 && (with_admin || !slice_is(role, "_admin")) &&
                !add_role(req, roles, role))
                return;
        }
    }
    set_user(req, name, "proxy");
}

/* ---- JSON Web Tokens --------------------------------------------------------------------- */

/* Takes name and roles out of checked claims. */
static void take_claims(struct request *req, const json_t *claims)
{
    const json_t *sub = json_object_get(claims, "sub");
    if (!json_is_string(sub) || json_string_length(sub) == 0) {
        reply_error(req, 401, "unauthorized", "Token missing sub claim.");
        return;
    }
    json_t *list = jwt_roles(req->server->config, claims);
    size_t count = json_array_size(list);
    tuf_slice *roles = tufi_arena_alloc(&req->arena, (count + 1) * sizeof(*roles));
    tuf_slice name = request_copy(
        req, tuf_slice_of(json_string_value(sub), json_string_length(sub)));
    bool good = roles != NULL && name.data != NULL;
    for (size_t i = 0; good && i < count; i++) {
        const json_t *role = json_array_get(list, i);
        good = add_role(req, roles,
                        tuf_slice_of(json_string_value(role), json_string_length(role)));
    }
    if (list == NULL)
        reply_error(req, 400, "bad_request", "Malformed token");
    else if (!good)
        reply_status(req, tufi_nomem());
    else
        set_user(req, name, "jwt");
    json_decref(list);
}

static bool identify_by_jwt(struct request *req)
{
    tuf_slice value;
    struct jwt_error error = { 0, NULL };
    if (!request_header(&value, req, "Authorization") ||
        !slice_starts_nocase(value, "Bearer "))
        return true;
    tuf_slice token = slice_trim(tuf_slice_of(value.data + 7, value.len - 7), " ");
    json_t *claims = jwt_check(&error, req->server->config, token, clock_us() / 1000000);
    if (claims == NULL)
        reply_error(req, error.status, error.status == 401 ? "unauthorized" : "bad_request",
                    error.reason);
    else
        take_claims(req, claims);
    json_decref(claims);
    return !request_answered(req);
}

bool tokens_identify(struct request *req)
{
    unsigned handlers = server_settings(req->server)->auth_handlers;
    if ((handlers & AUTH_PROXY) != 0)
        identify_by_proxy(req);
    if (req->user.name.data != NULL || (handlers & AUTH_JWT) == 0)
        return true;
    return identify_by_jwt(req);
}
