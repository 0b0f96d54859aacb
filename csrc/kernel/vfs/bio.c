/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer cache: blocks of metadata and of devices, keyed by vnode and
 * logical block number.  Finding, making and releasing them; what is read and
 * written when is in biorw.c.
 *
 * A buffer is either busy (BC_BUSY: somebody owns it, it is on no free list)
 * or on one of three free lists: LOCKED (a journal holds it back), LRU, or
 * AGE (first to be reused).  Those with valid contents are in the hash.  A
 * buffer that loses its identity is freed at once, so that nothing on the
 * free lists is empty.
 *
 * One virtual CPU runs the kernel and nothing here is preempted, yet all is
 * done under bufcache_lock as in NetBSD: journals take that lock and walk
 * these lists themselves.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/buf.h>
#include <sys/fstrans.h>
#include <sys/kernel.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/mount.h>
#include <sys/pool.h>
#include <sys/proc.h>
#include <sys/vnode.h>
#include <uvm/uvm.h>
#include <ufs/lfs/ulfs_inode.h>

#include "vfs/bio.h"

#define	BQ_NONE		(-1)
#define	BQ_LOCKED	0
#define	BQ_LRU		1
#define	BQ_AGE		2
#define	BQ_COUNT	3

#define	BIO_HASH_MIN	1024		/* chains at boot; a power of two */

kmutex_t	bufcache_lock;
pool_cache_t	bio_pool;
u_int		nbuf;

LIST_HEAD(bio_chain, buf);
static TAILQ_HEAD(bio_queue, buf) bio_queues[BQ_COUNT];
static struct bio_chain *bio_hash;
static u_long	bio_hashmask;

void
bufinit(void)
{
	int i;

	mutex_init(&bufcache_lock, MUTEX_DEFAULT, IPL_NONE);
	mutex_init(&buffer_lock, MUTEX_DEFAULT, IPL_NONE);
	for (i = 0; i < BQ_COUNT; i++)
		TAILQ_INIT(&bio_queues[i]);
	bio_hash = hashinit(BIO_HASH_MIN, HASH_LIST, true, &bio_hashmask);
	bio_pool = pool_cache_init(sizeof(struct buf), 0, 0, 0, "bufpl",
	    NULL, IPL_NONE, NULL, NULL, NULL);
	bufmem_init();
}

/* The hash. */

static inline struct bio_chain *
bio_chain(const struct vnode *vp, daddr_t blkno)
{
	uint64_t key;

	key = ((uintptr_t)vp >> 6) * 0x9e3779b97f4a7c15ULL + (uint64_t)blkno;
	key *= 0xd6e8feb86659fd93ULL;
	return &bio_hash[(key >> 32) & bio_hashmask];
}

/* Keep chains short: twice as many of them when there are many buffers. */
static void
bio_hash_grow(void)
{
	struct bio_chain *old, *new;
	u_long i, mask, oldmask;
	struct buf *bp;

	new = kmem_alloc((bio_hashmask + 1) * 2 * sizeof(*new), KM_NOSLEEP);
	if (new == NULL)
		return;
	old = bio_hash;
	oldmask = bio_hashmask;
	mask = oldmask * 2 + 1;
	for (i = 0; i <= mask; i++)
		LIST_INIT(&new[i]);
	bio_hash = new;
	bio_hashmask = mask;
	for (i = 0; i <= oldmask; i++) {
		while ((bp = LIST_FIRST(&old[i])) != NULL) {
			LIST_REMOVE(bp, b_hash);
			LIST_INSERT_HEAD(bio_chain(bp->b_vp, bp->b_lblkno),
			    bp, b_hash);
		}
	}
	/* hashinit() and kmem(9) agree on nothing; the first table stays. */
	if (oldmask + 1 != BIO_HASH_MIN)
		kmem_free(old, (oldmask + 1) * sizeof(*old));
	else
		hashdone(old, HASH_LIST, oldmask);
}

