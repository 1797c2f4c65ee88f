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
#include "json/docscan.h"
#include "server/dbs.h"
#include "server/digests.h"
#include "server/docload.h"
#include "server/replicator_guard.h"
#include "server/request.h"
#include "server/server.h"
#include "server/user_passwords.h"

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

/* What cannot be read makes a factor that nobody has. False: out of memory. */
static bool read_totp(struct totp *out, struct request *req, const json_t *totp)
{
    TUF_AUTO(tufi_buf_release) struct buf key = BUF_INIT;
    const json_t *length = json_object_get(totp, "length");
    tuf_slice algorithm = doc_member(totp, "algorithm");
    struct totp made = { .digit_count = 6 };
    if (json_is_integer(length))
        made.digit_count = (unsigned)(json_integer_value(length) & 0xff);
    if (totp_decode_key(&key, doc_member(totp, "key")))
        made.digest = digest_find(algorithm.data != NULL ? algorithm : tuf_str("sha"));
    made.key = request_copy(req, buf_slice(&key));
    *out = made;
    return made.key.data != NULL;
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
    const json_t *totp = json_object_get(doc, "totp");
    record.needs_token = json_is_object(totp);
    if (record.needs_token && !read_totp(&record.totp, req, totp))
        return tufi_nomem();
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

/* By the document in _users. TUF_STOPPED: that is not open, and this thread may not block. */
static tuf_status find_user(struct user_record *out, struct request *req, tuf_slice name,
                            bool may_block)
{
    struct dbs *dbs = dbs_of(req->server);
    TUF_AUTO(dbh_unref) struct dbh *dbh = dbs_find_open(dbs, tuf_str(USERS_DB));
    if (dbh == NULL && !may_block)
        return TUF_STOPPED;
    tuf_status st = dbh != NULL ? TUF_OK : dbs_open(&dbh, dbs, tuf_str(USERS_DB));
    return st == TUF_OK ? find_in_db(out, req, dbh, name) : st;
}

/* What the user document of the same name adds to an admin's roles. An admin can log in whatever state
 * _users is in. */
static tuf_status add_roles_of_doc(struct user_record *admin, struct request *req, tuf_slice name,
                                   bool may_block)
{
    struct user_record user = { 0 };
    if (dbs_has_no_users(dbs_of(req->server)))
        return TUF_OK;
    tuf_status st = find_user(&user, req, name, may_block);
    if (st != TUF_OK)
        return st == TUF_E_NOMEM || st == TUF_STOPPED ? st : TUF_OK;
    tuf_slice *roles = tufi_arena_alloc(&req->arena, (user.role_count + 1) * sizeof(*roles));
    if (roles == NULL)
        return tufi_nomem();
    roles[0] = admin->roles[0];
    for (size_t i = 0; i < user.role_count; i++)
        roles[i + 1] = user.roles[i];
    admin->roles = roles;
    admin->role_count = user.role_count + 1;
    return TUF_OK;
}

/* Returns: TUF_OK; TUF_NOT_FOUND; TUF_STOPPED; E_NOMEM. */
static tuf_status find_admin(struct user_record *out, struct request *req, tuf_slice name,
                             bool may_block)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    struct user_record record = { .is_admin = true };
    tuf_slice key = request_copy(req, name); /* with its NUL */
    if (key.data == NULL)
        return tufi_nomem();
    if (memchr(name.data, 0, name.len) != NULL ||
        !config_get_exact(&value, req->server->config, "admins", (const char *)key.data))
        return TUF_NOT_FOUND;
    tuf_slice text = request_copy(req, buf_slice(&value));
    record.roles = tufi_arena_alloc(&req->arena, sizeof(*record.roles));
    if (value.failed || text.data == NULL || record.roles == NULL)
        return tufi_nomem();
    if (!admin_password_parse(&record.password, text))
        return TUF_NOT_FOUND;
    record.roles[record.role_count++] = tuf_str("_admin");
    tuf_status st = add_roles_of_doc(&record, req, name, may_block);
    if (st == TUF_OK)
        *out = record;
    return st;
}

