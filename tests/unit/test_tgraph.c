/*
 * test_tgraph.c - recorded graphs: what a file says, what the graph becomes, what is refused and where
 */
#include "unit/recorded.h"

#include "ggml_alloc/plan.h"

#include "io/rows.h"

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

/* ---- what becomes of tensors of every kind ---- */

static struct ga_node node_of(const struct tgraph *file, uint32_t id)
{
    struct ga_node node;
    cr_assert(ga_graph_node(file->graph, file->ids[id], &node));
    return node;
}

Test(tgraph, knows_marks_leaf_views_and_externs)
{
    struct tgraph file = must_read(BEGIN("8\t2\t5\t1") /* clang-format off */
        LEAF("0", "-")
        VIEW("1", "l", "NONE", "2", "-")    /* a leaf that looks into a node */
        NODE("2", "MUL_MAT", "-", "0")
        NODE("3", "ADD", "-", "1,7")
        VIEW("4", "n", "NONE", "2", "2,5")  /* nobody reads it: a mark, also of what comes later */
        NODE("5", "SCALE", "e", "3")
        NODE("6", "SCALE", "d", "5")
        T("7", "e", "NONE", "16", "64", "0", "-", "-1", "0", "-", "born_at_its_reader")
        "end\n", INPLACE_VIEWS); /* clang-format on */
    struct ga_node view = node_of(&file, 1), mark = node_of(&file, 4), late = node_of(&file, 7);
    cr_assert_eq(view.view_of, file.ids[2]);
    cr_assert_eq(view.flags, 0, "it is read");
    cr_assert_lt(file.ids[2], file.ids[1]);
    cr_assert_lt(file.ids[1], file.ids[3]);
    cr_assert_eq(mark.flags, GA_DEPEND);
    cr_assert_eq(mark.view_of, GA_NONE);
    cr_assert_eq(mark.src[1], file.ids[5]);
    cr_assert_eq(late.flags, 0);
    cr_assert_lt(file.ids[7], file.ids[3]);
    cr_assert_eq(node_of(&file, 5).flags, GA_ELIDED);
    cr_assert_eq(node_of(&file, 6).flags, GA_DISCARD);
    gai_tgraph_fini(&file);
}

Test(tgraph, keeps_a_view_of_op_none_that_is_read)
{
    struct tgraph file = must_read(
        BEGIN("3\t1\t2\t0") LEAF("0", "-") VIEW("1", "n", "NONE", "0", "0") NODE("2", "ADD", "-", "1") "end\n", INPLACE_VIEWS);
    cr_assert_eq(node_of(&file, 1).flags, 0);
    cr_assert_eq(node_of(&file, 1).view_of, file.ids[0]);
    gai_tgraph_fini(&file);
}

Test(tgraph, makes_steps_of_barriers)
{
    struct tgraph file = must_read(BEGIN("6\t1\t5\t0") LEAF("0", "-") NODE("1", "ADD", "-", "0") NODE("2", "ADD", "-", "0")
                                       NODE("3", "NONE", "a", "-") NODE("4", "ADD", "-", "1")
                                           NODE("5", "ADD", "-", "2") "barrier\t3\nbarrier\t5\nextend\t1\t5\nend\n",
                                   INPLACE_VIEWS);
    static const uint16_t flags[] = { GA_INPUT, 0, GA_TOGETHER, GA_EXTERNAL, 0, GA_TOGETHER };
    for (uint32_t id = 0; id < 6; id++)
        cr_assert_eq(node_of(&file, id).flags, flags[id], "tensor %u", id);
    gai_tgraph_fini(&file);
}

static void expect_masks(const char *text, uint32_t id, const uint64_t reuse[4], uint64_t eager)
{
    for (int mode = INPLACE_NONE; mode <= INPLACE_MORE; mode++) {
        struct tgraph file = must_read(text, (enum inplace)mode);
        struct ga_node node = node_of(&file, id);
        cr_assert_eq(node.reuse, reuse[mode], "mode %d: reuse %d", mode, (int)node.reuse);
        cr_assert_eq(node.eager, mode == INPLACE_NONE ? 0 : eager, "mode %d: eager %d", mode, (int)node.eager);
        gai_tgraph_fini(&file);
    }
}

