/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: reads the parameters of _changes.
 *
 * Invariants: unknown parameters are ignored, they belong to filter functions; what CouchDB
 * answers 500 to is 400 here.
 * Source: server/handlers/changes_args.h.
 * Not here: sequences (server/seq.h).
 */
#include "server/handlers/changes_args.h"

#include <ctype.h>

#include "base/arith.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "server/docjson.h"
#include "server/server.h"

/* What the query string says, before it is put together. */
struct raw_args {
    struct changes_args args;
    bool has_timeout;
    uint64_t timeout_ms;
    uint64_t heartbeat_ms; /* UINT64_MAX: the default */
};

static bool is_key(tuf_slice key, const char *name)
{
    if (key.len != strlen(name))
        return false;
    for (size_t i = 0; i < key.len; i++) {
        if (tolower(key.data[i]) != name[i])
            return false;
    }
    return true;
}

static tuf_status refuse(const char *reason)
{
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "%s", reason);
}

static enum changes_feed feed_of(tuf_slice value)
{
    if (slice_is(value, "normal"))
        return CHANGES_NORMAL;
    if (slice_is(value, "longpoll"))
        return CHANGES_LONGPOLL;
    if (slice_is(value, "continuous") || slice_is(value, "live"))
        return CHANGES_CONTINUOUS;
    return slice_is(value, "eventsource") ? CHANGES_EVENTSOURCE : CHANGES_UNKNOWN;
}

static tuf_status read_limit(struct raw_args *raw, tuf_slice value)
{
    int64_t limit = 0;
    if (!parse_int(&limit, value))
        return refuse("The limit parameter should be a non-negative integer");
    if (limit < 0)
        return refuse("The limit value should be a non-negative integer");
    raw->args.limit = (uint64_t)limit;
    return TUF_OK;
}

static tuf_status read_timeout(struct raw_args *raw, tuf_slice value)
{
    int64_t timeout = 0;
    if (!parse_int(&timeout, value))
        return refuse("The timeout parameter should be a non-negative integer");
    if (timeout < 0)
        return refuse("The timeout value should be a non-negative integer");
    raw->has_timeout = true;
    raw->timeout_ms = (uint64_t)timeout;
    return TUF_OK;
}

static tuf_status read_heartbeat(struct raw_args *raw, tuf_slice value)
{
    int64_t heartbeat = 0;
    raw->args.heartbeat = true;
    raw->heartbeat_ms = UINT64_MAX;
    if (slice_is(value, "true"))
        return TUF_OK;
    if (!parse_int(&heartbeat, value))
        return refuse("Invalid heartbeat value. Expecting a positive integer value "
                      "(in milliseconds).");
    if (heartbeat <= 0)
        return refuse("The heartbeat value should be a positive integer (in milliseconds).");
    raw->heartbeat_ms = (uint64_t)heartbeat;
    return TUF_OK;
}

static tuf_status read_interval(struct raw_args *raw, tuf_slice value)
{
    int64_t interval = 0;
    if (!parse_int(&interval, value) || interval <= 0)
        return refuse("invalid_seq_interval");
    raw->args.seq_interval = (uint64_t)interval;
    return TUF_OK;
}

static tuf_status read_style(struct raw_args *raw, tuf_slice value)
{
    if (!slice_is(value, "main_only") && !slice_is(value, "all_docs"))
        return refuse("The style value should be main_only or all_docs");
    raw->args.all_leaves = slice_is(value, "all_docs");
    return TUF_OK;
}

/* Switches count only when they are exactly "true". */
static void read_switch(struct raw_args *raw, tuf_slice key)
{
    struct changes_args *args = &raw->args;
    if (is_key(key, "descending"))
        args->descending = true;
    else if (is_key(key, "include_docs"))
        args->include_docs = true;
    else if (is_key(key, "conflicts"))
        args->doc_flags |= DOCJSON_CONFLICTS;
    else if (is_key(key, "attachments"))
        args->doc_flags |= DOCJSON_ATTACHMENTS;
    else if (is_key(key, "att_encoding_info"))
        args->doc_flags |= DOCJSON_ATT_ENCODING;
}

static tuf_status read_arg(struct raw_args *raw, tuf_slice key, tuf_slice value)
{
    if (is_key(key, "feed"))
        raw->args.feed = feed_of(value);
    else if (is_key(key, "since") || is_key(key, "last-event-id"))
        raw->args.since = value;
    else if (is_key(key, "filter"))
        raw->args.filter = value;
    else if (is_key(key, "limit"))
        return read_limit(raw, value);
    else if (is_key(key, "timeout"))
        return read_timeout(raw, value);
    else if (is_key(key, "heartbeat"))
        return read_heartbeat(raw, value);
    else if (is_key(key, "seq_interval"))
        return read_interval(raw, value);
    else if (is_key(key, "style"))
        return read_style(raw, value);
    else if (slice_is(value, "true"))
        read_switch(raw, key);
    return TUF_OK;
}

tuf_status changes_args_parse(struct changes_args *out, const struct request *req)
{
    struct raw_args raw = { .args = { .limit = CHANGES_LIMIT_NONE, .since = tuf_str("0") } };
    for (size_t i = 0; i < req->params.count; i++) {
        tuf_status st = read_arg(&raw, req->params.items[i].key, req->params.items[i].value);
        if (st != TUF_OK)
            return st;
    }
    /* A browser that reconnects says where it was; that counts more than the URL it was given. */
    tuf_slice last_id;
    if (raw.args.feed == CHANGES_EVENTSOURCE && request_header(&last_id, req, "Last-Event-ID"))
        raw.args.since = last_id;
    uint64_t longest_ms = server_settings(req->server)->changes_timeout_ms;
    uint64_t wanted_ms = raw.has_timeout ? raw.timeout_ms : longest_ms;
    raw.args.wait_ms = min_u64(longest_ms, raw.args.heartbeat ? raw.heartbeat_ms : wanted_ms);
    *out = raw.args;
    return TUF_OK;
}
