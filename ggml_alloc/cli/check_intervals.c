/*
 * check_intervals.c - is a plan right for bare intervals?  All that live at one time are compared, two by two.
 */
#include "cli/check.h"

#include "base/bits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct piece {
    uint64_t offset;
    uint32_t row;
    uint16_t chunk;
};

static const struct ga_interval *interval_of(const struct check *check, const struct piece *piece)
{
    return &check->input->intervals.at[piece->row];
}

static const char *id_of(const struct check *check, const struct piece *piece)
{
    return gai_intervals_id(&check->input->intervals, piece->row);
}

/* Rows of both files mostly stand in the same order. */
static uint32_t find_row(const struct intervals *placed, const char *id, uint32_t likely)
{
    if (likely < placed->n && strcmp(gai_intervals_id(placed, likely), id) == 0)
        return likely;
    return gai_intervals_find(placed, id);
}

static enum exit_code places_from_csv(const struct check *check, struct piece *pieces)
{
    struct intervals placed;
    struct mishap mishap;
    enum ga_status status = GA_OK;
    enum exit_code code = bytes_read(check->plan_path, check->bytes, read_intervals, &placed);
    if (code != EXIT_YES)
        return code;
    for (uint32_t i = 0; i < check->input->intervals.n && status == GA_OK; i++) {
        const char *id = gai_intervals_id(&check->input->intervals, i);
        uint32_t row = find_row(&placed, id, i);
        if (row == UINT32_MAX)
            status = gai_mishap(&mishap, 0, "no line for '%.60s'; every interval needs one", id);
        else if (placed.at[row].fixed == 0)
            status = gai_mishap(&mishap, table_line(row), "'%.60s' has no offset", id);
        else
            pieces[i] = (struct piece){ placed.at[row].fixed - 1, i, 0 };
    }
    gai_intervals_fini(&placed);
    return status == GA_OK ? EXIT_YES : complain_input(check->plan_path, &mishap, status);
}

static enum exit_code places_from_plan(const struct check *check, struct piece *pieces)
{
    ga_plan *plan;
    const struct intervals *intervals = &check->input->intervals;
    enum exit_code code = plan_parse(check->plan_path, check->bytes, &plan);
    if (code != EXIT_YES)
        return code;
    struct ga_plan_info info;
    ga_plan_info(plan, &info);
    for (uint32_t i = 0; i < intervals->n && code == EXIT_YES; i++) {
        struct ga_slot slot = { 0 };
        if (info.n_nodes != intervals->n || (intervals->at[i].size && !ga_plan_slot(plan, i + 1, &slot))) {
            gai_text(check->out, "no: a plan for %" PRIu32 " others, not for these %" PRIu32 " intervals\n", info.n_nodes,
                     intervals->n);
            code = EXIT_NO;
        } else {
            pieces[i] = (struct piece){ slot.offset, i, slot.chunk };
        }
    }
    ga_plan_delete(plan);
    return code;
}

static bool is_sound(const struct check *check, const struct piece *piece)
{
    const struct ga_interval *interval = interval_of(check, piece);
    if (interval->fixed && interval->fixed - 1 != piece->offset) {
        gai_text(check->out, "no: '%s' is fixed at %" PRIu64 ", but placed at %" PRIu64 "\n", id_of(check, piece),
                 interval->fixed - 1, piece->offset);
        return false;
    }
    if (interval->align && (piece->offset & (interval->align - 1))) {
        gai_text(check->out, "no: '%s' at %" PRIu64 " is not aligned to %" PRIu64 "\n", id_of(check, piece), piece->offset,
                 interval->align);
        return false;
    }
    return true;
}

static bool collide(const struct check *check, const struct piece *a, const struct piece *b)
{
    const struct ga_interval *x = interval_of(check, a), *y = interval_of(check, b);
    bool meet = x->birth < y->death && y->birth < x->death;
    bool touch = a->chunk == b->chunk && a->offset < b->offset + y->size && b->offset < a->offset + x->size;
    if (!meet || !touch)
        return false;
    gai_text(check->out, "no: '%s' (%" PRIu64 "..%" PRIu64 ") and '%s' (%" PRIu64 "..%" PRIu64 ") share bytes\n", id_of(check, a),
             x->birth, x->death - 1, id_of(check, b), y->birth, y->death - 1);
    return true;
}

struct moment {
    uint64_t birth;
    uint32_t row;
};

static int by_birth(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;
    if (x->birth != y->birth)
        return x->birth < y->birth ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* In order of birth, each newcomer against all that still live. */
static bool are_apart(const struct check *check, const struct piece *pieces, struct moment *order, uint32_t *live)
{
    const struct intervals *intervals = &check->input->intervals;
    uint32_t n_live = 0;
    for (uint32_t i = 0; i < intervals->n; i++)
        order[i] = (struct moment){ intervals->at[i].birth, i };
    qsort(order, intervals->n, sizeof *order, by_birth);
    for (uint32_t i = 0; i < intervals->n; i++) {
        uint32_t row = order[i].row, n = 0;
        for (uint32_t k = 0; k < n_live; k++) {
            if (intervals->at[live[k]].death <= order[i].birth)
                continue;
            live[n++] = live[k];
            if (collide(check, &pieces[live[k]], &pieces[row]))
                return false;
        }
        live[n] = row;
        n_live = n + 1;
    }
    return true;
}

static uint64_t peak_of(const struct check *check, const struct piece *pieces)
{
    uint64_t peak = 0;
    for (uint32_t i = 0; i < check->input->intervals.n; i++)
        peak = max_u64(peak, pieces[i].offset + interval_of(check, &pieces[i])->size);
    return peak;
}

static enum exit_code judge(const struct check *check, const struct piece *pieces, struct moment *order, uint32_t *live)
{
    uint32_t n = check->input->intervals.n;
    for (uint32_t i = 0; i < n; i++)
        if (!is_sound(check, &pieces[i]))
            return EXIT_NO;
    if (!are_apart(check, pieces, order, live))
        return EXIT_NO;
    ga_plan *plan;
    if (ga_plan_intervals(NULL, check->input->intervals.at, n, &(struct ga_plan_opts){ .effort = GA_EFFORT_NONE }, &plan) !=
        GA_OK) {
        complain("%s", ga_status_str(GA_NO_MEMORY));
        return EXIT_RESOURCES;
    }
    check_say_yes(check, peak_of(check, pieces), ga_plan_bound(plan, 0));
    ga_plan_delete(plan);
    return EXIT_YES;
}

enum exit_code check_intervals(const struct check *check)
{
    size_t n = (size_t)check->input->intervals.n + 1;
    struct piece *pieces = calloc(n, sizeof *pieces);
    struct moment *order = calloc(n, sizeof *order);
    uint32_t *live = calloc(n, sizeof *live);
    enum exit_code code = EXIT_RESOURCES;
    if (!pieces || !order || !live)
        complain("%s", ga_status_str(GA_NO_MEMORY));
    else
        code = check->has_plan_format ? places_from_plan(check, pieces) : places_from_csv(check, pieces);
    if (code == EXIT_YES)
        code = judge(check, pieces, order, live);
    free(pieces);
    free(order);
    free(live);
    return code;
}
