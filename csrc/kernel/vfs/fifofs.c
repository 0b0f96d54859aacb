/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Named pipes.  While somebody has one open its vnode carries a ring buffer
 * with counts of readers and writers; what is in the ring is lost when the
 * last of both has closed.  Whoever sleeps does so with the vnode unlocked.
 * When the vnode is revoked the ring is dead, and the last who is inside
 * frees it.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/condvar.h>
#include <sys/event.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/poll.h>
#include <sys/proc.h>
#include <sys/select.h>
#include <sys/uio.h>
#include <sys/unistd.h>
#include <sys/vnode.h>
#include <miscfs/fifofs/fifo.h>
#include <miscfs/genfs/genfs.h>

#include "fstrans_impl.h"
#include "specfs.h"

#define FIFO_SIZE	16384

struct fifoinfo {
	kmutex_t fi_lock;
	kcondvar_t fi_opencv;		/* the other side has been opened */
	kcondvar_t fi_rcv;		/* there is something to read */
	kcondvar_t fi_wcv;		/* there is room to write */
	struct selinfo fi_rsel;
	struct selinfo fi_wsel;
	u_int fi_readers;
	u_int fi_writers;
	u_int fi_opens;			/* readers that ever opened, ... */
	u_int fi_wopens;		/* ... and writers: no open is missed */
	u_int fi_files;			/* open files, and opens that wait */
	u_int fi_inside;		/* calls that use it, and knotes */
	bool fi_dead;			/* the vnode has let go of it */
	size_t fi_head;			/* where to read */
	size_t fi_len;
	char fi_data[FIFO_SIZE];
};

static struct fifoinfo *
fifo_get(struct vnode *vp)
{
	struct fifoinfo *fi = vp->v_fifoinfo;

	if (fi == NULL) {
		fi = kmem_zalloc(sizeof(*fi), KM_SLEEP);
		mutex_init(&fi->fi_lock, MUTEX_DEFAULT, IPL_NONE);
		cv_init(&fi->fi_opencv, "fifoopen");
		cv_init(&fi->fi_rcv, "fiford");
		cv_init(&fi->fi_wcv, "fifowr");
		selinit(&fi->fi_rsel);
		selinit(&fi->fi_wsel);
		vp->v_fifoinfo = fi;
	}
	return fi;
}

/* Free the ring if that was the last use of it. */
static void
fifo_release(struct vnode *vp, struct fifoinfo *fi)
{
	if (fi->fi_files > 0 || fi->fi_inside > 0)
		return;
	if (!fi->fi_dead)
		vp->v_fifoinfo = NULL;
	seldestroy(&fi->fi_rsel);
	seldestroy(&fi->fi_wsel);
	cv_destroy(&fi->fi_opencv);
	cv_destroy(&fi->fi_rcv);
	cv_destroy(&fi->fi_wcv);
	mutex_destroy(&fi->fi_lock);
	kmem_free(fi, sizeof(*fi));
}

static void
fifo_wake_readers(struct fifoinfo *fi)
{
	cv_broadcast(&fi->fi_rcv);
	selnotify(&fi->fi_rsel, POLLIN | POLLRDNORM | POLLHUP, NOTE_SUBMIT);
}

static void
fifo_wake_writers(struct fifoinfo *fi)
{
	cv_broadcast(&fi->fi_wcv);
	selnotify(&fi->fi_wsel, POLLOUT | POLLWRNORM, NOTE_SUBMIT);
}

/* The vnode dies: throw everybody out. */
void
fifo_revoke(struct vnode *vp)
{
	struct fifoinfo *fi = vp->v_fifoinfo;

	if (fi == NULL)
		return;
	vp->v_fifoinfo = NULL;
	fi->fi_dead = true;
	fi->fi_files = fi->fi_readers = fi->fi_writers = 0;
	fi->fi_inside++;
	cv_broadcast(&fi->fi_opencv);
	fifo_wake_readers(fi);
	fifo_wake_writers(fi);
	fi->fi_inside--;
	fifo_release(vp, fi);
}

