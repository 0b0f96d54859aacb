/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vnode door: reading directories.
 *
 * An open directory keeps the records that were read and did not fit into the
 * last answer, so that a big directory is read once and not once for each
 * page that Linux asks for.  For READDIRPLUS the nodes are found by inode
 * number, with the directory unlocked: no name is searched again.
 */

#include <sys/param.h>
#include <sys/dirent.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/malloc.h>
#include <sys/systm.h>

#include "export_impl.h"
#include "room.h"

/* The answer under construction. */
struct dir_out {
	struct export_req *o_req;
	struct vnode	*o_dvp;		/* referenced, unlocked */
	kauth_cred_t	o_cred;
	char		*o_at;
	size_t		o_room;
	bool		o_plus;
};

static bool
dir_is_dots(const struct dirent *d)
{

	return d->d_name[0] == '.' && (d->d_namlen == 1 ||
	    (d->d_namlen == 2 && d->d_name[1] == '.'));
}

static int
dir_find_name(const struct dir_out *o, const struct dirent *d,
    struct vnode **vpp)
{
	struct componentname cn;
	int error;

	export_cn(&cn, LOOKUP, 0, d->d_name, d->d_namlen, o->o_cred);
	error = vn_lock(o->o_dvp, LK_EXCLUSIVE);
	if (error != 0)
		return error;
	error = VOP_LOOKUP(o->o_dvp, vpp, &cn);
	VOP_UNLOCK(o->o_dvp);
	if (error != 0)
		return error;
	error = vn_lock(*vpp, LK_SHARED);
	if (error != 0)
		vrele(*vpp);
	return error;
}

/* The node of a record, referenced and locked. */
static int
dir_find(struct export_mount *xm, const struct dir_out *o,
    const struct dirent *d, struct vnode **vpp)
{
	int error;

	if (!xm->xm_novget) {
		error = VFS_VGET(xm->xm_mp, d->d_fileno, LK_SHARED, vpp);
		if (error != EOPNOTSUPP)
			return error;
		xm->xm_novget = true;
	}
	return dir_find_name(o, d, vpp);
}

/* No node in the answer means "look it up if you need it". */
static void
dir_entry(struct export_mount *xm, const struct dir_out *o,
    const struct dirent *d, struct export_entry *ee)
{
	struct vnode *vp;

	memset(ee, 0, sizeof(*ee));
	if (dir_is_dots(d) || dir_find(xm, o, d, &vp) != 0)
		return;
	if (export_fill_entry(xm, vp, ee, o->o_cred) != 0)
		ee->ee_node = 0;
	vput(vp);
}

/* False if there is no room for the record. */
static bool
dir_emit(struct export_mount *xm, struct dir_out *o, const struct dirent *d,
    off_t next)
{
	const size_t head = o->o_plus ? sizeof(struct export_entry) : 0;
	const size_t size = head + EXPORT_DIRENT_SIZE(d->d_namlen);

	if (d->d_fileno == 0 || d->d_type == DT_WHT)
		return true;
	if (size > o->o_room)
		return false;
	if (o->o_plus)
		dir_entry(xm, o, d, (struct export_entry *)o->o_at);
	struct export_dirent *ed = (struct export_dirent *)(o->o_at + head);
	ed->ed_ino = d->d_fileno;
	ed->ed_next = (uint64_t)next;
	ed->ed_namelen = d->d_namlen;
	ed->ed_type = d->d_type;
	memset(o->o_at + size - 8, 0, 8);
	memcpy(ed->ed_name, d->d_name, d->d_namlen);
	o->o_at += size;
	o->o_room -= size;
	return true;
}

/*
 * Records in store.
 */

static void
dir_drop(struct export_handle *xh)
{

	if (xh->xh_cookies != NULL)
		free(xh->xh_cookies, M_TEMP);
	xh->xh_cookies = NULL;
	xh->xh_ncookies = 0;
	xh->xh_index = 0;
	xh->xh_len = xh->xh_pos = 0;
}

