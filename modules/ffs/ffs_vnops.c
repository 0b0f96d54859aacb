/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vnode operations: attributes, names, the life of a vnode, and the vectors.
 */

#include "ffs.h"

#include <sys/dkio.h>
#include <sys/fcntl.h>
#include <sys/filio.h>
#include <sys/lockf.h>
#include <sys/lwp.h>
#include <sys/proc.h>
#include <sys/stat.h>
#include <sys/unistd.h>
#include <lib/libkern/libkern.h>
#include <miscfs/fifofs/fifo.h>
#include <miscfs/specfs/specdev.h>
#include <uvm/uvm_extern.h>
#include <uvm/uvm_pager.h>
#include <rumpy/vnode.h>

#define	FFS_IMMUTABLE	(UF_IMMUTABLE | SF_IMMUTABLE)
#define	FFS_APPEND	(UF_APPEND | SF_APPEND)

/* What genfs asks of the file system. */

static void
ffs_gop_size(struct vnode *vp, off_t size, off_t *eobp, int flags __unused)
{
	const struct ffs_inode *ip = VTOI(vp);
	const struct fs *fs = ip->i_fm->fm_fs;

	if (FFS_LBLKNO(fs, size) < UFS_NDADDR)
		*eobp = FFS_FRAGROUNDUP(fs, size);
	else
		*eobp = FFS_BLKROUNDUP(fs, size);
}

static int
ffs_gop_alloc(struct vnode *vp, off_t off, off_t len, int flags __unused,
    kauth_cred_t cred)
{
	struct ffs_inode *ip = VTOI(vp);
	const struct fs *fs = ip->i_fm->fm_fs;
	const off_t end = MIN(off + len, (off_t)ip->i_size);
	bool isnew;
	int error = 0;

	while (off < end && error == 0) {
		const off_t stop = MIN(end, (off_t)(FFS_LBLKNO(fs, off) + 1) <<
		    fs->fs_bshift);
		struct ffs_tx tx = { .tx_log = NULL };

		/* Pages are busy that operations may wait for. */
		if (ip->i_fm->fm_log != NULL)
			error = ffs_log_begin(ip->i_fm->fm_log, &tx, 0,
			    FFS_TX_NOWAIT);
		if (error != 0)
			break;
		error = ffs_balloc(ip, off, (int)(stop - off), cred, NULL,
		    &isnew);
		ffs_end(&tx);
		off = stop;
	}
	return error;
}

static void
ffs_gop_markupdate(struct vnode *vp, int flags)
{
	struct ffs_inode *ip = VTOI(vp);

	if ((flags & GOP_UPDATE_ACCESSED) != 0)
		ip->i_flag |= IN_ACCESS;
	if ((flags & GOP_UPDATE_MODIFIED) != 0)
		ip->i_flag |= IN_UPDATE | IN_CHANGE;
}

const struct genfs_ops ffs_genfsops = {
	.gop_size	= ffs_gop_size,
	.gop_alloc	= ffs_gop_alloc,
	.gop_write	= genfs_gop_write,
	.gop_markupdate	= ffs_gop_markupdate,
	.gop_putrange	= genfs_gop_putrange,
};

/* Opening and attributes. */

static int
ffs_open(void *v)
{
	struct vop_open_args *ap = v;

	if ((VTOI(ap->a_vp)->i_flags & FFS_APPEND) != 0 &&
	    (ap->a_mode & (FWRITE | O_APPEND)) == FWRITE)
		return EPERM;
	return 0;
}

static int
ffs_close(void *v)
{
	struct vop_close_args *ap = v;

	ffs_itimes(VTOI(ap->a_vp));
	return 0;
}

/* Can this file be written at all, whoever asks? */
static int
ffs_access_possible(struct vnode *vp, accmode_t accmode)
{
	const struct ffs_inode *ip = VTOI(vp);

	if ((accmode & (VMODIFY_PERMS | VWRITE_NAMED_ATTRS)) == 0)
		return 0;
	switch (vp->v_type) {
	case VDIR:
	case VLNK:
	case VREG:
		if ((vp->v_mount->mnt_flag & MNT_RDONLY) != 0)
			return EROFS;
		break;
	default:
		break;
	}
	if ((accmode & VWRITE) != 0 && (ip->i_flags & FFS_IMMUTABLE) != 0)
		return EPERM;
	return 0;
}

static int
ffs_accessx(void *v)
{
	struct vop_accessx_args *ap = v;
	struct vnode *vp = ap->a_vp;
	const struct ffs_inode *ip = VTOI(vp);
	accmode_t accmode = ap->a_accmode;
	int error;

	error = ffs_access_possible(vp, accmode);
	if (error != 0)
		return error;
	error = ffs_acl_access(VTOI(vp), accmode, ap->a_cred);
	if (error != ENOATTR)
		return kauth_authorize_vnode(ap->a_cred,
		    KAUTH_ACCESS_ACTION(accmode, vp->v_type, ip->i_mode), vp,
		    NULL, error);
	error = vfs_unixify_accmode(&accmode);
	if (error != 0 || accmode == 0)
		return error;
	return kauth_authorize_vnode(ap->a_cred,
	    KAUTH_ACCESS_ACTION(accmode, vp->v_type, ip->i_mode), vp, NULL,
	    genfs_can_access(vp, ap->a_cred, ip->i_uid, ip->i_gid,
	    ip->i_mode & ALLPERMS, NULL, accmode));
}

