/*
 * html.c - plans as one page: the tiles as JSON, and a script that draws them
 */
#include "io/html.h"

#include "io/scene_diff.h"

#include "base/json.h"

#include <inttypes.h>
#include <string.h>

/*
 * JSON within a page: "<" stands in strings only, where it is written as \u003c, so that no name can end the script.
 */
static bool write_guarded(void *user, const char *bytes, size_t len)
{
    struct text *out = user;
    while (len > 0) {
        const char *stop = memchr(bytes, '<', len);
        size_t plain = stop ? (size_t)(stop - bytes) : len;
        gai_text_raw(out, bytes, plain);
        if (stop)
            gai_text(out, "\\u003c");
        plain += stop ? 1 : 0;
        bytes += plain;
        len -= plain;
    }
    return !out->failed;
}

static void write_pool(const struct scene *scene, const struct panel *panel, struct text *out)
{
    gai_text(out, "{\"pool\":%u,\"name\":", panel->pool);
    gai_json_string(out, gai_report_pool_name(scene->report, panel->pool));
    gai_text(out, ",\"peak\":%" PRIu64 ",\"bound\":%" PRIu64 ",\"step\":%" PRIu64 ",\"n\":%" PRIu32 ",\"chunks\":[", panel->peak,
             panel->bound, panel->step, panel->n_tiles);
    for (unsigned i = 0; ga_plan_chunk(scene->report->plan, panel->pool, i) != 0; i++)
        gai_text(out, "%s%" PRIu64, i ? "," : "", ga_plan_chunk(scene->report->plan, panel->pool, i));
    gai_text(out, "]}");
}

/* Ops by number; the numbers are those of the list that stands before the tiles. */
enum { MOST_OPS = 256 };

struct ops {
    const char *words[MOST_OPS];
    unsigned n;
};

/* The last one stands for all for which there is no room. */
static unsigned op_number(struct ops *ops, const char *word)
{
    for (unsigned i = 0; i < ops->n; i++)
        if (strcmp(ops->words[i], word) == 0)
            return i;
    if (ops->n == MOST_OPS)
        return MOST_OPS - 1;
    ops->words[ops->n] = ops->n < MOST_OPS - 1 ? word : "other";
    return ops->n++;
}

static void write_tiles(const struct scene *scene, struct text *out)
{
    struct ops ops = { .n = 0 };
    gai_text(out, ",\"tiles\":[\n");
    for (uint32_t i = 0; i < scene->n_tiles; i++) {
        const struct tile *tile = &scene->tiles[i];
        gai_text(out, "%s[%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%u,%u,", i ? ",\n" : "", tile->birth, tile->death,
                 tile->at, tile->size, tile->hue, op_number(&ops, gai_scene_op(scene, tile->id)));
        gai_json_string(out, gai_scene_name(scene, tile->id));
        gai_text(out, ",%" PRIu32 ",%u,%u]", gai_scene_file_id(scene, tile->id), tile->pool, tile->chunk);
    }
    gai_text(out, "],\"ops\":[");
    for (unsigned i = 0; i < ops.n; i++) {
        gai_text(out, "%s", i ? "," : "");
        gai_json_string(out, ops.words[i]);
    }
    gai_text(out, "]");
}

static void write_scene(const struct scene *scene, struct text *out)
{
    gai_text(out, "{\"title\":");
    gai_json_string(out, gai_scene_title(scene));
    gai_text(out, ",\"version\":");
    gai_json_string(out, scene->version);
    gai_text(out, ",\"unit\":\"%s\",\"begin\":%" PRIu64 ",\"end\":%" PRIu64 ",\"labels\":[", scene->intervals ? "time" : "step",
             scene->begin, scene->end);
    for (unsigned hue = 0; hue < SCENE_HUES; hue++) {
        gai_text(out, "%s", hue ? "," : "");
        gai_json_string(out, scene->labels[hue]);
    }
    gai_text(out, "],\"pools\":[");
    for (uint32_t i = 0; i < scene->n_panels; i++) {
        gai_text(out, "%s", i ? "," : "");
        write_pool(scene, &scene->panels[i], out);
    }
    gai_text(out, "]");
    write_tiles(scene, out);
    gai_text(out, "}");
}

/* What a page is made of: one scene, or two and how they differ. */
struct page {
    const struct scene *scenes[2];
    unsigned n;
    const struct scene_diff *diff;
};

