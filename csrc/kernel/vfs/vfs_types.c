/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File system types: registration, their vectors of vnode operations, and
 * the VFS_* calls.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/mount.h>
#include <sys/mutex.h>
#include <sys/vnode.h>

#include "vfs_private.h"

kmutex_t vfs_list_lock;
struct vfs_list_head vfs_list = LIST_HEAD_INITIALIZER(vfs_list);

typedef int (*opfunc)(void *);

static opfunc
opv_default(const struct vnodeopv_desc *desc)
{
	const struct vnodeopv_entry_desc *e;

	for (e = desc->opv_desc_ops; e->opve_op != NULL; e++)
		if (e->opve_op == &vop_default_desc)
			return e->opve_impl;
	panic("vnode operations without a default");
}

/* Make the vectors: listed operations in their slots, the default elsewhere. */
void
vfs_opv_init(const struct vnodeopv_desc * const *descs)
{
	for (; *descs != NULL; descs++) {
		const struct vnodeopv_entry_desc *e;
		opfunc *vector, dflt = opv_default(*descs);

		vector = kmem_alloc(VNODE_OPS_COUNT * sizeof(*vector),
		    KM_SLEEP);
		for (int i = 0; i < VNODE_OPS_COUNT; i++)
			vector[i] = dflt;
		for (e = (*descs)->opv_desc_ops; e->opve_op != NULL; e++) {
			int slot = e->opve_op->vdesc_offset;

			if (slot < 0 || slot >= VNODE_OPS_COUNT)
				panic("%s: no such vnode operation",
				    e->opve_op->vdesc_name);
			vector[slot] = e->opve_impl;
		}
		*(*descs)->opv_desc_vector_p = vector;
	}
}

void
vfs_opv_free(const struct vnodeopv_desc * const *descs)
{
	for (; *descs != NULL; descs++) {
		kmem_free(*(*descs)->opv_desc_vector_p,
		    VNODE_OPS_COUNT * sizeof(opfunc));
		*(*descs)->opv_desc_vector_p = NULL;
	}
}

static struct vfsops *
vfs_find(const char *name)
{
	struct vfsops *v;

	LIST_FOREACH(v, &vfs_list, vfs_list)
		if (strcmp(v->vfs_name, name) == 0)
			return v;
	return NULL;
}

int
vfs_attach(struct vfsops *vfs)
{
	mutex_enter(&vfs_list_lock);
	if (vfs_find(vfs->vfs_name) != NULL) {
		mutex_exit(&vfs_list_lock);
		return EEXIST;
	}
	vfs->vfs_refcount = 0;
	vfs_opv_init(vfs->vfs_opv_descs);
	if (vfs->vfs_init != NULL)
		(*vfs->vfs_init)();
	LIST_INSERT_HEAD(&vfs_list, vfs, vfs_list);
	mutex_exit(&vfs_list_lock);
	return 0;
}

int
vfs_detach(struct vfsops *vfs)
{
	struct vfsops *v;

	mutex_enter(&vfs_list_lock);
	LIST_FOREACH(v, &vfs_list, vfs_list)
		if (v == vfs)
			break;
	if (v == NULL || vfs->vfs_refcount > 0) {
		mutex_exit(&vfs_list_lock);
		return v == NULL ? ESRCH : EBUSY;
	}
	LIST_REMOVE(vfs, vfs_list);
	if (vfs->vfs_done != NULL)
		(*vfs->vfs_done)();
	vfs_opv_free(vfs->vfs_opv_descs);
	mutex_exit(&vfs_list_lock);
	return 0;
}

/* By name, with a reference to be dropped by vfs_delref(). */
struct vfsops *
vfs_getopsbyname(const char *name)
{
	struct vfsops *v;

	mutex_enter(&vfs_list_lock);
	v = vfs_find(name);
	if (v != NULL)
		v->vfs_refcount++;
	mutex_exit(&vfs_list_lock);
	return v;
}

void
vfs_delref(struct vfsops *vfs)
{
	KASSERT(vfs->vfs_refcount > 0);
	vfs->vfs_refcount--;
}

/* What a file system leaves out, it does not support. */

int
VFS_MOUNT(struct mount *mp, const char *path, void *data, size_t *len)
{
	return (*mp->mnt_op->vfs_mount)(mp, path, data, len);
}

