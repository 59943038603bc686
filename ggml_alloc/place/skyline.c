#include "place/skyline.h"

#include <string.h>

void gai_skyline_init(struct skyline *sky, uint64_t *words, uint32_t n)
{
    *sky = (struct skyline){ 0 };
    for (size_t len = n;; len = (len + SKY_FAN - 1) >> SKY_SHIFT) {
        unsigned l = sky->n_levels++;
        sky->top[l] = words + sky->n_words;
        sky->floor[l] = sky->top[l] + len;
        sky->n_words += l > 0 ? 2 * len : len;
        if (len <= 2 * SKY_FAN)
            return;
    }
}

size_t gai_skyline_words(uint32_t n)
{
    size_t words = n;
    for (size_t len = n; len > 2 * SKY_FAN;) {
        len = (len + SKY_FAN - 1) >> SKY_SHIFT;
        words += 2 * len;
    }
    return words;
}

void gai_skyline_reset(struct skyline *sky)
{
    memset(sky->top[0], 0, sky->n_words * sizeof *sky->top[0]);
}

void gai_skyline_load(struct skyline *sky, uint32_t n)
{
    for (unsigned l = 1; l < sky->n_levels; l++) {
        for (uint32_t s = 0; s < n; s++)
            sky->top[l][s >> SKY_SHIFT] = max_u64(sky->top[l][s >> SKY_SHIFT], sky->top[l - 1][s]);
        n = ((n - 1) >> SKY_SHIFT) + 1;
    }
}

uint64_t gai_skyline_top(const struct skyline *sky, uint32_t from, uint32_t to)
{
    uint64_t top = 0;
    uint32_t first = from, last = to - 1;
    for (unsigned l = 0; from < to; l++) {
        const uint64_t *tops = sky->top[l];
        bool highest = l + 1 == sky->n_levels;
        for (; from < to && (highest || from % SKY_FAN != 0); from++)
            top = max_u64(top, tops[from]);
        for (; from < to && to % SKY_FAN != 0; to--)
            top = max_u64(top, tops[to - 1]);
        from >>= SKY_SHIFT;
        to >>= SKY_SHIFT;
    }
    for (unsigned l = 1; l < sky->n_levels; l++) {
        first >>= SKY_SHIFT;
        last >>= SKY_SHIFT;
        top = max_u64(top, max_u64(sky->floor[l][first], sky->floor[l][last]));
    }
    return top;
}

static void set(struct skyline *sky, unsigned level, uint32_t at, uint64_t height)
{
    sky->top[level][at] = height;
    if (level > 0)
        sky->floor[level][at] = height;
}

void gai_skyline_raise(struct skyline *sky, uint32_t from, uint32_t to, uint64_t height)
{
    uint32_t first = from, last = to - 1;
    for (unsigned l = 0; from < to; l++) {
        bool highest = l + 1 == sky->n_levels;
        for (; from < to && (highest || from % SKY_FAN != 0); from++)
            set(sky, l, from, height);
        for (; from < to && to % SKY_FAN != 0; to--)
            set(sky, l, to - 1, height);
        from >>= SKY_SHIFT;
        to >>= SKY_SHIFT;
    }
    for (unsigned l = 1; l < sky->n_levels; l++) {
        first >>= SKY_SHIFT;
        last >>= SKY_SHIFT;
        sky->top[l][first] = max_u64(sky->top[l][first], height);
        sky->top[l][last] = max_u64(sky->top[l][last], height);
    }
}
