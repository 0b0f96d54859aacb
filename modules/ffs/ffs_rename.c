/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VOP_RENAME: what genfs_rename(9) leaves to the file system.
 *
 * A crash in between leaves a file with one name too many and a link count
 * that is too high, never one too few.  Only where two files change places and
 * no journal is written may a crash leave one of them without its name; its
 * link count is right, and fsck puts it into lost+found.
 */

#include "ffs.h"

#include <sys/stat.h>
#include <lib/libkern/libkern.h>
#include <rumpy/vnode.h>

#define	FFS_IMMUTABLE	(UF_IMMUTABLE | SF_IMMUTABLE)
#define	FFS_APPEND	(UF_APPEND | SF_APPEND)

/* No path is longer: more steps upward mean a loop of damaged "..". */
#define	FFS_MAXDEPTH	(1024 * 1024)

static bool
ffs_gro_directory_empty_p(struct mount *mp __unused,
    kauth_cred_t cred __unused, struct vnode *vp,
    struct vnode *dvp __unused)
{
	return ffs_dir_empty(VTOI(vp)) == 0;
}

static int
ffs_gro_rename_check_possible(struct mount *mp __unused, struct vnode *fdvp,
    struct vnode *fvp, struct vnode *tdvp, struct vnode *tvp)
{
	return genfs_ufslike_rename_check_possible(VTOI(fdvp)->i_flags,
	    VTOI(fvp)->i_flags, VTOI(tdvp)->i_flags,
	    tvp != NULL ? VTOI(tvp)->i_flags : 0, tvp != NULL,
	    FFS_IMMUTABLE, FFS_APPEND);
}

static int
ffs_gro_rename_check_permitted(struct mount *mp __unused, kauth_cred_t cred,
    struct vnode *fdvp, struct vnode *fvp, struct vnode *tdvp,
    struct vnode *tvp)
{
	return genfs_ufslike_rename_check_permitted(cred,
	    fdvp, VTOI(fdvp)->i_mode, VTOI(fdvp)->i_uid,
	    fvp, VTOI(fvp)->i_uid,
	    tdvp, VTOI(tdvp)->i_mode, VTOI(tdvp)->i_uid,
	    tvp, tvp != NULL ? VTOI(tvp)->i_uid : 0);
}

static int
ffs_gro_remove_check_possible(struct mount *mp __unused, struct vnode *dvp,
    struct vnode *vp)
{
	return genfs_ufslike_remove_check_possible(VTOI(dvp)->i_flags,
	    VTOI(vp)->i_flags, FFS_IMMUTABLE, FFS_APPEND);
}

static int
ffs_gro_remove_check_permitted(struct mount *mp __unused, kauth_cred_t cred,
    struct vnode *dvp, struct vnode *vp)
{
	return genfs_ufslike_remove_check_permitted(cred, dvp,
	    VTOI(dvp)->i_mode, VTOI(dvp)->i_uid, vp, VTOI(vp)->i_uid);
}

/* Take one link from an inode; directories also lose their ".". */
static void
ffs_droplink(struct ffs_inode *ip)
{
	if (S_ISDIR(ip->i_mode))
		ip->i_nlink = 0;
	else if (ip->i_nlink > 0)
		ip->i_nlink--;
	ip->i_flag |= IN_CHANGE | IN_MODIFIED;
	ffs_touch(ip);
}

static void
ffs_addlink(struct ffs_inode *ip, int d)
{
	if (d > 0 || ip->i_nlink > 0)
		ip->i_nlink = (int16_t)(ip->i_nlink + d);
	ip->i_flag |= IN_CHANGE | IN_MODIFIED;
	ffs_touch(ip);
}

/* Write an inode at once where the mount wants that. */
static void
ffs_settle(struct ffs_inode *ip)
{
	if (ffs_syncmeta(ip->i_fm))
		(void)ffs_update(ip, true);
}

/* Let the name in tdp, which leads to tp or nowhere, lead to fp. */
static int
ffs_rename_enter(struct ffs_inode *fp, struct ffs_inode *tdp,
    struct ffs_inode *tp, struct componentname *tcnp, bool reparent,
    kauth_cred_t cred)
{
	const bool isdir = S_ISDIR(fp->i_mode);
	struct ffs_slot sl;
	int error;

	if (tp == NULL) {
		if (isdir && reparent) {
			if (tdp->i_nlink >= UFS_LINK_MAX)
				return EMLINK;
			ffs_addlink(tdp, 1);
			ffs_settle(tdp);
		}
		error = ffs_dir_enter(tdp, tcnp, fp, cred);
		if (error != 0 && isdir && reparent)
			ffs_addlink(tdp, -1);
		return error;
	}
	error = ffs_dir_slot(tdp, tcnp, 0, &sl);
	if (error != 0)
		return error;
	if (sl.sl_ino != tp->i_number)
		return ENOENT;
	error = ffs_dir_rewrite(tdp, &sl, fp);
	if (error != 0)
		return error;
	/* The ".." of the victim is gone; that of fp may come. */
	if (isdir && !reparent)
		ffs_addlink(tdp, -1);
	ffs_droplink(tp);
	if (isdir)
		(void)ffs_truncate(tp, 0, 0, cred);
	return 0;
}

