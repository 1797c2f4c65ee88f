/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: checks database names and turns them into file names and back. See server/dbname.h.
 */
#include "server/dbname.h"

#include "base/bytes.h"
#include "server/dbs.h"

#define SUFFIX ".tuf"
#define SUFFIX_LEN (sizeof(SUFFIX) - 1)
#define MARK "/_snapshot/"
#define MARK_LEN (sizeof(MARK) - 1)
#define LOCAL "/_local"
#define LOCAL_LEN (sizeof(LOCAL) - 1)

static bool is_system_name(tuf_slice name)
{
    static const char *const names[] = { "_users", "_replicator", "_global_changes" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_is(name, names[i]))
            return true;
    }
    return false;
}

static bool is_name_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("_$()+-/", c) != NULL);
}

bool snapshot_name_split(struct snapshot_name *out, tuf_slice name)
{
    const uint8_t *mark = name.len > MARK_LEN ? memmem(name.data, name.len, MARK, MARK_LEN) : NULL;
    if (mark == NULL)
        return false;
    size_t db_len = (size_t)(mark - name.data);
    tuf_slice rest = tuf_slice_of(mark + MARK_LEN, name.len - db_len - MARK_LEN);
    out->db = tuf_slice_of(name.data, db_len);
    out->local = rest.len > LOCAL_LEN &&
                 memcmp(rest.data + rest.len - LOCAL_LEN, LOCAL, LOCAL_LEN) == 0;
    out->name = tuf_slice_of(rest.data, rest.len - (out->local ? LOCAL_LEN : 0));
    return true;
}

enum dbs_name dbs_check_name(tuf_slice name)
{
    if (is_system_name(name))
        return DBS_NAME_OK;
    struct snapshot_name sn;
    bool of_system = snapshot_name_split(&sn, name) && is_system_name(sn.db);
    if (!of_system && (name.len == 0 || name.data[0] < 'a' || name.data[0] > 'z'))
        return DBS_NAME_BAD;
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_char(name.data[i]))
            return DBS_NAME_BAD;
    }
    char file[DBNAME_FILE_SIZE];
    if (name.len > DBS_NAME_SIZE_MAX || !dbname_to_file(file, name))
        return DBS_NAME_LONG;
    return DBS_NAME_OK;
}

bool dbname_to_file(char out[DBNAME_FILE_SIZE], tuf_slice name)
{
    size_t len = 0;
    for (size_t i = 0; i < name.len; i++) {
        bool slash = name.data[i] == '/';
        size_t need = slash ? 3 : 1;
        if (len + need + SUFFIX_LEN >= DBNAME_FILE_SIZE)
            return false;
        memcpy(out + len, slash ? "%2F" : (const char *)name.data + i, need);
        len += need;
    }
    memcpy(out + len, SUFFIX, SUFFIX_LEN + 1);
    return true;
}

bool dbname_from_file(char out[DBNAME_FILE_SIZE], const char *file)
{
    size_t file_len = strlen(file);
    size_t len = 0;
    if (file_len <= SUFFIX_LEN || file_len >= DBNAME_FILE_SIZE ||
        strcmp(file + file_len - SUFFIX_LEN, SUFFIX) != 0)
        return false;
    for (size_t i = 0; i < file_len - SUFFIX_LEN; i++) {
        if (strncmp(file + i, "%2F", 3) == 0) {
            out[len++] = '/';
            i += 2;
        } else {
            out[len++] = file[i];
        }
    }
    out[len] = 0;
    struct snapshot_name sn; /* local documents of a snapshot: nobody's database */
    if (snapshot_name_split(&sn, tuf_slice_of(out, len)))
        return false;
    return dbs_check_name(tuf_slice_of(out, len)) == DBS_NAME_OK;
}
