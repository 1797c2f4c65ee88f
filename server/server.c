/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: starts and stops the server: puts its parts together and takes them apart in order.
 *
 * Stopping: a signal closes the listener; every loop finishes the answers it is at (at most 30 s)
 * and ends; then the workers end, then the databases are closed. A second signal ends the process
 * at once.
 */
#include "server/server.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "server/addresses.h"
#include "server/admins.h"
#include "server/admission.h"
#include "server/compactions.h"
#include "server/cors.h"
#include "server/dbs.h"
#include "server/global_changes.h"
#include "server/lockout.h"
#include "server/log.h"
#include "server/loop.h"
#include "server/notify.h"
#include "server/old_secrets.h"
#include "server/password.h"
#include "server/peruser.h"
#include "server/replications.h"
#include "server/replicator_docs.h"
#include "server/session.h"
#include "server/startup.h"
#include "server/tls.h"
#include "server/work.h"

#define EXIT_CONFIG 78
#define PATH_SIZE 4096

struct stopper {
    struct server *server;
    struct addresses *addresses;
};

static void complain(const char *what)
{
    const tuf_error *error = tuf_last_error();
    fprintf(stderr, "tuffetd: %s: %s\n", what,
            error->text[0] != 0 ? error->text : "out of memory");
}

/* What counts at once. */
static void on_config(struct config *config, void *ctx)
{
    struct server *server = ctx;
    TUF_AUTO(tufi_buf_release) struct buf secret = BUF_INIT;
    log_configure(config);
    (void)config_get(&secret, config, "chttpd_auth", "secret");
    if (!secret.failed)
        old_secrets_note(server->old_secrets, buf_slice(&secret), clock_us() / 1000000,
                         server_settings(server)->session_timeout_s);
    cors_warn(config);
}

/* ---- signals ----------------------------------------------------------------------------- */

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
    struct stopper *stopper = arg;
    struct server *server = stopper->server;
    (void)signal_number;
    (void)what;
    if (server->stopping)
        _exit(1);
    server->stopping = true;
    log_line(LOG_NOTICE, "stopping");
    notify_manager("STOPPING=1");
    addresses_close(stopper->addresses);
    repl_jobs_stop(server->replications);
    for (unsigned i = 0; i < server->loop_count; i++)
        loop_stop(server->loops[i]);
}

/* The configuration is read again, files of the log are opened again. A configuration with a fault
 * is told, and the old one stays. */
static void on_hangup(evutil_socket_t signal_number, short what, void *arg)
{
    struct server *server = ((struct stopper *)arg)->server;
    (void)signal_number;
    (void)what;
    notify_reloading();
    if (config_reload(server->config) != TUF_OK || admins_prepare(server->config) != TUF_OK)
        log_line(LOG_ERROR, "reading the configuration: %s", tuf_last_error()->text);
    else if (server->tls != NULL && tls_reload(server->tls, server->config) != TUF_OK)
        log_line(LOG_ERROR, "reading certificates: %s", tuf_last_error()->text);
    else if (!log_open(server->config))
        log_line(LOG_ERROR, "opening the log: %s", strerror(errno));
    else
        log_line(LOG_NOTICE, "the configuration was read again");
    notify_manager("READY=1");
}

/* ---- starting ---------------------------------------------------------------------------- */

static tuf_status ensure_uuid(struct server *server)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    uint8_t bytes[(SERVER_UUID_SIZE - 1) / 2];
    if (config_get(&value, server->config, "couchdb", "uuid") &&
        value.len == SERVER_UUID_SIZE - 1) {
        memcpy(server->uuid, value.data, value.len);
        return TUF_OK;
    }
    if (RAND_bytes(bytes, (int)sizeof(bytes)) != 1)
        return tufi_fail(TUF_E_INTERNAL, "no random bytes for the server's uuid");
    tufi_hex_encode(server->uuid, bytes, sizeof(bytes));
    return config_set(NULL, server->config, "couchdb", "uuid", tuf_str(server->uuid), true);
}

/* No admin, no service: everybody would be one. */
static bool check_admin(struct server *server, const struct addresses *addresses,
                        bool insecure_loopback)
{
    if (config_has_admin(server->config))
        return true;
    const struct listen_address *address = addresses_public(addresses);
    if (address != NULL) {
        fprintf(stderr,
                "tuffetd: refusing to listen on %s without a server admin.\n"
                "Put one into [admins] of a configuration file, or set COUCHDB_USER and "
                "COUCHDB_PASSWORD.\n", address->host);
        return false;
    }
    if (insecure_loopback)
        return true;
    fprintf(stderr,
            "tuffetd: there is no server admin.\n"
            "Put one into [admins] of a configuration file, set COUCHDB_USER and "
            "COUCHDB_PASSWORD,\nor allow everybody on this machine everything with "
            "--insecure-loopback.\n");
    return false;
}

