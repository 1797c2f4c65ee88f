/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: finds and opens the places where the server listens. See server/addresses.h.
 */
#include "server/addresses.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "server/server.h"

static tuf_status add(struct addresses *out, const struct listen_address *address)
{
    if (out->count == ADDRESSES_MAX)
        return tufi_fail(TUF_E_INVALID, "more than %d addresses to listen on", ADDRESSES_MAX);
    out->items[out->count++] = *address;
    return TUF_OK;
}

/* A comma list of hosts with one port. */
static tuf_status add_hosts(struct addresses *out, tuf_slice hosts, uint64_t port, bool tls)
{
    tuf_slice host;
    tuf_status st = TUF_OK;
    while (st == TUF_OK && slice_next_item(&host, &hosts, ',')) {
        struct listen_address address = { .tls = tls };
        host = slice_trim(host, SLICE_OWS);
        if (host.len >= sizeof(address.host))
            return tufi_fail(TUF_E_INVALID, "a bind_address is too long");
        snprintf(address.host, sizeof(address.host), "%.*s", (int)host.len,
                 (const char *)host.data);
        snprintf(address.port, sizeof(address.port), "%u", (unsigned)(port & 0xffff));
        st = add(out, &address);
    }
    return st;
}

static tuf_status add_plain(struct addresses *out, struct server *server,
                            const struct server_options *options)
{
    TUF_AUTO(tufi_buf_release) struct buf hosts = BUF_INIT;
    if (options->listen_count == 0) {
        if (!config_get(&hosts, server->config, "chttpd", "bind_address"))
            buf_append_str(&hosts, "127.0.0.1");
        return add_hosts(out, buf_slice(&hosts),
                         config_uint(server->config, "chttpd", "port", 5984), false);
    }
    tuf_status st = TUF_OK;
    for (size_t i = 0; i < options->listen_count && st == TUF_OK; i++) {
        struct listen_address address = { .tls = false };
        st = listen_parse(&address, options->listen[i])
                 ? add(out, &address)
                 : tufi_fail(TUF_E_INVALID, "--listen wants ADDRESS:PORT, not \"%s\"",
                             options->listen[i]);
    }
    return st;
}

static tuf_status add_tls(struct addresses *out, struct server *server)
{
    TUF_AUTO(tufi_buf_release) struct buf hosts = BUF_INIT;
    struct config *config = server->config;
    if (!config_bool(config, "ssl", "enable", false))
        return TUF_OK;
    if (!config_get_exact(&hosts, config, "ssl", "bind_address") &&
        !config_get(&hosts, config, "chttpd", "bind_address"))
        buf_append_str(&hosts, "127.0.0.1");
    return add_hosts(out, buf_slice(&hosts), config_uint(config, "ssl", "port", 6984), true);
}

static tuf_status add_unix(struct addresses *out, struct server *server)
{
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    struct listen_address address = { .unix_socket = true };
    if (!config_get(&path, server->config, "chttpd", "unix_socket") || path.len == 0)
        return TUF_OK;
    if (path.len >= LISTEN_PATH_MAX)
        return tufi_fail(TUF_E_INVALID, "[chttpd] unix_socket is longer than %d bytes",
                         LISTEN_PATH_MAX - 1);
    snprintf(address.host, sizeof(address.host), "%.*s", (int)path.len, (const char *)path.data);
    return add(out, &address);
}

tuf_status addresses_find(struct addresses *out, struct server *server,
                          const struct server_options *options)
{
    tuf_status st = TUF_OK;
    if (config_bool(server->config, "chttpd", "enable", true) || options->listen_count > 0)
        st = add_plain(out, server, options);
    if (st == TUF_OK)
        st = add_tls(out, server);
    if (st == TUF_OK)
        st = add_unix(out, server);
    if (st == TUF_OK && out->count == 0)
        st = tufi_fail(TUF_E_INVALID, "there is nothing to listen on");
    return st;
}

tuf_status addresses_publish(const struct addresses *addresses, struct server *server)
{
    const struct listen_address *first = &addresses->items[0];
    if (first->tls || first->unix_socket)
        return TUF_OK;
    TUF_AUTO(tufi_buf_release) struct buf hosts = BUF_INIT;
    for (size_t i = 0; i < addresses->count; i++) {
        const struct listen_address *item = &addresses->items[i];
        if (!item->tls && !item->unix_socket)
            tufi_buf_printf(&hosts, "%s%s", i > 0 ? ", " : "", item->host);
    }
    tuf_status st = hosts.failed ? tufi_nomem()
                                 : config_pin(server->config, "chttpd", "bind_address",
                                              buf_slice(&hosts));
    if (st != TUF_OK)
        return st;
    return config_pin(server->config, "chttpd", "port", tuf_str(first->port));
}

const struct listen_address *addresses_public(const struct addresses *addresses)
{
    for (size_t i = 0; i < addresses->count; i++) {
        if (!listen_is_loopback(&addresses->items[i]))
            return &addresses->items[i];
    }
    return NULL;
}

/* What a client on this machine asks: plain HTTP if there is any, else TLS. */
static void remember_url(struct server *server, const struct addresses *addresses)
{
    for (size_t i = 0; i < addresses->count; i++) {
        const struct listen_address *item = &addresses->items[i];
        bool worse = item->tls && server->own_url[0] != 0;
        if (item->unix_socket || worse)
            continue;
        const char *host = item->host;
        /* What listens everywhere listens on the loopback interface. */
        if (host[0] == 0 || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "any") == 0)
            host = "127.0.0.1";
        if (strcmp(host, "::") == 0)
            host = "::1";
        bool v6 = strchr(host, ':') != NULL;
        snprintf(server->own_url, sizeof(server->own_url), "%s://%s%s%s:%u/",
                 item->tls ? "https" : "http", v6 ? "[" : "", host, v6 ? "]" : "",
                 listener_port(addresses->listeners[i]));
        server->port = listener_port(addresses->listeners[i]);
        if (!item->tls)
            return;
    }
}

static void say_ready(const struct listen_address *address, unsigned port)
{
    bool v6 = strchr(address->host, ':') != NULL;
    if (address->unix_socket)
        printf("tuffetd: ready on unix:%s\n", address->host);
    else
        printf("tuffetd: ready on %s://%s%s%s:%u/\n", address->tls ? "https" : "http",
               v6 ? "[" : "", address->host, v6 ? "]" : "", port);
}

tuf_status addresses_open(struct addresses *addresses, struct server *server)
{
    for (size_t i = 0; i < addresses->count; i++) {
        tuf_status st = listener_new(&addresses->listeners[i], server, &addresses->items[i]);
        if (st != TUF_OK)
            return st;
    }
    remember_url(server, addresses);
    for (size_t i = 0; i < addresses->count; i++)
        say_ready(&addresses->items[i], listener_port(addresses->listeners[i]));
    fflush(stdout);
    return TUF_OK;
}

void addresses_close(struct addresses *addresses)
{
    for (size_t i = 0; i < addresses->count; i++)
        listener_free(&addresses->listeners[i]);
}
