/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transfers of pages that a file system gathers by itself (LFS: a segment at a
 * time).  There are no page tables.  Pages that lie side by side have an address
 * as they are; others are copied, in before a write and out after a read, which
 * is as good as a mapping because they are busy meanwhile.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/buf.h>
#include <sys/kmem.h>
#include <sys/queue.h>
#include <sys/vnode.h>
#include <uvm/uvm.h>
#include <uvm/uvm_pager.h>

#include "vfs/genfs_io.h"
#include "vfs/pages.h"

struct pager_window {
	LIST_ENTRY(pager_window) pw_list;
	char	*pw_data;
	struct vm_page **pw_pgs;
	int	pw_npages;
	bool	pw_copy;		/* the memory is ours */
	bool	pw_read;
};
static LIST_HEAD(, pager_window) pager_windows =
    LIST_HEAD_INITIALIZER(pager_windows);

static char *
page_data(const struct vm_page *pg)
{

	return (char *)VM_PAGE_TO_PHYS(pg);
}

static bool
pages_adjacent(struct vm_page **pgs, int npages)
{
	int i;

	for (i = 1; i < npages; i++)
		if (page_data(pgs[i]) != page_data(pgs[i - 1]) + PAGE_SIZE)
			return false;
	return true;
}

static struct pager_window *
pager_find(vaddr_t va)
{
	struct pager_window *pw;

	LIST_FOREACH(pw, &pager_windows, pw_list)
		if ((vaddr_t)pw->pw_data == va)
			return pw;
	panic("no pages are mapped at %#lx", (u_long)va);
}

/* An address for busy pages, one after the other. */
vaddr_t
uvm_pagermapin(struct vm_page **pgs, int npages, int flags)
{
	const km_flag_t wait =
	    (flags & UVMPAGER_MAPIN_WAITOK) != 0 ? KM_SLEEP : KM_NOSLEEP;
	const size_t listsize = npages * sizeof(*pgs);
	struct pager_window *pw;
	int i;

	KASSERT(npages > 0);
	pw = kmem_zalloc(sizeof(*pw), wait);
	if (pw == NULL)
		return 0;
	pw->pw_npages = npages;
	pw->pw_read = (flags & UVMPAGER_MAPIN_READ) != 0;
	pw->pw_copy = !pages_adjacent(pgs, npages);
	pw->pw_pgs = kmem_alloc(listsize, wait);
	if (pw->pw_pgs != NULL)
		pw->pw_data = pw->pw_copy ?
		    kmem_alloc((size_t)npages * PAGE_SIZE, wait) :
		    page_data(pgs[0]);
	if (pw->pw_data == NULL) {
		if (pw->pw_pgs != NULL)
			kmem_free(pw->pw_pgs, listsize);
		kmem_free(pw, sizeof(*pw));
		return 0;
	}
	memcpy(pw->pw_pgs, pgs, listsize);
	for (i = 0; pw->pw_copy && i < npages; i++)
		memcpy(pw->pw_data + (size_t)i * PAGE_SIZE,
		    page_data(pgs[i]), PAGE_SIZE);
	LIST_INSERT_HEAD(&pager_windows, pw, pw_list);
	return (vaddr_t)pw->pw_data;
}

/* The address is not used any more; what was read goes to the pages. */
void
uvm_pagermapout(vaddr_t va, int npages)
{
	struct pager_window *pw = pager_find(va);
	int i;

	KASSERT(pw->pw_npages == npages);
	LIST_REMOVE(pw, pw_list);
	for (i = 0; pw->pw_copy && pw->pw_read && i < npages; i++)
		memcpy(page_data(pw->pw_pgs[i]),
		    pw->pw_data + (size_t)i * PAGE_SIZE, PAGE_SIZE);
	if (pw->pw_copy)
		kmem_free(pw->pw_data, (size_t)npages * PAGE_SIZE);
	kmem_free(pw->pw_pgs, npages * sizeof(*pw->pw_pgs));
	kmem_free(pw, sizeof(*pw));
}

/* A write of mapped pages has ended: keep them if it failed, let go of them. */
static void
pager_written(struct vm_page **pgs, int npages, int error)
{
	int i;

	for (i = 0; i < npages; i++) {
		struct uvm_pagechunk *pc = pgs[i]->mdpage.mp_chunk;

		genfs_written(pc, (pageset_t)1 << (pgs[i] - pc->pc_page),
		    error);
	}
}

/* b_iodone of a transfer of pages that uvm_pagermapin() gave an address. */
void
uvm_aio_aiodone(struct buf *bp)
{
	const int npages = bp->b_bufsize >> PAGE_SHIFT;
	struct pager_window *pw = pager_find((vaddr_t)bp->b_data);
	const size_t listsize = npages * sizeof(struct vm_page *);
	struct vm_page **pgs;

	KASSERT(npages == pw->pw_npages);
	pgs = kmem_alloc(listsize, KM_SLEEP);
	memcpy(pgs, pw->pw_pgs, listsize);
	uvm_pagermapout((vaddr_t)bp->b_data, npages);
	if ((bp->b_flags & B_READ) == 0)
		pager_written(pgs, npages, bp->b_error);
	else
		uvm_page_unbusy(pgs, npages);
	kmem_free(pgs, listsize);
	putiobuf(bp);
}

/* Pages are never mapped, so hardware notes nothing about them. */

bool
pmap_test_attrs(struct vm_page *pg __unused, unsigned int attrs __unused)
{

	return false;
}

bool
pmap_clear_attrs(struct vm_page *pg __unused, unsigned int attrs __unused)
{

	return false;
}

void
pmap_page_remove(struct vm_page *pg __unused)
{
}
