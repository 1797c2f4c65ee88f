/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a client that costs little, so that what is measured is the server: one thread, raw sockets,
 * one request at a time on each of N connections. Prints one line of JSON (read by report.mjs).
 * bench/http.mjs starts the servers and calls it; `bench_http` without arguments tells its options.
 *
 * The server's processor time and memory are read from /proc: on a machine where client and server
 * share cores they say more than the clock.
 * Not here: checking bodies. The tests do that; here the status has to be 2xx.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX 8192
#define TIMES_MAX 4000000
#define DOC_TEXT_LEN 960
#define BULK_DOCS 1000

/* What a request is made of. */
enum kind { KIND_GET_DOC, KIND_GET_PATH, KIND_PUT_DOC, KIND_BULK, KIND_UPLOAD };

struct options {
    const char *work, *engine, *auth, *path, *tag;
    enum kind kind;
    unsigned port, connections, pid;
    double seconds;       /* 0: until `times` requests are done */
    uint64_t times;       /* 0: until `seconds` are over */
    uint64_t docs;        /* ids that exist, for KIND_GET_DOC */
    uint64_t size;        /* bytes of an upload */
    double ops_per_reply; /* what one answer counts for */
    int round;
    bool reconnect;
};

struct client {
    int fd;
    char *out; /* the request, all of it */
    size_t out_len, out_pos;
    char head[HEAD_MAX]; /* of the answer, until it is complete */
    size_t head_len;
    bool in_body, chunked;
    uint64_t body_left;
    char tail[8]; /* the last bytes of a chunked body */
    double sent_s;
};

static struct options opt = { .engine = "tuffet", .tag = "", .connections = 1, .ops_per_reply = 1 };
static char text[DOC_TEXT_LEN + 1];
static uint64_t started, finished, bytes_read;
static float *times_ms;
static double begin_s;

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_http: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- requests ---------------------------------------------------------------------------- */

static void make_text(void)
{
    size_t len = 0;
    for (unsigned i = 0; len < DOC_TEXT_LEN; i++) {
        char word[32];
        int word_len = snprintf(word, sizeof(word), "word%u %x ", i * 7919 % 1000,
                                (unsigned)(i * 2654435761u));
        size_t taken = (size_t)word_len < DOC_TEXT_LEN - len ? (size_t)word_len : DOC_TEXT_LEN - len;
        memcpy(text + len, word, taken);
        len += taken;
    }
}

/* Ids of bench/http.mjs: spread over the key space, never twice. */
static int put_id(char *out, size_t size, uint64_t n)
{
    return snprintf(out, size, "%08x%08x", (unsigned)(n * 2654435761u), (unsigned)n);
}

static char *make_bulk(size_t *len_out, uint64_t batch)
{
    size_t size = BULK_DOCS * (DOC_TEXT_LEN + 80) + 32;
    char *out = malloc(size);
    if (out == NULL)
        die("memory");
    size_t len = (size_t)snprintf(out, size, "{\"docs\":[");
    for (uint64_t i = 0; i < BULK_DOCS; i++) {
        uint64_t n = batch * BULK_DOCS + i;
        len += (size_t)snprintf(out + len, size - len, "%s{\"_id\":\"%s", i > 0 ? "," : "", opt.tag);
        len += (size_t)put_id(out + len, size - len, n);
        len += (size_t)snprintf(out + len, size - len, "\",\"n\":%llu,\"text\":\"%s\"}",
                                (unsigned long long)n, text);
    }
    len += (size_t)snprintf(out + len, size - len, "]}");
    *len_out = len;
    return out;
}

