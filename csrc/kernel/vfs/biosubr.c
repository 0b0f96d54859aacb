/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffers of one vnode: its lists of clean and dirty ones, and what is
 * done to all of them at once.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/buf.h>
#include <sys/kernel.h>
#include <sys/vnode.h>
#include <uvm/uvm.h>
#include <miscfs/syncfs/syncfs.h>

#include "vfs/bio.h"

static void
bio_list_insert(struct buf *bp, struct buflists *list)
{

	LIST_INSERT_HEAD(list, bp, b_vnbufs);
}

static void
bio_list_remove(struct buf *bp)
{

	LIST_REMOVE(bp, b_vnbufs);
	bp->b_vnbufs.le_next = BIO_NOLIST;
}

/* Tie a buffer to a vnode, which can't be recycled as long as it is. */
void
bgetvp(struct vnode *vp, struct buf *bp)
{

	KASSERT(bp->b_vp == NULL);
	KASSERT(mutex_owned(&bufcache_lock));
	KASSERT(mutex_owned(vp->v_interlock));
	vholdl(vp);
	bp->b_vp = vp;
	if (vp->v_type == VBLK || vp->v_type == VCHR)
		bp->b_dev = vp->v_rdev;
	else
		bp->b_dev = NODEV;
	bp->b_objlock = vp->v_interlock;
	bio_list_insert(bp, &vp->v_cleanblkhd);
}

/* Untie it. */
void
brelvp(struct buf *bp)
{
	struct vnode *vp;

	vp = bp->b_vp;
	KASSERT(vp != NULL);
	KASSERT(mutex_owned(&bufcache_lock));
	mutex_enter(vp->v_interlock);
	if (bp->b_vnbufs.le_next != BIO_NOLIST)
		bio_list_remove(bp);
	if ((vp->v_iflag & VI_ONWORKLST) != 0 && uvn_clean_p(&vp->v_uobj) &&
	    LIST_EMPTY(&vp->v_dirtyblkhd))
		vn_syncer_remove_from_worklist(vp);
	bp->b_objlock = &buffer_lock;
	bp->b_vp = NULL;
	holdrelel(vp);
	mutex_exit(vp->v_interlock);
}

/* Seconds after which the syncer writes a vnode's buffers. */
static int
bio_sync_delay(struct vnode *vp)
{

	if (vp->v_type == VDIR)
		return dirdelay;
	if (vp->v_type == VBLK && spec_node_getmountedfs(vp) != NULL)
		return metadelay;
	return filedelay;
}

/* Put a buffer on the list of its vnode that BO_DELWRI calls for. */
void
reassignbuf(struct buf *bp, struct vnode *vp)
{

	KASSERT(mutex_owned(&bufcache_lock));
	KASSERT(bp->b_objlock == vp->v_interlock);
	KASSERT(mutex_owned(vp->v_interlock));
	KASSERT((bp->b_cflags & BC_BUSY) != 0);
	if (bp->b_vnbufs.le_next != BIO_NOLIST)
		bio_list_remove(bp);
	if ((bp->b_oflags & BO_DELWRI) == 0) {
		bio_list_insert(bp, &vp->v_cleanblkhd);
		if ((vp->v_iflag & VI_ONWORKLST) != 0 &&
		    uvn_clean_p(&vp->v_uobj) &&
		    LIST_EMPTY(&vp->v_dirtyblkhd))
			vn_syncer_remove_from_worklist(vp);
		return;
	}
	bio_list_insert(bp, &vp->v_dirtyblkhd);
	if ((vp->v_iflag & VI_ONWORKLST) == 0)
		vn_syncer_add_to_worklist(vp, bio_sync_delay(vp));
}

/* A write of a vnode's data has ended; with b_objlock. */
void
vwakeup(struct buf *bp)
{
	struct vnode *vp;

	vp = bp->b_vp;
	if (vp == NULL)
		return;
	KASSERT(bp->b_objlock == vp->v_interlock);
	KASSERTMSG(vp->v_numoutput > 0, "vnode %p has no output", vp);
	if (--vp->v_numoutput == 0)
		cv_broadcast(&vp->v_cv);
}

/* Forget the buffer of one block, whatever is in it. */
void
binvalbuf(struct vnode *vp, daddr_t blkno)
{
	struct buf *bp;
	int error;

	mutex_enter(&bufcache_lock);
	while ((bp = incore(vp, blkno)) != NULL) {
		error = bbusy(bp, false, 0, NULL);
		if (error == 0) {
			bremfree(bp);
			brelsel(bp, BC_INVAL);
			break;
		}
		if (error != EPASSTHROUGH)
			break;
	}
	mutex_exit(&bufcache_lock);
}

/*
 * Forget the buffers on a list from a block number on.  0: none is left;
 * EPASSTHROUGH: we have slept and the list may have changed.
 */
static int
bio_inval_list(struct buflists *list, daddr_t from, bool intr, int timo)
{
	struct buf *bp, *next;
	int error;

	LIST_FOREACH_SAFE(bp, list, b_vnbufs, next) {
		if (bp->b_lblkno < from)
			continue;
		error = bbusy(bp, intr, timo, NULL);
		if (error != 0)
			return error;
		bremfree(bp);
		/* Only this buffer leaves the list: next stays valid. */
		brelsel(bp, BC_INVAL);
	}
	return 0;
}

static int
bio_inval_from(struct vnode *vp, daddr_t from, bool intr, int timo)
{
	int error;

	KASSERT(mutex_owned(&bufcache_lock));
	do {
		error = bio_inval_list(&vp->v_cleanblkhd, from, intr, timo);
		if (error == 0)
			error = bio_inval_list(&vp->v_dirtyblkhd, from, intr,
			    timo);
	} while (error == EPASSTHROUGH);
	return error;
}

