/*
 * later.h - options of later versions, which this one does not know (base.h has the rule)
 */
#ifndef GAI_BASE_LATER_H
#define GAI_BASE_LATER_H

#include "base/log.h"

/* Whether one of the words is set that a struct of the caller's keeps for later versions. */
#define later_set(options) gai_later_set((options)->later, sizeof(options)->later / sizeof *(options)->later)
bool gai_later_set(const uint64_t *words, size_t n);

/* The same, and the log is told what is wrong with the struct of that name. */
#define later_refused(log, options, name) (later_set(options) && gai_later_refuse((log), (name)))
bool gai_later_refuse(const struct ga_log *log, const char *name); /* true */

/* In words: the struct's name, and the three numbers of this version. */
#define LATER_WORDS "%s: `later` is not zero: the caller was compiled for a later version than this, %d.%d.%d"
#define LATER_VERSION GA_VERSION_MAJOR, GA_VERSION_MINOR, GA_VERSION_PATCH

#endif
