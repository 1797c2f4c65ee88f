/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the policy of automatic compaction (compaction_policy.h).
 */
#include "server/compaction_policy.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "server/config.h"

#define FILE_SIZE_MIN (8u << 20)
#define GARBAGE_PERCENT 50
#define CHECK_INTERVAL_S 60
#define BYTES_PER_SECOND (32u << 20)
/* What a document takes in the trees and headers of a compacted file, about. */
#define ROW_SIZE 160u
/* A file that did not grow by a quarter since its last compaction would gain little by another,
 * whatever the estimates say. */
#define GROWTH_DIVISOR 4
#define KEEP_HISTORY_S 86400
/* A pass reads the whole index: it is worth it when so much of the file is new. */
#define TRIM_GROWTH_DIVISOR 10

bool policy_parse_time(unsigned *minutes_out, tuf_slice text)
{
    const uint8_t *c = text.data;
    if (text.len != 5 || c[2] != ':')
        return false;
    for (size_t i = 0; i < 5; i++) {
        if (i != 2 && (c[i] < '0' || c[i] > '9'))
            return false;
    }
    unsigned hours = (unsigned)(c[0] - '0') * 10 + (unsigned)(c[1] - '0');
    unsigned minutes = (unsigned)(c[3] - '0') * 10 + (unsigned)(c[4] - '0');
    if (hours > 23 || minutes > 59)
        return false;
    *minutes_out = hours * 60 + minutes;
    return true;
}

static unsigned read_time(struct config *config, const char *key)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    unsigned minutes = 0;
    if (config_get(&value, config, "compaction", key))
        (void)policy_parse_time(&minutes, buf_slice(&value));
    return minutes;
}

void policy_read(struct compaction_policy *out, struct config *config)
{
    *out = (struct compaction_policy){
        .automatic = config_bool(config, "compaction", "auto", true),
        .file_size_min = config_uint(config, "compaction", "min_file_size", FILE_SIZE_MIN),
        .garbage_percent =
            config_uint(config, "compaction", "min_garbage_percent", GARBAGE_PERCENT),
        .check_interval_s =
            config_uint(config, "compaction", "check_interval", CHECK_INTERVAL_S),
        .bytes_per_second =
            config_uint(config, "compaction", "bytes_per_second", BYTES_PER_SECOND),
        .trim = config_bool(config, "compaction", "trim", false),
        .keep_history_s =
            config_uint(config, "compaction", "keep_history", KEEP_HISTORY_S),
        .from_min = read_time(config, "from"),
        .to_min = read_time(config, "to"),
    };
    if (out->keep_history_s > UINT64_MAX / 1000000)
        out->keep_history_s = UINT64_MAX / 1000000;
    if (out->check_interval_s == 0)
        out->check_interval_s = 1;
    if (out->bytes_per_second == 0)
        out->bytes_per_second = 1;
}

bool policy_allows(const struct compaction_policy *policy, unsigned minute)
{
    if (policy->from_min == policy->to_min)
        return true;
    if (policy->from_min < policy->to_min)
        return minute >= policy->from_min && minute < policy->to_min;
    return minute >= policy->from_min || minute < policy->to_min; /* over midnight */
}

bool policy_wants(const struct compaction_policy *policy, const tuf_db_info *info)
{
    if (info->size_file < policy->file_size_min)
        return false;
    if (info->size_compacted > 0 &&
        info->size_file < info->size_compacted + info->size_compacted / GROWTH_DIVISOR)
        return false;
    uint64_t rows = info->doc_count + info->doc_del_count + info->local_count;
    uint64_t kept = info->size_active + rows * ROW_SIZE;
    if (kept >= info->size_file)
        return false;
    return (info->size_file - kept) / 100 >= info->size_file / 10000 * policy->garbage_percent;
}

bool policy_wants_trim(const struct compaction_policy *policy, const tuf_db_info *info)
{
    uint64_t done = info->trim_off > info->size_compacted ? info->trim_off : info->size_compacted;
    if (!policy->trim || info->size_file < policy->file_size_min || info->size_file <= done)
        return false;
    return info->size_file - done >= info->size_file / TRIM_GROWTH_DIVISOR;
}
