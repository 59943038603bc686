/*
 * limits.h - between a plan's options and its pools: what the solvers are told, and what they answer
 */
#ifndef GAI_PLAN_LIMITS_H
#define GAI_PLAN_LIMITS_H

#include "place/place.h"
#include "plan/plan.h"

/* Fills `n_pools` of them.  GA_INVALID: an alignment that is no power of two, or an unknown effort. */
enum ga_status gai_limits(const struct ga_plan_opts *opts, struct pool_limits *limits, unsigned n_pools);

/* The part of the options that the solvers see. */
struct place_opts gai_place_opts(const struct ga_plan_opts *opts);

/* What the answer says of the pools goes into the plan, which was made with room for this many chunks; spots stay behind. */
uint64_t gai_answer_chunks(const struct answer *answer);
void gai_plan_take_answer(ga_plan *plan, const struct answer *answer, const struct pool_limits *limits);

#endif
