/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages one by one, as file systems handle them: struct vm_page and the
 * functions of <uvm/uvm_page.h>.
 */
#include <sys/param.h>
#include <sys/systm.h>

#include "vfs/pages.h"

#define	PQ_LOCKED	0x00000010	/* one of PQ_PRIVATE: uvm_pagelock */

struct uvm	uvm;
struct uvmexp	uvmexp;

struct vm_page *
uvm_pagelookup(struct uvm_object *uobj, voff_t off)
{
	struct uvm_pagechunk *pc;
	u_int i;

	pc = pageindex_lookup(uobj, off);
	if (pc == NULL)
		return NULL;
	i = (off & CHUNK_MASK) >> PAGE_SHIFT;
	if ((pc->pc_present & (1U << i)) == 0)
		return NULL;
	return &pc->pc_page[i];
}

/* Free a page, or have it freed by the one who has it busy. */
void
uvm_pagefree(struct vm_page *pg)
{

	pageset_free(pg->mdpage.mp_chunk, page_bit(pg));
}

/* Let busy pages go; entries may be NULL or PGO_DONTCARE. */
void
uvm_page_unbusy(struct vm_page **pgs, int npgs)
{
	struct uvm_pagechunk *pc;
	struct vm_page *pg;
	pageset_t set;
	int i;

	pc = NULL;
	set = 0;
	for (i = 0; i < npgs; i++) {
		pg = pgs[i];
		if (pg == NULL || pg == PGO_DONTCARE)
			continue;
		if (pc != pg->mdpage.mp_chunk) {
			if (pc != NULL)
				pageset_unbusy(pc, set);
			pc = pg->mdpage.mp_chunk;
			set = 0;
		}
		set |= page_bit(pg);
	}
	if (pc != NULL)
		pageset_unbusy(pc, set);
}

void
uvm_pagemarkdirty(struct vm_page *pg, unsigned int status)
{
	struct uvm_pagechunk *pc = pg->mdpage.mp_chunk;

	switch (status) {
	case UVM_PAGE_STATUS_CLEAN:
		pageset_setclean(pc, page_bit(pg));
		break;
	case UVM_PAGE_STATUS_DIRTY:
		pageset_setdirty(pc, page_bit(pg));
		pg->flags |= PG_DIRTY;
		break;
	default:
		/* It may become dirty unseen, so it counts as dirty. */
		pageset_setdirty(pc, page_bit(pg));
		pg->flags &= ~(PG_CLEAN | PG_DIRTY);
		break;
	}
}

unsigned int
uvm_pagegetdirty(struct vm_page *pg)
{

	switch (pg->flags & (PG_CLEAN | PG_DIRTY)) {
	case PG_CLEAN:
		return UVM_PAGE_STATUS_CLEAN;
	case PG_DIRTY:
		return UVM_PAGE_STATUS_DIRTY;
	default:
		return UVM_PAGE_STATUS_UNKNOWN;
	}
}

bool
uvm_pagereadonly_p(struct vm_page *pg)
{

	return (pg->flags & PG_RDONLY) != 0;
}

/*
 * The lock of a page's place in the queues.  The queues belong to the virtual
 * CPU, so all there is to it is that nobody locks twice.
 */

void
uvm_pagelock(struct vm_page *pg)
{

	KASSERT((pg->pqflags & PQ_LOCKED) == 0);
	pg->pqflags |= PQ_LOCKED;
}

void
uvm_pageunlock(struct vm_page *pg)
{

	KASSERT((pg->pqflags & PQ_LOCKED) != 0);
	pg->pqflags &= ~PQ_LOCKED;
}

void
uvm_pageactivate(struct vm_page *pg)
{

	pg->mdpage.mp_chunk->pc_used = true;
}

void
uvm_pagedeactivate(struct vm_page *pg)
{

	pagechunk_deactivate(pg->mdpage.mp_chunk);
}

/* A wired page stays: its chunk is not on the page daemon's list. */

void
uvm_pagewire(struct vm_page *pg)
{
	struct uvm_pagechunk *pc = pg->mdpage.mp_chunk;

	pg->wire_count++;
	uvmexp.wired++;
	if (pc->pc_onlru) {
		TAILQ_REMOVE(&pagechunk_lru, pc, pc_lru);
		pc->pc_onlru = false;
	}
}

void
uvm_pageunwire(struct vm_page *pg)
{
	struct uvm_pagechunk *pc = pg->mdpage.mp_chunk;
	u_int i;

	KASSERT(pg->wire_count > 0);
	pg->wire_count--;
	uvmexp.wired--;
	for (i = 0; i < pc->pc_npages; i++) {
		if (pc->pc_page[i].wire_count != 0)
			return;
	}
	if (!pc->pc_onlru && !UVM_OBJ_IS_AOBJ(pc->pc_uobj)) {
		TAILQ_INSERT_TAIL(&pagechunk_lru, pc, pc_lru);
		pc->pc_onlru = true;
	}
}

/*
 * Wait until a page may not be busy any more.  The lock is released, and the
 * page may be gone.
 */
