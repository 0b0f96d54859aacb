/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls on descriptors: read, write, lseek, ioctl, fcntl and so on. */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/ioctl.h>
#include <sys/kmem.h>
#include <sys/mount.h>
#include <sys/proc.h>
#include <sys/stat.h>
#include <sys/syscallargs.h>
#include <sys/uio.h>
#include <sys/unistd.h>
#include <sys/vnode.h>

#include "vnode_impl.h"
#include "vn_file.h"

/*
 * An operation that struct fileops has since NetBSD 11, for files that are no
 * vnodes; WITHOUT is the answer where the release or the file lacks it.
 */
#if __NetBSD_Version__ >= 1100000000
#define FILE_CALL(fp, without, op, ...)					\
	((fp)->f_ops->op == NULL ? (without) :				\
	    (*(fp)->f_ops->op)((fp), __VA_ARGS__))
#else
#define FILE_CALL(fp, without, op, ...)	(without)
#endif

/* Transfers. */

static int
file_uio(file_t *fp, struct uio *uio, off_t *offset, int flags,
    register_t *retval)
{
	size_t count = uio->uio_resid;
	int error;

	if (uio->uio_rw == UIO_READ)
		error = (*fp->f_ops->fo_read)(fp, offset, uio, fp->f_cred,
		    flags);
	else
		error = (*fp->f_ops->fo_write)(fp, offset, uio, fp->f_cred,
		    flags);
	/* Part of it is success. */
	if (error != 0 && uio->uio_resid != count &&
	    (error == ERESTART || error == EINTR || error == EWOULDBLOCK))
		error = 0;
	*retval = (register_t)(count - uio->uio_resid);
	return error;
}

static int
file_one(int fd, file_t *fp, void *buf, size_t len, enum uio_rw rw,
    off_t *offset, int flags, register_t *retval)
{
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct uio uio = {
		.uio_iov = &iov, .uio_iovcnt = 1, .uio_resid = len,
		.uio_rw = rw, .uio_vmspace = curlwp->l_proc->p_vmspace,
	};
	int error;

	if (__predict_false(len > SSIZE_MAX))
		error = EINVAL;
	else
		error = file_uio(fp, &uio, offset, flags, retval);
	fd_putfile((u_int)fd);
	return error;
}

int
dofileread(int fd, file_t *fp, void *buf, size_t len, off_t *offset,
    int flags, register_t *retval)
{
	return file_one(fd, fp, buf, len, UIO_READ, offset, flags, retval);
}

int
dofilewrite(int fd, file_t *fp, const void *buf, size_t len, off_t *offset,
    int flags, register_t *retval)
{
	return file_one(fd, fp, __UNCONST(buf), len, UIO_WRITE, offset, flags,
	    retval);
}

static file_t *
file_for(int fd, enum uio_rw rw)
{
	int need = rw == UIO_READ ? FREAD : FWRITE;
	file_t *fp = fd_getfile((u_int)fd);

	if (__predict_false(fp == NULL))
		return NULL;
	if (__predict_false((fp->f_flag & need) == 0)) {
		fd_putfile((u_int)fd);
		return NULL;
	}
	return fp;
}

int
sys_read(struct lwp *l __unused, const struct sys_read_args *uap,
    register_t *retval)
{
	file_t *fp = file_for(SCARG(uap, fd), UIO_READ);

	if (fp == NULL)
		return EBADF;
	return dofileread(SCARG(uap, fd), fp, SCARG(uap, buf),
	    SCARG(uap, nbyte), &fp->f_offset, FOF_UPDATE_OFFSET, retval);
}

int
sys_write(struct lwp *l __unused, const struct sys_write_args *uap,
    register_t *retval)
{
	file_t *fp = file_for(SCARG(uap, fd), UIO_WRITE);

	if (fp == NULL)
		return EBADF;
	return dofilewrite(SCARG(uap, fd), fp, SCARG(uap, buf),
	    SCARG(uap, nbyte), &fp->f_offset, FOF_UPDATE_OFFSET, retval);
}

