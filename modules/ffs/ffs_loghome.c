/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way home of a committed transaction's blocks: to where they belong.
 *
 * They are sorted by their place, in the journal too.  Small ones that lie
 * side by side on the disk, as those of new directories do, go out in one
 * transfer, from a copy: in memory they do not.
 */

#include "ffs.h"
#include "ffs_log.h"

#include <lib/libkern/libkern.h>

/* One transfer of several blocks, none larger than this: copying is cheap. */
#define	FFS_HOME_SMALL	8192
#define	FFS_HOME_BUFS	32
struct ffs_home {
	struct buf	*fh_buf[FFS_HOME_BUFS];
	int		fh_n;
	int		fh_bytes;
	char		*fh_copy;
};

/* Where a buffer belongs; one of a file may not know that yet. */
static int
ffs_loghome_place(struct buf *bp)
{
	struct ffs_inode *ip;
	int64_t bno;
	int error;

	if (bp->b_vp->v_type == VBLK || bp->b_blkno != bp->b_lblkno)
		return 0;
	ip = VTOI(bp->b_vp);
	error = ffs_bmap_lbn(ip, bp->b_lblkno, &bno, NULL);
	if (error == 0 && bno == 0)
		error = EIO;
	if (error == 0)
		bp->b_blkno = FFS_FSBTODB(ip->i_fm->fm_fs, bno);
	return error;
}

/* Merge two sorted lists, linked by the first half of b_wapbllist only. */
static struct buf *
ffs_loghome_merge(struct buf *a, struct buf *b)
{
	struct buf *first, **tail = &first;

	while (a != NULL && b != NULL) {
		struct buf **less = a->b_blkno <= b->b_blkno ? &a : &b;

		*tail = *less;
		tail = &TAILQ_NEXT(*less, b_wapbllist);
		*less = *tail;
	}
	*tail = a != NULL ? a : b;
	return first;
}

/* Find out where the transaction's buffers belong, and sort them by that. */
int
ffs_loghome_sort(struct ffs_log *lg)
{
	struct buf *bin[32] = { NULL };	/* sorted lists of 1 << i */
	struct buf *bp, *next, *all = NULL;
	int error, i;

	TAILQ_FOREACH(bp, &lg->lg_bufs, b_wapbllist) {
		error = ffs_loghome_place(bp);
		if (error != 0)
			return error;
	}
	for (bp = TAILQ_FIRST(&lg->lg_bufs); bp != NULL; bp = next) {
		next = TAILQ_NEXT(bp, b_wapbllist);
		TAILQ_NEXT(bp, b_wapbllist) = NULL;
		for (i = 0; bin[i] != NULL; i++) {
			bp = ffs_loghome_merge(bin[i], bp);
			bin[i] = NULL;
		}
		bin[i] = bp;
	}
	for (i = 0; i < (int)__arraycount(bin); i++)
		all = ffs_loghome_merge(bin[i], all);
	TAILQ_INIT(&lg->lg_bufs);
	for (bp = all; bp != NULL; bp = next) {
		next = TAILQ_NEXT(bp, b_wapbllist);
		TAILQ_INSERT_TAIL(&lg->lg_bufs, bp, b_wapbllist);
	}
	return 0;
}

/* A block has arrived where it belongs, or not. */
void
ffs_log_biodone(struct buf *bp)
{
	struct ffs_logentry *le = bp->b_private;
	struct ffs_log *lg = le->le_log;

	bp->b_private = NULL;
	if (bp->b_error == 0)
		le->le_refs--;
	else if (lg->lg_error == 0)
		lg->lg_error = bp->b_error;	/* the journal still has it */
	if (--lg->lg_inflight == 0)
		cv_broadcast(&lg->lg_cv);
	brelse(bp, 0);
}

/* All blocks of a transfer have arrived, or none is known to have. */
static void
ffs_loghome_done(struct buf *tbp)
{
	struct ffs_home *fh = tbp->b_private;
	const int error = tbp->b_error != 0 ? tbp->b_error :
	    tbp->b_resid != 0 ? EIO : 0;

	putiobuf(tbp);
	for (int i = 0; i < fh->fh_n; i++) {
		struct buf *bp = fh->fh_buf[i];

		bp->b_error = error;
		bp->b_resid = error != 0 ? bp->b_bcount : 0;
		biodone(bp);
	}
	kmem_intr_free(fh->fh_copy, (size_t)fh->fh_bytes);
	kmem_intr_free(fh, sizeof(*fh));
}

