/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vnode operations for the tables of file systems that have nothing special
 * to do, or that can't do something at all.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/event.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/fstrans.h>
#include <sys/mount.h>
#include <sys/poll.h>
#include <sys/statvfs.h>
#include <sys/unistd.h>
#include <sys/vnode.h>
#include <miscfs/genfs/genfs.h>

/* Fine. */
int
genfs_nullop(void *v)
{

	(void)v;
	return 0;
}

/* Must not be called. */
int
genfs_badop(void *v)
{
	struct vop_generic_args *ap = v;

	panic("vnode operation %s is not for this vnode",
	    ap->a_desc->vdesc_name);
}

int
genfs_einval(void *v)
{

	(void)v;
	return EINVAL;
}

int
genfs_ebadf(void *v)
{

	(void)v;
	return EBADF;
}

int
genfs_enoioctl(void *v)
{

	(void)v;
	return EPASSTHROUGH;
}

/*
 * "Not supported" for any operation: references and locks that it would have
 * released are released all the same.
 */
int
genfs_eopnotsupp(void *v)
{
	struct vop_generic_args *ap = v;
	const struct vnodeop_desc *desc = ap->a_desc;
	struct vnode *vp;
	int flags, i, offset;

	flags = desc->vdesc_flags;
	for (i = 0; i < VDESC_MAX_VPS; i++, flags >>= 1) {
		offset = desc->vdesc_vp_offsets[i];
		if (offset == VDESC_NO_OFFSET)
			break;
		if ((flags & VDESC_VP0_WILLRELE) == 0)
			continue;
		vp = *VOPARG_OFFSETTO(struct vnode **, offset, ap);
		if (vp == NULL)
			continue;
		if ((flags & VDESC_VP0_WILLPUT) == VDESC_VP0_WILLPUT)
			vput(vp);
		else
			vrele(vp);
	}
	return EOPNOTSUPP;
}

int
genfs_abortop(void *v)
{

	(void)v;
	return 0;
}

/* Making a link or a symbolic link on a medium that can't be written. */

int
genfs_erofs_link(void *v)
{
	struct vop_link_v2_args *ap = v;

	VOP_ABORTOP(ap->a_dvp, ap->a_cnp);
	return EROFS;
}

/* A component ends at the next slash. */
int
genfs_parsepath(void *v)
{
	struct vop_parsepath_args *ap = v;
	const char *name = ap->a_name;
	size_t len;

	for (len = 0; name[len] != '\0' && name[len] != '/'; len++)
		continue;
	*ap->a_retval = len;
	return 0;
}

