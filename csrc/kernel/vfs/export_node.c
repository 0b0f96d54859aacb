/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Node ids and open handles of the vnode door.
 *
 * An id is, where that fits, the file handle itself: inode number below,
 * generation above, 32 bits each.  Handles of two shapes are taken so, which
 * are those of FFS, tmpfs and their relatives.  So a node that Linux merely
 * knows costs nothing here, however many there are.  Three kinds need an
 * entry in the table:
 *
 *	open files	the driver would refuse a file handle whose file has
 *			been unlinked, and a look at the table is quicker
 *	unlinked files	that Linux still knows; until it forgets them
 *	other handles	longer ones get ids counted from 1 << 32 in steps of
 *			that; their low half is 0, which is no inode number
 */

#include <sys/param.h>
#include <sys/fcntl.h>
#include <sys/hash.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/malloc.h>
#include <sys/systm.h>

#include "export_impl.h"
#include "room.h"

#define	ID_STEP		((uint64_t)1 << 32)
#define	ID_IS_TABLE(id)	((uint32_t)(id) == 0)

union export_fid {
	struct fid	fid;
	struct {
		struct fid	head;
		uint32_t	ino;
		uint32_t	gen;
	} small;
	struct {
		struct fid	head;
		uint32_t	gen;
		uint64_t	ino;
	} large;
	char		bytes[XN_FIDMAX];
};
CTASSERT(sizeof(((union export_fid *)0)->small) == 12);
CTASSERT(sizeof(((union export_fid *)0)->large) == 16);

/* The id of a handle, or 0. */
static uint64_t
fid_pack(const struct export_mount *xm, const union export_fid *f, size_t len)
{

	if (len != xm->xm_fidlen || f->fid.fid_len != len ||
	    f->fid.fid_reserved != 0)
		return 0;
	if (len == sizeof(f->small))
		return (uint64_t)f->small.gen << 32 | f->small.ino;
	if (len == sizeof(f->large) && f->large.ino <= UINT32_MAX)
		return (uint64_t)f->large.gen << 32 | f->large.ino;
	return 0;
}

static void
fid_unpack(const struct export_mount *xm, uint64_t id, union export_fid *f)
{

	f->fid.fid_len = (unsigned short)xm->xm_fidlen;
	if (xm->xm_fidlen == sizeof(f->small)) {
		f->small.ino = (uint32_t)id;
		f->small.gen = (uint32_t)(id >> 32);
	} else {
		f->large.ino = (uint32_t)id;
		f->large.gen = (uint32_t)(id >> 32);
	}
}

/* All handles of a mount have the shape of its root's, or take an entry. */
size_t
export_fid_length(struct vnode *root)
{
	union export_fid f;
	size_t len = sizeof(f);

	memset(&f, 0, sizeof(f));
	return VFS_VPTOFH(root, &f.fid, &len) == 0 ? len : 0;
}

static struct export_nodes *
node_chain(struct export_mount *xm, uint64_t id)
{
	/* Inode numbers are dense, table ids differ in the upper half. */
	const uint64_t h = id ^ (id >> 32);

	return &xm->xm_byid[h % XM_HASH];
}

static struct export_nodes *
fid_chain(struct export_mount *xm, const void *fid, size_t len)
{

	return &xm->xm_byfid[hash32_buf(fid, len, HASH32_BUF_INIT) % XM_HASH];
}

static struct export_node *
node_find(struct export_mount *xm, uint64_t id)
{
	struct export_node *xn;

	if (xm->xm_nnodes == 0)
		return NULL;
	LIST_FOREACH(xn, node_chain(xm, id), xn_byid) {
		if (xn->xn_id == id)
			return xn;
	}
	return NULL;
}

static struct export_node *
node_find_fid(struct export_mount *xm, const union export_fid *f, size_t len)
{
	struct export_node *xn;

	LIST_FOREACH(xn, fid_chain(xm, f, len), xn_byfid) {
		if (xn->xn_fidlen == len && memcmp(xn->xn_fid, f, len) == 0)
			return xn;
	}
	return NULL;
}

static struct export_node *
node_new(struct export_mount *xm, uint64_t id)
{
	struct export_node *xn = kmem_zalloc(sizeof(*xn), KM_SLEEP);

	xn->xn_id = id;
	LIST_INSERT_HEAD(node_chain(xm, id), xn, xn_byid);
	xm->xm_nnodes++;
	room_hold(1);
	return xn;
}

/* Let go of what is no longer needed: the vnode, then the entry. */
static void
node_trim(struct export_mount *xm, struct export_node *xn)
{
	struct vnode *vp = NULL;
	const bool pinned = xn->xn_opens != 0 || xn->xn_unlinked;

	if (!pinned && (xn->xn_fidlen != 0 || xn->xn_lookups == 0)) {
		vp = xn->xn_vp;
		xn->xn_vp = NULL;
	}
	if (!pinned && xn->xn_lookups == 0) {
		LIST_REMOVE(xn, xn_byid);
		if (xn->xn_keyed)
			LIST_REMOVE(xn, xn_byfid);
		xm->xm_nnodes--;
		room_hold(-1);
		kmem_free(xn, sizeof(*xn));
	}
	if (vp != NULL)
		vrele(vp);
}

