/* SPDX-License-Identifier: BSD-2-Clause */
/* The vnode door: attributes, and the file system's own figures. */

#include <sys/param.h>
#include <sys/fcntl.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/systm.h>

#include <rumpy/vnode.h>

#include "export_impl.h"

static uint32_t
attr_rdev(const struct vattr *va)
{

	if (va->va_type != VBLK && va->va_type != VCHR)
		return 0;
	return export_makedev((uint32_t)major(va->va_rdev),
	    (uint32_t)minor(va->va_rdev));
}

static void
attr_convert(const struct export_mount *xm, const struct vattr *va,
    struct export_attr *ea)
{

	ea->ea_ino = va->va_fileid;
	ea->ea_size = va->va_size;
	ea->ea_blocks = va->va_bytes / 512;
	ea->ea_atime = (uint64_t)va->va_atime.tv_sec;
	ea->ea_mtime = (uint64_t)va->va_mtime.tv_sec;
	ea->ea_ctime = (uint64_t)va->va_ctime.tv_sec;
	ea->ea_atimensec = (uint32_t)va->va_atime.tv_nsec;
	ea->ea_mtimensec = (uint32_t)va->va_mtime.tv_nsec;
	ea->ea_ctimensec = (uint32_t)va->va_ctime.tv_nsec;
	ea->ea_mode = (uint32_t)VTTOIF(va->va_type) | (va->va_mode & ALLPERMS);
	ea->ea_nlink = va->va_nlink;
	ea->ea_uid = export_mapped(xm) ? xm->xm_uid : va->va_uid;
	ea->ea_gid = export_mapped(xm) ? xm->xm_gid : va->va_gid;
	ea->ea_rdev = attr_rdev(va);
	ea->ea_blksize = (uint32_t)va->va_blocksize;
	ea->ea_flags = 0;
}

/* The vnode is locked. */
int
export_fill_attr(struct export_mount *xm, struct vnode *vp,
    struct export_attr *ea, kauth_cred_t cred)
{
	struct vattr va;
	const int error = VOP_GETATTR(vp, &va, cred);

	if (error == 0)
		attr_convert(xm, &va, ea);
	return error;
}

/* The vnode is locked.  Linux will know the node after this. */
int
export_fill_entry(struct export_mount *xm, struct vnode *vp,
    struct export_entry *ee, kauth_cred_t cred)
{
	int error = export_fill_attr(xm, vp, &ee->ee_attr, cred);

	if (error == 0)
		error = export_node_id(xm, vp, &ee->ee_node);
	ee->ee_generation = 0;
	ee->ee_entry_valid = xm->xm_entry_valid;
	ee->ee_attr_valid = xm->xm_attr_valid;
	ee->ee_entry_valid_nsec = 0;
	ee->ee_attr_valid_nsec = 0;
	return error;
}

int
export_getattr(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	struct vnode *vp;
	struct vattr va;
	int error;

	error = export_target(xm, x, LK_SHARED, &vp);
	if (error != 0)
		return error;
	error = VOP_GETATTR(vp, &va, cred);
	vput(vp);
	if (error != 0)
		return error;
	attr_convert(xm, &va, &x->er_entry.ee_attr);
	x->er_btime = va.va_birthtime.tv_sec;
	x->er_btimensec = (uint32_t)va.va_birthtime.tv_nsec;
	if (va.va_birthtime.tv_nsec < 0 || va.va_birthtime.tv_sec == 0)
		x->er_btime = VNOVAL;
	return 0;
}

/*
 * Changing.
 */

static int
setattr_size(const struct export_req *x, struct vnode *vp, kauth_cred_t cred)
{
	struct vattr va;
	int error;

	if (vp->v_type == VDIR)
		return EISDIR;
	if (vp->v_type != VREG)
		return EINVAL;
	/* Who has it open for writing has been asked already. */
	if ((x->er_flags & EXPORT_F_HANDLE) == 0) {
		error = VOP_ACCESS(vp, VWRITE, cred);
		if (error != 0)
			return error;
	}
	vattr_null(&va);
	va.va_size = x->er_set.es_size;
	return VOP_SETATTR(vp, &va, cred);
}

