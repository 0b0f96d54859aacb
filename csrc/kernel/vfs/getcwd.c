/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a vnode back to its path: the name cache first, then reading the
 * parent for the entry that leads here.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/dirent.h>
#include <sys/filedesc.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/proc.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vnode.h>

/* Put a name before *BPP. */
static int
getcwd_prepend(char **bpp, const char *bufp, const char *name, size_t len)
{
	if (*bpp - bufp < (ptrdiff_t)len)
		return ERANGE;
	*bpp -= len;
	memcpy(*bpp, name, len);
	return 0;
}

/* Look for FILENO in one bufferful of entries. */
static int
getcwd_scan_block(const char *buf, size_t len, ino_t fileno, char **bpp,
    const char *bufp)
{
	const struct dirent *dp;

	for (const char *p = buf; p < buf + len; p += dp->d_reclen) {
		dp = (const struct dirent *)(const void *)p;
		if (dp->d_reclen == 0 || p + dp->d_reclen > buf + len)
			return EINVAL;
		if (dp->d_fileno == fileno && dp->d_type != DT_WHT &&
		    !(dp->d_namlen == 1 && dp->d_name[0] == '.') &&
		    !(dp->d_namlen == 2 && dp->d_name[0] == '.' &&
		    dp->d_name[1] == '.'))
			return getcwd_prepend(bpp, bufp, dp->d_name,
			    dp->d_namlen);
	}
	return -1;
}

/* Search the locked directory for an entry with this file number. */
static int
getcwd_scandir(struct vnode *dvp, ino_t fileno, char **bpp,
    const char *bufp, kauth_cred_t cred)
{
	const size_t size = 4096;
	char *buf = kmem_alloc(size, KM_SLEEP);
	struct iovec iov;
	struct uio uio;
	off_t off = 0;
	int error, eof = 0;

	do {
		iov.iov_base = buf;
		iov.iov_len = size;
		uio.uio_iov = &iov;
		uio.uio_iovcnt = 1;
		uio.uio_offset = off;
		uio.uio_resid = size;
		uio.uio_rw = UIO_READ;
		UIO_SETUP_SYSSPACE(&uio);
		error = VOP_READDIR(dvp, &uio, cred, &eof, NULL, NULL);
		if (error != 0)
			break;
		if (uio.uio_resid == size) {
			error = ENOENT;
			break;
		}
		off = uio.uio_offset;
		error = getcwd_scan_block(buf, size - uio.uio_resid, fileno,
		    bpp, bufp);
	} while (error == -1 && !eof);
	kmem_free(buf, size);
	return error == -1 ? ENOENT : error;
}

/* The parent by "..", referenced, and our name in it. */
static int
getcwd_lookup(struct vnode *vp, struct vnode **dvpp, char **bpp, char *bufp,
    struct lwp *l)
{
	struct componentname cn = {
		.cn_nameiop = LOOKUP, .cn_flags = ISLASTCN | ISDOTDOT,
		.cn_cred = l->l_cred, .cn_nameptr = "..", .cn_namelen = 2,
	};
	struct vattr va;
	int error;

	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	error = VOP_GETATTR(vp, &va, l->l_cred);
	if (error == 0)
		error = VOP_LOOKUP(vp, dvpp, &cn);
	VOP_UNLOCK(vp);
	if (error != 0)
		return error;
	error = vn_lock(*dvpp, LK_SHARED | LK_RETRY);
	if (error == 0) {
		error = VOP_ACCESS(*dvpp, VREAD, l->l_cred);
		if (error == 0)
			error = getcwd_scandir(*dvpp, va.va_fileid, bpp, bufp,
			    l->l_cred);
		VOP_UNLOCK(*dvpp);
	}
	if (error != 0)
		vrele(*dvpp);
	return error;
}

