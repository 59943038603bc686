/*
 * alloc_trace.h - what a program asked an allocator for, in order: to be replayed against any other
 *
 *     alloctrace 1
 *     # serving, two requests
 *     a 1 4096           block 1, of 4096 bytes, for stream 0
 *     a 2 1048576 1      block 2, for stream 1
 *     s 2 0              stream 0 uses block 2, too
 *     w 0 20000 2        stream 0 works on block 2 for 20000 ns
 *     f 1                block 1 is freed
 *     t 5000             5000 ns pass
 *     y                  all streams are waited for
 *
 * Blocks have numbers, any below 2^64; one that was freed may be used again.  In memory they are dense: `block` counts the allocs.
 */
#ifndef GAI_IO_ALLOC_TRACE_H
#define GAI_IO_ALLOC_TRACE_H

#include "base/text.h"
#include "io/lines.h"

enum trace_kind {
    TRACE_ALLOC, /* block, value: bytes, stream */
    TRACE_FREE,  /* block */
    TRACE_SHARE, /* block, stream */
    TRACE_WORK,  /* stream, value: ns, block or TRACE_NO_BLOCK */
    TRACE_PASS,  /* value: ns */
    TRACE_SYNC,
};

#define TRACE_NO_BLOCK UINT32_MAX
#define TRACE_MOST_STREAMS 64u
#define TRACE_MOST_BYTES ((uint64_t)1 << 48) /* of one block: more is no memory of today */

struct trace_event {
    uint64_t value;
    uint32_t block;
    uint16_t stream;
    uint8_t kind; /* enum trace_kind */
};

struct alloc_trace {
    struct ga_mem mem;
    struct trace_event *at;
    uint32_t n, cap;
    uint32_t n_blocks; /* allocs */
    uint32_t n_streams;
};

/*
 * GA_INVALID: a line that is none, a block that is alive, or is not, a stream or a size out of bounds; also GA_IO, GA_NO_MEMORY.
 * The format is told by the first line: ours; `Thread,Time,Action,Pointer,Size,Stream`, RMM's log; JSON, a memory snapshot of PyTorch.
 */
enum ga_status gai_alloc_trace_read(const struct ga_mem *mem, const struct ga_source *source, struct alloc_trace *trace,
                                    struct mishap *mishap);
void gai_alloc_trace_write(const struct alloc_trace *trace, struct text *out);
void gai_alloc_trace_fini(struct alloc_trace *trace);

/* The most bytes, as asked for, that are alive at one time. */
uint64_t gai_alloc_trace_peak(const struct alloc_trace *trace, bool *ok);

/* ---- for those who make or read traces ---- */

/* False: no memory, or 2^32 - 2 events. */
bool gai_alloc_trace_add(struct alloc_trace *trace, struct trace_event event);
/* The same for TRACE_ALLOC: the new block's number. */
bool gai_alloc_trace_alloc(struct alloc_trace *trace, uint64_t bytes, uint32_t stream, uint32_t *block);

enum trace_program { TRACE_LLM, TRACE_DIFFUSION, TRACE_TRAINING };

/*
 * Made-up traffic of three kinds of programs: a language model that serves requests as they come (prompts, tokens, caches that
 * grow), images made in steps, a network that is trained.  One seed gives one trace, everywhere.
 */
enum ga_status gai_gen_trace(const struct ga_mem *mem, enum trace_program program, uint64_t seed, struct alloc_trace *trace);

#endif
