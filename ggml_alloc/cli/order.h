/*
 * order.h - what `order`, `check --order`, `plan --order` and `why` share
 */
#ifndef GAI_CLI_ORDER_H
#define GAI_CLI_ORDER_H

#include "cli/cli.h"

#include "ggml_alloc/order.h"

/* An order of a recorded graph. */
struct ordering {
    ga_id *list; /* as ga_graph_sequence() takes it */
    size_t n;
    struct ga_order_info info;
};

/* Looks for an order, for the pools of `like`; anything but EXIT_YES complains and leaves nothing to free. */
enum exit_code find_order(const struct options *options, const struct input *input, const struct solution *like,
                          struct ordering *ordering);
void ordering_free(struct ordering *ordering);

/*
 * What `ordering` means to a file: ids of its nodes in the new order, n_nodes of them unless a sequence leaves some out; what
 * takes no step stands before all that it stood before.  And where steps end.  False: no memory.
 */
struct file_order {
    uint32_t *ids;
    bool *ends;
    uint32_t n;
};

bool file_order_make(const struct input *input, const struct ordering *ordering, struct file_order *order);
void file_order_free(struct file_order *order);

#endif
