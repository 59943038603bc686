#include "plan/moments.h"

/* The byte at `shift` of a time, from where on moments with that byte go. */
static void count_starts(const struct moment *moments, size_t n, unsigned shift, size_t starts[256])
{
    size_t at = 0;
    for (unsigned byte = 0; byte < 256; byte++)
        starts[byte] = 0;
    for (size_t i = 0; i < n; i++)
        starts[moments[i].time >> shift & 255]++;
    for (unsigned byte = 0; byte < 256; byte++) {
        size_t count = starts[byte];
        starts[byte] = at;
        at += count;
    }
}

struct moment *gai_moments_sort(struct moment *moments, struct moment *scratch, size_t n)
{
    uint64_t differ = 0;
    for (size_t i = 0; i < n; i++)
        differ |= moments[i].time ^ moments[0].time;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        size_t starts[256];
        if ((differ >> shift & 255) == 0)
            continue;
        count_starts(moments, n, shift, starts);
        for (size_t i = 0; i < n; i++)
            scratch[starts[moments[i].time >> shift & 255]++] = moments[i];
        struct moment *sorted = scratch;
        scratch = moments;
        moments = sorted;
    }
    return moments;
}
