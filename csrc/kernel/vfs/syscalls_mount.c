/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls on file systems: mount, unmount, statvfs, sync, quotas, and
 * files by handle.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/extattr.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/proc.h>
#include <sys/quotactl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscallargs.h>
#include <sys/vfs_syscalls.h>
#include <sys/vnode.h>

#include "vnode_impl.h"
#include "vn_file.h"

int
sys___mount50(struct lwp *l, const struct sys___mount50_args *uap,
    register_t *retval)
{
	return do_sys_mount(l, SCARG(uap, type), UIO_USERSPACE,
	    SCARG(uap, path), SCARG(uap, flags), SCARG(uap, data),
	    UIO_USERSPACE, SCARG(uap, data_len), retval);
}

int
sys_unmount(struct lwp *l, const struct sys_unmount_args *uap,
    register_t *retval __unused)
{
	struct vnode *vp;
	struct mount *mp;
	int error;

	error = at_lookup(AT_FDCWD, SCARG(uap, path), NOFOLLOW, &vp);
	if (error != 0)
		return error;
	mp = vp->v_mount;
	vfs_ref(mp);
	if ((vp->v_vflag & VV_ROOT) == 0 || (mp->mnt_flag & MNT_ROOTFS))
		error = EINVAL;
	else
		error = kauth_authorize_system(l->l_cred,
		    KAUTH_SYSTEM_MOUNT, KAUTH_REQ_SYSTEM_MOUNT_UNMOUNT, mp,
		    NULL, NULL);
	vrele(vp);
	if (error == 0)
		error = dounmount(mp, SCARG(uap, flags) & MNT_FORCE, l);
	vfs_rele(mp);
	return error;
}

void
do_sys_sync(struct lwp *l)
{
	vfs_sync_all(l);
}

int
sys_sync(struct lwp *l, const struct sys_sync_args *uap __unused,
    register_t *retval __unused)
{
	do_sys_sync(l);
	return 0;
}

/* statvfs */

static int
statvfs_out(struct mount *mp, struct statvfs *user, int flags, int root)
{
	struct statvfs *sb = kmem_zalloc(sizeof(*sb), KM_SLEEP);
	int error;

	error = dostatvfs(mp, sb, curlwp, flags, root);
	if (error == 0)
		error = copyout(sb, user, sizeof(*sb));
	kmem_free(sb, sizeof(*sb));
	return error;
}

int
sys___statvfs190(struct lwp *l __unused,
    const struct sys___statvfs190_args *uap, register_t *retval __unused)
{
	struct vnode *vp;
	int error;

	error = at_lookup(AT_FDCWD, SCARG(uap, path), FOLLOW, &vp);
	if (error != 0)
		return error;
	error = statvfs_out(vp->v_mount, SCARG(uap, buf), SCARG(uap, flags),
	    1);
	vrele(vp);
	return error;
}

int
sys___fstatvfs190(struct lwp *l __unused,
    const struct sys___fstatvfs190_args *uap, register_t *retval __unused)
{
	int fd = SCARG(uap, fd), error;
	file_t *fp;

	error = fd_getvnode((u_int)fd, &fp);
	if (error != 0)
		return error;
	error = statvfs_out(fp->f_vnode->v_mount, SCARG(uap, buf),
	    SCARG(uap, flags), 1);
	fd_putfile((u_int)fd);
	return error;
}

int
sys___getvfsstat90(struct lwp *l __unused,
    const struct sys___getvfsstat90_args *uap, register_t *retval)
{
	struct statvfs *user = SCARG(uap, buf);
	size_t max = SCARG(uap, bufsize) / sizeof(struct statvfs), count = 0;
	mount_iterator_t *iter;
	struct mount *mp;
	int error = 0;

	mountlist_iterator_init(&iter);
	while (error == 0 &&
	    (mp = mountlist_iterator_next(iter)) != NULL) {
		if (user != NULL && count < max) {
			error = statvfs_out(mp, user + count,
			    SCARG(uap, flags), 0);
			if (error == EPERM) {
				/* Not below this process's root. */
				error = 0;
				continue;
			}
		}
		count++;
	}
	mountlist_iterator_destroy(iter);
	if (user != NULL && count > max)
		count = max;
	*retval = (register_t)count;
	return error;
}

/* Quotas */

int
sys___quotactl(struct lwp *l __unused, const struct sys___quotactl_args *uap,
    register_t *retval __unused)
{
	struct quotactl_args args;
	int error;

	error = copyin(SCARG(uap, args), &args, sizeof(args));
	return error != 0 ? error : do_sys_quotactl(SCARG(uap, path), &args);
}

/* A command's structures, copied in before and out after. */
struct quota_copy {
	const void *in_user;
	void *out_user;
	void *kernel;
	size_t size;
};

