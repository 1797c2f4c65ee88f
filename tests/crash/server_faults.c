/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the whole server while memory or its files fail it: of each request of server_cases.c the
 * first allocation (or call for a file), then the second, then the third, until one run goes
 * through untouched; once with a single failure, once with all from there on.
 *
 *   server_faults [--part oom|io|all] [--only NAME|start] [--positions N]
 *
 * What must hold of each run:
 *   - the server answers what it answers else, or says 500, 503 or 507 with an error and a reason
 *     as JSON, or ends the connection in the middle: it never says anything else, such as that a
 *     document, a user or a password is not there (INV-REQ-2);
 *   - an answer that came whole is the right one, byte by byte where it is the same each time;
 *   - what was acknowledged is there afterwards;
 *   - no setting falls back to its default;
 *   - the server goes on: the next requests are answered as if nothing had been. After a failed sync a
 *     database takes no write until it is opened again: the server is started again then.
 * At the end the server stops and gives everything back (the leak sanitizer looks).
 * Ends with server_oom_faults=N, server_io_faults=N, violations=N and the number of cases that passed.
 *
 * Allocations of jansson, libevent, OpenSSL and libcurl do not fail. Files fail in the calls that the
 * library makes: linked with --wrap.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/slice.h"
#include "server/log.h"
#include "server/server.h"
#include "tests/crash/server_cases.h"

#define ANSWER_S 60       /* busy machines are slow */
#define POSITIONS_MAX 400 /* of one case: all of the first half, then some of the others */
#define START_TRIES 60000

/* ---- what fails ------------------------------------------------------------------------------ */

struct mode {
    const char *name;
    bool alloc;
    bool sticky;
    int sys_errno;
    bool writes_only;
    bool cold; /* the databases are not open yet */
};

static const struct mode modes[] = {
    { "oom once", true, false, 0, false, false },
    { "oom from there on", true, true, 0, false, false },
    { "EIO once", false, false, EIO, false, false },
    { "EIO from there on", false, true, EIO, false, false },
    { "a full disk", false, true, ENOSPC, true, false },
    { "EIO once after a start", false, false, EIO, false, true },
    { "too many files after a start", false, true, EMFILE, false, true },
};

static const struct mode *mode_now;
static _Atomic long left; /* calls until the one that fails; only while armed */
static _Atomic bool armed;
static _Atomic unsigned long hits;

static bool fails(bool alloc, bool writes)
{
    if (!atomic_load(&armed) || mode_now->alloc != alloc || (mode_now->writes_only && !writes))
        return false;
    long at = atomic_fetch_sub(&left, 1);
    if (at != 1 && (at > 1 || !mode_now->sticky))
        return false;
    atomic_fetch_add(&hits, 1);
    return true;
}

static bool on_alloc(size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    return !fails(true, false);
}

static bool file_fails(bool writes)
{
    if (!fails(false, writes))
        return false;
    errno = mode_now->sys_errno;
    return true;
}

ssize_t __real_pread(int fd, void *buf, size_t len, off_t off);
ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t off);
ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t off)
{
    return file_fails(false) ? -1 : __real_pread(fd, buf, len, off);
}

ssize_t __real_pwritev(int fd, const struct iovec *iov, int count, off_t off);
ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int count, off_t off);
ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int count, off_t off)
{
    return file_fails(true) ? -1 : __real_pwritev(fd, iov, count, off);
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    return file_fails(false) ? -1 : __real_fdatasync(fd);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return file_fails(false) ? -1 : __real_fsync(fd);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    return file_fails(true) ? -1 : __real_rename(from, to);
}

int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path)
{
    return file_fails(false) ? -1 : __real_unlink(path);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t perms = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return file_fails((flags & O_CREAT) != 0) ? -1 : __real_open(path, flags, perms);
}

/* ---- the server ------------------------------------------------------------------------------ */

static pthread_t server_thread;
static int server_code;
static _Atomic bool server_ended;
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static char workdir[64], config_path[96];

static void remove_workdir(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", workdir);
    if (system(command) != 0)
        perror(command);
}

