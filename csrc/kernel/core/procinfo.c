/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What others may learn of a process: procfs asks.
 *
 * Processes here have no program, no registers and no memory of their own (see
 * proc.c), and what the host's process has is none of a file system's
 * business: the functions below say so, each with the error that NetBSD
 * documents for it.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/exec.h>
#include <sys/filedesc.h>
#include <sys/kauth.h>
#include <sys/module.h>
#include <sys/proc.h>
#include <sys/ptrace.h>
#include <sys/sysctl.h>
#include <sys/vnode.h>

#include <uvm/uvm_extern.h>

/* NetBSD's module of this name may be part of the kernel, as here. */
MODULE(MODULE_CLASS_EXEC, ptrace_common, NULL);

static int
ptrace_common_modcmd(modcmd_t cmd, void *arg)
{
	(void)arg;
	return cmd == MODULE_CMD_INIT ? 0 : ENOTTY;
}

/* Where did it start, and whom does it belong to? */
static void
kproc2_identity(const struct proc *p, struct kinfo_proc2 *ki)
{
	const struct session *sess = p->p_pgrp->pg_session;
	kauth_cred_t cred = p->p_cred;
	u_int i;

	ki->p_pid = p->p_pid;
	ki->p_ppid = p->p_ppid;
	ki->p__pgid = p->p_pgrp->pg_id;
	ki->p_sid = sess->s_sid;
	ki->p_tpgid = NO_PGID;
	ki->p_tdev = (uint32_t)NODEV;
	ki->p_jobc = (int16_t)p->p_pgrp->pg_jobc;
	ki->p_eflag = sess->s_leader == p ? EPROC_SLEADER : 0;
	ki->p_uid = kauth_cred_geteuid(cred);
	ki->p_ruid = kauth_cred_getuid(cred);
	ki->p_svuid = kauth_cred_getsvuid(cred);
	ki->p_gid = kauth_cred_getegid(cred);
	ki->p_rgid = kauth_cred_getgid(cred);
	ki->p_svgid = kauth_cred_getsvgid(cred);
	ki->p_ngroups = (int16_t)MIN(kauth_cred_ngroups(cred),
	    __arraycount(ki->p_groups));
	for (i = 0; i < (u_int)ki->p_ngroups; i++)
		ki->p_groups[i] = kauth_cred_group(cred, i);
	strlcpy(ki->p_comm, p->p_comm, sizeof(ki->p_comm));
	strlcpy(ki->p_ename, p->p_emul->e_name, sizeof(ki->p_ename));
	strlcpy(ki->p_login, sess->s_login, sizeof(ki->p_login));
}

/* What it has used. */
static void
kproc2_usage(const struct proc *p, struct kinfo_proc2 *ki)
{
	const struct rusage *ru = &p->p_stats->p_ru;

	ki->p_uvalid = 1;
	ki->p_ustart_sec = (uint32_t)p->p_stats->p_start.tv_sec;
	ki->p_ustart_usec = (uint32_t)p->p_stats->p_start.tv_usec;
	ki->p_uru_minflt = (uint64_t)ru->ru_minflt;
	ki->p_uru_majflt = (uint64_t)ru->ru_majflt;
	ki->p_uru_inblock = (uint64_t)ru->ru_inblock;
	ki->p_uru_oublock = (uint64_t)ru->ru_oublock;
	ki->p_uru_nvcsw = (uint64_t)ru->ru_nvcsw;
	ki->p_uru_nivcsw = (uint64_t)ru->ru_nivcsw;
}

/*
 * All about a process; *KI is zeroes, and proc_lock and p_lock are held.
 * Addresses are never told, so ALLOWADDR changes nothing.
 */
void
fill_kproc2(struct proc *p, struct kinfo_proc2 *ki, bool zombie,
    bool allowaddr)
{

	(void)allowaddr;
	KASSERT(mutex_owned(p->p_lock));
	kproc2_identity(p, ki);
	if (!zombie)
		kproc2_usage(p, ki);
	ki->p_flag = p->p_flag | L_INMEM;
	ki->p_realflag = (uint64_t)p->p_flag;
	ki->p_realstat = (uint64_t)p->p_stat;
	ki->p_stat = zombie ? SZOMB : LSSLEEP;
	ki->p_nice = p->p_nice;
	ki->p_nlwps = (uint64_t)p->p_nlwps;
	ki->p_nrlwps = (uint64_t)p->p_nrlwps;
	ki->p_exitsig = p->p_exitsig;
	ki->p_xstat = p->p_xsig;
	ki->p_acflag = p->p_acflag;
}

/*
 * The arguments of a process, for a function that is given them in pieces: its
 * name is all that it was called by.  *LIMIT is how much is wanted at most.
 */
int
copy_procargs(struct proc *p, int what, size_t *limit,
    int (*give)(void *, const void *, size_t, size_t), void *arg)
{
	int count = what == KERN_PROC_NARGV ? 1 : 0;
	size_t len;

	switch (what) {
	case KERN_PROC_NARGV:
	case KERN_PROC_NENV:
		*limit = sizeof(count);
		return (*give)(arg, &count, 0, sizeof(count));
	case KERN_PROC_ENV:
		*limit = 0;
		return 0;
	case KERN_PROC_ARGV:
		len = MIN(strlen(p->p_comm) + 1, *limit);
		*limit = len;
		return (*give)(arg, p->p_comm, 0, len);
	default:
		return EINVAL;
	}
}

/* No program was executed that could have been given one. */
int
proc_getauxv(struct proc *p, void **buf, size_t *len)
{
	(void)p;
	*buf = NULL;
	*len = 0;
	return EFAULT;
}

/* Does all that a process can see lie below the caller's root? */
int
proc_isunder(struct proc *p, struct lwp *l)
{
	struct vnode *root = p->p_cwdi->cwdi_rdir;
	struct vnode *mine = l->l_proc->p_cwdi->cwdi_rdir;

	if (mine == NULL)
		return 1;
	return root != NULL && vn_isunder(root, mine, l);
}

int
proc_vmspace_getref(struct proc *p, struct vmspace **vm)
{

	if (p->p_stat != SACTIVE || p->p_vmspace->vm_refcnt < 1)
		return EFAULT;
	p->p_vmspace->vm_refcnt++;
	*vm = p->p_vmspace;
	return 0;
}

int
process_validregs(struct lwp *l)
{
	(void)l;
	return 0;
}

int
process_validfpregs(struct lwp *l)
{
	(void)l;
	return 0;
}

int
process_doregs(struct lwp *curl, struct lwp *l, struct uio *uio)
{
	(void)curl, (void)l, (void)uio;
	return EINVAL;
}

int
process_dofpregs(struct lwp *curl, struct lwp *l, struct uio *uio)
{
	(void)curl, (void)l, (void)uio;
	return EINVAL;
}

/* It is the host's memory, and not to be had through a file system. */
int
process_domem(struct lwp *curl, struct lwp *l, struct uio *uio)
{
	(void)curl, (void)l;
	return uio->uio_resid == 0 ? 0 : EPERM;
}
