/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Linux-like calls for extended attributes.  The name space is written in
 * front of the name: "user." is the users' one, and "system.", "security." and
 * "trusted." are the system's.  Lists hold whole names, each ended by a NUL.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/extattr.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/proc.h>
#include <sys/syscallargs.h>
#include <sys/uio.h>
#include <sys/vnode.h>

#include "vfs/extattr_impl.h"

#define XATTR_CREATE	0x01
#define XATTR_REPLACE	0x02
#define XATTR_LIST_MAX	65536

static const struct xattr_prefix {
	const char *xp_text;
	size_t xp_len;
	int xp_space;
} xattr_prefixes[] = {
	{ "user.", 5, EXTATTR_NAMESPACE_USER },
	{ "trusted.", 8, EXTATTR_NAMESPACE_SYSTEM },
	{ "system.", 7, EXTATTR_NAMESPACE_SYSTEM },
	{ "security.", 9, EXTATTR_NAMESPACE_SYSTEM },
};

/* Fetch a name; *NAMEP is what follows the prefix. */
static int
xattr_name(const char *uname, char *buf, size_t size, const char **namep,
    int *spacep)
{
	const struct xattr_prefix *xp = xattr_prefixes;
	int error;

	if ((error = copyinstr(uname, buf, size, NULL)) != 0)
		return error == ENAMETOOLONG ? ERANGE : error;
	for (; xp < xattr_prefixes + __arraycount(xattr_prefixes); xp++)
		if (strncmp(buf, xp->xp_text, xp->xp_len) == 0 &&
		    buf[xp->xp_len] != '\0') {
			*namep = buf + xp->xp_len;
			*spacep = xp->xp_space;
			return 0;
		}
	return EOPNOTSUPP;
}

#define XATTR_NAMEBUF	(EXTATTR_MAXNAMELEN + 16)

static int
do_getxattr(struct lwp *l, const char *path, int fd, bool follow,
    const char *uname, void *buf, size_t size, register_t *retval)
{
	char namebuf[XATTR_NAMEBUF];
	struct extattr_target t;
	register_t have;
	const char *name;
	int error, space;

	error = xattr_name(uname, namebuf, sizeof(namebuf), &name, &space);
	if (error == 0)
		error = extattr_target(&t, path, fd, follow);
	if (error != 0)
		return error;
	/* The whole value, or nothing. */
	error = extattr_get_vp(t.et_vp, space, name, NULL, 0, l->l_cred,
	    &have);
	if (error == 0 && size != 0 && (size_t)have > size)
		error = ERANGE;
	*retval = have;
	if (error == 0 && size != 0)
		error = extattr_get_vp(t.et_vp, space, name, buf, size,
		    l->l_cred, retval);
	extattr_put(&t);
	return error;
}

static int
do_setxattr(struct lwp *l, const char *path, int fd, bool follow,
    const char *uname, const void *buf, size_t size, int flags,
    register_t *retval)
{
	char namebuf[XATTR_NAMEBUF];
	struct extattr_target t;
	register_t have;
	const char *name;
	int error, space;

	if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0)
		return EINVAL;
	error = xattr_name(uname, namebuf, sizeof(namebuf), &name, &space);
	if (error == 0)
		error = extattr_target(&t, path, fd, follow);
	if (error != 0)
		return error;
	if (flags != 0) {
		error = extattr_get_vp(t.et_vp, space, name, NULL, 0,
		    l->l_cred, &have);
		if (error == 0 && (flags & XATTR_CREATE) != 0)
			error = EEXIST;
		else if (error == ENOATTR && (flags & XATTR_REPLACE) == 0)
			error = 0;
	}
	if (error == 0)
		error = extattr_set_vp(t.et_vp, space, name, buf, size,
		    l->l_cred, retval);
	*retval = 0;
	extattr_put(&t);
	return error;
}

static int
do_removexattr(struct lwp *l, const char *path, int fd, bool follow,
    const char *uname)
{
	char namebuf[XATTR_NAMEBUF];
	struct extattr_target t;
	const char *name;
	int error, space;

	error = xattr_name(uname, namebuf, sizeof(namebuf), &name, &space);
	if (error == 0)
		error = extattr_target(&t, path, fd, follow);
	if (error != 0)
		return error;
	error = extattr_delete_vp(t.et_vp, space, name, l->l_cred);
	extattr_put(&t);
	return error;
}

