/*
 * backend.h - what the layers above ask of a backend before they trust it
 */
#ifndef GAI_BACKEND_BACKEND_H
#define GAI_BACKEND_BACKEND_H

#include "ggml_alloc/backend.h"

#include "base/bits.h"

/* Complete, of a version that this library knows, and aligned to a power of two. */
static inline bool gai_backend_sound(const struct ga_backend *backend)
{
    return backend && backend->abi <= 1 && backend->alloc && backend->free && (backend->align == 0 || is_pow2(backend->align));
}

static inline uint64_t gai_backend_align(const struct ga_backend *backend)
{
    return backend->align ? backend->align : 1;
}

/* Of one buffer; UINT64_MAX is unlimited. */
static inline uint64_t gai_backend_max(const struct ga_backend *backend)
{
    return backend->max_size ? backend->max_size : UINT64_MAX;
}

#endif
