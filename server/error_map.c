/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: turns a tuf_status and its detail into CouchDB's HTTP status, error and reason.
 *
 * Invariants: every status has an answer, checked by a test over the whole enum; E_INVALID and
 * E_LIMIT are told apart by the kind of their detail, whose text is the reason.
 * Source: CouchDB's chttpd:error_info.
 */
#include "server/error_map.h"

#include "base/fail.h"

struct kind_row {
    const char *kind;
    int status;
    const char *error;
};

/* Kinds of a failure's detail that carry their own HTTP status. */
static const struct kind_row kind_table[] = {
    { "bad_request", 400, "bad_request" },
    { "query_parse_error", 400, "query_parse_error" },
    { "doc_validation", 400, "doc_validation" },
    { "illegal_docid", 400, "illegal_docid" },
    { "illegal_partition", 400, "illegal_partition" },
    { "illegal_database_name", 400, "illegal_database_name" },
    { "database_name_too_long", 400, "database_name_too_long" },
    { "invalid_design_doc", 400, "invalid_design_doc" },
    { "unauthorized", 401, "unauthorized" },
    { "forbidden", 403, "forbidden" },
    { "not_found", 404, "not_found" },
    { "conflict", 409, "conflict" },
    { "missing_stub", 412, "missing_stub" },
    { "document_too_large", 413, "document_too_large" },
    { "attachment_too_large", 413, "attachment_too_large" },
    { "too_large", 413, "too_large" },
    { "bad_content_type", 415, "bad_content_type" },
};

static void set(struct http_error *out, int status, const char *error, const char *reason)
{
    out->status = status;
    out->error = error;
    out->reason = reason;
}

static bool map_kind(struct http_error *out, const tuf_error *detail)
{
    for (size_t i = 0; i < sizeof(kind_table) / sizeof(kind_table[0]); i++) {
        if (strcmp(kind_table[i].kind, detail->kind) == 0) {
            set(out, kind_table[i].status, kind_table[i].error, detail->text);
            return true;
        }
    }
    return false;
}

static void map_plain(struct http_error *out, tuf_status status, const char *text)
{
    switch (status) {
    case TUF_OK:
    case TUF_END:
        set(out, 500, "internal_server_error", "a success was reported as an error");
        return;
    case TUF_NOT_FOUND:
        set(out, 404, "not_found", "missing");
        return;
    case TUF_DELETED:
        set(out, 404, "not_found", "deleted");
        return;
    case TUF_CONFLICT:
        set(out, 409, "conflict", "Document update conflict.");
        return;
    case TUF_EXISTS:
        set(out, 412, "file_exists",
            "The database could not be created, the file already exists.");
        return;
    case TUF_STOPPED:
        set(out, 500, "timeout",
            "The request could not be processed in a reasonable amount of time.");
        return;
    case TUF_MISSING_STUB:
        set(out, 412, "missing_stub", text);
        return;
    case TUF_E_FULL:
        set(out, 507, "insufficient_storage", "database_dir is too full");
        return;
    case TUF_E_INVALID:
        set(out, 400, "bad_request", text);
        return;
    case TUF_E_LIMIT:
        set(out, 413, "too_large", "the request entity is too large");
        return;
    case TUF_E_UNSUPPORTED:
        set(out, 501, "not_implemented", "this feature is not yet implemented");
        return;
    case TUF_E_NOMEM:
        set(out, 503, "service_unavailable", "out of memory");
        return;
    case TUF_E_LOCKED:
        set(out, 503, "service_unavailable", "the database is in use by another process");
        return;
    case TUF_E_READONLY:
        set(out, 403, "forbidden", "the database is read-only");
        return;
    case TUF_E_IO:
    case TUF_E_CORRUPT:
    case TUF_E_VERSION:
    case TUF_E_MISUSE:
    case TUF_E_POISONED:
    case TUF_E_INTERNAL:
        break;
    }
    set(out, 500, "internal_server_error", text);
}

void error_map(struct http_error *out, tuf_status status, const tuf_error *detail)
{
    bool has_detail = detail != NULL && detail->status == status &&
                      (detail->text[0] != 0 || detail->kind[0] != 0);
    if (has_detail && detail->kind[0] != 0 && map_kind(out, detail))
        return;
    map_plain(out, status, has_detail ? detail->text : tuf_status_text(status));
}

const char *http_reason(int status)
{
    switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Moved Temporarily";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Object Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 412: return "Precondition Failed";
    case 413: return "Request Entity Too Large";
    case 414: return "Request-URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Requested Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
    }
}
