/*
 * ggml_alloc.h - everything at once
 */
#ifndef GGML_ALLOC_GGML_ALLOC_H
#define GGML_ALLOC_GGML_ALLOC_H

#include "backend.h"
#include "base.h"
#include "budget.h"
#include "cache.h"
#include "devices.h"
#include "gallocr.h"
#include "graph.h"
#include "heap.h"
#include "host.h"
#include "order.h"
#include "plan.h"
#include "planned.h"
#include "pool.h"
#include "registry.h"
#include "sim.h"
#include "tallocr.h"
#include "watch.h"

#endif
