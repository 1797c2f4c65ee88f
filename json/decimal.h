/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: long decimal numbers as binary ones, for the hash of an integer of any length.
 */
#ifndef JSON_DECIMAL_H
#define JSON_DECIMAL_H

#include "base/buf.h"

/*
 * Appends the value of the digits (one or more), least significant byte first, without zeros at the
 * significant end. Takes n^1.6 steps for n digits: 20,000 in 1 ms, 8,000,000 in 5 s.
 * Without memory the buffer is marked as failed.
 */
void tufi_decimal_bytes(struct buf *out, tuf_slice digits);

#endif