void
uvm_pagewait(struct vm_page *pg, krwlock_t *lock, const char *wmesg)
{
	struct uvm_pagechunk *pc = pg->mdpage.mp_chunk;

	(void)wmesg;
	KASSERT((pg->flags & PG_BUSY) != 0);
	rw_exit(lock);
	if (pc->pc_busy != 0)
		pagechunk_wait(pc);
}

void
uvm_pagewakeup(struct vm_page *pg)
{
	struct uvm_pagechunk *pc = pg->mdpage.mp_chunk;

	pg->pqflags &= ~PQ_WANTED;
	if (pc->pc_wanted) {
		pc->pc_wanted = false;
		cv_broadcast(&pc->pc_cv);
	}
}

bool
uvm_pagewanted_p(struct vm_page *pg)
{

	return pg->mdpage.mp_chunk->pc_wanted;
}

void
uvm_pagezero(struct vm_page *pg)
{

	memset((void *)VM_PAGE_TO_PHYS(pg), 0, PAGE_SIZE);
	uvm_pagemarkdirty(pg, UVM_PAGE_STATUS_DIRTY);
}

void
uvm_pagecopy(struct vm_page *src, struct vm_page *dst)
{

	memcpy((void *)VM_PAGE_TO_PHYS(dst), (void *)VM_PAGE_TO_PHYS(src),
	    PAGE_SIZE);
	uvm_pagemarkdirty(dst, UVM_PAGE_STATUS_DIRTY);
}

/* Walking the pages of an object. */

void
uvm_page_array_init(struct uvm_page_array *ar, struct uvm_object *uobj,
    unsigned int flags)
{

	ar->ar_uobj = uobj;
	ar->ar_flags = flags;
	ar->ar_npages = ar->ar_idx = 0;
}

void
uvm_page_array_fini(struct uvm_page_array *ar)
{

	ar->ar_npages = ar->ar_idx = 0;
}

void
uvm_page_array_clear(struct uvm_page_array *ar)
{

	ar->ar_npages = ar->ar_idx = 0;
}

struct vm_page *
uvm_page_array_peek(struct uvm_page_array *ar)
{

	return ar->ar_idx < ar->ar_npages ? ar->ar_pages[ar->ar_idx] : NULL;
}

void
uvm_page_array_advance(struct uvm_page_array *ar)
{

	KASSERT(ar->ar_idx < ar->ar_npages);
	ar->ar_idx++;
}

/* Collect from one chunk; false if a gap ends the walk. */
static bool
page_array_take(struct uvm_page_array *ar, struct uvm_pagechunk *pc,
    voff_t off, unsigned int max)
{
	bool backward = (ar->ar_flags & UVM_PAGE_ARRAY_FILL_BACKWARD) != 0;
	bool dense = (ar->ar_flags & UVM_PAGE_ARRAY_FILL_DENSE) != 0;
	pageset_t set;
	int i;

	set = (ar->ar_flags & UVM_PAGE_ARRAY_FILL_DIRTY) != 0 ?
	    pc->pc_dirty : pc->pc_present;
	i = backward ? CHUNK_PAGES - 1 : 0;
	if (off >= pc->pc_off && off < pc->pc_off + (voff_t)CHUNK_SIZE)
		i = (off & CHUNK_MASK) >> PAGE_SHIFT;
	for (; i >= 0 && i < CHUNK_PAGES && ar->ar_npages < max;
	    i += backward ? -1 : 1) {
		if ((set & (1U << i)) != 0)
			ar->ar_pages[ar->ar_npages++] = &pc->pc_page[i];
		else if (dense)
			return false;
	}
	return true;
}

/*
 * Fetch the next pages from an offset on: 0, or ENOENT if there are none.
 */
int
uvm_page_array_fill(struct uvm_page_array *ar, voff_t off,
    unsigned int nwant)
{
	bool backward = (ar->ar_flags & UVM_PAGE_ARRAY_FILL_BACKWARD) != 0;
	bool dirty = (ar->ar_flags & UVM_PAGE_ARRAY_FILL_DIRTY) != 0;
	bool dense = (ar->ar_flags & UVM_PAGE_ARRAY_FILL_DENSE) != 0;
	struct uvm_pagechunk *pc;
	unsigned int max;

	max = __arraycount(ar->ar_pages);
	if (nwant != 0 && nwant < max)
		max = nwant;
	ar->ar_npages = ar->ar_idx = 0;
	while (ar->ar_npages < max && off >= 0) {
		pc = backward ? pageindex_prev(ar->ar_uobj, off, dirty) :
		    pageindex_next(ar->ar_uobj, off, dirty);
		if (pc == NULL || (dense && pc->pc_off != (off & ~CHUNK_MASK)))
			break;
		if (!page_array_take(ar, pc, off, max))
			break;
		off = backward ? pc->pc_off - 1 :
		    pc->pc_off + (voff_t)CHUNK_SIZE;
	}
	return ar->ar_npages == 0 ? ENOENT : 0;
}

struct vm_page *
uvm_page_array_fill_and_peek(struct uvm_page_array *ar, voff_t off,
    unsigned int nwant)
{
	struct vm_page *pg;

	pg = uvm_page_array_peek(ar);
	if (pg != NULL)
		return pg;
	if (uvm_page_array_fill(ar, off, nwant) != 0)
		return NULL;
	return uvm_page_array_peek(ar);
}
