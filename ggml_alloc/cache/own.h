/*
 * own.h - owners that were not released when their cache goes
 */
#ifndef GAI_CACHE_OWN_H
#define GAI_CACHE_OWN_H

#include "ggml_alloc/cache.h"

void gai_own_fini(ga_cache *cache);

#endif
