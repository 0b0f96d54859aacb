/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contexts: their stacks, the list of free ones, and whom they work for.
 *
 * A context that nobody uses waits on the list in the shared page, where doors
 * (which take and return them without a call into the kernel), submissions and
 * kernel threads find it.  A context keeps its lwp for its life, because
 * modules may keep the value of x86_curlwp() in a register.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/cpu.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/proc.h>

#include <rumpy/doors.h>
#include <rumpy/hyp.h>

#include "lwp_impl.h"
#include "pages.h"

#define	STACK_PAGES	8		/* 32 KiB */
#define	GUARD_PAGES	16		/* 64 KiB: no frame is larger */
#define	LWP_PAGES	(STACK_PAGES + GUARD_PAGES)
#define	LWP_RESERVE	4		/* free ones at boot, and kept */

CTASSERT(offsetof(struct lwp_impl, li_lwp) == 0);
CTASSERT(MIN_LWP_ALIGNMENT <= 64);

struct lwp_impl lwp0_impl;
__asm(".globl lwp0\n\t.set lwp0, lwp0_impl\n\t.type lwp0, @object");

struct lwplist alllwp = LIST_HEAD_INITIALIZER(alllwp);
struct cpu_info cpu_info_primary;
struct cpu_info *cpu_info_list = &cpu_info_primary;

static lwpid_t lwp_lastlid = PID_MAX;	/* no context has a process's number */

void	lwp_main(void);

struct lwp *
x86_curlwp(void)
{

	return kern_cpu.cpu_curlwp;
}

struct cpu_info *
x86_curcpu(void)
{

	return &cpu_info_primary;
}

static void
lwp_init(struct lwp_impl *l)
{

	l->li_lwp.l_stat = LSIDL;
	l->li_lwp.l_cpu = &cpu_info_primary;
	l->li_lwp.l_lid = ++lwp_lastlid;
	l->li_lwp.l_refcnt = 1;
	l->li_lwp.l_name = l->li_name;
	l->li_lwp.l_flag = LW_SYSTEM;
	l->li_lwp.l_priority = PRI_KTHREAD;
	cv_init(&l->li_lwp.l_waitcv, "lwpwait");
	callout_init(&l->li_lwp.l_timeout_ch, CALLOUT_MPSAFE);
	LIST_INSERT_HEAD(&alllwp, &l->li_lwp, l_list);
}

/*
 * Before anything else: who runs kern_boot(), on the stack that the host gave
 * it.  proc0 has no credentials yet; lwp_setproc() gives them later.
 */
void
lwp_bootstrap(struct door_boot *boot)
{
	struct lwp_impl *l = &lwp0_impl;

	hyp_shared = boot->shared;
	ltime_init(boot);
	cpu_info_primary.ci_self = &cpu_info_primary;
	cpu_info_primary.ci_curlwp = &l->li_lwp;
	kern_cpu.cpu_curlwp = kern_cpu.cpu_home = l;
	lwp_init(l);
	strlcpy(l->li_name, "boot", sizeof(l->li_name));
	l->li_host = boot->host;
	l->li_lwp.l_proc = &proc0;
	l->li_lwp.l_stat = LSONPROC;
}

/* --- stacks and the free list --------------------------------------------- */

static struct lwp_impl *
lwp_create(int flags)
{
	struct lwp_impl *l;
	char *pages;

	l = kmem_zalloc(sizeof(*l), (km_flag_t)flags);
	if (l == NULL)
		return NULL;
	KASSERT(((uintptr_t)l & (MIN_LWP_ALIGNMENT - 1)) == 0);
	pages = kpage_alloc(LWP_PAGES, flags | KPAGE_STACK);
	if (pages == NULL || hyp_mem_protect(pages, GUARD_PAGES * PAGE_SIZE,
	    HYP_PROT_NONE) != 0) {
		if (pages != NULL)
			kpage_free(pages, LWP_PAGES);
		kmem_free(l, sizeof(*l));
		return NULL;
	}
	l->li_stack = pages;
	l->li_context.kc_stack = (uint64_t)pages + LWP_PAGES * PAGE_SIZE;
	lwp_init(l);
	lwp_setproc(l, &proc0);
	return l;
}

