/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The system-call door, and system calls that only look at the process.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/evcnt.h>
#include <sys/kauth.h>
#include <sys/proc.h>
#include <sys/syscallargs.h>
#include <sys/syscallvar.h>

#include <rumpy/doors.h>

#include "core/lwp_impl.h"
#include "core/proc_impl.h"

CTASSERT(sizeof(((struct door_syscall *)0)->args) ==
    8 * sizeof(register_t));

extern struct evcnt syscall_evcnt;

int
kern_syscall(struct door_syscall *d)
{
	const struct sysent *se;
	struct lwp *l;
	int error;

	if (__predict_false((u_int)d->number >= SYS_NSYSENT))
		return ENOSYS;
	se = &sysent[d->number];
	d->retval[0] = d->retval[1] = 0;
	syscall_evcnt.ev_count++;
	l = &CUR_IMPL->li_lwp;
	l->l_sysent = se;
	error = (*se->sy_call)(l, d->args, (register_t *)d->retval);
	l->l_sysent = NULL;
	if (__predict_true(error >= 0))
		return error;
	/* A call that would be restarted on NetBSD was interrupted here. */
	return error == EJUSTRETURN ? 0 : error == ERESTART ? EINTR : EINVAL;
}

/* A system call whose module is not there. */
int
sys_nomodule(struct lwp *l, const void *v, register_t *retval)
{
	return ENOSYS;
}

/*
 * A module's calls, ended by an entry without a function.  The numbers must
 * be free.
 */
int
syscall_establish(const struct emul *em, const struct syscall_package *sp)
{
	size_t i;

	for (i = 0; sp[i].sp_call != NULL; i++) {
		if (sp[i].sp_code >= SYS_NSYSENT)
			return EINVAL;
		if (sysent[sp[i].sp_code].sy_call != sys_nomodule &&
		    sysent[sp[i].sp_code].sy_call != sys_nosys)
			return EBUSY;
	}
	for (i = 0; sp[i].sp_call != NULL; i++)
		sysent[sp[i].sp_code].sy_call = sp[i].sp_call;
	return 0;
}

static bool
syscall_running(const struct sysent *se)
{
	struct lwp *l;

	LIST_FOREACH(l, &alllwp, l_list)
		if (l->l_sysent == se)
			return true;
	return false;
}

/* EBUSY: somebody is inside one of them. */
int
syscall_disestablish(const struct emul *em, const struct syscall_package *sp)
{
	size_t i;

	for (i = 0; sp[i].sp_call != NULL; i++)
		if (syscall_running(&sysent[sp[i].sp_code]))
			return EBUSY;
	for (i = 0; sp[i].sp_call != NULL; i++) {
		KASSERT(sysent[sp[i].sp_code].sy_call == sp[i].sp_call);
		sysent[sp[i].sp_code].sy_call = sys_nomodule;
	}
	return 0;
}

int
sys_getpid(struct lwp *l, const struct sys_getpid_args *uap,
    register_t *retval)
{
	retval[0] = l->l_proc->p_pid;
	retval[1] = l->l_proc->p_ppid;
	return 0;
}

int
sys_getppid(struct lwp *l, const struct sys_getppid_args *uap,
    register_t *retval)
{
	*retval = l->l_proc->p_ppid;
	return 0;
}

int
sys_getpgrp(struct lwp *l, const struct sys_getpgrp_args *uap,
    register_t *retval)
{
	*retval = l->l_proc->p_pgrp->pg_id;
	return 0;
}

int
sys_issetugid(struct lwp *l, const struct sys_issetugid_args *uap,
    register_t *retval)
{
	*retval = (l->l_proc->p_flag & PK_SUGID) != 0;
	return 0;
}

int
sys_getuid(struct lwp *l, const struct sys_getuid_args *uap,
    register_t *retval)
{
	retval[0] = (register_t)kauth_cred_getuid(l->l_cred);
	retval[1] = (register_t)kauth_cred_geteuid(l->l_cred);
	return 0;
}

int
sys_geteuid(struct lwp *l, const struct sys_geteuid_args *uap,
    register_t *retval)
{
	*retval = (register_t)kauth_cred_geteuid(l->l_cred);
	return 0;
}

int
sys_getgid(struct lwp *l, const struct sys_getgid_args *uap,
    register_t *retval)
{
	retval[0] = (register_t)kauth_cred_getgid(l->l_cred);
	retval[1] = (register_t)kauth_cred_getegid(l->l_cred);
	return 0;
}

int
sys_getegid(struct lwp *l, const struct sys_getegid_args *uap,
    register_t *retval)
{
	*retval = (register_t)kauth_cred_getegid(l->l_cred);
	return 0;
}

/* Install changed credentials. */
static int
change_cred(struct lwp *l, kauth_cred_t cred)
{
	l->l_proc->p_flag |= PK_SUGID;
	proc_setcred(l->l_proc, cred);
	return 0;
}

/*
 * The rules of the whole setuid family: each of the ids may be set to one of
 * the present ones that CANDIDATES allows, or by the superuser to anything.
 */
#define	FROM_REAL	1
#define	FROM_EFFECTIVE	2
#define	FROM_SAVED	4
#define	UNCHANGED	((uid_t)-1)

static bool
uid_permitted(kauth_cred_t cred, uid_t id, int candidates)
{
	return id == UNCHANGED || kauth_cred_geteuid(cred) == 0 ||
	    ((candidates & FROM_REAL) != 0 && id == kauth_cred_getuid(cred)) ||
	    ((candidates & FROM_EFFECTIVE) != 0 &&
	    id == kauth_cred_geteuid(cred)) ||
	    ((candidates & FROM_SAVED) != 0 &&
	    id == kauth_cred_getsvuid(cred));
}

