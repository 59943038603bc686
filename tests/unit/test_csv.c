/*
 * Interval CSV, tables, lines and sizes: what is read, what is refused, what is written back.
 */
#include "io/csv.h"

#include "base/rng.h"
#include "support.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static enum ga_status read_env(const struct ga_env *env, const char *text, struct intervals *intervals, struct mishap *mishap)
{
    struct ga_env full = gai_env(env);
    struct test_source from = { .text = text, .len = strlen(text), .step = 3 };
    struct ga_source source = test_source(&from);
    return gai_intervals_read(&full.mem, &source, intervals, mishap);
}

static struct intervals must_read(const char *text)
{
    struct intervals intervals;
    struct mishap mishap;
    cr_assert_eq(read_env(NULL, text, &intervals, &mishap), GA_OK, "line %d: %s", (int)mishap.line, mishap.what);
    return intervals;
}

Test(csv, reads_columns_in_any_order)
{
    struct intervals in = must_read("size,offset,upper,id,lower,alignment\r\n100,,5,a b,2,\r\n64,128,9,#2,0,64\r\n\r\n");
    cr_assert_eq(in.n, 2);
    cr_assert_str_eq(gai_intervals_id(&in, 0), "a b");
    cr_assert_eq(in.at[0].size, 100);
    cr_assert_eq(in.at[0].birth, 2);
    cr_assert_eq(in.at[0].death, 5);
    cr_assert_eq(in.at[0].align, 0);
    cr_assert_eq(in.at[0].fixed, 0);
    cr_assert_eq(in.at[1].align, 64);
    cr_assert_eq(in.at[1].fixed, 129);
    cr_assert_eq(gai_intervals_find(&in, "#2"), 1);
    cr_assert_eq(gai_intervals_find(&in, "#"), UINT32_MAX);
    gai_intervals_fini(&in);
}

