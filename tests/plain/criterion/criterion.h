/*
 * criterion.h - as much of Criterion as the tests here use, for where there is none: 32 bits, other C libraries, processors and systems,
 * and tools that cannot look through its processes
 *
 * All tests of a program run in one process, so a test must leave nothing behind that another would trip over.  The first one that
 * fails ends the program.  Limits of time are left to whoever runs it.
 */
#ifndef PLAIN_CRITERION_H
#define PLAIN_CRITERION_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct criterion_test_params {
    size_t size; /* of one */
    void *params;
    size_t length; /* how many */
};

struct plain_options {
    void (*init)(void);
    void (*fini)(void);
    double timeout; /* seconds; not kept */
    bool plain;     /* means nothing: so that Test() may go without options */
};

struct plain_suite {
    const char *name;
    struct plain_options options;
    struct plain_suite *next;
};

struct plain_test {
    const char *suite, *name;
    struct plain_options options;
    void (*run)(void *param);
    struct criterion_test_params (*params)(void); /* NULL: run once */
    struct plain_test *next;
};

void plain_add_suite(struct plain_suite *suite);
void plain_add_test(struct plain_test *test);

/* Tell where, and what did not hold, with the message that was given (NULL: none). */
_Noreturn void plain_end(const char *file, int line, const char *what, const char *message, ...);
void plain_note(const char *file, int line, const char *what, const char *message, ...);

/* Definitions that look like declarations. */
/* clang-format off */
#define PLAIN_ADD(kind, id, ...)                              \
    static struct plain_##kind id##_##kind = { __VA_ARGS__ }; \
    __attribute__((constructor)) static void id##_##kind##_add(void) { plain_add_##kind(&id##_##kind); }

