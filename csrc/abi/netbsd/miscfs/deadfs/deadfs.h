/* SPDX-License-Identifier: BSD-2-Clause */
/* What a vnode becomes once its file is gone. */

#ifndef _MISCFS_DEADFS_DEADFS_H_
#define _MISCFS_DEADFS_DEADFS_H_

#include <sys/vnode.h>

extern int (**dead_vnodeop_p)(void *);

#endif /* !_MISCFS_DEADFS_DEADFS_H_ */
