/*
 * results_html.c - results as one page: the charts, and the table of all planners
 */
#include "cli/results.h"

#include "io/scene.h"

#include <inttypes.h>

static void write_peers(const struct standings *s, struct text *out)
{
    char buf[32];
    gai_text(out,
             "<table><tr><th>planner<th>answered<th>lowest<th>proved<th>over load<th>worst<th>over lowest<th>time<th>memory\n");
    for (uint32_t p = 0; p < s->n_peers; p++) {
        const struct standing *peer = &s->peers[p];
        gai_text(out, "<tr><td>");
        gai_xml(peer->peer, SIZE_MAX, out);
        gai_text(out, "<td>%" PRIu32 "<td>%" PRIu32 "<td>%" PRIu32, peer->answered, peer->lowest, peer->proved);
        if (peer->answered)
            gai_text(out, "<td>%.2f %%<td>%.2f %%<td>%.2f %%", peer->over_load * 100, peer->worst_load * 100,
                     peer->over_best * 100);
        else
            gai_text(out, "<td>-<td>-<td>-");
        gai_text(out, "<td>");
        results_time((double)peer->total_ns, out);
        gai_text(out, "<td>%s\n", peer->most_bytes ? gai_text_bytes(buf, peer->most_bytes) : "-");
    }
    gai_text(out, "</table>\n");
}

static void write_instances(const struct standings *s, struct text *out)
{
    gai_text(out, "<h2>Peaks</h2>\n<div class=\"wide\"><table><tr><th>instance<th>n<th>load<th>lowest");
    for (uint32_t p = 0; p < s->n_peers; p++) {
        gai_text(out, "<th>");
        gai_xml(s->peers[p].peer, SIZE_MAX, out);
    }
    for (uint32_t i = 0; i < s->n_instances; i++) {
        gai_text(out, "\n<tr><td>");
        gai_xml(s->instances[i]->instance, SIZE_MAX, out);
        gai_text(out, "<td>%" PRIu64 "<td>%" PRIu64 "<td>%" PRIu64, s->instances[i]->n, s->instances[i]->load, s->best[i]);
        for (uint32_t p = 0; p < s->n_peers; p++) {
            const struct result *cell = standings_cell(s, i, p);
            if (cell && cell->peak)
                gai_text(out, "<td%s>%" PRIu64, cell->peak == s->best[i] ? " class=\"best\"" : "", cell->peak);
            else
                gai_text(out, "<td>%s", !cell ? "" : cell->proved ? "cannot" : "-");
        }
    }
    gai_text(out, "\n</table></div>\n");
}

void results_html(const struct results *results, const struct standings *standings, struct text *out)
{
    const struct result *first = &results->at[0];
    gai_text(out,
             "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Planners compared</title>\n"
             "<meta name=\"viewport\" content=\"width=device-width\">\n<style>\n"
             ":root{color-scheme:light dark}body{font:14px sans-serif;margin:2em auto;max-width:75em;padding:0 1em}\n"
             "table{border-collapse:collapse}td,th{padding:.2em .7em;text-align:right;white-space:nowrap}\n"
             "td:first-child,th:first-child{text-align:left}tr{border-bottom:1px solid #8884}\n"
             ".best{font-weight:bold;text-decoration:underline}.wide{overflow-x:auto}\n</style>\n"
             "<h1>Planners compared</h1>\n<p>%" PRIu32 " planners, %" PRIu32 " instances",
             standings->n_peers, standings->n_instances);
    if (*first->commit) {
        gai_text(out, "; commit %s, ", first->commit);
        gai_xml(first->compiler, SIZE_MAX, out);
        gai_text(out, ", ");
        gai_xml(first->cpu, SIZE_MAX, out);
    }
    gai_text(out, ".</p>\n");
    results_svg(standings, out);
    gai_text(out, "<h2>Planners</h2>\n");
    write_peers(standings, out);
    write_instances(standings, out);
    gai_text(out, "</html>\n");
}
