/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls that make, remove and rename directory entries. */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/fcntl.h>
#include <sys/filedesc.h>
#include <sys/kauth.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/proc.h>
#include <sys/stat.h>
#include <sys/syscallargs.h>
#include <sys/vnode.h>

#include <rumpy/vnode.h>

#include "vnode_impl.h"
#include "vn_file.h"

/* How a rename deals with names that are there. */
enum rename_how {
	RENAME_NETBSD,		/* of two names of one file, one goes */
	RENAME_POSIX,		/*   both stay */
	RENAME_KEEP		/* as POSIX, but EEXIST instead of replacing */
};

static mode_t
apply_umask(mode_t mode)
{
	return mode & ~(mode_t)curlwp->l_proc->p_cwdi->cwdi_cmask;
}

/*
 * Look a name up that is to be made: on success the parent is locked.
 * EEXIST if it is there already.
 */
static int
name_create(int fd, const char *path, uint32_t flags, struct nameidata *nd,
    struct pathbuf **pbp)
{
	int error;

	error = at_namei(fd, path, CREATE, LOCKPARENT | flags, nd, pbp);
	if (error != 0)
		return error;
	if (nd->ni_vp == NULL)
		return 0;
	if (nd->ni_dvp != NULL) {
		VOP_ABORTOP(nd->ni_dvp, &nd->ni_cnd);
		vput(nd->ni_dvp);
	}
	vrele(nd->ni_vp);
	pathbuf_destroy(*pbp);
	return EEXIST;
}

/* The end of such a call: what was made is not needed. */
static int
name_created(struct nameidata *nd, struct pathbuf *pb, int error)
{
	if (error == 0)
		vrele(nd->ni_vp);
	vput(nd->ni_dvp);
	pathbuf_destroy(pb);
	return error;
}

static int
do_mkdir(int fd, const char *path, mode_t mode)
{
	struct nameidata nd;
	struct pathbuf *pb;
	struct vattr va;
	int error;

	error = name_create(fd, path, CREATEDIR | WILLBEDIR, &nd, &pb);
	if (error != 0)
		return error;
	vattr_null(&va);
	va.va_type = VDIR;
	va.va_mode = apply_umask(mode & ACCESSPERMS);
	error = VOP_MKDIR(nd.ni_dvp, &nd.ni_vp, &nd.ni_cnd, &va);
	return name_created(&nd, pb, error);
}

int
sys_mkdir(struct lwp *l __unused, const struct sys_mkdir_args *uap,
    register_t *retval __unused)
{
	return do_mkdir(AT_FDCWD, SCARG(uap, path), SCARG(uap, mode));
}

int
sys_mkdirat(struct lwp *l __unused, const struct sys_mkdirat_args *uap,
    register_t *retval __unused)
{
	return do_mkdir(SCARG(uap, fd), SCARG(uap, path), SCARG(uap, mode));
}

/* Device nodes and whiteouts only for the superuser, FIFOs for all. */
static int
mknod_attributes(struct lwp *l, mode_t mode, dev_t dev, struct vattr *vap,
    bool *whiteout)
{
	*whiteout = false;
	vattr_null(vap);
	vap->va_mode = apply_umask(mode & ALLPERMS);
	vap->va_rdev = dev;
	switch (mode & S_IFMT) {
	case S_IFIFO:
		vap->va_type = VFIFO;
		return 0;
	case S_IFREG:
		vap->va_type = VREG;
		break;
	case S_IFCHR:
		vap->va_type = VCHR;
		break;
	case S_IFBLK:
		vap->va_type = VBLK;
		break;
	case S_IFMT:			/* a bad block, in the old days */
		vap->va_type = VBAD;
		break;
	case S_IFWHT:
		*whiteout = true;
		break;
	default:
		return EINVAL;
	}
	return kauth_authorize_system(l->l_cred, KAUTH_SYSTEM_MKNOD, 0, NULL,
	    NULL, NULL);
}

