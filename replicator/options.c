/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/options.h.
 */
#include "replicator/options.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hex.h"

#define bad_request(...) tufi_fail_kind(TUF_E_INVALID, "bad_request", __VA_ARGS__)

static tuf_status take_bool(bool *out, const json_t *request, const char *name, bool fallback)
{
    const json_t *value = json_object_get(request, name);
    *out = value != NULL ? json_is_true(value) : fallback;
    return value == NULL || json_is_boolean(value)
               ? TUF_OK
               : bad_request("parameter `%s` must be a boolean", name);
}

static tuf_status take_bools(struct repl_options *out, const json_t *request)
{
    const struct {
        const char *name;
        bool *place;
        bool fallback;
    } flags[] = {
        { "cancel", &out->cancel, false },
        { "continuous", &out->continuous, false },
        { "create_target", &out->create_target, false },
        { "winning_revs_only", &out->winning_revs_only, false },
        { "use_checkpoints", &out->use_checkpoints, true },
        { "use_bulk_get", &out->use_bulk_get, true },
    };
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        tuf_status st = take_bool(flags[i].place, request, flags[i].name, flags[i].fallback);
        if (st != TUF_OK)
            return st;
    }
    return TUF_OK;
}

static tuf_status take_number(uint64_t *out, const json_t *request, const char *name,
                              const uint64_t range[3])
{
    const json_t *value = json_object_get(request, name);
    *out = range[2];
    if (value == NULL)
        return TUF_OK;
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    if (number < 0)
        return bad_request("parameter `%s` must be a non-negative integer", name);
    *out = (uint64_t)number;
    if (*out < range[0])
        *out = range[0];
    if (*out > range[1])
        *out = range[1];
    return TUF_OK;
}

static tuf_status take_numbers(struct repl_options *out, const json_t *request)
{
    /* Smallest, largest, default. What is beyond is made to fit. */
    static const uint64_t batch[] = { 1, 2000, 500 };
    static const uint64_t interval[] = { 100, 86400000, 30000 };
    static const uint64_t timeout[] = { 100, 600000, 30000 };
    static const uint64_t missing[] = { 0, 60000, 2000 };
    static const uint64_t retries[] = { 0, 20, 5 };
    static const uint64_t workers[] = { 1, 16, 4 };
    static const uint64_t connections[] = { 1, 64, 20 };
    uint64_t retry_count = 0, worker_count = 1, connection_count = 1;
    tuf_status st = take_number(&out->batch_size, request, "worker_batch_size", batch);
    if (st == TUF_OK)
        st = take_number(&out->checkpoint_ms, request, "checkpoint_interval", interval);
    if (st == TUF_OK)
        st = take_number(&out->timeout_ms, request, "connection_timeout", timeout);
    if (st == TUF_OK)
        st = take_number(&out->missing_retry_ms, request, "missing_doc_retry_msec", missing);
    if (st == TUF_OK)
        st = take_number(&retry_count, request, "retries_per_request", retries);
    if (st == TUF_OK)
        st = take_number(&worker_count, request, "worker_processes", workers);
    if (st == TUF_OK)
        st = take_number(&connection_count, request, "http_connections", connections);
    out->retries = (unsigned)retry_count;
    out->workers = (unsigned)worker_count;
    out->connections = (unsigned)connection_count;
    return st;
}

static tuf_status take_object(json_t **out, const json_t *request, const char *name,
                              const char *what)
{
    json_t *value = json_object_get(request, name);
    if (value != NULL && !json_is_object(value))
        return bad_request("parameter `%s` must be %s", name, what);
    *out = json_incref(value);
    return TUF_OK;
}

static int compare_texts(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

/* CouchDB takes ids that are percent-encoded, too, as a URL's query is. In place. */
static void decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from != 0; from++) {
        uint8_t byte = 0;
        if (*from == '%' && from[1] != 0 && tufi_hex_decode(&byte, from + 1, 2) && byte != 0)
            from += 2;
        else
            byte = (uint8_t)(*from == '+' ? ' ' : *from);
        *to++ = (char)byte;
    }
    *to = 0;
}

static tuf_status decoded_texts(json_t **out, const json_t *list)
{
    size_t pos;
    json_t *item;
    *out = json_array();
    json_array_foreach(list, pos, item) {
        TUF_AUTOFREE char *text = tufi_strdup(tuf_str(json_string_value(item)));
        if (text == NULL)
            return tufi_nomem();
        decode(text);
        json_t *good = json_string(text); /* NULL: it is no longer UTF-8, so no document is called so */
        if (good != NULL && json_array_append_new(*out, good) != 0)
            return tufi_nomem();
    }
    return *out != NULL ? TUF_OK : tufi_nomem();
}