static int
quota_run(struct mount *mp, struct quotactl_args *qa, struct quota_copy *qc,
    int n)
{
	int error = 0;

	for (int i = 0; error == 0 && i < n; i++) {
		memset(qc[i].kernel, 0, qc[i].size);
		if (qc[i].in_user != NULL)
			error = copyin(qc[i].in_user, qc[i].kernel,
			    qc[i].size);
	}
	if (error == 0)
		error = VFS_QUOTACTL(mp, qa);
	for (int i = 0; error == 0 && i < n; i++)
		if (qc[i].out_user != NULL)
			error = copyout(qc[i].kernel, qc[i].out_user,
			    qc[i].size);
	return error;
}

static int
quota_info(struct mount *mp, const struct quotactl_args *u)
{
	struct quotactl_args k = *u;
	union {
		struct quotastat stat;
		struct quotaidtypestat idtype;
		struct quotaobjtypestat objtype;
	} info;
	struct quota_copy qc = { .kernel = &info };

	switch (u->qc_op) {
	case QUOTACTL_STAT:
		qc.out_user = u->u.stat.qc_info;
		qc.size = sizeof(info.stat);
		k.u.stat.qc_info = &info.stat;
		break;
	case QUOTACTL_IDTYPESTAT:
		qc.out_user = u->u.idtypestat.qc_info;
		qc.size = sizeof(info.idtype);
		k.u.idtypestat.qc_info = &info.idtype;
		break;
	default:
		qc.out_user = u->u.objtypestat.qc_info;
		qc.size = sizeof(info.objtype);
		k.u.objtypestat.qc_info = &info.objtype;
		break;
	}
	return quota_run(mp, &k, &qc, 1);
}

static int
quota_entry(struct mount *mp, const struct quotactl_args *u)
{
	struct quotactl_args k = *u;
	struct quotakey key;
	struct quotaval val;
	struct quota_copy qc[2] = {
		{ .kernel = &key, .size = sizeof(key) },
		{ .kernel = &val, .size = sizeof(val) },
	};

	switch (u->qc_op) {
	case QUOTACTL_GET:
		qc[0].in_user = u->u.get.qc_key;
		qc[1].out_user = u->u.get.qc_val;
		k.u.get.qc_key = &key;
		k.u.get.qc_val = &val;
		return quota_run(mp, &k, qc, 2);
	case QUOTACTL_PUT:
		qc[0].in_user = u->u.put.qc_key;
		qc[1].in_user = u->u.put.qc_val;
		k.u.put.qc_key = &key;
		k.u.put.qc_val = &val;
		return quota_run(mp, &k, qc, 2);
	default:
		qc[0].in_user = u->u.del.qc_key;
		k.u.del.qc_key = &key;
		return quota_run(mp, &k, qc, 1);
	}
}

static int
quota_cursor(struct mount *mp, const struct quotactl_args *u)
{
	struct quotactl_args k = *u;
	struct quotakcursor cursor;
	struct quota_copy qc[2] = {
		{ .kernel = &cursor, .size = sizeof(cursor) },
	};
	int atend;

	/* The cursor is the first member of all of these. */
	qc[0].in_user = qc[0].out_user = u->u.cursoropen.qc_cursor;
	k.u.cursoropen.qc_cursor = &cursor;
	switch (u->qc_op) {
	case QUOTACTL_CURSOROPEN:
		qc[0].in_user = NULL;
		break;
	case QUOTACTL_CURSORCLOSE:
		qc[0].out_user = NULL;
		break;
	case QUOTACTL_CURSORATEND:
		qc[1].kernel = &atend;
		qc[1].size = sizeof(atend);
		qc[1].out_user = u->u.cursoratend.qc_ret;
		k.u.cursoratend.qc_ret = &atend;
		return quota_run(mp, &k, qc, 2);
	default:
		break;
	}
	return quota_run(mp, &k, qc, 1);
}

static int
quota_cursorget(struct mount *mp, const struct quotactl_args *u)
{
	struct quotactl_args k = *u;
	u_int max = u->u.cursorget.qc_maxnum, n = 0;
	struct quotakcursor cursor;
	struct quotakey *keys;
	struct quotaval *vals;
	int error;

	if (max > 256)
		max = 256;
	if (max == 0)
		return EINVAL;
	error = copyin(u->u.cursorget.qc_cursor, &cursor, sizeof(cursor));
	if (error != 0)
		return error;
	keys = kmem_zalloc(max * sizeof(*keys), KM_SLEEP);
	vals = kmem_zalloc(max * sizeof(*vals), KM_SLEEP);
	k.u.cursorget.qc_cursor = &cursor;
	k.u.cursorget.qc_keys = keys;
	k.u.cursorget.qc_vals = vals;
	k.u.cursorget.qc_maxnum = max;
	k.u.cursorget.qc_ret = &n;
	error = VFS_QUOTACTL(mp, &k);
	if (error == 0)
		error = copyout(keys, u->u.cursorget.qc_keys,
		    n * sizeof(*keys));
	if (error == 0)
		error = copyout(vals, u->u.cursorget.qc_vals,
		    n * sizeof(*vals));
	if (error == 0)
		error = copyout(&n, u->u.cursorget.qc_ret, sizeof(n));
	if (error == 0)
		error = copyout(&cursor, u->u.cursorget.qc_cursor,
		    sizeof(cursor));
	kmem_free(keys, max * sizeof(*keys));
	kmem_free(vals, max * sizeof(*vals));
	return error;
}

