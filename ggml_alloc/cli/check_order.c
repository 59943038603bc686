/*
 * check_order.c - ggml-alloc check --order: is a list of nodes a legal order of a graph?
 */
#include "cli/check.h"
#include "cli/order.h"
#include "graph/graph.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const struct tgraph *file;
    const struct bytes *bytes;
    uint32_t *step_of; /* by id: in the order given; 0: takes none */
    bool *is_listed;   /* by id */
    ga_id *list;
    size_t n;
};

/* The numbers between "order":[ and ], or all of the text. */
static void find_numbers(const struct bytes *bytes, size_t *at, size_t *end)
{
    static const char key[] = "\"order\":[";
    *at = 0;
    *end = bytes->len;
    for (size_t i = 0; i + sizeof key - 1 <= bytes->len; i++) {
        if (memcmp(bytes->text + i, key, sizeof key - 1) != 0)
            continue;
        const char *close = memchr(bytes->text + i, ']', bytes->len - i);
        *at = i + sizeof key - 1;
        *end = close ? (size_t)(close - bytes->text) : bytes->len;
        return;
    }
}

static bool is_between(char c)
{
    return strchr(" \t\r\n,", c) != NULL;
}

/* Tensors that are no nodes of the file but take a step, views among its leafs, come right before who reads them. */
static void list_with_leafs(struct reader *r, ga_id id)
{
    struct ga_node node;
    ga_graph_node(r->file->graph, id, &node);
    for (uint32_t i = 0; i < node.n_src; i++) {
        ga_id src = node.src[i];
        uint32_t file_id = r->file->file_ids[src];
        bool is_leaf = file_id < r->file->n_leafs || file_id - r->file->n_leafs >= r->file->n_nodes;
        if (src == GA_NONE || !is_leaf || r->is_listed[src] || r->step_of[src] == 0 || (node.flags & GA_DEPEND))
            continue;
        r->is_listed[src] = true;
        r->list[r->n++] = src;
        if (r->step_of[src] != r->step_of[id])
            r->list[r->n++] = GA_NONE;
    }
    r->is_listed[id] = true;
    r->list[r->n++] = id;
}

/* Neighbours of one step stay one; a list of nodes has no barriers. */
static void list_node(struct reader *r, ga_id id)
{
    ga_id last = r->n ? r->list[r->n - 1] : GA_NONE;
    if (last != GA_NONE && r->step_of[last] != r->step_of[id])
        r->list[r->n++] = GA_NONE;
    list_with_leafs(r, id);
}

static enum exit_code read_list(struct reader *r, const char *path)
{
    size_t at, end;
    find_numbers(r->bytes, &at, &end);
    while (at < end) {
        size_t word = at;
        while (at < end && !is_between(r->bytes->text[at]))
            at++;
        uint64_t id;
        const char *text = r->bytes->text + word;
        if (at > word && (!gai_parse_u64(text, text + (at - word), &id) || id >= r->file->n_tensors)) {
            struct mishap mishap;
            gai_mishap(&mishap, 0, "'%.*s' is no tensor; write ids of the file, or what 'order --format=json' writes",
                       (int)(at - word < 40 ? at - word : 40), text);
            return complain_input(path, &mishap, GA_INVALID);
        }
        if (at > word && r->n > 3 * (size_t)r->file->n_tensors)
            break; /* some are listed twice, which will be told */
        if (at > word)
            list_node(r, r->file->ids[id]);
        at++;
    }
    return EXIT_YES;
}

/* Views among the leafs that nobody reads. */
static void list_the_rest(struct reader *r)
{
    for (uint32_t file_id = 0; file_id < r->file->n_tensors; file_id++) {
        ga_id id = r->file->ids[file_id];
        bool is_node = file_id >= r->file->n_leafs && file_id - r->file->n_leafs < r->file->n_nodes;
        if (!is_node && r->step_of[id] != 0 && !r->is_listed[id])
            list_node(r, id);
    }
}

static void find_steps(struct reader *r)
{
    for (struct walk walk = walk_start(r->file->graph); walk_next(&walk);)
        r->step_of[walk.id] = walk.step;
}

static enum exit_code judge(const struct reader *r, const struct check *check)
{
    char why[256] = "", words[256];
    enum ga_status status = ga_order_check(r->file->graph, r->list, r->n, why, sizeof why);
    if (status == GA_NO_MEMORY) {
        complain("%s", ga_status_str(status));
        return EXIT_RESOURCES;
    }
    say_in_file_ids(check->input, why, words, sizeof words);
    if (status == GA_OK)
        gai_text(check->out, "yes: what is needed comes first, and writes keep their places\n");
    else
        gai_text(check->out, "no: %s\n", words);
    return status == GA_OK ? EXIT_YES : EXIT_NO;
}

enum exit_code check_order(const struct check *check)
{
    size_t ids = (size_t)check->input->graph.n_tensors + 1;
    struct reader r = { .file = &check->input->graph, .bytes = check->bytes };
    r.step_of = calloc(ids, sizeof *r.step_of);
    r.is_listed = calloc(ids, sizeof *r.is_listed);
    r.list = calloc(6 * ids + 8, sizeof *r.list);
    enum exit_code code = EXIT_RESOURCES;
    if (r.step_of && r.is_listed && r.list) {
        find_steps(&r);
        code = read_list(&r, check->plan_path);
        list_the_rest(&r);
        if (code == EXIT_YES)
            code = judge(&r, check);
    } else {
        complain("%s", ga_status_str(GA_NO_MEMORY));
    }
    free(r.step_of);
    free(r.is_listed);
    free(r.list);
    return code;
}