int
VFS_START(struct mount *mp, int flags)
{
	if (mp->mnt_op->vfs_start == NULL)
		return 0;
	return (*mp->mnt_op->vfs_start)(mp, flags);
}

int
VFS_UNMOUNT(struct mount *mp, int flags)
{
	return (*mp->mnt_op->vfs_unmount)(mp, flags);
}

int
VFS_ROOT(struct mount *mp, int lktype, struct vnode **vpp)
{
	return (*mp->mnt_op->vfs_root)(mp, lktype, vpp);
}

int
VFS_QUOTACTL(struct mount *mp, struct quotactl_args *args)
{
	if (mp->mnt_op->vfs_quotactl == NULL)
		return EOPNOTSUPP;
	return (*mp->mnt_op->vfs_quotactl)(mp, args);
}

int
VFS_STATVFS(struct mount *mp, struct statvfs *sbp)
{
	return (*mp->mnt_op->vfs_statvfs)(mp, sbp);
}

int
VFS_SYNC(struct mount *mp, int waitfor, kauth_cred_t cred)
{
	return (*mp->mnt_op->vfs_sync)(mp, waitfor, cred);
}

int
VFS_VGET(struct mount *mp, ino_t ino, int lktype, struct vnode **vpp)
{
	if (mp->mnt_op->vfs_vget == NULL)
		return EOPNOTSUPP;
	return (*mp->mnt_op->vfs_vget)(mp, ino, lktype, vpp);
}

int
VFS_LOADVNODE(struct mount *mp, struct vnode *vp, const void *key,
    size_t keylen, const void **newkey)
{
	return (*mp->mnt_op->vfs_loadvnode)(mp, vp, key, keylen, newkey);
}

int
VFS_NEWVNODE(struct mount *mp, struct vnode *dvp, struct vnode *vp,
    struct vattr *vap, kauth_cred_t cred, void *extra, size_t *keylen,
    const void **key)
{
	if (mp->mnt_op->vfs_newvnode == NULL)
		return EOPNOTSUPP;
	return (*mp->mnt_op->vfs_newvnode)(mp, dvp, vp, vap, cred, extra,
	    keylen, key);
}

int
VFS_FHTOVP(struct mount *mp, struct fid *fid, int lktype, struct vnode **vpp)
{
	if (mp->mnt_op->vfs_fhtovp == NULL)
		return EOPNOTSUPP;
	return (*mp->mnt_op->vfs_fhtovp)(mp, fid, lktype, vpp);
}

int
VFS_VPTOFH(struct vnode *vp, struct fid *fid, size_t *size)
{
	if (vp->v_mount->mnt_op->vfs_vptofh == NULL)
		return EOPNOTSUPP;
	return (*vp->v_mount->mnt_op->vfs_vptofh)(vp, fid, size);
}

int
VFS_SNAPSHOT(struct mount *mp, struct vnode *vp, struct timespec *ts)
{
	if (mp->mnt_op->vfs_snapshot == NULL)
		return EOPNOTSUPP;
	return (*mp->mnt_op->vfs_snapshot)(mp, vp, ts);
}

int
VFS_EXTATTRCTL(struct mount *mp, int cmd, struct vnode *vp, int namespace,
    const char *name)
{
	if (mp->mnt_op->vfs_extattrctl == NULL)
		return vfs_stdextattrctl(mp, cmd, vp, namespace, name);
	return (*mp->mnt_op->vfs_extattrctl)(mp, cmd, vp, namespace, name);
}

int
VFS_SUSPENDCTL(struct mount *mp, int cmd)
{
	if (mp->mnt_op->vfs_suspendctl == NULL)
		return EOPNOTSUPP;
	return (*mp->mnt_op->vfs_suspendctl)(mp, cmd);
}

int
VFS_RENAMELOCK_ENTER(struct mount *mp)
{
	return (*mp->mnt_op->vfs_renamelock_enter)(mp);
}

void
VFS_RENAMELOCK_EXIT(struct mount *mp)
{
	(*mp->mnt_op->vfs_renamelock_exit)(mp);
}

/* The answer of a file system without extended attributes. */
int
vfs_stdextattrctl(struct mount *mp __unused, int cmd __unused,
    struct vnode *vp, int namespace __unused, const char *name __unused)
{
	if (vp != NULL)
		VOP_UNLOCK(vp);
	return EOPNOTSUPP;
}
