/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/endpoint.h.
 */
#include "replicator/endpoint.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hex.h"

#define URL_SIZE_MAX 8000

void repl_append_escaped(struct buf *out, tuf_slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '.' || c == '_' || c == '~') {
            buf_append_u8(out, c);
        } else {
            buf_append_u8(out, '%');
            buf_append_u8(out, (uint8_t)digits[c >> 4]);
            buf_append_u8(out, (uint8_t)digits[c & 15]);
        }
    }
}

void repl_append_docid(struct buf *out, const char *id)
{
    static const char *const prefixes[] = { "_design/", "_local/" };
    tuf_slice rest = tuf_str(id);
    for (size_t i = 0; i < 2; i++) {
        if (slice_starts(rest, prefixes[i])) {
            size_t len = strlen(prefixes[i]);
            buf_append_str(out, prefixes[i]);
            repl_append_escaped(out, tuf_slice_of(rest.data + len, rest.len - len));
            return;
        }
    }
    repl_append_escaped(out, rest);
}

static char *take_text(struct buf *b)
{
    buf_append_u8(b, 0);
    return b->failed ? NULL : (char *)tufi_buf_take(b);
}

static tuf_status invalid_url(void)
{
    return tufi_fail_kind(TUF_E_INVALID, "invalid_replication", "endpoint has an invalid url");
}

static tuf_status add_header(struct endpoint *ep, const char *name, const char *value)
{
    TUF_AUTO(tufi_buf_release) struct buf line = BUF_INIT;
    if (name[0] == 0 || strpbrk(name, "\r\n: ") != NULL || strpbrk(value, "\r\n") != NULL)
        return tufi_fail_kind(TUF_E_INVALID, "invalid_replication",
                              "endpoint has an invalid header");
    tufi_buf_printf(&line, "%s: %s", name, value);
    buf_append_u8(&line, 0);
    struct curl_slist *more =
        line.failed ? NULL : curl_slist_append(ep->headers, (const char *)line.data);
    if (more == NULL)
        return tufi_nomem();
    ep->headers = more;
    return TUF_OK;
}

static tuf_status add_basic(struct endpoint *ep, const char *user, const char *password)
{
    TUF_AUTO(tufi_buf_release) struct buf plain = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    tufi_buf_printf(&plain, "%s:%s", user, password);
    buf_append_str(&value, "Basic ");
    if (!plain.failed)
        tufi_base64_encode(&value, buf_slice(&plain));
    buf_append_u8(&value, 0);
    if (plain.failed || value.failed)
        return tufi_nomem();
    return add_header(ep, "Authorization", (const char *)value.data);
}

static void free_part(char **part)
{
    curl_free(*part);
}

static void free_url(CURLU **url)
{
    curl_url_cleanup(*url);
}

/* The parts of a URL that count; each NULL if it is absent. */
struct url_parts {
    char *scheme, *host, *port, *path, *user, *password;
};

static void free_parts(struct url_parts *p)
{
    char *all[] = { p->scheme, p->host, p->port, p->path, p->user, p->password };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        curl_free(all[i]);
}

static tuf_status build_texts(struct endpoint *ep, const struct url_parts *p)
{
    struct buf url = BUF_INIT, root = BUF_INIT, shown = BUF_INIT, user = BUF_INIT;
    struct buf rest = BUF_INIT;
    tufi_buf_printf(&rest, "%s%s%s", p->host, p->port != NULL ? ":" : "",
                    p->port != NULL ? p->port : "");
    buf_append_u8(&rest, 0);
    const char *place = rest.failed ? "" : (const char *)rest.data;
    size_t len = strlen(p->path);
    const char *slash = len > 0 && p->path[len - 1] == '/' ? "" : "/";
    tufi_buf_printf(&root, "%s://%s/", p->scheme, place);
    tufi_buf_printf(&url, "%s://%s%s%s", p->scheme, place, p->path, slash);
    if (ep->user[0] != 0)
        repl_append_escaped(&user, tuf_str(ep->user));
    buf_append_u8(&user, 0);
    tufi_buf_printf(&shown, "%s://%s%s%s%s%s", p->scheme,
                    user.failed ? "" : (const char *)user.data,
                    ep->user[0] != 0 ? ":*****@" : "", place, p->path, slash);
    bool failed = rest.failed || user.failed;
    tufi_buf_release(&rest);
    tufi_buf_release(&user);
    ep->root = take_text(&root);
    ep->url = take_text(&url);
    ep->shown = take_text(&shown);
    return failed || ep->root == NULL || ep->url == NULL || ep->shown == NULL ? tufi_nomem()
                                                                              : TUF_OK;
}

