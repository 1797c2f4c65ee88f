/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/checkpoint.h.
 */
#include "replicator/checkpoint.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "json/docscan.h"
#include "replicator/selector_normal.h"

#define DIGEST_SIZE 16

tuf_status repl_make_session_id(char out[REPL_ID_SIZE])
{
    uint8_t bytes[DIGEST_SIZE];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return tufi_fail(TUF_E_INTERNAL, "no random bytes for a session id");
    tufi_hex_encode(out, bytes, sizeof(bytes));
    out[REPL_ID_SIZE - 1] = 0;
    return TUF_OK;
}

/* ---- the id: an Erlang term -------------------------------------------------------------- */

static void append_atom(struct buf *out, const char *name)
{
    buf_append_u8(out, 0x64);
    write_be16(out, (uint16_t)strlen(name));
    buf_append_str(out, name);
}

/* A list of characters. */
static void append_chars(struct buf *out, const char *text)
{
    size_t len = strlen(text);
    if (len == 0) {
        buf_append_u8(out, 0x6a);
        return;
    }
    buf_append_u8(out, 0x6b);
    write_be16(out, (uint16_t)len);
    buf_append_str(out, text);
}

static void append_binary(struct buf *out, const char *text)
{
    buf_append_u8(out, 0x6d);
    write_be32(out, (uint32_t)strlen(text));
    buf_append_str(out, text);
}

static void append_port(struct buf *out, const struct endpoint *ep)
{
    bool tls = strncmp(ep->url, "https:", 6) == 0;
    if ((tls && ep->port == 443) || (!tls && (ep->port == 80 || ep->port == 5984))) {
        append_atom(out, "default");
    } else if (ep->port <= 255) {
        buf_append_u8(out, 0x61);
        buf_append_u8(out, (uint8_t)ep->port);
    } else {
        buf_append_u8(out, 0x62);
        write_be32(out, ep->port);
    }
}

static void append_headers(struct buf *out, const struct endpoint *ep)
{
    /* Our caller's own credentials change from run to run and say nothing about the job. */
    const struct curl_slist *headers = ep->by_name ? NULL : ep->headers;
    uint32_t count = 0;
    for (const struct curl_slist *h = headers; h != NULL; h = h->next)
        count++;
    if (count > 0) {
        buf_append_u8(out, 0x6c);
        write_be32(out, count);
    }
    for (const struct curl_slist *h = headers; h != NULL && !out->failed; h = h->next) {
        TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
        const char *colon = strchr(h->data, ':'); /* add_header wrote "Name: value" */
        tufi_buf_append(&name, h->data, (size_t)(colon - h->data));
        buf_append_u8(&name, 0);
        out->failed = out->failed || name.failed;
        if (out->failed)
            return;
        buf_append_u8(out, 0x68);
        buf_append_u8(out, 2);
        append_chars(out, (const char *)name.data);
        append_chars(out, colon + 2);
    }
    buf_append_u8(out, 0x6a);
}

/* {remote, User, Host, Port, Path, Headers, undefined} */
static void append_endpoint(struct buf *out, const struct endpoint *ep)
{
    if (ep->file_id != NULL) {
        append_binary(out, ep->file_id);
        return;
    }
    buf_append_u8(out, 0x68);
    buf_append_u8(out, 7);
    append_atom(out, "remote");
    if (ep->user[0] != 0)
        append_chars(out, ep->user);
    else
        append_atom(out, "undefined");
    append_chars(out, ep->host);
    append_port(out, ep);
    append_chars(out, ep->path);
    append_headers(out, ep);
    append_atom(out, "undefined");
}

static tuf_status append_value(struct buf *out, const json_t *value, size_t flags)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | flags);
    tuf_status st = text != NULL ? tufi_docscan_etf(out, tuf_str(text)) : tufi_nomem();
    free(text);
    return st;
}

/* How many terms it adds. */
static size_t filter_count(const struct repl_options *opts)
{
    size_t count = opts->filter != NULL ? 2 : 0;
    count += opts->doc_ids != NULL ? 1 : 0;
    count += opts->selector != NULL ? 1 : 0;
    count += opts->winning_revs_only ? 1 : 0;
    return count + (opts->since_seq != NULL ? 1 : 0);
}

static tuf_status append_selector(struct buf *out, const json_t *selector)
{
    json_t *normal = repl_selector_normal(selector);
    /* One that CouchDB refuses has an id of its own. */
    tuf_status st = append_value(out, normal != NULL ? normal : selector, JSON_SORT_KEYS);
    json_decref(normal);
    return st;
}

