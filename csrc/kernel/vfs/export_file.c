/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vnode door: open files.
 *
 * Reading and writing go between the page cache and the request's buffer in
 * one copy.  They use the credentials of whoever opened the file, as file
 * descriptors do; who writes is not asked again.
 */

#include <sys/param.h>
#include <sys/fcntl.h>
#include <sys/filio.h>
#include <sys/kauth.h>
#include <sys/lwp.h>
#include <sys/stat.h>
#include <sys/systm.h>

#include "export_impl.h"
#include "room.h"

#define	SEEK_BLOCKS	(1 << 20)	/* looked at in one call, at most */

/*
 * Opening.
 */

static const struct {
	uint32_t	oflag;
	int		fflag;
} open_bits[] = {
	{ EXPORT_O_READ,	FREAD },
	{ EXPORT_O_WRITE,	FWRITE },
	{ EXPORT_O_APPEND,	FAPPEND },
	{ EXPORT_O_SYNC,	FFSYNC },
	{ EXPORT_O_DSYNC,	FDSYNC },
	{ EXPORT_O_NONBLOCK,	FNONBLOCK },
};

static int
open_fflags(uint32_t oflags)
{
	int fflags = 0;

	for (size_t i = 0; i < __arraycount(open_bits); i++) {
		if (oflags & open_bits[i].oflag)
			fflags |= open_bits[i].fflag;
	}
	return fflags;
}

static void
open_count_writer(struct vnode *vp, int by)
{

	mutex_enter(vp->v_interlock);
	vp->v_writecount += by;
	mutex_exit(vp->v_interlock);
}

/* What an open may change: length and set-id bits.  vp is locked. */
static int
open_truncate(const struct export_req *x, struct vnode *vp, kauth_cred_t cred)
{
	struct vattr va;
	int error;

	if ((x->er_oflags & EXPORT_O_TRUNC) == 0)
		return 0;
	vattr_null(&va);
	va.va_size = 0;
	error = VOP_SETATTR(vp, &va, cred);
	if (error == 0 && (x->er_flags & EXPORT_F_KILLPRIV) != 0)
		error = export_kill_privs(vp);
	return error;
}

static int
open_check(const struct export_mount *xm, const struct export_req *x,
    struct vnode *vp, int fflags, kauth_cred_t cred, bool isnew)
{

	if (((fflags & FWRITE) != 0 ||
	    (x->er_oflags & EXPORT_O_TRUNC) != 0) &&
	    (xm->xm_flags & EXPORT_RDONLY) != 0)
		return EROFS;
	if (vp->v_type == VLNK)
		return ELOOP;
	if (vp->v_type != VREG && vp->v_type != VDIR)
		return EOPNOTSUPP;	/* Linux opens those by itself */
	/* To run a file is to read it, and takes leave to run it only. */
	if ((x->er_oflags & EXPORT_O_EXEC) != 0)
		fflags = (fflags & ~FREAD) | FEXEC;
	/* A new file may be written by its maker, whatever its mode. */
	return isnew ? 0 : vn_openchk(vp, cred, fflags);
}

/*
 * Open vp, which is referenced and locked exclusively; both go to the handle,
 * or are gone on error.
 */
int
export_open_vnode(struct export_mount *xm, struct export_req *x,
    struct vnode *vp, kauth_cred_t cred, bool isnew)
{
	const int fflags = open_fflags(x->er_oflags);
	int error;

	error = open_check(xm, x, vp, fflags, cred, isnew);
	if (error == 0)
		error = VOP_OPEN(vp, fflags, cred);
	if (error != 0) {
		vput(vp);
		return error;
	}
	if (fflags & FWRITE)
		open_count_writer(vp, 1);
	/* A new file is empty, and has no set-id bits that are not wanted. */
	error = isnew ? 0 : open_truncate(x, vp, cred);
	VOP_UNLOCK(vp);
	if (error == 0)
		error = export_handle_new(xm, vp, fflags, cred, &x->er_handle);
	if (error != 0) {
		(void)vn_close(vp, fflags, cred);
		return error;
	}
	((struct export_handle *)(uintptr_t)x->er_handle)->xh_noatime =
	    (x->er_oflags & EXPORT_O_NOATIME) != 0;
	return 0;
}

