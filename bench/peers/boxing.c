/*
 * boxing.c - jobs are put into boxes of one size, by like sizes and lives; the boxes are packed; then all is pushed together
 *
 *     jobs --boil--> jobs and boxes of like sizes --box_all--> boxes of one size --rows--> loose offsets --best fit--> offsets
 *
 * The theory (Buchsbaum and others, 2003) bounds what boxes waste.  Of the jobs of one size that live at a chosen time, those born
 * first and those that die last are laid aside and packed in rows; the rest is cut into strips of jobs born or dying together, a
 * few rows to a box.  What lives at none of the chosen times is boxed between them, with times chosen anew.  The first times are
 * drawn by lot, so that ten tries give ten answers.
 */
#include "base/rng.h"
#include "measure.h"
#include "peers/boxes.h"
#include "peers/room.h"
#include "peers/gaps.h"
#include "peers/ranks.h"
#include "peers/times.h"

#include <math.h>
#include <string.h>

enum { TRIES = 10, PATIENCE = 3 };

struct boxing {
    const struct peer_task *task;
    struct boxes boxes;
    struct rng rng;
};

/* Boxes are `size` high and hold `rows` jobs one above the other; `share` is what may be wasted. */
struct shape {
    uint64_t size, rows;
    double share;
};

static const struct job *job_at(const struct boxing *b, struct jobs jobs, uint32_t i)
{
    return &b->boxes.jobs[jobs.at[i]];
}

static bool lives_at(const struct job *job, uint64_t time)
{
    return job->birth <= time && time < job->death;
}

static void put(struct jobs *jobs, uint32_t job)
{
    jobs->at[jobs->n++] = job;
}

/* ---- jobs that live at one time ---- */

/* Takes the last `n` that nobody took yet off the end of `from`. */
static struct jobs cut_strip(struct boxing *b, struct jobs *from, bool *taken, uint64_t n)
{
    struct jobs strip = boxes_list(&b->boxes, n < from->n ? (uint32_t)n : from->n);
    while (strip.at && from->n > 0 && strip.n < n) {
        uint32_t job = from->at[--from->n];
        if (!taken[job])
            put(&strip, job);
        taken[job] = true;
    }
    return strip;
}

/* The strip's jobs by their other end, `rows` to a box. */
static void box_strip(struct boxing *b, struct jobs strip, bool by_death, const struct shape *shape, struct jobs *out)
{
    boxes_sort(&b->boxes, strip, by_death);
    for (uint32_t i = 0; i < strip.n; i += (uint32_t)shape->rows) {
        uint32_t n = strip.n - i < shape->rows ? strip.n - i : (uint32_t)shape->rows;
        put(out, boxes_wrap(&b->boxes, (struct jobs){ strip.at + i, n }, shape->size));
    }
}

/* Boxes go to `out`, what is laid aside to `rest`; both have room. */
static void box_living(struct boxing *b, struct jobs jobs, const struct shape *shape, struct jobs *out, struct jobs *rest)
{
    uint64_t outer = shape->rows * (uint64_t)ceil(1 / (shape->share * shape->share));
    uint64_t inner = shape->rows * (uint64_t)ceil(1 / shape->share);
    bool *taken = boxes_room(&b->boxes, b->boxes.n + (size_t)1);
    struct jobs firsts = boxes_join(&b->boxes, jobs, (struct jobs){ 0 });
    struct jobs lasts = boxes_join(&b->boxes, jobs, (struct jobs){ 0 });
    if (!taken || b->boxes.failed || outer > jobs.n / 2) {
        for (uint32_t i = 0; i < jobs.n; i++)
            put(rest, jobs.at[i]);
        return;
    }
    for (uint32_t i = 0; i < jobs.n; i++)
        taken[jobs.at[i]] = false;
    boxes_sort(&b->boxes, firsts, false);
    for (uint32_t i = 0, k = firsts.n - 1; i < k; i++, k--) {
        uint32_t job = firsts.at[i];
        firsts.at[i] = firsts.at[k];
        firsts.at[k] = job;
    }
    boxes_sort(&b->boxes, lasts, true);
    struct jobs aside[] = { cut_strip(b, &firsts, taken, outer), cut_strip(b, &lasts, taken, outer) };
    for (int s = 0; s < 2; s++)
        for (uint32_t i = 0; i < aside[s].n; i++)
            put(rest, aside[s].at[i]);
    for (bool of_firsts = true; (firsts.n > 0 || lasts.n > 0) && !b->boxes.failed; of_firsts = !of_firsts) {
        struct jobs strip = cut_strip(b, of_firsts ? &firsts : &lasts, taken, inner);
        box_strip(b, strip, of_firsts, shape, out);
    }
}