static int
ffs_getattr(void *v)
{
	struct vop_getattr_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct ffs_inode *ip = VTOI(vp);
	struct vattr *vap = ap->a_vap;

	ffs_itimes(ip);
	vap->va_type = vp->v_type;
	vap->va_mode = ip->i_mode & ALLPERMS;
	vap->va_nlink = (nlink_t)(ip->i_nlink < 0 ? 0 : ip->i_nlink);
	vap->va_uid = ip->i_uid;
	vap->va_gid = ip->i_gid;
	vap->va_fsid = ip->i_fm->fm_dev;
	vap->va_fileid = ip->i_number;
	vap->va_size = ip->i_size;
	vap->va_blocksize = ip->i_fm->fm_fs->fs_bsize;
	vap->va_atime = ip->i_atime;
	vap->va_mtime = ip->i_mtime;
	vap->va_ctime = ip->i_ctime;
	vap->va_birthtime = ip->i_birthtime;
	vap->va_gen = ip->i_gen;
	vap->va_flags = ip->i_flags;
	vap->va_rdev = vp->v_type == VBLK || vp->v_type == VCHR ?
	    vp->v_rdev : 0;
	vap->va_bytes = ip->i_blocks << FFS_DEV_BSHIFT;
	vap->va_filerev = ip->i_modrev;
	vap->va_vaflags = 0;
	vap->va_spare = 0;
	return 0;
}

static int
ffs_chflags(struct ffs_inode *ip, u_long flags, kauth_cred_t cred)
{
	kauth_action_t action = KAUTH_VNODE_WRITE_FLAGS;
	const bool sys = (flags & SF_SETTABLE) != (ip->i_flags & SF_SETTABLE);
	int error;

	if ((ip->i_flags & (SF_IMMUTABLE | SF_APPEND)) != 0)
		action |= KAUTH_VNODE_HAS_SYSFLAGS;
	if (sys)
		action |= KAUTH_VNODE_WRITE_SYSFLAGS;
	if (((flags ^ ip->i_flags) & SF_SNAPSHOT) != 0)
		return EPERM;
	error = kauth_authorize_vnode(cred, action, ITOV(ip), NULL,
	    genfs_can_chflags(ITOV(ip), cred, ip->i_uid, sys));
	if (error != 0)
		return error;
	if (sys)
		ip->i_flags = (uint32_t)flags;
	else
		ip->i_flags = (ip->i_flags & SF_SETTABLE) |
		    ((uint32_t)flags & UF_SETTABLE);
	ip->i_flag |= IN_CHANGE;
	return 0;
}

static int
ffs_chown(struct ffs_inode *ip, uid_t uid, gid_t gid, kauth_cred_t cred)
{
	struct vnode *vp = ITOV(ip);
	const uid_t ouid = ip->i_uid;
	const gid_t ogid = ip->i_gid;
	int error;

	if (uid == (uid_t)VNOVAL)
		uid = ouid;
	if (gid == (gid_t)VNOVAL)
		gid = ogid;
	error = kauth_authorize_vnode(cred, KAUTH_VNODE_CHANGE_OWNERSHIP, vp,
	    NULL, genfs_can_chown(vp, cred, ouid, ogid, uid, gid));
	if (error != 0)
		return error;
	ip->i_uid = uid;
	ip->i_gid = gid;
	ip->i_flag |= IN_CHANGE;
	if ((ip->i_mode & S_ISUID) != 0 && kauth_authorize_vnode(cred,
	    KAUTH_VNODE_RETAIN_SUID, vp, NULL, EPERM) != 0)
		ip->i_mode &= (uint16_t)~S_ISUID;
	if ((ip->i_mode & S_ISGID) != 0 && kauth_authorize_vnode(cred,
	    KAUTH_VNODE_RETAIN_SGID, vp, NULL, EPERM) != 0)
		ip->i_mode &= (uint16_t)~S_ISGID;
	ffs_enter_id(ip);
	return 0;
}

static int
ffs_chmod(struct ffs_inode *ip, mode_t mode, kauth_cred_t cred)
{
	struct vnode *vp = ITOV(ip);
	int error;

	if ((ip->i_flags & SF_SNAPSHOT) != 0 && (mode & (S_IXUSR | S_IWUSR |
	    S_IXGRP | S_IWGRP | S_IXOTH | S_IWOTH)) != 0)
		return EPERM;
	error = genfs_can_chmod(vp, cred, ip->i_uid, ip->i_gid, mode);
	if (error != 0 && (mode & (S_ISUID | S_ISGID | S_ISVTX)) == 0 &&
	    ffs_acl_grants(ip, VWRITE_ACL, cred))
		error = 0;
	error = kauth_authorize_vnode(cred, KAUTH_VNODE_WRITE_SECURITY, vp,
	    NULL, error);
	if (error == 0)
		error = ffs_acl_chmod(ip, cred);
	if (error != 0)
		return error;
	ip->i_mode = (uint16_t)((ip->i_mode & ~ALLPERMS) | (mode & ALLPERMS));
	ip->i_flag |= IN_CHANGE;
	ffs_enter_id(ip);
	return 0;
}

/* FFSv1 keeps 32 bits of seconds: the nearest it can say. */
static struct timespec
ffs_settable_time(const struct ffs_inode *ip, struct timespec ts)
{
	if (!ffs_isufs2(ip->i_fm->fm_fs)) {
		if (ts.tv_sec > INT32_MAX)
			ts.tv_sec = INT32_MAX;
		else if (ts.tv_sec < INT32_MIN)
			ts.tv_sec = INT32_MIN;
	}
	return ts;
}

static int
ffs_chtimes(struct ffs_inode *ip, const struct vattr *vap, kauth_cred_t cred)
{
	struct vnode *vp = ITOV(ip);
	int error;

	if ((ip->i_flags & SF_SNAPSHOT) != 0)
		return EPERM;
	error = genfs_can_chtimes(vp, cred, ip->i_uid, vap->va_vaflags);
	if (error != 0 && ffs_acl_grants(ip, VWRITE_ATTRIBUTES, cred))
		error = 0;
	error = kauth_authorize_vnode(cred, KAUTH_VNODE_WRITE_TIMES, vp, NULL,
	    error);
	if (error != 0)
		return error;
	ffs_itimes(ip);
	if (vap->va_atime.tv_sec != VNOVAL || vap->va_atime.tv_nsec > 0)
		ip->i_atime = ffs_settable_time(ip, vap->va_atime);
	if (vap->va_mtime.tv_sec != VNOVAL || vap->va_mtime.tv_nsec > 0)
		ip->i_mtime = ffs_settable_time(ip, vap->va_mtime);
	if (vap->va_birthtime.tv_sec != VNOVAL &&
	    ffs_isufs2(ip->i_fm->fm_fs))
		ip->i_birthtime = vap->va_birthtime;
	ip->i_flag |= IN_CHANGE | IN_MODIFIED;
	return 0;
}

