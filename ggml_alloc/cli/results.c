#include "cli/results.h"

#include "base/array.h"

#include <string.h>

/* ---- one value ---- */

enum result_kind { RESULT_TEXT, RESULT_NUMBER, RESULT_BOOL };

static const struct result_key {
    const char *name;
    enum result_kind kind;
    size_t at, size; /* within struct result; bytes of a text */
    bool is_needed;
} keys[] = {
#define TEXT(field, needed)                                                                                                        \
    {                                                                                                                              \
#field, RESULT_TEXT, offsetof(struct result, field), sizeof((struct result *)0)->field, needed                             \
    }
#define NUMBER(field, needed)                                                                                                      \
    {                                                                                                                              \
#field, RESULT_NUMBER, offsetof(struct result, field), 0, needed                                                           \
    }
    TEXT(peer, true),         TEXT(instance, true),  NUMBER(load, true),
    NUMBER(n, false),         NUMBER(peak, false),   { "proved", RESULT_BOOL, offsetof(struct result, proved), 0, false },
    NUMBER(median_ns, false), NUMBER(min_ns, false), NUMBER(bytes, false),
    NUMBER(seed, false),      TEXT(commit, false),   TEXT(compiler, false),
    TEXT(cpu, false),
#undef TEXT
#undef NUMBER
};
enum { N_KEYS = sizeof keys / sizeof *keys };

/* N_KEYS: none that we know. */
static unsigned find_key(const char *name, size_t len)
{
    unsigned k = 0;
    while (k < N_KEYS && (strlen(keys[k].name) != len || memcmp(keys[k].name, name, len) != 0))
        k++;
    return k;
}

/* Nothing at all, as null, is not known. */
static enum ga_status set_value(struct result *result, unsigned k, const char *value, size_t len, uint64_t line,
                                struct mishap *mishap)
{
    char *at = (char *)result + keys[k].at;
    if (len == 0)
        return GA_OK;
    if (keys[k].kind == RESULT_TEXT) {
        if (len >= keys[k].size)
            return gai_mishap(mishap, line, "%s is longer than %zu bytes", keys[k].name, keys[k].size - 1);
        memcpy(at, value, len);
        at[len] = 0;
    } else if (keys[k].kind == RESULT_NUMBER) {
        uint64_t number;
        if (!gai_parse_u64(value, value + len, &number))
            return gai_mishap(mishap, line, "%s is '%.*s', which is no whole number", keys[k].name, (int)(len < 40 ? len : 40),
                              value);
        memcpy(at, &number, sizeof number);
    } else {
        bool yes = len == 4 && memcmp(value, "true", 4) == 0;
        if (!yes && (len != 5 || memcmp(value, "false", 5) != 0))
            return gai_mishap(mishap, line, "%s is neither true nor false", keys[k].name);
        memcpy(at, &yes, sizeof yes);
    }
    return GA_OK;
}

static enum ga_status is_whole(unsigned seen, uint64_t line, struct mishap *mishap)
{
    for (unsigned k = 0; k < N_KEYS; k++)
        if (keys[k].is_needed && !(seen >> k & 1))
            return gai_mishap(mishap, line, "%s is missing", keys[k].name);
    return GA_OK;
}

/* ---- a line of JSON ---- */

static char *skip_blanks(char *at)
{
    return at + strspn(at, " \t\r");
}

/* A string is unescaped where it stands; NULL: it is none.  Behind it in `end`. */
static char *read_string(char *at, size_t *len, char **end)
{
    if (*at != '"')
        return NULL;
    char *start = at + 1, *to = start;
    for (at = start; *at && *at != '"'; at++) {
        if (*at == '\\') {
            at++;
            if (*at != '"' && *at != '\\' && *at != '/')
                return NULL; /* names have none of the others */
        }
        *to++ = *at;
    }
    *len = (size_t)(to - start);
    *end = at + 1;
    bool is_closed = *at == '"';
    *to = 0;
    return is_closed ? start : NULL;
}

/* A string, or a word up to what ends it; null is empty. */
static char *read_value(char *at, size_t *len, char **end)
{
    if (*at == '"')
        return read_string(at, len, end);
    if (*at == '[' || *at == '{')
        return NULL;
    *len = strcspn(at, ",} \t\r");
    *end = at + *len;
    if (*len == 4 && memcmp(at, "null", 4) == 0)
        *len = 0;
    return *end == at ? NULL : at;
}

