/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: build a tree bottom-up from entries that come in ascending order: every node is written once,
 * full, and memory holds one node of each level.
 *
 * INV-BU-1: every inner node but one that is still being filled has at least two children.
 *
 * Not here: where the nodes are put (the caller's write callback).
 */
#ifndef ENGINE_BTREE_BULK_H
#define ENGINE_BTREE_BULK_H

#include "engine/btree.h"

/* Writes encoded nodes that stand one behind the other and gives back the place of the first. */
typedef tuf_status btree_bulk_write_fn(void *ctx, tuf_slice nodes, uint64_t *off_out);

struct btree_bulk;

/* env is borrowed. E_NOMEM. */
tuf_status tufi_btree_bulk_new(struct btree_bulk **out, struct btree_env *env, unsigned kind,
                               btree_bulk_write_fn *write, void *ctx);
/* NULL is allowed. */
void tufi_btree_bulk_free(struct btree_bulk **bulk);
/* Keys must ascend: E_INTERNAL if one does not. E_NOMEM; what write returned. */
tuf_status tufi_btree_bulk_add(struct btree_bulk *bulk, tuf_slice key, tuf_slice value);
/* Writes what is needed to make a tree of the entries so far. More may be added afterwards: the
 * nodes at the right edge are then written again. */
tuf_status tufi_btree_bulk_tree(struct btree *out, struct btree_bulk *bulk);

#endif
