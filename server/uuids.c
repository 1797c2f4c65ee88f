/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: makes ids by the configured algorithm.
 *
 * Source: CouchDB's couch_uuids; RFC 9562 section 5.7 (version 7).
 */
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "server/loop.h"
#include "server/server.h"

#define SEQUENCE_MAX 0xffd000u

struct uuids {
    pthread_mutex_t lock;
    uint8_t prefix[13];   /* of the sequential algorithm */
    uint32_t sequence;    /* its last 24 bits; 0: needs a prefix */
    uint64_t last_us;     /* of the algorithms that use the clock: strictly rising */
};

struct uuids *uuids_new(void)
{
    struct uuids *uuids = tufi_alloc_zero(sizeof(*uuids));
    if (uuids != NULL)
        pthread_mutex_init(&uuids->lock, NULL);
    return uuids;
}

void uuids_free(struct uuids **uuids)
{
    if (*uuids == NULL)
        return;
    pthread_mutex_destroy(&(*uuids)->lock);
    tufi_free(*uuids);
    *uuids = NULL;
}

/* OpenSSL's generator only fails without any entropy source; ids would then repeat. */
static void random_bytes(uint8_t *out, size_t len)
{
    if (RAND_bytes(out, (int)len) != 1) {
        uint64_t clock = clock_us();
        for (size_t i = 0; i < len; i++)
            out[i] = (uint8_t)(clock >> (8 * (i % 8)));
    }
}

static uint64_t rising_us(struct uuids *uuids)
{
    uint64_t now_us = clock_us();
    uuids->last_us = now_us > uuids->last_us ? now_us : uuids->last_us + 1;
    return uuids->last_us;
}

static void make_sequential(uint8_t out[16], struct uuids *uuids)
{
    uint8_t step[2];
    random_bytes(step, sizeof(step));
    if (uuids->sequence == 0 || uuids->sequence > SEQUENCE_MAX) {
        random_bytes(uuids->prefix, sizeof(uuids->prefix));
        uuids->sequence = 0;
    }
    uuids->sequence += 1 + get_be16(step) % 0xffeu;
    memcpy(out, uuids->prefix, sizeof(uuids->prefix));
    out[13] = (uint8_t)(uuids->sequence >> 16);
    out[14] = (uint8_t)(uuids->sequence >> 8);
    out[15] = (uint8_t)uuids->sequence;
}

/* 48 bits of milliseconds, then random bits; the bits after the version rise within one. */
static void make_v7(uint8_t out[16], struct uuids *uuids)
{
    uint64_t us = rising_us(uuids);
    random_bytes(out, 16);
    uint64_t ms = us / 1000;
    uint32_t fraction = (uint32_t)(us % 1000 * 4096 / 1000);
    put_be16(out, (uint16_t)(ms >> 32));
    put_be32(out + 2, (uint32_t)ms);
    out[6] = (uint8_t)(0x70 | fraction >> 8);
    out[7] = (uint8_t)fraction;
    out[8] = (uint8_t)(0x80 | (out[8] & 0x3f));
}

/* 14 digits of microseconds and a random or given tail. */
static void make_utc(char out[SERVER_UUID_SIZE], struct uuids *uuids, const char *tail)
{
    uint8_t bytes[9];
    char random_tail[19];
    random_bytes(bytes, sizeof(bytes));
    tufi_hex_encode(random_tail, bytes, sizeof(bytes));
    random_tail[18] = 0;
    snprintf(out, SERVER_UUID_SIZE, "%014llx%s", (unsigned long long)rising_us(uuids),
             tail != NULL ? tail : random_tail);
}

static void make(char out[SERVER_UUID_SIZE], struct uuids *uuids, tuf_slice algorithm,
                 const char *suffix)
{
    uint8_t bytes[16];
    if (slice_is(algorithm, "utc_random") || slice_is(algorithm, "utc_id")) {
        make_utc(out, uuids, slice_is(algorithm, "utc_id") ? suffix : NULL);
        return;
    }
    if (slice_is(algorithm, "sequential"))
        make_sequential(bytes, uuids);
    else if (slice_is(algorithm, "random"))
        random_bytes(bytes, sizeof(bytes));
    else
        make_v7(bytes, uuids);
    tufi_hex_encode(out, bytes, sizeof(bytes));
    out[SERVER_UUID_SIZE - 1] = 0;
}

void server_new_uuid(struct server *server, char out[SERVER_UUID_SIZE])
{
    TUF_AUTO(tufi_buf_release) struct buf algorithm = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf suffix = BUF_INIT;
    config_get(&algorithm, server->config, "uuids", "algorithm");
    config_get(&suffix, server->config, "uuids", "utc_id_suffix");
    buf_append_u8(&suffix, 0);
    pthread_mutex_lock(&server->uuids->lock);
    make(out, server->uuids, buf_slice(&algorithm),
         suffix.failed ? "" : (const char *)suffix.data);
    pthread_mutex_unlock(&server->uuids->lock);
}
