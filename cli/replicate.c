/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: "tuffet replicate": bring the documents of one database to another. Either may be a file, which
 * is opened here and needs no server, or the URL of a database.
 *
 * Source: the options are those of CouchDB's POST /_replicate.
 * Not here: all databases of a server (cli/mirror.c), the protocol (replicator/run.h).
 */
#include "cli/replicate.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "replicator/run.h"

/* In place of a server's uuid: wherever the command runs, it goes on where it was. */
#define RUNNER_UUID "tuffet"
#define BAR_WIDTH 20
#define DRAW_MS 200

static _Atomic bool stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = true;
}

static void catch_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* ---- progress ---------------------------------------------------------------------------- */

struct show {
    bool on;
    bool drawn;
    uint64_t begin_ms, drawn_ms;
    struct repl_stats stats;
    atomic_uint told; /* documents that could not be brought over; by any thread */
};

static void append_left(struct buf *line, uint64_t seconds)
{
    if (seconds >= 3600)
        tufi_buf_printf(line, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " left", seconds / 3600,
                        seconds / 60 % 60, seconds % 60);
    else
        tufi_buf_printf(line, "%" PRIu64 ":%02" PRIu64 " left", seconds / 60, seconds % 60);
}

static void append_bar(struct buf *line, uint64_t done, uint64_t total, double seconds)
{
    double part = total > 0 ? (double)done / (double)total : 0.0;
    buf_append_str(line, "  [");
    for (int i = 0; i < BAR_WIDTH; i++)
        buf_append_u8(line, part * BAR_WIDTH > i ? '#' : ' ');
    tufi_buf_printf(line, "] %3d%%  ", (int)(part * 100));
    if (part > 0.001)
        append_left(line, (uint64_t)(seconds / part - seconds + 0.5));
}

/* Documents, bytes, rate, and, while it is known how much there is, how far and how long yet. */
static void draw(struct show *show, const struct repl_stats *stats)
{
    TUF_AUTO(tufi_buf_release) struct buf line = BUF_INIT;
    uint64_t now = repl_now_ms();
    if (!show->on || (show->drawn && now - show->drawn_ms < DRAW_MS))
        return;
    double seconds = (double)(now - show->begin_ms + 1) / 1000;
    tufi_buf_printf(&line, "\r\033[K%" PRIu64 " documents  ", stats->docs_written);
    cli_append_size(&line, stats->bytes_read);
    tufi_buf_printf(&line, "  %.0f/s", (double)stats->docs_written / seconds);
    if (stats->changes_pending > 0)
        append_bar(&line, stats->missing_checked,
                   stats->missing_checked + (uint64_t)stats->changes_pending, seconds);
    if (!line.failed)
        (void)fwrite(line.data, 1, line.len, stderr);
    show->drawn = true;
    show->drawn_ms = now;
}

static void on_report(const struct repl_progress *progress, void *ctx)
{
    struct show *show = ctx;
    show->stats = progress->stats;
    draw(show, &progress->stats);
}

/* ---- the two ends ------------------------------------------------------------------------ */

/* Memory of one end: a source is read in the order of its changes, a target's nodes wait for its next
 * checkpoint. */
#define END_CACHE_SIZE ((size_t)8 << 20)
#define END_DIRTY_SIZE ((size_t)24 << 20)

/* One end. */
struct end {
    const char *path; /* NULL: a URL */
    tuf_db *db;
    bool readonly;    /* somebody else has the file open: what is there now, without a checkpoint */
    char id[48];
};

static void end_release(struct end *end)
{
    cli_db_discard(&end->db);
}

bool cli_is_url(const char *text)
{
    return strstr(text, "://") != NULL;
}

static int open_end(struct end *end, bool create, bool is_source)
{
    int result = CLI_OK;
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = create ? TUF_OPEN_CREATE : 0;
    opts.cache_size = END_CACHE_SIZE;
    opts.checkpoint_dirty_size = END_DIRTY_SIZE;
    if (end->path == NULL)
        return CLI_OK;
    tuf_status st = tuf_db_open(&end->db, end->path, &opts);
    bool try_again = st == TUF_E_LOCKED || (st == TUF_E_IO && access(end->path, W_OK) != 0);
    if (is_source && try_again) {
        opts.flags = TUF_OPEN_RDONLY;
        end->readonly = true;
        st = tuf_db_open(&end->db, end->path, &opts);
    }
    if (st == TUF_NOT_FOUND) {
        fprintf(stderr, "tuffet: %s: no such file%s\n", end->path,
                is_source ? "" : " (--create-target makes it)");
        return CLI_FAILED;
    }
    if (st != TUF_OK) {
        result = cli_report(end->path, st);
        return st == TUF_E_CORRUPT ? CLI_NO : result;
    }
    return CLI_OK;
}

