/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory pressure on the page cache.
 *
 * Whoever needs memory takes clean pages that were not used for a while at
 * once, by pages_reclaim(), which neither sleeps nor does I/O: he may hold
 * anything.  Dirty pages are the page daemon's business, a thread that holds
 * nothing.  Writers that make pages dirty faster than they get clean are
 * made to write their own.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/buf.h>
#include <sys/kernel.h>
#include <sys/kthread.h>
#include <sys/lwp.h>
#include <sys/vnode.h>

#include "core/pages.h"
#include "vfs/bio.h"
#include "vfs/pages.h"

#define	PD_SCAN		512	/* chunks looked at in one go */
#define	PD_BATCH	32	/* chunks written in one go */

static struct {
	kmutex_t lock;
	kcondvar_t wakecv;	/* the daemon sleeps here */
	kcondvar_t freecv;	/* those who wait for memory */
	bool	wanted;
	struct lwp *lwp;
} pd;

static size_t pagedaemon_reclaim(size_t, int);
static size_t bufmem_reclaim(size_t, int);

static struct kpage_reclaim pd_pages = {
	.kr_name = "page cache", .kr_func = pagedaemon_reclaim
};
static struct kpage_reclaim pd_bufs = {
	.kr_name = "buffers", .kr_func = bufmem_reclaim
};

/*
 * Free about n clean pages, oldest first; a chunk that was used since the
 * last look gets another round.  Returns how many.
 */
size_t
pages_reclaim(size_t n, int scan)
{
	struct uvm_pagechunk *pc;
	size_t freed;

	for (freed = 0; freed < n && scan > 0; scan--) {
		pc = TAILQ_FIRST(&pagechunk_lru);
		if (pc == NULL)
			break;
		uvmexp.pdscans++;
		if (!pc->pc_used && pc->pc_busy == 0 && pc->pc_dirty == 0) {
			freed += pc->pc_npages;
			uvmexp.pdfreed += pc->pc_npages;
			pageset_free(pc, pc->pc_present);
			continue;
		}
		if (pc->pc_used)
			uvmexp.pdreact++;
		pc->pc_used = false;
		TAILQ_REMOVE(&pagechunk_lru, pc, pc_lru);
		TAILQ_INSERT_TAIL(&pagechunk_lru, pc, pc_lru);
	}
	return freed;
}

/* kpage_alloc() is out of pages. */
static size_t
pagedaemon_reclaim(size_t n, int flags)
{
	size_t freed;

	(void)flags;
	freed = pagecache_trim(n);
	if (freed < n) {
		freed += pages_reclaim(MAX(n - freed, 2 * CHUNK_PAGES),
		    2 * (int)pagecache.pch_chunks);
		(void)pagecache_trim(SIZE_MAX);
	}
	if (freed < n)
		pagedaemon_kick();
	return freed;
}

static size_t
bufmem_reclaim(size_t n, int flags)
{

	(void)flags;
	if (mutex_owner(&bufcache_lock) != NULL)
		return 0;
	buf_drain((int)MIN(n * PAGE_SIZE, INT_MAX));
	return bufmem_trim() / PAGE_SIZE;
}

void
pagedaemon_kick(void)
{

	pd.wanted = true;
	uvmexp.pdwoke++;
	if (pd.lwp != NULL && curlwp != pd.lwp)
		cv_signal(&pd.wakecv);
}

/*
 * Let the page daemon work and wait for it.  False if that can't help.
 */
bool
pagedaemon_wait(void)
{

	if (pd.lwp == NULL || curlwp == pd.lwp)
		return false;
	mutex_enter(&pd.lock);
	pagedaemon_kick();
	cv_timedwait(&pd.freecv, &pd.lock, hz);
	mutex_exit(&pd.lock);
	return true;
}

/* Contiguous pages for the cache. */
void *
pages_alloc(size_t npages)
{
	void *p;
	int i;

	for (i = 0; i < 4; i++) {
		p = kpage_alloc(npages, KM_NOSLEEP | KPAGE_CACHE);
		if (p != NULL)
			return p;
		if (!pagedaemon_wait())
			break;
	}
	return kpage_alloc(npages, KM_SLEEP | KPAGE_CACHE);
}

