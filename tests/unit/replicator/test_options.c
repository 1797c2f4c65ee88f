/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test replicator/options.c and replicator/endpoint.c: what is taken, refused, and shown;
 * and which addresses replicator/http.c connects to.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "replicator/http.h"
#include "replicator/options.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static tuf_status parse(struct repl_options *out, const char *text)
{
    json_t *body = json_loads(text, 0, NULL);
    ck_assert_msg(body != NULL, "%s", text);
    tuf_status st = repl_options_parse(out, body);
    json_decref(body);
    return st;
}

/* ---- endpoints --------------------------------------------------------------------------- */

struct place {
    const char *source;
    const char *url, *shown, *user;
    const char *header; /* one that is sent; NULL: none */
};

static const struct place places[] = {
    { "\"http://h/db\"", "http://h/db/", "http://h/db/", "", NULL },
    { "\"http://h:5984/a%2Fb/\"", "http://h:5984/a%2Fb/", "http://h:5984/a%2Fb/", "", NULL },
    { "\"https://u:p%40w@h/db\"", "https://h/db/", "https://h/db/", "u",
      "Authorization: Basic dTpwQHc=" },
    { "\"http://[::1]:80/db\"", "http://[::1]:80/db/", "http://[::1]:80/db/", "", NULL },
    { "{\"url\":\"http://x:y@h/db\",\"auth\":{\"basic\":{\"username\":\"u\",\"password\":\"p\"}}}",
      "http://h/db/", "http://h/db/", "u", "Authorization: Basic dTpw" },
    { "{\"url\":\"http://h/db\",\"headers\":{\"Authorization\":\"Bearer t\"}}", "http://h/db/",
      "http://h/db/", "", "Authorization: Bearer t" },
    /* A password in a header is one like any other. */
    { "{\"url\":\"http://h/db\",\"headers\":{\"authorization\":\"Basic dTpwQHc=\"}}",
      "http://h/db/", "http://h/db/", "u", "Authorization: Basic dTpwQHc=" },
    { "{\"url\":\"http://h/db\",\"headers\":{\"Authorization\":\"Basic nonsense\"}}", "http://h/db/",
      "http://h/db/", "", "Authorization: Basic nonsense" },
    { "{\"url\":\"http://u:p@h/db\",\"headers\":{\"authorization\":\"Bearer t\"}}", "http://h/db/",
      "http://h/db/", "", "authorization: Bearer t" },
};

/* INV-RPE-1 */
START_TEST(credentials_are_taken_out_of_urls)
{
    struct repl_options opts;
    char text[500];
    const struct place *p = &places[_i];
    (void)snprintf(text, sizeof(text), "{\"source\":%s,\"target\":\"http://t/t\"}", p->source);
    ck_ok(parse(&opts, text));
    ck_assert_str_eq(opts.source.url, p->url);
    ck_assert_str_eq(opts.source.shown, p->shown);
    ck_assert_str_eq(opts.source.user, p->user);
    const struct curl_slist *headers = opts.source.headers;
    ck_assert((opts.source.basic == NULL) == (p->user[0] == 0));
    ck_assert(headers == NULL || opts.source.basic == NULL);
    const char *header = headers != NULL ? headers->data : opts.source.basic;
    ck_assert((header == NULL) == (p->header == NULL));
    if (p->header != NULL)
        ck_assert_str_eq(header, p->header);
    ck_assert(headers == NULL || headers->next == NULL);
    repl_options_release(&opts);
}
END_TEST

/* ---- refusals ---------------------------------------------------------------------------- */

struct refusal {
    const char *more; /* behind source and target */
    const char *kind, *text;
};

