/*
 * check.c - ggml-alloc check: is a plan right for a graph, or for intervals?
 */
#include "cli/check.h"

#include "io/plan_csv.h"
#include "plan/plan.h"

#include <inttypes.h>
#include <string.h>

bool is_plan_format(const struct bytes *bytes)
{
    return bytes->len > 8 && memcmp(bytes->text, "ga_plan\t", 8) == 0;
}

static enum ga_status read_plan(const struct ga_source *source, void *plan, struct mishap *mishap)
{
    return gai_plan_format_read(NULL, source, plan, mishap);
}

enum exit_code plan_parse(const char *path, const struct bytes *bytes, ga_plan **plan)
{
    return bytes_read(path, bytes, read_plan, plan);
}

enum exit_code input_for_plan(const struct options *options, const char *path, const struct bytes *bytes, const ga_plan *plan,
                              struct input *input, char why[PLAN_WHY])
{
    for (int mode = INPLACE_MORE;; mode--) {
        struct options tried = *options;
        if (!options->has_inplace)
            tried.inplace = (enum inplace)mode;
        enum exit_code code = input_parse(path, &tried, bytes, input);
        if (code != EXIT_YES)
            return code;
        char words[PLAN_WHY] = "it is for other intervals";
        bool fits = input->is_graph ? ga_plan_fits(plan, input->graph.graph, words, sizeof words)
                                    : plan->n_nodes == input->intervals.n && plan->times;
        why[0] = 0;
        if (!fits)
            say_in_file_ids(input, words, why, PLAN_WHY);
        if (fits || options->has_inplace || mode == INPLACE_NONE || !input->is_graph)
            return EXIT_YES;
        input_free(input);
    }
}

static enum exit_code find_mode(struct check *check, const struct options *options, const ga_plan *plan)
{
    char why[PLAN_WHY];
    input_free(check->input);
    enum exit_code code = input_for_plan(options, check->input->path, check->graph_bytes, plan, check->input, why);
    check->input_is_gone = code != EXIT_YES;
    if (code == EXIT_YES && *why) {
        gai_text(check->out, "no: not a plan for this graph: %s\n", why);
        code = EXIT_NO;
    }
    return code;
}

static const char *name_of(const struct input *input, ga_id id)
{
    struct ga_node node;
    return ga_graph_node(input->graph.graph, id, &node) ? node.name : "";
}

static void write_tensor(const struct check *check, const ga_plan *plan, ga_id id)
{
    uint64_t birth = 0, death = 1;
    ga_plan_life(plan, id, &birth, &death);
    gai_text(check->out, "tensor %" PRIu32 " '%s' (steps %" PRIu64 "..%" PRIu64 ")", check->input->graph.file_ids[id],
             name_of(check->input, id), birth, death - 1);
}

static enum exit_code say_wrong(const struct check *check, const ga_plan *plan, const char *why, const ga_id pair[2])
{
    const char *what = strstr(why, "' "); /* behind the name: ids are to be the file's */
    gai_text(check->out, "no: ");
    if (pair[0] == GA_NONE) {
        gai_text(check->out, "%s\n", why);
        return EXIT_NO;
    }
    write_tensor(check, plan, pair[0]);
    if (pair[1] == GA_NONE) {
        gai_text(check->out, " %s\n", what ? what + 2 : why);
        return EXIT_NO;
    }
    struct ga_slot slot;
    ga_plan_slot(plan, pair[0], &slot);
    gai_text(check->out, " and ");
    write_tensor(check, plan, pair[1]);
    gai_text(check->out, " share bytes of pool %u, chunk %u\n", slot.pool, slot.chunk);
    return EXIT_NO;
}

/* Owners of bytes, by file id; false past the last. */
static bool next_owner(const struct check *check, const ga_plan *plan, uint32_t *at, struct ga_node *node, struct ga_slot *slot)
{
    const struct tgraph *file = &check->input->graph;
    for (; *at < file->n_tensors; ++*at) {
        ga_graph_node(file->graph, file->ids[*at], node);
        if (node->view_of == GA_NONE && ga_plan_slot(plan, file->ids[*at], slot))
            return true;
    }
    return false;
}

/* A chunk above the limit is right when a single tensor is. */
static bool has_giant(const struct check *check, const ga_plan *plan, unsigned pool, unsigned chunk, uint64_t limit)
{
    struct ga_node node;
    struct ga_slot slot;
    for (uint32_t at = 0; next_owner(check, plan, &at, &node, &slot); at++)
        if (slot.pool == pool && slot.chunk == chunk && node.size > limit)
            return true;
    return false;
}

