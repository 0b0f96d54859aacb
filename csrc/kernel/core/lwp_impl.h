/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contexts as the scheduler sees them: the part of an lwp that modules don't
 * know, queues of sleeping ones, and what sched.c, lwp.c and the locks share.
 *
 * Nothing here is locked.  One context runs at a time, and the CPU changes
 * hands only where a context says so: in sched_block(), in yield(), and in a
 * released hypercall.
 */
#ifndef _RUMPY_CORE_LWP_IMPL_H_
#define	_RUMPY_CORE_LWP_IMPL_H_

#include <sys/param.h>
#include <sys/lwp.h>
#include <sys/proc.h>

#include <rumpy/boot.h>

struct lwp_impl {
	struct lwp li_lwp;		/* first: modules see this */

	struct kern_context li_context;	/* what the door sees */
	uint64_t li_sp;			/* saved stack pointer */
	void	*li_stack;		/* its pages, guard first */

	void	*li_host;		/* bound to this host thread, or NULL */
	struct lwp_impl *li_next;	/* run queue, or circular sleep queue */
	struct lwp_impl *li_prev;
	struct lwp_impl **li_queue;	/* head of the sleep queue */
	uintptr_t li_wait;		/* what a lock's waiter wants */
	int	li_error;		/* what woke it */
	bool	li_catch;		/* sleeps interruptibly */
	bool	li_intr;		/* an interrupt is pending */
	int	li_ipl;

	void	(*li_main)(void *);	/* unbound: what it runs */
	void	*li_arg;
	int	(*li_door)(void *);	/* submitted: the door function */
	uint32_t li_task;		/* of a searched schedule, from 1 */
	LIST_ENTRY(lwp_impl) li_submitted;
	int	li_exitcode;
	char	li_name[MAXCOMLEN + 1];
} __aligned(64);

#define	LWP_IMPL(l)	((struct lwp_impl *)(l))
#define	CONTEXT_IMPL(kc) \
	((struct lwp_impl *)((char *)(kc) - \
	    offsetof(struct lwp_impl, li_context)))

/* x86_curlwp() is declared const; here it changes under the caller. */
#define	CUR_IMPL	((struct lwp_impl *)kern_cpu.cpu_curlwp)
#define	HOME_IMPL	((struct lwp_impl *)kern_cpu.cpu_home)

extern struct kern_cpu kern_cpu;
extern struct hyp_shared *hyp_shared;
extern struct lwp_impl lwp0_impl;

/* sched.c */
void	sched_runnable(struct lwp_impl *);
void	sched_block(void);
void	sched_exit(void) __dead;
void	sched_attend(void);
int	sched_start(struct door_boot *);
void	sched_lend(struct lwp_impl *);
void	sched_return(struct lwp_impl *);
struct lwp_impl *sched_take(void);

/* search.c */
extern bool sched_search;	/* search.c says who runs */
void	search_insert(struct lwp_impl *);
void	search_yield(struct lwp_impl *);
void	search_point(void);
bool	search_hold(struct hyp_bio *);

/* switch.S */
void	sched_point(void);

/* lwp.c */
void	lwp_bootstrap(struct door_boot *);
void	sched_init(void);
struct lwp_impl *lwp_get(void);
void	lwp_put(struct lwp_impl *);
void	lwp_refill(void);
void	lwp_start(struct lwp_impl *, void (*)(void *), void *);
void	lwp_setproc(struct lwp_impl *, struct proc *);
void	lwp_proc0_ready(void);
void	lwp_forget_proc(struct proc *);

/* sleepq.c */
struct lwp_impl **sleepq_bucket(wchan_t);
int	sleepq_wait(struct lwp_impl **, wchan_t, const char *, int, bool,
	    struct kmutex *);
void	sleepq_wake(struct lwp_impl *, int);
bool	sleepq_interrupt(struct lwp_impl *);
struct lwp_impl *sleepq_first(struct lwp_impl **, wchan_t);
struct lwp_impl *sleepq_next(struct lwp_impl *, wchan_t);

/* callout.c */
void	callout_startup(void);
bool	callout_attend(void);
int64_t	callout_next(void);
void	callout_rearm(void);
void	callout_reset_wakeup(callout_t *, int, void (*)(void *), void *);

/* ltime.c */
void	ltime_init(struct door_boot *);
int64_t	ltime_mono(void);
void	ltime_refresh(void);

/* switch.S */
void	lwp_trampoline(void);

/*
 * Save this context and go on with the one saved at SP.  A saved context has
 * the address where it goes on at its stack pointer and %rbp behind it; all
 * other registers are the compiler's problem.  Inline and with a jump, because
 * the processor predicts returns: a call that comes back in another context
 * would spoil the predictions of all callers.
 */
static inline void
lwp_swtch(uint64_t *save, uint64_t sp)
{

	__asm volatile(
	    "pushq	%%rbp\n\t"
	    "leaq	1f(%%rip), %%rax\n\t"
	    "pushq	%%rax\n\t"
	    "movq	%%rsp, (%0)\n\t"
	    "movq	%1, %%rsp\n\t"
	    "popq	%%rax\n\t"
	    "jmp	*%%rax\n"
	    "1:	popq	%%rbp"
	    : "+D" (save), "+S" (sp)
	    :
	    : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12",
	      "r13", "r14", "r15", "memory", "cc");
}

#endif /* !_RUMPY_CORE_LWP_IMPL_H_ */