static int
ffs_chsize(struct ffs_inode *ip, u_quad_t size, kauth_cred_t cred)
{
	switch (ITOV(ip)->v_type) {
	case VDIR:
		return EISDIR;
	case VREG:
		if ((ip->i_flags & SF_SNAPSHOT) != 0)
			return EPERM;
		if (size > INT64_MAX)
			return EFBIG;
		return ffs_truncate(ip, (off_t)size, 0, cred);
	case VLNK:
		return EOPNOTSUPP;
	default:
		return 0;	/* devices and FIFOs have no size to set */
	}
}

static bool
ffs_settimes_p(const struct vattr *vap)
{
	return vap->va_atime.tv_sec != VNOVAL ||
	    vap->va_mtime.tv_sec != VNOVAL ||
	    vap->va_birthtime.tv_sec != VNOVAL ||
	    vap->va_atime.tv_nsec > 0 || vap->va_mtime.tv_nsec > 0;
}

/* To touch an append-only file is as little a change as to append nothing. */
static bool
ffs_touches_only(const struct ffs_inode *ip, const struct vattr *vap)
{
	return (ip->i_flags & FFS_IMMUTABLE) == 0 &&
	    (vap->va_vaflags & RUMPY_VA_TOUCH) != 0 &&
	    vap->va_flags == VNOVALFLAGS && vap->va_size == VNOVALSIZE &&
	    vap->va_uid == (uid_t)VNOVAL && vap->va_gid == (gid_t)VNOVAL &&
	    vap->va_mode == (mode_t)VNOVAL;
}

static int
ffs_setattr_each(struct ffs_inode *ip, const struct vattr *vap,
    kauth_cred_t cred)
{
	int error = 0;

	if (vap->va_flags != VNOVALFLAGS) {
		error = ffs_chflags(ip, vap->va_flags, cred);
		if (error != 0 ||
		    (vap->va_flags & (FFS_IMMUTABLE | FFS_APPEND)) != 0)
			return error;
	}
	if ((ip->i_flags & (FFS_IMMUTABLE | FFS_APPEND)) != 0 &&
	    !ffs_touches_only(ip, vap))
		return EPERM;
	if (vap->va_uid != (uid_t)VNOVAL || vap->va_gid != (gid_t)VNOVAL)
		error = ffs_chown(ip, vap->va_uid, vap->va_gid, cred);
	if (error == 0 && vap->va_size != VNOVALSIZE)
		error = ffs_chsize(ip, vap->va_size, cred);
	if (error == 0 && ffs_settimes_p(vap))
		error = ffs_chtimes(ip, vap, cred);
	if (error == 0 && vap->va_mode != (mode_t)VNOVAL)
		error = ffs_chmod(ip, vap->va_mode, cred);
	return error;
}

static int
ffs_setattr(void *v)
{
	struct vop_setattr_args *ap = v;
	const struct vattr *vap = ap->a_vap;
	struct ffs_inode *ip = VTOI(ap->a_vp);
	int error;

	if (vap->va_type != VNON || vap->va_nlink != (nlink_t)VNOVAL ||
	    vap->va_fsid != (dev_t)VNOVAL || vap->va_fileid != (ino_t)VNOVAL ||
	    vap->va_blocksize != VNOVAL || vap->va_rdev != (dev_t)VNOVAL ||
	    vap->va_bytes != (u_quad_t)VNOVAL || vap->va_gen != (u_long)VNOVAL)
		return EINVAL;
	if ((ap->a_vp->v_mount->mnt_flag & MNT_RDONLY) != 0) {
		/* Nothing but the "size" of a device can be set. */
		if (vap->va_flags != VNOVALFLAGS || ffs_settimes_p(vap) ||
		    vap->va_uid != (uid_t)VNOVAL ||
		    vap->va_gid != (gid_t)VNOVAL ||
		    vap->va_mode != (mode_t)VNOVAL ||
		    ap->a_vp->v_type == VREG || ap->a_vp->v_type == VLNK ||
		    ap->a_vp->v_type == VDIR)
			return EROFS;
		return 0;
	}
	error = ffs_setattr_each(ip, vap, ap->a_cred);
	/* With a journal, changes are kept in order. */
	if (ffs_syncmeta(ip->i_fm) || ip->i_fm->fm_log != NULL)
		(void)ffs_update(ip, true);
	return error;
}

/* Names. */

/* Fill a new file and enter its name; dlinks more links for its parent. */
static int
ffs_make_name(struct ffs_inode *dp, struct ffs_inode *ip,
    struct componentname *cnp, int dlinks, int (*fill)(struct ffs_inode *,
    struct ffs_inode *, void *, kauth_cred_t), void *arg)
{
	struct ffs_tx tx;
	int error;

	error = ffs_begin(dp->i_fm, &tx);
	if (error != 0)
		return error;
	ip->i_nlink = (int16_t)(1 + dlinks);
	ffs_touch(ip);
	if (dlinks != 0) {
		dp->i_nlink = (int16_t)(dp->i_nlink + dlinks);
		dp->i_flag |= IN_CHANGE | IN_MODIFIED;
		ffs_touch(dp);
		if (ffs_syncmeta(dp->i_fm))
			(void)ffs_update(dp, true);
	}
	if (fill != NULL)
		error = (*fill)(ip, dp, arg, cnp->cn_cred);
	if (error == 0 && ffs_syncmeta(ip->i_fm))
		error = ffs_update(ip, true);
	if (error == 0)
		error = ffs_dir_enter(dp, cnp, ip, cnp->cn_cred);
	if (error != 0) {
		dp->i_nlink = (int16_t)(dp->i_nlink - dlinks);
		ip->i_nlink = 0;
		ip->i_flag |= IN_CHANGE | IN_MODIFIED;
	}
	ffs_end(&tx);
	return error;
}

/*
 * Make a file and enter its name: with fill, first give it its contents.
 * dvp is locked; *vpp is referenced, not locked.
 */
