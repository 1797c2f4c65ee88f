/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: bring what is left of a damaged database file into a new one.
 */
#ifndef TUFFET_SALVAGE_H
#define TUFFET_SALVAGE_H

#include "tuffet/check.h"

typedef struct tuf_salvage_options {
    size_t struct_size;
    const struct tuf_vfs *vfs; /* NULL: the operating system's files */
    /* Called for each loss: a range of bytes, a revision, an attachment; may be NULL. */
    void (*found)(const tuf_finding *finding, void *ctx);
    /* Called now and then; may be NULL. A non-zero return stops. */
    int (*progress)(uint64_t done, uint64_t total, void *ctx);
    void *ctx;
} tuf_salvage_options;

#define TUF_SALVAGE_OPTIONS_INIT { .struct_size = sizeof(tuf_salvage_options) }

typedef struct tuf_salvage_report {
    uint64_t records_found; /* intact records of all kinds */
    uint64_t docs_written;
    uint64_t revs_written;  /* revisions stored, older ones included */
    uint64_t locals_written;
    uint64_t atts_lost;     /* attachments left out of their revisions */
    uint64_t revs_lost;     /* leaf revisions that are known and were not found */
    uint64_t bytes_lost;    /* in ranges where nothing intact was found */
    bool super_lost;        /* the superblock was damaged */
    bool settings_found;    /* limits, named values and the purge log could be read as a whole */
} tuf_salvage_report;

/*
 * Walks a database file by its records, sector by sector and, where frames are damaged, byte by byte,
 * and stores every intact revision in a new database: with its id, its history as far as it is known,
 * and its attachments. Nothing of the file need be intact but what is brought back; not even the
 * superblock.
 * Older revisions come back too, and become bodies of inner revisions again. Where a revision in
 * between is lost, the older one may show as a conflict.
 *   report  may be NULL
 *   dest    must not exist
 *   opts    NULL for defaults
 * Returns: TUF_OK whether or not something was lost; TUF_NOT_FOUND (no such file); TUF_EXISTS (dest);
 *          TUF_STOPPED; E_CORRUPT (nothing in it looks like a database); E_IO, E_FULL, E_NOMEM.
 * Threads: any.
 * Durability: durable on return.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_salvage(tuf_salvage_report *report, const char *damaged,
                                            const char *dest, const tuf_salvage_options *opts);

#endif