static tuf_status split_url(struct url_parts *out, const char *text)
{
    TUF_AUTO(free_url) CURLU *url = curl_url();
    TUF_AUTO(free_part) char *query = NULL;
    if (url == NULL)
        return tufi_nomem();
    /* Without a scheme curl would guess one; a query or fragment cannot belong to a database. */
    if (strlen(text) > URL_SIZE_MAX || curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &out->scheme, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &out->host, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_PATH, &out->path, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_QUERY, &query, 0) == CURLUE_OK ||
        (strcmp(out->scheme, "http") != 0 && strcmp(out->scheme, "https") != 0))
        return invalid_url();
    (void)curl_url_get(url, CURLUPART_PORT, &out->port, 0);
    (void)curl_url_get(url, CURLUPART_USER, &out->user, CURLU_URLDECODE);
    (void)curl_url_get(url, CURLUPART_PASSWORD, &out->password, CURLU_URLDECODE);
    return TUF_OK;
}

static tuf_status add_headers(bool *has_auth, struct endpoint *ep, const json_t *headers)
{
    const char *name;
    json_t *value;
    *has_auth = false;
    if (headers == NULL)
        return TUF_OK;
    if (!json_is_object(headers))
        return tufi_fail_kind(TUF_E_INVALID, "invalid_replication",
                              "endpoint headers must be an object");
    /* jansson's loop wants a mutable object, although it changes nothing. */
    union { const json_t *in; json_t *out; } object = { headers };
    json_object_foreach(object.out, name, value) {
        if (!json_is_string(value))
            return tufi_fail_kind(TUF_E_INVALID, "invalid_replication",
                                  "endpoint has an invalid header");
        *has_auth = *has_auth || strcasecmp(name, "Authorization") == 0;
        tuf_status st = add_header(ep, name, json_string_value(value));
        if (st != TUF_OK)
            return st;
    }
    return TUF_OK;
}

static char *copy_text(const char *text)
{
    return tufi_memdup(text, strlen(text) + 1);
}

tuf_status repl_endpoint_parse(struct endpoint *out, const json_t *value)
{
    TUF_AUTO(free_parts) struct url_parts parts = { 0 };
    const json_t *url = json_is_object(value) ? json_object_get(value, "url") : value;
    const json_t *basic = json_object_get(json_object_get(value, "auth"), "basic");
    memset(out, 0, sizeof(*out));
    if (!json_is_string(url))
        return tufi_fail_kind(TUF_E_INVALID, "error", "Missing replicator database");
    tuf_status st = split_url(&parts, json_string_value(url));
    bool has_auth = false;
    if (st == TUF_OK)
        st = add_headers(&has_auth, out, json_is_object(value) ? json_object_get(value, "headers")
                                                               : NULL);
    const char *user = json_string_value(json_object_get(basic, "username"));
    const char *password = json_string_value(json_object_get(basic, "password"));
    if (user == NULL && !has_auth && parts.user != NULL) {
        user = parts.user;
        password = parts.password;
    }
    if (st == TUF_OK) {
        out->user = copy_text(user != NULL ? user : "");
        st = out->user == NULL ? tufi_nomem() : build_texts(out, &parts);
    }
    if (st == TUF_OK && user != NULL)
        st = add_basic(out, user, password != NULL ? password : "");
    if (st != TUF_OK)
        repl_endpoint_release(out);
    return st;
}

void repl_endpoint_release(struct endpoint *ep)
{
    tufi_free(ep->url);
    tufi_free(ep->root);
    tufi_free(ep->shown);
    tufi_free(ep->user);
    curl_slist_free_all(ep->headers);
    memset(ep, 0, sizeof(*ep));
}
