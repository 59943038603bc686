/*
 * fuzz_live.h - what a fuzzer of run-time traffic holds at the moment: names, where they are, and who works on them
 */
#ifndef TESTS_FUZZ_LIVE_H
#define TESTS_FUZZ_LIVE_H

#include "fuzz.h"

#include "ggml_alloc/sim.h"

enum { LIVE = 48, STREAMS = 3 };

struct live {
    char *ptr; /* NULL: nothing here */
    size_t size;
    uint64_t name;    /* a block or a buffer; */
    void *token;      /* or what it is given back by */
    ga_stream home;   /* that it was asked for */
    ga_stream last;   /* that works on it: one at a time */
    unsigned streams; /* that may use it, bits */
};

/* A live one of those that are there, or an empty place; NULL: there is none. */
static inline struct live *live_any(struct live all[LIVE], struct fuzz_input *in, bool wants_one)
{
    unsigned first = fuzz_byte(in);
    for (unsigned i = 0; i < LIVE; i++) {
        struct live *live = &all[(first + i) % LIVE];
        if ((live->ptr != NULL) == wants_one)
            return live;
    }
    return NULL;
}

/* An empty place is taken: by something of enough bytes that are nobody else's. */
static inline void live_make(struct live all[LIVE], struct live *made, const struct live *is, uint64_t asked)
{
    REQUIRE(is->ptr && is->size >= asked, "smaller than asked for");
    for (int i = 0; i < LIVE; i++) {
        const struct live *other = &all[i];
        bool apart = !other->ptr || is->ptr + is->size <= other->ptr || other->ptr + other->size <= is->ptr;
        REQUIRE(apart, "two that live overlap");
    }
    *made = *is;
}

/* Unfinished work of another stream is done first: who shares memory sees to that. */
static inline void live_work(struct live *live, ga_sim *sim, ga_stream stream, uint8_t how)
{
    if (live->last != stream)
        ga_sim_finish(sim, live->last);
    live->last = stream;
    ga_sim_work(sim, stream, live->ptr, live->size, how & 0x80 ? GA_SIM_BY_HAND : how);
}

#endif