/* Wait until the other side is there, or was for a moment. */
static int
fifo_open_wait(struct vnode *vp, struct fifoinfo *fi, bool writer)
{
	u_int *present = writer ? &fi->fi_readers : &fi->fi_writers;
	u_int *count = writer ? &fi->fi_opens : &fi->fi_wopens;
	u_int before = *count;
	struct fstrans_pause pause;
	int error = 0;

	fi->fi_inside++;
	VOP_UNLOCK(vp);
	fstrans_pause(vp->v_mount, &pause);
	mutex_enter(&fi->fi_lock);
	while (error == 0 && *present == 0 && *count == before &&
	    !fi->fi_dead)
		error = cv_wait_sig(&fi->fi_opencv, &fi->fi_lock);
	mutex_exit(&fi->fi_lock);
	fstrans_unpause(&pause);
	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	fi->fi_inside--;
	return fi->fi_dead ? EBADF : error;
}

static void
fifo_uncount(struct fifoinfo *fi, int mode)
{
	if (fi->fi_dead)
		return;
	KASSERT(fi->fi_files > 0);
	fi->fi_files--;
	if (mode & FREAD) {
		KASSERT(fi->fi_readers > 0);
		if (--fi->fi_readers == 0)
			fifo_wake_writers(fi);	/* with EPIPE */
	}
	if (mode & FWRITE) {
		KASSERT(fi->fi_writers > 0);
		if (--fi->fi_writers == 0)
			fifo_wake_readers(fi);	/* with end of file */
	}
}

static int
fifo_open(void *v)
{
	struct vop_open_args *ap = v;
	struct vnode *vp = ap->a_vp;
	int error = 0, mode = ap->a_mode & (FREAD | FWRITE);
	struct fifoinfo *fi = fifo_get(vp);

	if (mode == FWRITE && (ap->a_mode & FNONBLOCK) &&
	    fi->fi_readers == 0) {
		fifo_release(vp, fi);
		return ENXIO;
	}
	fi->fi_files++;
	if (mode & FREAD) {
		fi->fi_readers++;
		fi->fi_opens++;
	}
	if (mode & FWRITE) {
		fi->fi_writers++;
		fi->fi_wopens++;
	}
	cv_broadcast(&fi->fi_opencv);
	if ((ap->a_mode & FNONBLOCK) == 0) {
		if (mode == FREAD && fi->fi_writers == 0)
			error = fifo_open_wait(vp, fi, false);
		else if (mode == FWRITE && fi->fi_readers == 0)
			error = fifo_open_wait(vp, fi, true);
	}
	if (error != 0) {
		fifo_uncount(fi, mode);
		fifo_release(vp, fi);
	}
	return error;
}

static int
fifo_close(void *v)
{
	struct vop_close_args *ap = v;
	struct fifoinfo *fi = ap->a_vp->v_fifoinfo;

	if (fi == NULL)
		return 0;
	fifo_uncount(fi, ap->a_fflag & (FREAD | FWRITE));
	fifo_release(ap->a_vp, fi);
	return 0;
}

static int
fifo_copyout(struct fifoinfo *fi, struct uio *uio)
{
	size_t n;
	int error = 0;

	while (error == 0 && uio->uio_resid > 0 && fi->fi_len > 0) {
		n = MIN(MIN(uio->uio_resid, fi->fi_len),
		    FIFO_SIZE - fi->fi_head);
		error = uiomove(fi->fi_data + fi->fi_head, n, uio);
		if (error == 0) {
			fi->fi_head = (fi->fi_head + n) % FIFO_SIZE;
			fi->fi_len -= n;
		}
	}
	return error;
}