/* Can this file be read and written at an offset? */
static int
file_check_offset(int fd, file_t *fp, off_t offset)
{
	struct vnode *vp;
	int error = 0;

	if (fp->f_ops->fo_seek == NULL || fp->f_type != DTYPE_VNODE) {
		error = ESPIPE;
	} else {
		vp = fp->f_vnode;
		if (vp->v_type == VFIFO || vp->v_type == VSOCK)
			error = ESPIPE;
		else if (offset < 0 && vp->v_type == VREG)
			error = EINVAL;
		else
			error = VOP_SEEK(vp, fp->f_offset, offset,
			    fp->f_cred);
	}
	if (error != 0)
		fd_putfile((u_int)fd);
	return error;
}

int
sys_pread(struct lwp *l __unused, const struct sys_pread_args *uap,
    register_t *retval)
{
	file_t *fp = file_for(SCARG(uap, fd), UIO_READ);
	off_t offset = SCARG(uap, offset);
	int error;

	if (fp == NULL)
		return EBADF;
	error = file_check_offset(SCARG(uap, fd), fp, offset);
	if (error != 0)
		return error;
	return dofileread(SCARG(uap, fd), fp, SCARG(uap, buf),
	    SCARG(uap, nbyte), &offset, 0, retval);
}

int
sys_pwrite(struct lwp *l __unused, const struct sys_pwrite_args *uap,
    register_t *retval)
{
	file_t *fp = file_for(SCARG(uap, fd), UIO_WRITE);
	off_t offset = SCARG(uap, offset);
	int error;

	if (fp == NULL)
		return EBADF;
	error = file_check_offset(SCARG(uap, fd), fp, offset);
	if (error != 0)
		return error;
	return dofilewrite(SCARG(uap, fd), fp, SCARG(uap, buf),
	    SCARG(uap, nbyte), &offset, 0, retval);
}

/* Vectors.  OFFSET is NULL for the file's own. */
static int
file_vector(int fd, const struct iovec *iovp, int iovcnt, enum uio_rw rw,
    off_t *offset, int flags, register_t *retval)
{
	struct iovec small[UIO_SMALLIOV], *iov = small;
	size_t size = (size_t)iovcnt * sizeof(*iov), total = 0;
	struct uio uio;
	file_t *fp;
	int error = 0;

	if (iovcnt <= 0 || iovcnt > IOV_MAX)
		return EINVAL;
	fp = file_for(fd, rw);
	if (fp == NULL)
		return EBADF;
	if (offset == NULL)
		offset = &fp->f_offset;
	else if ((error = file_check_offset(fd, fp, *offset)) != 0)
		return error;
	if (iovcnt > UIO_SMALLIOV)
		iov = kmem_alloc(size, KM_SLEEP);
	if (flags & FOF_IOV_SYSSPACE)
		memcpy(iov, iovp, size);
	else
		error = copyin(iovp, iov, size);
	for (int i = 0; error == 0 && i < iovcnt; i++) {
		total += iov[i].iov_len;
		if (iov[i].iov_len > SSIZE_MAX || total > SSIZE_MAX)
			error = EINVAL;
	}
	if (error == 0) {
		uio.uio_iov = iov;
		uio.uio_iovcnt = iovcnt;
		uio.uio_resid = total;
		uio.uio_rw = rw;
		uio.uio_vmspace = curlwp->l_proc->p_vmspace;
		error = file_uio(fp, &uio, offset, flags & ~FOF_IOV_SYSSPACE,
		    retval);
	}
	if (iov != small)
		kmem_free(iov, size);
	fd_putfile((u_int)fd);
	return error;
}

int
do_filereadv(int fd, const struct iovec *iovp, int iovcnt, off_t *offset,
    int flags, register_t *retval)
{
	return file_vector(fd, iovp, iovcnt, UIO_READ, offset, flags, retval);
}

