/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: counters of what clients take. See server/admission.h.
 *
 * Lock: `lock` guards the table of clients and their counts; nothing is called with it held.
 */
#include "server/admission.h"

#include <netinet/in.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/crc32c.h"

#define BUCKET_COUNT 1024

/* An address that has connections. */
struct admission_client {
    struct admission_client *next; /* in its bucket */
    uint8_t addr[16];              /* IPv4 ones in the first four bytes */
    uint64_t connections;
    uint32_t bucket;
};

struct admission {
    pthread_mutex_t lock;
    uint32_t seed;
    uint64_t connections;
    struct admission_client *buckets[BUCKET_COUNT];
    _Atomic uint64_t held; /* bytes, of all requests */
};

struct admission *admission_new(void)
{
    struct admission *admission = tufi_alloc_zero(sizeof(*admission));
    if (admission == NULL)
        return NULL;
    pthread_mutex_init(&admission->lock, NULL);
    if (RAND_bytes((unsigned char *)&admission->seed, (int)sizeof(admission->seed)) != 1)
        admission_free(&admission);
    return admission;
}

void admission_free(struct admission **admission)
{
    if (*admission == NULL)
        return;
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        struct admission_client *next;
        for (struct admission_client *c = (*admission)->buckets[i]; c != NULL; c = next) {
            next = c->next;
            tufi_free(c);
        }
    }
    pthread_mutex_destroy(&(*admission)->lock);
    tufi_free(*admission);
    *admission = NULL;
}

static void key_of(uint8_t out[16], const struct sockaddr *addr)
{
    memset(out, 0, 16);
    if (addr->sa_family == AF_INET)
        memcpy(out, &((const struct sockaddr_in *)(const void *)addr)->sin_addr, 4);
    else if (addr->sa_family == AF_INET6)
        memcpy(out, &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr, 16);
}

/* The client of an address, made if need be. With the lock held. */
static struct admission_client *find_client(struct admission *admission, const uint8_t key[16])
{
    uint32_t bucket = tufi_crc32c(admission->seed, key, 16) % BUCKET_COUNT;
    struct admission_client *client = admission->buckets[bucket];
    while (client != NULL && memcmp(client->addr, key, 16) != 0)
        client = client->next;
    if (client != NULL)
        return client;
    client = tufi_alloc_zero(sizeof(*client));
    if (client == NULL)
        return NULL;
    memcpy(client->addr, key, 16);
    client->bucket = bucket;
    client->next = admission->buckets[bucket];
    admission->buckets[bucket] = client;
    return client;
}

/* With the lock held. */
static void drop_if_unused(struct admission *admission, struct admission_client *client)
{
    if (client->connections > 0)
        return;
    struct admission_client **link = &admission->buckets[client->bucket];
    while (*link != client)
        link = &(*link)->next;
    *link = client->next;
    tufi_free(client);
}

bool admission_enter(struct admission_client **out, struct admission *admission,
                     const struct sockaddr *addr, uint64_t connections_max, uint64_t client_max)
{
    uint8_t key[16];
    key_of(key, addr);
    pthread_mutex_lock(&admission->lock);
    struct admission_client *client =
        admission->connections < connections_max ? find_client(admission, key) : NULL;
    bool let_in = client != NULL && client->connections < client_max;
    if (let_in) {
        client->connections++;
        admission->connections++;
        *out = client;
    } else if (client != NULL) {
        drop_if_unused(admission, client);
    }
    pthread_mutex_unlock(&admission->lock);
    return let_in;
}

void admission_leave(struct admission *admission, struct admission_client **client)
{
    if (*client == NULL)
        return;
    pthread_mutex_lock(&admission->lock);
    (*client)->connections--;
    admission->connections--;
    drop_if_unused(admission, *client);
    pthread_mutex_unlock(&admission->lock);
    *client = NULL;
}

bool admission_hold(struct admission *admission, size_t *held, size_t wanted, uint64_t max)
{
    if (wanted <= *held) {
        atomic_fetch_sub_explicit(&admission->held, *held - wanted, memory_order_relaxed);
        *held = wanted;
        return true;
    }
    size_t more = wanted - *held;
    uint64_t before = atomic_fetch_add_explicit(&admission->held, more, memory_order_relaxed);
    if (before + more > max) {
        atomic_fetch_sub_explicit(&admission->held, more, memory_order_relaxed);
        return false;
    }
    *held = wanted;
    return true;
}
