/*
 * json_read.h - JSON, token by token, in bounded memory whatever comes
 *
 *     {"a": [1, "x"]}        JSON_OBJECT, JSON_NAME a, JSON_ARRAY, JSON_NUMBER 1, JSON_STRING x, JSON_CLOSE, JSON_CLOSE, JSON_END
 *
 * Of a string or number the first bytes are kept; whether that was all, `is_cut` tells.
 */
#ifndef GAI_IO_JSON_READ_H
#define GAI_IO_JSON_READ_H

#include "ggml_alloc/base.h"

#define JSON_TEXT 120u /* bytes of a text that are kept */
#define JSON_DEPTH 64u

enum json_token {
    JSON_ERROR, /* `wrong` says what */
    JSON_END,   /* the source has no more */
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_CLOSE, /* of the innermost one */
    JSON_NAME,  /* its value is next */
    JSON_STRING,
    JSON_NUMBER,
    JSON_WORD, /* true, false, null */
};

struct json_reader {
    struct ga_source source;
    char buf[4096];
    size_t at, end;
    uint64_t line; /* from 1 */
    unsigned depth;
    uint64_t objects; /* bit d: what is open at depth d is an object */
    bool is_first;    /* nothing of the innermost one was read yet */
    bool has_name;    /* a value is due */
    bool is_over;     /* the outermost value was read */
    enum json_token token;
    char text[JSON_TEXT + 1];
    size_t len;
    bool is_cut;
    const char *wrong;
    bool is_unreadable; /* what is wrong is that reading failed; nothing more is read */
};

struct json_reader json_from(const struct ga_source *source);

enum json_token gai_json_next(struct json_reader *reader);
/* Past the value whose first token was given out last (or, after JSON_NAME, that comes next); false: an error. */
bool gai_json_skip(struct json_reader *reader);
/* The number given out last, as a whole one: false when it is none, or above 2^64 - 1. */
bool gai_json_u64(const struct json_reader *reader, uint64_t *value);

#endif