int
export_open(struct export_mount *xm, struct export_req *x, kauth_cred_t cred)
{
	struct vnode *vp;
	int error;

	error = room_for_file();
	if (error != 0)
		return error;
	error = export_vget(xm, x->er_node, LK_EXCLUSIVE, &vp);
	if (error != 0)
		return error;
	if (vp->v_type == VDIR) {
		vput(vp);
		return EISDIR;
	}
	return export_open_vnode(xm, x, vp, cred, false);
}

int
export_opendir(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	struct vnode *vp;
	int error;

	error = room_for_directory();
	if (error != 0)
		return error;
	error = export_vget(xm, x->er_node, LK_EXCLUSIVE, &vp);
	if (error != 0)
		return error;
	if (vp->v_type != VDIR) {
		vput(vp);
		return ENOTDIR;
	}
	return export_open_vnode(xm, x, vp, cred, false);
}

/*
 * Data.
 */

static void
io_setup(struct uio *uio, struct iovec *iov, const struct export_req *x,
    enum uio_rw rw)
{

	iov->iov_base = x->er_data;
	iov->iov_len = x->er_datalen;
	uio->uio_iov = iov;
	uio->uio_iovcnt = 1;
	uio->uio_offset = (off_t)x->er_offset;
	uio->uio_resid = x->er_datalen;
	uio->uio_rw = rw;
	UIO_SETUP_SYSSPACE(uio);
}

/*
 * NetBSD's files know no O_NOATIME; our ffs takes the "alternate semantics" of
 * a read, which other drivers ignore, for it.
 */
static int
read_locked(struct vnode *vp, struct export_req *x,
    const struct export_handle *xh, kauth_cred_t cred)
{
	const int ioflag = IO_ADV_ENCODE(POSIX_FADV_NORMAL) |
	    (xh != NULL && xh->xh_noatime ? IO_ALTSEMANTICS : 0);
	struct iovec iov;
	struct uio uio;
	int error;

	if (vp->v_type == VDIR)
		return EISDIR;
	if (export_read_loan(vp, x, ioflag, cred))
		return 0;
	io_setup(&uio, &iov, x, UIO_READ);
	/* Linux keeps what it reads: a second copy of it here is of no use. */
	error = VOP_READ(vp, &uio, ioflag | IO_DIRECT, cred);
	x->er_done = x->er_datalen - uio.uio_resid;
	return x->er_done != 0 ? 0 : error;
}

int
export_read(struct export_mount *xm, struct export_req *x, kauth_cred_t cred)
{
	struct export_handle *xh = export_handle_hold(x);
	struct vnode *vp;
	int error;

	error = export_target(xm, x, LK_SHARED, &vp);
	if (error == 0) {
		error = read_locked(vp, x, xh, xh != NULL ? xh->xh_cred :
		    cred);
		vput(vp);
	}
	/* Not slept since, as Linux releases no file that it reads. */
	if (xh != NULL)
		export_handle_rele(xm, xh);
	return error;
}

static int
write_ioflag(const struct export_req *x)
{
	int ioflag = IO_UNIT;

	/* Pages that Linux writes back have their places already. */
	if ((x->er_oflags & EXPORT_O_APPEND) != 0 &&
	    (x->er_flags & EXPORT_F_CACHED) == 0)
		ioflag |= IO_APPEND;
	if (x->er_oflags & EXPORT_O_SYNC)
		ioflag |= IO_SYNC;
	if (x->er_oflags & EXPORT_O_DSYNC)
		ioflag |= IO_DSYNC;
	return ioflag;
}

/*
 * On NetBSD who has a file open goes on writing when it becomes immutable; on
 * Linux that is over.  What is immutable from the start nobody has open.
 */
static int
write_frozen(const struct export_mount *xm, const struct export_req *x,
    struct vnode *vp)
{
	struct vattr va;
	int error;

	if (!xm->xm_freezes || (x->er_flags & EXPORT_F_CACHED) != 0)
		return 0;
	error = VOP_GETATTR(vp, &va, lwp0.l_cred);
	return error == 0 && (va.va_flags & (UF_IMMUTABLE | SF_IMMUTABLE)) != 0
	    ? EPERM : error;
}

