/*
 * Each request for memory fails once: the call says so, no tensor was touched, and with memory it works.  Linked with --wrap=realloc,
 * since ggml's names have no place for a hook.
 */
#define _POSIX_C_SOURCE 200809L
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "made.h"

static int until_failure; /* counts down; 0: none */

/* NOLINTBEGIN(readability-identifier-naming): the linker chose them */
void *__real_realloc(void *ptr, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
/* NOLINTEND(readability-identifier-naming) */

void *__wrap_realloc(void *ptr, size_t size)
{
    return until_failure && --until_failure == 0 ? NULL : __real_realloc(ptr, size);
}

static bool is_untouched(const struct made *made)
{
    for (int i = 0; i < made->n; i++)
        if (made->tensors[i].data || made->tensors[i].buffer)
            return false;
    return true;
}

/* True when nothing failed. */
static bool whole_life(struct made *made)
{
    struct ggml_backend_buffer_type type = { .align = 16, .max_size = 256 };
    ggml_gallocr_t galloc = ggml_gallocr_new(&type);
    bool fine = galloc != NULL;
    for (uint32_t seed = 1; galloc && seed < 5; seed++) {
        made_random(made, seed, 1);
        bool done = ggml_gallocr_reserve(galloc, &made->graph) && ggml_gallocr_alloc_graph(galloc, &made->graph);
        cr_assert(done || is_untouched(made));
        cr_assert(done || ggml_gallocr_alloc_graph(galloc, &made->graph), "once there is memory, it works");
        cr_assert_eq(made_run(made), -1);
        fine = fine && done;
    }
    ggml_gallocr_free(galloc);
    cr_assert_eq(type.n_live, 0);
    return fine;
}

Test(dropin_faults, is_unharmed_when_memory_runs_out)
{
    static struct made made;
    static const char *const efforts[] = { "online", "quick" };
    for (int e = 0; e < 2; e++) {
        setenv("GGML_ALLOC_EFFORT", efforts[e], 1);
        int n = 0;
        do
            until_failure = ++n;
        while (!whole_life(&made) && n < 2000);
        until_failure = 0;
        cr_assert(n > 20 && n < 2000, "%s: %d requests", efforts[e], n);
    }
}

Test(dropin_faults, gives_back_a_context_that_cannot_be_finished)
{
    static struct made made;
    struct ggml_backend_buffer_type type = { .align = 16, .max_size = 64 };
    for (int n = 1, went_well = 0; !went_well; n++) {
        memset(&made, 0, sizeof made);
        for (int i = 0; i < 40; i++)
            made_tensor(&made, GGML_OP_NONE, 16);
        struct ggml_context ctx = { made.tensors, made.n };
        until_failure = n;
        ggml_backend_buffer_t buffer = ggml_backend_alloc_ctx_tensors_from_buft(&ctx, &type);
        went_well = buffer != NULL && until_failure > 0;
        until_failure = 0;
        if (buffer)
            ggml_backend_buffer_free(buffer);
        cr_assert_eq(type.n_live, 0);
    }
}
