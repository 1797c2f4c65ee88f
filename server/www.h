/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the files of the web page in server/www/, which are part of the program: it works without
 * anything installed beside it.
 */
#ifndef SERVER_WWW_H
#define SERVER_WWW_H

#include "tuffet/types.h"

/* A file by its name ("app.js"); NULL data if there is none. Any thread. */
tuf_slice www_find(tuf_slice name);

/* The media type that a file name's ending stands for. */
const char *www_type(tuf_slice name);

#endif
