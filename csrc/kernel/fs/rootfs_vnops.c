/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rootfs: the vnode operations (vnodeops(9)).
 */
#include <sys/param.h>
#include <sys/dirent.h>
#include <sys/errno.h>
#include <sys/fcntl.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/lockf.h>
#include <sys/malloc.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/stat.h>
#include <sys/systm.h>
#include <sys/uio.h>
#include <sys/unistd.h>
#include <sys/vnode.h>

#include <lib/libkern/libkern.h>

#include <miscfs/fifofs/fifo.h>
#include <miscfs/genfs/genfs.h>
#include <miscfs/specfs/specdev.h>

#include "fs/rootfs.h"

static int
may_access(struct vnode *vp, accmode_t accmode, kauth_cred_t cred)
{
	struct rootfs_node *rn = VTORN(vp);
	kauth_action_t action = kauth_accmode_to_action(accmode) |
	    KAUTH_VNODE_ACCESS;

	/* Not even the superuser, and of a directory: no name in it. */
	if ((accmode & VWRITE) != 0 && (rn->rn_flags & IMMUTABLE) != 0)
		return EPERM;
	if ((rn->rn_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0)
		action |= KAUTH_VNODE_IS_EXEC;
	return kauth_authorize_vnode(cred, action, vp, NULL,
	    genfs_can_access(vp, cred, rn->rn_uid, rn->rn_gid, rn->rn_mode,
	    NULL, accmode));
}

static int
lookup_dotdot(struct vnode *dvp, struct vnode **vpp)
{
	struct rootfs_node *parent = VTORN(dvp)->rn_parent;

	if (parent == NULL)
		return ENOENT;		/* the directory has been removed */
	return rootfs_get_vnode(dvp->v_mount, parent, vpp);
}

/* The last component is not there: may the caller make it? */
static int
lookup_missing(struct vnode *dvp, struct componentname *cnp)
{
	const bool last = (cnp->cn_flags & ISLASTCN) != 0;
	int error;

	if (last && (cnp->cn_nameiop == CREATE || cnp->cn_nameiop == RENAME)) {
		if (VTORN(dvp)->rn_parent == NULL)
			return ENOENT;
		error = may_access(dvp, VWRITE, cnp->cn_cred);
		return error != 0 ? error : EJUSTRETURN;
	}
	if (cnp->cn_nameiop == LOOKUP)
		cache_enter(dvp, NULL, cnp->cn_nameptr, cnp->cn_namelen,
		    cnp->cn_flags);
	return ENOENT;
}

/* May the caller take the name of VP away from DVP? */
static int
lookup_delete(struct vnode *dvp, struct vnode *vp, kauth_cred_t cred)
{
	struct rootfs_node *dir = VTORN(dvp), *rn = VTORN(vp);
	int error;

	error = may_access(dvp, VWRITE, cred);
	if (error == 0 && (dir->rn_mode & S_ISTXT) != 0)
		error = kauth_authorize_vnode(cred, KAUTH_VNODE_DELETE, vp,
		    dvp, genfs_can_sticky(vp, cred, dir->rn_uid, rn->rn_uid));
	return error;
}

static int
rootfs_lookup(void *v)
{
	struct vop_lookup_v2_args *ap = v;
	struct vnode *dvp = ap->a_dvp, **vpp = ap->a_vpp;
	struct componentname *cnp = ap->a_cnp;
	struct rootfs_entry *re;
	int error;

	*vpp = NULL;
	error = may_access(dvp, VEXEC, cnp->cn_cred);
	if (error != 0)
		return error;
	if (cnp->cn_namelen > NAME_MAX)
		return ENAMETOOLONG;
	if (cache_lookup(dvp, cnp->cn_nameptr, cnp->cn_namelen,
	    cnp->cn_nameiop, cnp->cn_flags, NULL, vpp))
		return *vpp == NULL ? ENOENT : 0;
	if ((cnp->cn_flags & ISDOTDOT) != 0)
		return lookup_dotdot(dvp, vpp);
	if (cnp->cn_namelen == 1 && cnp->cn_nameptr[0] == '.') {
		if ((cnp->cn_flags & ISLASTCN) != 0 &&
		    cnp->cn_nameiop == RENAME)
			return EISDIR;
		vref(dvp);
		*vpp = dvp;
		return 0;
	}
	re = rootfs_find(VTORN(dvp), cnp->cn_nameptr, cnp->cn_namelen);
	if (re == NULL)
		return lookup_missing(dvp, cnp);
	error = rootfs_get_vnode(dvp->v_mount, re->re_node, vpp);
	if (error == 0 && (cnp->cn_flags & ISLASTCN) != 0 &&
	    (cnp->cn_nameiop == DELETE || cnp->cn_nameiop == RENAME)) {
		error = lookup_delete(dvp, *vpp, cnp->cn_cred);
		if (error != 0) {
			vrele(*vpp);
			*vpp = NULL;
		}
		return error;
	}
	if (error == 0)
		cache_enter(dvp, *vpp, cnp->cn_nameptr, cnp->cn_namelen,
		    cnp->cn_flags);
	return error;
}

static int
make(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *vap)
{
	int error;

	error = vcache_new(dvp->v_mount, dvp, vap, cnp->cn_cred, NULL, vpp);
	if (error != 0)
		return error;
	rootfs_enter(VTORN(dvp), VTORN(*vpp), cnp->cn_nameptr,
	    cnp->cn_namelen);
	cache_enter(dvp, *vpp, cnp->cn_nameptr, cnp->cn_namelen,
	    cnp->cn_flags);
	return 0;
}

static int
rootfs_create(void *v)
{
	struct vop_create_v3_args *ap = v;

	return make(ap->a_dvp, ap->a_vpp, ap->a_cnp, ap->a_vap);
}

static int
rootfs_mknod(void *v)
{
	struct vop_mknod_v3_args *ap = v;

	switch (ap->a_vap->va_type) {
	case VBLK:
	case VCHR:
	case VFIFO:
	case VSOCK:
		return make(ap->a_dvp, ap->a_vpp, ap->a_cnp, ap->a_vap);
	default:
		return EINVAL;
	}
}

static int
rootfs_mkdir(void *v)
{
	struct vop_mkdir_v3_args *ap = v;

	return make(ap->a_dvp, ap->a_vpp, ap->a_cnp, ap->a_vap);
}

static int
rootfs_symlink(void *v)
{
	struct vop_symlink_v3_args *ap = v;
	const size_t len = strlen(ap->a_target);
	struct rootfs_node *rn;
	int error;

	ap->a_vap->va_type = VLNK;
	error = make(ap->a_dvp, ap->a_vpp, ap->a_cnp, ap->a_vap);
	if (error != 0)
		return error;
	rn = VTORN(*ap->a_vpp);
	rn->rn_target = kmem_alloc(len + 1, KM_SLEEP);
	memcpy(rn->rn_target, ap->a_target, len + 1);
	rn->rn_size = len;
	return 0;
}

static int
rootfs_link(void *v)
{
	struct vop_link_v2_args *ap = v;
	struct vnode *dvp = ap->a_dvp, *vp = ap->a_vp;
	struct componentname *cnp = ap->a_cnp;
	struct rootfs_node *rn = VTORN(vp);
	int error;

	error = vn_lock(vp, LK_EXCLUSIVE);
	if (error != 0)
		goto abort;
	error = kauth_authorize_vnode(cnp->cn_cred, KAUTH_VNODE_ADD_LINK, vp,
	    dvp, 0);
	if (error == 0 && rn->rn_nlink == 0)
		error = ENOENT;
	if (error == 0 && (rn->rn_flags & (IMMUTABLE | APPEND)) != 0)
		error = EPERM;
	if (error == 0) {
		rootfs_enter(VTORN(dvp), rn, cnp->cn_nameptr,
		    cnp->cn_namelen);
		cache_enter(dvp, vp, cnp->cn_nameptr, cnp->cn_namelen,
		    cnp->cn_flags);
	}
	VOP_UNLOCK(vp);
	if (error == 0)
		return 0;
abort:
	VOP_ABORTOP(dvp, cnp);
	return error;
}

/* Take VP's name out of DVP; VP is unlocked and released. */
static int
remove_name(struct vnode *dvp, struct vnode *vp, struct componentname *cnp)
{
	struct rootfs_node *dir = VTORN(dvp), *rn = VTORN(vp);
	struct rootfs_entry *re;
	int error = 0;

	re = rootfs_find(dir, cnp->cn_nameptr, cnp->cn_namelen);
	if (re == NULL || re->re_node != rn)
		error = ENOENT;
	else if ((rn->rn_flags & (IMMUTABLE | APPEND)) != 0 ||
	    (dir->rn_flags & APPEND) != 0)
		error = EPERM;
	else {
		rootfs_remove(dir, re);
		cache_purge(vp);
	}
	if (dvp == vp)
		vrele(vp);
	else
		vput(vp);
	return error;
}

static int
rootfs_remove_op(void *v)
{
	struct vop_remove_v3_args *ap = v;
	nlink_t nlink = VTORN(ap->a_vp)->rn_nlink;
	int error;

	if (ap->a_vp->v_type == VDIR) {
		if (ap->a_dvp == ap->a_vp)
			vrele(ap->a_vp);
		else
			vput(ap->a_vp);
		return EPERM;
	}
	error = remove_name(ap->a_dvp, ap->a_vp, ap->a_cnp);
	if (error == 0)
		ap->ctx_vp_new_nlink = nlink - 1;
	return error;
}

static int
rootfs_rmdir(void *v)
{
	struct vop_rmdir_v2_args *ap = v;

	if (ap->a_dvp == ap->a_vp) {
		vrele(ap->a_vp);
		return EINVAL;
	}
	if (!rootfs_directory_empty(VTORN(ap->a_vp))) {
		vput(ap->a_vp);
		return ENOTEMPTY;
	}
	return remove_name(ap->a_dvp, ap->a_vp, ap->a_cnp);
}

static int
rootfs_open(void *v)
{
	struct vop_open_args *ap = v;
	const struct rootfs_node *rn = VTORN(ap->a_vp);

	if ((rn->rn_flags & APPEND) != 0 &&
	    (ap->a_mode & (FWRITE | O_APPEND)) == FWRITE)
		return EPERM;
	return 0;
}

static int
rootfs_access(void *v)
{
	struct vop_access_args *ap = v;

	return may_access(ap->a_vp, ap->a_accmode, ap->a_cred);
}

static int
rootfs_getattr(void *v)
{
	struct vop_getattr_args *ap = v;
	const struct rootfs_node *rn = VTORN(ap->a_vp);
	struct vattr *va = ap->a_vap;

	vattr_null(va);
	va->va_type = rn->rn_type;
	va->va_mode = rn->rn_mode;
	va->va_nlink = rn->rn_nlink;
	va->va_uid = rn->rn_uid;
	va->va_gid = rn->rn_gid;
	va->va_fsid = ap->a_vp->v_mount->mnt_stat.f_fsidx.__fsid_val[0];
	va->va_fileid = rn->rn_ino;
	va->va_size = rn->rn_size;
	va->va_blocksize = PAGE_SIZE;
	va->va_atime = rn->rn_atime;
	va->va_mtime = rn->rn_mtime;
	va->va_ctime = rn->rn_ctime;
	va->va_birthtime = rn->rn_birthtime;
	va->va_gen = 0;
	va->va_flags = rn->rn_flags;
	va->va_rdev = rn->rn_rdev;
	va->va_bytes = round_page(rn->rn_size);
	va->va_filerev = 0;
	va->va_vaflags = 0;
	return 0;
}

static int
set_mode(struct vnode *vp, mode_t mode, kauth_cred_t cred)
{
	struct rootfs_node *rn = VTORN(vp);
	int error;

	error = kauth_authorize_vnode(cred, KAUTH_VNODE_WRITE_SECURITY, vp,
	    NULL, genfs_can_chmod(vp, cred, rn->rn_uid, rn->rn_gid, mode));
	if (error == 0) {
		rn->rn_mode = mode & ALLPERMS;
		rootfs_touch(rn, ROOTFS_CHANGED);
	}
	return error;
}

static int
set_owner(struct vnode *vp, uid_t uid, gid_t gid, kauth_cred_t cred)
{
	struct rootfs_node *rn = VTORN(vp);
	int error;

	if (uid == (uid_t)VNOVAL)
		uid = rn->rn_uid;
	if (gid == (gid_t)VNOVAL)
		gid = rn->rn_gid;
	error = kauth_authorize_vnode(cred, KAUTH_VNODE_CHANGE_OWNERSHIP, vp,
	    NULL, genfs_can_chown(vp, cred, rn->rn_uid, rn->rn_gid, uid, gid));
	if (error == 0) {
		rn->rn_uid = uid;
		rn->rn_gid = gid;
		rootfs_touch(rn, ROOTFS_CHANGED);
	}
	return error;
}

static int
set_flags(struct vnode *vp, u_long flags, kauth_cred_t cred)
{
	struct rootfs_node *rn = VTORN(vp);
	const bool system = ((rn->rn_flags ^ flags) & SF_SETTABLE) != 0;
	int error;

	if ((flags & ~(u_long)(SF_SETTABLE | UF_SETTABLE)) != 0)
		return EOPNOTSUPP;
	error = kauth_authorize_vnode(cred, KAUTH_VNODE_WRITE_FLAGS |
	    (system ? KAUTH_VNODE_WRITE_SYSFLAGS : 0), vp, NULL,
	    genfs_can_chflags(vp, cred, rn->rn_uid, system));
	if (error == 0) {
		rn->rn_flags = flags;
		rootfs_touch(rn, ROOTFS_CHANGED);
	}
	return error;
}

static int
set_size(struct vnode *vp, off_t size)
{
	struct rootfs_node *rn = VTORN(vp);
	int error;

	switch (vp->v_type) {
	case VDIR:
		return EISDIR;
	case VREG:
		break;
	default:
		return 0;	/* devices and FIFOs have no size to set */
	}
	if ((rn->rn_flags & APPEND) != 0)
		return EPERM;
	error = rootfs_data_resize(rn, size);
	if (error == 0) {
		uvm_vnp_setsize(vp, size);
		rootfs_touch(rn, ROOTFS_MODIFIED);
	}
	return error;
}

static int
set_times(struct vnode *vp, const struct vattr *va, kauth_cred_t cred)
{
	struct rootfs_node *rn = VTORN(vp);
	int error;

	error = kauth_authorize_vnode(cred, KAUTH_VNODE_WRITE_TIMES, vp, NULL,
	    genfs_can_chtimes(vp, cred, rn->rn_uid, va->va_vaflags));
	if (error != 0)
		return error;
	if (va->va_atime.tv_sec != VNOVAL)
		rn->rn_atime = va->va_atime;
	if (va->va_mtime.tv_sec != VNOVAL)
		rn->rn_mtime = va->va_mtime;
	if (va->va_birthtime.tv_sec != VNOVAL)
		rn->rn_birthtime = va->va_birthtime;
	rootfs_touch(rn, ROOTFS_CHANGED);
	return 0;
}

static int
rootfs_setattr(void *v)
{
	struct vop_setattr_args *ap = v;
	const struct vattr *va = ap->a_vap;
	struct vnode *vp = ap->a_vp;
	int error = 0;

	if (va->va_type != VNON || va->va_nlink != (nlink_t)VNOVAL ||
	    va->va_fsid != (dev_t)VNOVAL || va->va_fileid != (ino_t)VNOVAL ||
	    va->va_blocksize != VNOVAL || va->va_gen != (u_long)VNOVAL ||
	    va->va_rdev != (dev_t)VNOVAL || va->va_bytes != (u_quad_t)VNOVAL)
		return EINVAL;
	if (va->va_flags != VNOVALFLAGS)
		return set_flags(vp, va->va_flags, ap->a_cred);
	if ((VTORN(vp)->rn_flags & (IMMUTABLE | APPEND)) != 0 &&
	    (va->va_size == VNOVALSIZE ||
	    (VTORN(vp)->rn_flags & IMMUTABLE) != 0))
		return EPERM;
	if (va->va_size != VNOVALSIZE)
		error = set_size(vp, va->va_size);
	if (error == 0 && (va->va_uid != (uid_t)VNOVAL ||
	    va->va_gid != (gid_t)VNOVAL))
		error = set_owner(vp, va->va_uid, va->va_gid, ap->a_cred);
	if (error == 0 && va->va_mode != (mode_t)VNOVAL)
		error = set_mode(vp, va->va_mode, ap->a_cred);
	if (error == 0 && (va->va_atime.tv_sec != VNOVAL ||
	    va->va_mtime.tv_sec != VNOVAL ||
	    va->va_birthtime.tv_sec != VNOVAL))
		error = set_times(vp, va, ap->a_cred);
	cache_enter_id(vp, VTORN(vp)->rn_mode, VTORN(vp)->rn_uid,
	    VTORN(vp)->rn_gid, true);
	return error;
}

static int
rootfs_read(void *v)
{
	struct vop_read_args *ap = v;
	struct rootfs_node *rn = VTORN(ap->a_vp);
	int error;

	if (ap->a_vp->v_type == VDIR)
		return EISDIR;
	if (ap->a_uio->uio_offset < 0)
		return EINVAL;
	error = rootfs_data_read(rn, ap->a_uio);
	if ((ap->a_vp->v_mount->mnt_flag & MNT_NOATIME) == 0)
		rootfs_touch(rn, ROOTFS_ACCESSED);
	return error;
}

static int
rootfs_write(void *v)
{
	struct vop_write_args *ap = v;
	struct rootfs_node *rn = VTORN(ap->a_vp);
	struct uio *uio = ap->a_uio;
	const size_t resid = uio->uio_resid;
	int error;

	if ((ap->a_ioflag & IO_APPEND) != 0)
		uio->uio_offset = rn->rn_size;
	else if ((rn->rn_flags & APPEND) != 0 && uio->uio_offset < rn->rn_size)
		return EPERM;
	error = rootfs_data_write(rn, uio);
	if (uio->uio_resid != resid) {
		uvm_vnp_setsize(ap->a_vp, rn->rn_size);
		rootfs_touch(rn, ROOTFS_MODIFIED);
		if (kauth_cred_geteuid(ap->a_cred) != 0)
			rn->rn_mode &= ~(S_ISUID | S_ISGID);
	}
	return error;
}

static int
rootfs_readlink(void *v)
{
	struct vop_readlink_args *ap = v;
	struct rootfs_node *rn = VTORN(ap->a_vp);

	return uiomove(rn->rn_target, MIN((size_t)rn->rn_size,
	    ap->a_uio->uio_resid), ap->a_uio);
}

/* Where a readdir is. */
struct listing {
	struct uio	*uio;
	off_t		*cookies;	/* or NULL */
	int		ncookies, room;
};

/*
 * Add an entry; reading goes on at NEXT after it.  ENOBUFS: no room.
 */
static int
list_entry(struct listing *ls, struct dirent *d, ino_t ino, enum vtype type,
    const char *name, size_t len, off_t next)
{
	int error;

	d->d_fileno = ino;
	d->d_type = IFTODT(VTTOIF(type));
	d->d_namlen = len;
	d->d_reclen = _DIRENT_RECLEN(d, len);
	if (d->d_reclen > ls->uio->uio_resid ||
	    (ls->cookies != NULL && ls->ncookies == ls->room))
		return ENOBUFS;
	memset(d->d_name, 0, d->d_reclen - _DIRENT_NAMEOFF(d));
	memcpy(d->d_name, name, len);
	error = uiomove(d, d->d_reclen, ls->uio);
	if (error != 0)
		return error;
	if (ls->cookies != NULL)
		ls->cookies[ls->ncookies++] = next;
	ls->uio->uio_offset = next;
	return 0;
}

static int
list_directory(struct rootfs_node *dir, struct listing *ls, struct dirent *d)
{
	struct rootfs_node *up = dir->rn_parent != NULL ? dir->rn_parent : dir;
	off_t at = ls->uio->uio_offset;
	struct rootfs_entry *re;
	int error = 0;

	if (at == ROOTFS_COOKIE_DOT)
		error = list_entry(ls, d, dir->rn_ino, VDIR, ".", 1,
		    ROOTFS_COOKIE_DOTDOT);
	if (error == 0 && at <= ROOTFS_COOKIE_DOTDOT)
		error = list_entry(ls, d, up->rn_ino, VDIR, "..", 2,
		    ROOTFS_COOKIE_FIRST);
	TAILQ_FOREACH(re, &dir->rn_entries, re_entry) {
		if (error != 0)
			break;
		if (re->re_cookie >= at)
			error = list_entry(ls, d, re->re_node->rn_ino,
			    re->re_node->rn_type, re->re_name, re->re_namelen,
			    re->re_cookie + 1);
	}
	return error;
}

static int
rootfs_readdir(void *v)
{
	struct vop_readdir_args *ap = v;
	struct listing ls = { .uio = ap->a_uio };
	const size_t resid = ap->a_uio->uio_resid;
	struct dirent *d;
	int error;

	if (ap->a_vp->v_type != VDIR)
		return ENOTDIR;
	if (ap->a_uio->uio_offset < 0)
		return EINVAL;
	if (ap->a_cookies != NULL) {
		ls.room = resid / _DIRENT_MINSIZE((struct dirent *)0) + 1;
		ls.cookies = malloc(ls.room * sizeof(off_t), M_TEMP, M_WAITOK);
	}
	d = kmem_zalloc(sizeof(*d), KM_SLEEP);
	error = list_directory(VTORN(ap->a_vp), &ls, d);
	kmem_free(d, sizeof(*d));
	if ((ap->a_vp->v_mount->mnt_flag & MNT_NOATIME) == 0)
		rootfs_touch(VTORN(ap->a_vp), ROOTFS_ACCESSED);
	*ap->a_eofflag = error == 0;
	if (error == ENOBUFS)
		error = ap->a_uio->uio_resid == resid ? EINVAL : 0;
	if (ap->a_cookies != NULL) {
		if (error != 0)
			free(ls.cookies, M_TEMP);
		*ap->a_cookies = error == 0 ? ls.cookies : NULL;
		*ap->a_ncookies = error == 0 ? ls.ncookies : 0;
	}
	return error;
}

static int
rootfs_inactive(void *v)
{
	struct vop_inactive_v2_args *ap = v;

	*ap->a_recycle = VTORN(ap->a_vp)->rn_nlink == 0;
	return 0;
}

static int
rootfs_reclaim(void *v)
{
	struct vop_reclaim_v2_args *ap = v;
	struct rootfs_node *rn = VTORN(ap->a_vp);

	VOP_UNLOCK(ap->a_vp);
	ap->a_vp->v_data = NULL;
	rn->rn_vnode = NULL;
	if (rn->rn_nlink == 0)
		rootfs_node_destroy(rn);
	return 0;
}

static int
rootfs_pathconf(void *v)
{
	struct vop_pathconf_args *ap = v;

	switch (ap->a_name) {
	case _PC_LINK_MAX:
		*ap->a_retval = LINK_MAX;
		return 0;
	case _PC_NAME_MAX:
		*ap->a_retval = NAME_MAX;
		return 0;
	case _PC_PATH_MAX:
		*ap->a_retval = PATH_MAX;
		return 0;
	case _PC_PIPE_BUF:
		*ap->a_retval = PIPE_BUF;
		return 0;
	case _PC_CHOWN_RESTRICTED:
	case _PC_NO_TRUNC:
	case _PC_SYNC_IO:
		*ap->a_retval = 1;
		return 0;
	case _PC_FILESIZEBITS:
		*ap->a_retval = 32;
		return 0;
	default:
		return genfs_pathconf(ap);
	}
}

static int
rootfs_advlock(void *v)
{
	struct vop_advlock_args *ap = v;
	struct rootfs_node *rn = VTORN(ap->a_vp);

	return lf_advlock(ap, &rn->rn_lockf, rn->rn_size);
}

static int
rootfs_print(void *v)
{
	struct vop_print_args *ap = v;
	const struct rootfs_node *rn = VTORN(ap->a_vp);

	printf("rootfs node %ju, %u links\n", (uintmax_t)rn->rn_ino,
	    (u_int)rn->rn_nlink);
	return 0;
}

/* Attributes of device nodes and FIFOs are ours, all else the driver's. */
#define	COMMON_ENTRIES							\
	{ &vop_access_desc, rootfs_access },				\
	{ &vop_accessx_desc, genfs_accessx },				\
	{ &vop_getattr_desc, rootfs_getattr },				\
	{ &vop_setattr_desc, rootfs_setattr },				\
	{ &vop_inactive_desc, rootfs_inactive },			\
	{ &vop_reclaim_desc, rootfs_reclaim },				\
	{ &vop_lock_desc, genfs_lock },					\
	{ &vop_unlock_desc, genfs_unlock },				\
	{ &vop_islocked_desc, genfs_islocked },				\
	{ &vop_print_desc, rootfs_print },				\
	{ &vop_fcntl_desc, genfs_fcntl }

int (**rootfs_vnodeop_p)(void *);
static const struct vnodeopv_entry_desc rootfs_vnodeop_entries[] = {
	{ &vop_default_desc, vn_default_error },
	COMMON_ENTRIES,
	{ &vop_parsepath_desc, genfs_parsepath },
	{ &vop_lookup_desc, rootfs_lookup },
	{ &vop_create_desc, rootfs_create },
	{ &vop_mknod_desc, rootfs_mknod },
	{ &vop_open_desc, rootfs_open },
	{ &vop_close_desc, genfs_nullop },
	{ &vop_read_desc, rootfs_read },
	{ &vop_write_desc, rootfs_write },
	{ &vop_fallocate_desc, genfs_eopnotsupp },
	{ &vop_fdiscard_desc, genfs_eopnotsupp },
	{ &vop_ioctl_desc, genfs_enoioctl },
	{ &vop_poll_desc, genfs_poll },
	{ &vop_kqfilter_desc, genfs_kqfilter },
	{ &vop_revoke_desc, genfs_revoke },
	{ &vop_mmap_desc, genfs_eopnotsupp },
	{ &vop_fsync_desc, genfs_nullop },
	{ &vop_seek_desc, genfs_seek },
	{ &vop_remove_desc, rootfs_remove_op },
	{ &vop_link_desc, rootfs_link },
	{ &vop_rename_desc, rootfs_rename },
	{ &vop_mkdir_desc, rootfs_mkdir },
	{ &vop_rmdir_desc, rootfs_rmdir },
	{ &vop_symlink_desc, rootfs_symlink },
	{ &vop_readdir_desc, rootfs_readdir },
	{ &vop_readlink_desc, rootfs_readlink },
	{ &vop_abortop_desc, genfs_abortop },
	{ &vop_bmap_desc, genfs_eopnotsupp },
	{ &vop_strategy_desc, genfs_eopnotsupp },
	{ &vop_pathconf_desc, rootfs_pathconf },
	{ &vop_advlock_desc, rootfs_advlock },
	{ &vop_bwrite_desc, genfs_eopnotsupp },
	{ &vop_getpages_desc, genfs_eopnotsupp },
	{ &vop_putpages_desc, genfs_null_putpages },
	{ NULL, NULL }
};
const struct vnodeopv_desc rootfs_vnodeop_opv_desc = {
	&rootfs_vnodeop_p, rootfs_vnodeop_entries
};

int (**rootfs_specop_p)(void *);
static const struct vnodeopv_entry_desc rootfs_specop_entries[] = {
	{ &vop_default_desc, vn_default_error },
	GENFS_SPECOP_ENTRIES,
	COMMON_ENTRIES,
	{ &vop_close_desc, spec_close },
	{ &vop_read_desc, spec_read },
	{ &vop_write_desc, spec_write },
	{ &vop_fsync_desc, spec_fsync },
	{ &vop_bwrite_desc, vn_bwrite },
	{ NULL, NULL }
};
const struct vnodeopv_desc rootfs_specop_opv_desc = {
	&rootfs_specop_p, rootfs_specop_entries
};

int (**rootfs_fifoop_p)(void *);
static const struct vnodeopv_entry_desc rootfs_fifoop_entries[] = {
	{ &vop_default_desc, vn_default_error },
	GENFS_FIFOOP_ENTRIES,
	COMMON_ENTRIES,
	{ &vop_close_desc, vn_fifo_bypass },
	{ &vop_read_desc, vn_fifo_bypass },
	{ &vop_write_desc, vn_fifo_bypass },
	{ &vop_fsync_desc, vn_fifo_bypass },
	{ &vop_bwrite_desc, vn_bwrite },
	{ NULL, NULL }
};
const struct vnodeopv_desc rootfs_fifoop_opv_desc = {
	&rootfs_fifoop_p, rootfs_fifoop_entries
};
