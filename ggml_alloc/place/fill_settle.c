#include "place/fill.h"

/*
 * Consequences, until nothing changes.  Let Y be any answer that has all that is placed, and in which no item can slide down;
 * sliding down ends, so if there is an answer there is one such.  All numbers speak about Y:
 *
 *   - an unplaced item is at least as high as the floor of each of its sections, and where no unplaced fixed item is in its way;
 *   - the floor of a section rises to the lowest of the items that are still to cover it;
 *   - a passed item is not where it could lie at once.  Whatever it slides down onto ends higher than that, thus is neither
 *     what was placed by then nor its own lower limit: it was an item still to come.  If none of those that were placed since
 *     ends high enough, it is an item still to come now, and the passed one lies above the lowest end of such a neighbour.
 *     Fixed items count among the neighbours, and rounding up to an alignment only adds (EXACT_LIFTER);
 *   - what is to come in a section fits between its floor and the capacity (EXACT_SECTIONS).
 */

struct span {
    uint32_t from, to;
};

static void span_add(struct span *span, const struct fill_item *item)
{
    if (span->from >= span->to)
        *span = (struct span){ item->from, item->to };
    span->from = item->from < span->from ? item->from : span->from;
    span->to = item->to > span->to ? item->to : span->to;
}

uint32_t gai_fill_clear(const struct fill *fill, const struct fill_state *state, uint32_t item, uint64_t at)
{
    const struct fill_item *self = &fill->items[item];
    at = align_up(at, self->align);
    for (uint32_t k = 0; k < fill->n_fixed; k++) {
        uint32_t f = fill->fixed[k];
        const struct fill_item *fixed = &fill->items[f];
        bool meets = f != item && state->mark[f] != FILL_PLACED && fill_lives(fixed, self->from, self->to) &&
                     at < (uint64_t)fixed->lowest + fixed->size && fixed->lowest < at + self->size;
        if (!meets)
            continue;
        at = align_up((uint64_t)fixed->lowest + fixed->size, self->align);
        k = UINT32_MAX; /* from the first again */
    }
    return at < fill->capacity ? (uint32_t)at : fill->capacity;
}

/* Shares one failure among the sections of an item. */
static void blame_item(struct fill *fill, const struct fill_item *item)
{
    for (uint32_t s = item->from; s < item->to; s++)
        fill->blame[s] += 1 + FILL_BLAME / (item->to - item->from);
}

/* Raises one item; false when it cannot be that high. */
static bool raise_item(struct fill *fill, struct fill_state *state, uint32_t i, uint64_t at, struct span *raised)
{
    const struct fill_item *item = &fill->items[i];
    if (at <= state->low[i])
        return true;
    if (item->fixed)
        return false;
    uint32_t low = gai_fill_clear(fill, state, i, at);
    if ((uint64_t)low + item->size > fill->capacity) {
        blame_item(fill, item);
        return false;
    }
    state->low[i] = low;
    span_add(raised, item);
    return true;
}

/* Items stand on the floor of the changed sections. */
static bool raise_items(struct fill *fill, struct fill_frame *frame, struct span changed, struct span *raised)
{
    struct fill_state *state = &frame->state;
    for (uint32_t i = frame->window.first; i < frame->window.last; i++) {
        const struct fill_item *item = &fill->items[i];
        if (state->mark[i] == FILL_PLACED || !fill_lives(item, changed.from, changed.to))
            continue;
        uint32_t from = item->from > changed.from ? item->from : changed.from, to = item->to < changed.to ? item->to : changed.to;
        uint32_t floor = state->low[i];
        for (uint32_t s = from; s < to; s++)
            floor = state->floor[s] > floor ? state->floor[s] : floor;
        if (!raise_item(fill, state, i, floor, raised))
            return false;
    }
    return true;
}

/* The lowest end of an unplaced neighbour. */
static uint64_t lowest_support(const struct fill *fill, const struct fill_frame *frame, uint32_t passed)
{
    const struct fill_item *self = &fill->items[passed];
    uint64_t lowest = UINT64_MAX;
    for (uint32_t i = frame->window.first; i < frame->window.last; i++) {
        const struct fill_item *item = &fill->items[i];
        if (i != passed && frame->state.mark[i] != FILL_PLACED && fill_lives(item, self->from, self->to))
            lowest = min_u64(lowest, (uint64_t)frame->state.low[i] + item->size);
    }
    return lowest;
}

/* Those whose neighbours were raised, or placed. */
static bool raise_passed(struct fill *fill, struct fill_frame *frame, struct span *raised)
{
    for (uint32_t i = frame->window.first; i < frame->window.last; i++) {
        bool concerned = fill_lives(&fill->items[i], raised->from, raised->to);
        if (frame->state.mark[i] != FILL_PASSED || !concerned)
            continue;
        fill->work += frame->window.last - frame->window.first;
        uint64_t support = lowest_support(fill, frame, i);
        if (support >= fill->capacity || !raise_item(fill, &frame->state, i, support, raised))
            return false;
    }
    return true;
}

/* Floors rise to the lowest item to come; the sections that did come back in `changed`. */
static bool raise_floors(struct fill *fill, struct fill_frame *frame, struct span raised, struct span *changed)
{
    struct fill_state *state = &frame->state;
    uint32_t *lowest = fill->scratch;
    for (uint32_t s = raised.from; s < raised.to; s++)
        lowest[s] = UINT32_MAX;
    for (uint32_t i = frame->window.first; i < frame->window.last; i++) {
        const struct fill_item *item = &fill->items[i];
        uint32_t low = state->low[i];
        uint32_t from = item->from > raised.from ? item->from : raised.from, to = item->to < raised.to ? item->to : raised.to;
        for (uint32_t s = from; s < to && state->mark[i] != FILL_PLACED; s++)
            lowest[s] = low < lowest[s] ? low : lowest[s];
    }
    *changed = (struct span){ 0, 0 };
    for (uint32_t s = raised.from; s < raised.to; s++) {
        if (lowest[s] == UINT32_MAX || lowest[s] <= state->floor[s])
            continue;
        state->floor[s] = lowest[s];
        span_add(changed, &(struct fill_item){ .from = s, .to = s + 1 });
        if (fill_has(fill, EXACT_SECTIONS) && (uint64_t)state->floor[s] + state->rest[s] > fill->capacity) {
            fill->blame[s] += FILL_BLAME;
            return false;
        }
    }
    return true;
}

bool gai_fill_settle(struct fill *fill, struct fill_frame *frame, uint32_t from, uint32_t to)
{
    struct span changed = { from, to }, raised = { from, to };
    while (changed.from < changed.to) {
        fill->work += frame->window.last - frame->window.first + raised.to - raised.from;
        if (!raise_items(fill, frame, changed, &raised))
            return false;
        if (fill_has(fill, EXACT_LIFTER) && !raise_passed(fill, frame, &raised))
            return false;
        if (!raise_floors(fill, frame, raised, &changed))
            return false;
        raised = (struct span){ 0, 0 };
    }
    return true;
}
