/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * vmem(9): allocation of ranges of numbers, such as cookies of directories.
 *
 * The free ranges are a list in ascending order, no two adjacent.  Users here
 * have few of them; a list is enough.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/condvar.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/queue.h>
#include <sys/vmem.h>

struct vmem_range {
	TAILQ_ENTRY(vmem_range) vr_list;
	vmem_addr_t vr_start;
	vmem_size_t vr_size;
};

struct vmem {
	kmutex_t vm_lock;
	kcondvar_t vm_cv;
	TAILQ_HEAD(vmem_ranges, vmem_range) vm_free;
	vmem_size_t vm_quantum;
	vmem_size_t vm_total;
	vmem_size_t vm_used;
	vmem_import_t *vm_import;
	vmem_release_t *vm_release;
	vmem_t	*vm_source;
};

/* Give a range to the list, joining it with its neighbours. */
static void
range_insert(struct vmem *vm, struct vmem_range *new)
{
	struct vmem_range *next, *prev;

	TAILQ_FOREACH(next, &vm->vm_free, vr_list)
		if (next->vr_start > new->vr_start)
			break;
	if (next != NULL) {
		KASSERTMSG(new->vr_start + new->vr_size <= next->vr_start,
		    "range %#lx freed twice", new->vr_start);
		TAILQ_INSERT_BEFORE(next, new, vr_list);
	} else
		TAILQ_INSERT_TAIL(&vm->vm_free, new, vr_list);
	if (next != NULL && new->vr_start + new->vr_size == next->vr_start) {
		new->vr_size += next->vr_size;
		TAILQ_REMOVE(&vm->vm_free, next, vr_list);
		kmem_free(next, sizeof(*next));
	}
	prev = TAILQ_PREV(new, vmem_ranges, vr_list);
	if (prev == NULL)
		return;
	KASSERTMSG(prev->vr_start + prev->vr_size <= new->vr_start,
	    "range %#lx freed twice", new->vr_start);
	if (prev->vr_start + prev->vr_size == new->vr_start) {
		prev->vr_size += new->vr_size;
		TAILQ_REMOVE(&vm->vm_free, new, vr_list);
		kmem_free(new, sizeof(*new));
	}
}

static struct vmem_range *
range_create(vmem_addr_t start, vmem_size_t size, vm_flag_t flags)
{
	struct vmem_range *vr;

	vr = kmem_alloc(sizeof(*vr),
	    (flags & VM_NOSLEEP) != 0 ? KM_NOSLEEP : KM_SLEEP);
	if (vr != NULL) {
		vr->vr_start = start;
		vr->vr_size = size;
	}
	return vr;
}

vmem_t *
vmem_create(const char *name, vmem_addr_t base, vmem_size_t size,
    vmem_size_t quantum, vmem_import_t *import, vmem_release_t *release,
    vmem_t *source, vmem_size_t qcache_max, vm_flag_t flags, int ipl)
{
	struct vmem *vm;

	KASSERT(powerof2(quantum) && quantum != 0);
	vm = kmem_zalloc(sizeof(*vm),
	    (flags & VM_NOSLEEP) != 0 ? KM_NOSLEEP : KM_SLEEP);
	if (vm == NULL)
		return NULL;
	mutex_init(&vm->vm_lock, MUTEX_DEFAULT, ipl);
	cv_init(&vm->vm_cv, name);
	TAILQ_INIT(&vm->vm_free);
	vm->vm_quantum = quantum;
	vm->vm_import = import;
	vm->vm_release = release;
	vm->vm_source = source;
	if (size != 0 && vmem_add(vm, base, size, flags) != 0) {
		vmem_destroy(vm);
		return NULL;
	}
	return vm;
}

int
vmem_add(vmem_t *vm, vmem_addr_t start, vmem_size_t size, vm_flag_t flags)
{
	struct vmem_range *vr = range_create(start, size, flags);

	if (vr == NULL)
		return ENOMEM;
	mutex_enter(&vm->vm_lock);
	vm->vm_total += size;
	range_insert(vm, vr);
	cv_broadcast(&vm->vm_cv);
	mutex_exit(&vm->vm_lock);
	return 0;
}

void
vmem_destroy(vmem_t *vm)
{
	struct vmem_range *vr;

	KASSERTMSG(vm->vm_used == 0, "%zu still allocated", vm->vm_used);
	while ((vr = TAILQ_FIRST(&vm->vm_free)) != NULL) {
		TAILQ_REMOVE(&vm->vm_free, vr, vr_list);
		if (vm->vm_release != NULL)
			(*vm->vm_release)(vm->vm_source, vr->vr_start,
			    vr->vr_size);
		kmem_free(vr, sizeof(*vr));
	}
	cv_destroy(&vm->vm_cv);
	mutex_destroy(&vm->vm_lock);
	kmem_free(vm, sizeof(*vm));
}

/* The first range that is large enough, or the smallest such one. */
static struct vmem_range *
range_find(struct vmem *vm, vmem_size_t size, vm_flag_t flags)
{
	struct vmem_range *vr, *best = NULL;

	TAILQ_FOREACH(vr, &vm->vm_free, vr_list) {
		if (vr->vr_size < size)
			continue;
		if ((flags & VM_BESTFIT) == 0)
			return vr;
		if (best == NULL || vr->vr_size < best->vr_size)
			best = vr;
	}
	return best;
}

static int
vmem_import(struct vmem *vm, vmem_size_t size, vm_flag_t flags)
{
	vmem_addr_t addr;
	int error;

	if (vm->vm_import == NULL)
		return ENOMEM;
	error = (*vm->vm_import)(vm->vm_source, size, flags, &addr);
	return error != 0 ? error : vmem_add(vm, addr, size, flags);
}

int
vmem_alloc(vmem_t *vm, vmem_size_t size, vm_flag_t flags, vmem_addr_t *addrp)
{
	struct vmem_range *vr;

	size = roundup2(size, vm->vm_quantum);
	mutex_enter(&vm->vm_lock);
	while ((vr = range_find(vm, size, flags)) == NULL) {
		mutex_exit(&vm->vm_lock);
		if (vmem_import(vm, size, flags) != 0 &&
		    (flags & VM_NOSLEEP) != 0)
			return ENOMEM;
		mutex_enter(&vm->vm_lock);
		if ((vr = range_find(vm, size, flags)) != NULL)
			break;
		cv_wait(&vm->vm_cv, &vm->vm_lock);
	}
	*addrp = vr->vr_start;
	vr->vr_start += size;
	vr->vr_size -= size;
	vm->vm_used += size;
	if (vr->vr_size == 0)
		TAILQ_REMOVE(&vm->vm_free, vr, vr_list);
	else
		vr = NULL;
	mutex_exit(&vm->vm_lock);
	if (vr != NULL)
		kmem_free(vr, sizeof(*vr));
	return 0;
}

void
vmem_free(vmem_t *vm, vmem_addr_t addr, vmem_size_t size)
{
	struct vmem_range *vr;

	size = roundup2(size, vm->vm_quantum);
	vr = range_create(addr, size, VM_SLEEP);
	mutex_enter(&vm->vm_lock);
	KASSERT(vm->vm_used >= size);
	vm->vm_used -= size;
	range_insert(vm, vr);
	cv_broadcast(&vm->vm_cv);
	mutex_exit(&vm->vm_lock);
}

vmem_size_t
vmem_size(vmem_t *vm, int what)
{
	vmem_size_t size = 0;

	if ((what & VMEM_ALLOC) != 0)
		size += vm->vm_used;
	if ((what & VMEM_FREE) != 0)
		size += vm->vm_total - vm->vm_used;
	return size;
}
