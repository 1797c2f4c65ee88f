/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: makes ETag values.
 *
 * Invariants: equal bytes give equal tags; a tag has no character that needs escaping.
 * Source: CouchDB's make_etag (MD5 as a base 36 number).
 * Not here: comparing with If-None-Match (request_not_modified in server/http.h).
 */
#include "server/etag.h"

#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/crc32c.h"

#define MD5_SIZE 16
#define DIGITS_MAX 25

/* Divides a big-endian number by 36 in place and returns the remainder. */
static unsigned divide_by_36(uint8_t number[MD5_SIZE])
{
    unsigned rest = 0;
    for (size_t i = 0; i < MD5_SIZE; i++) {
        unsigned value = rest << 8 | number[i];
        number[i] = (uint8_t)(value / 36);
        rest = value % 36;
    }
    return rest;
}

void etag_of_bytes(char out[ETAG_SIZE], tuf_slice data)
{
    uint8_t number[EVP_MAX_MD_SIZE] = { 0 };
    unsigned len = 0;
    /* Where MD5 is switched off by policy a checksum must do: a constant tag would match always. */
    if (EVP_Digest(data.data, data.len, number, &len, EVP_md5(), NULL) != 1)
        put_be32(number, tufi_crc32c(0, data.data, data.len));
    out[0] = '"';
    for (size_t i = DIGITS_MAX; i > 0; i--)
        out[i] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[divide_by_36(number)];
    out[DIGITS_MAX + 1] = '"';
    out[DIGITS_MAX + 2] = 0;
}

void etag_of_info(char out[ETAG_SIZE], const tuf_db_info *info)
{
    uint8_t state[16 + 8 * 4];
    memcpy(state, info->uuid, 16);
    put_be64(state + 16, info->update_seq);
    put_be64(state + 24, info->purge_seq);
    put_be64(state + 32, info->commit_count);
    put_be64(state + 40, (uint64_t)info->revs_limit << 32 | info->purged_infos_limit);
    etag_of_bytes(out, tuf_slice_of(state, sizeof(state)));
}
