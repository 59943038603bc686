/*
 * tgraph_order.h - a .tgraph file with its nodes in another order
 *
 *     old   l0 l1 | n2 n3 n4 | e5          new   l0 l1 | n4 n2 n3 | e5, and every id that is told counted anew: 2 3 4
 *
 * What the file says of its tensors stays; what the engine got (`result_...`) goes, for it got that in the other order.
 */
#ifndef GAI_IO_TGRAPH_ORDER_H
#define GAI_IO_TGRAPH_ORDER_H

#include "base/text.h"
#include "io/tgraph.h"

/*
 * `text` is what `file` was read from.  `order` has the file's nodes by their ids, each once; `ends` (by place in `order`) tells where
 * a step ends, and is looked at only when the file has barriers.  Failure to write sticks to `out`.  GA_NO_MEMORY.
 */
enum ga_status gai_tgraph_reorder(const struct tgraph *file, const char *text, size_t len, const uint32_t *order, const bool *ends,
                                  struct text *out);

#endif