static tuf_status append_filter(struct buf *out, const struct repl_options *opts,
                                const char *filter_code, bool characters)
{
    tuf_status st = TUF_OK;
    if (opts->filter != NULL) {
        append_binary(out, filter_code);
        st = opts->query_params != NULL ? append_value(out, opts->query_params, 0)
                                        : tufi_docscan_etf(out, tuf_str("{}"));
    }
    if (st == TUF_OK && opts->doc_ids != NULL)
        st = append_value(out, opts->doc_ids, 0);
    if (st == TUF_OK && opts->selector != NULL)
        st = append_selector(out, opts->selector);
    if (opts->winning_revs_only && characters)
        append_chars(out, "winning_revs_only");
    else if (opts->winning_revs_only)
        append_binary(out, "winning_revs_only");
    if (st == TUF_OK && opts->since_seq != NULL)
        st = append_value(out, opts->since_seq, 0);
    return st;
}

tuf_status repl_make_id(char out[REPL_ID_SIZE], const struct repl_options *opts,
                        const char *server_uuid)
{
    return repl_make_id_of_filter(out, opts, server_uuid, opts->filter, false);
}

tuf_status repl_make_id_of_filter(char out[REPL_ID_SIZE], const struct repl_options *opts,
                                  const char *server_uuid, const char *filter_code,
                                  bool characters)
{
    TUF_AUTO(tufi_buf_release) struct buf term = BUF_INIT;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    buf_append_u8(&term, 0x83);
    buf_append_u8(&term, 0x6c);
    write_be32(&term, (uint32_t)(3 + filter_count(opts)));
    append_binary(&term, server_uuid);
    append_endpoint(&term, &opts->source);
    append_endpoint(&term, &opts->target);
    tuf_status st = append_filter(&term, opts, filter_code, characters);
    buf_append_u8(&term, 0x6a);
    if (st != TUF_OK || term.failed)
        return st != TUF_OK ? st : tufi_nomem();
    int done = EVP_Digest(term.data, term.len, digest, &len, EVP_md5(), NULL);
    if (done != 1 || len != DIGEST_SIZE)
        return tufi_fail(TUF_E_INTERNAL, "the crypto library has no MD5");
    tufi_hex_encode(out, digest, DIGEST_SIZE);
    out[REPL_ID_SIZE - 1] = 0;
    return TUF_OK;
}

/* ---- comparison -------------------------------------------------------------------------- */

static const char *session_of(const json_t *entry)
{
    return json_string_value(json_object_get(entry, "session_id"));
}

static bool has_session(const json_t *history, size_t from, const char *session)
{
    for (size_t i = from; session != NULL && i < json_array_size(history); i++) {
        const char *other = session_of(json_array_get(history, i));
        if (other != NULL && strcmp(other, session) == 0)
            return true;
    }
    return false;
}

static json_t *recorded(const json_t *entry)
{
    json_t *seq = json_object_get(entry, "recorded_seq");
    return seq != NULL ? json_incref(seq) : json_integer(0);
}

json_t *repl_compare_logs(const json_t *source, const json_t *target)
{
    const char *ours = session_of(source), *theirs = session_of(target);
    json_t *seq = json_object_get(source, "source_last_seq");
    if (ours != NULL && theirs != NULL && strcmp(ours, theirs) == 0)
        return seq != NULL ? json_incref(seq) : json_integer(0);
    const json_t *s = json_object_get(source, "history"), *t = json_object_get(target, "history");
    size_t s_count = json_array_size(s), t_count = json_array_size(t);
    for (size_t i = 0; i < s_count || i < t_count; i++) {
        const json_t *entry = json_array_get(s, i);
        if (has_session(t, i, session_of(entry)))
            return recorded(entry);
        entry = json_array_get(t, i);
        if (has_session(s, i + 1, session_of(entry)))
            return recorded(entry);
    }
    return json_integer(0);
}

json_t *repl_extend_history(json_t *entry, const json_t *old_history)
{
    json_t *list = json_array();
    const char *session = session_of(entry);
    size_t pos;
    json_t *old;
    if (list == NULL || json_array_append(list, entry) != 0)
        return list;
    json_array_foreach(old_history, pos, old) {
        const char *other = session_of(old);
        if (json_array_size(list) >= REPL_HISTORY_MAX)
            break;
        if (session == NULL || other == NULL || strcmp(session, other) != 0)
            (void)json_array_append(list, old);
    }
    return list;
}