Test(tgraph, takes_over_as_the_mode_allows)
{
    static const struct {
        const char *text;
        uint32_t id;
        uint64_t reuse[4], eager; /* by mode: none, ggml, views, more */
    } cases[] = {
        /* clang-format off */
        { BEGIN("3\t2\t1\t0") LEAF("0", "-") LEAF("1", "a") NODE("2", "ADD", "r", "0,1") "end\n", 2, { 0, 1, 1, 1 }, 1 },
        { BEGIN("3\t2\t1\t0") LEAF("0", "-") LEAF("1", "-") NODE("2", "ADD", "-", "0,1") "end\n", 2, { 0, 0, 0, 0 }, 0 },
        { BEGIN("3\t2\t1\t0") LEAF("0", "o") LEAF("1", "-") NODE("2", "ADD", "r", "0,1") "end\n", 2, { 0, 2, 2, 2 }, 2 },
        { BEGIN("2\t1\t1\t0") LEAF("0", "-") NODE("1", "ADD", "r", "0,0") "end\n", 1, { 0, 0, 0, 3 }, 0 },
        { BEGIN("2\t1\t1\t0") LEAF("0", "-") NODE("1", "NORM", "-", "0") "end\n", 1, { 0, 0, 0, 1 }, 0 },
        { BEGIN("3\t2\t1\t0") LEAF("0", "-") LEAF("1", "-") NODE("2", "GLU:SWIGLU", "-", "0,1") "end\n", 2, { 0, 0, 0, 3 }, 0 },
        { BEGIN("2\t1\t1\t0") LEAF("0", "-") NODE("1", "GLU:SWIGLU", "-", "0") "end\n", 1, { 0, 0, 0, 0 }, 0 },
        { BEGIN("3\t1\t2\t0") LEAF("0", "-") VIEW("1", "n", "RESHAPE", "0", "0") NODE("2", "SCALE", "r", "1") "end\n", 2, { 0, 0, 1, 1 }, 0 },
        { BEGIN("3\t1\t2\t0") LEAF("0", "a") VIEW("1", "n", "RESHAPE", "0", "0") NODE("2", "SCALE", "r", "1") "end\n", 2, { 0, 0, 0, 0 }, 0 },
        { BEGIN("3\t1\t2\t0") LEAF("0", "o") VIEW("1", "n", "RESHAPE", "0", "0") NODE("2", "SCALE", "r", "1") "end\n", 2, { 0, 0, 0, 0 }, 0 },
        /* the identical window is fine, another look into the same bytes is not */
        { BEGIN("3\t1\t2\t0") LEAF("0", "-") VIEW("1", "n", "RESHAPE", "0", "0") NODE("2", "ADD", "r", "0,1") "end\n", 2, { 0, 1, 3, 3 }, 1 },
        { BEGIN("3\t1\t2\t0") LEAF("0", "-") T("1", "n", "VIEW", "8", "32", "0", "-", "0", "32", "0", "half")
          NODE("2", "ADD", "r", "0,1") "end\n", 2, { 0, 0, 0, 0 }, 0 },
        { BEGIN("2\t1\t1\t0") LEAF("0", "-") NODE("1", "ADD", "r", "0") "reuse\t1\t0\t0\nend\n", 1, { 0, 0, 0, 0 }, 0 },
        { BEGIN("3\t2\t1\t0") LEAF("0", "-") LEAF("1", "-") NODE("2", "ADD", "-", "0,1") "reuse\t2\t3\t2\nend\n", 2, { 0, 2, 3, 3 }, 2 },
    }; /* clang-format on */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_masks(cases[i].text, cases[i].id, cases[i].reuse, cases[i].eager);
}

