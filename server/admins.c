/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: prepares the server admins. See server/admins.h.
 */
#include "server/admins.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "server/config.h"
#include "server/password.h"

static tuf_status store_hashed(struct config *config, const char *name, tuf_slice password)
{
    TUF_AUTO(tufi_buf_release) struct buf hashed = BUF_INIT;
    tuf_status st = admin_password_make(
        &hashed, password, config_uint(config, "chttpd_auth", "iterations", ITERATIONS_DEFAULT));
    if (st != TUF_OK)
        return st;
    return config_set(NULL, config, "admins", name, buf_slice(&hashed), true);
}

/* The environment's password; false if there is none. */
static bool read_password(struct buf *out)
{
    const char *text = getenv("COUCHDB_PASSWORD");
    const char *path = getenv("COUCHDB_PASSWORD_FILE");
    if (text != NULL && text[0] != 0) {
        buf_append_str(out, text);
        return !out->failed;
    }
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    if (file == NULL)
        return false;
    char line[1024];
    size_t len = fread(line, 1, sizeof(line), file);
    fclose(file);
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    tufi_buf_append(out, line, len);
    return len > 0 && !out->failed;
}

/* An admin of the environment is stored once; a new password there replaces the old one. */
static tuf_status take_environment(struct config *config)
{
    TUF_AUTO(tufi_buf_release) struct buf password = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf known = BUF_INIT;
    struct stored_password stored;
    const char *secret = getenv("COUCHDB_SECRET");
    const char *name = getenv("COUCHDB_USER");
    if (secret != NULL && secret[0] != 0) {
        tuf_status st =
            config_pin(config, "chttpd_auth", "secret", tuf_str(secret));
        if (st != TUF_OK)
            return st;
    }
    if (name == NULL || name[0] == 0 || !read_password(&password))
        return TUF_OK;
    if (config_get_exact(&known, config, "admins", name) &&
        admin_password_parse(&stored, buf_slice(&known)) &&
        password_verify(&stored, buf_slice(&password)))
        return TUF_OK;
    return store_hashed(config, name, buf_slice(&password));
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
