/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vnode door: one vnode operation for an exporter outside the kernel.
 *
 * kern_export() runs as an unbound context.  It takes on the credentials of
 * the caller, does the operation, gives the credentials back and sends the
 * answer.  The operations are one function each; see export_impl.h for where
 * they are and <rumpy/export.h> for what they take.
 */

#include <sys/param.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/proc.h>
#include <sys/systm.h>

#include <rumpy/doors.h>
#include <rumpy/hyp.h>

#include "export_impl.h"

/*
 * Credentials.
 */

static bool
export_cred_equal(const struct export_cred *a, const struct export_cred *b)
{

	return a->ec_uid == b->ec_uid && a->ec_gid == b->ec_gid &&
	    a->ec_ngroups == b->ec_ngroups && memcmp(a->ec_groups,
	    b->ec_groups, a->ec_ngroups * sizeof(a->ec_groups[0])) == 0;
}

static kauth_cred_t
export_cred_make(const struct export_cred *ec)
{
	kauth_cred_t cred = kauth_cred_alloc();
	gid_t groups[NGROUPS_MAX];
	const size_t n = MIN(ec->ec_ngroups, (size_t)NGROUPS_MAX);

	for (size_t i = 0; i < n; i++)
		groups[i] = ec->ec_groups[i];
	kauth_cred_setuid(cred, ec->ec_uid);
	kauth_cred_seteuid(cred, ec->ec_uid);
	kauth_cred_setsvuid(cred, ec->ec_uid);
	kauth_cred_setgid(cred, ec->ec_gid);
	kauth_cred_setegid(cred, ec->ec_gid);
	kauth_cred_setsvgid(cred, ec->ec_gid);
	(void)kauth_cred_setgroups(cred, groups, n, (uid_t)-1, UIO_SYSSPACE);
	return cred;
}

/*
 * The caller's credentials, held.  Who acts under a mapping, and Linux itself
 * writing back pages (no uid), act as root.
 */
static kauth_cred_t
export_cred_get(struct export_mount *xm, struct export_cred *ec)
{
	struct export_user *xu;

	if (export_mapped(xm) || ec->ec_uid == EXPORT_NOID) {
		kauth_cred_hold(lwp0.l_cred);
		return lwp0.l_cred;
	}
	ec->ec_ngroups = MIN(ec->ec_ngroups, EXPORT_NGROUPS);
	for (xu = xm->xm_users; xu < xm->xm_users + XM_NCREDS; xu++) {
		if (xu->xu_cred != NULL &&
		    export_cred_equal(&xu->xu_key, ec)) {
			kauth_cred_hold(xu->xu_cred);
			return xu->xu_cred;
		}
	}
	kauth_cred_t cred = export_cred_make(ec);
	xu = &xm->xm_users[xm->xm_nextuser++ % XM_NCREDS];
	kauth_cred_t old = xu->xu_cred;
	xu->xu_key = *ec;
	xu->xu_cred = cred;
	kauth_cred_hold(cred);
	if (old != NULL)
		kauth_cred_free(old);
	return cred;
}

/*
 * Requests about requests.
 */

static bool
export_wake(struct export_link *xl)
{
	struct door_interrupt di = { .arg = xl->xl_req };

	return kern_interrupt(&di) == 0 && di.found;
}

/* Linux gave up on a request, which may have ended meanwhile. */
static int
export_interrupt(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	struct export_link *xl;

	(void)cred;
	TAILQ_FOREACH(xl, &xm->xm_requests, xl_list) {
		if (xl->xl_req != x && xl->xl_req->er_unique == x->er_node2) {
			(void)export_wake(xl);
			break;
		}
	}
	return 0;
}

/* The mount is gone: end whatever sleeps, close what nobody will close. */
static int
export_shutdown(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	struct export_link *xl;

	(void)cred;
	TAILQ_FOREACH(xl, &xm->xm_requests, xl_list) {
		if (xl->xl_req != x)
			(void)export_wake(xl);
	}
	export_close_all(xm);
	return 0;
}

/*
 * Dispatch.
 */

