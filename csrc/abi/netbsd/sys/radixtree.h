/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys/radixtree.h: the 16 bytes by which a memory object finds its pages.
 * What hangs below t_root is the page cache's own matter.
 */
#ifndef _SYS_RADIXTREE_H_
#define	_SYS_RADIXTREE_H_

struct radix_tree {
	void		*t_root;
	unsigned int	t_height;
};

#endif /* !_SYS_RADIXTREE_H_ */