int
do_filewritev(int fd, const struct iovec *iovp, int iovcnt, off_t *offset,
    int flags, register_t *retval)
{
	return file_vector(fd, iovp, iovcnt, UIO_WRITE, offset, flags,
	    retval);
}

int
sys_readv(struct lwp *l __unused, const struct sys_readv_args *uap,
    register_t *retval)
{
	return do_filereadv(SCARG(uap, fd), SCARG(uap, iovp),
	    SCARG(uap, iovcnt), NULL, FOF_UPDATE_OFFSET, retval);
}

int
sys_writev(struct lwp *l __unused, const struct sys_writev_args *uap,
    register_t *retval)
{
	return do_filewritev(SCARG(uap, fd), SCARG(uap, iovp),
	    SCARG(uap, iovcnt), NULL, FOF_UPDATE_OFFSET, retval);
}

int
sys_preadv(struct lwp *l __unused, const struct sys_preadv_args *uap,
    register_t *retval)
{
	off_t offset = SCARG(uap, offset);

	return do_filereadv(SCARG(uap, fd), SCARG(uap, iovp),
	    SCARG(uap, iovcnt), &offset, 0, retval);
}

int
sys_pwritev(struct lwp *l __unused, const struct sys_pwritev_args *uap,
    register_t *retval)
{
	off_t offset = SCARG(uap, offset);

	return do_filewritev(SCARG(uap, fd), SCARG(uap, iovp),
	    SCARG(uap, iovcnt), &offset, 0, retval);
}

int
sys_lseek(struct lwp *l __unused, const struct sys_lseek_args *uap,
    register_t *retval)
{
	int fd = SCARG(uap, fd), error;
	file_t *fp = fd_getfile((u_int)fd);
	off_t newoff = 0;

	if (fp == NULL)
		return EBADF;
	if (fp->f_ops->fo_seek == NULL)
		error = ESPIPE;
	else
		error = (*fp->f_ops->fo_seek)(fp, SCARG(uap, offset),
		    SCARG(uap, whence), &newoff, FOF_UPDATE_OFFSET);
	fd_putfile((u_int)fd);
	*retval = newoff;
	return error;
}

/* Descriptors. */

int
sys_close(struct lwp *l __unused, const struct sys_close_args *uap,
    register_t *retval __unused)
{
	int error;

	if (fd_getfile((u_int)SCARG(uap, fd)) == NULL)
		return EBADF;
	error = fd_close((u_int)SCARG(uap, fd));
	return error == ERESTART ? EINTR : error;
}

int
sys_dup(struct lwp *l __unused, const struct sys_dup_args *uap,
    register_t *retval)
{
	int old = SCARG(uap, fd), new, error;
	file_t *fp = fd_getfile((u_int)old);

	if (fp == NULL)
		return EBADF;
	error = fd_dup(fp, 0, &new, false NETBSD_FD_DUP_FALSE);
	fd_putfile((u_int)old);
	*retval = new;
	return error;
}

static int
dodup(int from, int to, int flags, register_t *retval)
{
	file_t *fp = fd_getfile((u_int)from);
	int error = 0;

	if (fp == NULL)
		return EBADF;
	if (to < 0) {
		fd_putfile((u_int)from);
		return EBADF;
	}
	if (from == to && flags == 0) {
		fd_putfile((u_int)from);
		*retval = to;
		return 0;
	}
	fp->f_count++;			/* FROM is let go before TO is closed */
	fd_putfile((u_int)from);
	if (from == to)
		fd_set_exclose(curlwp, from, (flags & O_CLOEXEC) != 0);
	else
		error = fd_dup2(fp, (u_int)to, flags);
	(void)closef(fp);
	*retval = to;
	return error;
}

int
sys_dup2(struct lwp *l __unused, const struct sys_dup2_args *uap,
    register_t *retval)
{
	return dodup(SCARG(uap, from), SCARG(uap, to), 0, retval);
}

