/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/endpoint.h.
 */
#include "replicator/endpoint.h"

#include <stdlib.h>

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

static tuf_status set_user(struct endpoint *ep, const char *user, const char *password)
{
    TUF_AUTO(tufi_buf_release) struct buf plain = BUF_INIT;
    struct buf line = BUF_INIT;
    tufi_buf_printf(&plain, "%s:%s", user, password);
    buf_append_str(&line, "Authorization: Basic ");
    if (!plain.failed)
        tufi_base64_encode(&line, buf_slice(&plain));
    ep->user = tufi_strdup(tuf_str(user));
    ep->password = tufi_strdup(tuf_str(password));
    ep->basic = take_text(&line);
    return plain.failed || ep->user == NULL || ep->password == NULL || ep->basic == NULL
               ? tufi_nomem()
               : TUF_OK;
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
    char *scheme, *host, *port, *real_port, *path, *user, *password;
};

static void free_parts(struct url_parts *p)
{
    char *all[] = { p->scheme, p->host, p->port, p->real_port, p->path, p->user, p->password };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        curl_free(all[i]);
}

static tuf_status build_texts(struct endpoint *ep, const struct url_parts *p)
{
    struct buf url = BUF_INIT, root = BUF_INIT, path = BUF_INIT, host = BUF_INIT;
    size_t len = strlen(p->path), host_len = strlen(p->host);
    const char *slash = len > 0 && p->path[len - 1] == '/' ? "" : "/";
    bool v6 = host_len > 2 && p->host[0] == '[';
    tufi_buf_printf(&root, "%s://%s%s%s/", p->scheme, p->host, p->port != NULL ? ":" : "",
                    p->port != NULL ? p->port : "");
    if (!root.failed)
        tufi_buf_append(&url, root.data, root.len - 1);
    tufi_buf_printf(&url, "%s%s", p->path, slash);
    tufi_buf_append(&host, p->host + (v6 ? 1 : 0), host_len - (v6 ? 2 : 0));
    tufi_buf_printf(&path, "%s%s", p->path, slash);
    ep->root = take_text(&root);
    ep->url = take_text(&url);
    ep->host = take_text(&host);
    ep->path = take_text(&path);
    ep->shown = ep->url != NULL ? tufi_strdup(tuf_str(ep->url)) : NULL;
    ep->port = p->real_port != NULL ? (unsigned)strtoul(p->real_port, NULL, 10) : 0;
    bool good = ep->root != NULL && ep->host != NULL && ep->path != NULL && ep->shown != NULL;
    return good ? TUF_OK : tufi_nomem();
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
    (void)curl_url_get(url, CURLUPART_PORT, &out->real_port, CURLU_DEFAULT_PORT);
    (void)curl_url_get(url, CURLUPART_USER, &out->user, CURLU_URLDECODE);
    (void)curl_url_get(url, CURLUPART_PASSWORD, &out->password, CURLU_URLDECODE);
    return TUF_OK;
}

/* "Basic dXNlcjpwdw==" into its two parts; false if it is none. */
static bool split_basic(struct buf *user, struct buf *password, const char *value)
{
    TUF_AUTO(tufi_buf_release) struct buf plain = BUF_INIT;
    if (strncasecmp(value, "Basic ", 6) != 0 ||
        !tufi_base64_decode(&plain, tuf_str(value + 6)) || plain.len == 0)
        return false;
    const uint8_t *colon = memchr(plain.data, ':', plain.len);
    if (colon == NULL || memchr(plain.data, 0, plain.len) != NULL)
        return false;
    size_t at = (size_t)(colon - plain.data);
    tufi_buf_append(user, plain.data, at);
    buf_append_u8(user, 0);
    tufi_buf_append(password, colon + 1, plain.len - at - 1);
    buf_append_u8(password, 0);
    return !user->failed && !password->failed;
}

/* Who goes in: found in the headers, or none yet. */
struct credentials {
    struct buf user, password;
    bool found;  /* in a header of type Basic */
    bool header; /* there is another Authorization header: it goes out as it is */
};

static void credentials_release(struct credentials *c)
{
    tufi_buf_release(&c->user);
    tufi_buf_release(&c->password);
}

static tuf_status bad_header(void)
{
    return tufi_fail_kind(TUF_E_INVALID, "invalid_replication", "endpoint has an invalid header");
}

static tuf_status add_headers(struct credentials *c, struct endpoint *ep, const json_t *headers)
{
    const char *name;
    json_t *value;
    if (headers == NULL)
        return TUF_OK;
    if (!json_is_object(headers))
        return tufi_fail_kind(TUF_E_INVALID, "invalid_replication",
                              "endpoint headers must be an object");
    /* jansson's loop wants a mutable object, although it changes nothing. */
    union { const json_t *in; json_t *out; } object = { headers };
    json_object_foreach(object.out, name, value) {
        const char *text = json_string_value(value);
        if (text == NULL)
            return bad_header();
        bool auth = strcasecmp(name, "Authorization") == 0;
        if (auth && !c->found && split_basic(&c->user, &c->password, text)) {
            c->found = true;
            continue;
        }
        c->header = c->header || auth;
        tuf_status st = add_header(ep, name, text);
        if (st != TUF_OK)
            return st;
    }
    return TUF_OK;
}

