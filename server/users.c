/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: reads user documents for logins, and guards reading and writing them. See server/users.h,
 * server/auth.h.
 *
 * INV-USER-1: no document with a plain password is ever stored in a _users database.
 * INV-USER-2: who is no admin cannot change roles, other users' documents or names.
 * Source: CouchDB's couch_users_db and the validation function of its _auth design document.
 * Difference: the checks are ours and always on; there is no design document to edit.
 */
#include "server/users.h"

#include "base/alloc.h"
#include "server/dbs.h"
#include "server/docload.h"
#include "server/replicator_guard.h"
#include "server/server.h"

/* ---- logins ------------------------------------------------------------------------------ */

static tuf_slice copy_member(struct request *req, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value))
        return tuf_str("");
    return request_copy(req, tuf_slice_of(json_string_value(value), json_string_length(value)));
}

static bool copy_roles(struct user_record *out, struct request *req, const json_t *roles)
{
    size_t count = json_array_size(roles);
    out->roles = tufi_arena_alloc(&req->arena, (count + 1) * sizeof(*out->roles));
    if (out->roles == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *role = json_array_get(roles, i);
        if (json_is_string(role))
            out->roles[out->role_count++] =
                request_copy(req, tuf_slice_of(json_string_value(role),
                                               json_string_length(role)));
    }
    return true;
}

static tuf_status read_record(struct user_record *out, struct request *req, const json_t *doc)
{
    struct user_record record = { 0 };
    const json_t *iterations = json_object_get(doc, "iterations");
    record.password.scheme = copy_member(req, doc, "password_scheme");
    record.password.prf = copy_member(req, doc, "pbkdf2_prf");
    record.password.salt = copy_member(req, doc, "salt");
    record.password.derived_key = copy_member(req, doc, "derived_key");
    record.password.password_sha = copy_member(req, doc, "password_sha");
    if (json_is_integer(iterations) && json_integer_value(iterations) > 0)
        record.password.iterations = (uint64_t)json_integer_value(iterations);
    record.needs_token = json_is_object(json_object_get(doc, "totp"));
    if (!copy_roles(&record, req, json_object_get(doc, "roles")))
        return tufi_nomem();
    *out = record;
    return TUF_OK;
}

static tuf_status find_in_db(struct user_record *out, struct request *req, struct dbh *dbh,
                             tuf_slice name)
{
    TUF_AUTO(tufi_buf_release) struct buf id = BUF_INIT;
    buf_append_str(&id, USER_ID_PREFIX);
    buf_append_slice(&id, name);
    if (id.failed)
        return tufi_nomem();
    json_t *doc = NULL;
    bool conflicted = false;
    tuf_status st = doc_load(&doc, &conflicted, dbh, buf_slice(&id));
    if (st == TUF_OK)
        st = read_record(out, req, doc);
    if (st == TUF_OK)
        out->conflicted = conflicted;
    json_decref(doc);
    return st;
}

static bool find_admin(struct user_record *out, struct request *req, tuf_slice name)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    struct user_record record = { .is_admin = true };
    tuf_slice key = request_copy(req, name); /* with its NUL */
    if (key.data == NULL || memchr(name.data, 0, name.len) != NULL ||
        !config_get_exact(&value, req->server->config, "admins", (const char *)key.data))
        return false;
    tuf_slice text = request_copy(req, buf_slice(&value));
    record.roles = tufi_arena_alloc(&req->arena, sizeof(*record.roles));
    if (text.data == NULL || record.roles == NULL ||
        !admin_password_parse(&record.password, text))
        return false;
    record.roles[record.role_count++] = tuf_str("_admin");
    *out = record;
    return true;
}

tuf_status user_find(struct user_record *out, struct request *req, tuf_slice name, bool may_block)
{
    if (name.len == 0 || name.len > 1024)
        return TUF_NOT_FOUND;
    if (find_admin(out, req, name))
        return TUF_OK;
    struct dbh *dbh = dbs_find_open(dbs_of(req->server), tuf_str(USERS_DB));
    if (dbh == NULL && !may_block)
        return TUF_STOPPED;
    tuf_status st = TUF_OK;
    if (dbh == NULL)
        st = dbs_open(&dbh, dbs_of(req->server), tuf_str(USERS_DB));
    if (st == TUF_OK)
        st = find_in_db(out, req, dbh, name);
    dbh_unref(&dbh);
    return st;
}

/* ---- writing ----------------------------------------------------------------------------- */

static tuf_status forbid(const char *text)
{
    return tufi_fail_kind(TUF_E_INVALID, "forbidden", "%s", text);
}

static tuf_slice string_of(const json_t *value)
{
    if (!json_is_string(value))
        return tuf_slice_of(NULL, 0);
    return tuf_slice_of(json_string_value(value), json_string_length(value));
}

static tuf_slice name_of_id(tuf_slice id)
{
    size_t prefix_len = strlen(USER_ID_PREFIX);
    if (!slice_starts(id, USER_ID_PREFIX))
        return id;
    return tuf_slice_of(id.data + prefix_len, id.len - prefix_len);
}

