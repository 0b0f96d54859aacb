/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index of an object's chunks: a radix tree with 64 branches for each
 * node, keyed by offset / CHUNK_SIZE, in the 16 bytes of uo_pages.
 *
 * Height 0 is a single chunk at offset 0 (or nothing), which is all that a
 * small file ever needs.  Each node knows by bit maps which branches exist
 * and which lead to dirty pages, so that a flush of a large clean file looks
 * at one word.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/pool.h>

#include "vfs/pages.h"

#define	INDEX_SHIFT	6
#define	INDEX_FANOUT	(1 << INDEX_SHIFT)
#define	INDEX_MASK	(INDEX_FANOUT - 1)
#define	INDEX_MAXHEIGHT	8		/* 48 bits of chunk number */

struct pageindex_node {
	uint64_t in_present;
	uint64_t in_dirty;
	void	*in_slot[INDEX_FANOUT];
};

static struct pageindex_cache {
	pool_cache_t pool;
} pageindex;

static struct pageindex_node *
node_alloc(void)
{
	struct pageindex_node *node;

	if (__predict_false(pageindex.pool == NULL)) {
		pageindex.pool = pool_cache_init(sizeof(*node), 64, 0, 0,
		    "pgindex", NULL, IPL_NONE, NULL, NULL, NULL);
	}
	node = pool_cache_get(pageindex.pool, PR_NOWAIT);
	if (node != NULL)
		memset(node, 0, sizeof(*node));
	return node;
}

static inline u_int
node_branch(uint64_t key, u_int height)
{

	return (key >> (INDEX_SHIFT * (height - 1))) & INDEX_MASK;
}

static inline bool
index_covers(const struct radix_tree *t, uint64_t key)
{

	return (key >> (INDEX_SHIFT * t->t_height)) == 0;
}

struct uvm_pagechunk *
pageindex_lookup(const struct uvm_object *uobj, voff_t off)
{
	const struct radix_tree *t = &uobj->uo_pages;
	const struct pageindex_node *node;
	uint64_t key = (uint64_t)off >> CHUNK_SHIFT;
	u_int height;
	void *p;

	if (!index_covers(t, key))
		return NULL;
	p = t->t_root;
	for (height = t->t_height; height > 0 && p != NULL; height--) {
		node = p;
		p = node->in_slot[node_branch(key, height)];
	}
	return p;
}

/* Put a level on top, so that larger keys fit. */
static bool
index_grow(struct radix_tree *t)
{
	struct pageindex_node *node;
	struct uvm_pagechunk *pc;
	bool dirty;

	if (t->t_root == NULL) {
		t->t_height++;
		return true;
	}
	node = node_alloc();
	if (node == NULL)
		return false;
	if (t->t_height == 0) {
		pc = t->t_root;
		dirty = pc->pc_dirty != 0;
	} else
		dirty = ((struct pageindex_node *)t->t_root)->in_dirty != 0;
	node->in_slot[0] = t->t_root;
	node->in_present = 1;
	node->in_dirty = dirty ? 1 : 0;
	t->t_root = node;
	t->t_height++;
	return true;
}

/* Drop the empty nodes that an insertion without memory has left behind. */
static void
index_prune(struct radix_tree *t, uint64_t key)
{
	struct pageindex_node *path[INDEX_MAXHEIGHT], *node;
	u_int branch, height, lowest;

	node = t->t_root;
	for (height = t->t_height; height > 0 && node != NULL; height--) {
		path[height - 1] = node;
		node = node->in_slot[node_branch(key, height)];
	}
	for (lowest = height + 1; lowest <= t->t_height; lowest++) {
		if (path[lowest - 1]->in_present != 0)
			return;
		pool_cache_put(pageindex.pool, path[lowest - 1]);
		if (lowest == t->t_height) {
			t->t_root = NULL;
			return;
		}
		branch = node_branch(key, lowest + 1);
		path[lowest]->in_slot[branch] = NULL;
		path[lowest]->in_present &= ~(1ULL << branch);
	}
}

/*
 * Enter a chunk, which is clean.  Fails without memory; the caller gets some
 * and tries again.
 */
bool
pageindex_insert(struct uvm_object *uobj, struct uvm_pagechunk *pc)
{
	struct radix_tree *t = &uobj->uo_pages;
	uint64_t key = (uint64_t)pc->pc_off >> CHUNK_SHIFT;
	struct pageindex_node *node, *parent;
	void **slot;
	u_int branch, height;

	while (!index_covers(t, key)) {
		if (!index_grow(t))
			return false;
	}
	slot = &t->t_root;
	parent = NULL;
	branch = 0;
	for (height = t->t_height; height > 0; height--) {
		if (*slot == NULL) {
			node = node_alloc();
			if (node == NULL) {
				index_prune(t, key);
				return false;
			}
			*slot = node;
			if (parent != NULL)
				parent->in_present |= 1ULL << branch;
		}
		parent = *slot;
		branch = node_branch(key, height);
		slot = &parent->in_slot[branch];
	}
	KASSERT(*slot == NULL);
	*slot = pc;
	if (parent != NULL)
		parent->in_present |= 1ULL << branch;
	return true;
}

/* The nodes from the root down to the chunk of that key; path[0] is lowest. */
static void
index_path(const struct radix_tree *t, uint64_t key,
    struct pageindex_node *path[])
{
	struct pageindex_node *node;
	u_int height;

