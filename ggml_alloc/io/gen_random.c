/*
 * gen_random.c - many intervals at random, so many of them living at a time as was asked for
 *
 * Fractions are fixed-point: numbers with `_32` in their name count 2^-32.
 */
#include "io/gen.h"

#include "base/bits.h"
#include "base/rng.h"

#define TIME_PER_INTERVAL 10u
#define WHOLE_LIFE_IN 1000u /* GEN_MIXED: one in so many lives throughout */

#define SMALLEST 256u
#define OCTAVES 16u /* from the smallest size to the largest */

/* 2^x for x below 2^30: the product of those of 2^(1/2), 2^(1/4), ... that x has. */
static uint64_t exp2_32(uint64_t x_32)
{
    /* clang-format off */
    static const uint32_t roots[] = { /* less one, in 2^-32 */
        0x6a09e668, 0x306fe0a3, 0x172b83c8, 0x0b5586d0, 0x059b0d31, 0x02c9a3e7, 0x0163daa0, 0x00b1afa6, 0x0058c86e, 0x002c605e,
        0x00162f39, 0x000b175f, 0x00058ba0, 0x0002c5cc, 0x000162e5, 0x0000b172, 0x000058b9, 0x00002c5d, 0x0000162e, 0x00000b17,
    };
    /* clang-format on */
    uint64_t fraction_31 = (uint64_t)1 << 31;
    for (unsigned i = 0; i < sizeof roots / sizeof *roots; i++)
        if (x_32 & (uint64_t)1 << (31 - i))
            fraction_31 += fraction_31 * roots[i] >> 32;
    unsigned whole = (unsigned)(x_32 >> 32);
    return fraction_31 << (whole + 1);
}

/*
 * Exponential, mean 1, by comparing uniform numbers only (von Neumann 1951): a run that falls from the first on has odd length with
 * the probability that makes the first one exponential within [0, 1); each refusal adds one.
 */
static uint64_t exponential_32(struct rng *rng)
{
    for (uint64_t whole = 0;; whole++) {
        uint64_t first = rng_next(rng) >> 32, last = first;
        bool odd = true;
        for (uint64_t next = rng_next(rng) >> 32; next < last; next = rng_next(rng) >> 32) {
            last = next;
            odd = !odd;
        }
        if (odd)
            return whole << 32 | first;
    }
}

/* e^(x / 1.2) = 2^(x / (1.2 ln 2)) is Pareto of shape 1.2 when x is exponential; beyond 2^25 none is of use. */
static uint64_t pareto_32(struct rng *rng)
{
    const uint64_t per_1_2_ln2_32 = 0x133c6629a;
    uint64_t x_16 = exponential_32(rng) >> 16;
    return exp2_32(min_u64(x_16 * per_1_2_ln2_32 >> 16, (uint64_t)25 << 32));
}

static uint64_t draw_size(struct rng *rng)
{
    return SMALLEST * (exp2_32(rng_next(rng) >> 32 << 4) >> 32);
}

/* How long each lives before all are stretched alike, in 2^-16; THROUGHOUT: from beginning to end. */
#define THROUGHOUT UINT64_MAX

struct draw {
    struct generated *made;
    uint64_t *lives_16;
    uint64_t span, longest; /* time in all, and that one may live for */
};

static uint64_t draw_life(struct rng *rng, enum gen_kind kind)
{
    if (kind == GEN_HEAVY)
        return pareto_32(rng) >> 16;
    if (kind == GEN_MIXED && rng_below(rng, WHOLE_LIFE_IN) == 0)
        return THROUGHOUT;
    return exponential_32(rng) >> 16;
}

static void draw_all(const struct draw *draw, const struct gen_random *wish)
{
    struct rng rng = { wish->seed };
    for (uint32_t i = 0; i < wish->n; i++) {
        uint64_t birth = rng_below(&rng, draw->span);
        draw->lives_16[i] = draw_life(&rng, wish->kind);
        draw->made->at[i] = (struct ga_interval){ .size = draw_size(&rng), .birth = birth };
    }
}

/* Ends all lives, `scale_8` (in 2^-8) times as long as drawn; the sum of those that come and go. */
static uint64_t stretch(const struct draw *draw, uint64_t scale_8)
{
    uint64_t sum = 0, too_long_16 = (draw->longest << 24) / max_u64(scale_8, 1);
    for (uint32_t i = 0; i < draw->made->n; i++) {
        struct ga_interval *interval = &draw->made->at[i];
        uint64_t life_16 = draw->lives_16[i];
        if (life_16 == THROUGHOUT) {
            interval->birth = 0;
            interval->death = draw->span;
            continue;
        }
        uint64_t life = life_16 >= too_long_16 ? draw->longest : life_16 * scale_8 >> 24;
        interval->death = min_u64(draw->span, interval->birth + 1 + life);
        sum += interval->death - interval->birth;
    }
    return sum;
}

/* As long as they may be without too many living at a time. */
static void stretch_to(const struct draw *draw, uint64_t sum)
{
    uint64_t low = 0, high = draw->span << 8;
    while (high - low > 1) {
        uint64_t mid = low + (high - low) / 2;
        if (stretch(draw, mid) <= sum)
            low = mid;
        else
            high = mid;
    }
    stretch(draw, low);
}

enum ga_status gai_gen_random(const struct ga_mem *mem, const struct gen_random *wish, struct generated *made)
{
    struct generated out = { .n = wish->n, .room = wish->n };
    struct draw draw = { .made = &out, .span = (uint64_t)wish->n * TIME_PER_INTERVAL };
    uint64_t mean = (uint64_t)wish->live * TIME_PER_INTERVAL;
    draw.longest = wish->kind == GEN_HEAVY ? min_u64(draw.span, max_u64(draw.span / 10, 4 * mean)) : draw.span;
    draw.lives_16 = mem_new_raw(mem, uint64_t, wish->n);
    out.at = mem_new_raw(mem, struct ga_interval, wish->n);
    bool ok = draw.lives_16 && out.at;
    if (ok) {
        draw_all(&draw, wish);
        stretch_to(&draw, draw.span * wish->live);
        *made = out;
    } else {
        gai_generated_fini(mem, &out);
    }
    mem_free(mem, draw.lives_16, wish->n);
    return ok ? GA_OK : GA_NO_MEMORY;
}
