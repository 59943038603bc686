/*
 * timeline.h - the simulated device's streams, events and clock; it knows no memory but as numbers
 *
 *     stream 0   done 3 |#### 4 ####|## 5 ##|            tasks are counted per stream, from 1
 *     stream 1   done 7          | 8 |#### 9 ####|       8 has no bytes: it waits until stream 0 has done 5
 *                ------ now ------------------------> ns
 *
 * Each stream also keeps, for every other one, how many of that one's tasks are known to be done before whatever it is given
 * next (a vector clock).  An event is a copy of those numbers; to follow it is to take their maximum.
 *
 * Invariants, all verified by gai_timeline_check():
 *   - a stream's tasks are done in order: `done` and those that wait are all it was given;
 *   - only the first task that waits has begun, and only when what it follows is done; it ends later than now;
 *   - no stream knows of more tasks than the other was given, and each knows all of its own.
 */
#ifndef GAI_BACKEND_TIMELINE_H
#define GAI_BACKEND_TIMELINE_H

#include "ggml_alloc/sim.h"

#include "base/mem.h"

struct task {
    uint64_t base, size; /* the bytes that it touches; size 0: none */
    uint64_t ns;         /* or GA_SIM_BY_HAND */
    uint64_t after;      /* begins when stream `after_stream` has done that many */
    uint32_t after_stream;
};

struct stream {
    struct task *tasks; /* [first, len) wait */
    uint32_t first, len, cap;
    uint64_t done;
    bool begun;    /* the first that waits */
    uint64_t ends; /* when it does; UINT64_MAX: by hand */
    uint64_t *known;
};

struct mark {
    uint32_t stream; /* UINT32_MAX: nobody's, `next` is the next such one */
    uint32_t next;
};

struct timeline {
    struct ga_mem mem;
    uint64_t now;
    struct stream *streams;
    uint64_t *known; /* the streams' */
    unsigned n_streams;
    struct mark *marks;                                  /* of event e: marks[e - 1] */
    uint64_t *marks_known;                               /* n_streams numbers for each */
    uint32_t n_marks, cap_marks, cap_marks_known, spare; /* 1 + the first that is nobody's */
    uint32_t n_events;
};

/* False: no memory; nothing is left behind.  A zeroed timeline may be passed to gai_timeline_fini(). */
bool gai_timeline_init(struct timeline *line, const struct ga_mem *mem, unsigned n_streams);
void gai_timeline_fini(struct timeline *line);

/* `stream` exists in all of these, and `event` is one of gai_timeline_mark()'s that was not dropped, or 0, which is none. */
bool gai_timeline_has(const struct timeline *line, ga_event event);
enum ga_status gai_timeline_add(struct timeline *line, uint32_t stream, uint64_t base, uint64_t size, uint64_t ns);
enum ga_status gai_timeline_follow(struct timeline *line, uint32_t stream, ga_event event);
enum ga_status gai_timeline_mark(struct timeline *line, uint32_t stream, ga_event *event);
void gai_timeline_drop(struct timeline *line, ga_event event);
bool gai_timeline_reached(const struct timeline *line, ga_event event);

void gai_timeline_advance(struct timeline *line, uint64_t ns);
/* At once, and what it waits for. */
void gai_timeline_finish(struct timeline *line, uint32_t stream);
/* Lets time pass until the event is reached; what only a hand would end is ended when nothing else can happen. */
void gai_timeline_await(struct timeline *line, ga_event event);
void gai_timeline_await_all(struct timeline *line);

#define TIMELINE_NOBODY UINT32_MAX
/*
 * Whether unfinished work touches [base, base + size): on any stream, or on one whose work `stream` does not know to be done
 * before its own.  O(tasks that wait).
 */
bool gai_timeline_touches(const struct timeline *line, uint32_t stream, uint64_t base, uint64_t size);

/* NULL, or the broken invariant in words. */
const char *gai_timeline_check(const struct timeline *line);

#endif
