/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel memory by the page, for those who ask UVM for it.  All memory is
 * mapped, wired and at its own address: there is one map, and it is a name.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <uvm/uvm_extern.h>
#include <uvm/uvm_map.h>

#include "core/pages.h"

struct pmap {
	int	pm_unused;
};
static struct pmap uvm_kernel_pmap, uvm_host_pmap;
struct pmap *const kernel_pmap_ptr = &uvm_kernel_pmap;

struct vmspace vmspace0 = {
	.vm_map = { .pmap = &uvm_kernel_pmap },
	.vm_refcnt = 1,
};
struct vm_map *kernel_map = &vmspace0.vm_map;
struct vmspace vmspace_host = {
	.vm_map = { .pmap = &uvm_host_pmap },
	.vm_refcnt = 1,
};

/* Addresses without memory can't be had; 0 says so. */
vaddr_t
uvm_km_alloc(struct vm_map *map, vsize_t size, vsize_t align, uvm_flag_t flags)
{
	size_t npages = round_page(size) >> PAGE_SHIFT;
	bool canfail;
	void *p;

	KASSERT(map == kernel_map);
	if ((flags & UVM_KMF_TYPEMASK) == UVM_KMF_VAONLY || align > PAGE_SIZE)
		return 0;
	canfail = (flags & (UVM_KMF_CANFAIL | UVM_KMF_NOWAIT)) != 0;
	p = kpage_alloc(npages, (canfail ? KM_NOSLEEP : KM_SLEEP) |
	    KPAGE_HEAP);
	if (p != NULL && (flags & UVM_KMF_ZERO) != 0)
		memset(p, 0, npages << PAGE_SHIFT);
	return (vaddr_t)p;
}

void
uvm_km_free(struct vm_map *map, vaddr_t va, vsize_t size, uvm_flag_t flags)
{

	KASSERT(map == kernel_map);
	KASSERT((flags & UVM_KMF_TYPEMASK) != UVM_KMF_VAONLY);
	kpage_free((void *)va, round_page(size) >> PAGE_SHIFT);
}
