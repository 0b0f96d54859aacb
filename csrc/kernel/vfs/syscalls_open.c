/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls that turn a path into something: open, stat, access, readlink,
 * and where a process stands (chdir, chroot, getcwd, umask).
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/proc.h>
#include <sys/stat.h>
#include <sys/syscallargs.h>
#include <sys/uio.h>
#include <sys/unistd.h>
#include <sys/vnode.h>

#include "vnode_impl.h"
#include "vn_file.h"
#include "lookup.h"
#include "vfs_private.h"

/* Paths relative to a descriptor. */

static bool
pathbuf_is_absolute(const struct pathbuf *pb)
{
	char first[2];

	pathbuf_copystring(pb, first, sizeof(first));
	return first[0] == '/';
}

int
at_start(int fd, const struct pathbuf *pb, struct vnode **dvpp)
{
	file_t *fp;
	int error;

	*dvpp = NULL;
	if (fd == AT_FDCWD || pathbuf_is_absolute(pb))
		return 0;
	error = fd_getvnode((u_int)fd, &fp);
	if (error != 0)
		return error == EINVAL ? ENOTDIR : error;
	if (fp->f_vnode->v_type != VDIR) {
		fd_putfile((u_int)fd);
		return ENOTDIR;
	}
	vref(fp->f_vnode);
	*dvpp = fp->f_vnode;
	fd_putfile((u_int)fd);
	return 0;
}

int
at_copyin(int fd, const char *path, struct pathbuf **pbp,
    struct vnode **dvpp)
{
	int error;

	error = pathbuf_copyin(path, pbp);
	if (error != 0)
		return error;
	error = at_start(fd, *pbp, dvpp);
	if (error != 0)
		pathbuf_destroy(*pbp);
	return error;
}

void
at_done(struct pathbuf *pb, struct vnode *dvp)
{
	pathbuf_destroy(pb);
	if (dvp != NULL)
		vrele(dvp);
}

/* The vnode of a path, unlocked unless LOCKLEAF is in FLAGS. */
int
at_lookup(int fd, const char *path, uint32_t flags, struct vnode **vpp)
{
	struct nameidata nd;
	struct pathbuf *pb;
	int error;

	error = at_namei(fd, path, LOOKUP, flags, &nd, &pb);
	if (error != 0)
		return error;
	pathbuf_destroy(pb);
	*vpp = nd.ni_vp;
	return 0;
}

/* namei; on success the caller destroys *PBP when done with the name. */
int
at_namei(int fd, const char *path, uint32_t op, uint32_t flags,
    struct nameidata *ndp, struct pathbuf **pbp)
{
	struct vnode *dvp;
	int error;

	error = at_copyin(fd, path, pbp, &dvp);
	if (error != 0)
		return error;
	NDINIT(ndp, op, flags, *pbp);
	if (dvp != NULL)
		NDAT(ndp, dvp);
	error = namei(ndp);
	if (dvp != NULL)
		vrele(dvp);
	if (error != 0)
		pathbuf_destroy(*pbp);
	return error;
}

/* open */

static int
open_lock(file_t *fp, struct vnode *vp, int flags)
{
	struct flock lf = { .l_whence = SEEK_SET };
	int error, type = F_FLOCK;

	lf.l_type = (flags & O_EXLOCK) ? F_WRLCK : F_RDLCK;
	if ((flags & FNONBLOCK) == 0)
		type |= F_WAIT;
	VOP_UNLOCK(vp);
	error = VOP_ADVLOCK(vp, fp, F_SETLK, &lf, type);
	if (error == 0)
		fp->f_flag |= FHASLOCK;
	return error;
}

/* Open a path into a new descriptor. */
static int
do_open(struct lwp *l, struct vnode *dvp, struct pathbuf *pb, int oflags,
    int mode, int *fd)
{
	struct proc *p = l->l_proc;
	struct vnode *vp;
	int error, flags, dupfd;
	bool domove;
	file_t *fp;

	flags = oflags & O_SEARCH ? FREAD | (oflags & ~O_ACCMODE) :
	    FFLAGS(oflags);
	if ((flags & (FREAD | FWRITE)) == 0)
		return EINVAL;
	if (oflags & O_EXEC)
		flags = (flags & ~FREAD) | FEXEC;
	error = fd_allocfile(&fp, fd);
	if (error != 0)
		return error;
	mode = mode & ~(int)p->p_cwdi->cwdi_cmask & ALLPERMS & ~S_ISTXT;
	error = vn_open(dvp, pb, TRYEMULROOT, flags, mode, &vp, &domove,
	    &dupfd);
	if (error != 0) {
		fd_abort(p, fp, (u_int)*fd);
		return error == ERESTART ? EINTR : error;
	}
	if (vp == NULL) {
		/* The device has opened something else. */
		fd_abort(p, fp, (u_int)*fd);
		return fd_dupopen(dupfd, domove, flags, fd);
	}
	fp->f_flag = flags & FMASK;
	fp->f_type = DTYPE_VNODE;
	fp->f_ops = &vnops;
	fp->f_vnode = vp;
	if (flags & (O_EXLOCK | O_SHLOCK)) {
		error = open_lock(fp, vp, flags);
		if (error != 0) {
			(void)vn_close(vp, fp->f_flag, fp->f_cred);
			fd_abort(p, fp, (u_int)*fd);
			return error;
		}
	} else {
		VOP_UNLOCK(vp);
	}
	if (oflags & O_CLOEXEC)
		fd_set_exclose(l, *fd, true);
	fd_affix(p, fp, (u_int)*fd);
	return 0;
}