/* Make a buffer one that is being written; bwrite() does that for others. */
static void
ffs_loghome_start(struct buf *bp)
{
	mutex_enter(&bufcache_lock);
	mutex_enter(bp->b_objlock);
	bp->b_flags = (bp->b_flags & ~B_READ) | B_ASYNC;
	bp->b_error = 0;
	bp->b_oflags &= ~(BO_DONE | BO_DELWRI);
	reassignbuf(bp, bp->b_vp);
	bp->b_vp->v_numoutput++;
	mutex_exit(bp->b_objlock);
	mutex_exit(&bufcache_lock);
}

/* Write several blocks in one transfer. */
static void
ffs_loghome_cluster(struct ffs_mount *fm, const struct ffs_home *from)
{
	struct vnode *devvp = fm->fm_devvp;
	struct ffs_home *fh = kmem_intr_alloc(sizeof(*fh), KM_SLEEP);
	struct buf *tbp;
	int at = 0;

	*fh = *from;
	fh->fh_copy = kmem_intr_alloc((size_t)fh->fh_bytes, KM_SLEEP);
	for (int i = 0; i < fh->fh_n; i++) {
		struct buf *bp = fh->fh_buf[i];

		memcpy(fh->fh_copy + at, bp->b_data, (size_t)bp->b_bcount);
		at += bp->b_bcount;
		ffs_loghome_start(bp);
	}
	KASSERT(at == fh->fh_bytes);
	tbp = getiobuf(devvp, true);
	tbp->b_data = fh->fh_copy;
	tbp->b_bufsize = tbp->b_bcount = tbp->b_resid = fh->fh_bytes;
	tbp->b_blkno = tbp->b_lblkno = fh->fh_buf[0]->b_blkno;
	tbp->b_dev = fm->fm_dev;
	tbp->b_flags |= B_ASYNC;
	tbp->b_iodone = ffs_loghome_done;
	tbp->b_private = fh;
	mutex_enter(devvp->v_interlock);
	devvp->v_numoutput++;
	mutex_exit(devvp->v_interlock);
	BIO_SETPRIO(tbp, BPRIO_TIMELIMITED);
	VOP_STRATEGY(devvp, tbp);
}

/* Send off what has been gathered. */
static void
ffs_loghome_transfer(struct ffs_mount *fm, struct ffs_home *fh)
{
	if (fh->fh_n == 1)
		bawrite(fh->fh_buf[0]);
	else if (fh->fh_n > 1)
		ffs_loghome_cluster(fm, fh);
	fh->fh_n = fh->fh_bytes = 0;
}

/* Does the block follow those that have been gathered? */
static bool
ffs_loghome_fits(const struct ffs_home *fh, const struct buf *bp)
{
	return fh->fh_n > 0 && fh->fh_n < FFS_HOME_BUFS &&
	    fh->fh_buf[0]->b_bcount <= FFS_HOME_SMALL &&
	    bp->b_bcount <= FFS_HOME_SMALL &&
	    fh->fh_bytes + bp->b_bcount <= MAXPHYS &&
	    bp->b_blkno == fh->fh_buf[0]->b_blkno + btodb(fh->fh_bytes);
}

/* Send the committed blocks home, as part of what le waits for. */
void
ffs_loghome_send(struct ffs_log *lg, struct ffs_logentry *le)
{
	struct ffs_home fh = { .fh_n = 0 };
	struct buf *bp;

	mutex_enter(&bufcache_lock);
	while ((bp = TAILQ_FIRST(&lg->lg_bufs)) != NULL) {
		/* Who waits for a buffer may hold no other. */
		if (!ffs_loghome_fits(&fh, bp) ||
		    (bp->b_cflags & BC_BUSY) != 0) {
			mutex_exit(&bufcache_lock);
			ffs_loghome_transfer(lg->lg_fm, &fh);
			mutex_enter(&bufcache_lock);
		}
		if (bp != TAILQ_FIRST(&lg->lg_bufs) ||
		    bbusy(bp, false, 0, NULL) != 0)
			continue;	/* slept: it may be gone */
		bremfree(bp);
		ffs_log_release(lg, bp);
		bp->b_iodone = ffs_log_biodone;
		bp->b_private = le;
		le->le_refs++;
		lg->lg_inflight++;
		fh.fh_buf[fh.fh_n++] = bp;
		fh.fh_bytes += bp->b_bcount;
	}
	mutex_exit(&bufcache_lock);
	ffs_loghome_transfer(lg->lg_fm, &fh);
}
