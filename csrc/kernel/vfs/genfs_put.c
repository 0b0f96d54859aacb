/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VOP_PUTPAGES of file systems with a genfs_node: write and free pages.
 *
 * Called with vmobjlock held, which is released.  Dirty pages are written in
 * runs, by the file system's gop_write, which mostly is genfs_gop_write().
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/buf.h>
#include <sys/fstrans.h>
#include <sys/lwp.h>
#include <sys/mount.h>
#include <sys/vnode.h>
#include <sys/wapbl.h>
#include <miscfs/genfs/genfs.h>
#include <miscfs/genfs/genfs_node.h>

#include "vfs/genfs_io.h"
#include "vfs/pages.h"

/* Where genfs_put_run() is. */
struct genfs_put {
	struct vnode	*gp_vp;
	voff_t		gp_lo;
	voff_t		gp_hi;
	int		gp_flags;	/* PGO_* */
	bool		gp_dirtyonly;	/* clean pages don't matter */
};

/* What of a chunk the request is about. */
static pageset_t
genfs_put_set(const struct genfs_put *gp, const struct uvm_pagechunk *pc)
{
	voff_t from, to;

	from = MAX(gp->gp_lo, pc->pc_off);
	to = MIN(gp->gp_hi, pc->pc_off + (voff_t)CHUNK_SIZE);
	if (from >= to)
		return 0;
	return pageset_of(from, (size_t)(to - from)) & pc->pc_present;
}

/* The file system may want a run to be no longer than this. */
static void
genfs_put_clip(struct vnode *vp, const struct uvm_pagechunk *pc, u_int first,
    u_int *np)
{
	const struct genfs_ops *ops = VTOG(vp)->g_op;
	off_t hi, lo, off;

	if (ops->gop_putrange == NULL ||
	    ops->gop_putrange == genfs_gop_putrange)
		return;
	off = pc->pc_off + (off_t)first * PAGE_SIZE;
	(*ops->gop_putrange)(vp, off, &lo, &hi);
	KASSERT(lo <= off && off < hi);
	*np = (u_int)MIN((off_t)*np, howmany(hi - off, PAGE_SIZE));
}

/* Write the first run of dirty pages of a set, and note which. */
static int
genfs_put_run(const struct genfs_put *gp, struct uvm_pagechunk *pc,
    pageset_t dirty, pageset_t *tried)
{
	struct vm_page *pgs[CHUNK_PAGES];
	pageset_t set;
	u_int first, i, n;

	first = pageset_firstrun(dirty, &n);
	genfs_put_clip(gp->gp_vp, pc, first, &n);
	set = pageset_run(first, n);
	*tried |= set;
	pageset_setbusy(pc, set);
	pc->pc_writing |= set;
	pageset_setclean(pc, set);
	for (i = 0; i < n; i++) {
		pgs[i] = &pc->pc_page[first + i];
		if ((gp->gp_flags & PGO_FREE) != 0)
			pgs[i]->flags |= PG_RELEASED;
	}
	curlwp->l_ru.ru_oublock++;
	rw_enter(gp->gp_vp->v_uobj.vmobjlock, RW_WRITER);
	return GOP_WRITE(gp->gp_vp, pgs, (int)n, gp->gp_flags);
}

/*
 * Do to one chunk what can be done without sleeping, or one thing that may
 * sleep.  EPASSTHROUGH: the same chunk again, if it is still there.  What was
 * tried is not written a second time: a page that can't be is dirty again.
 */
static int
genfs_put_chunk(const struct genfs_put *gp, struct uvm_pagechunk *pc,
    pageset_t *tried)
{
	pageset_t busy, dirty, set;
	bool clean = (gp->gp_flags & PGO_CLEANIT) != 0;
	int error;

	set = genfs_put_set(gp, pc);
	dirty = clean ? set & pc->pc_dirty & ~*tried : 0;
	busy = (gp->gp_dirtyonly ? dirty : set) & pc->pc_busy;
	if (busy != 0 && (gp->gp_flags & PGO_BUSYFAIL) != 0)
		return EDEADLK;
	dirty &= ~busy;
	if (dirty != 0) {
		error = genfs_put_run(gp, pc, dirty, tried);
		return error != 0 ? error : EPASSTHROUGH;
	}
	if (busy != 0 && (gp->gp_flags & PGO_LAZY) == 0 &&
	    (uvm.pagedaemon_lwp == NULL || curlwp != uvm.pagedaemon_lwp)) {
		pagechunk_wait(pc);
		return EPASSTHROUGH;
	}
	set &= ~busy;
	if (clean)
		set &= ~pc->pc_dirty;	/* could not be written */
	if ((gp->gp_flags & PGO_FREE) != 0)
		pageset_free(pc, set);
	else if ((gp->gp_flags & PGO_DEACTIVATE) != 0)
		pagechunk_deactivate(pc);
	return 0;
}