/* Length-prefixed names of one space, in the kernel's memory. */
static int
xattr_fetch(struct vnode *vp, int space, uint8_t *buf, size_t *lenp,
    kauth_cred_t cred)
{
	struct iovec iov = { .iov_base = buf, .iov_len = *lenp };
	struct uio uio = {
		.uio_iov = &iov, .uio_iovcnt = 1, .uio_resid = *lenp,
		.uio_rw = UIO_READ,
	};
	int error;

	UIO_SETUP_SYSSPACE(&uio);
	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	error = VOP_LISTEXTATTR(vp, space, &uio, NULL, EXTATTR_LIST_LENPREFIX,
	    cred);
	VOP_UNLOCK(vp);
	*lenp -= uio.uio_resid;
	return error;
}

/* Append one space's names to the caller's list; *DONE counts bytes. */
static int
xattr_append(struct vnode *vp, const struct xattr_prefix *xp, uint8_t *buf,
    char *list, size_t size, size_t *done, kauth_cred_t cred)
{
	char name[XATTR_NAMEBUF];
	size_t len = XATTR_LIST_MAX, at, n;
	int error;

	error = xattr_fetch(vp, xp->xp_space, buf, &len, cred);
	/* Whoever may not see the system's names sees the others. */
	if (error == EPERM || error == EACCES)
		return 0;
	if (error != 0)
		return error;
	for (at = 0; at < len && at + 1 + buf[at] <= len;
	    at += 1 + (size_t)buf[at]) {
		n = xp->xp_len + buf[at] + 1;
		memcpy(name, xp->xp_text, xp->xp_len);
		memcpy(name + xp->xp_len, buf + at + 1, buf[at]);
		name[n - 1] = '\0';
		if (size != 0) {
			if (*done + n > size)
				return ERANGE;
			error = copyout(name, list + *done, n);
			if (error != 0)
				return error;
		}
		*done += n;
	}
	return 0;
}

static int
do_listxattr(struct lwp *l, const char *path, int fd, bool follow, char *list,
    size_t size, register_t *retval)
{
	struct extattr_target t;
	size_t done = 0;
	uint8_t *buf;
	int error, i;

	if ((error = extattr_target(&t, path, fd, follow)) != 0)
		return error;
	buf = kmem_alloc(XATTR_LIST_MAX, KM_SLEEP);
	/* The first prefix of each of the two spaces. */
	for (i = 0; i < 2 && error == 0; i++)
		error = xattr_append(t.et_vp, &xattr_prefixes[i], buf, list,
		    size, &done, l->l_cred);
	kmem_free(buf, XATTR_LIST_MAX);
	extattr_put(&t);
	*retval = (register_t)done;
	return error;
}

#define XATTR_PATH(uap)	SCARG(uap, path), -1
#define XATTR_FD(uap)	NULL, SCARG(uap, fd)

#define XATTR_CALLS(p, WHO, follow)					\
int									\
sys_##p##getxattr(struct lwp *l, const struct sys_##p##getxattr_args *uap, \
    register_t *retval)							\
{									\
	return do_getxattr(l, WHO(uap), follow, SCARG(uap, name),	\
	    SCARG(uap, value), SCARG(uap, size), retval);		\
}									\
int									\
sys_##p##setxattr(struct lwp *l, const struct sys_##p##setxattr_args *uap, \
    register_t *retval)							\
{									\
	return do_setxattr(l, WHO(uap), follow, SCARG(uap, name),	\
	    SCARG(uap, value), SCARG(uap, size), SCARG(uap, flags),	\
	    retval);							\
}									\
int									\
sys_##p##removexattr(struct lwp *l,					\
    const struct sys_##p##removexattr_args *uap, register_t *retval)	\
{									\
	return do_removexattr(l, WHO(uap), follow, SCARG(uap, name));	\
}									\
int									\
sys_##p##listxattr(struct lwp *l,					\
    const struct sys_##p##listxattr_args *uap, register_t *retval)	\
{									\
	return do_listxattr(l, WHO(uap), follow, SCARG(uap, list),	\
	    SCARG(uap, size), retval);					\
}

XATTR_CALLS(, XATTR_PATH, true)
XATTR_CALLS(l, XATTR_PATH, false)
XATTR_CALLS(f, XATTR_FD, true)