/* A file is the same database wherever it lies. */
static tuf_status name_end(struct endpoint *ep, struct end *end)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_db_info info = { .struct_size = sizeof info };
    char hex[33] = { 0 };
    tuf_status st = tuf_db_snapshot(&snapshot, end->db);
    if (st == TUF_OK)
        st = tuf_snapshot_info(&info, snapshot);
    if (st != TUF_OK)
        return st;
    tufi_hex_encode(hex, info.uuid, sizeof info.uuid);
    (void)snprintf(end->id, sizeof end->id, "file:%s", hex);
    return repl_endpoint_set_file(ep, end->path, end->id);
}

static const json_t *url_of(const json_t *place)
{
    return json_is_object(place) ? json_object_get(place, "url") : place;
}

/* The request as a server would get it; a file stands there as a URL that is replaced afterwards. */
static tuf_status parse_request(struct repl_options *out, const struct replication *what,
                                const json_t *source, const json_t *target)
{
    json_t *request = json_copy(what->request);
    bool source_file = !cli_is_url(json_string_value(url_of(source)));
    bool target_file = !cli_is_url(json_string_value(url_of(target)));
    json_t *placeholder = json_string("http://localhost/file");
    union { const json_t *in; json_t *out; } s = { source_file ? placeholder : source };
    union { const json_t *in; json_t *out; } t = { target_file ? placeholder : target };
    (void)json_object_set(request, "source", s.out);
    (void)json_object_set(request, "target", t.out);
    (void)json_object_set_new(request, "create_target", json_boolean(what->create_target));
    (void)json_object_set_new(request, "continuous", json_boolean(what->continuous));
    tuf_status st = repl_options_parse(out, request);
    json_decref(placeholder);
    json_decref(request);
    return st;
}

/* As many as fit a screen; the summary has the number. */
#define TOLD_MAX 10

static void on_doc_failed(const char *id, const char *rev, const char *why, void *ctx)
{
    struct show *show = ctx;
    TUF_AUTO(tufi_buf_release) struct buf line = BUF_INIT;
    if (atomic_fetch_add(&show->told, 1) >= TOLD_MAX)
        return;
    tufi_buf_printf(&line, "document %s, revision %s: %s", id != NULL ? id : "?",
                    rev != NULL ? rev : "?", why);
    /* It may come from a server that nobody trusts: nothing that a terminal would obey. */
    for (size_t i = 0; i < line.len; i++)
        if (line.data[i] < ' ' || line.data[i] == 0x7f)
            line.data[i] = '?';
    fprintf(stderr, "%stuffet: %.*s\n", show->on ? "\r\033[K" : "", (int)line.len,
            line.len > 0 ? (const char *)line.data : "");
}

/* ---- one replication --------------------------------------------------------------------- */

static uint64_t number_of(const json_t *result, const char *name)
{
    const json_t *entry = json_array_get(json_object_get(result, "history"), 0);
    return (uint64_t)json_integer_value(json_object_get(entry, name));
}

static void print_json(const json_t *result)
{
    char *text = json_dumps(result, JSON_INDENT(2));
    if (text != NULL)
        puts(text);
    free(text);
}

static void print_summary(const struct repl_options *opts, const json_t *result,
                          const struct show *show)
{
    TUF_AUTO(tufi_buf_release) struct buf line = BUF_INIT;
    uint64_t ms = repl_now_ms() - show->begin_ms + 1;
    tufi_buf_printf(&line, "%s to %s: ", opts->source.shown, opts->target.shown);
    if (json_is_true(json_object_get(result, "no_changes")))
        buf_append_str(&line, "nothing new");
    else
        tufi_buf_printf(&line, "%" PRIu64 " documents in %.1f s", show->stats.docs_written,
                        (double)ms / 1000);
    if (show->stats.doc_write_failures > 0)
        tufi_buf_printf(&line, ", %" PRIu64 " could not be written",
                        show->stats.doc_write_failures);
    buf_append_u8(&line, '\n');
    (void)cli_flush(&line);
}

