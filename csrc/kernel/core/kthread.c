/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel threads (kthread(9)): unbound contexts that belong to proc0.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/condvar.h>
#include <sys/kthread.h>
#include <sys/proc.h>

#include "lwp_impl.h"

static void
kthread_main(void *arg)
{
	struct lwp_impl *l = CUR_IMPL;
	void (*func)(void *) = (void (*)(void *))(uintptr_t)l->li_wait;

	func(arg);
	kthread_exit(0);
}

/*
 * PRI and CPU are accepted for their callers' sake: there is one CPU, and
 * contexts take turns.
 */
int
kthread_create(pri_t pri, int flag, struct cpu_info *ci,
    void (*func)(void *), void *arg, lwp_t **lp, const char *fmt, ...)
{
	struct lwp_impl *l;
	va_list ap;

	KASSERT((flag & KTHREAD_INTR) == 0 || (flag & KTHREAD_MPSAFE) != 0);
	l = lwp_get();
	if (l == NULL)
		return ENOMEM;
	lwp_setproc(l, &proc0);
	va_start(ap, fmt);
	vsnprintf(l->li_name, sizeof(l->li_name), fmt, ap);
	va_end(ap);
	l->li_lwp.l_flag |= LW_SYSTEM;
	l->li_lwp.l_pflag = (flag & KTHREAD_MUSTJOIN) != 0 ? LP_MUSTJOIN : 0;
	l->li_lwp.l_refcnt = (flag & KTHREAD_MUSTJOIN) != 0 ? 2 : 1;
	lwp_start(l, kthread_main, arg);
	l->li_wait = (uintptr_t)func;
	if (lp != NULL)
		*lp = &l->li_lwp;
	if ((flag & KTHREAD_IDLE) == 0)
		sched_runnable(l);
	return 0;
}

/* The last reference gone, the context may serve somebody else. */
void
kthread_exit(int code)
{
	struct lwp_impl *l = CUR_IMPL;

	KASSERTMSG(l != HOME_IMPL, "kthread_exit: not a kernel thread");
	l->li_exitcode = code;
	if (l->li_lwp.l_pflag & LP_MUSTJOIN) {
		/* kthread_join() gives the context back. */
		l->li_lwp.l_stat = LSZOMB;
		cv_broadcast(&l->li_lwp.l_waitcv);
	} else {
		lwp_put(l);
	}
	sched_exit();
}

/*
 * Wait for a thread that was created with KTHREAD_MUSTJOIN, once; its exit
 * code.
 */
int
kthread_join(lwp_t *lwp)
{
	struct lwp_impl *l = LWP_IMPL(lwp);

	KASSERT((lwp->l_pflag & LP_MUSTJOIN) != 0);
	while (lwp->l_stat != LSZOMB)
		(void)sleepq_wait(
		    (struct lwp_impl **)&lwp->l_waitcv.cv_opaque[1],
		    &lwp->l_waitcv, "lwpwait", 0, false, NULL);
	lwp->l_pflag = 0;
	lwp->l_refcnt = 1;
	lwp_put(l);
	return l->li_exitcode;
}