static int
ffs_gro_rename(struct mount *mp __unused, kauth_cred_t cred,
    struct vnode *fdvp, struct componentname *fcnp, void *fde __unused,
    struct vnode *fvp, struct vnode *tdvp, struct componentname *tcnp,
    void *tde __unused, struct vnode *tvp, nlink_t *tvp_nlinkp)
{
	struct ffs_inode *fdp = VTOI(fdvp), *fp = VTOI(fvp);
	struct ffs_inode *tdp = VTOI(tdvp);
	struct ffs_inode *tp = tvp == NULL ? NULL : VTOI(tvp);
	const bool reparent = fdp != tdp;
	const bool isdir = S_ISDIR(fp->i_mode);
	struct ffs_tx tx;
	int error;

	if (fp->i_nlink >= UFS_LINK_MAX)
		return EMLINK;
	error = ffs_begin(fp->i_fm, &tx);
	if (error != 0)
		return error;
	ffs_addlink(fp, 1);
	ffs_settle(fp);
	error = ffs_rename_enter(fp, tdp, tp, tcnp, reparent, cred);
	if (error == 0 && isdir && reparent) {
		error = ffs_dir_setdotdot(fp, tdp->i_number);
		if (error == 0)
			ffs_addlink(fdp, -1);
	}
	if (error == 0)
		error = ffs_dir_remove(fdp, fcnp, fp->i_number);
	ffs_addlink(fp, -1);
	ffs_settle(fp);
	ffs_settle(fdp);
	if (tp != NULL) {
		ffs_settle(tp);
		*tvp_nlinkp = (nlink_t)(tp->i_nlink < 0 ? 0 : tp->i_nlink);
	}
	ffs_end(&tx);
	return error;
}

static int
ffs_gro_remove(struct mount *mp __unused, kauth_cred_t cred __unused,
    struct vnode *dvp, struct componentname *cnp, void *de __unused,
    struct vnode *vp, nlink_t *nlinkp)
{
	struct ffs_inode *ip = VTOI(vp);
	struct ffs_tx tx;
	int error;

	error = ffs_begin(ip->i_fm, &tx);
	if (error != 0)
		return error;
	error = ffs_dir_remove(VTOI(dvp), cnp, ip->i_number);
	if (error == 0) {
		ffs_droplink(ip);
		ffs_settle(ip);
	}
	ffs_end(&tx);
	*nlinkp = (nlink_t)(ip->i_nlink < 0 ? 0 : ip->i_nlink);
	return error;
}

static int
ffs_gro_lookup(struct mount *mp, struct vnode *dvp, struct componentname *cnp,
    void *de_ret, struct vnode **vp_ret)
{
	struct ffs_inode *dp = VTOI(dvp);
	struct ffs_slot *sl = de_ret;
	uint64_t ino;
	int error;

	error = VOP_ACCESS(dvp, VEXEC, cnp->cn_cred);
	if (error != 0)
		return error;
	error = ffs_dir_find(dp, cnp->cn_nameptr, cnp->cn_namelen,
	    UFS_DIRSIZ(cnp->cn_namelen), sl);
	if (error != 0)
		return error;
	dp->i_slot = *sl;
	ino = sl->sl_ino;
	if (ino == dp->i_number)
		return EISDIR;
	return vcache_get(mp, &ino, sizeof(ino), vp_ret);
}

static int
ffs_gro_lock_directory(struct mount *mp __unused, struct vnode *vp)
{
	int error;

	error = vn_lock(vp, LK_EXCLUSIVE);
	if (error != 0)
		return error;
	if (VTOI(vp)->i_nlink <= 0) {
		VOP_UNLOCK(vp);
		return ENOENT;
	}
	return 0;
}

/* The parent of a directory: its number, under the directory's lock. */
static int
ffs_parent(struct vnode *vp, uint64_t *inop)
{
	int error;

	error = vn_lock(vp, LK_EXCLUSIVE);
	if (error != 0)
		return error;
	if (vp->v_type != VDIR)
		error = ENOTDIR;
	else if (VTOI(vp)->i_nlink <= 0)
		error = ENOENT;
	else
		error = ffs_dir_dotdot(VTOI(vp), inop);
	if (error == 0 && *inop == VTOI(vp)->i_number)
		error = EIO;
	VOP_UNLOCK(vp);
	return error;
}

/*
 * If fdvp is an ancestor of tdvp, the child of fdvp on the way to it.  The
 * caller holds the mount's rename lock, so that the tree stays as it is.
 */
static int
ffs_gro_genealogy(struct mount *mp, kauth_cred_t cred __unused,
    struct vnode *fdvp, struct vnode *tdvp, struct vnode **inter)
{
	struct vnode *vp = tdvp, *parent;
	uint64_t ino;
	int error;

