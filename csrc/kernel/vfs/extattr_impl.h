/* SPDX-License-Identifier: BSD-2-Clause */
/* What extattr.c and xattr.c share. */
#ifndef _KERNEL_VFS_EXTATTR_IMPL_H_
#define _KERNEL_VFS_EXTATTR_IMPL_H_

#include <sys/types.h>

struct file;
struct vnode;

/* A vnode with what keeps it: a reference of its own, or a descriptor. */
struct extattr_target {
	struct vnode *et_vp;
	struct file *et_file;
	int et_fd;
};

int extattr_target(struct extattr_target *, const char *, int, bool);
void extattr_put(struct extattr_target *);
int extattr_get_vp(struct vnode *, int, const char *, void *, size_t,
    kauth_cred_t, register_t *);
int extattr_set_vp(struct vnode *, int, const char *, const void *, size_t,
    kauth_cred_t, register_t *);
int extattr_delete_vp(struct vnode *, int, const char *, kauth_cred_t);

#endif /* !_KERNEL_VFS_EXTATTR_IMPL_H_ */
