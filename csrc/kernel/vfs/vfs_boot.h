/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot's entries into the vnode layer. */
#ifndef _KERNEL_VFS_VFS_BOOT_H_
#define _KERNEL_VFS_VFS_BOOT_H_

/* Everything but a root; sleeping is fine, proc0 exists. */
void vfs_boot(void);
/* Make the root file system with /dev: rootvnode, and cwdi0's directory. */
int vfs_mountroot(void);
/* The devices that are always there. */
void vfs_boot_devices(void);

#endif /* !_KERNEL_VFS_VFS_BOOT_H_ */
