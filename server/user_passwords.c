/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: passwords in user documents. See server/user_passwords.h.
 *
 * Invariants: an expression that an operator configured costs a bounded time, whatever the password.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "server/user_passwords.h"

#include <pcre2.h>

#include "base/alloc.h"
#include "server/dbs.h"
#include "server/docload.h"
#include "server/erl_list.h"
#include "server/log.h"
#include "server/server.h"

#define REGEX_MATCH_LIMIT 100000

/* ---- judging ----------------------------------------------------------------------------- */

enum verdict { FITS, FITS_NOT, NO_EXPRESSION };

static enum verdict match(tuf_slice pattern, tuf_slice password)
{
    int error = 0;
    PCRE2_SIZE error_off = 0;
    enum verdict verdict = NO_EXPRESSION;
    pcre2_code *code = pcre2_compile(pattern.data, pattern.len, 0, &error, &error_off, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    if (code != NULL && limits != NULL && data != NULL) {
        (void)pcre2_set_match_limit(limits, REGEX_MATCH_LIMIT);
        const uint8_t *subject = password.len > 0 ? password.data : (const uint8_t *)"";
        int found = pcre2_match(code, subject, password.len, 0, 0, data, limits);
        verdict = found >= 0 ? FITS : FITS_NOT;
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);
    pcre2_code_free(code);
    return verdict;
}

static tuf_status check_password(struct config *config, tuf_slice password)
{
    TUF_AUTO(tufi_buf_release) struct buf setting = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf pattern = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    enum verdict verdict = FITS;
    (void)config_get(&setting, config, "chttpd_auth", "password_regexp");
    struct erl_list list = erl_list_begin(buf_slice(&setting));
    while (verdict == FITS && erl_list_next(&pattern, &text, &list))
        verdict = match(buf_slice(&pattern), password);
    if (verdict == NO_EXPRESSION || list.bad)
        return tufi_fail_kind(TUF_E_INVALID, "forbidden",
                              "Server cannot hash passwords at this time.");
    if (verdict == FITS_NOT)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                              "Password does not conform to requirements.%s%.*s",
                              text.len > 0 ? " " : "", (int)(text.len < 90 ? text.len : 90),
                              text.len > 0 ? (const char *)text.data : "");
    return TUF_OK;
}

/* ---- hashing ----------------------------------------------------------------------------- */

static bool is_hash_member(const char *key)
{
    static const char *const keys[] = { "password", "password_scheme", "pbkdf2_prf", "salt",
                                        "iterations", "derived_key", "password_sha",
                                        "preserve_salt" };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(keys[i], key) == 0)
            return true;
    }
    return false;
}

static int append_dump(const char *data, size_t len, void *ctx)
{
    struct buf *out = ctx;
    tufi_buf_append(out, data, len);
    return out->failed ? -1 : 0;
}

struct password_wish password_wish_of(struct config *config)
{
    return (struct password_wish){
        .simple = config_is(config, "chttpd_auth", "password_scheme", "simple"),
        .iterations = config_uint(config, "chttpd_auth", "iterations", ITERATIONS_DEFAULT),
    };
}

/* The function that new hashes are made by, NUL-terminated. */
static bool wanted_prf(struct buf *out, struct config *config)
{
    if (!config_get(out, config, "chttpd_auth", "pbkdf2_prf"))
        buf_append_str(out, "sha256");
    buf_append_u8(out, 0);
    return !out->failed;
}

/* The document with its password replaced by a hash. */
static tuf_status write_hashed(struct buf *out, struct config *config, json_t *doc,
                               tuf_slice password)
{
    TUF_AUTO(tufi_buf_release) struct buf prf = BUF_INIT;
    char salt[SALT_SIZE];
    char derived[DERIVED_SIZE];
    if (!wanted_prf(&prf, config))
        return tufi_nomem();
    struct password_wish wish = password_wish_of(config);
    wish.prf = tuf_str((const char *)prf.data);
    if (json_is_true(json_object_get(doc, "preserve_salt")))
        wish.salt = doc_member(doc, "salt");
    tuf_status st = password_make(salt, derived, password, &wish);
    if (st != TUF_OK)
        return st;
    json_t *hashed =
        wish.simple
            ? json_pack("{s:s,s:s,s:s}", "password_scheme", "simple", "salt", salt, "password_sha",
                        derived)
            : json_pack("{s:s,s:s,s:s,s:I,s:s}", "password_scheme", "pbkdf2", "pbkdf2_prf",
                        (const char *)prf.data, "salt", salt, "iterations",
                        (json_int_t)wish.iterations, "derived_key", derived);
    bool good = hashed != NULL;
    const char *key;
    json_t *value;
    json_object_foreach(doc, key, value) {
        if (good && !is_hash_member(key))
            good = json_object_set(hashed, key, value) == 0;
    }
    good = good && json_dump_callback(hashed, append_dump, out, JSON_COMPACT) == 0;
    json_decref(hashed);
    return good ? TUF_OK : tufi_nomem();
}

