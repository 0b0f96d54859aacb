/* SPDX-License-Identifier: BSD-2-Clause */

/* The buffer cache, on a device that is zeroed at first. */

#include <sys/buf.h>
#include <sys/condvar.h>
#include <sys/fstrans.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/kthread.h>
#include <sys/lwp.h>
#include <sys/mount.h>
#include <sys/mutex.h>
#include <sys/vnode.h>

#include "iotest.h"

#define	BSIZE	8192
#define	NBLOCKS	512		/* the lower half of the disk */
#define	BLKNO(i)	((daddr_t)(i) * (BSIZE / DEV_BSIZE))

static int
forget_all(struct vnode *vp)
{
	int error;

	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	error = vinvalbuf(vp, V_SAVE, curlwp->l_cred, curlwp, false, 0);
	VOP_UNLOCK(vp);
	return error;
}

static bool
all_bytes(const struct buf *bp, int value)
{
	const unsigned char *p = bp->b_data;
	int i;

	for (i = 0; i < bp->b_bcount; i++) {
		if (p[i] != value)
			return false;
	}
	return true;
}

/* The same block is the same buffer, and its contents come back. */
int
test_cached(struct vnode *vp)
{
	struct buf *again, *bp;

	CHECK(bread(vp, BLKNO(3), BSIZE, B_MODIFY, &bp) == 0);
	CHECK((bp->b_cflags & BC_BUSY) != 0 && bp->b_resid == 0);
	CHECK(bp->b_lblkno == BLKNO(3) && bp->b_vp == vp);
	CHECK(all_bytes(bp, 0));
	memset(bp->b_data, 0x33, BSIZE);
	bdwrite(bp);
	CHECK((bp->b_oflags & BO_DELWRI) != 0);
	CHECK(LIST_FIRST(&vp->v_dirtyblkhd) == bp);
	mutex_enter(&bufcache_lock);
	CHECK(incore(vp, BLKNO(3)) == bp);
	CHECK(incore(vp, BLKNO(4)) == NULL);
	mutex_exit(&bufcache_lock);
	CHECK(bread(vp, BLKNO(3), BSIZE, 0, &again) == 0);
	CHECK(again == bp && all_bytes(again, 0x33));
	CHECK(bwrite(again) == 0);
	CHECK(LIST_EMPTY(&vp->v_dirtyblkhd) && vp->v_numoutput == 0);
	CHECK(forget_all(vp) == 0);
	mutex_enter(&bufcache_lock);
	CHECK(incore(vp, BLKNO(3)) == NULL);
	mutex_exit(&bufcache_lock);
	CHECK(bread(vp, BLKNO(3), BSIZE, 0, &bp) == 0);
	CHECK(all_bytes(bp, 0x33));
	memset(bp->b_data, 0, BSIZE);
	CHECK(bwrite(bp) == 0);
	return 0;
}

/* One random operation on a block; the model is one byte for each block. */
static int
random_step(struct vnode *vp, unsigned char *model)
{
	u_int i = iotest_random() % NBLOCKS, what = iotest_random() % 8;
	struct buf *bp;

	CHECK(bread(vp, BLKNO(i), BSIZE, B_MODIFY, &bp) == 0);
	CHECK(all_bytes(bp, model[i]));
	if (what < 4) {
		brelse(bp, what == 0 ? BC_AGE : 0);
		return 0;
	}
	model[i] = (unsigned char)iotest_random();
	memset(bp->b_data, model[i], BSIZE);
	if (what == 4)
		CHECK(bwrite(bp) == 0);
	else if (what == 5)
		bawrite(bp);
	else
		bdwrite(bp);
	return 0;
}

/* Whatever is done to blocks, they hold what was written last. */
int
test_random(struct vnode *vp)
{
	unsigned char *model = kmem_zalloc(NBLOCKS, KM_SLEEP);
	int line = 0, step;

	for (step = 0; step < 20000 && line == 0; step++) {
		line = random_step(vp, model);
		if (step % 5000 == 4999 && forget_all(vp) != 0)
			line = __LINE__;
		if (step % 3000 == 2999 &&
		    (vflushbuf(vp, FSYNC_WAIT) != 0 ||
		    !LIST_EMPTY(&vp->v_dirtyblkhd) || vp->v_numoutput != 0))
			line = __LINE__;
	}
	kmem_free(model, NBLOCKS);
	return line != 0 ? line : forget_all(vp) == 0 ? 0 : __LINE__;
}

