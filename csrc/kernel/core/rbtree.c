/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Red-black trees by the interface of rb_tree(3).
 *
 * The low bits of rb_info say a node's colour and which child of its parent it
 * is; the rest is the parent.  A missing child is NULL.  The root's parent is
 * NULL, and its side is left by convention.  rbt_minmax remembers the two
 * ends.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/rbtree.h>

#define	RB_RED		1UL
#define	RB_SIDE		2UL	/* set: right child */
#define	RB_BITS		(RB_RED | RB_SIDE)

static inline rb_node_t *
rb_parent(const rb_node_t *n)
{
	return (rb_node_t *)(n->rb_info & ~RB_BITS);
}

static inline u_int
rb_side(const rb_node_t *n)
{
	return (n->rb_info & RB_SIDE) != 0;
}

static inline bool
rb_is_red(const rb_node_t *n)
{
	return n != NULL && (n->rb_info & RB_RED) != 0;
}

static inline void
rb_set_red(rb_node_t *n, bool red)
{
	n->rb_info = (n->rb_info & ~RB_RED) | (red ? RB_RED : 0);
}

static inline void
rb_set_parent(rb_node_t *n, rb_node_t *parent, u_int side)
{
	n->rb_info = (uintptr_t)parent | (n->rb_info & RB_RED) |
	    (side != 0 ? RB_SIDE : 0);
}

static inline rb_node_t *
rb_node(const rb_tree_t *t, const void *object)
{
	return (rb_node_t *)((uintptr_t)object + t->rbt_ops->rbto_node_offset);
}

static inline void *
rb_object(const rb_tree_t *t, const rb_node_t *n)
{
	return n == NULL ? NULL :
	    (void *)((uintptr_t)n - t->rbt_ops->rbto_node_offset);
}

/* Put N (or NULL) where OLD is. */
static void
rb_replace(rb_tree_t *t, rb_node_t *old, rb_node_t *n)
{
	rb_node_t *parent = rb_parent(old);
	u_int side = rb_side(old);

	if (parent == NULL)
		t->rbt_root = n;
	else
		parent->rb_nodes[side] = n;
	if (n != NULL)
		rb_set_parent(n, parent, side);
}

/* Rotate N down to SIDE; its other child takes its place. */
static void
rb_rotate(rb_tree_t *t, rb_node_t *n, u_int side)
{
	rb_node_t *up = n->rb_nodes[!side], *inner = up->rb_nodes[side];

	rb_replace(t, n, up);
	n->rb_nodes[!side] = inner;
	if (inner != NULL)
		rb_set_parent(inner, n, !side);
	up->rb_nodes[side] = n;
	rb_set_parent(n, up, side);
}

void
rb_tree_init(rb_tree_t *t, const rb_tree_ops_t *ops)
{
	t->rbt_root = NULL;
	t->rbt_ops = ops;
	t->rbt_minmax[RB_DIR_LEFT] = t->rbt_minmax[RB_DIR_RIGHT] = NULL;
}

static rb_node_t *
rb_find(rb_tree_t *t, const void *key)
{
	const rb_tree_ops_t *ops = t->rbt_ops;
	rb_node_t *n = t->rbt_root;
	int diff;

	while (n != NULL) {
		diff = (*ops->rbto_compare_key)(ops->rbto_context,
		    rb_object(t, n), key);
		if (diff == 0)
			return n;
		n = n->rb_nodes[diff < 0];
	}
	return NULL;
}

void *
rb_tree_find_node(rb_tree_t *t, const void *key)
{
	return rb_object(t, rb_find(t, key));
}

/* The nearest node at KEY or beyond it, seen from the side DIR. */
static void *
rb_find_near(rb_tree_t *t, const void *key, bool geq)
{
	const rb_tree_ops_t *ops = t->rbt_ops;
	rb_node_t *n = t->rbt_root, *last = NULL;
	int diff;

	while (n != NULL) {
		diff = (*ops->rbto_compare_key)(ops->rbto_context,
		    rb_object(t, n), key);
		if (diff == 0)
			return rb_object(t, n);
		if (geq ? diff > 0 : diff < 0)
			last = n;
		n = n->rb_nodes[diff < 0];
	}
	return rb_object(t, last);
}

void *
rb_tree_find_node_geq(rb_tree_t *t, const void *key)
{
	return rb_find_near(t, key, true);
}

void *
rb_tree_find_node_leq(rb_tree_t *t, const void *key)
{
	return rb_find_near(t, key, false);
}

static void
rb_insert_fixup(rb_tree_t *t, rb_node_t *n)
{
	rb_node_t *parent, *grand, *uncle;
	u_int side;

	while (rb_is_red(parent = rb_parent(n))) {
		grand = rb_parent(parent);
		side = rb_side(parent);
		uncle = grand->rb_nodes[!side];
		if (rb_is_red(uncle)) {
			rb_set_red(parent, false);
			rb_set_red(uncle, false);
			rb_set_red(grand, true);
			n = grand;
			continue;
		}
		if (rb_side(n) != side) {
			rb_rotate(t, parent, side);
			parent = n;
		}
		rb_set_red(parent, false);
		rb_set_red(grand, true);
		rb_rotate(t, grand, !side);
		break;
	}
	rb_set_red(t->rbt_root, false);
}