tuf_status user_replace_password(struct buf *json_out, struct request *req, json_t *doc)
{
    json_t *password = json_object_get(doc, "password");
    struct config *config = req->server->config;
    if (password == NULL || json_is_null(password))
        return TUF_OK;
    if (!json_is_string(password)) {
        TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
        if (json_dump_callback(password, append_dump, &text, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
            return tufi_nomem();
        return tufi_fail_kind(TUF_E_INVALID, "forbidden", "Password value of '%.*s' is invalid.",
                              (int)(text.len < 80 ? text.len : 80), (const char *)text.data);
    }
    tuf_slice plain = doc_member(doc, "password");
    tuf_status st = check_password(config, plain);
    return st == TUF_OK ? write_hashed(json_out, config, doc, plain) : st;
}

/* ---- upgrading --------------------------------------------------------------------------- */

static bool is_weak(struct config *config, const struct stored_password *stored)
{
    TUF_AUTO(tufi_buf_release) struct buf prf = BUF_INIT;
    struct password_wish wish = password_wish_of(config);
    /* Who wants the old scheme has nothing that is stronger. */
    if (wish.simple || !wanted_prf(&prf, config))
        return false;
    tuf_slice found = stored->prf.len > 0 ? stored->prf : tuf_str("sha");
    return !slice_is(stored->scheme, "pbkdf2") || !slice_is(found, (const char *)prf.data) ||
           stored->iterations < wish.iterations;
}

/* The text to store; TUF_STOPPED if the document is not to be touched: somebody changed its
 * password meanwhile, or it has attachments, which a text does not carry. */
static tuf_status make_text(struct buf *out, struct config *config, tuf_doc *doc,
                            tuf_slice password, const struct stored_password *old)
{
    tuf_att_info att;
    tuf_slice body = tuf_doc_body(doc);
    if (tuf_doc_att(&att, doc, 0) == TUF_OK)
        return TUF_STOPPED;
    json_t *user = json_loadb((const char *)body.data, body.len, JSON_ALLOW_NUL, NULL);
    tuf_slice salt = doc_member(user, "salt");
    bool same = salt.len == old->salt.len && slice_equal(salt, old->salt) &&
                slice_equal(doc_member(user, "derived_key"), old->derived_key) &&
                slice_equal(doc_member(user, "password_sha"), old->password_sha);
    tuf_status st = same ? TUF_OK : TUF_STOPPED;
    if (same)
        st = json_object_set_new(user, "preserve_salt", json_true()) == 0
                 ? write_hashed(out, config, user, password) : tufi_nomem();
    json_decref(user);
    return st;
}

static tuf_status upgrade(struct request *req, struct dbh *dbh, tuf_slice id, tuf_slice password,
                          const struct stored_password *old)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    TUF_AUTO(tuf_edit_free) tuf_edit *edit = NULL;
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.id = id;
    tuf_status st = tuf_db_snapshot(&snapshot, dbh_db(dbh));
    if (st == TUF_OK)
        st = tuf_doc_open(&doc, snapshot, id, NULL);
    if (st == TUF_OK)
        st = make_text(&json, req->server->config, doc, password, old);
    if (st == TUF_OK)
        st = tuf_edit_parse(&edit, buf_slice(&json), &opts);
    if (st == TUF_OK) {
        tuf_rev parent = tuf_doc_rev(doc);
        st = tuf_edit_set_parent(edit, &parent);
    }
    if (st == TUF_OK)
        st = tuf_db_commit(dbh_db(dbh), &edit, 1, 0);
    return st;
}

void user_upgrade_hash(struct request *req, tuf_slice name, tuf_slice password,
                       const struct user_record *record)
{
    struct config *config = req->server->config;
    TUF_AUTO(tufi_buf_release) struct buf id = BUF_INIT;
    TUF_AUTO(dbh_unref) struct dbh *dbh = NULL;
    if (record->is_admin || record->conflicted || !is_weak(config, &record->password) ||
        !config_bool(config, "chttpd_auth", "upgrade_hash_on_auth", true))
        return;
    buf_append_str(&id, USER_ID_PREFIX);
    buf_append_slice(&id, name);
    tuf_status st = id.failed ? tufi_nomem()
                              : dbs_open(&dbh, dbs_of(req->server), tuf_str(USERS_DB));
    if (st == TUF_OK)
        st = upgrade(req, dbh, buf_slice(&id), password, &record->password);
    if (st < 0)
        log_line(LOG_WARNING, "cannot make a user's password hash stronger: %s",
                 tuf_last_error()->text);
}
