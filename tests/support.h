/*
 * support.h - what several test programs need
 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include "ggml_alloc/base.h"

/*
 * A memory hook that checks its caller: the old size must be the one last asked
 * for, everything must be given back; and that fails its `fail_at`-th request
 * (counting from 1; 0: never) once, or that one and all behind it.
 */
struct test_mem {
    uint64_t requests, fail_at;
    uint64_t live, peak, blocks;
    bool lied;      /* an old size was wrong */
    bool stays;     /* fails from `fail_at` on */
    uint64_t limit; /* of live bytes; 0: none */
};

struct ga_env test_env(struct test_mem *mem);

/* A sink that appends to a growing text, and refuses once `limit` bytes (0: none) are in. */
struct test_text {
    char *text;
    size_t len, cap, limit;
};

struct ga_sink test_sink(struct test_text *text);
void test_text_fini(struct test_text *text);

/* A source that reads from memory, at most `step` bytes a call (0: as many as asked for). */
struct test_source {
    const char *text;
    size_t len, at, step;
};

struct ga_source test_source(struct test_source *source);

/* The folder of recorded graphs beside the project (its path, static), or NULL: then the test has nothing to do. */
const char *test_shared(void);

#endif
