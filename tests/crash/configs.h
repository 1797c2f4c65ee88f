/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the disks and formats that the crash tests run on.
 */
#ifndef TESTS_CRASH_CONFIGS_H
#define TESTS_CRASH_CONFIGS_H

#include "tests/crash/script.h"

static const struct {
    uint32_t disk_sector, db_sector;
    enum sim_profile profile;
    bool sharing; /* links, and blocks in two files: what cannot have them copies instead */
} crash_configs[] = {
    { 512, 512, SIM_POSIX_MINIMAL, true },
    { 4096, 4096, SIM_POSIX_MINIMAL, true },
    { 512, 4096, SIM_POSIX_MINIMAL, false },
    { 512, 512, SIM_ORDERED, true },
};
#define CRASH_CONFIG_COUNT (sizeof(crash_configs) / sizeof(*crash_configs))

static inline struct script_config crash_config(size_t number, uint64_t seed,
                                                enum sim_monitor monitor)
{
    return (struct script_config){
        .disk_sector = crash_configs[number].disk_sector,
        .db_sector = crash_configs[number].db_sector,
        .profile = crash_configs[number].profile,
        .sharing = crash_configs[number].sharing,
        .monitor = monitor,
        .seed = seed,
    };
}

#endif
