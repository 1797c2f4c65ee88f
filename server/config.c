/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the configuration in memory. See server/config.h.
 *
 * Lock: `lock` guards the entries; `write_lock` orders writers of the file and is taken first.
 */
#include "server/config.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/bytes.h"
#include "server/config_keys.h"
#include "server/ini.h"
#include "server/params.h"

#define FILE_SIZE_MAX ((size_t)4 << 20)
#define PATH_SIZE 4096

struct entry {
    char *section; /* owned, as the next two */
    char *key;
    char *value;
};

struct entries {
    struct entry *items; /* sorted by section, then key */
    size_t count, room;
};

struct config {
    pthread_rwlock_t lock;
    pthread_mutex_t write_lock;
    struct entries entries;
    struct entries pinned; /* of config_pin; write_lock */
    struct settings settings;
    char **paths;        /* owned */
    size_t path_count;
    char *local_path;    /* owned */
    config_listener *listener; /* write_lock */
    void *listener_ctx;
};

/* ---- entries ----------------------------------------------------------------------------- */

static int compare(const struct entry *entry, const char *section, const char *key)
{
    int order = strcmp(entry->section, section);
    return order != 0 ? order : strcmp(entry->key, key);
}

/* Position of a key, or where it would stand. */
static bool find(size_t *pos_out, const struct entries *entries, const char *section,
                 const char *key)
{
    size_t low = 0, high = entries->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(&entries->items[middle], section, key);
        if (order == 0) {
            *pos_out = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *pos_out = low;
    return false;
}

static void entry_free(struct entry *entry)
{
    tufi_free(entry->section);
    tufi_free(entry->key);
    tufi_free(entry->value);
}

static void entries_release(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        entry_free(&entries->items[i]);
    tufi_free(entries->items);
    *entries = (struct entries){ 0 };
}

static bool entries_remove(struct entries *entries, const char *section, const char *key)
{
    size_t pos;
    if (!find(&pos, entries, section, key))
        return false;
    entry_free(&entries->items[pos]);
    entries->count--;
    memmove(&entries->items[pos], &entries->items[pos + 1],
            (entries->count - pos) * sizeof(entries->items[0]));
    return true;
}

static tuf_status entries_set(struct entries *entries, const char *section, const char *key,
                              tuf_slice value)
{
    size_t pos;
    struct entry added = { NULL, NULL, tufi_strdup(value) };
    if (added.value == NULL)
        return tufi_nomem();
    if (find(&pos, entries, section, key)) {
        /* Found, so there are items. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        tufi_free(entries->items[pos].value);
        entries->items[pos].value = added.value;
        return TUF_OK;
    }
    if (entries->count == entries->room) {
        size_t room = entries->room == 0 ? 32 : entries->room * 2;
        struct entry *items = tufi_realloc(entries->items, room * sizeof(*items));
        if (items != NULL) {
            entries->items = items;
            entries->room = room;
        }
    }
    added.section = tufi_strdup(tuf_str(section));
    added.key = tufi_strdup(tuf_str(key));
    if (entries->count == entries->room || added.section == NULL || added.key == NULL) {
        entry_free(&added);
        return tufi_nomem();
    }
    memmove(&entries->items[pos + 1], &entries->items[pos],
            (entries->count - pos) * sizeof(entries->items[0]));
    entries->items[pos] = added;
    entries->count++;
    return TUF_OK;
}

/* ---- files ------------------------------------------------------------------------------- */

static tuf_status read_file(struct buf *out, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? TUF_NOT_FOUND : tufi_fail_errno(errno, "cannot read %s", path);
    ssize_t got = 1;
    while (got > 0 && out->len < FILE_SIZE_MAX && tufi_buf_reserve(out, 4096)) {
        got = read(fd, out->data + out->len, 4096);
        if (got > 0)
            out->len += (size_t)got;
    }
    int failed = got < 0 ? errno : 0;
    close(fd);
    if (failed != 0)
        return tufi_fail_errno(failed, "cannot read %s", path);
    return buf_status(out);
}

static tuf_status load_value(tuf_slice section, tuf_slice key, tuf_slice value, void *ctx)
{
    struct entries *entries = ctx;
    char section_text[256];
    char key_text[256];
    if (section.len >= sizeof(section_text) || key.len >= sizeof(key_text))
        return tufi_fail(TUF_E_INVALID, "a section or key is longer than 255 bytes");
    snprintf(section_text, sizeof(section_text), "%.*s", (int)section.len,
             (const char *)section.data);
    snprintf(key_text, sizeof(key_text), "%.*s", (int)key.len, (const char *)key.data);
    if (value.len == 0) {
        entries_remove(entries, section_text, key_text);
        return TUF_OK;
    }
    tuf_status st = config_check_value(section_text, key_text, value);
    return st == TUF_OK ? entries_set(entries, section_text, key_text, value) : st;
}

static tuf_status load_file(struct entries *entries, const char *path)
{
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    tuf_status st = read_file(&text, path);
    if (st == TUF_OK)
        st = ini_read(buf_slice(&text), load_value, entries);
    if (st != TUF_E_INVALID)
        return st;
    char why[320];
    snprintf(why, sizeof(why), "%s", tuf_last_error()->text);
    return tufi_fail(TUF_E_INVALID, "%s: %s", path, why);
}

static tuf_status load_directory(struct entries *entries, const char *dir)
{
    char pattern[PATH_SIZE];
    glob_t found = { 0 };
    int len = snprintf(pattern, sizeof(pattern), "%s/*.ini", dir);
    if (len < 0 || len >= (int)sizeof(pattern))
        return tufi_fail(TUF_E_LIMIT, "the path of a directory is too long");
    /* Sorted by name; one without any file is fine. */
    int result = glob(pattern, GLOB_ERR, NULL, &found);
    tuf_status st = result == 0 || result == GLOB_NOMATCH
                        ? TUF_OK : tufi_fail_errno(errno, "cannot read %s", dir);
    for (size_t i = 0; i < found.gl_pathc && st == TUF_OK; i++)
        st = load_file(entries, found.gl_pathv[i]);
    globfree(&found);
    return st;
}

/* A file, or a directory of them. Returns also TUF_NOT_FOUND. */
static tuf_status load_path(struct entries *entries, const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return load_directory(entries, path);
    return load_file(entries, path);
}

static tuf_status apply_pinned(struct entries *entries, const struct entries *pinned)
{
    tuf_status st = TUF_OK;
    for (size_t i = 0; i < pinned->count && st == TUF_OK; i++) {
        const struct entry *pin = &pinned->items[i];
        st = entries_set(entries, pin->section, pin->key, tuf_str(pin->value));
    }
    return st;
}

static tuf_status load_chain(struct entries *out, const struct config *config)
{
    struct entries entries = { 0 };
    tuf_status st = TUF_OK;
    for (size_t i = 0; i < config->path_count && st == TUF_OK; i++) {
        st = load_path(&entries, config->paths[i]);
        if (st == TUF_NOT_FOUND)
            st = tufi_fail(TUF_E_IO, "there is no configuration file %s", config->paths[i]);
    }
    if (st == TUF_OK) {
        st = load_file(&entries, config->local_path);
        if (st == TUF_NOT_FOUND)
            st = TUF_OK;
    }
    if (st == TUF_OK)
        st = apply_pinned(&entries, &config->pinned);
    if (st != TUF_OK)
        entries_release(&entries);
    else
        *out = entries;
    return st;
}

static tuf_status write_all(int fd, tuf_slice text)
{
    while (text.len > 0) {
        ssize_t done = write(fd, text.data, text.len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return tufi_fail_errno(errno, "cannot write the configuration");
        text = tuf_slice_of(text.data + done, text.len - (size_t)done);
    }
    return fsync(fd) == 0 ? TUF_OK : tufi_fail_errno(errno, "cannot sync the configuration");
}

static void sync_parent(const char *path)
{
    char dir[PATH_SIZE];
    snprintf(dir, sizeof(dir), "%s", path);
    char *slash = strrchr(dir, '/');
    if (slash == NULL)
        return;
    slash[slash == dir] = 0;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

/* Replaces the local file by a text (INV-CFG-2). */
static tuf_status write_local(const struct config *config, tuf_slice text)
{
    char temporary[PATH_SIZE];
    int len = snprintf(temporary, sizeof(temporary), "%s.new", config->local_path);
    if (len < 0 || len >= (int)sizeof(temporary))
        return tufi_fail(TUF_E_LIMIT, "the path of the configuration is too long");
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return tufi_fail_errno(errno, "cannot write %s", temporary);
    tuf_status st = write_all(fd, text);
    close(fd);
    if (st == TUF_OK && rename(temporary, config->local_path) != 0)
        st = tufi_fail_errno(errno, "cannot replace %s", config->local_path);
    if (st != TUF_OK)
        unlink(temporary);
    else
        sync_parent(config->local_path);
    return st;
}

static tuf_status persist_change(const struct config *config, const char *section,
                                 const char *key, tuf_slice value)
{
    TUF_AUTO(tufi_buf_release) struct buf before = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf after = BUF_INIT;
    tuf_status st = read_file(&before, config->local_path);
    if (st != TUF_OK && st != TUF_NOT_FOUND)
        return st;
    ini_change(&after, buf_slice(&before), section, key, value);
    if (after.failed)
        return tufi_nomem();
    return write_local(config, buf_slice(&after));
}

/* ---- reading ----------------------------------------------------------------------------- */

bool config_get_exact(struct buf *out, struct config *config, const char *section,
                      const char *key)
{
    size_t pos;
    pthread_rwlock_rdlock(&config->lock);
    bool found = find(&pos, &config->entries, section, key);
    if (found)
        buf_append_str(out, config->entries.items[pos].value);
    pthread_rwlock_unlock(&config->lock);
    return found;
}

/* The section that once held the keys of another. */
static const char *older_section(const char *section)
{
    if (strcmp(section, "chttpd") == 0)
        return "httpd";
    return strcmp(section, "chttpd_auth") == 0 ? "couch_httpd_auth" : NULL;
}

/* The value in the section or the older one, NULL if it is not set. With the lock held. */
static const char *peek(const struct config *config, const char *section, const char *key)
{
    size_t pos;
    const char *older = older_section(section);
    if (find(&pos, &config->entries, section, key) ||
        (older != NULL && find(&pos, &config->entries, older, key)))
        return config->entries.items[pos].value;
    return NULL;
}

bool config_get(struct buf *out, struct config *config, const char *section, const char *key)
{
    pthread_rwlock_rdlock(&config->lock);
    const char *value = peek(config, section, key);
    if (value != NULL)
        buf_append_str(out, value);
    pthread_rwlock_unlock(&config->lock);
    return value != NULL;
}

bool config_bool(struct config *config, const char *section, const char *key, bool fallback)
{
    bool result = fallback;
    pthread_rwlock_rdlock(&config->lock);
    const char *value = peek(config, section, key);
    if (value != NULL && strcmp(value, fallback ? "false" : "true") == 0)
        result = !fallback;
    pthread_rwlock_unlock(&config->lock);
    return result;
}

bool config_is(struct config *config, const char *section, const char *key, const char *text)
{
    pthread_rwlock_rdlock(&config->lock);
    const char *value = peek(config, section, key);
    bool same = value != NULL && strcmp(value, text) == 0;
    pthread_rwlock_unlock(&config->lock);
    return same;
}

uint64_t config_uint(struct config *config, const char *section, const char *key,
                     uint64_t fallback)
{
    uint64_t number = fallback;
    pthread_rwlock_rdlock(&config->lock);
    const char *value = peek(config, section, key);
    if (value != NULL && strcmp(value, "infinity") == 0)
        number = UINT64_MAX;
    else if (value != NULL && !parse_uint(&number, tuf_str(value)))
        number = fallback;
    pthread_rwlock_unlock(&config->lock);
    return number;
}

void config_visit(struct config *config, const char *section, config_visitor *visitor, void *ctx)
{
    pthread_rwlock_rdlock(&config->lock);
    for (size_t i = 0; i < config->entries.count; i++) {
        const struct entry *entry = &config->entries.items[i];
        if (section == NULL || strcmp(entry->section, section) == 0)
            visitor(entry->section, entry->key, entry->value, ctx);
    }
    pthread_rwlock_unlock(&config->lock);
}

static void count_entry(const char *section, const char *key, const char *value, void *ctx)
{
    (void)section;
    (void)key;
    (void)value;
    ++*(size_t *)ctx;
}

static bool has_any(struct config *config, const char *section)
{
    size_t count = 0;
    config_visit(config, section, count_entry, &count);
    return count > 0;
}

bool config_has_admin(struct config *config)
{
    return has_any(config, "admins");
}

const struct settings *config_settings(const struct config *config)
{
    return &config->settings;
}

static uint64_t or_none(uint64_t value)
{
    return value == UINT64_MAX ? 0 : value;
}

/* CouchDB's is a list of Erlang pairs, "{chttpd_auth, cookie_authentication_handler}, ...", of which
 * the word before "_authentication_handler" counts; a plain list of such words will do. */
static unsigned auth_handlers_in(const char *at)
{
    static const struct { const char *name; unsigned bit; } names[] = {
        { "cookie", AUTH_COOKIE }, { "default", AUTH_BASIC }, { "proxy", AUTH_PROXY },
        { "jwt", AUTH_JWT },
    };
    unsigned handlers = 0;
    while (*at != 0) {
        size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            size_t name_len = strlen(names[i].name);
            if (len >= name_len && strncmp(at, names[i].name, name_len) == 0 &&
                (len == name_len || at[name_len] == '_'))
                handlers |= names[i].bit;
        }
        at += len > 0 ? len : 1;
    }
    return handlers;
}

/* What is no number or truth: parsed where it lies. */
static void refresh_texts(struct config *config)
{
    struct settings *s = &config->settings;
    pthread_rwlock_rdlock(&config->lock);
    const char *handlers = peek(config, "chttpd", "authentication_handlers");
    const char *security = peek(config, "couchdb", "default_security");
    s->auth_handlers = handlers != NULL ? auth_handlers_in(handlers) : AUTH_COOKIE | AUTH_BASIC;
    s->public_dbs = security != NULL && strcmp(security, "everyone") == 0;
    s->has_allowed_hosts = peek(config, "chttpd", "allowed_hosts") != NULL;
    s->has_peer_header = peek(config, "chttpd", "peer_header") != NULL;
    pthread_rwlock_unlock(&config->lock);
}

/* A time-out of the connections: a day is for ever. */
static uint64_t milliseconds(struct config *config, const char *key, uint64_t fallback)
{
    return min_u64(config_uint(config, "chttpd", key, fallback), 86400000);
}

/* Needs no memory: a setting never falls back to its default because there is none. */
static void refresh_settings(struct config *config)
{
    struct settings *s = &config->settings;
    s->document_size_max = or_none(config_uint(config, "couchdb", "max_document_size", 8000000));
    s->attachment_size_max =
        or_none(config_uint(config, "couchdb", "max_attachment_size", 1073741824));
    s->request_size_max = config_uint(config, "chttpd", "max_http_request_size", 4294967296);
    s->uri_size_max = config_uint(config, "chttpd", "max_uri_length", UINT64_MAX);
    s->docid_size_max = or_none(config_uint(config, "couchdb", "max_document_id_length", 0));
    s->changes_timeout_ms = config_uint(config, "chttpd", "changes_timeout", 60000);
    s->connections_max = config_uint(config, "chttpd", "max_connections", UINT64_MAX);
    s->client_max = config_uint(config, "chttpd", "max_connections_per_client", UINT64_MAX);
    s->body_memory_max = config_uint(config, "chttpd", "max_body_memory", 268435456);
    s->head_timeout_ms = milliseconds(config, "head_timeout", 15000);
    s->body_timeout_ms = milliseconds(config, "body_timeout", 30000);
    s->idle_timeout_ms = milliseconds(config, "idle_timeout", 60000);
    s->write_timeout_ms = milliseconds(config, "write_timeout", 60000);
    s->session_timeout_s = config_uint(config, "chttpd_auth", "timeout", 600);
    s->dbs_info_max = config_uint(config, "chttpd", "max_db_number_for_dbs_info_req", 100);
    s->uuids_max = config_uint(config, "uuids", "max_count", 1000);
    s->require_valid_user = config_bool(config, "chttpd", "require_valid_user", false);
    s->require_valid_user_except_up =
        config_bool(config, "chttpd", "require_valid_user_except_for_up", false);
    s->require_valid_user = s->require_valid_user || s->require_valid_user_except_up;
    s->admin_only_all_dbs = config_bool(config, "chttpd", "admin_only_all_dbs", true);
    s->enable_cors = config_bool(config, "chttpd", "enable_cors", false);
    s->decode_plus = config_bool(config, "chttpd", "decode_plus_to_space", true);
    s->verify_content_md5 = config_bool(config, "attachments", "verify_content_md5", false);
    s->server_versions = config_bool(config, "chttpd", "server_header_versions", true);
    s->xframe_options = config_bool(config, "chttpd", "enable_xframe_options", false);
    s->has_vhosts = has_any(config, "vhosts");
    refresh_texts(config);
}

static void tell_change(struct config *config)
{
    refresh_settings(config);
    if (config->listener != NULL)
        config->listener(config, config->listener_ctx);
}

void config_set_listener(struct config *config, config_listener *listener, void *ctx)
{
    pthread_mutex_lock(&config->write_lock);
    config->listener = listener;
    config->listener_ctx = ctx;
    if (listener != NULL)
        listener(config, ctx);
    pthread_mutex_unlock(&config->write_lock);
}

/* ---- changing ---------------------------------------------------------------------------- */

tuf_status config_set(struct buf *old, struct config *config, const char *section,
                      const char *key, tuf_slice value, bool persist)
{
    if (!ini_key_ok(section, key) || !ini_value_ok(value))
        return tufi_fail_kind(TUF_E_INVALID, "bad_request", "invalid section, key or value");
    tuf_status form = config_check_value(section, key, value);
    if (form != TUF_OK)
        return form;
    pthread_mutex_lock(&config->write_lock);
    if (old != NULL)
        config_get_exact(old, config, section, key);
    tuf_status st = persist ? persist_change(config, section, key, value) : TUF_OK;
    if (st == TUF_OK) {
        pthread_rwlock_wrlock(&config->lock);
        st = entries_set(&config->entries, section, key, value);
        pthread_rwlock_unlock(&config->lock);
        tell_change(config);
    }
    pthread_mutex_unlock(&config->write_lock);
    return st;
}

tuf_status config_pin(struct config *config, const char *section, const char *key,
                      tuf_slice value)
{
    pthread_mutex_lock(&config->write_lock);
    tuf_status st = entries_set(&config->pinned, section, key, value);
    pthread_mutex_unlock(&config->write_lock);
    return st == TUF_OK ? config_set(NULL, config, section, key, value, false) : st;
}

tuf_status config_remove(struct buf *old, struct config *config, const char *section,
                         const char *key, bool persist)
{
    TUF_AUTO(tufi_buf_release) struct buf ignored = BUF_INIT;
    if (!ini_key_ok(section, key))
        return TUF_NOT_FOUND;
    pthread_mutex_lock(&config->write_lock);
    tuf_status st = TUF_OK;
    if (!config_get_exact(old != NULL ? old : &ignored, config, section, key))
        st = TUF_NOT_FOUND;
    else if (persist)
        st = persist_change(config, section, key, tuf_str(""));
    if (st == TUF_OK) {
        pthread_rwlock_wrlock(&config->lock);
        entries_remove(&config->entries, section, key);
        pthread_rwlock_unlock(&config->lock);
        tell_change(config);
    }
    pthread_mutex_unlock(&config->write_lock);
    return st;
}

tuf_status config_reload(struct config *config)
{
    struct entries entries = { 0 };
    pthread_mutex_lock(&config->write_lock);
    tuf_status st = load_chain(&entries, config);
    if (st == TUF_OK) {
        pthread_rwlock_wrlock(&config->lock);
        struct entries old = config->entries;
        config->entries = entries;
        pthread_rwlock_unlock(&config->lock);
        entries_release(&old);
        tell_change(config);
    }
    pthread_mutex_unlock(&config->write_lock);
    return st;
}

/* ---- life -------------------------------------------------------------------------------- */

static bool copy_paths(struct config *config, const char *const *paths, size_t path_count,
                       const char *local_path)
{
    config->local_path = tufi_strdup(tuf_str(local_path));
    config->paths = tufi_alloc_array(path_count + 1, sizeof(*config->paths));
    if (config->local_path == NULL || config->paths == NULL)
        return false;
    for (size_t i = 0; i < path_count; i++) {
        config->paths[i] = tufi_strdup(tuf_str(paths[i]));
        if (config->paths[i] == NULL)
            return false;
        config->path_count++;
    }
    return true;
}

tuf_status config_new(struct config **out, const char *const *paths, size_t path_count,
                      const char *local_path)
{
    struct config *config = tufi_alloc_zero(sizeof(*config));
    if (config == NULL)
        return tufi_nomem();
    pthread_rwlock_init(&config->lock, NULL);
    pthread_mutex_init(&config->write_lock, NULL);
    tuf_status st = copy_paths(config, paths, path_count, local_path) ? TUF_OK : tufi_nomem();
    if (st == TUF_OK)
        st = config_reload(config);
    if (st != TUF_OK) {
        config_free(&config);
        return st;
    }
    *out = config;
    return TUF_OK;
}

void config_free(struct config **config)
{
    if (*config == NULL)
        return;
    entries_release(&(*config)->entries);
    entries_release(&(*config)->pinned);
    for (size_t i = 0; i < (*config)->path_count; i++)
        tufi_free((*config)->paths[i]);
    tufi_free((*config)->paths);
    tufi_free((*config)->local_path);
    pthread_mutex_destroy(&(*config)->write_lock);
    pthread_rwlock_destroy(&(*config)->lock);
    tufi_free(*config);
    *config = NULL;
}
