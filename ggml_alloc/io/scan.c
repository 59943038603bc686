#include "io/scan.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct scan scan_from(const struct ga_mem *mem, const struct ga_source *source, const char *last, struct mishap *mishap)
{
    return (struct scan){ .lines = lines_from(mem, source), .last = last, .mishap = mishap, .next_sum = TEXT_SUM_START };
}

void gai_scan_fini(struct scan *scan)
{
    gai_lines_fini(&scan->lines);
}

bool gai_scan_fail(struct scan *scan, const char *format, ...)
{
    scan->status = GA_INVALID;
    scan->mishap->line = scan->lines.number ? scan->lines.number : 1;
    va_list args;
    va_start(args, format);
    vsnprintf(scan->mishap->what, sizeof scan->mishap->what, format, args);
    va_end(args);
    return false;
}

bool gai_scan_fail_memory(struct scan *scan)
{
    scan->status = GA_NO_MEMORY;
    scan->mishap->line = 0;
    snprintf(scan->mishap->what, sizeof scan->mishap->what, "%s", ga_status_str(GA_NO_MEMORY));
    return false;
}

static bool is_clean(struct scan *scan, const char *line, size_t len)
{
    if (len && line[len - 1] == '\r')
        return gai_scan_fail(scan, "the line ends with CR LF; end lines with LF alone");
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)line[i];
        if (c != '\t' && (c < 33 || c > 126))
            return gai_scan_fail(scan, "byte %zu is %#04x; fields hold printable ASCII without blanks, a tab between them", i + 1,
                                 (unsigned)c);
    }
    return true;
}

/* The next line, NULL behind the last; what reading it may fail with is said. */
static bool next_line(struct scan *scan, char **line, size_t *len)
{
    scan->status = gai_lines_next(&scan->lines, line, len);
    if (scan->status == GA_OK)
        return true;
    scan->mishap->line = 0;
    snprintf(scan->mishap->what, sizeof scan->mishap->what, "%s", ga_status_str(scan->status));
    return false;
}

bool gai_scan_next(struct scan *scan)
{
    char *line;
    size_t len;
    if (!next_line(scan, &line, &len))
        return false;
    if (!line)
        return gai_scan_fail(scan, "the text stops here; its last line must be '%s'", scan->last);
    if (!is_clean(scan, line, len))
        return false;
    scan->sum = scan->next_sum;
    scan->next_sum = gai_text_sum(gai_text_sum(scan->sum, line, len), "\n", 1);
    gai_fields_cut(&scan->fields, line, len, '\t');
    for (unsigned i = 0; i < scan->fields.n && i < FIELDS_MAX; i++)
        if (scan->fields.len[i] == 0)
            return gai_scan_fail(scan, "field %u is empty; write - for nothing, and a single tab between fields", i);
    return true;
}

bool gai_scan_has(struct scan *scan, unsigned n)
{
    if (scan->fields.n == n + 1)
        return true;
    if (scan->fields.n > FIELDS_MAX)
        return gai_scan_fail(scan, "'%.20s' has more than %u fields; it takes %u", scan->fields.at[0], FIELDS_MAX - 1, n);
    return gai_scan_fail(scan, "'%.20s' has %u fields; it takes %u", scan->fields.at[0], scan->fields.n - 1, n);
}

bool gai_scan_expect(struct scan *scan, const char *record, unsigned n)
{
    if (!gai_scan_next(scan))
        return false;
    if (strcmp(scan->fields.at[0], record) != 0)
        return gai_scan_fail(scan, "a '%s' line belongs here, not '%.40s'", record, scan->fields.at[0]);
    return gai_scan_has(scan, n);
}

bool gai_scan_end(struct scan *scan)
{
    char *line;
    size_t len;
    return next_line(scan, &line, &len) && (!line || gai_scan_fail(scan, "text behind '%s'; remove it", scan->last));
}

bool gai_scan_number(struct scan *scan, unsigned field, const char *what, uint64_t max, uint64_t *value)
{
    const char *text = scan->fields.at[field];
    uint64_t parsed;
    if (!gai_parse_u64(text, text + scan->fields.len[field], &parsed))
        return gai_scan_fail(scan, "%s (field %u) is '%.40s'; write a whole decimal number", what, field, text);
    if (parsed > max)
        return gai_scan_fail(scan, "%s (field %u) is %" PRIu64 "; at most %" PRIu64 " makes sense here", what, field, parsed, max);
    *value = parsed;
    return true;
}

bool gai_scan_index(struct scan *scan, unsigned field, const char *what, uint32_t end, uint32_t *value)
{
    uint64_t parsed = UINT32_MAX;
    if (strcmp(scan->fields.at[field], "-1") == 0) {
        *value = UINT32_MAX;
        return true;
    }
    if (end == 0)
        return gai_scan_fail(scan, "%s (field %u) is '%.40s', but there are none; write -1", what, field, scan->fields.at[field]);
    if (!gai_scan_number(scan, field, what, end - 1, &parsed))
        return false;
    *value = (uint32_t)parsed;
    return true;
}

bool gai_scan_hex(struct scan *scan, unsigned field, const char *what, uint64_t *value)
{
    static const char digits[] = "0123456789abcdef";
    const char *text = scan->fields.at[field];
    uint64_t sum = 0;
    for (const char *at = text; *at; at++) {
        char lower = (char)(*at >= 'A' && *at <= 'F' ? *at + ('a' - 'A') : *at);
        const char *digit = strchr(digits, lower);
        if (!digit || sum >> 60)
            return gai_scan_fail(scan, "%s (field %u) is '%.40s'; write 16 hexadecimal digits at most", what, field, text);
        sum = sum << 4 | (uint64_t)(digit - digits);
    }
    *value = sum;
    return true;
}

bool gai_scan_keep(struct scan *scan, unsigned field, const struct ga_mem *mem, char **copy)
{
    size_t n = scan->fields.len[field] + 1;
    *copy = mem_new_raw(mem, char, n);
    if (!*copy)
        return gai_scan_fail_memory(scan);
    memcpy(*copy, scan->fields.at[field], n);
    return true;
}
