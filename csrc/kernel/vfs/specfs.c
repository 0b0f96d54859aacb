/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device vnodes, whichever file system their name is in.
 *
 * A specdev stands for the device, a specnode for one vnode of it.  A block
 * device is open through one vnode at a time, since its buffers hang there;
 * a character device through any number.  Drivers are called with the vnode
 * unlocked: they may sleep for as long as they like.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/buf.h>
#include <sys/conf.h>
#include <sys/disk.h>
#include <sys/file.h>
#include <sys/fstrans.h>
#include <sys/ioctl.h>
#include <sys/kmem.h>
#include <sys/lockf.h>
#include <sys/mount.h>
#include <sys/poll.h>
#include <sys/proc.h>
#include <sys/stat.h>
#include <sys/unistd.h>
#include <sys/vnode.h>
#include <miscfs/genfs/genfs.h>
#include <miscfs/specfs/specdev.h>

#include "fstrans_impl.h"
#include "vnode_impl.h"

static struct vnode *specfs_hash[SPECHSZ];
static kmutex_t spec_lock;		/* only for spec_cv */
static kcondvar_t spec_cv;		/* an operation has left a driver */

void
spec_init(void)
{
	mutex_init(&spec_lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&spec_cv, "specio");
}

static struct vnode **
spec_chain(dev_t dev)
{
	return &specfs_hash[(major(dev) * 31 + minor(dev)) % SPECHSZ];
}

static specdev_t *
spec_find_dev(enum vtype type, dev_t dev)
{
	struct vnode *vp;

	for (vp = *spec_chain(dev); vp != NULL; vp = vp->v_specnode->sn_next)
		if (vp->v_type == type && vp->v_rdev == dev)
			return vp->v_specnode->sn_dev;
	return NULL;
}

/* Make a vnode one of a device; v_type says of which kind. */
void
spec_node_init(struct vnode *vp, dev_t rdev)
{
	struct vnode **chain = spec_chain(rdev);
	specnode_t *sn;
	specdev_t *sd;

	KASSERT(vp->v_type == VBLK || vp->v_type == VCHR);
	sn = kmem_zalloc(sizeof(*sn), KM_SLEEP);
	sd = spec_find_dev(vp->v_type, rdev);
	if (sd == NULL) {
		sd = kmem_zalloc(sizeof(*sd), KM_SLEEP);
		sd->sd_rdev = rdev;
	}
	sd->sd_refcnt++;
	sn->sn_dev = sd;
	sn->sn_rdev = rdev;
	vp->v_specnode = sn;
	sn->sn_next = *chain;
	*chain = vp;
}

void
spec_node_destroy(struct vnode *vp)
{
	specnode_t *sn = vp->v_specnode;
	struct vnode **pp;

	if (sn == NULL)
		return;
	KASSERT(sn->sn_opencnt == 0);
	for (pp = spec_chain(sn->sn_rdev); *pp != vp;
	    pp = &(*pp)->v_specnode->sn_next)
		KASSERT(*pp != NULL);
	*pp = sn->sn_next;
	vp->v_specnode = NULL;
	if (--sn->sn_dev->sd_refcnt == 0)
		kmem_free(sn->sn_dev, sizeof(*sn->sn_dev));
	kmem_free(sn, sizeof(*sn));
}

/*
 * A vnode of a device, referenced.  With VDEAD_NOWAIT those that are being
 * reclaimed are skipped, else waited for.
 */
int
spec_node_lookup_by_dev(enum vtype type, dev_t dev, int flags,
    struct vnode **vpp)
{
	struct vnode *vp;

again:
	for (vp = *spec_chain(dev); vp != NULL;
	    vp = vp->v_specnode->sn_next) {
		if (vp->v_type != type || vp->v_rdev != dev)
			continue;
		if (vcache_tryvget(vp) == 0) {
			*vpp = vp;
			return 0;
		}
		if (vnode_state(vp) == VS_RECLAIMING &&
		    (flags & VDEAD_NOWAIT) == 0) {
			vcache_wait();
			goto again;
		}
	}
	return ENOENT;
}

/* The vnode that a file system is mounted from. */
int
spec_node_lookup_by_mount(struct mount *mp, struct vnode **vpp)
{
	struct vnode *vp;

	for (int i = 0; i < SPECHSZ; i++) {
		for (vp = specfs_hash[i]; vp != NULL;
		    vp = vp->v_specnode->sn_next) {
			specdev_t *sd = vp->v_specnode->sn_dev;

			if (vp->v_type == VBLK && sd->sd_bdevvp == vp &&
			    sd->sd_mountpoint == mp &&
			    vcache_tryvget(vp) == 0) {
				*vpp = vp;
				return 0;
			}
		}
	}
	return ENOENT;
}

