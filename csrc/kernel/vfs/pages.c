/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chunks of pages, and the states their pages go through:
 *
 *	absent -> present, fake, busy	(pageset_add: made to be filled)
 *	       -> valid			(pageset_setvalid: filled)
 *	       -> not busy		(pageset_unbusy)
 *	valid <-> dirty			(pageset_setdirty, _setclean)
 *	       -> absent		(pageset_free)
 *
 * All of this runs without sleeping, except where a chunk is made or grown.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/pool.h>

#include <rumpy/hyp.h>

#include "core/pages.h"
#include "vfs/pages.h"
#include "vfs/syncer.h"

#define	CHUNK_FEWPAGES	4	/* so few may as well fault */
#define	CHUNK_TRIM	512	/* unused pieces given back in one go */

struct pagecache pagecache;
struct pagechunk_queue pagechunk_lru = TAILQ_HEAD_INITIALIZER(pagechunk_lru);
static pool_cache_t pagechunk_pool;

/*
 * Free pieces of CHUNK_SIZE, linked through their first word.  They keep the
 * host's memory, because taking it anew costs more than a copy; whoever is
 * short of pages gets them first, and those that nobody has needed for a
 * second or two go back to the host.
 */
static struct {
	void	*head;
	u_int	count;
	u_int	low;		/* least count since the last trim */
} pagechunk_free;

void
pages_init(void)
{

	mutex_init(&pagecache.pch_lock, MUTEX_DEFAULT, IPL_NONE);
	pagechunk_pool = pool_cache_init(sizeof(struct uvm_pagechunk), 64, 0,
	    0, "pgchunk", NULL, IPL_NONE, NULL, NULL, NULL);
	pagecache.pch_dirtymax = MAX(kpage_limit() / 4, 4 * CHUNK_PAGES);
	uvm_map_setup(&vmspace0.vm_map);
	uvm_map_setup(&vmspace_host.vm_map);
	uvmexp.pagesize = PAGE_SIZE;
	uvmexp.pagemask = PAGE_MASK;
	uvmexp.pageshift = PAGE_SHIFT;
	uvmexp.npages = (int)MIN(kpage_limit(), INT_MAX);
	uvmexp.ncolors = 1;
	uvm.page_init_done = true;
}

/* Memory of chunks. */

static char *
chunk_data_reuse(void)
{
	void *data = pagechunk_free.head;

	if (data != NULL) {
		pagechunk_free.head = *(void **)data;
		if (--pagechunk_free.count < pagechunk_free.low)
			pagechunk_free.low = pagechunk_free.count;
	}
	return data;
}

static char *
chunk_data_alloc(u_int npages, bool *freshp)
{
	char *data;

	*freshp = false;
	if (npages == CHUNK_PAGES) {
		/* At the limit, an old chunk's memory becomes ours as it is. */
		if (pagechunk_free.head == NULL &&
		    kpage_avail() < kpage_limit() / 64)
			(void)pages_reclaim(2 * CHUNK_PAGES,
			    2 * (int)pagecache.pch_chunks);
		data = chunk_data_reuse();
		if (data != NULL)
			return data;
	}
	*freshp = true;
	return pages_alloc(npages);
}

static void
chunk_data_free(char *data, u_int npages)
{

	if (npages != CHUNK_PAGES) {
		kpage_free(data, npages);
		return;
	}
	*(void **)(void *)data = pagechunk_free.head;
	pagechunk_free.head = data;
	if (pagechunk_free.count++ == 0)
		syncer_kick();		/* to drop them when idle */
}

/* Give up to n pages of the pieces kept for reuse back to the kernel. */
size_t
pagecache_trim(size_t n)
{
	size_t freed;
	char *data;

	for (freed = 0; freed < n && (data = chunk_data_reuse()) != NULL;
	    freed += CHUNK_PAGES)
		kpage_free(data, CHUNK_PAGES);
	return freed;
}

/* From time to time: those that were not needed meanwhile go, to the host. */
void
pagecache_idle(void)
{
	char *data;
	u_int n;

	for (n = MIN(pagechunk_free.low, CHUNK_TRIM); n > 0; n--) {
		data = chunk_data_reuse();
		kpage_discard(data, CHUNK_PAGES);
		kpage_free(data, CHUNK_PAGES);
	}
	pagechunk_free.low = pagechunk_free.count;
}

bool
pagecache_hasidle(void)
{

	return pagechunk_free.count > 0;
}

