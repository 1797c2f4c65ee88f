/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test replicator/redact.c: what is taken out of a text, and what stays.
 */
#include <stdio.h>
#include <string.h>

#include "replicator/redact.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const struct {
    const char *endpoint, *proxy; /* as JSON */
    const char *text, *want;
} cases[] = {
    { "\"http://h/db\"", NULL, "could not open http://h/db/", "could not open http://h/db/" },
    { "\"http://joe:pa55word@h/db\"", NULL, "could not open http://joe:pa55word@h/db/",
      "could not open http://joe:*****@h/db/" },
    { "\"http://joe:pa55word@h/db\"", NULL, "pa55word, pa55word and pa55wor",
      "*****, ***** and pa55wor" },
    /* Four bytes are masked, three are not; the text does not grow. */
    { "\"http://joe:four@h/db\"", NULL, "you sent four", "you sent ****" },
    { "\"http://joe:the@h/db\"", NULL, "the end", "the end" },
    /* base64 of "joe:pa55word" */
    { "\"http://joe:pa55word@h/db\"", NULL, "got Basic am9lOnBhNTV3b3Jk!", "got *****!" },
    { "\"http://joe:pa55word@h/db\"", NULL, "am9lOnBhNTV3b3Jk", "*****" },
    { "{\"url\":\"http://h/db\",\"auth\":{\"basic\":{\"username\":\"u\",\"password\":\"s3cret\"}}}",
      NULL, "s3cret", "*****" },
    { "{\"url\":\"http://h/db\",\"headers\":{\"X-Key\":\"abcdef\",\"Authorization\":\"Bearer tok3n\"}}",
      NULL, "abcdef Bearer tok3n tok3n", "***** ***** *****" },
    { "\"http://h/db\"", "\"http://p:pr0xy@q:3128\"", "via pr0xy", "via *****" },
    { "\"http://h/db\"", "\"http://q:3128\"", "via q", "via q" },
};

START_TEST(secrets_are_taken_out)
{
    struct endpoint ep = { 0 };
    char text[200];
    json_t *value = json_loads(cases[_i].endpoint, JSON_DECODE_ANY, NULL);
    ck_ok(repl_endpoint_parse(&ep, value));
    json_decref(value);
    if (cases[_i].proxy != NULL) {
        value = json_loads(cases[_i].proxy, JSON_DECODE_ANY, NULL);
        ck_ok(repl_endpoint_set_proxy(&ep, value));
        json_decref(value);
    }
    (void)snprintf(text, sizeof(text), "%s", cases[_i].text);
    repl_redact(text, &ep);
    ck_assert_str_eq(text, cases[_i].want);
    repl_endpoint_release(&ep);
}
END_TEST

START_TEST(an_end_without_anything_changes_nothing)
{
    const struct endpoint ep = { 0 };
    char text[] = "a text";
    repl_redact(text, &ep);
    ck_assert_str_eq(text, "a text");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redact");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, secrets_are_taken_out, 0, COUNT(cases));
    tcase_add_test(tcase, an_end_without_anything_changes_nothing);
    suite_add_tcase(suite, tcase);
    return tuft_run(suite);
}
