/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what compaction and trim need to know of pins.
 */
#ifndef ENGINE_PINS_H
#define ENGINE_PINS_H

#include "engine/db.h"
#include "tuffet/pin.h"

/* Under the writer lock, before another file takes the name: if a pin needs the file that has it now,
 * gives that file a second name, durably. */
tuf_status tufi_pins_keep_file(tuf_db *db);
/* Gives the file in use the name PATH.SUFFIX-ID as well, durably. Under the writer lock. */
tuf_status tufi_pins_keep_as(tuf_db *db, const char *suffix);
/* Lowers *off to the oldest checkpoint of the file in use that a pin names. */
tuf_status tufi_pins_oldest(uint64_t *off, tuf_db *db);

#endif
