/*
 * order_text.h - an order told to people: what moved, and what no longer lives together
 */
#ifndef GAI_CLI_ORDER_TEXT_H
#define GAI_CLI_ORDER_TEXT_H

#include "cli/order.h"

/* `before` and `after` are plans for the order given and for the other one, which the graph is told by now. */
enum exit_code order_write_text(const struct input *input, const struct ordering *ordering, const struct file_order *order,
                                const ga_plan *before, const ga_plan *after, struct text *out);

#endif