static int
fifo_read(void *v)
{
	struct vop_read_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct fifoinfo *fi = vp->v_fifoinfo;
	struct fstrans_pause pause;
	int error = 0;

	if (ap->a_uio->uio_resid == 0)
		return 0;
	if (fi == NULL)
		return EBADF;
	fi->fi_inside++;
	VOP_UNLOCK(vp);
	fstrans_pause(vp->v_mount, &pause);
	mutex_enter(&fi->fi_lock);
	while (error == 0 && fi->fi_len == 0 && fi->fi_writers > 0) {
		if (ap->a_ioflag & IO_NDELAY)
			error = EWOULDBLOCK;
		else
			error = cv_wait_sig(&fi->fi_rcv, &fi->fi_lock);
	}
	if (fi->fi_dead) {
		error = EIO;
	} else if (error == 0 && fi->fi_len > 0) {
		error = fifo_copyout(fi, ap->a_uio);
		fifo_wake_writers(fi);
	}
	mutex_exit(&fi->fi_lock);
	fstrans_unpause(&pause);
	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	fi->fi_inside--;
	fifo_release(vp, fi);
	return error;
}

static int
fifo_copyin(struct fifoinfo *fi, struct uio *uio)
{
	size_t n, tail;
	int error = 0;

	while (error == 0 && uio->uio_resid > 0 && fi->fi_len < FIFO_SIZE) {
		tail = (fi->fi_head + fi->fi_len) % FIFO_SIZE;
		n = MIN(MIN(uio->uio_resid, FIFO_SIZE - fi->fi_len),
		    FIFO_SIZE - tail);
		error = uiomove(fi->fi_data + tail, n, uio);
		if (error == 0)
			fi->fi_len += n;
	}
	return error;
}

/* Up to PIPE_BUF bytes go in as one piece, more as there is room. */
static int
fifo_write_locked(struct fifoinfo *fi, struct uio *uio, int ioflag)
{
	size_t need = uio->uio_resid <= PIPE_BUF ? uio->uio_resid : 1;
	int error = 0;

	while (error == 0 && uio->uio_resid > 0) {
		if (fi->fi_readers == 0)
			return fi->fi_dead ? EIO : EPIPE;
		if (FIFO_SIZE - fi->fi_len >= need) {
			error = fifo_copyin(fi, uio);
			fifo_wake_readers(fi);
			need = 1;
		} else if (ioflag & IO_NDELAY) {
			error = EWOULDBLOCK;
		} else {
			error = cv_wait_sig(&fi->fi_wcv, &fi->fi_lock);
		}
	}
	return error;
}

static int
fifo_write(void *v)
{
	struct vop_write_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct fifoinfo *fi = vp->v_fifoinfo;
	size_t count = ap->a_uio->uio_resid;
	struct fstrans_pause pause;
	int error;

	if (count == 0)
		return 0;
	if (fi == NULL)
		return EBADF;
	fi->fi_inside++;
	VOP_UNLOCK(vp);
	fstrans_pause(vp->v_mount, &pause);
	mutex_enter(&fi->fi_lock);
	error = fifo_write_locked(fi, ap->a_uio, ap->a_ioflag);
	mutex_exit(&fi->fi_lock);
	fstrans_unpause(&pause);
	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	fi->fi_inside--;
	fifo_release(vp, fi);
	/* Part of it has been written: say how much. */
	if (error == EWOULDBLOCK && ap->a_uio->uio_resid < count)
		error = 0;
	return error;
}

static int
fifo_ioctl(void *v)
{
	struct vop_ioctl_args *ap = v;
	struct fifoinfo *fi = ap->a_vp->v_fifoinfo;

	switch (ap->a_command) {
	case FIONBIO:
		return 0;		/* reads and writes look at the flag */
	case FIONREAD:
		*(int *)ap->a_data = fi != NULL ? (int)fi->fi_len : 0;
		return 0;
	default:
		return EPASSTHROUGH;
	}
}