struct mount *
spec_node_getmountedfs(struct vnode *vp)
{
	KASSERT(vp->v_type == VBLK);
	return vp->v_specnode->sn_dev->sd_mountpoint;
}

void
spec_node_setmountedfs(struct vnode *vp, struct mount *mp)
{
	specdev_t *sd;

	KASSERT(vp->v_type == VBLK);
	if (vp->v_specnode == NULL)
		return;
	sd = vp->v_specnode->sn_dev;
	KASSERT(sd->sd_mountpoint == NULL || mp == NULL);
	sd->sd_mountpoint = mp;
}

/* The vnode, which is locked, is being revoked: close it for its users. */
void
spec_node_revoke(struct vnode *vp)
{
	specnode_t *sn = vp->v_specnode;

	sn->sn_gone = true;
	while (sn->sn_opencnt > 0)
		(void)VOP_CLOSE(vp, FNONBLOCK, NOCRED);
}

/*
 * Operations inside a driver are counted, so that a close from elsewhere can
 * throw them out (d_cancel) and wait until they have left.
 */
static int
spec_enter(struct vnode *vp, dev_t *devp, specdev_t **sdp)
{
	specnode_t *sn = vp->v_specnode;

	if (sn == NULL || sn->sn_gone || vnode_state(vp) == VS_RECLAIMED)
		return ENXIO;
	*devp = sn->sn_rdev;
	*sdp = sn->sn_dev;
	sn->sn_dev->sd_refcnt++;
	sn->sn_dev->sd_iocnt++;
	return 0;
}

static void
spec_leave(specdev_t *sd)
{
	if (--sd->sd_iocnt == 0 && sd->sd_closing)
		cv_broadcast(&spec_cv);
	if (--sd->sd_refcnt == 0)
		kmem_free(sd, sizeof(*sd));
}

static void
spec_drain(specdev_t *sd)
{
	mutex_enter(&spec_lock);
	sd->sd_closing = true;
	while (sd->sd_iocnt > 0)
		cv_wait(&spec_cv, &spec_lock);
	sd->sd_closing = false;
	mutex_exit(&spec_lock);
}

int
spec_lookup(void *v)
{
	struct vop_lookup_v2_args *ap = v;

	*ap->a_vpp = NULL;
	return ENOTDIR;
}

/* open and close */

static int
spec_open_count(struct vnode *vp)
{
	specnode_t *sn = vp->v_specnode;
	specdev_t *sd = sn->sn_dev;

	if (vp->v_type == VBLK) {
		if (sd->sd_opencnt != 0)
			return EBUSY;
		sd->sd_bdevvp = vp;
	}
	sd->sd_opencnt++;
	sn->sn_opencnt++;
	return 0;
}

static void
spec_open_uncount(struct vnode *vp)
{
	specnode_t *sn = vp->v_specnode;
	specdev_t *sd = sn->sn_dev;

	KASSERT(sn->sn_opencnt > 0 && sd->sd_opencnt > 0);
	sn->sn_opencnt--;
	sd->sd_opencnt--;
	if (vp->v_type == VBLK)
		sd->sd_bdevvp = NULL;
}

static void
spec_set_size(struct vnode *vp)
{
	uint64_t sectors;
	unsigned int size;

	if (getdisksize(vp, &sectors, &size) == 0)
		uvm_vnp_setsize(vp, (voff_t)(sectors * size));
}

int
spec_open(void *v)
{
	struct vop_open_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct lwp *l = curlwp;
	enum vtype type = vp->v_type;
	struct fstrans_pause pause;
	dev_t dev;
	int error;

	if (vp->v_mount != NULL && (vp->v_mount->mnt_flag & MNT_NODEV))
		return ENXIO;
	if (vp->v_specnode == NULL || vp->v_specnode->sn_gone)
		return EBADF;
	dev = vp->v_rdev;
	error = spec_open_count(vp);
	if (error != 0)
		return error;
	VOP_UNLOCK(vp);
	fstrans_pause(vp->v_mount, &pause);
	if (type == VCHR)
		error = cdev_open(dev, ap->a_mode, S_IFCHR, l);
	else
		error = bdev_open(dev, ap->a_mode, S_IFBLK, l);
	fstrans_unpause(&pause);
	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	if (vnode_state(vp) != VS_LOADED || vp->v_specnode->sn_gone) {
		/* Revoked meanwhile; the count went with that. */
		return error != 0 ? error : EBADF;
	}
	if (error != 0) {
		spec_open_uncount(vp);
		return error;
	}
	vp->v_specnode->sn_dev->sd_opened = true;
	if (type == VBLK)
		spec_set_size(vp);
	return 0;
}