static int
ffs_make(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *vap, int (*fill)(struct ffs_inode *, struct ffs_inode *,
    void *, kauth_cred_t), void *arg)
{
	const bool isdir = vap->va_type == VDIR;
	struct ffs_inode *ip;
	struct vnode *vp;
	int error;

	*vpp = NULL;
	error = vcache_new(dvp->v_mount, dvp, vap, cnp->cn_cred, NULL, &vp);
	if (error != 0)
		return error;
	error = vn_lock(vp, LK_EXCLUSIVE);
	if (error != 0) {
		vrele(vp);
		return error;
	}
	ip = VTOI(vp);
	ip->i_flag |= IN_ACCESS | IN_UPDATE | IN_CHANGE | IN_MODIFIED;
	error = ffs_acl_inherit(VTOI(dvp), ip, cnp->cn_cred);
	if (error == 0)
		error = ffs_make_name(VTOI(dvp), ip, cnp, isdir, fill, arg);
	if (error != 0) {
		ip->i_nlink = 0;
		vput(vp);
		return error;
	}
	VOP_UNLOCK(vp);
	if ((cnp->cn_flags & MAKEENTRY) != 0)
		cache_enter(dvp, vp, cnp->cn_nameptr, cnp->cn_namelen,
		    cnp->cn_flags);
	*vpp = vp;
	return 0;
}

static int
ffs_create(void *v)
{
	struct vop_create_v3_args *ap = v;

	return ffs_make(ap->a_dvp, ap->a_vpp, ap->a_cnp, ap->a_vap, NULL,
	    NULL);
}

static int
ffs_mknod(void *v)
{
	struct vop_mknod_v3_args *ap = v;

	return ffs_make(ap->a_dvp, ap->a_vpp, ap->a_cnp, ap->a_vap, NULL,
	    NULL);
}

/* The parent gets a link for the ".." of its new child before that exists. */
static int
ffs_mkdir_fill(struct ffs_inode *ip, struct ffs_inode *dp,
    void *arg __unused, kauth_cred_t cred)
{
	return ffs_dir_init(ip, dp->i_number, cred);
}

static int
ffs_mkdir(void *v)
{
	struct vop_mkdir_v3_args *ap = v;

	*ap->a_vpp = NULL;
	if (VTOI(ap->a_dvp)->i_nlink >= UFS_LINK_MAX)
		return EMLINK;
	return ffs_make(ap->a_dvp, ap->a_vpp, ap->a_cnp, ap->a_vap,
	    ffs_mkdir_fill, NULL);
}

static int
ffs_symlink_fill(struct ffs_inode *ip, struct ffs_inode *dp __unused,
    void *arg, kauth_cred_t cred)
{
	const char *target = arg;
	const size_t len = strlen(target);

	if (len > FFS_SYMLINK_MAX)
		return ENAMETOOLONG;
	if (len >= (size_t)ip->i_fm->fm_fs->fs_maxsymlinklen)
		return ffs_bufio(ip, arg, len, true, cred);
	memcpy(ip->i_shortlink, target, len);
	ip->i_flag |= IN_SHORTLINK | IN_CHANGE | IN_UPDATE | IN_MODIFIED;
	ip->i_size = len;
	uvm_vnp_setsize(ITOV(ip), (voff_t)len);
	return 0;
}

static int
ffs_symlink(void *v)
{
	struct vop_symlink_v3_args *ap = v;

	return ffs_make(ap->a_dvp, ap->a_vpp, ap->a_cnp, ap->a_vap,
	    ffs_symlink_fill, ap->a_target);
}

static int
ffs_readlink(void *v)
{
	struct vop_readlink_args *ap = v;
	struct ffs_inode *ip = VTOI(ap->a_vp);
	const size_t len = (size_t)ip->i_size;
	char *copy;
	int error;

	if (ap->a_vp->v_type != VLNK)
		return EINVAL;
	ffs_accessed(ip);
	if ((ip->i_flag & IN_SHORTLINK) != 0)
		return uiomove(ip->i_shortlink, MIN(len, ap->a_uio->uio_resid),
		    ap->a_uio);
	if (len == 0)
		return 0;
	copy = kmem_alloc(len, KM_SLEEP);
	error = ffs_bufio(ip, copy, len, false, NOCRED);
	if (error == 0)
		error = uiomove(copy, MIN(len, ap->a_uio->uio_resid),
		    ap->a_uio);
	kmem_free(copy, len);
	return error;
}

/*
 * A file whose last name is gone may get one again while somebody uses it:
 * Linux's O_TMPFILE needs that, and for all others it is as if the new name
 * had come before the old one went.
 */
static int
ffs_link(void *v)
{
	struct vop_link_v2_args *ap = v;
	struct vnode *dvp = ap->a_dvp, *vp = ap->a_vp;
	struct componentname *cnp = ap->a_cnp;
	struct ffs_inode *ip;
	struct ffs_tx tx;
	int error;

	if (dvp == vp)
		return EPERM;
	error = kauth_authorize_vnode(cnp->cn_cred, KAUTH_VNODE_ADD_LINK, vp,
	    dvp, 0);
	if (error != 0)
		return error;
	error = vn_lock(vp, LK_EXCLUSIVE);
	if (error != 0)
		return error;
	ip = VTOI(vp);
	if (vp->v_type == VDIR)
		error = EPERM;
	else if (ip->i_mode == 0)
		error = ENOENT;
	else if (ip->i_nlink >= UFS_LINK_MAX)
		error = EMLINK;
	else if ((ip->i_flags & (FFS_IMMUTABLE | FFS_APPEND)) != 0)
		error = EPERM;
	if (error == 0)
		error = ffs_begin(ip->i_fm, &tx);
	if (error == 0) {
		ffs_touch(ip);
		ip->i_nlink++;
		ip->i_flag |= IN_CHANGE | IN_MODIFIED;
		if (ffs_syncmeta(ip->i_fm))
			error = ffs_update(ip, true);
		if (error == 0)
			error = ffs_dir_enter(VTOI(dvp), cnp, ip,
			    cnp->cn_cred);
		if (error != 0) {
			ip->i_nlink--;
			ip->i_flag |= IN_CHANGE | IN_MODIFIED;
		}
		ffs_end(&tx);
	}
	VOP_UNLOCK(vp);
	return error;
}

