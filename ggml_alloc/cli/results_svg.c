/*
 * results_svg.c - results as two charts
 *
 *     share                         over the load
 *     100 %|      .--------          |  o tvm
 *          |   .--'  .-----          |        o xla
 *          |---'  .--'               |               o search
 *          '-------------- factor    '------------------- time
 *
 * Eight colours that people with a colour-vision deficiency can tell apart, then dashes; every line and point carries its name.
 */
#include "cli/results.h"

#include "io/scene.h"

#include <math.h>
#include <stdio.h>

static const char *const dashes[] = { "none", "6 3", "2 2", "8 3 2 3" };
enum { N_DASHES = sizeof dashes / sizeof *dashes };

struct box {
    double left, top, width, height;
};

static const struct box profile_box = { 60, 40, 380, 300 }, time_box = { 620, 40, 380, 300 };

static const char *colour_of(uint32_t peer)
{
    return gai_scene_colours[peer % SCENE_HUES];
}

static const char *dash_of(uint32_t peer)
{
    return dashes[peer / SCENE_HUES % N_DASHES];
}

static void write_frame(const struct box *box, const char *title, const char *below, struct text *out)
{
    gai_text(out, "<text class=\"t\" x=\"%g\" y=\"%g\">%s</text>\n", box->left, box->top - 16, title);
    gai_text(out, "<path class=\"a\" d=\"M%g %gV%gH%g\"/>\n", box->left, box->top, box->top + box->height, box->left + box->width);
    gai_text(out, "<text x=\"%g\" y=\"%g\" text-anchor=\"middle\">%s</text>\n", box->left + box->width / 2,
             box->top + box->height + 36, below);
}

static void write_tick_x(const struct box *box, double at, const char *label, struct text *out)
{
    gai_text(out, "<path class=\"g\" d=\"M%.1f %gV%g\"/><text x=\"%.1f\" y=\"%g\" text-anchor=\"middle\">%s</text>\n",
             box->left + at, box->top, box->top + box->height, box->left + at, box->top + box->height + 16, label);
}

static void write_tick_y(const struct box *box, double at, double percent, struct text *out)
{
    gai_text(out, "<path class=\"g\" d=\"M%g %.1fH%g\"/><text x=\"%g\" y=\"%.1f\" text-anchor=\"end\">%g %%</text>\n", box->left,
             box->top + at, box->left + box->width, box->left - 6, box->top + at + 4, percent);
}

/* ---- how often within what of the lowest ---- */

#define MOST_FACTOR 2.0

static double factor_x(double factor)
{
    return log(factor) / log(MOST_FACTOR) * profile_box.width;
}

/* Whether this one comes later in the legend: it is further above the lowest, or as far and later in the results. */
static bool comes_later(const struct standings *s, uint32_t p, uint32_t other)
{
    double own = standings_share(s, p, MOST_FACTOR), others = standings_share(s, other, MOST_FACTOR);
    if (own != others)
        return own < others;
    return s->peers[p].over_best != s->peers[other].over_best ? s->peers[p].over_best > s->peers[other].over_best : p > other;
}

/* The best first, beside the chart. */
static void write_legend(const struct standings *s, struct text *out)
{
    double x = profile_box.left + profile_box.width + 14, line = profile_box.height / (s->n_peers > 16 ? s->n_peers : 16);
    for (uint32_t p = 0; p < s->n_peers; p++) {
        uint32_t rank = 0;
        for (uint32_t q = 0; q < s->n_peers; q++)
            rank += q != p && comes_later(s, p, q);
        double y = profile_box.top + line * (rank + 0.5);
        gai_text(out, "<path class=\"l\" stroke=\"%s\" stroke-dasharray=\"%s\" d=\"M%g %.1fh26\"/><text x=\"%g\" y=\"%.1f\">",
                 colour_of(p), dash_of(p), x, y, x + 32, y + 4);
        gai_xml(s->peers[p].peer, SIZE_MAX, out);
        gai_text(out, "</text>\n");
    }
}

static void write_profile(const struct standings *s, struct text *out)
{
    static const double factors[] = { 1, 1.1, 1.2, 1.4, 1.6, 2 };
    enum { STEPS = 200 };
    write_frame(&profile_box, "Instances within a factor of the lowest peak", "peak / lowest peak", out);
    for (unsigned f = 0; f < sizeof factors / sizeof *factors; f++) {
        char label[16];
        snprintf(label, sizeof label, "%g", factors[f]);
        write_tick_x(&profile_box, factor_x(factors[f]), label, out);
    }
    for (int percent = 0; percent <= 100; percent += 25)
        write_tick_y(&profile_box, profile_box.height * (1 - percent / 100.0), percent, out);
    for (uint32_t p = 0; p < s->n_peers; p++) {
        gai_text(out, "<path class=\"l\" stroke=\"%s\" stroke-dasharray=\"%s\" d=\"", colour_of(p), dash_of(p));
        double last = -1;
        for (int step = 0; step <= STEPS; step++) {
            double share = standings_share(s, p, pow(MOST_FACTOR, (double)step / STEPS) * (1 + 1e-12));
            if (share == last && step < STEPS)
                continue;
            double x = profile_box.left + profile_box.width * step / STEPS, y = profile_box.top + profile_box.height * (1 - share);
            gai_text(out, step ? "H%.1fV%.1f" : "M%.1f %.1f", x, y);
            last = share;
        }
        gai_text(out, "\"><title>");
        gai_xml(s->peers[p].peer, SIZE_MAX, out);
        gai_text(out, "</title></path>\n");
    }
    write_legend(s, out);
}