/* The body of a request, in memory of its own, and its path. */
static char *make_body(size_t *len_out, char *path, size_t path_size, uint64_t n)
{
    char id[32];
    *len_out = 0;
    switch (opt.kind) {
    case KIND_GET_DOC:
        (void)put_id(id, sizeof(id), n * 31 % opt.docs);
        (void)snprintf(path, path_size, "/bench/%s", id);
        return NULL;
    case KIND_GET_PATH:
        (void)snprintf(path, path_size, "%s", opt.path);
        return NULL;
    case KIND_BULK:
        (void)snprintf(path, path_size, "/bench/_bulk_docs");
        return make_bulk(len_out, n);
    case KIND_PUT_DOC: {
        (void)snprintf(path, path_size, "/bench/%s%llu", opt.tag, (unsigned long long)n);
        char *body = malloc(DOC_TEXT_LEN + 64);
        if (body == NULL)
            die("memory");
        *len_out = (size_t)snprintf(body, DOC_TEXT_LEN + 64, "{\"n\":%llu,\"text\":\"%s\"}",
                                    (unsigned long long)n, text);
        return body;
    }
    case KIND_UPLOAD: {
        (void)snprintf(path, path_size, "/bench/%s%llu/file", opt.tag, (unsigned long long)n);
        char *body = malloc(opt.size);
        if (body == NULL)
            die("memory");
        memset(body, 7, opt.size);
        *len_out = opt.size;
        return body;
    }
    }
    return NULL;
}

static void make_request(struct client *c, uint64_t n)
{
    char path[512];
    size_t body_len;
    char *body = make_body(&body_len, path, sizeof(path), n);
    static const char *const methods[] = { "GET", "GET", "PUT", "POST", "PUT" };
    const char *type = opt.kind == KIND_UPLOAD ? "application/octet-stream" : "application/json";
    free(c->out);
    c->out = malloc(body_len + 1024);
    if (c->out == NULL)
        die("memory");
    int len = snprintf(c->out, 1024,
                       "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic %s\r\n"
                       "Accept: application/json\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                       methods[opt.kind], path, opt.auth, type, body_len);
    if (len < 0 || len >= 1024)
        die("request head");
    if (body_len > 0)
        memcpy(c->out + len, body, body_len);
    c->out_len = (size_t)len + body_len;
    c->out_pos = 0;
    free(body);
}

/* ---- connections ------------------------------------------------------------------------- */

static void watch(int poll_fd, struct client *c, int operation)
{
    uint32_t events = c->out_pos < c->out_len ? EPOLLIN | EPOLLOUT : EPOLLIN;
    struct epoll_event event = { .events = events, .data.ptr = c };
    if (epoll_ctl(poll_fd, operation, c->fd, &event) != 0)
        die("epoll_ctl");
}

static void open_connection(int poll_fd, struct client *c)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die("connect");
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    c->out_len = c->out_pos = 0;
    watch(poll_fd, c, EPOLL_CTL_ADD);
}

static void send_some(int poll_fd, struct client *c)
{
    bool waiting = c->out_pos > 0;
    while (c->out_pos < c->out_len) {
        ssize_t got = send(c->fd, c->out + c->out_pos, c->out_len - c->out_pos,
                           MSG_DONTWAIT | MSG_NOSIGNAL);
        if (got < 0 && errno == EAGAIN)
            break;
        if (got < 0)
            die("send");
        c->out_pos += (size_t)got;
    }
    if (waiting || c->out_pos < c->out_len)
        watch(poll_fd, c, EPOLL_CTL_MOD);
}

static bool is_over(void)
{
    return opt.times > 0 ? started >= opt.times : now_s() - begin_s >= opt.seconds;
}

/* False when there is nothing more to ask. */
static bool next_request(int poll_fd, struct client *c)
{
    if (is_over())
        return false;
    make_request(c, started++);
    c->head_len = 0;
    c->in_body = c->chunked = false;
    memset(c->tail, 0, sizeof(c->tail));
    c->sent_s = now_s();
    send_some(poll_fd, c);
    return true;
}

/* ---- answers ----------------------------------------------------------------------------- */

/* Reads what the complete head says; returns its length. */
static size_t take_head(struct client *c, const char *end)
{
    size_t len = (size_t)(end - c->head) + 4;
    c->head[len - 1] = '\0';
    if (strncmp(c->head, "HTTP/1.1 2", 10) != 0) {
        (void)fprintf(stderr, "bench_http: %s: %.60s\n", opt.work, c->head);
        exit(1);
    }
    const char *length = strcasestr(c->head, "\r\ncontent-length:");
    c->chunked = length == NULL;
    c->body_left = length != NULL ? strtoull(length + 17, NULL, 10) : 0;
    c->in_body = true;
    return len;
}

