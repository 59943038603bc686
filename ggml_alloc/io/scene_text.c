/*
 * scene_text.c - a picture of letters, a letter for each hue, small enough for a terminal
 */
#include "io/scene.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 18, LEFT = 11, LEAST_COLUMNS = 16 };

static const char letters[SCENE_HUES + 1] = "#*o=+%x.";
static const int terminal_colours[SCENE_HUES] = { 34, 33, 32, 35, 36, 31, 93, 90 };

static void write_cells(const uint8_t *cells, unsigned n, bool is_coloured, struct text *out)
{
    unsigned last = SCENE_HUES;
    for (unsigned i = 0; i < n; i++) {
        unsigned hue = cells[i];
        if (is_coloured && hue != last && hue < SCENE_HUES)
            gai_text(out, "\033[%dm", terminal_colours[hue]);
        else if (is_coloured && hue != last)
            gai_text(out, "\033[0m");
        gai_text(out, "%c", hue < SCENE_HUES ? letters[hue] : ' ');
        last = hue;
    }
    gai_text(out, "%s\n", is_coloured && last < SCENE_HUES ? "\033[0m" : "");
}

/* Blanks at the end of a row are not written. */
static unsigned used_columns(const uint8_t *cells, unsigned n)
{
    while (n > 0 && cells[n - 1] == SCENE_HUES)
        n--;
    return n;
}

static void write_axis(const struct scene *scene, const struct panel *panel, unsigned columns, struct text *out)
{
    double share = (double)(panel->step - scene->begin) / (double)(scene->end - scene->begin);
    unsigned at = (unsigned)(share * columns);
    char end[32], peak[48];
    gai_text(out, "%*s +", LEFT - 2, "0 B");
    for (unsigned i = 0; i < columns; i++)
        gai_text(out, "%c", i == at ? '^' : '-');
    int len = snprintf(peak, sizeof peak, "peak at %" PRIu64, panel->step);
    snprintf(end, sizeof end, "%" PRIu64, scene->end);
    int room = (int)columns - (int)strlen(end), start = (int)at;
    start = start + len >= room ? room - len - 1 : start;
    start = start > 0 ? start : 0;
    gai_text(out, "\n%*s%*s%s%*s%s\n", LEFT, "", start, "", peak, room - start - len > 0 ? room - start - len : 1, "", end);
}

static void write_panel(const struct scene *scene, const struct panel *panel, const struct raster *raster, bool is_coloured,
                        struct text *out)
{
    char peak[32], bound[32];
    const char *name = gai_report_pool_name(scene->report, panel->pool);
    gai_text(out, "\npool %u%s%s: %s in %" PRIu32 " tensors, bound %s\n", panel->pool, *name ? " " : "", name,
             gai_text_bytes(peak, panel->peak), panel->n_tiles, gai_text_bytes(bound, panel->bound));
    unsigned bound_row = (unsigned)((1 - (double)panel->bound / (double)panel->peak) * ROWS);
    for (unsigned row = 0; row < ROWS; row++) {
        const char *label = row == 0 ? peak : row == bound_row ? "bound" : "";
        const uint8_t *cells = raster->cells + (size_t)row * raster->width;
        gai_text(out, "%*s |", LEFT - 2, label);
        write_cells(cells, used_columns(cells, raster->width), is_coloured, out);
    }
    write_axis(scene, panel, raster->width, out);
}

static void write_legend(const struct scene *scene, unsigned width, bool is_coloured, struct text *out)
{
    unsigned column = width;
    for (unsigned hue = 0; hue < SCENE_HUES; hue++) {
        if (!scene->labels[hue])
            continue;
        char entry[40];
        unsigned len = (unsigned)snprintf(entry, sizeof entry, " %.30s", scene->labels[hue]) + 3;
        gai_text(out, "%s  ", column + len > width ? "\n" : "");
        column = (column + len > width ? 0 : column) + len;
        if (is_coloured)
            gai_text(out, "\033[%dm%c\033[0m%s", terminal_colours[hue], letters[hue], entry);
        else
            gai_text(out, "%c%s", letters[hue], entry);
    }
    gai_text(out, "\n");
}

enum ga_status gai_scene_text(const struct scene *scene, unsigned width, bool is_coloured, struct text *out)
{
    unsigned columns = width > LEFT + LEAST_COLUMNS ? width - LEFT : LEAST_COLUMNS;
    size_t room = gai_raster_room(columns, ROWS), n_cells = (size_t)columns * ROWS;
    struct raster raster = { .width = columns, .height = ROWS };
    raster.scratch = mem_new_raw(&scene->mem, float, room);
    raster.cells = mem_new_raw(&scene->mem, uint8_t, n_cells);
    bool has_memory = raster.scratch && raster.cells;
    if (has_memory)
        gai_text(out, "%s: time to the right, addresses upwards\n", gai_scene_title(scene));
    for (uint32_t i = 0; has_memory && i < scene->n_panels; i++) {
        gai_raster_fill(&raster, scene, &scene->panels[i], NULL);
        write_panel(scene, &scene->panels[i], &raster, is_coloured, out);
    }
    if (has_memory)
        write_legend(scene, columns + LEFT, is_coloured, out);
    mem_free(&scene->mem, raster.scratch, room);
    mem_free(&scene->mem, raster.cells, n_cells);
    return has_memory ? GA_OK : GA_NO_MEMORY;
}
