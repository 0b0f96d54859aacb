/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VOP_LOOKUP and VOP_READDIR.
 */

#include "ffs.h"

#include <sys/dirent.h>
#include <sys/malloc.h>
#include <sys/stat.h>
#include <lib/libkern/libkern.h>

/*
 * The file whose name was found is wanted for removal: is that allowed?  To
 * whoever may write the directory, unless that is sticky.
 */
static int
ffs_may_delete(struct vnode *dvp, struct vnode *vp, kauth_cred_t cred)
{
	int error;

	error = ffs_acl_delete(VTOI(dvp), VTOI(vp), cred);
	if (error == ENOATTR) {
		error = VOP_ACCESS(dvp, VWRITE, cred);
		if (error != 0 || (VTOI(dvp)->i_mode & S_ISTXT) == 0)
			return error;
		error = genfs_can_sticky(dvp, cred, VTOI(dvp)->i_uid,
		    VTOI(vp)->i_uid);
	}
	error = kauth_authorize_vnode(cred, KAUTH_VNODE_DELETE, vp, dvp,
	    error);
	return error == 0 ? 0 : EPERM;
}

/* The name is not there. */
static int
ffs_lookup_absent(struct vnode *dvp, struct componentname *cnp)
{
	const bool last = (cnp->cn_flags & ISLASTCN) != 0;
	int error;

	if (last && (cnp->cn_nameiop == CREATE || cnp->cn_nameiop == RENAME)) {
		if (VTOI(dvp)->i_nlink <= 0)
			return ENOENT;
		error = VOP_ACCESS(dvp, VWRITE, cnp->cn_cred);
		return error != 0 ? error : EJUSTRETURN;
	}
	if (cnp->cn_nameiop != CREATE && (cnp->cn_flags & MAKEENTRY) != 0)
		cache_enter(dvp, NULL, cnp->cn_nameptr, cnp->cn_namelen,
		    cnp->cn_flags);
	return ENOENT;
}

/* The name leads to inode ino. */
static int
ffs_lookup_present(struct vnode *dvp, struct componentname *cnp, uint64_t ino,
    struct vnode **vpp)
{
	const bool last = (cnp->cn_flags & ISLASTCN) != 0;
	int error = 0;

	if (last && cnp->cn_nameiop == RENAME)
		error = VOP_ACCESS(dvp, VWRITE, cnp->cn_cred);
	if (error != 0)
		return error;
	if (ino == VTOI(dvp)->i_number) {
		if (cnp->cn_nameiop == RENAME && last)
			return EISDIR;
		if (cnp->cn_namelen != 1 || cnp->cn_nameptr[0] != '.') {
			/* A directory inside itself: no lock order works. */
			if ((cnp->cn_flags & ISDOTDOT) == 0)
				return EIO;
		}
		vref(dvp);
		*vpp = dvp;
		return 0;
	}
	error = vcache_get(dvp->v_mount, &ino, sizeof(ino), vpp);
	if (error != 0)
		return error;
	if (last && cnp->cn_nameiop == DELETE) {
		error = ffs_may_delete(dvp, *vpp, cnp->cn_cred);
		if (error != 0) {
			vrele(*vpp);
			*vpp = NULL;
			return error;
		}
	}
	if ((cnp->cn_flags & MAKEENTRY) != 0)
		cache_enter(dvp, *vpp, cnp->cn_nameptr, cnp->cn_namelen,
		    cnp->cn_flags);
	return 0;
}

int
ffs_lookup(void *v)
{
	struct vop_lookup_v2_args *ap = v;
	struct vnode *dvp = ap->a_dvp;
	struct componentname *cnp = ap->a_cnp;
	struct ffs_inode *dp = VTOI(dvp);
	const bool last = (cnp->cn_flags & ISLASTCN) != 0;
	struct ffs_slot sl;
	unsigned need = 0;
	int error;

	*ap->a_vpp = NULL;
	error = VOP_ACCESS(dvp, VEXEC, cnp->cn_cred);
	if (error != 0)
		return error;
	if (last && (dvp->v_mount->mnt_flag & MNT_RDONLY) != 0 &&
	    (cnp->cn_nameiop == DELETE || cnp->cn_nameiop == RENAME))
		return EROFS;
	if (cache_lookup(dvp, cnp->cn_nameptr, cnp->cn_namelen,
	    cnp->cn_nameiop, cnp->cn_flags, NULL, ap->a_vpp))
		return *ap->a_vpp == NULL ? ENOENT : 0;
	if (last && (cnp->cn_nameiop == CREATE || cnp->cn_nameiop == RENAME))
		need = UFS_DIRSIZ(cnp->cn_namelen);
	error = ffs_dir_find(dp, cnp->cn_nameptr, cnp->cn_namelen, need, &sl);
	if (last && cnp->cn_nameiop != LOOKUP &&
	    (error == 0 || error == ENOENT))
		dp->i_slot = sl;
	if (error == ENOENT)
		return ffs_lookup_absent(dvp, cnp);
	if (error != 0)
		return error;
	return ffs_lookup_present(dvp, cnp, sl.sl_ino, ap->a_vpp);
}

/* What VOP_READDIR gathers for its caller. */
struct ffs_listing {
	uint8_t		*fl_buf;
	size_t		fl_size;
	size_t		fl_len;
	off_t		*fl_cookies;	/* NULL: not wanted */
	int		fl_ncookies;
	int		fl_maxcookies;
	off_t		fl_off;		/* where to go on */
	bool		fl_full;
};

