/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: virtual hosts. See server/vhosts.h.
 *
 * Of several names that fit the one counts that says most: the most labels given literally, then
 * the longest prefix.
 */
#include "server/vhosts.h"

#include "base/alloc.h"
#include "base/arith.h"
#include "base/slice.h"
#include "server/config.h"

#define VARS_MAX 8

/* What the parts of a name took, by their names without the colon; "*" for the rest. */
struct bindings {
    tuf_slice names[VARS_MAX];
    tuf_slice values[VARS_MAX];
    size_t count;
};

struct search {
    tuf_slice host, port, path;
    struct buf *out;
    size_t best; /* of the name found, 0: none */
};

/* Cuts the port off a host, if there is one. */
static void split_port(tuf_slice *host, tuf_slice *port)
{
    const uint8_t *colon = host->len > 0 ? memrchr(host->data, ':', host->len) : NULL;
    const uint8_t *bracket = host->len > 0 ? memrchr(host->data, ']', host->len) : NULL;
    *port = tuf_slice_of(NULL, 0);
    /* In "*.x" and ":name.x" a colon begins a label. */
    if (colon == NULL || colon == host->data || colon[-1] == '.' ||
        (bracket != NULL && bracket > colon))
        return;
    size_t len = (size_t)(colon - host->data);
    *port = tuf_slice_of(colon + 1, host->len - len - 1);
    host->len = len;
}

/* The last label is taken off. */
static tuf_slice last_label(tuf_slice *host)
{
    const uint8_t *dot = host->len > 0 ? memrchr(host->data, '.', host->len) : NULL;
    tuf_slice label = *host;
    if (dot == NULL) {
        host->len = 0;
        return label;
    }
    size_t len = (size_t)(dot - host->data);
    label = tuf_slice_of(dot + 1, host->len - len - 1);
    host->len = len;
    return label;
}

static bool bind(struct bindings *vars, tuf_slice name, tuf_slice value)
{
    if (vars->count == VARS_MAX || value.len == 0)
        return false;
    vars->names[vars->count] = name;
    vars->values[vars->count++] = value;
    return true;
}

/* How many labels are literally the same, plus one; 0 if the names do not fit. */
static size_t match_host(struct bindings *vars, tuf_slice name, tuf_slice host)
{
    size_t score = 1;
    while (name.len > 0) {
        if (slice_is(name, "*"))
            return bind(vars, name, host) ? score : 0;
        tuf_slice wanted = last_label(&name);
        tuf_slice label = last_label(&host);
        if (wanted.len > 1 && wanted.data[0] == ':') {
            if (!bind(vars, tuf_slice_of(wanted.data + 1, wanted.len - 1), label))
                return 0;
        } else if (label.len == 0 || !slice_equal_nocase(wanted, label)) {
            return 0;
        } else {
            score++;
        }
    }
    return host.len == 0 ? score : 0;
}

static bool has_prefix(tuf_slice path, tuf_slice prefix)
{
    return path.len >= prefix.len &&
           slice_equal(tuf_slice_of(path.data, prefix.len), prefix) &&
           (path.len == prefix.len || path.data[prefix.len] == '/');
}

/* A segment of the target: itself, or what a part of the name took. */
static void append_segment(struct buf *out, const struct bindings *vars, tuf_slice segment)
{
    tuf_slice name = segment;
    if (name.len > 1 && name.data[0] == ':')
        name = tuf_slice_of(name.data + 1, name.len - 1);
    for (size_t i = 0; i < vars->count; i++) {
        bool variable = name.len != segment.len || slice_is(segment, "*");
        if (variable && slice_equal(vars->names[i], name))
            segment = vars->values[i];
    }
    buf_append_u8(out, '/');
    buf_append_slice(out, segment);
}

static void see_vhost(const char *section, const char *key, const char *value, void *ctx)
{
    struct search *search = ctx;
    struct bindings vars = { .count = 0 };
    tuf_slice name = tuf_str(key), prefix = tuf_str(""), port;
    tuf_slice target = tuf_str(value), segment;
    (void)section;
    const uint8_t *slash = memchr(name.data, '/', name.len);
    if (slash != NULL) {
        prefix = slice_trim_end(tuf_slice_of(slash, name.len - (size_t)(slash - name.data)), "/");
        name.len = (size_t)(slash - name.data);
    }
    split_port(&name, &port);
    if (port.len > 0 && !slice_equal(port, search->port))
        return;
    size_t score = match_host(&vars, name, search->host);
    if (score == 0 || !has_prefix(search->path, prefix))
        return;
    score = score * 1000 + min_size(prefix.len, 999);
    if (score <= search->best)
        return;
    search->best = score;
    tufi_buf_clear(search->out);
    while (slice_next_item(&segment, &target, '/')) {
        if (segment.len > 0)
            append_segment(search->out, &vars, segment);
    }
    tufi_buf_append(search->out, search->path.data + prefix.len, search->path.len - prefix.len);
}

static bool is_global(struct config *config, tuf_slice path)
{
    TUF_AUTO(tufi_buf_release) struct buf handlers = BUF_INIT;
    tuf_slice item, first = tuf_str("");
    if (!config_get(&handlers, config, "chttpd", "vhost_global_handlers"))
        buf_append_str(&handlers, "_utils, _uuids, _session, _users");
    path = slice_trim_start(path, "/");
    (void)slice_next_item(&first, &path, '/');
    tuf_slice list = buf_slice(&handlers);
    while (slice_next_item(&item, &list, ',')) {
        if (slice_equal(slice_trim(item, SLICE_OWS), first))
            return true;
    }
    return false;
}

bool vhosts_map(struct buf *out, struct config *config, tuf_slice host, tuf_slice path)
{
    TUF_AUTO(tufi_buf_release) struct buf found = BUF_INIT;
    struct search search = { .host = host, .path = path, .out = &found };
    if (host.len == 0 || path.len == 0 || is_global(config, path))
        return false;
    split_port(&search.host, &search.port);
    config_visit(config, "vhosts", see_vhost, &search);
    if (search.best > 0)
        buf_append_slice(out, buf_slice(&found));
    return search.best > 0 && !found.failed && !out->failed;
}