/* In memory where there is /dev/shm: ten thousands of syncs. */
static void make_workdir(void)
{
    snprintf(workdir, sizeof(workdir), "%s/tuffet-faults-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(workdir) == NULL)
        abort();
    atexit(remove_workdir);
}

static void write_config(void)
{
    snprintf(config_path, sizeof(config_path), "%s/faults.ini", workdir);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", workdir);
    FILE *f = fopen(config_path, "w");
    if (f == NULL)
        abort();
    fprintf(f,
            "[admins]\na = b\n[chttpd]\nenable = false\nunix_socket = %s\nenable_cors = true\n"
            "authentication_handlers = {chttpd_auth, cookie_authentication_handler}, "
            "{chttpd_auth, proxy_authentication_handler}, {chttpd_auth, jwt_authentication_handler}, "
            "{chttpd_auth, default_authentication_handler}\n"
            "[chttpd_auth]\niterations = 10\nproxy_use_secret = true\nsecret = s3cret\n"
            "[chttpd_auth_lockout]\nmode = off\n[cors]\norigins = *\ncredentials = false\n"
            "[vhosts]\nv.example = /db\n[jwt_keys]\nhmac:_default = c2VjcmV0\n"
            "[replicator]\ninterval = 3600000\n[couch_peruser]\nenable = true\n[log]\nlevel = none\n",
            address.sun_path);
    if (fclose(f) != 0)
        abort();
}

static void *serve(void *arg)
{
    static const char *const configs[] = { config_path };
    struct server_options options = {
        .data_dir = workdir,
        .loop_count = 1,
        .worker_count = 2,
        .config_paths = configs,
        .config_count = 1,
    };
    (void)arg;
    server_code = server_run(&options);
    atomic_store(&server_ended, true);
    return NULL;
}

static int dial(void)
{
    struct timeval limit = { ANSWER_S, 0 };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return fd;
}

/* False: it ended instead, for want of what fails. */
static bool try_to_start(void)
{
    atomic_store(&server_ended, false);
    if (pthread_create(&server_thread, NULL, serve, NULL) != 0)
        abort();
    for (int tries = 0; tries < START_TRIES; tries++) {
        int fd = dial();
        if (fd >= 0) {
            close(fd);
            return true;
        }
        if (atomic_load(&server_ended)) {
            pthread_join(server_thread, NULL);
            return false;
        }
        usleep(1000);
    }
    fprintf(stderr, "the server neither starts nor ends\n");
    abort();
}

static void start_server(void)
{
    if (try_to_start())
        return;
    fprintf(stderr, "the server does not start: %d\n", server_code);
    abort();
}

static void stop_server(void)
{
    kill(getpid(), SIGTERM);
    pthread_join(server_thread, NULL);
    if (server_code != 0) {
        fprintf(stderr, "the server ended with %d\n", server_code);
        abort();
    }
}

/* ---- requests -------------------------------------------------------------------------------- */

struct answer {
    int status;        /* 0: none came */
    bool whole;
    struct buf body;   /* chunks joined */
};

/* Replaces each "$n". */
static void append_text(struct buf *out, const char *text, unsigned n)
{
    for (const char *mark; text != NULL && (mark = strstr(text, "$n")) != NULL; text = mark + 2) {
        tufi_buf_append(out, text, (size_t)(mark - text));
        tufi_buf_printf(out, "%u", n);
    }
    if (text != NULL)
        buf_append_str(out, text);
}

static void write_request(struct buf *out, const struct ask *ask, unsigned n)
{
    TUF_AUTO(tufi_buf_release) struct buf body = BUF_INIT;
    append_text(&body, ask->body, n);
    tufi_buf_printf(out, "%s ", ask->method);
    for (const char *c = ask->path; *c != 0; c++) {
        if (c[0] == '$' && c[1] == 'n')
            tufi_buf_printf(out, "%u", n), c++;
        else if (*c == '"')
            buf_append_str(out, "%22");
        else
            buf_append_u8(out, (uint8_t)*c);
    }
    buf_append_str(out, " HTTP/1.1\r\nConnection: close\r\n");
    if (ask->headers == NULL || strstr(ask->headers, "Host:") == NULL)
        buf_append_str(out, "Host: a\r\n");
    if (ask->headers == NULL || strstr(ask->headers, "Authorization:") == NULL)
        buf_append_str(out, "Authorization: Basic YTpi\r\n");
    append_text(out, ask->headers, n);
    tufi_buf_printf(out, "Content-Length: %zu\r\n\r\n", body.len);
    buf_append_slice(out, buf_slice(&body));
}

/* Joins chunks. False: the last one did not come. */
static bool join_chunks(struct buf *out, const char *text, const char *end)
{
    while (text < end) {
        char *line;
        unsigned long size = strtoul(text, &line, 16);
        if (line + 2 > end || size > (unsigned long)(end - line - 2))
            return false;
        if (size == 0)
            return true;
        tufi_buf_append(out, line + 2, size);
        text = line + 2 + size + 2;
    }
    return false;
}

static void read_answer(struct answer *out, struct buf *raw)
{
    buf_append_u8(raw, 0);
    const char *text = (const char *)raw->data, *end = text + raw->len - 1;
    const char *body = strstr(text, "\r\n\r\n");
    if (strncmp(text, "HTTP/1.1 ", 9) != 0 || body == NULL)
        return;
    body += 4;
    out->status = atoi(text + 9);
    const char *length = strcasestr(text, "\r\nContent-Length: ");
    const char *chunked = strcasestr(text, "\r\nTransfer-Encoding: chunked");
    if (chunked != NULL && chunked < body) {
        out->whole = join_chunks(&out->body, body, end);
    } else {
        tufi_buf_append(&out->body, body, (size_t)(end - body));
        out->whole = length != NULL && length < body &&
                     strtoul(length + 18, NULL, 10) == (unsigned long)(end - body);
    }
}

static void release_answer(struct answer *answer)
{
    tufi_buf_release(&answer->body);
}

/* Until the end of the connection; false: it did not come. By malloc: the memory that fails is the
 * server's. */
static bool read_all(char **text, size_t *len, int fd)
{
    char part[65536];
    ssize_t got;
    while ((got = recv(fd, part, sizeof(part), 0)) > 0) {
        char *more = realloc(*text, *len + (size_t)got);
        if (more == NULL)
            abort();
        memcpy(more + *len, part, (size_t)got);
        *text = more;
        *len += (size_t)got;
    }
    return got == 0 || errno == ECONNRESET || errno == EPIPE;
}

/* False: neither an answer nor the end of the connection came. */
static bool ask_server(struct answer *out, const struct ask *ask, unsigned n)
{
    TUF_AUTO(tufi_buf_release) struct buf request = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf raw = BUF_INIT;
    char *text = NULL;
    size_t len = 0;
    *out = (struct answer){ .body = BUF_INIT };
    bool was_armed = atomic_exchange(&armed, false);
    write_request(&request, ask, n);
    int fd = dial();
    if (fd < 0)
        return false;
    atomic_store(&armed, was_armed);
    (void)send(fd, request.data, request.len, MSG_NOSIGNAL);
    bool in_time = read_all(&text, &len, fd);
    atomic_store(&armed, false);
    close(fd);
    tufi_buf_append(&raw, text, len);
    free(text);
    read_answer(out, &raw);
    return in_time;
}

/* ---- judging --------------------------------------------------------------------------------- */

static unsigned long faults[2]; /* of files, of memory */
static unsigned violations, restarts;
static char where[200];

static void violation(const char *what, const struct answer *answer)
{
    printf("VIOLATION %s: %s: %d %.*s\n", where, what, answer->status, (int)answer->body.len,
           answer->body.data != NULL ? (const char *)answer->body.data : "");
    fflush(stdout);
    violations++;
}

static bool same_body(const struct answer *a, const struct answer *b)
{
    return slice_equal(buf_slice(&a->body), buf_slice(&b->body));
}

static bool is_clear_error(const struct answer *answer)
{
    if (answer->status != 500 && answer->status != 503 && answer->status != 507)
        return false;
    json_t *body = json_loadb((const char *)answer->body.data, answer->body.len, 0, NULL);
    const char *error = json_string_value(json_object_get(body, "error"));
    const char *reason = json_string_value(json_object_get(body, "reason"));
    bool good = error != NULL && error[0] != 0 && reason != NULL && reason[0] != 0;
    json_decref(body);
    return good;
}

static void restart_server(void)
{
    restarts++;
    stop_server();
    start_server();
}

/* Without a fault. A database that was poisoned by a failed sync is opened again. */
static bool ask_calmly(struct answer *out, const struct ask *ask, unsigned n, bool must_succeed)
{
    for (int tries = 0;; tries++) {
        bool ended = ask_server(out, ask, n);
        bool poisoned = ended && out->status == 500 && out->body.data != NULL &&
                        memmem(out->body.data, out->body.len, "reopen it", 9) != NULL;
        if (!poisoned || !must_succeed || tries > 0)
            return ended;
        release_answer(out);
        restart_server();
    }
}

/* What a run without a fault answers, and whether it does so each time. */
struct expected {
    struct answer answer;
    bool constant;
};

static void prepare(const struct server_case *c, unsigned n)
{
    TUF_AUTO(release_answer) struct answer answer;
    if (c->before.method == NULL)
        answer = (struct answer){ .body = BUF_INIT };
    else if (!ask_calmly(&answer, &c->before, n, true) || answer.status / 100 != 2)
        violation("a request before", &answer);
}

static void expect(struct expected *out, const struct server_case *c, unsigned *n)
{
    TUF_AUTO(release_answer) struct answer second;
    prepare(c, ++*n);
    (void)ask_calmly(&out->answer, &c->ask, *n, true);
    prepare(c, ++*n);
    (void)ask_calmly(&second, &c->ask, *n, true);
    if (!out->answer.whole || out->answer.status != second.status)
        violation("without a fault", &out->answer);
    out->constant = !c->varies && same_body(&out->answer, &second);
}

static void check_after(const struct server_case *c, unsigned n)
{
    TUF_AUTO(release_answer) struct answer answer;
    if (!ask_calmly(&answer, &c->after, n, true) || answer.status != c->after_status)
        violation("what was acknowledged is not so", &answer);
}

static void judge(const struct server_case *c, const struct expected *expected,
                  const struct answer *answer, unsigned n)
{
    if (!answer->whole)
        return;
    if (answer->status != expected->answer.status) {
        if (!is_clear_error(answer))
            violation("neither the right answer nor a clear error", answer);
        return;
    }
    if (expected->constant && !same_body(answer, &expected->answer))
        violation("a whole answer that is wrong", answer);
    if (c->after_status != 0 && answer->status / 100 == 2)
        check_after(c, n);
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* False: nothing failed any more. */
static bool run_once(const struct server_case *c, const struct expected *expected,
                     const struct mode *mode, long at, unsigned n)
{
    static const struct ask up = { "GET", "/db/a", NULL, NULL };
    TUF_AUTO(release_answer) struct answer answer;
    snprintf(where, sizeof(where), "%s, %s, %ld", c->name, mode->name, at);
    prepare(c, n);
    if (mode->cold)
        restart_server();
    atomic_store(&hits, 0);
    atomic_store(&left, at);
    mode_now = mode;
    atomic_store(&armed, true);
    bool ended = ask_server(&answer, &c->ask, n);
    unsigned long hit = atomic_load(&hits);
    faults[mode->alloc] += hit > 0;
    if (!ended)
        violation("no end of the connection", &answer);
    judge(c, expected, &answer, n);
    TUF_AUTO(release_answer) struct answer alive;
    if (!ask_calmly(&alive, &up, n, true) || alive.status != 200)
        violation("the server does not go on", &alive);
    if (log_enabled(LOG_ERROR))
        violation("a setting ([log] level) was forgotten", &alive);
    return hit > 0;
}

struct options {
    const char *only;
    bool oom, io;
    long positions;
};

static unsigned run_case(const struct server_case *c, const struct options *options, unsigned *n)
{
    unsigned before = violations;
    struct expected expected = { .answer = { .body = BUF_INIT } };
    mode_now = NULL;
    snprintf(where, sizeof(where), "%s", c->name);
    expect(&expected, c, n);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (modes[i].alloc ? !options->oom : !options->io)
            continue;
        long step = 1;
        for (long at = 1; run_once(c, &expected, &modes[i], at, ++*n); at += step) {
            if (at > options->positions / 2)
                step += 1 + step / 8;
        }
    }
    release_answer(&expected.answer);
    return violations - before;
}

/* The server starts while memory or files fail: it ends with 1 or 78, or serves what was stored. */
static void run_start(const struct mode *mode, const struct options *options)
{
    static const struct ask up = { "GET", "/db/a", NULL, NULL };
    long step = 1;
    unsigned long hit = 1;
    mode_now = mode;
    for (long at = 1; hit > 0; at += step) {
        TUF_AUTO(release_answer) struct answer answer = { .body = BUF_INIT };
        snprintf(where, sizeof(where), "start, %s, %ld", mode->name, at);
        atomic_store(&hits, 0);
        atomic_store(&left, at);
        atomic_store(&armed, true);
        bool started = try_to_start();
        atomic_store(&armed, false);
        hit = atomic_load(&hits);
        faults[mode->alloc] += hit > 0;
        if (!started && (hit == 0 || (server_code != 1 && server_code != 78)))
            violation("an end that says nothing", &answer);
        if (started && (!ask_server(&answer, &up, 0) || answer.status != 200))
            violation("started, but does not serve", &answer);
        if (started)
            stop_server();
        if (at > options->positions / 2)
            step += 1 + step / 8;
    }
}

static unsigned run_starts(const struct options *options)
{
    unsigned before = violations;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if ((modes[i].alloc ? options->oom : options->io) && !modes[i].cold)
            run_start(&modes[i], options);
    }
    mode_now = NULL;
    return violations - before;
}

