/*
 * boxes.h - jobs and boxes of jobs: what boxing is made of
 *
 *      box  .-----------------.
 *           | .-----. .-----. |  h rows high at most: what is inside may be placed anywhere within, and all
 *           | '-----' '-----' |  of it is gone when the box is
 *           | .-----------.   |
 *           '-'-----------'---'
 *
 * A box is a job itself, so that boxes can be boxed.  Jobs are numbers; lists of them, and all else, come from one store that is
 * thrown away whole.
 */
#ifndef BENCH_BOXES_H
#define BENCH_BOXES_H

#include "peers/peer.h"

struct jobs {
    uint32_t *at;
    uint32_t n;
};

struct job {
    uint64_t size, birth, death;
    struct jobs inside;
    uint32_t interval; /* of one that is no box; JOB_BOX: of a box; JOB_FILLER: of none at all */
};

#define JOB_BOX UINT32_MAX
#define JOB_FILLER (UINT32_MAX - 1)

struct boxes {
    struct job *jobs;
    uint32_t n, cap;
    struct chunk *chunks; /* of the store */
    bool failed;          /* no memory: everything after is empty */
};

/* Zeroed is empty. */
void boxes_fini(struct boxes *boxes);
void *boxes_room(struct boxes *boxes, size_t bytes);     /* NULL when it failed */
struct jobs boxes_list(struct boxes *boxes, uint32_t n); /* room for n, holding none */
struct jobs boxes_join(struct boxes *boxes, struct jobs a, struct jobs b);
uint32_t boxes_add(struct boxes *boxes, struct job job);
/* A box around these, `size` high. */
uint32_t boxes_wrap(struct boxes *boxes, struct jobs inside, uint64_t size);

/* Sorted by birth or by death, ties by number. */
void boxes_sort(const struct boxes *boxes, struct jobs jobs, bool by_death);

/* The fewest rows of jobs that never meet; each row in order of time.  Returns how many there are. */
uint32_t boxes_rows(struct boxes *boxes, struct jobs jobs, struct jobs **rows);

/* Offsets for all that lies in these jobs, each box opened where it stands: rows of the larger below those of the smaller. */
void boxes_open(struct boxes *boxes, struct jobs jobs, uint64_t offset, uint64_t *offsets);

#endif
