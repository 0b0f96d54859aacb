/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes: the checks and transfers that drivers and ACLs use, and
 * NetBSD's extattr_*(2) calls.  xattr.c has the Linux-like ones.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/extattr.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/kauth.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/proc.h>
#include <sys/syscallargs.h>
#include <sys/uio.h>
#include <sys/vnode.h>

#include "vfs/extattr_impl.h"

/* May CRED use attributes of this space?  Drivers ask. */
int
extattr_check_cred(struct vnode *vp, int space, kauth_cred_t cred,
    int accmode)
{
	if (cred == NOCRED)
		return 0;
	switch (space) {
	case EXTATTR_NAMESPACE_SYSTEM:
		return kauth_authorize_system(cred, KAUTH_SYSTEM_FS_EXTATTR,
		    0, vp->v_mount, NULL, NULL);
	case EXTATTR_NAMESPACE_USER:
		return VOP_ACCESS(vp, (accmode_t)accmode, cred);
	default:
		return EPERM;
	}
}

static void
extattr_uio(struct uio *uio, struct iovec *iov, void *buf, size_t len,
    enum uio_rw rw)
{
	iov->iov_base = buf;
	iov->iov_len = len;
	*uio = (struct uio){
		.uio_iov = iov, .uio_iovcnt = 1, .uio_resid = len,
		.uio_rw = rw, .uio_vmspace = curlwp->l_proc->p_vmspace,
	};
}

/* For the kernel itself: without a credential, to its own memory. */
int
vn_extattr_get(struct vnode *vp, int ioflg, int space, const char *name,
    size_t *lenp, void *buf, struct lwp *l)
{
	struct iovec iov;
	struct uio uio;
	int error;

	extattr_uio(&uio, &iov, buf, *lenp, UIO_READ);
	UIO_SETUP_SYSSPACE(&uio);
	if ((ioflg & IO_NODELOCKED) == 0)
		vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	error = VOP_GETEXTATTR(vp, space, name, &uio, NULL, NOCRED);
	if ((ioflg & IO_NODELOCKED) == 0)
		VOP_UNLOCK(vp);
	if (error == 0)
		*lenp -= uio.uio_resid;
	return error;
}

int
vn_extattr_set(struct vnode *vp, int ioflg, int space, const char *name,
    size_t len, const void *buf, struct lwp *l)
{
	struct iovec iov;
	struct uio uio;
	int error;

	extattr_uio(&uio, &iov, __UNCONST(buf), len, UIO_WRITE);
	UIO_SETUP_SYSSPACE(&uio);
	if ((ioflg & IO_NODELOCKED) == 0)
		vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	error = VOP_SETEXTATTR(vp, space, name, &uio, NOCRED);
	if ((ioflg & IO_NODELOCKED) == 0)
		VOP_UNLOCK(vp);
	return error;
}

/* Drivers that cannot delete take a set without data for it. */
static int
extattr_remove(struct vnode *vp, int space, const char *name,
    kauth_cred_t cred)
{
	int error = VOP_DELETEEXTATTR(vp, space, name, cred);

	if (error == EOPNOTSUPP)
		error = VOP_SETEXTATTR(vp, space, name, NULL, cred);
	return error;
}

int
vn_extattr_rm(struct vnode *vp, int ioflg, int space, const char *name,
    struct lwp *l)
{
	int error;

	if ((ioflg & IO_NODELOCKED) == 0)
		vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	error = extattr_remove(vp, space, name, NOCRED);
	if ((ioflg & IO_NODELOCKED) == 0)
		VOP_UNLOCK(vp);
	return error;
}

/* For callers: VP is referenced and unlocked. */
int
extattr_get_vp(struct vnode *vp, int space, const char *name, void *buf,
    size_t size, kauth_cred_t cred, register_t *retval)
{
	struct iovec iov;
	struct uio uio;
	size_t have = 0;
	int error;

	if (size > INT_MAX)
		return EINVAL;
	extattr_uio(&uio, &iov, buf, size, UIO_READ);
	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	if (buf != NULL)
		error = VOP_GETEXTATTR(vp, space, name, &uio, NULL, cred);
	else
		error = VOP_GETEXTATTR(vp, space, name, NULL, &have, cred);
	VOP_UNLOCK(vp);
	*retval = (register_t)(buf != NULL ? size - uio.uio_resid : have);
	return error;
}