static void
lwp_destroy(struct lwp_impl *l)
{

	KASSERT(l->li_lwp.l_stat == LSIDL);
	if (l->li_lwp.l_cred != NULL)
		kauth_cred_free(l->li_lwp.l_cred);
	LIST_REMOVE(&l->li_lwp, l_list);
	callout_destroy(&l->li_lwp.l_timeout_ch);
	cv_destroy(&l->li_lwp.l_waitcv);
	if (hyp_mem_protect(l->li_stack, GUARD_PAGES * PAGE_SIZE,
	    HYP_PROT_READ | HYP_PROT_WRITE) != 0)
		panic("lwp_destroy: guard");
	kpage_free(l->li_stack, LWP_PAGES);
	kmem_free(l, sizeof(*l));
}

/* Give a context back; the caller may be running on it until it switches. */
void
lwp_put(struct lwp_impl *l)
{

	l->li_lwp.l_stat = LSIDL;
	l->li_host = NULL;
	l->li_name[0] = '\0';
	l->li_context.kc_next = hyp_shared->sh_context;
	hyp_shared->sh_context = &l->li_context;
}

static struct lwp_impl *
lwp_take_free(void)
{
	struct kern_context *kc = hyp_shared->sh_context;

	if (kc == NULL)
		return NULL;
	hyp_shared->sh_context = kc->kc_next;
	return CONTEXT_IMPL(kc);
}

/*
 * A context for the caller.  May sleep for memory, unless there are free ones;
 * NULL if there is no memory at all.
 */
struct lwp_impl *
lwp_get(void)
{
	struct lwp_impl *l = lwp_take_free();

	if (l == NULL || hyp_shared->sh_context == NULL)
		lwp_refill();
	return l != NULL ? l : lwp_take_free();
}

/*
 * The list has run empty: make some more.  Allocating may sleep, and doors
 * that come meanwhile need a context each, so a few are made at a time.
 */
void
lwp_refill(void)
{
	struct lwp_impl *l;
	int i;

	for (i = 0; i < LWP_RESERVE; i++) {
		if (hyp_shared->sh_context != NULL &&
		    hyp_shared->sh_context->kc_next != NULL)
			break;
		l = lwp_create(i == 0 ? KM_SLEEP : KM_NOSLEEP);
		if (l == NULL)
			break;
		lwp_put(l);
	}
}

/* Memory is short: free what has not been needed lately. */
static size_t
lwp_reclaim(size_t wanted, int flags)
{
	struct kern_context **kcp = &hyp_shared->sh_context, *kc;
	size_t freed = 0;
	int i;

	for (i = 0; *kcp != NULL && i < LWP_RESERVE; i++)
		kcp = &(*kcp)->kc_next;
	while ((kc = *kcp) != NULL && freed < wanted) {
		*kcp = kc->kc_next;
		lwp_destroy(CONTEXT_IMPL(kc));
		freed += LWP_PAGES;
	}
	return freed;
}

static struct kpage_reclaim lwp_reclaimer = {
	.kr_name = "stacks",
	.kr_func = lwp_reclaim,
};

void
sched_init(void)
{
	int i;

	for (i = 0; i < LWP_RESERVE; i++)
		lwp_put(lwp_create(KM_SLEEP));
	kpage_reclaim_register(&lwp_reclaimer);
}

/* --- unbound contexts ----------------------------------------------------- */

/* Where lwp_trampoline goes on; does not return. */
void
lwp_main(void)
{
	struct lwp_impl *l = CUR_IMPL;

	l->li_lwp.l_stat = LSONPROC;
	l->li_main(l->li_arg);
	panic("lwp_main: %s returned", l->li_name);
}

