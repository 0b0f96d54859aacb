/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls that change attributes: mode, owner, flags, times, size. */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/kauth.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/proc.h>
#include <sys/stat.h>
#include <sys/syscallargs.h>
#include <sys/time.h>
#include <sys/vnode.h>

#include "vnode_impl.h"
#include "vn_file.h"

/* A change, worked out from a vnode's present attributes where it must. */
typedef int (*attr_change)(struct vnode *, struct vattr *, const void *,
    struct lwp *);

static int
attr_apply(struct vnode *vp, attr_change change, const void *arg)
{
	struct lwp *l = curlwp;
	struct vattr va;
	int error;

	error = vn_lock(vp, LK_EXCLUSIVE);
	if (error != 0)
		return error;
	vattr_null(&va);
	error = (*change)(vp, &va, arg, l);
	if (error == 0)
		error = VOP_SETATTR(vp, &va, l->l_cred);
	VOP_UNLOCK(vp);
	return error;
}

static int
attr_path(int fd, const char *path, uint32_t nflags, attr_change change,
    const void *arg)
{
	struct vnode *vp;
	int error;

	error = at_lookup(fd, path, nflags, &vp);
	if (error != 0)
		return error;
	error = attr_apply(vp, change, arg);
	vrele(vp);
	return error;
}

static int
attr_fd(int fd, attr_change change, const void *arg)
{
	file_t *fp;
	int error;

	error = fd_getvnode((u_int)fd, &fp);
	if (error != 0)
		return error;
	error = attr_apply(fp->f_vnode, change, arg);
	fd_putfile((u_int)fd);
	return error;
}

/* Mode */

static int
change_mode(struct vnode *vp __unused, struct vattr *vap, const void *arg,
    struct lwp *l __unused)
{
	vap->va_mode = *(const mode_t *)arg & ALLPERMS;
	return 0;
}

int
sys_chmod(struct lwp *l __unused, const struct sys_chmod_args *uap,
    register_t *retval __unused)
{
	mode_t mode = SCARG(uap, mode);

	return attr_path(AT_FDCWD, SCARG(uap, path), FOLLOW, change_mode,
	    &mode);
}

int
sys_lchmod(struct lwp *l __unused, const struct sys_lchmod_args *uap,
    register_t *retval __unused)
{
	mode_t mode = SCARG(uap, mode);

	return attr_path(AT_FDCWD, SCARG(uap, path), NOFOLLOW, change_mode,
	    &mode);
}

int
sys_fchmod(struct lwp *l __unused, const struct sys_fchmod_args *uap,
    register_t *retval __unused)
{
	mode_t mode = SCARG(uap, mode);

	return attr_fd(SCARG(uap, fd), change_mode, &mode);
}

int
sys_fchmodat(struct lwp *l __unused, const struct sys_fchmodat_args *uap,
    register_t *retval __unused)
{
	mode_t mode = SCARG(uap, mode);
	uint32_t nflags;

	if (at_follow(SCARG(uap, flag), AT_SYMLINK_NOFOLLOW, &nflags) != 0)
		return EINVAL;
	return attr_path(SCARG(uap, fd), SCARG(uap, path), nflags,
	    change_mode, &mode);
}

/* Owner */

struct owner {
	uid_t uid;
	gid_t gid;
	bool posix;			/* set-ids go even for root */
};

/* A file that changes hands must not run with the rights of its owner. */
static int
change_owner(struct vnode *vp, struct vattr *vap, const void *arg,
    struct lwp *l)
{
	const struct owner *o = arg;
	struct vattr old;
	mode_t mode;
	int error;

	error = VOP_GETATTR(vp, &old, l->l_cred);
	if (error != 0)
		return error;
	mode = old.va_mode;
	vap->va_uid = o->uid == (uid_t)-1 ? old.va_uid : o->uid;
	vap->va_gid = o->gid == (gid_t)-1 ? old.va_gid : o->gid;
	if (o->posix) {
		/* Only for others than root, and not for directories. */
		if (kauth_authorize_generic(l->l_cred, KAUTH_GENERIC_ISSUSER,
		    NULL) != 0 && vp->v_type != VDIR &&
		    (vap->va_uid != old.va_uid || vap->va_gid != old.va_gid))
			mode &= ~(S_ISUID | S_ISGID);
	} else {
		if (vap->va_uid != old.va_uid)
			mode &= ~S_ISUID;
		if (vap->va_gid != old.va_gid && vp->v_type != VDIR)
			mode &= ~S_ISGID;
	}
	if (mode != old.va_mode)
		vap->va_mode = mode;
	if (vap->va_uid == old.va_uid && o->uid == (uid_t)-1)
		vap->va_uid = (uid_t)VNOVAL;
	if (vap->va_gid == old.va_gid && o->gid == (gid_t)-1)
		vap->va_gid = (gid_t)VNOVAL;
	return 0;
}