int
sys_dup3(struct lwp *l __unused, const struct sys_dup3_args *uap,
    register_t *retval)
{
	if (SCARG(uap, flags) & ~(O_CLOEXEC | O_NONBLOCK | O_NOSIGPIPE))
		return EINVAL;
	return dodup(SCARG(uap, from), SCARG(uap, to), SCARG(uap, flags),
	    retval);
}

/* fcntl */

static int
fcntl_lock(struct lwp *l, file_t *fp, int cmd, struct flock *fl)
{
	struct vnode *vp;
	int error, flags = F_POSIX;

	if (fp->f_type != DTYPE_VNODE)
		return FILE_CALL(fp, EINVAL, fo_advlock, l->l_proc, cmd, fl,
		    cmd == F_SETLKW ? F_POSIX | F_WAIT : F_POSIX);
	vp = fp->f_vnode;
	if (fl->l_whence == SEEK_CUR) {
		if (__builtin_add_overflow(fl->l_start, fp->f_offset,
		    &fl->l_start))
			return EOVERFLOW;
	}
	if (cmd == F_GETLK) {
		if (fl->l_type != F_RDLCK && fl->l_type != F_WRLCK &&
		    fl->l_type != F_UNLCK)
			return EINVAL;
		return VOP_ADVLOCK(vp, l->l_proc, F_GETLK, fl, F_POSIX);
	}
	if (cmd == F_SETLKW)
		flags |= F_WAIT;
	switch (fl->l_type) {
	case F_RDLCK:
		if ((fp->f_flag & FREAD) == 0)
			return EBADF;
		break;
	case F_WRLCK:
		if ((fp->f_flag & FWRITE) == 0)
			return EBADF;
		break;
	case F_UNLCK:
		return VOP_ADVLOCK(vp, l->l_proc, F_UNLCK, fl, F_POSIX);
	default:
		return EINVAL;
	}
	l->l_proc->p_flag |= PK_ADVLOCK;
	error = VOP_ADVLOCK(vp, l->l_proc, F_SETLK, fl, flags);
	return error;
}

static int
fcntl_getpath(struct lwp *l, file_t *fp, void *arg)
{
	char *path;
	int error;

	if (fp->f_type != DTYPE_VNODE)
		return EOPNOTSUPP;
	path = kmem_zalloc(MAXPATHLEN, KM_SLEEP);
	error = vnode_to_path(path, MAXPATHLEN, fp->f_vnode, l, l->l_proc);
	if (error == 0)
		error = copyout(path, arg, strlen(path) + 1);
	kmem_free(path, MAXPATHLEN);
	return error;
}

/* File system specific fcntls carry their argument like an ioctl. */
static int
fcntl_fs(file_t *fp, int cmd, void *arg)
{
	char small[128];
	size_t size = (size_t)F_PARAM_LEN(cmd);
	void *data = small;
	int error = 0;

	if (size > F_PARAM_MAX)
		return EINVAL;
	if (size > sizeof(small))
		data = kmem_alloc(size, KM_SLEEP);
	if ((cmd & F_FSIN) && size > 0)
		error = copyin(arg, data, size);
	else if ((cmd & F_FSOUT) && size > 0)
		memset(data, 0, size);
	else if (cmd & F_FSVOID)
		*(void **)data = arg;
	if (error == 0)
		error = (*fp->f_ops->fo_fcntl)(fp, (u_int)cmd, data);
	if (error == 0 && (cmd & F_FSOUT) && size > 0)
		error = copyout(data, arg, size);
	if (data != small)
		kmem_free(data, size);
	return error;
}

static int
fcntl_setfl(file_t *fp, int newflags)
{
	int flags = FFLAGS(newflags) & FCNTLFLAGS, on, error;

	error = (*fp->f_ops->fo_fcntl)(fp, F_SETFL, &flags);
	if (error != 0)
		return error;
	if ((flags ^ fp->f_flag) & FNONBLOCK) {
		on = (flags & FNONBLOCK) != 0;
		error = (*fp->f_ops->fo_ioctl)(fp, FIONBIO, &on);
		/* Who does not know it looks at the flag. */
		if (error != 0 && error != EPASSTHROUGH && error != ENOTTY &&
		    error != EOPNOTSUPP)
			return error;
	}
	fp->f_flag = (fp->f_flag & ~FCNTLFLAGS) | flags;
	return 0;
}