/* From the root of a mount to the directory below it; takes the reference. */
static int
getcwd_uncover(struct vnode **vpp)
{
	struct vnode *vp = *vpp, *covered;

	while (vp != rootvnode && (vp->v_vflag & VV_ROOT)) {
		covered = vp->v_mount->mnt_vnodecovered;
		if (covered == NULL) {
			vrele(vp);
			return ENOENT;
		}
		vref(covered);
		vrele(vp);
		vp = covered;
	}
	*vpp = vp;
	return 0;
}

/*
 * Write the path from RVP (NULL: the process's root) to VP before *BPP,
 * whose buffer begins at BUFP; BPP itself may be NULL if only the question
 * whether there is such a path matters.
 */
int
getcwd_common(struct vnode *vp, struct vnode *rvp, char **bpp, char *bufp,
    int limit, int flags, struct lwp *l)
{
	struct cwdinfo *cwdi = l->l_proc->p_cwdi;
	char scratch[KERNEL_NAME_MAX + 2], *bp, *start;
	struct vnode *dvp;
	int error = 0;
	bool named = false;

	if (rvp == NULL)
		rvp = cwdi->cwdi_rdir != NULL ? cwdi->cwdi_rdir : rootvnode;
	vref(vp);
	while (vp != rvp) {
		if (limit-- <= 0) {
			error = ENOENT;
			break;
		}
		if (vp == rootvnode) {
			error = ENOENT;		/* never met RVP */
			break;
		}
		error = getcwd_uncover(&vp);
		if (error != 0)
			return error;
		if (vp == rvp)
			break;
		if (bpp == NULL) {
			bp = scratch + sizeof(scratch);
			start = scratch;
		} else {
			bp = *bpp;
			start = bufp;
		}
		error = cache_revlookup(vp, &dvp, &bp, start,
		    (flags & GETCWD_CHECK_ACCESS) != 0, VEXEC);
		if (error == -1)
			error = getcwd_lookup(vp, &dvp, &bp, start, l);
		if (error == 0 && bpp != NULL) {
			error = getcwd_prepend(&bp, start, "/", 1);
			*bpp = bp;
			if (error != 0)
				vrele(dvp);
		}
		if (error != 0)
			break;
		named = true;
		vrele(vp);
		vp = dvp;
	}
	vrele(vp);
	if (error == 0 && !named && bpp != NULL)
		error = getcwd_prepend(bpp, bufp, "/", 1);
	return error;
}

/* Is LOWER the directory UPPER or below it? */
int
vn_isunder(struct vnode *lower, struct vnode *upper, struct lwp *l)
{
	return getcwd_common(lower, upper, NULL, NULL, MAXPATHLEN / 2, 0,
	    l) == 0;
}

/* The path of a vnode, as far as the name cache knows its name. */
int
vnode_to_path(char *path, size_t len, struct vnode *vp, struct lwp *l,
    struct proc *p __unused)
{
	struct vnode *dvp;
	char *buf, *bp;
	int error;

	buf = kmem_alloc(MAXPATHLEN, KM_SLEEP);
	bp = buf + MAXPATHLEN;
	*--bp = '\0';
	if (vp->v_type == VDIR) {
		error = getcwd_common(vp, NULL, &bp, buf, MAXPATHLEN / 2, 0,
		    l);
	} else {
		error = cache_revlookup(vp, &dvp, &bp, buf, false, 0);
		if (error == -1)
			error = ENOENT;
		if (error == 0) {
			error = getcwd_prepend(&bp, buf, "/", 1);
			if (error == 0)
				error = getcwd_common(dvp, NULL, &bp, buf,
				    MAXPATHLEN / 2, 0, l);
			vrele(dvp);
		}
		/* The root's own path is "/": do not double it. */
		if (error == 0 && bp[0] == '/' && bp[1] == '/')
			bp++;
	}
	if (error == 0 && strlcpy(path, bp, len) >= len)
		error = ENAMETOOLONG;
	kmem_free(buf, MAXPATHLEN);
	return error;
}
