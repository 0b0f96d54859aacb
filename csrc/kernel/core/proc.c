/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Processes: who asks.  A process has credentials, descriptors, directories
 * and limits, but neither memory of its own nor threads: a door lends it to
 * the context that runs the call.  One lwp that never runs stands for it in
 * its list, where modules look for one; only proc0 has a real one there.
 *
 * proc0 is the kernel's own; the initial process is the one that callers get
 * who name none.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/fcntl.h>
#include <sys/filedesc.h>
#include <sys/kauth.h>
#include <sys/kernel.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/pool.h>
#include <sys/proc.h>
#include <sys/resourcevar.h>
#include <sys/syscallargs.h>
#include <sys/syscallvar.h>

#include <uvm/uvm_map.h>

#include <rumpy/doors.h>

#include "core/lwp_impl.h"
#include "core/proc_impl.h"

struct	proc proc0;
struct	proclist allproc = LIST_HEAD_INITIALIZER(allproc);
struct	proc *initproc;
kmutex_t proc_lock;
u_int	nprocs;
int	maxproc = 4096;

struct emul emul_netbsd = {
	.e_name = "netbsd",
	.e_sysent = sysent,
	.e_syscallnames = syscallnames,
};

static kmutex_t proc_lwp_lock;		/* of all lwps that never run */
static struct session session0;
static struct pgrp pgrp0;
static struct pstats pstats0;
static pid_t last_pid;

void
procinit(void)
{
	mutex_init(&proc_lock, MUTEX_DEFAULT, IPL_NONE);
	mutex_init(&proc_lwp_lock, MUTEX_SPIN, IPL_HIGH);
}

static void
proc_set_lwp(struct proc *p, struct lwp *l)
{

	l->l_mutex = &proc_lwp_lock;
	LIST_INSERT_HEAD(&p->p_lwps, l, l_sibling);
	p->p_nlwps = 1;
}

static void
proc_make_lwp(struct proc *p)
{
	struct lwp *l = kmem_zalloc(sizeof(*l), KM_SLEEP);

	l->l_proc = p;
	l->l_lid = p->p_pid;
	l->l_stat = LSSLEEP;
	l->l_refcnt = 1;
	l->l_cpu = curcpu();
	l->l_name = p->p_comm;
	proc_set_lwp(p, l);
}

static void
proc_free_lwp(struct proc *p)
{
	struct lwp *l = LIST_FIRST(&p->p_lwps);

	KASSERT(l->l_refcnt == 1);
	LIST_REMOVE(l, l_sibling);
	kmem_free(l, sizeof(*l));
}

/* What every process has, apart from what it inherits. */
static void
proc_setup(struct proc *p, pid_t pid, struct proc *parent)
{
	p->p_lock = mutex_obj_alloc(MUTEX_DEFAULT, IPL_NONE);
	cv_init(&p->p_waitcv, "wait");
	cv_init(&p->p_lwpcv, "lwpwait");
	mutex_init(&p->p_auxlock, MUTEX_DEFAULT, IPL_NONE);
	mutex_init(&p->p_stmutex, MUTEX_SPIN, IPL_HIGH);
	rw_init(&p->p_reflock);
	LIST_INIT(&p->p_children);
	LIST_INIT(&p->p_lwps);
	p->p_pid = pid;
	p->p_pptr = parent;
	p->p_ppid = parent != NULL ? parent->p_pid : 0;
	p->p_stat = SACTIVE;
	p->p_emul = &emul_netbsd;
	p->p_pgrp = &pgrp0;
	p->p_nice = NZERO;
	siginit(p);
	LIST_INSERT_HEAD(&allproc, p, p_list);
	LIST_INSERT_HEAD(&pgrp0.pg_members, p, p_pglist);
	if (parent != NULL)
		LIST_INSERT_HEAD(&parent->p_children, p, p_sibling);
	nprocs++;
}

/* The kernel's own process; its directories come when there is a root. */
void
proc0_init(void)
{
	struct proc *p = &proc0;

	session0.s_count = 1;
	session0.s_sid = 0;
	session0.s_leader = p;
	pgrp0.pg_session = &session0;
	LIST_INIT(&pgrp0.pg_members);
	proc_setup(p, 0, NULL);
	p->p_flag = PK_SYSTEM;
	p->p_vmspace = &vmspace0;
	p->p_cred = kauth_cred_alloc();
	p->p_limit = &limit0;
	p->p_stats = &pstats0;
	strlcpy(p->p_comm, "system", sizeof(p->p_comm));
	microtime(&p->p_stats->p_start);
	p->p_fd = fd_init(&filedesc0);
	p->p_cwdi = &cwdi0;
	proc_set_lwp(p, &lwp0_impl.li_lwp);
	lwp_proc0_ready();
}

