/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory objects: vnodes, whose pages come from and go to a file system, and
 * anonymous objects, whose pages are only ever here.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>
#include <sys/vnode.h>
#include <miscfs/genfs/genfs.h>
#include <miscfs/syncfs/syncfs.h>

#include "vfs/pages.h"

void
uvm_obj_init(struct uvm_object *uobj, const struct uvm_pagerops *ops,
    bool alloclock, u_int refs)
{

	memset(uobj, 0, sizeof(*uobj));
	uobj->pgops = ops;
	uobj->uo_refs = refs;
	if (alloclock)
		uobj->vmobjlock = rw_obj_alloc();
}

void
uvm_obj_destroy(struct uvm_object *uobj, bool freelock)
{

	KASSERT(uobj->uo_npages == 0);
	KASSERT(uobj->uo_pages.t_root == NULL);
	if (freelock && uobj->vmobjlock != NULL)
		rw_obj_free(uobj->vmobjlock);
	uobj->vmobjlock = NULL;
}

/* Share another object's lock; NULL for one of its own again. */
void
uvm_obj_setlock(struct uvm_object *uobj, krwlock_t *lock)
{

	if (uobj->vmobjlock != NULL)
		rw_obj_free(uobj->vmobjlock);
	if (lock != NULL) {
		rw_obj_hold(lock);
		uobj->vmobjlock = lock;
	} else
		uobj->vmobjlock = rw_obj_alloc();
}

bool
uvm_obj_clean_p(struct uvm_object *uobj)
{

	return !pageindex_anydirty(uobj);
}

bool
uvm_obj_page_dirty_p(struct vm_page *pg)
{

	return (pg->mdpage.mp_chunk->pc_dirty & page_bit(pg)) != 0;
}

/* Vnodes. */

static void
uvn_reference(struct uvm_object *uobj)
{

	vref((struct vnode *)(void *)uobj);
}

static void
uvn_detach(struct uvm_object *uobj)
{

	vrele((struct vnode *)(void *)uobj);
}

static int
uvn_get(struct uvm_object *uobj, voff_t off, struct vm_page **pps, int *npages,
    int centeridx, vm_prot_t access, int advice, int flags)
{

	return VOP_GETPAGES((struct vnode *)(void *)uobj, off, pps, npages,
	    centeridx, access, advice, flags);
}

static int
uvn_put(struct uvm_object *uobj, voff_t lo, voff_t hi, int flags)
{

	return VOP_PUTPAGES((struct vnode *)(void *)uobj, lo, hi, flags);
}

/* A vnode has a dirty page: the syncer is to know. */
static void
uvn_markdirty(struct uvm_object *uobj)
{
	struct vnode *vp = (struct vnode *)(void *)uobj;

	if ((vp->v_iflag & VI_ONWORKLST) != 0)
		return;
	mutex_enter(vp->v_interlock);
	if ((vp->v_iflag & VI_ONWORKLST) == 0)
		vn_syncer_add_to_worklist(vp, filedelay);
	mutex_exit(vp->v_interlock);
}

const struct uvm_pagerops uvm_vnodeops = {
	.pgo_reference = uvn_reference,
	.pgo_detach = uvn_detach,
	.pgo_get = uvn_get,
	.pgo_put = uvn_put,
	.pgo_markdirty = uvn_markdirty,
};

bool
uvn_clean_p(struct uvm_object *uobj)
{

	return !pageindex_anydirty(uobj);
}

/*
 * Can there be pages from an offset on?  A file system with a pager of its own
 * may keep them elsewhere (tmpfs: in an anonymous object); only it knows.
 */
static bool
uvn_pagesbehind(struct vnode *vp, voff_t off)
{

	if (vp->v_op[VOFFSET(vop_putpages)] != genfs_putpages)
		return true;
	return vp->v_uobj.uo_npages != 0 &&
	    pageindex_next(&vp->v_uobj, off, false) != NULL;
}

/*
 * What is behind the end in the last page must be zeroes, should the file grow
 * again.  Drivers clear the rest of the last block, which may end earlier.
 */
static void
uvn_clearend(struct vnode *vp, voff_t end)
{
	const size_t from = end & PAGE_MASK;
	struct uvm_pagechunk *pc;
	pageset_t set;

	if (from == 0)
		return;
	set = pageset_of(end, 1);
	while ((pc = pageindex_lookup(&vp->v_uobj, end)) != NULL &&
	    (pc->pc_busy & set) != 0)
		pagechunk_wait(pc);
	if (pc == NULL || (pc->pc_valid & set) == 0 ||
	    pageset_holes(pc, set) != 0)
		return;
	memset(pc->pc_data + (end & CHUNK_MASK), 0, PAGE_SIZE - from);
	pageset_setdirty(pc, set);
}

/*
 * The file ends there now.  Pages behind the end go.
 */
void
uvm_vnp_setsize(struct vnode *vp, voff_t newsize)
{
	struct uvm_object *uobj = &vp->v_uobj;
	voff_t end;

	KASSERT(newsize >= 0);
	end = round_page(newsize);
	if (vp->v_writesize > end && uvn_pagesbehind(vp, end)) {
		rw_enter(uobj->vmobjlock, RW_WRITER);
		(void)(*uobj->pgops->pgo_put)(uobj, end, 0,
		    PGO_FREE | PGO_SYNCIO);
	}
	if (vp->v_size > newsize && uobj->uo_npages != 0)
		uvn_clearend(vp, newsize);
	mutex_enter(vp->v_interlock);
	vp->v_size = vp->v_writesize = newsize;
	mutex_exit(vp->v_interlock);
}