/* Add one entry; false if it doesn't fit. */
static bool
ffs_listing_add(struct ffs_listing *fl, const struct ffs_dirent *de,
    off_t next)
{
	struct dirent *d = (void *)(fl->fl_buf + fl->fl_len);
	const size_t reclen = _DIRENT_RECLEN(d, de->de_namlen);

	if (fl->fl_len + reclen > fl->fl_size ||
	    (fl->fl_cookies != NULL && fl->fl_ncookies == fl->fl_maxcookies))
		return false;
	d->d_fileno = de->de_ino;
	d->d_reclen = (uint16_t)reclen;
	d->d_namlen = de->de_namlen;
	d->d_type = de->de_type;
	memcpy(d->d_name, de->de_name, de->de_namlen);
	memset(d->d_name + de->de_namlen, 0,
	    reclen - _DIRENT_NAMEOFF(d) - de->de_namlen);
	fl->fl_len += reclen;
	if (fl->fl_cookies != NULL)
		fl->fl_cookies[fl->fl_ncookies++] = next;
	return true;
}

/* List the entries of one directory block, from fl_off on. */
static int
ffs_list_block(const struct ffs_mount *fm, const uint8_t *blk, unsigned avail,
    off_t base, struct ffs_listing *fl)
{
	struct ffs_dirent de;

	for (unsigned off = 0; off < avail; off += de.de_reclen) {
		if (!ffs_dirent_get(fm, blk, off, avail, &de))
			return EIO;
		if (base + off < fl->fl_off)
			continue;
		if (de.de_usable && !ffs_listing_add(fl, &de,
		    base + off + de.de_reclen)) {
			fl->fl_full = true;
			return 0;
		}
		fl->fl_off = base + off + de.de_reclen;
	}
	fl->fl_off = MAX(fl->fl_off, base + (off_t)avail);
	return 0;
}

static int
ffs_list(struct ffs_inode *dp, struct ffs_listing *fl)
{
	const struct fs *fs = dp->i_fm->fm_fs;
	const off_t size = (off_t)dp->i_size;
	struct buf *bp;
	int error = 0;

	while (fl->fl_off < size && !fl->fl_full && error == 0) {
		const int64_t lbn = FFS_LBLKNO(fs, fl->fl_off);
		const off_t start = FFS_LBLKTOSIZE(fs, lbn);
		const off_t end = MIN(size, start + fs->fs_bsize);

		error = bread(ITOV(dp), lbn, (int)ffs_blksize(dp, lbn), 0,
		    &bp);
		if (error != 0)
			break;
		for (off_t b = rounddown(fl->fl_off, UFS_DIRBLKSIZ);
		    b < end && !fl->fl_full && error == 0; b += UFS_DIRBLKSIZ)
			error = ffs_list_block(dp->i_fm,
			    (uint8_t *)bp->b_data + (b - start),
			    (unsigned)MIN(end - b, UFS_DIRBLKSIZ), b, fl);
		brelse(bp, 0);
	}
	if (error == EIO)
		ffs_complain(dp->i_fm, "directory %llu is damaged at offset "
		    "%lld", (unsigned long long)dp->i_number,
		    (long long)fl->fl_off);
	return error;
}

/* No file system call returns more than this at once. */
#define	FFS_READDIR_MAX	(64 * 1024)

int
ffs_readdir(void *v)
{
	struct vop_readdir_args *ap = v;
	struct ffs_inode *dp = VTOI(ap->a_vp);
	struct uio *uio = ap->a_uio;
	struct ffs_listing fl = { .fl_off = uio->uio_offset };
	const size_t size = MIN(uio->uio_resid, FFS_READDIR_MAX);
	int error;

	if (ap->a_vp->v_type != VDIR)
		return ENOTDIR;
	if (uio->uio_offset < 0 || size < _DIRENT_RECLEN((struct dirent *)0, 1))
		return EINVAL;
	if (fl.fl_off >= (off_t)dp->i_size) {
		if (ap->a_eofflag != NULL)
			*ap->a_eofflag = 1;
		if (ap->a_ncookies != NULL) {
			*ap->a_cookies = NULL;
			*ap->a_ncookies = 0;
		}
		return 0;
	}
	fl.fl_buf = kmem_alloc(size, KM_SLEEP);
	fl.fl_size = size;
	if (ap->a_ncookies != NULL) {
		fl.fl_maxcookies = (int)(size / 24) + 1;
		fl.fl_cookies = malloc((size_t)fl.fl_maxcookies *
		    sizeof(off_t), M_TEMP, M_WAITOK);
	}
	error = ffs_list(dp, &fl);
	/* What was read before the damage is good; the next call fails. */
	if (fl.fl_len > 0)
		error = 0;
	else if (error == 0 && fl.fl_full)
		error = EINVAL;
	if (error == 0)
		error = uiomove(fl.fl_buf, fl.fl_len, uio);
	kmem_free(fl.fl_buf, size);
	if (error == 0) {
		uio->uio_offset = fl.fl_off;
		if (ap->a_eofflag != NULL)
			*ap->a_eofflag = fl.fl_off >= (off_t)dp->i_size;
		ffs_accessed(dp);
	}
	if (ap->a_ncookies != NULL) {
		if (error != 0) {
			free(fl.fl_cookies, M_TEMP);
			fl.fl_cookies = NULL;
			fl.fl_ncookies = 0;
		}
		*ap->a_cookies = fl.fl_cookies;
		*ap->a_ncookies = fl.fl_ncookies;
	}
	return error;
}