int
extattr_set_vp(struct vnode *vp, int space, const char *name, const void *buf,
    size_t size, kauth_cred_t cred, register_t *retval)
{
	struct iovec iov;
	struct uio uio;
	int error;

	if (size > INT_MAX)
		return EINVAL;
	extattr_uio(&uio, &iov, __UNCONST(buf), size, UIO_WRITE);
	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	error = VOP_SETEXTATTR(vp, space, name, &uio, cred);
	VOP_UNLOCK(vp);
	*retval = (register_t)(size - uio.uio_resid);
	return error;
}

int
extattr_delete_vp(struct vnode *vp, int space, const char *name,
    kauth_cred_t cred)
{
	int error;

	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	error = extattr_remove(vp, space, name, cred);
	VOP_UNLOCK(vp);
	return error;
}

/* The names of one space, each after its length. */
static int
extattr_list_vp(struct vnode *vp, int space, void *buf, size_t size,
    kauth_cred_t cred, register_t *retval)
{
	struct iovec iov;
	struct uio uio;
	size_t have = 0;
	int error;

	if (size > INT_MAX)
		return EINVAL;
	extattr_uio(&uio, &iov, buf, size, UIO_READ);
	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	error = VOP_LISTEXTATTR(vp, space, buf != NULL ? &uio : NULL,
	    buf != NULL ? NULL : &have, EXTATTR_LIST_LENPREFIX, cred);
	VOP_UNLOCK(vp);
	*retval = (register_t)(buf != NULL ? size - uio.uio_resid : have);
	return error;
}

/* The vnode of a path or of a descriptor; extattr_put() gives it back. */
int
extattr_target(struct extattr_target *t, const char *path, int fd,
    bool follow)
{
	int error;

	t->et_fd = -1;
	if (path != NULL)
		return namei_simple_user(path, follow ?
		    NSM_FOLLOW_TRYEMULROOT : NSM_NOFOLLOW_TRYEMULROOT,
		    &t->et_vp);
	error = fd_getvnode((unsigned int)fd, &t->et_file);
	if (error != 0)
		return error;
	t->et_fd = fd;
	t->et_vp = t->et_file->f_vnode;
	return 0;
}

void
extattr_put(struct extattr_target *t)
{
	if (t->et_fd >= 0)
		fd_putfile((unsigned int)t->et_fd);
	else
		vrele(t->et_vp);
}

/* One call: target and attribute name from the caller, then the operation. */
#define	EXTATTR_PATH(uap)	SCARG(uap, path), -1
#define	EXTATTR_FD(uap)		NULL, SCARG(uap, fd)

static int
do_get(struct lwp *l, const char *path, int fd, bool follow, int space,
    const char *uname, void *buf, size_t size, register_t *retval)
{
	char name[EXTATTR_MAXNAMELEN + 1];
	struct extattr_target t;
	int error;

	if ((error = copyinstr(uname, name, sizeof(name), NULL)) != 0)
		return error;
	if ((error = extattr_target(&t, path, fd, follow)) != 0)
		return error;
	error = extattr_get_vp(t.et_vp, space, name, buf, size, l->l_cred,
	    retval);
	extattr_put(&t);
	return error;
}

static int
do_set(struct lwp *l, const char *path, int fd, bool follow, int space,
    const char *uname, const void *buf, size_t size, register_t *retval)
{
	char name[EXTATTR_MAXNAMELEN + 1];
	struct extattr_target t;
	int error;

	if ((error = copyinstr(uname, name, sizeof(name), NULL)) != 0)
		return error;
	if ((error = extattr_target(&t, path, fd, follow)) != 0)
		return error;
	error = extattr_set_vp(t.et_vp, space, name, buf, size, l->l_cred,
	    retval);
	extattr_put(&t);
	return error;
}

