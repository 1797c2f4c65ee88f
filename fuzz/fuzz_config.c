/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fuzz the chain of configuration files: the input is up to three of them with a NUL between, the
 * last is the one that the server writes.
 *
 * Laws: it is read or refused as invalid with a text; what is set is read back, also after everything was read
 * again from the files; no file makes the settings what the server cannot work with.
 */
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "fuzz/workdir.h"
#include "server/compaction_policy.h"
#include "server/config.h"

#define FILES_MAX 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char paths[FILES_MAX][96];

/* Writes the parts; the last of them is the local file. */
static size_t write_files(const uint8_t *data, size_t size)
{
    size_t count = 0;
    while (count < FILES_MAX) {
        const uint8_t *end = count + 1 < FILES_MAX && size > 0 ? memchr(data, 0, size) : NULL;
        size_t len = end ? (size_t)(end - data) : size;
        snprintf(paths[count], sizeof(paths[count]), "%s/%zu.ini", workdir, count);
        FILE *f = fopen(paths[count], "wb");
        tuf_assert(f && fwrite(data, 1, len, f) == len && fclose(f) == 0);
        count++;
        if (!end)
            break;
        data = end + 1;
        size -= len + 1;
    }
    return count;
}

static tuf_status open_chain(struct config **out, size_t count)
{
    const char *const list[] = { paths[0], paths[1] };
    return config_new(out, list, count - 1, paths[count - 1]);
}

static void check_settings(struct config *config)
{
    const struct settings *s = config_settings(config);
    struct compaction_policy policy;
    tuf_assert((s->auth_handlers & ~15u) == 0);
    policy_read(&policy, config);
    tuf_assert(policy.from_min < 1440 && policy.to_min <= 1440);
    for (unsigned minute = 0; minute < 1440; minute += 97)
        (void)policy_allows(&policy, minute);
}

static void check_set(struct config **config, size_t count)
{
    TUF_AUTO(tufi_buf_release) struct buf old = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf now = BUF_INIT;
    tuf_status st = config_set(&old, *config, "fuzz", "key", tuf_str("a ; value"), true);
    tuf_assert(st == TUF_OK || st < 0);
    if (st != TUF_OK)
        return;
    config_free(config);
    tuf_assert(open_chain(config, count) == TUF_OK);
    tuf_assert(config_get(&now, *config, "fuzz", "key"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = NULL;
    if (size > 1 << 14)
        return 0;
    workdir_make();
    size_t count = write_files(data, size);
    tuf_status st = open_chain(&config, count);
    if (st == TUF_OK) {
        check_settings(config);
        check_set(&config, count);
        config_free(&config);
    } else {
        tuf_assert(st == TUF_E_INVALID && tuf_last_error()->text[0] != '\0');
    }
    for (size_t i = 0; i < count; i++)
        unlink(paths[i]);
    return 0;
}
