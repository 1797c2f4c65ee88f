/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: all places where the server listens: addresses of [chttpd] and [ssl], a Unix socket.
 */
#ifndef SERVER_ADDRESSES_H
#define SERVER_ADDRESSES_H

#include "server/listen.h"

#define ADDRESSES_MAX 16

struct server;
struct server_options;

struct addresses {
    struct listen_address items[ADDRESSES_MAX];
    struct listener *listeners[ADDRESSES_MAX]; /* of addresses_open */
    size_t count;
};

/*
 * What command line and configuration say.
 * Returns: TUF_OK; E_INVALID (no place at all, too many of them, --listen is malformed).
 */
tuf_status addresses_find(struct addresses *out, struct server *server,
                          const struct server_options *options);

/* Shows the first one as [chttpd] bind_address and port. */
tuf_status addresses_publish(const struct addresses *addresses, struct server *server);

/* One that is no loopback address; NULL if there is none. */
const struct listen_address *addresses_public(const struct addresses *addresses);

/* Listens everywhere, and says so on standard output. */
tuf_status addresses_open(struct addresses *addresses, struct server *server);
void addresses_close(struct addresses *addresses);

#endif
