/*
 * text.h - writing to a sink through a small buffer, with one sticky failure
 *
 *     struct text out = text_to(sink);
 *     gai_text(&out, "peak\t%" PRIu64 "\n", peak);
 *     ...
 *     return gai_text_end(&out);
 */
#ifndef GAI_BASE_TEXT_H
#define GAI_BASE_TEXT_H

#include "base/log.h"

struct text {
    struct ga_sink sink;
    size_t len;
    uint64_t sum; /* FNV-1a of all that was written: what the plan format seals itself with */
    bool failed;
    char buf[1024];
};

struct text text_to(const struct ga_sink *sink);
void gai_text(struct text *text, const char *format, ...) GAI_PRINTF(2, 3);
void gai_text_raw(struct text *text, const char *bytes, size_t len);
/* Flushes; GA_IO when the sink ever refused. */
enum ga_status gai_text_end(struct text *text);

#define TEXT_SUM_START 0xcbf29ce484222325u
uint64_t gai_text_sum(uint64_t sum, const char *bytes, size_t len);

/* "124.0 MiB", "17 B": for people.  Returns `buf`. */
const char *gai_text_bytes(char buf[32], uint64_t bytes);

/* Decimal digits only, all of [text, end), no overflow; false otherwise. */
bool gai_parse_u64(const char *text, const char *end, uint64_t *value);

#endif
