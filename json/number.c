/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: read a JSON number: its extent, its kind, and its value as far as a hash or a size needs
 * it.
 *
 * INV-NUM-1: a float's value does not depend on the process's locale.
 * INV-NUM-2: nor on the processor: products and quotients are rounded once, to a double.
 * Source: RFC 8259 section 6. Values as CouchDB's decoder makes them: correctly rounded doubles,
 * except a number with an exponent but no fraction that is subnormal or has 32 characters or more.
 * That one is mantissa * 10^exponent in double arithmetic, which makes 5e-324 zero; revision ids of
 * real servers show it.
 */
#include <assert.h>
#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "json/token.h"

#define EXACT_MANTISSA_MAX ((uint64_t)1 << 53)
#define EXACT_POWER_MAX 22
#define EXPONENT_CAP 100000000
#define QUICK_DIGIT_COUNT 17
#define SHORT_TEXT_LEN 32 /* CouchDB's decoder converts shorter texts directly */

/* 1: floats are doubles. */
static_assert(FLT_EVAL_METHOD == 0 || FLT_EVAL_METHOD == 1, "INV-NUM-2 (x87: -msse2 -mfpmath=sse)");

/* The parts of a number on the way. */
struct parts {
    uint64_t mantissa;     /* of the first digits, without leading zeros */
    size_t digit_count;    /* significant digits seen */
    size_t fraction_count; /* digits behind the point */
    int exponent;          /* capped */
    bool has_fraction;
    bool has_exponent;
};

static bool is_digit(const struct cursor *c)
{
    return c->pos < c->end && *c->pos >= '0' && *c->pos <= '9';
}

static void read_digits(struct parts *parts, struct cursor *c)
{
    for (; is_digit(c); c->pos++) {
        uint8_t digit = (uint8_t)(*c->pos - '0');
        if (parts->digit_count > 0 || digit > 0)
            parts->digit_count++;
        if (parts->digit_count <= 19)
            parts->mantissa = parts->mantissa * 10 + digit;
    }
}

static bool read_fraction(struct parts *parts, struct cursor *c)
{
    if (c->pos == c->end || *c->pos != '.')
        return true;
    const uint8_t *start = ++c->pos;
    read_digits(parts, c);
    parts->has_fraction = true;
    parts->fraction_count = (size_t)(c->pos - start);
    return parts->fraction_count > 0;
}

static bool read_exponent(struct parts *parts, struct cursor *c)
{
    if (c->pos == c->end || (*c->pos | 0x20) != 'e')
        return true;
    c->pos++;
    parts->has_exponent = true;
    bool negative = c->pos < c->end && *c->pos == '-';
    if (c->pos < c->end && (*c->pos == '-' || *c->pos == '+'))
        c->pos++;
    const uint8_t *start = c->pos;
    for (; is_digit(c); c->pos++)
        if (parts->exponent < EXPONENT_CAP)
            parts->exponent = parts->exponent * 10 + (*c->pos - '0');
    if (negative)
        parts->exponent = -parts->exponent;
    return c->pos > start;
}

/* The powers of ten that are exact doubles. */
static const double powers[EXACT_POWER_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

/* A double that is exact because both operands are and IEEE division and multiplication round
 * correctly. */
static bool exact_value(double *out, const struct parts *parts)
{
    if (parts->digit_count > 19 || parts->mantissa > EXACT_MANTISSA_MAX ||
        parts->fraction_count > 2 * EXACT_POWER_MAX)
        return false;
    int exponent = parts->exponent - (int)parts->fraction_count;
    if (exponent < -EXACT_POWER_MAX || exponent > EXACT_POWER_MAX)
        return false;
    double mantissa = (double)parts->mantissa;
    *out = exponent < 0 ? mantissa / powers[-exponent] : mantissa * powers[exponent];
    return true;
}

static locale_t c_locale; /* made once; lives as long as the process */

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* strtod under the C locale. *out_of_range: overflow, or a result too small for a normal double. */
static tuf_status c_strtod(double *out, bool *out_of_range, const char *text)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (pthread_once(&once, make_c_locale) != 0 || c_locale == (locale_t)0)
        return tufi_nomem();
    errno = 0;
    *out = strtod_l(text, NULL, c_locale);
    *out_of_range = errno == ERANGE;
    return TUF_OK;
}

