/*
 * environment.h - what is asked for from outside: the one place of this layer that reads the environment and writes to stderr
 *
 *     GGML_ALLOC_LOG=error | warn | info | debug      lines up to that level, on stderr; else silence
 */
#ifndef GAI_GGML_ENVIRONMENT_H
#define GAI_GGML_ENVIRONMENT_H

#include "base/log.h"

/* libc's memory, and a log as GGML_ALLOC_LOG says now. */
struct ga_env gai_environment(void);

/* The variable's value; NULL: not set, or empty. */
const char *gai_environment_value(const char *name);

/*
 * What `tell` writes becomes the first graph-N.tgraph that is not there yet in `folder`.  A line in the log when that fails.
 */
void gai_environment_file(const struct ga_env *env, const char *folder, bool (*tell)(void *user, const struct ga_sink *sink),
                          void *user);

/* What the last call of an object could not do. */
struct words {
    char text[256];
    bool said;
};

/* Returns false, so that failing is one line; the log gets the text as an error. */
bool gai_words_say(struct words *words, const struct ga_env *env, const char *format, ...) GAI_PRINTF(3, 4);

static inline const char *words_said(const struct words *words)
{
    return words->said ? words->text : NULL;
}

/* Whether lines of this level are written, for those who have to collect what they would say; `env` is from here. */
bool gai_environment_logs(const struct ga_env *env, enum ga_level level);

#endif
