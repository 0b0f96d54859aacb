/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler: which context the virtual CPU runs.
 *
 * Contexts are bound to the host thread whose door they serve, or unbound.
 * Each host thread inside the kernel has one bound context, its home.  A home
 * that sleeps lends its thread: it runs unbound contexts, which come back to
 * it when there is nothing else to run, and parks when there is none.  So
 * hyp_park() is only ever called by a home, on its own stack, and an unbound
 * context is never tied to a thread across a switch.
 *
 *	home		parks, runs unbound contexts, attends to completions
 *	unbound		switches to its home if that can run, or has to look
 *			around; else to the next unbound context; else home
 *	idle thread	a home that does nothing else, and runs callouts
 *
 * Entered by doors (kern_enter and its like), by sleepq.c (sched_block) and by
 * whoever wakes somebody (sched_runnable).
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/cpu.h>
#include <sys/kthread.h>
#include <sys/proc.h>
#include <sys/sched.h>

#include <rumpy/doors.h>
#include <rumpy/hyp.h>

#include "lwp_impl.h"

#define	CPU_ATTN	2	/* of sh_cpu, as in csrc/hypercall/internal.h */
#define	LEND_MAX	32	/* unbound runs before others get the CPU */

struct kern_cpu kern_cpu;
struct hyp_shared *hyp_shared;

static struct lwp_impl *runq_head;
static struct lwp_impl **runq_tail = &runq_head;
static struct lwp_impl *sched_idle;
static LIST_HEAD(, lwp_impl) submitted = LIST_HEAD_INITIALIZER(submitted);

/* --- queues and switching ------------------------------------------------- */

static void
runq_insert(struct lwp_impl *l)
{

	l->li_next = NULL;
	*runq_tail = l;
	runq_tail = &l->li_next;
	hyp_shared->sh_runnable++;
}

static struct lwp_impl *
runq_remove(void)
{
	struct lwp_impl *l = runq_head;

	if (l == NULL)
		return NULL;
	runq_head = l->li_next;
	if (runq_head == NULL)
		runq_tail = &runq_head;
	hyp_shared->sh_runnable--;
	return l;
}

/* L to the end, and the first one off: the queue is as long as before. */
static inline struct lwp_impl *
runq_rotate(struct lwp_impl *l)
{
	struct lwp_impl *to = runq_head;

	l->li_next = NULL;
	*runq_tail = l;
	runq_tail = &l->li_next;
	runq_head = to->li_next;
	return to;
}

/* The context can run. */
void
sched_runnable(struct lwp_impl *l)
{

	KASSERT(l->li_lwp.l_stat == LSSLEEP || l->li_lwp.l_stat == LSIDL);
	l->li_lwp.l_stat = LSRUN;
	if (l->li_host == NULL && __predict_false(sched_search))
		search_insert(l);
	else if (l->li_host == NULL)
		runq_insert(l);
	else if (l != HOME_IMPL)
		hyp_unpark(l->li_host);
}

static inline void
sched_switch(struct lwp_impl *from, struct lwp_impl *to)
{

	KASSERT(from != to);
	kern_cpu.cpu_curlwp = to;
	to->li_lwp.l_ru.ru_nvcsw++;
	hyp_shared->sh_seq++;
	lwp_swtch(&from->li_sp, to->li_sp);
}

/* Others wait for the CPU, or there is mail. */
static inline bool
sched_wanted(void)
{

	return hyp_shared->sh_nwait != 0 || hyp_shared->sh_work != 0 ||
	    (__atomic_load_n(&hyp_shared->sh_cpu, __ATOMIC_RELAXED) &
	    CPU_ATTN) != 0;
}

/*
 * Completions that have arrived.  Called by homes only, between two contexts:
 * kern_block_done() wakes sleepers and must not sleep.
 */
void
sched_attend(void)
{
	struct hyp_bio *b, *next;

	if (hyp_shared->sh_work == 0 &&
	    (__atomic_load_n(&hyp_shared->sh_cpu, __ATOMIC_RELAXED) &
	    CPU_ATTN) == 0)
		return;
	kern_cpu.cpu_nosleep++;
	for (b = hyp_drain(); b != NULL; b = next) {
		next = b->next;
		kern_block_done(b);
	}
	kern_cpu.cpu_nosleep--;
}

/* --- giving up the CPU ---------------------------------------------------- */