	*inter = NULL;
	vref(vp);
	for (int depth = 0; VTOI(vp)->i_number != UFS_ROOTINO; depth++) {
		error = depth == FFS_MAXDEPTH ? EIO : ffs_parent(vp, &ino);
		if (error != 0) {
			vrele(vp);
			return error;
		}
		if (ino == VTOI(fdvp)->i_number) {
			*inter = vp;
			return 0;
		}
		error = vcache_get(mp, &ino, sizeof(ino), &parent);
		vrele(vp);
		if (error != 0)
			return error;
		vp = parent;
	}
	vrele(vp);
	return 0;
}

static const struct genfs_rename_ops ffs_rename_ops = {
	.gro_directory_empty_p		= ffs_gro_directory_empty_p,
	.gro_rename_check_possible	= ffs_gro_rename_check_possible,
	.gro_rename_check_permitted	= ffs_gro_rename_check_permitted,
	.gro_remove_check_possible	= ffs_gro_remove_check_possible,
	.gro_remove_check_permitted	= ffs_gro_remove_check_permitted,
	.gro_rename			= ffs_gro_rename,
	.gro_remove			= ffs_gro_remove,
	.gro_lookup			= ffs_gro_lookup,
	.gro_genealogy			= ffs_gro_genealogy,
	.gro_lock_directory		= ffs_gro_lock_directory,
};

static int
ffs_sane_rename(struct vnode *fdvp, struct componentname *fcnp,
    struct vnode *tdvp, struct componentname *tcnp, kauth_cred_t cred,
    bool posixly_correct)
{
	struct ffs_slot fslot, tslot;

	return genfs_sane_rename(&ffs_rename_ops, fdvp, fcnp, &fslot, tdvp,
	    tcnp, &tslot, cred, posixly_correct);
}

int
ffs_rename(void *v)
{
	return genfs_insane_rename(v, ffs_sane_rename);
}

/*
 * Exchange.
 */

/* Both directories' ".." follow; on an error they are as before. */
static int
ffs_swap_dotdots(struct ffs_inode *fdp, struct ffs_inode *fp,
    struct ffs_inode *tdp, struct ffs_inode *tp)
{
	int error = 0;

	if (S_ISDIR(fp->i_mode))
		error = ffs_dir_setdotdot(fp, tdp->i_number);
	if (error != 0 || !S_ISDIR(tp->i_mode))
		return error;
	error = ffs_dir_setdotdot(tp, fdp->i_number);
	if (error != 0 && S_ISDIR(fp->i_mode))
		(void)ffs_dir_setdotdot(fp, fdp->i_number);
	return error;
}

static int
ffs_swap_locked(struct ffs_inode *fdp, const struct ffs_slot *fsl,
    struct ffs_inode *fp, struct ffs_inode *tdp, const struct ffs_slot *tsl,
    struct ffs_inode *tp)
{
	const bool fdir = S_ISDIR(fp->i_mode), tdir = S_ISDIR(tp->i_mode);
	struct ffs_inode *gains = NULL, *loses = NULL;
	int error;

	if (fdp != tdp && fdir != tdir) {
		gains = fdir ? tdp : fdp;
		loses = fdir ? fdp : tdp;
		if (gains->i_nlink >= UFS_LINK_MAX)
			return EMLINK;
		ffs_addlink(gains, 1);
		ffs_settle(gains);
	}
	error = fdp == tdp ? 0 : ffs_swap_dotdots(fdp, fp, tdp, tp);
	if (error == 0) {
		error = ffs_dir_swap(fdp, fsl, fp, tdp, tsl, tp);
		if (error != 0 && fdp != tdp)
			(void)ffs_swap_dotdots(tdp, fp, fdp, tp);
	}
	if (gains != NULL)
		ffs_addlink(error == 0 ? loses : gains, -1);
	return error;
}

static int
ffs_swap(struct mount *mp __unused, kauth_cred_t cred __unused,
    struct vnode *fdvp, struct componentname *fcnp __unused, void *fde,
    struct vnode *fvp, struct vnode *tdvp,
    struct componentname *tcnp __unused, void *tde, struct vnode *tvp)
{
	struct ffs_inode *ips[] = { VTOI(fvp), VTOI(tvp), VTOI(fdvp),
	    VTOI(tdvp) };
	struct ffs_tx tx;
	int error;

	error = ffs_begin(ips[0]->i_fm, &tx);
	if (error != 0)
		return error;
	error = ffs_swap_locked(ips[2], fde, ips[0], ips[3], tde, ips[1]);
	for (size_t i = 0; i < __arraycount(ips) && error == 0; i++) {
		ips[i]->i_flag |= IN_CHANGE | IN_MODIFIED;
		ffs_touch(ips[i]);
		ffs_settle(ips[i]);
	}
	ffs_end(&tx);
	return error;
}

int
ffs_fcntl(void *v)
{
	struct vop_fcntl_args *ap = v;
	struct rumpy_swap *sw = ap->a_data;

	if (ap->a_command != RUMPY_FCNTL_SWAP || ap->a_vp->v_type != VDIR)
		return genfs_fcntl(v);
	CTASSERT(sizeof(struct ffs_slot) <= RUMPY_SWAP_ENTRY);
	sw->sw_mp = ap->a_vp->v_mount;
	sw->sw_ops = &ffs_rename_ops;
	sw->sw_swap = ffs_swap;
	return 0;
}
