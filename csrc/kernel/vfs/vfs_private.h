/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the vnode layer share among themselves. */
#ifndef _KERNEL_VFS_PRIVATE_H_
#define _KERNEL_VFS_PRIVATE_H_

#include <sys/param.h>
#include <sys/kauth.h>
#include <sys/mount.h>
#include <sys/vnode.h>

/* A mount with what only the vnode layer knows of it. */
struct mount_impl {
	struct mount mi_mount;
	TAILQ_ENTRY(mount_impl) mi_list;
	bool mi_listed;
	struct vnode *mi_root;		/* without a reference, or NULL */
};
#define MOUNT_TO_IMPL(mp)	((struct mount_impl *)(void *)(mp))

/* The root vnode if it is at hand; needs no reference, never sleeps. */
static __inline struct vnode *
mount_cached_root(struct mount *mp)
{
	return MOUNT_TO_IMPL(mp)->mi_root;
}
void mount_remember_root(struct mount *, struct vnode *);
void mount_forget_root(struct mount *, struct vnode *);
int mount_enter_root(struct vnode *, struct vnode **);

/* The question that checking ACCMODE of a file puts to kauth(9). */
static __inline kauth_action_t
vfs_access_action(accmode_t accmode, enum vtype type, mode_t mode)
{
	kauth_action_t action = kauth_accmode_to_action(accmode);

	if (type == VDIR || (mode & 0111) != 0)
		action |= KAUTH_VNODE_IS_EXEC;
	return action;
}

struct mount *mount_alloc(struct vfsops *, struct vnode *);
void mount_init(void);

#endif /* !_KERNEL_VFS_PRIVATE_H_ */
