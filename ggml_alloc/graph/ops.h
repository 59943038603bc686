/*
 * ops.h - what ggml's ops allow, by name; data only
 */
#ifndef GAI_GRAPH_OPS_H
#define GAI_GRAPH_OPS_H

#include "ggml_alloc/graph.h"

/* A view by nature: VIEW, RESHAPE, PERMUTE, TRANSPOSE or NONE only look, any other op with a view writes through it. */
bool gai_op_only_looks(const char *op);

/*
 * Whether the op's kernels read each element before they write it, although ggml-alloc does not use that: such an op may take over
 * a source of its own type, shape and strides.  `n_src` sources; the sub-op behind a colon does not matter.  What ggml-alloc
 * itself uses is not listed: a recorded graph carries it, as the version of ggml that recorded it had it.
 */
bool gai_op_may_reuse(const char *op, uint32_t n_src);

#endif
