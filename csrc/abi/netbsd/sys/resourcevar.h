/* SPDX-License-Identifier: BSD-2-Clause */

/* Per-process statistics and limits. */
#ifndef _SYS_RESOURCEVAR_H_
#define	_SYS_RESOURCEVAR_H_

#include <sys/mutex.h>
#include <sys/resource.h>

struct uprof {
	char	*pr_base;
	size_t	pr_size;
	u_long	pr_off;
	u_int	pr_scale;
	u_long	pr_addr;
	u_long	pr_ticks;
};

struct pstats {
	struct	rusage p_ru;
	struct	rusage p_cru;
	struct	itimerspec p_timer[3];
	struct	uprof p_prof;
	struct	timeval p_start;
};

/* Shared copy-on-write between processes; pl_refcnt counts them. */
struct plimit {
	struct	rlimit pl_rlimit[RLIM_NLIMITS];
	char	*pl_corename;
	size_t	pl_cnlen;
	u_int	pl_refcnt;
	bool	pl_writeable;
	kmutex_t pl_lock;
	struct	plimit *pl_sv_limit;
};

struct proc;
struct lwp;

void	calcru(struct proc *, struct timeval *, struct timeval *,
	    struct timeval *, struct timeval *);
struct plimit *lim_copy(struct plimit *);
void	lim_addref(struct plimit *);
void	lim_free(struct plimit *);
void	lim_privatise(struct proc *);

#endif /* !_SYS_RESOURCEVAR_H_ */