static const struct refusal refusals[] = {
    { ",\"continuous\":1", "bad_request", "parameter `continuous` must be a boolean" },
    { ",\"create_target\":\"yes\"", "bad_request", "parameter `create_target` must be a boolean" },
    { ",\"cancel\":null", "bad_request", "parameter `cancel` must be a boolean" },
    { ",\"use_bulk_get\":{}", "bad_request", "parameter `use_bulk_get` must be a boolean" },
    { ",\"winning_revs_only\":0", "bad_request",
      "parameter `winning_revs_only` must be a boolean" },
    { ",\"create_target_params\":[]", "bad_request",
      "parameter `create_target_params` must be a JSON object" },
    { ",\"query_params\":[]", "bad_request", "parameter `query_params` must be an object" },
    { ",\"doc_ids\":{}", "bad_request", "parameter `doc_ids` must be an array" },
    { ",\"doc_ids\":[1]", "bad_request", "parameter `doc_ids` must be an array" },
    { ",\"selector\":[]", "bad_request", "parameter `selector` must be a JSON object" },
    { ",\"doc_ids\":[],\"selector\":{}", "bad_request",
      "`doc_ids`,`filter`,`selector` are mutually exclusive" },
    { ",\"filter\":\"a\",\"selector\":{}", "bad_request",
      "`doc_ids`,`filter`,`selector` are mutually exclusive" },
    { ",\"worker_batch_size\":\"x\"", "bad_request",
      "parameter `worker_batch_size` must be a non-negative integer" },
    { ",\"proxy\":\"a\",\"target_proxy\":\"b\"", "bad_request",
      "`proxy` is mutually exclusive with `target_proxy`" },
    { ",\"proxy\":\"a\",\"source_proxy\":\"b\"", "bad_request",
      "`proxy` is mutually exclusive with `source_proxy`" },
    { ",\"proxy\":\"ftp://x\"", "bad_request", "Invalid proxy url" },
    { ",\"proxy\":\"socks4://x\"", "bad_request", "Invalid proxy url" },
    { ",\"target_proxy\":\"x:3128\"", "bad_request", "Invalid proxy url" },
    { ",\"source_proxy\":5", "bad_request", "Invalid proxy url" },
    { ",\"worker_processes\":-1", "bad_request",
      "parameter `worker_processes` must be a non-negative integer" },
    { ",\"source\":\"ftp://x/y\"", "invalid_replication", "endpoint has an invalid url" },
    { ",\"source\":\"x\"", "invalid_replication", "endpoint has an invalid url" },
    { ",\"source\":\"http://h/db?q=1\"", "invalid_replication", "endpoint has an invalid url" },
    { ",\"source\":{\"url\":\"http://h/d\",\"headers\":{\"A\":\"b\\r\\nC: d\"}}",
      "invalid_replication", "endpoint has an invalid header" },
    { ",\"source\":{\"url\":\"http://h/d\",\"headers\":{\"A: x\\r\\n\":\"b\"}}",
      "invalid_replication", "endpoint has an invalid header" },
    { ",\"source\":{\"url\":\"http://h/d\",\"headers\":[]}", "invalid_replication",
      "endpoint headers must be an object" },
    { ",\"source\":{}", "error", "Missing replicator database" },
    { ",\"source\":null", "error", "Missing replicator database" },
};

START_TEST(nonsense_is_refused_in_couchdbs_words)
{
    struct repl_options opts;
    char text[500];
    const struct refusal *r = &refusals[_i];
    (void)snprintf(text, sizeof(text), "{\"source\":\"http://s/s\",\"target\":\"http://t/t\"%s}",
                   r->more);
    ck_fails(parse(&opts, text), TUF_E_INVALID);
    ck_assert_str_eq(tuf_last_error()->kind, r->kind);
    ck_assert_str_eq(tuf_last_error()->text, r->text);
}
END_TEST

START_TEST(defaults_are_couchdbs)
{
    struct repl_options opts;
    ck_ok(parse(&opts, "{\"source\":\"http://s/s\",\"target\":\"http://t/t\"}"));
    ck_assert(!opts.continuous && !opts.create_target && !opts.cancel && !opts.winning_revs_only);
    ck_assert(opts.use_checkpoints && opts.use_bulk_get);
    ck_assert_uint_eq(opts.batch_size, 500);
    ck_assert_uint_eq(opts.checkpoint_ms, 30000);
    ck_assert_uint_eq(opts.timeout_ms, 30000);
    ck_assert_uint_eq(opts.retries, 5);
    repl_options_release(&opts);
}
END_TEST

START_TEST(proxies_are_of_the_end_they_are_given_for)
{
    struct repl_options opts;
    ck_ok(parse(&opts, "{\"source\":\"http://s/s\",\"target\":\"http://t/t\","
                       "\"proxy\":\"http://u:p@x:3128\"}"));
    ck_assert_str_eq(opts.source.proxy, "http://u:p@x:3128");
    ck_assert_str_eq(opts.target.proxy, "http://u:p@x:3128");
    repl_options_release(&opts);
    ck_ok(parse(&opts, "{\"source\":\"http://s/s\",\"target\":\"http://t/t\","
                       "\"target_proxy\":\"socks5://x:1080\",\"source_proxy\":null}"));
    ck_assert_ptr_null(opts.source.proxy);
    ck_assert_str_eq(opts.target.proxy, "socks5://x:1080");
    repl_options_release(&opts);
}
END_TEST

