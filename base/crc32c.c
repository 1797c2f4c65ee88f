/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: CRC-32C, by the SSE4.2 instruction where it exists, else by an 8-way table.
 *
 * The instruction answers after three cycles but can be started in each: long inputs are taken as
 * three streams side by side. Their checksums are put together by moving the earlier ones over as
 * many zero bytes as follow, which is linear and so a matter of four table look-ups.
 *
 * Source: RFC 3720 appendix B.4 (polynomial 0x1EDC6F41, reflected 0x82F63B78); table-driven by 8
 * bytes at a time after Kounavis and Berry, "Novel table lookup-based algorithms for high-performance
 * CRC generation", 2008.
 */
#include "base/crc32c.h"

#include <pthread.h>
#include <string.h>

#define CRC32C_POLYNOMIAL 0x82f63b78u

static uint32_t crc_table[8][256];
static pthread_once_t crc_table_once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ CRC32C_POLYNOMIAL : crc >> 1;
        crc_table[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++)
        for (int slice = 1; slice < 8; slice++) {
            uint32_t crc = crc_table[slice - 1][byte];
            crc_table[slice][byte] = crc >> 8 ^ crc_table[0][crc & 0xff];
        }
}

static uint32_t crc32c_table(uint32_t crc, const uint8_t *p, size_t len)
{
    pthread_once(&crc_table_once, make_table);
    for (; len >= 8; len -= 8, p += 8) {
        uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                              (uint32_t)p[3] << 24);
        crc = crc_table[7][low & 0xff] ^ crc_table[6][low >> 8 & 0xff] ^
              crc_table[5][low >> 16 & 0xff] ^ crc_table[4][low >> 24] ^ crc_table[3][p[4]] ^
              crc_table[2][p[5]] ^ crc_table[1][p[6]] ^ crc_table[0][p[7]];
    }
    for (; len > 0; len--, p++)
        crc = crc >> 8 ^ crc_table[0][(crc ^ *p) & 0xff];
    return crc;
}

#if defined(__x86_64__)
/* Bytes of one of three streams: a record of a document has some short blocks, a node long ones. */
#define SHORT_STREAM 64
#define LONG_STREAM 1024

/* What becomes of each byte of a checksum when a stream's length of zeros follows. */
struct zeros_table {
    uint32_t after[4][256];
};
static struct zeros_table short_zeros;
static struct zeros_table long_zeros;
static pthread_once_t zeros_once = PTHREAD_ONCE_INIT;

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *p,
                                                               size_t len)
{
    uint64_t wide = crc;
    for (; len >= 8; len -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; len > 0; len--, p++)
        crc = __builtin_ia32_crc32qi(crc, *p);
    return crc;
}

static void make_zeros_table(struct zeros_table *table, size_t len)
{
    static const uint8_t zeros[LONG_STREAM];
    for (unsigned place = 0; place < 4; place++)
        for (uint32_t byte = 0; byte < 256; byte++)
            table->after[place][byte] = crc32c_sse42(byte << 8 * place, zeros, len);
}

static void make_zeros_tables(void)
{
    make_zeros_table(&short_zeros, SHORT_STREAM);
    make_zeros_table(&long_zeros, LONG_STREAM);
}

static inline uint32_t after_zeros(const struct zeros_table *table, uint32_t crc)
{
    return table->after[0][crc & 0xff] ^ table->after[1][crc >> 8 & 0xff] ^
           table->after[2][crc >> 16 & 0xff] ^ table->after[3][crc >> 24];
}

/* Three streams of `stream` bytes, one behind the other at p. */
__attribute__((target("sse4.2"))) static inline uint32_t
crc32c_three(uint32_t crc, const uint8_t *p, size_t stream, const struct zeros_table *table)
{
    uint64_t crcs[3] = { crc, 0, 0 };
    for (size_t i = 0; i < stream; i += 8) {
        uint64_t words[3];
        memcpy(&words[0], p + i, 8);
        memcpy(&words[1], p + stream + i, 8);
        memcpy(&words[2], p + 2 * stream + i, 8);
        crcs[0] = __builtin_ia32_crc32di(crcs[0], words[0]);
        crcs[1] = __builtin_ia32_crc32di(crcs[1], words[1]);
        crcs[2] = __builtin_ia32_crc32di(crcs[2], words[2]);
    }
    uint32_t two = after_zeros(table, (uint32_t)crcs[0]) ^ (uint32_t)crcs[1];
    return after_zeros(table, two) ^ (uint32_t)crcs[2];
}

static uint32_t crc32c_streams(uint32_t crc, const uint8_t *p, size_t len)
{
    pthread_once(&zeros_once, make_zeros_tables);
    for (; len >= 3 * LONG_STREAM; len -= 3 * LONG_STREAM, p += 3 * LONG_STREAM)
        crc = crc32c_three(crc, p, LONG_STREAM, &long_zeros);
    for (; len >= 3 * SHORT_STREAM; len -= 3 * SHORT_STREAM, p += 3 * SHORT_STREAM)
        crc = crc32c_three(crc, p, SHORT_STREAM, &short_zeros);
    return crc32c_sse42(crc, p, len);
}
#endif

uint32_t tufi_crc32c(uint32_t crc, const void *data, size_t len)
{
    crc = ~crc;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~(len < 3 * SHORT_STREAM ? crc32c_sse42(crc, data, len)
                                        : crc32c_streams(crc, data, len));
#endif
    return ~crc32c_table(crc, data, len);
}

uint32_t tufi_crc32c_undo(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    pthread_once(&crc_table_once, make_table);
    crc = ~crc;
    for (size_t i = len; i-- > 0;) {
        uint32_t index = 0; /* the entry that was added is known by its highest byte: each is there once */
        while (crc_table[0][index] >> 24 != crc >> 24)
            index++;
        crc = (crc ^ crc_table[0][index]) << 8 | (index ^ bytes[i]);
    }
    return ~crc;
}