static int run(const struct replication *what, struct repl_options *opts, struct end *source,
               struct end *target)
{
    char id[REPL_ID_SIZE];
    json_t *result = NULL;
    struct show show = { .on = isatty(STDERR_FILENO) == 1 && !what->quiet,
                         .begin_ms = repl_now_ms() };
    tuf_status st = source->db != NULL ? name_end(&opts->source, source) : TUF_OK;
    if (st == TUF_OK && target->db != NULL)
        st = name_end(&opts->target, target);
    if (st == TUF_OK)
        st = repl_make_id(id, opts, RUNNER_UUID);
    opts->use_checkpoints = opts->use_checkpoints && !source->readonly;
    struct repl_run job = { .opts = opts, .id = id, .cancel = &stopped, .report = on_report,
                            .doc_failed = on_doc_failed, .ctx = &show,
                            .server_uuid = RUNNER_UUID, .source_db = source->db,
                            .target_db = target->db };
    if (st == TUF_OK)
        st = repl_run(&result, &job);
    if (show.drawn)
        fputs("\r\033[K", stderr);
    int code = CLI_OK;
    if (st == TUF_STOPPED && what->continuous) {
        code = CLI_OK; /* the only way it ends */
    } else if (st != TUF_OK) {
        code = cli_report(opts->source.shown, st);
        code = st == TUF_STOPPED ? CLI_FAILED : code;
    } else if (what->json) {
        print_json(result);
    } else if (!what->quiet) {
        print_summary(opts, result, &show);
    }
    bool refused = st == TUF_OK && (show.stats.doc_write_failures > 0 ||
                                    number_of(result, "doc_write_failures") > 0);
    json_decref(result);
    return refused && code == CLI_OK ? CLI_NO : code;
}

int cli_replicate_one(const struct replication *what, const json_t *source, const json_t *target)
{
    TUF_AUTO(repl_options_release) struct repl_options opts = { 0 };
    const char *from = json_string_value(url_of(source)), *to = json_string_value(url_of(target));
    TUF_AUTO(end_release) struct end source_end = { .path = cli_is_url(from) ? NULL : from };
    TUF_AUTO(end_release) struct end target_end = { .path = cli_is_url(to) ? NULL : to };
    tuf_status st = parse_request(&opts, what, source, target);
    if (st != TUF_OK)
        return cli_report("replicate", st);
    if (source_end.path != NULL && (opts.filter != NULL || opts.selector != NULL)) {
        fputs("tuffet: filters and selectors are run by the source's server: give its URL\n", stderr);
        return CLI_FAILED;
    }
    int code = open_end(&source_end, false, true);
    if (code == CLI_OK)
        code = open_end(&target_end, what->create_target, false);
    if (code == CLI_OK && source_end.readonly && what->continuous) {
        fprintf(stderr, "tuffet: %s is open elsewhere: give the server's URL\n", from);
        code = CLI_FAILED;
    }
    if (code == CLI_OK || code == CLI_NO)
        code = code == CLI_OK ? run(what, &opts, &source_end, &target_end) : code;
    if (target_end.db != NULL)
        code = cli_close(&target_end.db, to, code);
    if (source_end.db != NULL && !source_end.readonly)
        code = cli_close(&source_end.db, from, code);
    return code;
}

/* ---- the command line -------------------------------------------------------------------- */

enum option_kind { KIND_TRUE, KIND_TEXT, KIND_JSON, KIND_LIST, KIND_NUMBER };

/* Options that are members of the request. */
static const struct {
    const char *option, *member;
    enum option_kind kind;
} members[] = {
    { "filter", "filter", KIND_TEXT },
    { "query-params", "query_params", KIND_JSON },
    { "doc-ids", "doc_ids", KIND_LIST },
    { "selector", "selector", KIND_JSON },
    { "since-seq", "since_seq", KIND_TEXT },
    { "winning-revs-only", "winning_revs_only", KIND_TRUE },
    { "proxy", "proxy", KIND_TEXT },
    { "workers", "worker_processes", KIND_NUMBER },
    { "timeout", "connection_timeout", KIND_NUMBER },
    { "retries", "retries_per_request", KIND_NUMBER },
};

