/*
 * Every range of a few bytes that any sequence of operations can lead to, and every operation in each: what random traffic leaves
 * to chance is decided here.  States are told apart by all that a decision may rest on (nodes and their numbers, spare numbers,
 * loose nodes, trees), and followed until no new one turns up; where there are too many, up to so many operations.
 *
 * What must come out is worked out byte by byte, from who owns which, by the rule as range.h states it; and the range passes its
 * own check each time.  Built twice: as it is, and with one loose node instead of eight, so that a few bytes reach the bins.
 */
#include "range/range.h"
#include "support.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

enum { MAX_SIZE = 10, MAX_NODES = 2 * MAX_SIZE + 3, KEY = 4 * MAX_NODES + RANGE_LOOSE + 2, UNTOUCHED = 255 };

enum kind { TAKE, TAKE_AT, GIVE, TRIM };

struct op {
    uint8_t kind, node, offset, len; /* offset: for TRIM within the block */
};

struct state {
    uint32_t parent; /* the state it was reached from, and how; the first is its own */
    struct op by;
    uint8_t depth;
    uint8_t key[KEY];
};

struct world {
    struct range range;
    enum range_fit fit;
    uint8_t size;
    struct state *states;
    uint32_t *slots; /* states by hash, counted from 1 */
    uint32_t n, cap; /* twice as many slots */
};

/* All but the peak, on which nothing rests. */
static void make_key(const struct range *range, uint8_t *key)
{
    uint8_t *at = key;
    memset(key, 0, KEY);
    for (uint32_t node = range_next(range, RANGE_NONE); node != RANGE_NONE; node = range_next(range, node)) {
        *at++ = (uint8_t)node;
        *at++ = (uint8_t)range_len(range, node);
        *at++ = (uint8_t)range->nodes[node].left; /* whether it is used or loose, too */
        *at++ = (uint8_t)range->nodes[node].right;
    }
    *at++ = UNTOUCHED;
    for (uint32_t i = 0; i < range->n_loose; i++)
        *at++ = (uint8_t)range->loose[i];
    *at++ = UNTOUCHED;
    for (uint32_t node = range->spare; node != RANGE_NONE; node = range->nodes[node].next)
        *at++ = (uint8_t)node;
    cr_assert(at <= key + KEY);
}

/* Whose each byte is: a node, or RANGE_NONE. */
struct owners {
    uint8_t of[MAX_SIZE + 1]; /* one more: UNTOUCHED */
};

static struct owners owners_of(const struct world *world)
{
    struct owners owners = { { 0 } };
    memset(owners.of, UNTOUCHED, sizeof owners.of);
    const struct range *range = &world->range;
    for (uint32_t node = range_next(range, RANGE_NONE); node != RANGE_NONE; node = range_next(range, node))
        for (uint64_t i = 0; i < range_len(range, node); i++)
            owners.of[range_offset(range, node) + i] = range_is_free(range, node) ? RANGE_NONE : (uint8_t)node;
    return owners;
}

static uint8_t hole_at(const struct owners *owners, uint8_t offset)
{
    uint8_t len = 0;
    while (owners->of[offset + len] == RANGE_NONE)
        len++;
    return len;
}

static bool is_hole_begin(const struct owners *owners, uint8_t offset)
{
    return owners->of[offset] == RANGE_NONE && (offset == 0 || owners->of[offset - 1] != RANGE_NONE);
}

/* Where the rule says, or UNTOUCHED. */
static uint8_t choose(const struct world *world, const struct owners *owners, uint8_t len)
{
    uint8_t best = UNTOUCHED, best_len = 0, last = UNTOUCHED;
    for (uint8_t i = 0; i < world->size; i++)
        if (is_hole_begin(owners, i))
            last = i;
    for (uint8_t i = 0; i < world->size && last != UNTOUCHED && i < last; i++) {
        uint8_t hole = is_hole_begin(owners, i) ? hole_at(owners, i) : 0;
        if (hole < len || (best != UNTOUCHED && hole > best_len))
            continue;
        if (best == UNTOUCHED || hole < best_len || world->fit == RANGE_TIE_HIGH) {
            best = i;
            best_len = hole;
        }
    }
    if (best == UNTOUCHED && last != UNTOUCHED && hole_at(owners, last) >= len)
        best = last;
    return best;
}

static void own(struct owners *owners, uint64_t offset, uint64_t len, uint32_t node)
{
    for (uint64_t i = 0; i < len; i++) {
        cr_assert(node == RANGE_NONE || owners->of[offset + i] == RANGE_NONE);
        owners->of[offset + i] = (uint8_t)node;
    }
}

static enum ga_status apply(struct range *range, struct op op, uint32_t *node)
{
    switch (op.kind) {
    case TAKE:
        return gai_range_take(range, op.len, node);
    case TAKE_AT:
        return gai_range_take_at(range, op.offset, op.len, node);
    case GIVE:
        gai_range_give(range, op.node);
        return GA_OK;
    default:
        gai_range_trim(range, op.node, op.offset, op.len);
        return GA_OK;
    }
}

static void replay(struct world *world, uint32_t state)
{
    struct op path[256];
    unsigned n = 0;
    for (; state; state = world->states[state].parent)
        path[n++] = world->states[state].by;
    gai_range_reset(&world->range);
    uint32_t node;
    while (n--)
        cr_assert_eq(apply(&world->range, path[n], &node), GA_OK);
}

