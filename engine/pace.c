/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: slowing writers for a compaction (pace.h).
 */
#include "engine/pace.h"

void tufi_pace_init(struct pace *p)
{
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->granted, NULL);
}

void tufi_pace_release(struct pace *p)
{
    pthread_cond_destroy(&p->granted);
    pthread_mutex_destroy(&p->lock);
}

void tufi_pace_spend(struct pace *p, uint64_t bytes)
{
    atomic_fetch_add_explicit(&p->spent, bytes, memory_order_relaxed);
    if (!atomic_load_explicit(&p->on, memory_order_relaxed))
        return;
    pthread_mutex_lock(&p->lock);
    while (atomic_load(&p->on) && p->allowance <= 0) /* INV-PA-1 */
        pthread_cond_wait(&p->granted, &p->lock);
    p->allowance -= (int64_t)bytes;
    pthread_mutex_unlock(&p->lock);
}

void tufi_pace_set(struct pace *p, bool on)
{
    pthread_mutex_lock(&p->lock);
    p->allowance = 0;
    atomic_store(&p->on, on);
    pthread_cond_broadcast(&p->granted);
    pthread_mutex_unlock(&p->lock);
}

void tufi_pace_grant(struct pace *p, uint64_t bytes)
{
    if (!atomic_load_explicit(&p->on, memory_order_relaxed))
        return;
    pthread_mutex_lock(&p->lock);
    p->allowance += (int64_t)bytes;
    pthread_cond_broadcast(&p->granted);
    pthread_mutex_unlock(&p->lock);
}
