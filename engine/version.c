/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: acquiring, releasing and publishing versions (version.h).
 *
 * Nodes are freed after the lock is given back: a checkpoint retires thousands of them.
 * Not here: transactions (engine/btree_txn.c).
 */
#include "engine/version.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "engine/btree_env.h"

tuf_status tufi_version_list_init(struct version_list *list)
{
    struct version *first = tufi_alloc_zero(sizeof(*first));
    if (!first)
        return tufi_nomem();
    for (unsigned kind = 0; kind < BTREE_KINDS_MAX; kind++)
        first->shown.trees[kind].kind = (uint8_t)kind;
    pthread_mutex_init(&list->lock, NULL);
    list->newest = first;
    return TUF_OK;
}

static void free_version(struct version *version)
{
    if (version->free_owner)
        version->free_owner(version->shown.owner_data);
    tufi_free(version);
}

void tufi_version_list_release(struct version_list *list)
{
    struct version *only = list->newest;
    tuf_assert(!only->older);
    tuf_assert(only->hold_count == 0);
    tuf_assert(!only->dead.first);
    free_version(only);
    pthread_mutex_destroy(&list->lock);
}

/* Moves the nodes of `from` that `older` still reaches to its dead-list, the others to `gone`. */
static void hand_down(struct node_list *from, struct version *older, struct node_list *gone)
{
    struct bnode *node = from->first;
    while (node) {
        struct bnode *next = node->next;
        bool reached = older && node->version <= older->shown.number; /* INV-VE-2 */
        tufi_node_list_add(reached ? &older->dead : gone, node);
        node = next;
    }
    from->first = NULL;
}

/* Takes an unheld version off the list. Its nodes go to the next older one or to `gone`. */
static void remove_version(struct version *version, struct node_list *gone)
{
    tuf_assert(version->hold_count == 0);
    if (version->older)
        version->older->newer = version->newer;
    version->newer->older = version->older; /* the newest is never removed */
    hand_down(&version->dead, version->older, gone);
}

static void free_nodes(struct btree_env *env, struct node_list *gone)
{
    while (gone->first) {
        struct bnode *node = gone->first;
        tufi_node_list_remove(gone, node);
        tufi_btree_retire_now(env, node);
    }
}

void tufi_version_publish(struct btree_env *env, struct version *made, struct node_list *retired)
{
    struct version_list *list = &env->versions;
    struct version *unheld = NULL;
    struct node_list gone = { 0 };
    pthread_mutex_lock(&list->lock);
    struct version *before = list->newest;
    tuf_assert(before->shown.number < made->shown.number);
    made->older = before;
    before->newer = made;
    list->newest = made;
    if (before->hold_count == 0) {
        remove_version(before, &gone);
        unheld = before;
    }
    hand_down(retired, made->older, &gone);
    pthread_mutex_unlock(&list->lock);
    free_nodes(env, &gone);
    if (unheld)
        free_version(unheld);
}

const struct btree_version *tufi_btree_acquire(struct btree_env *env)
{
    pthread_mutex_lock(&env->versions.lock);
    struct version *newest = env->versions.newest;
    newest->hold_count++;
    pthread_mutex_unlock(&env->versions.lock);
    return &newest->shown;
}

const struct btree_version *tufi_btree_acquire_oldest(struct btree_env *env)
{
    pthread_mutex_lock(&env->versions.lock);
    struct version *oldest = env->versions.newest;
    while (oldest->older)
        oldest = oldest->older;
    oldest->hold_count++;
    pthread_mutex_unlock(&env->versions.lock);
    return &oldest->shown;
}

/* Readers get the versions as const; ours is the memory around them. */
static struct version *version_of(const struct btree_version *shown)
{
    static_assert(offsetof(struct version, shown) == 0, "both pointers convert");
    return (struct version *)(uintptr_t)shown;
}

void tufi_btree_ref(struct btree_env *env, const struct btree_version *version)
{
    pthread_mutex_lock(&env->versions.lock);
    tuf_assert(version_of(version)->hold_count > 0);
    version_of(version)->hold_count++;
    pthread_mutex_unlock(&env->versions.lock);
}

void tufi_btree_release(struct btree_env *env, const struct btree_version *shown)
{
    struct version *version = version_of(shown);
    struct node_list gone = { 0 };
    pthread_mutex_lock(&env->versions.lock);
    tuf_assert(version->hold_count > 0);
    version->hold_count--;
    bool last = version->hold_count == 0 && version != env->versions.newest;
    if (last)
        remove_version(version, &gone);
    pthread_mutex_unlock(&env->versions.lock);
    if (!last)
        return;
    free_nodes(env, &gone);
    free_version(version);
}