/* The entry of a vnode that Linux has (or gets) by this id. */
static struct export_node *
node_pin(struct export_mount *xm, uint64_t id, struct vnode *vp)
{
	struct export_node *xn = node_find(xm, id);

	if (xn == NULL)
		xn = node_new(xm, id);
	if (xn->xn_vp == NULL) {
		vref(vp);
		xn->xn_vp = vp;
	}
	KASSERT(xn->xn_vp == vp);
	return xn;
}

/* A driver without file handles: ids are table entries that hold the vnode. */
static struct export_node *
node_find_vnode(struct export_mount *xm, struct vnode *vp)
{
	struct export_node *xn;

	LIST_FOREACH(xn, fid_chain(xm, &vp, sizeof(vp)), xn_byfid) {
		if (xn->xn_vp == vp)
			return xn;
	}
	return NULL;
}

/* 0: there is no room for it. */
static uint64_t
node_table_id(struct export_mount *xm, struct vnode *vp,
    const union export_fid *f, size_t len)
{
	struct export_node *xn = len != 0 ? node_find_fid(xm, f, len) :
	    node_find_vnode(xm, vp);

	if (xn != NULL)
		return xn->xn_id;
	if (room_for_vnode() != 0)
		return 0;
	xm->xm_lastid += ID_STEP;
	xn = node_new(xm, xm->xm_lastid);
	xn->xn_fidlen = len;
	xn->xn_keyed = true;
	if (len != 0) {
		memcpy(xn->xn_fid, f, len);
		LIST_INSERT_HEAD(fid_chain(xm, f, len), xn, xn_byfid);
	} else {
		vref(vp);
		xn->xn_vp = vp;
		LIST_INSERT_HEAD(fid_chain(xm, &vp, sizeof(vp)), xn, xn_byfid);
	}
	return xn->xn_id;
}

/*
 * The id of a vnode, without a word to Linux about it.
 */
static int
node_id(struct export_mount *xm, struct vnode *vp, uint64_t *idp)
{
	union export_fid f;
	size_t len = sizeof(f);
	int error;

	if (vp == xm->xm_root) {
		*idp = EXPORT_ROOT;
		return 0;
	}
	memset(&f, 0, sizeof(f));
	error = VFS_VPTOFH(vp, &f.fid, &len);
	if (error == EOPNOTSUPP) {
		*idp = node_table_id(xm, vp, NULL, 0);
		return *idp != 0 ? 0 : ENFILE;
	}
	if (error != 0)
		return error == E2BIG ? EOVERFLOW : error;
	*idp = fid_pack(xm, &f, len);
	if (!ID_IS_TABLE(*idp) && *idp != EXPORT_ROOT)
		return 0;
	*idp = node_table_id(xm, vp, &f, len);
	return *idp != 0 ? 0 : ENFILE;
}

/* The id of a vnode for an answer to Linux, which will have to forget it. */
int
export_node_id(struct export_mount *xm, struct vnode *vp, uint64_t *idp)
{
	const int error = node_id(xm, vp, idp);

	if (error == 0 && ID_IS_TABLE(*idp))
		node_find(xm, *idp)->xn_lookups++;
	return error;
}

static int
node_fhtovp(struct export_mount *xm, uint64_t id, struct export_node *xn,
    int lktype, struct vnode **vpp)
{
	union export_fid f;

	memset(&f, 0, sizeof(f));
	if (xn != NULL)
		memcpy(&f, xn->xn_fid, xn->xn_fidlen);
	else
		fid_unpack(xm, id, &f);
	return VFS_FHTOVP(xm->xm_mp, &f.fid, lktype, vpp);
}

/* Reference, and lock unless LK_NONE. */
static int
node_take(struct vnode *vp, int lktype, struct vnode **vpp)
{

	vref(vp);
	if (lktype != LK_NONE) {
		const int error = vn_lock(vp, lktype);
		if (error != 0) {
			vrele(vp);
			return error;
		}
	}
	*vpp = vp;
	return 0;
}

/* The vnode of an id, referenced and locked as wanted.  ESTALE if gone. */
int
export_vget(struct export_mount *xm, uint64_t id, int lktype,
    struct vnode **vpp)
{
	struct export_node *xn;

	if (id == EXPORT_ROOT)
		return node_take(xm->xm_root, lktype, vpp);
	xn = node_find(xm, id);
	if (xn != NULL && xn->xn_vp != NULL)
		return node_take(xn->xn_vp, lktype, vpp);
	if (xn == NULL && ID_IS_TABLE(id))
		return ESTALE;
	return node_fhtovp(xm, id, xn, lktype, vpp);
}

/* The same for requests that may name an open file instead. */
int
export_target(struct export_mount *xm, const struct export_req *x, int lktype,
    struct vnode **vpp)
{

