/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vnode door: extended attributes.  NetBSD has two name spaces; Linux
 * writes them in front of the name, as "user." and "trusted.".  POSIX.1e
 * access control lists are attributes for Linux, with a form of their own.
 */

#include <sys/param.h>
#include <sys/acl.h>
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

/* Lists: "system.posix_acl_access" and "system.posix_acl_default". */

#define	LINUX_ACL_VERSION	2

struct linux_acl_entry {
	uint16_t	e_tag;		/* the numbers are ours, too */
	uint16_t	e_perm;
	uint32_t	e_id;
};

struct linux_acl {
	uint32_t	a_version;
	struct linux_acl_entry a_entry[];
};

/* The kind of list that a name means, or -1. */
static int
xattr_acl_type(const struct export_req *x)
{
	static const char prefix[] = "system.posix_acl_";
	const size_t len = sizeof(prefix) - 1;

	if (x->er_namelen <= len || memcmp(x->er_name, prefix, len) != 0)
		return -1;
	if (x->er_namelen == len + 6 &&
	    memcmp(x->er_name + len, "access", 6) == 0)
		return ACL_TYPE_ACCESS;
	if (x->er_namelen == len + 7 &&
	    memcmp(x->er_name + len, "default", 7) == 0)
		return ACL_TYPE_DEFAULT;
	return -1;
}

/* A list that says no more than the mode is none for Linux. */
static int
acl_to_linux(const struct acl *acl, int type, struct export_req *x)
{
	struct linux_acl *out = x->er_data;
	const size_t size = sizeof(*out) +
	    acl->acl_cnt * sizeof(struct linux_acl_entry);

	if (acl->acl_cnt == 0 || (type == ACL_TYPE_ACCESS &&
	    acl->acl_cnt == 3))
		return ENOATTR;
	x->er_done = size;
	if (x->er_datalen == 0)
		return 0;
	if (size > x->er_datalen)
		return ERANGE;
	out->a_version = LINUX_ACL_VERSION;
	for (u_int i = 0; i < acl->acl_cnt; i++)
		out->a_entry[i] = (struct linux_acl_entry){
			.e_tag = (uint16_t)acl->acl_entry[i].ae_tag,
			.e_perm = (uint16_t)acl->acl_entry[i].ae_perm,
			.e_id = acl->acl_entry[i].ae_id,
		};
	return 0;
}

static int
acl_from_linux(const struct export_req *x, struct acl *acl)
{
	const struct linux_acl *in = x->er_data;
	const size_t n = x->er_datalen < sizeof(*in) ? 0 :
	    (x->er_datalen - sizeof(*in)) / sizeof(struct linux_acl_entry);

	if (x->er_datalen != sizeof(*in) + n * sizeof(struct linux_acl_entry) ||
	    in->a_version != LINUX_ACL_VERSION || n > ACL_MAX_ENTRIES)
		return EINVAL;
	acl->acl_cnt = (u_int)n;
	for (size_t i = 0; i < n; i++) {
		const struct linux_acl_entry *e = &in->a_entry[i];
		const bool named = e->e_tag == ACL_USER ||
		    e->e_tag == ACL_GROUP;

		acl->acl_entry[i] = (struct acl_entry){
			.ae_tag = e->e_tag,
			.ae_perm = e->e_perm,
			.ae_id = named ? e->e_id : ACL_UNDEFINED_ID,
		};
	}
	return 0;
}

static int
xattr_acl(struct export_mount *xm, struct export_req *x, int type,
    kauth_cred_t cred)
{
	struct acl *acl;
	struct vnode *vp;
	int error;

	error = export_vget(xm, x->er_node, x->er_op == EXPORT_GETXATTR ?
	    LK_SHARED : LK_EXCLUSIVE, &vp);
	if (error != 0)
		return error;
	acl = acl_alloc(KM_SLEEP);
	switch (x->er_op) {
	case EXPORT_GETXATTR:
		error = VOP_GETACL(vp, type, acl, cred);
		if (error == 0)
			error = acl_to_linux(acl, type, x);
		break;
	case EXPORT_SETXATTR:
		error = acl_from_linux(x, acl);
		if (error == 0)
			error = VOP_SETACL(vp, type, acl, cred);
		break;
	default:
		error = VOP_SETACL(vp, type, NULL, cred);
		break;
	}
	acl_free(acl);
	vput(vp);
	return error;
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

	if (xattr_acl_type(x) >= 0)
		return xattr_acl(xm, x, xattr_acl_type(x), cred);
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

	if (xattr_acl_type(x) >= 0)
		return xattr_acl(xm, x, xattr_acl_type(x), cred);
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

	if (xattr_acl_type(x) >= 0)
		return xattr_acl(xm, x, xattr_acl_type(x), cred);
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