static pid_t
pid_allocate(void)
{
	pid_t pid = last_pid;

	do {
		if (++pid > PID_MAX)
			pid = 2;
	} while (proc_find(pid) != NULL);
	last_pid = pid;
	return pid;
}

/*
 * A process that inherits its parent's credentials, limits and directories,
 * and its descriptors if COPYFD.
 */
struct proc *
proc_create(struct proc *parent, bool copyfd)
{
	struct proc *p, *self = curproc;

	p = kmem_zalloc(sizeof(*p), KM_SLEEP);
	proc_setup(p, pid_allocate(), parent);
	p->p_vmspace = &vmspace_host;
	p->p_cred = parent->p_cred;
	kauth_cred_hold(p->p_cred);
	p->p_limit = parent->p_limit;
	lim_addref(p->p_limit);
	p->p_stats = kmem_zalloc(sizeof(*p->p_stats), KM_SLEEP);
	microtime(&p->p_stats->p_start);
	strlcpy(p->p_comm, "rumpy", sizeof(p->p_comm));
	proc_make_lwp(p);

	/* These two copy what the current process has. */
	lwp_setproc(CUR_IMPL, parent);
	p->p_cwdi = cwdinit();
	p->p_fd = copyfd ? fd_copy() : fd_init(NULL);
	lwp_setproc(CUR_IMPL, self);
	return p;
}

/* Descriptors 0, 1 and 2. */
int
proc_open_console(struct proc *p)
{
	struct sys_dup2_args uap = { .from.le.datum = 0 };
	struct proc *self = curproc;
	register_t retval[2];
	int error, fd, i;

	lwp_setproc(CUR_IMPL, p);
	error = fd_open("/dev/console", O_RDWR, 0, &fd);
	KASSERT(error != 0 || fd == 0);
	for (i = 1; error == 0 && i <= 2; i++) {
		uap.to.le.datum = i;
		error = sys_dup2(&CUR_IMPL->li_lwp, &uap, retval);
	}
	lwp_setproc(CUR_IMPL, self);
	return error;
}

/* The process's credentials from now on; consumes the reference. */
void
proc_setcred(struct proc *p, kauth_cred_t cred)
{
	kauth_cred_t old = p->p_cred;

	p->p_cred = cred;
	if (curproc == p)
		lwp_setproc(CUR_IMPL, p);
	kauth_cred_free(old);
}

/* Is anybody but the caller in the kernel for this process? */
static bool
proc_is_busy(const struct proc *p)
{
	const struct lwp *l;

	LIST_FOREACH(l, &alllwp, l_list)
		if (l->l_proc == p && l->l_stat != LSIDL &&
		    l != &CUR_IMPL->li_lwp)
			return true;
	return false;
}

static void
proc_destroy(struct proc *p)
{
	struct proc *self = curproc, *child;

	doexithooks(p);
	/* Who reads about the process has locked it. */
	rw_enter(&p->p_reflock, RW_WRITER);
	p->p_stat = SDYING;
	lwp_setproc(CUR_IMPL, p);
	fd_free();
	cwdfree(p->p_cwdi);
	p->p_fd = NULL;
	p->p_cwdi = NULL;
	lwp_setproc(CUR_IMPL, self != p ? self : initproc);
	lwp_forget_proc(p);

	while ((child = LIST_FIRST(&p->p_children)) != NULL) {
		LIST_REMOVE(child, p_sibling);
		LIST_INSERT_HEAD(&initproc->p_children, child, p_sibling);
		child->p_pptr = initproc;
		child->p_ppid = initproc->p_pid;
	}
	LIST_REMOVE(p, p_list);
	LIST_REMOVE(p, p_pglist);
	LIST_REMOVE(p, p_sibling);
	nprocs--;
	rw_exit(&p->p_reflock);
	proc_free_lwp(p);
	lim_free(p->p_limit);
	kauth_cred_free(p->p_cred);
	kmem_free(p->p_stats, sizeof(*p->p_stats));
	cv_destroy(&p->p_waitcv);
	cv_destroy(&p->p_lwpcv);
	mutex_destroy(&p->p_auxlock);
	mutex_destroy(&p->p_stmutex);
	rw_destroy(&p->p_reflock);
	mutex_obj_free(p->p_lock);
	kmem_free(p, sizeof(*p));
}