static int
do_mknod(struct lwp *l, int fd, const char *path, mode_t mode, dev_t dev)
{
	struct nameidata nd;
	struct pathbuf *pb;
	struct vattr va;
	bool whiteout;
	int error;

	error = mknod_attributes(l, mode, dev, &va, &whiteout);
	if (error != 0)
		return error;
	error = name_create(fd, path, 0, &nd, &pb);
	if (error != 0)
		return error;
	if (whiteout) {
		error = VOP_WHITEOUT(nd.ni_dvp, &nd.ni_cnd, CREATE);
		if (error != 0)
			VOP_ABORTOP(nd.ni_dvp, &nd.ni_cnd);
		vput(nd.ni_dvp);
		pathbuf_destroy(pb);
		return error;
	}
	error = VOP_MKNOD(nd.ni_dvp, &nd.ni_vp, &nd.ni_cnd, &va);
	return name_created(&nd, pb, error);
}

int
sys___mknod50(struct lwp *l, const struct sys___mknod50_args *uap,
    register_t *retval __unused)
{
	return do_mknod(l, AT_FDCWD, SCARG(uap, path), SCARG(uap, mode),
	    SCARG(uap, dev));
}

int
sys_mknodat(struct lwp *l, const struct sys_mknodat_args *uap,
    register_t *retval __unused)
{
	return do_mknod(l, SCARG(uap, fd), SCARG(uap, path),
	    SCARG(uap, mode), SCARG(uap, dev));
}

int
sys_mkfifo(struct lwp *l, const struct sys_mkfifo_args *uap,
    register_t *retval __unused)
{
	return do_mknod(l, AT_FDCWD, SCARG(uap, path),
	    (SCARG(uap, mode) & ALLPERMS) | S_IFIFO, 0);
}

int
sys_mkfifoat(struct lwp *l, const struct sys_mkfifoat_args *uap,
    register_t *retval __unused)
{
	return do_mknod(l, SCARG(uap, fd), SCARG(uap, path),
	    (SCARG(uap, mode) & ALLPERMS) | S_IFIFO, 0);
}

static int
do_symlink(const char *target, int fd, const char *path)
{
	struct nameidata nd;
	struct pathbuf *pb;
	struct vattr va;
	char *text;
	int error;

	text = PNBUF_GET();
	error = copyinstr(target, text, MAXPATHLEN, NULL);
	if (error == 0)
		error = name_create(fd, path, 0, &nd, &pb);
	if (error == 0) {
		vattr_null(&va);
		va.va_type = VLNK;
		va.va_mode = apply_umask(ACCESSPERMS);
		error = VOP_SYMLINK(nd.ni_dvp, &nd.ni_vp, &nd.ni_cnd, &va,
		    text);
		error = name_created(&nd, pb, error);
	}
	PNBUF_PUT(text);
	return error;
}

int
sys_symlink(struct lwp *l __unused, const struct sys_symlink_args *uap,
    register_t *retval __unused)
{
	return do_symlink(SCARG(uap, path), AT_FDCWD, SCARG(uap, link));
}

int
sys_symlinkat(struct lwp *l __unused, const struct sys_symlinkat_args *uap,
    register_t *retval __unused)
{
	return do_symlink(SCARG(uap, path1), SCARG(uap, fd),
	    SCARG(uap, path2));
}

static int
do_link(int fd1, const char *path1, int fd2, const char *path2,
    uint32_t nflags)
{
	struct nameidata nd;
	struct pathbuf *pb;
	struct vnode *vp;
	int error;

	error = at_lookup(fd1, path1, nflags, &vp);
	if (error != 0)
		return error;
	if (vp->v_type == VDIR) {
		vrele(vp);
		return EPERM;
	}
	error = name_create(fd2, path2, 0, &nd, &pb);
	if (error == 0) {
		if (vp->v_mount != nd.ni_dvp->v_mount) {
			/* Locking order is only defined within one. */
			VOP_ABORTOP(nd.ni_dvp, &nd.ni_cnd);
			error = EXDEV;
		} else {
			error = VOP_LINK(nd.ni_dvp, vp, &nd.ni_cnd);
		}
		vput(nd.ni_dvp);
		pathbuf_destroy(pb);
	}
	vrele(vp);
	return error;
}

