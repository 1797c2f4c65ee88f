/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: plants a bug of base/testhook.h for the crash tests.
 */
#ifndef TESTS_SIM_TESTHOOK_H
#define TESTS_SIM_TESTHOOK_H

/* name: static string, NULL for none. Not while the engine runs in another thread. */
void testhook_plant(const char *name);
/* How often the engine came to the planted place since. */
unsigned long long testhook_asked(void);

#endif