/* The last third of a root of 96 bytes: SIN may write into what it reads, but ggml-alloc gives it bytes of its own. */
Test(tgraph, lets_an_heir_into_a_window_and_others_into_what_is_around_it)
{
    static const char text[] = BEGIN("4\t0\t4\t0") T("0", "n", "ADD", "24", "96", "0", "-", "-1", "0", "-", "root")
        T("1", "n", "VIEW", "8", "32", "0", "-", "0", "64", "0", "window")
            T("2", "n", "SIN", "8", "32", "0", "-", "-1", "0", "1", "heir")
                T("3", "n", "ADD", "16", "64", "0", "-", "-1", "0", "2", "next") "end\n";
    static const uint64_t peaks[] = { 128, 128, 128, 96 };
    for (int mode = INPLACE_NONE; mode <= INPLACE_MORE; mode++) {
        struct tgraph file = must_read(text, (enum inplace)mode);
        struct ga_slot root, heir, next;
        ga_plan *plan = NULL;
        cr_assert_eq(ga_plan_graph(file.graph, NULL, &plan), GA_OK);
        cr_assert_eq(ga_plan_peak(plan, 0), peaks[mode], "mode %d", mode);
        cr_assert(ga_plan_slot(plan, file.ids[0], &root) && ga_plan_slot(plan, file.ids[2], &heir) &&
                  ga_plan_slot(plan, file.ids[3], &next));
        cr_assert_eq(heir.offset == root.offset + 64, mode == INPLACE_MORE);
        cr_assert(mode < INPLACE_MORE || next.offset == root.offset, "what was in front of the window is free");
        cr_assert_eq(ga_plan_check(plan, file.graph, NULL, 0), GA_OK);
        ga_plan_delete(plan);
        gai_tgraph_fini(&file);
    }
}

Test(tgraph, gives_nodes_the_alignment_of_their_buffer)
{
    struct tgraph file = must_read(
        "tgraph\t1\nname\tx\nbuffers\t2\nbuffer\t0\t32\t4096\t0\tA\nbuffer\t1\t128\t4096\t0\tA\ncounts\t2\t0\t2\t0\n" NODE(
            "0", "ADD", "-", "-") T("1", "n", "ADD", "16", "64", "1", "-", "-1", "0", "0", "y") "end\n",
        INPLACE_VIEWS);
    cr_assert_eq(node_of(&file, 0).align, 0);
    cr_assert_eq(node_of(&file, 1).align, 128);
    cr_assert_eq(node_of(&file, 1).pool, 0);
    uint64_t align[2], chunk[2];
    gai_tgraph_limits(&file, align, chunk);
    cr_assert_eq(align[0], 32);
    cr_assert_eq(chunk[0], 4096);
    gai_tgraph_fini(&file);
}

/* ---- what is refused, and where ---- */

