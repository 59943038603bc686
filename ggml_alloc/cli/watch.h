/*
 * watch.h - what a user sees of long work, and how it is stopped
 *
 *     graph.tgraph: 1.12 MiB, bound 1.00 MiB, 12.3 M steps      one line on a terminal, gone when the work is done
 *
 * The clock decides when the line is drawn, and nothing else.  The first SIGINT or SIGTERM lets the work end with the best so far,
 * the second one ends the process, as ever.
 */
#ifndef GAI_CLI_WATCH_H
#define GAI_CLI_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct watch {
    const char *title;
    int64_t next;     /* when to draw */
    bool is_terminal; /* stderr is one */
    bool is_drawn;
};

void watch_begin(struct watch *watch, const char *title);
void watch_end(struct watch *watch);

/* For ga_plan_opts: `user` is the watch. */
bool watch_progress(void *user, uint64_t steps, uint64_t peak, uint64_t bound);

/* A signal has asked to stop: in all work that follows, too. */
bool watch_is_stopped(void);

#endif
