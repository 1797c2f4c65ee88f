/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: when a database is compacted without anybody asking: [compaction] of the configuration. Pure
 * but for reading the configuration.
 *
 * Not here: the thread that compacts (server/compactions.h).
 */
#ifndef SERVER_COMPACTION_POLICY_H
#define SERVER_COMPACTION_POLICY_H

#include "tuffet/tuffet.h"

struct config;

struct compaction_policy {
    bool automatic;
    uint64_t file_size_min;     /* bytes: smaller files are not worth it */
    uint64_t garbage_percent;   /* of the file, from which on it is */
    uint64_t check_interval_s;
    uint64_t bytes_per_second;  /* of automatic ones; UINT64_MAX: no limit */
    bool trim;                  /* give dead space back between compactions... */
    uint64_t keep_history_s;    /* ...but for what is younger */
    unsigned from_min, to_min;  /* minutes since midnight, local time; equal: at any time */
};

void policy_read(struct compaction_policy *out, struct config *config);
/* Whether an automatic compaction may run at this minute of the day. */
bool policy_allows(const struct compaction_policy *policy, unsigned minute);
/* Whether a database has enough garbage. */
bool policy_wants(const struct compaction_policy *policy, const tuf_db_info *info);
/* Whether enough came to a database since dead space was given back to do it again. */
bool policy_wants_trim(const struct compaction_policy *policy, const tuf_db_info *info);
/* "23:00" in minutes. */
bool policy_parse_time(unsigned *minutes_out, tuf_slice text);

#endif
