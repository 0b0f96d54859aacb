/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Light-weight processes: the kernel's contexts.  Members lie where NetBSD
 * has them; those not in NetBSD sit behind the public part.
 */
#ifndef _SYS_LWP_H_
#define	_SYS_LWP_H_

#include <abi/versions.h>
#include <sys/callout.h>
#include <sys/condvar.h>
#include <sys/mutex.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/signalvar.h>
#include <sys/specificdata.h>
#include <sys/time.h>
#include <machine/proc.h>
#include <machine/cpu.h>

struct filedesc;
struct fstrans_lwp_info;
struct selinfo;
struct sysent;

struct lwp {
	/* Scheduling and overall state. */
	struct	cpu_info *volatile l_cpu;
	kmutex_t *volatile l_mutex;
	struct	turnstile *l_ts;
	int	l_stat;
	int	l__reserved;
	TAILQ_ENTRY(lwp) l_runq;
	union {
		void	*info;
		u_int	timeslice;
	} l_sched;
	void	*l_addr;
	struct	mdlwp l_md;
	struct	bintime l_rtime;
	struct	bintime l_stime;
	int	l_flag;
	u_int	l_swtime;
	u_int	l_rticks;
	u_int	l_rticksum;
	u_int	l_slpticks;
	u_int	l_slpticksum;
	NETBSD_LWP_CLASS
	pri_t	l_priority;
	pri_t	l_inheritedprio;
	pri_t	l_protectprio;
	pri_t	l_auxprio;
	int	l_protectdepth;
	u_int	l_cpticks;
	psetid_t l_psid;
	fixpt_t	l_pctcpu;
	fixpt_t	l_estcpu;
	NETBSD_LWP_SWITCHES
	SLIST_HEAD(, turnstile) l_pi_lenders;
	struct	cpu_info *l_target_cpu;
	struct	lwpctl *l_lwpctl;
	struct	lcpage *l_lcpage;
	void	*l_affinity;

	/* Synchronisation. */
	struct	syncobj *l_syncobj;
	LIST_ENTRY(lwp) l_sleepchain;
	wchan_t	l_wchan;
	const char *l_wmesg;
	struct	sleepq *l_sleepq;
	callout_t l_timeout_ch;
	kcondvar_t l_waitcv;
	u_int	l_slptime;
	bool	l_vforkwaiting;
	uintptr_t l_robust_head;
	uint32_t l___rsvd1;

	/* Identity and process. */
	lwpid_t	l_lid;
	LIST_ENTRY(lwp) l_list;
	void	*l_ctxlink;
	struct	proc *l_proc;
	LIST_ENTRY(lwp) l_sibling;
	char	*l_name;
	lwpid_t	l_waiter;
	lwpid_t	l_waitingfor;
	int	l_prflag;
	u_int	l_refcnt;

	/* Select and poll. */
	int	l_selflag;
	int	l_selret;
	SLIST_HEAD(, selinfo) l_selwait;
	uintptr_t l_selrec;
	struct	selcluster *l_selcluster;
	void	*l_selbits;
	size_t	l_selni;

	/* Signals. */
	int	l_sigrestore;
	sigset_t l_sigwaitset;
	kcondvar_t l_sigcv;
	struct	ksiginfo *l_sigwaited;
	sigpend_t *l_sigpendset;
	LIST_ENTRY(lwp) l_sigwaiter;
	stack_t	l_sigstk;
	sigset_t l_sigmask;
	sigpend_t l_sigpend;
	sigset_t l_sigoldmask;

	/* Private data. */
	specificdata_reference l_specdataref;
	struct	timespec l_ktrcsw;
	void	*l_private;
	struct	lwp *l_switchto;
	struct	kauth_cred *l_cred;
	struct	filedesc *l_fd;
	void	*l_emuldata;
	struct	fstrans_lwp_info *l_fstrans;
	u_short	l_shlocks;
	u_short	l_exlocks;
	u_short	l_psrefs;
	u_short	l_blcnt;
	volatile int l_nopreempt;
	volatile u_int l_dopreempt;
	int	l_pflag;
	int	l_dupfd;
	const struct sysent *volatile l_sysent;
	struct	rusage l_ru;
	uint64_t l_pfailtime;
	uintptr_t l_pfailaddr;
	uintptr_t l_pfaillock;
	TAILQ_HEAD(, lockdebug) l_ld_locks;
	volatile void *l_ld_wanted;
	uintptr_t l_rwcallsite;
	int	l_tcgen;
	uint32_t l_syscall_time;
	uint64_t *l_syscall_counter;
	struct	kdtrace_thread *l_dtrace;
};

LIST_HEAD(lwplist, lwp);

#define	LW_IDLE		0x00000001
#define	LW_LWPCTL	0x00000002
#define	LW_STIMO	0x00000040
#define	LW_SINTR	0x00000080
#define	LW_CATCHINTR	0x00000100
#define	LW_SYSTEM	0x00000200
#define	LW_DBGSUSPEND	0x00010000
#define	LW_WSUSPEND	0x00020000
#define	LW_WCORE	0x00080000
#define	LW_WEXIT	0x00100000
#define	LW_PENDSIG	0x01000000
#define	LW_CANCELLED	0x02000000
#define	LW_WREBOOT	0x08000000
#define	LW_UNPARKED	0x10000000

#define	LP_MPSAFE	0x00000020
#define	LP_INTR		0x00000040
#define	LP_SYSCTLWRITE	0x00000080
#define	LP_MUSTJOIN	0x00000100
#define	LP_RUNNING	0x20000000
#define	LP_BOUND	0x80000000U

#define	LPR_DETACHED	0x00800000
#define	LPR_CRMOD	0x00000100

#define	LSIDL		1
#define	LSRUN		2
#define	LSSLEEP		3
#define	LSSTOP		4
#define	LSZOMB		5
#define	LSONPROC	7
#define	LSSUSPENDED	8

#define	LWP_DETACHED	0x00000040
#define	LWP_SUSPENDED	0x00000080

extern lwp_t lwp0;
extern struct lwplist alllwp;

void	lwp_addref(lwp_t *);
void	lwp_delref(lwp_t *);
void	lwp_lock(lwp_t *);
void	lwp_unlock(lwp_t *);

#endif /* !_SYS_LWP_H_ */
