/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: parsed security objects. See server/auth.h.
 *
 * Source: CouchDB's couch_db:check_is_admin and check_is_member.
 */
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "server/auth.h"

struct security {
    _Atomic size_t refs;
    bool is_default;    /* admins only */
    bool is_public;     /* both member lists are empty */
    json_t *object;     /* keeps the lists alive; NULL for the default */
    json_t *admin_names, *admin_roles;   /* borrowed from object; may be NULL */
    json_t *member_names, *member_roles;
};

static json_t *list_of(json_t *object, const char *group, const char *kind)
{
    return json_object_get(json_object_get(object, group), kind);
}

struct security *security_new(tuf_slice json)
{
    struct security *sec = tufi_alloc_zero(sizeof(*sec));
    if (sec == NULL)
        return NULL;
    sec->refs = 1;
    json_error_t error;
    if (json.len > 0)
        sec->object = json_loadb((const char *)json.data, json.len, 0, &error);
    if (!json_is_object(sec->object)) {
        /* What cannot be read must not open a database to everybody. */
        sec->is_default = true;
        return sec;
    }
    const char *members = json_object_get(sec->object, "members") != NULL ? "members" : "readers";
    sec->admin_names = list_of(sec->object, "admins", "names");
    sec->admin_roles = list_of(sec->object, "admins", "roles");
    sec->member_names = list_of(sec->object, members, "names");
    sec->member_roles = list_of(sec->object, members, "roles");
    sec->is_public = json_array_size(sec->member_names) == 0 &&
                     json_array_size(sec->member_roles) == 0;
    return sec;
}

struct security *security_ref(struct security *sec)
{
    sec->refs++;
    return sec;
}

void security_unref(struct security **sec)
{
    struct security *last = *sec;
    *sec = NULL;
    if (last == NULL || --last->refs > 0)
        return;
    json_decref(last->object);
    tufi_free(last);
}

static bool list_has(const json_t *list, tuf_slice text)
{
    if (text.data == NULL)
        return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *item = json_array_get(list, i);
        if (json_is_string(item) &&
            slice_equal(tuf_slice_of(json_string_value(item), json_string_length(item)), text))
            return true;
    }
    return false;
}

static bool lists_have(const json_t *names, const json_t *roles, const struct user_ctx *user)
{
    if (list_has(names, user->name))
        return true;
    for (size_t i = 0; i < user->role_count; i++) {
        if (list_has(roles, user->roles[i]))
            return true;
    }
    return false;
}

bool security_is_admin(const struct security *sec, const struct user_ctx *user)
{
    return user->is_server_admin ||
           (!sec->is_default && lists_have(sec->admin_names, sec->admin_roles, user));
}

bool security_is_public(const struct security *sec)
{
    return !sec->is_default && sec->is_public;
}

bool security_is_member(const struct security *sec, const struct user_ctx *user)
{
    if (security_is_admin(sec, user))
        return true;
    if (sec->is_default)
        return false;
    return sec->is_public || lists_have(sec->member_names, sec->member_roles, user);
}
