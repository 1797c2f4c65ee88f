/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the command "tuffet": picks the command by name.
 */
#include <stdio.h>
#include <string.h>

#include "tuffet/tuffet.h"

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "version") == 0) {
        printf("tuffet %s\n", TUF_VERSION_STRING);
        return 0;
    }
    fputs("usage: tuffet COMMAND ...\n", stderr);
    return 2;
}