/* The process of a handle, if there is one. */
static struct proc *
proc_of_handle(uint64_t handle)
{
	struct proc *p;

	LIST_FOREACH(p, &allproc, p_list)
		if ((uint64_t)p == handle && p->p_stat == SACTIVE)
			return p;
	return NULL;
}

int
kern_proc_create(struct door_proc *d)
{
	struct proc *parent = initproc, *p;
	kauth_cred_t cred;
	int error;

	if (d->ngroups < 0 || d->ngroups > NGROUPS)
		return EINVAL;
	if (d->parent != 0 && (parent = proc_of_handle(d->parent)) == NULL)
		return ESRCH;
	if (nprocs >= (u_int)maxproc)
		return EAGAIN;
	cred = kauth_cred_alloc();
	kauth_cred_setuid(cred, d->uid);
	kauth_cred_seteuid(cred, d->uid);
	kauth_cred_setsvuid(cred, d->uid);
	kauth_cred_setgid(cred, d->gid);
	kauth_cred_setegid(cred, d->gid);
	kauth_cred_setsvgid(cred, d->gid);
	error = kauth_cred_setgroups(cred, d->groups, (size_t)d->ngroups,
	    (uid_t)-1, UIO_SYSSPACE);
	if (error != 0) {
		kauth_cred_free(cred);
		return error;
	}
	p = proc_create(parent, d->parent != 0);
	if (d->parent == 0 && (error = proc_open_console(p)) != 0) {
		kauth_cred_free(cred);
		proc_destroy(p);
		return error;
	}
	proc_setcred(p, cred);
	d->handle = (uint64_t)p;
	return 0;
}

int
kern_proc_exit(struct door_proc *d)
{
	struct proc *p = proc_of_handle(d->handle);

	if (p == NULL || p == &proc0 || p == initproc)
		return ESRCH;
	if (proc_is_busy(p))
		return EBUSY;
	proc_destroy(p);
	return 0;
}

proc_t *
proc_find(pid_t pid)
{
	struct proc *p;

	LIST_FOREACH(p, &allproc, p_list)
		if (p->p_pid == pid)
			return p;
	return NULL;
}

/* The process that an lwp stands for, or that a context works for. */
proc_t *
proc_find_lwpid(pid_t pid)
{
	proc_t *p = proc_find(pid);
	struct lwp *l;

	if (p != NULL)
		return p;
	LIST_FOREACH(l, &alllwp, l_list)
		if (l->l_lid == pid)
			return l->l_proc;
	return NULL;
}

/*
 * Call a function for each process until one answers other than 0.  It is
 * called with proc_lock held and may release it; a marker keeps the place.
 */
int
proclist_foreach_call(struct proclist *list,
    int (*func)(struct proc *, void *), void *arg)
{
	struct proc *marker, *p;
	int error = 0;

	marker = kmem_zalloc(sizeof(*marker), KM_SLEEP);
	marker->p_flag = PK_MARKER;
	marker->p_pid = -1;
	mutex_enter(&proc_lock);
	for (p = LIST_FIRST(list); p != NULL && error == 0;) {
		if ((p->p_flag & PK_MARKER) != 0) {
			p = LIST_NEXT(p, p_list);
			continue;
		}
		LIST_INSERT_AFTER(p, marker, p_list);
		error = (*func)(p, arg);
		KASSERT(mutex_owned(&proc_lock));
		p = LIST_NEXT(marker, p_list);
		LIST_REMOVE(marker, p_list);
	}
	mutex_exit(&proc_lock);
	kmem_free(marker, sizeof(*marker));
	return error;
}

/*
 * 0 if the target is the asker's: the same real and saved user, and no group
 * that it has by a set-group-id program or that the asker is not in.
 */
int
proc_uidmatch(kauth_cred_t cred, kauth_cred_t target)
{
	const uid_t uid = kauth_cred_getuid(cred);
	const gid_t gid = kauth_cred_getgid(target);
	int member;

	if (kauth_cred_getuid(target) != uid ||
	    kauth_cred_getsvuid(target) != uid ||
	    kauth_cred_getsvgid(target) != gid)
		return EPERM;
	if (kauth_cred_ismember_gid(cred, gid, &member) != 0 || !member)
		return EPERM;
	return 0;
}