/* Read more records from off on; the directory is locked. */
static int
dir_fill_locked(struct export_handle *xh, struct vnode *dvp, off_t off,
    kauth_cred_t cred)
{
	struct iovec iov = { xh->xh_buf, EXPORT_DIRBUF };
	struct uio uio = {
		.uio_iov = &iov,
		.uio_iovcnt = 1,
		.uio_offset = off,
		.uio_resid = EXPORT_DIRBUF,
		.uio_rw = UIO_READ,
	};
	int eof, error;

	UIO_SETUP_SYSSPACE(&uio);
	error = VOP_READDIR(dvp, &uio, cred, &eof, &xh->xh_cookies,
	    &xh->xh_ncookies);
	if (error != 0) {
		xh->xh_cookies = NULL;
		return error;
	}
	xh->xh_len = EXPORT_DIRBUF - uio.uio_resid;
	xh->xh_next = off;
	return 0;
}

static int
dir_fill(struct export_handle *xh, struct vnode *dvp, off_t off,
    kauth_cred_t cred)
{
	int error;

	dir_drop(xh);
	if (xh->xh_buf == NULL) {
		/* It stays for as long as the directory is open. */
		error = room_for_directory();
		if (error != 0)
			return error;
		xh->xh_buf = kmem_alloc(EXPORT_DIRBUF, KM_SLEEP);
		room_hold(ROOM_DIRBUF);
	}
	error = vn_lock(dvp, LK_SHARED);
	if (error != 0)
		return error;
	error = dir_fill_locked(xh, dvp, off, cred);
	VOP_UNLOCK(dvp);
	return error;
}

/* A damaged directory must not lead us out of the buffer. */
static const struct dirent *
dir_record(const struct export_handle *xh)
{
	const struct dirent *d = (const void *)(xh->xh_buf + xh->xh_pos);
	const size_t left = xh->xh_len - xh->xh_pos;

	if (xh->xh_index >= xh->xh_ncookies || left < _DIRENT_MINSIZE(d) ||
	    d->d_reclen > left ||
	    d->d_reclen < _DIRENT_NAMEOFF(d) + d->d_namlen ||
	    d->d_namlen > EXPORT_NAME_MAX)
		return NULL;
	return d;
}

/* Hand out stored records; true if there is room for more. */
static bool
dir_drain(struct export_mount *xm, struct export_handle *xh,
    struct dir_out *o)
{
	const struct dirent *d;

	while (xh->xh_pos < xh->xh_len && (d = dir_record(xh)) != NULL) {
		const off_t next = xh->xh_cookies[xh->xh_index];
		if (!dir_emit(xm, o, d, next))
			return false;
		xh->xh_index++;
		xh->xh_pos += d->d_reclen;
		xh->xh_next = next;
	}
	return true;
}

static int
dir_list(struct export_mount *xm, struct export_handle *xh, struct dir_out *o)
{
	off_t off = (off_t)o->o_req->er_offset;
	const size_t room = o->o_room;
	int error;

	/* A rewound directory is read afresh. */
	if (off == 0 || off != xh->xh_next)
		dir_drop(xh);
	else if (!dir_drain(xm, xh, o))
		return 0;
	for (;;) {
		off = xh->xh_len != 0 ? xh->xh_next : off;
		error = dir_fill(xh, o->o_dvp, off, o->o_cred);
		if (error != 0)
			return o->o_room != room ? 0 : error;
		if (xh->xh_len == 0 || !dir_drain(xm, xh, o))
			return 0;
		/* Records that cannot be read are no reason to go round. */
		if (xh->xh_next == off)
			return o->o_room != room ? 0 : EIO;
	}
}

/* Without an open directory (FUSE_SERVER_NO_OPEN) one for this request. */
int
export_readdir(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	struct export_handle *xh = export_handle_hold(x), temp;
	struct dir_out o = {
		.o_req = x,
		.o_cred = cred,
		.o_at = x->er_data,
		.o_room = x->er_datalen,
		.o_plus = x->er_op == EXPORT_READDIRPLUS,
	};
	int error;

	error = export_target(xm, x, LK_NONE, &o.o_dvp);
	if (error == 0) {
		if (xh == NULL)
			memset(&temp, 0, sizeof(temp));
		error = o.o_dvp->v_type != VDIR ? ENOTDIR :
		    dir_list(xm, xh != NULL ? xh : &temp, &o);
		if (xh == NULL) {
			dir_drop(&temp);
			if (temp.xh_buf != NULL) {
				room_hold(-ROOM_DIRBUF);
				kmem_free(temp.xh_buf, EXPORT_DIRBUF);
			}
		}
		vrele(o.o_dvp);
	}
	if (xh != NULL)
		export_handle_rele(xm, xh);
	x->er_done = x->er_datalen - o.o_room;
	return error;
}
