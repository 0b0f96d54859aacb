/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Red-black trees behind the interface of rb_tree(3).
 *
 * The algorithms are those of the literature (Guibas and Sedgewick 1978;
 * Cormen et al., "Introduction to Algorithms", chapter 13): every red node has
 * black children, every path down has the same number of black nodes.  A
 * node's parent pointer and colour share rb_info.
 */
#include <sys/param.h>
#include <sys/rbtree.h>
#include <sys/systm.h>

#define	RED	((uintptr_t)1)
#define	OTHER(side)	(1 - (side))

static struct rb_node *
parent_of(const struct rb_node *n)
{

	return (struct rb_node *)(n->rb_info & ~RED);
}

static bool
is_red(const struct rb_node *n)
{

	return n != NULL && (n->rb_info & RED) != 0;
}

static void
set_parent(struct rb_node *n, struct rb_node *parent)
{

	n->rb_info = (uintptr_t)parent | (n->rb_info & RED);
}

static void
paint(struct rb_node *n, bool red)
{

	n->rb_info = (n->rb_info & ~RED) | (red ? RED : 0);
}

static void *
to_object(const rb_tree_t *rbt, const struct rb_node *n)
{

	return n == NULL ? NULL :
	    (void *)((uintptr_t)n - rbt->rbt_ops->rbto_node_offset);
}

static struct rb_node *
to_node(const rb_tree_t *rbt, const void *object)
{

	return (struct rb_node *)((uintptr_t)object +
	    rbt->rbt_ops->rbto_node_offset);
}

static int
side_of(const struct rb_node *n, const struct rb_node *parent)
{

	return parent->rb_right == n;
}

/* Put NEW (may be NULL) where OLD hangs. */
static void
replace(rb_tree_t *rbt, struct rb_node *old, struct rb_node *new)
{
	struct rb_node *parent = parent_of(old);

	if (parent == NULL)
		rbt->rbt_root = new;
	else
		parent->rb_nodes[side_of(old, parent)] = new;
	if (new != NULL)
		set_parent(new, parent);
}

/* Turn N down to SIDE; its child on the other side takes its place. */
static void
rotate(rb_tree_t *rbt, struct rb_node *n, int side)
{
	struct rb_node *up = n->rb_nodes[OTHER(side)];

	n->rb_nodes[OTHER(side)] = up->rb_nodes[side];
	if (up->rb_nodes[side] != NULL)
		set_parent(up->rb_nodes[side], n);
	replace(rbt, n, up);
	up->rb_nodes[side] = n;
	set_parent(n, up);
}

static struct rb_node *
extreme(struct rb_node *n, int side)
{

	while (n != NULL && n->rb_nodes[side] != NULL)
		n = n->rb_nodes[side];
	return n;
}

static struct rb_node *
neighbour(struct rb_node *n, int side)
{
	struct rb_node *parent;

	if (n->rb_nodes[side] != NULL)
		return extreme(n->rb_nodes[side], OTHER(side));
	for (parent = parent_of(n); parent != NULL && side_of(n, parent) == side;
	    parent = parent_of(n))
		n = parent;
	return parent;
}

void
rb_tree_init(rb_tree_t *rbt, const rb_tree_ops_t *ops)
{

	rbt->rbt_ops = ops;
	rbt->rbt_root = NULL;
	rbt->rbt_minmax[RB_DIR_LEFT] = rbt->rbt_minmax[RB_DIR_RIGHT] = NULL;
}

static int
compare_key(const rb_tree_t *rbt, const struct rb_node *n, const void *key)
{

	return (*rbt->rbt_ops->rbto_compare_key)(rbt->rbt_ops->rbto_context,
	    to_object(rbt, n), key);
}

void *
rb_tree_find_node(rb_tree_t *rbt, const void *key)
{
	struct rb_node *n = rbt->rbt_root;

	while (n != NULL) {
		int diff = compare_key(rbt, n, key);

		if (diff == 0)
			break;
		n = n->rb_nodes[diff < 0];
	}
	return to_object(rbt, n);
}

/* The node at KEY or the nearest one on SIDE of it. */
static void *
find_near(rb_tree_t *rbt, const void *key, int side)
{
	struct rb_node *n = rbt->rbt_root, *best = NULL;

	while (n != NULL) {
		int diff = compare_key(rbt, n, key);

		if (diff == 0)
			return to_object(rbt, n);
		if ((diff > 0) == (side == RB_DIR_RIGHT))
			best = n;
		n = n->rb_nodes[diff < 0];
	}
	return to_object(rbt, best);
}

void *
rb_tree_find_node_geq(rb_tree_t *rbt, const void *key)
{

	return find_near(rbt, key, RB_DIR_RIGHT);
}

void *
rb_tree_find_node_leq(rb_tree_t *rbt, const void *key)
{

	return find_near(rbt, key, RB_DIR_LEFT);
}

