/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/http.h.
 */
#include "replicator/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"

#define RETRY_FIRST_MS 250
#define RETRY_LONGEST_MS 30000
/* A transfer below this rate for the whole time-out is given up. */
#define SLOW_BYTES_PER_S 100L
/* One answer held in memory may take this many time-outs in all. */
#define TOTAL_TIMEOUTS 10
#define REDIRECTS_MAX 3
/* A server that asks for more patience than this is tried again earlier. */
#define RETRY_AFTER_MAX_S 30
#define LOGIN_SIZE_MAX 65536

/* ---- addresses --------------------------------------------------------------------------- */

static bool v4_allowed(uint32_t a)
{
    /* 0/8 (this network), 169.254/16 (link-local, metadata), 224/3 (multicast, reserved,
     * broadcast) */
    return a >> 24 != 0 && a >> 16 != 0xa9fe && a >> 29 != 7;
}

bool repl_address_allowed(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        return v4_allowed(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family != AF_INET6)
        return false;
    struct sockaddr_in6 in6;
    memcpy(&in6, address, sizeof(in6));
    const uint8_t *b = in6.sin6_addr.s6_addr;
    static const uint8_t nothing[16];
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };
    static const uint8_t aws_metadata[16] = { 0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0,
                                              0,    0, 0,    0,    0, 2, 0x54 };
    if (memcmp(b, mapped, 12) == 0 || memcmp(b, nat64, 12) == 0)
        return v4_allowed(get_be32(b + 12));
    /* fe80::/10, ff00::/8, ::, fd00:ec2::/32 */
    return !(b[0] == 0xfe && (b[1] & 0xc0) == 0x80) && b[0] != 0xff &&
           memcmp(b, nothing, 16) != 0 && memcmp(b, aws_metadata, 4) != 0;
}

static bool v4_private(uint32_t a)
{
    /* 10/8, 127/8, 172.16/12, 192.168/16, 100.64/10 (carriers), 192.0.0/24, 198.18/15 (tests) */
    return a >> 24 == 10 || a >> 24 == 127 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 ||
           a >> 22 == 0x191 || a >> 8 == 0xc00000 || a >> 17 == 0x6309;
}

bool repl_address_is_private(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        return v4_private(ntohl(in.sin_addr.s_addr));
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, address, sizeof(in6));
    const uint8_t *b = in6.sin6_addr.s6_addr;
    static const uint8_t loopback[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };
    if (memcmp(b, mapped, 12) == 0 || memcmp(b, nat64, 12) == 0)
        return v4_private(get_be32(b + 12));
    if (b[0] == 0x20 && b[1] == 0x02) /* 6to4 */
        return v4_private(get_be32(b + 2)) || !v4_allowed(get_be32(b + 2));
    /* fc00::/7, fec0::/10, ::1; and ::a.b.c.d, which nobody has */
    return (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0xc0) ||
           memcmp(b, loopback, 12) == 0;
}

static unsigned port_of(const struct sockaddr *address)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (address->sa_family == AF_INET) {
        memcpy(&in, address, sizeof(in));
        return ntohl(in.sin_addr.s_addr) >> 24 == 127 ? ntohs(in.sin_port) : 0;
    }
    memcpy(&in6, address, sizeof(in6));
    return memcmp(&in6.sin6_addr, &in6addr_loopback, sizeof(in6.sin6_addr)) == 0
               ? ntohs(in6.sin6_port)
               : 0;
}

bool repl_may_connect(const struct endpoint *ep, const struct sockaddr *address)
{
    if (!repl_address_allowed(address))
        return false;
    if (!ep->public_only || !repl_address_is_private(address))
        return true;
    return ep->own_port != 0 && port_of(address) == ep->own_port;
}

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    const struct endpoint *ep = ctx;
    (void)purpose;
    if (!repl_may_connect(ep, &address->addr))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- one handle -------------------------------------------------------------------------- */

