/*
 * Any text as a trace of allocations: refused with a reason, or one that can be written, read again, and is then the same.
 */
#include "fuzz.h"

#include "io/alloc_trace.h"

static bool read_trace(const void *data, size_t size, size_t step, struct alloc_trace *trace)
{
    struct ga_env env = gai_env(NULL);
    struct fuzz_text from = { data, size, 0, step };
    struct mishap mishap;
    enum ga_status status = gai_alloc_trace_read(&env.mem, &(struct ga_source){ fuzz_read, &from }, trace, &mishap);
    REQUIRE(status == GA_OK || mishap.what[0], "refused, but nobody says why");
    return status == GA_OK;
}

static struct fuzz_output write_trace(const struct alloc_trace *trace)
{
    struct fuzz_output out = { NULL, 0, 0 };
    struct ga_sink sink = { fuzz_append, &out };
    struct text text = text_to(&sink);
    gai_alloc_trace_write(trace, &text);
    REQUIRE(gai_text_end(&text) == GA_OK, "not written");
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct alloc_trace trace, again;
    bool ok;
    if (!read_trace(data, size, size % 5 ? 4096 : 3, &trace))
        return 0;
    struct fuzz_output first = write_trace(&trace);
    REQUIRE(read_trace(first.text, first.len, 4096, &again), "what was written is not read");
    struct fuzz_output second = write_trace(&again);
    REQUIRE(first.len == second.len && memcmp(first.text, second.text, first.len) == 0, "what was read is another trace");
    REQUIRE(gai_alloc_trace_peak(&trace, &ok) == gai_alloc_trace_peak(&again, &ok), "another peak");
    free(first.text);
    free(second.text);
    gai_alloc_trace_fini(&trace);
    gai_alloc_trace_fini(&again);
    return 0;
}
