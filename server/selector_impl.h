/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the compiled form of a selector, shared by its compiler, its matcher and the field lists.
 */
#ifndef SERVER_SELECTOR_IMPL_H
#define SERVER_SELECTOR_IMPL_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "server/selector.h"

enum sel_op {
    SEL_AND, /* all children */
    SEL_OR,  /* any child */
    SEL_NOT, /* not its one child, on the value found at the path */
    SEL_EQ,
    SEL_NE,
    SEL_LT,
    SEL_LTE,
    SEL_GT,
    SEL_GTE,
    SEL_IN,
    SEL_NIN,
    SEL_ALL,
    SEL_EXISTS,
    SEL_TYPE,
    SEL_SIZE,
    SEL_MOD,
    SEL_REGEX,
    SEL_BEGINS_WITH,
    SEL_ELEM_MATCH,    /* some element fulfils the child */
    SEL_ALL_MATCH,     /* every element does, and there is one */
    SEL_KEY_MAP_MATCH, /* some key of an object does */
};

struct sel_node {
    enum sel_op op;
    const tuf_slice *path;    /* names to walk down, ended by one with NULL data; may be empty */
    bool is_id;               /* the path is "_id": strings are compared by bytes */
    bool exists;              /* argument of EXISTS */
    int64_t number;           /* argument of SIZE, divisor of MOD */
    int64_t rest;             /* remainder of MOD */
    const struct jval *value; /* argument of the others */
    pcre2_code *regex;        /* owned */
    struct sel_node *child;   /* first */
    struct sel_node *next;    /* sibling */
};

struct selector {
    struct arena arena;
    struct sel_node *root; /* NULL matches everything */
    pcre2_match_context *limits;
};

/* What a walk along a path ends with. */
enum path_result { PATH_FOUND, PATH_MISSING, PATH_BAD };

enum path_result sel_walk(const struct jval **out, const struct jval *value, const tuf_slice *path);

/* Splits "a.b\\.c" at unescaped dots. Returns: TUF_OK; E_INVALID for an empty part; E_NOMEM. */
tuf_status sel_parse_path(const tuf_slice **out, struct arena *arena, tuf_slice text);

#endif
