/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what is asked of the data directory as a whole: the names of databases, and what deleted ones
 * left.
 *
 * Not here: the databases that are open (server/dbs.c).
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "server/dbname.h"
#include "server/dbs.h"

#define PREFIX_SIZE 1024
#define HEIR_SUFFIX ".compact"

/* ---- listing ----------------------------------------------------------------------------- */

void dbs_names_release(struct dbs_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        tufi_free((void *)(uintptr_t)names->items[i].data);
    tufi_free(names->items);
    names->items = NULL;
    names->count = 0;
}

static bool add_name(struct dbs_names *names, size_t *room, const char *file)
{
    char name[DBNAME_FILE_SIZE];
    if (!dbname_from_file(name, file))
        return true;
    if (names->count == *room) {
        size_t more = *room == 0 ? 64 : *room * 2;
        tuf_slice *items = tufi_realloc(names->items, more * sizeof(*items));
        if (items == NULL)
            return false;
        names->items = items;
        *room = more;
    }
    size_t len = strlen(name);
    uint8_t *copy = tufi_memdup(name, len + 1);
    if (copy == NULL)
        return false;
    names->items[names->count++] = tuf_slice_of(copy, len);
    return true;
}

/* The name of a file without the suffix; false if it has another one. */
static bool cut_suffix(char *file, const char *suffix)
{
    size_t len = strlen(file), suffix_len = strlen(suffix);
    if (len < suffix_len || strcmp(file + len - suffix_len, suffix) != 0)
        return false;
    file[len - suffix_len] = '\0';
    return true;
}

/* The databases whose files, with `suffix` appended, are in the directory. */
static tuf_status list_files(struct dbs_names *out, struct dbs *dbs, const char *suffix)
{
    struct dbs_names names = { NULL, 0 };
    size_t room = 0;
    DIR *dir = opendir(dbs_dir(dbs));
    if (dir == NULL)
        return tufi_fail_errno(errno, "cannot read the data directory");
    struct dirent *entry;
    bool good = true;
    while (good && (entry = readdir(dir)) != NULL)
        good = !cut_suffix(entry->d_name, suffix) || add_name(&names, &room, entry->d_name);
    closedir(dir);
    if (!good) {
        dbs_names_release(&names);
        return tufi_nomem();
    }
    if (names.count > 1)
        qsort(names.items, names.count, sizeof(*names.items), slice_order);
    *out = names;
    return TUF_OK;
}

tuf_status dbs_list(struct dbs_names *out, struct dbs *dbs)
{
    return list_files(out, dbs, "");
}

tuf_status dbs_list_unfinished(struct dbs_names *out, struct dbs *dbs)
{
    return list_files(out, dbs, HEIR_SUFFIX);
}

/* ---- remains ------------------------------------------------------------------------------ */

/* Files whose deletion a crash interrupted. */
void dbs_remove_doomed(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, ".deleted.", 9) == 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}

/* "db/_snapshot/" in the form of file names, and what a kept file's name begins with. */
static bool snapshot_prefixes(char ours[PREFIX_SIZE], char kept[PREFIX_SIZE], tuf_slice name)
{
    char file[DBNAME_FILE_SIZE];
    if (!dbname_to_file(file, name))
        return false;
    size_t stem = strlen(file) - strlen(".tuf");
    int a = snprintf(ours, PREFIX_SIZE, "%.*s%%2F_snapshot%%2F", (int)stem, file);
    int b = snprintf(kept, PREFIX_SIZE, "%s.snapshot-", file);
    return a > 0 && a < PREFIX_SIZE && b > 0 && b < PREFIX_SIZE;
}

void dbs_remove_snapshot_files(const char *path, tuf_slice name)
{
    char ours[PREFIX_SIZE], kept[PREFIX_SIZE];
    DIR *dir = snapshot_prefixes(ours, kept, name) ? opendir(path) : NULL;
    if (dir == NULL)
        return;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, ours, strlen(ours)) == 0 ||
            strncmp(entry->d_name, kept, strlen(kept)) == 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}