/* The cache stays below its limit, also with dirty buffers only. */
int
test_limit(struct vnode *vp)
{
	u_int before = buf_nbuf(), i, most;
	struct buf *bp;

	most = (u_int)(buf_memcalc() / MAXBSIZE);
	for (i = 0; i < IOTEST_DISK / MAXBSIZE; i++) {
		bp = getblk(vp, (daddr_t)i * (MAXBSIZE / DEV_BSIZE), MAXBSIZE,
		    0, 0);
		CHECK(bp != NULL);
		memset(bp->b_data, (int)i, MAXBSIZE);
		bdwrite(bp);
		CHECK(buf_nbuf() <= before + most);
	}
	for (i = 0; i < IOTEST_DISK / MAXBSIZE; i++) {
		CHECK(bread(vp, (daddr_t)i * (MAXBSIZE / DEV_BSIZE), MAXBSIZE,
		    0, &bp) == 0);
		CHECK(all_bytes(bp, (int)(i & 0xff)));
		brelse(bp, 0);
	}
	return forget_all(vp) == 0 ? 0 : __LINE__;
}

/* Two contexts that want the same block take turns. */

struct busy_state {
	struct vnode *vp;
	struct lwp *lwp;
	int	rounds;
};

static int
busy_rounds(struct vnode *vp, int rounds)
{
	struct buf *bp;
	int *counter;

	for (; rounds > 0; rounds--) {
		if (bread(vp, BLKNO(7), BSIZE, B_MODIFY, &bp) != 0)
			return __LINE__;
		counter = bp->b_data;
		(*counter)++;
		if (rounds % 3 == 0)
			kpause("iotest", false, 1, NULL);	/* while busy */
		if (rounds % 2 == 0)
			bdwrite(bp);
		else if (bwrite(bp) != 0)
			return __LINE__;
	}
	return 0;
}

static void
busy_thread(void *arg)
{
	struct busy_state *bs = arg;

	kthread_exit(busy_rounds(bs->vp, bs->rounds));
}

int
test_busy(struct vnode *vp)
{
	struct busy_state bs[3];
	struct buf *bp;
	int counter, i;

	CHECK(bread(vp, BLKNO(7), BSIZE, B_MODIFY, &bp) == 0);
	memset(bp->b_data, 0, BSIZE);
	CHECK(bwrite(bp) == 0);
	for (i = 0; i < 3; i++) {
		bs[i].vp = vp;
		bs[i].rounds = 20 + i;
		CHECK(kthread_create(PRI_NONE, KTHREAD_MPSAFE |
		    KTHREAD_MUSTJOIN, NULL, busy_thread, &bs[i], &bs[i].lwp,
		    "iotest%d", i) == 0);
	}
	CHECK(busy_rounds(vp, 10) == 0);
	for (i = 0; i < 3; i++)
		CHECK(kthread_join(bs[i].lwp) == 0);
	CHECK(bread(vp, BLKNO(7), BSIZE, 0, &bp) == 0);
	counter = *(int *)bp->b_data;
	brelse(bp, 0);
	CHECK(counter == 20 + 21 + 22 + 10);
	return forget_all(vp) == 0 ? 0 : __LINE__;
}

/* A transfer in parts is done with the last, and fails with any. */

static struct buf *
nested_master(struct vnode *vp, void *data)
{
	struct buf *mbp = getiobuf(vp, true);

	mbp->b_flags = B_READ;
	mbp->b_data = data;
	mbp->b_bufsize = mbp->b_bcount = mbp->b_resid = 4 * BSIZE;
	return mbp;
}

static void
nested_part(struct buf *mbp, int i)
{
	struct buf *bp = getiobuf(mbp->b_vp, true);

	nestiobuf_setup(mbp, bp, i * BSIZE, BSIZE);
	bp->b_blkno = BLKNO(20 + i);
	VOP_STRATEGY(mbp->b_vp, bp);
}

int
test_nested(struct vnode *vp)
{
	char *data = kmem_alloc(4 * BSIZE, KM_SLEEP);
	struct buf *bp, *mbp;
	int i;

	for (i = 0; i < 4; i++) {
		bp = getblk(vp, BLKNO(20 + i), BSIZE, 0, 0);
		memset(bp->b_data, i + 1, BSIZE);
		CHECK(bwrite(bp) == 0);
	}
	mbp = nested_master(vp, data);
	for (i = 3; i >= 0; i--)
		nested_part(mbp, i);
	CHECK(biowait(mbp) == 0 && mbp->b_resid == 0);
	for (i = 0; i < 4; i++)
		CHECK(data[i * BSIZE] == i + 1 &&
		    data[(i + 1) * BSIZE - 1] == i + 1);
	putiobuf(mbp);

	mbp = nested_master(vp, data);
	nested_part(mbp, 0);
	nestiobuf_done(mbp, 2 * BSIZE, EIO);
	nested_part(mbp, 3);
	CHECK(biowait(mbp) == EIO && mbp->b_resid == mbp->b_bcount);
	putiobuf(mbp);
	kmem_free(data, 4 * BSIZE);
	return forget_all(vp) == 0 ? 0 : __LINE__;
}

/* Copy-on-write handlers see a block once, before it changes. */

static struct {
	int	calls;
	int	first;		/* byte 0 of the last block seen */
	bool	valid;
	int	error;
} cow;

static int
cow_handler(void *cookie, struct buf *bp, bool data_valid)
{

	cow.calls++;
	cow.valid = data_valid;
	cow.first = *(unsigned char *)bp->b_data;
	return cookie == &cow ? cow.error : EDOM;
}

