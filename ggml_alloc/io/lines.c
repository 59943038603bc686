#include "io/lines.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct lines lines_from(const struct ga_mem *mem, const struct ga_source *source)
{
    return (struct lines){ .mem = *mem, .source = *source };
}

void gai_lines_fini(struct lines *lines)
{
    mem_free(&lines->mem, lines->buf, lines->cap);
    lines->buf = NULL;
}

/* Room for more behind `end`, with a byte to spare for the 0: what was given out is dropped first. */
static bool make_room(struct lines *lines)
{
    if (lines->at > 0) {
        memmove(lines->buf, lines->buf + lines->at, lines->end - lines->at);
        lines->end -= lines->at;
        lines->at = 0;
    }
    if (lines->cap > lines->end + lines->cap / 4 + 1)
        return true;
    if (lines->cap > SIZE_MAX / 2)
        return false;
    size_t cap = lines->cap ? lines->cap * 2 : 16384;
    char *grown = gai_mem_resize(&lines->mem, lines->buf, lines->cap, cap, 1);
    if (!grown)
        return false;
    lines->buf = grown;
    lines->cap = cap;
    return true;
}

static enum ga_status read_more(struct lines *lines)
{
    if (!make_room(lines))
        return GA_NO_MEMORY;
    size_t room = lines->cap - lines->end - 1;
    size_t got = lines->source.read(lines->source.user, lines->buf + lines->end, room);
    if (got > room)
        return GA_IO;
    lines->ended = got == 0;
    lines->end += got;
    return GA_OK;
}

/* The end of the line that starts at `at`, of which `seen` bytes hold none; NULL: not read yet. */
static char *find_end(const struct lines *lines, size_t seen)
{
    size_t there = lines->end - lines->at;
    return there > seen ? memchr(lines->buf + lines->at + seen, '\n', there - seen) : NULL;
}

enum ga_status gai_lines_next(struct lines *lines, char **line, size_t *len)
{
    size_t seen = 0;
    char *end;
    while (!(end = find_end(lines, seen)) && !lines->ended) {
        seen = lines->end - lines->at;
        enum ga_status status = read_more(lines);
        if (status != GA_OK)
            return status;
    }
    bool is_over = !end && lines->at == lines->end;
    *line = is_over ? NULL : lines->buf + lines->at;
    if (is_over)
        return GA_OK;
    size_t stop = end ? (size_t)(end - lines->buf) : lines->end;
    *len = stop - lines->at;
    lines->buf[stop] = 0;
    lines->at = end ? stop + 1 : stop;
    lines->number++;
    return GA_OK;
}

enum ga_status gai_mishap(struct mishap *mishap, uint64_t line, const char *format, ...)
{
    mishap->line = line;
    va_list args;
    va_start(args, format);
    vsnprintf(mishap->what, sizeof mishap->what, format, args);
    va_end(args);
    return GA_INVALID;
}

void gai_mishap_say(const struct mishap *mishap, char *error, size_t cap)
{
    if (mishap->line)
        gai_say(error, cap, "line %" PRIu64 ": %s", mishap->line, mishap->what);
    else
        gai_say(error, cap, "%s", mishap->what);
}

void gai_fields_cut(struct fields *fields, char *line, size_t len, char separator)
{
    char *end = line + len;
    for (fields->n = 0; fields->n < FIELDS_MAX;) {
        char *stop = memchr(line, separator, (size_t)(end - line));
        fields->at[fields->n] = line;
        fields->len[fields->n++] = (size_t)((stop ? stop : end) - line);
        if (!stop)
            return;
        *stop = 0;
        line = stop + 1;
    }
    fields->n++;
}

/* What follows the number: the factor, 0 for what is no unit. */
static uint64_t unit_of(const char *unit)
{
    static const char letters[] = "kmgtpe";
    if (*unit == 0)
        return 1;
    unit += *unit == ' ';
    if (strcmp(unit, "B") == 0)
        return 1;
    char lower = (char)(*unit >= 'A' && *unit <= 'Z' ? *unit + ('a' - 'A') : *unit);
    const char *found = lower ? strchr(letters, lower) : NULL;
    if (!found)
        return 0;
    bool decimal = strcmp(unit + 1, "B") == 0;
    if (!decimal && unit[1] != 0 && strcmp(unit + 1, "i") != 0 && strcmp(unit + 1, "iB") != 0)
        return 0;
    uint64_t factor = 1;
    for (const char *at = letters; at <= found; at++)
        factor *= decimal ? 1000 : 1024;
    return factor;
}

/* Digits behind the point, as whole bytes of a unit; rounded down.  From the last one on, so that no step loses what counts. */
static uint64_t fraction_of(const char *text, const char *end, uint64_t unit)
{
    uint64_t value = 0;
    while (end > text)
        value = ((uint64_t)(*--end - '0') * unit + value) / 10; /* below `unit`, 2^60 at most */
    return value;
}

bool gai_parse_size(const char *text, uint64_t *bytes)
{
    size_t whole_len = strspn(text, "0123456789");
    const char *point = text + whole_len, *end = point;
    if (*point == '.')
        end += 1 + strspn(point + 1, "0123456789");
    uint64_t whole, unit = unit_of(end);
    if (end == point + 1 || !gai_parse_u64(text, point, &whole) || unit == 0 || whole > UINT64_MAX / unit)
        return false;
    uint64_t fraction = end > point ? fraction_of(point + 1, end, unit) : 0;
    if (whole * unit > UINT64_MAX - fraction)
        return false;
    *bytes = whole * unit + fraction;
    return true;
}
