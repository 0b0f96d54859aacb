/* SPDX-License-Identifier: BSD-2-Clause */

/* Machine-dependent parts of processes and lwps. */
#ifndef _MACHINE_PROC_H_
#define	_MACHINE_PROC_H_

#include <machine/types.h>

struct mdlwp {
	volatile uint64_t md_tsc;
	struct	trapframe *md_regs;
	int	md_flags;
	volatile int md_astpending;
};

struct lwp;
struct trapframe;

struct mdproc {
	int	md_flags;
	void	(*md_syscall)(struct trapframe *);
};

#endif /* !_MACHINE_PROC_H_ */
