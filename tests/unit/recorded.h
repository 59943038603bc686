/*
 * recorded.h - reading texts and files of graphs, for the tests of the .tgraph format
 */
#ifndef TESTS_UNIT_RECORDED_H
#define TESTS_UNIT_RECORDED_H

#include "io/tgraph.h"

#include "support.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "tgraph\t1\nname\tx\nbuffers\t1\nbuffer\t0\t32\t18446744073709551615\t0\tCPU\n"
/* id kind op, one line of four-byte elements, buffer flags view offset srcs name */
#define T(id, kind, op, n, bytes, buffer, flags, view, at, srcs, name)                                                             \
    "t\t" id "\t" kind "\t" op "\tf32\t" n "\t1\t1\t1\t4\t" bytes "\t" bytes "\t" bytes "\t" bytes "\t" bytes "\t" buffer          \
    "\t" flags "\t" view "\t" at "\t" srcs "\t" name "\n"

#define BEGIN(counts) HEAD "counts\t" counts "\n"
#define NODE(id, op, flags, srcs) T(id, "n", op, "16", "64", "0", flags, "-1", "0", srcs, "n" id)
#define LEAF(id, flags) T(id, "l", "NONE", "16", "64", "0", flags, "-1", "0", "-", "l" id)
#define VIEW(id, kind, op, root, srcs) T(id, kind, op, "16", "64", "0", "-", root, "0", srcs, "v" id)

#define GOOD                                                                                                                       \
    BEGIN("3\t1\t2\t0")                                                                                                            \
    LEAF("0", "-") NODE("1", "ADD", "-", "0") VIEW("2", "n", "VIEW", "1", "1") "result_chunk\t0\t0\t64\t1\nend\n"

static inline enum ga_status read_text(const char *text, enum inplace inplace, struct tgraph *file, struct mishap *mishap)
{
    struct test_source from = { .text = text, .len = strlen(text) };
    struct ga_source source = test_source(&from);
    return gai_tgraph_read(NULL, &source, inplace, file, mishap);
}

static inline struct tgraph must_read(const char *text, enum inplace inplace)
{
    struct tgraph file;
    struct mishap mishap;
    cr_assert_eq(read_text(text, inplace, &file, &mishap), GA_OK, "line %d: %s", (int)mishap.line, mishap.what);
    return file;
}

static inline char *slurp(const char *path, size_t *len)
{
    FILE *in = fopen(path, "rb");
    cr_assert(in, "%s", path);
    fseek(in, 0, SEEK_END);
    *len = (size_t)ftell(in);
    rewind(in);
    char *text = malloc(*len + 1);
    cr_assert_eq(fread(text, 1, *len, in), *len);
    text[*len] = 0;
    fclose(in);
    return text;
}

/* Every .tgraph in a folder. */
static inline void each_graph(const char *folder, void (*use)(const char *path, char *text, size_t len))
{
    DIR *dir = opendir(folder);
    char path[1300];
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (!strstr(entry->d_name, ".tgraph"))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        size_t len;
        char *text = slurp(path, &len);
        use(path, text, len);
        free(text);
    }
    if (dir)
        closedir(dir);
}

/* Those in the tree. */
static inline void each_own_graph(void (*use)(const char *path, char *text, size_t len))
{
    static const char *const folders[] = { "data", "cli/data" };
    const char *tests = getenv("GGML_ALLOC_TESTS");
    cr_assert(tests, "GGML_ALLOC_TESTS names the folder of tests");
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", tests, folders[i]);
        each_graph(path, use);
    }
}

/* Those beside the project, when they are there. */
static inline void each_shared_graph(void (*use)(const char *path, char *text, size_t len))
{
    char path[1024];
    snprintf(path, sizeof path, "%s/graphs", test_shared() ? test_shared() : "");
    each_graph(path, use);
}

#endif
