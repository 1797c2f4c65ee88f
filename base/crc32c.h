/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: CRC-32C (Castagnoli, RFC 3720 appendix B.4), with the processor's instruction if it has one.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues a checksum; start with 0. crc32c(crc32c(0, a), b) == crc32c(0, ab). */
uint32_t tufi_crc32c(uint32_t crc, const void *data, size_t len);

/* The checksum that tufi_crc32c continued from, given its result and the bytes. */
uint32_t tufi_crc32c_undo(uint32_t crc, const void *data, size_t len);

#endif