/*
 * Forget all pages and buffers of a vnode, which is locked; with V_SAVE
 * after writing the dirty ones.
 */
int
vinvalbuf(struct vnode *vp, int flags, kauth_cred_t cred, struct lwp *l,
    bool catch_p, int slptimeo)
{
	int error, pgflags;

	(void)l;
	pgflags = PGO_ALLPAGES | PGO_FREE | PGO_SYNCIO;
	if ((flags & V_SAVE) != 0)
		pgflags |= PGO_CLEANIT | PGO_RECLAIM;
	rw_enter(vp->v_uobj.vmobjlock, RW_WRITER);
	error = VOP_PUTPAGES(vp, 0, 0, pgflags);
	if (error != 0)
		return error;
	if ((flags & V_SAVE) != 0) {
		error = VOP_FSYNC(vp, cred, FSYNC_WAIT | FSYNC_RECLAIM, 0, 0);
		if (error != 0)
			return error;
		KASSERT(LIST_EMPTY(&vp->v_dirtyblkhd));
	}
	mutex_enter(&bufcache_lock);
	error = bio_inval_from(vp, INT64_MIN, catch_p, slptimeo);
	mutex_exit(&bufcache_lock);
	KASSERT(error != 0 || (LIST_EMPTY(&vp->v_cleanblkhd) &&
	    LIST_EMPTY(&vp->v_dirtyblkhd)));
	return error;
}

/*
 * Forget the buffers and pages of a file from a logical block on, because it
 * was cut off there.
 */
int
vtruncbuf(struct vnode *vp, daddr_t lbn, bool catch_p, int slptimeo)
{
	voff_t off;
	int error;

	off = round_page((voff_t)lbn << vp->v_mount->mnt_fs_bshift);
	rw_enter(vp->v_uobj.vmobjlock, RW_WRITER);
	error = VOP_PUTPAGES(vp, off, 0, PGO_FREE | PGO_SYNCIO);
	if (error != 0)
		return error;
	mutex_enter(&bufcache_lock);
	error = bio_inval_from(vp, lbn, catch_p, slptimeo);
	mutex_exit(&bufcache_lock);
	return error;
}

/* Start to write one dirty buffer of a vnode; false if there is none. */
static bool
bio_flush_one(struct vnode *vp)
{
	struct buf *bp;

	mutex_enter(&bufcache_lock);
	LIST_FOREACH(bp, &vp->v_dirtyblkhd, b_vnbufs) {
		KASSERT((bp->b_oflags & BO_DELWRI) != 0);
		if ((bp->b_flags & B_LOCKED) != 0)
			continue;	/* the journal's to write */
		if ((bp->b_oflags & BIO_WERROR) != 0)
			continue;	/* we have tried */
		if (bbusy(bp, false, 0, NULL) != 0)
			break;		/* slept: look from the start */
		bremfree(bp);
		mutex_exit(&bufcache_lock);
		bawrite(bp);
		return true;
	}
	mutex_exit(&bufcache_lock);
	return bp != NULL;
}

/* Wait until no write of the vnode is on its way. */
static void
bio_drain(struct vnode *vp)
{

	mutex_enter(vp->v_interlock);
	while (vp->v_numoutput != 0)
		cv_wait(&vp->v_cv, vp->v_interlock);
	mutex_exit(vp->v_interlock);
}

/*
 * Give those that could not be written another chance.  Who wants to know the
 * result waits for what somebody else has begun: if that fails it is tried,
 * too, and its failure is not taken for one of the new try.
 */
static void
bio_flush_again(struct vnode *vp, bool sync)
{
	struct buf *bp;

	if (sync)
		bio_drain(vp);
	mutex_enter(&bufcache_lock);
	LIST_FOREACH(bp, &vp->v_dirtyblkhd, b_vnbufs)
		bp->b_oflags &= ~BIO_WERROR;
	mutex_exit(&bufcache_lock);
}

/*
 * What has a flush left behind?  0: nothing; EAGAIN: what has become dirty
 * meanwhile; another error: what could not be written.
 */
static int
bio_flush_result(struct vnode *vp)
{
	struct buf *bp;
	int error;

	bio_drain(vp);
	error = 0;
	mutex_enter(&bufcache_lock);
	LIST_FOREACH(bp, &vp->v_dirtyblkhd, b_vnbufs) {
		if ((bp->b_flags & B_LOCKED) != 0)
			continue;
		error = EAGAIN;
		if ((bp->b_oflags & BIO_WERROR) != 0) {
			error = (int)bp->b_dcookie;
			break;
		}
	}
	mutex_exit(&bufcache_lock);
	return error;
}

/*
 * Write the dirty pages and buffers of a vnode; with FSYNC_WAIT until all of
 * that is done.
 */
int
vflushbuf(struct vnode *vp, int flags)
{
	int error, pflags;
	bool sync;

	sync = (flags & FSYNC_WAIT) != 0;
	pflags = PGO_CLEANIT | PGO_ALLPAGES |
	    (sync ? PGO_SYNCIO : 0) |
	    ((flags & FSYNC_LAZY) != 0 ? PGO_LAZY : 0);
	bio_flush_again(vp, sync);
	do {
		rw_enter(vp->v_uobj.vmobjlock, RW_WRITER);
		error = VOP_PUTPAGES(vp, 0, 0, pflags);
		while (bio_flush_one(vp))
			continue;
		if (!sync || error != 0)
			return error;
		error = bio_flush_result(vp);
	} while (error == EAGAIN);
	return error;
}