int
spec_close(void *v)
{
	struct vop_close_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct lwp *l = curlwp;
	enum vtype type = vp->v_type;
	specdev_t *sd;
	dev_t dev;
	int error = 0;

	if (vp->v_specnode == NULL)
		return 0;
	sd = vp->v_specnode->sn_dev;
	dev = vp->v_rdev;
	if (type == VBLK) {
		/* A removed medium must not leave its blocks behind. */
		error = vinvalbuf(vp, V_SAVE, ap->a_cred, l, false, 0);
		if (error != 0) {
			(void)vinvalbuf(vp, 0, ap->a_cred, l, false, 0);
			printf("device %llu,%llu: lost data at close: error"
			    " %d\n", (unsigned long long)major(dev),
			    (unsigned long long)minor(dev), error);
		}
	}
	spec_open_uncount(vp);
	if (sd->sd_opencnt > 0)
		return error;
	sd->sd_opened = false;
	sd->sd_refcnt++;
	if (type == VCHR) {
		const struct cdevsw *cdev = cdevsw_lookup(dev);

		VOP_UNLOCK(vp);
		if (sd->sd_iocnt > 0 && cdev != NULL &&
		    cdev->d_cancel != NULL) {
			(void)cdev_cancel(dev, ap->a_fflag, S_IFCHR, l);
			spec_drain(sd);
		}
		int cerror = cdev_close(dev, ap->a_fflag, S_IFCHR, l);
		vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
		if (error == 0)
			error = cerror;
	} else {
		int cerror = bdev_close(dev, ap->a_fflag, S_IFBLK, l);

		if (error == 0)
			error = cerror;
	}
	if (--sd->sd_refcnt == 0)
		kmem_free(sd, sizeof(*sd));
	return error;
}

/* read and write */

/* One block of a block device through its buffers. */
static int
spec_block_io(struct vnode *vp, struct uio *uio)
{
	const int bsize = BLKDEV_IOSIZE;
	daddr_t bn = (uio->uio_offset / bsize) * (bsize >> DEV_BSHIFT);
	int on = (int)(uio->uio_offset % bsize);
	size_t n = MIN((size_t)(bsize - on), uio->uio_resid);
	struct buf *bp;
	int error, have = bsize;

	/* The device may end inside of the block. */
	if (vp->v_size != VSIZENOTSET && vp->v_size > 0) {
		off_t left = vp->v_size - (off_t)(bn << DEV_BSHIFT);

		if (left <= on)
			return uio->uio_rw == UIO_READ ? -1 : ENOSPC;
		have = (int)MIN((off_t)bsize, left);
		n = MIN(n, (size_t)(have - on));
	}
	if (uio->uio_rw == UIO_WRITE && n == (size_t)have) {
		bp = getblk(vp, bn, have, 0, 0);
		error = 0;
	} else {
		error = bread(vp, bn, have,
		    uio->uio_rw == UIO_WRITE ? B_MODIFY : 0, &bp);
	}
	if (error != 0)
		return error;
	n = MIN(n, (size_t)bp->b_bcount - bp->b_resid);
	error = uiomove((char *)bp->b_data + on, n, uio);
	if (uio->uio_rw == UIO_READ) {
		brelse(bp, 0);
	} else if (error != 0) {
		brelse(bp, BC_INVAL);
	} else if (n + (size_t)on == (size_t)have) {
		bawrite(bp);
	} else {
		bdwrite(bp);
	}
	return error;
}