int
sys_link(struct lwp *l __unused, const struct sys_link_args *uap,
    register_t *retval __unused)
{
	return do_link(AT_FDCWD, SCARG(uap, path), AT_FDCWD,
	    SCARG(uap, link), FOLLOW);
}

int
sys_linkat(struct lwp *l __unused, const struct sys_linkat_args *uap,
    register_t *retval __unused)
{
	int flags = SCARG(uap, flags);

	if (flags & ~AT_SYMLINK_FOLLOW)
		return EINVAL;
	return do_link(SCARG(uap, fd1), SCARG(uap, name1), SCARG(uap, fd2),
	    SCARG(uap, name2),
	    (flags & AT_SYMLINK_FOLLOW) ? FOLLOW : NOFOLLOW);
}

/* Removal */

/* The name is "/", ".", or a root of a mount: there is no way to remove it. */
static int
remove_check(struct nameidata *nd, bool isdir)
{
	if (nd->ni_dvp == NULL)
		return EBUSY;
	if (nd->ni_vp == nd->ni_dvp)
		return EINVAL;
	if (nd->ni_vp->v_vflag & VV_ROOT)
		return EBUSY;
	if (isdir && nd->ni_vp->v_type != VDIR)
		return ENOTDIR;
	return 0;
}

static int
do_remove(int fd, const char *path, bool isdir)
{
	struct nameidata nd;
	struct pathbuf *pb;
	int error;

	error = at_namei(fd, path, DELETE, LOCKPARENT | LOCKLEAF, &nd, &pb);
	if (error != 0)
		return error;
	error = remove_check(&nd, isdir);
	if (error != 0) {
		if (nd.ni_dvp != NULL)
			VOP_ABORTOP(nd.ni_dvp, &nd.ni_cnd);
		vput(nd.ni_vp);
		if (nd.ni_dvp == nd.ni_vp)
			vrele(nd.ni_dvp);
		else if (nd.ni_dvp != NULL)
			vput(nd.ni_dvp);
	} else {
		/* Both release the vnode, and keep the parent. */
		if (isdir)
			error = VOP_RMDIR(nd.ni_dvp, nd.ni_vp, &nd.ni_cnd);
		else
			error = VOP_REMOVE(nd.ni_dvp, nd.ni_vp, &nd.ni_cnd);
		vput(nd.ni_dvp);
	}
	pathbuf_destroy(pb);
	return error;
}

int
sys_unlink(struct lwp *l __unused, const struct sys_unlink_args *uap,
    register_t *retval __unused)
{
	return do_remove(AT_FDCWD, SCARG(uap, path), false);
}

int
sys_rmdir(struct lwp *l __unused, const struct sys_rmdir_args *uap,
    register_t *retval __unused)
{
	return do_remove(AT_FDCWD, SCARG(uap, path), true);
}

int
sys_unlinkat(struct lwp *l __unused, const struct sys_unlinkat_args *uap,
    register_t *retval __unused)
{
	int flag = SCARG(uap, flag);

	if (flag & ~AT_REMOVEDIR)
		return EINVAL;
	return do_remove(SCARG(uap, fd), SCARG(uap, path),
	    (flag & AT_REMOVEDIR) != 0);
}

/* Renaming */

static bool
is_dot_or_dotdot(const struct componentname *cnp)
{
	return (cnp->cn_namelen == 1 && cnp->cn_nameptr[0] == '.') ||
	    (cnp->cn_namelen == 2 && cnp->cn_nameptr[0] == '.' &&
	    cnp->cn_nameptr[1] == '.');
}

static bool
same_name(const struct componentname *a, const struct componentname *b)
{
	return a->cn_namelen == b->cn_namelen &&
	    memcmp(a->cn_nameptr, b->cn_nameptr, a->cn_namelen) == 0;
}

/* What can be said before the file system looks at it. */
static int
rename_check(const struct nameidata *fnd, const struct nameidata *tnd,
    enum rename_how how)
{
	struct vnode *fvp = fnd->ni_vp, *tvp = tnd->ni_vp;

