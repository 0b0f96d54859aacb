/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contents of rootfs's regular files: an array of pages, with NULL for those
 * that nobody has written to.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/systm.h>
#include <sys/uio.h>

#include <lib/libkern/libkern.h>

#include "core/pages.h"
#include "fs/rootfs.h"

static char zeroes[PAGE_SIZE];

int
rootfs_data_read(struct rootfs_node *rn, struct uio *uio)
{
	size_t at, in, n;
	char *page;
	int error = 0;

	while (error == 0 && uio->uio_resid > 0 &&
	    uio->uio_offset < rn->rn_size) {
		at = uio->uio_offset / PAGE_SIZE;
		in = uio->uio_offset % PAGE_SIZE;
		n = MIN(PAGE_SIZE - in, uio->uio_resid);
		n = MIN((off_t)n, rn->rn_size - uio->uio_offset);
		page = at < rn->rn_npages ? rn->rn_pages[at] : NULL;
		error = uiomove(page != NULL ? page + in : zeroes, n, uio);
	}
	return error;
}

/*
 * Memory that files leave to the kernel, in pages: who has no more to write to
 * must be able to remove them at least.
 */
size_t
rootfs_data_reserve(void)
{

	return kpage_limit() / 16;
}

static void *
file_alloc(size_t size)
{

	if (!kpage_spare(rootfs_data_reserve() + howmany(size, PAGE_SIZE)))
		return NULL;
	return kmem_zalloc(size, KM_NOSLEEP);
}

/* Make room for page numbers below NPAGES. */
static int
grow(struct rootfs_node *rn, size_t npages)
{
	char **pages;
	size_t n;

	if (npages <= rn->rn_npages)
		return 0;
	n = MAX(npages, rn->rn_npages * 2);
	pages = file_alloc(n * sizeof(*pages));
	if (pages == NULL)
		return ENOSPC;
	if (rn->rn_npages > 0) {
		memcpy(pages, rn->rn_pages, rn->rn_npages * sizeof(*pages));
		kmem_free(rn->rn_pages, rn->rn_npages * sizeof(*pages));
	}
	rn->rn_pages = pages;
	rn->rn_npages = n;
	return 0;
}

int
rootfs_data_write(struct rootfs_node *rn, struct uio *uio)
{
	size_t at, in, n;
	int error = 0;

	if (uio->uio_offset < 0)
		return EINVAL;
	if (uio->uio_offset > ROOTFS_FILE_MAX ||
	    uio->uio_resid > ROOTFS_FILE_MAX - uio->uio_offset)
		return EFBIG;
	while (error == 0 && uio->uio_resid > 0) {
		at = uio->uio_offset / PAGE_SIZE;
		in = uio->uio_offset % PAGE_SIZE;
		n = MIN(PAGE_SIZE - in, uio->uio_resid);
		if ((error = grow(rn, at + 1)) != 0)
			break;
		if (rn->rn_pages[at] == NULL) {
			rn->rn_pages[at] = file_alloc(PAGE_SIZE);
			if (rn->rn_pages[at] == NULL)
				return ENOSPC;
		}
		error = uiomove(rn->rn_pages[at] + in, n, uio);
		rn->rn_size = MAX(rn->rn_size, uio->uio_offset);
	}
	return error;
}

int
rootfs_data_resize(struct rootfs_node *rn, off_t size)
{
	size_t keep = howmany(size, PAGE_SIZE);

	if (size < 0)
		return EINVAL;
	if (size > ROOTFS_FILE_MAX)
		return EFBIG;
	for (size_t i = keep; i < rn->rn_npages; i++)
		if (rn->rn_pages[i] != NULL) {
			kmem_free(rn->rn_pages[i], PAGE_SIZE);
			rn->rn_pages[i] = NULL;
		}
	if (size < rn->rn_size && size % PAGE_SIZE != 0 &&
	    keep <= rn->rn_npages && rn->rn_pages[keep - 1] != NULL)
		memset(rn->rn_pages[keep - 1] + size % PAGE_SIZE, 0,
		    PAGE_SIZE - size % PAGE_SIZE);
	rn->rn_size = size;
	return 0;
}

void
rootfs_data_free(struct rootfs_node *rn)
{

	if (rn->rn_type != VREG || rn->rn_npages == 0)
		return;
	(void)rootfs_data_resize(rn, 0);
	kmem_free(rn->rn_pages, rn->rn_npages * sizeof(*rn->rn_pages));
	rn->rn_pages = NULL;
	rn->rn_npages = 0;
}