/* A write will extend the file to there. */
void
uvm_vnp_setwritesize(struct vnode *vp, voff_t newsize)
{

	mutex_enter(vp->v_interlock);
	KASSERT(vp->v_size >= 0 && newsize >= vp->v_size);
	vp->v_writesize = newsize;
	mutex_exit(vp->v_interlock);
}

/* Anonymous objects. */

struct uvm_aobj {
	struct uvm_object u_obj;
	voff_t	u_size;
};

struct uvm_object *
uao_create(voff_t size, int flags)
{
	struct uvm_aobj *ao;

	KASSERTMSG(flags == 0, "kernel objects are not supported");
	ao = kmem_zalloc(sizeof(*ao), KM_SLEEP);
	uvm_obj_init(&ao->u_obj, &aobj_pager, true, 1);
	ao->u_size = size;
	return &ao->u_obj;
}

void
uao_reference(struct uvm_object *uobj)
{

	uobj->uo_refs++;
}

static void
uao_freepages(struct uvm_object *uobj, voff_t lo, voff_t hi)
{
	struct uvm_pagechunk *pc;
	pageset_t set;
	voff_t off, to;

	for (off = lo; (pc = pageindex_next(uobj, off, false)) != NULL &&
	    pc->pc_off < hi; off = to) {
		to = pc->pc_off + (voff_t)CHUNK_SIZE;
		set = pageset_of(MAX(lo, pc->pc_off),
		    MIN(hi, to) - MAX(lo, pc->pc_off));
		if ((pc->pc_busy & set) != 0) {
			to = off;
			pagechunk_wait(pc);
			continue;
		}
		pageset_free(pc, set);
	}
}

void
uao_detach(struct uvm_object *uobj)
{

	KASSERT(uobj->uo_refs > 0);
	if (--uobj->uo_refs > 0)
		return;
	uao_freepages(uobj, 0, INT64_MAX & ~CHUNK_MASK);
	uvm_obj_destroy(uobj, true);
	kmem_free(uobj, sizeof(struct uvm_aobj));
}

/*
 * Pages of one chunk, busy; those that aren't there are zeroes.  All of them
 * at once, because a chunk can't grow under busy pages.
 */
static void
uao_getchunk(struct uvm_object *uobj, voff_t off, int npages,
    struct vm_page **pgs)
{
	struct uvm_pagechunk *pc;
	pageset_t absent, set;
	int first, i;

	set = pageset_of(off, (size_t)npages * PAGE_SIZE);
	first = __builtin_ctz(set);
	for (;;) {
		pc = pagechunk_get(uobj, off, first + npages,
		    off >= (voff_t)CHUNK_SIZE ? CHUNK_PAGES : 1);
		if ((pc->pc_busy & set) == 0)
			break;
		pagechunk_wait(pc);
	}
	absent = set & ~pc->pc_present;
	pageset_setbusy(pc, set & pc->pc_present);
	pageset_add(pc, absent);
	for (i = 0; i < npages; i++) {
		pgs[i] = &pc->pc_page[first + i];
		if ((absent & page_bit(pgs[i])) != 0)
			memset((void *)VM_PAGE_TO_PHYS(pgs[i]), 0, PAGE_SIZE);
	}
	pageset_setvalid(pc, absent);
	pageset_setdirty(pc, absent);
}

static int
uao_get(struct uvm_object *uobj, voff_t off, struct vm_page **pps, int *npages,
    int centeridx, vm_prot_t access, int advice, int flags)
{
	int i, n;

	(void)centeridx, (void)access, (void)advice;
	if ((flags & PGO_LOCKED) != 0) {
		for (i = 0; i < *npages; i++)
			pps[i] = uvm_pagelookup(uobj, off +
			    (voff_t)i * PAGE_SIZE);
		return 0;
	}
	rw_exit(uobj->vmobjlock);
	if ((flags & PGO_SYNCIO) == 0)
		return 0;		/* there is nothing to read ahead */
	for (i = 0; i < *npages; i += n, off += (voff_t)n * PAGE_SIZE) {
		n = (int)((CHUNK_SIZE - (off & CHUNK_MASK)) >> PAGE_SHIFT);
		n = MIN(n, *npages - i);
		uao_getchunk(uobj, off, n, pps + i);
	}
	return 0;
}

static int
uao_put(struct uvm_object *uobj, voff_t lo, voff_t hi, int flags)
{

	rw_exit(uobj->vmobjlock);
	/*
	 * There is nowhere to write it to.  Who wants pages written and then
	 * freed (vinvalbuf) must not lose them; who wants them freed (a file
	 * has shrunk) does, unless somebody else has the object, too.
	 */
	if ((flags & PGO_FREE) == 0 || (flags & PGO_CLEANIT) != 0 ||
	    uobj->uo_refs > 1)
		return 0;
	if ((flags & PGO_ALLPAGES) != 0) {
		lo = 0;
		hi = 0;
	}
	uao_freepages(uobj, trunc_page(lo),
	    hi == 0 ? (voff_t)(INT64_MAX & ~CHUNK_MASK) :
	    (voff_t)round_page(hi));
	return 0;
}

const struct uvm_pagerops aobj_pager = {
	.pgo_reference = uao_reference,
	.pgo_detach = uao_detach,
	.pgo_get = uao_get,
	.pgo_put = uao_put,
};
