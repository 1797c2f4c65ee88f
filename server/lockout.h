/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: counts failed logins of a user from an address and refuses more after too many.
 *
 * Source: CouchDB's couch_auth_lockout: five failures, five minutes.
 */
#ifndef SERVER_LOCKOUT_H
#define SERVER_LOCKOUT_H

#include "tuffet/types.h"

#define LOCKOUT_THRESHOLD_DEFAULT 5
#define LOCKOUT_LIFETIME_MS_DEFAULT 300000

struct lockout;

struct lockout *lockout_new(void);
void lockout_free(struct lockout **lockout);

/* Whether no failure was ever counted: nobody is locked out, and nothing need be looked up. */
bool lockout_is_empty(const struct lockout *lockout);

/* Any thread. Whether this user is locked out for this peer. */
bool lockout_is_locked(struct lockout *lockout, tuf_slice name, const char *peer,
                       uint64_t now_ms, uint64_t threshold);
/* Counts a failure. */
void lockout_add_failure(struct lockout *lockout, tuf_slice name, const char *peer,
                         uint64_t now_ms, uint64_t lifetime_ms);

#endif