int
export_write(struct export_mount *xm, struct export_req *x, kauth_cred_t cred)
{
	struct export_handle *xh = export_handle_hold(x);
	struct iovec iov;
	struct uio uio;
	struct vnode *vp;
	int error;

	io_setup(&uio, &iov, x, UIO_WRITE);
	error = export_target(xm, x, LK_EXCLUSIVE, &vp);
	if (error == 0) {
		error = vp->v_type == VDIR ? EISDIR :
		    write_frozen(xm, x, vp);
		if (error == 0)
			error = VOP_WRITE(vp, &uio, write_ioflag(x),
			    xh != NULL ? xh->xh_cred : cred);
		if (error == 0 && (x->er_flags & EXPORT_F_KILLPRIV) != 0)
			error = export_kill_privs(vp);
		vput(vp);
	}
	if (xh != NULL)
		export_handle_rele(xm, xh);
	x->er_done = x->er_datalen - uio.uio_resid;
	return error;
}

int
export_fsync(struct export_mount *xm, struct export_req *x, kauth_cred_t cred)
{
	int flags = FSYNC_WAIT | FSYNC_CACHE;
	struct vnode *vp;
	int error;

	if ((xm->xm_flags & EXPORT_RDONLY) != 0)
		return 0;
	if (x->er_flags & EXPORT_F_DATAONLY)
		flags |= FSYNC_DATAONLY;
	error = export_target(xm, x, LK_EXCLUSIVE, &vp);
	if (error != 0)
		return error;
	error = VOP_FSYNC(vp, cred, flags, 0, 0);
	vput(vp);
	return error;
}

/* VOP_FALLOCATE knows no room behind the end: nothing else keeps the size. */
static int
fallocate_keeping(struct vnode *vp, off_t offset, off_t length,
    kauth_cred_t cred)
{
	struct vattr va;
	const int error = VOP_GETATTR(vp, &va, cred);

	if (error != 0)
		return error;
	if (offset < 0 || length <= 0 || offset > INT64_MAX - length)
		return EINVAL;
	if ((u_quad_t)(offset + length) > va.va_size)
		return EOPNOTSUPP;
	return VOP_FALLOCATE(vp, offset, length);
}

/*
 * Zeros that take room: what there is of them becomes a hole, then all gets
 * blocks again.  Behind an end that stays there is nothing to do.
 */
static int
fallocate_zero(struct vnode *vp, off_t offset, off_t length, bool keep,
    kauth_cred_t cred)
{
	struct vattr va;
	int error = VOP_GETATTR(vp, &va, cred);

	if (error != 0)
		return error;
	if (offset < 0 || length <= 0 || offset > INT64_MAX - length)
		return EINVAL;
	if (keep && (u_quad_t)(offset + length) > va.va_size) {
		if ((u_quad_t)offset >= va.va_size)
			return 0;
		length = (off_t)va.va_size - offset;
	}
	error = VOP_FDISCARD(vp, offset, length);
	return error != 0 ? error : VOP_FALLOCATE(vp, offset, length);
}

/*
 * As with a write, whoever may not set them takes set-id bits away.  Linux
 * leaves that to us and does not expect it: KILLPRIV in the answer tells.
 */
static int
fallocate_suid(struct export_req *x, struct vnode *vp, kauth_cred_t cred)
{
	struct vattr va;
	int error, member = 0;

	if (x->er_cred.ec_uid == 0)
		return 0;
	error = VOP_GETATTR(vp, &va, lwp0.l_cred);
	if (error != 0)
		return error;
	mode_t mode = va.va_mode & ~S_ISUID;
	/* Not to be run by its group: a mark that members may leave. */
	if ((mode & S_IXGRP) != 0 || (kauth_cred_ismember_gid(cred, va.va_gid,
	    &member) == 0 && !member))
		mode &= ~S_ISGID;
	if (mode == va.va_mode)
		return 0;
	x->er_flags |= EXPORT_F_KILLPRIV;
	vattr_null(&va);
	va.va_mode = mode;
	return VOP_SETATTR(vp, &va, lwp0.l_cred);
}

