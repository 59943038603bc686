/*
 * plain.c - runs the tests of a program one after the other, and tells how they went, as TAP
 */
#include "criterion/criterion.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static struct plain_suite *suites;
static struct plain_test *tests, **last = &tests;
static unsigned count;        /* tests that began */
static const char *now = "?"; /* the one that runs */
static bool noted;            /* and it has failed */

void plain_add_suite(struct plain_suite *suite)
{
    suite->next = suites;
    suites = suite;
}

void plain_add_test(struct plain_test *test)
{
    *last = test;
    last = &test->next;
}

static void tell(const char *file, int line, const char *what, const char *message, va_list values)
{
    printf("# %s:%d: %s", file, line, what);
    if (message) {
        printf(": ");
        vprintf(message, values);
    }
    printf("\n");
}

void plain_note(const char *file, int line, const char *what, const char *message, ...)
{
    va_list values;
    va_start(values, message);
    tell(file, line, what, message, values);
    va_end(values);
    noted = true;
}

void plain_end(const char *file, int line, const char *what, const char *message, ...)
{
    va_list values;
    va_start(values, message);
    tell(file, line, what, message, values);
    va_end(values);
    printf("not ok %u - %s\nBail out!\n", count, now);
    fflush(stdout);
    _Exit(EXIT_FAILURE); /* from whichever thread */
}

static const struct plain_options *options_of(const struct plain_test *test)
{
    static const struct plain_options none;
    for (const struct plain_suite *suite = suites; suite; suite = suite->next)
        if (strcmp(suite->name, test->suite) == 0)
            return &suite->options;
    return &none;
}

static void call(void (*function)(void))
{
    if (function)
        function();
}

static void run(const struct plain_test *test, void *param)
{
    const struct plain_options *suite = options_of(test);
    count++;
    now = test->name;
    noted = false;
    call(suite->init);
    call(test->options.init);
    test->run(param);
    call(test->options.fini);
    call(suite->fini);
    printf("%s %u - %s::%s\n", noted ? "not ok" : "ok", count, test->suite, test->name);
    fflush(stdout);
}

int main(void)
{
    bool good = true;
    for (const struct plain_test *test = tests; test; test = test->next) {
        struct criterion_test_params params = test->params ? test->params() : (struct criterion_test_params){ .length = 1 };
        for (size_t i = 0; i < params.length; i++) {
            run(test, params.params ? (char *)params.params + i * params.size : NULL);
            good = good && !noted;
        }
    }
    printf("1..%u\n", count);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