/* ---- jobs of one size ---- */

/* Groups that have a time in common: those that live in the middle of `cuts`, then the same before and behind. */
static void box_by_cuts(struct boxing *b, struct jobs jobs, struct times cuts, const struct shape *shape, struct jobs *out,
                        struct jobs *rest)
{
    if (jobs.n == 0 || b->boxes.failed)
        return;
    if (cuts.n == 0) {
        box_living(b, jobs, shape, out, rest);
        return;
    }
    uint32_t mid = cuts.n / 2;
    struct jobs parts[3];
    for (int p = 0; p < 3; p++)
        parts[p] = boxes_list(&b->boxes, jobs.n);
    for (uint32_t i = 0; i < jobs.n && !b->boxes.failed; i++) {
        const struct job *job = job_at(b, jobs, i);
        put(&parts[lives_at(job, cuts.at[mid]) ? 0 : job->death <= cuts.at[mid] ? 1 : 2], jobs.at[i]);
    }
    if (parts[0].n > 0 && !b->boxes.failed)
        box_living(b, parts[0], shape, out, rest);
    box_by_cuts(b, parts[1], (struct times){ cuts.at, mid }, shape, out, rest);
    box_by_cuts(b, parts[2], (struct times){ cuts.at + mid + 1, cuts.n - mid - 1 }, shape, out, rest);
}

/* Boxes of whole rows; the ends of the gaps between what lies in a row are where to cut next. */
static struct times box_rows(struct boxing *b, struct jobs jobs, const struct shape *shape, struct jobs *out)
{
    struct jobs *rows, box = boxes_list(&b->boxes, jobs.n);
    struct times ends = { boxes_room(&b->boxes, 2 * (jobs.n + (size_t)1) * sizeof(uint64_t)), 0 };
    uint32_t n = jobs.n > 0 && !b->boxes.failed ? boxes_rows(&b->boxes, jobs, &rows) : 0;
    for (uint32_t r = 0, in_box = 0; r < n; r++) {
        for (uint32_t i = 0; i < rows[r].n; i++) {
            put(&box, rows[r].at[i]);
            ends.at[ends.n++] = job_at(b, rows[r], i)->birth;
            ends.at[ends.n++] = job_at(b, rows[r], i)->death;
        }
        if (++in_box < shape->rows && r + 1 < n)
            continue;
        put(out, boxes_wrap(&b->boxes, box, shape->size));
        box = (struct jobs){ box.at + box.n, 0 };
        in_box = 0;
    }
    times_sort(ends);
    return ends;
}

static uint64_t draw_time(struct boxing *b, struct jobs jobs)
{
    const struct job *job = job_at(b, jobs, (uint32_t)(rng_next(&b->rng) % jobs.n));
    return job->birth + rng_next(&b->rng) % (job->death - job->birth);
}

/* The times strictly between that are of any use, or one that is drawn. */
static struct times choose_cuts(struct boxing *b, struct jobs jobs, struct times from)
{
    uint64_t birth = UINT64_MAX, death = 0;
    for (uint32_t i = 0; i < jobs.n; i++) {
        birth = job_at(b, jobs, i)->birth < birth ? job_at(b, jobs, i)->birth : birth;
        death = job_at(b, jobs, i)->death > death ? job_at(b, jobs, i)->death : death;
    }
    struct times cuts = { boxes_room(&b->boxes, (from.n + (size_t)1) * sizeof(uint64_t)), 0 };
    bool any = false;
    for (uint32_t i = 0; i < from.n && cuts.at; i++) {
        if (from.at[i] < birth || from.at[i] >= death || (cuts.n > 0 && cuts.at[cuts.n - 1] == from.at[i]))
            continue;
        cuts.at[cuts.n++] = from.at[i];
        for (uint32_t j = 0; j < jobs.n && !any; j++)
            any = lives_at(job_at(b, jobs, j), from.at[i]);
    }
    if (!any && cuts.at)
        cuts = (struct times){ cuts.at, 1 };
    if (!any && cuts.at)
        cuts.at[0] = draw_time(b, jobs);
    return cuts;
}