static int
fifo_poll(void *v)
{
	struct vop_poll_args *ap = v;
	struct fifoinfo *fi = ap->a_vp->v_fifoinfo;
	int revents = 0;

	if (fi == NULL)
		return POLLERR;
	if (ap->a_events & (POLLIN | POLLRDNORM)) {
		if (fi->fi_len > 0)
			revents |= ap->a_events & (POLLIN | POLLRDNORM);
		else if (fi->fi_writers == 0 && fi->fi_wopens > 0)
			revents |= POLLHUP;
		else
			selrecord(curlwp, &fi->fi_rsel);
	}
	if (ap->a_events & (POLLOUT | POLLWRNORM)) {
		if (fi->fi_readers == 0)
			revents |= POLLERR;
		else if (FIFO_SIZE - fi->fi_len >= PIPE_BUF)
			revents |= ap->a_events & (POLLOUT | POLLWRNORM);
		else
			selrecord(curlwp, &fi->fi_wsel);
	}
	return revents;
}

/* kqueue.  A knote keeps the ring, for which it may outlive the vnode. */

static void
fifo_rdetach(struct knote *kn)
{
	struct fifoinfo *fi = kn->kn_hook;

	(void)selremove_knote(&fi->fi_rsel, kn);
	fi->fi_inside--;
	fifo_release(((file_t *)kn->kn_obj)->f_vnode, fi);
}

static void
fifo_wdetach(struct knote *kn)
{
	struct fifoinfo *fi = kn->kn_hook;

	(void)selremove_knote(&fi->fi_wsel, kn);
	fi->fi_inside--;
	fifo_release(((file_t *)kn->kn_obj)->f_vnode, fi);
}

static int
fifo_revent(struct knote *kn, long hint)
{
	struct fifoinfo *fi = kn->kn_hook;

	kn->kn_data = (int64_t)fi->fi_len;
	if (fi->fi_writers == 0 && (fi->fi_wopens > 0 || fi->fi_dead)) {
		knote_set_eof(kn, 0);
		return 1;
	}
	knote_clear_eof(kn);
	return kn->kn_data > 0;
}

static int
fifo_wevent(struct knote *kn, long hint)
{
	struct fifoinfo *fi = kn->kn_hook;

	kn->kn_data = (int64_t)(FIFO_SIZE - fi->fi_len);
	if (fi->fi_readers == 0) {
		knote_set_eof(kn, 0);
		return 1;
	}
	knote_clear_eof(kn);
	return kn->kn_data >= PIPE_BUF;
}

static const struct filterops fifo_rfiltops = {
	.f_flags = FILTEROP_ISFD | FILTEROP_MPSAFE,
	.f_detach = fifo_rdetach,
	.f_event = fifo_revent,
};
static const struct filterops fifo_wfiltops = {
	.f_flags = FILTEROP_ISFD | FILTEROP_MPSAFE,
	.f_detach = fifo_wdetach,
	.f_event = fifo_wevent,
};

static int
fifo_kqfilter(void *v)
{
	struct vop_kqfilter_args *ap = v;
	struct fifoinfo *fi = ap->a_vp->v_fifoinfo;
	struct knote *kn = ap->a_kn;

	if (fi == NULL)
		return EBADF;
	switch (kn->kn_filter) {
	case EVFILT_READ:
		kn->kn_fop = &fifo_rfiltops;
		selrecord_knote(&fi->fi_rsel, kn);
		break;
	case EVFILT_WRITE:
		kn->kn_fop = &fifo_wfiltops;
		selrecord_knote(&fi->fi_wsel, kn);
		break;
	default:
		return genfs_kqfilter(v);
	}
	kn->kn_hook = fi;
	fi->fi_inside++;
	return 0;
}

static int
fifo_pathconf(void *v)
{
	struct vop_pathconf_args *ap = v;

	switch (ap->a_name) {
	case _PC_LINK_MAX:
		*ap->a_retval = LINK_MAX;
		return 0;
	case _PC_PIPE_BUF:
		*ap->a_retval = PIPE_BUF;
		return 0;
	case _PC_CHOWN_RESTRICTED:
	case _PC_SYNC_IO:
		*ap->a_retval = 1;
		return 0;
	default:
		return genfs_pathconf(v);
	}
}