static void
chunk_setmemory(struct uvm_pagechunk *pc, char *data, struct vm_page *page,
    u_int npages)
{
	struct vm_page *pg;
	u_int i;

	memset(page, 0, npages * sizeof(*page));
	for (i = 0, pg = page; i < npages; i++, pg++) {
		pg->phys_addr = (paddr_t)data + i * PAGE_SIZE;
		pg->uobject = pc->pc_uobj;
		pg->offset = pc->pc_off + i * PAGE_SIZE;
		pg->mdpage.mp_chunk = pc;
	}
	pc->pc_data = data;
	pc->pc_page = page;
	pc->pc_npages = npages;
}

static void
chunk_freememory(char *data, struct vm_page *page, u_int npages)
{

	chunk_data_free(data, npages);
	kmem_free(page, npages * sizeof(*page));
}

static struct uvm_pagechunk *
chunk_create(struct uvm_object *uobj, voff_t off, char *data,
    struct vm_page *page, u_int npages)
{
	struct uvm_pagechunk *pc;

	pc = pool_cache_get(pagechunk_pool, PR_WAITOK);
	memset(pc, 0, sizeof(*pc));
	cv_init(&pc->pc_cv, "pgbusy");
	pc->pc_uobj = uobj;
	pc->pc_off = off;
	chunk_setmemory(pc, data, page, npages);
	if (pageindex_lookup(uobj, off) != NULL ||
	    !pageindex_insert(uobj, pc)) {
		/* Another one was quicker, or there is no memory. */
		cv_destroy(&pc->pc_cv);
		pool_cache_put(pagechunk_pool, pc);
		return NULL;
	}
	if (!UVM_OBJ_IS_AOBJ(uobj)) {
		TAILQ_INSERT_TAIL(&pagechunk_lru, pc, pc_lru);
		pc->pc_onlru = true;
	}
	pagecache.pch_chunks++;
	return pc;
}

static void
chunk_destroy(struct uvm_pagechunk *pc)
{

	KASSERT(pc->pc_present == 0 && pc->pc_busy == 0);
	KASSERT(pc->pc_dirty == 0);
	pageindex_remove(pc->pc_uobj, pc->pc_off);
	if (pc->pc_onlru)
		TAILQ_REMOVE(&pagechunk_lru, pc, pc_lru);
	chunk_freememory(pc->pc_data, pc->pc_page, pc->pc_npages);
	pagecache.pch_chunks--;
	if (pc->pc_wanted)
		cv_broadcast(&pc->pc_cv);
	cv_destroy(&pc->pc_cv);
	pool_cache_put(pagechunk_pool, pc);
}

/* Move a chunk whose pages nobody holds to a larger piece of memory. */
static void
chunk_grow(struct uvm_pagechunk *pc, char *data, struct vm_page *page,
    u_int npages)
{
	struct vm_page *opage = pc->pc_page;
	char *odata = pc->pc_data;
	u_int i, onpages = pc->pc_npages;

	KASSERT(pc->pc_busy == 0 && npages > onpages);
	chunk_setmemory(pc, data, page, npages);
	memcpy(data, odata, onpages * PAGE_SIZE);
	for (i = 0; i < onpages; i++) {
		page[i].flags = opage[i].flags;
		page[i].pqflags = opage[i].pqflags;
		page[i].wire_count = opage[i].wire_count;
	}
	chunk_freememory(odata, opage, onpages);
}

/*
 * The chunk at an offset, with room for npages at least; if it must be made
 * or grown, for `want' pages.  Sleeps for memory, and for busy pages of a
 * chunk that must grow.
 */
struct uvm_pagechunk *
pagechunk_get(struct uvm_object *uobj, voff_t off, u_int npages, u_int want)
{
	struct uvm_pagechunk *pc;
	struct vm_page *page;
	char *data;
	bool fresh;

	KASSERT(npages > 0 && npages <= CHUNK_PAGES);
	off &= ~(voff_t)CHUNK_MASK;
	want = MIN(MAX(npages, want), CHUNK_PAGES);
	for (;;) {
		pc = pageindex_lookup(uobj, off);
		if (pc != NULL && pc->pc_npages >= npages)
			return pc;
		if (pc != NULL && pc->pc_busy != 0) {
			pagechunk_wait(pc);
			continue;
		}
		if (pc != NULL)		/* grow at least twofold */
			want = MIN(MAX(want, 2U * pc->pc_npages),
			    CHUNK_PAGES);
		data = chunk_data_alloc(want, &fresh);
		page = kmem_alloc(want * sizeof(*page), KM_SLEEP);
		/* That may have slept: look again. */
		pc = pageindex_lookup(uobj, off);
		if (pc == NULL) {
			pc = chunk_create(uobj, off, data, page, want);
			if (pc != NULL) {
				pc->pc_fresh = fresh;
				return pc;
			}
		} else if (pc->pc_npages < want && pc->pc_busy == 0) {
			chunk_grow(pc, data, page, want);
			return pc;
		}
		chunk_freememory(data, page, want);
	}
}

