/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the kernel has a memory file system to take its root from. */
#ifndef _UFS_MFS_MFS_EXTERN_H_
#define	_UFS_MFS_MFS_EXTERN_H_

#include <sys/types.h>

extern void *mfs_rootbase;
extern u_long mfs_rootsize;

#endif /* !_UFS_MFS_MFS_EXTERN_H_ */
