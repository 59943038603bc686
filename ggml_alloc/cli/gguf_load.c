/*
 * gguf_load.c - a GGUF file's header, and those of its other parts
 */
#include "cli/gguf.h"
#include "cli/system.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS_MOST 99999u

/* What cannot be sought in is read from its beginning on, as the header is. */
struct opened {
    FILE *file;
    bool is_stream;
    uint64_t at; /* of a stream */
    int error;   /* why a read failed, as errno */
};

static size_t read_stream(struct opened *opened, uint64_t offset, char *buf, size_t cap)
{
    size_t got = 1;
    while (opened->at < offset && got != 0) {
        char skipped[4096];
        uint64_t left = offset - opened->at;
        got = fread(skipped, 1, left < sizeof skipped ? (size_t)left : sizeof skipped, opened->file);
        opened->at += got;
    }
    got = opened->at == offset ? fread(buf, 1, cap, opened->file) : 0;
    opened->at += got;
    return got;
}

static size_t read_at(void *user, uint64_t offset, char *buf, size_t cap)
{
    struct opened *opened = user;
    size_t got = 0;
    if (opened->is_stream)
        got = read_stream(opened, offset, buf, cap);
    else if (system_seek(opened->file, offset))
        got = fread(buf, 1, cap, opened->file);
    if (got == 0 && ferror(opened->file))
        opened->error = errno;
    return got;
}

/* `size`: how long the file is; of a stream, nobody knows. */
static bool open_part(const char *path, struct opened *opened, uint64_t *size)
{
    *opened = (struct opened){ .file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb") };
    if (!opened->file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    int64_t end = system_size(opened->file);
    opened->is_stream = end < 0;
    *size = end < 0 ? UINT64_MAX : (uint64_t)end;
    return true;
}

static enum exit_code load_part(const char *path, struct gguf *gguf, uint64_t *size)
{
    struct ga_env env = gai_env(NULL);
    struct mishap mishap;
    struct opened opened;
    if (!open_part(path, &opened, size))
        return EXIT_INPUT;
    struct gguf_source source = { read_at, &opened, *size };
    enum ga_status status = gai_gguf_read(&env.mem, &source, gguf, &mishap);
    if (opened.file != stdin)
        fclose(opened.file);
    if (status != GA_OK && opened.error) {
        fprintf(stderr, "%s: %s\n", path_shown(path), strerror(opened.error));
        return EXIT_INPUT;
    }
    return status == GA_OK ? EXIT_YES : complain_input(path, &mishap, status);
}

/* Parts are called NAME-00001-of-00003.gguf; where the first number is, or NULL. */
static char *part_number(char *path, uint64_t count)
{
    char end[32];
    size_t len = strlen(path);
    snprintf(end, sizeof end, "-of-%05" PRIu64 ".gguf", count);
    size_t tail = strlen(end);
    bool is_part = len > tail + 6 && strcmp(path + len - tail, end) == 0 && path[len - tail - 6] == '-';
    return is_part ? path + len - tail - 5 : NULL;
}

static enum exit_code join_part(struct model *model, const char *path, uint64_t no)
{
    struct gguf part;
    uint64_t size;
    enum exit_code code = load_part(path, &part, &size);
    if (code != EXIT_YES)
        return code;
    if (part.split_no != no || part.split_count != model->gguf.split_count) {
        fprintf(stderr, "%s: this is not part %" PRIu64 " of %" PRIu64 "\n", path, no + 1, model->gguf.split_count);
        code = EXIT_INPUT;
    } else {
        gai_gguf_join(&model->gguf, &part);
        model->is_whole = model->is_whole && part.data_end <= size;
    }
    gai_gguf_fini(&part);
    return code;
}

static enum exit_code join_parts(struct model *model, char *path)
{
    uint64_t count = model->gguf.split_count;
    char *at = count <= PARTS_MOST ? part_number(path, count) : NULL;
    if (!at || model->gguf.split_no != 0) {
        fprintf(stderr, "%s: one of %" PRIu64 " parts; give the first, under its name NAME-00001-of-%05" PRIu64 ".gguf\n",
                path_shown(path), count, count);
        return EXIT_INPUT;
    }
    enum exit_code code = EXIT_YES;
    for (uint64_t no = 1; code == EXIT_YES && no < count; no++) {
        char number[24];
        snprintf(number, sizeof number, "%05" PRIu64, no + 1);
        memcpy(at, number, 5);
        code = join_part(model, path, no);
    }
    return code;
}

enum exit_code model_load(const char *path, struct model *model)
{
    uint64_t size;
    enum exit_code code = load_part(path, &model->gguf, &size);
    if (code != EXIT_YES)
        return code;
    model->is_whole = model->gguf.data_end <= size;
    if (model->gguf.split_count <= 1)
        return EXIT_YES;
    char *copy = malloc(strlen(path) + 1);
    if (copy) {
        memcpy(copy, path, strlen(path) + 1);
        code = join_parts(model, copy);
        free(copy);
    } else {
        complain("%s", ga_status_str(GA_NO_MEMORY));
        code = EXIT_RESOURCES;
    }
    if (code != EXIT_YES)
        gai_gguf_fini(&model->gguf);
    return code;
}
