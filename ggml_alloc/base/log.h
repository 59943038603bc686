/*
 * log.h - one line to whoever listens
 */
#ifndef GAI_BASE_LOG_H
#define GAI_BASE_LOG_H

#include "ggml_alloc/base.h"

#include "base/format.h"

/* Formats only when somebody listens; text beyond 500 bytes is cut. */
void gai_log(const struct ga_env *env, enum ga_level level, const char *format, ...) GAI_PRINTF(3, 4);

/* Text into `why` when there is one: for functions that explain themselves on request. */
void gai_say(char *why, size_t cap, const char *format, ...) GAI_PRINTF(3, 4);

#endif