/* May a name of this file go away from this directory? */
static int
ffs_remove_possible(const struct ffs_inode *dp, const struct ffs_inode *ip)
{
	if ((ip->i_flags & (FFS_IMMUTABLE | FFS_APPEND)) != 0 ||
	    (dp->i_flags & FFS_APPEND) != 0)
		return EPERM;
	return 0;
}

static int
ffs_remove(void *v)
{
	struct vop_remove_v3_args *ap = v;
	struct vnode *dvp = ap->a_dvp, *vp = ap->a_vp;
	struct ffs_inode *dp = VTOI(dvp), *ip = VTOI(vp);
	struct ffs_tx tx = { .tx_log = NULL };
	int error;

	error = vp->v_type == VDIR ? EPERM : ffs_remove_possible(dp, ip);
	if (error == 0)
		error = ffs_begin(dp->i_fm, &tx);
	if (error == 0)
		error = ffs_dir_remove(dp, ap->a_cnp, ip->i_number);
	if (error == 0) {
		ffs_touch(ip);
		if (ip->i_nlink > 0)
			ip->i_nlink--;
		ip->i_flag |= IN_CHANGE | IN_MODIFIED;
		ap->ctx_vp_new_nlink = (nlink_t)(ip->i_nlink < 0 ? 0 :
		    ip->i_nlink);
		if (ffs_syncmeta(ip->i_fm))
			(void)ffs_update(ip, true);
	}
	ffs_end(&tx);
	if (dvp == vp)
		vrele(vp);
	else
		vput(vp);
	return error;
}

static int
ffs_rmdir(void *v)
{
	struct vop_rmdir_v2_args *ap = v;
	struct vnode *dvp = ap->a_dvp, *vp = ap->a_vp;
	struct ffs_inode *dp = VTOI(dvp), *ip = VTOI(vp);
	struct ffs_tx tx = { .tx_log = NULL };
	int error;

	if (dvp == vp) {
		vrele(vp);
		return EINVAL;
	}
	if (vp->v_type != VDIR)
		error = ENOTDIR;
	else if (vp->v_mountedhere != NULL)
		error = EBUSY;
	else
		error = ffs_dir_empty(ip);
	if (error == 0)
		error = ffs_remove_possible(dp, ip);
	if (error == 0)
		error = ffs_begin(dp->i_fm, &tx);
	if (error == 0)
		error = ffs_dir_remove(dp, ap->a_cnp, ip->i_number);
	if (error == 0) {
		ffs_touch(dp);
		ffs_touch(ip);
		if (dp->i_nlink > 0)
			dp->i_nlink--;
		dp->i_flag |= IN_CHANGE | IN_MODIFIED;
		cache_purge(dvp);
		ip->i_nlink = 0;
		ip->i_flag |= IN_CHANGE | IN_MODIFIED;
		(void)ffs_truncate(ip, 0, 0, ap->a_cnp->cn_cred);
		ffs_dirhash_free(ip);
		cache_purge(vp);
		if (ffs_syncmeta(ip->i_fm)) {
			(void)ffs_update(dp, true);
			(void)ffs_update(ip, true);
		}
	}
	ffs_end(&tx);
	vput(vp);
	return error;
}

/* Making durable. */

/*
 * Write what leads from the root to a file that got a new name: each
 * directory's blocks and inode, as far up as there are new names.  Only
 * buffers are locked, so that a child's lock may be held.
 */
static int
ffs_fsync_names(struct ffs_inode *ip)
{
	struct mount *mp = ITOV(ip)->v_mount;
	struct vnode *dvp = NULL, *next;
	uint64_t parent = ip->i_nameparent;
	int error = 0;

	ip->i_nameparent = 0;
	while (parent != 0 && error == 0) {
		struct ffs_inode *dp;

		error = vcache_get(mp, &parent, sizeof(parent), &next);
		if (dvp != NULL)
			vrele(dvp);
		if (error != 0)
			return error == ENOENT ? 0 : error;
		dvp = next;
		dp = VTOI(dvp);
		if (dvp->v_type != VDIR)
			break;
		error = vflushbuf(dvp, FSYNC_WAIT);
		if (error == 0)
			error = ffs_update_sync(dp);
		parent = dp->i_nameparent;
		dp->i_nameparent = 0;
	}
	if (dvp != NULL)
		vrele(dvp);
	return error;
}

/*
 * Write a file: its pages, its buffers, then its inode.  With hi 0 all of it
 * from lo on.
 */
int
ffs_fsync_inode(struct ffs_inode *ip, int flags, off_t lo, off_t hi)
{
	struct vnode *vp = ITOV(ip);
	const bool wait = (flags & FSYNC_WAIT) != 0;
	int error;

	if (vp->v_type == VREG && (lo != 0 || hi != 0)) {
		rw_enter(vp->v_uobj.vmobjlock, RW_WRITER);
		error = VOP_PUTPAGES(vp, trunc_page(lo),
		    hi == 0 ? 0 : round_page(hi),
		    PGO_CLEANIT | (wait ? PGO_SYNCIO : 0));
		if (error != 0)
			return error;
		if (!LIST_EMPTY(&vp->v_dirtyblkhd))
			error = vflushbuf(vp, flags);
	} else
		error = vflushbuf(vp, flags);
	if (error == 0 && wait)
		error = ffs_ea_sync(ip);
	if (error != 0)
		return error;
	/* A vnode that goes away only has to leave its inode in a buffer. */
	if (!wait || (flags & FSYNC_RECLAIM) != 0)
		return ffs_update(ip, false);
	return ffs_update_sync(ip);
}

/*
 * With a journal one commit makes all durable: attributes and names.  A vnode
 * that goes away must not leave buffers: they have to go home.
 */