static int
fcntl_closem(int fd)
{
	filedesc_t *fdp = curlwp->l_proc->p_fd;

	if (fd < 0)
		return EBADF;
	for (int i = fdp->fd_lastfile; i >= fd; i--)
		if (fd_getfile((u_int)i) != NULL)
			(void)fd_close((u_int)i);
	return 0;
}

static int
fcntl_file(struct lwp *l, file_t *fp, int fd, int cmd, void *arg,
    register_t *retval)
{
	fdfile_t *ff = l->l_fd->fd_dt->dt_ff[fd];
	int error, new, value = (int)(intptr_t)arg;
	struct flock fl;

	if (cmd & F_FSCTL)
		return fcntl_fs(fp, cmd, arg);
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		error = fd_dup(fp, value, &new, cmd == F_DUPFD_CLOEXEC
		    NETBSD_FD_DUP_FALSE);
		*retval = new;
		return error;
	case F_GETFD:
		*retval = ff->ff_exclose ? FD_CLOEXEC : 0;
		return 0;
	case F_SETFD:
		fd_set_exclose(l, fd, (value & FD_CLOEXEC) != 0);
		return 0;
	case F_GETNOSIGPIPE:
		*retval = (fp->f_flag & FNOSIGPIPE) != 0;
		return 0;
	case F_SETNOSIGPIPE:
		fp->f_flag = (fp->f_flag & ~FNOSIGPIPE) |
		    (value ? FNOSIGPIPE : 0);
		return 0;
	case F_GETFL:
		*retval = OFLAGS(fp->f_flag & FMASK);
		return 0;
	case F_SETFL:
		return fcntl_setfl(fp, value);
	case F_GETPATH:
		return fcntl_getpath(l, fp, arg);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
		error = copyin(arg, &fl, sizeof(fl));
		if (error == 0)
			error = fcntl_lock(l, fp, cmd, &fl);
		if (error == 0 && cmd == F_GETLK)
			error = copyout(&fl, arg, sizeof(fl));
		return error;
	default:
		return EINVAL;
	}
}

int
sys_fcntl(struct lwp *l, const struct sys_fcntl_args *uap,
    register_t *retval)
{
	int fd = SCARG(uap, fd), cmd = SCARG(uap, cmd), error;
	file_t *fp;

	if (cmd == F_CLOSEM)
		return fcntl_closem(fd);
	if (cmd == F_MAXFD) {
		*retval = l->l_fd->fd_lastfile;
		return 0;
	}
	fp = fd_getfile((u_int)fd);
	if (fp == NULL)
		return EBADF;
	error = fcntl_file(l, fp, fd, cmd, SCARG(uap, arg), retval);
	fd_putfile((u_int)fd);
	return error;
}

int
sys_flock(struct lwp *l __unused, const struct sys_flock_args *uap,
    register_t *retval __unused)
{
	int fd = SCARG(uap, fd), how = SCARG(uap, how), error;
	struct flock lf = { .l_whence = SEEK_SET };
	file_t *fp;

	error = fd_getvnode((u_int)fd, &fp);
	if (error != 0)
		return error == EINVAL ? EOPNOTSUPP : error;
	switch (how & ~LOCK_NB) {
	case LOCK_UN:
		lf.l_type = F_UNLCK;
		fp->f_flag &= ~FHASLOCK;
		error = VOP_ADVLOCK(fp->f_vnode, fp, F_UNLCK, &lf, F_FLOCK);
		fd_putfile((u_int)fd);
		return error;
	case LOCK_EX:
		lf.l_type = F_WRLCK;
		break;
	case LOCK_SH:
		lf.l_type = F_RDLCK;
		break;
	default:
		fd_putfile((u_int)fd);
		return EINVAL;
	}
	fp->f_flag |= FHASLOCK;
	error = VOP_ADVLOCK(fp->f_vnode, fp, F_SETLK, &lf,
	    (how & LOCK_NB) ? F_FLOCK : F_FLOCK | F_WAIT);
	fd_putfile((u_int)fd);
	return error;
}

