/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: makes the TLS side of connections. See server/tls.h.
 *
 * Lock: `lock` guards the pointer to the current set; each connection holds a reference to the
 * context it was made of.
 */
#include "server/tls.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/slice.h"
#include "server/config.h"
#include "server/log.h"

#define HOSTS_MAX 32
#define SECTION_SIZE 300

/* A certificate for one name; the first of a set is everybody's. */
struct certificate {
    char host[256];
    SSL_CTX *ctx;
};

struct tls {
    pthread_mutex_t lock;
    struct certificate certs[HOSTS_MAX];
    size_t count;
};

/* ---- one context ------------------------------------------------------------------------- */

static tuf_status fail_ssl(const char *what, const char *file)
{
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof(text));
    ERR_clear_error();
    return tufi_fail(TUF_E_INVALID, "%s %s: %s", what, file, text);
}

/* The value with its NUL, NULL if there is none. */
static const char *setting(struct buf *out, struct config *config, const char *section,
                           const char *key)
{
    tufi_buf_clear(out);
    if (!config_get_exact(out, config, section, key))
        return NULL;
    buf_append_u8(out, 0);
    return out->failed ? NULL : (const char *)out->data;
}

static void warn_readable(const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0 && (info.st_mode & (S_IROTH | S_IWOTH)) != 0)
        log_line(LOG_WARNING, "everybody on this machine can read the key %s", path);
}

static tuf_status load_files(SSL_CTX *ctx, struct config *config, const char *section)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    const char *path = setting(&value, config, section, "cert_file");
    if (path == NULL)
        return tufi_fail(TUF_E_INVALID, "[%s] has no cert_file", section);
    if (SSL_CTX_use_certificate_chain_file(ctx, path) != 1)
        return fail_ssl("cannot use the certificate", path);
    path = setting(&value, config, section, "key_file");
    if (path == NULL)
        return tufi_fail(TUF_E_INVALID, "[%s] has no key_file", section);
    if (SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ctx) != 1)
        return fail_ssl("cannot use the key", path);
    warn_readable(path);
    return TUF_OK;
}

/* Clients' certificates, signed by one of [ssl] cacert_file. Who shows none is let in unless
 * fail_if_no_peer_cert; who shows another one is not. */
static tuf_status verify_clients(SSL_CTX *ctx, struct config *config)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    if (!config_bool(config, "ssl", "verify_ssl_certificates", false))
        return TUF_OK;
    const char *path = setting(&value, config, "ssl", "cacert_file");
    if (path == NULL)
        return tufi_fail(TUF_E_INVALID, "[ssl] verify_ssl_certificates needs a cacert_file");
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);
    if (names == NULL || SSL_CTX_load_verify_file(ctx, path) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return fail_ssl("cannot use the certificates", path);
    }
    SSL_CTX_set_client_CA_list(ctx, names);
    bool must = config_bool(config, "ssl", "fail_if_no_peer_cert", false);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (must ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    SSL_CTX_set_verify_depth(
        ctx, (int)min_u64(config_uint(config, "ssl", "ssl_certificate_max_depth", 1), 100));
    /* A resumed session is one of ours. */
    static const uint8_t id[] = "tuffetd";
    SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1);
    return TUF_OK;
}

static tuf_status configure(SSL_CTX *ctx, struct config *config, const char *section)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    const char *version = setting(&value, config, "ssl", "min_version");
    bool newest = version != NULL && strcasecmp(version, "tlsv1.3") == 0;
    SSL_CTX_set_min_proto_version(ctx, newest ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    const char *ciphers = setting(&value, config, "ssl", "ciphers");
    if (ciphers != NULL && SSL_CTX_set_cipher_list(ctx, ciphers) != 1)
        return fail_ssl("cannot use", "[ssl] ciphers");
    tuf_status st = verify_clients(ctx, config);
    return st == TUF_OK ? load_files(ctx, config, section) : st;
}

