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

struct ksiginfo {
	u_long	ksi_flags;
	TAILQ_ENTRY(ksiginfo) ksi_list;
	char	_ksi_info[96];
	lwpid_t	ksi_lid;
};
CTASSERT(sizeof(struct ksiginfo) == 128);

/* Mark the signal pending and interrupt the process's sleeping contexts. */
void
psignal(struct proc *p, int signo)
{
	struct lwp *l;

	if (signo <= 0 || signo >= NSIG)
		panic("psignal: signal %d", signo);
	sigaddset(&p->p_sigpend.sp_set, signo);
	LIST_FOREACH(l, &alllwp, l_list)
		if (l->l_proc == p && l->l_stat == LSSLEEP &&
		    !sigismember(&l->l_sigmask, signo))
			(void)sleepq_interrupt(LWP_IMPL(l));
}

int
sigismasked(struct lwp *l, int signo)
{
	return sigismember(&l->l_sigmask, signo);
}

int
sigispending(struct lwp *l, int signo)
{
	const struct proc *p = l->l_proc;
	u_int i;

	if (signo != 0)
		return sigismember(&p->p_sigpend.sp_set, signo) ||
		    sigismember(&l->l_sigpend.sp_set, signo) ? EINTR : 0;
	for (i = 0; i < __arraycount(l->l_sigmask.__bits); i++)
		if (((p->p_sigpend.sp_set.__bits[i] |
		    l->l_sigpend.sp_set.__bits[i]) &
		    ~l->l_sigmask.__bits[i]) != 0)
			return EINTR;
	return 0;
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

/* Forget pending signals, those of MASK or all. */
void
sigclearall(struct proc *p, const sigset_t *mask, ksiginfoq_t *kq)
{
	u_int i;

	for (i = 0; i < __arraycount(p->p_sigpend.sp_set.__bits); i++)
		p->p_sigpend.sp_set.__bits[i] &=
		    mask != NULL ? ~mask->__bits[i] : 0;
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
