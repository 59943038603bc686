#include "place/canon.h"

/* The least low of each section in `span`. */
static void find_bases(const struct frame *frame, struct span span)
{
    const struct view *view = &frame->view;
    unit *base = frame->base;
    if (span.from >= span.to)
        return;
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
    gai_canon_learn(canon, s);
    return false;
}

static bool check_tops(const struct canon *canon, const struct frame *frame)
{
    const struct view *view = &frame->view;
    unit most = 0;
    for (int32_t i = 0; i < view->n; i++)
        most = max_i32(most, is_placed(frame, i) ? 0 : frame->low[i] + view->size[i]);
    return most <= canon->capacity;
}

/* Twins: any answer may be changed to have them in the order of their ranks, by exchanging them. */
static void order_twins(const struct frame *frame)
{
    const struct view *view = &frame->view;
    for (int32_t k = 0; k < view->n_twins; k++) {
        int32_t i = view->twins[k];
        unit least = frame->low[i - 1] + view->size[i];
        if (!is_placed(frame, i - 1) && !is_placed(frame, i))
            frame->low[i] = max_i32(frame->low[i], least);
    }
}

/* The neighbours still to come that can begin below the top of j, were it where it rests: one with the least top; none: -1. */
static int32_t lowest_in_way(const struct frame *frame, int32_t j)
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
    int32_t i = -1;
    if (least < UNIT_MAX)
        for (i = 0; low[i] + size[i] != least || low[i] >= top || !meets(view, i, life_of(view, j)); i++)
            ;
    frame->low[j] = own;
    return i;
}

/* It is not where it rests: that was decided, or it follows. */
static bool is_passed_over(const struct frame *frame, int32_t i)
{
    return frame->low[i] > frame->rest[i];
}

/*
 * The lifter.  Of all answers we look for one whose offsets have the least sum: nothing in it can be moved to any lower place that
 * is free (and twins are in order, which keeps the sum).  Let j be still to come, and not where it rests, at r.  Placed neighbours
 * end at r or below, so j is above r.  The place [r, r + size) is aligned, collides with no placed neighbour and with no fixed
 * item, which r avoids; as j cannot be moved there, a neighbour i that is still to come and not fixed is in the way: it begins
 * below r + size and ends above r.  It does not lie above j, else j would end below r + size, and begin below r.  So j lies above
 * i, no lower than low(i) + size(i), aligned.  Which i that will be is not known, but it is one with low(i) < r + size(j): the
 * least of their tops holds for j.  When there is none, there is no answer.
 *
 * Nothing here assumes gravity, or that there are no gaps below r; and raising lows, by this rule or any other, only leaves fewer
 * i.
 */
static bool lift(struct canon *canon, const struct frame *frame, struct span *lifted)
{
    const struct view *view = &frame->view;
    for (int32_t j = 0; j < view->n; j++) {
        if (!is_passed_over(frame, j))
            continue;
        int32_t i = frame->wait[j];
        bool still_waits =
            i >= 0 && frame->low[i] + view->size[i] <= frame->low[j] && frame->low[i] < frame->rest[j] + view->size[j];
        if (still_waits)
            continue;
        canon->pending += (uint64_t)(view->n / 32 + 1);
        i = frame->wait[j] = lowest_in_way(frame, j);
        if (i < 0)
            return false;
        unit least = frame->low[i] + view->size[i];
        if (!canon->plain)
            least = rise(view_item(canon, view, j), (uint64_t)least);
        if (least <= frame->low[j])
            continue;
        frame->low[j] = least;
        *lifted = span_join(*lifted, life_of(view, j));
    }
    return true;
}

