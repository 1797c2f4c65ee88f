/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: reads any bytes as a query string, as an ini file and as a database name.
 *
 * Laws: encoding what was decoded and decoding it again changes nothing; an ini file with one key
 * changed reads back with that key changed and every other the same; a valid database name comes
 * back from its file name, which never holds a slash; that of a snapshot begins with a valid one.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "server/dbname.h"
#include "server/dbs.h"
#include "server/ini.h"
#include "server/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(struct buf *out, tuf_slice text)
{
    for (size_t i = 0; i < text.len; i++)
        tufi_buf_printf(out, "%%%02X", text.data[i]);
}

static void check_query(tuf_slice text)
{
    struct arena arena = ARENA_INIT;
    struct params first, second;
    if (params_parse(&first, &arena, text) == TUF_OK) {
        struct buf again = BUF_INIT;
        for (size_t i = 0; i < first.count; i++) {
            buf_append_str(&again, i > 0 ? "&" : "");
            encode(&again, first.items[i].key);
            buf_append_u8(&again, '=');
            encode(&again, first.items[i].value);
        }
        tuf_assert(params_parse(&second, &arena, buf_slice(&again)) == TUF_OK);
        tuf_assert(second.count == first.count);
        for (size_t i = 0; i < first.count; i++) {
            tuf_assert(slice_equal(first.items[i].key, second.items[i].key));
            tuf_assert(slice_equal(first.items[i].value, second.items[i].value));
        }
        tufi_buf_release(&again);
    }
    tufi_arena_release(&arena);
}

struct ini_seen {
    struct buf others; /* lines but those of the changed key */
    struct buf value;  /* last value of the changed key */
};

static tuf_status see_line(tuf_slice section, tuf_slice key, tuf_slice value, void *ctx)
{
    struct ini_seen *seen = ctx;
    if (slice_is(section, "sec") && slice_is(key, "key")) {
        tufi_buf_clear(&seen->value);
        buf_append_slice(&seen->value, value);
        return TUF_OK;
    }
    write_sized(&seen->others, section);
    write_sized(&seen->others, key);
    write_sized(&seen->others, value);
    return TUF_OK;
}

static void check_ini(tuf_slice text)
{
    struct ini_seen before = { BUF_INIT, BUF_INIT };
    struct ini_seen after = { BUF_INIT, BUF_INIT };
    if (ini_read(text, see_line, &before) == TUF_OK) {
        struct buf changed = BUF_INIT;
        ini_change(&changed, text, "sec", "key", tuf_str("new value"));
        tuf_assert(ini_read(buf_slice(&changed), see_line, &after) == TUF_OK);
        tuf_assert(slice_is(buf_slice(&after.value), "new value"));
        tuf_assert(slice_equal(buf_slice(&before.others), buf_slice(&after.others)));
        tufi_buf_release(&changed);
    }
    tufi_buf_release(&before.others);
    tufi_buf_release(&before.value);
    tufi_buf_release(&after.others);
    tufi_buf_release(&after.value);
}

static void check_name(tuf_slice name)
{
    char file[DBNAME_FILE_SIZE];
    char back[DBNAME_FILE_SIZE];
    struct snapshot_name snapshot;
    if (dbs_check_name(name) != DBS_NAME_OK)
        return;
    if (snapshot_name_split(&snapshot, name)) { /* shown as a database, has no file of that name */
        tuf_assert(dbs_check_name(snapshot.db) == DBS_NAME_OK);
        tuf_assert(snapshot.db.len + snapshot.name.len < name.len);
        return;
    }
    tuf_assert(dbname_to_file(file, name));
    tuf_assert(strchr(file, '/') == NULL && file[0] != '.');
    tuf_assert(dbname_from_file(back, file));
    tuf_assert(slice_is(name, back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tuf_slice text = tuf_slice_of(data, size);
    if (size > 1 << 16)
        return 0;
    check_query(text);
    check_ini(text);
    check_name(text);
    return 0;
}