/*
 * To drivers, second -1 (VNOVAL) sharp means "leave it": the last moment before
 * it is the nearest time that can be set.
 */
static struct timespec
settable_time(int64_t sec, uint32_t nsec)
{

	if (sec == VNOVAL && nsec == 0)
		return (struct timespec){ sec - 1, 999999999 };
	return (struct timespec){ sec, (long)nsec };
}

static void
setattr_times(const struct export_setattr *es, struct vattr *va)
{
	struct timespec now;
	const uint32_t both = EXPORT_SET_ATIME_NOW | EXPORT_SET_MTIME_NOW;

	vfs_timestamp(&now);
	if ((es->es_valid & both) == both)
		va->va_vaflags |= VA_UTIMES_NULL | RUMPY_VA_TOUCH;
	if (es->es_valid & EXPORT_SET_ATIME_NOW)
		va->va_atime = now;
	else if (es->es_valid & EXPORT_SET_ATIME)
		va->va_atime = settable_time(es->es_atime, es->es_atimensec);
	if (es->es_valid & EXPORT_SET_MTIME_NOW)
		va->va_mtime = now;
	else if (es->es_valid & EXPORT_SET_MTIME)
		va->va_mtime = settable_time(es->es_mtime, es->es_mtimensec);
}

/*
 * Under a mapping every file shows one owner; saying that very owner again is
 * no change, and another cannot be kept.
 */
static int
setattr_owner(const struct export_mount *xm, const struct export_setattr *es,
    struct vattr *va)
{

	if (!export_mapped(xm)) {
		if (es->es_valid & EXPORT_SET_UID)
			va->va_uid = es->es_uid;
		if (es->es_valid & EXPORT_SET_GID)
			va->va_gid = es->es_gid;
		return 0;
	}
	if ((es->es_valid & EXPORT_SET_UID) && es->es_uid != xm->xm_uid)
		return EPERM;
	if ((es->es_valid & EXPORT_SET_GID) && es->es_gid != xm->xm_gid)
		return EPERM;
	return 0;
}

/*
 * Linux leaves it to us to drop the set-id bits of a file that changes
 * (FUSE_HANDLE_KILLPRIV).  The vnode is locked exclusively.
 */
int
export_kill_privs(struct vnode *vp)
{
	struct vattr va;
	mode_t mode;
	int error;

	if (vp->v_type != VREG)
		return 0;
	error = VOP_GETATTR(vp, &va, lwp0.l_cred);
	if (error != 0)
		return error;
	mode = va.va_mode & ~S_ISUID;
	if (mode & S_IXGRP)
		mode &= ~S_ISGID;
	if (mode == va.va_mode)
		return 0;
	vattr_null(&va);
	va.va_mode = mode;
	return VOP_SETATTR(vp, &va, lwp0.l_cred);
}

/*
 * NetBSD lets root only make a plain file sticky; Linux lets its owner, and the
 * bit means nothing there.  The owner's right to all the rest comes first.
 */
static int
setattr_sticky(struct vnode *vp, struct vattr *va, kauth_cred_t cred)
{
	struct vattr mode;
	int error;

	vattr_null(&mode);
	mode.va_mode = va->va_mode;
	va->va_mode &= ~S_ISTXT;
	error = VOP_SETATTR(vp, va, cred);
	return error != 0 ? error : VOP_SETATTR(vp, &mode, lwp0.l_cred);
}

static int
setattr_rest(const struct export_mount *xm, const struct export_setattr *es,
    struct vnode *vp, kauth_cred_t cred)
{
	struct vattr va;
	int error;

	vattr_null(&va);
	if (es->es_valid & EXPORT_SET_MODE)
		va.va_mode = es->es_mode & ALLPERMS;
	error = setattr_owner(xm, es, &va);
	if (error != 0)
		return error;
	setattr_times(es, &va);
	if ((es->es_valid & EXPORT_SET_MODE) != 0 && vp->v_type != VDIR &&
	    (va.va_mode & S_ISTXT) != 0)
		return setattr_sticky(vp, &va, cred);
	return VOP_SETATTR(vp, &va, cred);
}

