/* SPDX-License-Identifier: BSD-2-Clause */
/* What procfs asks about processes and about the processor. */

#include <sys/cpu.h>
#include <sys/exec.h>
#include <sys/filedesc.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/proc.h>
#include <sys/ptrace.h>
#include <sys/sysctl.h>
#include <sys/uio.h>
#include <uvm/uvm_extern.h>
#include <x86/cpuvar.h>

#include "proctest.h"

struct seen {
	u_int	count;
	u_int	stop;
	bool	init;
};

static int
see(struct proc *p, void *arg)
{
	struct seen *seen = arg;

	/* May be left, as procfs does to copy out. */
	mutex_exit(&proc_lock);
	kpause("proctest", false, 1, NULL);
	mutex_enter(&proc_lock);
	seen->init |= p == initproc;
	if ((p->p_flag & PK_MARKER) != 0 || LIST_EMPTY(&p->p_lwps) ||
	    LIST_FIRST(&p->p_lwps)->l_proc != p)
		return EDOM;
	return ++seen->count == seen->stop ? -1 : 0;
}

int
test_processes(void)
{
	struct seen all = { 0 }, one = { .stop = 1 };

	CHECK(proclist_foreach_call(&allproc, see, &all) == 0);
	CHECK(all.count == nprocs && all.init);
	CHECK(proclist_foreach_call(&allproc, see, &one) == -1);
	CHECK(one.count == 1);
	CHECK(!mutex_owned(&proc_lock));
	CHECK(proc_find(1) == initproc && proc_find_lwpid(1) == initproc);
	return 0;
}

struct text {
	char	data[64];
	size_t	len;
};

static int
collect(void *arg, const void *data, size_t off, size_t len)
{
	struct text *text = arg;

	memcpy(text->data + off, data, len);
	text->len = off + len;
	return 0;
}

int
test_process_info(void)
{
	struct kinfo_proc2 *ki = kmem_zalloc(sizeof(*ki), KM_SLEEP);
	struct lwp *l = LIST_FIRST(&initproc->p_lwps);
	struct text text = { .len = 0 };
	struct vmspace *vm;
	size_t limit = 64;
	int refs;

	mutex_enter(&proc_lock);
	mutex_enter(initproc->p_lock);
	fill_kproc2(initproc, ki, false, false);
	mutex_exit(initproc->p_lock);
	mutex_exit(&proc_lock);
	CHECK(ki->p_pid == 1 && ki->p_ppid == 0 && ki->p_nlwps == 1);
	CHECK(strcmp(ki->p_comm, "init") == 0 && ki->p_uid == 0);
	CHECK(strcmp(ki->p_ename, "netbsd") == 0);
	CHECK(ki->p_ustart_sec > 1000000000U && ki->p_paddr == 0);
	kmem_free(ki, sizeof(*ki));

	CHECK(copy_procargs(initproc, KERN_PROC_ARGV, &limit, collect,
	    &text) == 0);
	CHECK(text.len == 5 && limit == 5 && strcmp(text.data, "init") == 0);
	limit = 2;
	CHECK(copy_procargs(initproc, KERN_PROC_ARGV, &limit, collect,
	    &text) == 0 && text.len == 2);
	CHECK(copy_procargs(initproc, 99, &limit, collect, &text) == EINVAL);

	CHECK(proc_vmspace_getref(initproc, &vm) == 0);
	refs = vm->vm_refcnt;
	uvmspace_free(vm);
	CHECK(vm == initproc->p_vmspace && vm->vm_refcnt == refs - 1);
	CHECK(proc_isunder(initproc, curlwp));
	lwp_lock(l);
	CHECK(mutex_owned(l->l_mutex) && l->l_wchan == NULL);
	lwp_unlock(l);
	return 0;
}

/* Processes have neither registers nor memory of their own. */
int
test_process_refuses(void)
{
	struct lwp *l = LIST_FIRST(&initproc->p_lwps);
	char byte = 'x';
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct uio uio = {
		.uio_iov = &iov, .uio_iovcnt = 1, .uio_resid = 1,
		.uio_rw = UIO_READ,
	};
	void *buf;
	size_t len;

	UIO_SETUP_SYSSPACE(&uio);
	CHECK(process_validregs(l) == 0 && process_validfpregs(l) == 0);
	CHECK(process_doregs(curlwp, l, &uio) == EINVAL);
	CHECK(process_dofpregs(curlwp, l, &uio) == EINVAL);
	CHECK(process_domem(curlwp, l, &uio) == EPERM);
	CHECK(proc_getauxv(initproc, &buf, &len) == EFAULT && len == 0);
	CHECK(byte == 'x' && uio.uio_resid == 1);
	return 0;
}

static void
note_hook(struct proc *p, void *arg)
{

	*(struct proc **)arg = p;
}

/* Hooks are called as often as they were hung up, and not after that. */
int
test_exithook(void)
{
	struct proc *found = NULL;
	void *hook = exithook_establish(note_hook, &found);
	void *other = exechook_establish(note_hook, &found);

	exechook_disestablish(other);
	doexithooks(initproc);
	CHECK(found == initproc);
	found = NULL;
	exithook_disestablish(hook);
	doexithooks(initproc);
	CHECK(found == NULL);
	return 0;
}

/* The host's processor is described; what it may not be asked is answered. */
int
test_cpu(void)
{
	const struct cpu_info *ci = curcpu();
	uint64_t cr0 = 0;
	int64_t free;
	void *memory;

	CHECK(cpuid_level >= 1 && ci->ci_max_cpuid == (uint32_t)cpuid_level);
	CHECK(ci->ci_signature != 0 && ci->ci_vendor[0] != 0);
	CHECK((ci->ci_feat_val[0] & 1) != 0);		/* an FPU */
	CHECK(strlen(cpu_brand_string) <= 48);
	CHECK(cpu_vendor >= CPUVENDOR_UNKNOWN);
	__asm volatile("mov %%cr0, %0" : "=d" (cr0));
	CHECK((cr0 & 0x80000001) == 0x80000001);	/* protected, paging */
	memory = (void *)uvm_km_alloc(kernel_map, 8 * PAGE_SIZE, 0,
	    UVM_KMF_WIRED);
	cpu_count_sync(true);
	free = cpu_count_get(CPU_COUNT_FREEPAGES);
	uvm_km_free(kernel_map, (vaddr_t)memory, 8 * PAGE_SIZE, UVM_KMF_WIRED);
	cpu_count_sync(true);
	CHECK(cpu_count_get(CPU_COUNT_FREEPAGES) == free + 8);
	CHECK(cpu_count_get(CPU_COUNT_NSWTCH) > 0);
	return 0;
}
