/*
 * check_intervals.c - is a plan right for bare intervals?
 *
 * In order of birth each comes to its bytes and is compared with who is there: nobody, or who has died, or a collision.
 */
#include "cli/check.h"

#include "base/bits.h"
#include "plan/pieces.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct spot {
    uint64_t offset;
    uint16_t chunk;
};

static const char *id_of(const struct check *check, uint32_t row)
{
    return gai_intervals_id(&check->input->intervals, row);
}

/* Rows of both files mostly stand in the same order. */
static uint32_t find_row(const struct intervals *placed, const char *id, uint32_t likely)
{
    if (likely < placed->n && strcmp(gai_intervals_id(placed, likely), id) == 0)
        return likely;
    return gai_intervals_find(placed, id);
}

static enum exit_code places_from_csv(const struct check *check, struct spot *spots)
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
            spots[i] = (struct spot){ placed.at[row].fixed - 1, 0 };
    }
    gai_intervals_fini(&placed);
    return status == GA_OK ? EXIT_YES : complain_input(check->plan_path, &mishap, status);
}

static enum exit_code places_from_plan(const struct check *check, struct spot *spots)
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
            spots[i] = (struct spot){ slot.offset, slot.chunk };
        }
    }
    ga_plan_delete(plan);
    return code;
}

static bool is_sound(const struct check *check, uint32_t row, uint64_t offset)
{
    const struct ga_interval *interval = &check->input->intervals.at[row];
    if (interval->fixed && interval->fixed - 1 != offset) {
        gai_text(check->out, "no: '%s' is fixed at %" PRIu64 ", but placed at %" PRIu64 "\n", id_of(check, row),
                 interval->fixed - 1, offset);
        return false;
    }
    if (interval->align && (offset & (interval->align - 1))) {
        gai_text(check->out, "no: '%s' at %" PRIu64 " is not aligned to %" PRIu64 "\n", id_of(check, row), offset, interval->align);
        return false;
    }
    if (interval->size > UINT64_MAX - offset) {
        gai_text(check->out, "no: '%s' at %" PRIu64 " ends past all addresses\n", id_of(check, row), offset);
        return false;
    }
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

static void sort_by_birth(const struct intervals *intervals, struct moment *order)
{
    for (uint32_t i = 0; i < intervals->n; i++)
        order[i] = (struct moment){ intervals->at[i].birth, i };
    qsort(order, intervals->n, sizeof *order, by_birth);
}

static struct piece piece_of(const struct intervals *intervals, const struct spot *spots, uint32_t row)
{
    uint64_t at = spots[row].offset;
    return (struct piece){ .at = at, .end = at + intervals->at[row].size, .place = spots[row].chunk, .id = row + 1 };
}

static void note_edges(const struct intervals *intervals, const struct spot *spots, struct pieces *taken)
{
    for (uint32_t row = 0; row < intervals->n; row++) {
        struct piece piece = piece_of(intervals, spots, row);
        gai_pieces_edge(taken, piece.place, piece.at);
        gai_pieces_edge(taken, piece.place, piece.end);
    }
    gai_pieces_sort(taken);
}

static bool collide(const struct check *check, uint32_t a, uint32_t b)
{
    const struct ga_interval *x = &check->input->intervals.at[a], *y = &check->input->intervals.at[b];
    gai_text(check->out, "no: '%s' (%" PRIu64 "..%" PRIu64 ") and '%s' (%" PRIu64 "..%" PRIu64 ") share bytes\n", id_of(check, a),
             x->birth, x->death - 1, id_of(check, b), y->birth, y->death - 1);
    return false;
}

static bool are_apart(const struct check *check, const struct spot *spots, struct moment *order, struct pieces *taken)
{
    const struct intervals *intervals = &check->input->intervals;
    sort_by_birth(intervals, order);
    note_edges(intervals, spots, taken);
    for (uint32_t i = 0; i < intervals->n; i++) {
        struct piece other, piece = piece_of(intervals, spots, order[i].row);
        if (piece.at == piece.end)
            continue;
        while (gai_pieces_take(taken, &piece, &other))
            if (intervals->at[other.id - 1].death > order[i].birth)
                return collide(check, other.id - 1, order[i].row);
        gai_pieces_put(taken, &piece);
    }
    return true;
}

static uint64_t peak_of(const struct check *check, const struct spot *spots)
{
    uint64_t peak = 0;
    for (uint32_t i = 0; i < check->input->intervals.n; i++)
        peak = max_u64(peak, spots[i].offset + check->input->intervals.at[i].size);
    return peak;
}

static enum exit_code judge(const struct check *check, const struct spot *spots, struct moment *order, struct pieces *taken)
{
    uint32_t n = check->input->intervals.n;
    for (uint32_t i = 0; i < n; i++)
        if (!is_sound(check, i, spots[i].offset))
            return EXIT_NO;
    if (!are_apart(check, spots, order, taken))
        return EXIT_NO;
    ga_plan *plan;
    if (ga_plan_intervals(NULL, check->input->intervals.at, n, &(struct ga_plan_opts){ .effort = GA_EFFORT_NONE }, &plan) !=
        GA_OK) {
        complain("%s", ga_status_str(GA_NO_MEMORY));
        return EXIT_RESOURCES;
    }
    check_say_yes(check, peak_of(check, spots), ga_plan_bound(plan, 0));
    ga_plan_delete(plan);
    return EXIT_YES;
}

enum exit_code check_intervals(const struct check *check)
{
    struct ga_mem mem = gai_env(NULL).mem;
    uint32_t n = check->input->intervals.n;
    struct spot *spots = mem_new(&mem, struct spot, n);
    struct moment *order = mem_new_raw(&mem, struct moment, n);
    struct pieces taken;
    bool has_room = gai_pieces_init(&taken, &mem, 2 * n) && spots && order;
    enum exit_code code = EXIT_RESOURCES;
    if (!has_room)
        complain("%s", ga_status_str(GA_NO_MEMORY));
    else
        code = check->has_plan_format ? places_from_plan(check, spots) : places_from_csv(check, spots);
    if (code == EXIT_YES)
        code = judge(check, spots, order, &taken);
    gai_pieces_fini(&taken, &mem);
    mem_free(&mem, order, n);
    mem_free(&mem, spots, n);
    return code;
}
