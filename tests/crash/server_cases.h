/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the requests of server_faults: one of each kind that the server answers.
 *
 * In all texts "$n" stands for the number of the run, so that what one run leaves behind is not in the
 * way of the next.
 */
#ifndef TESTS_CRASH_SERVER_CASES_H
#define TESTS_CRASH_SERVER_CASES_H

#include <stdbool.h>
#include <stddef.h>

/* A request; method NULL: none. `headers` are whole lines, each with its CR LF, or NULL. */
struct ask {
    const char *method, *path, *headers, *body;
};

struct server_case {
    const char *name;
    struct ask before;  /* without a fault, ahead of each run */
    struct ask ask;     /* what is made to fail */
    struct ask after;   /* without a fault: shows what an acknowledged request did */
    int after_status;   /* that it then has */
    bool varies;        /* the answer tells times or counts: its text is not compared */
};

/* What all of them find: made once. */
extern const struct ask server_setup[];
extern const size_t server_setup_count;
extern const struct server_case server_cases[];
extern const size_t server_case_count;

#endif
