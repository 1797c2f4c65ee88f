/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the command "tuffet": picks a command by its name.
 *
 * Not here: the commands (cli/NAME.c each).
 */
#include <string.h>

#include "cli/cli.h"

struct command {
    const char *name;
    cli_main *run;
    const char *arguments;
    const char *summary;
};

static cli_main help, version;

static const struct command commands[] = {
    { "info", cli_info, "FILE [--json]", "counts, sizes and identity of a database" },
    { "get", cli_get, "FILE ID [--rev REV] [--revs] [--conflicts] [--attachments] [--at MOMENT]",
      "print a document" },
    { "put", cli_put, "FILE [JSON | -] [--id ID]", "store a document, from stdin unless given" },
    { "changes", cli_changes, "FILE [--since SEQ] [--at MOMENT]",
      "list documents by their newest change, as JSON lines" },
    { "dump", cli_dump, "FILE [--at MOMENT]", "write everything as JSON lines to stdout" },
    { "load", cli_load, "FILE [--batch N]", "read JSON lines from stdin, as dump writes them" },
    { "check", cli_check, "FILE [--quiet]", "verify every checksum, tree, count and digest" },
    { "backup", cli_backup, "[--all] [--keep N] [--check] [--quiet] SOURCE DEST",
      "copy a database that may be in use, later only what is new" },
    { "restore", cli_restore,
      "BACKUP NEW [--at MOMENT] | BACKUP FILE --doc ID [--rev REV] [--att NAME] [--at MOMENT]",
      "a database, one document or one attachment from a backup" },
    { "salvage", cli_salvage, "DAMAGED NEW", "what is intact in a damaged file, as a new database" },
    { "compact", cli_compact, "[--past-io-errors] FILE",
      "give back the space of what is no longer current" },
    { "trim", cli_trim, "[--keep DURATION] FILE",
      "give back dead space by holes in the file, without a copy" },
#ifdef TUF_REPLICATOR
    { "replicate", cli_replicate, "[OPTIONS] SOURCE TARGET",
      "bring documents from one database to another, files or URLs" },
#endif
    { "log", cli_log, "FILE [--json] [--checkpoints]", "list commits and checkpoints" },
    { "help", help, "[COMMAND]", "say this" },
    { "version", version, "", "print the version" },
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void print_commands(FILE *out)
{
    fputs("usage: tuffet COMMAND ...\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].summary);
    fputs("\nA database is one file. See tuffet(1).\n", out);
}

int cli_usage(const char *command)
{
    const struct command *found = find_command(command);
    if (found)
        fprintf(stderr, "usage: tuffet %s %s\n", found->name, found->arguments);
    else
        print_commands(stderr);
    return CLI_FAILED;
}

static int help(int argc, char **argv)
{
    const struct command *found = argc > 1 ? find_command(argv[1]) : NULL;
    if (found)
        printf("usage: tuffet %s %s\n\n%s\n", found->name, found->arguments, found->summary);
    else
        print_commands(stdout);
    return CLI_OK;
}

static int version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("tuffet %s\n", tuf_version());
    return CLI_OK;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return cli_usage("");
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    const struct command *found = find_command(name);
    if (!found) {
        fprintf(stderr, "tuffet: no command \"%s\"\n", name);
        return cli_usage("");
    }
    return found->run(argc - 1, argv + 1);
}
