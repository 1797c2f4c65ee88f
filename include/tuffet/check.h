/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: verify a whole database.
 */
#ifndef TUFFET_CHECK_H
#define TUFFET_CHECK_H

#include "tuffet/db.h"

/* One thing that is wrong. */
typedef struct tuf_finding {
    uint64_t file_off; /* where, UINT64_MAX if it is not one place */
    tuf_slice id;      /* the document it concerns, empty if none */
    const char *text;  /* one line */
} tuf_finding;

typedef struct tuf_check_report {
    uint64_t finding_count;
    uint64_t docs_checked;
    uint64_t revs_checked;
    uint64_t atts_checked;
    uint64_t bytes_checked;
} tuf_check_report;

typedef struct tuf_check_options {
    size_t struct_size;
    /* Called for each finding; may be NULL. */
    void (*found)(const tuf_finding *finding, void *ctx);
    /* Called now and then; may be NULL. A non-zero return stops the check. */
    int (*progress)(uint64_t done, uint64_t total, void *ctx);
    void *ctx;
} tuf_check_options;

#define TUF_CHECK_OPTIONS_INIT { .struct_size = sizeof(tuf_check_options) }

/*
 * Verifies every checksum, every tree invariant, every count against the data, every revision tree
 * and every attachment digest that a snapshot reaches.
 * Returns: TUF_OK whether or not something was found: see report->finding_count; TUF_STOPPED;
 *          E_IO, E_NOMEM.
 * Threads: any.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_check(tuf_check_report *report, tuf_snapshot *snapshot,
                                          const tuf_check_options *opts);

#endif