static void
insert_fixup(rb_tree_t *rbt, struct rb_node *n)
{
	struct rb_node *parent, *grand, *uncle;
	int side;

	while (is_red(parent = parent_of(n))) {
		grand = parent_of(parent);
		side = side_of(parent, grand);
		uncle = grand->rb_nodes[OTHER(side)];
		if (is_red(uncle)) {
			paint(parent, false);
			paint(uncle, false);
			paint(grand, true);
			n = grand;
			continue;
		}
		if (side_of(n, parent) != side) {
			rotate(rbt, parent, side);
			parent = n;
		}
		paint(parent, false);
		paint(grand, true);
		rotate(rbt, grand, OTHER(side));
		break;
	}
	paint(rbt->rbt_root, false);
}

/* The object itself, or the one that is there with an equal key. */
void *
rb_tree_insert_node(rb_tree_t *rbt, void *object)
{
	const rb_tree_ops_t *ops = rbt->rbt_ops;
	struct rb_node *n = to_node(rbt, object);
	struct rb_node *parent = NULL, **link = &rbt->rbt_root;
	int diff;

	while (*link != NULL) {
		parent = *link;
		diff = (*ops->rbto_compare_nodes)(ops->rbto_context,
		    to_object(rbt, parent), object);
		if (diff == 0)
			return to_object(rbt, parent);
		link = &parent->rb_nodes[diff < 0];
	}
	n->rb_left = n->rb_right = NULL;
	n->rb_info = (uintptr_t)parent | RED;
	*link = n;
	for (int side = 0; side < 2; side++) {
		struct rb_node *end = rbt->rbt_minmax[side];

		if (end == NULL || (end == parent && link ==
		    &parent->rb_nodes[side]))
			rbt->rbt_minmax[side] = n;
	}
	insert_fixup(rbt, n);
	return object;
}

/* The subtree at SIDE of PARENT (its root N, maybe NULL) lacks one black. */
static void
remove_fixup(rb_tree_t *rbt, struct rb_node *parent, int side)
{
	struct rb_node *n = parent->rb_nodes[side], *sibling;

	while (parent != NULL && !is_red(n)) {
		sibling = parent->rb_nodes[OTHER(side)];
		if (is_red(sibling)) {
			paint(sibling, false);
			paint(parent, true);
			rotate(rbt, parent, side);
			sibling = parent->rb_nodes[OTHER(side)];
		}
		if (!is_red(sibling->rb_left) && !is_red(sibling->rb_right)) {
			paint(sibling, true);
			n = parent;
			parent = parent_of(n);
			if (parent != NULL)
				side = side_of(n, parent);
			continue;
		}
		if (!is_red(sibling->rb_nodes[OTHER(side)])) {
			paint(sibling->rb_nodes[side], false);
			paint(sibling, true);
			rotate(rbt, sibling, OTHER(side));
			sibling = parent->rb_nodes[OTHER(side)];
		}
		paint(sibling, is_red(parent));
		paint(parent, false);
		paint(sibling->rb_nodes[OTHER(side)], false);
		rotate(rbt, parent, side);
		return;
	}
	if (n != NULL)
		paint(n, false);
}

void
rb_tree_remove_node(rb_tree_t *rbt, void *object)
{
	struct rb_node *n = to_node(rbt, object), *next, *parent;
	bool black;
	int side;

	for (side = 0; side < 2; side++)
		if (rbt->rbt_minmax[side] == n)
			rbt->rbt_minmax[side] = neighbour(n, OTHER(side));
	if (n->rb_left != NULL && n->rb_right != NULL) {
		/* The successor, which has no left child, takes N's place. */
		next = extreme(n->rb_right, RB_DIR_LEFT);
		black = !is_red(next);
		parent = parent_of(next);
		side = side_of(next, parent);
		replace(rbt, next, next->rb_right);
		if (parent == n)
			parent = next;
		replace(rbt, n, next);
		paint(next, is_red(n));
		for (int i = 0; i < 2; i++) {
			next->rb_nodes[i] = n->rb_nodes[i];
			if (next->rb_nodes[i] != NULL)
				set_parent(next->rb_nodes[i], next);
		}
	} else {
		next = n->rb_left != NULL ? n->rb_left : n->rb_right;
		black = !is_red(n);
		parent = parent_of(n);
		side = parent != NULL ? side_of(n, parent) : 0;
		replace(rbt, n, next);
	}
	if (!black)
		return;
	if (parent != NULL)
		remove_fixup(rbt, parent, side);
	else if (next != NULL)
		paint(next, false);
}

void *
rb_tree_iterate(rb_tree_t *rbt, void *object, const unsigned int side)
{

	KASSERT(side <= RB_DIR_RIGHT);
	if (object == NULL)
		return to_object(rbt, rbt->rbt_minmax[side]);
	return to_object(rbt, neighbour(to_node(rbt, object), side));
}