static tuf_status sorted_texts(json_t **out, const json_t *list)
{
    size_t count = json_array_size(list), pos;
    json_t *item;
    const char **texts = tufi_alloc_array(count + 1, sizeof(*texts));
    *out = json_array();
    if (texts == NULL || *out == NULL) {
        tufi_free(texts);
        return tufi_nomem();
    }
    json_array_foreach(list, pos, item)
        texts[pos] = json_string_value(item);
    qsort(texts, count, sizeof(*texts), compare_texts);
    tuf_status st = TUF_OK;
    for (size_t i = 0; i < count && st == TUF_OK; i++) {
        bool again = i > 0 && strcmp(texts[i], texts[i - 1]) == 0;
        if (!again && json_array_append_new(*out, json_string(texts[i])) != 0)
            st = tufi_nomem();
    }
    tufi_free(texts);
    return st;
}

static tuf_status take_doc_ids(json_t **out, const json_t *request)
{
    const json_t *value = json_object_get(request, "doc_ids");
    size_t pos;
    json_t *item;
    json_t *decoded = NULL;
    if (value == NULL || json_is_null(value))
        return TUF_OK;
    if (!json_is_array(value))
        return bad_request("parameter `doc_ids` must be an array");
    json_array_foreach(value, pos, item) {
        if (!json_is_string(item))
            return bad_request("parameter `doc_ids` must be an array");
    }
    tuf_status st = decoded_texts(&decoded, value);
    if (st == TUF_OK)
        st = sorted_texts(out, decoded);
    json_decref(decoded);
    return st;
}

static tuf_status take_filter(struct repl_options *out, const json_t *request)
{
    const json_t *filter = json_object_get(request, "filter");
    if (filter != NULL && !json_is_string(filter))
        return bad_request("parameter `filter` must be a string");
    tuf_status st = take_doc_ids(&out->doc_ids, request);
    if (st == TUF_OK)
        st = take_object(&out->selector, request, "selector", "a JSON object");
    if (st == TUF_OK)
        st = take_object(&out->query_params, request, "query_params", "an object");
    if (st != TUF_OK)
        return st;
    if ((filter != NULL) + (out->doc_ids != NULL) + (out->selector != NULL) > 1)
        return bad_request("`doc_ids`,`filter`,`selector` are mutually exclusive");
    if (filter == NULL)
        return TUF_OK;
    const char *text = json_string_value(filter);
    out->filter = tufi_memdup(text, strlen(text) + 1);
    return out->filter != NULL ? TUF_OK : tufi_nomem();
}

static tuf_status take_proxies(struct repl_options *out, const json_t *request)
{
    const json_t *both = json_object_get(request, "proxy");
    const json_t *source = json_object_get(request, "source_proxy");
    const json_t *target = json_object_get(request, "target_proxy");
    if (both != NULL && source != NULL)
        return bad_request("`proxy` is mutually exclusive with `source_proxy`");
    if (both != NULL && target != NULL)
        return bad_request("`proxy` is mutually exclusive with `target_proxy`");
    tuf_status st = repl_endpoint_set_proxy(&out->source, both != NULL ? both : source);
    return st == TUF_OK ? repl_endpoint_set_proxy(&out->target, both != NULL ? both : target) : st;
}

tuf_status repl_options_parse(struct repl_options *out, const json_t *request)
{
    memset(out, 0, sizeof(*out));
    tuf_status st = repl_endpoint_parse(&out->source, json_object_get(request, "source"));
    if (st == TUF_OK)
        st = repl_endpoint_parse(&out->target, json_object_get(request, "target"));
    if (st == TUF_OK)
        st = take_bools(out, request);
    if (st == TUF_OK)
        st = take_numbers(out, request);
    if (st == TUF_OK)
        st = take_filter(out, request);
    if (st == TUF_OK)
        st = take_object(&out->create_params, request, "create_target_params", "a JSON object");
    if (st == TUF_OK)
        st = take_proxies(out, request);
    if (st == TUF_OK)
        out->since_seq = json_incref(json_object_get(request, "since_seq"));
    else
        repl_options_release(out);
    return st;
}

void repl_options_release(struct repl_options *opts)
{
    repl_endpoint_release(&opts->source);
    repl_endpoint_release(&opts->target);
    tufi_free(opts->filter);
    json_decref(opts->query_params);
    json_decref(opts->doc_ids);
    json_decref(opts->selector);
    json_decref(opts->since_seq);
    json_decref(opts->create_params);
    memset(opts, 0, sizeof(*opts));
}