#define MEMBER_COUNT (sizeof members / sizeof members[0])

/* "[...]" as JSON, anything else as ids with commas between. */
static json_t *read_list(const char *text)
{
    if (text[0] == '[')
        return json_loads(text, 0, NULL);
    json_t *list = json_array();
    for (const char *at = text;; at++) {
        size_t len = strcspn(at, ",");
        (void)json_array_append_new(list, json_stringn(at, len));
        at += len;
        if (*at == 0)
            return list;
    }
}

static json_t *read_value(enum option_kind kind, const char *text)
{
    switch (kind) {
    case KIND_TRUE:
        return json_true();
    case KIND_TEXT:
        return json_string(text);
    case KIND_JSON:
        return json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    case KIND_LIST:
        return read_list(text);
    case KIND_NUMBER: {
        json_t *number = json_loads(text, JSON_DECODE_ANY, NULL);
        return number;
    }
    }
    return NULL;
}

static bool take_member(struct replication *what, size_t pos, const char *text)
{
    json_t *value = read_value(members[pos].kind, text);
    if (value == NULL)
        fprintf(stderr, "tuffet: --%s: this is no JSON\n", members[pos].option);
    return value != NULL && json_object_set_new(what->request, members[pos].member, value) == 0;
}

enum { OPT_CONTINUOUS = 1000, OPT_CREATE, OPT_QUIET, OPT_JSON };

static bool parse_options(struct replication *what, int argc, char **argv)
{
    struct option options[MEMBER_COUNT + 5];
    memset(options, 0, sizeof options);
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        options[i].name = members[i].option;
        options[i].has_arg = members[i].kind == KIND_TRUE ? no_argument : required_argument;
        options[i].val = (int)i + 1;
    }
    options[MEMBER_COUNT] = (struct option){ "continuous", no_argument, NULL, OPT_CONTINUOUS };
    options[MEMBER_COUNT + 1] = (struct option){ "create-target", no_argument, NULL, OPT_CREATE };
    options[MEMBER_COUNT + 2] = (struct option){ "quiet", no_argument, NULL, OPT_QUIET };
    options[MEMBER_COUNT + 3] = (struct option){ "json", no_argument, NULL, OPT_JSON };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == OPT_CONTINUOUS)
            what->continuous = true;
        else if (option == OPT_CREATE)
            what->create_target = true;
        else if (option == OPT_QUIET)
            what->quiet = true;
        else if (option == OPT_JSON)
            what->json = true;
        else if (option < 1 || option > (int)MEMBER_COUNT ||
                 !take_member(what, (size_t)option - 1, optarg))
            return false;
    }
    return argc - optind == 2;
}

/* "http://host:5984" or "http://host:5984/": a server, no database. */
static bool is_server(const char *text)
{
    const char *host = strstr(text, "://");
    const char *slash = host != NULL ? strchr(host + 3, '/') : NULL;
    return host != NULL && (slash == NULL || slash[1] == 0);
}

static bool is_directory(const char *path)
{
    struct stat st;
    size_t len = strlen(path);
    return (len > 0 && path[len - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

static int start(struct replication *what, const char *source, const char *target)
{
    if (is_server(source)) {
        if (!cli_is_url(target) && is_directory(target) && !what->continuous)
            return cli_mirror(what, source, target);
        fputs("tuffet: a whole server is replicated into a directory, once\n", stderr);
        return CLI_FAILED;
    }
    json_t *from = json_string(source), *to = json_string(target);
    int code = from != NULL && to != NULL ? cli_replicate_one(what, from, to) : CLI_FAILED;
    json_decref(from);
    json_decref(to);
    return code;
}

int cli_replicate(int argc, char **argv)
{
    struct replication what = { .request = json_object() };
    int code = CLI_FAILED;
    if (!parse_options(&what, argc, argv)) {
        code = cli_usage(argv[0]);
    } else if (repl_global_init() == TUF_OK) {
        catch_signals();
        code = start(&what, argv[optind], argv[optind + 1]);
    }
    json_decref(what.request);
    return code;
}