/* The buffer of that block if there is one, busy or not. */
struct buf *
incore(struct vnode *vp, daddr_t blkno)
{
	struct buf *bp;

	KASSERT(mutex_owned(&bufcache_lock));
	LIST_FOREACH(bp, bio_chain(vp, blkno), b_hash) {
		if (bp->b_lblkno == blkno && bp->b_vp == vp &&
		    (bp->b_cflags & BC_INVAL) == 0)
			return bp;
	}
	return NULL;
}

/* Free lists. */

static void
bio_enqueue(struct buf *bp, int queue, bool head)
{

	KASSERT(bp->b_freelistindex == BQ_NONE);
	bp->b_freelistindex = queue;
	if (head)
		TAILQ_INSERT_HEAD(&bio_queues[queue], bp, b_freelist);
	else
		TAILQ_INSERT_TAIL(&bio_queues[queue], bp, b_freelist);
}

void
bremfree(struct buf *bp)
{

	KASSERT(mutex_owned(&bufcache_lock));
	KASSERTMSG(bp->b_freelistindex != BQ_NONE, "buffer %p is not free",
	    bp);
	TAILQ_REMOVE(&bio_queues[bp->b_freelistindex], bp, b_freelist);
	bp->b_freelistindex = BQ_NONE;
}

/*
 * Make a buffer busy.  0: it is ours.  EPASSTHROUGH: we have slept, so the
 * buffer may be another one by now and the caller looks again.  The page
 * daemon never waits, for what it waits for may need memory: EDEADLK.
 */
int
bbusy(struct buf *bp, bool intr, int timo, kmutex_t *interlock)
{
	int error;

	KASSERT(mutex_owned(&bufcache_lock));
	if (__predict_true((bp->b_cflags & BC_BUSY) == 0)) {
		bp->b_cflags |= BC_BUSY;
		return 0;
	}
	if (uvm.pagedaemon_lwp != NULL && curlwp == uvm.pagedaemon_lwp)
		return EDEADLK;
	bp->b_cflags |= BC_WANTED;
	if (interlock != NULL)
		mutex_exit(interlock);
	if (intr)
		error = cv_timedwait_sig(&bp->b_busy, &bufcache_lock, timo);
	else
		error = cv_timedwait(&bp->b_busy, &bufcache_lock, timo);
	if (interlock != NULL)
		mutex_enter(interlock);
	return error != 0 ? error : EPASSTHROUGH;
}

void
buf_init(struct buf *bp)
{

	memset(bp, 0, sizeof(*bp));
	bp->b_prio = BPRIO_DEFAULT;
	bp->b_dev = NODEV;
	bp->b_freelistindex = BQ_NONE;
	bp->b_vnbufs.le_next = BIO_NOLIST;
	bp->b_objlock = &buffer_lock;
	cv_init(&bp->b_done, "biowait");
	cv_init(&bp->b_busy, "biolock");
}

void
buf_destroy(struct buf *bp)
{

	cv_destroy(&bp->b_done);
	cv_destroy(&bp->b_busy);
}

/* A busy buffer without identity or memory. */
static struct buf *
bio_new(void)
{
	struct buf *bp;

	bp = pool_cache_get(bio_pool, PR_WAITOK);
	buf_init(bp);
	bp->b_cflags = BC_BUSY;
	return bp;
}

/*
 * Give a busy buffer up for good: no identity, no memory, no struct.
 */
void
bio_forget(struct buf *bp)
{
	struct mount *mp;

	KASSERT(mutex_owned(&bufcache_lock));
	KASSERT(bp->b_freelistindex == BQ_NONE);
	if ((bp->b_flags & B_LOCKED) != 0 &&
	    (mp = bio_journal(bp->b_vp)) != NULL)
		WAPBL_REMOVE_BUF(mp, bp);	/* clears B_LOCKED */
	if (bp->b_hash.le_prev != NULL) {
		LIST_REMOVE(bp, b_hash);
		bufmem.bm_nbuf--;
	}
	/* Journals give a vnode to buffers of geteblk() by bgetvp(). */
	if (bp->b_vp != NULL)
		brelvp(bp);
	if (bp->b_bufsize > 0)
		bufmem_free(bp->b_data, bp->b_bufsize);
	if ((bp->b_cflags & BC_WANTED) != 0)
		cv_broadcast(&bp->b_busy);
	buf_destroy(bp);
	pool_cache_put(bio_pool, bp);
}

