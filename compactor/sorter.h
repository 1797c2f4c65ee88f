/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: put any number of entries in the order of their keys, in bounded memory: sorted runs in a file
 * that nobody else knows, merged while they are read.
 *
 * INV-SO-1: every byte of a run is covered by a checksum that is compared when the run has been read.
 */
#ifndef COMPACTOR_SORTER_H
#define COMPACTOR_SORTER_H

#include "tuffet/types.h"

struct sorter;
struct tuf_vfs;

/*
 *   path    of the file, which is created only if `memory` does not suffice; borrowed
 *   memory  bytes for entries that are not in the file
 */
tuf_status tufi_sorter_new(struct sorter **out, const struct tuf_vfs *vfs, const char *path,
                           size_t memory);
/* Removes the file. NULL is allowed. */
void tufi_sorter_free(struct sorter **sorter);
/* Keys must differ. E_NOMEM, E_FULL, E_IO. */
tuf_status tufi_sorter_add(struct sorter *s, tuf_slice key, tuf_slice value);
/* After the last entry was added: delivers them in order. Slices are borrowed until the next call.
 * TUF_END; E_NOMEM, E_IO, E_CORRUPT. */
tuf_status tufi_sorter_next(struct sorter *s, tuf_slice *key_out, tuf_slice *value_out);

#endif
