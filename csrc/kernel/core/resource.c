/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Resource limits and usage.  Limits are shared between processes until one
 * changes them.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/file.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/proc.h>
#include <sys/resourcevar.h>
#include <sys/syscallargs.h>

#include "core/proc_impl.h"

struct	plimit limit0;

void
resource_init(void)
{
	u_int i;

	for (i = 0; i < RLIM_NLIMITS; i++) {
		limit0.pl_rlimit[i].rlim_cur = RLIM_INFINITY;
		limit0.pl_rlimit[i].rlim_max = RLIM_INFINITY;
	}
	limit0.pl_rlimit[RLIMIT_NOFILE].rlim_cur = 1024;
	limit0.pl_rlimit[RLIMIT_NOFILE].rlim_max = maxfiles;
	limit0.pl_rlimit[RLIMIT_NPROC].rlim_cur = (rlim_t)maxproc;
	limit0.pl_rlimit[RLIMIT_NPROC].rlim_max = (rlim_t)maxproc;
	limit0.pl_rlimit[RLIMIT_CORE].rlim_cur = 0;
	limit0.pl_refcnt = 1;
	mutex_init(&limit0.pl_lock, MUTEX_DEFAULT, IPL_NONE);
}

struct plimit *
lim_copy(struct plimit *lim)
{
	struct plimit *copy = kmem_zalloc(sizeof(*copy), KM_SLEEP);

	memcpy(copy->pl_rlimit, lim->pl_rlimit, sizeof(copy->pl_rlimit));
	copy->pl_refcnt = 1;
	mutex_init(&copy->pl_lock, MUTEX_DEFAULT, IPL_NONE);
	return copy;
}

void
lim_addref(struct plimit *lim)
{
	lim->pl_refcnt++;
}

void
lim_free(struct plimit *lim)
{
	KASSERT(lim->pl_refcnt != 0);
	if (--lim->pl_refcnt != 0)
		return;
	mutex_destroy(&lim->pl_lock);
	kmem_free(lim, sizeof(*lim));
}

/* Make the process's limits its own. */
void
lim_privatise(struct proc *p)
{
	struct plimit *old = p->p_limit;

	if (old->pl_refcnt == 1)
		return;
	p->p_limit = lim_copy(old);
	lim_free(old);
}

int
sys_getrlimit(struct lwp *l, const struct sys_getrlimit_args *uap,
    register_t *retval)
{
	u_int which = (u_int)SCARG(uap, which);

	if (which >= RLIM_NLIMITS)
		return EINVAL;
	return copyout(&l->l_proc->p_limit->pl_rlimit[which],
	    SCARG(uap, rlp), sizeof(struct rlimit));
}

int
sys_setrlimit(struct lwp *l, const struct sys_setrlimit_args *uap,
    register_t *retval)
{
	u_int which = (u_int)SCARG(uap, which);
	struct proc *p = l->l_proc;
	struct rlimit new;
	int error;

	if (which >= RLIM_NLIMITS)
		return EINVAL;
	if ((error = copyin(SCARG(uap, rlp), &new, sizeof(new))) != 0)
		return error;
	new.rlim_cur = MIN(new.rlim_cur, RLIM_INFINITY);
	new.rlim_max = MIN(new.rlim_max, RLIM_INFINITY);
	if (new.rlim_cur > new.rlim_max)
		return EINVAL;
	if (new.rlim_max > p->p_limit->pl_rlimit[which].rlim_max &&
	    kauth_cred_geteuid(l->l_cred) != 0)
		return EPERM;
	lim_privatise(p);
	p->p_limit->pl_rlimit[which] = new;
	return 0;
}

/* Nobody runs here in the sense of calcru(): the host's process does. */
void
calcru(struct proc *p, struct timeval *up, struct timeval *sp,
    struct timeval *ip, struct timeval *rp)
{
	if (up != NULL)
		timerclear(up);
	if (sp != NULL)
		timerclear(sp);
	if (ip != NULL)
		timerclear(ip);
	if (rp != NULL)
		timerclear(rp);
}

int
sys___getrusage50(struct lwp *l, const struct sys___getrusage50_args *uap,
    register_t *retval)
{
	struct rusage ru;

	switch (SCARG(uap, who)) {
	case RUSAGE_SELF:
		ru = l->l_proc->p_stats->p_ru;
		ru.ru_inblock += l->l_ru.ru_inblock;
		ru.ru_oublock += l->l_ru.ru_oublock;
		break;
	case RUSAGE_CHILDREN:
		ru = l->l_proc->p_stats->p_cru;
		break;
	default:
		return EINVAL;
	}
	return copyout(&ru, SCARG(uap, rusage), sizeof(ru));
}