/* mantissa * 10^exponent, each rounded to a double first. `text` is cut at its exponent. */
static tuf_status product_value(double *out, char *text)
{
    char power_text[32] = "1e";
    char *exponent = strpbrk(text, "eE");
    size_t exponent_len = strlen(exponent + 1);
    if (exponent_len + 3 > sizeof(power_text)) /* leading zeros, or far out of range anyway */
        return TUF_OK;
    memcpy(power_text + 2, exponent + 1, exponent_len + 1);
    double power;
    bool out_of_range;
    tuf_status st = c_strtod(&power, &out_of_range, power_text);
    if (st < 0)
        return st;
    *exponent = '\0';
    double mantissa;
    st = c_strtod(&mantissa, &out_of_range, text);
    if (st < 0)
        return st;
    *out = mantissa * power;
    return TUF_OK;
}

static tuf_status slow_value(double *out, tuf_slice text, const struct parts *parts)
{
    TUF_AUTOFREE char *copy = tufi_alloc(text.len + 1);
    if (!copy)
        return tufi_nomem();
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    bool out_of_range;
    tuf_status st = c_strtod(out, &out_of_range, copy);
    if (st < 0)
        return st;
    bool indirect = out_of_range || text.len >= SHORT_TEXT_LEN;
    if (indirect && parts->has_exponent && !parts->has_fraction && isfinite(*out)) {
        st = product_value(out, copy);
        if (st < 0)
            return st;
    }
    return isfinite(*out) ? TUF_OK : tufi_json_invalid();
}

static tuf_status read_float(struct json_number *out, const struct parts *parts)
{
    double value;
    if (exact_value(&value, parts)) {
        out->value = out->negative ? -value : value;
        return TUF_OK;
    }
    return slow_value(&out->value, out->text, parts);
}

static tuf_status full_number(struct json_number *out, struct cursor *c)
{
    const uint8_t *start = c->pos;
    struct parts parts = { 0 };
    if (out->negative)
        c->pos++;
    const uint8_t *digits = c->pos;
    read_digits(&parts, c);
    out->digit_count = (size_t)(c->pos - digits);
    if (out->digit_count == 0 || (out->digit_count > 1 && *digits == '0'))
        return tufi_json_invalid();
    if (!read_fraction(&parts, c) || !read_exponent(&parts, c))
        return tufi_json_invalid();
    out->text = tuf_slice_of(start, (size_t)(c->pos - start));
    out->is_float = parts.has_fraction || parts.has_exponent;
    if (out->is_float)
        return read_float(out, &parts);
    out->is_small = parts.digit_count <= 19; /* 10^19 - 1 fits 64 bits */
    out->magnitude = parts.mantissa;
    return TUF_OK;
}

/* Digits up to a limit; returns where they end. */
static inline const uint8_t *quick_digits(uint64_t *value, const uint8_t *p, const uint8_t *end)
{
    for (; p < end && (uint8_t)(*p - '0') <= 9; p++)
        *value = *value * 10 + (uint8_t)(*p - '0');
    return p;
}

/*
 * The usual number: few digits, no exponent, and text behind it. Everything else, malformed text
 * included, is left to the full reader; the cursor moves only on success.
 */
static bool quick_number(struct json_number *out, struct cursor *c)
{
    const uint8_t *digits = c->pos + out->negative;
    if (c->end - digits <= QUICK_DIGIT_COUNT + 1 || (uint8_t)(digits[0] - '0') > 9)
        return false;
    const uint8_t *end = digits + QUICK_DIGIT_COUNT;
    uint64_t value = 0;
    const uint8_t *p = quick_digits(&value, digits, end);
    const uint8_t *point = p;
    bool is_float = *p == '.';
    if (digits[0] == '0' && (point > digits + 1 || (out->negative && !is_float)))
        return false;
    if (is_float)
        p = quick_digits(&value, p + 1, end);
    size_t fraction_count = is_float ? (size_t)(p - point) - 1 : 0;
    if (p == end || (*p | 0x20) == 'e' || (is_float && fraction_count == 0) ||
        (is_float && value > EXACT_MANTISSA_MAX))
        return false;
    out->text = tuf_slice_of(c->pos, (size_t)(p - c->pos));
    out->is_float = is_float;
    out->is_small = true;
    out->digit_count = (size_t)(point - digits);
    out->magnitude = value;
    if (is_float) {
        double magnitude = (double)value / powers[fraction_count];
        out->value = out->negative ? -magnitude : magnitude;
    }
    c->pos = p;
    return true;
}

tuf_status tufi_json_number(struct json_number *out, struct cursor *c)
{
    out->negative = *c->pos == '-';
    return quick_number(out, c) ? TUF_OK : full_number(out, c);
}
