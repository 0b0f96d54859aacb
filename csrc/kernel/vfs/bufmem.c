/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory behind b_data: classes of powers of two, a few free pieces kept
 * of each, and a limit for the whole.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/buf.h>
#include <sys/kmem.h>
#include <sys/proc.h>
#include <ufs/lfs/ulfs_inode.h>

#include "core/pages.h"
#include "vfs/bio.h"

#define	BUFMEM_MINSHIFT	DEV_BSHIFT	/* 512 bytes */
#define	BUFMEM_MAXSHIFT	16		/* MAXBSIZE */
#define	BUFMEM_NCLASS	(BUFMEM_MAXSHIFT - BUFMEM_MINSHIFT + 1)
#define	BUFMEM_KEEP	(256 * 1024)	/* bytes kept free in a class */

struct bufmem_class {
	void	*bc_free;		/* linked through the first word */
	size_t	bc_nfree;
};

struct bufmem bufmem;
u_long bufmem_lowater;		/* what LFS thinks it may always have */
static struct bufmem_class bufmem_class[BUFMEM_NCLASS];

/*
 * A sixth of memory, as the rest of the kernel lives on vnodes and pages;
 * enough for a dozen of the largest buffers however little there is.
 */
void
bufmem_init(void)
{

	bufmem.bm_limit = (size_t)physmem * PAGE_SIZE / 6;
	if (bufmem.bm_limit < 16 * MAXBSIZE)
		bufmem.bm_limit = 16 * MAXBSIZE;
	bufmem_lowater = bufmem.bm_limit / 16;
}

static u_int
bufmem_index(size_t size)
{

	if (size <= (size_t)1 << BUFMEM_MINSHIFT)
		return 0;
	return 64 - __builtin_clzl(size - 1) - BUFMEM_MINSHIFT;
}

static void *
bufmem_fresh(size_t size)
{

	if (size < PAGE_SIZE)
		return kmem_alloc(size, KM_SLEEP);
	return kpage_alloc(size / PAGE_SIZE, KM_SLEEP);
}

static void
bufmem_release(void *data, size_t size)
{

	if (size < PAGE_SIZE)
		kmem_free(data, size);
	else
		kpage_free(data, size / PAGE_SIZE);
}

/*
 * Stay below the limit as long as there is anything to give up.  When all
 * that could go is being written, the disk is too slow for us: then it gets a
 * moment, but no more, since our caller may own what it waits for.
 */
static void
bufmem_makeroom(size_t size)
{
	int patience;

	for (patience = 8; patience > 0; patience--) {
		if (bufmem.bm_bytes + size <= bufmem.bm_limit)
			return;
		mutex_enter(&bufcache_lock);
		while (bufmem.bm_bytes + size > bufmem.bm_limit &&
		    bio_reclaim_one())
			continue;
		mutex_exit(&bufcache_lock);
		if (bufmem.bm_bytes + size <=
		    bufmem.bm_limit + bufmem.bm_limit / 4)
			return;
		kpause("bufmem", false, 1, NULL);
	}
}

void *
bufmem_alloc(size_t size, size_t *classp)
{
	struct bufmem_class *bc;
	void *data;
	u_int i;

	KASSERT(size <= MAXBSIZE);
	i = bufmem_index(size);
	bc = &bufmem_class[i];
	size = (size_t)1 << (i + BUFMEM_MINSHIFT);
	bufmem_makeroom(size);
	data = bc->bc_free;
	if (data != NULL) {
		bc->bc_free = *(void **)data;
		bc->bc_nfree--;
	} else
		data = bufmem_fresh(size);
	bufmem.bm_bytes += size;
	*classp = size;
	return data;
}

void
bufmem_free(void *data, size_t size)
{
	struct bufmem_class *bc;

	KASSERT(powerof2(size));
	bc = &bufmem_class[bufmem_index(size)];
	KASSERT(bufmem.bm_bytes >= size);
	bufmem.bm_bytes -= size;
	if ((bc->bc_nfree + 1) * size > BUFMEM_KEEP) {
		bufmem_release(data, size);
		return;
	}
	*(void **)data = bc->bc_free;
	bc->bc_free = data;
	bc->bc_nfree++;
}

/* Give all free pieces back to the kernel; bytes that were freed. */
size_t
bufmem_trim(void)
{
	struct bufmem_class *bc;
	size_t freed, size;
	void *data;
	u_int i;

	for (freed = 0, i = 0; i < BUFMEM_NCLASS; i++) {
		bc = &bufmem_class[i];
		size = (size_t)1 << (i + BUFMEM_MINSHIFT);
		while ((data = bc->bc_free) != NULL) {
			bc->bc_free = *(void **)data;
			bc->bc_nfree--;
			bufmem_release(data, size);
			freed += size;
		}
	}
	return freed;
}