static int
spec_rdwr(struct vnode *vp, struct uio *uio, int ioflag)
{
	struct fstrans_pause pause;
	specdev_t *sd;
	dev_t dev;
	int error;

	if (uio->uio_resid == 0)
		return 0;
	if (vp->v_type == VCHR) {
		error = spec_enter(vp, &dev, &sd);
		if (error != 0)
			return error;
		VOP_UNLOCK(vp);
		fstrans_pause(vp->v_mount, &pause);
		error = uio->uio_rw == UIO_READ ?
		    cdev_read(dev, uio, ioflag) : cdev_write(dev, uio, ioflag);
		fstrans_unpause(&pause);
		vn_lock(vp, LK_RETRY |
		    (uio->uio_rw == UIO_READ ? LK_SHARED : LK_EXCLUSIVE));
		spec_leave(sd);
		return error;
	}
	if (uio->uio_offset < 0)
		return EINVAL;
	do {
		error = spec_block_io(vp, uio);
	} while (error == 0 && uio->uio_resid > 0);
	return error == -1 ? 0 : error;
}

int
spec_read(void *v)
{
	struct vop_read_args *ap = v;

	return spec_rdwr(ap->a_vp, ap->a_uio, ap->a_ioflag);
}

int
spec_write(void *v)
{
	struct vop_write_args *ap = v;

	return spec_rdwr(ap->a_vp, ap->a_uio, ap->a_ioflag);
}

/* the rest */

int
spec_fdiscard(void *v)
{
	struct vop_fdiscard_args *ap = v;
	struct vnode *vp = ap->a_vp;
	specdev_t *sd;
	dev_t dev;
	int error;

	error = spec_enter(vp, &dev, &sd);
	if (error != 0)
		return error;
	if (vp->v_type == VCHR)
		error = cdev_discard(dev, ap->a_pos, ap->a_len);
	else
		error = bdev_discard(dev, ap->a_pos, ap->a_len);
	spec_leave(sd);
	return error;
}

int
spec_ioctl(void *v)
{
	struct vop_ioctl_args *ap = v;
	struct vnode *vp = ap->a_vp;
	specdev_t *sd;
	dev_t dev;
	int error;

	error = spec_enter(vp, &dev, &sd);
	if (error != 0)
		return error;
	if (vp->v_type == VCHR)
		error = cdev_ioctl(dev, ap->a_command, ap->a_data,
		    ap->a_fflag, curlwp);
	else
		error = bdev_ioctl(dev, ap->a_command, ap->a_data,
		    ap->a_fflag, curlwp);
	spec_leave(sd);
	return error;
}

int
spec_poll(void *v)
{
	struct vop_poll_args *ap = v;
	specdev_t *sd;
	dev_t dev;
	int revents;

	if (spec_enter(ap->a_vp, &dev, &sd) != 0)
		return POLLERR;
	if (ap->a_vp->v_type == VCHR)
		revents = cdev_poll(dev, ap->a_events, curlwp);
	else
		revents = genfs_poll(v);
	spec_leave(sd);
	return revents;
}

int
spec_kqfilter(void *v)
{
	struct vop_kqfilter_args *ap = v;
	specdev_t *sd;
	dev_t dev;
	int error;

	if (ap->a_vp->v_type != VCHR)
		return EOPNOTSUPP;
	error = spec_enter(ap->a_vp, &dev, &sd);
	if (error != 0)
		return error;
	error = cdev_kqfilter(dev, ap->a_kn);
	spec_leave(sd);
	return error;
}

int
spec_mmap(void *v)
{
	struct vop_mmap_args *ap = v;

	return ap->a_vp->v_type == VBLK ? 0 : EINVAL;
}

int
spec_fsync(void *v)
{
	struct vop_fsync_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct mount *mp;
	int error;

	if (vp->v_type != VBLK)
		return 0;
	mp = spec_node_getmountedfs(vp);
	if (mp != NULL && mp->mnt_op->vfs_fsync != NULL) {
		error = (*mp->mnt_op->vfs_fsync)(vp, ap->a_flags);
		if (error != EOPNOTSUPP)
			return error;
	}
	return vflushbuf(vp, ap->a_flags);
}

/* Only for the vnodes that have no file system of their own. */
int
spec_inactive(void *v)
{
	struct vop_inactive_v2_args *ap = v;

	KASSERT(ap->a_vp->v_mount == dead_rootmount);
	*ap->a_recycle = true;
	return 0;
}

int
spec_reclaim(void *v)
{
	struct vop_reclaim_v2_args *ap = v;

	KASSERT(ap->a_vp->v_mount == dead_rootmount);
	VOP_UNLOCK(ap->a_vp);
	return 0;
}

