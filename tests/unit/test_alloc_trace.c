/*
 * test_alloc_trace.c - traces of allocations: ours, RMM's and PyTorch's; what is none is refused; names and JSON beneath
 */
#include "base/rng.h"
#include "io/alloc_trace.h"
#include "io/json_read.h"
#include "io/names.h"
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum ga_status read_text(const char *text, size_t step, struct alloc_trace *trace, struct mishap *mishap)
{
    struct ga_env env = gai_env(NULL);
    struct test_source at = { .text = text, .len = strlen(text), .step = step };
    struct ga_source source = test_source(&at);
    return gai_alloc_trace_read(&env.mem, &source, trace, mishap);
}

static char *written(const struct alloc_trace *trace, struct test_text *to)
{
    *to = (struct test_text){ 0 };
    struct ga_sink sink = test_sink(to);
    struct text out = text_to(&sink);
    gai_alloc_trace_write(trace, &out);
    cr_assert_eq(gai_text_end(&out), GA_OK);
    return to->text;
}

/* Reads in steps of several sizes, and compares what comes out in our own words. */
static void becomes(const char *text, const char *ours)
{
    for (size_t step = 0; step < 8; step += 3) {
        struct alloc_trace trace;
        struct mishap mishap;
        struct test_text out;
        cr_assert_eq(read_text(text, step, &trace, &mishap), GA_OK, "%s", mishap.what);
        cr_assert_str_eq(written(&trace, &out), ours);
        test_text_fini(&out);
        gai_alloc_trace_fini(&trace);
    }
}

static void is_refused(const char *text, uint64_t line, const char *what)
{
    struct alloc_trace trace;
    struct mishap mishap;
    cr_assert_eq(read_text(text, 0, &trace, &mishap), GA_INVALID, "%s", text);
    cr_assert_str_eq(mishap.what, what);
    cr_assert_eq(mishap.line, line, "%s: line %llu", what, (unsigned long long)mishap.line);
}

Test(alloc_trace, is_read_as_it_is_written)
{
    becomes(
        "alloctrace 1\n# a remark\n\na 7 4096\r\na 18446744073709551615 10 1\ns 7 1\nw 1 20000 7\nf 7\nt 5000\nw 0 3\na 7 1\ny\n",
        "alloctrace 1\na 0 4096\na 1 10 1\ns 0 1\nw 1 20000 0\nf 0\nt 5000\nw 0 3\na 2 1\ny\n");
    is_refused("", 0, "empty");
    is_refused("alloctrace 2\n", 1, "version 2; this program reads version 1");
    is_refused("hello\n", 1, "neither 'alloctrace 1' nor a log of RMM, nor JSON");
    is_refused("alloctrace 1\na 1\n", 2, "'a' takes 2 to 3 numbers, not 1");
    is_refused("alloctrace 1\na 1 2 3 4\n", 2, "'a' takes 2 to 3 numbers, not 4");
    is_refused("alloctrace 1\na 1 -2\n", 2, "'-2' is no whole number");
    is_refused("alloctrace 1\na 1 2\na 1 2\n", 3, "block 1 is alive");
    is_refused("alloctrace 1\nf 9\n", 2, "block 9 is not alive");
    is_refused("alloctrace 1\na 1 2 64\n", 2, "stream 64; there are 64, from 0");
    is_refused("alloctrace 1\nw 99 1\n", 2, "stream 99; there are 64, from 0");
    is_refused("alloctrace 1\na 1 281474976710657\n", 2, "281474976710657 bytes are more than a block may have, 281474976710656");
    is_refused("alloctrace 1\nx 1\n", 2, "'x' is none of a, f, s, w, t, y");
}

