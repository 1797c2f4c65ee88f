/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: "tuffet put": store one document, as an interactive edit: the revision it changes must be
 * the current one. Creates the database file if there is none.
 */
#include <getopt.h>
#include <string.h>
#include <sys/random.h>

#include "base/hex.h"
#include "cli/cli.h"

#define INPUT_SIZE_MAX ((size_t)1 << 30)

static int read_all(struct buf *out, FILE *in)
{
    char piece[65536];
    size_t len;
    while ((len = fread(piece, 1, sizeof piece, in)) > 0) {
        tufi_buf_append(out, piece, len);
        if (out->failed || out->len > INPUT_SIZE_MAX) {
            fputs("tuffet: the document is too large\n", stderr);
            return CLI_FAILED;
        }
    }
    if (ferror(in)) {
        perror("tuffet: cannot read");
        return CLI_FAILED;
    }
    return CLI_OK;
}

/* Whether the text has an "_id"; the document itself is judged by tuf_edit_parse. */
static bool text_has_id(tuf_slice json)
{
    return json.len >= 5 && memmem(json.data, json.len, "\"_id\"", 5) != NULL;
}

static tuf_status parse_edit(tuf_edit **out, tuf_slice json, const char *id)
{
    char random_id[33] = { 0 };
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    if (!id && !text_has_id(json)) {
        uint8_t bytes[16];
        if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
            return TUF_E_IO;
        tufi_hex_encode(random_id, bytes, sizeof bytes);
        id = random_id;
    }
    if (id)
        opts.id = tuf_str(id);
    return tuf_edit_parse(out, json, &opts);
}

static int print_result(const tuf_edit *edit)
{
    tuf_edit_result result;
    tuf_edit_get_result(&result, edit);
    tuf_slice id = tuf_edit_id(edit);
    if (result.status != TUF_OK) {
        fprintf(stderr, "tuffet: %.*s: %s\n", (int)id.len, (const char *)id.data,
                tuf_status_text(result.status));
        return result.status > 0 ? CLI_NO : CLI_FAILED;
    }
    char rev[TUF_REV_TEXT_SIZE];
    tuf_rev_format(rev, result.rev);
    printf("%.*s %s\n", (int)id.len, (const char *)id.data, rev);
    return CLI_OK;
}

static int store(const char *path, tuf_edit *edit)
{
    int result = CLI_OK;
    tuf_db *db = cli_open(&result, path, TUF_OPEN_CREATE);
    if (!db)
        return result;
    tuf_edit *const edits[] = { edit };
    tuf_status st = tuf_db_commit(db, edits, 1, 0);
    result = st == TUF_OK ? print_result(edit) : cli_report(path, st);
    return cli_close(&db, path, result);
}

int cli_put(int argc, char **argv)
{
    static const struct option long_options[] = {
        { "id", required_argument, NULL, 'i' },
        { NULL, 0, NULL, 0 },
    };
    const char *id = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option != 'i')
            return cli_usage(argv[0]);
        id = optarg;
    }
    int left = argc - optind;
    if (left < 1 || left > 2)
        return cli_usage(argv[0]);
    TUF_AUTO(tufi_buf_release) struct buf input = BUF_INIT;
    tuf_slice json;
    if (left == 2 && strcmp(argv[optind + 1], "-") != 0) {
        json = tuf_str(argv[optind + 1]);
    } else {
        if (read_all(&input, stdin) != CLI_OK)
            return CLI_FAILED;
        json = buf_slice(&input);
    }
    tuf_edit *edit = NULL;
    tuf_status st = parse_edit(&edit, json, id);
    if (st != TUF_OK)
        return cli_report("document", st);
    int result = store(argv[optind], edit);
    tuf_edit_free(&edit);
    return result;
}
