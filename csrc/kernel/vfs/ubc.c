/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copying between the page cache and a struct uio: the data path of read and
 * write of every file system that uses pages.
 *
 * What is cached is copied with one look-up for 64 KiB and no sleep.  Only
 * what is not goes through the object's pager.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/uio.h>
#include <sys/vnode.h>

#include "vfs/pages.h"
#include "vfs/readahead.h"

/* Pages of one chunk, busy, that cover the bytes to be moved. */
struct ubc_window {
	struct vm_page	*uw_pgs[CHUNK_PAGES];
	int		uw_npages;
	voff_t		uw_off;		/* of the first byte wanted */
	size_t		uw_len;		/* bytes that the pages cover */
};

static inline struct uvm_pagechunk *
ubc_chunk(const struct ubc_window *uw)
{

	return uw->uw_pgs[0]->mdpage.mp_chunk;
}

static inline pageset_t
ubc_set(const struct ubc_window *uw)
{

	return pageset_run(page_index(uw->uw_pgs[0]), uw->uw_npages);
}

static inline char *
ubc_address(const struct ubc_window *uw)
{

	return (char *)VM_PAGE_TO_PHYS(uw->uw_pgs[0]) +
	    (uw->uw_off & PAGE_MASK);
}

/* Have the pager make the pages of [off, off + len) valid and busy. */
static int
ubc_getwindow(struct uvm_object *uobj, struct ubc_window *uw, voff_t off,
    size_t len, vm_prot_t prot, int advice, int gpflags)
{
	int error;

	uw->uw_off = off;
	uw->uw_npages = pageset_count(pageset_of(off, len));
	memset(uw->uw_pgs, 0, uw->uw_npages * sizeof(uw->uw_pgs[0]));
	rw_enter(uobj->vmobjlock, RW_WRITER);
	error = (*uobj->pgops->pgo_get)(uobj, trunc_page(off), uw->uw_pgs,
	    &uw->uw_npages, 0, prot, advice,
	    gpflags | PGO_SYNCIO | PGO_NOTIMESTAMP);
	if (error != 0)
		return error;
	KASSERT(uw->uw_npages > 0 && uw->uw_pgs[0] != NULL);
	uw->uw_len = MIN(len,
	    (size_t)uw->uw_npages * PAGE_SIZE - (off & PAGE_MASK));
	return 0;
}

static int
ubc_read(struct uvm_object *uobj, struct uio *uio, size_t len, int advice)
{
	struct ubc_window uw;
	voff_t off = uio->uio_offset;
	int error;

	error = ubc_getwindow(uobj, &uw, off, len, VM_PROT_READ, advice,
	    PGO_NOBLOCKALLOC);
	if (error != 0)
		return error;
	error = uiomove(ubc_address(&uw), uw.uw_len, uio);
	uvm_page_unbusy(uw.uw_pgs, uw.uw_npages);
	if (error == 0 && UVM_OBJ_IS_VNODE(uobj))
		readahead_miss(uobj, off, advice);
	return error;
}

/*
 * Get a window to write to.  With UBC_FAULTBUSY the file system has allocated
 * the blocks and nothing need be read; the pages that were not in the cache
 * are still PG_FAKE then.  Else holes are filled first.
 */
static int
ubc_getwrite(struct uvm_object *uobj, struct ubc_window *uw, voff_t off,
    size_t len, int advice, int flags)
{
	int error;

	if ((flags & UBC_FAULTBUSY) != 0)
		return ubc_getwindow(uobj, uw, off, len,
		    VM_PROT_READ | VM_PROT_WRITE, advice, PGO_NOBLOCKALLOC |
		    PGO_OVERWRITE | PGO_PASTEOF | PGO_UBCFAKE);
	error = ubc_getwindow(uobj, uw, off, len,
	    VM_PROT_READ | VM_PROT_WRITE, advice, PGO_NOBLOCKALLOC);
	if (error != 0 || pageset_holes(ubc_chunk(uw), ubc_set(uw)) == 0)
		return error;
	uvm_page_unbusy(uw->uw_pgs, uw->uw_npages);
	return ubc_getwindow(uobj, uw, off, len,
	    VM_PROT_READ | VM_PROT_WRITE, advice, 0);
}

/*
 * Clear what was not written of pages that had no contents; the window's
 * first `written' bytes were.
 */
static void
ubc_zerofake(struct ubc_window *uw, size_t written)
{
	struct vm_page *pg;
	size_t from, to;
	char *data;
	int i;

	from = uw->uw_off & PAGE_MASK;
	to = from + written;
	for (i = 0; i < uw->uw_npages; i++) {
		pg = uw->uw_pgs[i];
		data = (char *)VM_PAGE_TO_PHYS(pg);
		if ((pg->flags & PG_FAKE) != 0) {
			if (i == 0 && from > 0)
				memset(data, 0, from);
			if (to < PAGE_SIZE)
				memset(data + to, 0, PAGE_SIZE - to);
		}
		to -= MIN(to, PAGE_SIZE);
	}
}

