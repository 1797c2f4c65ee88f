/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a main function for fuzz targets built without libFuzzer: runs every file named on the
 * command line, or found in a folder named there, through the target once.
 *
 * Prints "replayed N inputs", the line ./run-tests counts. Each input is copied to the heap in its
 * exact size, so that AddressSanitizer sees a read one byte past it.
 * Not here: mutation (build with --enable-fuzz and clang).
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t replayed_count;

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "cannot open %s\n", path);
        return -1;
    }
    uint8_t *data = NULL;
    size_t len = 0, cap = 0;
    while (!feof(f) && !ferror(f)) {
        if (len == cap) {
            cap = cap ? cap * 2 : 4096;
            uint8_t *more = realloc(data, cap);
            if (!more)
                abort();
            data = more;
        }
        len += fread(data + len, 1, cap - len, f);
    }
    fclose(f);
    uint8_t *exact = malloc(len ? len : 1);
    if (!exact)
        abort();
    if (len)
        memcpy(exact, data, len);
    free(data);
    /* Named before it runs, so that a crash tells which input it was. */
    fprintf(stderr, "%s (%zu bytes)\n", path, len);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    replayed_count++;
    return 0;
}

static int run_path(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        fprintf(stderr, "no such file: %s\n", path);
        return -1;
    }
    if (!S_ISDIR(st.st_mode))
        return run_file(path);
    DIR *dir = opendir(path);
    if (!dir) {
        fprintf(stderr, "cannot read %s\n", path);
        return -1;
    }
    int result = 0;
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        char child[4096];
        int len = snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if (len < 0 || (size_t)len >= sizeof child || run_path(child) != 0)
            result = -1;
    }
    closedir(dir);
    return result;
}

int main(int argc, char **argv)
{
    int result = 0;
    for (int i = 1; i < argc; i++)
        if (run_path(argv[i]) != 0)
            result = 1;
    printf("replayed %zu inputs\n", replayed_count);
    return result;
}