	if (fvp == NULL || fnd->ni_dvp == NULL)
		return fvp == NULL ? ENOENT : EBUSY;
	if (is_dot_or_dotdot(&fnd->ni_cnd) || tnd->ni_dvp == NULL ||
	    is_dot_or_dotdot(&tnd->ni_cnd))
		return EINVAL;
	if (tvp != NULL && how == RENAME_KEEP)
		return EEXIST;
	if (fvp->v_vflag & VV_ROOT)
		return EBUSY;
	if (tvp != NULL && (tvp->v_vflag & VV_ROOT))
		return EBUSY;
	if (fvp->v_type == VDIR && tvp != NULL && tvp->v_type != VDIR)
		return ENOTDIR;
	if (fvp->v_type != VDIR && tvp != NULL && tvp->v_type == VDIR)
		return EISDIR;
	/* A directory may be named with a slash behind, nothing else. */
	if (fvp->v_type != VDIR && (tnd->ni_cnd.cn_flags & REQUIREDIR))
		return ENOTDIR;
	if (fnd->ni_dvp->v_mount != tnd->ni_dvp->v_mount ||
	    (tvp != NULL && fvp->v_mount != tvp->v_mount))
		return EXDEV;
	if (fvp == fnd->ni_dvp || tvp == fnd->ni_dvp || fvp == tnd->ni_dvp)
		return fvp == tnd->ni_dvp ? EINVAL : ENOTEMPTY;
	/*
	 * Two names of one file: POSIX wants both to stay; the other flavour
	 * removes the old one, unless they are the same name.
	 */
	if (fvp == tvp && (how != RENAME_NETBSD || (fnd->ni_dvp == tnd->ni_dvp &&
	    same_name(&fnd->ni_cnd, &tnd->ni_cnd))))
		return -1;
	return 0;
}

/* Find the source; its parent is kept by reference only. */
static int
rename_from(int fd, const char *path, struct nameidata *nd,
    struct pathbuf **pbp)
{
	int error;

	error = at_namei(fd, path, DELETE, LOCKPARENT, nd, pbp);
	if (error != 0)
		return error;
	if (nd->ni_dvp != NULL)
		VOP_UNLOCK(nd->ni_dvp);
	return 0;
}

static void
rename_release(struct nameidata *nd, struct pathbuf *pb)
{
	if (nd->ni_dvp != NULL) {
		VOP_ABORTOP(nd->ni_dvp, &nd->ni_cnd);
		vrele(nd->ni_dvp);
	}
	if (nd->ni_vp != NULL)
		vrele(nd->ni_vp);
	pathbuf_destroy(pb);
}

static int
rename_locked(struct nameidata *fnd, struct nameidata *tnd,
    struct pathbuf *fpb, struct pathbuf *tpb, enum rename_how how)
{
	struct mount *mp = fnd->ni_dvp->v_mount;
	int error;

	error = rename_check(fnd, tnd, how);
	if (error != 0) {
		if (tnd->ni_dvp != NULL)
			VOP_UNLOCK(tnd->ni_dvp);
		VFS_RENAMELOCK_EXIT(mp);
		rename_release(tnd, tpb);
		rename_release(fnd, fpb);
		return error == -1 ? 0 : error;
	}
	/* VOP_RENAME wants the target locked, and releases all four. */
	if (tnd->ni_vp != NULL) {
		error = vn_lock(tnd->ni_vp, LK_EXCLUSIVE);
		if (error != 0) {
			VOP_UNLOCK(tnd->ni_dvp);
			VFS_RENAMELOCK_EXIT(mp);
			rename_release(tnd, tpb);
			rename_release(fnd, fpb);
			return error;
		}
	}
	if (how == RENAME_KEEP)	/* somebody may come first yet */
		tnd->ni_cnd.cn_flags |= RUMPY_CN_NOREPLACE;
	error = VOP_RENAME(fnd->ni_dvp, fnd->ni_vp, &fnd->ni_cnd,
	    tnd->ni_dvp, tnd->ni_vp, &tnd->ni_cnd);
	VFS_RENAMELOCK_EXIT(mp);
	pathbuf_destroy(fpb);
	pathbuf_destroy(tpb);
	return error;
}