/* The first that is not in use; see brelsel() for those that are. */
static struct buf *
bio_oldest(int queue)
{
	struct buf *bp;

	TAILQ_FOREACH(bp, &bio_queues[queue], b_freelist)
		if ((bp->b_cflags & BC_BUSY) == 0)
			break;
	return bp;
}

/*
 * Start to write a dirty buffer; whoever needs the memory may stand anywhere,
 * so not if its file system keeps him out.
 */
static bool
bio_write_old(struct buf *bp)
{
	struct mount *mp = bio_vnode_mount(bp->b_vp);
	bool entered;

	mutex_exit(&bufcache_lock);
	entered = mp == NULL || fstrans_start_nowait(mp) == 0;
	if (entered) {
		bp->b_cflags |= BC_AGE | BC_VFLUSH;
		bawrite(bp);
		if (mp != NULL)
			fstrans_done(mp);
	}
	mutex_enter(&bufcache_lock);
	if (!entered)
		brelsel(bp, 0);
	return entered;
}

/*
 * Make room: forget the buffer that was not used for the longest time, or
 * start to write it if it is dirty.  What could not be written before is
 * given up now.  False if there was none.
 */
bool
bio_reclaim_one(void)
{
	struct buf *bp;

	KASSERT(mutex_owned(&bufcache_lock));
	bp = bio_oldest(BQ_AGE);
	if (bp == NULL)
		bp = bio_oldest(BQ_LRU);
	if (bp == NULL)
		return false;
	bremfree(bp);
	bp->b_cflags |= BC_BUSY;
	if ((bp->b_oflags & BIO_WERROR) != 0) {
		printf("vnode %p: changes of block %jd are lost\n", bp->b_vp,
		    (intmax_t)bp->b_lblkno);
		bp->b_oflags &= ~(BO_DELWRI | BIO_WERROR);
	}
	if ((bp->b_oflags & BO_DELWRI) != 0)
		return bio_write_old(bp);
	bio_forget(bp);
	return true;
}

/*
 * Change a buffer's size, keeping what it holds if told so.  The memory is
 * of fixed size classes, so that mostly nothing moves.
 */
int
allocbuf(struct buf *bp, int size, int preserve)
{
	struct mount *mp;
	size_t class;
	int oldcount, oldsize;
	void *data;

	KASSERT(size >= 0 && size <= MAXBSIZE);
	oldcount = bp->b_bcount;
	oldsize = bp->b_bufsize;
	bp->b_bcount = size;
	if (size > oldsize || (size <= oldsize / 2 && oldsize > DEV_BSIZE)) {
		data = bufmem_alloc(size, &class);
		if (class == (size_t)oldsize) {
			bufmem_free(data, class);
			data = bp->b_data;
		} else {
			if (preserve && oldsize > 0)
				memcpy(data, bp->b_data,
				    MIN(oldcount, size));
			if (oldsize > 0)
				bufmem_free(bp->b_data, oldsize);
			bp->b_data = data;
			bp->b_bufsize = class;
		}
	}
	if ((bp->b_flags & B_LOCKED) != 0 && oldcount != size &&
	    (mp = bio_journal(bp->b_vp)) != NULL)
		WAPBL_RESIZE_BUF(mp, bp, oldsize, oldcount);
	return 0;
}