int
ffs_fsync_log(struct ffs_inode *ip, int flags)
{
	struct vnode *vp = ITOV(ip);
	int error;

	if ((flags & FSYNC_WAIT) == 0)
		return 0;
	if ((flags & FSYNC_RECLAIM) == 0)
		return ffs_log_flush(ip->i_fm);
	if (LIST_EMPTY(&vp->v_dirtyblkhd))
		return 0;
	error = ffs_log_flush(ip->i_fm);
	return error != 0 ? error : vflushbuf(vp, FSYNC_WAIT);
}

static int
ffs_fsync(void *v)
{
	struct vop_fsync_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct ffs_inode *ip = VTOI(vp);
	const bool wait = (ap->a_flags & FSYNC_WAIT) != 0;
	int error, force = 1;

	if (ip->i_fm->fm_ronly)
		return 0;
	if (vp->v_type == VBLK || vp->v_type == VCHR) {
		error = spec_fsync(v);
		if (error == 0 && wait)
			error = ffs_ea_sync(ip);
		if (error == 0)
			error = wait ? ffs_update_sync(ip) :
			    ffs_update(ip, false);
	} else if (ip->i_mode == 0 && ip->i_size == 0 &&
	    LIST_EMPTY(&vp->v_dirtyblkhd)) {
		return 0;	/* removed: there is nothing to write */
	} else
		error = ffs_written(ip->i_fm, ffs_fsync_inode(ip, ap->a_flags,
		    ap->a_offlo, ap->a_offhi));
	if (ip->i_fm->fm_log != NULL)
		return error != 0 ? error : ffs_fsync_log(ip, ap->a_flags);
	if (error != 0 || !wait || (ap->a_flags & FSYNC_RECLAIM) != 0)
		return error;
	error = ffs_fsync_names(ip);
	if (error == 0) {
		error = VOP_IOCTL(ip->i_fm->fm_devvp, DIOCCACHESYNC, &force,
		    FWRITE, curlwp->l_cred);
		if (error == ENOTTY || error == ENODEV || error == EOPNOTSUPP)
			error = 0;
	}
	return error;
}

/* The end of a vnode. */

static int
ffs_inactive(void *v)
{
	struct vop_inactive_v2_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct ffs_inode *ip = VTOI(vp);
	int error = 0;

	if (ip->i_mode != 0 && ip->i_nlink <= 0 && !ip->i_fm->fm_ronly) {
		ip->i_flag |= IN_DYING;
		if ((vp->v_type == VREG || vp->v_type == VDIR ||
		    vp->v_type == VLNK) && (ip->i_size | ip->i_blocks) != 0)
			error = ffs_truncate(ip, 0, 0, NOCRED);
		ffs_ea_free(ip);
		memset(ip->i_shortlink, 0, sizeof(ip->i_shortlink));
		ip->i_blocks = 0;
		ip->i_omode = ip->i_mode;
		ip->i_mode = 0;
		ip->i_flag |= IN_CHANGE | IN_UPDATE | IN_MODIFIED;
		/*
		 * With a journal this comes with the inode's number, in one
		 * transaction: NetBSD can't clean up one without a type.
		 */
		if (ip->i_fm->fm_log == NULL)
			(void)ffs_update(ip, ffs_syncmeta(ip->i_fm));
	}
	*ap->a_recycle = ip->i_mode == 0;
	return error;
}

/*
 * The number of a removed file is given back only here, when nobody can get
 * at this vnode any more: its next owner has another vnode.
 */
static int
ffs_reclaim(void *v)
{
	struct vop_reclaim_v2_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct ffs_inode *ip = VTOI(vp);
	struct ffs_tx tx;

	VOP_UNLOCK(vp);
	if (ffs_begin(ip->i_fm, &tx) == 0) {
		(void)ffs_update(ip, false);
		ffs_inode_unhash(ip);
		if (ip->i_mode == 0 && ip->i_omode != 0) {
			ffs_vfree(ip->i_fm, ip->i_number, ip->i_omode);
			ffs_log_unorphan(ip);
		}
		ffs_end(&tx);
	}
	ffs_ea_drop(ip);
	ffs_dirhash_free(ip);
	genfs_node_destroy(vp);
	mutex_enter(vp->v_interlock);
	vp->v_data = NULL;
	mutex_exit(vp->v_interlock);
	ffs_inode_free(ip);
	return 0;
}

/* Odds and ends. */

/* FIOSEEKDATA, FIOSEEKHOLE: blocks that exist are data. */
static int
ffs_seek(struct ffs_inode *ip, bool wanthole, off_t *offp)
{
	const struct fs *fs = ip->i_fm->fm_fs;
	off_t off = *offp;
	int64_t n;
	bool hole;
	int error;

	if (off < 0 || off >= (off_t)ip->i_size)
		return ENXIO;
	while (off < (off_t)ip->i_size) {
		error = ffs_bmap_hole(ip, FFS_LBLKNO(fs, off), &hole, &n);
		if (error != 0)
			return error;
		if (hole == wanthole) {
			*offp = off;
			return 0;
		}
		n += FFS_LBLKNO(fs, off);
		if (n > FFS_LBLKNO(fs, ip->i_size))
			break;
		off = FFS_LBLKTOSIZE(fs, n);
	}
	if (!wanthole)
		return ENXIO;
	*offp = (off_t)ip->i_size;
	return 0;
}

static int
ffs_ioctl(void *v)
{
	struct vop_ioctl_args *ap = v;
	struct vnode *vp = ap->a_vp;
	int error;

	if (vp->v_type != VREG ||
	    (ap->a_command != FIOSEEKDATA && ap->a_command != FIOSEEKHOLE))
		return EPASSTHROUGH;
	error = vn_lock(vp, LK_SHARED);
	if (error != 0)
		return error;
	error = ffs_seek(VTOI(vp), ap->a_command == FIOSEEKHOLE, ap->a_data);
	VOP_UNLOCK(vp);
	return error;
}

/*
 * posix_fallocate: the blocks exist and are zero, the size is unchanged by
 * failure.  FFS has no way to mark a block as unwritten, so zeros are
 * written.
 */
