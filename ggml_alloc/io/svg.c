/*
 * svg.c - a plan as a drawing: a rectangle for each tensor, small ones run together
 *
 * What is too small to be seen alone is drawn cell by cell, in the colour that most of a cell has, as one path for each colour; the
 * panel says how many tensors that are.
 */
#include "io/scene_diff.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 1000, LEFT = 110, RIGHT = 30, HEAD = 64, PANEL = 320, GAP = 72, CELL = 2 };
enum { INNER = WIDTH - LEFT - RIGHT, COLUMNS = INNER / CELL, CELL_ROWS = PANEL / CELL };
#define LETTER 6.2 /* how wide one is, about */

struct frame {
    const struct scene *scene;
    const struct panel *panel;
    bool is_one_of_two;
    double top;
    double per_time, per_byte;
};

static double frame_x(const struct frame *frame, uint64_t time)
{
    return LEFT + (double)(time - frame->scene->begin) * frame->per_time;
}

static double frame_y(const struct frame *frame, uint64_t at)
{
    return frame->top + PANEL - (double)at * frame->per_byte;
}

/* The `at`-th from above. */
static struct frame frame_of(const struct scene *scene, const struct panel *panel, uint32_t at)
{
    struct frame frame = { .scene = scene, .panel = panel, .top = HEAD + 24 + (double)at * (PANEL + GAP) };
    frame.per_time = INNER / (double)(scene->end - scene->begin);
    frame.per_byte = PANEL / (double)panel->high;
    return frame;
}

static bool is_small(const struct scene *scene, const struct panel *panel, const struct tile *tile)
{
    double width = INNER * (double)(tile->death - tile->birth) / (double)(scene->end - scene->begin);
    double height = PANEL * (double)tile->size / (double)panel->high;
    return width < CELL || height < CELL;
}

/* ---- small ones ---- */

static void write_runs(const struct frame *frame, const struct raster *raster, unsigned hue, struct text *out)
{
    bool is_open = false;
    for (unsigned row = 0; row < raster->height; row++) {
        const uint8_t *cells = raster->cells + (size_t)row * raster->width;
        for (unsigned start = 0, end; start < raster->width; start = end) {
            end = start + 1;
            while (end < raster->width && cells[end] == cells[start])
                end++;
            if (cells[start] != hue)
                continue;
            if (!is_open)
                gai_text(out, "<path fill=\"%s\" d=\"", gai_scene_colours[hue]);
            is_open = true;
            gai_text(out, "M%u %gh%uv%dh-%uz", LEFT + start * CELL, frame->top + row * CELL, (end - start) * CELL, CELL,
                     (end - start) * CELL);
        }
    }
    gai_text(out, "%s", is_open ? "\"/>\n" : "");
}

static void write_small(const struct frame *frame, const struct raster *raster, struct text *out)
{
    gai_raster_fill(raster, frame->scene, frame->panel, is_small);
    for (unsigned hue = 0; hue < SCENE_HUES; hue++)
        write_runs(frame, raster, hue, out);
}

/* ---- large ones ---- */

static void write_hint(const struct scene *scene, const struct tile *tile, struct text *out)
{
    char size[32];
    gai_text(out, "<title>");
    gai_xml(gai_scene_op(scene, tile->id), 64, out);
    gai_text(out, " ");
    gai_xml(gai_scene_name(scene, tile->id), 96, out);
    gai_text(out, "\n%s, %s %" PRIu64 "..%" PRIu64 ", offset %" PRIu64 "</title>", gai_text_bytes(size, tile->size),
             scene->intervals ? "times" : "steps", tile->birth, tile->death - 1, tile->at);
}

static void write_label(const struct scene *scene, const struct tile *tile, double x, double y, double width, double height,
                        struct text *out)
{
    const char *name = gai_scene_name(scene, tile->id);
    size_t letters = width > 4 ? (size_t)((width - 4) / LETTER) : 0, len = strlen(name);
    if (height < 11 || !len || (len > letters && letters < 5))
        return;
    gai_text(out, "<text class=\"n%s\" x=\"%.1f\" y=\"%.1f\">", hue_is_dark(tile->hue) ? " w" : "", x + 3, y + height / 2 + 3.5);
    gai_xml(name, len > letters ? letters - 1 : len, out);
    gai_text(out, "%s</text>", len > letters ? "\xe2\x80\xa6" : ""); /* an ellipsis */
}

static void write_large(const struct frame *frame, struct text *out)
{
    for (uint32_t i = 0; i < frame->scene->n_tiles; i++) {
        const struct tile *tile = &frame->scene->tiles[i];
        if (tile->pool != frame->panel->pool || is_small(frame->scene, frame->panel, tile))
            continue;
        double x = frame_x(frame, tile->birth), y = frame_y(frame, tile->at + tile->size);
        double width = frame_x(frame, tile->death) - x, height = (double)tile->size * frame->per_byte;
        gai_text(out, "<g><rect class=\"r\" fill=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\">",
                 gai_scene_colours[tile->hue], x, y, width, height);
        write_hint(frame->scene, tile, out);
        gai_text(out, "</rect>");
        write_label(frame->scene, tile, x, y, width, height, out);
        gai_text(out, "</g>\n");
    }
}