/* ioctl */

static int
ioctl_file(struct lwp *l, file_t *fp, int fd, u_long com, void *data)
{
	int error, on;

	switch (com) {
	case FIOCLEX:
	case FIONCLEX:
		fd_set_exclose(l, fd, com == FIOCLEX);
		return 0;
	case FIONBIO:
	case FIOASYNC:
		on = *(int *)data;
		error = (*fp->f_ops->fo_ioctl)(fp, com, data);
		if (error == 0 || error == EPASSTHROUGH || error == ENOTTY) {
			int bit = com == FIONBIO ? FNONBLOCK : FASYNC;

			fp->f_flag = (fp->f_flag & ~bit) | (on ? bit : 0);
			error = 0;
		}
		return error;
	default:
		error = (*fp->f_ops->fo_ioctl)(fp, com, data);
		return error == EPASSTHROUGH ? ENOTTY : error;
	}
}

int
sys_ioctl(struct lwp *l, const struct sys_ioctl_args *uap,
    register_t *retval __unused)
{
	u_long com = SCARG(uap, com) & 0xffffffffUL;
	size_t size = IOCPARM_LEN(com);
	uint64_t small[16];
	void *data = small, *arg = SCARG(uap, data);
	int fd = SCARG(uap, fd), error = 0;
	file_t *fp = fd_getfile((u_int)fd);

	if (fp == NULL)
		return EBADF;
	if ((fp->f_flag & (FREAD | FWRITE)) == 0) {
		fd_putfile((u_int)fd);
		return EBADF;
	}
	if (size > IOCPARM_MAX) {
		fd_putfile((u_int)fd);
		return ENOTTY;
	}
	if (size > sizeof(small))
		data = kmem_alloc(size, KM_SLEEP);
	if (com & IOC_IN) {
		if (size > 0)
			error = copyin(arg, data, size);
		else
			*(void **)data = arg;
	} else if ((com & IOC_OUT) && size > 0) {
		memset(data, 0, size);
	} else if (com & IOC_VOID) {
		*(void **)data = arg;
	}
	if (error == 0)
		error = ioctl_file(l, fp, fd, com, data);
	if (error == 0 && (com & IOC_OUT) && size > 0)
		error = copyout(data, arg, size);
	if (data != small)
		kmem_free(data, size);
	fd_putfile((u_int)fd);
	return error;
}

/* Attributes by descriptor. */

int
sys___fstat50(struct lwp *l __unused, const struct sys___fstat50_args *uap,
    register_t *retval __unused)
{
	int fd = SCARG(uap, fd), error;
	file_t *fp = fd_getfile((u_int)fd);
	struct stat sb;

	if (fp == NULL)
		return EBADF;
	error = (*fp->f_ops->fo_stat)(fp, &sb);
	fd_putfile((u_int)fd);
	return error != 0 ? error : copyout(&sb, SCARG(uap, sb), sizeof(sb));
}

int
sys_fpathconf(struct lwp *l __unused, const struct sys_fpathconf_args *uap,
    register_t *retval)
{
	int fd = SCARG(uap, fd), error;
	file_t *fp = fd_getfile((u_int)fd);

	if (fp == NULL)
		return EBADF;
	if (fp->f_type != DTYPE_VNODE) {
		*retval = PIPE_BUF;
		error = FILE_CALL(fp,
		    SCARG(uap, name) == _PC_PIPE_BUF ? 0 : EINVAL,
		    fo_fpathconf, SCARG(uap, name), retval);
	} else {
		vn_lock(fp->f_vnode, LK_SHARED | LK_RETRY);
		error = VOP_PATHCONF(fp->f_vnode, SCARG(uap, name), retval);
		VOP_UNLOCK(fp->f_vnode);
	}
	fd_putfile((u_int)fd);
	return error;
}

