/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/redact.h.
 */
#include "replicator/redact.h"

#include <string.h>

#define MASK "*****"

/* Replaces every occurrence of `what` by a text that is not longer. */
static void replace_all(char *text, const char *what, size_t what_len, const char *by)
{
    size_t by_len = strlen(by);
    char *place = text;
    if (what_len == 0 || by_len > what_len)
        return;
    while ((place = memmem(place, strlen(place), what, what_len)) != NULL) {
        /* The end moves, too. NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
        memcpy(place, by, by_len);
        memmove(place + by_len, place + what_len, strlen(place + what_len) + 1);
        place += by_len;
    }
}

static void mask(char *text, const char *secret, size_t len)
{
    /* A shorter mask for a shorter secret: the text must not grow. */
    if (len >= REDACT_SIZE_MIN)
        replace_all(text, secret, len, len >= sizeof(MASK) - 1 ? MASK : "****");
}

/* "Name: value" and, of an Authorization, what stands behind its scheme. */
static void mask_header(char *text, const char *line)
{
    const char *value = strchr(line, ':');
    if (value == NULL)
        return;
    do
        value++;
    while (*value == ' ');
    const char *token = strchr(value, ' ');
    mask(text, value, strlen(value));
    if (token != NULL)
        mask(text, token + 1, strlen(token + 1));
}

static void mask_userinfo(char *text, const char *url)
{
    const char *start = strstr(url, "://");
    const char *end = start != NULL ? strrchr(start, '@') : NULL;
    const char *colon = end != NULL ? memchr(start + 3, ':', (size_t)(end - start - 3)) : NULL;
    if (colon != NULL)
        mask(text, colon + 1, (size_t)(end - colon - 1));
}

void repl_redact(char *text, const struct endpoint *ep)
{
    if (ep->basic != NULL)
        mask_header(text, ep->basic);
    for (const struct curl_slist *line = ep->headers; line != NULL; line = line->next)
        mask_header(text, line->data);
    if (ep->proxy != NULL)
        mask_userinfo(text, ep->proxy);
    /* Last: it may be part of the others. */
    if (ep->password != NULL)
        mask(text, ep->password, strlen(ep->password));
}
