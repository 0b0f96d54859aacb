/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mapping memory into the kernel's map.  There are no page tables: a mapping
 * has the address that its memory has anyway.  For anonymous memory that is
 * as good as any; for an object it means that the pages have to lie behind one
 * another, as those of one chunk do, and stay where they are until the mapping
 * goes, so they are wired.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>

#include "core/pages.h"
#include "vfs/pages.h"

void
uvm_map_setup(struct vm_map *map)
{

	map->header.next = map->header.prev = &map->header;
	map->ref_count = 1;
	rw_init(&map->lock);
	mutex_init(&map->misc_lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&map->cv, "vm_map");
}

void
vm_map_lock_read(struct vm_map *map)
{

	rw_enter(&map->lock, RW_READER);
}

void
vm_map_unlock_read(struct vm_map *map)
{

	rw_exit(&map->lock);
}

/* Give a reference back; the two address spaces never go. */
void
uvmspace_free(struct vmspace *vm)
{

	KASSERT(vm->vm_refcnt > 1);
	vm->vm_refcnt--;
}

/* All memory is at its own address, in whichever map it is seen. */
bool
pmap_extract(pmap_t pmap, vaddr_t va, paddr_t *pap)
{
	char byte;

	(void)pmap;
	if (kcopy((const void *)va, &byte, sizeof(byte)) != 0)
		return false;
	if (pap != NULL)
		*pap = (paddr_t)va;
	return true;
}

/* --- entries -------------------------------------------------------------- */

static void
map_insert(struct vm_map *map, struct vm_map_entry *entry)
{
	struct vm_map_entry *next;

	for (next = map->header.next; next != &map->header;
	    next = next->next) {
		if (next->start > entry->start)
			break;
	}
	entry->next = next;
	entry->prev = next->prev;
	entry->prev->next = entry;
	next->prev = entry;
	map->nentries++;
	map->size += entry->end - entry->start;
	map->timestamp++;
}

static void
map_remove(struct vm_map *map, struct vm_map_entry *entry)
{

	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
	map->nentries--;
	map->size -= entry->end - entry->start;
	map->timestamp++;
}

/* --- what is mapped ------------------------------------------------------- */

static int
entry_get_memory(struct vm_map_entry *entry, vsize_t size, bool wait)
{
	void *p;

	p = kpage_alloc(size >> PAGE_SHIFT, (wait ? KM_SLEEP : KM_NOSLEEP) |
	    KPAGE_HEAP);
	if (p == NULL)
		return ENOMEM;
	memset(p, 0, size);
	entry->start = (vaddr_t)p;
	return 0;
}

static int
entry_get_object(struct vm_map_entry *entry, vsize_t size, vm_prot_t prot)
{
	struct uvm_object *uobj = entry->object.uvm_obj;
	struct vm_page *pgs[CHUNK_PAGES];
	int error, i, npages = (int)(size >> PAGE_SHIFT);

	/* A chunk of full size is never moved. */
	(void)pagechunk_get(uobj, entry->offset, CHUNK_PAGES, CHUNK_PAGES);
	memset(pgs, 0, sizeof(pgs));
	rw_enter(uobj->vmobjlock, RW_WRITER);
	error = (*uobj->pgops->pgo_get)(uobj, entry->offset, pgs, &npages, 0,
	    prot, entry->advice, PGO_SYNCIO);
	if (error != 0)
		return error;
	rw_enter(uobj->vmobjlock, RW_WRITER);
	for (i = 0; i < npages; i++)
		uvm_pagewire(pgs[i]);
	uvm_page_unbusy(pgs, npages);
	rw_exit(uobj->vmobjlock);
	entry->start = (vaddr_t)VM_PAGE_TO_PHYS(pgs[0]);
	return 0;
}

static void
entry_put(struct vm_map_entry *entry)
{
	struct uvm_object *uobj = entry->object.uvm_obj;
	voff_t off = entry->offset, end = off + (entry->end - entry->start);

	if (uobj == NULL) {
		kpage_free((void *)entry->start,
		    (entry->end - entry->start) >> PAGE_SHIFT);
		return;
	}
	rw_enter(uobj->vmobjlock, RW_WRITER);
	for (; off < end; off += PAGE_SIZE)
		uvm_pageunwire(uvm_pagelookup(uobj, off));
	rw_exit(uobj->vmobjlock);
	(*uobj->pgops->pgo_detach)(uobj);
}

/*
 * Map memory, zeroes or an object's, at an address that is chosen here.
 * A mapping of an object takes over the caller's reference to it.
 */
int
uvm_map(struct vm_map *map, vaddr_t *startp, vsize_t size,
    struct uvm_object *uobj, voff_t offset, vsize_t align, uvm_flag_t flags)
{
	struct vm_map_entry *entry;
	int error;

	KASSERT((size & PAGE_MASK) == 0 && size > 0);
	if (map != kernel_map || (flags & UVM_FLAG_FIXED) != 0 ||
	    align > PAGE_SIZE)
		return EINVAL;
	if (uobj != NULL && !UVM_OBJ_IS_AOBJ(uobj))
		return EOPNOTSUPP;	/* nobody would notice what changes */
	if (uobj != NULL && ((offset & PAGE_MASK) != 0 ||
	    (offset & CHUNK_MASK) + size > CHUNK_SIZE))
		return ENOMEM;		/* not behind one another */
	entry = kmem_zalloc(sizeof(*entry), KM_SLEEP);
	entry->object.uvm_obj = uobj;
	entry->offset = uobj != NULL ? offset : 0;
	entry->etype = uobj != NULL ? UVM_ET_OBJ : 0;
	entry->protection = (vm_prot_t)(flags & UVM_PROT_MASK);
	entry->max_protection = (vm_prot_t)((flags >> 8) & UVM_PROT_MASK);
	entry->inheritance = (int)((flags & UVM_INH_MASK) >> 4);
	entry->advice = (uint8_t)((flags >> 12) & UVM_ADV_MASK);
	entry->wired_count = 1;
	if (uobj == NULL)
		error = entry_get_memory(entry, size,
		    (flags & UVM_FLAG_NOWAIT) == 0);
	else
		error = entry_get_object(entry, size, entry->protection);
	if (error != 0) {
		kmem_free(entry, sizeof(*entry));
		return error;
	}
	entry->end = entry->start + size;
	rw_enter(&map->lock, RW_WRITER);
	map_insert(map, entry);
	rw_exit(&map->lock);
	*startp = entry->start;
	return 0;
}

/* Whole mappings only: memory is given back as it was taken. */
void
uvm_unmap1(struct vm_map *map, vaddr_t start, vaddr_t end, int flags)
{
	struct vm_map_entry *entry, *next, *gone = NULL;

	(void)flags;
	rw_enter(&map->lock, RW_WRITER);
	for (entry = map->header.next; entry != &map->header; entry = next) {
		next = entry->next;
		if (entry->end <= start || entry->start >= end)
			continue;
		if (entry->start < start || entry->end > end)
			panic("uvm_unmap: %#lx-%#lx is part of %#lx-%#lx",
			    start, end, entry->start, entry->end);
		map_remove(map, entry);
		entry->next = gone;
		gone = entry;
	}
	rw_exit(&map->lock);
	while ((entry = gone) != NULL) {
		gone = entry->next;
		entry_put(entry);
		kmem_free(entry, sizeof(*entry));
	}
}

void
uvm_deallocate(struct vm_map *map, vaddr_t start, vsize_t size)
{

	if (size != 0)
		uvm_unmap1(map, trunc_page(start), round_page(start + size),
		    0);
}