static char *replace(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    cr_assert(at, "'%s' is not in the text", from);
    size_t len = strlen(text) + strlen(to) + 1;
    char *out = malloc(len);
    snprintf(out, len, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return out;
}

Test(tgraph, refuses_what_is_wrong_and_says_where)
{
    static const struct {
        const char *from, *to;
        uint64_t line;
        const char *says;
    } cases[] = {
        /* clang-format off */
        { "tgraph\t1", "tgraph\t2", 1, "version '2'" },
        { "tgraph\t1", "graph\t1", 1, "'tgraph' line belongs here" },
        { "tgraph\t1\n", "tgraph\t1\r\n", 1, "CR LF" },
        { "name\tx", "name", 2, "takes 1" },
        { "name\tx", "name\t\x01", 2, "byte 6 is 0x01" },
        { "name\tx", "name\tx y", 2, "byte 7" },
        { "name\tx", "name\t", 2, "field 1 is empty" },
        { "name\tx\n", "name\tx\n\n", 3, "is empty" },
        { "buffers\t1", "buffers\t1152921504606846976", 3, "at most 1048576" },
        { "buffers\t1", "buffers\t2", 5, "'buffer' line belongs here" },
        { "buffer\t0\t32", "buffer\t1\t32", 4, "number them from 0" },
        { "buffer\t0\t32", "buffer\t0\t33", 4, "power of two" },
        { "\t0\tCPU", "\t1\tCPU", 4, "at most 0" },
        { "counts\t3", "counts\t4", 5, "are not" },
        { "counts\t3\t1\t2\t0", "counts\t1152921504606846976\t1152921504606846976\t0\t0", 5, "at most" },
        { "counts\t3\t1\t2\t0", "counts\t4294967294\t1\t4294967293\t0", 9, "'t' line belongs here" },
        { "counts\t3\t1\t2\t0", "counts\t3\t2\t1\t0", 7, "kind" },
        { "t\t1\tn", "t\t2\tn", 7, "stands where 1 belongs" },
        { "t\t1\tn", "t\t1\tx", 7, "kind 'x'" },
        { "\tf32\t16", "\tf32\t-16", 6, "whole decimal" },
        { "\tf32\t16", "\tf32\t99999999999999999999", 6, "whole decimal" },
        { "\tf32\t16", "\tf32\t9223372036854775808", 6, "at most" },
        { "\t64\t64\t0\t-\t-1\t0\t-\tl0", "\t64\t63\t0\t-\t-1\t0\t-\tl0", 6, "less than nbytes" },
        { "\t0\t-\t-1\t0\t-\tl0", "\t-1\t-\t-1\t0\t-\tl0", 6, "names no buffer" },
        { "\t0\t-\t-1\t0\t-\tl0", "\t1\t-\t-1\t0\t-\tl0", 6, "at most 0" },
        { "\t0\t-\t-1\t0\t-\tl0", "\t0\tq\t-1\t0\t-\tl0", 6, "flag 'q'" },
        { "\t0\t-\t-1\t0\t-\tl0", "\t0\t-\t-1\t0\t-\tl0\tmore", 6, "has 21 fields" },
        { "\t0\tn1", "\t0,\tn1", 7, "source ''" },
        { "\t0\tn1", "\t0,7\tn1", 7, "source '7'" },
        { "\t0\tn1", "\t0,x\tn1", 7, "source 'x'" },
        { "\t0\tn1", "\t2\tn1", 7, "comes later" },
        { "\t1\t0\t1\tv2", "\t2\t0\t1\tv2", 8, "view of itself" },
        { "\t1\t0\t1\tv2", "\t9\t0\t1\tv2", 8, "at most 2" },
        { "\t1\t0\t1\tv2", "\t1\t1\t1\tv2", 8, "tensor 1 has 64" },
        { "\t1\t0\t1\tv2", "\t1\t18446744073709551615\t1\tv2", 8, "tensor 1 has 64" },
        { "\t0\t-\t-1\t0\t0\tn1", "\t0\t-\t2\t0\t0\tn1", 7, "view of the view" },
        { "\t0\t-\t-1\t0\t0\tn1", "\t0\tio\t-1\t0\t0\tn1\nt", 8, "fields" },
        { "\t0\t-\t-1\t0\t0\tn1", "\t0\toe\t-1\t0\t0\tn1", 7, "cannot be ELIDED" },
        { "result_chunk\t0\t0", "result_chunk\t1\t0", 9, "at most 0" },
        { "result_chunk", "result_lump", 9, "no record" },
        { "end", "barrier\t0\nend", 10, "no node" },
        { "end", "barrier\t3\nend", 10, "at most 2" },
        { "end", "barrier\t-1\nend", 10, "name a tensor" },
        { "end", "extend\t0\t0\nend", 10, "no node" },
        { "end", "reuse\t1\t1\t2\nend", 10, "lacks" },
        { "end", "reuse\t1\tg\t0\nend", 10, "hexadecimal" },
        { "end", "reuse\t1\t10000000000000000\t0\nend", 10, "hexadecimal" },
        { "end", "reuse\t1\t1\t0\nreuse\t1\t1\t0\nend", 11, "second" },
        { "end", "extra\tx\t5\t-1\ty\nend", 10, "name one" },
        { "end\n", "end\nend\n", 11, "remove it" },
        { "end\n", "", 9, "last line must be 'end'" },
        { "end\n", "end\t\n", 10, "empty" },
    }; /* clang-format on */
    struct tgraph good = must_read(GOOD, INPLACE_VIEWS);
    gai_tgraph_fini(&good);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = replace(GOOD, cases[i].from, cases[i].to);
        struct tgraph file;
        struct mishap mishap;
        cr_assert_eq(read_text(text, INPLACE_VIEWS, &file, &mishap), GA_INVALID, "'%s'", cases[i].to);
        cr_assert_eq(mishap.line, cases[i].line, "'%s': line %d: %s", cases[i].to, (int)mishap.line, mishap.what);
        cr_assert(strstr(mishap.what, cases[i].says), "'%s': %s", cases[i].to, mishap.what);
        free(text);
    }
}