static int
ffs_fallocate(void *v)
{
	struct vop_fallocate_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct ffs_inode *ip = VTOI(vp);
	const struct fs *fs = ip->i_fm->fm_fs;
	const off_t osize = (off_t)ip->i_size;
	off_t off = ap->a_pos;
	int error;

	if (vp->v_type != VREG)
		return vp->v_type == VDIR ? EISDIR : EINVAL;
	if (off < 0 || ap->a_len <= 0)
		return EINVAL;
	if ((uint64_t)off + (uint64_t)ap->a_len > fs->fs_maxfilesize)
		return EFBIG;
	if ((ip->i_flags & (FFS_IMMUTABLE | FFS_APPEND)) != 0)
		return EPERM;
	error = ffs_fill_last(ip, off + ap->a_len, curlwp->l_cred);
	while (error == 0 && off < ap->a_pos + ap->a_len) {
		const off_t start = FFS_LBLKTOSIZE(fs, FFS_LBLKNO(fs, off));
		const off_t stop = MIN(ap->a_pos + ap->a_len,
		    start + fs->fs_bsize);
		const off_t fill = MAX(stop, MIN(start + fs->fs_bsize,
		    (off_t)ip->i_size));
		struct ffs_tx tx;
		bool isnew;

		error = ffs_begin(ip->i_fm, &tx);
		if (error != 0)
			break;
		error = ffs_balloc(ip, off, (int)(stop - off), curlwp->l_cred,
		    NULL, &isnew);
		if (error == 0 && (off_t)ip->i_size < stop) {
			ip->i_size = (uint64_t)stop;
			ffs_touch(ip);
			uvm_vnp_setwritesize(vp, stop);
		}
		if (error == 0 && isnew)
			error = ffs_zero(ip, start, fill, 0);
		ffs_end(&tx);
		uvm_vnp_setsize(vp, (voff_t)ip->i_size);
		off = stop;
	}
	if (error != 0)
		(void)ffs_truncate(ip, osize, 0, curlwp->l_cred);
	else
		ip->i_flag |= IN_CHANGE | IN_UPDATE | IN_MODIFIED;
	return error;
}

/* A hole in a file, whose size stays. */
static int
ffs_fdiscard(void *v)
{
	struct vop_fdiscard_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct ffs_inode *ip = VTOI(vp);
	const off_t size = (off_t)ip->i_size;
	int error;

	if (vp->v_type != VREG)
		return vp->v_type == VDIR ? EISDIR : EINVAL;
	if (ap->a_pos < 0 || ap->a_len <= 0)
		return EINVAL;
	if ((ip->i_flags & (FFS_IMMUTABLE | FFS_APPEND)) != 0)
		return EPERM;
	if (ap->a_pos >= size)
		return 0;
	error = ffs_punch(ip, ap->a_pos, ap->a_len > size - ap->a_pos ? size :
	    ap->a_pos + ap->a_len);
	if (error == 0)
		ip->i_flag |= IN_CHANGE | IN_UPDATE | IN_MODIFIED;
	return error;
}

static int
ffs_pathconf(void *v)
{
	struct vop_pathconf_args *ap = v;
	const struct fs *fs = VTOI(ap->a_vp)->i_fm->fm_fs;

	switch (ap->a_name) {
	case _PC_LINK_MAX:
		*ap->a_retval = UFS_LINK_MAX;
		return 0;
	case _PC_NAME_MAX:
		*ap->a_retval = UFS_MAXNAMLEN;
		return 0;
	case _PC_PATH_MAX:
		*ap->a_retval = MAXPATHLEN;
		return 0;
	case _PC_SYMLINK_MAX:
		*ap->a_retval = FFS_SYMLINK_MAX;
		return 0;
	case _PC_PIPE_BUF:
		*ap->a_retval = PIPE_BUF;
		return 0;
	case _PC_CHOWN_RESTRICTED:
	case _PC_NO_TRUNC:
	case _PC_SYNC_IO:
	case _PC_2_SYMLINKS:
		*ap->a_retval = 1;
		return 0;
	case _PC_FILESIZEBITS:
		*ap->a_retval = 65 - __builtin_clzll(fs->fs_maxfilesize);
		return 0;
	case _PC_MIN_HOLE_SIZE:
		*ap->a_retval = fs->fs_bsize;
		return 0;
	default:
		return genfs_pathconf(v);
	}
}

static int
ffs_advlock(void *v)
{
	struct vop_advlock_args *ap = v;
	struct ffs_inode *ip = VTOI(ap->a_vp);

	return lf_advlock(ap, &ip->i_lockf, (off_t)ip->i_size);
}

static int
ffs_print(void *v)
{
	struct vop_print_args *ap = v;
	const struct ffs_inode *ip = VTOI(ap->a_vp);

	printf("tag ffs, ino %llu, mode 0%o, nlink %d, size %llu, flags %#x\n",
	    (unsigned long long)ip->i_number, ip->i_mode, ip->i_nlink,
	    (unsigned long long)ip->i_size, ip->i_flag);
	return 0;
}

/* Devices and FIFOs: times of the inode, the rest is theirs. */

static int
ffs_spec_read(void *v)
{
	struct vop_read_args *ap = v;

	if ((ap->a_vp->v_mount->mnt_flag & MNT_NODEVMTIME) == 0)
		VTOI(ap->a_vp)->i_flag |= IN_ACCESS;
	return VOCALL(spec_vnodeop_p, VOFFSET(vop_read), v);
}

static int
ffs_spec_write(void *v)
{
	struct vop_write_args *ap = v;

	if ((ap->a_vp->v_mount->mnt_flag & MNT_NODEVMTIME) == 0)
		VTOI(ap->a_vp)->i_flag |= IN_UPDATE | IN_CHANGE;
	return VOCALL(spec_vnodeop_p, VOFFSET(vop_write), v);
}

static int
ffs_spec_close(void *v)
{
	struct vop_close_args *ap = v;

	ffs_itimes(VTOI(ap->a_vp));
	return VOCALL(spec_vnodeop_p, VOFFSET(vop_close), v);
}

