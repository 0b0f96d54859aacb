/* SPDX-License-Identifier: BSD-2-Clause */
/* Doors of the walk that only system calls use. */
#ifndef _KERNEL_VFS_LOOKUP_H_
#define _KERNEL_VFS_LOOKUP_H_

#include <sys/namei.h>

void namei_init(void);
const char *pathbuf_chars(const struct pathbuf *);
int lookup_locked(struct vnode *, struct vnode **, struct componentname *);
int namei_light(struct vnode *, const char *, uint32_t, struct vnode **);

#endif /* !_KERNEL_VFS_LOOKUP_H_ */