/* In this order: "auth", the header, the URL. */
static tuf_status choose_user(struct endpoint *out, const json_t *basic,
                              const struct credentials *c, const struct url_parts *parts)
{
    const char *user = json_string_value(json_object_get(basic, "username"));
    const char *password = json_string_value(json_object_get(basic, "password"));
    if (user == NULL && c->found) {
        user = (const char *)c->user.data;
        password = (const char *)c->password.data;
    }
    if (user == NULL && !c->header) {
        user = parts->user;
        password = parts->password;
    }
    if (user != NULL)
        return set_user(out, user, password != NULL ? password : "");
    out->user = tufi_strdup(tuf_str(""));
    return out->user != NULL ? TUF_OK : tufi_nomem();
}

tuf_status repl_endpoint_parse(struct endpoint *out, const json_t *value)
{
    TUF_AUTO(free_parts) struct url_parts parts = { 0 };
    TUF_AUTO(credentials_release) struct credentials c = { .user = BUF_INIT, .password = BUF_INIT };
    const json_t *url = json_is_object(value) ? json_object_get(value, "url") : value;
    const json_t *basic = json_object_get(json_object_get(value, "auth"), "basic");
    memset(out, 0, sizeof(*out));
    if (!json_is_string(url))
        return tufi_fail_kind(TUF_E_INVALID, "error", "Missing replicator database");
    tuf_status st = split_url(&parts, json_string_value(url));
    if (st == TUF_OK)
        st = add_headers(&c, out, json_is_object(value) ? json_object_get(value, "headers") : NULL);
    if (st == TUF_OK)
        st = choose_user(out, basic, &c, &parts);
    if (st == TUF_OK)
        st = build_texts(out, &parts);
    if (st != TUF_OK)
        repl_endpoint_release(out);
    return st;
}

tuf_status repl_endpoint_set_proxy(struct endpoint *ep, const json_t *value)
{
    static const char *const schemes[] = { "http", "https", "socks5" };
    TUF_AUTO(free_url) CURLU *url = curl_url();
    TUF_AUTO(free_part) char *scheme = NULL;
    const char *text = json_string_value(value);
    bool good = false;
    if (url == NULL)
        return tufi_nomem();
    if (value == NULL || json_is_null(value))
        return TUF_OK;
    if (text != NULL && strlen(text) <= URL_SIZE_MAX &&
        curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
        (void)curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    for (size_t i = 0; i < 3 && scheme != NULL; i++)
        good = good || strcmp(scheme, schemes[i]) == 0;
    if (!good)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Invalid proxy url");
    tufi_free(ep->proxy);
    ep->proxy = tufi_strdup(tuf_str(text));
    return ep->proxy != NULL ? TUF_OK : tufi_nomem();
}

tuf_status repl_endpoint_set_file(struct endpoint *ep, const char *shown, const char *file_id)
{
    repl_endpoint_release(ep);
    ep->url = tufi_strdup(tuf_str(""));
    ep->shown = tufi_strdup(tuf_str(shown));
    ep->user = tufi_strdup(tuf_str(""));
    ep->file_id = tufi_strdup(tuf_str(file_id));
    return ep->url != NULL && ep->shown != NULL && ep->user != NULL && ep->file_id != NULL
               ? TUF_OK
               : tufi_nomem();
}

tuf_status repl_endpoint_set_local(struct endpoint *ep, const char *name)
{
    ep->local_name = tufi_strdup(tuf_str(name));
    return ep->local_name != NULL ? TUF_OK : tufi_nomem();
}

bool repl_endpoint_same_origin(const struct endpoint *ep, const char *url)
{
    TUF_AUTO(free_url) CURLU *there = curl_url();
    TUF_AUTO(free_part) char *scheme = NULL;
    TUF_AUTO(free_part) char *host = NULL;
    TUF_AUTO(free_part) char *port = NULL;
    TUF_AUTO(free_part) char *user = NULL;
    if (there == NULL || curl_url_set(there, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(there, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(there, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(there, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
        curl_url_get(there, CURLUPART_USER, &user, 0) == CURLUE_OK)
        return false;
    size_t scheme_len = strlen(scheme), host_len = strlen(host);
    bool v6 = host_len > 2 && host[0] == '[';
    size_t skip = v6 ? 1 : 0;
    return strncmp(ep->url, scheme, scheme_len) == 0 && ep->url[scheme_len] == ':' &&
           strtoul(port, NULL, 10) == ep->port && strlen(ep->host) == host_len - 2 * skip &&
           strncasecmp(ep->host, host + skip, host_len - 2 * skip) == 0;
}

void repl_endpoint_release(struct endpoint *ep)
{
    tufi_free(ep->url);
    tufi_free(ep->root);
    tufi_free(ep->shown);
    tufi_free(ep->user);
    tufi_free(ep->password);
    tufi_free(ep->basic);
    tufi_free(ep->proxy);
    tufi_free(ep->host);
    tufi_free(ep->path);
    tufi_free(ep->file_id);
    tufi_free(ep->ca_file);
    tufi_free(ep->local_name);
    curl_slist_free_all(ep->headers);
    memset(ep, 0, sizeof(*ep));
}
