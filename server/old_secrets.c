/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: secrets that were replaced. See server/old_secrets.h.
 *
 * Lock: `lock` guards everything; moments.
 */
#include "server/old_secrets.h"

#include <openssl/crypto.h>
#include <pthread.h>

#include "base/alloc.h"
#include "base/slice.h"

#define KEPT_MAX 4

struct kept {
    struct buf secret;
    uint64_t end_s;
};

struct old_secrets {
    pthread_mutex_t lock;
    struct buf current;
    struct kept kept[KEPT_MAX];
    size_t next; /* to be overwritten */
};

static void forget(struct buf *secret)
{
    if (secret->data != NULL)
        OPENSSL_cleanse(secret->data, secret->len);
    tufi_buf_release(secret);
}

struct old_secrets *old_secrets_new(void)
{
    struct old_secrets *old = tufi_alloc_zero(sizeof(*old));
    if (old != NULL)
        pthread_mutex_init(&old->lock, NULL);
    return old;
}

void old_secrets_free(struct old_secrets **old)
{
    if (*old == NULL)
        return;
    forget(&(*old)->current);
    for (size_t i = 0; i < KEPT_MAX; i++)
        forget(&(*old)->kept[i].secret);
    pthread_mutex_destroy(&(*old)->lock);
    tufi_free(*old);
    *old = NULL;
}

void old_secrets_note(struct old_secrets *old, tuf_slice secret, uint64_t now_s, uint64_t keep_s)
{
    pthread_mutex_lock(&old->lock);
    if (!slice_equal(buf_slice(&old->current), secret)) {
        if (old->current.len > 0) {
            struct kept *kept = &old->kept[old->next++ % KEPT_MAX];
            forget(&kept->secret);
            kept->secret = old->current;
            kept->end_s = keep_s < UINT64_MAX - now_s ? now_s + keep_s : UINT64_MAX;
        }
        old->current = (struct buf)BUF_INIT;
        buf_append_slice(&old->current, secret);
    }
    pthread_mutex_unlock(&old->lock);
}

bool old_secrets_get(struct buf *out, struct old_secrets *old, size_t pos, uint64_t now_s)
{
    bool found = false;
    pthread_mutex_lock(&old->lock);
    for (size_t i = 0; i < KEPT_MAX && !found; i++) {
        const struct kept *kept = &old->kept[i];
        if (kept->secret.len == 0 || now_s >= kept->end_s || pos-- > 0)
            continue;
        buf_append_slice(out, buf_slice(&kept->secret));
        found = !out->failed;
    }
    pthread_mutex_unlock(&old->lock);
    return found;
}
