/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what clients may take of the server together: connections, each client's share of them, and
 * memory for bodies that are being received.
 *
 * INV-ADM-1: what was let in is let out once: a connection when it is freed, bytes with their request.
 * Not here: how long they may take (server/conn.c), how much one request may bring (server/body.c).
 */
#ifndef SERVER_ADMISSION_H
#define SERVER_ADMISSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct admission;
struct admission_client;

struct admission *admission_new(void);
void admission_free(struct admission **admission);

/*
 * A connection of a client begins. Any thread.
 *   out             the client, to be given back to admission_leave
 *   connections_max of all clients; client_max of this one's address
 * Returns false if there are too many, or no memory.
 */
bool admission_enter(struct admission_client **out, struct admission *admission,
                     const struct sockaddr *addr, uint64_t connections_max, uint64_t client_max);
void admission_leave(struct admission *admission, struct admission_client **client);

/* Changes what a request holds from *held to `wanted` bytes. Giving back always succeeds; taking
 * fails if all requests would then hold more than `max`. Any thread. */
bool admission_hold(struct admission *admission, size_t *held, size_t wanted, uint64_t max);

#endif
