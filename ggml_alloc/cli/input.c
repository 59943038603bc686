#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("ggml-alloc: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

const char *path_shown(const char *path)
{
    return strcmp(path, "-") == 0 ? "<stdin>" : path;
}

enum exit_code complain_input(const char *path, const struct mishap *mishap, enum ga_status status)
{
    if (mishap->line)
        fprintf(stderr, "%s:%" PRIu64 ": %s\n", path_shown(path), mishap->line, mishap->what);
    else
        fprintf(stderr, "%s: %s\n", path_shown(path), mishap->what);
    return status == GA_NO_MEMORY || status == GA_NO_SPACE ? EXIT_RESOURCES : EXIT_INPUT;
}

static bool read_all(FILE *in, struct bytes *bytes)
{
    size_t got = 1;
    while (got != 0) {
        if (bytes->len == bytes->cap) {
            size_t cap = bytes->cap ? bytes->cap * 2 : 65536;
            char *grown = cap > bytes->cap ? realloc(bytes->text, cap) : NULL;
            if (!grown)
                return false;
            bytes->text = grown;
            bytes->cap = cap;
        }
        got = fread(bytes->text + bytes->len, 1, bytes->cap - bytes->len, in);
        bytes->len += got;
    }
    return true;
}

enum exit_code bytes_load(const char *path, struct bytes *bytes)
{
    bool is_stdin = strcmp(path, "-") == 0;
    *bytes = (struct bytes){ 0 };
    FILE *in = is_stdin ? stdin : fopen(path, "rb");
    if (!in) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return EXIT_INPUT;
    }
    errno = 0;
    bool ok = read_all(in, bytes);
    int broken = ferror(in) ? errno : 0;
    if (!is_stdin)
        fclose(in);
    if (ok && !broken)
        return EXIT_YES;
    fprintf(stderr, "%s: %s\n", path_shown(path), ok ? strerror(broken) : ga_status_str(GA_NO_MEMORY));
    bytes_free(bytes);
    return ok ? EXIT_INPUT : EXIT_RESOURCES;
}

void bytes_free(struct bytes *bytes)
{
    free(bytes->text);
    *bytes = (struct bytes){ 0 };
}

struct cursor {
    const struct bytes *bytes;
    size_t at;
};

static size_t take_bytes(void *user, char *buf, size_t cap)
{
    struct cursor *cursor = user;
    size_t left = cursor->bytes->len - cursor->at, n = left < cap ? left : cap;
    if (n)
        memcpy(buf, cursor->bytes->text + cursor->at, n);
    cursor->at += n;
    return n;
}

enum exit_code bytes_read(const char *path, const struct bytes *bytes, bytes_reader *read, void *object)
{
    struct cursor cursor = { .bytes = bytes };
    struct mishap mishap;
    enum ga_status status = read(&(struct ga_source){ .read = take_bytes, .user = &cursor }, object, &mishap);
    return status == GA_OK ? EXIT_YES : complain_input(path, &mishap, status);
}

enum exit_code file_read(const char *path, bytes_reader *read, void *object)
{
    struct bytes bytes;
    enum exit_code code = bytes_load(path, &bytes);
    if (code != EXIT_YES)
        return code;
    code = bytes_read(path, &bytes, read, object);
    bytes_free(&bytes);
    return code;
}

/* ---- parse sequences ---- */

struct sequence {
    ga_id *list;
    uint64_t *lines; /* of each entry, for messages */
    size_t n;
};

static void sequence_free(struct sequence *sequence)
{
    free(sequence->list);
    free(sequence->lines);
}

/* Whitespace between ids of the file; | or -1 is a barrier. */
static enum exit_code sequence_parse(const char *path, const struct bytes *bytes, const struct tgraph *file,
                                     struct sequence *sequence)
{
    size_t most = bytes->len / 2 + 1;
    struct mishap mishap;
    *sequence = (struct sequence){ calloc(most, sizeof(ga_id)), calloc(most, sizeof(uint64_t)), 0 };
    if (!sequence->list || !sequence->lines) {
        gai_mishap(&mishap, 0, "%s", ga_status_str(GA_NO_MEMORY));
        return complain_input(path, &mishap, GA_NO_MEMORY);
    }
    uint64_t line = 1;
    const char *end = bytes->text + bytes->len;
    for (const char *at = bytes->text; at < end;) {
        const char *word = at;
        while (at < end && !strchr(" \t\r\n", *at))
            at++;
        size_t len = (size_t)(at - word);
        uint64_t id = 0;
        bool barrier = (len == 1 && *word == '|') || (len == 2 && memcmp(word, "-1", 2) == 0);
        if (len && !barrier && (!gai_parse_u64(word, at, &id) || id >= file->n_tensors)) {
            gai_mishap(&mishap, line, "'%.*s' is no tensor; write ids from 0 to %" PRIu32 ", and | or -1 between steps",
                       (int)(len < 40 ? len : 40), word, file->n_tensors ? file->n_tensors - 1 : 0);
            return complain_input(path, &mishap, GA_INVALID);
        }
        if (len) {
            sequence->lines[sequence->n] = line;
            sequence->list[sequence->n++] = barrier ? GA_NONE : file->ids[id];
        }
        if (at < end)
            line += *at++ == '\n';
    }
    return EXIT_YES;
}