Test(alloc_trace, of_rmm_is_read_in_order)
{
    becomes("Thread,Time,Action,Pointer,Size,Stream\n"
            "1,10:00:00:000000,allocate,0x7f0000000000,256,0x0\n"
            "1,10:00:00:000001,free,0xABC,64,0x2\n"
            "2,10:00:00:000002,allocate failure,(nil),99,0x2\n"
            "2,10:00:00:000003,allocate,0xabc,512,0x2\n"
            "1,10:00:00:000004,free,0x7f0000000000,256,0x0\n",
            "alloctrace 1\na 0 64 1\na 1 256\nf 0\na 2 512 1\nf 1\n");
    is_refused("Thread,Time,Action,Pointer,Size\n", 1, "column Stream is missing");
    is_refused("Thread,Time,Action,Pointer,Size,Stream\n1,2,allocate,zz,1,0\n", 2, "Pointer is 'zz', which is no address");
    is_refused("Thread,Time,Action,Pointer,Size,Stream\n1,2,grow,1,1,0\n", 2,
               "Action is 'grow'; known are allocate, allocate failure, free");
    is_refused("Thread,Time,Action,Pointer,Size,Stream\n1,2\n", 2, "2 values where the header has 6 columns");
}

Test(alloc_trace, of_pytorch_is_the_history_of_a_device)
{
    becomes("{\"segments\": [{\"address\": 1, \"blocks\": [{}]}], \"device_traces\": [[], [\n"
            " {\"action\": \"alloc\", \"addr\": 100, \"size\": 512, \"stream\": 0, \"frames\": [{\"name\": \"f\\u0041\\n\", "
            "\"line\": 3}]},\n"
            " {\"action\": \"segment_alloc\", \"addr\": 0, \"size\": 2097152, \"stream\": 0},\n"
            " {\"action\": \"free_requested\", \"addr\": 4, \"size\": 8, \"stream\": 77},\n"
            " {\"action\": \"free_requested\", \"addr\": 100, \"size\": 512, \"stream\": 0},\n"
            " {\"action\": \"free_completed\", \"addr\": 100, \"size\": 512, \"stream\": 0},\n"
            " {\"action\": \"oom\", \"size\": 1e3}], [{\"action\": \"alloc\"}]], \"x\": null}\n",
            "alloctrace 1\na 0 8 1\na 1 512\nf 0\nf 1\n");
    is_refused("[]", 1, "no object with device_traces: save the snapshot with its history");
    is_refused("{\"a\": 1}\n", 2, "no device_traces: save the snapshot with its history");
    is_refused("{\"device_traces\": [[{\"action\": \"alloc\"}]]}", 1,
               "an alloc or free without whole numbers for addr, size and stream");
    is_refused("{\"device_traces\": [[{\"action\": \"alloc\", \"addr\": -1}]]}", 1,
               "an alloc or free without whole numbers for addr, size and stream");
    is_refused("{\"device_traces\": 3}", 1, "device_traces is no array");
    is_refused("{\"device_traces\": [[1]]}", 1, "an entry of the history is no object");
    is_refused("{\"device_traces\": [[{\"action\": \"alloc\"", 1, "it ends too early");
    is_refused("{\"device_traces\": [[]]} {}", 1, "something follows the end");
}

Test(alloc_trace, that_is_cut_or_changed_anywhere_is_refused_or_read)
{
    static const char whole[] =
        "{\"segments\": [], \"device_traces\": [[{\"action\": \"alloc\", \"addr\": 1, \"size\": 5, \"stream\": 0}]]}";
    char text[sizeof whole];
    struct rng rng = { 3 };
    for (size_t cut = 0; cut < sizeof whole - 1; cut++) {
        struct alloc_trace trace;
        struct mishap mishap;
        snprintf(text, sizeof text, "%.*s", (int)cut, whole);
        cr_assert_neq(read_text(text, 0, &trace, &mishap), GA_OK, "cut at %zu", cut);
        cr_assert(mishap.what[0]);
    }
    for (int round = 0; round < 20000; round++) {
        struct alloc_trace trace;
        struct mishap mishap;
        memcpy(text, whole, sizeof whole);
        for (uint64_t n = 1 + rng_below(&rng, 3); n; n--)
            text[rng_below(&rng, sizeof whole - 1)] = (char)(1 + rng_below(&rng, 255));
        if (read_text(text, 0, &trace, &mishap) == GA_OK)
            gai_alloc_trace_fini(&trace);
    }
}

