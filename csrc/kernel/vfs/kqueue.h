/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _KERNEL_VFS_KQUEUE_H_
#define _KERNEL_VFS_KQUEUE_H_

#include <sys/filedesc.h>

void kqueue_init(void);
void knote_fdclose(fdfile_t *);

#endif /* !_KERNEL_VFS_KQUEUE_H_ */
