/*
 * linear.c - offsets from a free list, for memory that somebody else owns
 */
#include <ggml_alloc/ggml_alloc.h>

#include <inttypes.h>
#include <stdio.h>

int main(void)
{
    ga_tallocr *talloc = ga_tallocr_new(NULL, 1 << 20, 64); /* 1 MiB, 64-byte aligned */
    uint64_t a, b, c;
    if (!talloc || ga_tallocr_alloc(talloc, 1000, &a) != GA_OK || ga_tallocr_alloc(talloc, 3000, &b) != GA_OK)
        return 1;
    if (ga_tallocr_free(talloc, a, 1000) != GA_OK) /* GA_INVALID for what is not a live block of this size */
        return 1;
    if (ga_tallocr_alloc(talloc, 500, &c) != GA_OK) /* best fit: where `a` was */
        return 1;
    if (ga_tallocr_alloc(talloc, 2 << 20, &a) == GA_NO_SPACE)
        printf("largest block left: %" PRIu64 " bytes\n", ga_tallocr_largest(talloc));
    bool as_told = c == 0 && b == 1024 && ga_tallocr_max(talloc) == 1024 + 3008;
    ga_tallocr_delete(talloc);
    return as_told ? 0 : 1;
}