/* Wait until some page of a chunk is not busy any more; it may be gone then. */
void
pagechunk_wait(struct uvm_pagechunk *pc)
{

	KASSERT(pc->pc_busy != 0);
	mutex_enter(&pagecache.pch_lock);
	if (pc->pc_busy != 0) {
		pc->pc_wanted = true;
		cv_wait(&pc->pc_cv, &pagecache.pch_lock);
	}
	mutex_exit(&pagecache.pch_lock);
}

/* The next one that the page daemon takes. */
void
pagechunk_deactivate(struct uvm_pagechunk *pc)
{

	pc->pc_used = false;
	if (pc->pc_onlru) {
		TAILQ_REMOVE(&pagechunk_lru, pc, pc_lru);
		TAILQ_INSERT_HEAD(&pagechunk_lru, pc, pc_lru);
	}
}

/* States of pages. */

#define	PAGESET_FOREACH(pc, pg, set, i)					\
	for (pageset_t set_ = (set); set_ != 0 &&			\
	    ((i) = __builtin_ctz(set_),					\
	    (pg) = &(pc)->pc_page[i], true); set_ &= set_ - 1)

/* Make absent pages, without contents and busy. */
void
pageset_add(struct uvm_pagechunk *pc, pageset_t set)
{
	struct vm_page *pg;
	u_int i, n, stat;

	KASSERT((pc->pc_present & set) == 0);
	stat = UVM_OBJ_IS_AOBJ(pc->pc_uobj) ? PG_AOBJ : PG_FILE;
	PAGESET_FOREACH(pc, pg, set, i)
		pg->flags = PG_CLEAN | PG_BUSY | PG_FAKE | PG_TABLED | stat;
	pc->pc_present |= set;
	pc->pc_busy |= set;
	n = pageset_count(set);
	pc->pc_uobj->uo_npages += n;
	pagecache.pch_pages += n;
	if (stat == PG_FILE)
		uvmexp.filepages += n;
	else
		uvmexp.anonpages += n;
}

/*
 * Pages are about to be filled.  If their memory may be new to the host, let
 * it come in one step, since a fault for each page costs more than the data.
 */
void
pageset_populate(struct uvm_pagechunk *pc, pageset_t set)
{
	u_int first, n;

	if (!pc->pc_fresh || set == 0)
		return;
	first = pageset_firstrun(set, &n);
	if (n < CHUNK_FEWPAGES)
		return;
	pc->pc_fresh = false;
	(void)hyp_mem_populate(pc->pc_data + first * PAGE_SIZE,
	    n * PAGE_SIZE);
}

/*
 * Free pages, whatever is in them; the caller owns them or nobody does.  The
 * chunk goes with its last page.
 */
void
pageset_free(struct uvm_pagechunk *pc, pageset_t set)
{
	struct vm_page *pg;
	u_int i, n;

	set &= pc->pc_present;
	if (set != 0) {
		pageset_setclean(pc, set);
		PAGESET_FOREACH(pc, pg, set, i)
			pg->flags = 0;
		pc->pc_present &= ~set;
		pc->pc_valid &= ~set;
		pc->pc_busy &= ~set;
		pc->pc_writing &= ~set;
		pc->pc_hole &= ~set;
		n = pageset_count(set);
		pc->pc_uobj->uo_npages -= n;
		pagecache.pch_pages -= n;
		if (UVM_OBJ_IS_AOBJ(pc->pc_uobj))
			uvmexp.anonpages -= n;
		else
			uvmexp.filepages -= n;
	}
	if (pc->pc_present == 0)
		chunk_destroy(pc);
	else if (pc->pc_wanted) {
		pc->pc_wanted = false;
		cv_broadcast(&pc->pc_cv);
	}
}

