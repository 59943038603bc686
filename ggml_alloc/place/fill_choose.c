#include "place/fill.h"

/* The items at one edge of a valley. */
struct edge_list {
    const uint32_t *items;
    uint32_t begin, end;
};

static struct edge_list list_of(const struct fill *fill, const struct fill_choice *choice)
{
    if (choice->right)
        return (struct edge_list){ fill->right, fill->right_at[choice->to], fill->right_at[choice->to + 1] };
    return (struct edge_list){ fill->left, fill->left_at[choice->from], fill->left_at[choice->from + 1] };
}

static bool is_on_ground(const struct fill *fill, const struct fill_state *state, const struct fill_choice *choice, uint32_t i)
{
    const struct fill_item *item = &fill->items[i];
    return state->mark[i] != FILL_PLACED && state->low[i] == choice->ground && item->from >= choice->from && item->to <= choice->to;
}

/* An answer in which nothing can slide down has no item over empty ground: something placed must be right below. */
static bool is_supported(const struct fill *fill, const struct fill_state *state, uint32_t i)
{
    const struct fill_item *item = &fill->items[i];
    uint32_t low = state->low[i];
    if (low == item->lowest)
        return true;
    for (uint32_t s = item->from; s < item->to; s++)
        if (align_up(state->top[s], item->align) == low)
            return true;
    return false;
}

static bool are_twins(const struct fill_item *a, const struct fill_item *b)
{
    return a->from == b->from && a->to == b->to && a->size == b->size && a->align == b->align && a->lowest == b->lowest &&
           !a->fixed && !b->fixed;
}

/*
 * The place in the list, from `at` on, of the next item to try.  Of twins, which are neighbours in the list, only the first that is
 * unplaced is tried: exchanging them changes nothing (EXACT_TWINS).
 */
static uint32_t next_in_list(const struct fill *fill, const struct fill_state *state, const struct fill_choice *choice,
                             struct edge_list list, uint32_t at)
{
    for (; at < list.end; at++) {
        uint32_t i = list.items[at];
        if (!is_on_ground(fill, state, choice, i))
            continue;
        bool again = at > list.begin && fill_has(fill, EXACT_TWINS) && state->mark[list.items[at - 1]] != FILL_PLACED &&
                     are_twins(&fill->items[i], &fill->items[list.items[at - 1]]);
        if (!again && is_supported(fill, state, i))
            break;
    }
    return at;
}

static uint32_t count_candidates(const struct fill *fill, const struct fill_state *state, const struct fill_choice *choice)
{
    struct edge_list list = list_of(fill, choice);
    uint32_t n = 0, at = next_in_list(fill, state, choice, list, list.begin);
    while (at < list.end) {
        n++;
        at = next_in_list(fill, state, choice, list, at + 1);
    }
    return n;
}

/* Small is good.  Three tastes prefer sections that failed often and lately: whatever is wrong with them is found out sooner. */
static uint64_t weigh(struct fill *fill, const struct fill_choice *choice, uint64_t candidates, uint64_t slack)
{
    uint64_t fewest = 2 * candidates + (slack > 0 ? 3 : 0), narrowest = candidates * (choice->to - choice->from);
    uint64_t blame = FILL_BLAME + fill->blame[choice->right ? choice->to - 1 : choice->from], weight = fewest;
    switch (fill->taste) {
    case FILL_LOWEST:
        weight = choice->ground;
        break;
    case FILL_TIGHTEST_BLAMED:
        weight = (slack << 20) / blame;
        break;
    case FILL_FEWEST_BLAMED:
        weight = (fewest << 20) / blame;
        break;
    case FILL_NARROWEST_BLAMED:
        weight = (narrowest << 20) / blame;
        break;
    case FILL_FEWEST:
    case FILL_N_TASTES:
        break;
    }
    weight = 8 * (weight + 1);
    if (fill->noise > 0)
        weight += (weight + 8) * fill->noise / 8 * rng_below(&fill->rng, 1024) / 1024;
    return weight;
}

bool gai_fill_choose(struct fill *fill, struct fill_frame *frame)
{
    const struct fill_state *state = &frame->state;
    const struct fill_window *window = &frame->window;
    uint64_t best = UINT64_MAX;
    for (uint32_t a = window->from, b; a < window->to; a = b) {
        uint32_t ground = state->floor[a];
        for (b = a + 1; b < window->to && state->floor[b] == ground;)
            b++;
        bool is_valley = (a == window->from || state->floor[a - 1] > ground) && (b == window->to || state->floor[b] > ground);
        for (int right = 0; right <= 1 && is_valley; right++) {
            struct fill_choice choice = { .from = a, .to = b, .ground = ground, .right = right };
            uint32_t edge = right ? b - 1 : a, n = count_candidates(fill, state, &choice);
            uint64_t end = (uint64_t)ground + state->rest[edge];
            if (end >= fill->capacity && n == 0 && fill_has(fill, EXACT_SECTIONS))
                return false;
            bool forced = n == 0 || (n == 1 && end >= fill->capacity);
            uint64_t weight = forced ? 0 : weigh(fill, &choice, n, end < fill->capacity ? fill->capacity - end : 0);
            if (weight >= best)
                continue;
            best = weight;
            choice.next = list_of(fill, &choice).begin;
            frame->choice = choice;
        }
    }
    return true;
}

uint32_t gai_fill_next(const struct fill *fill, struct fill_frame *frame)
{
    struct edge_list list = list_of(fill, &frame->choice);
    uint32_t at = next_in_list(fill, &frame->state, &frame->choice, list, frame->choice.next);
    frame->choice.next = at + 1;
    return at < list.end ? list.items[at] : PLACE_NONE;
}

bool gai_fill_pass(struct fill *fill, struct fill_frame *frame)
{
    struct fill_state *state = &frame->state;
    const struct fill_choice *choice = &frame->choice;
    struct edge_list list = list_of(fill, choice);
    for (uint32_t at = list.begin; at < list.end; at++) {
        uint32_t i = list.items[at];
        if (!is_on_ground(fill, state, choice, i))
            continue;
        if (fill->items[i].fixed)
            return false;
        uint32_t low = gai_fill_clear(fill, state, i, (uint64_t)choice->ground + 1);
        if ((uint64_t)low + fill->items[i].size > fill->capacity)
            return false;
        state->low[i] = low;
        state->mark[i] = FILL_PASSED;
    }
    return gai_fill_settle(fill, frame, choice->from, choice->to);
}
