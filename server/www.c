/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: puts the files of server/www/ into the program: see server/www.h.
 */
#include "server/www.h"

#include "base/slice.h"

/* The assembler puts a file's bytes between two symbols; it searches the include path. */
#define EMBED(symbol, path)                                                                        \
    __asm__(".section .rodata\n"                                                                   \
            ".hidden " #symbol "\n.hidden " #symbol "_end\n"                                       \
            ".globl " #symbol "\n.globl " #symbol "_end\n" #symbol ":\n"                           \
            ".incbin \"" path "\"\n" #symbol "_end:\n.byte 0\n"                                    \
            ".previous\n");                                                                        \
    extern const uint8_t symbol[] __attribute__((visibility("hidden")));                           \
    extern const uint8_t symbol##_end[] __attribute__((visibility("hidden")))

EMBED(www_index, "server/www/index.html");
EMBED(www_style, "server/www/style.css");
EMBED(www_icon, "server/www/icon.svg");
EMBED(www_favicon, "server/www/favicon.ico");
EMBED(www_app, "server/www/app.js");
EMBED(www_api, "server/www/api.js");
EMBED(www_dom, "server/www/dom.js");
EMBED(www_databases, "server/www/databases.js");
EMBED(www_document, "server/www/document.js");
EMBED(www_replication, "server/www/replication.js");
EMBED(www_config, "server/www/config.js");

static const struct {
    const char *name;
    const uint8_t *start, *end;
} files[] = {
    { "index.html", www_index, www_index_end },
    /* where a browser is sent that must log in */
    { "session.html", www_index, www_index_end },
    { "style.css", www_style, www_style_end },
    { "icon.svg", www_icon, www_icon_end },
    { "favicon.ico", www_favicon, www_favicon_end },
    { "app.js", www_app, www_app_end },
    { "api.js", www_api, www_api_end },
    { "dom.js", www_dom, www_dom_end },
    { "databases.js", www_databases, www_databases_end },
    { "document.js", www_document, www_document_end },
    { "replication.js", www_replication, www_replication_end },
    { "config.js", www_config, www_config_end },
};

static const struct {
    const char *ending, *type;
} types[] = {
    { ".html", "text/html; charset=utf-8" },
    { ".css", "text/css; charset=utf-8" },
    { ".js", "text/javascript; charset=utf-8" },
    { ".json", "application/json" },
    { ".map", "application/json" },
    { ".svg", "image/svg+xml" },
    { ".png", "image/png" },
    { ".gif", "image/gif" },
    { ".jpg", "image/jpeg" },
    { ".ico", "image/x-icon" },
    { ".woff", "font/woff" },
    { ".woff2", "font/woff2" },
    { ".ttf", "font/ttf" },
    { ".otf", "font/otf" },
    { ".eot", "application/vnd.ms-fontobject" },
    { ".txt", "text/plain; charset=utf-8" },
};

tuf_slice www_find(tuf_slice name)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (slice_is(name, files[i].name))
            return tuf_slice_of(files[i].start, (size_t)(files[i].end - files[i].start));
    }
    return tuf_slice_of(NULL, 0);
}

const char *www_type(tuf_slice name)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        size_t len = strlen(types[i].ending);
        if (name.len > len &&
            slice_is_nocase(tuf_slice_of(name.data + name.len - len, len), types[i].ending))
            return types[i].type;
    }
    return "application/octet-stream";
}