void
pageset_setbusy(struct uvm_pagechunk *pc, pageset_t set)
{
	struct vm_page *pg;
	u_int i;

	KASSERT((pc->pc_present & set) == set);
	KASSERT((pc->pc_busy & set) == 0);
	PAGESET_FOREACH(pc, pg, set, i)
		pg->flags |= PG_BUSY;
	pc->pc_busy |= set;
}

/*
 * Let pages go, free those that were released meanwhile, wake who waits.
 * Their flags count now, since a file system may have changed them.
 */
void
pageset_unbusy(struct uvm_pagechunk *pc, pageset_t set)
{
	pageset_t released;
	struct vm_page *pg;
	u_int i;

	KASSERT((pc->pc_busy & set) == set);
	released = 0;
	PAGESET_FOREACH(pc, pg, set, i) {
		KASSERT((pg->flags & PG_BUSY) != 0);
		if ((pg->flags & PG_RELEASED) != 0)
			released |= 1U << i;
		if ((pg->flags & PG_FAKE) == 0)
			pc->pc_valid |= 1U << i;
		else
			pc->pc_valid &= ~(1U << i);
		pg->flags &= ~(PG_BUSY | PG_PAGEOUT);
	}
	pc->pc_busy &= ~set;
	pc->pc_writing &= ~set;
	if (released != 0) {
		pageset_free(pc, released);
		return;
	}
	if (pc->pc_wanted) {
		pc->pc_wanted = false;
		cv_broadcast(&pc->pc_cv);
	}
}

/* Pages have got their contents. */
void
pageset_setvalid(struct uvm_pagechunk *pc, pageset_t set)
{
	struct vm_page *pg;
	u_int i;

	KASSERT((pc->pc_present & set) == set);
	PAGESET_FOREACH(pc, pg, set, i)
		pg->flags &= ~PG_FAKE;
	pc->pc_valid |= set;
}

void
pageset_setdirty(struct uvm_pagechunk *pc, pageset_t set)
{
	struct uvm_object *uobj = pc->pc_uobj;
	struct vm_page *pg;
	u_int i;

	KASSERT((pc->pc_present & set) == set);
	set &= ~pc->pc_dirty;
	if (set == 0)
		return;
	PAGESET_FOREACH(pc, pg, set, i)
		pg->flags = (pg->flags & ~PG_CLEAN) | PG_DIRTY;
	if (pc->pc_dirty == 0) {
		pc->pc_dirty = set;
		pageindex_setdirty(uobj, pc->pc_off, true);
		if (uobj->pgops->pgo_markdirty != NULL)
			(*uobj->pgops->pgo_markdirty)(uobj);
	} else
		pc->pc_dirty |= set;
	if (!UVM_OBJ_IS_AOBJ(uobj))
		pagecache.pch_dirty += pageset_count(set);
}

void
pageset_setclean(struct uvm_pagechunk *pc, pageset_t set)
{
	struct vm_page *pg;
	u_int i;

	set &= pc->pc_dirty;
	if (set == 0)
		return;
	PAGESET_FOREACH(pc, pg, set, i)
		pg->flags = (pg->flags & ~PG_DIRTY) | PG_CLEAN;
	pc->pc_dirty &= ~set;
	if (pc->pc_dirty == 0)
		pageindex_setdirty(pc->pc_uobj, pc->pc_off, false);
	if (!UVM_OBJ_IS_AOBJ(pc->pc_uobj))
		pagecache.pch_dirty -= pageset_count(set);
}

/* There is no block behind these pages, or there is one now. */
void
pageset_sethole(struct uvm_pagechunk *pc, pageset_t set, bool hole)
{
	struct vm_page *pg;
	u_int i;

	if (!hole && (pc->pc_hole & set) == 0)
		return;
	PAGESET_FOREACH(pc, pg, set, i) {
		if (hole)
			pg->flags |= PG_RDONLY;
		else
			pg->flags &= ~PG_RDONLY;
	}
	if (hole)
		pc->pc_hole |= set;
	else
		pc->pc_hole &= ~set;
}

/* Which of these pages are holes?  A file system may have filled some. */
pageset_t
pageset_holes(struct uvm_pagechunk *pc, pageset_t set)
{
	struct vm_page *pg;
	u_int i;

	set &= pc->pc_hole;
	if (__predict_true(set == 0))
		return 0;
	PAGESET_FOREACH(pc, pg, set, i) {
		if ((pg->flags & PG_RDONLY) == 0)
			pc->pc_hole &= ~(1U << i);
	}
	return set & pc->pc_hole;
}