/* Make the context begin with FUNC(ARG) when it is switched to. */
void
lwp_start(struct lwp_impl *l, void (*func)(void *), void *arg)
{
	uint64_t *sp = (uint64_t *)l->li_context.kc_stack;

	KASSERT(l->li_lwp.l_stat == LSIDL);
	l->li_main = func;
	l->li_arg = arg;
	l->li_intr = false;
	l->li_host = NULL;
	*--sp = (uint64_t)lwp_trampoline;	/* lwp_swtch() pops it */
	l->li_sp = (uint64_t)sp;
}

/* --- processes ------------------------------------------------------------ */

/* Work for process P, with its credentials as they are now. */
void
lwp_setproc(struct lwp_impl *l, struct proc *p)
{
	struct kauth_cred *old = l->li_lwp.l_cred;

	if (p->p_cred != NULL)
		kauth_cred_hold(p->p_cred);
	l->li_lwp.l_proc = p;
	l->li_lwp.l_cred = p->p_cred;
	l->li_lwp.l_fd = p->p_fd;
	if (old != NULL)
		kauth_cred_free(old);
}

/* proc0 has got its credentials: so do the contexts made before. */
void
lwp_proc0_ready(void)
{
	struct lwp *l;

	LIST_FOREACH(l, &alllwp, l_list) {
		KASSERT(l->l_proc == &proc0);
		lwp_setproc(LWP_IMPL(l), &proc0);
	}
}

/* The process goes: no free context must remember it. */
void
lwp_forget_proc(struct proc *p)
{
	struct kern_context *kc;
	struct lwp_impl *l;

	for (kc = hyp_shared->sh_context; kc != NULL; kc = kc->kc_next) {
		l = CONTEXT_IMPL(kc);
		if (l->li_lwp.l_proc == p)
			lwp_setproc(l, &proc0);
	}
}

void
lwp_addref(struct lwp *l)
{

	l->l_refcnt++;
}

void
lwp_delref(struct lwp *l)
{

	KASSERT(l->l_refcnt > 1);
	l->l_refcnt--;
}

/* Contexts have no lock, since nobody disturbs them; see proc.c for others. */
void
lwp_lock(struct lwp *l)
{

	mutex_spin_enter(l->l_mutex);
}

void
lwp_unlock(struct lwp *l)
{

	mutex_spin_exit(l->l_mutex);
}

/* --- priority levels and the big lock ------------------------------------- */

/* No interrupt comes between two statements here: the level is a record. */
int
splraise(int ipl)
{
	struct lwp_impl *l = CUR_IMPL;
	int old = l->li_ipl;

	if (ipl > old)
		l->li_ipl = ipl;
	return old;
}

void
spllower(int ipl)
{
	struct lwp_impl *l = CUR_IMPL;

	if (ipl < l->li_ipl)
		l->li_ipl = ipl;
}

/*
 * The kernel lock is given up by sleeping and excludes whoever runs
 * meanwhile; that is what the virtual CPU does.  So it is only counted.
 */
void
_kernel_lock(int count)
{

	CUR_IMPL->li_lwp.l_blcnt += (u_short)count;
}

void
_kernel_unlock(int count, int *countp)
{
	struct lwp *l = &CUR_IMPL->li_lwp;
	int old = l->l_blcnt;

	if (count <= 0) {		/* all, or the last one */
		KASSERT(count == 0 || old == 1);
		count = old;
	}
	KASSERT(old >= count);
	l->l_blcnt = (u_short)(old - count);
	if (countp != NULL)
		*countp = old;
}

bool
_kernel_locked_p(void)
{

	return CUR_IMPL->li_lwp.l_blcnt != 0;
}

void
assert_sleepable(void)
{

	KASSERTMSG(kern_cpu.cpu_nosleep == 0,
	    "may sleep, but a spin mutex is held");
}