static tuf_status make_parts(struct server *server, const struct server_options *options)
{
    server->passwords = password_cache_new();
    server->lockout = lockout_new();
    server->admission = admission_new();
    server->peruser = peruser_new(server);
    server->uuids = uuids_new();
    server->replications = replications_new(server);
    server->replicator_docs = replicator_docs_new(server);
    server->loops = tufi_alloc_array(options->loop_count, sizeof(*server->loops));
    if (server->passwords == NULL || server->peruser == NULL || server->lockout == NULL ||
        server->admission == NULL || server->uuids == NULL || server->replications == NULL ||
        server->replicator_docs == NULL || server->loops == NULL)
        return tufi_nomem();
    memset(server->loops, 0, options->loop_count * sizeof(*server->loops));
    for (unsigned i = 0; i < options->loop_count; i++) {
        tuf_status st = loop_new(&server->loops[i], server, i);
        if (st != TUF_OK)
            return st;
        server->loop_count++;
    }
    server->global_changes = global_changes_new(server);
    if (server->global_changes == NULL)
        return tufi_nomem();
    server->dbs = dbs_new(server, options->data_dir, server->loop_count);
    server->pool = server->dbs != NULL ? work_pool_new(server, options->worker_count) : NULL;
    server->compactions = compactions_new(server);
    return server->pool != NULL && server->compactions != NULL
               ? TUF_OK
               : tufi_fail(TUF_E_NOMEM, "cannot start the worker threads");
}

/* Opening the log's database is what turns the log on. The server runs without it, too. */
static void find_global_changes(struct server *server)
{
    TUF_AUTO(dbh_unref) struct dbh *dbh = NULL;
    tuf_status st = dbs_open(&dbh, server->dbs, tuf_str(GLOBAL_CHANGES_NAME));
    if (st != TUF_OK && st != TUF_NOT_FOUND)
        log_line(LOG_ERROR, "opening " GLOBAL_CHANGES_NAME ": %s", tuf_last_error()->text);
}

/* Single node servers have these from the start. */
static tuf_status create_system_dbs(struct server *server)
{
    static const char *const names[] = { "_users", "_replicator" };
    if (!config_bool(server->config, "couchdb", "single_node", false))
        return TUF_OK;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        tuf_status st = dbs_create(server->dbs, tuf_str(names[i]));
        if (st != TUF_OK && st != TUF_EXISTS)
            return st;
    }
    return TUF_OK;
}

/* ---- running ----------------------------------------------------------------------------- */

static void free_event(struct event **event)
{
    if (*event != NULL)
        event_free(*event);
}

/* The manager restarts a server of which one loop has not run for that long. */
#define LOOP_SILENCE_MS 20000

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
    const struct server *server = arg;
    uint64_t now_ms = clock_ms();
    (void)fd;
    (void)what;
    for (unsigned i = 0; i < server->loop_count; i++) {
        if (now_ms - server->loops[i]->tick_ms > LOOP_SILENCE_MS)
            return;
    }
    notify_manager("WATCHDOG=1");
}

static struct event *start_watchdog(struct server *server, struct event_base *base)
{
    uint64_t period_ms = notify_watchdog_ms();
    struct timeval period = { .tv_sec = (time_t)(period_ms / 1000),
                              .tv_usec = (suseconds_t)(period_ms % 1000 * 1000) };
    struct event *event =
        period_ms > 0 ? event_new(base, -1, EV_PERSIST, on_watchdog, server) : NULL;
    if (event != NULL)
        event_add(event, &period);
    return event;
}

static void stop_threads(struct server *server)
{
    for (unsigned i = 1; i < server->loop_count; i++) {
        if (server->loops[i]->has_thread)
            pthread_join(server->loops[i]->thread, NULL);
    }
}