/* ---- redirects --------------------------------------------------------------------------- */

struct redirect {
    const char *ours, *there;
    bool same;
};

/* INV-RPH-5 */
static const struct redirect redirects[] = {
    { "http://h/db", "http://h/other", true },
    { "http://h/db", "http://h:80/other?x=1", true },
    { "http://h:80/db", "http://H/", true },
    { "https://h/db", "https://h:443/", true },
    { "http://[::1]:5984/db", "http://[::1]:5984/x", true },
    { "http://h/db", "https://h/db", false },
    { "https://h/db", "http://h/db", false },
    { "https://h/db", "http://h:443/db", false },
    { "http://h/db", "http://h:81/db", false },
    { "http://h/db", "http://hh/db", false },
    { "http://h/db", "http://h.evil/db", false },
    { "http://h/db", "http://u:p@h/db", false },
    { "http://h/db", "http://h@evil/db", false },
    { "http://h/db", "file:///etc/passwd", false },
    { "http://h/db", "/relative", false },
    { "http://h/db", "", false },
};

START_TEST(redirects_lead_to_the_same_server_only)
{
    struct repl_options opts;
    char text[500];
    const struct redirect *r = &redirects[_i];
    (void)snprintf(text, sizeof(text), "{\"source\":\"%s\",\"target\":\"http://t/t\"}", r->ours);
    ck_ok(parse(&opts, text));
    ck_assert_msg(repl_endpoint_same_origin(&opts.source, r->there) == r->same, "%s", r->there);
    repl_options_release(&opts);
}
END_TEST

/* ---- sessions ---------------------------------------------------------------------------- */

START_TEST(a_session_is_renewed_before_its_end_and_after_a_refusal)
{
    struct session session;
    repl_session_init(&session);
    ck_assert(repl_session_is_due(&session, 0));
    ck_ok(repl_session_take(&session, "AuthSession=abc; Version=1; Max-Age=600; Path=/", 1000));
    ck_assert_str_eq(session.cookie, "Cookie: AuthSession=abc");
    ck_assert(!repl_session_is_due(&session, 1000 + 539999));
    ck_assert(repl_session_is_due(&session, 1000 + 540000));
    /* Just made: a refusal is meant. Later: once more. Whoever had an older one: once more. */
    ck_assert(!repl_session_refused(&session, session.generation, 1500));
    ck_assert(repl_session_refused(&session, session.generation - 1, 1500));
    ck_assert(!repl_session_is_due(&session, 2000));
    ck_assert(repl_session_refused(&session, session.generation, 5000));
    ck_assert(repl_session_is_due(&session, 5000));
    /* A life that is not given, or nonsense, is CouchDB's. */
    ck_ok(repl_session_take(&session, "AuthSession=d; Max-Age=99999999999999999999999", 0));
    ck_assert(!repl_session_is_due(&session, 549999));
    ck_assert(repl_session_is_due(&session, 550000));
    /* No cookie: the password each time, and that is not asked again. */
    ck_ok(repl_session_take(&session, NULL, 0));
    ck_assert(session.mode == SESSION_BASIC && !repl_session_is_due(&session, UINT64_MAX));
    ck_ok(repl_session_take(&session, "Other=1", 0));
    ck_assert(session.mode == SESSION_BASIC);
    ck_assert(!repl_session_refused(&session, session.generation, 9999999));
    repl_session_release(&session);
}
END_TEST

/* ---- addresses --------------------------------------------------------------------------- */

struct address {
    const char *text;
    bool allowed;
};

/* INV-RPH-1 */
static const struct address addresses[] = {
    { "127.0.0.1", true },          { "10.0.0.1", true },
    { "8.8.8.8", true },            { "223.255.255.255", true },
    { "169.253.255.255", true },    { "169.254.0.0", false },
    { "169.254.169.254", false },   { "169.255.0.0", true },
    { "0.0.0.0", false },           { "0.1.2.3", false },
    { "224.0.0.1", false },         { "239.1.1.1", false },
    { "240.0.0.1", false },         { "255.255.255.255", false },
    { "::1", true },                { "::", false },
    { "2001:db8::1", true },        { "fe80::1", false },
    { "febf::1", false },           { "fec0::1", true },
    { "ff02::1", false },           { "fd00::1", true },
    { "fd00:ec2::254", false },     { "::ffff:127.0.0.1", true },
    { "::ffff:169.254.1.1", false }, { "64:ff9b::169.254.169.254", false },
    { "::ffff:0.0.0.0", false },
};

