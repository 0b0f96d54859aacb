/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The buffer cache under a journal: a small one, which does to the buffers
 * what NetBSD's wapbl does, without any log.
 */

#include <sys/buf.h>
#include <sys/lwp.h>
#include <sys/mount.h>
#include <sys/mutex.h>
#include <sys/vnode.h>
#include <sys/wapbl.h>
#include <miscfs/specfs/specdev.h>

#include "iotest.h"

#define	BSIZE	8192
#define	BLKNO	((daddr_t)1024)

static struct {
	struct buf	*owned;		/* as wl_bufs; there is one at most */
	long		bytes;		/* of b_bufsize, as it was told us */
	int		added;
	int		removed;
	int		done;
} journal;

static void
journal_add(struct wapbl *wl, struct buf *bp)
{

	KASSERT((bp->b_cflags & BC_BUSY) != 0);
	journal.added++;
	if ((bp->b_flags & B_LOCKED) == 0) {
		KASSERT((bp->b_oflags & BO_DELWRI) == 0);
		journal.owned = bp;
		journal.bytes = bp->b_bufsize;
		mutex_enter(&bufcache_lock);
		bp->b_flags |= B_LOCKED;
		mutex_exit(&bufcache_lock);
	}
}

static void
journal_remove(struct wapbl *wl, struct buf *bp)
{

	KASSERT(mutex_owned(&bufcache_lock));
	KASSERT(bp == journal.owned);
	journal.removed++;
	journal.bytes -= bp->b_bufsize;
	journal.owned = NULL;
	bp->b_flags &= ~B_LOCKED;
}

static void
journal_resize(struct wapbl *wl, struct buf *bp, long oldsize, long oldcount)
{

	journal.bytes += bp->b_bufsize - oldsize;
}

static void
journal_biodone(struct buf *bp)
{

	journal.done++;
	bp->b_iodone = NULL;
	brelse(bp, 0);
}

static const struct wapbl_ops journal_ops = {
	.wo_wapbl_add_buf = journal_add,
	.wo_wapbl_remove_buf = journal_remove,
	.wo_wapbl_resize_buf = journal_resize,
	.wo_wapbl_biodone = journal_biodone,
};

/* A journal's own transfers: buffers of no block, given a vnode by hand. */
static int
journal_own_io(struct vnode *vp)
{
	const int before = vp->v_holdcnt;
	struct buf *bp = geteblk(BSIZE);

	mutex_enter(&bufcache_lock);
	mutex_enter(vp->v_interlock);
	bgetvp(vp, bp);
	mutex_exit(vp->v_interlock);
	mutex_exit(&bufcache_lock);
	CHECK(vp->v_holdcnt == before + 1);
	memset(bp->b_data, 0x5a, BSIZE);
	bp->b_flags = B_WRITE;
	bp->b_cflags = BC_BUSY;
	bp->b_blkno = BLKNO + BSIZE / DEV_BSIZE;
	bp->b_dev = vp->v_rdev;
	mutex_enter(vp->v_interlock);
	vp->v_numoutput++;
	mutex_exit(vp->v_interlock);
	VOP_STRATEGY(vp, bp);
	CHECK(biowait(bp) == 0);
	mutex_enter(&bufcache_lock);
	CHECK(incore(vp, bp->b_blkno) == NULL);
	mutex_exit(&bufcache_lock);
	brelse(bp, BC_INVAL);
	CHECK(vp->v_holdcnt == before);
	return 0;
}

static int
journal_owns(struct vnode *vp)
{
	struct buf *bp, *again;

	/* Any write stays here, and goes on the journal's list. */
	CHECK(bread(vp, BLKNO, BSIZE, B_MODIFY, &bp) == 0);
	CHECK(bwrite(bp) == 0);
	CHECK(journal.owned == bp && journal.added == 1);
	CHECK((bp->b_flags & B_LOCKED) != 0 && journal.bytes == BSIZE);
	CHECK((bp->b_oflags & BO_DELWRI) != 0 && vp->v_numoutput == 0);
	/* Twice is once, and another size is told. */
	again = getblk(vp, BLKNO, BSIZE, 0, 0);
	CHECK(again == bp);
	allocbuf(bp, BSIZE / 2, 1);
	CHECK(journal.bytes == BSIZE / 2);
	allocbuf(bp, BSIZE, 1);
	bdwrite(bp);
	CHECK(journal.added == 2 && journal.bytes == BSIZE);
	CHECK(LIST_FIRST(&vp->v_dirtyblkhd) == bp);
	/* The flush: off its list, then to the disk with its completion. */
	mutex_enter(&bufcache_lock);
	CHECK(bbusy(bp, false, 0, NULL) == 0);
	bremfree(bp);
	journal_remove(NULL, bp);
	mutex_exit(&bufcache_lock);
	bp->b_iodone = journal_biodone;
	bawrite(bp);
	mutex_enter(vp->v_interlock);
	while (vp->v_numoutput > 0)
		cv_wait(&vp->v_cv, vp->v_interlock);
	mutex_exit(vp->v_interlock);
	CHECK(bread(vp, BLKNO, BSIZE, 0, &bp) == 0);	/* waits for it */
	CHECK(journal.done == 1 && (bp->b_oflags & BO_DELWRI) == 0);
	brelse(bp, 0);
	/* Thrown away while it is owned. */
	CHECK(bread(vp, BLKNO, BSIZE, B_MODIFY, &bp) == 0);
	bdwrite(bp);
	mutex_enter(&bufcache_lock);
	CHECK(bbusy(bp, false, 0, NULL) == 0);
	bremfree(bp);
	brelsel(bp, BC_INVAL);
	CHECK(incore(vp, BLKNO) == NULL);
	mutex_exit(&bufcache_lock);
	CHECK(journal.removed == 2 && journal.owned == NULL);
	CHECK(journal.bytes == 0);
	return 0;
}

/* What the journal could not write to its place stays readable. */
static int
journal_failed(struct vnode *vp)
{
	const daddr_t beyond = IOTEST_DISK / DEV_BSIZE + 16;
	const int done = journal.done;
	struct buf *bp = getblk(vp, beyond, BSIZE, 0, 0);

	memset(bp->b_data, 0x77, BSIZE);
	bp->b_iodone = journal_biodone;
	bawrite(bp);
	CHECK(bread(vp, beyond, BSIZE, 0, &bp) == 0);
	CHECK(journal.done == done + 1 && vp->v_numoutput == 0);
	CHECK(*(unsigned char *)bp->b_data == 0x77);
	brelse(bp, BC_INVAL);
	return 0;
}

int
test_journal(struct vnode *vp)
{
	struct mount *mp = rootvnode->v_mount;
	int line;

	line = journal_own_io(vp);
	if (line != 0)
		return line;
	CHECK(mp->mnt_wapbl == NULL);
	spec_node_setmountedfs(vp, mp);
	mp->mnt_wapbl_op = &journal_ops;
	mp->mnt_wapbl = (void *)&journal;
	line = journal_owns(vp);
	if (line == 0)
		line = journal_failed(vp);
	mp->mnt_wapbl = NULL;
	mp->mnt_wapbl_op = NULL;
	spec_node_setmountedfs(vp, NULL);
	return line;
}