int
test_cow(struct vnode *vp)
{
	struct mount *mp = vp->v_mount;
	struct vnode fake = *vp;
	struct buf *bp;

	/* A buffer that claims to be of a file of that mount. */
	fake.v_type = VREG;
	bp = getiobuf(NULL, true);
	bp->b_data = &cow.first;
	bp->b_vp = &fake;
	cow.first = 5;
	CHECK(fscow_establish(mp, cow_handler, &cow) == 0);
	cow.error = ENOSPC;
	CHECK(fscow_run(bp, true) == ENOSPC && cow.calls == 1 && cow.valid);
	CHECK((bp->b_flags & B_COWDONE) == 0);
	cow.error = 0;
	CHECK(fscow_run(bp, false) == 0 && cow.calls == 2 && !cow.valid);
	CHECK((bp->b_flags & B_COWDONE) != 0);
	CHECK(fscow_run(bp, true) == 0 && cow.calls == 2);
	CHECK(fscow_disestablish(mp, cow_handler, NULL) == EINVAL);
	CHECK(fscow_disestablish(mp, cow_handler, &cow) == 0);
	bp->b_flags &= ~B_COWDONE;
	CHECK(fscow_run(bp, true) == 0 && cow.calls == 2);
	bp->b_vp = NULL;
	putiobuf(bp);
	return 0;
}

/* Blocks named in breadn() are in the cache afterwards. */
int
test_readahead(struct vnode *vp)
{
	daddr_t blks[3] = { BLKNO(31), BLKNO(32), BLKNO(33) };
	int sizes[3] = { BSIZE, BSIZE, BSIZE };
	struct buf *bp;
	int i;

	CHECK(forget_all(vp) == 0);
	CHECK(breadn(vp, BLKNO(30), BSIZE, blks, sizes, 3, 0, &bp) == 0);
	brelse(bp, BC_NOCACHE);
	mutex_enter(&bufcache_lock);
	CHECK(incore(vp, BLKNO(30)) == NULL);
	for (i = 0; i < 3; i++)
		CHECK(incore(vp, blks[i]) != NULL);
	mutex_exit(&bufcache_lock);
	binvalbuf(vp, blks[1]);
	mutex_enter(&bufcache_lock);
	CHECK(incore(vp, blks[0]) != NULL && incore(vp, blks[1]) == NULL);
	mutex_exit(&bufcache_lock);
	return forget_all(vp) == 0 ? 0 : __LINE__;
}

/* allocbuf() keeps contents; a read beyond the disk is an error. */
int
test_sizes(struct vnode *vp)
{
	struct buf *bp;

	bp = geteblk(512);
	CHECK(bp->b_bcount == 512 && (bp->b_cflags & BC_INVAL) != 0);
	memset(bp->b_data, 9, 512);
	allocbuf(bp, 3000, 1);
	CHECK(bp->b_bcount == 3000 && bp->b_bufsize >= 3000);
	CHECK(((char *)bp->b_data)[511] == 9);
	allocbuf(bp, MAXBSIZE, 1);
	allocbuf(bp, 512, 1);
	CHECK(all_bytes(bp, 9));
	brelse(bp, 0);
	bp = (void *)vp;
	CHECK(bread(vp, IOTEST_DISK / DEV_BSIZE + 16, BSIZE, 0, &bp) != 0);
	CHECK(bp == NULL);
	return 0;
}

/*
 * More of a block is wanted than was read before: what is dirty is written, and
 * the rest comes from the disk, as it does for a clean one.
 */
int
test_regrow(struct vnode *vp)
{
	struct buf *bp;
	int dirty;

	for (dirty = 0; dirty < 2; dirty++) {
		bp = getblk(vp, BLKNO(100), BSIZE, 0, 0);
		CHECK(bp != NULL);
		memset(bp->b_data, 5, BSIZE);
		bp->b_cflags |= BC_INVAL;
		CHECK(bwrite(bp) == 0);
		CHECK(bread(vp, BLKNO(100), DEV_BSIZE, 0, &bp) == 0);
		CHECK(bp->b_bcount == DEV_BSIZE && all_bytes(bp, 5));
		if (dirty) {
			memset(bp->b_data, 6, DEV_BSIZE);
			bdwrite(bp);
		} else
			brelse(bp, 0);
		CHECK(bread(vp, BLKNO(100), BSIZE, 0, &bp) == 0);
		CHECK(bp->b_bcount == BSIZE);
		CHECK(((char *)bp->b_data)[0] == (dirty ? 6 : 5));
		CHECK(((char *)bp->b_data)[DEV_BSIZE - 1] == (dirty ? 6 : 5));
		CHECK(((char *)bp->b_data)[DEV_BSIZE] == 5);
		CHECK(((char *)bp->b_data)[BSIZE - 1] == 5);
		brelse(bp, BC_INVAL);
	}
	return 0;
}
