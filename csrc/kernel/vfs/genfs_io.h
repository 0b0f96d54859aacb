/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between genfs_get.c, genfs_put.c, genfs_compat.c and genfs_xfer.c: moving
 * pages of files from and to the blocks that VOP_BMAP names.
 */
#ifndef _VFS_GENFS_IO_H_
#define	_VFS_GENFS_IO_H_

#include <sys/types.h>

#include "vfs/pages.h"

struct buf;
struct vnode;

/* One request for pages. */
struct genfs_get {
	struct vnode	*gg_vp;
	voff_t		gg_off;		/* of the first page */
	u_int		gg_npages;
	int		gg_flags;	/* PGO_* */
	bool		gg_write;
	bool		gg_ahead;	/* may read more of the chunk */
	off_t		gg_diskeof;	/* there are no blocks behind it */
	off_t		gg_memeof;	/* nor pages behind this */
};

struct uvm_pagechunk *genfs_busy(const struct genfs_get *, voff_t, pageset_t,
	    pageset_t *);
void	genfs_drop(struct uvm_pagechunk *, pageset_t);
int	genfs_xfer_wait(struct vnode *, struct uvm_pagechunk *, u_int,
	    size_t, bool);
bool	genfs_hasholes(struct vnode *, off_t, size_t);
int	genfs_xfer_data(struct vnode *, off_t, void *, size_t, bool);
void	genfs_xfer_start(struct vnode *, struct uvm_pagechunk *, u_int,
	    size_t, bool, pageset_t);
void	genfs_iodone(struct buf *);
void	genfs_written(struct uvm_pagechunk *, pageset_t, int);

#endif /* !_VFS_GENFS_IO_H_ */