/* ---- around them ---- */

enum { MOST_TICKS = 8, ROOM = 12 }; /* of an axis; between two labels */

static uint32_t count_small(const struct frame *frame)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < frame->scene->n_tiles; i++) {
        const struct tile *tile = &frame->scene->tiles[i];
        n += tile->pool == frame->panel->pool && is_small(frame->scene, frame->panel, tile);
    }
    return n;
}

static void write_caption(const struct frame *frame, struct text *out)
{
    const struct panel *panel = frame->panel;
    char peak[32], bound[32];
    uint32_t n_small = count_small(frame);
    gai_text(out, "<text class=\"t\" x=\"%d\" y=\"%.1f\">", LEFT, frame->top - 10);
    if (frame->is_one_of_two) {
        gai_xml(frame->scene->version ? frame->scene->version : gai_scene_title(frame->scene), 64, out);
        gai_text(out, ", ");
    }
    gai_text(out, "pool %u ", panel->pool);
    gai_xml(gai_report_pool_name(frame->scene->report, panel->pool), 64, out);
    gai_text(out, "</text><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">peak %s, bound %s; %" PRIu32 " tensors", WIDTH - RIGHT,
             frame->top - 10, gai_text_bytes(peak, panel->peak), gai_text_bytes(bound, panel->bound), panel->n_tiles);
    if (n_small)
        gai_text(out, ", %" PRIu32 " small ones run together", n_small);
    gai_text(out, "</text>\n");
}

static void write_line(double y, const char *kind, const char *label, const char *size, struct text *out)
{
    gai_text(out, "<path class=\"%s\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s%s</text>\n", kind, LEFT,
             y, WIDTH - RIGHT, LEFT - 6, y + 4, label, size);
}

static bool are_near(double a, double b)
{
    return (a > b ? a - b : b - a) <= ROOM;
}

/* Drawn first: tiles hide it. */
static void write_grid(const struct frame *frame, struct text *out)
{
    const struct panel *panel = frame->panel;
    char size[32];
    double bound = frame_y(frame, panel->bound), peak = frame_y(frame, panel->peak);
    uint64_t step = 1;
    while (panel->high / step > MOST_TICKS)
        step *= 2;
    for (uint64_t at = step; frame_y(frame, at) > frame->top; at += step)
        if (!are_near(frame_y(frame, at), bound) && !are_near(frame_y(frame, at), peak))
            write_line(frame_y(frame, at), "g", "", gai_text_bytes(size, at), out);
}

static void write_addresses(const struct frame *frame, struct text *out)
{
    const struct panel *panel = frame->panel;
    const ga_plan *plan = frame->scene->report->plan;
    char size[32];
    write_line(frame_y(frame, 0), "a", "", "0", out);
    double bound = frame_y(frame, panel->bound), peak = frame_y(frame, panel->peak);
    write_line(peak, "g", "", gai_text_bytes(size, panel->peak), out);
    if (!are_near(bound, peak))
        write_line(bound, "b", "bound ", gai_text_bytes(size, panel->bound), out);
    uint64_t start = 0;
    for (unsigned chunk = 1; ga_plan_chunk(plan, panel->pool, chunk) != 0; chunk++) {
        start += ga_plan_chunk(plan, panel->pool, chunk - 1);
        gai_text(out, "<path class=\"c\" d=\"M%d %.1fH%d\"/>\n", LEFT, frame_y(frame, start), WIDTH - RIGHT);
    }
}

/* 1, 2 or 5 times a power of ten. */
static uint64_t round_step(uint64_t span)
{
    for (uint64_t ten = 1;; ten *= 10)
        for (unsigned factor = 1; factor <= 5; factor += factor == 1 ? 1 : 3)
            if (span / ten / factor <= MOST_TICKS)
                return ten * factor;
}

static void write_times(const struct frame *frame, struct text *out)
{
    const struct scene *scene = frame->scene;
    double bottom = frame->top + PANEL, peak = frame_x(frame, frame->panel->step);
    uint64_t span = scene->end - scene->begin, step = round_step(span), first = (step - scene->begin % step) % step;
    uint64_t n = first <= span ? (span - first) / step + 1 : 0;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t time = scene->begin + first + i * step;
        gai_text(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%" PRIu64 "</text>\n", frame_x(frame, time), bottom + 16,
                 time);
    }
    gai_text(out,
             "<path class=\"p\" d=\"M%.1f %.1fV%.1f\"/><text class=\"h\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">"
             "peak at %s %" PRIu64 "</text>\n",
             peak, frame->top, bottom + 22, peak, bottom + 34, peak < WIDTH / 2.0 ? "start" : "end",
             scene->intervals ? "time" : "step", frame->panel->step);
}

