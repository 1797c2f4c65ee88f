/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: "tuffet replicate URL DIRECTORY/": all databases of a server into files, named as tuffetd names
 * them, so that a tuffetd can serve the directory. Done again it brings what is new.
 *
 * Left out: "_replicator", whose jobs would start where the directory is served, and "_global_changes".
 * Not here: one database (cli/replicate.c).
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "cli/replicate.h"
#include "replicator/http.h"

/* The name of a file, its suffix included, and what a directory may add. */
#define NAME_SIZE_MAX 238

/* A name that can be a file's, whatever the server says. */
static bool name_is_good(const char *name)
{
    size_t len = strlen(name);
    if (strcmp(name, "_users") == 0)
        return true;
    return len > 0 && len <= NAME_SIZE_MAX && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_$()+-/") == len;
}

static tuf_status list_databases(json_t **out, const struct endpoint *ep)
{
    TUF_AUTO(repl_http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    static _Atomic bool never;
    struct http_limits limits = { 30000, 5, &never };
    struct session session;
    struct http http = { 0 };
    struct http_request rq = { .method = "GET", .path = "_all_dbs", .at_root = true };
    repl_session_init(&session);
    tuf_status st = repl_http_init(&http, ep, &session, &limits);
    if (st == TUF_OK)
        st = repl_http_call(&reply, &http, &rq);
    if (st == TUF_OK && reply.status == 200)
        *out = json_loadb((const char *)reply.body.data, reply.body.len, 0, NULL);
    if (st == TUF_OK && !json_is_array(*out))
        st = tufi_fail_kind(TUF_E_IO, "invalid_answer", "GET _all_dbs is answered with status %ld",
                            reply.status);
    repl_http_release(&http);
    repl_session_release(&session);
    return st;
}

/* The database's URL, and who we are. */
static json_t *source_of(const struct endpoint *ep, const char *name)
{
    TUF_AUTO(tufi_buf_release) struct buf url = BUF_INIT;
    buf_append_str(&url, ep->root);
    repl_append_escaped(&url, tuf_str(name));
    buf_append_u8(&url, 0);
    if (url.failed)
        return NULL;
    if (ep->password == NULL)
        return json_pack("{s:s}", "url", (const char *)url.data);
    return json_pack("{s:s,s:{s:{s:s,s:s}}}", "url", (const char *)url.data, "auth", "basic",
                     "username", ep->user, "password", ep->password);
}

static json_t *target_of(const char *directory, const char *name)
{
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    buf_append_str(&path, directory);
    if (path.len > 0 && path.data[path.len - 1] != '/')
        buf_append_u8(&path, '/');
    for (const char *c = name; *c != 0; c++) {
        if (*c == '/')
            buf_append_str(&path, "%2F");
        else
            buf_append_u8(&path, (uint8_t)*c);
    }
    buf_append_str(&path, ".tuf");
    buf_append_u8(&path, 0);
    return path.failed ? NULL : json_string((const char *)path.data);
}

static int mirror_one(const struct replication *what, const struct endpoint *ep,
                      const char *directory, const char *name)
{
    json_auto_t *source = source_of(ep, name);
    json_auto_t *target = target_of(directory, name);
    return source != NULL && target != NULL ? cli_replicate_one(what, source, target)
                                            : cli_report(name, tufi_nomem());
}

static int mirror_all(const struct replication *what, const struct endpoint *ep,
                      const char *directory)
{
    json_auto_t *names = NULL;
    size_t pos;
    json_t *item;
    int worst = CLI_OK;
    tuf_status st = list_databases(&names, ep);
    if (st != TUF_OK)
        return cli_report(ep->shown, st);
    json_array_foreach(names, pos, item) {
        const char *name = json_string_value(item);
        if (name == NULL || strcmp(name, "_replicator") == 0 || strcmp(name, "_global_changes") == 0)
            continue;
        int code = CLI_NO;
        if (name_is_good(name))
            code = mirror_one(what, ep, directory, name);
        else
            fprintf(stderr, "tuffet: a database is left out: no file can have its name\n");
        worst = code > worst ? code : worst;
    }
    return worst;
}

int cli_mirror(const struct replication *what, const char *url, const char *directory)
{
    TUF_AUTO(repl_endpoint_release) struct endpoint ep = { 0 };
    json_auto_t *text = json_string(url);
    struct replication each = *what;
    each.create_target = true;
    tuf_status st = repl_endpoint_parse(&ep, text);
    if (st == TUF_OK)
        st = repl_endpoint_set_proxy(&ep, json_object_get(what->request, "proxy"));
    if (st != TUF_OK)
        return cli_report(url, st);
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
        perror("tuffet: the directory cannot be made");
        return CLI_FAILED;
    }
    return mirror_all(&each, &ep, directory);
}