/* True at the end of the answer. */
static bool take_body(struct client *c, const char *bytes, size_t len)
{
    if (!c->chunked) {
        c->body_left -= len < c->body_left ? len : c->body_left;
        return c->body_left == 0;
    }
    size_t kept = len < 7 ? 7 - len : 0;
    memmove(c->tail, c->tail + 7 - kept, kept);
    memcpy(c->tail + kept, len < 7 ? bytes : bytes + len - 7, 7 - kept);
    return memcmp(c->tail, "\r\n0\r\n\r\n", 7) == 0 || memcmp(c->tail + 2, "0\r\n\r\n", 5) == 0;
}

static bool take_bytes(struct client *c, char *bytes, size_t len)
{
    bytes_read += len;
    if (c->in_body)
        return take_body(c, bytes, len);
    size_t taken = len < HEAD_MAX - 1 - c->head_len ? len : HEAD_MAX - 1 - c->head_len;
    memcpy(c->head + c->head_len, bytes, taken);
    size_t before = c->head_len;
    c->head_len += taken;
    c->head[c->head_len] = '\0';
    const char *end = strstr(c->head, "\r\n\r\n");
    if (end == NULL) {
        if (c->head_len == HEAD_MAX - 1)
            die("an endless head");
        return false;
    }
    size_t used = take_head(c, end) - before;
    return take_body(c, bytes + used, len - used);
}

/* True when an answer is complete. */
static bool receive_some(struct client *c)
{
    static char bytes[256 * 1024];
    ssize_t got = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return false;
    if (got <= 0)
        die("the server closed the connection");
    return take_bytes(c, bytes, (size_t)got);
}

static void finish_answer(struct client *c)
{
    if (finished < TIMES_MAX)
        times_ms[finished] = (float)((now_s() - c->sent_s) * 1000);
    finished++;
}

static void run_clients(void)
{
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct client *clients = calloc(opt.connections, sizeof(*clients));
    if (clients == NULL || poll_fd < 0)
        die("epoll");
    unsigned busy = 0;
    for (unsigned i = 0; i < opt.connections; i++) {
        open_connection(poll_fd, &clients[i]);
        busy += next_request(poll_fd, &clients[i]);
    }
    while (busy > 0) {
        struct epoll_event events[64];
        int count = epoll_wait(poll_fd, events, 64, -1);
        for (int i = 0; i < count; i++) {
            struct client *c = events[i].data.ptr;
            if ((events[i].events & EPOLLOUT) != 0)
                send_some(poll_fd, c);
            if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0 || !receive_some(c))
                continue;
            finish_answer(c);
            if (opt.reconnect) {
                (void)close(c->fd);
                open_connection(poll_fd, c);
            }
            busy -= !next_request(poll_fd, c);
        }
    }
    for (unsigned i = 0; i < opt.connections; i++) {
        (void)close(clients[i].fd);
        free(clients[i].out);
    }
    free(clients);
    (void)close(poll_fd);
}

/* ---- the server's costs ------------------------------------------------------------------ */

static double server_cpu_s(void)
{
    char path[64], line[1024];
    (void)snprintf(path, sizeof(path), "/proc/%u/stat", opt.pid);
    FILE *file = opt.pid > 0 ? fopen(path, "re") : NULL;
    if (file == NULL)
        return 0;
    size_t len = fread(line, 1, sizeof(line) - 1, file);
    (void)fclose(file);
    line[len] = '\0';
    char *field = strrchr(line, ')');
    for (int i = 0; i < 12 && field != NULL; i++)
        field = strchr(field + 1, ' ');
    if (field == NULL)
        return 0;
    char *next;
    unsigned long user = strtoul(field + 1, &next, 10);
    return (double)(user + strtoul(next, NULL, 10)) / (double)sysconf(_SC_CLK_TCK);
}

static double server_resident_mb(void)
{
    char path[64], line[256];
    double kib = 0;
    (void)snprintf(path, sizeof(path), "/proc/%u/status", opt.pid);
    FILE *file = opt.pid > 0 ? fopen(path, "re") : NULL;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtod(line + 6, NULL);
    }
    if (file != NULL)
        (void)fclose(file);
    return kib * 1024 / 1e6;
}

