/*
 * faults.h - every public function while what it stands on fails: rows, and the rig that they run in
 *
 *     make --> look --> call, the n-th thing it asks for fails --> look: as before --> call --> look: as without a failure --> drop
 *
 * A row names a function, or several that ask for nothing.  Each kind of thing that it says it asks for fails at every position,
 * n = 1, 2, 3 ... until none fails any more; and it asks for no other kind.
 */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include "ggml_alloc/ggml_alloc.h"
#include "support.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* Kinds of what is asked for: memory, the two hooks for text, and each call of a device that may fail. */
enum { ASKS_MEMORY = 1, ASKS_SINK = 2, ASKS_SOURCE = 4, ASKS_DEVICE = 8 };
#define CALL(call) ((unsigned)ASKS_DEVICE << (call))

struct rig {
    struct test_mem mem;
    struct ga_env env;
    ga_sim *sim; /* on memory of its own */
    const struct ga_backend *device;
    struct ga_sink sink;     /* both fail on request */
    struct ga_source source; /* of `text` */
    struct test_text text;
    enum ga_status failure; /* what the thing that fails now answers; GA_OK: nothing does */
    struct test_text said;
    bool is_itself; /* what is seen is compared with the same objects': addresses count */
    /* the hooks: */
    uint64_t writes, fail_write, reads, fail_read;
    struct test_text written;
    size_t at, step;  /* of the source; at most so many bytes a call, 0: as many as asked for */
    const char *more; /* what follows the text again and again; NULL: its end */
};

/* What a call tells, and what a look sees: compared as text. */
void say(struct rig *rig, const char *format, ...);

/* Addresses differ from one rig to the next: only how far above `base` it is, but in comparison with what the same rig said. */
void say_address(struct rig *rig, const void *address, const void *base);

/* The status of a function that answers NULL or GA_NONE when what it asks for fails. */
enum ga_status made(const struct rig *rig, bool is_made);

/* Calls until the next call has to ask for memory: what it grows is full. */
void fill_up(struct rig *rig, enum ga_status (*call)(struct rig *rig));

struct row {
    const char *functions;
    unsigned asks;       /* each fails at least once */
    unsigned lives;      /* of `asks`, without which it may succeed all the same */
    bool differs;        /* what is seen after such a success: less was done, and the same call does the rest */
    enum ga_status says; /* instead of what it was told; GA_OK: that */
    bool keeps;          /* memory, or addresses with nothing behind, that it got before the failure: room for next time */
    bool keeps_device;   /* likewise memory of the device, as its header says */
    const char *goes_on; /* what a source may give for ever, since nothing is wrong with so much of it; NULL: nothing */
    bool gives_back;     /* memory of the device, before it fails */
    void (*make)(struct rig *rig); /* the objects before the call; NULL: none */
    enum ga_status (*call)(struct rig *rig);
};

struct area {
    const char *name;
    const struct row *rows;
    size_t n_rows;
    bool has_bytes;                /* the device's memory is there */
    void (*look)(struct rig *rig); /* says all that can be seen of the objects, and that they are sound */
    void (*drop)(struct rig *rig); /* deletes what objects there are, and forgets them */
};

extern const struct area faults_graph, faults_plan, faults_bind, faults_backend, faults_cache, faults_pool, faults_heap,
    faults_host;
extern const struct area faults_read, faults_draw;

/* What a program runs; NULL at the end. */
extern const struct area *const areas[];

/* For those who run rows. */
extern char doing[400]; /* the row that runs, for messages */
void rig_open(struct rig *rig, const struct area *area, const struct row *row);
void rig_close(struct rig *rig, const struct area *area); /* all was given back */
void say_text(struct rig *rig, const char *text, size_t len);

#endif
