/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening and closing files by vnode, and I/O that the kernel itself does. */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/kauth.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/proc.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vnode.h>
#include <miscfs/fifofs/fifo.h>

#include "vnode_impl.h"

int (*vn_union_readdir_hook)(struct vnode **, struct file *, struct lwp *);

/* May the file be written to at all? */
int
vn_writechk(struct vnode *vp)
{
	if (vp->v_iflag & VI_TEXT)
		return ETXTBSY;
	return 0;
}

/* Check that the open modes are permitted; the vnode is locked. */
int
vn_openchk(struct vnode *vp, kauth_cred_t cred, int fflags)
{
	accmode_t want = 0;
	int error;

	if (vp->v_type == VNON || vp->v_type == VBAD)
		return ENXIO;
	if ((fflags & O_DIRECTORY) && vp->v_type != VDIR)
		return ENOTDIR;
	if ((fflags & O_REGULAR) && vp->v_type != VREG)
		return EFTYPE;
	if (fflags & FREAD)
		want |= VREAD;
	if (fflags & FEXEC)
		want |= VEXEC;
	if (fflags & (FWRITE | O_TRUNC)) {
		want |= VWRITE;
		if (vp->v_type == VDIR)
			return EISDIR;
		error = vn_writechk(vp);
		if (error != 0)
			return error;
	}
	return want != 0 ? VOP_ACCESS(vp, want, cred) : 0;
}

static int
vn_truncate_locked(struct vnode *vp, kauth_cred_t cred)
{
	struct vattr va;

	vattr_null(&va);
	va.va_size = 0;
	return VOP_SETATTR(vp, &va, cred);
}

/* The file was not there: make it.  Releases the parent's lock. */
static int
vn_open_create(struct nameidata *nd, int fmode, int cmode,
    struct vnode **vpp)
{
	struct vattr va;
	int error;

	vattr_null(&va);
	va.va_type = VREG;
	va.va_mode = (mode_t)cmode;
	if (fmode & O_EXCL)
		va.va_vaflags |= VA_EXCLUSIVE;
	error = VOP_CREATE(nd->ni_dvp, vpp, &nd->ni_cnd, &va);
	if (error != 0) {
		vput(nd->ni_dvp);
		return error;
	}
	vput(nd->ni_dvp);
	return vn_lock(*vpp, LK_EXCLUSIVE | LK_RETRY);
}

/* The file is there although O_CREAT allowed it to be missing. */
static int
vn_open_existing(struct nameidata *nd, int fmode, struct vnode **vpp)
{
	struct vnode *vp = nd->ni_vp;
	int error;

	if (nd->ni_dvp != NULL) {
		VOP_ABORTOP(nd->ni_dvp, &nd->ni_cnd);
		vput(nd->ni_dvp);
	}
	error = vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	if (error != 0) {
		vrele(vp);
		return error;
	}
	*vpp = vp;
	if ((fmode & (O_EXCL | O_CREAT)) == (O_EXCL | O_CREAT)) {
		vput(vp);
		return EEXIST;
	}
	return 0;
}

static int
vn_open_lookup(struct nameidata *nd, int fmode, int cmode,
    struct vnode **vpp)
{
	int error;

	if ((fmode & O_CREAT) == 0) {
		nd->ni_cnd.cn_nameiop = LOOKUP;
		nd->ni_cnd.cn_flags |= LOCKLEAF;
		error = namei(nd);
		*vpp = nd->ni_vp;
		return error;
	}
	if (fmode & O_DIRECTORY)
		return EINVAL;
	nd->ni_cnd.cn_nameiop = CREATE;
	nd->ni_cnd.cn_flags |= LOCKPARENT;
	if ((fmode & O_EXCL) == 0)
		nd->ni_cnd.cn_flags |= NONEXCLHACK;
	else
		nd->ni_cnd.cn_flags &= ~FOLLOW;
	error = namei(nd);
	if (error != 0)
		return error;
	if (nd->ni_vp == NULL)
		return vn_open_create(nd, fmode, cmode, vpp);
	return vn_open_existing(nd, fmode, vpp);
}

/* The vnode is locked; on failure the caller releases it. */
static int
vn_open_vnode(struct vnode *vp, int fmode, bool created, kauth_cred_t cred)
{
	int error;

	if (vp->v_type == VSOCK)
		return EOPNOTSUPP;
	if (vp->v_type == VLNK)
		return EFTYPE;		/* with O_NOFOLLOW */
	if (!created) {
		error = vn_openchk(vp, cred, fmode);
		if (error != 0)
			return error;
	}
	if ((fmode & O_TRUNC) && vp->v_type == VREG && !created) {
		error = vn_truncate_locked(vp, cred);
		if (error != 0)
			return error;
	}
	error = VOP_OPEN(vp, fmode, cred);
	if (error == 0 && (fmode & FWRITE))
		vp->v_writecount++;
	return error;
}

/*
 * Open the file of a path; the vnode is returned locked.  A device may answer
 * with a descriptor instead (EDUPFD, EMOVEFD): then *RET_FD is it, and
 * *RET_DOMOVE says which; callers who cannot handle that pass NULL.
 */
