/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Signals.  No user code runs here, so a signal cannot be delivered; what a
 * file system may ask about masks and pending sets is answered from the lwp.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>
#include <sys/proc.h>
#include <sys/signalvar.h>

#include "core/lwp_impl.h"
#include "core/proc_impl.h"

struct ksiginfo {
	u_long	ksi_flags;
	TAILQ_ENTRY(ksiginfo) ksi_list;
	char	_ksi_info[96];
	lwpid_t	ksi_lid;
};
CTASSERT(sizeof(struct ksiginfo) == 128);

/* What a process ignores as long as it says nothing else. */
void
siginit(struct proc *p)
{
	static const int ignored[] = {
		SIGURG, SIGCHLD, SIGIO, SIGWINCH, SIGINFO, SIGPWR
	};

	for (size_t i = 0; i < __arraycount(ignored); i++)
		sigaddset(&p->p_sigctx.ps_sigignore, ignored[i]);
}

/*
 * Mark the signal pending and interrupt the process's sleeping contexts,
 * unless it is ignored.
 */
void
psignal(struct proc *p, int signo)
{
	struct lwp *l;

	if (signo <= 0 || signo >= NSIG)
		panic("psignal: signal %d", signo);
	if (sigismember(&p->p_sigctx.ps_sigignore, signo))
		return;
	sigaddset(&p->p_sigpend.sp_set, signo);
	LIST_FOREACH(l, &alllwp, l_list)
		if (l->l_proc == p && l->l_stat == LSSLEEP &&
		    !sigismember(&l->l_sigmask, signo))
			(void)sleepq_interrupt(LWP_IMPL(l));
}

int
sigismasked(struct lwp *l, int signo)
{
	return sigismember(&l->l_sigmask, signo) ||
	    sigismember(&l->l_proc->p_sigctx.ps_sigignore, signo);
}

/* EINTR if the signal, or any if that is 0, waits to be delivered. */
int
sigispending(struct lwp *l, int signo)
{
	const struct proc *p = l->l_proc;
	sigset_t due;
	u_int i;
	uint32_t any = 0;

	for (i = 0; i < __arraycount(due.__bits); i++) {
		due.__bits[i] = (p->p_sigpend.sp_set.__bits[i] |
		    l->l_sigpend.sp_set.__bits[i]) &
		    ~(l->l_sigmask.__bits[i] |
		    p->p_sigctx.ps_sigignore.__bits[i]);
		any |= due.__bits[i];
	}
	return (signo != 0 ? sigismember(&due, signo) : any != 0) ? EINTR : 0;
}

void
sigpending1(struct lwp *l, sigset_t *set)
{
	u_int i;

	for (i = 0; i < __arraycount(set->__bits); i++)
		set->__bits[i] = l->l_proc->p_sigpend.sp_set.__bits[i] |
		    l->l_sigpend.sp_set.__bits[i];
}

int
sigprocmask1(struct lwp *l, int how, const sigset_t *new, sigset_t *old)
{
	u_int i;

	if (old != NULL)
		*old = l->l_sigmask;
	if (new == NULL)
		return 0;
	for (i = 0; i < __arraycount(new->__bits); i++)
		switch (how) {
		case SIG_BLOCK:
			l->l_sigmask.__bits[i] |= new->__bits[i];
			break;
		case SIG_UNBLOCK:
			l->l_sigmask.__bits[i] &= ~new->__bits[i];
			break;
		case SIG_SETMASK:
			l->l_sigmask.__bits[i] = new->__bits[i];
			break;
		default:
			return EINVAL;
		}
	sigdelset(&l->l_sigmask, SIGKILL);
	sigdelset(&l->l_sigmask, SIGSTOP);
	return 0;
}

static void
sigpend_clear(sigpend_t *sp, const sigset_t *mask)
{
	u_int i;

	for (i = 0; i < __arraycount(sp->sp_set.__bits); i++)
		sp->sp_set.__bits[i] &= mask != NULL ? ~mask->__bits[i] : 0;
}

/*
 * Forget pending signals of a process and its contexts, those of MASK or all.
 * None has more to say than its number, so nothing is put into KQ.
 */
void
sigclearall(struct proc *p, const sigset_t *mask, ksiginfoq_t *kq)
{
	struct lwp *l;

	sigpend_clear(&p->p_sigpend, mask);
	LIST_FOREACH(l, &alllwp, l_list)
		if (l->l_proc == p)
			sigpend_clear(&l->l_sigpend, mask);
}

void
ksiginfo_queue_drain0(ksiginfoq_t *kq)
{
	struct ksiginfo *ksi;

	while ((ksi = TAILQ_FIRST(kq)) != NULL) {
		TAILQ_REMOVE(kq, ksi, ksi_list);
		kmem_free(ksi, sizeof(*ksi));
	}
}