int
spec_bmap(void *v)
{
	struct vop_bmap_args *ap = v;

	if (ap->a_vpp != NULL)
		*ap->a_vpp = ap->a_vp;
	if (ap->a_bnp != NULL)
		*ap->a_bnp = ap->a_bn;
	if (ap->a_runp != NULL)
		*ap->a_runp = (MAXBSIZE >> DEV_BSHIFT) - 1;
	return 0;
}

int
spec_strategy(void *v)
{
	struct vop_strategy_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct buf *bp = ap->a_bp;
	int error = 0;

	if (vp->v_specnode == NULL)
		error = ENXIO;
	else
		bp->b_dev = vp->v_rdev;
	if (error == 0 && (bp->b_flags & B_READ) == 0)
		error = fscow_run(bp, false);
	if (error != 0) {
		bp->b_error = error;
		bp->b_resid = bp->b_bcount;
		biodone(bp);
		return error;
	}
	bdev_strategy(bp);
	return 0;
}

int
spec_print(void *v)
{
	struct vop_print_args *ap = v;

	printf("device %llu, %llu\n",
	    (unsigned long long)major(ap->a_vp->v_rdev),
	    (unsigned long long)minor(ap->a_vp->v_rdev));
	return 0;
}

int
spec_pathconf(void *v)
{
	struct vop_pathconf_args *ap = v;

	switch (ap->a_name) {
	case _PC_LINK_MAX:
		*ap->a_retval = LINK_MAX;
		return 0;
	case _PC_MAX_CANON:
		*ap->a_retval = MAX_CANON;
		return 0;
	case _PC_MAX_INPUT:
		*ap->a_retval = MAX_INPUT;
		return 0;
	case _PC_PIPE_BUF:
		*ap->a_retval = PIPE_BUF;
		return 0;
	case _PC_CHOWN_RESTRICTED:
	case _PC_SYNC_IO:
		*ap->a_retval = 1;
		return 0;
	case _PC_VDISABLE:
		*ap->a_retval = 0xff;
		return 0;
	default:
		return genfs_pathconf(v);
	}
}

int
spec_advlock(void *v)
{
	struct vop_advlock_args *ap = v;
	struct vnode *vp = ap->a_vp;

	if (vp->v_specnode == NULL)
		return EBADF;
	return lf_advlock(ap, &vp->v_specnode->sn_dev->sd_lockf, 0);
}

static int
spec_getattr_anon(void *v)
{
	struct vop_getattr_args *ap = v;
	struct vattr *vap = ap->a_vap;
	struct vnode *vp = ap->a_vp;

	vattr_null(vap);
	vap->va_type = vp->v_type;
	vap->va_mode = S_IRUSR | S_IWUSR;
	vap->va_nlink = 0;
	vap->va_uid = vap->va_gid = 0;
	vap->va_fsid = 0;
	vap->va_fileid = 0;
	vap->va_size = vap->va_bytes = 0;
	vap->va_blocksize = BLKDEV_IOSIZE;
	vap->va_rdev = vp->v_rdev;
	vap->va_flags = 0;
	vap->va_gen = 0;
	vap->va_atime = vap->va_mtime = vap->va_ctime = vap->va_birthtime =
	    (struct timespec){ 0, 0 };
	return 0;
}

int (**spec_vnodeop_p)(void *);
static const struct vnodeopv_entry_desc spec_vnodeop_entries[] = {
	{ &vop_default_desc, vn_default_error },
	GENFS_SPECOP_ENTRIES,
	{ &vop_close_desc, spec_close },
	{ &vop_access_desc, genfs_ebadf },
	{ &vop_accessx_desc, genfs_ebadf },
	{ &vop_getattr_desc, spec_getattr_anon },
	{ &vop_setattr_desc, genfs_ebadf },
	{ &vop_read_desc, spec_read },
	{ &vop_write_desc, spec_write },
	{ &vop_fcntl_desc, genfs_fcntl },
	{ &vop_fsync_desc, spec_fsync },
	{ &vop_inactive_desc, spec_inactive },
	{ &vop_reclaim_desc, spec_reclaim },
	{ &vop_lock_desc, genfs_lock },
	{ &vop_unlock_desc, genfs_unlock },
	{ &vop_islocked_desc, genfs_islocked },
	{ &vop_print_desc, spec_print },
	{ &vop_bwrite_desc, vn_bwrite },
	{ &vop_lookup_desc, spec_lookup },
	{ NULL, NULL }
};
const struct vnodeopv_desc spec_vnodeop_opv_desc = {
	&spec_vnodeop_p, spec_vnodeop_entries
};