	node = t->t_root;
	for (height = t->t_height; height > 0; height--) {
		KASSERT(node != NULL);
		path[height - 1] = node;
		node = node->in_slot[node_branch(key, height)];
	}
}

/* Take a clean chunk out, and the nodes that have become empty. */
void
pageindex_remove(struct uvm_object *uobj, voff_t off)
{
	struct radix_tree *t = &uobj->uo_pages;
	struct pageindex_node *path[INDEX_MAXHEIGHT];
	uint64_t key = (uint64_t)off >> CHUNK_SHIFT;
	u_int branch, height;

	KASSERT(index_covers(t, key));
	index_path(t, key, path);
	for (height = 1; height <= t->t_height; height++) {
		branch = node_branch(key, height);
		path[height - 1]->in_slot[branch] = NULL;
		path[height - 1]->in_present &= ~(1ULL << branch);
		KASSERT((path[height - 1]->in_dirty & (1ULL << branch)) == 0);
		if (path[height - 1]->in_present != 0)
			return;
		pool_cache_put(pageindex.pool, path[height - 1]);
	}
	t->t_root = NULL;
	t->t_height = 0;
}

/* A chunk has got its first dirty page, or has lost its last. */
void
pageindex_setdirty(struct uvm_object *uobj, voff_t off, bool dirty)
{
	struct radix_tree *t = &uobj->uo_pages;
	struct pageindex_node *path[INDEX_MAXHEIGHT];
	uint64_t bit, key = (uint64_t)off >> CHUNK_SHIFT;
	u_int height;

	index_path(t, key, path);
	for (height = 1; height <= t->t_height; height++) {
		bit = 1ULL << node_branch(key, height);
		if (dirty) {
			if ((path[height - 1]->in_dirty & bit) != 0)
				return;
			path[height - 1]->in_dirty |= bit;
		} else {
			path[height - 1]->in_dirty &= ~bit;
			if (path[height - 1]->in_dirty != 0)
				return;
		}
	}
}

bool
pageindex_anydirty(const struct uvm_object *uobj)
{
	const struct radix_tree *t = &uobj->uo_pages;

	if (t->t_root == NULL)
		return false;
	if (t->t_height == 0)
		return ((const struct uvm_pagechunk *)t->t_root)->pc_dirty != 0;
	return ((const struct pageindex_node *)t->t_root)->in_dirty != 0;
}

static struct uvm_pagechunk *
node_next(void *p, u_int height, uint64_t key, bool dirty)
{
	struct pageindex_node *node;
	struct uvm_pagechunk *pc;
	uint64_t map, mask;
	u_int branch, first;

	if (height == 0) {
		pc = p;
		return key == 0 && (!dirty || pc->pc_dirty != 0) ? pc : NULL;
	}
	node = p;
	mask = (1ULL << (INDEX_SHIFT * (height - 1))) - 1;
	first = node_branch(key, height);
	map = (dirty ? node->in_dirty : node->in_present) & (~0ULL << first);
	for (; map != 0; map &= map - 1) {
		branch = __builtin_ctzll(map);
		pc = node_next(node->in_slot[branch], height - 1,
		    branch == first ? key & mask : 0, dirty);
		if (pc != NULL)
			return pc;
	}
	return NULL;
}

/* The first (dirty) chunk that ends behind an offset. */
struct uvm_pagechunk *
pageindex_next(const struct uvm_object *uobj, voff_t off, bool dirty)
{
	const struct radix_tree *t = &uobj->uo_pages;
	uint64_t key = (uint64_t)off >> CHUNK_SHIFT;

	if (t->t_root == NULL || !index_covers(t, key))
		return NULL;
	return node_next(t->t_root, t->t_height, key, dirty);
}

static struct uvm_pagechunk *
node_prev(void *p, u_int height, uint64_t key, bool dirty)
{
	struct pageindex_node *node;
	struct uvm_pagechunk *pc;
	uint64_t map, mask;
	u_int branch, last;

	if (height == 0) {
		pc = p;
		return !dirty || pc->pc_dirty != 0 ? pc : NULL;
	}
	node = p;
	mask = (1ULL << (INDEX_SHIFT * (height - 1))) - 1;
	last = node_branch(key, height);
	map = (dirty ? node->in_dirty : node->in_present) &
	    (~0ULL >> (INDEX_MASK - last));
	while (map != 0) {
		branch = INDEX_MASK - __builtin_clzll(map);
		pc = node_prev(node->in_slot[branch], height - 1,
		    branch == last ? key & mask : mask, dirty);
		if (pc != NULL)
			return pc;
		map &= ~(1ULL << branch);
	}
	return NULL;
}

/* The last (dirty) chunk that starts at or before an offset. */
struct uvm_pagechunk *
pageindex_prev(const struct uvm_object *uobj, voff_t off, bool dirty)
{
	const struct radix_tree *t = &uobj->uo_pages;
	uint64_t key = (uint64_t)off >> CHUNK_SHIFT;

	if (t->t_root == NULL)
		return NULL;
	if (!index_covers(t, key))
		key = (1ULL << (INDEX_SHIFT * t->t_height)) - 1;
	return node_prev(t->t_root, t->t_height, key, dirty);
}