/* For the kernel itself: FLAGS are those of open(2). */
int
fd_open(const char *path, int flags, int mode, int *fd)
{
	struct pathbuf *pb = pathbuf_create(path);
	int error;

	if (pb == NULL)
		return ENAMETOOLONG;
	error = do_open(curlwp, NULL, pb, flags, mode, fd);
	pathbuf_destroy(pb);
	return error;
}

int
sys_open(struct lwp *l, const struct sys_open_args *uap, register_t *retval)
{
	struct pathbuf *pb;
	int error, fd;

	error = pathbuf_copyin(SCARG(uap, path), &pb);
	if (error != 0)
		return error;
	error = do_open(l, NULL, pb, SCARG(uap, flags),
	    (int)SCARG(uap, mode), &fd);
	pathbuf_destroy(pb);
	*retval = fd;
	return error;
}

int
sys_openat(struct lwp *l, const struct sys_openat_args *uap,
    register_t *retval)
{
	struct pathbuf *pb;
	struct vnode *dvp;
	int error, fd;

	error = at_copyin(SCARG(uap, fd), SCARG(uap, path), &pb, &dvp);
	if (error != 0)
		return error;
	error = do_open(l, dvp, pb, SCARG(uap, oflags),
	    (int)SCARG(uap, mode), &fd);
	at_done(pb, dvp);
	*retval = fd;
	return error;
}

/* stat */

/* Fill in *SB; the vnode is referenced, not locked. */
static int
stat_vnode(struct vnode *vp, struct stat *sb)
{
	int error;

	error = vn_lock(vp, LK_SHARED | LK_RETRY);
	if (error == 0) {
		error = vn_stat(vp, sb);
		VOP_UNLOCK(vp);
	}
	return error;
}

static int
do_stat(int fd, const char *path, uint32_t nflags, struct stat *ub)
{
	struct pathbuf *pb;
	struct vnode *vp, *dvp = NULL;
	struct nameidata nd;
	struct stat sb;
	int error;

	error = pathbuf_copyin(path, &pb);
	if (__predict_false(error != 0))
		return error;
	if (__predict_false(fd != AT_FDCWD)) {
		error = at_start(fd, pb, &dvp);
		if (error != 0) {
			pathbuf_destroy(pb);
			return error;
		}
	}
	error = namei_light(dvp, pathbuf_chars(pb), nflags, &vp);
	if (__predict_true(error == 0)) {
		error = stat_vnode(vp, &sb);
		vrele_light(vp);
	} else if (error == -1) {
		NDINIT(&nd, LOOKUP, nflags, pb);
		if (dvp != NULL)
			NDAT(&nd, dvp);
		error = namei(&nd);
		if (error == 0) {
			error = stat_vnode(nd.ni_vp, &sb);
			vrele(nd.ni_vp);
		}
	}
	pathbuf_destroy(pb);
	if (dvp != NULL)
		vrele(dvp);
	return error != 0 ? error : copyout(&sb, ub, sizeof(sb));
}

int
sys___stat50(struct lwp *l __unused, const struct sys___stat50_args *uap,
    register_t *retval __unused)
{
	return do_stat(AT_FDCWD, SCARG(uap, path), FOLLOW, SCARG(uap, ub));
}

int
sys___lstat50(struct lwp *l __unused, const struct sys___lstat50_args *uap,
    register_t *retval __unused)
{
	return do_stat(AT_FDCWD, SCARG(uap, path), NOFOLLOW, SCARG(uap, ub));
}

int
sys_fstatat(struct lwp *l __unused, const struct sys_fstatat_args *uap,
    register_t *retval __unused)
{
	uint32_t nflags;

	if (at_follow(SCARG(uap, flag), AT_SYMLINK_NOFOLLOW, &nflags) != 0)
		return EINVAL;
	return do_stat(SCARG(uap, fd), SCARG(uap, path), nflags,
	    SCARG(uap, buf));
}

