/*
 * plain_tree.h - an ordered set of pointers: a red-black tree (Guibas, Sedgewick 1978), each element in a node of malloc's
 */
#ifndef BENCH_PLAIN_TREE_H
#define BENCH_PLAIN_TREE_H

#include <stdbool.h>

struct plain_node {
    struct plain_node *parent, *child[2];
    bool is_red;
    void *value;
};

struct plain_tree {
    struct plain_node *root;
    bool (*before)(const void *a, const void *b);
};

bool plain_tree_insert(struct plain_tree *tree, void *value); /* false: no memory */
void plain_tree_erase(struct plain_tree *tree, struct plain_node *node);
struct plain_node *plain_tree_find(const struct plain_tree *tree, const void *value); /* it is there */
/* The first whose value is not before this one; NULL: none. */
struct plain_node *plain_tree_first(const struct plain_tree *tree, const void *value);
void plain_tree_clear(struct plain_tree *tree);

#endif
