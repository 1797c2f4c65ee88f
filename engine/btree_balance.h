/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: making the nodes of a path writable, and splitting and joining them after a change.
 *
 * Not here: what the change is (engine/btree_modify.c).
 */
#ifndef ENGINE_BTREE_BALANCE_H
#define ENGINE_BTREE_BALANCE_H

#include "engine/btree_env.h"

/* What happened to the leaf at the end of a path. */
enum balance_hint {
    BALANCE_GROWN,
    BALANCE_RIGHT_EDGE, /* it got the greatest key of the tree */
    BALANCE_SHRUNK,
};

/* Copies the nodes of the path that the txn did not make; the leaf's copy has `leaf_room` to spare.
 * E_NOMEM. */
tuf_status tufi_path_own(struct btree_txn *txn, struct btree *tree, struct path *path,
                         size_t leaf_room);
/* Makes room for `need` bytes in the node at step i of an owned path. E_NOMEM. */
tuf_status tufi_path_reserve(struct btree_txn *txn, struct btree *tree, struct path *path,
                             uint32_t i, size_t need);
/* Splits what became too long, joins what became too short, from the leaf upward. The path is of no
 * use afterwards. E_NOMEM, E_IO, E_CORRUPT, E_LIMIT. */
tuf_status tufi_path_balance(struct btree_txn *txn, struct btree *tree, struct path *path,
                             enum balance_hint hint);

#endif
