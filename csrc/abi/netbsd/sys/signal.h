/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Signal numbers and sets.  No context here ever runs user code, so signals
 * only mark a context as interrupted.
 */
#ifndef _SYS_SIGNAL_H_
#define	_SYS_SIGNAL_H_

#include <sys/types.h>

#define	_NSIG		64
#define	NSIG		_NSIG
#define	SIGHUP		1
#define	SIGINT		2
#define	SIGQUIT		3
#define	SIGILL		4
#define	SIGTRAP		5
#define	SIGABRT		6
#define	SIGEMT		7
#define	SIGFPE		8
#define	SIGKILL		9
#define	SIGBUS		10
#define	SIGSEGV		11
#define	SIGSYS		12
#define	SIGPIPE		13
#define	SIGALRM		14
#define	SIGTERM		15
#define	SIGURG		16
#define	SIGSTOP		17
#define	SIGTSTP		18
#define	SIGCONT		19
#define	SIGCHLD		20
#define	SIGTTIN		21
#define	SIGTTOU		22
#define	SIGIO		23
#define	SIGXCPU		24
#define	SIGXFSZ		25
#define	SIGVTALRM	26
#define	SIGPROF		27
#define	SIGWINCH	28
#define	SIGINFO		29
#define	SIGUSR1		30
#define	SIGUSR2		31
#define	SIGPWR		32

#define	SIG_BLOCK	1
#define	SIG_UNBLOCK	2
#define	SIG_SETMASK	3

typedef struct {
	uint32_t __bits[4];
} sigset_t;

#define	__sigword(n)	(((n) - 1) >> 5)
#define	__sigmask(n)	(1U << (((n) - 1) & 31))
#define	sigaddset(s, n)	((s)->__bits[__sigword(n)] |= __sigmask(n))
#define	sigdelset(s, n)	((s)->__bits[__sigword(n)] &= ~__sigmask(n))
#define	sigismember(s, n) \
	(((s)->__bits[__sigword(n)] & __sigmask(n)) != 0)
#define	sigemptyset(s)	__builtin_memset((s), 0, sizeof(*(s)))
#define	sigfillset(s)	__builtin_memset((s), 0xff, sizeof(*(s)))

typedef union sigval {
	int	sival_int;
	void	*sival_ptr;
} sigval_t;

typedef struct sigaltstack {
	void	*ss_sp;
	size_t	ss_size;
	int	ss_flags;
} stack_t;

#endif /* !_SYS_SIGNAL_H_ */