static int
ffs_fifo_read(void *v)
{
	struct vop_read_args *ap = v;

	VTOI(ap->a_vp)->i_flag |= IN_ACCESS;
	return VOCALL(fifo_vnodeop_p, VOFFSET(vop_read), v);
}

static int
ffs_fifo_write(void *v)
{
	struct vop_write_args *ap = v;

	VTOI(ap->a_vp)->i_flag |= IN_UPDATE | IN_CHANGE;
	return VOCALL(fifo_vnodeop_p, VOFFSET(vop_write), v);
}

static int
ffs_fifo_close(void *v)
{
	struct vop_close_args *ap = v;

	ffs_itimes(VTOI(ap->a_vp));
	return VOCALL(fifo_vnodeop_p, VOFFSET(vop_close), v);
}

/*
 * A change is of now, and not of when somebody asks for its time; access times
 * may wait, since a read that sets them makes the inode dirty.
 */
static int
ffs_unlock(void *v)
{
	struct vop_unlock_args *ap = v;
	struct ffs_inode *ip = VTOI(ap->a_vp);

	if (ip != NULL && (ip->i_flag & (IN_CHANGE | IN_UPDATE)) != 0)
		ffs_itimes(ip);
	return genfs_unlock(v);
}

/* The vectors. */

/* What inodes of every kind share. */
#define	FFS_INODE_ENTRIES						\
	{ &vop_default_desc, vn_default_error },			\
	{ &vop_access_desc, genfs_access },				\
	{ &vop_accessx_desc, ffs_accessx },				\
	{ &vop_getattr_desc, ffs_getattr },				\
	{ &vop_setattr_desc, ffs_setattr },				\
	{ &vop_fcntl_desc, ffs_fcntl },				\
	{ &vop_fsync_desc, ffs_fsync },					\
	{ &vop_inactive_desc, ffs_inactive },				\
	{ &vop_reclaim_desc, ffs_reclaim },				\
	{ &vop_lock_desc, genfs_lock },					\
	{ &vop_unlock_desc, ffs_unlock },				\
	{ &vop_islocked_desc, genfs_islocked },				\
	{ &vop_print_desc, ffs_print },					\
	{ &vop_getextattr_desc, ffs_getextattr },			\
	{ &vop_setextattr_desc, ffs_setextattr },			\
	{ &vop_listextattr_desc, ffs_listextattr },			\
	{ &vop_deleteextattr_desc, ffs_deleteextattr },			\
	{ &vop_openextattr_desc, ffs_openextattr },			\
	{ &vop_closeextattr_desc, ffs_closeextattr },			\
	{ &vop_getacl_desc, ffs_getacl },				\
	{ &vop_setacl_desc, ffs_setacl },				\
	{ &vop_aclcheck_desc, ffs_aclcheck },				\
	{ &vop_bwrite_desc, vn_bwrite }

int (**ffs_vnodeop_p)(void *);
static const struct vnodeopv_entry_desc ffs_vnodeop_entries[] = {
	FFS_INODE_ENTRIES,
	{ &vop_parsepath_desc, genfs_parsepath },
	{ &vop_lookup_desc, ffs_lookup },
	{ &vop_create_desc, ffs_create },
	{ &vop_whiteout_desc, genfs_eopnotsupp },
	{ &vop_mknod_desc, ffs_mknod },
	{ &vop_open_desc, ffs_open },
	{ &vop_close_desc, ffs_close },
	{ &vop_read_desc, ffs_read },
	{ &vop_write_desc, ffs_write },
	{ &vop_fallocate_desc, ffs_fallocate },
	{ &vop_fdiscard_desc, ffs_fdiscard },
	{ &vop_ioctl_desc, ffs_ioctl },
	{ &vop_poll_desc, genfs_poll },
	{ &vop_kqfilter_desc, genfs_kqfilter },
	{ &vop_revoke_desc, genfs_revoke },
	{ &vop_mmap_desc, genfs_mmap },
	{ &vop_seek_desc, genfs_seek },
	{ &vop_remove_desc, ffs_remove },
	{ &vop_link_desc, ffs_link },
	{ &vop_rename_desc, ffs_rename },
	{ &vop_mkdir_desc, ffs_mkdir },
	{ &vop_rmdir_desc, ffs_rmdir },
	{ &vop_symlink_desc, ffs_symlink },
	{ &vop_readdir_desc, ffs_readdir },
	{ &vop_readlink_desc, ffs_readlink },
	{ &vop_abortop_desc, genfs_abortop },
	{ &vop_bmap_desc, ffs_bmap },
	{ &vop_strategy_desc, ffs_strategy },
	{ &vop_pathconf_desc, ffs_pathconf },
	{ &vop_advlock_desc, ffs_advlock },
	{ &vop_getpages_desc, genfs_getpages },
	{ &vop_putpages_desc, genfs_putpages },
	{ NULL, NULL }
};
const struct vnodeopv_desc ffs_vnodeop_opv_desc =
    { &ffs_vnodeop_p, ffs_vnodeop_entries };

int (**ffs_specop_p)(void *);
static const struct vnodeopv_entry_desc ffs_specop_entries[] = {
	FFS_INODE_ENTRIES,
	GENFS_SPECOP_ENTRIES,
	{ &vop_close_desc, ffs_spec_close },
	{ &vop_read_desc, ffs_spec_read },
	{ &vop_write_desc, ffs_spec_write },
	{ NULL, NULL }
};
const struct vnodeopv_desc ffs_specop_opv_desc =
    { &ffs_specop_p, ffs_specop_entries };

int (**ffs_fifoop_p)(void *);
static const struct vnodeopv_entry_desc ffs_fifoop_entries[] = {
	FFS_INODE_ENTRIES,
	GENFS_FIFOOP_ENTRIES,
	{ &vop_close_desc, ffs_fifo_close },
	{ &vop_read_desc, ffs_fifo_read },
	{ &vop_write_desc, ffs_fifo_write },
	{ NULL, NULL }
};
const struct vnodeopv_desc ffs_fifoop_opv_desc =
    { &ffs_fifoop_p, ffs_fifoop_entries };