int
export_fallocate(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	const off_t offset = (off_t)x->er_offset, len = (off_t)x->er_length;
	struct vnode *vp;
	int error;

	error = export_target(xm, x, LK_EXCLUSIVE, &vp);
	if (error != 0)
		return error;
	switch (x->er_flags &
	    (EXPORT_F_KEEPSIZE | EXPORT_F_PUNCH | EXPORT_F_ZERO)) {
	case 0:
		error = VOP_FALLOCATE(vp, offset, len);
		break;
	case EXPORT_F_KEEPSIZE:
		error = fallocate_keeping(vp, offset, len, cred);
		break;
	case EXPORT_F_KEEPSIZE | EXPORT_F_PUNCH:
		error = VOP_FDISCARD(vp, offset, len);
		break;
	case EXPORT_F_ZERO:
	case EXPORT_F_KEEPSIZE | EXPORT_F_ZERO:
		error = fallocate_zero(vp, offset, len,
		    (x->er_flags & EXPORT_F_KEEPSIZE) != 0, cred);
		break;
	default:
		error = EOPNOTSUPP;
		break;
	}
	if (error == 0)
		error = fallocate_suid(x, vp, cred);
	vput(vp);
	return error;
}

/*
 * Holes.  A block that the driver maps to nothing is one; its blocks are as
 * large as the mount says.
 */

static int
seek_block(struct vnode *vp, daddr_t lbn, bool *ishole, daddr_t *run)
{
	daddr_t bn;
	int more = 0;
	const int error = VOP_BMAP(vp, lbn, NULL, &bn, &more);

	*ishole = bn == (daddr_t)-1;
	*run = *ishole ? 1 : (daddr_t)more + 1;
	return error;
}

/*
 * The first byte from off on that is in a hole (or in data); size if none.  To
 * call more of a file data than there is is allowed, and done where looking
 * block by block would take too long.
 */
static int
seek_find(struct vnode *vp, off_t *off, off_t size, bool wanthole)
{
	const int shift = vp->v_mount->mnt_fs_bshift;
	daddr_t lbn = *off >> shift, run;
	bool ishole;
	int error;

	for (int tries = 0; (off_t)lbn << shift < size; tries++) {
		if (tries == SEEK_BLOCKS) {
			*off = wanthole ? size : (off_t)lbn << shift;
			return 0;
		}
		error = seek_block(vp, lbn, &ishole, &run);
		if (error != 0)
			return error;
		if (ishole == wanthole) {
			*off = MAX(*off, (off_t)lbn << shift);
			return 0;
		}
		lbn += run;
	}
	*off = size;
	return 0;
}

static int
seek_locked(struct vnode *vp, struct export_req *x, kauth_cred_t cred)
{
	const bool wanthole = (x->er_flags & EXPORT_F_SEEKHOLE) != 0;
	off_t off = (off_t)x->er_offset;
	struct vattr va;
	int error;

	if (vp->v_type != VREG || vp->v_mount->mnt_fs_bshift == 0)
		return EINVAL;
	error = VOP_GETATTR(vp, &va, cred);
	if (error != 0)
		return error;
	if (off < 0 || (u_quad_t)off >= va.va_size)
		return ENXIO;
	error = seek_find(vp, &off, (off_t)va.va_size, wanthole);
	if (error == 0 && !wanthole && (u_quad_t)off >= va.va_size)
		error = ENXIO;
	x->er_offset = (uint64_t)off;
	return error;
}

/* A driver that has an answer of its own skips more than a block at a time. */
static int
seek_driver(struct vnode *vp, struct export_req *x, kauth_cred_t cred)
{
	off_t off = (off_t)x->er_offset;
	int error;

	if (vp->v_type != VREG)
		return EPASSTHROUGH;
	error = VOP_IOCTL(vp, (x->er_flags & EXPORT_F_SEEKHOLE) != 0 ?
	    FIOSEEKHOLE : FIOSEEKDATA, &off, FREAD, cred);
	if (error == 0)
		x->er_offset = (uint64_t)off;
	return error;
}