/* Write one chunk's dirty pages; false if the vnode is not to be had. */
static bool
pagedaemon_write(struct uvm_pagechunk *pc)
{
	struct vnode *vp;
	voff_t off;

	KASSERT(UVM_OBJ_IS_VNODE(pc->pc_uobj));
	vp = (struct vnode *)(void *)pc->pc_uobj;
	off = pc->pc_off;
	if (vcache_tryvget(vp) != 0)
		return false;
	if (rw_tryenter(vp->v_uobj.vmobjlock, RW_WRITER)) {
		uvmexp.pdpageouts++;
		(void)VOP_PUTPAGES(vp, off, off + CHUNK_SIZE, PGO_CLEANIT);
	}
	vrele_async(vp);
	return true;
}

/* Start to write old dirty chunks. */
static void
pagedaemon_clean(void)
{
	struct uvm_pagechunk *pc;
	int scan, written;

	written = 0;
	for (scan = 0; scan < PD_SCAN && written < PD_BATCH; scan++) {
		pc = TAILQ_FIRST(&pagechunk_lru);
		if (pc == NULL)
			break;
		/* Moved first: the chunk may go away while it is written. */
		TAILQ_REMOVE(&pagechunk_lru, pc, pc_lru);
		TAILQ_INSERT_TAIL(&pagechunk_lru, pc, pc_lru);
		if (pc->pc_dirty == 0 || pc->pc_busy != 0 ||
		    !UVM_OBJ_IS_VNODE(pc->pc_uobj))
			continue;
		if (pagedaemon_write(pc))
			written++;
	}
}

static void
pagedaemon_main(void *arg)
{

	(void)arg;
	uvm.pagedaemon_lwp = pd.lwp = curlwp;
	for (;;) {
		mutex_enter(&pd.lock);
		while (!pd.wanted)
			cv_wait(&pd.wakecv, &pd.lock);
		pd.wanted = false;
		mutex_exit(&pd.lock);
		uvmexp.pdrevs++;
		pagedaemon_clean();
		pages_reclaim(4 * CHUNK_PAGES, 2 * (int)pagecache.pch_chunks);
		pagecache_trim(SIZE_MAX);
		buf_drain(MAXBSIZE);
		bufmem_trim();
		mutex_enter(&pd.lock);
		cv_broadcast(&pd.freecv);
		mutex_exit(&pd.lock);
	}
}

void
pagedaemon_init(void)
{
	int error;

	mutex_init(&pd.lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&pd.wakecv, "pgdaemon");
	cv_init(&pd.freecv, "fpgwait");
	error = kthread_create(PRI_PGDAEMON, KTHREAD_MPSAFE, NULL,
	    pagedaemon_main, NULL, NULL, "pgdaemon");
	if (error != 0)
		panic("%s: error %d", __func__, error);
	kpage_reclaim_register(&pd_pages);
	kpage_reclaim_register(&pd_bufs);
}

/*
 * A writer has made pages of an object dirty and there are too many of them.
 * He holds the vnode lock and perhaps the journal, but no page or buffer.
 */
void
pagedaemon_throttle(struct uvm_object *uobj, int flags)
{
	int i;

	if (UVM_OBJ_IS_VNODE(uobj) && pageindex_anydirty(uobj)) {
		rw_enter(uobj->vmobjlock, RW_WRITER);
		(void)(*uobj->pgops->pgo_put)(uobj, 0, 0,
		    PGO_ALLPAGES | PGO_CLEANIT | flags);
	}
	for (i = 0; i < 4; i++) {
		if (pagecache.pch_dirty <= pagecache.pch_dirtymax ||
		    !pagedaemon_wait())
			break;
	}
}

/* Figures. */

int
uvm_availmem(bool cached)
{

	(void)cached;
	return (int)MIN(kpage_avail(), INT_MAX);
}

void
uvm_estimatepageable(int *active, int *inactive)
{

	*active = (int)MIN(pagecache.pch_pages, INT_MAX);
	*inactive = 0;
}

void
uvm_wait(const char *wmesg)
{

	(void)wmesg;
	(void)pagedaemon_wait();
}

void
uvm_pageout_start(int npages)
{

	uvmexp.paging += npages;
}

void
uvm_pageout_done(int npages)
{

	KASSERT(uvmexp.paging >= npages);
	uvmexp.paging -= npages;
}
