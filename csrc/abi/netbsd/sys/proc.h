/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Processes: who asks, with which descriptors, directories and credentials.
 * Members lie where NetBSD 10 has them.
 */
#ifndef _SYS_PROC_H_
#define	_SYS_PROC_H_

#include <abi/versions.h>
#include <sys/param.h>
#include <sys/lwp.h>
#include <sys/mutex.h>
#include <sys/rwlock.h>
#include <sys/queue.h>
#include <sys/resourcevar.h>
#include <sys/ucred.h>

struct cwdinfo;
struct emul;
struct execsw;
struct filedesc;
struct knote;
struct plimit;
struct proc;
struct pstats;
struct tty;
struct vmspace;
struct vnode;

LIST_HEAD(proclist, proc);

struct session {
	int	s_count;
	u_int	s_flags;
	struct	proc *s_leader;
	struct	vnode *s_ttyvp;
	struct	tty *s_ttyp;
	char	s_login[16];
	pid_t	s_sid;
};

struct pgrp {
	LIST_HEAD(, proc) pg_members;
	struct	session *pg_session;
	pid_t	pg_id;
	int	pg_jobc;
};

struct emul {
	const char *e_name;
	const char *e_path;
	struct	sysent *e_sysent;
	const uint32_t *e_nomodbits;
	const char * const *e_syscallnames;
	void	*_e_opaque[20];
};

struct proc {
	LIST_ENTRY(proc) p_list;
	kmutex_t *p_lock;
	kcondvar_t p_waitcv;
	kcondvar_t p_lwpcv;

	/* Substructures. */
	struct	kauth_cred *p_cred;
	struct	filedesc *p_fd;
	struct	cwdinfo *p_cwdi;
	struct	pstats *p_stats;
	struct	plimit *p_limit;
	struct	vmspace *p_vmspace;
	struct	sigacts *p_sigacts;
	struct	aioproc *p_aio;
	u_int	p_mqueue_cnt;
	specificdata_reference p_specdataref;

	int	p_exitsig;
	int	p_flag;
	int	p_sflag;
	NETBSD_PROC_FLAGS
	pid_t	p_pid;

	LIST_ENTRY(proc) p_pglist;
	struct	proc *p_pptr;
	LIST_ENTRY(proc) p_sibling;
	LIST_HEAD(, proc) p_children;
	LIST_HEAD(, lwp) p_lwps;
	struct	ras *p_raslist;
	int	p_nlwps;
	int	p_nzlwps;
	int	p_nrlwps;
	int	p_nlwpwait;
	int	p_ndlwps;
	u_int	p_nstopchild;
	u_int	p_waited;
	struct	lwp *p_zomblwp;
	struct	lwp *p_vforklwp;

	/* Scheduling and times. */
	void	*p_sched_info;
	fixpt_t	p_estcpu;
	fixpt_t	p_estcpu_inherited;
	unsigned int p_forktime;
	fixpt_t	p_pctcpu;
	struct	proc *p_opptr;
	struct	ptimers *p_timers;
	struct	bintime p_rtime;
	u_quad_t p_uticks;
	u_quad_t p_sticks;
	u_quad_t p_iticks;
	uint64_t p_xutime;
	uint64_t p_xstime;
	int	p_traceflag;
	void	*p_tracep;
	struct	vnode *p_textvp;
	struct	emul *p_emul;
	void	*p_emuldata;
	const struct execsw *p_execsw;
	SLIST_HEAD(, knote) p_klist;
	LIST_HEAD(, lwp) p_sigwaiters;
	sigpend_t p_sigpend;
	struct	lcproc *p_lwpctl;
	pid_t	p_ppid;
	pid_t	p_oppid;
	char	*p_path;

	/* Copied at fork. */
	struct	sigctx p_sigctx;
	u_char	p_nice;
	char	p_comm[MAXCOMLEN + 1];
	struct	pgrp *p_pgrp;
	vaddr_t	p_psstrp;
	u_int	p_pax;
	int	p_xexit;
	u_short	p_xsig;
	u_short	p_acflag;
	struct	mdproc p_md;
	vaddr_t	p_stackbase;
	struct	kdtrace_proc *p_dtrace;
	kmutex_t p_auxlock __aligned(COHERENCY_UNIT);
	kmutex_t p_stmutex;
	krwlock_t p_reflock;
};

#define	SIDL		1
#define	SACTIVE		2
#define	SDYING		3
#define	SSTOP		4
#define	SZOMB		5
#define	SDEAD		6

#define	PK_ADVLOCK	0x00000001
#define	PK_SYSTEM	0x00000002
#define	PK_SUGID	0x00000100
#define	PK_KMEM		0x00000200
#define	PK_EXEC		0x00004000
#define	PK_NOCLDWAIT	0x00020000
#define	PK_32		0x00040000
#define	PK_MARKER	0x80000000U

#define	PS_WEXIT	0x00002000

#define	PL_CONTROLT	NETBSD_PL_CONTROLT

#define	PID_MAX		30000
#define	NO_PGID		((pid_t)-1)

#define	FORK_PPWAIT	0x0001
#define	FORK_SHAREVM	0x0002
#define	FORK_SHARECWD	0x0004
#define	FORK_SHAREFILES	0x0008
#define	FORK_CLEANFILES	0x0040
#define	FORK_SYSTEM	0x0080

#define	curproc		(curlwp->l_proc)
#define	PROCLIST_FOREACH(var, head, field) \
	LIST_FOREACH(var, head, field)
#define	LWP_CACHE_CREDS(l, p)	do { } while (0)

extern struct proc proc0;
extern struct proclist allproc;
extern struct proc *initproc;
extern kmutex_t proc_lock;
extern u_int	nprocs;
extern int	maxproc;

proc_t	*proc_find(pid_t);
proc_t	*proc_find_lwpid(pid_t);
int	proclist_foreach_call(struct proclist *,
	    int (*)(struct proc *, void *), void *);
int	proc_uidmatch(kauth_cred_t, kauth_cred_t);
int	proc_isunder(struct proc *, struct lwp *);
int	proc_vmspace_getref(struct proc *, struct vmspace **);
int	proc_getauxv(struct proc *, void **, size_t *);
void	proc_crmod_enter(void);
void	proc_crmod_leave(kauth_cred_t, kauth_cred_t, bool);

int	mtsleep(wchan_t, pri_t, const char *, int, kmutex_t *);
int	tsleep(wchan_t, pri_t, const char *, int);
int	kpause(const char *, bool, int, kmutex_t *);
void	wakeup(wchan_t);
void	yield(void);
void	preempt(void);
void	preempt_point(void);

#endif /* !_SYS_PROC_H_ */