static int
setattr_locked(struct export_mount *xm, const struct export_req *x,
    struct vnode *vp, kauth_cred_t cred)
{
	const struct export_setattr *es = &x->er_set;
	const uint32_t owner = EXPORT_SET_UID | EXPORT_SET_GID;
	int error;

	if (es->es_valid & EXPORT_SET_SIZE) {
		error = setattr_size(x, vp, cred);
		if (error != 0)
			return error;
	}
	if (es->es_valid & ~(uint32_t)EXPORT_SET_SIZE) {
		error = setattr_rest(xm, es, vp, cred);
		if (error != 0)
			return error;
	}
	if ((x->er_flags & EXPORT_F_KILLPRIV) != 0 ||
	    ((es->es_valid & owner) != 0 &&
	    (es->es_valid & EXPORT_SET_MODE) == 0))
		return export_kill_privs(vp);
	return 0;
}

int
export_setattr(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	struct vnode *vp;
	int error;

	error = export_target(xm, x, LK_EXCLUSIVE, &vp);
	if (error != 0)
		return error;
	error = setattr_locked(xm, x, vp, cred);
	if (error == 0)
		error = export_fill_attr(xm, vp, &x->er_entry.ee_attr, cred);
	vput(vp);
	return error;
}

/*
 * File flags, as lsattr and chattr see them.
 */

int
export_getflags(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	struct vnode *vp;
	struct vattr va;
	int error;

	error = export_target(xm, x, LK_SHARED, &vp);
	if (error != 0)
		return error;
	error = VOP_GETATTR(vp, &va, cred);
	vput(vp);
	if (error != 0)
		return error;
	x->er_mode = 0;
	if (va.va_flags & IMMUTABLE)
		x->er_mode |= EXPORT_FL_IMMUTABLE;
	if (va.va_flags & APPEND)
		x->er_mode |= EXPORT_FL_APPEND;
	if (va.va_flags & UF_NODUMP)
		x->er_mode |= EXPORT_FL_NODUMP;
	return 0;
}

/* Linux has one kind of each flag, for root; that is NetBSD's SF_ kind. */
int
export_setflags(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	struct vnode *vp;
	struct vattr va;
	u_long flags;
	int error;

	error = export_target(xm, x, LK_EXCLUSIVE, &vp);
	if (error != 0)
		return error;
	error = VOP_GETATTR(vp, &va, cred);
	if (error == 0) {
		flags = va.va_flags & ~(u_long)(IMMUTABLE | APPEND |
		    UF_NODUMP);
		if (x->er_mode & EXPORT_FL_IMMUTABLE)
			flags |= SF_IMMUTABLE;
		if (x->er_mode & EXPORT_FL_APPEND)
			flags |= SF_APPEND;
		if (x->er_mode & EXPORT_FL_NODUMP)
			flags |= UF_NODUMP;
		vattr_null(&va);
		va.va_flags = flags;
		error = VOP_SETATTR(vp, &va, cred);
		if (error == 0 && (flags & SF_IMMUTABLE) != 0)
			xm->xm_freezes = true;
	}
	vput(vp);
	return error;
}

/*
 * The whole file system.
 */

int
export_statfs(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	struct statvfs *sb = kmem_alloc(sizeof(*sb), KM_SLEEP);
	struct export_statfs *ef = &x->er_statfs;
	int error;

	(void)cred;
	error = VFS_STATVFS(xm->xm_mp, sb);
	if (error == 0) {
		ef->ef_blocks = sb->f_blocks;
		ef->ef_bfree = sb->f_bfree;
		ef->ef_bavail = (int64_t)sb->f_bavail > 0 ? sb->f_bavail : 0;
		ef->ef_files = sb->f_files;
		ef->ef_ffree = sb->f_ffree;
		ef->ef_bsize = (uint32_t)sb->f_bsize;
		ef->ef_frsize = (uint32_t)sb->f_frsize;
		ef->ef_namemax = (uint32_t)sb->f_namemax;
		ef->ef_flags = 0;
	}
	kmem_free(sb, sizeof(*sb));
	return error;
}

int
export_syncfs(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{

	(void)x;
	if ((xm->xm_flags & EXPORT_RDONLY) != 0)
		return 0;
	return VFS_SYNC(xm->xm_mp, MNT_WAIT, cred);
}
