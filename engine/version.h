/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the versions of the trees that somebody may read, and when a dirty node can go.
 *
 * A dirty node lives in the versions [made, retired): from the one whose transaction made it up to,
 * not including, the one whose transaction replaced it. Nodes hold no reference counts, so that
 * copying a path touches no node beside it. A retired node waits on the dead-list of the newest
 * live version of its interval; when that version goes, it moves to the next older one still in the
 * interval, or is freed.
 *
 * INV-VE-1: the live versions are in a list ordered by number; the newest published one is live.
 * INV-VE-2: a node on the dead-list of version V was made in or before V and retired after it, and
 *           no live version between V and its retirement exists.
 * INV-VE-3: so an old version that is held keeps its own nodes alive and none that came and went
 *           after it.
 *
 * Source: the dead-lists of ZFS snapshots, with live versions in the place of snapshots.
 */
#ifndef ENGINE_VERSION_H
#define ENGINE_VERSION_H

#include <pthread.h>

#include "engine/bnode.h"

struct version {
    struct btree_version shown; /* what readers see; first, so that both pointers convert */
    void (*free_owner)(void *owner_data);
    struct version *older; /* list of live versions; all below under the lock */
    struct version *newer;
    uint64_t hold_count; /* readers, without the hold for being the newest */
    struct node_list dead;
};

struct version_list {
    pthread_mutex_t lock;
    struct version *newest; /* never NULL after init */
};

struct btree_env;

tuf_status tufi_version_list_init(struct version_list *list);
/* Frees the newest version, which must be the only one, and not what its trees reach. */
void tufi_version_list_release(struct version_list *list);
/*
 * Makes `made` the newest version.
 *   retired  nodes that the version before still reaches; taken
 */
void tufi_version_publish(struct btree_env *env, struct version *made, struct node_list *retired);

#endif
