/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: server admins at start: from the environment, and plain text passwords made hashes.
 */
#ifndef SERVER_ADMINS_H
#define SERVER_ADMINS_H

#include "base/buf.h"
#include "tuffet/status.h"

struct config;

/*
 * Takes COUCHDB_USER with COUCHDB_PASSWORD (or the files that COUCHDB_USER_FILE and
 * COUCHDB_PASSWORD_FILE name) over, and replaces every plain text value in [admins] by its hash,
 * also in the local file. To be called after each reading of the files; COSTS if there is one.
 * Returns: TUF_OK; failures of config_set.
 */
tuf_status admins_prepare(struct config *config);

/* Appends what is stored of an admin's new password, as [chttpd_auth] password_scheme and iterations want
 * it. COSTS. */
tuf_status admins_hash(struct buf *out, struct config *config, tuf_slice password);

#endif