/* An unbound context goes off: its home or the next unbound one comes. */
static void
unbound_switch(struct lwp_impl *l)
{
	struct lwp_impl *home = HOME_IMPL, *to;

	if (home->li_lwp.l_stat == LSRUN || sched_wanted() ||
	    (to = runq_remove()) == NULL)
		to = home;
	if (to != l)			/* else it yielded to nobody */
		sched_switch(l, to);
}

/* Park; everything about the CPU may be different afterwards. */
static void
home_park(struct lwp_impl *l)
{
	int flags;

	flags = hyp_park();
	kern_cpu.cpu_curlwp = kern_cpu.cpu_home = l;
	if (flags & HYP_PARK_INTR)
		(void)sleepq_interrupt(l);
}

/* Let those who wait for the CPU go first, but go on. */
static void
home_yield(struct lwp_impl *l)
{

	hyp_yield();
	kern_cpu.cpu_curlwp = kern_cpu.cpu_home = l;
}

/*
 * A home lends its thread to one unbound context.  That may switch to others
 * directly and comes back when none is left, or the home can run or has to
 * look around.
 */
static bool
home_lend(struct lwp_impl *l)
{
	struct lwp_impl *u = runq_remove();

	if (u == NULL)
		return false;
	sched_switch(l, u);
	return true;
}

/* A home sleeps until it has been made runnable. */
static void
home_wait(struct lwp_impl *l)
{
	int lent = 0;

	while (l->li_lwp.l_stat != LSRUN) {
		sched_attend();
		if (l->li_lwp.l_stat == LSRUN)
			break;
		if (hyp_shared->sh_nwait != 0 && lent >= LEND_MAX) {
			home_park(l);
			lent = 0;
		} else if (home_lend(l)) {
			lent++;
		} else {
			home_park(l);
			lent = 0;
		}
	}
}

/* The running context can't go on until sched_runnable() of it. */
void
sched_block(void)
{
	struct lwp_impl *l = CUR_IMPL;

	KASSERTMSG(kern_cpu.cpu_nosleep == 0,
	    "sleeping with a spin mutex held");
	KASSERT(l->li_lwp.l_stat == LSSLEEP || l->li_lwp.l_stat == LSRUN);
	if (l == HOME_IMPL)
		home_wait(l);
	else
		unbound_switch(l);
	KASSERT(CUR_IMPL == l);
	l->li_lwp.l_stat = LSONPROC;
}

/* An unbound context ends; it is on the free list already. */
void
sched_exit(void)
{

	KASSERT(kern_cpu.cpu_nosleep == 0 && CUR_IMPL != HOME_IMPL);
	unbound_switch(CUR_IMPL);
	panic("a context that ended was run");
}

void
yield(void)
{
	struct lwp_impl *l = CUR_IMPL;

	if (kern_cpu.cpu_nosleep != 0)
		return;
	if (l != HOME_IMPL) {
		if (__predict_false(sched_search)) {
			search_yield(l);
			return;
		}
		l->li_lwp.l_stat = LSRUN;
		if (__predict_true(runq_head != NULL && !sched_wanted() &&
		    HOME_IMPL->li_lwp.l_stat != LSRUN)) {
			sched_switch(l, runq_rotate(l));
		} else {
			runq_insert(l);
			unbound_switch(l);
		}
		l->li_lwp.l_stat = LSONPROC;
		return;
	}
	sched_attend();
	l->li_lwp.l_stat = LSRUN;
	(void)home_lend(l);
	if (hyp_shared->sh_nwait != 0)
		home_yield(l);
	l->li_lwp.l_stat = LSONPROC;
}

void
preempt(void)
{

	yield();
}

/* Cheap enough for the inside of loops. */
void
preempt_point(void)
{

	/* Who waits for the CPU is no business of a searched schedule. */
	if (__predict_false(hyp_shared->sh_runnable != 0 || sched_wanted()) &&
	    !sched_search)
		yield();
}

/* --- searched schedules: search.c ----------------------------------------- */

/* The home runs this context, until that blocks, ends or is sent back. */
void
sched_lend(struct lwp_impl *l)
{
	struct lwp_impl *home = CUR_IMPL;

	KASSERT(home == HOME_IMPL);
	home->li_lwp.l_stat = LSRUN;
	sched_switch(home, l);
	home->li_lwp.l_stat = LSONPROC;
}

/* Back to the home; the context can run, and whoever knows it says when. */
void
sched_return(struct lwp_impl *l)
{

	KASSERT(l != HOME_IMPL && HOME_IMPL->li_lwp.l_stat == LSRUN);
	l->li_lwp.l_stat = LSRUN;
	sched_switch(l, HOME_IMPL);
	l->li_lwp.l_stat = LSONPROC;
}

