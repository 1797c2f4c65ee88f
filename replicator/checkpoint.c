/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/checkpoint.h.
 */
#include "replicator/checkpoint.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "base/hex.h"

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

static bool append(json_t *list, json_t *item)
{
    return json_array_append_new(list, item) == 0;
}

static bool append_endpoint(json_t *list, const struct endpoint *ep)
{
    return append(list, json_string(ep->user)) && append(list, json_string(ep->url));
}

static bool append_filter(json_t *list, const struct repl_options *opts)
{
    bool good = true;
    if (opts->filter != NULL)
        good = append(list, json_pack("{s:s,s:O?}", "filter", opts->filter, "query_params",
                                      opts->query_params));
    if (opts->doc_ids != NULL)
        good = good && append(list, json_pack("{s:O}", "doc_ids", opts->doc_ids));
    if (opts->selector != NULL)
        good = good && append(list, json_pack("{s:O}", "selector", opts->selector));
    if (opts->winning_revs_only)
        good = good && append(list, json_string("winning_revs_only"));
    if (opts->since_seq != NULL)
        good = good && append(list, json_pack("{s:O}", "since_seq", opts->since_seq));
    return good;
}

tuf_status repl_make_id(char out[REPL_ID_SIZE], const struct repl_options *opts,
                        const char *server_uuid)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    json_t *list = json_pack("[s]", server_uuid);
    char *text = NULL;
    if (list != NULL && append_endpoint(list, &opts->source) &&
        append_endpoint(list, &opts->target) && append_filter(list, opts))
        text = json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(list);
    if (text == NULL)
        return tufi_nomem();
    int done = EVP_Digest(text, strlen(text), digest, &len, EVP_md5(), NULL);
    free(text);
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