/* What `op` must make of the owners; `*offset` where it takes, UNTOUCHED when it must be refused. */
static void expect(const struct world *world, struct op op, struct owners *owners, uint8_t *offset)
{
    *offset = UNTOUCHED;
    if (op.kind == TAKE)
        *offset = choose(world, owners, op.len);
    else if (op.kind == TAKE_AT && hole_at(owners, op.offset) >= op.len)
        *offset = op.offset;
    else if (op.kind == GIVE || op.kind == TRIM)
        for (uint8_t i = 0, inside = 0; i < world->size; i++)
            if (owners->of[i] == op.node) {
                bool stays = op.kind == TRIM && inside >= op.offset && inside - op.offset < op.len;
                inside++;
                if (!stays)
                    owners->of[i] = RANGE_NONE;
            }
}

/* One operation in the state that the range is in.  False: it was refused, and nothing has changed. */
static bool step(struct world *world, struct op op)
{
    struct owners owners = owners_of(world);
    uint8_t before[KEY], after[KEY], offset;
    uint64_t peak = world->range.peak;
    make_key(&world->range, before);
    expect(world, op, &owners, &offset);

    uint32_t node = UNTOUCHED;
    enum ga_status status = apply(&world->range, op, &node);
    const char *broken = gai_range_check(&world->range);
    cr_assert_null(broken, "%s", broken);
    if (op.kind == TAKE || op.kind == TAKE_AT) {
        bool may_go_elsewhere = op.kind == TAKE && world->fit == RANGE_FAST;
        if (!may_go_elsewhere)
            cr_assert_eq(status, offset == UNTOUCHED ? GA_NO_SPACE : GA_OK);
        if (status != GA_OK) {
            cr_assert_eq(status, GA_NO_SPACE);
            make_key(&world->range, after);
            cr_assert(node == UNTOUCHED && memcmp(before, after, KEY) == 0 && world->range.peak == peak);
            return false;
        }
        cr_assert(may_go_elsewhere || range_offset(&world->range, node) == offset);
        cr_assert_eq(range_len(&world->range, node), op.len);
        own(&owners, range_offset(&world->range, node), op.len, node);
    }
    struct owners now = owners_of(world);
    cr_assert_arr_eq(now.of, owners.of, sizeof now.of);
    return true;
}

/* Whether the state the range is in is a new one; then it is the last. */
static bool remember(struct world *world, uint32_t parent, struct op by)
{
    struct state *state = &world->states[world->n];
    *state = (struct state){ .parent = parent, .by = by, .depth = world->n ? (uint8_t)(world->states[parent].depth + 1) : 0 };
    make_key(&world->range, state->key);
    uint64_t hash = 0;
    for (unsigned i = 0; i < KEY; i++)
        hash = (hash ^ state->key[i]) * 0x100000001b3u;
    uint64_t slot = (hash ^ hash >> 29) % (2 * (uint64_t)world->cap);
    for (; world->slots[slot]; slot = slot + 1 == 2 * (uint64_t)world->cap ? 0 : slot + 1)
        if (memcmp(world->states[world->slots[slot] - 1].key, state->key, KEY) == 0)
            return false;
    world->slots[slot] = ++world->n;
    cr_assert(world->n < world->cap, "more states than room for them");
    return true;
}

/* The range is in the state `from`, before and after. */
static void try_op(struct world *world, uint32_t from, struct op op, bool follow)
{
    if (!step(world, op))
        return;
    if (follow)
        remember(world, from, op);
    replay(world, from);
}

static void try_all(struct world *world, uint32_t from, bool follow)
{
    replay(world, from);
    struct owners owners = owners_of(world);
    for (uint8_t len = 1; len <= world->size; len++) {
        try_op(world, from, (struct op){ .kind = TAKE, .len = len }, follow);
        for (uint8_t offset = 0; offset + len <= world->size; offset++)
            try_op(world, from, (struct op){ .kind = TAKE_AT, .offset = offset, .len = len }, follow);
    }
    for (uint8_t i = 0, len; i < world->size; i += len) {
        uint8_t node = owners.of[i];
        for (len = 1; owners.of[i + len] == node;)
            len++;
        if (node == RANGE_NONE)
            continue;
        try_op(world, from, (struct op){ .kind = GIVE, .node = node }, follow);
        for (uint8_t head = 0; head < len; head++)
            for (uint8_t kept = 1; head + kept <= len; kept++)
                try_op(world, from, (struct op){ .kind = TRIM, .node = node, .offset = head, .len = kept }, follow);
    }
}

/* All that up to `depth` operations do to a range of `size` bytes. */
static void explore(uint8_t size, uint8_t depth, uint32_t cap)
{
    for (enum range_fit fit = RANGE_TIE_HIGH; fit <= RANGE_FAST; fit++) {
        struct world *world = calloc(1, sizeof *world);
        struct ga_mem mem = gai_env(NULL).mem;
        *world = (struct world){ .fit = fit, .size = size, .cap = cap };
        world->states = malloc(cap * sizeof *world->states);
        world->slots = calloc(2 * (size_t)cap, sizeof *world->slots);
        cr_assert(world->states && world->slots);
        cr_assert_eq(gai_range_init(&world->range, &mem, size, fit, size), GA_OK);
        remember(world, 0, (struct op){ 0 });
        uint32_t at = 0;
        for (; at < world->n; at++)
            try_all(world, at, world->states[at].depth + 1 < depth);
        gai_range_fini(&world->range);
        free(world->states);
        free(world->slots);
        free(world);
    }
}

Test(exact_range, of_four_bytes_survives_every_sequence)
{
    explore(4, UINT8_MAX, 4000);
}

Test(exact_range, of_six_bytes_survives_five_operations)
{
    explore(6, 5, 20000);
}
