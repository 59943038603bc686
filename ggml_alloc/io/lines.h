/*
 * lines.h - text from a source, line by line, and the numbers in it
 *
 *     buf:  [ given out | a line \0 | the start of the next | room ]
 *                         `- line     `- at                `- end
 *
 * A line may be as long as memory allows; it stays valid until the next one is asked for.
 */
#ifndef GAI_IO_LINES_H
#define GAI_IO_LINES_H

#include "base/log.h"
#include "base/mem.h"

struct lines {
    struct ga_mem mem;
    struct ga_source source;
    char *buf;
    size_t cap, at, end;
    uint64_t number; /* of the line last given out, from 1 */
    bool ended;      /* the source has no more */
};

struct lines lines_from(const struct ga_mem *mem, const struct ga_source *source);
void gai_lines_fini(struct lines *lines);

/*
 * The next line, without its end, 0-terminated (it may hold zeros of its own, which `len` tells); NULL after the last.
 * GA_IO, GA_NO_MEMORY.
 */
enum ga_status gai_lines_next(struct lines *lines, char **line, size_t *len);

/* What is wrong with a text, and where. */
struct mishap {
    uint64_t line; /* 0: no line in particular */
    char what[256];
};

/* Describes it and returns GA_INVALID. */
enum ga_status gai_mishap(struct mishap *mishap, uint64_t line, const char *format, ...) GAI_PRINTF(3, 4);

/* "line 7: what", or "what", into the buffers of public functions; NULL is fine. */
void gai_mishap_say(const struct mishap *mishap, char *error, size_t cap);

/* Parts of a line between separators, each 0-terminated. */
#define FIELDS_MAX 24
struct fields {
    char *at[FIELDS_MAX];
    size_t len[FIELDS_MAX];
    unsigned n; /* FIELDS_MAX + 1: more than that */
};

void gai_fields_cut(struct fields *fields, char *line, size_t len, char separator);

/* "1536", "1.5KiB", "64 MiB", "2G" (binary all of them), "10kB" (decimal): whole bytes.  False for anything else. */
bool gai_parse_size(const char *text, uint64_t *bytes);

#endif
