/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: prepares the server admins. See server/admins.h.
 */
#include "server/admins.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "server/config.h"
#include "server/password.h"
#include "server/startup.h"
#include "server/user_passwords.h"

tuf_status admins_hash(struct buf *out, struct config *config, tuf_slice password)
{
    struct password_wish wish = password_wish_of(config);
    return admin_password_make(out, password, &wish);
}

static tuf_status store_hashed(struct config *config, const char *name, tuf_slice password)
{
    TUF_AUTO(tufi_buf_release) struct buf hashed = BUF_INIT;
    tuf_status st = admins_hash(&hashed, config, password);
    if (st != TUF_OK)
        return st;
    return config_set(NULL, config, "admins", name, buf_slice(&hashed), true);
}

/* An admin of the environment is stored once; a new password there replaces the old one. */
static tuf_status take_environment(struct config *config)
{
    TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf password = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf known = BUF_INIT;
    struct stored_password stored;
    tuf_status st = TUF_OK;
    if (!startup_env(&name, &st, "COUCHDB_USER") ||
        !startup_env(&password, &st, "COUCHDB_PASSWORD"))
        return st;
    buf_append_u8(&name, 0);
    if (name.failed)
        return tufi_nomem();
    const char *text = (const char *)name.data;
    if (config_get_exact(&known, config, "admins", text) &&
        admin_password_parse(&stored, buf_slice(&known)) &&
        password_verify(&stored, buf_slice(&password)))
        return TUF_OK;
    return store_hashed(config, text, buf_slice(&password));
}

/* The first admin with a plain text password: its name and password, NUL-terminated. */
struct plain_admin {
    struct buf name, password;
};

static void find_plain(const char *section, const char *key, const char *value, void *ctx)
{
    struct plain_admin *found = ctx;
    struct stored_password stored;
    (void)section;
    if (found->name.len > 0 || admin_password_parse(&stored, tuf_str(value)))
        return;
    tufi_buf_append(&found->name, key, strlen(key) + 1);
    tufi_buf_append(&found->password, value, strlen(value));
}

tuf_status admins_prepare(struct config *config)
{
    tuf_status st = take_environment(config);
    while (st == TUF_OK) {
        struct plain_admin found = { BUF_INIT, BUF_INIT };
        config_visit(config, "admins", find_plain, &found);
        bool done = found.name.len == 0;
        if (!done && !found.name.failed)
            st = store_hashed(config, (const char *)found.name.data, buf_slice(&found.password));
        if (found.name.failed)
            st = tufi_nomem();
        tufi_buf_release(&found.name);
        tufi_buf_release(&found.password);
        if (done)
            break;
    }
    return st;
}
