/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: makes and deletes the databases of users. See server/peruser.h.
 */
#include "server/peruser.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "server/auth.h"
#include "server/dbs.h"
#include "server/log.h"
#include "server/server.h"
#include "server/users.h"
#include "server/work.h"

struct peruser {
    struct server *server;
    pthread_mutex_t lock;
    bool running, again; /* by lock */
    uint64_t seq;        /* of _users, up to which everything is done; the job's */
    char start_time[32]; /* of that _users: another one begins at its beginning */
};

/* ---- one user ---------------------------------------------------------------------------- */

static tuf_status append_name(struct buf *out, struct server *server, tuf_slice user)
{
    if (!config_get(out, server->config, "couch_peruser", "database_prefix"))
        buf_append_str(out, "userdb-");
    if (user.len > DBS_NAME_SIZE_MAX)
        return tufi_fail(TUF_E_LIMIT, "the name of a user is too long for a database's");
    char hex[2 * DBS_NAME_SIZE_MAX];
    tufi_hex_encode(hex, user.data, user.len);
    tufi_buf_append(out, hex, 2 * user.len);
    return buf_status(out);
}

/* Adds a name to security[group].names. True if it was not there. */
static bool add_to_list(json_t *security, const char *group, tuf_slice user)
{
    json_t *lists = json_object_get(security, group);
    if (!json_is_object(lists)) {
        json_object_set_new(security, group, json_object());
        lists = json_object_get(security, group);
    }
    json_t *names = json_object_get(lists, "names");
    if (!json_is_array(names)) {
        json_object_set_new(lists, "names", json_array());
        names = json_object_get(lists, "names");
    }
    for (size_t i = 0; i < json_array_size(names); i++) {
        const json_t *name = json_array_get(names, i);
        if (json_is_string(name) &&
            slice_equal(tuf_slice_of(json_string_value(name), json_string_length(name)), user))
            return false;
    }
    return json_array_append_new(names, json_stringn((const char *)user.data, user.len)) == 0;
}

static int append_dump(const char *data, size_t len, void *ctx)
{
    struct buf *out = ctx;
    tufi_buf_append(out, data, len);
    return out->failed ? -1 : 0;
}

static tuf_status ensure_member(struct dbh *dbh, tuf_slice user)
{
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    json_error_t error;
    dbh_security_text(&text, dbh);
    json_t *security = json_loadb((const char *)text.data, text.len, 0, &error);
    if (!json_is_object(security)) {
        json_decref(security);
        security = json_object();
    }
    tuf_status st = TUF_OK;
    bool admin = add_to_list(security, "admins", user);
    bool member = add_to_list(security, "members", user);
    if (admin || member) {
        tufi_buf_clear(&text);
        st = json_dump_callback(security, append_dump, &text, JSON_COMPACT) == 0
                 ? dbh_put_security(dbh, buf_slice(&text)) : tufi_nomem();
    }
    json_decref(security);
    return st;
}

static tuf_status ensure_db(struct server *server, tuf_slice user)
{
    TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
    TUF_AUTO(dbh_unref) struct dbh *dbh = NULL;
    tuf_status st = append_name(&name, server, user);
    if (st == TUF_OK)
        st = dbs_create(server->dbs, buf_slice(&name));
    if (st == TUF_OK || st == TUF_EXISTS)
        st = dbs_open(&dbh, server->dbs, buf_slice(&name));
    return st == TUF_OK ? ensure_member(dbh, user) : st;
}

static tuf_status drop_db(struct server *server, tuf_slice user)
{
    TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
    if (!config_bool(server->config, "couch_peruser", "delete_dbs", false))
        return TUF_OK;
    tuf_status st = append_name(&name, server, user);
    if (st == TUF_OK)
        st = dbs_delete(server->dbs, buf_slice(&name));
    return st == TUF_NOT_FOUND ? TUF_OK : st;
}

/* ---- all changes of _users --------------------------------------------------------------- */

static void visit(struct server *server, const tuf_docinfo *info)
{
    size_t prefix_len = strlen(USER_ID_PREFIX);
    if (!slice_starts(info->id, USER_ID_PREFIX) || info->id.len == prefix_len)
        return;
    tuf_slice user = tuf_slice_of(info->id.data + prefix_len, info->id.len - prefix_len);
    tuf_status st = info->deleted ? drop_db(server, user) : ensure_db(server, user);
    if (st != TUF_OK)
        log_line(LOG_ERROR, "the database of a user: %s", tuf_last_error()->text);
}

static tuf_status walk(struct peruser *peruser)
{
    TUF_AUTO(dbh_unref) struct dbh *users = NULL;
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_cursor_free) tuf_cursor *cursor = NULL;
    struct server *server = peruser->server;
    tuf_status st = dbs_open(&users, server->dbs, tuf_str(USERS_DB));
    if (st == TUF_OK && strcmp(peruser->start_time, dbh_start_time(users)) != 0) {
        snprintf(peruser->start_time, sizeof(peruser->start_time), "%s", dbh_start_time(users));
        peruser->seq = 0;
    }
    if (st == TUF_OK)
        st = tuf_db_snapshot(&snapshot, dbh_db(users));
    if (st == TUF_OK)
        st = tuf_cursor_open_seqs(&cursor, snapshot, peruser->seq, false);
    const tuf_docinfo *info;
    while (st == TUF_OK && !server->stopping &&
           (st = tuf_cursor_next(&info, cursor)) == TUF_OK) {
        peruser->seq = info->seq;
        visit(server, info);
    }
    return st == TUF_END || st == TUF_NOT_FOUND ? TUF_OK : st;
}

static bool finish(struct peruser *peruser)
{
    pthread_mutex_lock(&peruser->lock);
    bool done = !peruser->again;
    peruser->again = false;
    peruser->running = !done;
    pthread_mutex_unlock(&peruser->lock);
    return done;
}

static void run(void *arg)
{
    struct peruser *peruser = arg;
    do {
        if (walk(peruser) != TUF_OK)
            log_line(LOG_ERROR, "reading " USERS_DB ": %s", tuf_last_error()->text);
    } while (!finish(peruser));
}

void peruser_kick(struct peruser *peruser)
{
    if (!config_bool(peruser->server->config, "couch_peruser", "enable", false))
        return;
    pthread_mutex_lock(&peruser->lock);
    bool start = !peruser->running;
    peruser->again = !start;
    peruser->running = true;
    pthread_mutex_unlock(&peruser->lock);
    if (start && !work_detached(peruser->server, run, peruser))
        finish(peruser);
}

/* ---- life -------------------------------------------------------------------------------- */

struct peruser *peruser_new(struct server *server)
{
    struct peruser *peruser = tufi_alloc_zero(sizeof(*peruser));
    if (peruser == NULL)
        return NULL;
    peruser->server = server;
    pthread_mutex_init(&peruser->lock, NULL);
    return peruser;
}

void peruser_free(struct peruser **peruser)
{
    if (*peruser == NULL)
        return;
    pthread_mutex_destroy(&(*peruser)->lock);
    tufi_free(*peruser);
    *peruser = NULL;
}
