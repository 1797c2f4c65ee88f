/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the listening socket: accepts connections and spreads them over the loops.
 *
 * INV-LIS-1: when the process is out of descriptors it neither spins nor stops for good: a
 *            reserve descriptor lets it turn one client away, then it pauses for a moment.
 */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include <stdbool.h>

#include "tuffet/status.h"

struct listener;
struct server;

#define LISTEN_PATH_MAX 108 /* of a Unix socket, with its NUL */

struct listen_address {
    char host[256];   /* or the path of the Unix socket */
    char port[16];
    bool tls;
    bool unix_socket;
};

/* Splits "ADDR:PORT" or "[ADDR]:PORT". */
bool listen_parse(struct listen_address *out, const char *text);

/* Whether every address that a host text stands for is a loopback address, or it is a Unix socket. */
bool listen_is_loopback(const struct listen_address *address);

/*
 * Listens on the first loop of the server. A Unix socket is made for owner and group; one that nobody
 * answers on is replaced. Returns: TUF_OK; E_IO.
 */
tuf_status listener_new(struct listener **out, struct server *server,
                        const struct listen_address *address);
/* The port that was bound (useful after asking for port 0). */
unsigned listener_port(const struct listener *listener);
/* Stops accepting, and takes a Unix socket away. NULL is allowed. */
void listener_free(struct listener **listener);

#endif