/* What the graph does not know: alignments of pools, and how large one buffer may be. */
static bool limits_hold(const struct check *check, const ga_plan *plan, const struct solution *limits)
{
    struct ga_node node;
    struct ga_slot slot;
    for (uint32_t at = 0; next_owner(check, plan, &at, &node, &slot); at++) {
        uint64_t align = limits->align[slot.pool];
        if (slot.offset & (align - 1)) {
            gai_text(check->out, "no: tensor %" PRIu32 " '%s' at %" PRIu64 " is not aligned to %" PRIu64 "\n", at, node.name,
                     slot.offset, align);
            return false;
        }
    }
    for (unsigned pool = 0; pool < limits->n_pools; pool++)
        for (unsigned i = 0; ga_plan_chunk(plan, pool, i); i++) {
            uint64_t limit = limits->chunk_max[pool], bytes = ga_plan_chunk(plan, pool, i);
            if (limit && bytes > limit && !has_giant(check, plan, pool, i, limit)) {
                gai_text(check->out, "no: chunk %u of pool %u takes %" PRIu64 " bytes, at most %" PRIu64 " are allowed\n", i, pool,
                         bytes, limit);
                return false;
            }
        }
    return true;
}

static enum exit_code judge(const struct check *check, const ga_plan *plan, const struct solution *limits)
{
    const ga_graph *graph = check->input->graph.graph;
    char why[256] = "";
    ga_id pair[2];
    enum ga_status status = gai_plan_check_pair(plan, graph, why, sizeof why, pair);
    if (status == GA_NO_MEMORY) {
        complain("%s", ga_status_str(status));
        return EXIT_RESOURCES;
    }
    if (status != GA_OK)
        return say_wrong(check, plan, why, pair);
    if (!limits_hold(check, plan, limits))
        return EXIT_NO;
    struct report report = { .plan = plan, .graph = graph, .file = &check->input->graph };
    check_say_yes(check, gai_report_peak(&report), gai_report_bound(&limits->report));
    return EXIT_YES;
}

void check_say_yes(const struct check *check, uint64_t peak, uint64_t bound)
{
    char a[32], b[32];
    gai_text(check->out, "yes: nothing that lives together overlaps; peak %s, bound %s\n", gai_text_bytes(a, peak),
             gai_text_bytes(b, bound));
}

struct placed {
    const struct tgraph *graph;
    const ga_plan *like;
    ga_plan *plan;
};

static enum ga_status read_csv(const struct ga_source *source, void *object, struct mishap *mishap)
{
    struct placed *placed = object;
    return gai_plan_csv_read(source, placed->graph, placed->like, &placed->plan, mishap);
}

static enum exit_code check_graph(struct check *check, const struct options *options)
{
    ga_plan *plan = NULL;
    struct solution like;
    enum exit_code code = EXIT_YES;
    if (is_plan_format(check->bytes)) {
        code = plan_parse(check->plan_path, check->bytes, &plan);
        if (code == EXIT_YES)
            code = find_mode(check, options, plan);
    }
    if (code == EXIT_YES)
        code = solve(options, GA_EFFORT_NONE, check->input, &like);
    if (code == EXIT_YES) {
        if (!plan) {
            struct placed placed = { .graph = &check->input->graph, .like = like.plan };
            code = bytes_read(check->plan_path, check->bytes, read_csv, &placed);
            plan = placed.plan;
        }
        if (code == EXIT_YES)
            code = judge(check, plan, &like);
        solution_free(&like);
    }
    ga_plan_delete(plan);
    return code;
}

enum exit_code command_check(const struct options *options, struct text *out)
{
    struct bytes graph, plan;
    struct input input;
    enum exit_code code = bytes_load(options->files[0], &graph);
    if (code != EXIT_YES)
        return code;
    code = bytes_load(options->files[1], &plan);
    if (code == EXIT_YES) {
        code = input_parse(options->files[0], options, &graph, &input);
        if (code == EXIT_YES) {
            struct check check = {
                .out = out,
                .input = &input,
                .bytes = &plan,
                .graph_bytes = &graph,
                .plan_path = options->files[1],
            };
            check.has_plan_format = is_plan_format(&plan);
            if (options->is_order && input.is_graph)
                code = check_order(&check);
            else
                code = input.is_graph ? check_graph(&check, options) : check_intervals(&check);
            if (!check.input_is_gone)
                input_free(&input);
        }
        bytes_free(&plan);
    }
    bytes_free(&graph);
    return code;
}
