/* SPDX-License-Identifier: BSD-2-Clause */
/* What LFS asks of the buffer cache's size. */
#ifndef _UFS_LFS_ULFS_INODE_H_
#define	_UFS_LFS_ULFS_INODE_H_

#include <sys/types.h>

extern u_long bufmem_lowater;

#endif /* !_UFS_LFS_ULFS_INODE_H_ */
