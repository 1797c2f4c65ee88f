/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the databases of the data directory: names, opening and closing, creating and deleting,
 * and the feeds that wait for changes of one.
 *
 * INV-DBS-1: a database name never reaches the file system unescaped; a file name has no '/'.
 * INV-DBS-2: one tuf_db per file; it is closed only when no reference is left.
 * INV-DBS-3: a deleted database takes no new reference; its name is free at once.
 * INV-DBS-4: a waiting feed is woken for every commit after the sequence it has seen, for the
 *            deletion of its database and for the end of the server.
 * Not here: the engine (include/tuffet), rights (server/auth.h).
 */
#ifndef SERVER_DBS_H
#define SERVER_DBS_H

#include "base/buf.h"
#include "tuffet/tuffet.h"

struct dbh; /* an open database, reference counted */
struct dbs; /* the set of them */
struct request;
struct security;
struct server;

#define DBS_NAME_SIZE_MAX 238

/* ---- one database ------------------------------------------------------------------------ */
/* A request's own handle is req->dbh, already open: most handlers need nothing of the set. */

tuf_db *dbh_db(const struct dbh *dbh);
struct server *dbh_server(const struct dbh *dbh);
/* Its name; NUL-terminated behind the slice. Borrowed. */
tuf_slice dbh_name(const struct dbh *dbh);
/* Creation time in seconds as text, the same for ever: "1700000000". Borrowed. */
const char *dbh_start_time(const struct dbh *dbh);
/* Whether it is a _users database (also "x/_users"), a _replicator one. */
bool dbh_is_users(const struct dbh *dbh);
bool dbh_is_replicator(const struct dbh *dbh);
/* Whether ids must be "partition:rest" (server/handlers/partition.h). */
bool dbh_is_partitioned(const struct dbh *dbh);
/* Makes a new database so, for ever. BLOCKS: worker only. */
tuf_status dbh_make_partitioned(struct dbh *dbh);
/* Into how many ranges of ids it was asked to be cut (?q=): only told, to whom reads the shards of a
 * cluster. Setting it is for a new database. BLOCKS: worker only. */
#define DBH_SHARDS_MAX 65536
uint32_t dbh_shards(const struct dbh *dbh);
tuf_status dbh_put_shards(struct dbh *dbh, uint32_t count);
/* Whether it is a snapshot of another (server/snapshots.h): it can only be read. */
bool dbh_is_snapshot(const struct dbh *dbh);
/* Deleted meanwhile: answer 404 "Database does not exist.". */
bool dbh_is_deleted(const struct dbh *dbh);
/* Keeps the name with this database's file until unlocked; false (and not locked) once it is deleted.
 * For whom puts another file in its place. Take no other lock meanwhile. */
bool dbh_lock_name(struct dbh *dbh);
void dbh_unlock_name(struct dbh *dbh);

/* The parsed security object; unref it. Any thread. */
struct security *dbh_security(struct dbh *dbh);
/* Its text as it was put, or the default's. Appends. Any thread. */
void dbh_security_text(struct buf *out, struct dbh *dbh);
/* Stores a new one and makes it count at once; a change of the database. BLOCKS: worker only. */
tuf_status dbh_put_security(struct dbh *dbh, tuf_slice json);

/* Calls tuf_db_set_revs_limit or tuf_db_set_purged_infos_limit. A change of the database, but no update
 * that _db_updates tells. BLOCKS: worker only. */
tuf_status dbh_put_limit(struct dbh *dbh, tuf_status (*set)(tuf_db *db, uint32_t limit),
                         uint32_t limit);

struct dbh *dbh_ref(struct dbh *dbh);
/* Any thread. Sets *dbh to NULL; NULL is allowed. */
void dbh_unref(struct dbh **dbh);

/* ---- the set ------------------------------------------------------------------------------ */

enum dbs_name { DBS_NAME_OK, DBS_NAME_BAD, DBS_NAME_LONG };

/* Whether a name may be one of a database. */
enum dbs_name dbs_check_name(tuf_slice name);

