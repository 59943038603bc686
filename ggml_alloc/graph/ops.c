#include "graph/ops.h"

#include <string.h>

static const char *const looking[] = { "NONE", "PERMUTE", "RESHAPE", "TRANSPOSE", "VIEW" };

static const struct {
    const char *op;
    uint32_t n_src; /* 0: any number */
} reusing[] = {
    { "CLAMP", 0 },      { "COS", 0 },     { "GLU", 2 }, /* gate and value apart; in one tensor the result is half as wide */
    { "GROUP_NORM", 0 }, { "L2_NORM", 0 }, { "LEAKY_RELU", 0 }, { "NORM", 0 }, { "SIN", 0 },
};

bool gai_op_only_looks(const char *op)
{
    for (size_t i = 0; i < sizeof looking / sizeof *looking; i++)
        if (strcmp(op, looking[i]) == 0)
            return true;
    return false;
}

bool gai_op_may_reuse(const char *op, uint32_t n_src)
{
    size_t len = strcspn(op, ":");
    for (size_t i = 0; i < sizeof reusing / sizeof *reusing; i++)
        if (strlen(reusing[i].op) == len && memcmp(reusing[i].op, op, len) == 0)
            return reusing[i].n_src == 0 || reusing[i].n_src == n_src;
    return false;
}
