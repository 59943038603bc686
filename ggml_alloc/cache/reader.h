/*
 * reader.h - options as text: key:value,key:[key:value,..]
 *
 * Blanks may be anywhere; every key at most once.  All is read into a copy of the options, so that text with a mistake changes
 * nothing.  The first mistake stays, and whoever reads on after it does no harm.
 */
#ifndef GAI_CACHE_READER_H
#define GAI_CACHE_READER_H

#include "base/log.h"

struct reader {
    const char *at;
    const char *wrong; /* what; NULL: nothing so far */
    void *opts;        /* the copy */
};

struct reader_key {
    const char *name;
    void (*read)(struct reader *in); /* what follows the colon */
};

/* The whole text; GA_INVALID: `error` (may be NULL) gets where and what.  At most 32 keys. */
enum ga_status gai_read_options(const char *text, const struct reader_key *keys, int n_keys, void *opts, char *error, size_t cap);

/* For the keys' functions. */
void gai_read_wrong(struct reader *in, const char *what);
bool gai_read_accept(struct reader *in, char c);                         /* it is next, and taken */
uint64_t gai_read_number(struct reader *in);                             /* at most 2^32 */
double gai_read_decimal(struct reader *in);                              /* whatever the locale */
int gai_read_choice(struct reader *in, const char *const *names, int n); /* the place of a word among them */

#endif