/* The first cut that is not before `time`. */
static uint32_t next_cut(struct times cuts, uint64_t time)
{
    uint32_t low = 0, high = cuts.n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (cuts.at[mid] < time)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Each call boxes at least one job itself, so that calls are no deeper than there are jobs; chosen by lot, they are far less deep. */
static void box_one_size(struct boxing *b, struct jobs jobs, struct times ends, const struct shape *shape, struct jobs *out)
{
    struct times cuts = choose_cuts(b, jobs, ends);
    struct jobs living = boxes_list(&b->boxes, jobs.n), between = boxes_list(&b->boxes, jobs.n);
    struct jobs rest = boxes_list(&b->boxes, jobs.n);
    for (uint32_t i = 0; i < jobs.n && !b->boxes.failed; i++) {
        const struct job *job = job_at(b, jobs, i);
        uint32_t next = next_cut(cuts, job->birth);
        put(next < cuts.n && lives_at(job, cuts.at[next]) ? &living : &between, jobs.at[i]);
    }
    box_by_cuts(b, living, cuts, shape, out, &rest);
    ends = box_rows(b, rest, shape, out);
    boxes_sort(&b->boxes, between, false);
    for (uint32_t first = 0, last; first < between.n && !b->boxes.failed; first = last) {
        uint32_t next = next_cut(cuts, job_at(b, between, first)->birth);
        for (last = first + 1; last < between.n && next_cut(cuts, job_at(b, between, last)->birth) == next;)
            last++;
        box_one_size(b, (struct jobs){ between.at + first, last - first }, ends, shape, out);
    }
}

/* Sizes that differ by no more than a share are one size; each is boxed apart. */
static struct jobs box_all(struct boxing *b, struct jobs jobs, double size, double share)
{
    struct jobs out = boxes_list(&b->boxes, 2 * jobs.n);
    double below = 0;
    for (uint32_t left = jobs.n; left > 0 && !b->boxes.failed;) {
        double least = INFINITY;
        for (uint32_t i = 0; i < jobs.n; i++) {
            double own = (double)job_at(b, jobs, i)->size;
            least = own > below && own < least ? own : least;
        }
        double up_to = floor(pow(1 + share, ceil(log(least) / log1p(share))));
        up_to = up_to < least ? least : up_to;
        struct jobs like = boxes_list(&b->boxes, left);
        for (uint32_t i = 0; i < jobs.n && like.at; i++) {
            double own = (double)job_at(b, jobs, i)->size;
            if (own > below && own <= up_to)
                put(&like, jobs.at[i]);
        }
        struct shape shape = { (uint64_t)size, (uint64_t)(size / up_to), share };
        left -= like.n;
        box_one_size(b, like, (struct times){ 0 }, &shape, &out);
        below = up_to;
    }
    return out;
}

/* ---- sizes that are too different ---- */

/* What the theory makes of the ratio of the largest to the smallest, and of what may be wasted. */
struct regime {
    double ratio, share, box; /* of boxes around the small ones; how high those are */
    double least, most;
    bool holds; /* boxing small ones helps */
};

#define GOLDEN 0.6180339887498949

static struct regime regime_of(const struct boxing *b, struct jobs jobs, double waste)
{
    struct regime r = { .least = INFINITY };
    for (uint32_t i = 0; i < jobs.n; i++) {
        double size = (double)job_at(b, jobs, i)->size;
        r.least = size < r.least ? size : r.least;
        r.most = size > r.most ? size : r.most;
    }
    r.ratio = r.most / r.least;
    double log_squared = log2(r.ratio) * log2(r.ratio);
    r.share = waste / log_squared;
    r.box = ceil(pow(r.share, 5) * r.most / log_squared);
    r.holds = r.ratio > 1 && r.share < GOLDEN && floor(r.share * r.box) >= r.least;
    return r;
}

/* Boxes the smallest, then what is smallest then, until all are alike enough. */
static struct jobs boil(struct boxing *b, struct jobs jobs, double waste)
{
    struct regime r = regime_of(b, jobs, waste);
    while (r.holds && !b->boxes.failed) {
        struct jobs small = boxes_list(&b->boxes, jobs.n), large = boxes_list(&b->boxes, jobs.n);
        for (uint32_t i = 0; i < jobs.n && !b->boxes.failed; i++)
            put((double)job_at(b, jobs, i)->size <= floor(r.share * r.box) ? &small : &large, jobs.at[i]);
        jobs = boxes_join(&b->boxes, large, box_all(b, small, r.box, r.share));
        r = regime_of(b, jobs, waste);
    }
    return jobs;
}

/* All jobs, and one more over the whole time where the theory wants sizes to differ more than they do. */
static struct jobs fill(struct boxing *b)
{
    struct job whole = { .birth = UINT64_MAX, .interval = JOB_FILLER };
    struct jobs jobs = boxes_list(&b->boxes, b->task->n + 1);
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < b->task->n && jobs.at; i++) {
        const struct ga_interval *at = &b->task->at[i];
        put(&jobs, boxes_add(&b->boxes, (struct job){ at->size, at->birth, at->death, { 0 }, i }));
        least = at->size < least ? at->size : least;
        whole.birth = at->birth < whole.birth ? at->birth : whole.birth;
        whole.death = at->death > whole.death ? at->death : whole.death;
    }
    struct regime r = regime_of(b, jobs, 1);
    double log_squared = log2(r.ratio) * log2(r.ratio);
    whole.size = (uint64_t)ceil(2216.54 * (double)least);
    if (pow(pow(log_squared, 7) / r.ratio, 1.0 / 6) >= GOLDEN * log_squared && jobs.at)
        put(&jobs, boxes_add(&b->boxes, whole));
    return jobs;
}

