/*
 * results_md.c - results as tables in Markdown
 */
#include "cli/results.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void results_time(double ns, struct text *out)
{
    static const struct {
        double ns;
        const char *unit;
    } units[] = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" } };
    unsigned u = 0;
    while (u < 2 && ns < units[u].ns)
        u++;
    double value = ns / units[u].ns;
    gai_text(out, "%.*f %s", value < 10 ? 2 : value < 100 ? 1 : 0, value, units[u].unit);
}

static void write_over(struct text *out, double over)
{
    gai_text(out, "%+.*f %%", fabs(over) < 0.1 ? 2 : 1, over * 100);
}

/* A name in a cell: what would end the cell or begin markup is escaped. */
static void write_name(struct text *out, const char *name)
{
    for (; *name; name++)
        gai_text(out, strchr("|\\`*_<>[]&", *name) ? "\\%c" : "%c", *name);
}

static void write_peers(const struct standings *s, struct text *out)
{
    char buf[32];
    gai_text(out, "| planner | answered | lowest | proved | over load | worst | over lowest | time | memory |\n"
                  "|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (uint32_t p = 0; p < s->n_peers; p++) {
        const struct standing *peer = &s->peers[p];
        gai_text(out, "| ");
        write_name(out, peer->peer);
        gai_text(out, " | %" PRIu32 " | %" PRIu32 " | %" PRIu32 " | ", peer->answered, peer->lowest, peer->proved);
        if (peer->answered) {
            write_over(out, peer->over_load);
            gai_text(out, " | ");
            write_over(out, peer->worst_load);
            gai_text(out, " | ");
            write_over(out, peer->over_best);
        } else {
            gai_text(out, "- | - | -");
        }
        gai_text(out, " | ");
        results_time((double)peer->total_ns, out);
        gai_text(out, " | %s |\n", peer->most_bytes ? gai_text_bytes(buf, peer->most_bytes) : "-");
    }
}

static void write_profile(const struct standings *s, struct text *out)
{
    static const double factors[] = { 1, 1.001, 1.01, 1.02, 1.05, 1.1, 1.2, 1.5, 2 };
    enum { N = sizeof factors / sizeof *factors };
    gai_text(out, "\nWithin this of the lowest peak, in %% of the instances:\n\n| planner |");
    for (unsigned f = 0; f < N; f++)
        gai_text(out, f ? " +%g %% |" : " = |", (factors[f] - 1) * 100);
    gai_text(out, "\n|---|");
    for (unsigned f = 0; f < N; f++)
        gai_text(out, "--:|");
    for (uint32_t p = 0; p < s->n_peers; p++) {
        gai_text(out, "\n| ");
        write_name(out, s->peers[p].peer);
        gai_text(out, " |");
        for (unsigned f = 0; f < N; f++)
            gai_text(out, " %.0f |", standings_share(s, p, factors[f]) * 100);
    }
    gai_text(out, "\n");
}

static void write_instances(const struct standings *s, struct text *out)
{
    gai_text(out, "\nPeaks, over the load:\n\n| instance | n | load | lowest |");
    for (uint32_t p = 0; p < s->n_peers; p++) {
        gai_text(out, " ");
        write_name(out, s->peers[p].peer);
        gai_text(out, " |");
    }
    gai_text(out, "\n|---|--:|--:|--:|");
    for (uint32_t p = 0; p < s->n_peers; p++)
        gai_text(out, "--:|");
    for (uint32_t i = 0; i < s->n_instances; i++) {
        gai_text(out, "\n| ");
        write_name(out, s->instances[i]->instance);
        gai_text(out, " | %" PRIu64 " | %" PRIu64 " | ", s->instances[i]->n, s->instances[i]->load);
        if (s->best[i])
            gai_text(out, "%" PRIu64 " |", s->best[i]);
        else
            gai_text(out, "- |");
        for (uint32_t p = 0; p < s->n_peers; p++) {
            const struct result *cell = standings_cell(s, i, p);
            gai_text(out, " ");
            if (cell && cell->peak && cell->load)
                write_over(out, (double)cell->peak / (double)cell->load - 1);
            else
                gai_text(out, "%s", !cell ? "" : cell->proved ? "cannot" : "-");
            gai_text(out, " |");
        }
    }
    gai_text(out, "\n");
}

void results_md(const struct results *results, const struct standings *standings, struct text *out)
{
    const struct result *first = &results->at[0];
    gai_text(out, "%" PRIu32 " planners, %" PRIu32 " instances", standings->n_peers, standings->n_instances);
    if (*first->commit)
        gai_text(out, "; commit %s, %s, %s", first->commit, first->compiler, first->cpu);
    gai_text(out, ".\n\n");
    write_peers(standings, out);
    write_profile(standings, out);
    write_instances(standings, out);
}

/* ---- two runs ---- */

struct tally {
    uint32_t same, lower, higher, n_times;
    double log_time;
};

static struct tally tally_changes(const struct change *changes, uint32_t n)
{
    struct tally tally = { 0 };
    for (uint32_t i = 0; i < n; i++) {
        uint64_t before = changes[i].before->peak, after = changes[i].after->peak;
        tally.same += before == after;
        tally.lower += after != before && after && (before == 0 || after < before);
        tally.higher += after != before && (after == 0 || (before && after > before));
        if (changes[i].before->min_ns && changes[i].after->min_ns) {
            tally.log_time += log((double)changes[i].after->min_ns / (double)changes[i].before->min_ns);
            tally.n_times++;
        }
    }
    return tally;
}

static void write_peak(struct text *out, uint64_t peak)
{
    if (peak)
        gai_text(out, "%" PRIu64, peak);
    else
        gai_text(out, "none");
}

bool results_compare_md(const struct change *changes, uint32_t n, struct text *out)
{
    struct tally tally = tally_changes(changes, n);
    gai_text(out, "%" PRIu32 " pairs: %" PRIu32 " peaks the same, %" PRIu32 " lower, %" PRIu32 " higher", n, tally.same,
             tally.lower, tally.higher);
    if (tally.n_times)
        gai_text(out, "; time x %.3f (geometric mean of the fastest rounds)", exp(tally.log_time / tally.n_times));
    gai_text(out, ".\n");
    if (tally.same == n)
        return true;
    gai_text(out, "\n| planner | instance | before | after | |\n|---|---|--:|--:|--:|\n");
    for (uint32_t i = 0; i < n; i++) {
        uint64_t before = changes[i].before->peak, after = changes[i].after->peak;
        if (before == after)
            continue;
        gai_text(out, "| ");
        write_name(out, changes[i].after->peer);
        gai_text(out, " | ");
        write_name(out, changes[i].after->instance);
        gai_text(out, " | ");
        write_peak(out, before);
        gai_text(out, " | ");
        write_peak(out, after);
        gai_text(out, " | ");
        if (before && after)
            write_over(out, (double)after / (double)before - 1);
        gai_text(out, " |\n");
    }
    return tally.higher == 0;
}