static int
do_chown(int fd, const char *path, uint32_t nflags, uid_t uid, gid_t gid,
    bool posix)
{
	struct owner o = { uid, gid, posix };

	return attr_path(fd, path, nflags, change_owner, &o);
}

static int
do_fchown(int fd, uid_t uid, gid_t gid, bool posix)
{
	struct owner o = { uid, gid, posix };

	return attr_fd(fd, change_owner, &o);
}

int
sys_chown(struct lwp *l __unused, const struct sys_chown_args *uap,
    register_t *retval __unused)
{
	return do_chown(AT_FDCWD, SCARG(uap, path), FOLLOW, SCARG(uap, uid),
	    SCARG(uap, gid), false);
}

int
sys___posix_chown(struct lwp *l __unused,
    const struct sys___posix_chown_args *uap, register_t *retval __unused)
{
	return do_chown(AT_FDCWD, SCARG(uap, path), FOLLOW, SCARG(uap, uid),
	    SCARG(uap, gid), true);
}

int
sys_lchown(struct lwp *l __unused, const struct sys_lchown_args *uap,
    register_t *retval __unused)
{
	return do_chown(AT_FDCWD, SCARG(uap, path), NOFOLLOW,
	    SCARG(uap, uid), SCARG(uap, gid), false);
}

int
sys___posix_lchown(struct lwp *l __unused,
    const struct sys___posix_lchown_args *uap, register_t *retval __unused)
{
	return do_chown(AT_FDCWD, SCARG(uap, path), NOFOLLOW,
	    SCARG(uap, uid), SCARG(uap, gid), true);
}

int
sys_fchown(struct lwp *l __unused, const struct sys_fchown_args *uap,
    register_t *retval __unused)
{
	return do_fchown(SCARG(uap, fd), SCARG(uap, uid), SCARG(uap, gid),
	    false);
}

int
sys___posix_fchown(struct lwp *l __unused,
    const struct sys___posix_fchown_args *uap, register_t *retval __unused)
{
	return do_fchown(SCARG(uap, fd), SCARG(uap, uid), SCARG(uap, gid),
	    true);
}

int
sys_fchownat(struct lwp *l __unused, const struct sys_fchownat_args *uap,
    register_t *retval __unused)
{
	uint32_t nflags;

	if (at_follow(SCARG(uap, flag), AT_SYMLINK_NOFOLLOW, &nflags) != 0)
		return EINVAL;
	return do_chown(SCARG(uap, fd), SCARG(uap, path), nflags,
	    SCARG(uap, owner), SCARG(uap, group), false);
}

/* Flags */

static int
change_flags(struct vnode *vp __unused, struct vattr *vap, const void *arg,
    struct lwp *l __unused)
{
	vap->va_flags = *(const u_long *)arg;
	return 0;
}

int
sys_chflags(struct lwp *l __unused, const struct sys_chflags_args *uap,
    register_t *retval __unused)
{
	u_long flags = SCARG(uap, flags);

	return attr_path(AT_FDCWD, SCARG(uap, path), FOLLOW, change_flags,
	    &flags);
}

int
sys_lchflags(struct lwp *l __unused, const struct sys_lchflags_args *uap,
    register_t *retval __unused)
{
	u_long flags = SCARG(uap, flags);

	return attr_path(AT_FDCWD, SCARG(uap, path), NOFOLLOW, change_flags,
	    &flags);
}

int
sys_fchflags(struct lwp *l __unused, const struct sys_fchflags_args *uap,
    register_t *retval __unused)
{
	u_long flags = SCARG(uap, flags);

	return attr_fd(SCARG(uap, fd), change_flags, &flags);
}

/* Times */

struct times {
	struct timespec ts[2];
	bool now;			/* NULL was given: both to now */
};

static int
change_times(struct vnode *vp, struct vattr *vap, const void *arg,
    struct lwp *l)
{
	const struct times *t = arg;
	struct timespec now;
	struct vattr old;
	int error;