static int
genfs_put_range(const struct genfs_put *gp)
{
	struct uvm_object *uobj = &gp->gp_vp->v_uobj;
	struct uvm_pagechunk *pc;
	pageset_t tried = 0;
	voff_t chunk = -1, next, off;
	int error, result;

	result = 0;
	for (off = gp->gp_lo; off < gp->gp_hi; off = next) {
		pc = pageindex_next(uobj, off, gp->gp_dirtyonly);
		if (pc == NULL || pc->pc_off >= gp->gp_hi)
			break;
		if (pc->pc_off > chunk) {
			chunk = pc->pc_off;
			tried = 0;
		}
		next = pc->pc_off + (voff_t)CHUNK_SIZE;
		error = genfs_put_chunk(gp, pc, &tried);
		if (error == EPASSTHROUGH)
			next = MAX(off, next - (voff_t)CHUNK_SIZE);
		else if (error == EDEADLK)
			return error;
		else if (error != 0 && result == 0)
			result = error;	/* the rest is tried all the same */
	}
	return result;
}

/* Nothing dirty is left: the syncer need not come. */
static void
genfs_put_offlist(struct vnode *vp)
{

	if ((vp->v_iflag & VI_ONWORKLST) == 0)
		return;
	mutex_enter(vp->v_interlock);
	if ((vp->v_iflag & VI_ONWORKLST) != 0 && uvn_clean_p(&vp->v_uobj) &&
	    LIST_EMPTY(&vp->v_dirtyblkhd) && vp->v_numoutput == 0)
		vn_syncer_remove_from_worklist(vp);
	mutex_exit(vp->v_interlock);
}

static void
genfs_put_drain(struct vnode *vp)
{

	if (vp->v_numoutput == 0)
		return;
	mutex_enter(vp->v_interlock);
	while (vp->v_numoutput != 0)
		cv_wait(&vp->v_cv, vp->v_interlock);
	mutex_exit(vp->v_interlock);
}

/*
 * A file system that writes behind a sequential writer (PGO_LAZY of a range)
 * only wants the dirty pages not to pile up.  As long as they don't, later is
 * better: they may be written again, or deleted.
 */
static bool
genfs_put_canwait(int flags)
{

	return (flags & PGO_LAZY) != 0 && (flags & (PGO_ALLPAGES |
	    PGO_SYNCIO | PGO_FREE | PGO_DEACTIVATE)) == 0 &&
	    pagecache.pch_dirty < pagecache.pch_dirtymax / 2;
}

/*
 * In a transaction of the mount, and in one of its journal unless the caller
 * is: what has to be copied before it is overwritten (fscow) may allocate.
 * The page daemon waits for neither.
 */
static int
genfs_put_inside(struct genfs_put *gp)
{
	struct mount *mp = gp->gp_vp->v_mount;
	bool journal;
	int error;

	if (uvm.pagedaemon_lwp != NULL && curlwp == uvm.pagedaemon_lwp) {
		if (fstrans_start_nowait(mp) != 0)
			return EBUSY;
		error = genfs_put_range(gp);
		fstrans_done(mp);
		return error;
	}
	fstrans_start(mp);
	journal = mp->mnt_wapbl != NULL && (gp->gp_flags &
	    (PGO_CLEANIT | PGO_JOURNALLOCKED)) == PGO_CLEANIT;
	error = journal ? WAPBL_BEGIN(mp) : 0;
	if (error == 0) {
		error = genfs_put_range(gp);
		if (journal)
			WAPBL_END(mp);
	}
	fstrans_done(mp);
	return error;
}

int
genfs_do_putpages(struct vnode *vp, off_t startoff, off_t endoff, int flags,
    struct vm_page **busypg)
{
	struct genfs_put gp = {
		.gp_vp = vp,
		.gp_lo = trunc_page(startoff),
		.gp_hi = round_page(endoff),
		.gp_flags = flags,
		.gp_dirtyonly = (flags & (PGO_FREE | PGO_DEACTIVATE)) == 0,
	};
	int error;

