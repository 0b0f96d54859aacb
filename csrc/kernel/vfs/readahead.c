/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading ahead.
 *
 * Whether a file is read sequentially shows in the cache itself: the chunks
 * before the one that was missed are there.  So nothing is remembered about
 * readers.  The more of them there are, the more is read ahead, up to
 * RA_MAX; half way through, one chunk is marked, and whoever reads it starts
 * the next window.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>
#include <sys/vnode.h>

#include "core/pages.h"
#include "vfs/pages.h"
#include "vfs/readahead.h"

#define	RA_MAX		8		/* chunks */

/* Chunks in the cache right before an offset, up to RA_MAX. */
static u_int
readahead_history(const struct uvm_object *uobj, voff_t off)
{
	u_int n;

	for (n = 0; n < RA_MAX; n++) {
		off -= (voff_t)CHUNK_SIZE;
		if (off < 0 || pageindex_lookup(uobj, off) == NULL)
			break;
	}
	return n;
}

/* Start to read up to n chunks from an offset on; mark one of them. */
static void
readahead_window(struct uvm_object *uobj, voff_t off, u_int n)
{
	struct uvm_pagechunk *pc;
	struct vnode *vp = (struct vnode *)(void *)uobj;
	u_int i;

	/* Reading ahead is not worth what it would push out. */
	if (kpage_avail() < kpage_limit() / 32)
		n = MIN(n, 1);
	for (i = 0; i < n; i++, off += (voff_t)CHUNK_SIZE) {
		if (off >= vp->v_size)
			break;
		if (pageindex_lookup(uobj, off) == NULL &&
		    uvm_readahead(uobj, off, (off_t)CHUNK_SIZE) != 0)
			break;
		if (i == n / 2) {
			pc = pageindex_lookup(uobj, off);
			if (pc != NULL)
				pc->pc_ahead = true;
		}
	}
}

/* A read has missed at an offset; its chunk is there now. */
void
readahead_miss(struct uvm_object *uobj, off_t off, int advice)
{
	u_int n;

	off &= ~(voff_t)CHUNK_MASK;
	if (advice == UVM_ADV_RANDOM)
		return;
	n = advice == UVM_ADV_SEQUENTIAL ? RA_MAX :
	    readahead_history(uobj, off);
	if (n != 0)
		readahead_window(uobj, off + (voff_t)CHUNK_SIZE, n);
}

/* The reader has come to a marked chunk, at that offset. */
void
readahead_continue(struct uvm_object *uobj, off_t off)
{
	u_int n;

	/* Behind what has been read ahead already. */
	off += (off_t)CHUNK_SIZE;
	for (n = 0; n < RA_MAX; n++, off += (voff_t)CHUNK_SIZE) {
		if (pageindex_lookup(uobj, off) == NULL)
			break;
	}
	readahead_window(uobj, off, RA_MAX);
}

/* Start to read a range of an object; don't wait. */
int
uvm_readahead(struct uvm_object *uobj, off_t off, off_t size)
{
	off_t end;
	int error, npages;

	end = round_page(off + size);
	for (off = trunc_page(off); off < end;
	    off = (off & ~(off_t)CHUNK_MASK) + (off_t)CHUNK_SIZE) {
		npages = (int)(MIN(end - off,
		    (off_t)(CHUNK_SIZE - (off & CHUNK_MASK))) >> PAGE_SHIFT);
		rw_enter(uobj->vmobjlock, RW_WRITER);
		error = (*uobj->pgops->pgo_get)(uobj, off, NULL, &npages, 0,
		    VM_PROT_READ, UVM_ADV_RANDOM, PGO_NOTIMESTAMP);
		if (error != 0)
			return error == EINVAL ? 0 : error;
	}
	return 0;
}

/* NetBSD's interface to a reader's history, for those who want to keep one. */

struct uvm_ractx {
	off_t	ra_next;	/* where the last request ended */
};

struct uvm_ractx *
uvm_ra_allocctx(void)
{

	return kmem_zalloc(sizeof(struct uvm_ractx), KM_SLEEP);
}

void
uvm_ra_freectx(struct uvm_ractx *ra)
{

	kmem_free(ra, sizeof(*ra));
}

void
uvm_ra_request(struct uvm_ractx *ra, int advice, struct uvm_object *uobj,
    off_t off, size_t size)
{
	bool sequential;

	if (ra == NULL || advice == UVM_ADV_RANDOM)
		return;
	sequential = advice == UVM_ADV_SEQUENTIAL || off == ra->ra_next;
	ra->ra_next = off + (off_t)size;
	if (sequential)
		readahead_window(uobj,
		    round_page(ra->ra_next) & ~(voff_t)CHUNK_MASK, RA_MAX / 2);
}
