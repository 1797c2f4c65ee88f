/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: moments of the past, as the option --at of several commands names them.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

/* Takes up to `digits` decimal digits; false if there is none. */
static bool take_number(const char **text, unsigned digits, uint64_t *out)
{
    const char *start = *text;
    uint64_t number = 0;
    for (; **text >= '0' && **text <= '9' && digits > 0; digits--)
        number = number * 10 + (uint64_t)(*(*text)++ - '0');
    *out = number;
    return *text > start;
}

static bool take_char(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

/* ".5" and so on, in microseconds. Digits that are too small are skipped. */
static uint64_t take_fraction(const char **text)
{
    uint64_t value = 0, unit = 100000;
    if (!take_char(text, '.'))
        return 0;
    for (; **text >= '0' && **text <= '9'; unit /= 10)
        value += unit * (uint64_t)(*(*text)++ - '0');
    return value;
}

static bool take_clock(const char **text, struct tm *tm, uint64_t *fraction_us)
{
    uint64_t hour = 0, minute = 0, second = 0;
    if (!take_number(text, 2, &hour) || !take_char(text, ':') || !take_number(text, 2, &minute))
        return false;
    if (take_char(text, ':')) {
        if (!take_number(text, 2, &second))
            return false;
        *fraction_us = take_fraction(text);
    }
    take_char(text, 'Z');
    tm->tm_hour = (int)hour;
    tm->tm_min = (int)minute;
    tm->tm_sec = (int)second;
    return hour < 24 && minute < 60 && second <= 60;
}

static bool parse_time(uint64_t *time_us_out, const char *text)
{
    uint64_t year = 0, month = 0, day = 0, fraction_us = 0;
    struct tm tm;
    memset(&tm, 0, sizeof tm);
    if (!take_number(&text, 4, &year) || !take_char(&text, '-') || !take_number(&text, 2, &month) ||
        !take_char(&text, '-') || !take_number(&text, 2, &day))
        return false;
    if ((*text == 'T' || *text == ' ') && (text++, !take_clock(&text, &tm, &fraction_us)))
        return false;
    if (*text || year < 1970 || month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    tm.tm_year = (int)year - 1900;
    tm.tm_mon = (int)month - 1;
    tm.tm_mday = (int)day;
    *time_us_out = (uint64_t)timegm(&tm) * 1000000 + fraction_us;
    return true;
}

bool cli_parse_at(tuf_open_options *out, const char *text)
{
    const char *rest = text;
    bool commit = take_char(&rest, 'c');
    if (take_number(&rest, 18, &out->at) && !*rest) {
        out->at_kind = commit ? TUF_AT_COMMIT : TUF_AT_SEQ;
        return true;
    }
    if (parse_time(&out->at, text)) {
        out->at_kind = TUF_AT_TIME;
        return true;
    }
    fprintf(stderr, "tuffet: %s: not a sequence (1234), a commit (c17) or a time in UTC "
                    "(2026-01-31T12:00:00Z)\n", text);
    return false;
}

tuf_db *cli_open_at(int *exit_out, const char *path, const char *at)
{
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = TUF_OPEN_RDONLY;
    *exit_out = CLI_FAILED;
    return at && !cli_parse_at(&opts, at) ? NULL : cli_open_with(exit_out, path, &opts);
}