tuf_status user_find(struct user_record *out, struct request *req, tuf_slice name, bool may_block)
{
    if (name.len == 0 || name.len > 1024)
        return TUF_NOT_FOUND;
    tuf_status st = find_admin(out, req, name, may_block);
    return st == TUF_NOT_FOUND ? find_user(out, req, name, may_block) : st;
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
            st = user_replace_password(json_out, req, doc);
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

/* [chttpd_auth] public_fields; empty: none. */
static bool get_public_fields(struct buf *out, struct request *req)
{
    return config_get(out, req->server->config, "chttpd_auth", "public_fields") && out->len > 0 &&
           !out->failed;
}

tuf_status server_before_read(struct request *req, tuf_slice id)
{
    TUF_AUTO(tufi_buf_release) struct buf fields = BUF_INIT;
    if (req->dbh == NULL || !dbh_is_users(req->dbh) || auth_has(req, RIGHT_DBADM))
        return TUF_OK;
    if (slice_starts(id, "_design/"))
        return forbid("Only administrators can view design docs in the users database.");
    if (req->user.name.data != NULL && slice_equal(req->user.name, name_of_id(id)))
        return TUF_OK;
    /* What is shown then is for users_hide_private; attachments are no fields. */
    if (req->att_name.len == 0 && slice_starts(id, USER_ID_PREFIX) &&
        get_public_fields(&fields, req))
        return TUF_OK;
    return tufi_fail_kind(TUF_E_INVALID, "not_found", "missing");
}

/* ---- public fields ----------------------------------------------------------------------- */

struct public_copy {
    struct buf *out;
    tuf_slice fields; /* comma list */
    size_t count;
};

static tuf_status copy_public(tuf_slice key, tuf_slice value, void *ctx)
{
    struct public_copy *copy = ctx;
    tuf_slice list = copy->fields, item;
    while (slice_next_item(&item, &list, ',')) {
        if (!slice_equal(slice_trim(item, SLICE_OWS), key))
            continue;
        if (copy->count++ > 0)
            buf_append_u8(copy->out, ',');
        json_append_string(copy->out, key);
        buf_append_u8(copy->out, ':');
        buf_append_slice(copy->out, value);
        break;
    }
    return buf_status(copy->out);
}

/* See docjson_body. The reader is the name of who asks, a NUL, and the public fields. */
static tuf_status append_public(struct buf *out, tuf_slice body, tuf_slice reader)
{
    const uint8_t *end = memchr(reader.data, 0, reader.len);
    size_t name_len = (size_t)(end - reader.data);
    struct public_copy copy = { .out = out };
    json_t *doc = json_loadb((const char *)body.data, body.len, JSON_ALLOW_NUL, NULL);
    bool own = name_len > 0 && slice_equal(doc_member(doc, "name"),
                                           tuf_slice_of(reader.data, name_len));
    json_decref(doc);
    if (own) {
        tufi_buf_append(out, body.data + 1, body.len - 2);
        return buf_status(out);
    }
    copy.fields = tuf_slice_of(end + 1, reader.len - name_len - 1);
    tuf_status st = tufi_fold(tufi_json_each(body, copy_public, &copy));
    /* Something has to be there, and this is no secret. */
    if (st == TUF_OK && copy.count == 0)
        buf_append_str(out, "\"type\":\"user\"");
    return st == TUF_OK ? buf_status(out) : st;
}

/* Whether who asks may see this document of theirs, or every one, as it is. */
static bool sees_all_of(const struct request *req, tuf_slice id)
{
    if (req->dbh == NULL || !dbh_is_users(req->dbh) || auth_has(req, RIGHT_DBADM) ||
        slice_starts(id, "_local/"))
        return true;
    return req->user.name.data != NULL && slice_equal(req->user.name, name_of_id(id));
}

tuf_status users_hide_private(struct docjson_options *opts, struct request *req, tuf_slice id)
{
    TUF_AUTO(tufi_buf_release) struct buf reader = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf fields = BUF_INIT;
    if (sees_all_of(req, id))
        return TUF_OK;
    (void)get_public_fields(&fields, req);
    if (req->user.name.data != NULL)
        buf_append_slice(&reader, req->user.name);
    buf_append_u8(&reader, 0);
    buf_append_slice(&reader, buf_slice(&fields));
    opts->body = append_public;
    opts->flags &= ~(unsigned)DOCJSON_ATTACHMENTS;
    opts->reader = request_copy(req, buf_slice(&reader));
    return reader.failed || opts->reader.data == NULL ? tufi_nomem() : TUF_OK;
}

tuf_status users_show(struct request *req, const tuf_doc *doc)
{
    TUF_AUTO(tufi_buf_release) struct buf fields = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf shown = BUF_INIT;
    struct public_copy copy = { .out = &shown };
    if (sees_all_of(req, tuf_doc_info(doc)->id))
        return TUF_OK;
    (void)get_public_fields(&fields, req);
    copy.fields = buf_slice(&fields);
    tuf_status st = tufi_fold(tufi_json_each(tuf_doc_body(doc), copy_public, &copy));
    return st == TUF_OK && copy.count == 0 ? TUF_NOT_FOUND : st;
}
