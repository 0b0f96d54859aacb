/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VOP_GETPAGES of file systems with a genfs_node: make pages of a file be in
 * memory, from the blocks that VOP_BMAP names.
 *
 * Called with vmobjlock held, which is released unless PGO_LOCKED.  The pages
 * that are returned are busy.  g_glock keeps blocks from being freed or moved
 * while they are looked up and read.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/fstrans.h>
#include <sys/lwp.h>
#include <sys/mount.h>
#include <sys/vnode.h>
#include <miscfs/genfs/genfs.h>
#include <miscfs/genfs/genfs_node.h>

#include "vfs/genfs_io.h"
#include "vfs/pages.h"

/* How far the file goes, and so how many pages there can be. */
static int
genfs_get_limits(struct genfs_get *gg, int centeridx)
{
	struct vnode *vp = gg->gg_vp;
	off_t memsize;
	voff_t end;

	/* Some file systems announce a write by v_writesize alone. */
	memsize = MAX(vp->v_size, vp->v_writesize);
	end = gg->gg_off + (voff_t)gg->gg_npages * PAGE_SIZE;
	if ((gg->gg_flags & PGO_PASTEOF) != 0)
		memsize = MAX(memsize, end);
	GOP_SIZE(vp, vp->v_size, &gg->gg_diskeof, 0);
	GOP_SIZE(vp, memsize, &gg->gg_memeof, GOP_SIZE_MEM);
	if (gg->gg_off + (voff_t)centeridx * PAGE_SIZE >= gg->gg_memeof)
		return EINVAL;
	end = MIN(end, (voff_t)round_page(gg->gg_memeof));
	KASSERT(end > gg->gg_off);
	gg->gg_npages = (u_int)((end - gg->gg_off) >> PAGE_SHIFT);
	return 0;
}

/* How large a new chunk should be, in pages. */
static u_int
genfs_chunk_want(const struct genfs_get *gg, voff_t off)
{
	struct vnode *vp = gg->gg_vp;
	voff_t end;

	off &= ~(voff_t)CHUNK_MASK;
	/* A file that grows past its first chunk will go on growing. */
	if (gg->gg_write && off > 0)
		return CHUNK_PAGES;
	end = MAX(vp->v_size, vp->v_writesize);
	if (end - off >= (voff_t)CHUNK_SIZE)
		return CHUNK_PAGES;
	return end <= off ? 1 : (u_int)(round_page(end - off) >> PAGE_SHIFT);
}

/* Bytes of n pages from an offset on that have blocks behind them. */
static size_t
genfs_ondisk(const struct genfs_get *gg, voff_t off, u_int n)
{

	if (off >= gg->gg_diskeof)
		return 0;
	return (size_t)MIN((off_t)n * PAGE_SIZE, gg->gg_diskeof - off);
}

/* Read pages that are busy and have no contents. */
static int
genfs_fill(const struct genfs_get *gg, struct uvm_pagechunk *pc, pageset_t set)
{
	size_t len;
	u_int first, n;
	int error;

	for (; set != 0; set &= ~pageset_run(first, n)) {
		first = pageset_firstrun(set, &n);
		len = genfs_ondisk(gg, pc->pc_off + (voff_t)first * PAGE_SIZE,
		    n);
		error = genfs_xfer_wait(gg->gg_vp, pc, first, len, true);
		if (error != 0)
			return error;
		memset(pc->pc_data + first * PAGE_SIZE + len, 0,
		    n * PAGE_SIZE - len);
		pageset_setvalid(pc, pageset_run(first, n));
		curlwp->l_ru.ru_inblock++;
		uvmexp.pageins++;
	}
	return 0;
}

/*
 * The pages behind the ones asked for that are worth reading with them: the
 * rest of the chunk, if the reader seems to come from the chunk's start.
 */
static pageset_t
genfs_extra(const struct genfs_get *gg, const struct uvm_pagechunk *pc,
    pageset_t set, pageset_t missing)
{
	u_int first, last, lim, n;

	if (!gg->gg_ahead || missing == 0)
		return 0;
	first = __builtin_ctz(set);
	if (first != 0 && (pc->pc_present & (1U << (first - 1))) == 0)
		return 0;
	last = 31 - __builtin_clz(set);
	if ((missing & (1U << last)) == 0)
		return 0;
	lim = pc->pc_npages;
	if (gg->gg_diskeof - pc->pc_off < (off_t)lim * PAGE_SIZE)
		lim = (u_int)(round_page(gg->gg_diskeof - pc->pc_off) >>
		    PAGE_SHIFT);
	for (n = last + 1; n < lim; n++) {
		if ((pc->pc_present & (1U << n)) != 0)
			break;
	}
	return pageset_run(last + 1, n - last - 1);
}

