/*
 * gguf_load.c - a GGUF file's header, and those of its other parts
 */
/* For files above 2 GiB. */
#define _POSIX_C_SOURCE 200809L

#include "cli/gguf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define PARTS_MOST 99999u

static size_t read_at(void *user, uint64_t offset, char *buf, size_t cap)
{
    FILE *file = user;
    return fseeko(file, (off_t)offset, SEEK_SET) == 0 ? fread(buf, 1, cap, file) : 0;
}

static enum exit_code load_part(const char *path, struct gguf *gguf, uint64_t *size)
{
    struct ga_env env = gai_env(NULL);
    struct mishap mishap;
    FILE *file = fopen(path, "rb");
    off_t end = -1;
    if (file && fseeko(file, 0, SEEK_END) == 0)
        end = ftello(file);
    if (end < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        if (file)
            fclose(file);
        return EXIT_INPUT;
    }
    *size = (uint64_t)end;
    struct gguf_source source = { read_at, file, *size };
    enum ga_status status = gai_gguf_read(&env.mem, &source, gguf, &mishap);
    fclose(file);
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
        fprintf(stderr, "%s: one of %" PRIu64 " parts; give the first, under its name NAME-00001-of-%05" PRIu64 ".gguf\n", path,
                count, count);
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
