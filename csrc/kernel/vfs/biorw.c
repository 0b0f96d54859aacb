/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing blocks through the buffer cache.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/buf.h>
#include <sys/fstrans.h>
#include <sys/lwp.h>
#include <sys/mount.h>
#include <sys/vnode.h>

#include "vfs/bio.h"

/* Reading. */

/* Start to read a block unless it is in memory. */
static struct buf *
bio_startread(struct vnode *vp, daddr_t blkno, int size, int async)
{
	struct buf *bp;

	bp = getblk(vp, blkno, size, 0, 0);
	if (bp == NULL)
		return NULL;
	if ((bp->b_oflags & (BO_DONE | BO_DELWRI)) != 0) {
		if (async)
			brelse(bp, 0);
		return bp;
	}
	bp->b_error = 0;
	bp->b_flags |= B_READ | async;
	bp->b_prio = async ? BPRIO_TIMELIMITED : BPRIO_TIMECRITICAL;
	curlwp->l_ru.ru_inblock++;
	VOP_STRATEGY(vp, bp);
	return bp;
}

/* Wait for a started read, and let snapshots see a block before it changes. */
static int
bio_finishread(struct buf *bp, int flags)
{
	int error;

	error = 0;
	if ((bp->b_oflags & (BO_DONE | BO_DELWRI)) == 0 || bp->b_error != 0)
		error = biowait(bp);
	if (error == 0 && (flags & B_MODIFY) != 0)
		error = fscow_run(bp, true);
	return error;
}

int
bread(struct vnode *vp, daddr_t blkno, int size, int flags, struct buf **bpp)
{
	struct buf *bp;
	int error;

	bp = *bpp = bio_startread(vp, blkno, size, 0);
	if (bp == NULL)
		return ENOMEM;
	error = bio_finishread(bp, flags);
	if (error != 0) {
		brelse(bp, 0);
		*bpp = NULL;
	}
	return error;
}

/* The same, and start to read others that will be wanted soon. */
int
breadn(struct vnode *vp, daddr_t blkno, int size, daddr_t *rablks,
    int *rasizes, int nrablks, int flags, struct buf **bpp)
{
	struct buf *bp;
	int error, i;
	bool cached;

	bp = *bpp = bio_startread(vp, blkno, size, 0);
	if (bp == NULL)
		return ENOMEM;
	for (i = 0; i < nrablks; i++) {
		mutex_enter(&bufcache_lock);
		cached = incore(vp, rablks[i]) != NULL;
		mutex_exit(&bufcache_lock);
		if (!cached)
			bio_startread(vp, rablks[i], rasizes[i], B_ASYNC);
	}
	error = bio_finishread(bp, flags);
	if (error != 0) {
		brelse(bp, 0);
		*bpp = NULL;
	}
	return error;
}

/* Writing. */

/* Make a buffer that is about to be written look like one. */
static void
bio_startwrite(struct buf *bp)
{
	struct vnode *vp;

	vp = bp->b_vp;
	mutex_enter(&bufcache_lock);
	mutex_enter(bp->b_objlock);
	bp->b_flags &= ~B_READ;
	bp->b_error = 0;
	bp->b_oflags &= ~BIO_WERROR;
	if ((bp->b_oflags & BO_DELWRI) != 0) {
		bp->b_oflags &= ~(BO_DONE | BO_DELWRI);
		reassignbuf(bp, vp);
	} else
		bp->b_oflags &= ~BO_DONE;
	if (vp != NULL)
		vp->v_numoutput++;
	mutex_exit(bp->b_objlock);
	mutex_exit(&bufcache_lock);
	bp->b_prio = (bp->b_flags & B_ASYNC) != 0 ?
	    BPRIO_TIMELIMITED : BPRIO_TIMECRITICAL;
}

/*
 * Write a buffer and release it.  A journal turns this into a delayed write,
 * except for its own; so does an asynchronous mount.
 */
int
bwrite(struct buf *bp)
{
	struct mount *mp;
	bool sync;
	int error;

	KASSERT((bp->b_cflags & BC_BUSY) != 0);
	KASSERT(bp->b_vp != NULL);
	sync = (bp->b_flags & B_ASYNC) == 0;
	mp = bio_vnode_mount(bp->b_vp);
	if (mp != NULL) {
		if (mp->mnt_wapbl != NULL &&
		    bp->b_iodone != mp->mnt_wapbl_op->wo_wapbl_biodone) {
			bdwrite(bp);
			return 0;
		}
		if (sync && (mp->mnt_flag & MNT_ASYNC) != 0) {
			bdwrite(bp);
			return 0;
		}
	}
	curlwp->l_ru.ru_oublock++;
	bio_startwrite(bp);
	VOP_STRATEGY(bp->b_vp, bp);
	if (!sync)
		return 0;
	error = biowait(bp);
	brelse(bp, 0);
	return error;
}

/* vop_bwrite of everybody. */
int
vn_bwrite(void *v)
{
	struct vop_bwrite_args *ap = v;

	return bwrite(ap->a_bp);
}

/* Write a buffer some time later, or never if it goes away before. */
void
bdwrite(struct buf *bp)
{
	struct mount *mp;

	KASSERT((bp->b_cflags & BC_BUSY) != 0);
	KASSERT(bp->b_vp != NULL);
	mp = bio_journal(bp->b_vp);
	if (mp != NULL &&
	    bp->b_iodone != mp->mnt_wapbl_op->wo_wapbl_biodone)
		WAPBL_ADD_BUF(mp, bp);
	mutex_enter(&bufcache_lock);
	mutex_enter(bp->b_objlock);
	bp->b_flags &= ~(B_READ | B_ASYNC);
	bp->b_error = 0;
	bp->b_oflags &= ~BIO_WERROR;
	if ((bp->b_oflags & BO_DELWRI) == 0) {
		bp->b_oflags |= BO_DELWRI | BO_DONE;
		curlwp->l_ru.ru_oublock++;
		reassignbuf(bp, bp->b_vp);
	} else
		bp->b_oflags |= BO_DONE;
	mutex_exit(bp->b_objlock);
	brelsel(bp, 0);
	mutex_exit(&bufcache_lock);
}

/* Start to write a buffer, and have the completion release it. */
void
bawrite(struct buf *bp)
{

	KASSERT((bp->b_cflags & BC_BUSY) != 0);
	KASSERT(bp->b_vp != NULL);
	bp->b_flags |= B_ASYNC;
	VOP_BWRITE(bp->b_vp, bp);
}
