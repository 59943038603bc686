#include "graph/ops.h"

#include <criterion/criterion.h>

Test(ops, know_which_views_only_look)
{
    static const char *const looking[] = { "NONE", "VIEW", "RESHAPE", "PERMUTE", "TRANSPOSE" };
    static const char *const writing[] = { "", "-", "CPY", "SET_ROWS", "VIEWS", "OPT_STEP_ADAMW", "RESHAPE:X" };
    for (size_t i = 0; i < sizeof looking / sizeof *looking; i++)
        cr_assert(gai_op_only_looks(looking[i]), "%s", looking[i]);
    for (size_t i = 0; i < sizeof writing / sizeof *writing; i++)
        cr_assert_not(gai_op_only_looks(writing[i]), "%s", writing[i]);
}

Test(ops, know_what_may_work_in_place_beyond_ggml)
{
    static const struct {
        const char *op;
        uint32_t n_src;
        bool may;
    } cases[] = {
        { "NORM", 1, true },
        { "GROUP_NORM", 1, true },
        { "L2_NORM", 1, true },
        { "CLAMP", 1, true },
        { "LEAKY_RELU", 1, true },
        { "SIN", 1, true },
        { "COS", 1, true },
        { "GLU:SWIGLU", 2, true },
        { "GLU:GEGLU", 1, false },
        { "GLU", 2, true },
        { "RMS_NORM_BACK", 2, false },
        { "NORMAL", 1, false },
        { "MUL_MAT", 2, false },
        { "", 0, false },
        { "GL", 2, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(gai_op_may_reuse(cases[i].op, cases[i].n_src), cases[i].may, "%s", cases[i].op);
}