#define TestSuite(of, ...)                             \
    PLAIN_ADD(suite, of, #of, { __VA_ARGS__ }, NULL) \
    struct plain_suite

#define Test(of, ...) PLAIN_TEST(of, __VA_ARGS__, .plain = true)
#define PLAIN_TEST(of, is, ...)                                                              \
    static void of##_##is(void);                                                             \
    static void of##_##is##_run(void *param) { (void)param; of##_##is(); }                   \
    PLAIN_ADD(test, of##_##is, #of, #is, { __VA_ARGS__ }, of##_##is##_run, NULL, NULL)       \
    static void of##_##is(void)

#define ParameterizedTestParameters(of, is) static struct criterion_test_params of##_##is##_params(void)
#define ParameterizedTest(param, of, is)                                                                      \
    static void of##_##is(param);                                                                             \
    static void of##_##is##_run(void *each) { of##_##is(each); }                                              \
    PLAIN_ADD(test, of##_##is, #of, #is, { .plain = true }, of##_##is##_run, of##_##is##_params, NULL)        \
    static void of##_##is(param)
#define cr_make_param_array(type, array, length) ((struct criterion_test_params){ sizeof(type), array, length })

#define PLAIN_JUDGE(tell, what, good, ...) ((good) ? (void)0 : tell(__FILE__, __LINE__, what, __VA_ARGS__))
#define PLAIN_COMPARE(tell, a, op, b, ...) PLAIN_JUDGE(tell, #a " " #op " " #b, (a) op (b), __VA_ARGS__)
#define PLAIN_STRINGS(tell, a, op, b, ...) PLAIN_JUDGE(tell, #a " " #op " " #b, strcmp(a, b) op 0, __VA_ARGS__)
#define PLAIN_BYTES(tell, a, b, size, ...) PLAIN_JUDGE(tell, #a " == " #b, memcmp(a, b, size) == 0, __VA_ARGS__)
#define PLAIN_NEAR(tell, a, b, within, ...) PLAIN_JUDGE(tell, #a " == " #b, fabs((a) - (b)) <= (within), __VA_ARGS__)
#define PLAIN_NOT(tell, a, ...) PLAIN_JUDGE(tell, "not " #a, !(a), __VA_ARGS__)
#define PLAIN_NONE (const char *)NULL

#define cr_assert(...) PLAIN_JUDGE(plain_end, #__VA_ARGS__, __VA_ARGS__, PLAIN_NONE)
#define cr_assert_not(...) PLAIN_NOT(plain_end, __VA_ARGS__, PLAIN_NONE)
#define cr_assert_eq(a, ...) PLAIN_COMPARE(plain_end, a, ==, __VA_ARGS__, PLAIN_NONE)
#define cr_assert_neq(a, ...) PLAIN_COMPARE(plain_end, a, !=, __VA_ARGS__, PLAIN_NONE)
#define cr_assert_lt(a, ...) PLAIN_COMPARE(plain_end, a, <, __VA_ARGS__, PLAIN_NONE)
#define cr_assert_leq(a, ...) PLAIN_COMPARE(plain_end, a, <=, __VA_ARGS__, PLAIN_NONE)
#define cr_assert_gt(a, ...) PLAIN_COMPARE(plain_end, a, >, __VA_ARGS__, PLAIN_NONE)
#define cr_assert_geq(a, ...) PLAIN_COMPARE(plain_end, a, >=, __VA_ARGS__, PLAIN_NONE)
#define cr_assert_null(...) PLAIN_NOT(plain_end, __VA_ARGS__, PLAIN_NONE)
#define cr_assert_not_null(...) PLAIN_JUDGE(plain_end, #__VA_ARGS__, __VA_ARGS__, PLAIN_NONE)
#define cr_assert_str_eq(a, ...) PLAIN_STRINGS(plain_end, a, ==, __VA_ARGS__, PLAIN_NONE)
#define cr_assert_str_neq(a, ...) PLAIN_STRINGS(plain_end, a, !=, __VA_ARGS__, PLAIN_NONE)
#define cr_assert_str_not_empty(...) PLAIN_STRINGS(plain_end, "", !=, __VA_ARGS__, PLAIN_NONE)
#define cr_assert_arr_eq(a, b, ...) PLAIN_BYTES(plain_end, a, b, __VA_ARGS__, PLAIN_NONE)
#define cr_assert_float_eq(a, b, ...) PLAIN_NEAR(plain_end, a, b, __VA_ARGS__, PLAIN_NONE)
#define cr_assert_fail(...) plain_end(__FILE__, __LINE__, "not to be reached", __VA_ARGS__)

#define cr_expect(...) PLAIN_JUDGE(plain_note, #__VA_ARGS__, __VA_ARGS__, PLAIN_NONE)
#define cr_expect_not(...) PLAIN_NOT(plain_note, __VA_ARGS__, PLAIN_NONE)
#define cr_expect_eq(a, ...) PLAIN_COMPARE(plain_note, a, ==, __VA_ARGS__, PLAIN_NONE)
#define cr_expect_neq(a, ...) PLAIN_COMPARE(plain_note, a, !=, __VA_ARGS__, PLAIN_NONE)
#define cr_expect_lt(a, ...) PLAIN_COMPARE(plain_note, a, <, __VA_ARGS__, PLAIN_NONE)
#define cr_expect_leq(a, ...) PLAIN_COMPARE(plain_note, a, <=, __VA_ARGS__, PLAIN_NONE)
#define cr_expect_gt(a, ...) PLAIN_COMPARE(plain_note, a, >, __VA_ARGS__, PLAIN_NONE)
#define cr_expect_geq(a, ...) PLAIN_COMPARE(plain_note, a, >=, __VA_ARGS__, PLAIN_NONE)
#define cr_expect_null(...) PLAIN_NOT(plain_note, __VA_ARGS__, PLAIN_NONE)
#define cr_expect_not_null(...) PLAIN_JUDGE(plain_note, #__VA_ARGS__, __VA_ARGS__, PLAIN_NONE)
#define cr_expect_str_eq(a, ...) PLAIN_STRINGS(plain_note, a, ==, __VA_ARGS__, PLAIN_NONE)
#define cr_expect_str_neq(a, ...) PLAIN_STRINGS(plain_note, a, !=, __VA_ARGS__, PLAIN_NONE)
#define cr_expect_str_not_empty(...) PLAIN_STRINGS(plain_note, "", !=, __VA_ARGS__, PLAIN_NONE)
#define cr_expect_arr_eq(a, b, ...) PLAIN_BYTES(plain_note, a, b, __VA_ARGS__, PLAIN_NONE)
#define cr_expect_float_eq(a, b, ...) PLAIN_NEAR(plain_note, a, b, __VA_ARGS__, PLAIN_NONE)
#define cr_expect_fail(...) plain_note(__FILE__, __LINE__, "not to be reached", __VA_ARGS__)
/* clang-format on */
#endif
