#include "place/canon.h"

static void blame_item(struct canon *canon, const struct frame *frame, int32_t i)
{
    blame(canon, (struct span){ frame->due_from[i], frame->due_to[i] });
}

static void blame_all_in(struct canon *canon, const struct frame *frame, struct span span)
{
    for (int32_t i = 0; i < frame->view.n; i++)
        if (!is_placed(frame, i) && meets(&frame->view, i, span))
            blame_item(canon, frame, i);
}

void gai_canon_blame_section(struct canon *canon, const struct frame *frame, int32_t s)
{
    blame_all_in(canon, frame, (struct span){ s, s + 1 });
}

struct span gai_canon_around(const struct frame *frame, int32_t i)
{
    const struct view *view = &frame->view;
    struct span life = life_of(view, i), around = life;
    for (int32_t k = 0; k < view->n; k++)
        if (!is_placed(frame, k) && meets(view, k, life))
            around = span_join(around, life_of(view, k));
    return around;
}

/* The least low of each section in `span`. */
static void find_bases(const struct frame *frame, struct span span)
{
    const struct view *view = &frame->view;
    unit *base = frame->base;
    for (int32_t s = span.from; s < span.to; s++)
        base[s] = UNIT_MAX;
    for (int32_t i = 0; i < view->n; i++) {
        unit low = frame->low[i];
        int32_t from = max_i32(view->from[i], span.from), to = min_i32(view->to[i], span.to);
        if (low == UNIT_MAX)
            continue;
        for (int32_t s = from; s < to; s++)
            base[s] = min_i32(base[s], low);
    }
}

/* All that is to come in a section lies above the least low in it, one on the other: it must end within the capacity. */
static bool check_sections(struct canon *canon, const struct frame *frame)
{
    const unit *base = frame->base, *sum = frame->sum;
    struct span sections = frame->view.sections;
    unit most = 0;
    for (int32_t s = sections.from; s < sections.to; s++)
        most = max_i32(most, sum[s] > 0 ? base[s] + sum[s] : 0);
    if (most <= canon->capacity)
        return true;
    int32_t s = sections.from;
    while (sum[s] == 0 || base[s] + sum[s] <= canon->capacity)
        s++;
    canon->weights[s]++;
    gai_canon_blame_section(canon, frame, s);
    return false;
}

static bool check_tops(struct canon *canon, const struct frame *frame)
{
    const struct view *view = &frame->view;
    unit most = 0;
    for (int32_t i = 0; i < view->n; i++)
        most = max_i32(most, is_placed(frame, i) ? 0 : frame->low[i] + view->size[i]);
    if (most <= canon->capacity)
        return true;
    int32_t i = 0;
    while (is_placed(frame, i) || frame->low[i] + view->size[i] <= canon->capacity)
        i++;
    blame_item(canon, frame, i);
    return false;
}

/* What item i waits for is due to whatever that depends on. */
static void depend(const struct frame *frame, int32_t i, int32_t on)
{
    frame->due_from[i] = min_i32(frame->due_from[i], frame->due_from[on]);
    frame->due_to[i] = max_i32(frame->due_to[i], frame->due_to[on]);
}

/* Twins: any answer may be changed to have them in the order of their ranks, by exchanging them. */
static void order_twins(const struct frame *frame)
{
    const struct view *view = &frame->view;
    for (int32_t k = 0; k < view->n_twins; k++) {
        int32_t i = view->twins[k];
        unit least = frame->low[i - 1] + view->size[i];
        if (is_placed(frame, i - 1) || is_placed(frame, i) || least <= frame->low[i])
            continue;
        frame->low[i] = least;
        depend(frame, i, i - 1);
    }
}

/* The least top of a neighbour still to come that can begin below the top of j, were it where it rests; UNIT_MAX: there is none. */
static unit least_top_in_way(const struct frame *frame, int32_t j)
{
    const struct view *view = &frame->view;
    const unit *low = frame->low, *size = view->size;
    const int32_t *from = view->from, *to = view->to;
    int32_t birth = from[j], death = to[j];
    unit top = frame->rest[j] + size[j], least = UNIT_MAX, own = low[j];
    frame->low[j] = UNIT_MAX;
    for (int32_t i = 0; i < view->n; i++) {
        int32_t in_way = -((from[i] < death) & (to[i] > birth) & (low[i] < top));
        least = min_i32(least, ((low[i] + size[i]) & in_way) | (UNIT_MAX & ~in_way));
    }
    frame->low[j] = own;
    return least;
}