int
vn_open(struct vnode *at_dvp, struct pathbuf *pb, int nmode, int fmode,
    int cmode, struct vnode **ret_vp, bool *ret_domove, int *ret_fd)
{
	struct lwp *l = curlwp;
	kauth_cred_t cred = l->l_cred;
	struct nameidata nd;
	struct vnode *vp = NULL;
	int error;

	if (ret_domove != NULL)
		*ret_domove = false;
	if (ret_fd != NULL)
		*ret_fd = -1;
	if ((fmode & (FREAD | FWRITE | FEXEC)) == 0)
		return EINVAL;
	if ((fmode & (O_TRUNC | FEXEC)) == (O_TRUNC | FEXEC))
		return EINVAL;
	NDINIT(&nd, LOOKUP, (uint32_t)(nmode & (NOCHROOT | TRYEMULROOT)), pb);
	if (at_dvp != NULL)
		NDAT(&nd, at_dvp);
	if ((fmode & O_NOFOLLOW) == 0)
		nd.ni_cnd.cn_flags |= FOLLOW;
	l->l_dupfd = 0;
	error = vn_open_lookup(&nd, fmode, cmode, &vp);
	if (error != 0)
		return error;
	error = vn_open_vnode(vp, fmode,
	    (fmode & O_CREAT) && nd.ni_vp == NULL, cred);
	if (error != 0)
		vput(vp);
	switch (error) {
	case 0:
		*ret_vp = vp;
		break;
	case EDUPFD:
	case EMOVEFD:
		if (ret_domove == NULL || ret_fd == NULL)
			return EOPNOTSUPP;
		*ret_domove = error == EMOVEFD;
		*ret_fd = l->l_dupfd;
		*ret_vp = NULL;
		error = 0;
		break;
	default:
		break;
	}
	return error;
}

/* Undo vn_open; takes the reference. */
int
vn_close(struct vnode *vp, int flags, kauth_cred_t cred)
{
	int error;

	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	if (flags & FWRITE) {
		KASSERT(vp->v_writecount > 0);
		vp->v_writecount--;
	}
	error = VOP_CLOSE(vp, flags, cred);
	vput(vp);
	return error;
}

/* One transfer for the kernel. */
int
vn_rdwr(enum uio_rw rw, struct vnode *vp, void *base, int len, off_t offset,
    enum uio_seg segflg, int ioflg, kauth_cred_t cred, size_t *aresid,
    struct lwp *l)
{
	struct iovec iov = { .iov_base = base, .iov_len = (size_t)len };
	struct uio uio = {
		.uio_iov = &iov, .uio_iovcnt = 1, .uio_resid = (size_t)len,
		.uio_offset = offset, .uio_rw = rw,
	};
	int error;

	if (segflg == UIO_SYSSPACE)
		UIO_SETUP_SYSSPACE(&uio);
	else
		uio.uio_vmspace = l->l_proc->p_vmspace;
	if ((ioflg & IO_NODELOCKED) == 0)
		vn_lock(vp, LK_RETRY |
		    (rw == UIO_READ ? LK_SHARED : LK_EXCLUSIVE));
	if (rw == UIO_READ)
		error = VOP_READ(vp, &uio, ioflg, cred);
	else
		error = VOP_WRITE(vp, &uio, ioflg, cred);
	if ((ioflg & IO_NODELOCKED) == 0)
		VOP_UNLOCK(vp);
	if (aresid != NULL)
		*aresid = uio.uio_resid;
	else if (uio.uio_resid != 0 && error == 0)
		error = EIO;
	return error;
}

/* Attributes as stat(2) tells them; the vnode is locked. */
int
vn_stat(struct vnode *vp, struct stat *sb)
{
	struct vattr va;
	int error;

	memset(&va, 0, sizeof(va));
	error = VOP_GETATTR(vp, &va, curlwp->l_cred);
	if (error != 0)
		return error;
	sb->st_dev = va.va_fsid;
	sb->st_ino = va.va_fileid;
	sb->st_mode = va.va_mode;
	switch (vp->v_type) {
	case VREG:
	case VDIR:
	case VBLK:
	case VCHR:
	case VLNK:
	case VSOCK:
	case VFIFO:
		sb->st_mode |= (mode_t)VTTOIF(vp->v_type);
		break;
	default:
		return EBADF;
	}
	sb->st_nlink = va.va_nlink;
	sb->st_uid = va.va_uid;
	sb->st_gid = va.va_gid;
	sb->st_rdev = va.va_rdev;
	sb->st_size = (off_t)va.va_size;
	sb->st_atimespec = va.va_atime;
	sb->st_mtimespec = va.va_mtime;
	sb->st_ctimespec = va.va_ctime;
	sb->st_birthtimespec = va.va_birthtime;
	sb->st_blksize = (blksize_t)va.va_blocksize;
	sb->st_flags = (uint32_t)va.va_flags;
	sb->st_gen = 0;
	sb->st_blocks = (blkcnt_t)(va.va_bytes / S_BLKSIZE);
	sb->st_spare[0] = sb->st_spare[1] = 0;
	return 0;
}

int
vn_marktext(struct vnode *vp)
{
	if ((vp->v_iflag & VI_TEXT) == 0 && vp->v_writecount != 0)
		return ETXTBSY;
	vp->v_iflag |= VI_TEXT;
	vn_markexec(vp);
	return 0;
}

void
vn_markexec(struct vnode *vp)
{
	vp->v_iflag |= VI_EXECMAP;
}

/* What the operations vector of a file system says for its FIFOs. */
int
vn_fifo_bypass(void *v)
{
	struct vop_generic_args *ap = v;

	return VOCALL(fifo_vnodeop_p, ap->a_desc->vdesc_offset, v);
}
