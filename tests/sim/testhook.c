/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: which bug is planted (base/testhook.h). One at a time.
 */
#include "tests/sim/testhook.h"

#include <string.h>

#include "base/testhook.h"

static const char *planted;
static unsigned long long asked;

void testhook_plant(const char *name)
{
    planted = name;
    asked = 0;
}

unsigned long long testhook_asked(void)
{
    return asked;
}

#ifdef TUF_TEST_HOOKS
bool tufi_planted(const char *name)
{
    bool is_planted = planted && strcmp(planted, name) == 0;
    asked += is_planted;
    return is_planted;
}
#endif
