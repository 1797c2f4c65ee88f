/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the way in which comparisons end: false, and a line in compare_why.
 */
#ifndef TESTS_MODEL_EXPECT_H
#define TESTS_MODEL_EXPECT_H

#include <stdio.h>

#include "tests/model/compare.h"

#define EXPECT(condition, ...)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            snprintf(compare_why, sizeof(compare_why), __VA_ARGS__);                               \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

#define EXPECT_NUMBER(got, want, what)                                                             \
    EXPECT((unsigned long long)(got) == (unsigned long long)(want), "%s: %llu, expected %llu",     \
           (what), (unsigned long long)(got), (unsigned long long)(want))

#define EXPECT_STATUS(got, want, what)                                                             \
    do {                                                                                           \
        tuf_status got_ = (got);                                                                   \
        EXPECT(got_ == (want), "%s: %s (%s), expected %s", (what), tuf_status_name(got_),          \
               tuf_last_error()->text, tuf_status_name(want));                                     \
    } while (0)

#define EXPECT_OK(got, what) EXPECT_STATUS(got, TUF_OK, what)

/* compare.c: an entry of a list against the document it stands for. */
bool expect_docinfo(const tuf_docinfo *info, const struct ref_doc *want);

#endif