/* A proxy resolves names itself: what can be seen of where it is sent is checked here. */
static tuf_status check_behind_proxy(const struct endpoint *ep)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)ep->port) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)ep->port) };
    bool v4 = inet_pton(AF_INET, ep->host, &in.sin_addr) == 1;
    bool v6 = !v4 && inet_pton(AF_INET6, ep->host, &in6.sin6_addr) == 1;
    if ((v4 && !repl_may_connect(ep, (const struct sockaddr *)(const void *)&in)) ||
        (v6 && !repl_may_connect(ep, (const struct sockaddr *)(const void *)&in6)))
        return tufi_fail_kind(TUF_E_IO, "conn_failed", "could not connect to %s", ep->shown);
    return TUF_OK;
}

tuf_status repl_http_init(struct http *out, const struct endpoint *ep, struct session *session,
                          const struct http_limits *limits)
{
    out->ep = ep;
    out->session = session;
    out->limits = *limits;
    out->curl = curl_easy_init();
    if (out->curl == NULL)
        return tufi_nomem();
    return ep->proxy != NULL ? check_behind_proxy(ep) : TUF_OK;
}

void repl_http_release(struct http *http)
{
    curl_easy_cleanup(http->curl);
    http->curl = NULL;
}

void repl_http_reply_release(struct http_reply *reply)
{
    tufi_buf_release(&reply->body);
}

static int on_progress(void *ctx, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
                       curl_off_t ulnow)
{
    const _Atomic bool *cancel = ctx;
    (void)dltotal;
    (void)dlnow;
    (void)ultotal;
    (void)ulnow;
    return cancel != NULL && *cancel;
}

/* Of the server and of an https proxy: verified unless the configuration says otherwise. */
static CURLcode set_trust(CURL *curl, const struct endpoint *ep)
{
    CURLcode code = CURLE_OK;
    if (ep->ca_file != NULL)
        code = curl_easy_setopt(curl, CURLOPT_CAINFO, ep->ca_file);
    if (ep->ca_file != NULL && code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_PROXY_CAINFO, ep->ca_file);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, ep->unverified ? 0L : 1L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, ep->unverified ? 0L : 2L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_PROXY_SSL_VERIFYPEER, ep->unverified ? 0L : 1L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_PROXY_SSL_VERIFYHOST, ep->unverified ? 0L : 2L);
    return code;
}

static CURLcode set_safety(CURL *curl, const struct http *http)
{
    long seconds = (long)((http->limits.timeout_ms + 999) / 1000);
    CURLcode code = set_trust(curl, http->ep);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    /* A proxy of the environment would see credentials and hide the address that is checked. */
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_PROXY, http->ep->proxy != NULL ? http->ep->proxy : "");
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, (void *)(uintptr_t)http->ep);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_XFERINFODATA, (void *)(uintptr_t)http->limits.cancel);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)http->limits.timeout_ms);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES_PER_S);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, seconds);
    return code;
}

tuf_status repl_http_prepare(CURL *curl, const struct http *http,
                             const struct http_request *request, struct curl_slist *headers)
{
    TUF_AUTO(tufi_buf_release) struct buf url = BUF_INIT;
    if (request->url != NULL)
        buf_append_str(&url, request->url);
    else
        tufi_buf_printf(&url, "%s%s", request->at_root ? http->ep->root : http->ep->url,
                        request->path);
    buf_append_u8(&url, 0);
    if (url.failed)
        return tufi_nomem();
    curl_easy_reset(curl);
    CURLcode code = set_safety(curl, http);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_URL, (const char *)url.data);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_USERAGENT, "Tuffet/0.1.0");
    return code == CURLE_OK ? TUF_OK : repl_http_failure(http, code);
}

/* ---- failures ---------------------------------------------------------------------------- */

tuf_status repl_http_failure(const struct http *http, CURLcode code)
{
    const char *where = http->ep->shown;
    if (code == CURLE_OUT_OF_MEMORY)
        return tufi_nomem();
    if (code == CURLE_ABORTED_BY_CALLBACK && *http->limits.cancel)
        return TUF_STOPPED;
    if (code == CURLE_COULDNT_RESOLVE_HOST)
        return tufi_fail_kind(TUF_E_IO, "nxdomain", "could not resolve %s", where);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return tufi_fail_kind(TUF_E_IO, "timeout", "no answer in time from %s", where);
    if (code == CURLE_COULDNT_CONNECT)
        return tufi_fail_kind(TUF_E_IO, "conn_failed", "could not connect to %s", where);
    return tufi_fail_kind(TUF_E_IO, "req_failed", "%s: %s", where, curl_easy_strerror(code));
}

