/*
 * compare_two.c - ggml-alloc compare --format=changes, svg, html: two plans side by side
 *
 *     FILE                 what ggml-alloc does, and the plan that --effort makes
 *     FILE FILE            the plans of two graphs, or of two files of intervals
 *     FILE PLAN            a plan made earlier, and one made now
 *     FILE PLAN PLAN       two made earlier
 */
#include "cli/check.h"
#include "cli/cli.h"

#include "io/scene_diff.h"

#include <string.h>

enum { FILES_MOST = 3 };

struct side {
    struct input input;
    struct solution solution; /* without limits when its plan was read */
    struct scene scene;
};

static void side_free(struct side *side)
{
    gai_scene_fini(&side->scene);
    solution_free(&side->solution);
    input_free(&side->input);
}

/* Frees the side when there is no scene. */
static enum exit_code side_draw(struct side *side, const char *version)
{
    const struct input *input = &side->input;
    enum ga_status status = gai_scene_make(&side->solution.report, input->is_graph ? NULL : &input->intervals, &side->scene);
    side->scene.version = version;
    if (status == GA_OK)
        return EXIT_YES;
    complain("%s", ga_status_str(status));
    side_free(side);
    return EXIT_RESOURCES;
}

/* A plan made now, for what the file holds. */
static enum exit_code side_plan(const struct options *options, int file, const struct bytes *bytes, enum ga_effort effort,
                                const char *version, struct side *side)
{
    enum exit_code code = input_parse(options->files[file], options, bytes, &side->input);
    if (code != EXIT_YES)
        return code;
    code = solve(options, effort, &side->input, &side->solution);
    if (code == EXIT_YES)
        return side_draw(side, version);
    input_free(&side->input);
    return code;
}

/* A plan that was made for what files[0] holds. */
static enum exit_code side_read(const struct options *options, const struct bytes *graph, int file, const struct bytes *bytes,
                                struct side *side)
{
    const char *path = options->files[file];
    char why[PLAN_WHY];
    ga_plan *plan;
    enum exit_code code = plan_parse(path, bytes, &plan);
    if (code != EXIT_YES)
        return code;
    code = input_for_plan(options, options->files[0], graph, plan, &side->input, why);
    if (code != EXIT_YES) {
        ga_plan_delete(plan);
        return code;
    }
    bool is_graph = side->input.is_graph;
    side->solution.plan = plan;
    side->solution.report = (struct report){
        .plan = plan,
        .graph = is_graph ? side->input.graph.graph : NULL,
        .file = is_graph ? &side->input.graph : NULL,
        .path = options->files[0],
    };
    if (!*why)
        return side_draw(side, path_shown(path));
    complain("%s is no plan for %s: %s", path_shown(path), path_shown(options->files[0]), why);
    solution_free(&side->solution);
    input_free(&side->input);
    return EXIT_INPUT;
}

static const char *effort_name(const struct options *options)
{
    return gai_effort_name(options->effort == GA_EFFORT_DEFAULT ? GA_EFFORT_QUICK : options->effort);
}

static enum exit_code make_before(const struct options *options, const struct bytes *files, struct side *side)
{
    *side = (struct side){ .input = { .path = "" } };
    if (options->n_files == 1)
        return side_plan(options, 0, &files[0], GA_EFFORT_ONLINE, gai_effort_name(GA_EFFORT_ONLINE), side);
    if (is_plan_format(&files[1]))
        return side_read(options, &files[0], 1, &files[1], side);
    return side_plan(options, 0, &files[0], options->effort, NULL, side);
}

static enum exit_code make_after(const struct options *options, const struct bytes *files, struct side *side)
{
    *side = (struct side){ .input = { .path = "" } };
    if (options->n_files == 3)
        return side_read(options, &files[0], 2, &files[2], side);
    if (options->n_files == 2 && !is_plan_format(&files[1]))
        return side_plan(options, 1, &files[1], options->effort, NULL, side);
    return side_plan(options, 0, &files[0], options->effort, effort_name(options), side);
}

/* Graphs of one name are told apart by their files. */
static void tell_apart(const struct options *options, struct scene *before, struct scene *after)
{
    if (before->version || after->version || strcmp(gai_scene_title(before), gai_scene_title(after)) != 0)
        return;
    before->version = path_shown(options->files[0]);
    after->version = path_shown(options->files[1]);
}

static enum exit_code write_diff(const struct options *options, const struct scene scenes[2], struct text *out)
{
    struct scene_diff diff;
    if (gai_scene_diff(&scenes[0], &scenes[1], &diff) != GA_OK) {
        complain("%s", ga_status_str(GA_NO_MEMORY));
        return EXIT_RESOURCES;
    }
    enum ga_status status = GA_OK;
    if (options->pair == PAIR_HTML)
        gai_scene_diff_html(&diff, out);
    else if (options->pair == PAIR_SVG)
        status = gai_scene_diff_svg(&diff, out);
    else
        gai_scene_diff_text(&diff, out);
    gai_scene_diff_fini(&diff);
    if (status == GA_OK)
        return EXIT_YES;
    complain("%s", ga_status_str(status));
    return EXIT_RESOURCES;
}

static enum exit_code compare_sides(const struct options *options, const struct bytes *files, struct text *out)
{
    struct side before, after;
    enum exit_code code = make_before(options, files, &before);
    if (code != EXIT_YES)
        return code;
    code = make_after(options, files, &after);
    if (code == EXIT_YES) {
        struct scene scenes[] = { before.scene, after.scene };
        tell_apart(options, &scenes[0], &scenes[1]);
        gai_scene_align(scenes, 2);
        code = write_diff(options, scenes, out);
        if (code == EXIT_YES)
            code = solution_verdict(options, &after.solution);
        side_free(&after);
    }
    side_free(&before);
    return code;
}

enum exit_code compare_two(const struct options *options, struct text *out)
{
    struct bytes files[FILES_MOST] = { { 0 } };
    if (options->n_files > FILES_MOST) {
        complain("two plans are compared at a time: of one FILE, of two, or PLANs behind the FILE that they are for");
        return EXIT_USAGE;
    }
    enum exit_code code = EXIT_YES;
    for (int i = 0; i < options->n_files && code == EXIT_YES; i++)
        code = bytes_load(options->files[i], &files[i]);
    if (code == EXIT_YES)
        code = compare_sides(options, files, out);
    for (int i = 0; i < options->n_files; i++)
        bytes_free(&files[i]);
    return code;
}
