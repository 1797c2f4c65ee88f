/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: tuffetd's command line and the settings of its process.
 */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "server/log.h"
#include "server/params.h"
#include "server/server.h"

#define CONFIG_FILES_MAX 32
#define LISTEN_MAX 16
#define SETS_MAX 64
#define SET_SIZE 64
#define THREADS_MAX 64
#define EXIT_USAGE 64

static const char usage_text[] =
    "usage: tuffetd --data-dir DIR [options]\n"
    "  --data-dir DIR        where the databases are\n"
    "  --listen ADDR:PORT    default: [chttpd] bind_address and port, 127.0.0.1:5984;\n"
    "                        may be repeated\n"
    "  --config FILE         ini file, or directory of *.ini; may be repeated, later ones win;\n"
    "                        DIR/local.ini comes last and is the one that is written\n"
    "  --set SECTION/KEY=VALUE  wins over all files; may be repeated\n"
    "  --check-config        read the configuration, say what is wrong with it, and end\n"
    "  --print-config        print the whole configuration without its secrets, and end\n"
    "  --insecure-loopback   start without an admin on a loopback address\n"
    "  --loops N             event loop threads (default 2)\n"
    "  --workers N           worker threads (default 4)\n"
    "  --log-level LEVEL     debug, info, notice (default), warning, error, none\n"
    "  --version, --help\n";

enum option_id {
    OPT_DATA_DIR = 1, OPT_LISTEN, OPT_CONFIG, OPT_INSECURE, OPT_LOOPS, OPT_WORKERS,
    OPT_LOG_LEVEL, OPT_SET, OPT_CHECK, OPT_PRINT, OPT_VERSION, OPT_HELP,
};

static const struct option long_options[] = {
    { "data-dir", required_argument, NULL, OPT_DATA_DIR },
    { "listen", required_argument, NULL, OPT_LISTEN },
    { "config", required_argument, NULL, OPT_CONFIG },
    { "insecure-loopback", no_argument, NULL, OPT_INSECURE },
    { "loops", required_argument, NULL, OPT_LOOPS },
    { "workers", required_argument, NULL, OPT_WORKERS },
    { "log-level", required_argument, NULL, OPT_LOG_LEVEL },
    { "set", required_argument, NULL, OPT_SET },
    { "check-config", no_argument, NULL, OPT_CHECK },
    { "print-config", no_argument, NULL, OPT_PRINT },
    { "version", no_argument, NULL, OPT_VERSION },
    { "help", no_argument, NULL, OPT_HELP },
    { NULL, 0, NULL, 0 },
};

struct arguments {
    struct server_options options;
    const char *config_paths[CONFIG_FILES_MAX];
    const char *sets[SETS_MAX];
    const char *listen[LISTEN_MAX];
    char level_set[SET_SIZE];
    int exit_code; /* >= 0: nothing more to do */
};

static bool parse_threads(unsigned *out, const char *text)
{
    uint64_t count;
    if (!parse_uint(&count, tuf_str(text)) || count == 0 || count > THREADS_MAX)
        return false;
    *out = (unsigned)count;
    return true;
}

static bool add_set(struct arguments *args, const char *text)
{
    if (args->options.set_count == SETS_MAX)
        return false;
    args->sets[args->options.set_count++] = text;
    return true;
}

/* False if the option's argument is no good. */
static bool take_option(struct arguments *args, int id, const char *value)
{
    struct server_options *options = &args->options;
    enum log_level level;
    switch (id) {
    case OPT_DATA_DIR:
        options->data_dir = value;
        return true;
    case OPT_LISTEN:
        if (options->listen_count == LISTEN_MAX)
            return false;
        args->listen[options->listen_count++] = value;
        return true;
    case OPT_CONFIG:
        if (options->config_count == CONFIG_FILES_MAX)
            return false;
        args->config_paths[options->config_count++] = value;
        return true;
    case OPT_INSECURE:
        options->insecure_loopback = true;
        return true;
    case OPT_LOOPS:
        return parse_threads(&options->loop_count, value);
    case OPT_WORKERS:
        return parse_threads(&options->worker_count, value);
    case OPT_LOG_LEVEL:
        if (!log_level_parse(&level, value))
            return false;
        log_set_level(level);
        snprintf(args->level_set, sizeof(args->level_set), "log/level=%s", value);
        return add_set(args, args->level_set);
    case OPT_SET:
        return add_set(args, value);
    case OPT_CHECK:
        options->check_config = true;
        return true;
    case OPT_PRINT:
        options->print_config = true;
        return true;
    case OPT_VERSION:
        printf("tuffetd %s\n", tuf_version());
        args->exit_code = 0;
        return true;
    case OPT_HELP:
        fputs(usage_text, stdout);
        args->exit_code = 0;
        return true;
    default:
        return false;
    }
}

static void parse_arguments(struct arguments *args, int argc, char **argv)
{
    args->exit_code = -1;
    args->options.loop_count = 2;
    args->options.worker_count = 4;
    args->options.config_paths = args->config_paths;
    args->options.sets = args->sets;
    args->options.listen = args->listen;
    int id;
    while (args->exit_code < 0 && (id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (!take_option(args, id, optarg)) {
            fputs(usage_text, stderr);
            args->exit_code = EXIT_USAGE;
        }
    }
    if (args->exit_code < 0 && (optind != argc || args->options.data_dir == NULL)) {
        fputs(usage_text, stderr);
        args->exit_code = EXIT_USAGE;
    }
}

/* Secrets stay out of core files, new files belong to us alone, descriptors are many, and threads
 * share few heaps. */
static void prepare_process(void)
{
    struct rlimit limit = { 0, 0 };
    setrlimit(RLIMIT_CORE, &limit);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    umask(077);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes is a full disk: answered, survived */
#ifdef M_ARENA_MAX
    mallopt(M_ARENA_MAX, 2);
#endif
}

int main(int argc, char **argv)
{
    struct arguments args = { 0 };
    parse_arguments(&args, argc, argv);
    if (args.exit_code >= 0)
        return args.exit_code;
    prepare_process();
    return server_run(&args.options);
}