/* ---- time against quality ---- */

struct range {
    double low, high; /* of the logarithm */
};

static struct range time_range(const struct standings *s)
{
    struct range range = { INFINITY, -INFINITY };
    for (uint32_t p = 0; p < s->n_peers; p++) {
        double at = log10((double)(s->peers[p].total_ns ? s->peers[p].total_ns : 1));
        range.low = at < range.low ? at : range.low;
        range.high = at > range.high ? at : range.high;
    }
    range.low = floor(range.low);
    range.high = ceil(range.high) > range.low ? ceil(range.high) : range.low + 1;
    return range;
}

/* Evenly up to a tenth of a percent, then by factors: 0 is where the lowest are, and the highest is still to be seen. */
static double over_y(double over, double most)
{
    return time_box.top + time_box.height * (1 - log1p(over * 1000) / log1p(most * 1000));
}

static double most_over(const struct standings *s)
{
    double most = 0.1;
    for (uint32_t p = 0; p < s->n_peers; p++)
        while (s->peers[p].answered && s->peers[p].over_best > most)
            most *= 10;
    return most;
}

/* Where a name goes: right of its point, moved up until it is clear of those before. */
struct label {
    double x, y;
};

enum { LABEL_WIDTH = 60, LABEL_HEIGHT = 11, MOST_LABELS = 64 };

static double find_room(const struct label *labels, uint32_t n, double x, double y)
{
    for (uint32_t i = 0; i < n; i++)
        if (fabs(labels[i].x - x) < LABEL_WIDTH && fabs(labels[i].y - y) < LABEL_HEIGHT) {
            y = labels[i].y - LABEL_HEIGHT;
            i = UINT32_MAX; /* and now from the first on again: it is only ever moved up */
        }
    return y;
}

static void write_points(const struct standings *s, const struct range *range, double most, struct text *out)
{
    struct label labels[MOST_LABELS];
    uint32_t n = 0;
    for (uint32_t p = 0; p < s->n_peers; p++) {
        const struct standing *peer = &s->peers[p];
        if (peer->answered == 0)
            continue;
        double at = log10((double)(peer->total_ns ? peer->total_ns : 1));
        double x = time_box.left + time_box.width * (at - range->low) / (range->high - range->low);
        double y = over_y(peer->over_best, most), label_y = find_room(labels, n, x, y - 5);
        if (n < MOST_LABELS)
            labels[n++] = (struct label){ x, label_y };
        gai_text(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/><text x=\"%.1f\" y=\"%.1f\">", x, y, colour_of(p),
                 x + 6, label_y);
        gai_xml(peer->peer, SIZE_MAX, out);
        if (peer->answered < s->n_instances)
            gai_text(out, " (%u of %u)", (unsigned)peer->answered, (unsigned)s->n_instances);
        gai_text(out, "</text>\n");
    }
}

static void write_times(const struct standings *s, struct text *out)
{
    static const char *const labels[] = { "1 ns",  "10 ns", "100 ns", "1 us",  "10 us", "100 us", "1 ms",   "10 ms",
                                          "0.1 s", "1 s",   "10 s",   "100 s", "1 ks",  "10 ks",  "100 ks", "1 Ms" };
    struct range range = time_range(s);
    double most = most_over(s);
    write_frame(&time_box, "Time for all, and how far above the lowest on average", "time", out);
    for (int decade = (int)range.low; decade <= (int)range.high && decade < (int)(sizeof labels / sizeof *labels); decade++)
        write_tick_x(&time_box, time_box.width * (decade - range.low) / (range.high - range.low), labels[decade], out);
    write_tick_y(&time_box, time_box.height, 0, out);
    for (int decade = -3; pow(10, decade) <= most * 1.001; decade++)
        write_tick_y(&time_box, over_y(pow(10, decade), most) - time_box.top, pow(10, decade + 2), out);
    write_points(s, &range, most, out);
}

void results_svg(const struct standings *standings, struct text *out)
{
    gai_text(out,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1120 400\" font-family=\"sans-serif\" font-size=\"11\">\n"
             "<style>text{fill:#333}text.t{font-size:14px;font-weight:bold}.a{fill:none;stroke:#333}"
             ".g{stroke:#8884;fill:none}.l{fill:none;stroke-width:2}"
             "@media(prefers-color-scheme:dark){text{fill:#ddd}.a{stroke:#ddd}}</style>\n");
    write_profile(standings, out);
    write_times(standings, out);
    gai_text(out, "</svg>\n");
}