/* Synchronisation. */

static int
file_sync(int fd, int flags, off_t start, off_t end)
{
	struct vnode *vp;
	file_t *fp;
	int error;

	error = fd_getvnode((u_int)fd, &fp);
	if (error != 0)
		return error;
	vp = fp->f_vnode;
	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	error = VOP_FSYNC(vp, fp->f_cred, flags, start, end);
	VOP_UNLOCK(vp);
	fd_putfile((u_int)fd);
	return error;
}

int
sys_fsync(struct lwp *l __unused, const struct sys_fsync_args *uap,
    register_t *retval __unused)
{
	return file_sync(SCARG(uap, fd), FSYNC_WAIT, 0, 0);
}

int
sys_fdatasync(struct lwp *l __unused, const struct sys_fdatasync_args *uap,
    register_t *retval __unused)
{
	file_t *fp = fd_getfile((u_int)SCARG(uap, fd));

	if (fp == NULL)
		return EBADF;
	if ((fp->f_flag & FWRITE) == 0) {
		fd_putfile((u_int)SCARG(uap, fd));
		return EBADF;
	}
	fd_putfile((u_int)SCARG(uap, fd));
	return file_sync(SCARG(uap, fd), FSYNC_WAIT | FSYNC_DATAONLY, 0, 0);
}

int
sys_fsync_range(struct lwp *l __unused,
    const struct sys_fsync_range_args *uap, register_t *retval __unused)
{
	int flags = SCARG(uap, flags), nflags = 0;
	off_t start = SCARG(uap, start), len = SCARG(uap, length), end;
	file_t *fp = fd_getfile((u_int)SCARG(uap, fd));

	if (fp == NULL)
		return EBADF;
	if ((fp->f_flag & FWRITE) == 0) {
		fd_putfile((u_int)SCARG(uap, fd));
		return EBADF;
	}
	fd_putfile((u_int)SCARG(uap, fd));
	if ((flags & (FDATASYNC | FFILESYNC)) == 0 ||
	    (flags & (FDATASYNC | FFILESYNC)) == (FDATASYNC | FFILESYNC) ||
	    (flags & ~(FDATASYNC | FFILESYNC | FDISKSYNC)) != 0)
		return EINVAL;
	if (start < 0 || len < 0 || __builtin_add_overflow(start, len, &end))
		return EINVAL;
	if (len == 0)
		start = end = 0;	/* everything */
	if (flags & FDATASYNC)
		nflags |= FSYNC_DATAONLY;
	if (flags & FDISKSYNC)
		nflags |= FSYNC_CACHE;
	return file_sync(SCARG(uap, fd), FSYNC_WAIT | nflags, start, end);
}

int
sys_ftruncate(struct lwp *l __unused, const struct sys_ftruncate_args *uap,
    register_t *retval __unused)
{
	int fd = SCARG(uap, fd), error;
	struct vattr va;
	struct vnode *vp;
	file_t *fp;

	if (SCARG(uap, length) < 0)
		return EINVAL;
	fp = fd_getfile((u_int)fd);
	if (fp == NULL)
		return EBADF;
	if ((fp->f_flag & FWRITE) == 0 || fp->f_type != DTYPE_VNODE) {
		error = (fp->f_flag & FWRITE) == 0 ? EINVAL :
		    FILE_CALL(fp, EINVAL, fo_truncate, SCARG(uap, length));
		fd_putfile((u_int)fd);
		return error;
	}
	vp = fp->f_vnode;
	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	if (vp->v_type == VBAD) {
		error = EBADF;
	} else if (vp->v_type == VDIR) {
		error = EISDIR;
	} else if ((error = vn_writechk(vp)) == 0) {
		vattr_null(&va);
		va.va_size = (u_quad_t)SCARG(uap, length);
		error = VOP_SETATTR(vp, &va, fp->f_cred);
	}
	VOP_UNLOCK(vp);
	fd_putfile((u_int)fd);
	return error;
}