static bool check_fixed(const struct canon *canon, const struct frame *frame)
{
    for (int32_t i = 0; i < frame->view.n && !canon->plain; i++) {
        const struct exact_item *item = view_item(canon, &frame->view, i);
        if (item->fixed && !is_placed(frame, i) && (frame->low[i] > (unit)item->lowest || is_passed_over(frame, i)))
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
    for (unsigned pass = 0;; pass++) {
        find_bases(frame, span);
        if (sums && !check_sections(canon, frame))
            return false;
        if (pass == PASSES || !lifts)
            break;
        span = SPAN_NONE;
        if (!lift(canon, frame, &span))
            return false;
        if (span.from >= span.to)
            break;
    }
    return check_tops(canon, frame);
}

unit gai_canon_rest(const struct canon *canon, const struct frame *frame, int32_t i, unit rest)
{
    const struct view *view = &frame->view;
    const struct exact_item *item = view_item(canon, view, i);
    if (item->fixed)
        return rest;
    rest = rise(item, (uint64_t)rest);
    for (int32_t w = 0; w < view->n; w++) {
        const struct exact_item *wall = view_item(canon, view, w);
        bool blocks = wall->fixed && !is_placed(frame, w) && exact_neighbours(item, wall) &&
                      rest < (unit)(wall->lowest + wall->size) && (unit)wall->lowest < rest + view->size[i];
        if (!blocks)
            continue;
        rest = rise(item, wall->lowest + wall->size);
        w = -1; /* once more: those before may be in the way now */
    }
    return rest;
}

/* ---- what is decided next ---- */

#define BASE_WEIGHT 64

/* Low ones first, but rather those that are nearly full, or overflowed often. */
static int32_t choose_section(const struct canon *canon, const struct frame *frame)
{
    const unit *base = frame->base, *sum = frame->sum;
    int64_t least = INT64_MAX;
    int32_t best = -1;
    for (int32_t s = frame->view.sections.from; s < frame->view.sections.to; s++) {
        int64_t slack = canon->capacity - base[s] - sum[s];
        int64_t lead = canon->taste.failures * (int64_t)canon->capacity * canon->weights[s] / canon->heaviest;
        int64_t score = BASE_WEIGHT * (int64_t)base[s] + canon->taste.slack * slack - lead;
        if (sum[s] == 0 || score >= least)
            continue;
        least = score;
        best = s;
    }
    return best;
}

static int32_t lowest_in_section(const struct frame *frame, int32_t s)
{
    int32_t i = 0;
    while (frame->low[i] != frame->base[s] || frame->view.from[i] > s || frame->view.to[i] <= s)
        i++;
    return i;
}

/* The neighbour still to come with the least top; that is UNIT_MAX when there is none. */
static int32_t least_top_around(const struct frame *frame, int32_t j, unit *top)
{
    const struct view *view = &frame->view;
    const unit *low = frame->low, *size = view->size;
    const int32_t *from = view->from, *to = view->to;
    int32_t birth = from[j], death = to[j], best = -1;
    unit least = UNIT_MAX, own = low[j];
    frame->low[j] = UNIT_MAX;
    for (int32_t i = 0; i < view->n; i++) {
        int32_t meets_j = -((from[i] < death) & (to[i] > birth));
        least = min_i32(least, ((low[i] + size[i]) & meets_j) | (UNIT_MAX & ~meets_j));
    }
    if (least < UNIT_MAX)
        for (best = 0; low[best] + size[best] != least || !meets(view, best, life_of(view, j)); best++)
            ;
    frame->low[j] = own;
    *top = least;
    return best;
}

/*
 * An item may be decided about in any order, once no neighbour still to come can lie below where it rests: none has a top that
 * low.  Then either it rests there and they are all above it, or it goes higher.  Who looks for such an item gets down to it: from
 * one that is passed over to the one that it waits for, else to the neighbour that might lie below.  Each is lower than the one
 * before.
 */
int32_t gai_canon_choose(struct canon *canon, struct frame *frame)
{
    const struct view *view = &frame->view;
    int32_t j = lowest_in_section(frame, choose_section(canon, frame));
    for (;;) {
        canon->pending += (uint64_t)(view->n / 32 + 1);
        if (is_passed_over(frame, j)) {
            int32_t i = lowest_in_way(frame, j);
            if (i < 0)
                return -1;
            unit top = rise(view_item(canon, view, j), (uint64_t)frame->low[i] + (uint64_t)view->size[i]);
            if (top <= frame->low[j]) {
                j = i;
                continue;
            }
            frame->low[j] = top;
            if (!gai_canon_settle(canon, frame, life_of(view, j)))
                return -1;
            j = lowest_in_section(frame, choose_section(canon, frame));
        } else {
            unit top;
            int32_t i = least_top_around(frame, j, &top);
            if (top > frame->rest[j])
                return j;
            j = i;
        }
    }
}