	KASSERT((startoff & PAGE_MASK) == 0 && startoff >= 0);
	KASSERT(busypg == NULL || *busypg == NULL);
	rw_exit(vp->v_uobj.vmobjlock);
	if (genfs_put_canwait(flags))
		return 0;
	if ((flags & PGO_ALLPAGES) != 0)
		gp.gp_lo = 0;
	if ((flags & PGO_ALLPAGES) != 0 || endoff == 0)
		gp.gp_hi = INT64_MAX & ~(voff_t)CHUNK_MASK;
	error = 0;
	if (vp->v_uobj.uo_npages != 0 &&
	    (!gp.gp_dirtyonly || !uvn_clean_p(&vp->v_uobj)))
		error = genfs_put_inside(&gp);
	if ((flags & PGO_SYNCIO) != 0 && (flags & PGO_CLEANIT) != 0)
		genfs_put_drain(vp);
	genfs_put_offlist(vp);
	return error;
}

int
genfs_putpages(void *v)
{
	struct vop_putpages_args *ap = v;

	return genfs_do_putpages(ap->a_vp, ap->a_offlo, ap->a_offhi,
	    ap->a_flags, NULL);
}

/* VOP_PUTPAGES of what has no pages. */
int
genfs_null_putpages(void *v)
{
	struct vop_putpages_args *ap = v;

	KASSERT(ap->a_vp->v_uobj.uo_npages == 0);
	rw_exit(ap->a_vp->v_uobj.vmobjlock);
	return 0;
}

/* Ready-made members of struct genfs_ops. */

/*
 * Write busy pages, contiguous in the file, and let them go.  Called with
 * vmobjlock, which is released.
 */
int
genfs_gop_write(struct vnode *vp, struct vm_page **pgs, int npages, int flags)
{
	struct uvm_pagechunk *pc = pgs[0]->mdpage.mp_chunk;
	pageset_t set;
	off_t eof, off;
	size_t len;
	u_int first;
	int error;

	rw_exit(vp->v_uobj.vmobjlock);
	KASSERT(npages > 0 && pgs[npages - 1] == pgs[0] + npages - 1);
	first = page_index(pgs[0]);
	set = pageset_run(first, (u_int)npages);
	off = pgs[0]->offset;
	GOP_SIZE(vp, vp->v_writesize, &eof, 0);
	if (off >= eof) {
		genfs_written(pc, set, 0);	/* cut off meanwhile */
		return 0;
	}
	len = (size_t)MIN((off_t)npages * PAGE_SIZE, eof - off);
	len = roundup2(len, DEV_BSIZE);
	if ((flags & PGO_SYNCIO) == 0) {
		genfs_xfer_start(vp, pc, first, len, false, set);
		return 0;
	}
	error = genfs_xfer_wait(vp, pc, first, len, false);
	genfs_written(pc, set, error);
	return error;
}

/* For those who change the data on its way: it is mapped for that anyway. */
int
genfs_gop_write_rwmap(struct vnode *vp, struct vm_page **pgs, int npages,
    int flags)
{

	return genfs_gop_write(vp, pgs, npages, flags);
}

/* Any cluster will do. */
void
genfs_gop_putrange(struct vnode *vp, off_t off, off_t *lop, off_t *hip)
{

	(void)vp;
	*lop = off & ~(off_t)CHUNK_MASK;
	*hip = *lop + (off_t)CHUNK_SIZE;
}

/* A file's blocks end at the next block boundary. */
void
genfs_size(struct vnode *vp, off_t size, off_t *eobp, int flags)
{
	off_t bsize;

	(void)flags;
	bsize = (off_t)1 << vp->v_mount->mnt_fs_bshift;
	*eobp = (size + bsize - 1) & ~(bsize - 1);
}

/* The genfs_node. */

void
genfs_node_init(struct vnode *vp, const struct genfs_ops *ops)
{
	struct genfs_node *gp = VTOG(vp);

	rw_init(&gp->g_glock);
	gp->g_op = ops;
}

void
genfs_node_destroy(struct vnode *vp)
{

	rw_destroy(&VTOG(vp)->g_glock);
}

void
genfs_node_wrlock(struct vnode *vp)
{

	rw_enter(&VTOG(vp)->g_glock, RW_WRITER);
}

void
genfs_node_rdlock(struct vnode *vp)
{

	rw_enter(&VTOG(vp)->g_glock, RW_READER);
}

int
genfs_node_rdtrylock(struct vnode *vp)
{

	return rw_tryenter(&VTOG(vp)->g_glock, RW_READER);
}

void
genfs_node_unlock(struct vnode *vp)
{

	rw_exit(&VTOG(vp)->g_glock);
}

int
genfs_node_wrlocked(struct vnode *vp)
{

	return rw_write_held(&VTOG(vp)->g_glock);
}
