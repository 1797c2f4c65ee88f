/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: slow those who write down to half the speed of a compaction that they would outrun.
 *
 * While it is on, a writer waits before it adds to the file until it has been granted some bytes. The
 * compaction grants half of what it copies: so each round of its catch-up leaves at most half as much
 * to the next one.
 *
 * INV-PA-1: nobody waits once the pace is off.
 */
#ifndef ENGINE_PACE_H
#define ENGINE_PACE_H

#include <pthread.h>
#include <stdatomic.h>

#include "tuffet/types.h"

struct pace {
    atomic_bool on;
    _Atomic uint64_t spent;  /* bytes written since the file was opened, about */
    pthread_mutex_t lock;
    pthread_cond_t granted;
    int64_t allowance;       /* bytes that may be written now (lock) */
};

void tufi_pace_init(struct pace *p);
void tufi_pace_release(struct pace *p);
/* Says that `bytes` will be written; waits first while the pace is on and nothing is granted. No
 * lock may be held. */
void tufi_pace_spend(struct pace *p, uint64_t bytes);
void tufi_pace_set(struct pace *p, bool on);
void tufi_pace_grant(struct pace *p, uint64_t bytes);

#endif
