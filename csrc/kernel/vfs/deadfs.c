/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deadfs: where vnodes go when their file is gone but somebody still holds
 * them, and where device vnodes without a name live.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/fstrans.h>
#include <sys/mount.h>
#include <sys/poll.h>
#include <sys/buf.h>
#include <uvm/uvm_pager.h>
#include <miscfs/genfs/genfs.h>
#include <miscfs/deadfs/deadfs.h>
#include <miscfs/specfs/specdev.h>

#include "vnode_impl.h"
#include "vfs_private.h"

struct mount *dead_rootmount;

static int
dead_ebadf(void *v __unused)
{
	return EBADF;
}

static int
dead_eio(void *v __unused)
{
	return EIO;
}

/* End of file for terminals, an error for all else. */
static int
dead_read(void *v)
{
	struct vop_read_args *ap = v;

	return (ap->a_vp->v_vflag & VV_ISTTY) ? 0 : EIO;
}

static int
dead_lookup(void *v)
{
	struct vop_lookup_v2_args *ap = v;

	*ap->a_vpp = NULL;
	return ENOTDIR;
}

static int
dead_open(void *v __unused)
{
	return ENXIO;
}

static int
dead_poll(void *v)
{
	struct vop_poll_args *ap = v;

	return (ap->a_events & (POLLIN | POLLRDNORM)) | POLLHUP;
}

/* These release what the caller gave them. */

static int
dead_remove(void *v)
{
	struct vop_remove_v3_args *ap = v;

	if (ap->a_vp == ap->a_dvp)
		vrele(ap->a_vp);
	else
		vput(ap->a_vp);
	return EIO;
}

static int
dead_rename(void *v)
{
	struct vop_rename_args *ap = v;

	vrele(ap->a_fdvp);
	vrele(ap->a_fvp);
	if (ap->a_tdvp == ap->a_tvp)
		vrele(ap->a_tdvp);
	else
		vput(ap->a_tdvp);
	if (ap->a_tvp != NULL)
		vput(ap->a_tvp);
	return EIO;
}

static int
dead_inactive(void *v)
{
	struct vop_inactive_v2_args *ap = v;

	*ap->a_recycle = false;
	return 0;
}

static int
dead_strategy(void *v)
{
	struct vop_strategy_args *ap = v;

	if (ap->a_vp->v_mount != NULL && ap->a_vp->v_op == dead_vnodeop_p) {
		ap->a_bp->b_error = EIO;
		ap->a_bp->b_resid = ap->a_bp->b_bcount;
		biodone(ap->a_bp);
	}
	return EIO;
}

static int
dead_getpages(void *v)
{
	struct vop_getpages_args *ap = v;

	if ((ap->a_flags & PGO_LOCKED) == 0)
		rw_exit(ap->a_vp->v_uobj.vmobjlock);
	return EFAULT;
}

static int
dead_print(void *v)
{
	struct vop_print_args *ap = v;

	printf("dead vnode %p\n", ap->a_vp);
	return 0;
}