	if ((x->er_flags & EXPORT_F_HANDLE) != 0) {
		const struct export_handle *xh =
		    (void *)(uintptr_t)x->er_handle;
		return node_take(xh->xh_vp, lktype, vpp);
	}
	return export_vget(xm, x->er_node, lktype, vpp);
}

/*
 * The last name of a file is about to go, and Linux knows the file: keep it
 * until Linux has forgotten it.  The caller holds a reference.  Where there
 * is no room for that, a file that is not open is stale from now on.
 */
void
export_pin_unlinked(struct export_mount *xm, struct vnode *vp)
{
	uint64_t id;

	if (vp == xm->xm_root || node_id(xm, vp, &id) != 0)
		return;
	if (node_find(xm, id) == NULL && room_for_vnode() != 0)
		return;
	node_pin(xm, id, vp)->xn_unlinked = true;
}

static void
node_forget(struct export_mount *xm, const struct export_forget *ef)
{
	struct export_node *xn = node_find(xm, ef->ef_node);

	if (xn == NULL)
		return;
	xn->xn_lookups -= MIN(xn->xn_lookups, ef->ef_count);
	if (xn->xn_lookups == 0)
		xn->xn_unlinked = false;
	node_trim(xm, xn);
}

int
export_forget(struct export_mount *xm, struct export_req *x, kauth_cred_t cred)
{
	const struct export_forget *ef = x->er_data;
	const size_t n = x->er_datalen / sizeof(*ef);

	(void)cred;
	for (size_t i = 0; i < n && xm->xm_nnodes != 0; i++)
		node_forget(xm, &ef[i]);
	return 0;
}

/*
 * Handles.
 */

/* Takes over the caller's reference of an open vnode. */
int
export_handle_new(struct export_mount *xm, struct vnode *vp, int fflag,
    kauth_cred_t cred, uint64_t *handle)
{
	struct export_handle *xh;
	uint64_t id;
	int error;

	error = node_id(xm, vp, &id);
	if (error != 0)
		return error;
	xh = kmem_zalloc(sizeof(*xh), KM_SLEEP);
	xh->xh_vp = vp;
	xh->xh_fflag = fflag;
	kauth_cred_hold(cred);
	xh->xh_cred = cred;
	xh->xh_refs = 1;
	xh->xh_node = node_pin(xm, id, vp);
	xh->xh_node->xn_opens++;
	LIST_INSERT_HEAD(&xm->xm_handles, xh, xh_list);
	room_hold(1);
	*handle = (uintptr_t)xh;
	return 0;
}

struct export_handle *
export_handle_hold(const struct export_req *x)
{
	struct export_handle *xh = (void *)(uintptr_t)x->er_handle;

	if ((x->er_flags & EXPORT_F_HANDLE) == 0)
		return NULL;
	KASSERT(xh->xh_refs > 0);
	xh->xh_refs++;
	return xh;
}

void
export_handle_rele(struct export_mount *xm, struct export_handle *xh)
{
	struct export_node *xn = xh->xh_node;

	KASSERT(xh->xh_refs > 0);
	if (--xh->xh_refs != 0)
		return;
	(void)vn_close(xh->xh_vp, xh->xh_fflag, xh->xh_cred);
	kauth_cred_free(xh->xh_cred);
	if (xh->xh_buf != NULL) {
		room_hold(-ROOM_DIRBUF);
		kmem_free(xh->xh_buf, EXPORT_DIRBUF);
	}
	if (xh->xh_cookies != NULL)
		free(xh->xh_cookies, M_TEMP);
	kmem_free(xh, sizeof(*xh));
	room_hold(-1);
	KASSERT(xn->xn_opens > 0);
	xn->xn_opens--;
	node_trim(xm, xn);
}

static struct export_node *
node_closed(struct export_nodes *chain)
{
	struct export_node *xn;

	LIST_FOREACH(xn, chain, xn_byid) {
		if (xn->xn_opens == 0)
			break;
	}
	return xn;
}

/* Linux has gone: close its files, forget its nodes. */
void
export_close_all(struct export_mount *xm)
{
	struct export_handle *xh;
	struct export_node *xn;

	while ((xh = LIST_FIRST(&xm->xm_handles)) != NULL) {
		LIST_REMOVE(xh, xh_list);
		export_handle_rele(xm, xh);
	}
	for (u_int i = 0; i < XM_HASH; i++) {
		while ((xn = node_closed(&xm->xm_byid[i])) != NULL) {
			xn->xn_unlinked = false;
			xn->xn_lookups = 0;
			node_trim(xm, xn);
		}
	}
}

int
export_release(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	struct export_handle *xh = (void *)(uintptr_t)x->er_handle;

	if ((x->er_flags & EXPORT_F_HANDLE) == 0)
		return 0;
	if (xh->xh_haslocks)
		(void)export_flush(xm, x, cred);
	LIST_REMOVE(xh, xh_list);
	export_handle_rele(xm, xh);
	return 0;
}