Test(tgraph, tells_the_public_reader_the_line)
{
    struct test_source from = { .text = "tgraph\t1\n", .len = 9 };
    struct ga_source source = test_source(&from);
    ga_graph *graph = NULL;
    char error[200];
    cr_assert_eq(ga_graph_read(NULL, &source, &graph, error, sizeof error), GA_INVALID);
    cr_assert_eq(strncmp(error, "line 1: ", 8), 0, "%s", error);
    cr_assert_null(graph);
}

/* ---- sources of text ---- */

static size_t read_nothing(void *user, char *buf, size_t cap)
{
    (void)user, (void)buf, (void)cap;
    return SIZE_MAX;
}

Test(tgraph, reports_a_source_that_fails)
{
    struct ga_source source = { .read = read_nothing };
    struct tgraph file;
    struct mishap mishap;
    cr_assert_eq(gai_tgraph_read(NULL, &source, INPLACE_VIEWS, &file, &mishap), GA_IO);
}

Test(tgraph, reads_byte_by_byte)
{
    struct tgraph whole = must_read(GOOD, INPLACE_VIEWS), file;
    for (size_t step = 1; step < 9; step++) {
        struct test_source from = { .text = GOOD, .len = strlen(GOOD), .step = step };
        struct ga_source source = test_source(&from);
        struct mishap mishap;
        cr_assert_eq(gai_tgraph_read(NULL, &source, INPLACE_VIEWS, &file, &mishap), GA_OK, "%s", mishap.what);
        cr_assert_eq(ga_graph_signature(file.graph), ga_graph_signature(whole.graph));
        gai_tgraph_fini(&file);
    }
    gai_tgraph_fini(&whole);
}

Test(tgraph, reads_lines_of_any_length)
{
    size_t n = 200000, len = 0, cap = n * 2 + 4096;
    char *text = malloc(cap);
    len += (size_t)snprintf(text, cap, "%s%s", BEGIN("2\t1\t1\t0") LEAF("0", "-"),
                            "t\t1\tn\tADD\tf32\t16\t1\t1\t1\t4\t64\t64\t64\t64\t64\t0\t-\t-1\t0\t0");
    for (size_t i = 1; i < n; i++, len += 2)
        memcpy(text + len, ",0", 2);
    snprintf(text + len, cap - len, "\tsum\nend\n");
    struct tgraph file = must_read(text, INPLACE_MORE);
    cr_assert_eq(node_of(&file, 1).n_src, n);
    gai_tgraph_fini(&file);
    free(text);
}

Test(tgraph, is_unharmed_when_memory_runs_out)
{
    enum ga_status status = GA_NO_MEMORY;
    for (uint64_t nth = 1; status == GA_NO_MEMORY; nth++) {
        struct test_mem mem = { .fail_at = nth };
        struct ga_env env = test_env(&mem);
        struct test_source from = { .text = GOOD, .len = strlen(GOOD) };
        struct ga_source source = test_source(&from);
        struct tgraph file;
        struct mishap mishap;
        status = gai_tgraph_read(&env, &source, INPLACE_VIEWS, &file, &mishap);
        if (status == GA_OK)
            gai_tgraph_fini(&file);
        cr_assert(status == GA_OK || nth < 200);
        cr_assert_eq(mem.blocks, 0);
        cr_assert_not(mem.lied);
    }
    cr_assert_eq(status, GA_OK);
}

static void expect_reads(const char *path, char *text, size_t len)
{
    (void)len;
    for (int inplace = INPLACE_NONE; inplace <= INPLACE_MORE; inplace++) {
        struct tgraph file;
        struct mishap mishap;
        cr_assert_eq(read_text(text, (enum inplace)inplace, &file, &mishap), GA_OK, "%s:%d: %s", path, (int)mishap.line,
                     mishap.what);
        gai_tgraph_fini(&file);
    }
}

Test(tgraph, reads_every_recorded_graph)
{
    each_own_graph(expect_reads);
    each_shared_graph(expect_reads);
}
