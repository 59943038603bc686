/*
 * crowd.h - blocks as boxes in time and space, and where one more of them hurts least
 *
 *     offset                                    met: all that live together with a box.  They are on the roll of the last
 *       ^   .----.   ......   .--.              mark before it (alive there), or born between that mark and its end.
 *       |   | a  |   : ?  :   |  |
 *       |   '----'---'----'   |b |              cost of an offset: the weights of the boxes that are in the way there
 *       '----+---------+------'--'-+---> time
 *            mark      mark        mark         A mark every so many sections as boxes live at once: O(blocks) memory, and one
 *                                               look costs as many boxes as live together with the one in question.
 */
#ifndef GAI_PLACE_CROWD_H
#define GAI_PLACE_CROWD_H

#include "place/quick.h"

#define BOX_OUT UINT64_MAX
#define BOX_NAILED UINT32_MAX
#define CROWD_CELLS 1024u
#define CROWD_UNBEARABLE ((int64_t)1 << 40)

struct box {
    uint64_t offset; /* BOX_OUT: it is nowhere */
    uint64_t size;
};

#define CROWD_HEAVIEST ((uint32_t)1 << 22)

struct crowd {
    const struct block *blocks;
    struct box *boxes; /* by block */
    uint32_t *weights; /* by block: at most CROWD_HEAVIEST; BOX_NAILED: it does not move */
    uint32_t n_blocks, n_sections;
    uint32_t *born;              /* by section: the first block of it or of a later one */
    uint32_t *roll;              /* by mark: its blocks are those from roll[mark] on in `rolls` */
    uint32_t *rolls, *own_rolls; /* own: where the scratch is too small */
    uint32_t n_marks, stride;    /* sections from mark to mark */
    size_t n_rolls;
    uint32_t *met, n_met; /* of the box asked for last */
    uint32_t *next;       /* by event, two per box met: another in the same cell */
    struct cell {
        int64_t rise, fall; /* what begins and what ceases to be in the way */
        uint32_t first;     /* event, or PLACE_NONE */
    } cells[CROWD_CELLS];
};

/*
 * Boxes of the quick's blocks, without offsets and weights.  quick->order, quick->keys and quick->scratch are lent to it.  False when there is no
 * memory; gai_crowd_fini() accepts what that leaves.
 */
bool gai_crowd_init(struct crowd *crowd, const struct quick *quick);
void gai_crowd_fini(struct crowd *crowd, const struct ga_mem *mem);

/* Collects the boxes met: all that live together with this one and are somewhere.  Returns how many were looked at. */
uint32_t gai_crowd_meet(struct crowd *crowd, uint32_t block);
/*
 * The lowest offset below `roof` of least cost to `block`, given those it meets; 0 is a gap, CROWD_UNBEARABLE and more is nowhere.
 * O(met), and a sort of those that end close together.
 */
int64_t gai_crowd_find(struct crowd *crowd, uint32_t block, uint64_t roof, uint64_t align, uint64_t *offset);

#endif
