/*
 * inline.h - for the few functions that are inlined whatever the compiler thinks of their size
 */
#ifndef GAI_BASE_INLINE_H
#define GAI_BASE_INLINE_H

#if defined(__GNUC__) && defined(__OPTIMIZE__) /* unoptimised each is seen once, by debuggers and by what counts branches */
#define GAI_INLINE static inline __attribute__((always_inline))
#else
#define GAI_INLINE static inline
#endif

#endif
