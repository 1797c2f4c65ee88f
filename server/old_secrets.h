/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: secrets of session cookies that were replaced a moment ago: cookies that they signed stay
 * good as long as a session lasts, so that changing the secret logs nobody out who is at work.
 *
 * Source: CouchDB's couch_secrets.
 */
#ifndef SERVER_OLD_SECRETS_H
#define SERVER_OLD_SECRETS_H

#include "base/buf.h"

struct old_secrets;

struct old_secrets *old_secrets_new(void);
void old_secrets_free(struct old_secrets **old);

/* Tells the secret that counts now; the one before is kept for so many seconds. */
void old_secrets_note(struct old_secrets *old, tuf_slice secret, uint64_t now_s, uint64_t keep_s);

/* Appends an older secret, from `pos` 0 on; false (nothing appended) when there is no other. */
bool old_secrets_get(struct buf *out, struct old_secrets *old, size_t pos, uint64_t now_s);

#endif
