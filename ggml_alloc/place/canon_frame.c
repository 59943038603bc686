#include "place/canon.h"

#include <assert.h>

#define VIEW_ARRAYS 5
#define ITEM_ARRAYS 3
#define SECTION_ARRAYS 3
#define SMALL_VIEW 16 /* not worth copying */

static size_t padded(int32_t n)
{
    return ((size_t)n + 3) & ~(size_t)3;
}

/* When a quarter is placed the rest moves to a view of its own. */
static bool is_sparse(int32_t n_left, int32_t n)
{
    return n > SMALL_VIEW && n_left <= n - n / 4;
}

static size_t words_of_frame(int32_t n, int32_t n_sections)
{
    return ITEM_ARRAYS * padded(n) + SECTION_ARRAYS * padded(n_sections);
}

size_t gai_canon_words(int32_t n, int32_t n_sections)
{
    size_t words = VIEW_ARRAYS * padded(n);
    for (int32_t left = n; left > 0; left--) {
        words += words_of_frame(n, n_sections);
        if (!is_sparse(left - 1, n))
            continue;
        words += words_of_frame(n, n_sections); /* the frame that is copied lies below its copy */
        n = left - 1;
        words += VIEW_ARRAYS * padded(n);
    }
    return words;
}

static int32_t *take_words(struct canon *canon, int32_t n)
{
    int32_t *words = &canon->words[canon->n_used];
    canon->n_used += padded(n);
    assert(canon->n_used <= canon->n_words);
    return words;
}

void gai_canon_arrays(struct canon *canon, struct frame *frame)
{
    int32_t n = frame->view.n, first = frame->view.sections.from, n_sections = frame->view.sections.to - first;
    frame->rest = take_words(canon, n);
    frame->low = take_words(canon, n);
    frame->wait = take_words(canon, n);
    frame->base = take_words(canon, n_sections) - first;
    frame->sum = take_words(canon, n_sections) - first;
    frame->cross = take_words(canon, n_sections) - first;
}

void gai_canon_room(struct canon *canon, struct frame *frame, int32_t n)
{
    struct view *view = &frame->view;
    view->n = n;
    view->size = take_words(canon, n);
    view->from = take_words(canon, n);
    view->to = take_words(canon, n);
    view->id = take_words(canon, n);
    view->twins = take_words(canon, n);
    view->n_twins = 0;
    gai_canon_arrays(canon, frame);
}

static bool are_twins(const struct exact_item *a, const struct exact_item *b)
{
    return !a->fixed && !b->fixed && a->size == b->size && a->from == b->from && a->to == b->to && a->align == b->align &&
           a->lowest == b->lowest;
}

void gai_canon_find_twins(const struct canon *canon, struct view *view)
{
    view->n_twins = 0;
    for (int32_t i = 1; i < view->n; i++)
        if (are_twins(view_item(canon, view, i - 1), view_item(canon, view, i)))
            view->twins[view->n_twins++] = i;
}

static void copy_item(const struct frame *whole, int32_t from, struct frame *part, int32_t to)
{
    part->view.size[to] = whole->view.size[from];
    part->view.from[to] = whole->view.from[from];
    part->view.to[to] = whole->view.to[from];
    part->view.id[to] = whole->view.id[from];
    part->rest[to] = whole->rest[from];
    part->low[to] = whole->low[from];
    part->wait[to] = WAITS_FOR_NONE;
}

/* What of the child is still to come and lives in `sections`; `mark` is where the memory of both begins. */
static void push_side(struct canon *canon, const struct frame *child, struct span sections, int32_t n, size_t mark)
{
    struct frame *side = &canon->stack[canon->depth++];
    *side = (struct frame){ .parent = child->parent, .n_left = n, .mark = mark };
    side->view.sections = sections;
    gai_canon_room(canon, side, n);
    int32_t at = 0;
    for (int32_t i = 0; i < child->view.n; i++) {
        if (is_placed(child, i) || !meets(&child->view, i, sections))
            continue;
        copy_item(child, i, side, at++);
    }
    assert(at == n);
    for (int32_t s = sections.from; s < sections.to; s++) {
        side->base[s] = child->base[s];
        side->sum[s] = child->sum[s];
        side->cross[s] = child->cross[s];
    }
    gai_canon_find_twins(canon, &side->view);
}

/* The sides begin after sections that nothing leaves for the next. */
static struct span next_side(const struct frame *child, int32_t first)
{
    int32_t last = first + 1;
    while (last < child->view.sections.to && child->cross[last] == 0 && child->sum[first] == 0)
        first = last++;
    while (last < child->view.sections.to && child->cross[last] > 0)
        last++;
    return (struct span){ first, last };
}

static int32_t count_in(const struct frame *child, struct span sections)
{
    int32_t n = 0;
    for (int32_t i = 0; i < child->view.n; i++)
        n += !is_placed(child, i) && meets(&child->view, i, sections);
    return n;
}

/* Whether all sides, one on the other, leave enough of the arena for each. */
static bool has_room(const struct canon *canon, const struct frame *child)
{
    size_t words = canon->n_used;
    for (struct span side = next_side(child, child->view.sections.from);; side = next_side(child, side.to)) {
        words += gai_canon_words(count_in(child, side), side.to - side.from);
        if (side.to == child->view.sections.to)
            return words <= canon->n_words;
    }
}

static bool falls_apart(const struct frame *child, struct span placed)
{
    for (int32_t s = placed.from + 1; s < placed.to; s++)
        if (child->cross[s] == 0)
            return true;
    return false;
}

void gai_canon_push(struct canon *canon, struct frame *child, struct span placed)
{
    if (canon_has(canon, EXACT_CUTS) && falls_apart(child, placed) && has_room(canon, child)) {
        size_t mark = child->mark;
        for (struct span side = next_side(child, child->view.sections.from);; side = next_side(child, side.to)) {
            int32_t n = count_in(child, side);
            if (n > 0) {
                push_side(canon, child, side, n, mark);
                mark = canon->n_used;
            }
            if (side.to == child->view.sections.to)
                return;
        }
    }
    if (is_sparse(child->n_left, child->view.n))
        push_side(canon, child, child->view.sections, child->n_left, child->mark);
    else
        canon->stack[canon->depth++] = *child;
}
