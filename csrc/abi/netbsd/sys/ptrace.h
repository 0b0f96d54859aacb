/* SPDX-License-Identifier: BSD-2-Clause */

/* What ptrace(2) and procfs have in common: a process's registers and memory. */
#ifndef _SYS_PTRACE_H_
#define	_SYS_PTRACE_H_

#include <sys/types.h>

struct lwp;
struct uio;

#ifdef _KERNEL
int	process_doregs(struct lwp *, struct lwp *, struct uio *);
int	process_validregs(struct lwp *);
int	process_dofpregs(struct lwp *, struct lwp *, struct uio *);
int	process_validfpregs(struct lwp *);
int	process_domem(struct lwp *, struct lwp *, struct uio *);
#endif

#endif /* !_SYS_PTRACE_H_ */