static void read_arguments(struct options *out, int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--part") == 0) {
            out->oom = strcmp(argv[i + 1], "io") != 0;
            out->io = strcmp(argv[i + 1], "oom") != 0;
        } else if (strcmp(argv[i], "--only") == 0) {
            out->only = argv[i + 1];
        } else if (strcmp(argv[i], "--positions") == 0) {
            out->positions = atol(argv[i + 1]);
        }
    }
}

int main(int argc, char **argv)
{
    struct options options = { .oom = true, .io = true, .positions = POSITIONS_MAX };
    unsigned n = 0, passed = 0, failed = 0;
    read_arguments(&options, argc, argv);
    signal(SIGPIPE, SIG_IGN);
    make_workdir();
    write_config();
    tufi_alloc_set_hook(on_alloc, NULL);
    start_server();
    for (size_t i = 0; i < server_setup_count; i++) {
        TUF_AUTO(release_answer) struct answer answer;
        snprintf(where, sizeof(where), "%s", server_setup[i].path);
        if (!ask_server(&answer, &server_setup[i], 0) || answer.status / 100 != 2)
            violation("the ground", &answer);
    }
    for (size_t i = 0; i < server_case_count; i++) {
        if (options.only != NULL && strcmp(options.only, server_cases[i].name) != 0)
            continue;
        if (run_case(&server_cases[i], &options, &n) == 0)
            passed++;
        else
            failed++;
    }
    stop_server();
    if (options.only == NULL || strcmp(options.only, "start") == 0) {
        if (run_starts(&options) == 0)
            passed++;
        else
            failed++;
    }
    printf("server_oom_faults=%lu\nserver_io_faults=%lu\nrestarts=%u\nviolations=%u\n", faults[1],
           faults[0], restarts, violations);
    printf("%u passed, %u failed\n", passed, failed + (violations > 0 && failed == 0));
    return violations > 0;
}