/* Make pages of one chunk busy; those that are missing are made. */
struct uvm_pagechunk *
genfs_busy(const struct genfs_get *gg, voff_t off, pageset_t set,
    pageset_t *missingp)
{
	struct uvm_pagechunk *pc;
	u_int last;

	last = 31 - __builtin_clz(set);
	for (;;) {
		pc = pagechunk_get(&gg->gg_vp->v_uobj, off, last + 1,
		    genfs_chunk_want(gg, off));
		if ((pc->pc_busy & set) == 0)
			break;
		pagechunk_wait(pc);
	}
	pc->pc_used = true;
	pageset_setbusy(pc, set & pc->pc_present);
	pageset_add(pc, set & ~pc->pc_present);
	*missingp = set & ~pc->pc_valid;
	return pc;
}

/* After an error: let go of busy pages, and free those without contents. */
void
genfs_drop(struct uvm_pagechunk *pc, pageset_t set)
{
	pageset_t fake = set & ~pc->pc_valid;

	KASSERT(fake != 0);
	/* The valid ones first: with its last page the chunk goes. */
	pageset_unbusy(pc, set & ~fake);
	pageset_free(pc, fake);
}

/*
 * Pages of one chunk for a caller who waits for them.  On error none of them
 * is left busy, and those that got no contents are gone.
 */
static int
genfs_get_chunk(const struct genfs_get *gg, voff_t off, u_int npages,
    struct vm_page **pgs)
{
	struct uvm_pagechunk *pc;
	pageset_t extra, missing, set;
	u_int first, i;
	int error;

	set = pageset_of(off, (size_t)npages * PAGE_SIZE);
	pc = genfs_busy(gg, off, set, &missing);
	first = __builtin_ctz(set);
	for (i = 0; i < npages; i++)
		pgs[i] = &pc->pc_page[first + i];
	if ((gg->gg_flags & PGO_OVERWRITE) != 0) {
		/* The caller has seen to the blocks, and to the contents. */
		pageset_sethole(pc, set, false);
		pageset_populate(pc, missing);
		if ((gg->gg_flags & PGO_UBCFAKE) != 0)
			return 0;
		for (i = 0; i < npages; i++) {
			if ((missing & (1U << (first + i))) != 0)
				memset((void *)VM_PAGE_TO_PHYS(pgs[i]), 0,
				    PAGE_SIZE);
		}
		pageset_setvalid(pc, missing);
		return 0;
	}
	if (missing == 0)
		return 0;
	extra = genfs_extra(gg, pc, set, missing);
	pageset_add(pc, extra);
	pageset_populate(pc, missing | extra);
	error = genfs_fill(gg, pc, missing | extra);
	if (error == 0) {
		if (extra != 0)
			pageset_unbusy(pc, extra);
		return 0;
	}
	genfs_drop(pc, set | extra);
	return error;
}

/* Fill the holes among pages that will be written to. */
static int
genfs_get_alloc(const struct genfs_get *gg, struct vm_page **pgs)
{
	struct uvm_pagechunk *pc;
	bool holes;
	u_int i;
	int error;

	for (holes = false, i = 0; i < gg->gg_npages && !holes; i++)
		holes = (pgs[i]->flags & PG_RDONLY) != 0;
	if (!holes)
		return 0;
	error = GOP_ALLOC(gg->gg_vp, gg->gg_off,
	    (off_t)gg->gg_npages * PAGE_SIZE, 0, curlwp->l_cred);
	if (error != 0)
		return error;
	for (i = 0; i < gg->gg_npages; i++) {
		if ((pgs[i]->flags & PG_RDONLY) == 0)
			continue;
		pc = pgs[i]->mdpage.mp_chunk;
		pageset_sethole(pc, page_bit(pgs[i]), false);
		/* The new block's contents on the disk are anything. */
		pageset_setdirty(pc, page_bit(pgs[i]));
	}
	return 0;
}

/* A caller who waits: pages of any number of chunks. */
static int
genfs_get_sync(struct genfs_get *gg, struct vm_page **pgs, int *npagesp)
{
	voff_t off;
	u_int done, n;
	int error;

	error = 0;
	for (done = 0; done < gg->gg_npages; done += n) {
		off = gg->gg_off + (voff_t)done * PAGE_SIZE;
		n = (u_int)((CHUNK_SIZE - (off & CHUNK_MASK)) >> PAGE_SHIFT);
		n = MIN(n, gg->gg_npages - done);
		error = genfs_get_chunk(gg, off, n, pgs + done);
		if (error != 0)
			break;
	}
	if (error == 0 && gg->gg_write &&
	    (gg->gg_flags & (PGO_NOBLOCKALLOC | PGO_OVERWRITE)) == 0)
		error = genfs_get_alloc(gg, pgs);
	if (error != 0) {
		uvm_page_unbusy(pgs, (int)done);
		memset(pgs, 0, gg->gg_npages * sizeof(*pgs));
		return error;
	}
	*npagesp = (int)gg->gg_npages;
	return 0;
}

