/* SPDX-License-Identifier: BSD-2-Clause */
/* Open files that are vnodes: the fileops, and offsets. */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/dirent.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/proc.h>
#include <sys/resourcevar.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/unistd.h>
#include <sys/vnode.h>

#include "vnode_impl.h"
#include "vn_file.h"

static int
vn_ioflags(const file_t *fp)
{
	int flags = IO_ADV_ENCODE((int)fp->f_advice);

	if (fp->f_flag & FNONBLOCK)
		flags |= IO_NDELAY;
	if ((fp->f_flag & (FFSYNC | FRSYNC)) == (FFSYNC | FRSYNC))
		flags |= IO_SYNC;
	if (fp->f_flag & FALTIO)
		flags |= IO_ALTSEMANTICS;
	if (fp->f_flag & FDIRECT)
		flags |= IO_DIRECT;
	return flags;
}

static int
vn_read(file_t *fp, off_t *offset, struct uio *uio, kauth_cred_t cred,
    int flags)
{
	struct vnode *vp = fp->f_vnode;
	size_t count;
	int error;

	vn_lock(vp, LK_RETRY |
	    ((flags & FOF_UPDATE_OFFSET) ? LK_EXCLUSIVE : LK_SHARED));
	uio->uio_offset = *offset;
	count = uio->uio_resid;
	error = VOP_READ(vp, uio, vn_ioflags(fp), cred);
	if (flags & FOF_UPDATE_OFFSET)
		*offset += (off_t)(count - uio->uio_resid);
	VOP_UNLOCK(vp);
	return error;
}

static int
vn_write_ioflags(const file_t *fp)
{
	const struct vnode *vp = fp->f_vnode;
	int flags = IO_UNIT | vn_ioflags(fp);

	if (vp->v_type == VREG && (fp->f_flag & O_APPEND))
		flags |= IO_APPEND;
	if ((fp->f_flag & FFSYNC) || (vp->v_mount != NULL &&
	    (vp->v_mount->mnt_flag & MNT_SYNCHRONOUS)))
		flags |= IO_SYNC;
	else if (fp->f_flag & FDSYNC)
		flags |= IO_DSYNC;
	return flags;
}

/* RLIMIT_FSIZE: how far the process may write into a file. */
static int
vn_write_limit(const struct vnode *vp, const struct uio *uio, int ioflag)
{
	const struct plimit *lim = curlwp->l_proc->p_limit;
	off_t at = ioflag & IO_APPEND ? vp->v_size : uio->uio_offset;

	if (vp->v_type == VREG &&
	    __predict_false((rlim_t)at + uio->uio_resid >
	    lim->pl_rlimit[RLIMIT_FSIZE].rlim_cur))
		return EFBIG;
	return 0;
}

static int
vn_write(file_t *fp, off_t *offset, struct uio *uio, kauth_cred_t cred,
    int flags)
{
	struct vnode *vp = fp->f_vnode;
	int error, ioflag = vn_write_ioflags(fp);
	size_t count;

	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	uio->uio_offset = *offset;
	count = uio->uio_resid;
	error = vn_write_limit(vp, uio, ioflag);
	if (error == 0)
		error = VOP_WRITE(vp, uio, ioflag, cred);
	if (flags & FOF_UPDATE_OFFSET) {
		if (ioflag & IO_APPEND)
			/* The file system knows where that was. */
			*offset = uio->uio_offset;
		else
			*offset += (off_t)(count - uio->uio_resid);
	}
	VOP_UNLOCK(vp);
	return error;
}

/* Directory entries from where the file stands; *DONE bytes of them. */
int
vn_readdir(file_t *fp, char *bf, int segflg, unsigned int count, int *done,
    struct lwp *l, off_t **cookies, int *ncookies)
{
	struct vnode *vp = fp->f_vnode;
	struct iovec iov;
	struct uio uio;
	int error, eofflag;

	if (fp->f_flag & FEXEC)
		return EBADF;
unionread:
	if (vp->v_type != VDIR)
		return EINVAL;
	iov.iov_base = bf;
	iov.iov_len = count;
	uio.uio_iov = &iov;
	uio.uio_iovcnt = 1;
	uio.uio_rw = UIO_READ;
	uio.uio_resid = count;
	if (segflg == UIO_SYSSPACE)
		UIO_SETUP_SYSSPACE(&uio);
	else
		uio.uio_vmspace = l->l_proc->p_vmspace;
	vn_lock(vp, LK_SHARED | LK_RETRY);
	uio.uio_offset = fp->f_offset;
	error = VOP_READDIR(vp, &uio, fp->f_cred, &eofflag, cookies,
	    ncookies);
	fp->f_offset = uio.uio_offset;
	VOP_UNLOCK(vp);
	if (error != 0)
		return error;
	if (count == uio.uio_resid && vn_union_readdir_hook != NULL) {
		struct vnode *ovp = vp;

		error = (*vn_union_readdir_hook)(&vp, fp, l);
		if (error != 0)
			return error;
		if (vp != ovp)
			goto unionread;
	}
	if (count == uio.uio_resid && (vp->v_vflag & VV_ROOT) &&
	    (vp->v_mount->mnt_flag & MNT_UNION) &&
	    vp->v_mount->mnt_vnodecovered != NULL) {
		/* Go on with the directory below a union mount. */
		struct vnode *tvp = vp;

		vp = vp->v_mount->mnt_vnodecovered;
		vref(vp);
		fp->f_vnode = vp;
		fp->f_offset = 0;
		vrele(tvp);
		goto unionread;
	}
	*done = (int)(count - uio.uio_resid);
	return 0;
}

