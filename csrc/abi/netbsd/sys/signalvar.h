/* SPDX-License-Identifier: BSD-2-Clause */

/* Pending signals of processes and lwps. */
#ifndef _SYS_SIGNALVAR_H_
#define	_SYS_SIGNALVAR_H_

#include <sys/queue.h>
#include <sys/signal.h>

struct ksiginfo;
struct lwp;
struct proc;
TAILQ_HEAD(ksiginfoq, ksiginfo);
typedef struct ksiginfoq ksiginfoq_t;

typedef struct sigpend {
	ksiginfoq_t sp_info;
	sigset_t sp_set;
} sigpend_t;

/* What a process does with its signals; here it can only ignore them. */
struct sigctx {
	uint64_t _ps_info[14];
	sigset_t ps_sigignore;
	sigset_t ps_sigcatch;
	sigset_t ps_sigpass;
};

void	psignal(struct proc *, int);
int	sigismasked(struct lwp *, int);
int	sigispending(struct lwp *, int);
void	sigpending1(struct lwp *, sigset_t *);
int	sigprocmask1(struct lwp *, int, const sigset_t *, sigset_t *);
void	sigclearall(struct proc *, const sigset_t *, ksiginfoq_t *);
void	ksiginfo_queue_drain0(ksiginfoq_t *);

#endif /* !_SYS_SIGNALVAR_H_ */