static int
do_delete(struct lwp *l, const char *path, int fd, bool follow, int space,
    const char *uname)
{
	char name[EXTATTR_MAXNAMELEN + 1];
	struct extattr_target t;
	int error;

	if ((error = copyinstr(uname, name, sizeof(name), NULL)) != 0)
		return error;
	if ((error = extattr_target(&t, path, fd, follow)) != 0)
		return error;
	error = extattr_delete_vp(t.et_vp, space, name, l->l_cred);
	extattr_put(&t);
	return error;
}

static int
do_list(struct lwp *l, const char *path, int fd, bool follow, int space,
    void *buf, size_t size, register_t *retval)
{
	struct extattr_target t;
	int error;

	if ((error = extattr_target(&t, path, fd, follow)) != 0)
		return error;
	error = extattr_list_vp(t.et_vp, space, buf, size, l->l_cred, retval);
	extattr_put(&t);
	return error;
}

#define	EXTATTR_CALLS(suffix, WHO, follow)				\
int									\
sys_extattr_get_##suffix(struct lwp *l,					\
    const struct sys_extattr_get_##suffix##_args *uap, register_t *retval) \
{									\
	return do_get(l, WHO(uap), follow, SCARG(uap, attrnamespace),	\
	    SCARG(uap, attrname), SCARG(uap, data), SCARG(uap, nbytes),	\
	    retval);							\
}									\
int									\
sys_extattr_set_##suffix(struct lwp *l,					\
    const struct sys_extattr_set_##suffix##_args *uap, register_t *retval) \
{									\
	return do_set(l, WHO(uap), follow, SCARG(uap, attrnamespace),	\
	    SCARG(uap, attrname), SCARG(uap, data), SCARG(uap, nbytes),	\
	    retval);							\
}									\
int									\
sys_extattr_delete_##suffix(struct lwp *l,				\
    const struct sys_extattr_delete_##suffix##_args *uap,		\
    register_t *retval)							\
{									\
	return do_delete(l, WHO(uap), follow,				\
	    SCARG(uap, attrnamespace), SCARG(uap, attrname));		\
}									\
int									\
sys_extattr_list_##suffix(struct lwp *l,				\
    const struct sys_extattr_list_##suffix##_args *uap,			\
    register_t *retval)							\
{									\
	return do_list(l, WHO(uap), follow, SCARG(uap, attrnamespace),	\
	    SCARG(uap, data), SCARG(uap, nbytes), retval);		\
}

EXTATTR_CALLS(file, EXTATTR_PATH, true)
EXTATTR_CALLS(link, EXTATTR_PATH, false)
EXTATTR_CALLS(fd, EXTATTR_FD, true)

/* Start or stop attributes of a mount; FILENAME is a backing file. */
int
sys_extattrctl(struct lwp *l, const struct sys_extattrctl_args *uap,
    register_t *retval)
{
	char name[EXTATTR_MAXNAMELEN + 1];
	struct vnode *vp, *file = NULL;
	int error;

	if (SCARG(uap, attrname) != NULL) {
		error = copyinstr(SCARG(uap, attrname), name, sizeof(name),
		    NULL);
		if (error != 0)
			return error;
	}
	error = namei_simple_user(SCARG(uap, path), NSM_FOLLOW_TRYEMULROOT,
	    &vp);
	if (error != 0)
		return error;
	if (SCARG(uap, filename) != NULL) {
		error = namei_simple_user(SCARG(uap, filename),
		    NSM_FOLLOW_TRYEMULROOT, &file);
		if (error != 0)
			goto out;
		vn_lock(file, LK_EXCLUSIVE | LK_RETRY);
	}
	/* It unlocks the file. */
	error = VFS_EXTATTRCTL(vp->v_mount, SCARG(uap, cmd), file,
	    SCARG(uap, attrnamespace),
	    SCARG(uap, attrname) != NULL ? name : NULL);
	if (file != NULL)
		vrele(file);
out:
	vrele(vp);
	return error;
}
