/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see tests/crash/server_cases.h.
 */
#include "tests/crash/server_cases.h"

#define JSON "Content-Type: application/json\r\n"
#define MULTIPART "Content-Type: multipart/related;boundary=b\r\n"
#define RELATED                                                                                    \
    "--b\r\nContent-Type: application/json\r\n\r\n"                                                \
    "{\"_attachments\":{\"a\":{\"follows\":true,\"content_type\":\"text/plain\",\"length\":5}}}"   \
    "\r\n--b\r\n\r\nhello\r\n--b--"
#define FORM                                                                                       \
    "--b\r\nContent-Disposition: form-data; name=\"_doc\"\r\n\r\n{\"a\":1}\r\n"                    \
    "--b\r\nContent-Disposition: form-data; name=\"_attachments\"; filename=\"f\"\r\n"             \
    "Content-Type: text/plain\r\n\r\nhello\r\n--b--"
#define NEW_DB { "PUT", "/new$n", NULL, NULL }
#define REV1 "1-967a00dff5e02add41819138abb3284d" /* of {} */

const struct ask server_setup[] = {
    { "PUT", "/_users", NULL, NULL },
    { "PUT", "/_replicator", NULL, NULL },
    { "PUT", "/_global_changes", NULL, NULL },
    { "PUT", "/db", NULL, NULL },
    { "PUT", "/parts?partitioned=true", NULL, NULL },
    { "PUT", "/parts/p:1", JSON, "{}" },
    { "PUT", "/db/a", JSON, "{\"n\":1,\"list\":[1,2,{\"x\":\"y\"}]}" },
    { "PUT", "/db/b", JSON, "{\"n\":2,\"text\":\"caf\xc3\xa9\"}" },
    { "POST", "/db/_bulk_docs", JSON,
      "{\"new_edits\":false,\"docs\":[{\"_id\":\"c\",\"_rev\":\"2-b\",\"_revisions\":{\"start\":2,"
      "\"ids\":[\"b\",\"a\"]}},{\"_id\":\"c\",\"_rev\":\"2-c\",\"_revisions\":{\"start\":2,"
      "\"ids\":[\"c\",\"a\"]}},{\"_id\":\"gone\",\"_rev\":\"2-d\",\"_deleted\":true}]}" },
    { "PUT", "/db/att", JSON,
      "{\"_attachments\":{\"t\":{\"content_type\":\"text/plain\",\"data\":\"aGVsbG8gd29ybGQ=\"},"
      "\"p\":{\"content_type\":\"image/png\",\"data\":\"aGVsbG8gd29ybGQ=\"}}}" },
    { "PUT", "/db/_design/d", JSON,
      "{\"language\":\"javascript\",\"views\":{\"v\":{\"map\":\"function(doc){}\"}}}" },
    { "PUT", "/db/_local/l", JSON, "{\"l\":1}" },
    { "PUT", "/db/_security", JSON, "{\"members\":{\"names\":[\"ann\"],\"roles\":[\"r\"]}}" },
    { "PUT", "/_users/org.couchdb.user:ann", JSON,
      "{\"name\":\"ann\",\"type\":\"user\",\"roles\":[\"r\"],\"password\":\"pw\"}" },
    { "PUT", "/copy", NULL, NULL },
    { "PUT", "/db/_snapshot/s", NULL, NULL },
};
const size_t server_setup_count = sizeof(server_setup) / sizeof(server_setup[0]);

#define READ(path) { path, { NULL, NULL, NULL, NULL }, { "GET", path, NULL, NULL },                \
                     { NULL, NULL, NULL, NULL }, 0, false }
#define VARYING(path) { path, { NULL, NULL, NULL, NULL }, { "GET", path, NULL, NULL },             \
                        { NULL, NULL, NULL, NULL }, 0, true }
#define READ_AS(name, path, headers) { name, { NULL, NULL, NULL, NULL },                           \
                                       { "GET", path, headers, NULL },                             \
                                       { NULL, NULL, NULL, NULL }, 0, false }