/* Answers the object that is in the tree: this one, or its equal. */
void *
rb_tree_insert_node(rb_tree_t *t, void *object)
{
	const rb_tree_ops_t *ops = t->rbt_ops;
	rb_node_t *n = rb_node(t, object), *parent = NULL, *p = t->rbt_root;
	bool leftmost = true, rightmost = true;
	u_int side = 0;
	int diff;

	while (p != NULL) {
		diff = (*ops->rbto_compare_nodes)(ops->rbto_context,
		    rb_object(t, p), object);
		if (diff == 0)
			return rb_object(t, p);
		parent = p;
		side = diff < 0;
		if (side != 0)
			leftmost = false;
		else
			rightmost = false;
		p = p->rb_nodes[side];
	}
	n->rb_left = n->rb_right = NULL;
	n->rb_info = RB_RED;
	rb_set_parent(n, parent, side);
	if (parent == NULL)
		t->rbt_root = n;
	else
		parent->rb_nodes[side] = n;
	if (leftmost)
		t->rbt_minmax[RB_DIR_LEFT] = n;
	if (rightmost)
		t->rbt_minmax[RB_DIR_RIGHT] = n;
	rb_insert_fixup(t, n);
	return object;
}

static rb_node_t *
rb_next(const rb_node_t *n, u_int dir)
{
	if (n->rb_nodes[dir] != NULL) {
		n = n->rb_nodes[dir];
		while (n->rb_nodes[!dir] != NULL)
			n = n->rb_nodes[!dir];
		return __UNCONST(n);
	}
	while (rb_parent(n) != NULL && rb_side(n) == dir)
		n = rb_parent(n);
	return rb_parent(n);
}

/* The black height below PARENT's child on SIDE is one too small. */
static void
rb_remove_fixup(rb_tree_t *t, rb_node_t *parent, u_int side)
{
	rb_node_t *n, *brother, *inner, *outer;

	while (parent != NULL) {
		n = parent->rb_nodes[side];
		if (rb_is_red(n)) {
			rb_set_red(n, false);
			return;
		}
		brother = parent->rb_nodes[!side];
		if (rb_is_red(brother)) {
			rb_set_red(brother, false);
			rb_set_red(parent, true);
			rb_rotate(t, parent, side);
			brother = parent->rb_nodes[!side];
		}
		inner = brother->rb_nodes[side];
		outer = brother->rb_nodes[!side];
		if (!rb_is_red(inner) && !rb_is_red(outer)) {
			rb_set_red(brother, true);
			side = rb_side(parent);
			n = parent;
			parent = rb_parent(parent);
			if (rb_is_red(n)) {
				rb_set_red(n, false);
				return;
			}
			continue;
		}
		if (!rb_is_red(outer)) {
			rb_set_red(inner, false);
			rb_set_red(brother, true);
			rb_rotate(t, brother, !side);
			outer = brother;
			brother = inner;
		}
		rb_set_red(brother, rb_is_red(parent));
		rb_set_red(parent, false);
		rb_set_red(outer, false);
		rb_rotate(t, parent, side);
		return;
	}
}

void
rb_tree_remove_node(rb_tree_t *t, void *object)
{
	rb_node_t *n = rb_node(t, object), *heir, *parent, *child;
	bool red;
	u_int side;

	if (t->rbt_minmax[RB_DIR_LEFT] == n)
		t->rbt_minmax[RB_DIR_LEFT] = rb_next(n, RB_DIR_RIGHT);
	if (t->rbt_minmax[RB_DIR_RIGHT] == n)
		t->rbt_minmax[RB_DIR_RIGHT] = rb_next(n, RB_DIR_LEFT);
	if (n->rb_left != NULL && n->rb_right != NULL) {
		/* Its successor, which has no left child, takes its place. */
		heir = rb_next(n, RB_DIR_RIGHT);
		parent = rb_parent(heir);
		side = rb_side(heir);
		red = rb_is_red(heir);
		child = heir->rb_right;
		rb_replace(t, heir, child);
		if (parent == n)
			parent = heir;
		heir->rb_left = n->rb_left;
		heir->rb_right = n->rb_right;
		rb_replace(t, n, heir);
		rb_set_red(heir, rb_is_red(n));
		rb_set_parent(heir->rb_left, heir, RB_DIR_LEFT);
		if (heir->rb_right != NULL)
			rb_set_parent(heir->rb_right, heir, RB_DIR_RIGHT);
	} else {
		child = n->rb_left != NULL ? n->rb_left : n->rb_right;
		parent = rb_parent(n);
		side = rb_side(n);
		red = rb_is_red(n);
		rb_replace(t, n, child);
	}
	if (!red)
		rb_remove_fixup(t, parent, side);
	if (t->rbt_root != NULL)
		rb_set_red(t->rbt_root, false);
}

/*
 * The neighbour of an object on the side DIR, or with no object the end of
 * the tree on that side.
 */
void *
rb_tree_iterate(rb_tree_t *t, void *object, const unsigned int dir)
{
	if (object == NULL)
		return rb_object(t, t->rbt_minmax[dir]);
	return rb_object(t, rb_next(rb_node(t, object), dir));
}