static int
do_rename(int ffd, const char *from, int tfd, const char *to,
    enum rename_how how)
{
	struct nameidata fnd, tnd;
	struct pathbuf *fpb, *tpb;
	struct mount *mp;
	uint32_t flags = LOCKPARENT | NOCACHE;
	int error;

	error = rename_from(ffd, from, &fnd, &fpb);
	if (error != 0)
		return error;
	if (fnd.ni_dvp == NULL || is_dot_or_dotdot(&fnd.ni_cnd)) {
		error = fnd.ni_dvp == NULL ? EBUSY : EINVAL;
		rename_release(&fnd, fpb);
		return error;
	}
	mp = fnd.ni_dvp->v_mount;
	error = VFS_RENAMELOCK_ENTER(mp);
	if (error != 0) {
		rename_release(&fnd, fpb);
		return error;
	}
	if (fnd.ni_vp->v_type == VDIR)
		flags |= CREATEDIR | WILLBEDIR;
	error = at_namei(tfd, to, RENAME, flags, &tnd, &tpb);
	if (error != 0) {
		VFS_RENAMELOCK_EXIT(mp);
		rename_release(&fnd, fpb);
		return error;
	}
	return rename_locked(&fnd, &tnd, fpb, tpb, how);
}

int
sys_rename(struct lwp *l __unused, const struct sys_rename_args *uap,
    register_t *retval __unused)
{
	return do_rename(AT_FDCWD, SCARG(uap, from), AT_FDCWD,
	    SCARG(uap, to), RENAME_NETBSD);
}

int
sys___posix_rename(struct lwp *l __unused,
    const struct sys___posix_rename_args *uap, register_t *retval __unused)
{
	return do_rename(AT_FDCWD, SCARG(uap, from), AT_FDCWD,
	    SCARG(uap, to), RENAME_POSIX);
}

int
sys_renameat(struct lwp *l __unused, const struct sys_renameat_args *uap,
    register_t *retval __unused)
{
	return do_rename(SCARG(uap, fromfd), SCARG(uap, from),
	    SCARG(uap, tofd), SCARG(uap, to), RENAME_NETBSD);
}

/* Both names are there, and each file gets the other's. */
static int
do_exchange(int ffd, const char *from, int tfd, const char *to)
{
	struct nameidata fnd, tnd;
	struct pathbuf *fpb, *tpb;
	int error;

	error = rename_from(ffd, from, &fnd, &fpb);
	if (error != 0)
		return error;
	error = rename_from(tfd, to, &tnd, &tpb);
	if (error != 0) {
		rename_release(&fnd, fpb);
		return error;
	}
	if (fnd.ni_dvp == NULL || tnd.ni_dvp == NULL ||
	    (fnd.ni_vp->v_vflag & VV_ROOT) != 0 ||
	    (tnd.ni_vp->v_vflag & VV_ROOT) != 0)
		error = EBUSY;
	else
		error = vfs_exchange(fnd.ni_dvp, &fnd.ni_cnd, tnd.ni_dvp,
		    &tnd.ni_cnd);
	rename_release(&tnd, tpb);
	rename_release(&fnd, fpb);
	return error;
}

int
sys___rumpy_rename(struct lwp *l __unused,
    const struct sys___rumpy_rename_args *uap, register_t *retval __unused)
{
	const int ffd = SCARG(uap, fromfd), tfd = SCARG(uap, tofd);

	switch (SCARG(uap, flags)) {
	case 0:
		return do_rename(ffd, SCARG(uap, from), tfd, SCARG(uap, to),
		    RENAME_POSIX);
	case RUMPY_RENAME_NOREPLACE:
		return do_rename(ffd, SCARG(uap, from), tfd, SCARG(uap, to),
		    RENAME_KEEP);
	case RUMPY_RENAME_EXCHANGE:
		return do_exchange(ffd, SCARG(uap, from), tfd,
		    SCARG(uap, to));
	default:
		return EINVAL;
	}
}