/* Its turn is over: whoever is placed from now on comes after it in the order. */
static bool is_passed_over(const struct frame *frame, int32_t i)
{
    return frame->rest[i] < frame->cur || (frame->rest[i] == frame->cur && i <= frame->rank);
}

/*
 * The lifter.  Of all answers we look for one whose offsets have the least sum, so that nothing in it can be moved to any lower place
 * that is free (and twins are in order: that keeps the sum).  Let j be passed over.  It will not be where it rests now, at r, but higher: what is
 * below r is taken by placed neighbours, or too low, misaligned or blocked by fixed items.  The place [r, r + size) collides with no placed
 * neighbour, all of which end at r or below, and with no fixed item, which r avoids; so as j cannot be moved there, some neighbour
 * i that is still to come and not fixed is in the way: it begins below r + size and ends above r.  j is not below i, else it would begin
 * below r; so j is above i, at the top of i or higher, and that is at least low(i) + size(i), aligned.  Which i it will be is not
 * known, but one of those with low(i) < r + size(j): the least of their tops holds for j.  If there is none, there is no answer.
 *
 * Nothing here assumes gravity, or that r itself is free of gaps below; and raising lows, by this rule or any other,
 * only leaves fewer i.  What j then waits for depends on all neighbours still to come, and on what those depend on.
 */
static bool lift(struct canon *canon, const struct frame *frame, struct span span, struct span *lifted)
{
    const struct view *view = &frame->view;
    for (int32_t j = 0; j < view->n; j++) {
        if (!is_passed_over(frame, j) || !meets(view, j, span))
            continue;
        canon->pending += (uint64_t)view->n / 32 + 1;
        unit least = least_top_in_way(frame, j);
        if (least == UNIT_MAX) {
            blame_item(canon, frame, j);
            blame_all_in(canon, frame, life_of(view, j));
            return false;
        }
        if (!canon->plain)
            least = (unit)align_up((uint64_t)least, view_item(canon, view, j)->align);
        if (least <= frame->low[j])
            continue;
        frame->low[j] = least;
        *lifted = span_join(*lifted, life_of(view, j));
        for (int32_t i = 0; i < view->n; i++)
            if (!is_placed(frame, i) && meets(view, i, life_of(view, j)))
                depend(frame, j, i);
    }
    return true;
}

static bool check_fixed(struct canon *canon, const struct frame *frame)
{
    for (int32_t i = 0; i < frame->view.n && !canon->plain; i++) {
        const struct exact_item *item = view_item(canon, &frame->view, i);
        if (!item->fixed || is_placed(frame, i) || (frame->low[i] == (unit)item->lowest && !is_passed_over(frame, i)))
            continue;
        blame(canon, frame->view.sections);
        return false;
    }
    return true;
}

#define PASSES 2

bool gai_canon_settle(struct canon *canon, struct frame *frame, struct span span)
{
    canon->pending += (uint64_t)frame->view.n / 8 + 1;
    if (!check_fixed(canon, frame))
        return false;
    if (canon_has(canon, EXACT_TWINS))
        order_twins(frame);
    bool lifts = canon_has(canon, EXACT_LIFTER), sums = canon_has(canon, EXACT_SECTIONS);
    struct span changed = { max_i32(span.from, frame->view.sections.from), min_i32(span.to, frame->view.sections.to) };
    for (unsigned pass = 0; changed.from < changed.to; pass++) {
        find_bases(frame, changed);
        if (sums && !check_sections(canon, frame))
            return false;
        changed = SPAN_NONE;
        if (pass < PASSES && lifts && !lift(canon, frame, span, &changed))
            return false;
    }
    return check_tops(canon, frame);
}

unit gai_canon_rest(const struct canon *canon, const struct frame *frame, int32_t i, unit rest)
{
    const struct view *view = &frame->view;
    const struct exact_item *item = view_item(canon, view, i);
    if (item->fixed)
        return rest;
    rest = (unit)align_up((uint64_t)rest, item->align);
    for (int32_t w = 0; w < view->n; w++) {
        const struct exact_item *wall = view_item(canon, view, w);
        bool blocks = wall->fixed && !is_placed(frame, w) && exact_neighbours(item, wall) &&
                      rest < (unit)(wall->lowest + wall->size) && (unit)wall->lowest < rest + view->size[i];
        if (!blocks)
            continue;
        rest = (unit)align_up(wall->lowest + wall->size, item->align);
        w = -1; /* once more: those before may be in the way now */
    }
    return rest;
}
