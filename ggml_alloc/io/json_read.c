#include "io/json_read.h"

#include "base/text.h"

#include <string.h>

enum { AT_END = -1, AT_ERROR = -2 };

struct json_reader json_from(const struct ga_source *source)
{
    return (struct json_reader){ .source = *source, .line = 1, .is_first = true };
}

static enum json_token fail(struct json_reader *r, const char *wrong)
{
    r->wrong = r->wrong ? r->wrong : wrong;
    return r->token = JSON_ERROR;
}

/* The next byte, not taken. */
static int peek(struct json_reader *r)
{
    if (r->is_unreadable)
        return AT_ERROR;
    if (r->at == r->end) {
        size_t got = r->source.read(r->source.user, r->buf, sizeof r->buf);
        if (got > sizeof r->buf) {
            fail(r, "cannot be read");
            r->is_unreadable = true;
            return AT_ERROR;
        }
        r->at = 0;
        r->end = got;
        if (got == 0)
            return AT_END;
    }
    return (unsigned char)r->buf[r->at];
}

static int take(struct json_reader *r)
{
    int byte = peek(r);
    if (byte >= 0)
        r->at++;
    if (byte == '\n')
        r->line++;
    return byte;
}

static int skip_blanks(struct json_reader *r)
{
    int byte = peek(r);
    while (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n') {
        take(r);
        byte = peek(r);
    }
    return byte;
}

static void keep(struct json_reader *r, int byte)
{
    if (r->len < JSON_TEXT)
        r->text[r->len++] = (char)byte;
    else
        r->is_cut = true;
    r->text[r->len] = 0;
}

static void begin_text(struct json_reader *r)
{
    r->len = 0;
    r->text[0] = 0;
    r->is_cut = false;
}

/* The four digits are kept as '?': no name that anybody looks for has them. */
static bool read_escape(struct json_reader *r)
{
    int byte = take(r);
    if (byte == 'u') {
        for (int i = 0; i < 4; i++) {
            byte = take(r);
            if (byte < 0 || !strchr("0123456789abcdefABCDEF", byte) || byte == 0)
                return false;
        }
        keep(r, '?');
        return true;
    }
    if (byte <= 0 || !strchr("\"\\/bfnrt", byte))
        return false;
    keep(r, byte == 'n' || byte == 't' || byte == 'r' || byte == 'b' || byte == 'f' ? ' ' : byte);
    return true;
}

static bool read_string(struct json_reader *r)
{
    begin_text(r);
    take(r);
    for (;;) {
        int byte = take(r);
        if (byte == '"')
            return true;
        if (byte < 0x20 || (byte == '\\' && !read_escape(r)))
            return false;
        if (byte != '\\')
            keep(r, byte);
    }
}

/* Digits, signs, points and exponents, in no particular order: whoever needs a number looks closer. */
static void read_word(struct json_reader *r, const char *of)
{
    begin_text(r);
    for (int byte = peek(r); byte > 0 && strchr(of, byte); byte = peek(r))
        keep(r, take(r));
}

static enum json_token open_one(struct json_reader *r, bool is_object)
{
    if (r->depth == JSON_DEPTH - 1)
        return fail(r, "nested too deep");
    take(r);
    r->depth++;
    r->objects = is_object ? r->objects | (uint64_t)1 << r->depth : r->objects & ~((uint64_t)1 << r->depth);
    r->is_first = true;
    r->has_name = false;
    return r->token = is_object ? JSON_OBJECT : JSON_ARRAY;
}

static enum json_token close_one(struct json_reader *r)
{
    take(r);
    r->depth--;
    r->is_first = false;
    r->is_over = r->depth == 0;
    return r->token = JSON_CLOSE;
}

static enum json_token read_value(struct json_reader *r, int byte)
{
    enum json_token token = JSON_ERROR;
    if (byte == '{' || byte == '[')
        return open_one(r, byte == '{');
    if (byte == '"') {
        if (!read_string(r))
            return fail(r, "a string that does not end, or holds what it may not");
        token = JSON_STRING;
    } else if (byte == '-' || (byte >= '0' && byte <= '9')) {
        read_word(r, "0123456789+-.eE");
        token = JSON_NUMBER;
    } else if (byte >= 'a' && byte <= 'z') {
        read_word(r, "abcdefghijklmnopqrstuvwxyz");
        if (strcmp(r->text, "true") != 0 && strcmp(r->text, "false") != 0 && strcmp(r->text, "null") != 0)
            return fail(r, "a word that is neither true, false nor null");
        token = JSON_WORD;
    } else {
        return fail(r, byte == AT_END ? "it ends too early" : "a value is expected");
    }
    r->is_first = r->has_name = false;
    r->is_over = r->depth == 0;
    return r->token = token;
}

static enum json_token read_name(struct json_reader *r)
{
    if (peek(r) != '"' || !read_string(r))
        return fail(r, "a name is expected");
    if (skip_blanks(r) != ':')
        return fail(r, "':' is expected behind a name");
    take(r);
    r->has_name = true;
    return r->token = JSON_NAME;
}

enum json_token gai_json_next(struct json_reader *r)
{
    int byte = skip_blanks(r);
    if (r->wrong)
        return JSON_ERROR;
    if (r->is_over)
        return byte == AT_END ? (r->token = JSON_END) : fail(r, "something follows the end");
    if (r->depth == 0 || r->has_name)
        return read_value(r, byte);
    bool is_object = r->objects >> r->depth & 1;
    if (byte == (is_object ? '}' : ']'))
        return close_one(r);
    if (!r->is_first) {
        if (byte != ',')
            return fail(r, byte == AT_END ? "it ends too early" : "',' is expected");
        take(r);
        byte = skip_blanks(r);
    }
    return is_object ? read_name(r) : read_value(r, byte);
}

bool gai_json_skip(struct json_reader *r)
{
    enum json_token token = r->token == JSON_NAME ? gai_json_next(r) : r->token;
    if (token != JSON_OBJECT && token != JSON_ARRAY)
        return token != JSON_ERROR;
    unsigned depth = r->depth;
    while (token != JSON_ERROR && !(token == JSON_CLOSE && r->depth < depth))
        token = gai_json_next(r);
    return token != JSON_ERROR;
}

bool gai_json_u64(const struct json_reader *r, uint64_t *value)
{
    return r->token == JSON_NUMBER && !r->is_cut && gai_parse_u64(r->text, r->text + r->len, value);
}