#define POST(path, body) { path, { NULL, NULL, NULL, NULL }, { "POST", path, JSON, body },         \
                           { NULL, NULL, NULL, NULL }, 0, false }
#define NOTHING { NULL, NULL, NULL, NULL }

const struct server_case server_cases[] = {
    /* ---- the server ---- */
    READ("/"),
    READ("/_up"),
    VARYING("/_all_dbs"),
    READ("/_all_dbs?startkey=\"c\"&endkey=\"d\"&limit=5&descending=false"),
    VARYING("/_dbs_info"),
    { "_dbs_info of some", NOTHING,
      { "POST", "/_dbs_info", JSON, "{\"keys\":[\"db\",\"none\"]}" }, NOTHING, 0, true },
    READ("/_session"),
    VARYING("/_uuids?count=3"),
    VARYING("/_active_tasks"),
    READ("/_membership"),
    READ("/_cluster_setup"),
    READ("/_node/_local"),
    VARYING("/_node/_local/_stats"),
    VARYING("/_node/_local/_system"),
    READ("/_node/_local/_versions"),
    VARYING("/_node/_local/_prometheus"),
    READ("/_node/_local/_config"),
    READ("/_node/_local/_config/chttpd_auth"),
    READ("/_node/_local/_config/chttpd_auth/iterations"),
    VARYING("/_scheduler/jobs"),
    VARYING("/_scheduler/docs"),
    READ("/_reshard"),
    VARYING("/_reshard/jobs"),
    VARYING("/_db_updates"),
    READ("/_utils/"),
    READ("/favicon.ico"),
    READ("/nothing/here"),
    READ("/a%2"),
    { "OPTIONS", NOTHING, { "OPTIONS", "/db", "Origin: http://a.example\r\n"
                            "Access-Control-Request-Method: PUT\r\n", NULL }, NOTHING, 0, false },
    READ_AS("a vhost", "/a", "Host: v.example\r\n"),
    READ_AS("cors", "/db/a", "Origin: http://a.example\r\n"),
    READ_AS("a user", "/db/a", "Authorization: Basic YW5uOnB3\r\n"),
    READ_AS("a wrong password", "/db/a", "Authorization: Basic YW5uOm5v\r\n"),
    READ_AS("nobody", "/db/a", "Authorization: Basic Xzpf\r\n"),
    READ_AS("proxy", "/db/a", "Authorization: Basic Xzpf\r\nX-Auth-CouchDB-UserName: ann\r\n"
            "X-Auth-CouchDB-Roles: r,s\r\n"
            "X-Auth-CouchDB-Token: ca4469c38e2a96fdf55002761d6e938b9621e561\r\n"),
    READ_AS("a bearer of nothing", "/db/a", "Authorization: Bearer a.b.c\r\n"),
    READ_AS("a token", "/db/a",
            "Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJle"
            "HAiOjk5OTk5OTk5OTksIl9jb3VjaGRiLnJvbGVzIjpbInIiXX0.EMFBj871Gc9gatJK_fuyH8M-NPfZf"
            "oO95MpfQaQDBn4\r\n"),
    READ_AS("an old token", "/db/a",
            "Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJle"
            "HAiOjF9.o_xmX6GZZUUwV_cSlKNTuX0sr5TcZ8jJ3A0zi4zjbt0\r\n"),
    READ_AS("a browser that must log in", "/db/a",
            "Authorization: Basic Xzpf\r\nAccept: text/html\r\n"),
    READ_AS("a proxied host", "/db/_design%2Fd", "X-Forwarded-Host: h.example\r\n"),
    { "overridden", NOTHING, { "POST", "/db/a", "X-HTTP-Method-Override: GET\r\n", NULL }, NOTHING, 0,
      false },
    { "set up", NOTHING,
      { "POST", "/_cluster_setup", JSON,
        "{\"action\":\"enable_single_node\",\"username\":\"s$n\",\"password\":\"p\"}" },
      { "GET", "/_node/_local/_config/admins/s$n", NULL, NULL }, 200, false },
    READ("/_cluster_setup?ensure_dbs_exist=[\"db\",\"none\"]"),
    READ("/_reshard/state"),
    { "reshard", NOTHING,
      { "POST", "/_reshard/jobs", JSON, "{\"type\":\"split\",\"db\":\"db\"}" }, NOTHING, 0, true },
    { "login", NOTHING, { "POST", "/_session", JSON, "{\"name\":\"ann\",\"password\":\"pw\"}" },
      NOTHING, 0, true },
    { "login by a form", NOTHING,
      { "POST", "/_session?next=/x", "Content-Type: application/x-www-form-urlencoded\r\n",
        "name=a&password=b" }, NOTHING, 0, true },
    { "logout", NOTHING, { "DELETE", "/_session", NULL, NULL }, NOTHING, 0, false },
    { "set a setting", NOTHING, { "PUT", "/_node/_local/_config/ours/k$n", JSON, "\"v\"" },
      { "GET", "/_node/_local/_config/ours/k$n", NULL, NULL }, 200, false },
    { "delete a setting", { "PUT", "/_node/_local/_config/ours/d$n", JSON, "\"v\"" },
      { "DELETE", "/_node/_local/_config/ours/d$n", NULL, NULL },
      { "GET", "/_node/_local/_config/ours/d$n", NULL, NULL }, 404, false },
    { "make an admin", NOTHING, { "PUT", "/_node/_local/_config/admins/n$n", JSON, "\"v\"" },
      { "GET", "/_node/_local/_config/admins/n$n", NULL, NULL }, 200, false },
    { "reload", NOTHING, { "POST", "/_node/_local/_config/_reload", JSON, NULL }, NOTHING, 0,
      true },

    /* ---- databases ---- */
    VARYING("/db"),
    READ("/none"),
    { "create", NOTHING, NEW_DB, { "GET", "/new$n", NULL, NULL }, 200, false },
    { "create with partitions", NOTHING, { "PUT", "/new$n?partitioned=true&q=2", NULL, NULL },
      { "GET", "/new$n", NULL, NULL }, 200, false },
    { "delete", NEW_DB, { "DELETE", "/new$n", NULL, NULL }, { "GET", "/new$n", NULL, NULL }, 404,
      false },
    READ("/db/_security"),
    { "put security", NEW_DB,
      { "PUT", "/new$n/_security", JSON, "{\"admins\":{\"names\":[\"x\"]}}" },
      { "GET", "/new$n/_security", NULL, NULL }, 200, false },
    READ("/db/_revs_limit"),
    { "put revs limit", NEW_DB, { "PUT", "/new$n/_revs_limit", JSON, "7" },
      { "GET", "/new$n/_revs_limit", NULL, NULL }, 200, false },
    READ("/db/_purged_infos_limit"),
    READ("/db/_shards"),
    READ("/db/_shards/a"),
    READ("/db/_auto_purge"),
    { "compact", NOTHING, { "POST", "/copy/_compact", JSON, NULL }, NOTHING, 0, true },
    POST("/db/_ensure_full_commit", NULL),
    POST("/db/_view_cleanup", NULL),
    { "snapshot", NEW_DB, { "PUT", "/new$n/_snapshot/s", JSON, NULL },
      { "GET", "/new$n/_snapshot/s", NULL, NULL }, 200, false },
    READ("/db/_snapshots"),

    { "auto purge", NEW_DB, { "PUT", "/new$n/_auto_purge", JSON, "{}" }, NOTHING, 0, false },
    { "purged infos", NEW_DB, { "PUT", "/new$n/_purged_infos_limit", JSON, "5" },
      { "GET", "/new$n/_purged_infos_limit", NULL, NULL }, 200, false },
    { "limit that is none", NOTHING, { "PUT", "/db/_revs_limit", JSON, "\"x\"" }, NOTHING, 0, false },
    READ("/db/_purged_infos"),
    READ("/db/_snapshot"),
    { "a snapshot's documents", NOTHING, { "GET", "/db/_snapshot/s/a", NULL, NULL }, NOTHING, 0, false },
    { "a snapshot's list", NOTHING, { "GET", "/db/_snapshot/s/_all_docs", NULL, NULL }, NOTHING, 0,
      false },
    { "delete a snapshot", { "PUT", "/db/_snapshot/d$n", JSON, NULL },
      { "DELETE", "/db/_snapshot/d$n", NULL, NULL }, NOTHING, 0, false },
    { "write to a snapshot", NOTHING, { "PUT", "/db%2F_snapshot%2Fs/x", JSON, "{}" }, NOTHING, 0, false },
    POST("/db/_find", "{\"selector\":{}}"),
    READ("/db/_design/d/_view/v"),

    /* ---- lists ---- */
    READ("/db/_all_docs?include_docs=true&conflicts=true&update_seq=true"),
    READ("/db/_all_docs?keys=[\"a\",\"none\",\"gone\"]&include_docs=true"),
    READ("/db/_all_docs?startkey=\"b\"&endkey=\"a\"&descending=true&limit=3&skip=0"),
    READ("/db/_all_docs?limit=x"),
    POST("/db/_all_docs", "{\"keys\":[\"a\",\"b\"],\"include_docs\":true}"),
    POST("/db/_all_docs/queries", "{\"queries\":[{\"limit\":1},{\"keys\":[\"a\"]}]}"),
    READ("/db/_design_docs?include_docs=true"),
    READ("/db/_local_docs?include_docs=true"),
    VARYING("/parts/_partition/p"),
    READ("/parts/_partition/p/_all_docs?include_docs=true"),
    READ("/db/_changes?include_docs=true&attachments=true&conflicts=true"),
    READ("/db/_changes?style=all_docs&descending=true&limit=3&seq_interval=2"),
    READ("/db/_changes?feed=longpoll&since=0&filter=_design"),
    READ("/db/_changes?feed=continuous&limit=2"),
    READ("/db/_changes?feed=eventsource&limit=2"),
    READ("/db/_changes?filter=_doc_ids&doc_ids=[\"a\"]"),
    POST("/db/_changes?filter=_doc_ids", "{\"doc_ids\":[\"a\",\"b\"]}"),
    POST("/db/_changes?filter=_selector&include_docs=true",
         "{\"selector\":{\"$or\":[{\"n\":{\"$gt\":1}},{\"text\":{\"$regex\":\"^c\"}},"
         "{\"list\":{\"$elemMatch\":{\"x\":{\"$in\":[\"y\"]}}}}]}}"),
    POST("/db/_changes?filter=_selector", "{\"selector\":{\"n\":{\"$bad\":1}}}"),

    /* ---- reading documents ---- */
    READ("/db/a?revs=true&revs_info=true&meta=true&local_seq=true"),
    READ("/db/c?conflicts=true&deleted_conflicts=true"),
    READ("/db/c?open_revs=all"),
    READ("/db/c?open_revs=[\"2-b\",\"9-x\"]&latest=true"),
    READ_AS("open_revs in parts", "/db/att?open_revs=all&attachments=true",
            "Accept: multipart/mixed\r\n"),
    READ_AS("a document in parts", "/db/att?attachments=true", "Accept: multipart/related\r\n"),
    READ("/db/att?attachments=true"),
    READ("/db/att?att_encoding_info=true"),
    READ("/db/att/t"),
    READ("/db/att/p"),
    READ_AS("a range", "/db/att/p", "Range: bytes=2-4\r\n"),
    READ_AS("ranges", "/db/att/p", "Range: bytes=0-1,4-5\r\n"),
    READ_AS("packed", "/db/att/t", "Accept-Encoding: gzip\r\n"),
    READ("/db/gone"),
    READ("/db/_design/d"),
    READ("/db/_design/d/_info"),
    READ("/db/_design%2Fd?x=1"),
    READ("/db/_local/l"),
    READ("/_users/org.couchdb.user:ann"),
    READ_AS("its own user", "/_users/org.couchdb.user:ann", "Authorization: Basic YW5uOnB3\r\n"),
    POST("/db/_bulk_get?revs=true&attachments=true",
         "{\"docs\":[{\"id\":\"a\"},{\"id\":\"att\"},{\"id\":\"c\",\"rev\":\"2-b\"},"
         "{\"id\":\"x\"}]}"),
    { "_bulk_get in parts", NOTHING,
      { "POST", "/db/_bulk_get?revs=true&attachments=true", JSON "Accept: multipart/mixed\r\n",
        "{\"docs\":[{\"id\":\"a\"},{\"id\":\"att\"},{\"id\":\"x\"}]}" }, NOTHING, 0, false },
    POST("/db/_revs_diff", "{\"a\":[\"1-x\",\"2-y\"],\"c\":[\"2-b\",\"3-z\"]}"),
    POST("/db/_missing_revs", "{\"a\":[\"1-x\",\"2-y\"],\"none\":[\"3-z\"]}"),

    /* ---- writing ---- */
    { "put", NOTHING, { "PUT", "/db/p$n", JSON, "{\"a\":[1,2,3]}" },
      { "GET", "/db/p$n", NULL, NULL }, 200, false },
    { "put again", { "PUT", "/db/q$n", JSON, "{}" },
      { "PUT", "/db/q$n?rev=" REV1, JSON, "{\"b\":1}" },
      { "GET", "/db/q$n?rev=2-dbde8d0147f316b849de1b972b88c374", NULL, NULL }, 200, false },
    { "conflict", NOTHING, { "PUT", "/db/a", JSON, "{}" }, NOTHING, 0, false },
    { "no document", NOTHING, { "PUT", "/db/x", JSON, "{" }, NOTHING, 0, false },
    { "post", NOTHING, { "POST", "/db", JSON, "{\"_id\":\"post$n\"}" },
      { "GET", "/db/post$n", NULL, NULL }, 200, false },
    { "post without an id", NOTHING, { "POST", "/db", JSON, "{}" }, NOTHING, 0, true },
    { "batch", NOTHING, { "PUT", "/db/batch$n?batch=ok", JSON, "{}" }, NOTHING, 0, true },
    { "delete a document", { "PUT", "/db/del$n", JSON, "{}" },
      { "DELETE", "/db/del$n?rev=" REV1, NULL, NULL }, { "GET", "/db/del$n", NULL, NULL }, 404,
      false },
    { "copy", NOTHING, { "COPY", "/db/att", "Destination: copy$n\r\n", NULL },
      { "GET", "/db/copy$n/t", NULL, NULL }, 200, false },
    { "inline attachments", NOTHING,
      { "PUT", "/db/in$n", JSON,
        "{\"_attachments\":{\"t\":{\"content_type\":\"text/plain\",\"data\":\"aGVsbG8=\"}}}" },
      { "GET", "/db/in$n/t", NULL, NULL }, 200, false },
    { "attachment", NOTHING, { "PUT", "/db/at$n/f", "Content-Type: text/plain\r\n", "hello" },
      { "GET", "/db/at$n/f", NULL, NULL }, 200, false },
    { "delete an attachment", { "PUT", "/db/da$n", MULTIPART, RELATED },
      { "DELETE", "/db/da$n/a?rev=1-x", NULL, NULL }, NOTHING, 0, false },
    { "in parts", NOTHING, { "PUT", "/db/mp$n", MULTIPART, RELATED },
      { "GET", "/db/mp$n/a", NULL, NULL }, 200, false },
    { "a form", { "PUT", "/db/form$n", JSON, "{}" },
      { "POST", "/db/form$n?rev=" REV1, "Content-Type: multipart/form-data;boundary=b\r\n", FORM },
      NOTHING, 0, false },
    { "_bulk_docs", NOTHING,
      { "POST", "/db/_bulk_docs", JSON,
        "{\"docs\":[{\"_id\":\"a\"},{\"_id\":\"bulk$n\",\"x\":1},{\"y\":2}]}" },
      { "GET", "/db/bulk$n", NULL, NULL }, 200, true },
    { "_bulk_docs of replication", NOTHING,
      { "POST", "/db/_bulk_docs", JSON,
        "{\"new_edits\":false,\"docs\":[{\"_id\":\"rep$n\",\"_rev\":\"2-b\",\"_revisions\":"
        "{\"start\":2,\"ids\":[\"b\",\"a\"]},\"_attachments\":{\"t\":{\"content_type\":"
        "\"text/plain\",\"data\":\"aGVsbG8=\"}}}]}" },
      { "GET", "/db/rep$n/t?rev=2-b", NULL, NULL }, 200, false },
    { "a design document", NOTHING,
      { "PUT", "/db/_design/dd$n", JSON, "{\"views\":{\"v\":{\"map\":\"function(doc){}\"}}}" },
      { "GET", "/db/_design/dd$n", NULL, NULL }, 200, false },
    { "a local document", NOTHING, { "PUT", "/db/_local/l$n", JSON, "{\"a\":1}" },
      { "GET", "/db/_local/l$n", NULL, NULL }, 200, false },
    { "delete a local document", { "PUT", "/db/_local/ld$n", JSON, "{}" },
      { "DELETE", "/db/_local/ld$n", NULL, NULL }, { "GET", "/db/_local/ld$n", NULL, NULL }, 404,
      false },
    { "purge", { "PUT", "/db/pu$n", JSON, "{}" },
      { "POST", "/db/_purge", JSON, "{\"pu$n\":[\"" REV1 "\"]}" },
      { "GET", "/db/pu$n", NULL, NULL }, 404, false },
    { "a user's own document", { "PUT", "/db/own$n", JSON, "{}" },
      { "PUT", "/db/own$n?rev=" REV1, JSON "Authorization: Basic YW5uOnB3\r\n", "{\"by\":\"ann\"}" },
      NOTHING, 0, false },
    { "parts of one", NOTHING, { "PUT", "/parts/q:$n", JSON, "{}" },
      { "GET", "/parts/q:$n", NULL, NULL }, 200, false },
    { "no part", NOTHING, { "PUT", "/parts/nopart", JSON, "{}" }, NOTHING, 0, false },
    { "delete by _bulk_docs", { "PUT", "/db/bd$n", JSON, "{}" },
      { "POST", "/db/_bulk_docs", JSON,
        "{\"docs\":[{\"_id\":\"bd$n\",\"_rev\":\"" REV1 "\",\"_deleted\":true}]}" },
      { "GET", "/db/bd$n", NULL, NULL }, 404, false },
    { "a user's document", NOTHING,
      { "PUT", "/_users/org.couchdb.user:u$n", JSON,
        "{\"name\":\"u$n\",\"type\":\"user\",\"roles\":[],\"password\":\"pw\"}" },
      { "GET", "/_users/org.couchdb.user:u$n", NULL, NULL }, 200, false },
    { "a replication's document", NOTHING,
      { "PUT", "/_replicator/r$n", JSON,
        "{\"source\":\"http://127.0.0.1:1/x\",\"target\":\"http://127.0.0.1:1/y\"}" },
      { "GET", "/_replicator/r$n", NULL, NULL }, 200, false },
    { "replicate", { "PUT", "/t$n", NULL, NULL },
      { "POST", "/_replicate", JSON, "{\"source\":\"parts\",\"target\":\"t$n\"}" },
      { "GET", "/t$n/p:1", NULL, NULL }, 200, true },
};
const size_t server_case_count = sizeof(server_cases) / sizeof(server_cases[0]);