/* The first of the run queue, for another queue. */
struct lwp_impl *
sched_take(void)
{

	return runq_remove();
}

/* --- doors ---------------------------------------------------------------- */

static inline struct proc *
door_proc_of(const struct door_enter *de)
{

	if (de->proc != 0)
		return (struct proc *)de->proc;
	return initproc != NULL ? initproc : &proc0;
}

/*
 * A door, on the stack of the free context KC.  What comes back is what the
 * door's function answers, however often the context has slept meanwhile.
 */
int
kern_enter(struct kern_context *kc, struct door_enter *de)
{
	struct lwp_impl *l = CONTEXT_IMPL(kc);
	struct proc *p = door_proc_of(de);
	int error;

	l->li_host = de->host;
	kern_cpu.cpu_curlwp = kern_cpu.cpu_home = l;
	l->li_lwp.l_stat = LSONPROC;
	if (__predict_false(l->li_lwp.l_proc != p ||
	    l->li_lwp.l_cred != p->p_cred))
		lwp_setproc(l, p);
	if (__predict_false(hyp_shared->sh_context == NULL))
		lwp_refill();
	error = ((int (*)(void *))de->fn)(de->arg);
	KASSERT(CUR_IMPL == l && HOME_IMPL == l);
	KASSERTMSG(kern_cpu.cpu_nosleep == 0,
	    "leaving the kernel with a spin mutex held");
	l->li_intr = false;
	l->li_lwp.l_stat = LSIDL;
	return error;
}

/* A door is about to leave, and completions have arrived. */
int
kern_attention(void *arg)
{
	struct lwp_impl *l = CONTEXT_IMPL(arg);

	kern_cpu.cpu_curlwp = kern_cpu.cpu_home = l;
	l->li_lwp.l_stat = LSONPROC;
	sched_attend();
	l->li_lwp.l_stat = LSIDL;
	return 0;
}

static void
submit_main(void *arg)
{
	struct lwp_impl *l = CUR_IMPL;

	(void)l->li_door(arg);
	LIST_REMOVE(l, li_submitted);
	l->li_intr = false;
	lwp_put(l);
	sched_exit();
}

/*
 * Run a function in an unbound context until it sleeps or ends.  The home
 * stays runnable, so that the context comes back here first thing.
 */
int
kern_submit(struct door_enter *de)
{
	struct lwp_impl *home = CUR_IMPL, *l;

	KASSERT(home == HOME_IMPL);
	l = lwp_get();
	if (l == NULL)
		return ENOMEM;
	lwp_setproc(l, door_proc_of(de));
	l->li_door = (int (*)(void *))de->fn;
	LIST_INSERT_HEAD(&submitted, l, li_submitted);
	lwp_start(l, submit_main, de->arg);
	home->li_lwp.l_stat = LSRUN;
	sched_switch(home, l);
	home->li_lwp.l_stat = LSONPROC;
	return 0;
}

/* Interrupt what was submitted with this argument, if it still runs. */
int
kern_interrupt(struct door_interrupt *di)
{
	struct lwp_impl *l;

	di->found = 0;
	LIST_FOREACH(l, &submitted, li_submitted) {
		if (l->li_arg == di->arg) {
			di->found = 1;
			(void)sleepq_interrupt(l);
			break;
		}
	}
	return 0;
}

/* The idle thread's door: never left in good order. */
int
kern_idle(void *arg)
{
	struct lwp_impl *l = CUR_IMPL;
	int lent = 0;

	(void)arg;
	sched_idle = l;
	strlcpy(l->li_name, "idle", sizeof(l->li_name));
	curcpu()->ci_data.cpu_idlelwp = &l->li_lwp;
	for (;;) {
		l->li_lwp.l_stat = LSSLEEP;
		sched_attend();
		if (!sched_search)
			(void)callout_attend();
		if ((hyp_shared->sh_nwait == 0 || lent < LEND_MAX) &&
		    home_lend(l)) {
			lent++;
			continue;
		}
		lent = 0;
		/*
		 * With contexts left to run, parking would leave them to those
		 * who wait; and they may turn out to be away.
		 */
		if (hyp_shared->sh_runnable != 0)
			home_yield(l);
		else
			home_park(l);
		ltime_refresh();
	}
}

/* All is ready for contexts to sleep: the host starts its threads. */
int
sched_start(struct door_boot *boot)
{

	boot->cpu = &kern_cpu;
	return hyp_cpu_start();
}