static int
quota_on(struct mount *mp, const struct quotactl_args *u)
{
	struct quotactl_args k = *u;
	char *path = PNBUF_GET();
	int error;

	error = copyinstr(u->u.quotaon.qc_quotafile, path, MAXPATHLEN, NULL);
	k.u.quotaon.qc_quotafile = path;
	if (error == 0)
		error = VFS_QUOTACTL(mp, &k);
	PNBUF_PUT(path);
	return error;
}

static int
quota_dispatch(struct mount *mp, const struct quotactl_args *u)
{
	struct quotactl_args k = *u;

	switch (u->qc_op) {
	case QUOTACTL_STAT:
	case QUOTACTL_IDTYPESTAT:
	case QUOTACTL_OBJTYPESTAT:
		return quota_info(mp, u);
	case QUOTACTL_GET:
	case QUOTACTL_PUT:
	case QUOTACTL_DEL:
		return quota_entry(mp, u);
	case QUOTACTL_CURSORGET:
		return quota_cursorget(mp, u);
	case QUOTACTL_CURSOROPEN:
	case QUOTACTL_CURSORCLOSE:
	case QUOTACTL_CURSORSKIPIDTYPE:
	case QUOTACTL_CURSORATEND:
	case QUOTACTL_CURSORREWIND:
		return quota_cursor(mp, u);
	case QUOTACTL_QUOTAON:
		return quota_on(mp, u);
	case QUOTACTL_QUOTAOFF:
		return VFS_QUOTACTL(mp, &k);
	default:
		return EINVAL;
	}
}

int
do_sys_quotactl(const char *path, const struct quotactl_args *args)
{
	struct vnode *vp;
	struct mount *mp;
	int error;

	error = at_lookup(AT_FDCWD, path, FOLLOW, &vp);
	if (error != 0)
		return error;
	mp = vp->v_mount;
	error = quota_dispatch(mp, args);
	vrele(vp);
	return error;
}

/* Files by handle: for those who may see everything anyway. */

struct fh_buf {
	size_t size;
	union {
		fhandle_t fh;
		char space[FHANDLE_SIZE_MAX];
	} u;
};

static int
fh_authorize(struct lwp *l)
{
	return kauth_authorize_system(l->l_cred, KAUTH_SYSTEM_FILEHANDLE, 0,
	    NULL, NULL, NULL);
}

static int
fh_copyin(const void *user, size_t size, struct fh_buf *fb)
{
	int error;

	if (size < FHANDLE_SIZE_MIN || size > FHANDLE_SIZE_MAX)
		return EINVAL;
	memset(fb, 0, sizeof(*fb));
	fb->size = size;
	error = copyin(user, &fb->u, size);
	if (error == 0 && (fb->u.fh.fh_fid.fid_len < sizeof(struct fid) ||
	    FHANDLE_SIZE(&fb->u.fh) > size))
		error = EINVAL;
	return error;
}

static int
fh_vnode(struct lwp *l, const void *user, size_t size, int lktype,
    struct vnode **vpp)
{
	struct fh_buf *fb;
	struct mount *mp;
	int error;

	error = fh_authorize(l);
	if (error != 0)
		return error;
	fb = kmem_alloc(sizeof(*fb), KM_SLEEP);
	error = fh_copyin(user, size, fb);
	if (error == 0) {
		mp = vfs_getvfs(&fb->u.fh.fh_fsid);
		if (mp == NULL)
			error = ESTALE;
		else if ((error = vfs_busy(mp)) == 0) {
			error = VFS_FHTOVP(mp, &fb->u.fh.fh_fid, lktype,
			    vpp);
			vfs_unbusy(mp);
		}
	}
	kmem_free(fb, sizeof(*fb));
	return error;
}

