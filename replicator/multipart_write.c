/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the writer's pieces of multipart bodies, and the parameters of header values.
 *
 * Source: RFC 2046 section 5.1, RFC 9110 section 5.6.6.
 */
#include <openssl/rand.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "replicator/multipart.h"

/* Reads a token or a quoted string at *pos and appends it. False if the quote never closes. */
static bool read_value(struct buf *out, tuf_slice value, size_t *pos)
{
    if (*pos < value.len && value.data[*pos] == '"') {
        for (size_t i = *pos + 1; i < value.len; i++) {
            uint8_t c = value.data[i];
            if (c == '"') {
                *pos = i + 1;
                return true;
            }
            if (c == '\\' && i + 1 < value.len)
                c = value.data[++i];
            if (out != NULL)
                buf_append_u8(out, c);
        }
        return false;
    }
    size_t start = *pos;
    while (*pos < value.len && value.data[*pos] != ';' && value.data[*pos] != ' ' &&
           value.data[*pos] != '\t')
        (*pos)++;
    if (out != NULL)
        tufi_buf_append(out, value.data + start, *pos - start);
    return true;
}

static void skip_blanks(tuf_slice value, size_t *pos)
{
    while (*pos < value.len && (value.data[*pos] == ' ' || value.data[*pos] == '\t'))
        (*pos)++;
}

bool header_param(struct buf *out, tuf_slice value, const char *name)
{
    size_t name_len = strlen(name);
    const uint8_t *semicolon = memchr(value.data, ';', value.len);
    if (value.len == 0 || semicolon == NULL)
        return false;
    size_t pos = (size_t)(semicolon - value.data);
    while (pos < value.len && value.data[pos] == ';') {
        pos++;
        skip_blanks(value, &pos);
        size_t start = pos;
        while (pos < value.len && value.data[pos] != '=' && value.data[pos] != ';')
            pos++;
        if (pos == value.len || value.data[pos] == ';')
            continue;
        bool wanted = pos - start == name_len &&
                      strncasecmp((const char *)value.data + start, name, name_len) == 0;
        pos++;
        if (!read_value(wanted ? out : NULL, value, &pos))
            return false;
        if (wanted)
            return true;
        skip_blanks(value, &pos);
    }
    return false;
}

void multipart_make_boundary(char out[BOUNDARY_SIZE])
{
    uint8_t bytes[(BOUNDARY_SIZE - 1) / 2];
    /* A boundary only has to be absent from the parts: a weak one is no weakness. */
    if (RAND_bytes(bytes, (int)sizeof(bytes)) != 1)
        memset(bytes, 0x5a, sizeof(bytes));
    tufi_hex_encode(out, bytes, sizeof(bytes));
    out[BOUNDARY_SIZE - 1] = 0;
}

void multipart_open_part(struct buf *out, const char *boundary, bool first)
{
    buf_append_str(out, first ? "--" : "\r\n--");
    buf_append_str(out, boundary);
    buf_append_str(out, "\r\n");
}

void multipart_header(struct buf *out, const char *name, tuf_slice value)
{
    buf_append_str(out, name);
    buf_append_str(out, ": ");
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        buf_append_u8(out, c == '\r' || c == '\n' || c == 0 ? ' ' : c);
    }
    buf_append_str(out, "\r\n");
}

void multipart_head_end(struct buf *out)
{
    buf_append_str(out, "\r\n");
}

void multipart_close(struct buf *out, const char *boundary)
{
    buf_append_str(out, "\r\n--");
    buf_append_str(out, boundary);
    buf_append_str(out, "--");
}