static tuf_status check_roles_form(const json_t *roles)
{
    if (roles == NULL || json_is_null(roles) || json_is_false(roles))
        return forbid("doc.roles must exist");
    if (!json_is_array(roles))
        return forbid("doc.roles must be an array");
    for (size_t i = 0; i < json_array_size(roles); i++) {
        if (!json_is_string(json_array_get(roles, i)))
            return forbid("doc.roles can only contain strings");
    }
    return TUF_OK;
}

static tuf_status check_hash_form(struct config *config, const json_t *doc)
{
    const json_t *scheme = json_object_get(doc, "password_scheme");
    const json_t *iterations = json_object_get(doc, "iterations");
    if (json_object_get(doc, "password_sha") != NULL && json_object_get(doc, "salt") == NULL)
        return forbid("Users with password_sha must have a salt.");
    if (scheme == NULL)
        return TUF_OK;
    tuf_slice text = string_of(scheme);
    if (!slice_is(text, "simple") && !slice_is(text, "pbkdf2") && !slice_is(text, "simple+pbkdf2"))
        return tufi_fail_kind(TUF_E_INVALID, "forbidden", "Password scheme `%.*s` not supported.",
                              (int)(text.len < 60 ? text.len : 60),
                              text.data != NULL ? (const char *)text.data : "");
    if (!slice_is(text, "pbkdf2"))
        return TUF_OK;
    if (!json_is_number(iterations))
        return forbid("iterations must be a number.");
    if (!json_is_string(json_object_get(doc, "derived_key")))
        return forbid("derived_key must be a string.");
    double count = json_number_value(iterations);
    if (count < (double)config_uint(config, "chttpd_auth", "min_iterations", 1))
        return forbid("Iteration count is too low for this server");
    if (count > (double)config_uint(config, "chttpd_auth", "max_iterations", ITERATIONS_MAX) ||
        count > ITERATIONS_MAX)
        return forbid("Iteration count is too high for this server");
    return TUF_OK;
}

static bool same_roles(const json_t *a, const json_t *b)
{
    if (json_array_size(a) != json_array_size(b))
        return false;
    for (size_t i = 0; i < json_array_size(a); i++) {
        bool found = false;
        for (size_t k = 0; k < json_array_size(b) && !found; k++)
            found = json_equal(json_array_get(a, i), json_array_get(b, k));
        if (!found)
            return false;
    }
    return true;
}

static tuf_status check_names(tuf_slice name, const json_t *roles)
{
    for (size_t i = 0; i < json_array_size(roles); i++) {
        tuf_slice role = string_of(json_array_get(roles, i));
        if (slice_starts(role, "_") && !slice_is(role, "_metrics"))
            return forbid("No system roles (starting with underscore) in users db.");
    }
    if (slice_starts(name, "_"))
        return forbid("Username may not start with underscore.");
    if (memchr(name.data, ':', name.len) != NULL)
        return forbid("Character `:` is not allowed in usernames.");
    return TUF_OK;
}

/* The rules for a document that is not a deletion. old may be NULL. */
static tuf_status check_user_doc(struct request *req, tuf_slice id, const json_t *doc,
                                 const json_t *old)
{
    tuf_slice name = string_of(json_object_get(doc, "name"));
    const json_t *roles = json_object_get(doc, "roles");
    if (!slice_is(string_of(json_object_get(doc, "type")), "user"))
        return forbid("doc.type must be user");
    if (name.len == 0)
        return forbid("doc.name is required");
    tuf_status st = check_roles_form(roles);
    if (st != TUF_OK)
        return st;
    if (!slice_starts(id, USER_ID_PREFIX) || !slice_equal(name_of_id(id), name))
        return forbid("Doc ID must be of the form org.couchdb.user:name");
    if (old != NULL && !slice_equal(string_of(json_object_get(old, "name")), name))
        return forbid("Usernames can not be changed.");
    st = check_hash_form(req->server->config, doc);
    if (st != TUF_OK)
        return st;
    if (!auth_has(req, RIGHT_DBADM)) {
        if (old != NULL && !slice_equal(req->user.name, name))
            return forbid("You may only update your own user document.");
        if (old != NULL && !same_roles(json_object_get(old, "roles"), roles))
            return forbid("Only _admin may edit roles");
        if (old == NULL && json_array_size(roles) > 0)
            return forbid("Only _admin may set roles");
    }
    return check_names(name, roles);
}

