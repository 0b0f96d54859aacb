/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vnode door: extended attributes.  NetBSD has two name spaces; Linux
 * writes them in front of the name, as "user." and "trusted.".
 */

#include <sys/param.h>
#include <sys/extattr.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/systm.h>

#include "export_impl.h"

#define	LIST_MAX	65536	/* bytes of names */

static const struct xattr_space {
	int		xs_space;
	const char	*xs_prefix;
	size_t		xs_len;
} xattr_spaces[] = {
	{ EXTATTR_NAMESPACE_USER, "user.", 5 },
	{ EXTATTR_NAMESPACE_SYSTEM, "trusted.", 8 },
};

/* Split a Linux name; buf gets NetBSD's, terminated. */
static int
xattr_name(const struct export_req *x, int *space, char *buf)
{
	const struct xattr_space *xs;

	for (xs = xattr_spaces; xs < xattr_spaces +
	    __arraycount(xattr_spaces); xs++) {
		if (x->er_namelen <= xs->xs_len ||
		    memcmp(x->er_name, xs->xs_prefix, xs->xs_len) != 0)
			continue;
		const size_t len = x->er_namelen - xs->xs_len;
		if (len > EXTATTR_MAXNAMELEN)
			return ENAMETOOLONG;
		memcpy(buf, x->er_name + xs->xs_len, len);
		buf[len] = '\0';
		*space = xs->xs_space;
		return 0;
	}
	return EOPNOTSUPP;
}

/* Whether the driver (and this mount) has them at all.  vp is referenced. */
bool
export_has_xattr(struct vnode *vp)
{
	size_t size = 0;
	int error;

	if (vn_lock(vp, LK_SHARED) != 0)
		return false;
	error = VOP_LISTEXTATTR(vp, EXTATTR_NAMESPACE_USER, NULL, &size,
	    EXTATTR_LIST_LENPREFIX, lwp0.l_cred);
	VOP_UNLOCK(vp);
	return error == 0;
}

static void
xattr_uio(struct uio *uio, struct iovec *iov, void *data, size_t len,
    enum uio_rw rw)
{

	iov->iov_base = data;
	iov->iov_len = len;
	uio->uio_iov = iov;
	uio->uio_iovcnt = 1;
	uio->uio_offset = 0;
	uio->uio_resid = len;
	uio->uio_rw = rw;
	UIO_SETUP_SYSSPACE(uio);
}

int
export_getxattr(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	char name[EXTATTR_MAXNAMELEN + 1];
	struct iovec iov;
	struct uio uio;
	struct vnode *vp;
	size_t size = 0;
	int space, error;

	error = xattr_name(x, &space, name);
	if (error == 0)
		error = export_vget(xm, x->er_node, LK_SHARED, &vp);
	if (error != 0)
		return error;
	error = VOP_GETEXTATTR(vp, space, name, NULL, &size, cred);
	if (error == 0 && x->er_datalen != 0 && size > x->er_datalen)
		error = ERANGE;
	if (error == 0 && x->er_datalen != 0) {
		xattr_uio(&uio, &iov, x->er_data, x->er_datalen, UIO_READ);
		error = VOP_GETEXTATTR(vp, space, name, &uio, NULL, cred);
		size = x->er_datalen - uio.uio_resid;
	}
	vput(vp);
	x->er_done = size;
	return error;
}

static int
setxattr_check(struct vnode *vp, const struct export_req *x, int space,
    const char *name, kauth_cred_t cred)
{
	size_t size = 0;
	int error;

	if ((x->er_flags & (EXPORT_F_XCREATE | EXPORT_F_XREPLACE)) == 0)
		return 0;
	error = VOP_GETEXTATTR(vp, space, name, NULL, &size, cred);
	if (error == 0)
		return (x->er_flags & EXPORT_F_XCREATE) != 0 ? EEXIST : 0;
	if (error == ENOATTR && (x->er_flags & EXPORT_F_XREPLACE) == 0)
		return 0;
	return error;
}

int
export_setxattr(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	char name[EXTATTR_MAXNAMELEN + 1];
	struct iovec iov;
	struct uio uio;
	struct vnode *vp;
	int space, error;

	error = xattr_name(x, &space, name);
	if (error == 0)
		error = export_vget(xm, x->er_node, LK_EXCLUSIVE, &vp);
	if (error != 0)
		return error;
	error = setxattr_check(vp, x, space, name, cred);
	if (error == 0) {
		xattr_uio(&uio, &iov, x->er_data, x->er_datalen, UIO_WRITE);
		error = VOP_SETEXTATTR(vp, space, name, &uio, cred);
	}
	vput(vp);
	return error;
}

int
export_removexattr(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	char name[EXTATTR_MAXNAMELEN + 1];
	struct vnode *vp;
	int space, error;

	error = xattr_name(x, &space, name);
	if (error == 0)
		error = export_vget(xm, x->er_node, LK_EXCLUSIVE, &vp);
	if (error != 0)
		return error;
	error = VOP_DELETEEXTATTR(vp, space, name, cred);
	vput(vp);
	return error;
}

/*
 * Listing.  NetBSD: a length byte in front of each name; Linux: prefix, name,
 * NUL.
 */

static int
list_convert(const struct xattr_space *xs, const unsigned char *names,
    size_t len, struct export_req *x)
{
	char *out = x->er_data;

	for (size_t at = 0; at < len; at += 1 + names[at]) {
		const size_t n = names[at];
		const size_t need = xs->xs_len + n + 1;
		if (at + 1 + n > len)
			return EIO;
		if (x->er_datalen != 0) {
			if (x->er_done + need > x->er_datalen)
				return ERANGE;
			memcpy(out + x->er_done, xs->xs_prefix, xs->xs_len);
			memcpy(out + x->er_done + xs->xs_len, names + at + 1,
			    n);
			out[x->er_done + need - 1] = '\0';
		}
		x->er_done += need;
	}
	return 0;
}

static int
list_space(struct vnode *vp, const struct xattr_space *xs,
    struct export_req *x, unsigned char *buf, kauth_cred_t cred)
{
	struct iovec iov;
	struct uio uio;
	int error;

	xattr_uio(&uio, &iov, buf, LIST_MAX, UIO_READ);
	error = VOP_LISTEXTATTR(vp, xs->xs_space, &uio, NULL,
	    EXTATTR_LIST_LENPREFIX, cred);
	if (error != 0)
		return error;
	return list_convert(xs, buf, LIST_MAX - uio.uio_resid, x);
}

int
export_listxattr(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	unsigned char *buf;
	struct vnode *vp;
	int error;

	error = export_vget(xm, x->er_node, LK_SHARED, &vp);
	if (error != 0)
		return error;
	buf = kmem_alloc(LIST_MAX, KM_SLEEP);
	for (size_t i = 0; i < __arraycount(xattr_spaces); i++) {
		const int e = list_space(vp, &xattr_spaces[i], x, buf, cred);
		/* Not everybody may see the system's. */
		if (e != 0 && e != EPERM && e != EACCES)
			error = e;
	}
	kmem_free(buf, LIST_MAX);
	vput(vp);
	return error;
}
