/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a database for every user: "userdb-" and the name in hexadecimal, made when the user's
 * document appears in _users, of which that user is admin and member.
 *
 * INV-PUSER-1: one job at a time walks the changes of _users; a commit while it runs makes it go on.
 * INV-PUSER-2: who is made a member stays one of the lists: nobody is taken out here.
 * Source: CouchDB's couch_peruser; [couch_peruser] enable, delete_dbs, database_prefix.
 */
#ifndef SERVER_PERUSER_H
#define SERVER_PERUSER_H

struct peruser;
struct server;

struct peruser *peruser_new(struct server *server);
/* Worker threads must have ended. NULL is allowed. */
void peruser_free(struct peruser **peruser);

/* _users has changed, or the server starts: looks, if it is enabled. Any thread, never blocks. */
void peruser_kick(struct peruser *peruser);

#endif
