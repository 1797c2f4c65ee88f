/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what is known of single keys of the configuration: the form of their values, which of them
 * only files may set, which are secrets. Keys that are not known take any text and are kept.
 *
 * INV-CFGK-1: nothing that names a program, a path, an address, a port or a key can be set over
 *             HTTP: CouchDB's advisories 2017-12636, 2018-8007 and 2018-11769 are about that.
 */
#ifndef SERVER_CONFIG_KEYS_H
#define SERVER_CONFIG_KEYS_H

#include "base/fail.h"
#include "tuffet/types.h"

/* Returns: TUF_OK; E_INVALID (kind "bad_request") with a text that says what is expected. */
tuf_status config_check_value(const char *section, const char *key, tuf_slice value);

/* Whether files only, not HTTP, may set it. */
bool config_is_file_only(const char *section, const char *key);

/* Whether its value must not be shown in a log or by --print-config. */
bool config_is_secret(const char *section, const char *key);

#endif