int
export_lseek(struct export_mount *xm, struct export_req *x, kauth_cred_t cred)
{
	struct vnode *vp;
	int error;

	error = export_target(xm, x, LK_NONE, &vp);
	if (error != 0)
		return error;
	error = seek_driver(vp, x, cred);
	if (error == EPASSTHROUGH || error == ENOTTY || error == EOPNOTSUPP) {
		error = vn_lock(vp, LK_SHARED);
		if (error == 0) {
			error = seek_locked(vp, x, cred);
			VOP_UNLOCK(vp);
		}
	}
	vrele(vp);
	return error;
}

/*
 * Locks.  Linux names the owner by a number; whole-file locks of flock(2)
 * belong to the open file, that is to the handle.
 */

static void *
lock_id(const struct export_req *x, struct export_handle *xh)
{

	if ((x->er_flags & (EXPORT_F_FLOCK | EXPORT_F_UNLOCK)) != 0)
		return xh;
	return (void *)(uintptr_t)x->er_owner;
}

static void
lock_to_flock(const struct export_req *x, struct flock *fl)
{
	const struct export_lock *el = &x->er_lock;

	memset(fl, 0, sizeof(*fl));
	fl->l_whence = 0;	/* SEEK_SET */
	fl->l_start = (off_t)el->el_start;
	fl->l_len = el->el_end == UINT64_MAX ? 0 :
	    (off_t)(el->el_end - el->el_start + 1);
	fl->l_pid = (pid_t)el->el_pid;
	fl->l_type = el->el_type == EXPORT_LOCK_READ ? F_RDLCK :
	    el->el_type == EXPORT_LOCK_WRITE ? F_WRLCK : F_UNLCK;
}

static void
lock_from_flock(const struct flock *fl, struct export_lock *el)
{

	el->el_type = fl->l_type == F_RDLCK ? EXPORT_LOCK_READ :
	    fl->l_type == F_WRLCK ? EXPORT_LOCK_WRITE : EXPORT_LOCK_NONE;
	if (fl->l_type == F_UNLCK)
		return;
	el->el_start = (uint64_t)fl->l_start;
	el->el_end = fl->l_len == 0 ? UINT64_MAX :
	    (uint64_t)(fl->l_start + fl->l_len - 1);
	el->el_pid = fl->l_pid > 0 ? (uint32_t)fl->l_pid : 0;
}

int
export_getlk(struct export_mount *xm, struct export_req *x, kauth_cred_t cred)
{
	struct export_handle *xh = export_handle_hold(x);
	struct flock fl;
	int error;

	(void)cred;
	if (xh == NULL)
		return EBADF;
	lock_to_flock(x, &fl);
	error = VOP_ADVLOCK(xh->xh_vp, lock_id(x, xh), F_GETLK, &fl, F_FLOCK);
	if (error == 0)
		lock_from_flock(&fl, &x->er_lock);
	export_handle_rele(xm, xh);
	return error;
}

int
export_setlk(struct export_mount *xm, struct export_req *x, kauth_cred_t cred)
{
	struct export_handle *xh = export_handle_hold(x);
	struct flock fl;
	int error;

	(void)cred;
	if (xh == NULL)
		return EBADF;
	lock_to_flock(x, &fl);
	xh->xh_haslocks = true;
	error = VOP_ADVLOCK(xh->xh_vp, lock_id(x, xh),
	    fl.l_type == F_UNLCK ? F_UNLCK : F_SETLK, &fl,
	    F_FLOCK | ((x->er_flags & EXPORT_F_WAIT) != 0 ? F_WAIT : 0));
	export_handle_rele(xm, xh);
	return error;
}

/* A descriptor is closed: its owner's POSIX locks on the file go. */
int
export_flush(struct export_mount *xm, struct export_req *x, kauth_cred_t cred)
{
	struct export_handle *xh = export_handle_hold(x);
	struct flock fl;

	(void)cred;
	if (xh == NULL)
		return 0;
	memset(&fl, 0, sizeof(fl));
	fl.l_type = F_UNLCK;
	(void)VOP_ADVLOCK(xh->xh_vp, lock_id(x, xh), F_UNLCK, &fl, F_FLOCK);
	export_handle_rele(xm, xh);
	return 0;
}
