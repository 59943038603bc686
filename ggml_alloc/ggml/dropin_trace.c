/*
 * dropin_trace.c - GGML_ALLOC_TRACE=DIR: every graph that is planned, as a .tgraph, with what ggml's own would need for it
 */
#include "ggml/dropin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { RESULTS = 4096 };

/* ggml's own: best fit in execution order, which is the effort of that name. */
static void say_results(const struct ggml_gallocr *galloc, char *text)
{
    struct ga_plan_opts opts = galloc->opts;
    ga_plan *plan;
    size_t at = 0;
    text[0] = 0;
    opts.effort = GA_EFFORT_ONLINE;
    if (ga_plan_graph(galloc->graph, &opts, &plan) != GA_OK)
        return;
    for (unsigned i = 0; i < galloc->n_bufs; i++)
        for (unsigned c = 0; ga_plan_chunk(plan, i, c) != 0 && at < RESULTS - 80; c++)
            at += (size_t)snprintf(text + at, RESULTS - at, "result_chunk\t%u\t%u\t%" PRIu64 "\t1\n", i, c,
                                   ga_plan_chunk(plan, i, c));
    ga_plan_delete(plan);
}

/* Holds back the last line, "end", so that others can be put before it. */
struct trace {
    const ga_graph *graph;
    const struct ga_sink *sink;
    char results[RESULTS];
    char held[4];
    size_t n_held;
};

static bool hold_back(void *user, const char *text, size_t len)
{
    struct trace *trace = user;
    size_t keep = len < sizeof trace->held ? sizeof trace->held - len : 0; /* of what is held */
    size_t out = trace->n_held > keep ? trace->n_held - keep : 0;
    if (out && !trace->sink->write(trace->sink->user, trace->held, out))
        return false;
    memmove(trace->held, trace->held + out, trace->n_held - out);
    trace->n_held -= out;
    size_t through = len > sizeof trace->held ? len - sizeof trace->held : 0;
    if (through && !trace->sink->write(trace->sink->user, text, through))
        return false;
    memcpy(trace->held + trace->n_held, text + through, len - through);
    trace->n_held += len - through;
    return true;
}

static bool tell(void *user, const struct ga_sink *sink)
{
    struct trace *trace = user;
    trace->sink = sink;
    return ga_graph_write(trace->graph, &(struct ga_sink){ hold_back, trace }) == GA_OK &&
           sink->write(sink->user, trace->results, strlen(trace->results)) && sink->write(sink->user, trace->held, trace->n_held);
}

void gai_dropin_trace(const struct ggml_gallocr *galloc, const char *folder)
{
    struct trace trace = { .graph = galloc->graph };
    say_results(galloc, trace.results);
    gai_environment_file(&galloc->env, folder, tell, &trace);
}
