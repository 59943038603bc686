/*
 * fuzz.h - what the fuzzers share
 *
 * Each is a libFuzzer entry point.  Built with -Dfuzz=true (clang) it searches; otherwise fuzz_main.c replays a corpus through it,
 * so that what was found once stays found.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include "ggml_alloc/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition, ...)                                                                                                    \
    do {                                                                                                                           \
        if (!(condition)) {                                                                                                        \
            fprintf(stderr, __VA_ARGS__);                                                                                          \
            fputc('\n', stderr);                                                                                                   \
            abort();                                                                                                               \
        }                                                                                                                          \
    } while (0)

/* Input taken bit by bit; past its end all is zero. */
struct fuzz_input {
    const uint8_t *data;
    size_t len, at;
};

static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
    return in->at < in->len ? in->data[in->at++] : 0;
}

static inline uint64_t fuzz_number(struct fuzz_input *in, unsigned bytes)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < bytes; i++)
        n = n << 8 | fuzz_byte(in);
    return n;
}

/* A source over bytes, in pieces of at most `step`. */
struct fuzz_text {
    const uint8_t *data;
    size_t len, at, step;
};

static inline size_t fuzz_read(void *user, char *buf, size_t cap)
{
    struct fuzz_text *text = user;
    size_t n = text->len - text->at;
    n = n > cap ? cap : n;
    n = n > text->step ? text->step : n;
    if (n > 0)
        memcpy(buf, text->data + text->at, n);
    text->at += n;
    return n;
}

/* What a sink appends to; `text` is to be freed. */
struct fuzz_output {
    char *text;
    size_t len, cap;
};

static inline bool fuzz_append(void *user, const char *text, size_t len)
{
    struct fuzz_output *out = user;
    if (out->cap - out->len < len) {
        size_t cap = 2 * (out->len + len);
        char *more = realloc(out->text, cap);
        if (!more)
            return false;
        out->text = more;
        out->cap = cap;
    }
    memcpy(out->text + out->len, text, len);
    out->len += len;
    return true;
}

/* Reads a .tgraph; NULL when it is refused, which must be explained. */
ga_graph *fuzz_read_graph(const void *text, size_t len, size_t step);
/* What is written can be read, and is then as many nodes; as many storages, too, unless a sequence leaves nodes out. */
void fuzz_round_trip(const ga_graph *graph, bool all_run);

/* Plans with every rung; each plan must pass the check, serve its graph, and be no worse than the rung before. */
void fuzz_plan_all(const ga_graph *graph, const struct ga_plan_opts *opts);
/* Orders it, within `reach`; what comes out is legal, needs what was promised, and no more than before.  The graph runs so afterwards. */
void fuzz_order(ga_graph *graph, const struct ga_plan_opts *opts, uint32_t reach);

#endif
