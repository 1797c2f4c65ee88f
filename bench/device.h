/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what a piece of work cost: wall and processor time, and the block device's own counters of
 * bytes written and flushes, which do not depend on the machine's mood. Other programs that write to
 * the same device are counted too: run alone.
 */
#ifndef BENCH_DEVICE_H
#define BENCH_DEVICE_H

#include <stdint.h>

struct usage {
    double wall_s;
    double cpu_s;
    uint64_t device_bytes; /* written; 0 if the device has no counters */
    uint64_t flushes;
    uint64_t waits; /* times a thread of this process gave the processor up: for a lock, a disk */
    double p50_us; /* median of single operations where they were measured, else 0 */
};

/* Readings now, for a directory on the device. */
struct usage bench_usage_now(const char *dir);
struct usage bench_usage_since(const char *dir, struct usage start);
/* Bytes of all files in a directory, one level deep. */
uint64_t bench_dir_size(const char *dir);
/* Resident bytes of this process. */
uint64_t bench_resident(void);

#endif
