/*
 * show.c - ggml-alloc show: pictures of plans
 */
#include "cli/cli.h"
#include "cli/system.h"

#include "io/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 80, LEAST_COLUMNS = 40, MOST_COLUMNS = 200 };

static bool wants_colour(const struct options *options)
{
    const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
    if (options->colour != COLOUR_AUTO)
        return options->colour == COLOUR_ALWAYS;
    bool is_wanted = !(no_colour && *no_colour) && terminal && strcmp(terminal, "dumb") != 0;
    return is_wanted && !options->output && system_is_terminal(stdout);
}

/* As wide as the terminal says that it is, if it does. */
static unsigned columns(void)
{
    const char *said = getenv("COLUMNS");
    long number = said ? strtol(said, NULL, 10) : 0;
    return number >= LEAST_COLUMNS && number <= MOST_COLUMNS ? (unsigned)number : COLUMNS;
}

static enum ga_status write_scene(const struct options *options, const struct scene *scene, struct text *out)
{
    switch (options->picture) {
    case PICTURE_SVG:
        return gai_scene_svg(scene, out);
    case PICTURE_HTML:
        gai_scene_html(scene, out);
        return GA_OK;
    case PICTURE_MEMVIZ:
        return gai_scene_memviz(scene, out);
    case PICTURE_TRACE:
        return gai_scene_trace(scene, out);
    case PICTURE_C:
        gai_scene_header(scene, out);
        return GA_OK;
    case PICTURE_NONE:
    case PICTURE_TEXT:
        break;
    }
    return gai_scene_text(scene, columns(), wants_colour(options), out);
}

enum exit_code draw(const struct options *options, const struct input *input, const struct solution *solution, struct text *out)
{
    struct scene scene;
    enum ga_status status = gai_scene_make(&solution->report, input->is_graph ? NULL : &input->intervals, &scene);
    if (status == GA_OK) {
        status = write_scene(options, &scene, out);
        gai_scene_fini(&scene);
    }
    if (status == GA_OK)
        return EXIT_YES;
    complain("%s", ga_status_str(status));
    return EXIT_RESOURCES;
}

static enum exit_code show_file(const struct options *options, const char *path, struct text *out)
{
    struct input input;
    struct solution solution;
    enum exit_code code = load_and_solve(options, path, &input, &solution);
    if (code != EXIT_YES)
        return code;
    code = draw(options, &input, &solution, out);
    if (code == EXIT_YES)
        code = solution_verdict(options, &solution);
    solution_free(&solution);
    input_free(&input);
    return code;
}

enum exit_code command_show(const struct options *options, struct text *out)
{
    enum exit_code code = EXIT_YES;
    if (options->n_files > 1 && options->picture > PICTURE_TEXT) {
        complain("a picture holds one graph; name one FILE, or let it be text");
        return EXIT_USAGE;
    }
    for (int i = 0; i < options->n_files; i++) {
        gai_text(out, "%s", i ? "\n" : "");
        code = exit_worse(code, show_file(options, options->files[i], out));
    }
    return code;
}