static enum exit_code apply_sequence(const char *path, struct tgraph *file)
{
    struct bytes bytes;
    struct sequence sequence;
    enum exit_code code = bytes_load(path, &bytes);
    if (code != EXIT_YES)
        return code;
    code = sequence_parse(path, &bytes, file, &sequence);
    if (code == EXIT_YES) {
        enum ga_status status = ga_graph_sequence(file->graph, sequence.list, sequence.n);
        struct mishap mishap;
        gai_mishap(&mishap, 0, "%s",
                   status == GA_INVALID ? "a tensor is listed twice, or before one that it needs; list each once, sources first"
                                        : ga_status_str(status));
        if (status != GA_OK)
            code = complain_input(path, &mishap, status);
    }
    sequence_free(&sequence);
    bytes_free(&bytes);
    return code;
}

/* ---- graphs and intervals ---- */

static bool starts_with(const struct bytes *bytes, const char *text)
{
    size_t len = strlen(text);
    return bytes->len >= len && memcmp(bytes->text, text, len) == 0;
}

/* A header that names `lower` and `upper` is that of an interval CSV. */
static bool looks_like_intervals(const struct bytes *bytes)
{
    char header[256];
    size_t len = bytes->len < sizeof header - 1 ? bytes->len : sizeof header - 1;
    if (len)
        memcpy(header, bytes->text, len);
    header[len] = 0;
    header[strcspn(header, "\n")] = 0;
    return strchr(header, ',') && (strstr(header, "lower") || strstr(header, "upper") || strstr(header, "size"));
}

struct parsed_graph {
    enum inplace inplace;
    struct tgraph *graph;
};

static enum ga_status read_graph(const struct ga_source *source, void *object, struct mishap *mishap)
{
    struct parsed_graph *parsed = object;
    return gai_tgraph_read(NULL, source, parsed->inplace, parsed->graph, mishap);
}

static enum exit_code parse_graph(const struct options *options, const struct bytes *bytes, struct input *input)
{
    struct parsed_graph parsed = { options->inplace, &input->graph };
    enum exit_code code = bytes_read(input->path, bytes, read_graph, &parsed);
    if (code != EXIT_YES)
        return code;
    input->is_graph = true;
    code = options->sequence ? apply_sequence(options->sequence, &input->graph) : EXIT_YES;
    if (code != EXIT_YES)
        input_free(input);
    return code;
}

enum ga_status read_intervals(const struct ga_source *source, void *intervals, struct mishap *mishap)
{
    struct ga_env env = gai_env(NULL);
    return gai_intervals_read(&env.mem, source, intervals, mishap);
}

static enum exit_code parse_intervals(const struct options *options, const struct bytes *bytes, struct input *input)
{
    if (options->sequence) {
        complain("--sequence is for graphs, but %s holds intervals", path_shown(input->path));
        return EXIT_USAGE;
    }
    return bytes_read(input->path, bytes, read_intervals, &input->intervals);
}

enum exit_code input_parse(const char *path, const struct options *options, const struct bytes *bytes, struct input *input)
{
    *input = (struct input){ .path = path };
    if (starts_with(bytes, "tgraph"))
        return parse_graph(options, bytes, input);
    if (looks_like_intervals(bytes))
        return parse_intervals(options, bytes, input);
    struct mishap mishap;
    gai_mishap(&mishap, 1,
               "neither a recorded graph, which starts with 'tgraph', nor intervals under a header id,lower,upper,size");
    return complain_input(path, &mishap, GA_INVALID);
}

enum exit_code input_load(const char *path, const struct options *options, struct input *input)
{
    struct bytes bytes;
    enum exit_code code = bytes_load(path, &bytes);
    if (code != EXIT_YES)
        return code;
    code = input_parse(path, options, &bytes, input);
    bytes_free(&bytes);
    return code;
}

void input_free(struct input *input)
{
    if (input->is_graph)
        gai_tgraph_fini(&input->graph);
    else
        gai_intervals_fini(&input->intervals);
}

void say_in_file_ids(const struct input *input, const char *why, char *buf, size_t cap)
{
    bool is_node = strncmp(why, "node ", 5) == 0;
    const char *number = why + (is_node ? 5 : 0), *rest = number + strspn(number, "0123456789");
    uint64_t id = 0;
    is_node = is_node && gai_parse_u64(number, rest, &id);
    if (is_node && input->is_graph && id >= 1 && id <= input->graph.n_tensors)
        snprintf(buf, cap, "tensor %" PRIu32 "%s", input->graph.file_ids[id], rest);
    else
        snprintf(buf, cap, "%s", why);
}