START_TEST(only_addresses_of_hosts_are_connected_to)
{
    const struct address *a = &addresses[_i];
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
    struct sockaddr_in in = { .sin_family = AF_INET };
    bool v6 = strchr(a->text, ':') != NULL;
    ck_assert_int_eq(inet_pton(v6 ? AF_INET6 : AF_INET, a->text,
                               v6 ? (void *)&in6.sin6_addr : (void *)&in.sin_addr), 1);
    bool allowed = repl_address_allowed(v6 ? (const struct sockaddr *)(const void *)&in6
                                           : (const struct sockaddr *)(const void *)&in);
    ck_assert_msg(allowed == a->allowed, "%s", a->text);
}
END_TEST

/* INV-RPH-1 of an endpoint that is public_only */
struct private_address {
    const char *text;
    unsigned port;
    bool allowed;
};

static const struct private_address privates[] = {
    { "127.0.0.1", 80, false },        { "127.0.0.1", 5984, true }, /* the server's own */
    { "127.8.8.8", 5984, true },       { "::1", 5984, true },
    { "::1", 80, false },              { "10.0.0.1", 5984, false },
    { "9.255.255.255", 80, true },     { "11.0.0.0", 80, true },
    { "172.16.0.1", 80, false },       { "172.31.255.255", 80, false },
    { "172.15.0.1", 80, true },        { "172.32.0.1", 80, true },
    { "192.168.1.1", 80, false },      { "192.169.1.1", 80, true },
    { "100.64.0.1", 80, false },       { "100.127.255.255", 80, false },
    { "100.128.0.1", 80, true },       { "198.18.0.1", 80, false },
    { "198.19.0.1", 80, false },       { "198.20.0.1", 80, true },
    { "192.0.0.8", 80, false },        { "192.0.1.1", 80, true },
    { "169.254.169.254", 80, false },  { "8.8.8.8", 80, true },
    { "fc00::1", 80, false },          { "fdff::1", 80, false },
    { "fe00::1", 80, true },           { "fec0::1", 80, false },
    { "::ffff:10.0.0.1", 80, false },  { "::ffff:8.8.8.8", 80, true },
    { "64:ff9b::192.168.0.1", 80, false }, { "2002:a00:1::1", 80, false },
    { "2002:808:808::1", 80, true },   { "2001:db8::1", 80, true },
    { "::127.0.0.1", 80, false },      { "::ffff:127.0.0.1", 5984, false },
};

START_TEST(private_addresses_may_be_refused)
{
    const struct private_address *a = &privates[_i];
    const struct endpoint open = { .own_port = 5984 };
    const struct endpoint strict = { .public_only = true, .own_port = 5984 };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)a->port) };
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)a->port) };
    bool v6 = strchr(a->text, ':') != NULL;
    ck_assert_int_eq(inet_pton(v6 ? AF_INET6 : AF_INET, a->text,
                               v6 ? (void *)&in6.sin6_addr : (void *)&in.sin_addr), 1);
    const struct sockaddr *address = v6 ? (const struct sockaddr *)(const void *)&in6
                                        : (const struct sockaddr *)(const void *)&in;
    ck_assert_msg(repl_may_connect(&strict, address) == a->allowed, "%s", a->text);
    ck_assert_msg(repl_may_connect(&open, address) == repl_address_allowed(address), "%s", a->text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, credentials_are_taken_out_of_urls, 0, COUNT(places));
    tcase_add_loop_test(tcase, nonsense_is_refused_in_couchdbs_words, 0, COUNT(refusals));
    tcase_add_test(tcase, defaults_are_couchdbs);
    tcase_add_test(tcase, proxies_are_of_the_end_they_are_given_for);
    tcase_add_loop_test(tcase, redirects_lead_to_the_same_server_only, 0, COUNT(redirects));
    tcase_add_test(tcase, a_session_is_renewed_before_its_end_and_after_a_refusal);
    tcase_add_loop_test(tcase, private_addresses_may_be_refused, 0, COUNT(privates));
    tcase_add_loop_test(tcase, only_addresses_of_hosts_are_connected_to, 0, COUNT(addresses));
    suite_add_tcase(suite, tcase);
    return tuft_run(suite);
}
