/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: tells the service manager that started us what we are doing, and that we are alive.
 *
 * Source: sd_notify(3), whose protocol is a datagram to the socket that $NOTIFY_SOCKET names. Without
 * that variable nothing happens. Nothing here fails: a manager that cannot be told must not stop us.
 */
#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1", ... */
void notify_manager(const char *state);
/* The same around reading the configuration again: RELOADING=1 needs the time. */
void notify_reloading(void);

/* How often WATCHDOG=1 is due, in ms: half of $WATCHDOG_USEC; 0 if the manager does not ask us. */
uint64_t notify_watchdog_ms(void);

#endif