bool repl_http_may_retry(tuf_status st, long http_status)
{
    if (st != TUF_OK)
        return st == TUF_E_IO;
    return http_status == 408 || http_status == 429 || (http_status >= 500 && http_status != 501);
}

tuf_status repl_sleep(uint64_t ms, const _Atomic bool *cancel)
{
    for (uint64_t left = ms; left > 0;) {
        uint64_t step = left < 50 ? left : 50;
        struct timespec time = { 0, (long)step * 1000000 };
        if (cancel != NULL && *cancel)
            return TUF_STOPPED;
        nanosleep(&time, NULL);
        left -= step;
    }
    return cancel != NULL && *cancel ? TUF_STOPPED : TUF_OK;
}

/* ---- a request with its answer in memory ------------------------------------------------- */

struct sink {
    struct buf *body;
    uint64_t size_max;
    bool too_long;
};

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct sink *sink = ctx;
    size_t len = size * count;
    if (len > sink->size_max - sink->body->len) {
        sink->too_long = true;
        return 0;
    }
    tufi_buf_append(sink->body, data, len);
    return sink->body->failed ? 0 : len;
}

static CURLcode set_body(CURL *curl, const struct http_request *request, struct sink *sink,
                         const struct http *http)
{
    uint64_t total_ms = http->limits.timeout_ms * TOTAL_TIMEOUTS + request->wait_ms;
    CURLcode code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)total_ms);
    /* A longpoll is silent on purpose. */
    if (code == CURLE_OK && request->wait_ms > 0)
        code = curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
                                (long)((http->limits.timeout_ms + request->wait_ms) / 1000 + 1));
    if (code != CURLE_OK || !request->has_body)
        return code;
    code = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                                request->body.len > 0 ? (const char *)request->body.data : "");
    return code;
}

tuf_status repl_http_redirect(char **url_out, unsigned *count, CURL *curl, const struct http *http,
                              const char *method)
{
    char *there = NULL;
    long status = 0;
    *url_out = NULL;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    /* For the other statuses of 300 and beyond curl names no place. */
    (void)curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &there);
    if (there == NULL || (status == 303 && strcmp(method, "GET") != 0))
        return TUF_OK;
    bool too_many = *count == REDIRECTS_MAX;
    if (too_many || !repl_endpoint_same_origin(http->ep, there))
        return tufi_fail_kind(TUF_E_UNSUPPORTED, "redirect_refused", "%s %s", http->ep->shown,
                              too_many ? "redirects again and again" : "redirects to another server");
    ++*count;
    *url_out = tufi_memdup(there, strlen(there) + 1);
    return *url_out != NULL ? TUF_OK : tufi_nomem();
}

/* One question, one answer. */
static tuf_status ask_once(struct http_reply *out, struct http *http,
                           const struct http_request *request, struct curl_slist *headers)
{
    struct sink sink = { &out->body, request->size_max != 0 ? request->size_max : HTTP_SIZE_MAX,
                         false };
    tufi_buf_clear(&out->body);
    out->status = 0;
    tuf_status st = repl_http_prepare(http->curl, http, request, headers);
    if (st != TUF_OK)
        return st;
    CURLcode code = set_body(http->curl, request, &sink, http);
    if (code == CURLE_OK)
        code = curl_easy_perform(http->curl);
    if (sink.too_long)
        return tufi_fail_kind(TUF_E_LIMIT, "answer_too_large",
                              "%s answers with more than %llu bytes", http->ep->shown,
                              (unsigned long long)sink.size_max);
    if (out->body.failed)
        return tufi_nomem();
    if (code != CURLE_OK)
        return repl_http_failure(http, code);
    (void)curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &out->status);
    return TUF_OK;
}