static bool
gid_permitted(kauth_cred_t cred, gid_t id, int candidates)
{
	return id == UNCHANGED || kauth_cred_geteuid(cred) == 0 ||
	    ((candidates & FROM_REAL) != 0 && id == kauth_cred_getgid(cred)) ||
	    ((candidates & FROM_EFFECTIVE) != 0 &&
	    id == kauth_cred_getegid(cred)) ||
	    ((candidates & FROM_SAVED) != 0 &&
	    id == kauth_cred_getsvgid(cred));
}

static int
set_uids(struct lwp *l, uid_t real, uid_t effective, uid_t saved)
{
	kauth_cred_t cred = kauth_cred_dup(l->l_cred);

	if (real != UNCHANGED)
		kauth_cred_setuid(cred, real);
	if (effective != UNCHANGED)
		kauth_cred_seteuid(cred, effective);
	if (saved != UNCHANGED)
		kauth_cred_setsvuid(cred, saved);
	return change_cred(l, cred);
}

static int
set_gids(struct lwp *l, gid_t real, gid_t effective, gid_t saved)
{
	kauth_cred_t cred = kauth_cred_dup(l->l_cred);

	if (real != UNCHANGED)
		kauth_cred_setgid(cred, real);
	if (effective != UNCHANGED)
		kauth_cred_setegid(cred, effective);
	if (saved != UNCHANGED)
		kauth_cred_setsvgid(cred, saved);
	return change_cred(l, cred);
}

int
sys_setuid(struct lwp *l, const struct sys_setuid_args *uap,
    register_t *retval)
{
	uid_t uid = SCARG(uap, uid);

	if (!uid_permitted(l->l_cred, uid, FROM_REAL))
		return EPERM;
	return set_uids(l, uid, uid, uid);
}

int
sys_seteuid(struct lwp *l, const struct sys_seteuid_args *uap,
    register_t *retval)
{
	uid_t uid = SCARG(uap, euid);

	if (!uid_permitted(l->l_cred, uid, FROM_REAL | FROM_SAVED))
		return EPERM;
	return set_uids(l, UNCHANGED, uid, UNCHANGED);
}

int
sys_setreuid(struct lwp *l, const struct sys_setreuid_args *uap,
    register_t *retval)
{
	uid_t real = SCARG(uap, ruid), effective = SCARG(uap, euid), saved;

	if (!uid_permitted(l->l_cred, real, FROM_REAL | FROM_EFFECTIVE) ||
	    !uid_permitted(l->l_cred, effective,
	    FROM_REAL | FROM_EFFECTIVE | FROM_SAVED))
		return EPERM;
	/* The saved id follows when the real one changes. */
	saved = UNCHANGED;
	if (real != UNCHANGED || (effective != UNCHANGED &&
	    effective != kauth_cred_getuid(l->l_cred)))
		saved = effective != UNCHANGED ? effective :
		    kauth_cred_geteuid(l->l_cred);
	return set_uids(l, real, effective, saved);
}

int
sys_setgid(struct lwp *l, const struct sys_setgid_args *uap,
    register_t *retval)
{
	gid_t gid = SCARG(uap, gid);

	if (!gid_permitted(l->l_cred, gid, FROM_REAL))
		return EPERM;
	return set_gids(l, gid, gid, gid);
}

int
sys_setegid(struct lwp *l, const struct sys_setegid_args *uap,
    register_t *retval)
{
	gid_t gid = SCARG(uap, egid);

	if (!gid_permitted(l->l_cred, gid, FROM_REAL | FROM_SAVED))
		return EPERM;
	return set_gids(l, UNCHANGED, gid, UNCHANGED);
}

int
sys_setregid(struct lwp *l, const struct sys_setregid_args *uap,
    register_t *retval)
{
	gid_t real = SCARG(uap, rgid), effective = SCARG(uap, egid), saved;

	if (!gid_permitted(l->l_cred, real, FROM_REAL | FROM_EFFECTIVE) ||
	    !gid_permitted(l->l_cred, effective,
	    FROM_REAL | FROM_EFFECTIVE | FROM_SAVED))
		return EPERM;
	saved = UNCHANGED;
	if (real != UNCHANGED || (effective != UNCHANGED &&
	    effective != kauth_cred_getgid(l->l_cred)))
		saved = effective != UNCHANGED ? effective :
		    kauth_cred_getegid(l->l_cred);
	return set_gids(l, real, effective, saved);
}

int
sys_getgroups(struct lwp *l, const struct sys_getgroups_args *uap,
    register_t *retval)
{
	int room = SCARG(uap, gidsetsize);
	int have = (int)kauth_cred_ngroups(l->l_cred);

	*retval = have;
	if (room == 0)
		return 0;
	if (room < have)
		return EINVAL;
	return kauth_cred_getgroups(l->l_cred, SCARG(uap, gidset),
	    (size_t)have, UIO_USERSPACE);
}

int
sys_setgroups(struct lwp *l, const struct sys_setgroups_args *uap,
    register_t *retval)
{
	int n = SCARG(uap, gidsetsize), error;
	kauth_cred_t cred;

	if (n < 0 || n > NGROUPS)
		return EINVAL;
	if (kauth_cred_geteuid(l->l_cred) != 0)
		return EPERM;
	cred = kauth_cred_dup(l->l_cred);
	error = kauth_cred_setgroups(cred, SCARG(uap, gidset), (size_t)n,
	    (uid_t)-1, UIO_USERSPACE);
	if (error != 0) {
		kauth_cred_free(cred);
		return error;
	}
	return change_cred(l, cred);
}
