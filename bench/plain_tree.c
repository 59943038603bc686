#include "plain_tree.h"

#include <stdlib.h>

static bool is_red(const struct plain_node *node)
{
    return node && node->is_red;
}

static int side_of(const struct plain_node *node)
{
    return node->parent->child[1] == node;
}

/* `to` hangs where `from` hung. */
static void hang(struct plain_tree *tree, const struct plain_node *from, struct plain_node *to)
{
    if (!from->parent)
        tree->root = to;
    else
        from->parent->child[side_of(from)] = to;
    if (to)
        to->parent = from->parent;
}

/* The child on the other side comes up; `node` goes down to `side`. */
static void rotate(struct plain_tree *tree, struct plain_node *node, int side)
{
    struct plain_node *up = node->child[!side];
    hang(tree, node, up);
    node->child[!side] = up->child[side];
    if (up->child[side])
        up->child[side]->parent = node;
    up->child[side] = node;
    node->parent = up;
}

static void repair_insert(struct plain_tree *tree, struct plain_node *node)
{
    while (is_red(node->parent)) {
        struct plain_node *parent = node->parent, *above = parent->parent;
        int side = side_of(parent);
        struct plain_node *uncle = above->child[!side];
        if (is_red(uncle)) {
            parent->is_red = uncle->is_red = false;
            above->is_red = true;
            node = above;
            continue;
        }
        if (side_of(node) != side) {
            rotate(tree, parent, side);
            parent = node;
        }
        parent->is_red = false;
        above->is_red = true;
        rotate(tree, above, !side);
        break;
    }
    tree->root->is_red = false;
}

bool plain_tree_insert(struct plain_tree *tree, void *value)
{
    struct plain_node *node = malloc(sizeof *node), *parent = NULL, **at = &tree->root;
    if (!node)
        return false;
    while (*at) {
        parent = *at;
        at = &parent->child[!tree->before(value, parent->value)];
    }
    *node = (struct plain_node){ .parent = parent, .is_red = true, .value = value };
    *at = node;
    repair_insert(tree, node);
    return true;
}

/* The paths through `parent`'s child at `side` lack one black node. */
static void repair_erase(struct plain_tree *tree, struct plain_node *parent, int side)
{
    while (parent) {
        struct plain_node *other = parent->child[!side];
        if (other->is_red) {
            other->is_red = false;
            parent->is_red = true;
            rotate(tree, parent, side);
            other = parent->child[!side];
        }
        if (!is_red(other->child[0]) && !is_red(other->child[1])) {
            other->is_red = true;
            if (parent->is_red || !parent->parent) {
                parent->is_red = false;
                return;
            }
            side = side_of(parent);
            parent = parent->parent;
            continue;
        }
        if (!is_red(other->child[!side])) {
            other->child[side]->is_red = false;
            other->is_red = true;
            rotate(tree, other, !side);
            other = parent->child[!side];
        }
        other->is_red = parent->is_red;
        parent->is_red = other->child[!side]->is_red = false;
        rotate(tree, parent, side);
        return;
    }
}

static void unlink_node(struct plain_tree *tree, struct plain_node *node)
{
    struct plain_node *child = node->child[!node->child[0]], *parent = node->parent;
    int side = parent ? side_of(node) : 0;
    hang(tree, node, child);
    if (is_red(child))
        child->is_red = false;
    else if (!node->is_red)
        repair_erase(tree, parent, side);
}

void plain_tree_erase(struct plain_tree *tree, struct plain_node *node)
{
    if (node->child[0] && node->child[1]) {
        struct plain_node *next = node->child[1];
        while (next->child[0])
            next = next->child[0];
        node->value = next->value;
        node = next;
    }
    unlink_node(tree, node);
    free(node);
}

struct plain_node *plain_tree_find(const struct plain_tree *tree, const void *value)
{
    struct plain_node *node = tree->root;
    while (node->value != value)
        node = node->child[!tree->before(value, node->value)];
    return node;
}

struct plain_node *plain_tree_first(const struct plain_tree *tree, const void *value)
{
    struct plain_node *first = NULL;
    for (struct plain_node *at = tree->root; at;) {
        bool fits = !tree->before(at->value, value);
        first = fits ? at : first;
        at = at->child[!fits];
    }
    return first;
}

void plain_tree_clear(struct plain_tree *tree)
{
    struct plain_node *at = tree->root;
    while (at) {
        struct plain_node *child = at->child[0] ? at->child[0] : at->child[1], *parent = at->parent;
        if (!child) {
            if (parent)
                parent->child[side_of(at)] = NULL;
            free(at);
        }
        at = child ? child : parent;
    }
    tree->root = NULL;
}