static int run_loops(struct server *server, struct addresses *addresses)
{
    struct stopper stopper = { .server = server, .addresses = addresses };
    struct event_base *base = server->loops[0]->base;
    tuf_status st = TUF_OK;
    struct event *on_term = evsignal_new(base, SIGTERM, on_signal, &stopper);
    struct event *on_int = evsignal_new(base, SIGINT, on_signal, &stopper);
    struct event *on_hup = evsignal_new(base, SIGHUP, on_hangup, &stopper);
    for (unsigned i = 1; i < server->loop_count && st == TUF_OK; i++)
        st = loop_start_thread(server->loops[i]);
    if (st == TUF_OK && (on_term == NULL || on_int == NULL || on_hup == NULL ||
                         event_add(on_term, NULL) != 0 || event_add(on_int, NULL) != 0 ||
                         event_add(on_hup, NULL) != 0))
        st = tufi_nomem();
    if (st == TUF_OK)
        st = addresses_open(addresses, server);
    if (st == TUF_OK) {
        if (!compactions_begin(server->compactions))
            log_line(LOG_ERROR, "cannot start the thread that compacts");
        if (replicator_docs_start(server->replicator_docs) != TUF_OK)
            log_line(LOG_ERROR, "%s", tuf_last_error()->text);
        TUF_AUTO(free_event) struct event *watchdog = start_watchdog(server, base);
        notify_manager("READY=1");
        loop_run(server->loops[0]);
    } else {
        complain("cannot start");
        for (unsigned i = 1; i < server->loop_count; i++)
            loop_stop(server->loops[i]);
    }
    stop_threads(server);
    addresses_close(addresses);
    if (on_term != NULL)
        event_free(on_term);
    if (on_int != NULL)
        event_free(on_int);
    if (on_hup != NULL)
        event_free(on_hup);
    return st == TUF_OK ? 0 : 1;
}

static void release_parts(struct server *server)
{
    /* Requests of replications to ourselves fail from now on: their threads end at once. */
    replicator_docs_free(&server->replicator_docs);
    repl_jobs_free(&server->replications);
    /* Jobs may still post to loops, and closing databases may queue jobs: in this order. */
    work_pool_free(&server->pool);
    compactions_free(&server->compactions);
    /* Nobody commits any more; what is left is written while the databases are there. */
    global_changes_free(&server->global_changes);
    dbs_free(&server->dbs);
    for (unsigned i = 0; i < server->loop_count; i++)
        loop_free(&server->loops[i]);
    tufi_free(server->loops);
    uuids_free(&server->uuids);
    lockout_free(&server->lockout);
    old_secrets_free(&server->old_secrets);
    admission_free(&server->admission);
    password_cache_free(&server->passwords);
    peruser_free(&server->peruser);
    tls_free(&server->tls);
    config_free(&server->config);
}

/* Jansson (2.14, lex_scan_string) does not look whether its buffer of a string could grow, and copies
 * past its end then. Files and acknowledged writes outlive an end of the process; nothing is worth more
 * after that. */
static void *alloc_for_json(size_t size)
{
    void *memory = tufi_alloc_unhooked(size);
    if (memory == NULL) {
        fprintf(stderr, "tuffetd: out of memory for %zu bytes of JSON\n", size);
        abort();
    }
    return memory;
}

int server_run(const struct server_options *options)
{
    struct server server = { .data_dir = options->data_dir, .start_us = clock_us() };
    struct addresses addresses = { .count = 0 };
    json_set_alloc_funcs(alloc_for_json, tufi_free);
    tuf_status st = startup_config(&server, options);
    if (st != TUF_OK) {
        complain("cannot read the configuration");
        config_free(&server.config);
        return EXIT_CONFIG;
    }
    if (options->print_config) {
        startup_print(server.config);
        config_free(&server.config);
        return 0;
    }
    st = addresses_find(&addresses, &server, options);
    if (st == TUF_OK && config_bool(server.config, "ssl", "enable", false))
        st = tls_new(&server.tls, server.config);
    if (st != TUF_OK || options->check_config) {
        if (st != TUF_OK)
            complain("cannot use the configuration");
        tls_free(&server.tls);
        config_free(&server.config);
        return st == TUF_OK ? 0 : EXIT_CONFIG;
    }
    log_set_node(server.node_name);
    server.old_secrets = old_secrets_new();
    if (server.old_secrets != NULL)
        config_set_listener(server.config, on_config, &server);
    if (!log_open(server.config)) {
        fprintf(stderr, "tuffetd: cannot open the log: %s\n", strerror(errno));
        old_secrets_free(&server.old_secrets);
        tls_free(&server.tls);
        config_free(&server.config);
        return EXIT_CONFIG;
    }
    st = admins_prepare(server.config);
    int code = 1;
    if (st == TUF_OK && !check_admin(&server, &addresses, options->insecure_loopback)) {
        old_secrets_free(&server.old_secrets);
        tls_free(&server.tls);
        config_free(&server.config);
        return EXIT_CONFIG;
    }
    if (st == TUF_OK)
        st = addresses_publish(&addresses, &server);
    if (st == TUF_OK)
        st = session_ensure_secret(&server);
    if (st == TUF_OK)
        st = ensure_uuid(&server);
    if (st == TUF_OK)
        st = make_parts(&server, options);
    if (st == TUF_OK)
        find_global_changes(&server);
    if (st == TUF_OK)
        st = create_system_dbs(&server);
    if (st == TUF_OK)
        peruser_kick(server.peruser);
    if (st != TUF_OK)
        complain("cannot start");
    else
        code = run_loops(&server, &addresses);
    release_parts(&server);
    return code;
}