static int by_value(const void *a, const void *b)
{
    const float *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static void print_result(double seconds, double cpu_s)
{
    uint64_t count = finished < TIMES_MAX ? finished : TIMES_MAX;
    double ops = (double)finished * opt.ops_per_reply;
    qsort(times_ms, count, sizeof(*times_ms), by_value);
    printf("{\"work\":\"%s\",\"engine\":\"%s\",\"round\":%d,\"ops\":%.0f,\"ops_per_s\":%.0f,"
           "\"cpu_us_per_op\":%.2f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,"
           "\"mb_per_s\":%.1f,\"rss_mb\":%.1f}\n",
           opt.work, opt.engine, opt.round, ops, ops / seconds, cpu_s * 1e6 / ops,
           (double)times_ms[count / 2], (double)times_ms[count * 99 / 100],
           (double)times_ms[count - 1], (double)bytes_read / 1e6 / seconds, server_resident_mb());
}

/* ---- options ----------------------------------------------------------------------------- */

static void usage(void)
{
    (void)fprintf(stderr,
                  "usage: bench_http --kind get|path|put|bulk|upload --work NAME --port N --auth BASE64\n"
                  "           [--engine NAME] [--pid N] [--connections N] [--seconds S | --times N]\n"
                  "           [--docs N] [--path PATH] [--tag PREFIX] [--size BYTES] [--ops N]\n"
                  "           [--round N] [--reconnect 1]\n");
    exit(2);
}

static enum kind parse_kind(const char *name)
{
    static const char *const names[] = { "get", "path", "put", "bulk", "upload" };
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0)
            return (enum kind)i;
    }
    usage();
    return KIND_GET_DOC;
}

static void parse_option(const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **text;
        unsigned *number;
        uint64_t *large;
        double *real;
    } table[] = {
        { .name = "--work", .text = &opt.work },
        { .name = "--engine", .text = &opt.engine },
        { .name = "--auth", .text = &opt.auth },
        { .name = "--path", .text = &opt.path },
        { .name = "--tag", .text = &opt.tag },
        { .name = "--port", .number = &opt.port },
        { .name = "--pid", .number = &opt.pid },
        { .name = "--connections", .number = &opt.connections },
        { .name = "--times", .large = &opt.times },
        { .name = "--docs", .large = &opt.docs },
        { .name = "--size", .large = &opt.size },
        { .name = "--seconds", .real = &opt.seconds },
        { .name = "--ops", .real = &opt.ops_per_reply },
    };
    if (strcmp(name, "--kind") == 0)
        opt.kind = parse_kind(value);
    else if (strcmp(name, "--round") == 0)
        opt.round = atoi(value);
    else if (strcmp(name, "--reconnect") == 0)
        opt.reconnect = atoi(value) != 0;
    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(name, table[i].name) != 0)
            continue;
        if (table[i].text != NULL)
            *table[i].text = value;
        else if (table[i].number != NULL)
            *table[i].number = (unsigned)strtoul(value, NULL, 10);
        else if (table[i].large != NULL)
            *table[i].large = strtoull(value, NULL, 10);
        else
            *table[i].real = strtod(value, NULL);
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2)
        parse_option(argv[i], argv[i + 1]);
    bool endless = opt.times == 0 && opt.seconds <= 0;
    if (opt.port == 0 || opt.work == NULL || opt.auth == NULL || opt.connections == 0 || endless ||
        (opt.kind == KIND_GET_DOC && opt.docs == 0) || (opt.kind == KIND_GET_PATH && opt.path == NULL))
        usage();
    times_ms = malloc(TIMES_MAX * sizeof(*times_ms));
    if (times_ms == NULL)
        die("memory");
    make_text();
    double cpu_s = server_cpu_s();
    begin_s = now_s();
    run_clients();
    double seconds = now_s() - begin_s;
    print_result(seconds, server_cpu_s() - cpu_s);
    free(times_ms);
    return 0;
}