int
sys___getfh30(struct lwp *l, const struct sys___getfh30_args *uap,
    register_t *retval __unused)
{
	size_t room, fidsize, size;
	struct fh_buf *fb;
	struct vnode *vp;
	int error;

	error = fh_authorize(l);
	if (error == 0)
		error = copyin(SCARG(uap, fh_size), &room, sizeof(room));
	if (error == 0)
		error = at_lookup(AT_FDCWD, SCARG(uap, fname),
		    FOLLOW | LOCKLEAF, &vp);
	if (error != 0)
		return error;
	fb = kmem_zalloc(sizeof(*fb), KM_SLEEP);
	fidsize = FHANDLE_SIZE_MAX - offsetof(fhandle_t, fh_fid);
	fb->u.fh.fh_fsid = vp->v_mount->mnt_stat.f_fsidx;
	error = VFS_VPTOFH(vp, &fb->u.fh.fh_fid, &fidsize);
	vput(vp);
	if (error == 0) {
		size = MAX(FHANDLE_SIZE(&fb->u.fh), FHANDLE_SIZE_MIN);
		error = copyout(&size, SCARG(uap, fh_size), sizeof(size));
		if (error == 0)
			error = room < size ? E2BIG :
			    copyout(&fb->u, SCARG(uap, fhp), size);
	}
	kmem_free(fb, sizeof(*fb));
	return error;
}

static int
fh_open_vnode(struct lwp *l, struct vnode *vp, int flags)
{
	struct vattr va;
	int error;

	if (vp->v_type == VLNK || vp->v_type == VSOCK)
		return EOPNOTSUPP;
	error = vn_openchk(vp, l->l_cred, flags);
	if (error == 0 && (flags & O_TRUNC)) {
		vattr_null(&va);
		va.va_size = 0;
		error = VOP_SETATTR(vp, &va, l->l_cred);
	}
	if (error == 0)
		error = VOP_OPEN(vp, flags, l->l_cred);
	if (error == 0 && (flags & FWRITE))
		vp->v_writecount++;
	return error;
}

int
sys___fhopen40(struct lwp *l, const struct sys___fhopen40_args *uap,
    register_t *retval)
{
	int flags = FFLAGS(SCARG(uap, flags)), error, fd;
	struct vnode *vp;
	file_t *fp;

	if ((flags & (FREAD | FWRITE)) == 0 || (flags & O_CREAT))
		return EINVAL;
	error = fh_authorize(l);
	if (error == 0)
		error = fd_allocfile(&fp, &fd);
	if (error != 0)
		return error;
	error = fh_vnode(l, SCARG(uap, fhp), SCARG(uap, fh_size),
	    LK_EXCLUSIVE, &vp);
	if (error == 0) {
		error = fh_open_vnode(l, vp, flags);
		if (error != 0)
			vput(vp);
	}
	if (error != 0) {
		fd_abort(l->l_proc, fp, (u_int)fd);
		return error;
	}
	VOP_UNLOCK(vp);
	fp->f_flag = flags & FMASK;
	fp->f_type = DTYPE_VNODE;
	fp->f_ops = &vnops;
	fp->f_vnode = vp;
	fd_affix(l->l_proc, fp, (u_int)fd);
	*retval = fd;
	return 0;
}

int
sys___fhstat50(struct lwp *l, const struct sys___fhstat50_args *uap,
    register_t *retval __unused)
{
	struct vnode *vp;
	struct stat sb;
	int error;

	error = fh_vnode(l, SCARG(uap, fhp), SCARG(uap, fh_size),
	    LK_EXCLUSIVE, &vp);
	if (error != 0)
		return error;
	error = vn_stat(vp, &sb);
	vput(vp);
	return error != 0 ? error : copyout(&sb, SCARG(uap, sb), sizeof(sb));
}

int
sys___fhstatvfs190(struct lwp *l, const struct sys___fhstatvfs190_args *uap,
    register_t *retval __unused)
{
	struct vnode *vp;
	int error;

	error = fh_vnode(l, SCARG(uap, fhp), SCARG(uap, fh_size),
	    LK_EXCLUSIVE, &vp);
	if (error != 0)
		return error;
	error = statvfs_out(vp->v_mount, SCARG(uap, buf), SCARG(uap, flags),
	    1);
	vput(vp);
	return error;
}

int
sys_revoke(struct lwp *l, const struct sys_revoke_args *uap,
    register_t *retval __unused)
{
	struct vattr va;
	struct vnode *vp;
	int error;

	error = at_lookup(AT_FDCWD, SCARG(uap, path), FOLLOW | LOCKLEAF, &vp);
	if (error != 0)
		return error;
	error = VOP_GETATTR(vp, &va, l->l_cred);
	VOP_UNLOCK(vp);
	/* Files and directories have other ways to be taken away. */
	if (error == 0 && vp->v_type != VCHR && vp->v_type != VBLK)
		error = EINVAL;
	if (error == 0 && kauth_cred_geteuid(l->l_cred) != va.va_uid)
		error = kauth_authorize_vnode(l->l_cred, KAUTH_VNODE_REVOKE,
		    vp, NULL, EPERM);
	if (error == 0)
		(void)VOP_REVOKE(vp, REVOKEALL);
	vrele(vp);
	return error;
}