static int
vn_statfile(file_t *fp, struct stat *sb)
{
	struct vnode *vp = fp->f_vnode;
	int error;

	vn_lock(vp, LK_SHARED | LK_RETRY);
	error = vn_stat(vp, sb);
	VOP_UNLOCK(vp);
	return error;
}

static int
vn_fcntl(file_t *fp, u_int com, void *data)
{
	return VOP_FCNTL(fp->f_vnode, com, data, fp->f_flag, curlwp->l_cred);
}

static int
vn_ioctl_regular(file_t *fp, u_long com, void *data)
{
	struct vnode *vp = fp->f_vnode;
	struct vattr va;
	daddr_t *block = data;
	int error;

	switch (com) {
	case FIONREAD:
		vn_lock(vp, LK_SHARED | LK_RETRY);
		error = VOP_GETATTR(vp, &va, curlwp->l_cred);
		VOP_UNLOCK(vp);
		if (error == 0)
			*(int *)data = (int)MIN((off_t)va.va_size -
			    fp->f_offset, INT32_MAX);
		return error;
	case FIOGETBMAP:
		if (*block < 0)
			return EINVAL;
		vn_lock(vp, LK_SHARED | LK_RETRY);
		error = VOP_BMAP(vp, *block, NULL, block, NULL);
		VOP_UNLOCK(vp);
		return error;
	case FIONBIO:
	case FIOASYNC:
		return 0;
	default:
		return EPASSTHROUGH;
	}
}

static int
vn_ioctl(file_t *fp, u_long com, void *data)
{
	struct vnode *vp = fp->f_vnode;
	int error;

	if (vp->v_type == VREG || vp->v_type == VDIR) {
		error = vn_ioctl_regular(fp, com, data);
		if (error != EPASSTHROUGH)
			return error;
	}
	error = VOP_IOCTL(vp, com, data, fp->f_flag, curlwp->l_cred);
	return error == EOPNOTSUPP ? EPASSTHROUGH : error;
}

static int
vn_poll(file_t *fp, int events)
{
	return VOP_POLL(fp->f_vnode, events);
}

int
vn_kqfilter(file_t *fp, struct knote *kn)
{
	return VOP_KQFILTER(fp->f_vnode, kn);
}

static int
vn_closefile(file_t *fp)
{
	return vn_close(fp->f_vnode, fp->f_flag, fp->f_cred);
}

/* Holes: the file system's answer, or "all is data up to the end". */
static int
vn_seek_hole(file_t *fp, off_t *offset, bool hole)
{
	struct vnode *vp = fp->f_vnode;
	struct vattr va;
	int error;

	if (*offset < 0)
		return ENXIO;
	vn_lock(vp, LK_SHARED | LK_RETRY);
	error = VOP_GETATTR(vp, &va, curlwp->l_cred);
	VOP_UNLOCK(vp);
	if (error != 0)
		return error;
	if (*offset >= (off_t)va.va_size)
		return ENXIO;
	if (vp->v_type == VREG) {
		error = VOP_IOCTL(vp, hole ? FIOSEEKHOLE : FIOSEEKDATA,
		    offset, fp->f_flag, curlwp->l_cred);
		if (error != ENOTTY && error != EOPNOTSUPP &&
		    error != EPASSTHROUGH)
			return error;
	}
	if (hole)
		*offset = (off_t)va.va_size;
	return 0;
}

static int
vn_seek_target(file_t *fp, off_t delta, int whence, off_t *target)
{
	struct vnode *vp = fp->f_vnode;
	struct vattr va;
	off_t base = 0;
	int error;

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = fp->f_offset;
		break;
	case SEEK_END:
		vn_lock(vp, LK_SHARED | LK_RETRY);
		error = VOP_GETATTR(vp, &va, curlwp->l_cred);
		VOP_UNLOCK(vp);
		if (error != 0)
			return error;
		base = (off_t)va.va_size;
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		*target = delta;
		return vn_seek_hole(fp, target, whence == SEEK_HOLE);
	default:
		return EINVAL;
	}
	if (__builtin_add_overflow(base, delta, target))
		return delta > 0 ? EOVERFLOW : EINVAL;
	return 0;
}

static int
vn_seek(file_t *fp, off_t delta, int whence, off_t *newoff, int flags)
{
	struct vnode *vp = fp->f_vnode;
	off_t target;
	int error;

	if (vp->v_type == VFIFO || vp->v_type == VSOCK)
		return ESPIPE;
	error = vn_seek_target(fp, delta, whence, &target);
	if (error == 0)
		error = VOP_SEEK(vp, fp->f_offset, target, curlwp->l_cred);
	if (error != 0)
		return error;
	if (newoff != NULL)
		*newoff = target;
	if (flags & FOF_UPDATE_OFFSET)
		fp->f_offset = target;
	return 0;
}

static int
vn_mmap(file_t *fp __unused, off_t *off __unused, size_t size __unused,
    int prot __unused, int *flags __unused, int *advice __unused,
    struct uvm_object **uobj __unused, int *maxprot __unused)
{
	return ENOTSUP;		/* processes have no memory of their own */
}

const struct fileops vnops = {
	.fo_name = "vn",
	.fo_read = vn_read,
	.fo_write = vn_write,
	.fo_ioctl = vn_ioctl,
	.fo_fcntl = vn_fcntl,
	.fo_poll = vn_poll,
	.fo_stat = vn_statfile,
	.fo_close = vn_closefile,
	.fo_kqfilter = vn_kqfilter,
	.fo_restart = fnullop_restart,
	.fo_mmap = vn_mmap,
	.fo_seek = vn_seek,
};
