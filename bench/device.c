/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: read the clocks and the block device's counters (device.h).
 */
#include "bench/device.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define SECTOR_SIZE 512u

/* Fields of Documentation/admin-guide/iostats.rst: 7 = sectors written, 16 = flushes. */
static void read_counters(const char *dir, uint64_t *bytes, uint64_t *flushes)
{
    struct stat st;
    char path[128];
    unsigned long long f[17] = { 0 };
    *bytes = *flushes = 0;
    if (stat(dir, &st) != 0)
        return;
    snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/stat", major(st.st_dev), minor(st.st_dev));
    FILE *in = fopen(path, "r");
    if (!in)
        return;
    size_t count = 0;
    while (count < 17 && fscanf(in, "%llu", &f[count]) == 1)
        count++;
    fclose(in);
    *bytes = f[6] * SECTOR_SIZE;
    *flushes = count >= 16 ? f[15] : 0;
}

struct usage bench_usage_now(const char *dir)
{
    struct usage u = { 0 };
    struct timespec t;
    struct rusage r;
    clock_gettime(CLOCK_MONOTONIC, &t);
    getrusage(RUSAGE_SELF, &r);
    u.wall_s = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    u.cpu_s = (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
              1e-6 * (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
    u.waits = (uint64_t)r.ru_nvcsw;
    read_counters(dir, &u.device_bytes, &u.flushes);
    return u;
}

struct usage bench_usage_since(const char *dir, struct usage start)
{
    struct usage u = bench_usage_now(dir);
    u.wall_s -= start.wall_s;
    u.cpu_s -= start.cpu_s;
    u.device_bytes -= start.device_bytes;
    u.flushes -= start.flushes;
    u.waits -= start.waits;
    return u;
}

uint64_t bench_dir_size(const char *dir)
{
    DIR *d = opendir(dir);
    uint64_t size = 0;
    if (!d)
        return 0;
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        char path[1024];
        struct stat st;
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (e->d_name[0] == '.' || lstat(path, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode))
            size += bench_dir_size(path);
        else
            size += (uint64_t)st.st_blocks * 512;
    }
    closedir(d);
    return size;
}

uint64_t bench_resident(void)
{
    unsigned long long total = 0, resident = 0;
    FILE *in = fopen("/proc/self/statm", "r");
    if (!in)
        return 0;
    if (fscanf(in, "%llu %llu", &total, &resident) != 2)
        resident = 0;
    fclose(in);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}
