/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the lockout table: direct-mapped by a keyed hash of name and address, so that it is of
 * constant size and nobody can aim at another's slot. A collision evicts the older entry.
 */
#include "server/lockout.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/bytes.h"

#define SLOT_COUNT 1024

struct slot {
    uint64_t tag;        /* keyed hash of name and peer; 0: empty */
    uint64_t end_ms;     /* when it is forgotten */
    uint64_t failures;
};

struct lockout {
    pthread_mutex_t lock;
    uint8_t key[32];
    atomic_bool used; /* a failure was counted since the start */
    struct slot slots[SLOT_COUNT];
};

struct lockout *lockout_new(void)
{
    struct lockout *lockout = tufi_alloc_zero(sizeof(*lockout));
    if (lockout == NULL)
        return NULL;
    pthread_mutex_init(&lockout->lock, NULL);
    if (RAND_bytes(lockout->key, (int)sizeof(lockout->key)) != 1)
        lockout_free(&lockout);
    return lockout;
}

void lockout_free(struct lockout **lockout)
{
    if (*lockout == NULL)
        return;
    pthread_mutex_destroy(&(*lockout)->lock);
    tufi_free(*lockout);
    *lockout = NULL;
}

static uint64_t make_tag(const struct lockout *lockout, tuf_slice name, const char *peer)
{
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    uint8_t digest[EVP_MAX_MD_SIZE] = { 0 };
    unsigned len = 0;
    write_sized(&text, name);
    buf_append_str(&text, peer);
    if (text.failed || HMAC(EVP_sha256(), lockout->key, (int)sizeof(lockout->key), text.data,
                            text.len, digest, &len) == NULL)
        return 1;
    return get_be64(digest) | 1;
}

static struct slot *slot_of(struct lockout *lockout, uint64_t tag)
{
    return &lockout->slots[(tag >> 1) % SLOT_COUNT];
}

bool lockout_is_empty(const struct lockout *lockout)
{
    return !lockout->used;
}

bool lockout_is_locked(struct lockout *lockout, tuf_slice name, const char *peer,
                       uint64_t now_ms, uint64_t threshold)
{
    uint64_t tag = make_tag(lockout, name, peer);
    pthread_mutex_lock(&lockout->lock);
    const struct slot *slot = slot_of(lockout, tag);
    bool locked = slot->tag == tag && now_ms < slot->end_ms && slot->failures >= threshold;
    pthread_mutex_unlock(&lockout->lock);
    return locked;
}

void lockout_add_failure(struct lockout *lockout, tuf_slice name, const char *peer,
                         uint64_t now_ms, uint64_t lifetime_ms)
{
    uint64_t tag = make_tag(lockout, name, peer);
    pthread_mutex_lock(&lockout->lock);
    struct slot *slot = slot_of(lockout, tag);
    if (slot->tag != tag || now_ms >= slot->end_ms)
        *slot = (struct slot){ .tag = tag };
    slot->failures++;
    slot->end_ms = now_ms + lifetime_ms;
    lockout->used = true;
    pthread_mutex_unlock(&lockout->lock);
}