static const struct export_row {
	export_fn	*xr_fn;
	bool		xr_changes;	/* EROFS on a read-only export */
} export_rows[EXPORT_NOPS] = {
	[EXPORT_LOOKUP] = { export_lookup, false },
	[EXPORT_FORGET] = { export_forget, false },
	[EXPORT_GETATTR] = { export_getattr, false },
	[EXPORT_SETATTR] = { export_setattr, true },
	[EXPORT_READLINK] = { export_readlink, false },
	[EXPORT_SYMLINK] = { export_symlink, true },
	[EXPORT_MKNOD] = { export_mknod, true },
	[EXPORT_MKDIR] = { export_mkdir, true },
	[EXPORT_UNLINK] = { export_unlink, true },
	[EXPORT_RMDIR] = { export_rmdir, true },
	[EXPORT_RENAME] = { export_rename, true },
	[EXPORT_LINK] = { export_hardlink, true },
	[EXPORT_OPEN] = { export_open, false },
	[EXPORT_CREATE] = { export_create, true },
	[EXPORT_TMPFILE] = { export_tmpfile, true },
	[EXPORT_READ] = { export_read, false },
	[EXPORT_WRITE] = { export_write, true },
	[EXPORT_FLUSH] = { export_flush, false },
	[EXPORT_RELEASE] = { export_release, false },
	[EXPORT_FSYNC] = { export_fsync, false },
	[EXPORT_SYNCFS] = { export_syncfs, false },
	[EXPORT_STATFS] = { export_statfs, false },
	[EXPORT_OPENDIR] = { export_opendir, false },
	[EXPORT_READDIR] = { export_readdir, false },
	[EXPORT_READDIRPLUS] = { export_readdir, false },
	[EXPORT_RELEASEDIR] = { export_release, false },
	[EXPORT_GETLK] = { export_getlk, false },
	[EXPORT_SETLK] = { export_setlk, false },
	[EXPORT_LSEEK] = { export_lseek, false },
	[EXPORT_FALLOCATE] = { export_fallocate, true },
	[EXPORT_GETXATTR] = { export_getxattr, false },
	[EXPORT_SETXATTR] = { export_setxattr, true },
	[EXPORT_LISTXATTR] = { export_listxattr, false },
	[EXPORT_REMOVEXATTR] = { export_removexattr, true },
	[EXPORT_GETFLAGS] = { export_getflags, false },
	[EXPORT_SETFLAGS] = { export_setflags, true },
	[EXPORT_INTERRUPT] = { export_interrupt, false },
	[EXPORT_SHUTDOWN] = { export_shutdown, false },
};

static int
export_dispatch(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	const struct export_row *xr;

	if (x->er_op >= EXPORT_NOPS)
		return ENOSYS;
	xr = &export_rows[x->er_op];
	if (xr->xr_fn == NULL)
		return ENOSYS;
	if (xr->xr_changes && (xm->xm_flags & EXPORT_RDONLY) != 0)
		return EROFS;
	return xr->xr_fn(xm, x, cred);
}

int
kern_export(struct export_req *x)
{
	struct export_mount *xm = (void *)(uintptr_t)x->er_export;
	struct lwp *l = curlwp;
	struct export_link xl;
	kauth_cred_t old = l->l_cred;

	x->er_niov = 0;
	x->er_done = 0;
	x->er_kern[0] = &xl;
	xl.xl_req = x;
	xl.xl_cred = export_cred_get(xm, &x->er_cred);
	TAILQ_INSERT_TAIL(&xm->xm_requests, &xl, xl_list);
	xm->xm_active++;
	l->l_cred = xl.xl_cred;
	x->er_error = export_dispatch(xm, x, xl.xl_cred);
	l->l_cred = old;
	xm->xm_active--;
	TAILQ_REMOVE(&xm->xm_requests, &xl, xl_list);
	kauth_cred_free(xl.xl_cred);
	hyp_export_reply(x);
	return 0;
}

/*
 * Attach and detach.
 */

static struct export_mount *
export_mount_new(struct vnode *root, const struct door_export *de)
{
	struct export_mount *xm = kmem_zalloc(sizeof(*xm), KM_SLEEP);

	xm->xm_mp = root->v_mount;
	xm->xm_root = root;
	xm->xm_flags = de->flags;
	if ((xm->xm_mp->mnt_flag & MNT_RDONLY) != 0)
		xm->xm_flags |= EXPORT_RDONLY;
	xm->xm_uid = de->map_uid;
	xm->xm_gid = de->map_gid;
	xm->xm_entry_valid = de->entry_valid;
	xm->xm_attr_valid = de->attr_valid;
	xm->xm_fidlen = export_fid_length(root);
	LIST_INIT(&xm->xm_handles);
	TAILQ_INIT(&xm->xm_requests);
	for (u_int i = 0; i < XM_HASH; i++) {
		LIST_INIT(&xm->xm_byid[i]);
		LIST_INIT(&xm->xm_byfid[i]);
	}
	return xm;
}

/*
 * Make the file system mounted at de->path reachable by node ids.  Its root
 * stays referenced, so that it cannot be unmounted before the detach.
 */
int
kern_export_attach(struct door_export *de)
{
	struct vnode *vp;
	int error;

	error = namei_simple_kernel(de->path, NSM_FOLLOW_NOEMULROOT, &vp);
	if (error != 0)
		return error;
	if ((vp->v_vflag & VV_ROOT) == 0) {
		vrele(vp);
		return EINVAL;
	}
	struct export_mount *xm = export_mount_new(vp, de);
	de->flags = xm->xm_flags;
	de->xattr = export_has_xattr(vp);
	de->acl = (vp->v_mount->mnt_flag & MNT_POSIX1EACLS) != 0;
	de->trivial_open = (xm->xm_flags & EXPORT_RDONLY) != 0;
	de->handle = (uintptr_t)xm;
	return 0;
}

/* After EXPORT_SHUTDOWN; EBUSY while a request is still inside. */
int
kern_export_detach(struct door_export *de)
{
	struct export_mount *xm = (void *)(uintptr_t)de->handle;

	if (xm->xm_active != 0)
		return EBUSY;
	export_close_all(xm);
	for (u_int i = 0; i < XM_NCREDS; i++) {
		if (xm->xm_users[i].xu_cred != NULL)
			kauth_cred_free(xm->xm_users[i].xu_cred);
	}
	vrele(xm->xm_root);
	kmem_free(xm, sizeof(*xm));
	de->handle = 0;
	return 0;
}
