/* SPDX-License-Identifier: BSD-2-Clause */

/* System calls of files, for the kernel's own use. */
#ifndef _SYS_VFS_SYSCALLS_H_
#define	_SYS_VFS_SYSCALLS_H_

struct lwp;

#ifdef _KERNEL
void	do_sys_sync(struct lwp *);
#endif

#endif /* !_SYS_VFS_SYSCALLS_H_ */