/* The waste, of those from the least that makes sense on, after which the sizes left are most alike. */
static double choose_waste(const struct boxing *like)
{
    double best = 0, best_ratio = INFINITY, waste = 0;
    for (int tries = PATIENCE, first = 1; tries > 0; tries--, first = 0) {
        struct boxing b = *like;
        struct jobs jobs = fill(&b);
        struct regime r = regime_of(&b, jobs, 1);
        double log_squared = log2(r.ratio) * log2(r.ratio), limit = GOLDEN * log_squared;
        waste = first ? pow(pow(log_squared, 7) / r.ratio, 1.0 / 6) : waste + (limit - waste) * 0.01;
        double ratio = regime_of(&b, boil(&b, jobs, waste), waste).ratio;
        boxes_fini(&b.boxes);
        if (ratio < best_ratio) {
            best_ratio = ratio;
            best = waste;
            tries = PATIENCE + 1;
        }
    }
    return best;
}

/* ---- tries ---- */

/* Where the boxes would have each interval, if nothing were pushed together. */
static bool place_loosely(struct boxing *b, double waste, uint64_t *loose)
{
    struct jobs jobs = fill(b);
    struct regime whole = regime_of(b, jobs, waste);
    if (whole.ratio > 1) {
        jobs = boil(b, jobs, waste);
        double share = regime_of(b, jobs, waste).share;
        share = share < GOLDEN ? share : 0.99 * GOLDEN;
        jobs = box_all(b, jobs, whole.most / share, share);
    }
    if (!b->boxes.failed)
        boxes_open(&b->boxes, jobs, 0, loose);
    bool good = !b->boxes.failed;
    boxes_fini(&b->boxes);
    return good;
}

static void by_size(const struct peer_task *task, uint32_t interval, uint64_t key[3])
{
    key[0] = ~task->at[interval].size;
    key[1] = ~rank_life(task, interval);
}

/* Best fit, in the order of these offsets; or by size, when there are none.  Keeps the answer when it is the lowest. */
static bool push_together(const struct peer_task *task, const uint64_t *loose, uint64_t *tried, uint64_t *best, uint64_t *offsets)
{
    struct ga_interval *at = room_new((task->n + (size_t)1) * sizeof *at);
    if (!at)
        return false;
    for (uint32_t i = 0; i < task->n; i++) {
        at[i] = task->at[i];
        at[i].birth = loose ? loose[i] : at[i].birth;
    }
    struct peer_task by_offset = *task;
    by_offset.at = at;
    uint32_t *order = ranks_make(&by_offset, loose ? ranks_by_birth : by_size);
    uint64_t peak = order ? gaps_place(task, order, GAP_SMALLEST, tried) : UINT64_MAX;
    if (peak < *best) {
        *best = peak;
        memcpy(offsets, tried, task->n * sizeof *offsets);
    }
    room_give(order);
    room_give(at);
    return peak != UINT64_MAX;
}

enum peer_end peer_boxing(const struct peer_task *task, uint64_t *offsets)
{
    struct boxing b = { .task = task, .rng = { task->seed } };
    uint64_t *loose = room_zeroed(task->n + (size_t)1, sizeof *loose), *tried = room_new((task->n + (size_t)1) * sizeof *tried);
    uint64_t best = UINT64_MAX;
    bool ok = loose && tried && task->n > 0 && push_together(task, NULL, tried, &best, offsets);
    double waste = ok && best > task->load ? choose_waste(&b) : 0;
    for (int t = 0; ok && t < TRIES && best > task->load; t++) {
        if (task->deadline > 0 && measure_now() > task->deadline)
            break;
        ok = place_loosely(&b, waste, loose) && push_together(task, loose, tried, &best, offsets);
    }
    room_give(loose);
    room_give(tried);
    return best == UINT64_MAX && task->n > 0 ? PEER_GAVE_UP : PEER_ANSWERED;
}
