/*
 * scene_diff_text.c - what changed between two plans, in lines
 */
#include "io/scene_diff.h"

#include <inttypes.h>

enum { MOST_LINES = 8 }; /* of one fate */

static const char *const fate_names[N_FATES] = { "gone",  "new",           "grown",          "shrunk",
                                                 "moved", "longer needed", "shorter needed", "the same" };

const char *gai_fate_name(enum fate fate)
{
    return fate_names[fate];
}

/* ---- pools ---- */

static void write_change(uint64_t before, uint64_t after, struct text *out)
{
    if (before && after != before)
        gai_text(out, "  %+.1f %%", 100.0 * ((double)after / (double)before - 1));
    gai_text(out, "\n");
}

static void write_pool(const struct scene_diff *diff, unsigned pool, struct text *out)
{
    static const struct panel none = { .peak = 0 };
    const struct panel *before = gai_scene_panel(diff->before, pool), *after = gai_scene_panel(diff->after, pool);
    const struct scene *named = after ? diff->after : diff->before;
    char a[32], b[32];
    if (!before && !after)
        return;
    before = before ? before : &none;
    after = after ? after : &none;
    gai_text(out, "pool %u %-12.40s  %10s  %10s", pool, gai_report_pool_name(named->report, pool), gai_text_bytes(a, before->peak),
             gai_text_bytes(b, after->peak));
    write_change(before->peak, after->peak, out);
    gai_text(out, "  %-17s  %10s  %10s", "bound", gai_text_bytes(a, before->bound), gai_text_bytes(b, after->bound));
    write_change(before->bound, after->bound, out);
    gai_text(out, "  %-17s  %10" PRIu64 "  %10" PRIu64 "\n", "peak at", before->step, after->step);
    gai_text(out, "  %-17s  %10" PRIu32 "  %10" PRIu32 "\n", "tensors", before->n_tiles, after->n_tiles);
}

static void write_version(const char *which, const struct scene *scene, struct text *out)
{
    gai_text(out, "%-6s  %s", which, gai_scene_title(scene));
    gai_text(out, "%s%s\n", scene->version ? ", " : "", scene->version ? scene->version : "");
}

/* ---- tensors ---- */

static void write_place(const struct scene *scene, const struct tile *tile, struct text *out)
{
    char at[32];
    gai_text(out, "%s", gai_text_bytes(at, tile->at));
    if (scene->n_panels > 1)
        gai_text(out, " in pool %u", tile->pool);
}

static void write_how(const struct scene_diff *diff, const struct twins *twins, struct text *out)
{
    const struct tile *before = twins->before == NO_TILE ? NULL : &diff->before->tiles[twins->before];
    const struct tile *after = twins->after == NO_TILE ? NULL : &diff->after->tiles[twins->after];
    char size[32];
    if (!before || !after)
        return;
    if (before->size != after->size) {
        gai_text(out, ", before %s", gai_text_bytes(size, before->size));
    } else if (twins->fate == FATE_MOVED) {
        gai_text(out, ", from ");
        write_place(diff->before, before, out);
        gai_text(out, " to ");
        write_place(diff->after, after, out);
    } else {
        gai_text(out, ", %" PRIu64 "..%" PRIu64 ", before %" PRIu64 "..%" PRIu64, after->birth, after->death - 1, before->birth,
                 before->death - 1);
    }
}

static void write_twins(const struct scene_diff *diff, const struct twins *twins, struct text *out)
{
    const struct scene *scene = twins->after == NO_TILE ? diff->before : diff->after;
    const struct tile *tile = &scene->tiles[twins->after == NO_TILE ? twins->before : twins->after];
    char size[32];
    gai_text(out, "  %10s  ", gai_text_bytes(size, tile->size));
    if (scene->intervals)
        gai_text(out, "%s", gai_scene_name(scene, tile->id));
    else
        gai_text(out, "%s %s (tensor %" PRIu32 ")", gai_scene_op(scene, tile->id), gai_scene_name(scene, tile->id),
                 gai_scene_file_id(scene, tile->id));
    write_how(diff, twins, out);
    gai_text(out, "\n");
}

void gai_scene_diff_text(const struct scene_diff *diff, struct text *out)
{
    unsigned pools_before = gai_report_pools(diff->before->report), pools_after = gai_report_pools(diff->after->report);
    write_version("before", diff->before, out);
    write_version("after", diff->after, out);
    gai_text(out, "\n%-19s  %10s  %10s\n", "", "before", "after");
    for (unsigned pool = 0; pool < pools_before || pool < pools_after; pool++)
        write_pool(diff, pool, out);
    const struct twins *twins = diff->twins;
    for (enum fate fate = 0; fate < FATE_SAME; fate++) {
        uint32_t n = diff->counts[fate];
        if (n)
            gai_text(out, "\n%" PRIu32 " %s\n", n, fate_names[fate]);
        for (uint32_t i = 0; i < n && i < MOST_LINES; i++)
            write_twins(diff, &twins[i], out);
        if (n > MOST_LINES)
            gai_text(out, "  %10s  and %" PRIu32 " more\n", "", n - MOST_LINES);
        twins += n;
    }
    gai_text(out, "\n%" PRIu32 " %s\n", diff->counts[FATE_SAME], fate_names[FATE_SAME]);
}
