/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a folder for targets that need files: in memory where there is /dev/shm, since thousands of inputs
 * a minute do not wait for a disk. Removed when the program ends by itself.
 */
#ifndef FUZZ_WORKDIR_H
#define FUZZ_WORKDIR_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"

static char workdir[64]; /* empty before workdir_make */

static void workdir_remove(void)
{
    char command[96];
    snprintf(command, sizeof(command), "rm -rf %s", workdir);
    if (system(command) != 0)
        perror(command);
}

static inline void workdir_make(void)
{
    if (workdir[0] != '\0')
        return;
    snprintf(workdir, sizeof(workdir), "%s/tuffet-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    tuf_assert(mkdtemp(workdir) != NULL);
    atexit(workdir_remove);
}

#endif
