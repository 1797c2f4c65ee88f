/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one-time passwords. See server/totp.h.
 */
#include "server/totp.h"

#include <inttypes.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/slice.h"
#include "server/auth.h"

#define STEP_S 30

bool totp_decode_key(struct buf *out, tuf_slice text)
{
    uint32_t bits = 0;
    unsigned bit_count = 0;
    while (text.len > 0 && text.data[text.len - 1] == '=')
        text.len--;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = byte_lower(text.data[i]);
        bool letter = c >= 'a' && c <= 'z';
        if (!letter && !(c >= '2' && c <= '7'))
            return false;
        bits = bits << 5 | (uint32_t)(letter ? c - 'a' : c - '2' + 26);
        bit_count += 5;
        if (bit_count >= 8) {
            bit_count -= 8;
            buf_append_u8(out, (uint8_t)(bits >> bit_count));
        }
    }
    return text.len > 0 && !out->failed;
}

bool totp_digits(char out[9], const struct totp *totp, uint64_t counter)
{
    static const uint32_t powers[] = { 1000000, 10000000, 100000000 };
    uint8_t message[8];
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    put_be64(message, counter);
    if (totp->digest == NULL || totp->digit_count < 6 || totp->digit_count > 8 ||
        totp->key.len == 0 || totp->key.len > INT32_MAX ||
        HMAC(totp->digest, totp->key.data, (int)totp->key.len, message, sizeof(message), mac,
             &len) == NULL || len < 20)
        return false;
    /* The last four bits say where to look. */
    uint32_t value = get_be32(mac + (mac[len - 1] & 15)) & 0x7fffffff;
    snprintf(out, 9, "%0*" PRIu32, (int)totp->digit_count, value % powers[totp->digit_count - 6]);
    return true;
}

bool totp_check(const struct totp *totp, tuf_slice token, uint64_t now_s)
{
    bool good = false;
    uint64_t step = now_s / STEP_S;
    for (uint64_t counter = step > 0 ? step - 1 : 0; counter <= step + 1; counter++) {
        char digits[9];
        if (totp_digits(digits, totp, counter) && auth_equal(tuf_str(digits), token))
            good = true;
    }
    return good;
}
