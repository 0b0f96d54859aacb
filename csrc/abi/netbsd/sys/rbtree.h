/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Red-black trees, by the interface of rb_tree(3).  The tree lives in the
 * caller's nodes: rbto_node_offset says where a node's struct rb_node is.
 */
#ifndef _SYS_RBTREE_H_
#define	_SYS_RBTREE_H_

#include <sys/types.h>

typedef struct rb_node {
	struct	rb_node *rb_nodes[2];
#define	RB_DIR_LEFT	0
#define	RB_DIR_RIGHT	1
#define	rb_left		rb_nodes[RB_DIR_LEFT]
#define	rb_right	rb_nodes[RB_DIR_RIGHT]
	/* Parent pointer; the low bits hold the node's colour and side. */
	uintptr_t rb_info;
} rb_node_t;

typedef signed int (*rbto_compare_nodes_fn)(void *, const void *,
	    const void *);
typedef signed int (*rbto_compare_key_fn)(void *, const void *,
	    const void *);

typedef struct {
	rbto_compare_nodes_fn rbto_compare_nodes;
	rbto_compare_key_fn rbto_compare_key;
	size_t	rbto_node_offset;
	void	*rbto_context;
} rb_tree_ops_t;

typedef struct rb_tree {
	struct	rb_node *rbt_root;
	const rb_tree_ops_t *rbt_ops;
	struct	rb_node *rbt_minmax[2];
} rb_tree_t;

#define	RB_TREE_MIN(T)		rb_tree_iterate((T), NULL, RB_DIR_LEFT)
#define	RB_TREE_MAX(T)		rb_tree_iterate((T), NULL, RB_DIR_RIGHT)
#define	RB_TREE_NEXT(T, n)	rb_tree_iterate((T), (n), RB_DIR_RIGHT)
#define	RB_TREE_PREV(T, n)	rb_tree_iterate((T), (n), RB_DIR_LEFT)
#define	RB_TREE_FOREACH(n, T) \
	for ((n) = RB_TREE_MIN(T); (n) != NULL; (n) = RB_TREE_NEXT((T), (n)))
#define	RB_TREE_FOREACH_SAFE(n, T, s)					\
	for ((n) = RB_TREE_MIN(T);					\
	    (n) != NULL && ((s) = RB_TREE_NEXT((T), (n)), 1); (n) = (s))
#define	RB_TREE_FOREACH_REVERSE(n, T) \
	for ((n) = RB_TREE_MAX(T); (n) != NULL; (n) = RB_TREE_PREV((T), (n)))

void	rb_tree_init(rb_tree_t *, const rb_tree_ops_t *);
void	*rb_tree_insert_node(rb_tree_t *, void *);
void	*rb_tree_find_node(rb_tree_t *, const void *);
void	*rb_tree_find_node_geq(rb_tree_t *, const void *);
void	*rb_tree_find_node_leq(rb_tree_t *, const void *);
void	rb_tree_remove_node(rb_tree_t *, void *);
void	*rb_tree_iterate(rb_tree_t *, void *, const unsigned int);

#endif /* !_SYS_RBTREE_H_ */