/* access */

static int
do_access(struct lwp *l, int fd, const char *path, int amode, int flags)
{
	kauth_cred_t old = l->l_cred, cred;
	accmode_t want = 0;
	struct vnode *vp;
	uint32_t nflags;
	int error;

	if (amode & ~(R_OK | W_OK | X_OK))
		return EINVAL;
	if (at_follow(flags, AT_SYMLINK_NOFOLLOW | AT_EACCESS, &nflags) != 0)
		return EINVAL;
	/* With the real ids, unless they are the effective ones anyway. */
	cred = kauth_cred_dup(old);
	if ((flags & AT_EACCESS) == 0) {
		kauth_cred_seteuid(cred, kauth_cred_getuid(old));
		kauth_cred_setegid(cred, kauth_cred_getgid(old));
	}
	l->l_cred = cred;
	error = at_lookup(fd, path, nflags | LOCKLEAF, &vp);
	l->l_cred = old;
	if (error == 0) {
		if (amode & R_OK)
			want |= VREAD;
		if (amode & W_OK)
			want |= VWRITE;
		if (amode & X_OK)
			want |= VEXEC;
		if (want != 0)
			error = VOP_ACCESS(vp, want, cred);
		if (error == 0 && (want & VWRITE) &&
		    (vp->v_type == VREG || vp->v_type == VDIR ||
		    vp->v_type == VLNK)) {
			if (vp->v_mount->mnt_flag & MNT_RDONLY)
				error = EROFS;
			else
				error = vn_writechk(vp);
		}
		vput(vp);
	}
	kauth_cred_free(cred);
	return error;
}

int
sys_access(struct lwp *l, const struct sys_access_args *uap,
    register_t *retval __unused)
{
	return do_access(l, AT_FDCWD, SCARG(uap, path), SCARG(uap, flags), 0);
}

int
sys_faccessat(struct lwp *l, const struct sys_faccessat_args *uap,
    register_t *retval __unused)
{
	return do_access(l, SCARG(uap, fd), SCARG(uap, path),
	    SCARG(uap, amode), SCARG(uap, flag));
}

/* readlink */

static int
do_readlink(struct lwp *l, int fd, const char *path, char *buf, size_t count,
    register_t *retval)
{
	struct iovec iov = { .iov_base = buf, .iov_len = count };
	struct uio uio = {
		.uio_iov = &iov, .uio_iovcnt = 1, .uio_resid = count,
		.uio_rw = UIO_READ, .uio_vmspace = l->l_proc->p_vmspace,
	};
	struct vnode *vp;
	int error;

	error = at_lookup(fd, path, NOFOLLOW | LOCKLEAF | LOCKSHARED, &vp);
	if (error != 0)
		return error;
	if (vp->v_type != VLNK)
		error = EINVAL;
	else if ((vp->v_mount->mnt_flag & MNT_SYMPERM) == 0 ||
	    (error = VOP_ACCESS(vp, VREAD, l->l_cred)) == 0)
		error = VOP_READLINK(vp, &uio, l->l_cred);
	vput(vp);
	*retval = (register_t)(count - uio.uio_resid);
	return error;
}

int
sys_readlink(struct lwp *l, const struct sys_readlink_args *uap,
    register_t *retval)
{
	return do_readlink(l, AT_FDCWD, SCARG(uap, path), SCARG(uap, buf),
	    SCARG(uap, count), retval);
}

int
sys_readlinkat(struct lwp *l, const struct sys_readlinkat_args *uap,
    register_t *retval)
{
	return do_readlink(l, SCARG(uap, fd), SCARG(uap, path),
	    SCARG(uap, buf), SCARG(uap, bufsize), retval);
}

/* pathconf */

static int
do_pathconf(const char *path, int name, uint32_t nflags, register_t *retval)
{
	struct vnode *vp;
	int error;

	error = at_lookup(AT_FDCWD, path, nflags | LOCKLEAF, &vp);
	if (error != 0)
		return error;
	error = VOP_PATHCONF(vp, name, retval);
	vput(vp);
	return error;
}

int
sys_pathconf(struct lwp *l __unused, const struct sys_pathconf_args *uap,
    register_t *retval)
{
	return do_pathconf(SCARG(uap, path), SCARG(uap, name), FOLLOW,
	    retval);
}

int
sys_lpathconf(struct lwp *l __unused, const struct sys_lpathconf_args *uap,
    register_t *retval)
{
	return do_pathconf(SCARG(uap, path), SCARG(uap, name), NOFOLLOW,
	    retval);
}

/* Where the process stands. */

