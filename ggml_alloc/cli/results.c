#include "cli/results.h"

#include "base/array.h"
#include "io/json_read.h"

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

struct line_reader {
    const char *at;
    size_t left;
};

static size_t read_line_bytes(void *user, char *buf, size_t cap)
{
    struct line_reader *reader = user;
    size_t n = reader->left < cap ? reader->left : cap;
    memcpy(buf, reader->at, n);
    reader->at += n;
    reader->left -= n;
    return n;
}

/* The value behind the name of key `k`. */
static enum ga_status read_value(struct json_reader *json, unsigned k, uint64_t line, struct result *result, struct mishap *mishap)
{
    enum json_token token = gai_json_next(json);
    if (token == JSON_ERROR)
        return GA_OK; /* told by whoever asks for the next token */
    if (token == JSON_OBJECT || token == JSON_ARRAY)
        return gai_mishap(mishap, line, "%s has no plain value", keys[k].name);
    bool is_null = token == JSON_WORD && strcmp(json->text, "null") == 0;
    return set_value(result, k, json->text, is_null ? 0 : json->len, line, mishap);
}

static enum ga_status read_members(struct json_reader *json, uint64_t line, struct result *result, struct mishap *mishap)
{
    unsigned seen = 0;
    enum ga_status status = GA_OK;
    gai_json_next(json);
    while (status == GA_OK && gai_json_next(json) == JSON_NAME) {
        unsigned k = find_key(json->text, json->len);
        if (k < N_KEYS && (seen >> k & 1))
            return gai_mishap(mishap, line, "%s stands twice", keys[k].name);
        seen |= k < N_KEYS ? 1u << k : 0;
        if (k < N_KEYS)
            status = read_value(json, k, line, result, mishap);
        else
            gai_json_skip(json);
    }
    if (status != GA_OK)
        return status;
    if (json->token != JSON_CLOSE || gai_json_next(json) != JSON_END)
        return gai_mishap(mishap, line, "not one object: %s", json->wrong);
    return is_whole(seen, line, mishap);
}

static enum ga_status read_object(const char *at, size_t len, uint64_t line, struct result *result, struct mishap *mishap)
{
    struct line_reader reader = { at, len };
    struct json_reader json = json_from(&(struct ga_source){ read_line_bytes, &reader });
    *result = (struct result){ .n = 0 };
    return read_members(&json, line, result, mishap);
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
        status = read_object(line, len, lines->number, &result, mishap);
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
