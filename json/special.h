/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what the readers of special members share.
 */
#ifndef JSON_SPECIAL_H
#define JSON_SPECIAL_H

#include "base/bytes.h"
#include "json/scan.h"

/* Whether raw text is an integer from 0 to 2^64 - 1; false for an empty slice. */
bool tufi_special_uint(uint64_t *out, tuf_slice raw);

/* Copies an array of *cap items to one of twice the size in an arena (or makes the first, if *cap
 * is 0) and updates *cap. Returns NULL when out of memory. */
void *tufi_special_grow(const void *items, size_t *cap, size_t item_size, struct arena *arena);

/* Reads the object "_attachments" into doc->atts. */
tuf_status tufi_special_attachments(struct scanned_doc *doc, tuf_slice value);

/* Refuses attachment names that begin with '_'. */
tuf_status tufi_special_check_names(const struct scanned_doc *doc);

#endif