static void write_scenes(const struct page *page, struct text *out)
{
    gai_text(out, "[");
    for (unsigned i = 0; i < page->n; i++) {
        gai_text(out, "%s", i ? ",\n" : "");
        write_scene(page->scenes[i], out);
    }
    gai_text(out, "]\n");
}

/* Tiles that one of the scenes lacks are -1. */
static void write_changes(const struct page *page, struct text *out)
{
    gai_text(out, "[");
    for (uint32_t i = 0; i < page->diff->n; i++) {
        const struct twins *twins = &page->diff->twins[i];
        int64_t before = twins->before == NO_TILE ? -1 : (int64_t)twins->before;
        int64_t after = twins->after == NO_TILE ? -1 : (int64_t)twins->after;
        gai_text(out, "%s[%u,%" PRId64 ",%" PRId64 "]", i ? "," : "", (unsigned)twins->fate, before, after);
    }
    gai_text(out, "]\n");
}

static void write_data(const char *id, const struct page *page, void (*write)(const struct page *, struct text *), struct text *out)
{
    struct ga_sink sink = { write_guarded, out };
    struct text json = text_to(&sink);
    gai_text(out, "<script id=\"%s\" type=\"application/json\">\n", id);
    write(page, &json);
    (void)gai_text_end(&json); /* failure sticks to `out` */
    gai_text(out, "</script>\n");
}

static void write_lines(const char *const *lines, struct text *out)
{
    for (; *lines; lines++)
        gai_text_raw(out, *lines, strlen(*lines));
}

static void write_title(const struct page *page, struct text *out)
{
    for (unsigned i = 0; i < page->n; i++) {
        const struct scene *scene = page->scenes[i];
        gai_text(out, "%s", i ? " \xe2\x86\x92 " : ""); /* an arrow */
        gai_xml(gai_scene_title(scene), SIZE_MAX, out);
        if (scene->version) {
            gai_text(out, " (");
            gai_xml(scene->version, SIZE_MAX, out);
            gai_text(out, ")");
        }
    }
}

static void write_constants(const struct page *page, struct text *out)
{
    gai_text(out, "const colours = [");
    for (unsigned hue = 0; hue < SCENE_HUES; hue++)
        gai_text(out, "%s'%s'", hue ? ", " : "", gai_scene_colours[hue]);
    gai_text(out, "], fateNames = [");
    for (unsigned fate = 0; page->diff && fate < N_FATES; fate++)
        gai_text(out, "%s'%s'", fate ? ", " : "", gai_fate_name((enum fate)fate));
    gai_text(out, "];\n");
}

static void write_page(const struct page *page, struct text *out)
{
    gai_text(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
                  "<meta name=\"viewport\" content=\"width=device-width\"/><title>");
    write_title(page, out);
    gai_text(out, "</title>\n<style>\n");
    write_lines(gai_html_style, out);
    gai_text(out, "</style></head>\n<body><header><h1>");
    write_title(page, out);
    gai_text(out,
             "</h1><input id=\"find\" type=\"search\" placeholder=\"name, op or #id  ( / )\" aria-label=\"search\"/>"
             "<button id=\"reset\">reset view</button><div id=\"legend\"></div></header>\n"
             "<main id=\"panels\"></main>\n<aside><div id=\"found\"></div><div id=\"fates\"></div><div id=\"live\"></div>"
             "<p class=\"help\">Wheel: zoom in time, with Shift in addresses, with Ctrl in both. Drag: move. Click: pin the step. "
             "Arrows: step by step. Double click or Esc: all of it.</p></aside><div id=\"tip\" hidden=\"hidden\"></div>\n");
    write_data("data", page, write_scenes, out);
    if (page->diff)
        write_data("changes", page, write_changes, out);
    gai_text(out, "<script>\n'use strict';\n");
    write_constants(page, out);
    write_lines(gai_html_script, out);
    gai_text(out, "</script></body></html>\n");
}

void gai_scene_html(const struct scene *scene, struct text *out)
{
    write_page(&(struct page){ { scene }, 1, NULL }, out);
}

void gai_scene_diff_html(const struct scene_diff *diff, struct text *out)
{
    write_page(&(struct page){ { diff->before, diff->after }, 2, diff }, out);
}
