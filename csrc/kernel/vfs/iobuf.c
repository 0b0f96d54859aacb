/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transfers: buffers that are not of the cache, completion, waiting, and the
 * splitting of one transfer into several.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/buf.h>
#include <sys/kthread.h>
#include <sys/pool.h>
#include <sys/vnode.h>

#include "core/lwp_impl.h"
#include "vfs/bio.h"
#include "vfs/genfs_io.h"

kmutex_t	buffer_lock;		/* b_objlock where there is no vnode */

struct buf *
getiobuf(struct vnode *vp, bool waitok)
{
	struct buf *bp;

	bp = pool_cache_get(bio_pool, waitok ? PR_WAITOK : PR_NOWAIT);
	if (bp == NULL)
		return NULL;
	buf_init(bp);
	bp->b_cflags = BC_BUSY;
	bp->b_vp = vp;
	if (vp != NULL)
		bp->b_objlock = vp->v_interlock;
	return bp;
}

void
putiobuf(struct buf *bp)
{

	buf_destroy(bp);
	pool_cache_put(bio_pool, bp);
}

/*
 * The rest of biodone().  Whoever set b_iodone continues from there; else an
 * asynchronous buffer is released, and the owner of any other is woken.
 */
static void
bio_complete(struct buf *bp)
{
	void (*iodone)(struct buf *);

	mutex_enter(bp->b_objlock);
	KASSERTMSG((bp->b_oflags & BO_DONE) == 0, "buffer %p is done twice",
	    bp);
	bp->b_oflags |= BO_DONE;
	if (bp->b_error != 0)
		bp->b_resid = bp->b_bcount;
	if ((bp->b_flags & B_READ) == 0)
		vwakeup(bp);
	iodone = bp->b_iodone;
	if (iodone != NULL) {
		bp->b_iodone = NULL;
		mutex_exit(bp->b_objlock);
		(*iodone)(bp);
	} else if ((bp->b_flags & B_ASYNC) != 0) {
		mutex_exit(bp->b_objlock);
		brelse(bp, 0);
	} else {
		cv_broadcast(&bp->b_done);
		mutex_exit(bp->b_objlock);
	}
}

/*
 * Completions that arrive while the CPU changes hands must not sleep.  Those
 * that could, because a lock is held by a sleeper or because a file system
 * has put its own b_iodone there, are left to a thread.
 */

static struct {
	kmutex_t lock;
	kcondvar_t cv;
	TAILQ_HEAD(, buf) queue;
} bio_later;

static bool
bio_maysleep(const struct buf *bp)
{

	if (mutex_owner(bp->b_objlock) != NULL)
		return true;
	if (bp->b_iodone == NULL)
		return (bp->b_flags & B_ASYNC) != 0;
	return bp->b_iodone != nestiobuf_iodone &&
	    bp->b_iodone != genfs_iodone;
}

static void
bio_later_main(void *arg)
{
	struct buf *bp;

	(void)arg;
	for (;;) {
		mutex_enter(&bio_later.lock);
		while ((bp = TAILQ_FIRST(&bio_later.queue)) == NULL)
			cv_wait(&bio_later.cv, &bio_later.lock);
		TAILQ_REMOVE(&bio_later.queue, bp, b_actq);
		mutex_exit(&bio_later.lock);
		bio_complete(bp);
	}
}

void
bio_later_init(void)
{
	int error;

	mutex_init(&bio_later.lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&bio_later.cv, "biodone");
	TAILQ_INIT(&bio_later.queue);
	error = kthread_create(PRI_BIO, KTHREAD_MPSAFE, NULL, bio_later_main,
	    NULL, NULL, "biodone");
	if (error != 0)
		panic("%s: error %d", __func__, error);
}

/* The driver is done with a buffer. */
void
biodone(struct buf *bp)
{

	if (__predict_false(kern_cpu.cpu_nosleep != 0) && bio_maysleep(bp)) {
		TAILQ_INSERT_TAIL(&bio_later.queue, bp, b_actq);
		cv_signal(&bio_later.cv);
		return;
	}
	bio_complete(bp);
}

int
biowait(struct buf *bp)
{

	KASSERT((bp->b_cflags & BC_BUSY) != 0);
	if ((bp->b_oflags & (BO_DONE | BO_DELWRI)) != 0)
		return bp->b_error;
	mutex_enter(bp->b_objlock);
	while ((bp->b_oflags & (BO_DONE | BO_DELWRI)) == 0)
		cv_wait(&bp->b_done, bp->b_objlock);
	mutex_exit(bp->b_objlock);
	return bp->b_error;
}

/*
 * Nested buffers.  The master's b_resid counts what its parts have not yet
 * finished; at zero the master is done, with the first error there was.
 */

void
nestiobuf_done(struct buf *mbp, int donebytes, int error)
{
	bool last;

	if (donebytes == 0)
		return;
	mutex_enter(mbp->b_objlock);
	KASSERT(mbp->b_resid >= donebytes);
	if (error != 0 && mbp->b_error == 0)
		mbp->b_error = error;
	mbp->b_resid -= donebytes;
	last = mbp->b_resid == 0;
	mutex_exit(mbp->b_objlock);
	if (last)
		biodone(mbp);
}

void
nestiobuf_iodone(struct buf *bp)
{
	struct buf *mbp;
	int donebytes, error;

	mbp = bp->b_private;
	error = bp->b_error;
	if (error == 0 && bp->b_resid > 0)
		error = EIO;		/* a short transfer */
	donebytes = bp->b_bcount;
	putiobuf(bp);
	nestiobuf_done(mbp, donebytes, error);
}

/* Make bp the part of mbp that starts at that offset. */
void
nestiobuf_setup(struct buf *mbp, struct buf *bp, int offset, size_t size)
{
	struct vnode *vp;
	int reading;

	reading = mbp->b_flags & B_READ;
	KASSERT(mbp->b_bcount >= offset + (int)size);
	bp->b_vp = vp = mbp->b_vp;
	bp->b_dev = mbp->b_dev;
	bp->b_objlock = mbp->b_objlock;
	bp->b_cflags = BC_BUSY;
	bp->b_flags = B_ASYNC | reading | (mbp->b_flags & B_MEDIA_FLAGS);
	bp->b_iodone = nestiobuf_iodone;
	bp->b_data = (char *)mbp->b_data + offset;
	bp->b_resid = bp->b_bcount = size;
	bp->b_bufsize = size;
	bp->b_private = mbp;
	bp->b_prio = mbp->b_prio;
	if (reading == 0 && vp != NULL) {
		mutex_enter(vp->v_interlock);
		vp->v_numoutput++;
		mutex_exit(vp->v_interlock);
	}
}