static void free_text(char **text)
{
    tufi_free(*text);
}

static tuf_status call_once(struct http_reply *out, struct http *http,
                            const struct http_request *request, struct curl_slist *headers)
{
    TUF_AUTO(free_text) char *url = NULL;
    struct http_request now = *request;
    unsigned count = 0;
    for (;;) {
        char *there = NULL;
        tuf_status st = ask_once(out, http, &now, headers);
        if (st == TUF_OK)
            st = repl_http_redirect(&there, &count, http->curl, http, now.method);
        if (st != TUF_OK || there == NULL)
            return st;
        tufi_free(url);
        url = there;
        now.url = url;
    }
}

static uint64_t pause_of(const struct http *http, uint64_t planned_ms)
{
    curl_off_t wanted = 0;
    (void)curl_easy_getinfo(http->curl, CURLINFO_RETRY_AFTER, &wanted);
    if (wanted > RETRY_AFTER_MAX_S)
        wanted = RETRY_AFTER_MAX_S;
    return wanted > 0 && (uint64_t)wanted * 1000 > planned_ms ? (uint64_t)wanted * 1000 : planned_ms;
}

static tuf_status call_with_headers(struct http_reply *out, struct http *http,
                                    const struct http_request *request)
{
    struct curl_slist *headers = NULL;
    tuf_status st = repl_http_headers(&headers, http, "Accept: application/json");
    if (st == TUF_OK && request->has_body) {
        struct curl_slist *more = curl_slist_append(headers, "Content-Type: application/json");
        st = more != NULL ? TUF_OK : tufi_nomem();
    }
    if (st == TUF_OK)
        st = call_once(out, http, request, headers);
    curl_slist_free_all(headers);
    return st;
}

tuf_status repl_http_call(struct http_reply *out, struct http *http,
                          const struct http_request *request)
{
    uint64_t pause_ms = RETRY_FIRST_MS;
    tuf_status st = TUF_OK;
    for (unsigned attempt = 0;; attempt++) {
        st = call_with_headers(out, http, request);
        if (st == TUF_OK && repl_http_may_login(http, out->status))
            st = call_with_headers(out, http, request);
        if (attempt >= http->limits.retries || !repl_http_may_retry(st, out->status) ||
            repl_sleep(pause_of(http, pause_ms), http->limits.cancel) != TUF_OK)
            break;
        pause_ms = pause_ms * 2 < RETRY_LONGEST_MS ? pause_ms * 2 : RETRY_LONGEST_MS;
    }
    if (st != TUF_OK && *http->limits.cancel)
        st = TUF_STOPPED;
    return st;
}

/* ---- who we are -------------------------------------------------------------------------- */

/* What a login's answer is read for. */
struct login_answer {
    char *cookie; /* value of Set-Cookie; owned */
    bool challenge;
};

static void login_answer_release(struct login_answer *answer)
{
    tufi_free(answer->cookie);
}

static size_t on_login_header(char *data, size_t size, size_t count, void *ctx)
{
    static const char name[] = "Set-Cookie:", challenge[] = "WWW-Authenticate:";
    struct login_answer *answer = ctx;
    size_t len = size * count, skip = sizeof(name) - 1;
    answer->challenge = answer->challenge || (len >= sizeof(challenge) - 1 &&
                                              strncasecmp(data, challenge, sizeof(challenge) - 1) == 0);
    if (len < skip || strncasecmp(data, name, skip) != 0)
        return len;
    while (skip < len && data[skip] == ' ')
        skip++;
    if (answer->cookie == NULL && len - skip >= 12 && memcmp(data + skip, "AuthSession=", 12) == 0) {
        answer->cookie = tufi_alloc(len - skip + 1);
        if (answer->cookie == NULL)
            return 0;
        memcpy(answer->cookie, data + skip, len - skip);
        answer->cookie[len - skip] = 0;
    }
    return len;
}

