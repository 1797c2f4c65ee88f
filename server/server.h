/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the one object that ties the server's parts together. Created by main, given to every
 * request as req->server.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "server/config.h"
#include "server/metrics.h"
#include "tuffet/tuffet.h"

struct compactions;
struct dbs;
struct global_changes;
struct lockout;
struct old_secrets;
struct loop;
struct password_cache;
struct peruser;
struct admission;
struct repl_jobs;
struct replicator_docs;
struct tls;
struct uuids;
struct work_pool;

#define SERVER_VERSION_COUCH "3.5.0" /* the API we speak, shown in "/" and in Server: */
#define SERVER_URL_SIZE 300
#define SERVER_NODE_SIZE 128
#define SERVER_UUID_SIZE 33          /* 32 hexadecimal digits and a NUL */

struct server {
    struct config *config;
    struct dbs *dbs;
    struct work_pool *pool;
    struct compactions *compactions;
    struct global_changes *global_changes;
    struct password_cache *passwords;
    struct peruser *peruser;
    struct lockout *lockout;
    struct old_secrets *old_secrets;
    struct admission *admission;
    struct uuids *uuids;
    struct repl_jobs *replications;
    struct replicator_docs *replicator_docs;
    struct tls *tls;              /* NULL if it is off */
    struct loop **loops;          /* one thread each */
    unsigned loop_count;
    char uuid[SERVER_UUID_SIZE];  /* persisted in [couchdb] uuid */
    char node_name[SERVER_NODE_SIZE]; /* of this node of one: NODENAME */
    const char *data_dir;
    _Atomic unsigned port;        /* of own_url; 0: none */
    char own_url[SERVER_URL_SIZE]; /* by which it reaches itself, with a slash; empty: it cannot */
    uint64_t start_us;            /* wall clock at start */
    _Atomic bool stopping;        /* a signal came: answers end, feeds end */
    _Atomic uint64_t request_count;
    struct metrics metrics;
};

/* Shorthand for config_settings(req->server->config). */
static inline const struct settings *server_settings(const struct server *server)
{
    return config_settings(server->config);
}

/* 32 hexadecimal digits and a NUL by [uuids] algorithm: sequential, random, utc_random, utc_id,
 * uuid_v7 (default). For generated document ids and _uuids. Any thread. */
void server_new_uuid(struct server *server, char out[SERVER_UUID_SIZE]);

struct uuids *uuids_new(void);
void uuids_free(struct uuids **uuids);

/* What the command line says. Strings are borrowed. */
struct server_options {
    const char *data_dir;
    const char *const *listen;       /* "ADDR:PORT"; none: from the configuration */
    size_t listen_count;
    const char *const *config_paths;
    size_t config_count;
    unsigned loop_count;
    unsigned worker_count;
    const char *const *sets;         /* "SECTION/KEY=VALUE" */
    size_t set_count;
    bool check_config, print_config; /* do that instead of serving */
    bool insecure_loopback;          /* no admin is needed on a loopback address */
};

/*
 * Runs the server until it is told to stop.
 * Returns the exit code: 0; 1 (a failure, told on standard error); 78 (the configuration is
 * unusable).
 */
int server_run(const struct server_options *options);

#endif