Test(alloc_trace, nesting_has_an_end)
{
    char text[400] = "";
    memset(text, '[', 200);
    struct test_source at = { .text = text, .len = 200 };
    struct ga_source source = test_source(&at);
    struct json_reader json = json_from(&source);
    for (unsigned i = 0; i < JSON_DEPTH - 1; i++)
        cr_assert_eq(gai_json_next(&json), JSON_ARRAY);
    cr_assert_eq(gai_json_next(&json), JSON_ERROR);
    cr_assert_str_eq(json.wrong, "nested too deep");
}

Test(alloc_trace, made_up_ones_are_sound_and_the_same_again)
{
    for (enum trace_program program = TRACE_LLM; program <= TRACE_TRAINING; program++) {
        struct ga_env env = gai_env(NULL);
        struct alloc_trace first, again, other;
        struct test_text a, b, c;
        bool ok;
        cr_assert_eq(gai_gen_trace(&env.mem, program, 1, &first), GA_OK);
        cr_assert_eq(gai_gen_trace(&env.mem, program, 2, &other), GA_OK);
        cr_assert_gt(gai_alloc_trace_peak(&first, &ok), (uint64_t)1 << 30);
        cr_assert(ok);
        struct mishap mishap;
        cr_assert_eq(read_text(written(&first, &a), 0, &again, &mishap), GA_OK, "%llu: %s", (unsigned long long)mishap.line,
                     mishap.what);
        cr_assert_str_eq(written(&again, &b), a.text);
        cr_assert_str_neq(written(&other, &c), a.text);
        test_text_fini(&a);
        test_text_fini(&b);
        test_text_fini(&c);
        gai_alloc_trace_fini(&first);
        gai_alloc_trace_fini(&again);
        gai_alloc_trace_fini(&other);
    }
}

Test(alloc_trace, without_memory_nothing_is_left)
{
    static const char text[] = "Thread,Time,Action,Pointer,Size,Stream\n1,0,free,1,64,0\n1,0,allocate,2,64,0\n1,0,free,2,64,0\n";
    for (uint64_t fail_at = 1;; fail_at++) {
        struct test_mem mem = { .fail_at = fail_at };
        struct ga_env env = test_env(&mem);
        struct test_source at = { .text = text, .len = sizeof text - 1 };
        struct ga_source source = test_source(&at);
        struct alloc_trace trace;
        struct mishap mishap;
        enum ga_status status = gai_alloc_trace_read(&env.mem, &source, &trace, &mishap);
        bool failed = mem.requests >= fail_at;
        cr_assert_eq(status, failed ? GA_NO_MEMORY : GA_OK, "request %llu", (unsigned long long)fail_at);
        if (status == GA_OK)
            gai_alloc_trace_fini(&trace);
        cr_assert(mem.live == 0 && !mem.lied);
        if (!failed)
            break;
    }
}

/* ---- names: beside an array that is searched ---- */

enum { MOST_NAMES = 400 };

Test(alloc_trace, names_are_found_as_long_as_they_are_there)
{
    struct ga_env env = gai_env(NULL);
    struct names names = { .mem = env.mem };
    uint64_t model[MOST_NAMES];
    uint32_t values[MOST_NAMES], n = 0;
    struct rng rng = { 9 };
    for (uint32_t round = 0; round < 200000; round++) {
        uint64_t name = rng_below(&rng, 3) ? rng_below(&rng, 600) * 512 : rng_next(&rng) << 32;
        uint32_t at = 0;
        while (at < n && model[at] != name)
            at++;
        cr_assert_eq(gai_names_find(&names, name), at < n ? values[at] : NAMES_NONE);
        if (at < n) {
            cr_assert_eq(gai_names_remove(&names, name), values[at]);
            model[at] = model[--n];
            values[at] = values[n];
        } else if (n < MOST_NAMES) {
            cr_assert(gai_names_add(&names, name, round));
            model[n] = name;
            values[n++] = round;
        }
        cr_assert_eq(names.len, n);
    }
    cr_assert_eq(gai_names_remove(&names, UINT64_MAX), NAMES_NONE);
    gai_names_fini(&names);
}