static int
fifo_printinfo(struct vnode *vp)
{
	struct fifoinfo *fi = vp->v_fifoinfo;

	if (fi == NULL)
		printf("fifo, closed\n");
	else
		printf("fifo with %u readers and %u writers, %zu bytes\n",
		    fi->fi_readers, fi->fi_writers, fi->fi_len);
	return 0;
}

static int
fifo_print(void *v)
{
	struct vop_print_args *ap = v;

	return fifo_printinfo(ap->a_vp);
}

static int
fifo_lookup(void *v)
{
	struct vop_lookup_v2_args *ap = v;

	*ap->a_vpp = NULL;
	return ENOTDIR;
}

static int
fifo_strategy(void *v)
{
	struct vop_strategy_args *ap = v;

	panic("%s: fifo %p", __func__, ap->a_vp);
}

static int
fifo_bmap(void *v)
{
	struct vop_bmap_args *ap = v;

	if (ap->a_vpp != NULL)
		*ap->a_vpp = ap->a_vp;
	if (ap->a_bnp != NULL)
		*ap->a_bnp = ap->a_bn;
	if (ap->a_runp != NULL)
		*ap->a_runp = 0;
	return 0;
}

/*
 * Advisory locks of FIFOs mean nothing; flock(2) and lockf(3) on them are
 * errors.
 */
int (**fifo_vnodeop_p)(void *);
static const struct vnodeopv_entry_desc fifo_vnodeop_entries[] = {
	{ &vop_default_desc, vn_default_error },
	{ &vop_parsepath_desc, genfs_badop },
	{ &vop_lookup_desc, fifo_lookup },
	{ &vop_create_desc, genfs_badop },
	{ &vop_mknod_desc, genfs_badop },
	{ &vop_open_desc, fifo_open },
	{ &vop_close_desc, fifo_close },
	{ &vop_access_desc, genfs_ebadf },
	{ &vop_accessx_desc, genfs_ebadf },
	{ &vop_getattr_desc, genfs_ebadf },
	{ &vop_setattr_desc, genfs_ebadf },
	{ &vop_read_desc, fifo_read },
	{ &vop_write_desc, fifo_write },
	{ &vop_fallocate_desc, genfs_eopnotsupp },
	{ &vop_fdiscard_desc, genfs_eopnotsupp },
	{ &vop_ioctl_desc, fifo_ioctl },
	{ &vop_fcntl_desc, genfs_fcntl },
	{ &vop_poll_desc, fifo_poll },
	{ &vop_kqfilter_desc, fifo_kqfilter },
	{ &vop_revoke_desc, genfs_revoke },
	{ &vop_mmap_desc, genfs_badop },
	{ &vop_fsync_desc, genfs_nullop },
	{ &vop_seek_desc, genfs_badop },
	{ &vop_remove_desc, genfs_badop },
	{ &vop_link_desc, genfs_badop },
	{ &vop_rename_desc, genfs_badop },
	{ &vop_mkdir_desc, genfs_badop },
	{ &vop_rmdir_desc, genfs_badop },
	{ &vop_symlink_desc, genfs_badop },
	{ &vop_readdir_desc, genfs_badop },
	{ &vop_readlink_desc, genfs_badop },
	{ &vop_abortop_desc, genfs_badop },
	{ &vop_lock_desc, genfs_lock },
	{ &vop_unlock_desc, genfs_unlock },
	{ &vop_islocked_desc, genfs_islocked },
	{ &vop_bmap_desc, fifo_bmap },
	{ &vop_strategy_desc, fifo_strategy },
	{ &vop_print_desc, fifo_print },
	{ &vop_pathconf_desc, fifo_pathconf },
	{ &vop_advlock_desc, genfs_einval },
	{ &vop_bwrite_desc, genfs_nullop },
	{ &vop_putpages_desc, genfs_null_putpages },
	{ NULL, NULL }
};
const struct vnodeopv_desc fifo_vnodeop_opv_desc = {
	&fifo_vnodeop_p, fifo_vnodeop_entries
};