static enum ga_status read_object(char *at, uint64_t line, struct result *result, struct mishap *mishap)
{
    unsigned seen = 0;
    *result = (struct result){ .n = 0 };
    at = skip_blanks(at + 1);
    for (bool more = *at != '}'; more;) {
        size_t name_len, len;
        char *name = read_string(at, &name_len, &at);
        at = name ? skip_blanks(at) : NULL;
        if (!at || *at != ':')
            return gai_mishap(mishap, line, "not one flat object: a name and ':' are expected");
        char *value = read_value(skip_blanks(at + 1), &len, &at);
        if (!value)
            return gai_mishap(mishap, line, "'%.40s' has no plain value", name);
        at = skip_blanks(at);
        if (*at != ',' && *at != '}')
            return gai_mishap(mishap, line, "not one flat object: ',' or '}' is expected behind '%.40s'", name);
        unsigned k = find_key(name, name_len);
        if (k < N_KEYS && (seen >> k & 1))
            return gai_mishap(mishap, line, "%s stands twice", keys[k].name);
        seen |= k < N_KEYS ? 1u << k : 0;
        more = *at == ',';
        at = skip_blanks(at + 1);
        enum ga_status status = k < N_KEYS ? set_value(result, k, value, len, line, mishap) : GA_OK;
        if (status != GA_OK)
            return status;
    }
    return is_whole(seen, line, mishap);
}

/* ---- a line of CSV ---- */

/* Which key each column is. */
struct columns {
    unsigned key[FIELDS_MAX], n;
};

static enum ga_status read_header(char *line, size_t len, struct columns *columns, struct mishap *mishap)
{
    struct fields fields;
    unsigned seen = 0;
    gai_fields_cut(&fields, line, len, ',');
    if (fields.n > FIELDS_MAX)
        return gai_mishap(mishap, 1, "more than %u columns", FIELDS_MAX);
    columns->n = fields.n;
    for (unsigned i = 0; i < fields.n; i++) {
        columns->key[i] = find_key(fields.at[i], fields.len[i]);
        if (columns->key[i] < N_KEYS && (seen >> columns->key[i] & 1))
            return gai_mishap(mishap, 1, "column %s stands twice", fields.at[i]);
        seen |= columns->key[i] < N_KEYS ? 1u << columns->key[i] : 0;
    }
    return is_whole(seen, 1, mishap);
}

static enum ga_status read_row(char *line, size_t len, const struct columns *columns, uint64_t number, struct result *result,
                               struct mishap *mishap)
{
    struct fields fields;
    *result = (struct result){ .n = 0 };
    gai_fields_cut(&fields, line, len, ',');
    if (fields.n != columns->n)
        return gai_mishap(mishap, number, "%u values where the header has %u columns", fields.n, columns->n);
    for (unsigned i = 0; i < fields.n; i++) {
        unsigned k = columns->key[i];
        if (k < N_KEYS && keys[k].is_needed && fields.len[i] == 0)
            return gai_mishap(mishap, number, "%s is missing", keys[k].name);
        enum ga_status status = k < N_KEYS ? set_value(result, k, fields.at[i], fields.len[i], number, mishap) : GA_OK;
        if (status != GA_OK)
            return status;
    }
    return GA_OK;
}

/* ---- all lines ---- */

static enum ga_status read_line(struct results *results, struct lines *lines, struct columns *columns, char *line, size_t len,
                                struct mishap *mishap)
{
    struct result result;
    enum ga_status status;
    if (len && line[len - 1] == '\r')
        line[--len] = 0;
    if (len == 0)
        return GA_OK;
    if (memchr(line, 0, len))
        return gai_mishap(mishap, lines->number, "a zero byte; this is text");
    if (*line == '{')
        status = read_object(line, lines->number, &result, mishap);
    else if (columns->n == 0)
        return read_header(line, len, columns, mishap);
    else
        status = read_row(line, len, columns, lines->number, &result, mishap);
    if (status != GA_OK)
        return status;
    if (!array_room(&results->mem, &results->at, &results->cap, results->n + 1u))
        return GA_NO_MEMORY;
    results->at[results->n++] = result;
    return GA_OK;
}

enum ga_status results_read(const struct ga_mem *mem, const struct ga_source *source, struct results *results,
                            struct mishap *mishap)
{
    struct lines lines = lines_from(mem, source);
    struct columns columns = { .n = 0 };
    enum ga_status status;
    char *line;
    size_t len;
    *mishap = (struct mishap){ 0 };
    *results = (struct results){ .mem = *mem };
    while ((status = gai_lines_next(&lines, &line, &len)) == GA_OK && line) {
        status = read_line(results, &lines, &columns, line, len, mishap);
        if (status != GA_OK)
            break;
    }
    gai_lines_fini(&lines);
    if (status == GA_OK && results->n == 0)
        status = gai_mishap(mishap, 0, "no results");
    if (status != GA_OK) {
        if (!mishap->what[0])
            gai_mishap(mishap, 0, "%s", ga_status_str(status));
        results_fini(results);
    }
    return status;
}

void results_fini(struct results *results)
{
    mem_free(&results->mem, results->at, results->cap);
    results->at = NULL;
}
