/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: compares what the library answers with what the reference model says.
 */
#ifndef TESTS_MODEL_COMPARE_H
#define TESTS_MODEL_COMPARE_H

#include "tests/model/reference.h"
#include "tests/sim/rng.h"
#include "tuffet/tuffet.h"

/* Why the last comparison failed. */
#define COMPARE_WHY_SIZE 1000
extern char compare_why[COMPARE_WHY_SIZE];

tuf_rev compare_rev(const struct ref_rev *rev); /* borrows */

/* All return false and set compare_why at the first difference. */
bool compare_info(tuf_snapshot *s, const struct ref_db *db);
bool compare_doc(tuf_snapshot *s, const struct ref_db *db, uint8_t id, bool deep);
bool compare_local(tuf_snapshot *s, const struct ref_db *db, uint8_t id);
bool compare_meta(tuf_snapshot *s, const struct ref_db *db, uint8_t name);
bool compare_purges(tuf_snapshot *s, const struct ref_db *db, uint64_t since);
bool compare_changes(tuf_snapshot *s, const struct ref_db *db, uint64_t since, bool descending);
/* A range with random bounds, direction, flags, skip and limit. */
bool compare_range(tuf_snapshot *s, const struct ref_db *db, struct rng *rng);
bool compare_locals_range(tuf_snapshot *s, const struct ref_db *db, bool descending);
bool compare_rank(tuf_snapshot *s, const struct ref_db *db, uint8_t id, bool inclusive);
/* Known and unknown revisions, and the leaves below one. */
bool compare_known(tuf_snapshot *s, const struct ref_db *db, uint8_t id, struct rng *rng);
/* Everything, and tuf_check. */
bool compare_all(tuf_snapshot *s, const struct ref_db *db);

#endif
