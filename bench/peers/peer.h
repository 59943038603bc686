/*
 * peer.h - how others place: their rules, told by us, on one signature
 *
 *     intervals --> peer --> offsets --> judge
 *
 * One file per rule.  Each is what its engine is known to do with bare intervals, no better and no worse: no shortcut that would
 * change an answer, no cleverness that is not theirs.  Where theirs takes n^2 comparisons, so does ours, in a tight loop; so times
 * say what a rule costs, not what an implementation of it wastes.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "ggml_alloc/plan.h"

struct peer_task {
    const struct ga_interval *at;
    uint32_t n;
    uint64_t load;     /* no peak is lower */
    uint64_t capacity; /* 0: as low as possible */
    uint64_t seed;     /* for those who draw lots */
    uint64_t steps;    /* for those who search without end; 0: 2^18 */
    double deadline;   /* measure_now() by which to give up; 0: none */
};

enum peer_end {
    PEER_ANSWERED,
    PEER_CANNOT,  /* there is no answer within the capacity: proved */
    PEER_GAVE_UP, /* out of time, or out of memory */
};

struct peer {
    const char *name;                                                        /* on the command line */
    const char *whose;                                                       /* and what the rule is, for people */
    enum peer_end (*place)(const struct peer_task *task, uint64_t *offsets); /* one offset for each */
    uint32_t most;                                                           /* intervals; with more it would take minutes */
    bool fixed;                                                              /* knows offsets that are given */
};

extern const struct peer peers[];
extern const unsigned n_peers;

const struct peer *peer_find(const char *name);

static inline uint64_t peer_up(uint64_t offset, uint64_t align)
{
    return align > 1 ? (offset + align - 1) / align * align : offset;
}

/* One per rule, each in the file of that name. */
enum peer_end peer_tflite(const struct peer_task *task, uint64_t *offsets);
enum peer_end peer_tflm(const struct peer_task *task, uint64_t *offsets);
enum peer_end peer_iree(const struct peer_task *task, uint64_t *offsets);
enum peer_end peer_ggml(const struct peer_task *task, uint64_t *offsets);
enum peer_end peer_tvm(const struct peer_task *task, uint64_t *offsets);
enum peer_end peer_tvm_climb(const struct peer_task *task, uint64_t *offsets);
enum peer_end peer_xla(const struct peer_task *task, uint64_t *offsets);
enum peer_end peer_somas(const struct peer_task *task, uint64_t *offsets);
enum peer_end peer_low(const struct peer_task *task, uint64_t *offsets);
enum peer_end peer_boxing(const struct peer_task *task, uint64_t *offsets);
enum peer_end peer_canonical(const struct peer_task *task, uint64_t *offsets);

#endif
