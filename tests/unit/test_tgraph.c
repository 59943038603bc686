/*
 * Recorded graphs: what a file says, what the graph becomes, and every way in which a file can be broken.
 */
#include "io/rows.h"
#include "io/tgraph.h"

#include "support.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum ga_status read_text(const char *text, enum inplace inplace, struct tgraph *file, struct mishap *mishap)
{
    struct test_source from = { .text = text, .len = strlen(text) };
    struct ga_source source = test_source(&from);
    return gai_tgraph_read(NULL, &source, inplace, file, mishap);
}

#define HEAD "tgraph\t1\nname\tx\nbuffers\t1\nbuffer\t0\t32\t18446744073709551615\t0\tCPU\n"
/* id kind op, one line of four-byte elements, buffer flags view offset srcs name */
#define T(id, kind, op, n, bytes, buffer, flags, view, at, srcs, name)                                                             \
    "t\t" id "\t" kind "\t" op "\tf32\t" n "\t1\t1\t1\t4\t" bytes "\t" bytes "\t" bytes "\t" bytes "\t" bytes "\t" buffer          \
    "\t" flags "\t" view "\t" at "\t" srcs "\t" name "\n"

Test(tgraph, becomes_a_graph)
{
    static const char text[] = HEAD "counts\t6\t2\t3\t1\n" T("0", "l", "NONE", "16", "64", "0", "-", "-1", "0", "-", "x")
        T("1", "l", "NONE", "16", "64", "0", "a", "-1", "0", "-", "w")
            T("2", "n", "ADD", "16", "64", "0", "r", "-1", "0", "0,1", "sum")
                T("3", "n", "VIEW", "8", "32", "0", "-", "2", "32", "2", "half")
                    T("4", "n", "CPY", "8", "32", "0", "o", "5", "0", "3", "cached")
                        T("5", "e", "NONE", "16", "64", "-1", "a", "-1", "0", "-",
                          "cache") "extend\t0\t3\nextra\tscratch\t100\t0\tmeasured\nresult_chunk\t0\t0\t128\t1\nend\n";
    struct tgraph file;
    struct mishap mishap;
    cr_assert_eq(read_text(text, INPLACE_VIEWS, &file, &mishap), GA_OK, "%s", mishap.what);
    static const ga_id ids[] = { 2, 3, 4, 5, 6, 1 };
    for (uint32_t i = 0; i < 6; i++) {
        cr_assert_eq(file.ids[i], ids[i]);
        cr_assert_eq(file.file_ids[ids[i]], i);
    }
    struct ga_node node;
    cr_assert(ga_graph_node(file.graph, 2, &node));
    cr_assert_eq(node.flags, GA_INPUT);
    cr_assert_eq(node.size, 64);
    cr_assert(ga_graph_node(file.graph, 3, &node));
    cr_assert_eq(node.flags, GA_EXTERNAL);
    cr_assert(ga_graph_node(file.graph, 4, &node));
    cr_assert_str_eq(node.name, "sum");
    cr_assert_eq(node.reuse, 1);
    cr_assert_eq(node.eager, 1);
    cr_assert(ga_graph_node(file.graph, 5, &node));
    cr_assert_eq(node.view_of, 4);
    cr_assert_eq(node.view_offset, 32);
    cr_assert(ga_graph_node(file.graph, 6, &node));
    cr_assert_eq(node.flags, GA_WRITES | GA_OUTPUT);
    cr_assert_eq(node.view_of, 1);
    cr_assert_eq(gai_tgraph_extra(&file, 0), 100);
    cr_assert_eq(gai_tgraph_recorded(&file, 0), 128);
    gai_tgraph_fini(&file);
}

static char *slurp(const char *path, size_t *len)
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

Test(tgraph, reads_every_recorded_graph)
{
    if (!test_shared())
        return;
    char path[1024];
    snprintf(path, sizeof path, "%s/graphs", test_shared());
    DIR *dir = opendir(path);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!strstr(entry->d_name, ".tgraph"))
            continue;
        snprintf(path, sizeof path, "%s/graphs/%s", test_shared(), entry->d_name);
        size_t len;
        char *text = slurp(path, &len);
        struct tgraph file;
        struct mishap mishap;
        for (int inplace = INPLACE_NONE; inplace <= INPLACE_MORE; inplace++) {
            cr_assert_eq(read_text(text, (enum inplace)inplace, &file, &mishap), GA_OK, "%s:%d: %s", path, (int)mishap.line,
                         mishap.what);
            gai_tgraph_fini(&file);
        }
        free(text);
    }
    closedir(dir);
}