/* Give a new busy buffer its identity. */
static void
bio_identify(struct buf *bp, struct vnode *vp, daddr_t blkno)
{

	bp->b_lblkno = blkno;
	bp->b_blkno = blkno;
	bp->b_rawblkno = blkno;
	mutex_enter(vp->v_interlock);
	bgetvp(vp, bp);
	mutex_exit(vp->v_interlock);
	LIST_INSERT_HEAD(bio_chain(vp, blkno), bp, b_hash);
	if (++bufmem.bm_nbuf > 2 * (bio_hashmask + 1))
		bio_hash_grow();
	if (bufmem.bm_nbuf > nbuf)
		nbuf = bufmem.bm_nbuf;
}

/* Find a block's buffer and make it busy; NULL in *bpp if there is none. */
static int
bio_find(struct vnode *vp, daddr_t blkno, bool intr, int timo,
    struct buf **bpp)
{
	struct buf *bp;
	int error;

	for (;;) {
		bp = incore(vp, blkno);
		if (bp == NULL)
			break;
		error = bbusy(bp, intr, timo, NULL);
		if (error == 0) {
			bremfree(bp);
			break;
		}
		if (error != EPASSTHROUGH)
			return error;
	}
	*bpp = bp;
	return 0;
}

/*
 * The buffer of a block, busy; its contents are valid only if BO_DONE or
 * BO_DELWRI says so.  NULL if a wait for it was interrupted or timed out.
 *
 * A file may begin at a block of a device that was read in another size before
 * (NTFS: the boot sector).  If more is wanted now, what is there counts for
 * nothing, but if it is dirty it is written first; NULL if that fails.
 */
struct buf *
getblk(struct vnode *vp, daddr_t blkno, int size, int slpflag, int slptimeo)
{
	struct buf *bp, *nbp;

	KASSERT(size >= 0 && size <= MAXBSIZE);
again:
	mutex_enter(&bufcache_lock);
	if (bio_find(vp, blkno, (slpflag & PCATCH) != 0, slptimeo, &bp) != 0) {
		mutex_exit(&bufcache_lock);
		return NULL;
	}
	if (bp == NULL) {
		mutex_exit(&bufcache_lock);
		nbp = bio_new();
		mutex_enter(&bufcache_lock);
		/* Somebody may have made one while we were getting memory. */
		if (bio_find(vp, blkno, (slpflag & PCATCH) != 0, slptimeo,
		    &bp) != 0) {
			bio_forget(nbp);
			mutex_exit(&bufcache_lock);
			return NULL;
		}
		if (bp == NULL) {
			bp = nbp;
			bio_identify(bp, vp, blkno);
		} else
			bio_forget(nbp);
	}
	mutex_exit(&bufcache_lock);
	if (__predict_false(vp->v_type == VBLK && bp->b_bcount < size)) {
		if ((bp->b_oflags & BO_DELWRI) == 0)
			bp->b_oflags &= ~BO_DONE;
		else if (bwrite(bp) == 0)
			goto again;
		else
			return NULL;
	}
	if (bp->b_bcount != size || bp->b_bufsize == 0)
		allocbuf(bp, size, 1);
	bp->b_prio = BPRIO_DEFAULT;
	return bp;
}

/* A busy buffer of that size that is no block of anything. */
struct buf *
geteblk(int size)
{
	struct buf *bp;

	bp = bio_new();
	bp->b_cflags |= BC_INVAL;
	allocbuf(bp, size, 0);
	return bp;
}

/* Releasing. */

/* Nothing in it that anybody could want again? */
static bool
bio_worthless(const struct buf *bp)
{

	if ((bp->b_cflags & BC_INVAL) != 0 || bp->b_error != 0)
		return true;
	if (bp->b_bufsize == 0 || bp->b_vp == NULL)
		return true;
	if ((bp->b_oflags & BO_DELWRI) != 0)
		return false;
	return (bp->b_oflags & BO_DONE) == 0 ||
	    (bp->b_cflags & BC_NOCACHE) != 0;
}

/*
 * A write has failed, so the only good copy is here: keep it, dirty, for
 * another try.  A journal has its own copy, and fails all that comes after:
 * there it stays, clean, so that nobody reads what the disk has instead.
 */