static int
ubc_write(struct uvm_object *uobj, struct uio *uio, size_t len, int advice,
    int flags)
{
	struct uvm_pagechunk *pc;
	struct ubc_window uw;
	size_t resid = uio->uio_resid;
	pageset_t set;
	int error;

	error = ubc_getwrite(uobj, &uw, uio->uio_offset, len, advice, flags);
	if (error != 0)
		return error;
	error = uiomove(ubc_address(&uw), uw.uw_len, uio);
	pc = ubc_chunk(&uw);
	set = ubc_set(&uw);
	if ((pc->pc_valid & set) != set) {
		ubc_zerofake(&uw, resid - uio->uio_resid);
		pageset_setvalid(pc, set);
	}
	pageset_sethole(pc, set, false);
	pageset_setdirty(pc, set);
	uvm_page_unbusy(uw.uw_pgs, uw.uw_npages);
	return error;
}

/* Can these pages be written to as they are? */
static inline bool
ubc_writable(struct uvm_pagechunk *pc, pageset_t set)
{

	return (pc->pc_busy & set) == 0 && pageset_holes(pc, set) == 0;
}

/* Copy from or to cached pages; false if the pager has to be asked. */
static inline bool
ubc_cached(struct uvm_object *uobj, struct uio *uio, size_t len, int flags,
    int *errorp)
{
	struct uvm_pagechunk *pc;
	pageset_t set;
	voff_t off;

	pc = pageindex_lookup(uobj, uio->uio_offset);
	if (pc == NULL)
		return false;
	set = pageset_of(uio->uio_offset, len);
	if ((pc->pc_valid & set) != set)
		return false;
	if ((flags & UBC_WRITE) != 0) {
		if (!ubc_writable(pc, set))
			return false;
		pageset_setdirty(pc, set);
	}
	pc->pc_used = true;
	off = pc->pc_off;
	*errorp = uiomove(pc->pc_data + (uio->uio_offset & CHUNK_MASK), len,
	    uio);
	if (__predict_false(pc->pc_ahead) && (flags & UBC_READ) != 0) {
		pc->pc_ahead = false;
		readahead_continue(uobj, off);	/* the chunk may go now */
	}
	return true;
}

/*
 * Move todo bytes at uio_offset.  The file system holds the vnode lock, has
 * limited todo to the file's size, and has allocated the blocks of a write.
 */
int
ubc_uiomove(struct uvm_object *uobj, struct uio *uio, vsize_t todo, int advice,
    int flags)
{
	size_t len, resid;
	int error;

	KASSERT(todo <= uio->uio_resid);
	KASSERT(((flags & UBC_WRITE) != 0) == (uio->uio_rw == UIO_WRITE));
	error = 0;
	while (todo > 0 && error == 0) {
		len = MIN(todo, CHUNK_SIZE - (uio->uio_offset & CHUNK_MASK));
		resid = uio->uio_resid;
		if (!ubc_cached(uobj, uio, len, flags, &error)) {
			if ((flags & UBC_WRITE) != 0)
				error = ubc_write(uobj, uio, len, advice,
				    flags);
			else
				error = ubc_read(uobj, uio, len, advice);
		}
		todo -= resid - uio->uio_resid;
	}
	if ((flags & UBC_WRITE) != 0 &&
	    __predict_false(pagecache.pch_dirty > pagecache.pch_dirtymax))
		pagedaemon_throttle(uobj, PGO_JOURNALLOCKED);
	return error;
}

/* Clear the bytes of one chunk, except where there is a hole already. */
static int
ubc_zerochunk(struct uvm_object *uobj, voff_t off, size_t len)
{
	struct uvm_pagechunk *pc;
	struct ubc_window uw;
	pageset_t holes, set;
	size_t n;
	int error, i;
	char *data;

	error = ubc_getwindow(uobj, &uw, off, len,
	    VM_PROT_READ | VM_PROT_WRITE, UVM_ADV_RANDOM, PGO_NOBLOCKALLOC);
	if (error != 0)
		return error;
	pc = ubc_chunk(&uw);
	set = ubc_set(&uw);
	holes = pageset_holes(pc, set);
	data = ubc_address(&uw);
	for (i = 0, len = uw.uw_len; len > 0; i++, len -= n, data += n) {
		n = MIN(len, PAGE_SIZE - ((uintptr_t)data & PAGE_MASK));
		if ((holes & page_bit(uw.uw_pgs[i])) == 0)
			memset(data, 0, n);
	}
	pageset_setdirty(pc, set & ~holes);
	uvm_page_unbusy(uw.uw_pgs, uw.uw_npages);
	return 0;
}

/*
 * Clear a range of a file.  Nothing is done where the file has no pages: it
 * ends before.
 */
void
ubc_zerorange(struct uvm_object *uobj, off_t off, size_t len, int flags)
{
	size_t n;

	(void)flags;
	for (; len > 0; off += n, len -= n) {
		n = MIN(len, CHUNK_SIZE - (off & CHUNK_MASK));
		if (ubc_zerochunk(uobj, off, n) != 0)
			break;
	}
}

/* The cache keeps no mappings, so there are none of an object to drop. */
void
ubc_purge(struct uvm_object *uobj)
{

	KASSERT(LIST_EMPTY(&uobj->uo_ubc));
}