/* Nobody waits: start to read what isn't there at all. */
static int
genfs_get_async(const struct genfs_get *gg)
{
	struct uvm_pagechunk *pc;
	pageset_t set;
	size_t len;
	voff_t off;
	u_int first, n;

	off = gg->gg_off;
	if (off >= gg->gg_diskeof)
		return 0;
	n = MIN(gg->gg_npages,
	    (u_int)((CHUNK_SIZE - (off & CHUNK_MASK)) >> PAGE_SHIFT));
	set = pageset_of(off, (size_t)n * PAGE_SIZE);
	pc = pageindex_lookup(&gg->gg_vp->v_uobj, off);
	if (pc != NULL && (pc->pc_busy != 0 || (pc->pc_present & set) == set))
		return 0;
	pc = pagechunk_get(&gg->gg_vp->v_uobj, off, 32 - __builtin_clz(set),
	    genfs_chunk_want(gg, off));
	set &= ~pc->pc_present;
	if (set == 0)
		return 0;
	/* One run is enough: it mostly is the whole chunk. */
	first = pageset_firstrun(set, &n);
	set = pageset_run(first, n);
	len = genfs_ondisk(gg, pc->pc_off + (voff_t)first * PAGE_SIZE, n);
	if (len == 0)
		return 0;
	pageset_add(pc, set);
	pageset_populate(pc, set);
	memset(pc->pc_data + first * PAGE_SIZE + len, 0, n * PAGE_SIZE - len);
	genfs_xfer_start(gg->gg_vp, pc, first, len, true, set);
	curlwp->l_ru.ru_inblock++;
	return 0;
}

/*
 * PGO_LOCKED: what is there and at once usable, without making it busy.  The
 * centre page is needed, or the caller comes again without the lock.
 */
static int
genfs_get_locked(const struct vop_getpages_args *ap)
{
	struct uvm_object *uobj = &ap->a_vp->v_uobj;
	struct vm_page *pg;
	bool write = (ap->a_access_type & VM_PROT_WRITE) != 0;
	int found, i;

	for (found = 0, i = 0; i < *ap->a_count; i++) {
		pg = uvm_pagelookup(uobj, ap->a_offset + (voff_t)i * PAGE_SIZE);
		if (pg != NULL && ((pg->flags & (PG_BUSY | PG_FAKE)) != 0 ||
		    (write && (pg->flags & PG_RDONLY) != 0)))
			pg = NULL;
		ap->a_m[i] = pg;
		if (pg != NULL)
			found++;
	}
	*ap->a_count = found;
	return ap->a_m[ap->a_centeridx] == NULL ? EBUSY : 0;
}

static int
genfs_get_glocked(struct genfs_get *gg, struct vm_page **pgs, int *npagesp)
{
	struct vnode *vp = gg->gg_vp;
	int error;

	if ((gg->gg_flags & PGO_SYNCIO) == 0) {
		if (!genfs_node_rdtrylock(vp))
			return EBUSY;
		error = genfs_get_async(gg);
		genfs_node_unlock(vp);
		return error;
	}
	if ((gg->gg_flags & PGO_GLOCKHELD) != 0)
		return genfs_get_sync(gg, pgs, npagesp);
	if (gg->gg_write && (gg->gg_flags & PGO_NOBLOCKALLOC) == 0)
		genfs_node_wrlock(vp);
	else
		genfs_node_rdlock(vp);
	error = genfs_get_sync(gg, pgs, npagesp);
	genfs_node_unlock(vp);
	return error;
}

int
genfs_getpages(void *v)
{
	struct vop_getpages_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct genfs_get gg = {
		.gg_vp = vp,
		.gg_off = ap->a_offset,
		.gg_npages = (u_int)*ap->a_count,
		.gg_flags = ap->a_flags,
		.gg_write = (ap->a_access_type & VM_PROT_WRITE) != 0,
		.gg_ahead = (ap->a_access_type & VM_PROT_WRITE) == 0 &&
		    ap->a_advice != UVM_ADV_RANDOM,
	};
	int error;

	KASSERT(*ap->a_count > 0 && ap->a_offset >= 0);
	KASSERT((ap->a_offset & PAGE_MASK) == 0);
	if ((ap->a_flags & PGO_LOCKED) != 0)
		return genfs_get_locked(ap);
	rw_exit(vp->v_uobj.vmobjlock);
	error = genfs_get_limits(&gg, ap->a_centeridx);
	if (error != 0)
		return error;
	if ((ap->a_flags & PGO_NOTIMESTAMP) == 0) {
		GOP_MARKUPDATE(vp, GOP_UPDATE_ACCESSED |
		    (gg.gg_write ? GOP_UPDATE_MODIFIED : 0));
	}
	fstrans_start(vp->v_mount);
	error = genfs_get_glocked(&gg, ap->a_m, ap->a_count);
	fstrans_done(vp->v_mount);
	return error;
}
