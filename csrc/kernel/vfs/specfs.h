/* SPDX-License-Identifier: BSD-2-Clause */
/* Vectors that belong to no file system; vfs_init() makes them. */
#ifndef _KERNEL_VFS_SPECFS_H_
#define _KERNEL_VFS_SPECFS_H_

#include <sys/vnode.h>

extern const struct vnodeopv_desc spec_vnodeop_opv_desc;
extern const struct vnodeopv_desc fifo_vnodeop_opv_desc;
void fifo_revoke(struct vnode *);

#endif /* !_KERNEL_VFS_SPECFS_H_ */