Test(csv, repeats_all_columns_and_adds_the_offset)
{
    static const struct {
        const char *text, *out;
    } cases[] = {
        { "id,lower,upper,size\nx,0,2,10\ny,1,3,6\n", "id,lower,upper,size,offset\nx,0,2,10,0\ny,1,3,6,10\n" },
        { "size,offset,id,upper,lower\n10,32,x,2,0\n6,,y,3,1\n0,,z,3,1\n",
          "size,offset,id,upper,lower\n10,32,x,2,0\n6,0,y,3,1\n0,0,z,3,1\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct intervals in = must_read(cases[i].text);
        ga_plan *plan;
        cr_assert_eq(ga_plan_intervals(NULL, in.at, in.n, NULL, &plan), GA_OK);
        struct test_text text = { 0 };
        struct ga_sink sink = test_sink(&text);
        struct text out = text_to(&sink);
        gai_intervals_write(&in, plan, &out);
        cr_assert_eq(gai_text_end(&out), GA_OK);
        cr_assert_str_eq(text.text, cases[i].out);
        test_text_fini(&text);
        ga_plan_delete(plan);
        gai_intervals_fini(&in);
    }
}

Test(csv, refuses_what_is_wrong_and_says_where)
{
    static const struct {
        const char *text;
        uint64_t line;
        const char *says;
    } cases[] = {
        { "", 1, "empty" },
        { "id,lower,upper\n", 1, "no column 'size'" },
        { "id,lower,upper,size,colour\n", 1, "unknown column 'colour'" },
        { "id,lower,upper,size,size\n", 1, "stands twice" },
        { "id,lower,upper,size\na,1,2\n", 2, "3 cells" },
        { "id,lower,upper,size\na,1,2,3,4\n", 2, "5 cells" },
        { "id,lower,upper,size\na,1,2,3\nb,1,x,3\n", 3, "upper is 'x'" },
        { "id,lower,upper,size\na,1,2,-3\n", 2, "size is '-3'" },
        { "id,lower,upper,size\na,1,2,9223372036854775808\n", 2, "size" },
        { "id,lower,upper,size\na,2,2,3\n", 2, "not below" },
        { "id,lower,upper,size,alignment\na,1,2,3,3\n", 2, "power of two" },
        { "id,lower,upper,size,alignment,offset\na,1,2,3,8,4\n", 2, "no multiple" },
        { "id,lower,upper,size\na,1,2,3\n\nb,1,2,3\n", 3, "blank" },
        { "id,lower,upper,size\na,1,2,3\nb,1,2,3\na,5,6,7\n", 4, "in line 2" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct intervals in;
        struct mishap mishap;
        cr_assert_eq(read_env(NULL, cases[i].text, &in, &mishap), GA_INVALID, "%s", cases[i].text);
        cr_assert_eq(mishap.line, cases[i].line, "%s: line %d: %s", cases[i].text, (int)mishap.line, mishap.what);
        cr_assert(strstr(mishap.what, cases[i].says), "%s: %s", cases[i].text, mishap.what);
    }
}

Test(csv, refuses_zero_bytes)
{
    static const char text[] = "id,lower,upper,size\na\0b,1,2,3\n";
    struct test_source from = { .text = text, .len = sizeof text - 1 };
    struct ga_source source = test_source(&from);
    struct ga_env env = gai_env(NULL);
    struct intervals in;
    struct mishap mishap;
    cr_assert_eq(gai_intervals_read(&env.mem, &source, &in, &mishap), GA_INVALID);
    cr_assert_eq(mishap.line, 2);
}

Test(csv, is_unharmed_when_memory_runs_out)
{
    enum ga_status status = GA_NO_MEMORY;
    for (uint64_t nth = 1; status == GA_NO_MEMORY; nth++) {
        struct test_mem mem = { .fail_at = nth };
        struct ga_env env = test_env(&mem);
        struct intervals in;
        struct mishap mishap;
        status = read_env(&env, "id,lower,upper,size\nx,0,2,10\ny,1,3,6\n", &in, &mishap);
        if (status == GA_OK)
            gai_intervals_fini(&in);
        cr_assert_eq(mem.blocks, 0);
        cr_assert_not(mem.lied);
        cr_assert_lt(nth, 50);
    }
    cr_assert_eq(status, GA_OK);
}

Test(csv, survives_flipped_bytes)
{
    static const char good[] = "id,lower,upper,size,alignment,offset\na,0,4,100,32,\nb,1,3,64,,128\nc,2,6,1000,8,\n";
    struct rng rng = { 7 };
    uint32_t n_read = 0;
    for (int i = 0; i < 20000; i++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        for (uint64_t k = rng_below(&rng, 3) + 1; k > 0; k--)
            text[rng_below(&rng, sizeof good - 1)] = "0123456789,\n\r-x"[rng_below(&rng, 15)];
        struct intervals in;
        struct mishap mishap;
        if (read_env(NULL, text, &in, &mishap) != GA_OK)
            continue;
        ga_plan *plan = NULL;
        ga_plan_intervals(NULL, in.at, in.n, NULL, &plan);
        ga_plan_delete(plan);
        gai_intervals_fini(&in);
        n_read++;
    }
    cr_assert_gt(n_read, 1000);
}

Test(csv, gives_out_lines_of_any_length)
{
    static char text[100000];
    memset(text, 'x', sizeof text);
    text[0] = '\n';
    text[50000] = '\n';
    for (size_t step = 1; step < 40000; step = step * 7 + 1) {
        struct test_source from = { .text = text, .len = sizeof text, .step = step };
        struct ga_source source = test_source(&from);
        struct ga_env env = gai_env(NULL);
        struct lines lines = lines_from(&env.mem, &source);
        static const size_t expected[] = { 0, 49999, 49999 };
        char *line;
        size_t len;
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(gai_lines_next(&lines, &line, &len), GA_OK);
            cr_assert(line);
            cr_assert_eq(len, expected[i]);
            cr_assert_eq(line[len], 0);
            cr_assert_eq(lines.number, (uint64_t)i + 1);
        }
        cr_assert_eq(gai_lines_next(&lines, &line, &len), GA_OK);
        cr_assert_null(line);
        gai_lines_fini(&lines);
    }
}

Test(csv, knows_sizes_with_units)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        { "0", 0 },
        { "17", 17 },
        { "17B", 17 },
        { "1K", 1024 },
        { "1k", 1024 },
        { "1KiB", 1024 },
        { "1.5GiB", 1610612736 },
        { "0.1EiB", 115292150460684697 },
        { "0.9999999999999999999999PiB", ((uint64_t)1 << 50) - 1 },
        { "64 MiB", 67108864 },
        { "10kB", 10000 },
        { "2MB", 2000000 },
        { "0.5K", 512 },
        { "1.25Mi", 1310720 },
        { "16383P", 18445618173802708992u },
        { "15E", 17293822569102704640u },
        { "18446744073709551615", UINT64_MAX },
    };
    static const char *const bad[] = { "",   "x",   "-1", "1.",  ".5",  "1.5.5", "1KK", "1KiBx", "16E", "99999999999999999999",
                                       "1 ", "1iB", "+1", "1e9", "0x10" };
    uint64_t bytes;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_assert(gai_parse_size(good[i].text, &bytes), "%s", good[i].text);
        cr_assert_eq(bytes, good[i].bytes, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_not(gai_parse_size(bad[i], &bytes), "%s", bad[i]);
}
