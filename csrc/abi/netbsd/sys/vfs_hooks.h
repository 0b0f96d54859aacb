/* SPDX-License-Identifier: BSD-2-Clause */
/* Subsystems that want to know when a file system goes away. */

#ifndef _SYS_VFS_HOOKS_H_
#define _SYS_VFS_HOOKS_H_

#include <sys/queue.h>

#ifdef _KERNEL
struct mount;

struct vfs_hooks {
	LIST_ENTRY(vfs_hooks) vfs_hooks_list;
	void (*vh_unmount)(struct mount *);
	int (*vh_reexport)(struct mount *, const char *, void *);
	void (*vh_future_expansion_1)(void);
	void (*vh_future_expansion_2)(void);
	void (*vh_future_expansion_3)(void);
	void (*vh_future_expansion_4)(void);
	void (*vh_future_expansion_5)(void);
};

int vfs_hooks_attach(struct vfs_hooks *);
int vfs_hooks_detach(struct vfs_hooks *);
void vfs_hooks_unmount(struct mount *);
int vfs_hooks_reexport(struct mount *, const char *, void *);
#endif

#endif /* !_SYS_VFS_HOOKS_H_ */