static tuf_status add_certificate(struct tls *set, struct config *config, const char *section)
{
    if (set->count == HOSTS_MAX)
        return tufi_fail(TUF_E_INVALID, "more than %d sections [ssl:HOST]", HOSTS_MAX - 1);
    struct certificate *cert = &set->certs[set->count];
    const char *colon = strchr(section, ':');
    snprintf(cert->host, sizeof(cert->host), "%s", colon != NULL ? colon + 1 : "");
    cert->ctx = SSL_CTX_new(TLS_server_method());
    if (cert->ctx == NULL)
        return tufi_nomem();
    set->count++;
    return configure(cert->ctx, config, section);
}

/* ---- the set ----------------------------------------------------------------------------- */

static void release_set(struct tls *set)
{
    for (size_t i = 0; i < set->count; i++)
        SSL_CTX_free(set->certs[i].ctx);
    set->count = 0;
}

struct sections {
    char names[HOSTS_MAX][SECTION_SIZE];
    size_t count;
};

static void see_section(const char *section, const char *key, const char *value, void *ctx)
{
    struct sections *found = ctx;
    (void)key;
    (void)value;
    if (strncmp(section, "ssl:", 4) != 0 || found->count == HOSTS_MAX ||
        (found->count > 0 && strcmp(found->names[found->count - 1], section) == 0))
        return;
    snprintf(found->names[found->count++], SECTION_SIZE, "%s", section);
}

static tuf_status load_set(struct tls *set, struct config *config)
{
    struct sections *found = tufi_alloc_zero(sizeof(*found));
    if (found == NULL)
        return tufi_nomem();
    config_visit(config, NULL, see_section, found);
    tuf_status st = add_certificate(set, config, "ssl");
    for (size_t i = 0; i < found->count && st == TUF_OK; i++)
        st = add_certificate(set, config, found->names[i]);
    tufi_free(found);
    return st;
}

/* Takes the context of the name that the client asks for, if there is one. */
static int choose_by_name(SSL *ssl, int *alert, void *arg)
{
    struct tls *tls = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    if (name == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    pthread_mutex_lock(&tls->lock);
    for (size_t i = 1; i < tls->count; i++) {
        if (strcasecmp(tls->certs[i].host, name) == 0)
            SSL_set_SSL_CTX(ssl, tls->certs[i].ctx);
    }
    pthread_mutex_unlock(&tls->lock);
    return SSL_TLSEXT_ERR_OK;
}

tuf_status tls_reload(struct tls *tls, struct config *config)
{
    struct tls *fresh = tufi_alloc_zero(sizeof(*fresh));
    if (fresh == NULL)
        return tufi_nomem();
    tuf_status st = load_set(fresh, config);
    if (st == TUF_OK) {
        for (size_t i = 0; i < fresh->count; i++) {
            SSL_CTX_set_tlsext_servername_callback(fresh->certs[i].ctx, choose_by_name);
            SSL_CTX_set_tlsext_servername_arg(fresh->certs[i].ctx, tls);
        }
        pthread_mutex_lock(&tls->lock);
        struct tls old = { .count = tls->count };
        memcpy(old.certs, tls->certs, sizeof(old.certs));
        memcpy(tls->certs, fresh->certs, sizeof(tls->certs));
        tls->count = fresh->count;
        pthread_mutex_unlock(&tls->lock);
        memcpy(fresh->certs, old.certs, sizeof(fresh->certs));
        fresh->count = old.count;
    }
    release_set(fresh);
    tufi_free(fresh);
    return st;
}

SSL *tls_accept(struct tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    SSL *ssl = SSL_new(tls->certs[0].ctx);
    pthread_mutex_unlock(&tls->lock);
    return ssl;
}

/* ---- life -------------------------------------------------------------------------------- */

tuf_status tls_new(struct tls **out, struct config *config)
{
    struct tls *tls = tufi_alloc_zero(sizeof(*tls));
    if (tls == NULL)
        return tufi_nomem();
    pthread_mutex_init(&tls->lock, NULL);
    tuf_status st = tls_reload(tls, config);
    if (st != TUF_OK)
        tls_free(&tls);
    else
        *out = tls;
    return st;
}

void tls_free(struct tls **tls)
{
    if (*tls == NULL)
        return;
    release_set(*tls);
    pthread_mutex_destroy(&(*tls)->lock);
    tufi_free(*tls);
    *tls = NULL;
}
