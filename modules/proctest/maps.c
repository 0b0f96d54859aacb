/* SPDX-License-Identifier: BSD-2-Clause */
/* Mapping memory into the kernel's map. */

#include <sys/kmem.h>
#include <sys/vfs_syscalls.h>
#include <sys/vnode.h>
#include <uvm/uvm_extern.h>
#include <uvm/uvm_page.h>
#include <uvm/uvm_pager.h>

#include "proctest.h"

#define	RW	UVM_MAPFLAG(UVM_PROT_RW, UVM_PROT_RW, UVM_INH_SHARE,	\
	UVM_ADV_RANDOM, 0)

static struct vm_map_entry *
entry_at(vaddr_t va)
{
	struct vm_map_entry *entry, *found = NULL;

	vm_map_lock_read(kernel_map);
	for (entry = kernel_map->header.next; entry != &kernel_map->header;
	    entry = entry->next) {
		if (entry->start <= va && va < entry->end)
			found = entry;
	}
	vm_map_unlock_read(kernel_map);
	return found;
}

/* Anonymous memory: zeroes, its own, in the list as long as it is there. */
int
test_map(void)
{
	struct vm_map_entry *entry;
	const int before = kernel_map->nentries;
	vaddr_t one = 0, two = 0, fixed = PAGE_SIZE;
	paddr_t pa = 0;
	size_t i;

	CHECK(uvm_map(kernel_map, &one, 3 * PAGE_SIZE, NULL,
	    UVM_UNKNOWN_OFFSET, 0, RW) == 0);
	CHECK(uvm_map(kernel_map, &two, PAGE_SIZE, NULL, UVM_UNKNOWN_OFFSET,
	    0, RW) == 0);
	CHECK(kernel_map->nentries == before + 2);
	CHECK((one & PAGE_MASK) == 0 && one != two);
	for (i = 0; i < 3 * PAGE_SIZE; i++)
		CHECK(((char *)one)[i] == 0);
	memset((void *)one, 'x', 3 * PAGE_SIZE);
	entry = entry_at(one + PAGE_SIZE);
	CHECK(entry != NULL && entry->end == one + 3 * PAGE_SIZE);
	CHECK(entry->protection == UVM_PROT_RW && entry->advice == 1);
	CHECK(pmap_extract(pmap_kernel(), one + 5, &pa) && pa == one + 5);
	CHECK(!pmap_extract(pmap_kernel(), 0, &pa) && pa == one + 5);
	CHECK(uvm_map(kernel_map, &fixed, PAGE_SIZE, NULL, 0, 0,
	    RW | UVM_FLAG_FIXED) == EINVAL);
	uvm_deallocate(kernel_map, one, 3 * PAGE_SIZE);
	CHECK(entry_at(one) == NULL && entry_at(two) != NULL);
	uvm_deallocate(kernel_map, two + 1, 1);
	CHECK(kernel_map->nentries == before);
	return 0;
}

static struct vm_page *
page_of(struct uvm_object *uobj, voff_t off)
{
	struct vm_page *pg;

	rw_enter(uobj->vmobjlock, RW_WRITER);
	pg = uvm_pagelookup(uobj, off);
	rw_exit(uobj->vmobjlock);
	return pg;
}

/*
 * An object's pages: who writes to the mapping writes to them, and they stay
 * where they are when the object grows.
 */
int
test_map_object(void)
{
	struct uvm_object *uobj = uao_create(1 << 20, 0);
	struct vm_page *pgs[1] = { NULL };
	vaddr_t va = 0, bad = 0;
	int n = 1;

	CHECK(uvm_map(kernel_map, &bad, PAGE_SIZE, &rootvnode->v_uobj, 0, 0,
	    RW) == EOPNOTSUPP);
	CHECK(uvm_map(kernel_map, &bad, 1 << 20, uobj, 0, 0, RW) == ENOMEM);
	uao_reference(uobj);
	CHECK(uvm_map(kernel_map, &va, PAGE_SIZE, uobj, 0, 0, RW) == 0);
	strlcpy((char *)va, "mapped", PAGE_SIZE);
	CHECK(VM_PAGE_TO_PHYS(page_of(uobj, 0)) == va);
	CHECK(page_of(uobj, 0)->wire_count == 1);

	rw_enter(uobj->vmobjlock, RW_WRITER);
	CHECK((*uobj->pgops->pgo_get)(uobj, 15 * PAGE_SIZE, pgs, &n, 0,
	    VM_PROT_WRITE, 0, PGO_SYNCIO) == 0);
	rw_enter(uobj->vmobjlock, RW_WRITER);
	uvm_page_unbusy(pgs, 1);
	rw_exit(uobj->vmobjlock);
	CHECK(VM_PAGE_TO_PHYS(page_of(uobj, 0)) == va);
	CHECK(strcmp((char *)va, "mapped") == 0);

	CHECK(uobj->uo_refs == 2);
	uvm_deallocate(kernel_map, va, PAGE_SIZE);
	CHECK(uobj->uo_refs == 1 && page_of(uobj, 0)->wire_count == 0);
	uao_detach(uobj);
	return 0;
}

/* Everything is written: the root has nothing to wait for. */
int
test_sync(void)
{

	do_sys_sync(curlwp);
	CHECK(rootvnode->v_numoutput == 0);
	return 0;
}
