/*
 * Each request for memory fails once: the call says so, and nothing has changed.  Linked with --wrap=realloc, since the API of 2023
 * has no place for a hook.
 */
#include "ggml/small.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static struct small s;
static char memory[1 << 16];
static int until_failure; /* counts down; 0: none */

/* NOLINTBEGIN(readability-identifier-naming): the linker chose them */
void *__real_realloc(void *ptr, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
/* NOLINTEND(readability-identifier-naming) */

void *__wrap_realloc(void *ptr, size_t size)
{
    return until_failure && --until_failure == 0 ? NULL : __real_realloc(ptr, size);
}

/* A graph that grows every table: in place, views, a sequence. */
static void make(void)
{
    static const int n = 200;
    s = (struct small){ 0 };
    struct ggml_tensor *at = small_leaf(&s, "x", 64);
    for (int i = 0; i < n; i++) {
        struct ggml_tensor *kept = small_node(&s, GGML_OP_MUL_MAT, "kept", 64, at, NULL);
        at = small_node(&s, GGML_OP_SCALE, "scaled", 64, small_view(&s, "view", kept, 0, 64), NULL);
    }
}

/* True when all went well; else what failed was said, and nothing is left behind. */
static bool whole_life(void)
{
    static struct ggml_tensor before[SMALL_TENSORS];
    ggml_allocr_t alloc = ggml_allocr_new(memory, sizeof memory, 32);
    if (!alloc)
        return false;
    ggml_allocr_set_parse_seq(alloc, (int[]){ 0, -1 }, 2);
    bool fine = !ggml_allocr_error(alloc);
    ggml_allocr_set_parse_seq(alloc, NULL, 0);
    ggml_allocr_alloc(alloc, s.leafs[0]);
    fine = fine && !ggml_allocr_error(alloc);
    cr_assert_eq(s.leafs[0]->data != NULL, ggml_allocr_error(alloc) == NULL);
    memcpy(before, s.tensors, sizeof before);
    size_t size = ggml_allocr_alloc_graph(alloc, small_graph(&s));
    if (ggml_allocr_error(alloc)) {
        cr_assert_eq(size, 0);
        /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): a copy, padding and all */
        cr_assert_eq(memcmp(before, s.tensors, sizeof before), 0);
        fine = false;
        cr_assert_gt(ggml_allocr_alloc_graph(alloc, small_graph(&s)), 0, "once there is memory, it works");
    }
    ggml_allocr_free(alloc);
    return fine;
}

Test(faults_2023, leave_everything_as_it_was)
{
    int n = 1;
    for (;; n++) {
        make();
        until_failure = n;
        bool fine = whole_life();
        bool failed = until_failure == 0;
        until_failure = 0;
        cr_assert_neq(fine, failed, "request %d", n);
        if (!failed)
            break;
    }
    cr_assert_gt(n, 10, "%d requests", n);
}

Test(faults_2023, leave_no_backend_or_buffer_half_made)
{
    for (int n = 1;; n++) {
        until_failure = n;
        ggml_backend_t host = ggml_backend_cpu_init();
        ggml_tallocr_t talloc = host ? ggml_tallocr_new_from_backend(host, 1000) : NULL;
        ggml_tallocr_t measure = talloc ? ggml_tallocr_new_measure(32) : NULL;
        bool failed = until_failure == 0;
        until_failure = 0;
        cr_assert_eq(measure == NULL, failed);
        ggml_tallocr_free(measure);
        ggml_tallocr_free(talloc);
        ggml_backend_free(host);
        if (!failed)
            break;
    }
}
