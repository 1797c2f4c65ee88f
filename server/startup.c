/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: puts the configuration of a start together. See server/startup.h.
 */
#include "server/startup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "server/config_keys.h"
#include "server/server.h"

#define PATH_SIZE 4096
#define SECRET_FILE_MAX 4096

/* ---- environment ------------------------------------------------------------------------- */

bool startup_env(struct buf *out, tuf_status *status, const char *name)
{
    char file_name[64];
    char text[SECRET_FILE_MAX];
    const char *value = getenv(name);
    snprintf(file_name, sizeof(file_name), "%s_FILE", name);
    const char *path = getenv(file_name);
    if (value != NULL && value[0] != 0) {
        buf_append_str(out, value);
        return !out->failed;
    }
    if (path == NULL || path[0] == 0)
        return false;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        *status = tufi_fail_errno(errno, "cannot read %s, the file of %s", path, file_name);
        return false;
    }
    size_t len = fread(text, 1, sizeof(text), file);
    fclose(file);
    tuf_slice content = slice_trim_end(tuf_slice_of(text, len), "\r\n");
    buf_append_slice(out, content);
    return content.len > 0 && !out->failed;
}

static bool name_is_clean(tuf_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = byte_lower(name.data[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !byte_is_one_of(c, "@._-"))
            return false;
    }
    return name.len > 0;
}

/* As in CouchDB's containers: the host part of the node's name. */
static tuf_status take_node_name(struct server *server)
{
    TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
    tuf_status st = TUF_OK;
    snprintf(server->node_name, sizeof(server->node_name), "nonode@nohost");
    if (!startup_env(&name, &st, "NODENAME"))
        return st;
    tuf_slice text = buf_slice(&name);
    bool whole = memchr(text.data, '@', text.len) != NULL;
    if (!name_is_clean(text) || text.len > sizeof(server->node_name) - 16)
        return tufi_fail(TUF_E_INVALID, "NODENAME is no name of a host");
    snprintf(server->node_name, sizeof(server->node_name), "%s%.*s", whole ? "" : "couchdb@",
             (int)text.len, (const char *)text.data);
    return TUF_OK;
}

static tuf_status take_secret(struct config *config)
{
    TUF_AUTO(tufi_buf_release) struct buf secret = BUF_INIT;
    tuf_status st = TUF_OK;
    if (!startup_env(&secret, &st, "COUCHDB_SECRET"))
        return st;
    return config_pin(config, "chttpd_auth", "secret", buf_slice(&secret));
}

/* ---- command line ------------------------------------------------------------------------ */

/* "SECTION/KEY=VALUE" */
static tuf_status take_set(struct config *config, const char *text)
{
    char name[512];
    const char *slash = strchr(text, '/');
    const char *equals = slash != NULL ? strchr(slash, '=') : NULL;
    if (equals == NULL || (size_t)(equals - text) >= sizeof(name))
        return tufi_fail(TUF_E_INVALID, "--set wants SECTION/KEY=VALUE, not \"%s\"", text);
    snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
    name[slash - text] = 0;
    return config_pin(config, name, name + (slash - text) + 1, tuf_str(equals + 1));
}

tuf_status startup_config(struct server *server, const struct server_options *options)
{
    char local[PATH_SIZE];
    int len = snprintf(local, sizeof(local), "%s/local.ini", options->data_dir);
    if (len < 0 || len >= (int)sizeof(local))
        return tufi_fail(TUF_E_LIMIT, "the data directory's path is too long");
    bool serves = !options->check_config && !options->print_config;
    if (serves && mkdir(options->data_dir, 0700) != 0 && errno != EEXIST)
        return tufi_fail_errno(errno, "cannot make the data directory %s", options->data_dir);
    tuf_status st =
        config_new(&server->config, options->config_paths, options->config_count, local);
    if (st == TUF_OK)
        st = take_node_name(server);
    if (st == TUF_OK)
        st = take_secret(server->config);
    for (size_t i = 0; i < options->set_count && st == TUF_OK; i++)
        st = take_set(server->config, options->sets[i]);
    return st;
}

/* ---- showing ----------------------------------------------------------------------------- */

static void print_value(const char *section, const char *key, const char *value, void *ctx)
{
    char *open = ctx;
    if (strcmp(open, section) != 0)
        printf("%s[%s]\n", open[0] != 0 ? "\n" : "", section);
    snprintf(open, 256, "%s", section);
    printf("%s = %s\n", key, config_is_secret(section, key) ? "****" : value);
}

void startup_print(struct config *config)
{
    char open[256] = "";
    config_visit(config, NULL, print_value, open);
}