static void write_legend(const struct scene *scene, struct text *out)
{
    double x = LEFT;
    for (unsigned hue = 0; hue < SCENE_HUES; hue++) {
        if (!scene->labels[hue])
            continue;
        gai_text(out, "<rect fill=\"%s\" x=\"%.0f\" y=\"38\" width=\"11\" height=\"11\"/><text x=\"%.0f\" y=\"48\">",
                 gai_scene_colours[hue], x, x + 15);
        gai_xml(scene->labels[hue], 24, out);
        gai_text(out, "</text>\n");
        size_t len = strlen(scene->labels[hue]);
        x += 34 + (LETTER + 1) * (double)(len < 24 ? len : 24); /* most are capitals */
    }
}

static void write_title(const struct scene *const *scenes, unsigned n, struct text *out)
{
    gai_text(out, "<text class=\"t\" x=\"%d\" y=\"24\">", LEFT);
    gai_xml(gai_scene_title(scenes[0]), 100, out);
    if (n > 1 && strcmp(gai_scene_title(scenes[0]), gai_scene_title(scenes[1])) != 0) {
        gai_text(out, " \xe2\x86\x92 "); /* an arrow */
        gai_xml(gai_scene_title(scenes[1]), 100, out);
    }
    gai_text(out, "</text>\n");
}

static void write_start(uint32_t n_panels, struct text *out)
{
    unsigned height = HEAD + 24 + n_panels * (PANEL + GAP);
    gai_text(out,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" font-family=\"sans-serif\" font-size=\"11\">\n"
             "<style>svg{background:#fff}text{fill:#333}text.t{font-size:14px;font-weight:bold}text.n{fill:#000;pointer-events:"
             "none}text.w{fill:#fff}"
             "text.h{font-weight:bold}.r{stroke:#fff;stroke-width:.6}.a,.g,.b,.c,.p{fill:none;stroke:#333}.g{stroke:#8886}"
             ".b{stroke:#000;stroke-dasharray:7 4}.c{stroke-width:2}.p{stroke-dasharray:3 3;stroke-width:1.5}"
             "@media(prefers-color-scheme:dark){svg{background:#16181c}text{fill:#ddd}.r{stroke:#16181c}.a,.c,.p,.b{stroke:#eee}}</"
             "style>\n",
             WIDTH, height);
}

static void write_panel(const struct frame *frame, const struct raster *raster, struct text *out)
{
    write_caption(frame, out);
    write_grid(frame, out);
    write_small(frame, raster, out);
    write_large(frame, out);
    write_addresses(frame, out);
    write_times(frame, out);
}

/* Pool by pool, so that what is to be compared stands together. */
static void write_panels(const struct scene *const *scenes, unsigned n, const struct raster *raster, struct text *out)
{
    uint32_t at = 0;
    unsigned n_pools = 0;
    for (unsigned i = 0; i < n; i++)
        for (uint32_t j = 0; j < scenes[i]->n_panels; j++)
            n_pools = scenes[i]->panels[j].pool >= n_pools ? scenes[i]->panels[j].pool + 1 : n_pools;
    for (unsigned pool = 0; pool < n_pools; pool++)
        for (unsigned i = 0; i < n; i++) {
            const struct panel *panel = gai_scene_panel(scenes[i], pool);
            if (!panel)
                continue;
            struct frame frame = frame_of(scenes[i], panel, at++);
            frame.is_one_of_two = n > 1;
            write_panel(&frame, raster, out);
        }
}

static enum ga_status write_svg(const struct scene *const *scenes, unsigned n, struct text *out)
{
    const struct ga_mem *mem = &scenes[0]->mem;
    size_t room = gai_raster_room(COLUMNS, CELL_ROWS), n_cells = (size_t)COLUMNS * CELL_ROWS;
    struct raster raster = { .width = COLUMNS, .height = CELL_ROWS };
    raster.scratch = mem_new_raw(mem, float, room);
    raster.cells = mem_new_raw(mem, uint8_t, n_cells);
    bool has_memory = raster.scratch && raster.cells;
    if (has_memory) {
        write_start(scenes[0]->n_panels + (n > 1 ? scenes[1]->n_panels : 0), out);
        write_title(scenes, n, out);
        write_legend(scenes[0], out);
        write_panels(scenes, n, &raster, out);
        gai_text(out, "</svg>\n");
    }
    mem_free(mem, raster.scratch, room);
    mem_free(mem, raster.cells, n_cells);
    return has_memory ? GA_OK : GA_NO_MEMORY;
}

enum ga_status gai_scene_svg(const struct scene *scene, struct text *out)
{
    return write_svg(&scene, 1, out);
}

enum ga_status gai_scene_diff_svg(const struct scene_diff *diff, struct text *out)
{
    return write_svg((const struct scene *const[]){ diff->before, diff->after }, 2, out);
}