/* A directory that may be searched; the vnode is locked, and unlocked. */
static int
check_dir(struct vnode *vp, struct lwp *l)
{
	int error;

	if (vp->v_type != VDIR)
		error = ENOTDIR;
	else
		error = VOP_ACCESS(vp, VEXEC, l->l_cred);
	VOP_UNLOCK(vp);
	return error;
}

static void
set_cdir(struct proc *p, struct vnode *vp)
{
	struct vnode *old = p->p_cwdi->cwdi_cdir;

	p->p_cwdi->cwdi_cdir = vp;
	vrele(old);
}

int
sys_chdir(struct lwp *l, const struct sys_chdir_args *uap,
    register_t *retval __unused)
{
	struct vnode *vp;
	int error;

	error = at_lookup(AT_FDCWD, SCARG(uap, path), FOLLOW | LOCKLEAF, &vp);
	if (error != 0)
		return error;
	error = check_dir(vp, l);
	if (error != 0)
		vrele(vp);
	else
		set_cdir(l->l_proc, vp);
	return error;
}

static int
fd_directory(struct lwp *l, int fd, struct vnode **vpp)
{
	struct vnode *vp;
	file_t *fp;
	int error;

	error = fd_getvnode((u_int)fd, &fp);
	if (error != 0)
		return error == EINVAL ? ENOTDIR : error;
	vp = fp->f_vnode;
	vref(vp);
	fd_putfile((u_int)fd);
	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	error = check_dir(vp, l);
	if (error == 0)
		error = mount_enter_root(vp, &vp);
	else
		vrele(vp);
	*vpp = vp;
	return error;
}

int
sys_fchdir(struct lwp *l, const struct sys_fchdir_args *uap,
    register_t *retval __unused)
{
	struct vnode *vp;
	int error;

	error = fd_directory(l, SCARG(uap, fd), &vp);
	if (error == 0)
		set_cdir(l->l_proc, vp);
	return error;
}

static void
set_rdir(struct lwp *l, struct vnode *vp)
{
	struct cwdinfo *cwdi = l->l_proc->p_cwdi;
	struct vnode *old = cwdi->cwdi_rdir;

	cwdi->cwdi_rdir = vp;
	if (old != NULL)
		vrele(old);
	/* Nobody may stand above his own root. */
	if (!vn_isunder(cwdi->cwdi_cdir, vp, l)) {
		vref(vp);
		set_cdir(l->l_proc, vp);
	}
}

int
sys_chroot(struct lwp *l, const struct sys_chroot_args *uap,
    register_t *retval __unused)
{
	struct vnode *vp;
	int error;

	error = kauth_authorize_system(l->l_cred, KAUTH_SYSTEM_CHROOT,
	    KAUTH_REQ_SYSTEM_CHROOT_CHROOT, NULL, NULL, NULL);
	if (error != 0)
		return error;
	error = at_lookup(AT_FDCWD, SCARG(uap, path), FOLLOW | LOCKLEAF, &vp);
	if (error != 0)
		return error;
	error = check_dir(vp, l);
	if (error != 0)
		vrele(vp);
	else
		set_rdir(l, vp);
	return error;
}

int
sys_fchroot(struct lwp *l, const struct sys_fchroot_args *uap,
    register_t *retval __unused)
{
	struct vnode *vp;
	int error;

	error = kauth_authorize_system(l->l_cred, KAUTH_SYSTEM_CHROOT,
	    KAUTH_REQ_SYSTEM_CHROOT_FCHROOT, NULL, NULL, NULL);
	if (error == 0)
		error = fd_directory(l, SCARG(uap, fd), &vp);
	if (error == 0)
		set_rdir(l, vp);
	return error;
}

int
sys_umask(struct lwp *l, const struct sys_umask_args *uap,
    register_t *retval)
{
	struct cwdinfo *cwdi = l->l_proc->p_cwdi;

	*retval = (register_t)cwdi->cwdi_cmask;
	cwdi->cwdi_cmask = SCARG(uap, newmask) & ALLPERMS;
	return 0;
}

int
sys___getcwd(struct lwp *l, const struct sys___getcwd_args *uap,
    register_t *retval)
{
	size_t len = SCARG(uap, length), used;
	char *path, *bp;
	int error;

	if (len < 2)
		return ERANGE;
	if (len > MAXPATHLEN * 4)
		len = MAXPATHLEN * 4;
	path = kmem_alloc(len, KM_SLEEP);
	bp = path + len;
	*--bp = '\0';
	error = getcwd_common(l->l_proc->p_cwdi->cwdi_cdir, NULL, &bp, path,
	    (int)(len / 2), GETCWD_CHECK_ACCESS, l);
	if (error == 0) {
		used = (size_t)(path + len - bp);
		*retval = (register_t)used;
		error = copyout(bp, SCARG(uap, bufp), used);
	}
	kmem_free(path, len);
	return error;
}