/* Whether a database of this name is a _replicator one. */
bool dbs_is_replicator_name(tuf_slice name);

struct dbs *dbs_of(struct server *server);

/*
 * Opens a database, or takes another reference. BLOCKS unless it is open: worker only.
 * Returns: TUF_OK; TUF_NOT_FOUND; failures of tuf_db_open.
 */
tuf_status dbs_open(struct dbh **out, struct dbs *dbs, tuf_slice name);

/* The same if it is open already, else NULL. Any thread, never blocks. */
struct dbh *dbs_find_open(struct dbs *dbs, tuf_slice name);

/* Whether it is known that there is no _users: most logins of admins need not look then. Any thread. */
bool dbs_has_no_users(struct dbs *dbs);

/*
 * Creates a database. BLOCKS: worker only.
 * Returns: TUF_OK; TUF_EXISTS; E_INVALID (kind "illegal_database_name", "database_name_too_long");
 *          failures of tuf_db_open.
 */
tuf_status dbs_create(struct dbs *dbs, tuf_slice name);

/*
 * Deletes a database: its file is gone for good when this returns, its feeds have been woken with
 * FEED_DELETED, requests that still read it go on reading what they hold. BLOCKS: worker only.
 * Returns: TUF_OK; TUF_NOT_FOUND; E_IO.
 */
tuf_status dbs_delete(struct dbs *dbs, tuf_slice name);

/* Of all databases that are open now. Any thread, no I/O. */
struct dbs_totals {
    uint64_t count;
    uint64_t size_file;
    uint64_t size_dead;             /* what compaction would give back, about */
    uint64_t size_since_checkpoint; /* behind the newest checkpoints */
    uint64_t checkpoint_us;         /* of the oldest newest checkpoint; 0: there is none */
    uint64_t cache_hits, cache_misses;
};
void dbs_sum(struct dbs_totals *out, struct dbs *dbs);

/* Removes a named snapshot of a database, and its local documents. BLOCKS: worker only.
 * Returns: TUF_OK; TUF_NOT_FOUND; failures of tuf_db_unpin. */
tuf_status dbs_drop_snapshot(struct dbs *dbs, struct dbh *dbh, tuf_slice name);

/* Names sorted by bytes. Free with dbs_names_release. Reads the directory. */
struct dbs_names {
    tuf_slice *items; /* each NUL-terminated behind its slice */
    size_t count;
};
tuf_status dbs_list(struct dbs_names *out, struct dbs *dbs);
void dbs_names_release(struct dbs_names *names);
/* Those beside whose files an unfinished compaction was left. */
tuf_status dbs_list_unfinished(struct dbs_names *out, struct dbs *dbs);
/* References to all that are open, in no order: unref each, and free the array with tufi_free. */
size_t dbs_refs_open(struct dbh ***out, struct dbs *dbs);

/* The data directory. */
const char *dbs_dir(const struct dbs *dbs);
/* Removes files whose deletion a crash interrupted. */
void dbs_remove_doomed(const char *dir);
/* Removes what a database that is gone kept for its snapshots. */
void dbs_remove_snapshot_files(const char *dir, tuf_slice name);

struct dbs *dbs_new(struct server *server, const char *dir, unsigned loop_count);
/* Closes what is open (each writes its checkpoint). Worker threads must have ended. */
void dbs_free(struct dbs **dbs);

/* ---- feeds -------------------------------------------------------------------------------- */

enum feed_event {
    FEED_CHANGED,  /* there is a change after the sequence given */
    FEED_DELETED,  /* the database is gone: end the feed */
    FEED_SHUTDOWN, /* the server stops: end the feed */
};

/*
 * Calls wake on the request's loop, once, as soon as req->dbh has a change after `seen` - at the
 * next turn of the loop if it has one already. A request waits for one thing at a time; waiting
 * again replaces the wait. The end of the request cancels it. Loop thread only.
 */
void feed_wait(struct request *req, uint64_t seen,
               void (*wake)(struct request *req, enum feed_event event));
void feed_cancel(struct request *req);

#endif