static bool is_hash_member(const char *key)
{
    static const char *const keys[] = { "password", "password_scheme", "pbkdf2_prf", "salt",
                                        "iterations", "derived_key", "password_sha" };
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

/* The document with its password replaced by a fresh hash. */
static tuf_status write_hashed(struct buf *out, struct request *req, json_t *doc,
                               tuf_slice password)
{
    char salt[SALT_SIZE];
    char derived[DERIVED_SIZE];
    uint64_t iterations =
        config_uint(req->server->config, "chttpd_auth", "iterations", ITERATIONS_DEFAULT);
    tuf_status st = password_make(salt, derived, password, iterations);
    if (st != TUF_OK)
        return st;
    json_t *hashed = json_object();
    bool good = hashed != NULL &&
                json_object_set_new(hashed, "password_scheme", json_string("pbkdf2")) == 0 &&
                json_object_set_new(hashed, "pbkdf2_prf", json_string("sha256")) == 0 &&
                json_object_set_new(hashed, "salt", json_string(salt)) == 0 &&
                json_object_set_new(hashed, "iterations", json_integer((json_int_t)iterations)) ==
                    0 &&
                json_object_set_new(hashed, "derived_key", json_string(derived)) == 0;
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

static tuf_status replace_password(struct buf *out, struct request *req, json_t *doc)
{
    json_t *password = json_object_get(doc, "password");
    if (password == NULL || json_is_null(password))
        return TUF_OK;
    if (!json_is_string(password)) {
        TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
        if (json_dump_callback(password, append_dump, &text, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
            return tufi_nomem();
        return tufi_fail_kind(TUF_E_INVALID, "forbidden", "Password value of '%.*s' is invalid.",
                              (int)(text.len < 80 ? text.len : 80), (const char *)text.data);
    }
    return write_hashed(out, req, doc, string_of(password));
}

/* Admins may touch every document, users their own, nobody may make one of their own. */
static tuf_status check_owner(struct request *req, tuf_slice id)
{
    if (auth_has(req, RIGHT_DBADM) || req->user.name.data == NULL ||
        slice_equal(req->user.name, name_of_id(id)))
        return TUF_OK;
    return tufi_fail_kind(TUF_E_INVALID, "not_found", "missing");
}

static tuf_status check_deletion(struct request *req, const json_t *old)
{
    if (auth_has(req, RIGHT_DBADM))
        return TUF_OK;
    tuf_slice owner = string_of(json_object_get(old, "name"));
    if (req->user.name.data != NULL && slice_equal(req->user.name, owner))
        return TUF_OK;
    return forbid("Only admins may delete other user docs.");
}

static bool is_guarded(const struct request *req, tuf_slice id)
{
    return req->dbh != NULL && dbh_is_users(req->dbh) && !slice_starts(id, "_local/") &&
           !slice_starts(id, "_design/");
}

/* Everything but the id, which may be empty: then it is in the text. */
static tuf_status guard_write(struct buf *json_out, struct request *req, tuf_slice id,
                              json_t *doc)
{
    if (id.len == 0)
        id = string_of(json_object_get(doc, "_id"));
    if (!is_guarded(req, id))
        return TUF_OK;
    tuf_status st = check_owner(req, id);
    if (st != TUF_OK)
        return st;
    json_t *old = NULL;
    st = doc_load(&old, NULL, req->dbh, id);
    if (st == TUF_OK || st == TUF_NOT_FOUND) {
        if (json_is_true(json_object_get(doc, "_deleted")))
            st = check_deletion(req, old);
        else
            st = check_user_doc(req, id, doc, old);
        if (st == TUF_OK)
            st = replace_password(json_out, req, doc);
    }
    json_decref(old);
    return st;
}

tuf_status server_before_write(struct buf *json_out, struct request *req, tuf_slice id,
                               tuf_slice json, bool replicated)
{
    if (req->dbh != NULL && dbh_is_replicator(req->dbh))
        return replicator_before_write(json_out, req, id, json, replicated);
    if (req->dbh == NULL || !dbh_is_users(req->dbh))
        return TUF_OK;
    json_error_t error;
    json_t *doc = json_loadb((const char *)json.data, json.len, JSON_ALLOW_NUL, &error);
    /* What is no JSON object is refused by tuf_edit_parse with the usual texts. But what only the
     * other parser accepts must not slip through unchecked. */
    if (!json_is_object(doc)) {
        json_decref(doc);
        tuf_edit *edit = NULL;
        tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
        opts.id = id;
        tuf_status st = tuf_edit_parse(&edit, json, &opts);
        tuf_edit_free(&edit);
        return st != TUF_OK ? st : forbid("the user document cannot be read");
    }
    tuf_status st = guard_write(json_out, req, id, doc);
    json_decref(doc);
    return st;
}

tuf_status server_before_change(struct request *req, tuf_slice id)
{
    if (req->dbh != NULL && dbh_is_replicator(req->dbh))
        return replicator_before_change(req, id);
    if (!is_guarded(req, id))
        return TUF_OK;
    tuf_status st = check_owner(req, id);
    if (st != TUF_OK)
        return st;
    json_t *old = NULL;
    st = doc_load(&old, NULL, req->dbh, id);
    if (st == TUF_OK || st == TUF_NOT_FOUND)
        st = old == NULL ? TUF_OK : check_deletion(req, old);
    json_decref(old);
    return st;
}

tuf_status server_before_read(struct request *req, tuf_slice id)
{
    if (req->dbh == NULL || !dbh_is_users(req->dbh) || auth_has(req, RIGHT_DBADM))
        return TUF_OK;
    if (slice_starts(id, "_design/"))
        return forbid("Only administrators can view design docs in the users database.");
    if (req->user.name.data != NULL && slice_equal(req->user.name, name_of_id(id)))
        return TUF_OK;
    return tufi_fail_kind(TUF_E_INVALID, "not_found", "missing");
}