static int
file_range(int fd, off_t pos, off_t len,
    int (*op)(struct vnode *, off_t, off_t))
{
	struct vnode *vp;
	file_t *fp;
	off_t end;
	int error;

	if (pos < 0 || len <= 0 || __builtin_add_overflow(pos, len, &end))
		return EINVAL;
	fp = fd_getfile((u_int)fd);
	if (fp == NULL)
		return EBADF;
	if ((fp->f_flag & FWRITE) == 0)
		error = EBADF;
	else if (fp->f_type != DTYPE_VNODE)
		error = fp->f_type == DTYPE_PIPE ? ESPIPE : ENODEV;
	else if (fp->f_vnode->v_type == VDIR)
		error = EISDIR;
	else if (fp->f_vnode->v_type == VFIFO)
		error = ESPIPE;
	else {
		vp = fp->f_vnode;
		vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
		error = (*op)(vp, pos, len);
		VOP_UNLOCK(vp);
	}
	fd_putfile((u_int)fd);
	return error;
}

/* posix_fallocate answers with the error itself. */
int
sys_posix_fallocate(struct lwp *l __unused,
    const struct sys_posix_fallocate_args *uap, register_t *retval)
{
	*retval = file_range(SCARG(uap, fd), SCARG(uap, pos), SCARG(uap, len),
	    VOP_FALLOCATE);
	return 0;
}

int
sys_fdiscard(struct lwp *l __unused, const struct sys_fdiscard_args *uap,
    register_t *retval __unused)
{
	return file_range(SCARG(uap, fd), SCARG(uap, pos), SCARG(uap, len),
	    VOP_FDISCARD);
}

int
sys___posix_fadvise50(struct lwp *l __unused,
    const struct sys___posix_fadvise50_args *uap, register_t *retval)
{
	int fd = SCARG(uap, fd), advice = SCARG(uap, advice), error = 0;
	off_t offset = SCARG(uap, offset), len = SCARG(uap, len), end;
	file_t *fp = fd_getfile((u_int)fd);

	if (fp == NULL) {
		*retval = EBADF;
		return 0;
	}
	if (len == 0)
		end = INT64_MAX;
	else if (len < 0 || __builtin_add_overflow(offset, len, &end))
		error = EINVAL;
	if (error == 0 && fp->f_type != DTYPE_VNODE) {
		error = FILE_CALL(fp,
		    fp->f_type == DTYPE_PIPE ? ESPIPE : EOPNOTSUPP,
		    fo_posix_fadvise, offset, len, advice);
	} else if (error == 0) {
		switch (advice) {
		case POSIX_FADV_NORMAL:
		case POSIX_FADV_RANDOM:
		case POSIX_FADV_SEQUENTIAL:
			fp->f_advice = (u_int)advice;
			break;
		case POSIX_FADV_WILLNEED:
		case POSIX_FADV_DONTNEED:
		case POSIX_FADV_NOREUSE:
			break;		/* permitted to mean nothing */
		default:
			error = EINVAL;
			break;
		}
	}
	fd_putfile((u_int)fd);
	*retval = error;
	return 0;
}

int
sys___getdents30(struct lwp *l, const struct sys___getdents30_args *uap,
    register_t *retval)
{
	int fd = SCARG(uap, fd), error, done = 0;
	file_t *fp;

	error = fd_getvnode((u_int)fd, &fp);
	if (error != 0)
		return error;
	if ((fp->f_flag & FREAD) == 0)
		error = EBADF;
	else
		error = vn_readdir(fp, SCARG(uap, buf), UIO_USERSPACE,
		    (u_int)MIN(SCARG(uap, count), INT32_MAX), &done, l, NULL,
		    NULL);
	fd_putfile((u_int)fd);
	*retval = done;
	return error;
}