	vfs_timestamp(&now);
	vap->va_atime = t->ts[0].tv_nsec == UTIME_NOW ? now : t->ts[0];
	vap->va_mtime = t->ts[1].tv_nsec == UTIME_NOW ? now : t->ts[1];
	if (t->ts[0].tv_nsec == UTIME_OMIT)
		vap->va_atime.tv_sec = vap->va_atime.tv_nsec = VNOVAL;
	if (t->ts[1].tv_nsec == UTIME_OMIT)
		vap->va_mtime.tv_sec = vap->va_mtime.tv_nsec = VNOVAL;
	if (t->now)
		vap->va_vaflags |= VA_UTIMES_NULL;
	if (t->ts[1].tv_nsec == UTIME_OMIT)
		return 0;
	/* A file cannot have been modified before it was born. */
	error = VOP_GETATTR(vp, &old, l->l_cred);
	if (error == 0 && timespeccmp(&vap->va_mtime, &old.va_birthtime, <))
		vap->va_birthtime = vap->va_mtime;
	return error;
}

static bool
valid_nsec(long nsec)
{
	return (nsec >= 0 && nsec < 1000000000) || nsec == UTIME_NOW ||
	    nsec == UTIME_OMIT;
}

static int
times_from_specs(const struct timespec *user, struct times *t)
{
	int error;

	t->now = user == NULL;
	if (user == NULL) {
		t->ts[0].tv_nsec = t->ts[1].tv_nsec = UTIME_NOW;
		return 0;
	}
	error = copyin(user, t->ts, sizeof(t->ts));
	if (error == 0 && (!valid_nsec(t->ts[0].tv_nsec) ||
	    !valid_nsec(t->ts[1].tv_nsec)))
		error = EINVAL;
	if (error == 0 && t->ts[0].tv_nsec == UTIME_NOW &&
	    t->ts[1].tv_nsec == UTIME_NOW)
		t->now = true;
	return error;
}

static int
times_from_vals(const struct timeval *user, struct times *t)
{
	struct timeval tv[2];
	int error;

	if (user == NULL)
		return times_from_specs(NULL, t);
	error = copyin(user, tv, sizeof(tv));
	if (error != 0)
		return error;
	t->now = false;
	for (int i = 0; i < 2; i++) {
		if (tv[i].tv_usec < 0 || tv[i].tv_usec >= 1000000)
			return EINVAL;
		TIMEVAL_TO_TIMESPEC(&tv[i], &t->ts[i]);
	}
	return 0;
}

int
sys___utimes50(struct lwp *l __unused, const struct sys___utimes50_args *uap,
    register_t *retval __unused)
{
	struct times t;
	int error = times_from_vals(SCARG(uap, tptr), &t);

	return error != 0 ? error : attr_path(AT_FDCWD, SCARG(uap, path),
	    FOLLOW, change_times, &t);
}

int
sys___lutimes50(struct lwp *l __unused,
    const struct sys___lutimes50_args *uap, register_t *retval __unused)
{
	struct times t;
	int error = times_from_vals(SCARG(uap, tptr), &t);

	return error != 0 ? error : attr_path(AT_FDCWD, SCARG(uap, path),
	    NOFOLLOW, change_times, &t);
}

int
sys___futimes50(struct lwp *l __unused,
    const struct sys___futimes50_args *uap, register_t *retval __unused)
{
	struct times t;
	int error = times_from_vals(SCARG(uap, tptr), &t);

	return error != 0 ? error : attr_fd(SCARG(uap, fd), change_times, &t);
}

int
sys_utimensat(struct lwp *l __unused, const struct sys_utimensat_args *uap,
    register_t *retval __unused)
{
	struct times t;
	uint32_t nflags;
	int error;

	if (at_follow(SCARG(uap, flag), AT_SYMLINK_NOFOLLOW, &nflags) != 0)
		return EINVAL;
	error = times_from_specs(SCARG(uap, tptr), &t);
	return error != 0 ? error : attr_path(SCARG(uap, fd),
	    SCARG(uap, path), nflags, change_times, &t);
}

int
sys_futimens(struct lwp *l __unused, const struct sys_futimens_args *uap,
    register_t *retval __unused)
{
	struct times t;
	int error = times_from_specs(SCARG(uap, tptr), &t);

	return error != 0 ? error : attr_fd(SCARG(uap, fd), change_times, &t);
}

/* Size by path; ftruncate(2) has its own rules. */

static int
change_size(struct vnode *vp, struct vattr *vap, const void *arg,
    struct lwp *l)
{
	int error;

	if (vp->v_type == VDIR)
		return EISDIR;
	error = vn_writechk(vp);
	if (error == 0)
		error = VOP_ACCESS(vp, VWRITE, l->l_cred);
	vap->va_size = (u_quad_t)*(const off_t *)arg;
	return error;
}

int
sys_truncate(struct lwp *l __unused, const struct sys_truncate_args *uap,
    register_t *retval __unused)
{
	off_t length = SCARG(uap, length);

	if (length < 0)
		return EINVAL;
	return attr_path(AT_FDCWD, SCARG(uap, path), FOLLOW, change_size,
	    &length);
}