static tuf_status send_login(struct login_answer *answer, long *status_out, struct http *http)
{
    TUF_AUTO(tufi_buf_release) struct buf form = BUF_INIT;
    TUF_AUTO(repl_http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    struct sink sink = { &reply.body, LOGIN_SIZE_MAX, false };
    buf_append_str(&form, "name=");
    repl_append_escaped(&form, tuf_str(http->ep->user));
    buf_append_str(&form, "&password=");
    repl_append_escaped(&form, tuf_str(http->ep->password));
    if (form.failed)
        return tufi_nomem();
    struct http_request rq = { .method = "POST", .path = "_session", .at_root = true,
                               .has_body = true, .body = buf_slice(&form) };
    struct curl_slist *headers =
        curl_slist_append(NULL, "Content-Type: application/x-www-form-urlencoded");
    if (headers == NULL)
        return tufi_nomem();
    tuf_status st = repl_http_prepare(http->curl, http, &rq, headers);
    CURLcode code = st == TUF_OK ? set_body(http->curl, &rq, &sink, http) : CURLE_OK;
    if (st == TUF_OK && code == CURLE_OK)
        code = curl_easy_setopt(http->curl, CURLOPT_HEADERFUNCTION, on_login_header);
    if (st == TUF_OK && code == CURLE_OK)
        code = curl_easy_setopt(http->curl, CURLOPT_HEADERDATA, answer);
    if (st == TUF_OK && code == CURLE_OK)
        code = curl_easy_perform(http->curl);
    if (st == TUF_OK && code != CURLE_OK && !sink.too_long)
        st = repl_http_failure(http, code);
    (void)curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, status_out);
    curl_slist_free_all(headers);
    return st;
}

/* A server that refuses the password says so here: sending it again with each request would only
 * look like guessing. The lock of the session is held. */
static tuf_status login(struct http *http)
{
    TUF_AUTO(login_answer_release) struct login_answer answer = { 0 };
    long status = 0;
    tuf_status st = send_login(&answer, &status, http);
    if (st != TUF_OK)
        return st;
    if (status == 401 && !answer.challenge)
        return tufi_fail_kind(TUF_E_UNSUPPORTED, "unauthorized",
                              "unauthorized to access or create database %s", http->ep->shown);
    if (status == 429 || status >= 500)
        return tufi_fail_kind(TUF_E_IO, "req_failed", "%s answers POST _session with status %ld",
                              http->ep->shown, status);
    return repl_session_take(http->session, status == 200 ? answer.cookie : NULL, repl_now_ms());
}

static tuf_status append_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *more = curl_slist_append(*list, line);
    if (more == NULL)
        return tufi_nomem();
    *list = more;
    return TUF_OK;
}

static tuf_status append_identity(struct curl_slist **list, struct http *http)
{
    if (http->ep->basic == NULL)
        return TUF_OK;
    struct session *session = http->session;
    tuf_status st = TUF_OK;
    pthread_mutex_lock(&session->lock);
    if (repl_session_is_due(session, repl_now_ms()))
        st = login(http);
    if (st == TUF_OK)
        st = append_line(list, session->mode == SESSION_COOKIE ? session->cookie : http->ep->basic);
    http->generation = session->generation;
    pthread_mutex_unlock(&session->lock);
    return st;
}

tuf_status repl_http_headers(struct curl_slist **out, struct http *http, const char *line)
{
    struct curl_slist *list = NULL;
    /* "Expect:" keeps curl from waiting for a 100 Continue. */
    tuf_status st = append_line(&list, "Expect:");
    for (const struct curl_slist *from = http->ep->headers; from != NULL && st == TUF_OK;
         from = from->next)
        st = append_line(&list, from->data);
    if (st == TUF_OK)
        st = append_identity(&list, http);
    if (st == TUF_OK)
        st = append_line(&list, line);
    if (st != TUF_OK) {
        curl_slist_free_all(list);
        return st;
    }
    *out = list;
    return TUF_OK;
}

bool repl_http_may_login(struct http *http, long http_status)
{
    return (http_status == 401 || http_status == 403) && http->ep->basic != NULL &&
           repl_session_refused(http->session, http->generation, repl_now_ms());
}

uint64_t repl_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