int (**dead_vnodeop_p)(void *);
static const struct vnodeopv_entry_desc dead_vnodeop_entries[] = {
	{ &vop_default_desc, vn_default_error },
	{ &vop_bwrite_desc, dead_eio },
	{ &vop_parsepath_desc, genfs_parsepath },
	{ &vop_lookup_desc, dead_lookup },
	{ &vop_create_desc, dead_eio },
	{ &vop_mknod_desc, dead_eio },
	{ &vop_open_desc, dead_open },
	{ &vop_close_desc, genfs_nullop },
	{ &vop_access_desc, dead_ebadf },
	{ &vop_accessx_desc, dead_ebadf },
	{ &vop_getattr_desc, dead_ebadf },
	{ &vop_setattr_desc, dead_ebadf },
	{ &vop_read_desc, dead_read },
	{ &vop_write_desc, dead_eio },
	{ &vop_fallocate_desc, dead_ebadf },
	{ &vop_fdiscard_desc, dead_ebadf },
	{ &vop_ioctl_desc, dead_ebadf },
	{ &vop_fcntl_desc, dead_ebadf },
	{ &vop_poll_desc, dead_poll },
	{ &vop_kqfilter_desc, dead_ebadf },
	{ &vop_revoke_desc, genfs_nullop },
	{ &vop_mmap_desc, dead_ebadf },
	{ &vop_fsync_desc, genfs_nullop },
	{ &vop_seek_desc, genfs_nullop },
	{ &vop_remove_desc, dead_remove },
	{ &vop_link_desc, dead_eio },
	{ &vop_rename_desc, dead_rename },
	{ &vop_mkdir_desc, dead_eio },
	{ &vop_rmdir_desc, dead_remove },
	{ &vop_symlink_desc, dead_eio },
	{ &vop_readdir_desc, dead_ebadf },
	{ &vop_readlink_desc, dead_ebadf },
	{ &vop_abortop_desc, genfs_nullop },
	{ &vop_inactive_desc, dead_inactive },
	{ &vop_reclaim_desc, genfs_nullop },
	{ &vop_lock_desc, genfs_deadlock },
	{ &vop_unlock_desc, genfs_deadunlock },
	{ &vop_bmap_desc, dead_eio },
	{ &vop_strategy_desc, dead_strategy },
	{ &vop_print_desc, dead_print },
	{ &vop_islocked_desc, genfs_islocked },
	{ &vop_pathconf_desc, dead_ebadf },
	{ &vop_advlock_desc, dead_ebadf },
	{ &vop_whiteout_desc, dead_eio },
	{ &vop_getpages_desc, dead_getpages },
	{ &vop_putpages_desc, genfs_null_putpages },
	{ &vop_openextattr_desc, dead_ebadf },
	{ &vop_closeextattr_desc, dead_ebadf },
	{ &vop_getextattr_desc, dead_ebadf },
	{ &vop_setextattr_desc, dead_ebadf },
	{ &vop_listextattr_desc, dead_ebadf },
	{ &vop_deleteextattr_desc, dead_ebadf },
	{ &vop_getacl_desc, dead_ebadf },
	{ &vop_setacl_desc, dead_ebadf },
	{ &vop_aclcheck_desc, dead_ebadf },
	{ NULL, NULL }
};
static const struct vnodeopv_desc dead_vnodeop_opv_desc = {
	&dead_vnodeop_p, dead_vnodeop_entries
};
static const struct vnodeopv_desc * const dead_opv_descs[] = {
	&dead_vnodeop_opv_desc,
	NULL
};

/* The dead mount: it has vnodes but no files. */

static int
deadfs_newvnode(struct mount *mp __unused, struct vnode *dvp __unused,
    struct vnode *vp, struct vattr *vap, kauth_cred_t cred __unused,
    void *extra __unused, size_t *keylen, const void **key)
{
	KASSERT(vap->va_type == VBLK || vap->va_type == VCHR);
	vp->v_type = vap->va_type;
	vp->v_op = spec_vnodeop_p;
	vp->v_vflag |= VV_MPSAFE;
	vp->v_size = vp->v_writesize = 0;
	spec_node_init(vp, vap->va_rdev);
	*keylen = 0;
	*key = NULL;
	return 0;
}

static int
deadfs_suspendctl(struct mount *mp __unused, int cmd __unused)
{
	return EOPNOTSUPP;
}

static int
deadfs_sync(struct mount *mp __unused, int waitfor __unused,
    kauth_cred_t cred __unused)
{
	return 0;
}

static int
deadfs_mount(struct mount *mp __unused, const char *path __unused,
    void *data __unused, size_t *len __unused)
{
	return EOPNOTSUPP;
}

static int
deadfs_unmount(struct mount *mp __unused, int flags __unused)
{
	return EOPNOTSUPP;
}

static int
deadfs_root(struct mount *mp __unused, int lktype __unused,
    struct vnode **vpp)
{
	*vpp = NULL;
	return ENOENT;
}

static int
deadfs_statvfs(struct mount *mp __unused, struct statvfs *sbp __unused)
{
	return EBADF;
}

static int
deadfs_loadvnode(struct mount *mp __unused, struct vnode *vp __unused,
    const void *key __unused, size_t keylen __unused,
    const void **newkey __unused)
{
	return ENOENT;
}

static struct vfsops dead_vfsops = {
	.vfs_name = "dead",
	.vfs_mount = deadfs_mount,
	.vfs_unmount = deadfs_unmount,
	.vfs_root = deadfs_root,
	.vfs_statvfs = deadfs_statvfs,
	.vfs_loadvnode = deadfs_loadvnode,
	.vfs_renamelock_enter = genfs_renamelock_enter,
	.vfs_renamelock_exit = genfs_renamelock_exit,
	.vfs_newvnode = deadfs_newvnode,
	.vfs_sync = deadfs_sync,
	.vfs_suspendctl = deadfs_suspendctl,
	.vfs_opv_descs = dead_opv_descs,
};

void
deadfs_init(void)
{
	vfs_opv_init(dead_opv_descs);
	dead_rootmount = mount_alloc(&dead_vfsops, NULL);
	dead_rootmount->mnt_iflag |= IMNT_MPSAFE;
	strlcpy(dead_rootmount->mnt_stat.f_mntonname, "-",
	    sizeof(dead_rootmount->mnt_stat.f_mntonname));
}