int
genfs_poll(void *v)
{
	struct vop_poll_args *ap = v;

	return ap->a_events & (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
}

int
genfs_seek(void *v)
{
	struct vop_seek_args *ap = v;

	return ap->a_newoff < 0 ? EINVAL : 0;
}

int
genfs_fcntl(void *v)
{
	struct vop_fcntl_args *ap = v;

	return ap->a_command == F_SETFL ? 0 : EOPNOTSUPP;
}

/* Mapping needs nothing but the pages. */
int
genfs_mmap(void *v)
{

	(void)v;
	return 0;
}

int
genfs_revoke(void *v)
{
	struct vop_revoke_args *ap = v;

	KASSERT((ap->a_flags & REVOKEALL) != 0);
	vrevoke(ap->a_vp);
	return 0;
}

int
genfs_pathconf(void *v)
{
	struct vop_pathconf_args *ap = v;

	switch (ap->a_name) {
	case _PC_PATH_MAX:
		*ap->a_retval = PATH_MAX;
		return 0;
	case _PC_ACL_EXTENDED:
	case _PC_ACL_NFS4:
		*ap->a_retval = 0;
		return 0;
	default:
		return EINVAL;
	}
}

/* kqueue. */

static void
genfs_kqdetach(struct knote *kn)
{

	vn_knote_detach(kn->kn_hook, kn);
}

/* Is this call from knote() with v_interlock held, or from a scan? */
static inline bool
genfs_kqlock(struct vnode *vp, long hint)
{

	if (hint != 0)
		return false;
	mutex_enter(vp->v_interlock);
	return true;
}

static int
genfs_kqgone(struct knote *kn)
{

	knote_set_eof(kn, EV_ONESHOT);
	return 1;
}

static int
genfs_kqread(struct knote *kn, long hint)
{
	struct vnode *vp = kn->kn_hook;
	bool locked;

	if (hint == NOTE_REVOKE)
		return genfs_kqgone(kn);
	locked = genfs_kqlock(vp, hint);
	kn->kn_data = vp->v_size - ((struct file *)kn->kn_obj)->f_offset;
	if (locked)
		mutex_exit(vp->v_interlock);
	return kn->kn_data != 0;
}

static int
genfs_kqwrite(struct knote *kn, long hint)
{

	if (hint == NOTE_REVOKE)
		return genfs_kqgone(kn);
	kn->kn_data = 0;
	return 1;
}

static int
genfs_kqvnode(struct knote *kn, long hint)
{
	struct vnode *vp = kn->kn_hook;
	bool locked;
	int fflags;

	if (hint == NOTE_REVOKE) {
		kn->kn_fflags |= kn->kn_sfflags & NOTE_REVOKE;
		return genfs_kqgone(kn);
	}
	locked = genfs_kqlock(vp, hint);
	kn->kn_fflags |= kn->kn_sfflags & (hint & ~NOTE_SUBMIT);
	fflags = kn->kn_fflags;
	if (locked)
		mutex_exit(vp->v_interlock);
	return fflags != 0;
}

static const struct filterops genfs_kqread_ops = {
	.f_flags = FILTEROP_ISFD | FILTEROP_MPSAFE,
	.f_detach = genfs_kqdetach,
	.f_event = genfs_kqread,
};
static const struct filterops genfs_kqwrite_ops = {
	.f_flags = FILTEROP_ISFD | FILTEROP_MPSAFE,
	.f_detach = genfs_kqdetach,
	.f_event = genfs_kqwrite,
};
static const struct filterops genfs_kqvnode_ops = {
	.f_flags = FILTEROP_ISFD | FILTEROP_MPSAFE,
	.f_detach = genfs_kqdetach,
	.f_event = genfs_kqvnode,
};

int
genfs_kqfilter(void *v)
{
	struct vop_kqfilter_args *ap = v;
	struct knote *kn = ap->a_kn;

	switch (kn->kn_filter) {
	case EVFILT_READ:
		kn->kn_fop = &genfs_kqread_ops;
		break;
	case EVFILT_WRITE:
		kn->kn_fop = &genfs_kqwrite_ops;
		break;
	case EVFILT_VNODE:
		kn->kn_fop = &genfs_kqvnode_ops;
		break;
	default:
		return EINVAL;
	}
	kn->kn_hook = ap->a_vp;
	vn_knote_attach(ap->a_vp, kn);
	return 0;
}

/* Operations of mounts. */

/* A file system that has no storage. */
int
genfs_statvfs(struct mount *mp, struct statvfs *sbp)
{

	sbp->f_bsize = DEV_BSIZE;
	sbp->f_frsize = DEV_BSIZE;
	sbp->f_iosize = DEV_BSIZE;
	sbp->f_blocks = 2;
	sbp->f_bfree = 0;
	sbp->f_bavail = 0;
	sbp->f_bresvd = 0;
	sbp->f_files = 0;
	sbp->f_ffree = 0;
	sbp->f_favail = 0;
	sbp->f_fresvd = 0;
	copy_statvfs_info(sbp, mp);
	return 0;
}

/* Suspension by fstrans(9) alone: nothing needs be flushed. */
int
genfs_suspendctl(struct mount *mp, int cmd)
{
	int error;

	switch (cmd) {
	case SUSPEND_SUSPEND:
		error = fstrans_setstate(mp, FSTRANS_SUSPENDING);
		if (error != 0)
			return error;
		return fstrans_setstate(mp, FSTRANS_SUSPENDED);
	case SUSPEND_RESUME:
		return fstrans_setstate(mp, FSTRANS_NORMAL);
	default:
		return EINVAL;
	}
}