static void
bio_keepfailed(struct buf *bp)
{
	struct vnode *vp = bp->b_vp;

	if ((bp->b_cflags & (BC_INVAL | BC_NOCACHE)) != 0 || vp == NULL ||
	    bp->b_bufsize == 0)
		return;
	if (bio_journal(vp) != NULL) {
		bp->b_error = 0;
		bp->b_oflags |= BO_DONE;
		return;
	}
	mutex_enter(vp->v_interlock);
	bp->b_dcookie = bp->b_error;
	bp->b_error = 0;
	bp->b_oflags |= BO_DELWRI | BO_DONE | BIO_WERROR;
	reassignbuf(bp, vp);
	mutex_exit(vp->v_interlock);
}

/*
 * Release a buffer.  NetBSD's snapshots make theirs busy by bbusy() and leave
 * them on their list of free ones until they are released, here.
 */
void
brelsel(struct buf *bp, int set)
{

	KASSERT(mutex_owned(&bufcache_lock));
	KASSERT((bp->b_cflags & BC_BUSY) != 0);
	if (__predict_false(bp->b_freelistindex != BQ_NONE))
		bremfree(bp);
	bp->b_cflags |= set;
	if (__predict_false(bp->b_error != 0) && (bp->b_flags & B_READ) == 0)
		bio_keepfailed(bp);
	if (__predict_false(bio_worthless(bp))) {
		bp->b_cflags |= BC_INVAL;
		bp->b_oflags &= ~(BO_DELWRI | BIO_WERROR);
		bio_forget(bp);
		return;
	}
	if ((bp->b_cflags & BC_WANTED) != 0) {
		bp->b_cflags &= ~(BC_WANTED | BC_AGE);
		cv_broadcast(&bp->b_busy);
	}
	if ((bp->b_flags & B_LOCKED) != 0)
		bio_enqueue(bp, BQ_LOCKED, false);
	else if ((bp->b_cflags & BC_AGE) != 0 &&
	    (bp->b_oflags & BO_DELWRI) == 0)
		bio_enqueue(bp, BQ_AGE, (bp->b_cflags & BC_VFLUSH) != 0);
	else
		bio_enqueue(bp, BQ_LRU, false);
	bp->b_cflags &= ~(BC_AGE | BC_BUSY | BC_NOCACHE | BC_VFLUSH);
	bp->b_flags &= ~(B_ASYNC | B_COWDONE);
}

void
brelse(struct buf *bp, int set)
{

	mutex_enter(&bufcache_lock);
	brelsel(bp, set);
	mutex_exit(&bufcache_lock);
}

/* Figures for journals, which size themselves by the cache. */

u_int
buf_nbuf(void)
{

	return bufmem.bm_nbuf;
}

u_long
buf_memcalc(void)
{

	return bufmem.bm_limit;
}

int
buf_setvalimit(vsize_t size)
{

	if (size < 16 * MAXBSIZE)
		return EINVAL;
	bufmem.bm_limit = size;
	bufmem_lowater = size / 16;
	return 0;
}

/* Give back up to n bytes of clean buffers, when memory is short. */
int
buf_drain(int n)
{
	struct buf *bp, *next;
	size_t before;
	int queue;

	mutex_enter(&bufcache_lock);
	before = bufmem.bm_bytes;
	for (queue = BQ_AGE; queue >= BQ_LRU; queue--) {
		TAILQ_FOREACH_SAFE(bp, &bio_queues[queue], b_freelist, next) {
			if (before - bufmem.bm_bytes >= (size_t)n)
				break;
			if ((bp->b_oflags & BO_DELWRI) != 0)
				continue;
			bremfree(bp);
			bp->b_cflags |= BC_BUSY;
			bio_forget(bp);
		}
	}
	n = (int)MIN(before - bufmem.bm_bytes, INT_MAX);
	mutex_exit(&bufcache_lock);
	return n;
}
